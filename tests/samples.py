"""How many examples the properties are tried with."""

from hypothesis import settings

__all__ = ["examples"]


def examples(number: int) -> int:
    """So many; a third of them in a build, which tries the same ones each time.

    People and mutation runs try all of them, and `scripts/fuzz` tries more.
    """
    return number // 3 if settings.get_current_profile_name() == "ci" else number
