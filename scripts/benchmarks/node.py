"""Figures of the embedded node: a process of its own, the real contracts, signed transactions over JSON-RPC.

Rates run from the first byte sent to the last receipt. `cpu_seconds` is what the node's process used
meanwhile, so that a figure can be read on a machine that does other work too. `anvil` is the same, measured
in the same run; null where anvil isn't installed, nothing compares, or it gave up, which `anvil_failed`
tells.
"""

import platform
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
from eth_hash.auto import keccak
from web3 import Web3

from bridge.chain import Call
from contracts.rows import CHUNK_ROWS
from node.chain import open_chain
from node.genesis import Network
from node.keys import load_key
from scripts.benchmarks.process import (
    Client,
    Endpoint,
    Sender,
    Settled,
    Signed,
    anvil,
    new_chain,
    running_anvil,
    running_node,
)
from scripts.benchmarks.site import Site, bank, founded, ready, terms
from scripts.benchmarks.workload import (
    PAYOUT_ROWS,
    TREE,
    WAGES,
    BenchFailed,
    Figure,
    actor,
    batch_of,
    erc20_creation,
    erc20_transfer,
    note,
)

MINTS = 1_000
TRANSFERS = 1_000
LOGS = 10_000
RECEIPTS = 300
BLOCK_SECONDS = 0.1
BLOCKS = 100_000
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108


@dataclass
class Running:
    """What the benches of a run share on one kind of node; made when first asked for."""

    stack: ExitStack
    program: str | None
    """anvil's path, or ``None`` for our own node."""

    @cached_property
    def site(self) -> Site:
        """The founded network."""
        note(f"node: founding a network on {'anvil' if self.program else 'a node'}")
        endpoint = self.stack.enter_context(self.started())
        return self.stack.enter_context(founded(endpoint))

    def forget(self) -> None:
        """Have the next bench found a network anew."""
        self.__dict__.pop("site", None)

    @cached_property
    def receipt_ms(self) -> list[float]:
        """From sending one plain token transfer to its receipt, one after the other, rising."""
        with (
            self.started(BLOCK_SECONDS) as endpoint,
            httpx.Client(base_url=endpoint.url, trust_env=False) as http,
        ):
            client, holder = Client(http), Sender(actor("holder"))
            creation = holder.sign_creation(erc20_creation(holder.key.address, bank.address))
            (created,) = client.settle([creation]).receipts
            taken = []
            for place, transfer in enumerate(_transfers(holder, created["contractAddress"], RECEIPTS)):
                time.sleep(place * 0.618_034 % 1 * BLOCK_SECONDS)  # at every phase of the interval alike
                started = time.perf_counter()
                client.request("eth_sendRawTransaction", "0x" + transfer.raw.hex())
                client.receipt(transfer)
                taken.append((time.perf_counter() - started) * 1_000)
        return sorted(taken)

    @contextmanager
    def started(self, block_seconds: float | None = None) -> Iterator[Endpoint]:
        """One with a new chain; with blocks at an interval, or one as soon as there is something for it."""
        if self.program:
            options = ["--block-time", str(block_seconds)] if block_seconds else []
            with running_anvil(self.program, *options) as endpoint:
                yield endpoint
        else:
            options = ["--block-interval", str(block_seconds)] if block_seconds else []
            with tempfile.TemporaryDirectory(prefix="dyetrace-bench-") as directory:
                data = Path(directory) / "chain"
                new_chain(data)
                with running_node(data, *options) as endpoint:
                    yield endpoint


@dataclass(frozen=True)
class Measured:
    """What one bench gives on one node."""

    value: float
    context: dict[str, object] = field(default_factory=dict)


def _rate(site: Site, number: int, transactions: Sequence[Signed], batch: int | None = None) -> Measured:
    """So many things done a second, by transactions of the same sender."""
    before = site.endpoint.cpu_seconds()
    settled = site.client.settle(transactions, batch) if batch else site.client.settle(transactions)
    after = site.endpoint.cpu_seconds()
    used = {} if before is None or after is None else {"cpu_seconds": round(after - before, 2)}
    return Measured(number / settled.seconds, _context(number, settled) | used)


def _context(number: int, settled: Settled) -> dict[str, object]:
    return {
        "number": number,
        "transactions": len(settled.receipts),
        "gas_each": round(settled.gas / number),
        "seconds": round(settled.seconds, 2),
    }


# Benches of a founded network


def bench_single(running: Running) -> Measured:
    """Plain token transfers between two holders, each in a request of its own."""
    site = running.site
    return _rate(site, TRANSFERS, _transfers(site.holder, site.token, TRANSFERS), batch=1)


def bench_mints(running: Running) -> Measured:
    """Credits minted straight to an account whose line is in use."""
    site = running.site
    references = [keccak(b"credit %d" % number) for number in range(MINTS)]
    calls = [
        site.chain.call("Ledger", "mint", reference, TREE, TREE, WAGES, 10_000, reference)
        for reference in references
    ]
    return _rate(site, MINTS, [site.bridge.sign(call) for call in calls])


def bench_payout_rows(running: Running) -> Measured:
    """A ready batch executed in full chunks, under guards of six kinds."""
    return _payout(running.site, windowed=False)


def bench_payout_rows_windowed(running: Running) -> Measured:
    """The same with a cap for each payee and window."""
    return _payout(running.site, windowed=True)


