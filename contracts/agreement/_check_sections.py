"""Faults of an allocation's rules and of the sections of templates without clauses, seen by themselves."""

from collections.abc import Iterator
from itertools import combinations

from contracts.agreement import values
from contracts.agreement.codes import Code
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import (
    SECTIONS,
    Delivery,
    Escrow,
    Guarantee,
    Receivable,
    Rest,
    Rule,
    Share,
    Split,
    TopUp,
)
from contracts.errors import Fault

__all__ = ["ROLES", "section_accounts", "section_faults"]

# `MAX_AMOUNT` of `modules/parties.vy`. One amount of the language is always below it.
MAX_AMOUNT_MINOR = 2**62
# Roles a template needs, each one institution, no two the same.
ROLES: dict[str, tuple[str, ...]] = {
    "disbursement": ("payer",),
    "allocation": ("payer",),
    "split": ("payer",),
    "escrow": ("payer", "payee", "arbiter"),
    "guarantee": ("guarantor", "applicant", "beneficiary", "witness"),
    "delivery-versus-payment": ("buyer", "seller", "witness"),
    "receivable": ("creditor", "debtor", "financier"),
}


def section_accounts(content: Agreement) -> dict[str, str]:
    """Accounts a file names beside `accounts`, by where it names them."""
    found = {f"rules[{i}].to": rule.to for i, rule in enumerate(content.rules)}
    match content.section:
        case Escrow() as escrow:
            found["escrow.payer_account"] = escrow.payer_account
            found["escrow.payee_account"] = escrow.payee_account
        case Guarantee() as guarantee:
            found["guarantee.applicant_account"] = guarantee.applicant_account
            found["guarantee.beneficiary_account"] = guarantee.beneficiary_account
        case Split() as split:
            found |= {f"split.parts[{i}].to": part.to for i, part in enumerate(split.parts)}
            found["split.remainder_to"] = split.remainder_to
            found["split.refund_to"] = split.refund_to
        case Delivery() as delivery:
            found["delivery.buyer_account"] = delivery.buyer_account
            found["delivery.seller_account"] = delivery.seller_account
        case Receivable() as receivable:
            found["receivable.creditor_account"] = receivable.creditor_account
            found["receivable.financier_account"] = receivable.financier_account
            if receivable.debtor_account is not None:
                found["receivable.debtor_account"] = receivable.debtor_account
        case None:
            pass
    return found


def section_faults(content: Agreement) -> Iterator[Fault]:
    """Everything wrong with rules and section that needs no look at the directory."""
    yield from _place_faults(content)
    yield from _role_faults(content)
    yield from _rule_faults(content.rules)
    match content.section:
        case Escrow() as escrow:
            yield from _escrow_faults(content, escrow)
        case Guarantee() as guarantee:
            yield from _guarantee_faults(content, guarantee)
        case Split() as split:
            yield from _split_faults(split)
        case Delivery() as delivery:
            yield from _nothing("delivery.price", delivery.price)
        case Receivable() as receivable:
            yield from _nothing("receivable.face", receivable.face)
        case None:
            pass
    if content.section is not None:
        yield from _repeated_accounts(content)


def _place_faults(content: Agreement) -> Iterator[Fault]:
    """Keys of another template, and the one that is missing."""
    name, template = content.template_name, content.template
    for other, key in SECTIONS.items():
        if other != name and getattr(content, key) is not None:
            yield Fault(
                key, Code.NOT_IN_TEMPLATE, f"{template} has no {key}; remove it or change the template"
            )
    if name in SECTIONS and content.section is None:
        key = SECTIONS[name]
        yield Fault(key, Code.SECTION_MISSING, f"{template} says its terms under {key}; add it")
    if name != "allocation" and content.accounts.funds:
        message = f"{template} does not fund accounts; only an allocation does"
        yield Fault("accounts.funds", Code.NOT_IN_TEMPLATE, message)
    if name != "allocation" and content.rules:
        yield Fault("rules", Code.NOT_IN_TEMPLATE, f"{template} has no rules; only an allocation does")
    if name == "allocation" and not content.accounts.funds and not content.rules:
        message = "list under funds the accounts that may be funded, or say under rules what moves by itself"
        yield Fault("accounts", Code.FUNDS_MISSING, message)


def _role_faults(content: Agreement) -> Iterator[Fault]:
    """Roles the template needs: each one institution, and no two of them the same."""
    roles = ROLES[content.template_name]
    for role in roles:
        if len(content.institutions_of(role)) != 1:
            code = Code.PAYER_MISSING if role == "payer" else Code.PARTY_MISSING
            yield Fault("parties", code, f"name one institution as {role}")
    optional = ("witness",) if content.template_name == "receivable" else ()
    for role in optional:
        if len(content.institutions_of(role)) > 1:
            yield Fault(f"parties.{role}", Code.PARTY_AMBIGUOUS, f"name one institution as {role}, or none")
    for a, b in combinations((*roles, *optional), 2):
        if content.institutions_of(a) and content.institutions_of(a) == content.institutions_of(b):
            if content.template_name == "guarantee" and b == "witness" and a != "beneficiary":
                continue
            message = f"{a} and {b} are the same institution; it would act for both sides"
            yield Fault(f"parties.{b}", Code.PARTY_NOT_APART, message)


