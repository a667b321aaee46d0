"""The demonstration as a user runs it: the same processes, and every figure it ends with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
FAULTS = {
    "amount-zero",
    "amount-negative",
    "amount-decimals",
    "currency-mismatch",
    "over-cap",
    "payee-unknown",
    "row-duplicate",
    "payee-name-empty",
    "id-too-long",
    "control-total-mismatch",
    "column-missing",
    "encoding-invalid",
}
GUARDS = [
    "approvals-missing",
    "payee-not-on-roster",
    "payout-cap",
    "window-cap",
    "outside-time-window",
    "evidence-missing",
]
COUNTS = {
    "lots": 3,
    "suspense": 1,
    "batch_rows": 240,
    "lots_in_batch": 2,
    "approvals": 2,
    "settled": 237,
    "returned_rejected": 2,
    "returned_late": 1,
    "breaks_injected": 2,
    "breaks_found": 2,
    "breaks_unexplained": 0,
    "crash_recovered": True,
    "double_sent": 0,
}


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    """What `scripts/demo --json` ends with. It must not need the caller's folder or settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DYETRACE_")}
    done = subprocess.run(
        [sys.executable, "-m", "scripts.demonstration", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        timeout=560,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    lines = done.stdout.splitlines()
    assert len(lines) == 1, "standard output is one JSON line and nothing else"
    found: dict[str, Any] = json.loads(lines[-1])
    return found


@pytest.mark.e2e
def test_every_count_is_as_expected(figures: dict[str, Any]) -> None:
    assert {name: figures[name] for name in COUNTS} == COUNTS


@pytest.mark.e2e
def test_every_fault_and_every_guard_is_named(figures: dict[str, Any]) -> None:
    assert len(figures["upload_faults"]) == len(FAULTS)
    assert set(figures["upload_faults"]) == FAULTS
    assert figures["guards_refused"] == GUARDS


@pytest.mark.e2e
def test_the_trace_adds_up_to_the_payout(figures: dict[str, Any]) -> None:
    first, second = figures["trace_backward"]
    assert first["lot"] != second["lot"]
    assert second["start"] == 0
    assert first["start"] + first["amount_minor"] == 30_000_000
    assert figures["trace_forward_rows"] > 100


@pytest.mark.e2e
def test_every_invariant_holds(figures: dict[str, Any]) -> None:
    names = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I9", "I11")
    assert figures["invariants"] == dict.fromkeys(names, True)
