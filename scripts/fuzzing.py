"""Long runs of the state machines in `tests/contracts`: one JSON line a machine, with its seed.

Every test that runs a state machine is run as it is, with its own fixtures; only the number of examples is
another: rounds under rising seeds, until the time is over. A failure is printed as Hypothesis prints it.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TextIO

import hypothesis.core
import hypothesis.stateful
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine

ROOT = Path(__file__).parent.parent
RUNNER = "run_state_machine_as_test"
EXAMPLES_A_ROUND = 20


@dataclass
class Count:
    """What a machine has done so far."""

    examples: int = 0
    steps: int = 0


@dataclass
class Fuzz:
    """A pytest plugin that keeps machine tests only, and runs each for its share of the time."""

    seconds: float
    seed: int
    machines: int = 0
    figures: TextIO = field(default_factory=lambda: os.fdopen(os.dup(1), "w"))
    """Standard output, as it was before pytest took it."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the tests that run a machine; of those with the name asked for, which share the time."""
        kept = [item for item in items if _runs_a_machine(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept
        self.machines = len(kept)

    def run(self, machine: Any, *, settings: settings | None = None, **_: Any) -> None:
        """What `run_state_machine_as_test` does, again and again. Prints the line of this machine."""
        share = self.seconds / max(self.machines, 1)
        started = time.monotonic()
        count, rounds, failed = Count(), 0, True
        counted: Any = partial(_counted(machine), count)
        try:
            while rounds == 0 or time.monotonic() - started < share:
                hypothesis.core.global_force_seed = self.seed + rounds  # type: ignore[assignment]  # Hypothesis means it for itself
                rounds += 1
                _RUN(counted, settings=_longer(settings))
            failed = False
        finally:
            line = {
                "machine": getattr(machine, "__name__", str(machine)),
                "seed": self.seed,
                "last_seed": self.seed + rounds - 1,
                "examples": count.examples,
                "steps": count.steps,
                "seconds": round(time.monotonic() - started),
                "failed": failed,
            }
            print(json.dumps(line), file=self.figures, flush=True)


_RUN = hypothesis.stateful.run_state_machine_as_test


def _runs_a_machine(item: pytest.Item) -> bool:
    """Whether a test runs a machine itself, or is the test case of one."""
    code = getattr(getattr(item, "function", None), "__code__", None)
    return code is not None and RUNNER in code.co_names


def _longer(asked: settings | None) -> settings:
    """The test's own steps, a round's examples, and no memory of other runs."""
    steps = 50 if asked is None else asked.stateful_step_count
    return settings(
        max_examples=EXAMPLES_A_ROUND,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        derandomize=False,
        suppress_health_check=list(hypothesis.HealthCheck),
        print_blob=True,
    )


def _counted(machine: type[RuleBasedStateMachine]) -> Any:
    """The machine, counting examples and steps."""

    class Counted(machine):  # type: ignore[valid-type, misc]  # Hypothesis means it for itself
        def __init__(self, count: Count) -> None:
            self.__count = count
            count.examples += 1
            # The invariants are checked once before the first step.
            count.steps -= 1
            super().__init__()

        def check_invariants(self, *arguments: Any) -> None:
            self.__count.steps += 1
            super().check_invariants(*arguments)

    Counted.__name__ = Counted.__qualname__ = machine.__name__
    return Counted


def main() -> int:
    """Run the machines. Ends with 0 when none failed."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description="Long runs of the state machines.")
    parser.add_argument("--minutes", type=float, default=10.0, help="for all machines together")
    parser.add_argument("--seed", type=int, default=0, help="of the first round")
    parser.add_argument("name", nargs="?", default="", help="only the tests whose name has this in it")
    asked = parser.parse_args()
    fuzz = Fuzz(asked.minutes * 60, asked.seed)
    hypothesis.stateful.run_state_machine_as_test = fuzz.run  # type: ignore[assignment]  # Hypothesis means it for itself
    os.dup2(2, 1)
    files = [str(path) for path in ROOT.glob("tests/contracts/**/*.py") if RUNNER in path.read_text("utf-8")]
    options = ["-q", "--no-header", "--timeout=0", "-p", "no:cacheprovider", "-k", asked.name]
    # Hypothesis is imported here already.
    options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
    return int(pytest.main([*options, *sorted(files)], plugins=[fuzz]))


if __name__ == "__main__":
    sys.exit(main())
