"""Mutation of the contracts: what is changed, who judges it, and a sample that must not survive."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.artifacts import artifact
from scripts.mutation.compiler import bytecode, without_metadata
from scripts.mutation.mutants import mutants
from scripts.mutation.survivors import listed
from scripts.mutation.targets import TARGETS, TESTS, hosts, judges
from scripts.vyper_source import VyperSource, sources

ROOT = Path(__file__).parents[2]
# A build tries a few of sources that are compiled and judged within seconds; anyone may try others, or all.
QUICK = ("AgreementFactory", "Allocation", "DeliveryVersusPayment", "Escrow", "Guarantee", "Registry")
SAMPLE, SEED = 4, 20

TRICKY = '''\
# pragma version 0.4.3
from interfaces import IVault

MAX_COINS: constant(uint256) = 8
is_open: bool
total: uint256


@external
def put(vault: address, coins: DynArray[uint256, MAX_COINS]):
    """
    @notice Put coins: in, or not.
    """
    assert staticcall IVault(vault).limit() >= 2 and not self.is_open, "vault: 三 closed"
    for coin: uint256 in coins:
        if coin == 0:
            continue
        self.total += coin
    extcall IVault(vault).put(
        self.total,  # all of it
    )
    log Put(total=self.total << 1)
    self.is_open = True
'''


def changes(text: str) -> set[tuple[str, str]]:
    return {(mutant.before, mutant.after) for mutant in mutants(VyperSource.parse("Vault", text))}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("MAX_COINS: constant(uint256) = 8", "MAX_COINS: constant(uint256) = (8) + 1"),
        ("MAX_COINS: constant(uint256) = 8", "MAX_COINS: constant(uint256) = (8) - 1"),
        ("if coin == 0:", "if coin != 0:"),
        ("continue", "pass"),
        ("self.total += coin", "pass"),
        ("self.total += coin", "self.total -= coin"),
        ("extcall IVault(vault).put( self.total, # all of it )", "pass"),
        ("log Put(total=self.total << 1)", "pass"),
        ("log Put(total=self.total << 1)", "log Put(total=self.total >> 1)"),
        ("self.is_open = True", "pass"),
        ("self.is_open = True", "self.is_open = False"),
    ],
)
def test_what_is_changed(before: str, after: str) -> None:
    assert (before, after) in changes(TRICKY)


def test_a_check_goes_whole_or_in_parts() -> None:
    check = 'assert staticcall IVault(vault).limit() >= 2 and not self.is_open, "vault: 三 closed"'
    assert {after for before, after in changes(TRICKY) if before == check} == {
        "pass",
        check.replace(">=", ">"),
        check.replace("2", "1"),
        check.replace("2", "3"),
        check.replace("staticcall IVault(vault).limit() >= 2", "True"),
        check.replace("not self.is_open", "True"),
        check.replace("not self.is_open", "self.is_open"),
    }


def test_a_mutant_changes_its_line_alone() -> None:
    source = VyperSource.parse("Vault", TRICKY)
    for mutant in mutants(source):
        old, new = TRICKY.splitlines(), mutant.applied(TRICKY).splitlines()
        if len(old) == len(new):
            assert [i + 1 for i, line in enumerate(old) if line != new[i]] == [mutant.line]


def test_every_source_is_mutated_and_judged() -> None:
    held = sources()
    assert {source.name for source in held} == set(TARGETS)
    for source in held:
        assert mutants(source)
        assert judges(source.name)
        assert all((ROOT / "contracts" / f"{host}.vy").exists() for host in hosts(source.name))


@pytest.mark.parametrize("source", sorted(TARGETS))
def test_every_pattern_finds_tests(source: str) -> None:
    for pattern in TARGETS[source].tests:
        assert list(TESTS.rglob(f"{pattern}.py")), pattern


def test_survivors_on_the_list_are_mutants_with_a_reason() -> None:
    known = {mutant.key for source in sources() for mutant in mutants(source)}
    survivors = listed()
    assert {survivor.key for survivor in survivors} <= known
    assert len({survivor.key for survivor in survivors}) == len(survivors)
    assert all(survivor.reason.endswith(".") for survivor in survivors)


def test_another_comment_is_the_same_code(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "contracts" / "interfaces", tmp_path / "interfaces")
    text = (ROOT / "contracts" / "Registry.vy").read_text("utf-8")
    (tmp_path / "Registry.vy").write_text(f"{text}# Said differently.\n", "utf-8")
    held = "0x" + artifact("Registry").bytecode.hex()
    made = bytecode(tmp_path, "Registry", "cancun")
    assert made != held
    assert without_metadata(made) == without_metadata(held)


def test_no_mutant_of_the_sample_survives_unlisted() -> None:
    sample = [f"--sample={SAMPLE}", f"--seed={SEED}", *(f"--contract={name}" for name in QUICK)]
    command = [sys.executable, "-m", "scripts.mutation", "contracts", *sample]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["mutants"] == SAMPLE
    assert summary["killed"] > 0
