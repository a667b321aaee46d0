"""Faults of a file against what the directory and the ledger hold."""

from collections.abc import Iterator

from contracts.agreement.codes import Code
from contracts.agreement.directory import DirectoryFacts, QuorumFacts
from contracts.agreement.model import Agreement, Approval, Evidence
from contracts.errors import Fault

__all__ = ["account_faults", "approval_faults", "evidence_faults", "party_faults"]

PAYER = "payer"


def party_faults(content: Agreement, facts: DirectoryFacts) -> Iterator[Fault]:
    """Parties the directory does not know, and a payer that cannot act for the account."""
    for role in content.parties:
        for institution in content.institutions_of(role):
            if institution not in facts.institutions:
                message = f"the directory knows no institution {institution!r}"
                yield Fault(f"parties.{role}", Code.PARTY_UNKNOWN, message)
    payer = content.institutions_of(PAYER)
    account = facts.accounts.get(content.accounts.pays_from)
    if len(payer) != 1:
        yield Fault("parties", Code.PAYER_MISSING, "name one institution as payer")
    elif account and account.controller != payer[0]:
        message = f"{content.accounts.pays_from} is controlled by {account.controller}, not by {payer[0]}"
        yield Fault(f"parties.{PAYER}", Code.PAYER_NOT_CONTROLLER, message)


def _account_unknown(name: str) -> str:
    return (
        f"the ledger has no account {name!r}; a bank supervises it (account supervise), "
        "or the operator of the account above opens it (account open)"
    )


def account_faults(content: Agreement, facts: DirectoryFacts) -> Iterator[Fault]:
    """Accounts that do not exist, hold another currency, or are in another tree."""
    accounts = content.accounts
    places = {f"accounts.funds[{i}]": name for i, name in enumerate(accounts.funds)}
    source = facts.accounts.get(accounts.pays_from)
    for where, name in {"accounts.pays_from": accounts.pays_from, **places}.items():
        account = facts.accounts.get(name)
        if account is None:
            yield Fault(where, Code.ACCOUNT_UNKNOWN, _account_unknown(name))
            continue
        if account.currency != content.currency:
            message = f"{name} holds {account.currency}, the agreement is in {content.currency}"
            yield Fault(where, Code.CURRENCY_MISMATCH, message)
        if source and account.tree != source.tree:
            message = f"{name} is in the tree {account.tree}, {accounts.pays_from} in {source.tree}"
            yield Fault(where, Code.TREE_MISMATCH, message)
    for where, name in places.items():
        if name == accounts.pays_from:
            yield Fault(where, Code.FUNDS_ITSELF, f"{name} cannot fund itself")
    if len(set(accounts.funds)) < len(accounts.funds):
        yield Fault("accounts.funds", Code.ACCOUNT_REPEATED, "name each account once")


def approval_faults(
    content: Agreement, facts: DirectoryFacts, where: str, guard: Approval
) -> Iterator[Fault]:
    """Quorums that are not what the file says, that cannot act, or that one institution could reach."""
    if guard.at_least < 2:
        message = "at least two institutions must approve, so that none decides alone"
        yield Fault(f"{where}.at_least", Code.QUORUM_BELOW_TWO, message)
    named = content.institutions_of(guard.quorum)
    if not named:
        message = f"list the institutions of {guard.quorum!r} under parties, so that signers see them"
        yield Fault(f"{where}.quorum", Code.QUORUM_NOT_A_PARTY, message)
    quorum = facts.quorums.get(guard.quorum)
    if quorum is None:
        yield Fault(f"{where}.quorum", Code.QUORUM_UNKNOWN, f"the directory has no quorum {guard.quorum!r}")
        return
    if named and (set(named) != set(quorum.members) or len(set(named)) != len(named)):
        message = f"the directory has {', '.join(quorum.members)} in {guard.quorum}; list each of them once"
        yield Fault(f"parties.{guard.quorum}", Code.QUORUM_MISMATCH, message)
    yield from _member_faults(content, facts, where, guard, quorum)


def _member_faults(
    content: Agreement, facts: DirectoryFacts, where: str, guard: Approval, quorum: QuorumFacts
) -> Iterator[Fault]:
    members = set(quorum.members)
    if guard.at_least > len(members):
        message = f"{guard.at_least} institutions are asked for, the quorum has {len(members)}"
        yield Fault(f"{where}.at_least", Code.QUORUM_UNREACHABLE, message)
    if min(quorum.threshold, len(members)) < 2:
        message = (
            f"one institution alone could act for {guard.quorum}; give it two members and a threshold of two"
        )
        yield Fault(f"{where}.quorum", Code.QUORUM_ALONE, message)
    account = facts.accounts.get(content.accounts.pays_from)
    payers = {*content.institutions_of(PAYER), *({account.controller} if account else ())}
    for institution in sorted(payers & members):
        message = f"{institution} pays and would approve itself; use a quorum without it"
        yield Fault(f"{where}.quorum", Code.QUORUM_SELF_APPROVAL, message)


def evidence_faults(
    content: Agreement, facts: DirectoryFacts, where: str, guard: Evidence
) -> Iterator[Fault]:
    """Witnesses that are nobody, or could be several."""
    institutions = content.institutions_of(guard.by)
    if not institutions and guard.by not in facts.institutions:
        message = f"{guard.by!r} is no party and no institution of the directory"
        yield Fault(f"{where}.by", Code.PARTY_UNKNOWN, message)
    if len(institutions) > 1:
        message = f"{guard.by} are {len(institutions)} institutions; name the one that attests"
        yield Fault(f"{where}.by", Code.PARTY_AMBIGUOUS, message)
    if len(institutions) == 1 and guard.by in facts.institutions and institutions[0] != guard.by:
        message = f"{guard.by} is a role and another institution; rename the role"
        yield Fault(f"{where}.by", Code.PARTY_AMBIGUOUS, message)