def _nothing(where: str, amount: str) -> Iterator[Fault]:
    if values.minor_units(amount) == 0:
        yield Fault(where, Code.AMOUNT_ZERO, "an amount of nothing moves no money; raise it")


def _rule_faults(rules: tuple[Rule, ...]) -> Iterator[Fault]:
    points = 0
    for number, rule in enumerate(rules):
        where = f"rules[{number}]"
        if isinstance(rule, TopUp):
            yield from _nothing(f"{where}.amount", rule.amount)
        elif isinstance(rule, Share):
            points += values.basis_points(rule.share)
            if values.basis_points(rule.share) == 0:
                yield Fault(f"{where}.share", Code.PART_EMPTY, "a share of nothing; raise it")
        elif isinstance(rule, Rest) and number < len(rules) - 1:
            yield Fault(where, Code.REST_NOT_LAST, "the rules after it would get nothing; put it last")
    yield from _whole("rules", points)


def _whole(where: str, points: int) -> Iterator[Fault]:
    if points > values.WHOLE_BASIS_POINTS:
        message = f"the shares add up to {points / 100:.2f}%; 100% is all there is"
        yield Fault(where, Code.SHARES_ABOVE_WHOLE, message)


def _split_faults(split: Split) -> Iterator[Fault]:
    for number, part in enumerate(split.parts):
        where, fee = f"split.parts[{number}]", values.minor_units(part.fee)
        if fee == 0 and values.basis_points(part.share) == 0:
            yield Fault(where, Code.PART_EMPTY, "it gets nothing; give it a fee or a share")
        if part.cap is not None:
            yield from _nothing(f"{where}.cap", part.cap)
            if 0 < values.minor_units(part.cap) < fee:
                yield Fault(f"{where}.cap", Code.CAP_BELOW_FEE, "the cap is below the fee; raise the cap")
    yield from _whole("split.parts", sum(values.basis_points(part.share) for part in split.parts))


def _escrow_faults(content: Agreement, escrow: Escrow) -> Iterator[Fault]:
    names = [milestone.name for milestone in escrow.milestones]
    if sum(values.minor_units(milestone.amount) for milestone in escrow.milestones) > MAX_AMOUNT_MINOR:
        message = f"the milestones add up to more than {values.amount_text(MAX_AMOUNT_MINOR)}; lower them"
        yield Fault("escrow.milestones", Code.AMOUNT_TOO_LARGE, message)
    for number, milestone in enumerate(escrow.milestones):
        where = f"escrow.milestones[{number}]"
        if milestone.name in names[:number]:
            message = f"another milestone is called {milestone.name!r}; give each its own name"
            yield Fault(f"{where}.name", Code.MILESTONE_NAME_REPEATED, message)
        yield from _nothing(f"{where}.amount", milestone.amount)
        if values.unix_seconds(milestone.due) >= values.unix_seconds(escrow.timeout):
            message = f"{milestone.due} is not before the timeout {escrow.timeout}"
            yield Fault(f"{where}.due", Code.TIMES_OUT_OF_ORDER, message)
        if (milestone.evidence is None) != (milestone.by is None):
            message = "write evidence and by, who attests it; or neither, and only the payer releases it"
            yield Fault(where, Code.WITNESS_UNCLEAR, message)
        elif milestone.by and institution_of(content, milestone.by) == institution_of(content, "payee"):
            message = "the payee would attest its own performance; name another institution"
            yield Fault(f"{where}.by", Code.PARTY_NOT_APART, message)


def _guarantee_faults(content: Agreement, guarantee: Guarantee) -> Iterator[Fault]:
    yield from _nothing("guarantee.amount", guarantee.amount)
    if values.unix_seconds(guarantee.issue_by) >= values.unix_seconds(guarantee.expires):
        message = (
            f"it is issued by {guarantee.issue_by}, but expires {guarantee.expires}; nothing could be claimed"
        )
        yield Fault("guarantee.expires", Code.TIMES_OUT_OF_ORDER, message)


def _repeated_accounts(content: Agreement) -> Iterator[Fault]:
    places = {"accounts.pays_from": content.accounts.pays_from, **section_accounts(content)}
    for (_, a), (where, b) in combinations(places.items(), 2):
        if a == b:
            yield Fault(where, Code.ACCOUNT_REPEATED, f"{b} is named twice; money would stay where it is")
