"""Faults of a file against what the directory and the ledger hold."""

from collections.abc import Iterator

from contracts.agreement._check_sections import section_accounts
from contracts.agreement._places import guard_places
from contracts.agreement.codes import Code
from contracts.agreement.directory import AccountFacts, DirectoryFacts, QuorumFacts
from contracts.agreement.guard_models import (
    AgreementBalance,
    AgreementState,
    Approval,
    Blacklist,
    Countersignature,
    Document,
    Evidence,
    Waiting,
)
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.agreement.sections import Escrow
from contracts.errors import Fault
from contracts.terms import InstitutionKind

__all__ = ["account_faults", "account_unknown", "guard_faults", "institution_faults", "party_faults"]

PAYER = "payer"
_PAYER_CONTROLS = frozenset({"disbursement", "allocation", "split"})
# What rests there for others is on no root account: `parties._check_below_root`.
_BELOW_ROOT = frozenset({"escrow", "guarantee", "delivery-versus-payment", "receivable"})
# Accounts that are a party's, drawn on or paid to: the role that must control each.
_CONTROLLED_BY = {
    "escrow.payee_account": "payee",
    "guarantee.beneficiary_account": "beneficiary",
    "delivery.seller_account": "seller",
    "receivable.creditor_account": "creditor",
    "receivable.financier_account": "financier",
    "receivable.debtor_account": "debtor",
}
# States an agreement of a template can come to, beside open.
STATES_OF_TEMPLATE = {
    "disbursement": frozenset[str](),
    "allocation": frozenset[str](),
    "split": frozenset[str](),
    "escrow": frozenset({"released", "expired", "refunded", "disputed"}),
    "guarantee": frozenset({"released", "expired", "refunded"}),
    "delivery-versus-payment": frozenset({"released", "expired", "refunded"}),
    "receivable": frozenset({"released", "expired"}),
}


def party_faults(content: Agreement, facts: DirectoryFacts) -> Iterator[Fault]:
    """Parties the directory does not know, and a payer that cannot act for the account."""
    for role in content.parties:
        for institution in content.institutions_of(role):
            if institution not in facts.institutions:
                message = f"the directory knows no institution {institution!r}"
                yield Fault(f"parties.{role}", Code.PARTY_UNKNOWN, message)
    payer = content.institutions_of(PAYER)
    account = facts.accounts.get(content.accounts.pays_from)
    controls = content.template_name in _PAYER_CONTROLS
    if controls and account and len(payer) == 1 and account.controller != payer[0]:
        message = f"{content.accounts.pays_from} is controlled by {account.controller}, not by {payer[0]}"
        yield Fault(f"parties.{PAYER}", Code.PAYER_NOT_CONTROLLER, message)
    if isinstance(content.section, Escrow):
        for number, milestone in enumerate(content.section.milestones):
            if milestone.by is not None:
                yield from institution_faults(content, facts, f"escrow.milestones[{number}].by", milestone.by)


def account_unknown(name: str) -> str:
    """What to do where the ledger has no such account."""
    return (
        f"the ledger has no account {name!r}; a bank supervises it (account supervise), "
        "or the operator of the account above opens it (account open)"
    )


def account_faults(content: Agreement, facts: DirectoryFacts) -> Iterator[Fault]:
    """Accounts that do not exist, hold another currency, are in another tree or another's."""
    accounts = content.accounts
    funds = {f"accounts.funds[{i}]": name for i, name in enumerate(accounts.funds)}
    source = facts.accounts.get(accounts.pays_from)
    places = {"accounts.pays_from": accounts.pays_from, **funds, **section_accounts(content)}
    for where, name in places.items():
        account = facts.accounts.get(name)
        if account is None:
            yield Fault(where, Code.ACCOUNT_UNKNOWN, account_unknown(name))
            continue
        if account.currency != content.currency:
            message = f"{name} holds {account.currency}, the agreement is in {content.currency}"
            yield Fault(where, Code.CURRENCY_MISMATCH, message)
        if source and account.tree != source.tree:
            message = f"{name} is in the tree {account.tree}, {accounts.pays_from} in {source.tree}"
            yield Fault(where, Code.TREE_MISMATCH, message)
        yield from _controller_faults(content, where, name, account)
    if content.template_name in _BELOW_ROOT and source and source.tree == accounts.pays_from:
        message = f"{accounts.pays_from} is the root account: closed accounts leave money there; name another"
        yield Fault("accounts.pays_from", Code.ACCOUNT_ROOT, message)
    rules = {f"rules[{i}].to": rule.to for i, rule in enumerate(content.rules)}
    for where, name in (*funds.items(), *rules.items()):
        if name == accounts.pays_from:
            yield Fault(where, Code.FUNDS_ITSELF, f"{name} cannot fund itself")
    if len(set(accounts.funds)) < len(accounts.funds):
        yield Fault("accounts.funds", Code.ACCOUNT_REPEATED, "name each account once")
    for where, name in rules.items():
        if name != accounts.pays_from and _is_beside(facts, name, accounts.pays_from):
            message = f"{name} is not below {accounts.pays_from}; rules only fund accounts below"
            yield Fault(where, Code.RULE_NOT_BELOW, message)


