"""Faults of one guard's operands, seen by themselves."""

from collections.abc import Iterator

from contracts.agreement import values
from contracts.agreement._places import guard_places
from contracts.agreement.codes import Code
from contracts.agreement.guard_models import (
    MAX_CALENDAR_DAYS,
    AgreementBalance,
    BatchCap,
    Calendar,
    Evidence,
    LifetimeCap,
    LineCap,
    PayeeCap,
    PayoutCap,
    TimeWindow,
    WindowCap,
)
from contracts.agreement.model import Agreement
from contracts.errors import Fault

__all__ = ["operand_faults"]

# What a payee's counter of 32 bits holds, and what `modules/guards.vy` takes.
MAX_PAYEE_CAP_MINOR = 2**32 - 2


def operand_faults(content: Agreement) -> Iterator[Fault]:
    """Operands that could never be satisfied, contradict each other, or that the chain could not hold."""
    for where, _, guard in guard_places(content):
        match guard:
            case PayoutCap() | WindowCap() | BatchCap() | LifetimeCap() | LineCap() | PayeeCap():
                if values.minor_units(guard.amount) == 0:
                    message = "a cap of nothing never pays; raise it"
                    yield Fault(f"{where}.amount", Code.CAP_NEVER_PAYS, message)
            case AgreementBalance():
                if values.minor_units(guard.at_least) == 0:
                    message = "every account holds nothing or more; ask for an amount"
                    yield Fault(f"{where}.at_least", Code.GUARD_UNREACHABLE, message)
            case TimeWindow():
                if guard.until < guard.from_day:
                    message = f"{guard.until} is before {guard.from_day}; the window is never open"
                    yield Fault(f"{where}.until", Code.TIME_WINDOW_EMPTY, message)
            case Calendar():
                yield from _calendar_faults(where, guard)
            case Evidence():
                yield from _witness_faults(where, guard)
            case _:
                pass
        if isinstance(guard, PayeeCap):
            yield from _payee_cap_faults(where, guard)


def _payee_cap_faults(where: str, guard: PayeeCap) -> Iterator[Fault]:
    if values.minor_units(guard.amount) > MAX_PAYEE_CAP_MINOR:
        message = f"a payee's cap is at most {values.amount_text(MAX_PAYEE_CAP_MINOR)}; lower it"
        yield Fault(f"{where}.amount", Code.CAP_TOO_LARGE, message)
    if (guard.every == values.EVER) == (guard.timezone is not None):
        message = 'write timezone for hour, day or week; leave it out for "ever"'
        yield Fault(where, Code.CAP_TIMEZONE, message)


def _calendar_faults(where: str, guard: Calendar) -> Iterator[Fault]:
    if guard.until < guard.from_day:
        message = f"{guard.until} is before {guard.from_day}; no day is allowed"
        yield Fault(f"{where}.until", Code.CALENDAR_EMPTY, message)
        return
    days = values.day_number(guard.until) - values.day_number(guard.from_day) + 1
    if days > MAX_CALENDAR_DAYS:
        message = f"a calendar has at most {MAX_CALENDAR_DAYS} days, not {days}; adopt the next one in time"
        yield Fault(f"{where}.until", Code.CALENDAR_INVALID, message)
    if bool(guard.allowed) == bool(guard.excluded):
        message = "list the allowed days or the excluded ones, not both"
        yield Fault(where, Code.CALENDAR_INVALID, message)
    named = guard.allowed or guard.excluded
    outside = sorted(day for day in named if not guard.from_day <= day <= guard.until)
    for day in outside[:1]:
        message = f"{day} is not from {guard.from_day} to {guard.until}"
        yield Fault(where, Code.CALENDAR_INVALID, message)
    if len(set(named)) < len(named):
        yield Fault(where, Code.CALENDAR_INVALID, "name each day once")
    if guard.excluded and len(set(guard.excluded)) >= days:
        yield Fault(f"{where}.excluded", Code.CALENDAR_EMPTY, "every day is excluded; allow one")


def _witness_faults(where: str, guard: Evidence) -> Iterator[Fault]:
    """One institution attests by name, several as members of a quorum."""
    several = guard.institutions > 1
    if several != (guard.quorum is not None) or several == (guard.by is not None):
        message = "write by for one institution; or quorum and institutions (2 or more) for several"
        yield Fault(where, Code.WITNESS_UNCLEAR, message)
