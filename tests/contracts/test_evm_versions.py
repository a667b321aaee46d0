"""Every deployable on every EVM version we name: it compiles, and works under that fork's rules."""

from collections.abc import Iterator
from functools import cache

import pytest
from eth_abi import decode

from contracts.artifacts import DEPLOYABLES, artifact
from contracts.terms import Guard, Kind, allocation_arguments, decode_refusal, disbursement_arguments
from scripts.benchmarks.network import Network, Source, agency, bank, compiled_for, founded, operator
from scripts.benchmarks.workload import PROJECT, QUORUM, TREE, WAGES, ZERO, actor, batch_of
from scripts.compile import EIP_170_BYTES
from scripts.evm import RULES, Failed
from scripts.mutation.compiler import quick

TERMS = (
    Guard(0, Kind.APPROVAL, 2, subject=QUORUM),
    Guard(1, Kind.ROSTER, 100, subject=b"r" * 32),
    Guard(2, Kind.WINDOW_CAP, 10**9, 86_400, subject=b"w" * 32),
)
ROWS = batch_of(12)
MINTED = 2 * 10**11

versions = pytest.mark.parametrize("evm_version", sorted(RULES))


@cache
def source(evm_version: str) -> Source:
    """What is compiled for a version, each contract once; the committed artefacts are Cancun's."""
    return artifact if evm_version == "cancun" else compiled_for(evm_version)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """The same code sooner; what is committed is compared with the compiler's own in `test_artifacts`."""
    with quick():
        yield


@pytest.fixture(scope="module", params=sorted(RULES))
def network(request: pytest.FixtureRequest) -> Network:
    """A founded network of contracts compiled for a fork, under its rules."""
    return founded(request.param, source(request.param))


@versions
@pytest.mark.parametrize("name", DEPLOYABLES)
def test_it_compiles_and_fits(name: str, evm_version: str) -> None:
    held = source(evm_version)(name)
    assert held.abi == artifact(name).abi
    assert 0 < held.runtime_bytes <= EIP_170_BYTES


def test_money_is_minted_and_moved(network: Network) -> None:
    assert network.balance(TREE) == MINTED
    arguments = allocation_arguments(TREE, WAGES, (PROJECT,), (Guard(0, Kind.PAYOUT_CAP, 900),))
    network.agreement("Funding", "allocation", arguments)
    network.allocate("Funding", PROJECT, 900, b"1" * 32)
    assert network.balance(PROJECT) == 900
    with pytest.raises(Failed) as refused:
        network.allocate("Funding", PROJECT, 901, b"2" * 32)
    assert decode_refusal(refused.value.output).code == "payout-cap"


def test_a_batch_is_paid_and_settled(network: Network) -> None:
    network.agreement("Wages", "disbursement", disbursement_arguments(TREE, WAGES, TERMS))
    before = network.balance(TREE)
    batch = network.reserve("Wages", ROWS).output
    assert network.balance(TREE) == before - ROWS.total_minor
    with pytest.raises(Failed):
        network.execute("Wages", batch, ROWS)
    for who in (bank, agency):
        network.approve("Wages", batch, ROWS, who)
    network.execute("Wages", batch, ROWS)
    with pytest.raises(Failed):
        network.send("Ledger", "settle", batch, sender=operator)
    leaf = ROWS.leaf_proof(3)
    returned = (batch, 3, 0, leaf.start, leaf.rows, leaf.proof, ZERO)
    network.send("Ledger", "return_rows", ZERO, 0, [returned])
    network.send("Ledger", "settle", batch)
    assert network.balance(TREE) == before - ROWS.total_minor + ROWS.rows[3].amount_minor


def test_a_stranger_mints_nothing(network: Network) -> None:
    with pytest.raises(Failed) as refused:
        network.send(
            "Ledger", "mint", network.reference(), TREE, TREE, WAGES, 1, ZERO, sender=actor("attacker")
        )
    (reason,) = decode(["string"], refused.value.output[4:])
    assert reason.startswith("accounts: ")
