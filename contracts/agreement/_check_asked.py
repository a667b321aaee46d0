"""Whether anybody beside the payer has a say in every payout."""

from collections.abc import Iterator

from contracts.agreement._places import drawable_classes
from contracts.agreement.codes import Code
from contracts.agreement.guard_models import (
    Approval,
    Clause,
    Countersignature,
    Document,
    Evidence,
    GuardModel,
    LifetimeCap,
    LineCap,
    PayeeCap,
    Waiting,
    WindowCap,
)
from contracts.agreement.guards import institution_of
from contracts.agreement.model import Agreement
from contracts.errors import Fault

__all__ = ["asked_faults"]


def asked_faults(content: Agreement) -> Iterator[Fault]:
    """A disbursement that pays, again and again and without limit, on the word of its payer alone.

    A cap that bounds what is paid over time is a sum the quorum agreed to when it activated the agreement.
    Caps of one payout or batch bound nothing: there may be any number of them. Neither does the state of
    another agreement, which the payer may be a party of.
    """
    if content.template_name != "disbursement" or not content.clauses:
        return
    if any(_asks_somebody(content, clause) for clause in content.clauses) or _has_capped_classes(content):
        return
    message = (
        "nobody but the payer is asked, and nothing bounds what is paid over time; add a clause with an "
        "approval, evidence, a document or a countersignature of another institution, or a cap over time"
    )
    yield Fault("clauses", Code.PAYER_ALONE, message)


def _asks_somebody(content: Agreement, clause: Clause) -> bool:
    return all(_is_asked(content, guard) for guard in clause.any_of)


def _is_asked(content: Agreement, guard: GuardModel) -> bool:
    match guard:
        case Approval() | Waiting():
            return True
        case Evidence() | Document() | Countersignature():
            return guard.by is None or institution_of(content, guard.by) != institution_of(content, "payer")
        case PayeeCap() | WindowCap() | LifetimeCap():
            return True
        case _:
            return False


def _has_capped_classes(content: Agreement) -> bool:
    """Whether every class of money that may be drawn on has a cap of its own."""
    capped = {
        guard.dye_class
        for clause in content.clauses
        for guard in clause.any_of
        if isinstance(guard, LineCap) and len(clause.any_of) == 1
    }
    return drawable_classes(content) <= capped
