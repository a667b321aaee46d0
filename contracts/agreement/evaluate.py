"""The guards off chain: what `Disbursement.vy` and `Clauses.vy` say to a batch, given what people gave to it.

A batch is **reserved** (caps over batches count it), then **judged** chunk by chunk (approvals, evidence,
clock), and every row is looked at (roster, cap, blacklist, caps of payees). A `Book` holds what counters have
counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby

from eth_abi.abi import encode
from eth_hash.auto import keccak

from contracts.agreement.clock import CLOCK_KINDS, is_open
from contracts.agreement.guards import CODES_OF_KIND, COUNTED
from contracts.agreement.values import DAY_SECONDS
from contracts.terms import BALANCE_STATE, NON_WAIVABLE, Guard, InstitutionKind, Kind

__all__ = [
    "Approved",
    "BatchFacts",
    "Book",
    "DocumentFacts",
    "Observed",
    "Refused",
    "Reserved",
    "Terms",
    "judge",
    "pay_row",
    "reserve",
    "restore",
    "restore_payee",
]

ANOTHER_CLASS = "disbursement.another-dye-class"
# A payee's counter holds no more.
FULL = 2**32 - 1
_M32 = 2**32 - 1
_DOCUMENT_MISSING, _DOCUMENT_PAYEE, _DOCUMENT_AMOUNT = CODES_OF_KIND[Kind.DOCUMENT]


@dataclass(frozen=True)
class Terms:
    """What evaluation needs of an agreement: guards by clause, its class of money, the size of its roster."""

    guards: tuple[Guard, ...]
    dye_class: bytes
    payees: int

    def clauses(self) -> list[list[tuple[int, Guard]]]:
        """Guards with their places, clause by clause."""
        numbered = enumerate(self.guards)
        return [list(guards) for _, guards in groupby(numbered, key=lambda pair: pair[1].clause)]


@dataclass(frozen=True)
class Approved:
    """A supervisor's approval that was not revoked."""

    institution: bytes
    kind: InstitutionKind
    at: int


@dataclass(frozen=True)
class Observed:
    """Evidence: its kind, who attested, when it was observed and when it was handed in."""

    kind: bytes
    institution: bytes
    observed_at: int
    given_at: int


@dataclass(frozen=True)
class DocumentFacts:
    """A registered document: its id, kind, the roster index of its payee, and what it is good for."""

    document: bytes
    kind: bytes
    payee: int
    amount_minor: int


@dataclass(frozen=True)
class BatchFacts:
    """What is known of a batch beside its rows; ids have 32 bytes, times are unix seconds."""

    dye_class: bytes
    total_minor: int
    reserved_at: int
    approvals: tuple[Approved, ...] = ()
    evidence: tuple[Observed, ...] = ()
    countersigned: frozenset[bytes] = frozenset()
    """Institutions whose operator counter-signed."""
    waived: frozenset[int] = frozenset()
    """Clauses that a quorum waived."""
    document: DocumentFacts | None = None
    blocked: frozenset[int] = frozenset()
    """Roster indexes that were blocked when it was executed."""
    states: Mapping[bytes, int] = field(default_factory=dict)
    """State of other agreements, by a guard's party."""
    balances: Mapping[tuple[bytes, bytes], int] = field(default_factory=dict)
    """What accounts of other agreements held, by a guard's party and class of money, minor units."""
    members: Mapping[bytes, frozenset[bytes]] = field(default_factory=dict)
    """Institutions of every quorum the terms name."""