def _controller_faults(content: Agreement, where: str, name: str, account: AccountFacts) -> Iterator[Fault]:
    role = _CONTROLLED_BY.get(where)
    if role is None or len(content.institutions_of(role)) != 1:
        return
    wanted = institution_of(content, role)
    if account.controller != wanted:
        message = f"{name} is controlled by {account.controller}; name an account of the {role} {wanted}"
        yield Fault(where, Code.ACCOUNT_OF_ANOTHER, message)


def _is_beside(facts: DirectoryFacts, name: str, above: str) -> bool:
    """Whether the accounts above `name` are all known and `above` is none of them."""
    at = facts.accounts.get(name)
    for _ in facts.accounts:
        if at is None or at.parent is None:
            break
        if at.parent == above:
            return False
        at = facts.accounts.get(at.parent)
    return at is not None and at != facts.accounts.get(name)


def guard_faults(content: Agreement, facts: DirectoryFacts) -> Iterator[Fault]:
    """Quorums, institutions and agreements the guards name."""
    for where, _, guard in guard_places(content):
        match guard:
            case Approval():
                yield from _approval_faults(content, facts, where, guard)
            case Waiting():
                yield from _needed_faults(content, facts, where, guard.quorum, guard.at_least)
            case Evidence():
                yield from _evidence_faults(content, facts, where, guard)
            case Blacklist():
                yield from _listed_faults(content, facts, where, guard.quorum)
            case Countersignature():
                yield from institution_faults(content, facts, f"{where}.by", guard.by)
                yield from _payer_faults(content, f"{where}.by", guard.by, "counter-sign its own payment")
            case Document():
                yield from institution_faults(content, facts, f"{where}.by", guard.by)
                yield from _payer_faults(content, f"{where}.by", guard.by, "register its own document")
            case AgreementState():
                yield from _agreement_faults(content, facts, where, guard.agreement)
                yield from _state_faults(facts, where, guard)
            case AgreementBalance():
                yield from _agreement_faults(content, facts, where, guard.agreement)
            case _:
                pass


def _listed_faults(content: Agreement, facts: DirectoryFacts, where: str, quorum: str) -> Iterator[Fault]:
    """A quorum that is not what the file says."""
    named = content.institutions_of(quorum)
    if not named:
        message = f"list the institutions of {quorum!r} under parties, so that signers see them"
        yield Fault(f"{where}.quorum", Code.QUORUM_NOT_A_PARTY, message)
    held = facts.quorums.get(quorum)
    if held is None:
        yield Fault(f"{where}.quorum", Code.QUORUM_UNKNOWN, f"the directory has no quorum {quorum!r}")
    elif named and (set(named) != set(held.members) or len(set(named)) != len(named)):
        message = f"the directory has {', '.join(held.members)} in {quorum}; list each of them once"
        yield Fault(f"parties.{quorum}", Code.QUORUM_MISMATCH, message)


def _needed_faults(
    content: Agreement, facts: DirectoryFacts, where: str, quorum: str, needed: int
) -> Iterator[Fault]:
    """A quorum that cannot act, or that one institution could reach."""
    if needed < 2:
        message = "at least two institutions must approve, so that none decides alone"
        yield Fault(f"{where}.at_least", Code.QUORUM_BELOW_TWO, message)
    yield from _listed_faults(content, facts, where, quorum)
    held = facts.quorums.get(quorum)
    if held is not None:
        yield from _member_faults(content, facts, where, quorum, needed, held)


