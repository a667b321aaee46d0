"""A file's section as constructor arguments of its template."""

from contracts.agreement import values
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import Delivery, Escrow, Guarantee, Receivable, Rest, Rule, Share, Split
from contracts.arguments import (
    EscrowMilestone,
    Part,
    delivery_arguments,
    escrow_arguments,
    guarantee_arguments,
    receivable_arguments,
    split_arguments,
)
from contracts.ids import name_id
from contracts.terms import Rule as ChainRule
from contracts.terms import RuleMode

__all__ = ["chain_rule", "section_arguments"]


def chain_rule(rule: Rule) -> ChainRule:
    """A rule of an allocation as the tuple `Allocation.vy` takes."""
    if isinstance(rule, Rest):
        return ChainRule(name_id(rule.to), RuleMode.REST)
    if isinstance(rule, Share):
        return ChainRule(name_id(rule.to), RuleMode.SHARE, values.basis_points(rule.share))
    return ChainRule(name_id(rule.to), RuleMode.TOP_UP, values.minor_units(rule.amount))


def section_arguments(content: Agreement) -> bytes:
    """Constructor arguments, ABI-encoded, of a template without clauses. Raises ValueError for no section."""
    account, dye_class = name_id(content.accounts.pays_from), name_id(content.accounts.dye_class)
    match content.section:
        case Escrow() as escrow:
            return _escrow(content, account, dye_class, escrow)
        case Guarantee() as guarantee:
            return _guarantee(content, account, dye_class, guarantee)
        case Split() as split:
            return split_arguments(
                account,
                dye_class,
                parts=[
                    Part(
                        name_id(part.to),
                        values.minor_units(part.fee),
                        values.basis_points(part.share),
                        values.minor_units(part.cap or "0"),
                    )
                    for part in split.parts
                ],
                remainder_to=name_id(split.remainder_to),
                refund_to=name_id(split.refund_to),
            )
        case Delivery() as delivery:
            return delivery_arguments(
                account,
                dye_class,
                buyer=_party(content, "buyer"),
                seller=_party(content, "seller"),
                buyer_account=name_id(delivery.buyer_account),
                seller_account=name_id(delivery.seller_account),
                price_minor=values.minor_units(delivery.price),
                kind=name_id(delivery.document),
                witness=_party(content, "witness"),
                deadline=values.unix_seconds(delivery.deadline),
            )
        case Receivable() as receivable:
            return _receivable(content, account, dye_class, receivable)
        case None:
            raise ValueError(f"{content.agreement} has no section of {content.template}")


def _party(content: Agreement, role: str) -> bytes:
    return name_id(institution_of(content, role))


def _escrow(content: Agreement, account: bytes, dye_class: bytes, escrow: Escrow) -> bytes:
    return escrow_arguments(
        account,
        dye_class,
        payer_account=name_id(escrow.payer_account),
        payee_account=name_id(escrow.payee_account),
        payer=_party(content, "payer"),
        payee=_party(content, "payee"),
        arbiter=_party(content, "arbiter"),
        milestones=[
            EscrowMilestone(
                values.minor_units(milestone.amount),
                values.unix_seconds(milestone.due),
                name_id(milestone.evidence) if milestone.evidence else bytes(32),
                _party(content, milestone.by) if milestone.by else bytes(32),
            )
            for milestone in escrow.milestones
        ],
        timeout=values.unix_seconds(escrow.timeout),
        dispute_timeout_seconds=values.duration_seconds(escrow.dispute_timeout),
    )


def _guarantee(content: Agreement, account: bytes, dye_class: bytes, guarantee: Guarantee) -> bytes:
    return guarantee_arguments(
        account,
        dye_class,
        guarantor=_party(content, "guarantor"),
        applicant=_party(content, "applicant"),
        beneficiary=_party(content, "beneficiary"),
        applicant_account=name_id(guarantee.applicant_account),
        beneficiary_account=name_id(guarantee.beneficiary_account),
        amount_minor=values.minor_units(guarantee.amount),
        expires_at=values.unix_seconds(guarantee.expires),
        evidence_kind=name_id(guarantee.evidence),
        witness=_party(content, "witness"),
        document=bytes.fromhex(guarantee.document[2:]),
        issue_by=values.unix_seconds(guarantee.issue_by),
        claim_grace_seconds=values.duration_seconds(guarantee.claim_grace),
        max_uses=guarantee.max_claims,
    )


def _receivable(content: Agreement, account: bytes, dye_class: bytes, receivable: Receivable) -> bytes:
    debtor_account = receivable.debtor_account
    return receivable_arguments(
        account,
        dye_class,
        creditor=_party(content, "creditor"),
        debtor=_party(content, "debtor"),
        financier=_party(content, "financier"),
        creditor_account=name_id(receivable.creditor_account),
        debtor_account=bytes(32) if debtor_account is None else name_id(debtor_account),
        financier_account=name_id(receivable.financier_account),
        document=bytes.fromhex(receivable.document[2:]),
        kind=name_id(receivable.document_kind),
        face_minor=values.minor_units(receivable.face),
        due_at=values.unix_seconds(receivable.due),
        grace_seconds=values.duration_seconds(receivable.grace),
        witness=_party(content, "witness") if "witness" in content.parties else bytes(32),
    )