def _payout(site: Site, *, windowed: bool) -> Measured:
    rows, at = batch_of(PAYOUT_ROWS), site.disbursements[windowed]
    batch = ready(site, at, rows)
    calls = [
        site.chain.call("Disbursement", "execute", batch, chunk.rows, chunk.proof, False, at=at)
        for chunk in rows.chunks(CHUNK_ROWS)
    ]
    transactions = [site.bridge.sign(call) for call in calls]
    measured = _rate(site, PAYOUT_ROWS, transactions)
    end = site.made("ChunkExecuted", "end_row", site.client.receipt(transactions[-1]))
    if end != PAYOUT_ROWS:
        raise BenchFailed(f"{end} of {PAYOUT_ROWS} rows are executed")
    more = {"chunk_rows": CHUNK_ROWS, "guards": len(terms(0, windowed))}
    return Measured(measured.value, measured.context | more)


def bench_get_logs(running: Running) -> Measured:
    """All events of one contract, each in a transaction of its own."""
    site = running.site
    creation = site.holder.sign_creation(erc20_creation(site.holder.key.address, bank.address))
    (created,) = site.client.settle([creation]).receipts
    token = created["contractAddress"]
    site.client.settle(_transfers(site.holder, token, LOGS))
    started = time.perf_counter()
    found = site.client.request("eth_getLogs", {"address": token, "fromBlock": "0x0", "toBlock": "latest"})
    seconds = time.perf_counter() - started
    if len(found) != LOGS:
        raise BenchFailed(f"{len(found)} of {LOGS} events are found")
    return Measured(seconds, {"number": LOGS})


def bench_memory(running: Running) -> Measured:
    """Memory in RAM after whatever of this run came before."""
    height = int(running.site.client.request("eth_blockNumber"), 16)
    return Measured(running.site.endpoint.memory_mib(), {"blocks": height})


def _transfers(sender: Sender, token: str, count: int) -> list[Signed]:
    call = Call(Web3.to_checksum_address(token), erc20_transfer(bank.address, 1))
    return [sender.sign(call) for _ in range(count)]


# Benches with a node of their own


def bench_receipt_p50(running: Running) -> Measured:
    """Half of the receipts are there after this long, with blocks at an interval."""
    return _receipts(running, 50)


def bench_receipt_p99(running: Running) -> Measured:
    """All but one in a hundred are there after this long, with blocks at an interval."""
    return _receipts(running, 99)


def _receipts(running: Running, percent: int) -> Measured:
    at = running.receipt_ms[RECEIPTS * percent // 100]
    return Measured(at, {"number": RECEIPTS, "block_seconds": BLOCK_SECONDS})


def bench_start(running: Running) -> Measured | None:
    """From starting the process to its first answer, with a chain of empty blocks."""
    if running.program:
        return None
    shared = SHARED_MEMORY if SHARED_MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="dyetrace-bench-", dir=shared) as directory:
        data = Path(directory) / "chain"
        new_chain(data)
        note(f"node: making {BLOCKS} blocks")
        chain = open_chain(data, Network.load(data), load_key(data, None))
        for _ in range(BLOCKS):
            chain.make_block((), even_if_empty=True)
        chain.store.close()
        started = time.perf_counter()
        with running_node(data) as endpoint, httpx.Client(base_url=endpoint.url, trust_env=False) as http:
            height = int(Client(http).request("eth_blockNumber"), 16)
            seconds = time.perf_counter() - started
    if height != BLOCKS:
        raise BenchFailed(f"the chain has {height} blocks")
    return Measured(seconds, {"number": BLOCKS})


BENCHES: dict[str, tuple[str, int, Callable[[Running], Measured | None]]] = {
    "node.payout_rows_per_s": ("rows/s", 0, bench_payout_rows),
    "node.payout_rows_windowed_per_s": ("rows/s", 0, bench_payout_rows_windowed),
    "node.single_tx_per_s": ("transactions/s", 0, bench_single),
    "node.mints_per_s": ("mints/s", 0, bench_mints),
    "node.get_logs_10000_s": ("s", 3, bench_get_logs),
    "node.rss_mib": ("MiB", 0, bench_memory),
    "node.receipt_p50_ms": ("ms", 1, bench_receipt_p50),
    "node.receipt_p99_ms": ("ms", 1, bench_receipt_p99),
    "node.start_100000_blocks_s": ("s", 2, bench_start),
}
"""By name: unit, digits behind the point, and the bench."""


def figures(names: Sequence[str]) -> Iterator[Figure]:
    """Run these benches on our node, and on anvil where it is installed."""
    if not names:
        return
    with ExitStack() as stack:
        program = anvil()
        if program is None:
            note("node: anvil isn't found; DYETRACE_ANVIL can name it")
        ours, peer = Running(stack, None), Running(stack, program) if program else None
        for name in names:
            note(f"node: {name}")
            yield _figure(name, ours, peer)


def _figure(name: str, ours: Running, peer: Running | None) -> Figure:
    unit, digits, bench = BENCHES[name]
    measured, compared, failed = bench(ours), None, {}
    if peer is not None:
        try:
            compared = bench(peer)
        except (BenchFailed, httpx.HTTPError) as exc:
            failed = {"anvil_failed": str(exc)}
            peer.forget()
    if measured is None:
        raise BenchFailed(f"{name} measures nothing")
    return {
        "bench": name,
        "value": _rounded(measured.value, digits),
        "unit": unit,
        "anvil": None if compared is None else _rounded(compared.value, digits),
        **failed,
        **measured.context,
        "python": platform.python_version(),
    }


def _rounded(value: float, digits: int) -> float:
    return round(value, digits) if digits else round(value)