@dataclass
class Book:
    """What counters have counted: by counter and window; of payees; of documents. Minor units."""

    used: dict[tuple[bytes, int], int] = field(default_factory=dict)
    paid: dict[tuple[bytes, int, int], int] = field(default_factory=dict)
    documents: dict[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """A refusal as the chain gives it; no clause where it is not a guard's."""

    code: str
    clause: int | None = None
    guard: int | None = None
    limit: int | None = None
    observed: int | None = None


@dataclass(frozen=True)
class Reserved:
    """A batch that was reserved: places of the guards that counted it, and the clauses it meets for good."""

    counted: frozenset[int]
    met: frozenset[int]


def counter(guard: Guard) -> bytes:
    """Id (32 bytes) of what a cap counts: `_counter` in `modules/guards.vy`."""
    types = ["uint256", "bytes32", "uint256", "uint256"]
    return keccak(encode(types, [int(guard.kind), guard.subject, guard.b, guard.c]))


def window(guard: Guard, moment: int) -> int:
    """Number of the window a moment falls into; zero for a cap without windows."""
    return (moment + guard.c) // guard.b if guard.b else 0


def reserve(terms: Terms, batch: BatchFacts, book: Book) -> Reserved | Refused:
    """Count a batch against one cap of every clause that has some; a refused one counts nowhere."""
    counted: set[int] = set()
    met: set[int] = set()
    waived = _waivable(terms, batch)
    for guards in terms.clauses():
        clause, (last, end) = guards[0][1].clause, guards[-1]
        fitting = next((place for place, guard in guards if _fits(guard, batch, book)), None)
        if fitting is not None:
            if _counts(terms.guards[fitting], batch):
                counted.add(fitting)
            else:
                met.add(clause)
        elif all(_is_at_reserve(guard) for _, guard in guards):
            if clause not in waived:
                return _refused_at_reserve(last, end, batch, book)
            counted.update([place for place, guard in guards if _is_past_limit(guard, batch)][:1])
    if not any(guard.kind == Kind.DYE_CLASS for guard in terms.guards) and batch.dye_class != terms.dye_class:
        return Refused(ANOTHER_CLASS)
    for place in counted:
        _count(terms.guards[place], batch, batch.total_minor, book)
    return Reserved(frozenset(counted), frozenset(met))


def _waivable(terms: Terms, batch: BatchFacts) -> frozenset[int]:
    return batch.waived - {guard.clause for guard in terms.guards if guard.kind in NON_WAIVABLE}


def _is_at_reserve(guard: Guard) -> bool:
    return guard.kind in COUNTED or guard.kind in (Kind.BATCH_CAP, Kind.DYE_CLASS)


def _counts(guard: Guard, batch: BatchFacts) -> bool:
    """Whether the guard counts this batch: a line's cap says nothing about other lines."""
    other_line = guard.kind == Kind.LINE_CAP and guard.subject != batch.dye_class
    return guard.kind in COUNTED and not other_line


def _is_past_limit(guard: Guard, batch: BatchFacts) -> bool:
    """Whether a waived clause's guard counts past its limit: a document never does."""
    return _counts(guard, batch) and guard.kind != Kind.DOCUMENT


def _fits(guard: Guard, batch: BatchFacts, book: Book) -> bool:
    if guard.kind == Kind.DYE_CLASS:
        return guard.subject == batch.dye_class
    if guard.kind == Kind.BATCH_CAP:
        return batch.total_minor <= guard.a
    if guard.kind == Kind.DOCUMENT:
        return _is_named(guard, batch) and _document_use(batch, book) <= _document_limit(batch)
    if guard.kind == Kind.LINE_CAP and guard.subject != batch.dye_class:
        return True
    return guard.kind in COUNTED and _used(guard, batch.reserved_at, book) + batch.total_minor <= guard.a


def _used(guard: Guard, moment: int, book: Book) -> int:
    return book.used.get((counter(guard), window(guard, moment)), 0)


def _is_named(guard: Guard, batch: BatchFacts) -> bool:
    return batch.document is not None and batch.document.kind == guard.subject


def _document_use(batch: BatchFacts, book: Book) -> int:
    key = batch.document.document if batch.document else b""
    return book.documents.get(key, 0) + batch.total_minor


def _document_limit(batch: BatchFacts) -> int:
    return batch.document.amount_minor if batch.document else 0


def _refused_at_reserve(place: int, guard: Guard, batch: BatchFacts, book: Book) -> Refused:
    clause = guard.clause
    match guard.kind:
        case Kind.DOCUMENT if not _is_named(guard, batch):
            return Refused(_DOCUMENT_MISSING, clause, place, 0, 0)
        case Kind.DOCUMENT:
            return Refused(
                _DOCUMENT_AMOUNT, clause, place, _document_limit(batch), _document_use(batch, book)
            )
        case Kind.DYE_CLASS:
            limit, observed = int.from_bytes(guard.subject), int.from_bytes(batch.dye_class)
        case Kind.BATCH_CAP:
            limit, observed = guard.a, batch.total_minor
        case _:
            limit, observed = guard.a, _used(guard, batch.reserved_at, book) + batch.total_minor
    return Refused(CODES_OF_KIND[guard.kind][0], clause, place, limit, observed)


def _count(guard: Guard, batch: BatchFacts, amount: int, book: Book) -> None:
    if guard.kind == Kind.DOCUMENT and batch.document:
        key = batch.document.document
        book.documents[key] = book.documents.get(key, 0) + amount
    elif guard.kind != Kind.DOCUMENT:
        at = counter(guard), window(guard, batch.reserved_at)
        book.used[at] = book.used.get(at, 0) + amount


def restore(terms: Terms, batch: BatchFacts, reserved: Reserved, amount: int, book: Book) -> None:
    """Give back what went back, minor units, to the caps that counted the batch."""
    for place in reserved.counted:
        _count(terms.guards[place], batch, -amount, book)


def restore_payee(terms: Terms, payee: int, amount_minor: int, paid_at: int, book: Book) -> None:
    """Give a row that came back whole to the caps of its payee, in the windows that counted it.

    A counter that is full says no more how much it counted: it stays full.
    """
    for guard in terms.guards:
        at = counter(guard), window(guard, paid_at), payee
        if guard.kind == Kind.PAYEE_CAP and book.paid[at] != FULL:
            book.paid[at] -= amount_minor


def judge(terms: Terms, batch: BatchFacts, reserved: Reserved, moment: int) -> frozenset[int] | Refused:
    """What the guards say to a chunk: the clauses every row satisfies, or the first that refuses."""
    met = set(reserved.met | _waivable(terms, batch))
    for guards in terms.clauses():
        clause = guards[0][1].clause
        by_row = False
        limit = observed = 0
        for place, guard in guards:
            counted = place in reserved.counted
            by_row |= guard.kind in _BY_ROW or (guard.kind == Kind.DOCUMENT and counted and clause not in met)
            if clause in met or guard.kind in _BY_ROW or (guard.kind == Kind.DOCUMENT and counted):
                continue
            if guard.kind in COUNTED:
                holds, limit, observed = counted, 0, 0
            else:
                holds, limit, observed = _look(guard, batch, moment)
            if holds:
                met.add(clause)
        if clause not in met and not by_row:
            place, guard = guards[-1]
            return Refused(CODES_OF_KIND[guard.kind][0], clause, place, limit, observed)
    return frozenset(met)


_BY_ROW = frozenset({Kind.ROSTER, Kind.PAYOUT_CAP, Kind.BLACKLIST, Kind.PAYEE_CAP})


def _look(guard: Guard, batch: BatchFacts, moment: int) -> tuple[bool, int, int]:
    """Whether a guard holds for a whole chunk, its limit and what is observed."""
    match guard.kind:
        case Kind.APPROVAL | Kind.WAITING:
            return _look_at_approvals(guard, batch, moment)
        case Kind.AGREEMENT_STATE:
            return _look_at_agreement(guard, batch)
        case Kind.BATCH_CAP:
            return False, guard.a, batch.total_minor
        case Kind.DYE_CLASS:
            return False, int.from_bytes(guard.subject), 0
        case _ if guard.kind in CLOCK_KINDS:
            return _look_at_clock(guard, moment)
        case _:
            needed, observed = max(guard.b, 1), len(_attesting(guard, batch, moment))
            return observed >= needed, needed, observed


def _look_at_approvals(guard: Guard, batch: BatchFacts, moment: int) -> tuple[bool, int, int]:
    waits = guard.kind == Kind.WAITING
    age, needed, quotas = (guard.a, guard.b, 0) if waits else (0, guard.a, guard.b)
    members = batch.members.get(guard.subject, frozenset())
    approving = {
        given.institution: given.kind
        for given in batch.approvals
        if given.at + age <= moment and given.institution in members
    }
    counts = [len(approving), *(list(approving.values()).count(kind) for kind in InstitutionKind)]
    limits = [needed, *(quotas >> shift & _M32 for shift in range(0, 128, 32))]
    for observed, limit in zip(counts, limits, strict=True):
        if observed < limit:
            return False, limit, observed
    return True, needed, counts[0]


def _look_at_agreement(guard: Guard, batch: BatchFacts) -> tuple[bool, int, int]:
    if guard.a == BALANCE_STATE:
        balance = batch.balances.get((guard.party, guard.subject), 0)
        return balance >= guard.b, guard.b, balance
    state = batch.states.get(guard.party, 0)
    return state == guard.a, guard.a, state


def _look_at_clock(guard: Guard, moment: int) -> tuple[bool, int, int]:
    if guard.kind == Kind.CALENDAR_DAY:
        return is_open(guard, moment), guard.a + guard.b - 1, (moment + guard.c) // DAY_SECONDS
    return is_open(guard, moment), guard.a if moment < guard.a else guard.b, moment


def _attesting(guard: Guard, batch: BatchFacts, moment: int) -> set[bytes]:
    """Institutions that gave the evidence or the counter-signature the guard asks for."""
    several = guard.b > 1
    asked = batch.members.get(guard.party, frozenset()) if several else frozenset({guard.party})
    if guard.kind == Kind.COUNTERSIGN:
        return set(batch.countersigned & asked)
    return {
        given.institution
        for given in batch.evidence
        if given.kind == guard.subject
        and given.given_at <= moment <= given.observed_at + guard.a
        and given.institution in asked
    }


def pay_row(
    terms: Terms,
    batch: BatchFacts,
    met: frozenset[int],
    payee: int,
    amount_minor: int,
    moment: int,
    book: Book,
) -> Refused | None:
    """What the clauses still open say to one row; None where all let it pass and caps of payees count it.

    `met` is what `judge` said, `payee` the roster index.
    """
    for guards in terms.clauses():
        clause = guards[0][1].clause
        looks = [
            (place, guard, *look)
            for place, guard in guards
            if (look := _look_at_row(terms, batch, guard, payee, amount_minor, moment, book)) is not None
        ]
        if clause in met or any(holds for _, _, holds, _, _ in looks):
            continue
        place, guard, _, limit, observed = looks[-1]
        code = _DOCUMENT_PAYEE if guard.kind == Kind.DOCUMENT else CODES_OF_KIND[guard.kind][0]
        return Refused(code, clause, place, limit, observed)
    for guard in terms.guards:
        if guard.kind == Kind.PAYEE_CAP:
            at = counter(guard), window(guard, moment), payee
            book.paid[at] = min(book.paid.get(at, 0) + amount_minor, FULL)
    return None


def _look_at_row(
    terms: Terms,
    batch: BatchFacts,
    guard: Guard,
    payee: int,
    amount_minor: int,
    moment: int,
    book: Book,
) -> tuple[bool, int, int] | None:
    """Whether a guard holds for a row, its limit and what is observed; None where it looks at no rows."""
    match guard.kind:
        case Kind.ROSTER:
            return payee < terms.payees, terms.payees, payee
        case Kind.PAYOUT_CAP:
            return amount_minor <= guard.a, guard.a, amount_minor
        case Kind.BLACKLIST:
            return payee not in batch.blocked, 0, payee
        case Kind.PAYEE_CAP:
            observed = book.paid.get((counter(guard), window(guard, moment), payee), 0) + amount_minor
            return observed <= guard.a, guard.a, observed
        case Kind.DOCUMENT:
            of = batch.document.payee if batch.document else -1
            return payee == of, of, payee
        case _:
            return None
