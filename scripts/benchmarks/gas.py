"""Gas of the acts that matter: whole transactions in this process, under Cancun's and Prague's rules."""

from collections.abc import Callable, Iterator, Sequence

from eth_hash.auto import keccak

from contracts.rows import CHUNK_ROWS
from contracts.terms import Guard, Kind, allocation_arguments, disbursement_arguments
from scripts.benchmarks.network import DAY_SECONDS, Network, agency, bank, bridge, founded, operator
from scripts.benchmarks.workload import (
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    Figure,
    batch_of,
    erc20_creation,
    erc20_transfer,
    erc1155_creation,
    erc1155_transfer,
    note,
)

EVM_VERSIONS = ("cancun", "prague")
PAYEES = 100_000
TERMS = (
    Guard(0, Kind.APPROVAL, 2, subject=QUORUM),
    Guard(1, Kind.ROSTER, PAYEES, subject=keccak(b"roster")),
    Guard(2, Kind.PAYOUT_CAP, 1_000_000),
    Guard(3, Kind.WINDOW_CAP, 10**12, DAY_SECONDS, subject=keccak(b"window")),
    Guard(4, Kind.LIFETIME_CAP, 10**14, subject=keccak(b"lifetime")),
)
PAYEE_WINDOW = Guard(5, Kind.PAYEE_CAP, 10**9, DAY_SECONDS, subject=keccak(b"payee"))
FUNDED = 10_000


def bench_mint(network: Network) -> Figure:
    """A credit minted to an account whose line is in use."""
    return _reported("gas.mint", network.mint(FUNDED).gas)


def bench_batch_mint_item(network: Network) -> Figure:
    """One of as many credits as a call takes."""
    items = [(network.reference(), TREE, WAGES, FUNDED, ZERO) for _ in range(64)]
    return _each("gas.batch_mint_item", network.send("Ledger", "mint_many", TREE, items).gas, len(items))


def bench_transfer(network: Network) -> Figure:
    """Funding one account from another through an allocation, both lines in use."""
    terms = (Guard(0, Kind.PAYOUT_CAP, 10**9),)
    network.agreement("Funding", "allocation", allocation_arguments(TREE, WAGES, (PROJECT,), terms))
    network.allocate("Funding", PROJECT, 5_000, keccak(b"first"))
    return _reported("gas.transfer", network.allocate("Funding", PROJECT, 5_000, keccak(b"second")).gas)


def bench_activate(network: Network) -> Figure:
    """The quorum activates a disbursement with five guards."""
    activated = network.agreement("Wages", "disbursement", disbursement_arguments(TREE, WAGES, TERMS))
    return _reported("gas.activate", activated.gas)


def bench_reserve(network: Network) -> Figure:
    """A batch reserved, its caps in use."""
    _disbursement(network)
    network.reserve("Wages", batch_of(8))
    return _reported("gas.reserve", network.reserve("Wages", batch_of(16)).gas)


def bench_approve(network: Network) -> Figure:
    """The second approval of a batch."""
    _disbursement(network)
    rows = batch_of(24)
    batch = network.reserve("Wages", rows).output
    network.approve("Wages", batch, rows, bank)
    return _reported("gas.approve", network.approve("Wages", batch, rows, agency).gas)


def bench_payout_row(network: Network) -> Figure:
    """The second full chunk of three: two signers, roster, payout cap and aggregate caps."""
    _disbursement(network)
    return _payout(network, "gas.payout_row", "Wages")


def bench_payout_row_windowed(network: Network) -> Figure:
    """The same with a cap for each payee and window, on counters in use."""
    arguments = disbursement_arguments(TREE, WAGES, (*TERMS, PAYEE_WINDOW))
    network.agreement("Windowed", "disbursement", arguments)
    _payout(network, "", "Windowed")
    return _payout(network, "gas.payout_row_windowed", "Windowed")


def bench_return_row(network: Network) -> Figure:
    """One of as many rejected rows as a call takes, of a batch of three full chunks."""
    _disbursement(network)
    rows = batch_of(3 * CHUNK_ROWS)
    batch = _executed(network, "Wages")[0]
    proofs = [rows.leaf_proof(row) for row in range(0, 64, 8)]
    returns = [
        (batch, 8 * place, 0, held.start, held.rows, held.proof, ZERO) for place, held in enumerate(proofs)
    ]
    return _each("gas.return_row", network.send("Ledger", "return_rows", ZERO, 0, returns).gas, len(returns))


def bench_erc20_row(network: Network) -> Figure:
    """The same payment as a plain token transfer to an existing holder."""
    token = network.machine.create(erc20_creation(operator.address, agency.address), bridge)
    return _reported(
        "gas.erc20_row",
        network.machine.call(token, erc20_transfer(agency.address, 500_000), operator).gas,
    )


def bench_erc1155_row(network: Network) -> Figure:
    """The same payments as one batch of a plain multi-token, a token a payment, to an existing holder."""
    creation = erc1155_creation(operator.address, agency.address, CHUNK_ROWS)
    token = network.machine.create(creation, bridge)
    amounts = [row.amount_minor for row in batch_of(CHUNK_ROWS).rows]
    sent = network.machine.call(token, erc1155_transfer(operator.address, agency.address, amounts), operator)
    return _each("gas.erc1155_row", sent.gas, CHUNK_ROWS)


def _disbursement(network: Network) -> None:
    """Have an active disbursement."""
    if "Wages" not in network.contracts:
        network.agreement("Wages", "disbursement", disbursement_arguments(TREE, WAGES, TERMS))


def _payout(network: Network, name: str, at: str) -> Figure:
    """The second of three full chunks."""
    return _each(name, _executed(network, at)[1], CHUNK_ROWS)


def _executed(network: Network, at: str) -> tuple[bytes, int]:
    """A batch of three full chunks, and the gas of the second."""
    rows = batch_of(3 * CHUNK_ROWS)
    # Batches alike in all else differ by their deadline.
    network.machine.now += 1
    batch = network.reserve(at, rows).output
    for who in (bank, agency):
        network.approve(at, batch, rows, who)
    return batch, network.execute(at, batch, rows)[1].gas


def _reported(name: str, gas: int, **more: object) -> Figure:
    return {"bench": name, "value": gas, "unit": "gas", **more}


def _each(name: str, gas: int, number: int) -> Figure:
    """A part of a call."""
    return _reported(name, round(gas / number), number=number, call=gas)


BENCHES: dict[str, Callable[[Network], Figure]] = {
    "gas.payout_row": bench_payout_row,
    "gas.payout_row_windowed": bench_payout_row_windowed,
    "gas.return_row": bench_return_row,
    "gas.mint": bench_mint,
    "gas.batch_mint_item": bench_batch_mint_item,
    "gas.transfer": bench_transfer,
    "gas.reserve": bench_reserve,
    "gas.approve": bench_approve,
    "gas.activate": bench_activate,
    "gas.erc20_row": bench_erc20_row,
    "gas.erc1155_row": bench_erc1155_row,
}


def figures(names: Sequence[str]) -> Iterator[Figure]:
    """Run these benches, each on a network of its own under each fork's rules."""
    for name in names:
        for evm in EVM_VERSIONS:
            note(f"{name}: founding a network under {evm}'s rules")
            yield {**BENCHES[name](founded(evm)), "evm": evm}
