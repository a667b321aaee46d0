"""Tries mutants in a copy of the tree: a forked process each compiles one, runs the tests and reports."""

import contextlib
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.mutation.compiler import bytecode, without_metadata
from scripts.mutation.mutants import Mutant
from scripts.mutation.targets import ROOT, hosts, judges

__all__ = ["Verdict", "Workshop", "warm_up", "workshop"]

KILLED, SURVIVED = "killed", "survived"
STILLBORN, SAME_CODE, STALE = "does not compile", "same code", "stale artefact"

_COPIED = ("contracts", "scripts", "tests", "pyproject.toml")
_OURS = ("contracts", "scripts", "tests")
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant."""

    outcome: str
    by: str = ""
    """The test that failed, or why there was none."""
    seconds: float = 0.0


def warm_up() -> None:
    """Import what every child needs, so that a fork has it."""
    import boa  # type: ignore[import-untyped]  # noqa: F401
    import hypothesis.stateful  # noqa: F401
    import pytest  # noqa: F401

    import contracts.typed_data  # noqa: F401

    gc.collect()
    gc.freeze()


@contextmanager
def workshop(timeout_seconds: float) -> Iterator["Workshop"]:
    """A copy of the tree to work in; the tree itself is only read."""
    with tempfile.TemporaryDirectory(prefix="dyetrace-mutation-") as directory:
        copy = Path(directory)
        for name in _COPIED:
            held = ROOT / name
            if held.is_dir():
                shutil.copytree(held, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(held, copy / name)
        yield Workshop(copy, timeout_seconds)


class Workshop:
    """One copy of the tree, one mutant at a time."""

    def __init__(self, copy: Path, timeout_seconds: float) -> None:
        self._copy = copy
        self._timeout_seconds = timeout_seconds
        self._parent = os.getppid()
        self._killers: dict[str, dict[str, None]] = {}

    def try_source(self, source: str) -> Verdict:
        """The verdict on a source as it is: anything but `survived` is a fault of its tests."""
        return self._in_child(None, source, [])

    def try_mutant(self, mutant: Mutant) -> Verdict:
        """Compile a mutant and run the tests of its source until one fails."""
        path = self._copy / "contracts" / f"{mutant.source}.vy"
        text = path.read_text("utf-8")
        kept = {name: self._artifact(name).read_bytes() for name in hosts(mutant.source)}
        # Who caught its neighbours is asked first.
        first = self._killers.setdefault(f"{mutant.source}.{mutant.function}", {})
        try:
            path.write_text(mutant.applied(text), "utf-8")
            verdict = self._in_child(mutant, mutant.source, list(first))
        finally:
            path.write_text(text, "utf-8")
            for name, content in kept.items():
                self._artifact(name).write_bytes(content)
        if verdict.outcome == KILLED and "::" in verdict.by:
            first[verdict.by] = None
        return verdict

    def _artifact(self, name: str) -> Path:
        return self._copy / "contracts" / "artifacts" / f"{name}.json"

    def _in_child(self, mutant: Mutant | None, source: str, first: list[str]) -> Verdict:
        """Fork, wait, read the report; a child that takes too long is killed, and the mutant with it."""
        started = time.monotonic()
        report = self._copy / "report.json"
        report.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            self._child(report, mutant, source, first)
        ended = False
        while not ended and time.monotonic() - started < self._timeout_seconds and self._is_asked():
            ended = os.waitpid(child, os.WNOHANG) != (0, 0)
            time.sleep(0 if ended else _POLL_SECONDS)
        if not ended:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        seconds = round(time.monotonic() - started, 1)
        if not report.exists():
            if ended:
                raise RuntimeError(f"no report: {(self._copy / 'output.txt').read_text()}")
            return Verdict(KILLED, "took too long", seconds)
        return Verdict(**{**json.loads(report.read_text()), "seconds": seconds})

    def _is_asked(self) -> bool:
        """Whether who wants the verdict still lives."""
        return os.getppid() == self._parent

    def _child(self, report: Path, mutant: Mutant | None, source: str, first: list[str]) -> None:
        """The child's whole life."""
        try:
            os.chdir(self._copy)
            os.environ["CI"] = "1"
            _only_import_from(self._copy)
            _silence(self._copy / "output.txt")
            verdict = _compiled(hosts(source))
            if mutant is None:
                verdict = Verdict("" if verdict.outcome == SAME_CODE else STALE)
            if not verdict.outcome:
                verdict = _judged([*first, *judges(source)])
            report.write_text(json.dumps(asdict(verdict)))
        except BaseException:  # noqa: BLE001 - nothing of the parent's may run in the child
            traceback.print_exc()
        finally:
            os._exit(0)


def _only_import_from(copy: Path) -> None:
    """Forget our packages, so that they come from the copy."""
    for name in list(sys.modules):
        if name.partition(".")[0] in _OURS:
            del sys.modules[name]
    sys.path[:] = [str(copy), *(path for path in sys.path if path not in ("", str(ROOT)))]


def _silence(output: Path) -> None:
    """Write what the child prints to a file."""
    held = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(held, 1)
    os.dup2(held, 2)


def _compiled(names: tuple[str, ...]) -> Verdict:
    """Write new artefacts. No verdict yet when some code is another."""
    gc.disable()
    changed = False
    for name in names:
        at = Path("contracts/artifacts") / f"{name}.json"
        held: dict[str, Any] = json.loads(at.read_text())
        try:
            made = bytecode(Path("contracts").absolute(), name, held["evm_version"])
        except Exception as refused:  # noqa: BLE001 - whatever the compiler says, there is no such mutant
            return Verdict(STILLBORN, type(refused).__name__)
        changed |= without_metadata(made) != without_metadata(held["bytecode"])
        at.write_text(json.dumps({**held, "bytecode": made}))
    gc.enable()
    return Verdict("" if changed else SAME_CODE)


def _judged(tests: list[str]) -> Verdict:
    """Run tests until one fails."""
    import pytest

    caught = _FirstFailure()
    arguments = ["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", *tests]
    with contextlib.suppress(SystemExit):
        code = pytest.main(arguments, plugins=[caught])
        if code == pytest.ExitCode.OK:
            return Verdict(SURVIVED)
    return Verdict(KILLED, caught.test or f"pytest ended with {code}")


class _FirstFailure:
    """Names the test that failed, and keeps Hypothesis from looking for a smaller example."""

    test = ""

    def pytest_collection(self) -> None:
        """Hypothesis reports the first example; the tests' own settings are made after this."""
        from hypothesis import Phase, settings

        phases = (Phase.explicit, Phase.generate)
        settings.register_profile("mutation", deadline=None, derandomize=True, database=None, phases=phases)
        settings.load_profile("mutation")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a failure in a test or its fixtures."""
        if report.failed and not self.test:
            self.test = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        """Note a file that can't be imported."""
        if report.failed and not self.test:
            self.test = report.nodeid
