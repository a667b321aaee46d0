"""The guards of a file as the chain holds them, and what follows from them alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from contracts.agreement import values
from contracts.agreement.clock import CLOCK_KINDS, implies_open
from contracts.agreement.guard_models import (
    AgreementBalance,
    AgreementState,
    Approval,
    BatchCap,
    Blacklist,
    Calendar,
    Clause,
    Countersignature,
    Document,
    DyeClass,
    Evidence,
    GuardModel,
    LifetimeCap,
    LineCap,
    PayeeCap,
    PayeeRoster,
    PayoutCap,
    TimeWindow,
    Waiting,
    WindowCap,
)
from contracts.agreement.model import Agreement
from contracts.ids import name_id
from contracts.terms import BALANCE_STATE, REFUSAL_CODES, Guard, InstitutionKind, Kind

__all__ = [
    "ALONE",
    "BY_ROW",
    "CODES_OF_KIND",
    "COUNTED",
    "STATES",
    "Bindings",
    "chain_guards",
    "implies",
    "institution_of",
    "is_same",
    "kind_of",
    "refusal_codes",
]

BY_ROW = frozenset({Kind.ROSTER, Kind.PAYOUT_CAP, Kind.PAYEE_CAP, Kind.BLACKLIST})
"""Kinds that look at every row."""
COUNTED = frozenset({Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.LINE_CAP, Kind.DOCUMENT})
"""Kinds that count when a batch is reserved."""
ALONE = frozenset({Kind.PAYEE_CAP, Kind.LINE_CAP})
"""Kinds that are the only guard of their clause."""

# Numbers of `IAgreement.state`.
STATES = {"unissued": 0, "open": 1, "released": 2, "expired": 3, "refunded": 4, "disputed": 5}

CODES_OF_KIND: dict[Kind, tuple[str, ...]] = {
    kind: tuple(code for code, of in REFUSAL_CODES.items() if of == kind) for kind in Kind
}
_KIND_OF_MODEL: dict[type[GuardModel], Kind] = {
    Approval: Kind.APPROVAL,
    PayeeRoster: Kind.ROSTER,
    PayoutCap: Kind.PAYOUT_CAP,
    WindowCap: Kind.WINDOW_CAP,
    TimeWindow: Kind.TIME_WINDOW,
    Evidence: Kind.EVIDENCE,
    BatchCap: Kind.BATCH_CAP,
    LifetimeCap: Kind.LIFETIME_CAP,
    PayeeCap: Kind.PAYEE_CAP,
    Blacklist: Kind.BLACKLIST,
    DyeClass: Kind.DYE_CLASS,
    LineCap: Kind.LINE_CAP,
    Countersignature: Kind.COUNTERSIGN,
    AgreementState: Kind.AGREEMENT_STATE,
    AgreementBalance: Kind.AGREEMENT_STATE,
    Waiting: Kind.WAITING,
    Document: Kind.DOCUMENT,
    Calendar: Kind.CALENDAR_DAY,
}


@dataclass(frozen=True)
class Bindings:
    """What the guards of a file name and others know: the roster, and addresses of other agreements."""

    payees: int = 0
    root: bytes = bytes(32)
    extends: bytes = bytes(32)
    """Root of the roster that this one makes longer; zeros where there is none, or it stays as it is."""
    addresses: Mapping[str, bytes] = field(default_factory=dict)
    """Address of an agreement, 20 bytes, by its name."""

    def party_of(self, agreement: str) -> bytes:
        """An agreement as a guard's party; its name's id where the address is not known."""
        address = self.addresses.get(agreement)
        return name_id(agreement) if address is None else address.rjust(32, b"\0")


def kind_of(guard: GuardModel) -> Kind:
    """Kind of a guard on chain."""
    return _KIND_OF_MODEL[type(guard)]


def institution_of(content: Agreement, role: str) -> str:
    """The only institution in a role of the file, else what is written itself."""
    institutions = content.institutions_of(role)
    return institutions[0] if len(institutions) == 1 else role


def refusal_codes(clause: Clause) -> tuple[str, ...]:
    """The codes the chain may give when the clause refuses.

    A clause of what is decided when a batch is reserved gives that of its last guard, and refuses rows to
    other payees than the document's; any other that of its last guard about rows, or of its last.
    """
    kinds = [kind_of(guard) for guard in clause.any_of]
    at_reserve = COUNTED | {Kind.BATCH_CAP, Kind.DYE_CLASS}
    if not at_reserve.issuperset(kinds):
        by_row = [kind for kind in kinds if kind in BY_ROW]
        return CODES_OF_KIND[(by_row or kinds)[-1]]
    codes = CODES_OF_KIND[kinds[-1]]
    of_payee = CODES_OF_KIND[Kind.DOCUMENT][1] if Kind.DOCUMENT in kinds else None
    return codes if of_payee is None or of_payee in codes else (*codes, of_payee)


def chain_guards(content: Agreement, bindings: Bindings | None = None) -> list[list[Guard]]:
    """The guards of every clause as the tuples `modules/guards.vy` takes.

    What a cap counts is kept under the name of its clause, so that it goes on counting under new terms.
    """
    bound = bindings or Bindings()
    return [
        [_chain_guard(content, number, guard, name_id(clause.name), bound) for guard in clause.any_of]
        for number, clause in enumerate(content.clauses)
    ]


def _chain_guard(
    content: Agreement, clause: int, guard: GuardModel, counter: bytes, bound: Bindings
) -> Guard:
    kind = kind_of(guard)
    match guard:
        case Approval():
            return Guard(clause, kind, guard.at_least, _quota(guard), subject=name_id(guard.quorum))
        case PayeeRoster():
            return Guard(clause, kind, bound.payees, subject=bound.root, party=bound.extends)
        case PayoutCap() | BatchCap():
            return Guard(clause, kind, values.minor_units(guard.amount))
        case LifetimeCap():
            return Guard(clause, kind, values.minor_units(guard.amount), subject=counter)
        case WindowCap() | PayeeCap():
            return _window_guard(clause, guard, counter)
        case LineCap():
            return Guard(clause, kind, values.minor_units(guard.amount), subject=name_id(guard.dye_class))
        case TimeWindow():
            return _time_guard(clause, guard)
        case Calendar():
            return _calendar_guard(clause, guard)
        case Evidence():
            return _evidence_guard(content, clause, guard)
        case Blacklist():
            return Guard(clause, kind, subject=name_id(guard.quorum))
        case DyeClass():
            return Guard(clause, kind, subject=name_id(guard.dye_class))
        case Countersignature():
            return Guard(clause, kind, party=name_id(institution_of(content, guard.by)))
        case AgreementState():
            return Guard(clause, kind, STATES[guard.state], party=bound.party_of(guard.agreement))
        case AgreementBalance():
            least = values.minor_units(guard.at_least)
            party = bound.party_of(guard.agreement)
            return Guard(clause, kind, BALANCE_STATE, least, subject=name_id(guard.dye_class), party=party)
        case Waiting():
            wait = values.duration_seconds(guard.wait)
            return Guard(clause, kind, wait, guard.at_least, subject=name_id(guard.quorum))
        case Document():
            party = name_id(institution_of(content, guard.by))
            return Guard(clause, kind, subject=name_id(guard.document), party=party)


def _quota(guard: Approval) -> int:
    """Institutions of each kind that must be among those that approve, 32 bits a kind from the banks."""
    return sum(
        least << 32 * (InstitutionKind[kind.upper()] - InstitutionKind.BANK)
        for kind, least in guard.quota.items()
    )


def _window_guard(clause: int, guard: WindowCap | PayeeCap, counter: bytes) -> Guard:
    amount, length = values.minor_units(guard.amount), values.payee_window_seconds(guard.every)
    start = values.window_start_seconds(guard.every, guard.timezone) if length and guard.timezone else 0
    return Guard(clause, kind_of(guard), amount, length, start, subject=counter)


def _evidence_guard(content: Agreement, clause: int, guard: Evidence) -> Guard:
    several = guard.institutions > 1
    party = guard.quorum if several else institution_of(content, guard.by or "")
    return Guard(
        clause,
        Kind.EVIDENCE,
        values.duration_seconds(guard.fresh_for),
        guard.institutions if several else 0,
        subject=name_id(guard.evidence),
        party=name_id(party or ""),
    )


def _time_guard(clause: int, guard: TimeWindow) -> Guard:
    offset = values.offset_seconds(guard.timezone)
    first = values.day_seconds(guard.from_day) - offset
    last = values.day_seconds(guard.until) + values.DAY_SECONDS - 1 - offset
    start, end = values.daily_seconds(guard.daily)
    weekdays = values.weekday_bits(guard.days)
    if offset < 0:
        weekdays = (weekdays << 1 | weekdays >> 6) & 0x7F
    packed = start | end << 32 | offset % values.DAY_SECONDS << 64 | weekdays << 96
    return Guard(clause, Kind.TIME_WINDOW, first, last, packed)


def _calendar_guard(clause: int, guard: Calendar) -> Guard:
    offset = values.offset_seconds(guard.timezone)
    first = values.day_number(guard.from_day)
    length = max(values.day_number(guard.until) - first + 1, 0)
    named = {values.day_number(day) - first for day in guard.allowed or guard.excluded}
    allowed = named if guard.allowed else set(range(length)) - named
    bitmap = sum(1 << day for day in allowed if 0 <= day < min(length, 256))
    shifted = first + (1 if offset < 0 else 0)
    return Guard(
        clause,
        Kind.CALENDAR_DAY,
        shifted,
        length,
        offset % values.DAY_SECONDS,
        subject=bitmap.to_bytes(32),
    )


def implies(first: Guard, second: Guard) -> bool:
    """Whether `second` holds whenever `first` does. May say no where only a longer look would say yes."""
    if first.kind != second.kind:
        return False
    if first.kind in CLOCK_KINDS:
        return implies_open(first, second)
    counts_apart = first.kind in (Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.PAYEE_CAP)
    if not counts_apart and (first.subject, first.party) != (second.subject, second.party):
        return False
    match first.kind:
        case Kind.APPROVAL:
            return first.a >= second.a and _has_quota(first, second)
        case Kind.ROSTER | Kind.BLACKLIST | Kind.DYE_CLASS | Kind.COUNTERSIGN | Kind.DOCUMENT:
            return True
        case Kind.WINDOW_CAP | Kind.PAYEE_CAP:
            return (first.b, first.c) == (second.b, second.c) and first.a <= second.a
        case Kind.WAITING:
            return first.a >= second.a and first.b >= second.b
        case Kind.AGREEMENT_STATE:
            return first.a == second.a and first.b >= second.b
        case Kind.EVIDENCE:
            return first.a <= second.a and first.b >= second.b
        case _:
            return first.a <= second.a


def _has_quota(first: Guard, second: Guard) -> bool:
    shifts = range(0, 128, 32)
    return all(first.b >> shift & 0xFFFFFFFF >= second.b >> shift & 0xFFFFFFFF for shift in shifts)


def is_same(a: Guard, b: Guard) -> bool:
    """Whether either holds whenever the other does."""
    return implies(a, b) and implies(b, a)
