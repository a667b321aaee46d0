"""Agreements together: where money goes round by itself, where it could never leave, whose money it is.

Money moves without anybody deciding along the rules of allocations and the parts of splits, and it goes back
from accounts that hold it for somebody. A circle of those would never rest; so would agreements that wait for
each other never begin. And what one agreement holds for its parties no other may draw on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from contracts.agreement._check_sections import section_accounts
from contracts.agreement.codes import Code
from contracts.agreement.directory import AgreementFacts, DirectoryFacts
from contracts.agreement.guard_models import AgreementBalance, AgreementState
from contracts.agreement.model import Agreement
from contracts.agreement.sections import SECTIONS, Delivery, Escrow, Guarantee, Receivable, Split
from contracts.errors import Fault

__all__ = ["agreement_facts", "set_faults", "together", "workflow_faults"]


def agreement_facts(content: Agreement, address: bytes = bytes(20)) -> AgreementFacts:
    """What others need to know of an agreement: for the directory facts of one that is deployed."""
    section = content.section
    cleared = tuple(rule.to for rule in content.rules)
    if isinstance(section, Split):
        cleared = (*(part.to for part in section.parts), section.remainder_to)
    waits = dict.fromkeys(
        guard.agreement
        for clause in content.clauses
        for guard in clause.any_of
        if isinstance(guard, AgreementState | AgreementBalance)
    )
    # A refund draws on whom the split paid.
    draws_on = cleared if isinstance(section, Split) else _drawn_on(content)
    return AgreementFacts(
        address,
        content.template_name,
        content.accounts.pays_from,
        cleared,
        tuple(waits),
        tuple(_back(content).values()),
        draws_on,
    )


def _back(content: Agreement) -> dict[str, str]:
    """The account money goes back to, if there is one, by where the file names it."""
    match content.section:
        case Escrow() as escrow:
            return {"escrow.payer_account": escrow.payer_account}
        case Guarantee() as guarantee:
            return {"guarantee.applicant_account": guarantee.applicant_account}
        case Delivery() as delivery:
            return {"delivery.buyer_account": delivery.buyer_account}
        case Receivable() as receivable:
            return {"receivable.creditor_account": receivable.creditor_account}
        case Split() as split:
            return {"split.refund_to": split.refund_to}
        case None:
            return {}


def together(contents: Sequence[Agreement], facts: DirectoryFacts) -> DirectoryFacts:
    """The facts as they are once all the files are deployed; one that is deployed keeps its address."""
    found = dict(facts.agreements)
    for content in contents:
        held = found.get(content.agreement)
        found[content.agreement] = agreement_facts(content, held.address if held else bytes(20))
    return replace(facts, agreements=found)


def workflow_faults(contents: Sequence[Agreement], facts: DirectoryFacts) -> tuple[tuple[Fault, ...], ...]:
    """Faults of several agreements together with those the directory knows, one tuple a file."""
    known = together(contents, facts).agreements
    moves: dict[str, set[str]] = {}
    for held in known.values():
        moves.setdefault(held.account, set()).update(held.clears_to)
        for account in (held.account, *held.clears_to):
            moves.setdefault(account, set()).update(held.gives_back_to)
    waits = {name: set(held.waits_for) for name, held in known.items()}
    return tuple(
        (
            *_money_cycles(content, known, moves),
            *_waiting_cycles(content, waits),
            *_shared_accounts(content, known),
        )
        for content in contents
    )


def _money_cycles(
    content: Agreement, known: Mapping[str, AgreementFacts], moves: Mapping[str, set[str]]
) -> Iterator[Fault]:
    source, cleared = content.accounts.pays_from, known[content.agreement].clears_to
    ways = [(_place(content, number), source, to) for number, to in enumerate(cleared)]
    ways += [(where, start, to) for where, to in _back(content).items() for start in (source, *cleared)]
    for where, start, to in ways:
        path = _path(to, start, moves)
        if path and to != start:
            shown = " → ".join((start, *path))
            message = f"money would go round by itself: {shown}; take one of them out"
            yield Fault(where, Code.WORKFLOW_CYCLE, message)


def _shared_accounts(content: Agreement, known: Mapping[str, AgreementFacts]) -> Iterator[Fault]:
    """Accounts on which money rests for the parties of one agreement, and on which another draws."""
    own, account = known[content.agreement], content.accounts.pays_from
    others = [(name, held) for name, held in known.items() if name != content.agreement]
    for name, held in others:
        holds = held.template in SECTIONS
        if held.account == account and (holds or own.template in SECTIONS):
            message = f"{name} pays from {account} too, where money is held; give each an account of its own"
            yield Fault("accounts.pays_from", Code.ACCOUNT_SHARED, message)
        if own.template in SECTIONS and account in held.draws_on:
            message = f"{name} draws on {account}, where this agreement holds money; give it its own"
            yield Fault("accounts.pays_from", Code.ACCOUNT_SHARED, message)
        if holds and held.account in own.draws_on:
            places = section_accounts(content)
            where = next(place for place, each in places.items() if each == held.account)
            message = f"{name} holds money on {held.account}; this agreement would draw on it: name another"
            yield Fault(where, Code.ACCOUNT_SHARED, message)


def _place(content: Agreement, number: int) -> str:
    if content.rules:
        return f"rules[{number}].to"
    parts = len(content.section.parts) if isinstance(content.section, Split) else 0
    return f"split.parts[{number}].to" if number < parts else "split.remainder_to"


def _waiting_cycles(content: Agreement, waits: Mapping[str, set[str]]) -> Iterator[Fault]:
    for number, clause in enumerate(content.clauses):
        for place, guard in enumerate(clause.any_of):
            if (
                not isinstance(guard, AgreementState | AgreementBalance)
                or guard.agreement == content.agreement
            ):
                continue
            path = _path(guard.agreement, content.agreement, waits)
            if path:
                shown = " → ".join((content.agreement, *path))
                message = f"they wait for each other: {shown}; let one of them not wait"
                where = f"clauses[{number}].any[{place}].agreement"
                yield Fault(where, Code.WORKFLOW_CYCLE, message)


def _path(start: str, goal: str, edges: Mapping[str, set[str]]) -> tuple[str, ...]:
    """A shortest way from start to goal, both included; empty if there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen = {start}
    while ways:
        further = []
        for way in ways:
            if way[-1] == goal:
                return way
            for after in sorted(edges.get(way[-1], set()) - seen):
                seen.add(after)
                further.append((*way, after))
        ways = further
    return ()


