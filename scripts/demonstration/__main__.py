"""Runs the steps, says what came of them, and ends with 0 only if everything came out as expected."""

import argparse
import json
import sys
import tempfile
import time
import traceback
from contextlib import ExitStack
from pathlib import Path

from scripts.demonstration.network import Network, StepFailed, note
from scripts.demonstration.steps import STEPS, Figures, Story


def main() -> int:
    """Parse the options and run."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description="The main job, on real processes.")
    parser.add_argument("--json", action="store_true", help="end with one JSON line")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep data and logs there (a new directory)")
    options = parser.parse_args()
    with ExitStack() as stack:
        data = _directory(options.keep, stack)
        figures, failed = _run(data, stack)
    if options.json:
        print(json.dumps(figures, ensure_ascii=False))
    else:
        _report(figures)
    return 1 if failed else 0


def _directory(keep: Path | None, stack: ExitStack) -> Path:
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dyetrace-demo-")))
    try:
        keep.mkdir(parents=True)
    except FileExistsError:
        sys.exit(f"--keep: {keep} exists; name a new directory.")
    return keep.absolute()


def _run(data: Path, stack: ExitStack) -> tuple[Figures, bool]:
    started = time.monotonic()
    figures: Figures = {}
    failed = False
    note("1. start: chain, bank and platform, each in its own process; deploy")
    try:
        story = Story(Network.start(data, stack))
        for number, (name, step) in enumerate(STEPS, start=2):
            summary = (step.__doc__ or name).splitlines()[0]
            note(f"{number}. {name}: {summary}")
            figures |= step(story)
    except StepFailed as failure:
        note(f"failed: {failure}")
        failed = True
    except Exception:  # noqa: BLE001 - whatever went wrong, the report ends with a verdict
        note(traceback.format_exc())
        failed = True
    figures["seconds"] = round(time.monotonic() - started, 1)
    return figures, failed


def _report(figures: Figures) -> None:
    print("Dyetrace demonstration")
    for name, value in figures.items():
        shown = value if isinstance(value, str | int | float) else json.dumps(value, ensure_ascii=False)
        print(f"  {name:20} {shown}")


if __name__ == "__main__":
    sys.exit(main())
