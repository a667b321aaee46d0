"""The committed list of mutants that no test can or need catch, each with its reason."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.mutation.mutants import Mutant

__all__ = ["PATH", "Survivor", "listed"]

PATH = Path(__file__).parents[2] / "contracts" / "survivors.json"


@dataclass(frozen=True)
class Survivor:
    """One entry of the list."""

    source: str
    function: str
    before: str
    after: str
    reason: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The key of its mutant."""
        return self.source, self.function, self.before, self.after


def listed() -> list[Survivor]:
    """The list, as committed."""
    return [Survivor(**entry) for entry in json.loads(PATH.read_text("utf-8"))]


def entry(mutant: Mutant, reason: str) -> dict[str, str]:
    """How a mutant stands on the list."""
    return asdict(Survivor(mutant.source, mutant.function, mutant.before, mutant.after, reason))
