"""Mutation of the contracts: what is changed, who judges it, and a sample that must not survive.

Run as a module it tries the sample itself: `python -m tests.scripts.test_mutation PART PARTS`.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contracts.artifacts import artifact
from scripts.mutation.compiler import bytecode, without_metadata
from scripts.mutation.mutants import Mutant, mutants
from scripts.mutation.survivors import listed
from scripts.mutation.targets import TARGETS, TESTS, hosts, judges
from scripts.mutation.workshop import KILLED, SURVIVED, warm_up, workshop
from scripts.vyper_source import VyperSource, sources

ROOT = Path(__file__).parents[2]
# A build tries a mutant of each of so many sources, of others when they change; none of those in LONG, which
# are in several contracts or judged by long tests. Anyone may try others, or all.
SOURCES = 9
LONG = {"modules/guards", "modules/lines", "modules/parties", "modules/payees", "modules/proportion"}
SEED, PROCESSES = 20, 2

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


def sample() -> list[Mutant]:
    """A mutant of each of some sources, not on the list of survivors; the same for the same sources."""
    known = {survivor.key for survivor in listed()}
    drawn = sorted((each for each in sources() if each.name not in LONG), key=lambda each: _draw(each.text))
    return [
        min(
            (mutant for mutant in mutants(source) if mutant.key not in known),
            key=lambda mutant: _draw(str(mutant.key)),
        )
        for source in drawn[:SOURCES]
    ]


def _draw(text: str) -> bytes:
    return hashlib.sha256(f"{SEED} {text}".encode()).digest()


def try_sample(part: int, parts: int) -> None:
    """Try every so many-th mutant of the sample; one JSON line each."""
    warm_up()
    with workshop(timeout_seconds=300) as place:
        for mutant in sample()[part::parts]:
            verdict = place.try_mutant(mutant)
            told = (*mutant.key, verdict.outcome, verdict.by, verdict.seconds)
            print(json.dumps(told), flush=True)  # noqa: T201 - the test reads it


def test_the_sample_is_of_different_sources_and_always_the_same() -> None:
    held = sample()
    assert [mutant.key for mutant in held] == [mutant.key for mutant in sample()]
    assert len({mutant.source for mutant in held} - LONG) == SOURCES


def test_no_mutant_of_the_sample_survives_unlisted() -> None:
    command = [sys.executable, "-m", "tests.scripts.test_mutation"]
    running = [
        subprocess.Popen(
            [*command, str(part), str(PROCESSES)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for part in range(PROCESSES)
    ]
    told = []
    for process in running:
        printed, complaints = process.communicate(timeout=500)
        assert process.returncode == 0, complaints
        told += [json.loads(line) for line in printed.splitlines()]
    assert len(told) == len(sample())
    assert [line for line in told if line[4] == SURVIVED] == []
    assert sum(line[4] == KILLED for line in told) > len(told) // 2


if __name__ == "__main__":
    try_sample(*(int(argument) for argument in sys.argv[1:]))
