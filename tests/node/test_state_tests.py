"""Tests in the format of ``ethereum/tests``: ours, and a checkout's if there is one."""

import os
from contextlib import suppress
from pathlib import Path

import pytest

from tests.node.state_tests.loader import NotForUs, cases_of, read_tests, run_case, run_chain

OWN = Path(__file__).parent / "state_tests"
CHECKOUT = os.environ.get("DYETRACE_ETHEREUM_TESTS")
"""Where a checkout of ethereum/tests is, to run all of it that this node can have an opinion on."""


def files(folder: str) -> list[Path]:
    """The checkout's files in a folder."""
    return sorted((Path(CHECKOUT or "") / folder).rglob("*.json"))


def test_own_transactions() -> None:
    cases = [case for name, test in read_tests(OWN / "transactions.json") for case in cases_of(name, test)]
    assert len({case.fork for case in cases}) == 13  # each but Constantinople, which no network runs any more
    assert 100 < sum(case.refused for case in cases) < len(cases) / 2
    assert {case.name: found for case in cases if (found := run_case(case))} == {}


@pytest.mark.parametrize("name", [name for name, _ in read_tests(OWN / "chains.json")])
def test_own_chains(name: str, tmp_path: Path) -> None:
    assert run_chain(dict(read_tests(OWN / "chains.json"))[name], tmp_path) == []


def test_a_wrong_result_is_noticed() -> None:
    name, test = next(iter(read_tests(OWN / "transactions.json")))
    post = test["post"]["Prague"][0]
    post |= {"hash": "0x" + "11" * 32, "logs": "0x" + "22" * 32, "expectException": "it should"}
    (case,) = (case for case in cases_of(name, test) if case.name.endswith("Prague/0,0,0"))
    assert [found.split(" is ")[0] for found in run_case(case)] == ["refused", "state root", "logs hash"]


def test_a_wrong_chain_is_noticed(tmp_path: Path) -> None:
    test = dict(read_tests(OWN / "chains.json"))["chain_Prague"]
    first, bad = test["blocks"][:2]
    unexpected = {"rlp": bad["rlp"]}
    assert "is refused" in run_chain(test | {"blocks": [first, unexpected]}, tmp_path)[0]


def test_a_bad_block_taken_is_noticed(tmp_path: Path) -> None:
    test = dict(read_tests(OWN / "chains.json"))["chain_Prague"]
    expected = test["blocks"][0] | {"expectException": "it should be refused"}
    assert "is taken" in run_chain(test | {"blocks": [expected]}, tmp_path)[0]


if CHECKOUT:

    @pytest.mark.parametrize("path", files("GeneralStateTests"), ids=lambda path: path.stem)
    def test_public_state_tests(path: Path) -> None:
        cases = (case for name, test in read_tests(path) for case in cases_of(name, test))
        assert {case.name: found for case in cases if (found := run_case(case))} == {}

    @pytest.mark.parametrize("path", files("BlockchainTests"), ids=lambda path: path.stem)
    def test_public_blockchain_tests(path: Path, tmp_path: Path) -> None:
        wrong = {}
        for place, (name, test) in enumerate(read_tests(path)):
            (tmp_path / str(place)).mkdir()
            with suppress(NotForUs):
                if found := run_chain(test, tmp_path / str(place)):
                    wrong[name] = found
        assert wrong == {}
