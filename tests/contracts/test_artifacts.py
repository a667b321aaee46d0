"""The artefacts are what the sources give."""

import subprocess
import sys
from pathlib import Path

import boa
import pytest
from eth_hash.auto import keccak

from contracts.artifacts import DEPLOYABLES, TEMPLATES, artifact
from scripts.compile import EIP_170_BYTES
from tests.contracts.chain import deploy_code

ROOT = Path(__file__).parents[2]


def test_artefacts_are_reproducible() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/compile.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", DEPLOYABLES)
def test_runtime_code_fits(name: str) -> None:
    assert 0 < artifact(name).runtime_bytes < EIP_170_BYTES


@pytest.mark.parametrize("name", sorted(TEMPLATES.values()))
def test_a_blueprint_has_the_hash_it_is_registered_by(name: str) -> None:
    held = artifact(name)
    assert keccak(boa.env.get_code(deploy_code(held.blueprint))) == held.blueprint_code_hash
