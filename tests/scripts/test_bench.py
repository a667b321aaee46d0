"""The bench command: what it prints and what it refuses. Figures are recorded, never asserted."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scripts.benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_a_figure_is_one_json_line_under_each_forks_rules() -> None:
    done = bench("gas.approve")
    assert done.returncode == 0, done.stderr
    figures = [json.loads(line) for line in done.stdout.splitlines()]
    assert [figure["evm"] for figure in figures] == ["cancun", "prague"]
    for figure in figures:
        assert figure["bench"] == "gas.approve"
        assert figure["unit"] == "gas"
        assert figure["value"] > 21_000


def test_an_unknown_name_is_refused_with_the_names() -> None:
    done = bench("gas.nothing")
    assert done.returncode == 2
    assert done.stdout == ""
    assert {"gas.payout_row", "node.mints_per_s"} <= set(done.stderr.split())