def set_faults(contents: Sequence[Agreement], facts: DirectoryFacts) -> tuple[tuple[Fault, ...], ...]:
    """What only a look at all the files of a workflow shows, beside `workflow_faults`, one tuple a file.

    An account that is sent money and that no agreement draws on keeps it for ever: in a set that is checked
    together every such account needs a way out.
    """
    known = together(contents, facts).agreements
    drawn = {held.account for held in known.values()}
    drawn |= {account for content in contents for account in _drawn_on(content)}
    names = [content.agreement for content in contents]
    return tuple(
        (*_repeated(names, number), *_no_exit(content, known, drawn))
        for number, content in enumerate(contents)
    )


def _drawn_on(content: Agreement) -> tuple[str, ...]:
    """Accounts beside its own that an agreement takes money from."""
    if isinstance(content.section, Receivable):
        debtor = content.section.debtor_account
        return (content.section.financier_account, *((debtor,) if debtor else ()))
    return ()


def _repeated(names: Sequence[str], number: int) -> Iterator[Fault]:
    if names[number] in names[:number]:
        message = f"another file is called {names[number]}; check one version of an agreement at a time"
        yield Fault("agreement", Code.AGREEMENT_REPEATED, message)


def _no_exit(content: Agreement, known: Mapping[str, AgreementFacts], drawn: set[str]) -> Iterator[Fault]:
    for where, account in _receiving(content, known).items():
        if account not in drawn:
            message = (
                f"no agreement pays from {account}; money that gets there would stay; "
                "check this file together with one that does, or deploy one"
            )
            yield Fault(where, Code.NO_EXIT, message)


def _receiving(content: Agreement, known: Mapping[str, AgreementFacts]) -> dict[str, str]:
    """Accounts an agreement sends money to, or back to, by where it names them."""
    found = {f"accounts.funds[{i}]": name for i, name in enumerate(content.accounts.funds)}
    cleared = known[content.agreement].clears_to
    found |= {_place(content, number): name for number, name in enumerate(cleared)}
    match content.section:
        case Escrow() as escrow:
            found["escrow.payee_account"] = escrow.payee_account
        case Guarantee() as guarantee:
            found["guarantee.beneficiary_account"] = guarantee.beneficiary_account
        case Delivery() as delivery:
            found["delivery.seller_account"] = delivery.seller_account
        case Receivable() | Split() | None:
            pass
    return found | _back(content)
