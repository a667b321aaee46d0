"""The fuzz command: one JSON line a machine, the seed it starts from, and no machine left out."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def fuzz(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.fuzzing", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)


def test_a_machine_is_one_json_line() -> None:
    done = fuzz("--minutes=0", "--seed=3", "test_a_guarantee_always_ends_and_keeps_nothing")
    assert done.returncode == 0, done.stderr
    (line,) = (json.loads(line) for line in done.stdout.splitlines())
    assert (line["seed"], line["last_seed"], line["failed"]) == (3, 3, False)
    assert line["steps"] > line["examples"] >= 20


def test_a_name_that_no_machine_has_runs_nothing() -> None:
    done = fuzz("--minutes=0", "no-machine")
    assert done.returncode != 0
    assert done.stdout == ""
