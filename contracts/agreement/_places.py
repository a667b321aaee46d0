"""What the checks ask of a file again and again: where its guards are written, what may be drawn on."""

from collections.abc import Iterator

from contracts.agreement.guard_models import DyeClass, GuardModel
from contracts.agreement.model import Agreement

__all__ = ["drawable_classes", "guard_places"]


def guard_places(content: Agreement) -> Iterator[tuple[str, int, GuardModel]]:
    """Every guard: where it is written, its clause's number, and itself."""
    for number, clause in enumerate(content.clauses):
        for place, guard in enumerate(clause.any_of):
            yield f"clauses[{number}].any[{place}]", number, guard


def drawable_classes(content: Agreement) -> frozenset[str]:
    """Classes of money that may be drawn on: what all dye_class clauses allow, else that of the account."""
    named = [
        {guard.dye_class for guard in clause.any_of if isinstance(guard, DyeClass)}
        for clause in content.clauses
        if all(isinstance(guard, DyeClass) for guard in clause.any_of)
    ]
    return frozenset(set.intersection(*named)) if named else frozenset({content.accounts.dye_class})