def _approval_faults(
    content: Agreement, facts: DirectoryFacts, where: str, guard: Approval
) -> Iterator[Fault]:
    yield from _needed_faults(content, facts, where, guard.quorum, guard.at_least)
    held = facts.quorums.get(guard.quorum)
    if sum(guard.quota.values()) > guard.at_least:
        message = f"the quota asks for {sum(guard.quota.values())} institutions; raise at_least to that"
        yield Fault(f"{where}.quota", Code.QUOTA_ABOVE_QUORUM, message)
    if held is None:
        return
    for kind, least in guard.quota.items():
        there = sum(
            facts.institutions.get(member) == InstitutionKind[kind.upper()] for member in set(held.members)
        )
        if least > there:
            message = f"{least} of kind {kind} are asked for, the quorum has {there}"
            yield Fault(f"{where}.quota.{kind}", Code.QUOTA_UNREACHABLE, message)


def _member_faults(
    content: Agreement, facts: DirectoryFacts, where: str, name: str, needed: int, quorum: QuorumFacts
) -> Iterator[Fault]:
    members = set(quorum.members)
    if needed > len(members):
        message = f"{needed} institutions are asked for, the quorum has {len(members)}"
        yield Fault(f"{where}.at_least", Code.QUORUM_UNREACHABLE, message)
    if min(quorum.threshold, len(members)) < 2:
        message = f"one institution alone could act for {name}; give it two members and a threshold of two"
        yield Fault(f"{where}.quorum", Code.QUORUM_ALONE, message)
    account = facts.accounts.get(content.accounts.pays_from)
    payers = {*content.institutions_of(PAYER), *({account.controller} if account else ())}
    for institution in sorted(payers & members):
        message = f"{institution} pays and would approve itself; use a quorum without it"
        yield Fault(f"{where}.quorum", Code.QUORUM_SELF_APPROVAL, message)


def _evidence_faults(
    content: Agreement, facts: DirectoryFacts, where: str, guard: Evidence
) -> Iterator[Fault]:
    """Witnesses that are nobody, that could be several, or more than the quorum has."""
    if guard.by is not None:
        yield from institution_faults(content, facts, f"{where}.by", guard.by)
        yield from _payer_faults(content, f"{where}.by", guard.by, "attest its own payment")
    if guard.quorum is None:
        return
    yield from _listed_faults(content, facts, where, guard.quorum)
    yield from _payer_faults(content, f"{where}.quorum", guard.quorum, "attest its own payment")
    held = facts.quorums.get(guard.quorum)
    if held is not None and guard.institutions > len(set(held.members)):
        message = f"{guard.institutions} institutions are asked for, the quorum has {len(set(held.members))}"
        yield Fault(f"{where}.institutions", Code.QUORUM_UNREACHABLE, message)


def institution_faults(content: Agreement, facts: DirectoryFacts, where: str, role: str) -> Iterator[Fault]:
    """A role or an institution that is nobody, or could be several."""
    institutions = content.institutions_of(role)
    if not institutions and role not in facts.institutions:
        message = f"{role!r} is no party and no institution of the directory"
        yield Fault(where, Code.PARTY_UNKNOWN, message)
    if len(institutions) > 1:
        message = f"{role} are {len(institutions)} institutions; name the one that is meant"
        yield Fault(where, Code.PARTY_AMBIGUOUS, message)
    if len(institutions) == 1 and role in facts.institutions and institutions[0] != role:
        message = f"{role} is a role and another institution; rename the role"
        yield Fault(where, Code.PARTY_AMBIGUOUS, message)


def _payer_faults(content: Agreement, where: str, role: str, act: str) -> Iterator[Fault]:
    """The payer where it takes somebody else, by itself or as one of several."""
    named = content.institutions_of(role) or (role,)
    if set(named) & set(content.institutions_of(PAYER)):
        message = f"the payer would {act}; name another institution"
        yield Fault(where, Code.PARTY_NOT_APART, message)


def _agreement_faults(content: Agreement, facts: DirectoryFacts, where: str, name: str) -> Iterator[Fault]:
    if name == content.agreement:
        message = "the agreement would wait for itself; name another"
        yield Fault(f"{where}.agreement", Code.WORKFLOW_CYCLE, message)
    elif name not in facts.agreements:
        message = (
            f"there is no agreement {name!r}; deploy and activate it first, its address is part of the terms"
        )
        yield Fault(f"{where}.agreement", Code.AGREEMENT_UNKNOWN, message)


def _state_faults(facts: DirectoryFacts, where: str, guard: AgreementState) -> Iterator[Fault]:
    held = facts.agreements.get(guard.agreement)
    if held is None or guard.state == "open":
        return
    if guard.state not in STATES_OF_TEMPLATE.get(held.template, frozenset()):
        message = f"{guard.agreement} is of the template {held.template}, which is never {guard.state}"
        yield Fault(f"{where}.state", Code.STATE_UNREACHABLE, message)
