"""Figures of the embedded node: a process of its own, the real contracts, signed transactions over JSON-RPC.

Timed from the first byte sent to the last receipt. `erc20_transfers_per_s` is the same node's rate of plain
token transfers between two holders, half of them sent just before and half just after, so that a figure can
be read on a machine that does other work too; `ratio` is the value divided by it.
"""

import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from web3 import Web3

from bridge import setup
from bridge.chain import Call, Chain
from contracts.artifacts import TEMPLATE_VERSION
from contracts.ids import name_id, template_id
from contracts.rows import CHUNK_ROWS, RowTree
from contracts.terms import Guard, InstitutionKind, Kind, Role, disbursement_arguments
from contracts.typed_data import Value, in_signer_order
from scripts.benchmarks.process import Client, Sender, Signed, running_node
from scripts.benchmarks.workload import (
    AUDITOR,
    BANK,
    ENTERPRISE,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    BenchFailed,
    Figure,
    actor,
    batch_of,
    erc20_creation,
    erc20_transfer,
    note,
)

MINTS = 1_000
PAYOUT_ROWS = 128 * CHUNK_ROWS
TRANSFERS = 1_000
DAY_SECONDS = 86_400
BEIJING_SECONDS = 8 * 3_600
REPORT = name_id("delivery-report")
# From midnight to midnight in Beijing, as a time window packs it.
ALL_DAY = DAY_SECONDS << 32 | BEIJING_SECONDS << 64

bridge, bank, attester, agency, operator, witness, holder = (
    actor(name) for name in ("bridge", "bank", "attester", "agency", "operator", "witness", "holder")
)


@dataclass
class Site:
    """One network: a node with a founded chain, an active disbursement and a plain token."""

    client: Client
    chain: Chain
    bridge: Sender
    holder: Sender
    disbursement: str = ""
    token: str = ""

    def perform(self, name: str, function: str, *arguments: object) -> dict[str, Any]:
        """The bridge calls a contract and waits; the receipt."""
        at = self.disbursement if name == "Disbursement" else None
        _, (receipt,) = self.client.settle(
            [self.bridge.sign(self.chain.call(name, function, *arguments, at=at))]
        )
        return receipt

    def made(self, event: str, field: str, receipt: dict[str, Any]) -> Any:
        """A value of the one event of this name in a transaction."""
        stored = self.chain.receipt(bytes.fromhex(receipt["transactionHash"][2:]))
        events = [] if stored is None else [self.chain.decode(entry) for entry in stored["logs"]]
        (found,) = (each.values[field] for each in events if each.name == event)
        return found

    def signed(self, contract: str, kind: str, by: Sequence[LocalAccount], /, **values: Value) -> list[bytes]:
        """Signatures over a message, in the order the contracts take."""
        message = self.chain.message(kind, contract, **values)
        return in_signer_order(message, [message.sign(who) for who in by])

    def transfers(self) -> list[Signed]:
        """Half of the plain token transfers."""
        call = Call(Web3.to_checksum_address(self.token), erc20_transfer(bank.address, 500_000))
        return [self.holder.sign(call) for _ in range(TRANSFERS // 2)]

    def timed(self, transactions: Sequence[Signed]) -> "Timed":
        """Settle the bridge's transactions between two halves of plain transfers."""
        before, after = self.transfers(), self.transfers()
        early, _ = self.client.settle(before)
        seconds, receipts = self.client.settle(transactions)
        late, _ = self.client.settle(after)
        return Timed(seconds, receipts, TRANSFERS / (early + late))


@dataclass(frozen=True)
class Timed:
    """What a run took."""

    seconds: float
    receipts: list[dict[str, Any]]
    transfers_per_s: float
    """Plain transfers, around the same time."""

    def figure(self, name: str, unit: str, number: int, **context: object) -> Figure:
        """One result line for a number of things done."""
        value = number / self.seconds
        gas = sum(int(receipt["gasUsed"], 16) for receipt in self.receipts)
        return {
            "bench": name,
            "value": round(value),
            "unit": unit,
            **context,
            "transactions": len(self.receipts),
            "gas_each": round(gas / number),
            "seconds": round(self.seconds, 2),
            "erc20_transfers_per_s": round(self.transfers_per_s),
            "ratio": round(value / self.transfers_per_s, 2),
            "python": platform.python_version(),
        }


# Founding


@contextmanager
def founded() -> Iterator[Site]:
    """Everything up to where money can be minted and paid out."""
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="dyetrace-bench-"))
        url = stack.enter_context(running_node(Path(directory) / "chain"))
        http = stack.enter_context(httpx.Client(base_url=url, timeout=60, trust_env=False))
        deployer, founders = actor("deployer"), _founding_changes()
        deployment = setup.deploy(url, deployer, founders, 1, _recovery(), [bank, agency])
        site = Site(Client(http), Chain(url, deployment), Sender(bridge), Sender(holder))
        site.perform("Accounts", "open_tree", TREE, BANK, QUORUM, b"CNY", ENTERPRISE)
        _attest(site, 10**13)
        site.perform("Ledger", "mint", keccak(b"opening"), TREE, TREE, WAGES, 10**12, ZERO)
        _activate(site)
        creation = site.holder.sign_creation(erc20_creation(holder.address, bank.address))
        _, (receipt,) = site.client.settle([creation])
        site.token = receipt["contractAddress"]
        yield site


def _founding_changes() -> list[setup.Change]:
    """Who takes part."""
    return [
        setup.add_institution("bank", InstitutionKind.BANK),
        setup.add_institution("agency", InstitutionKind.AGENCY),
        setup.add_institution("enterprise", InstitutionKind.ENTERPRISE),
        setup.add_institution("auditor", InstitutionKind.AUDITOR),
        setup.add_signer("bank", bridge.address, Role.MINTER | Role.SETTLER),
        setup.add_signer("bank", bank.address, Role.GOVERNOR | Role.SUPERVISOR),
        setup.add_signer("bank", attester.address, Role.ATTESTER),
        setup.add_signer("agency", agency.address, Role.GOVERNOR | Role.SUPERVISOR),
        setup.add_signer("enterprise", operator.address, Role.OPERATOR),
        setup.add_signer("auditor", witness.address, Role.WITNESS),
        *setup.quorum_changes("quorum", 2, ("bank", "agency")),
    ]


def _recovery() -> setup.Recovery:
    """Who could found the directory again."""
    return setup.Recovery(tuple(actor(f"recovery {number}").address for number in range(3)), 2)


def _attest(site: Site, balance: int) -> None:
    """The bank stands for a balance, which all minting stays within."""
    statement: dict[str, Value] = {
        "tree": TREE,
        "number": 0,
        "balance": balance,
        "credits": 0,
        "debits": 0,
        "statement": ZERO,
    }
    (signature,) = site.signed("Supervision", "Attestation", [attester], **statement)
    site.perform("Supervision", "attest", TREE, balance, 0, 0, ZERO, signature)


def _terms(now: int) -> tuple[Guard, ...]:
    """Guards of six kinds, none of which refuses the batch."""
    return (
        Guard(0, Kind.APPROVAL, 2, subject=QUORUM),
        Guard(1, Kind.ROSTER, PAYOUT_ROWS, subject=keccak(b"roster")),
        Guard(2, Kind.PAYOUT_CAP, 1_000_000),
        Guard(3, Kind.WINDOW_CAP, 10**12, DAY_SECONDS, BEIJING_SECONDS, subject=keccak(b"window")),
        Guard(4, Kind.TIME_WINDOW, now - DAY_SECONDS, now + DAY_SECONDS, ALL_DAY),
        Guard(5, Kind.EVIDENCE, DAY_SECONDS, subject=REPORT, party=AUDITOR),
    )


def _activate(site: Site) -> None:
    """Deploy the disbursement and let it draw on the account."""
    template = template_id("disbursement", TEMPLATE_VERSION)
    arguments = disbursement_arguments(TREE, WAGES, _terms(site.chain.now()))
    deployed = site.perform("AgreementFactory", "deploy", template, arguments, ZERO, ZERO)
    site.disbursement = site.made("AgreementDeployed", "agreement", deployed)
    consents = site.signed(
        "AgreementFactory",
        "Activation",
        [bank, agency],
        agreement=site.disbursement,
        template=template,
        arguments=keccak(arguments),
        file=ZERO,
        results=ZERO,
    )
    site.perform("AgreementFactory", "activate", site.disbursement, consents)


def _ready(site: Site, rows: RowTree) -> bytes:
    """A batch reserved, approved by two institutions and attested; its id."""
    terms = site.chain.read("Disbursement", "terms_hash", at=site.disbursement)
    bound: dict[str, Value] = {
        "root": rows.root,
        "count": len(rows.rows),
        "total": rows.total_minor,
        "deadline": site.chain.now() + DAY_SECONDS,
    }
    asked: dict[str, Value] = {"dyeClass": WAGES, **bound, "document": ZERO}
    (signature,) = site.signed(site.disbursement, "Reservation", [operator], terms=terms, **asked)
    reserved = site.perform("Disbursement", "reserve", *asked.values(), signature)
    batch: bytes = site.made("Reserved", "batch", reserved)
    for who in (bank, agency):
        values: dict[str, Value] = {"batch": batch, "terms": terms, "account": TREE, **bound}
        (signature,) = site.signed(site.disbursement, "Approval", [who], **values)
        site.perform("Disbursement", "approve", batch, signature)
    evidence: dict[str, Value] = {
        "batch": batch,
        "kind": REPORT,
        "digest": keccak(b"report"),
        "observedAt": site.chain.now(),
    }
    (signature,) = site.signed(site.disbursement, "Evidence", [witness], **evidence)
    site.perform("Disbursement", "attest", *evidence.values(), signature)
    return batch


# Benches


def bench_mints(site: Site) -> Figure:
    """Credits minted straight to an account whose line is in use."""
    references = [keccak(b"credit %d" % number) for number in range(MINTS)]
    calls = [
        site.chain.call("Ledger", "mint", reference, TREE, TREE, WAGES, 10_000, reference)
        for reference in references
    ]
    timed = site.timed([site.bridge.sign(call) for call in calls])
    return timed.figure("node.mints_per_s", "mints/s", MINTS)


def bench_payout_rows(site: Site) -> Figure:
    """A ready batch executed in full chunks, under guards of six kinds."""
    rows = batch_of(PAYOUT_ROWS)
    batch = _ready(site, rows)
    at = site.disbursement
    calls = [
        site.chain.call("Disbursement", "execute", batch, chunk.rows, chunk.proof, False, at=at)
        for chunk in rows.chunks(CHUNK_ROWS)
    ]
    timed = site.timed([site.bridge.sign(call) for call in calls])
    end = site.made("ChunkExecuted", "end_row", timed.receipts[-1])
    if end != PAYOUT_ROWS:
        raise BenchFailed(f"{end} of {PAYOUT_ROWS} rows are executed")
    guards = len(_terms(0))
    return timed.figure(
        "node.payout_rows_per_s",
        "rows/s",
        PAYOUT_ROWS,
        rows=PAYOUT_ROWS,
        chunk_rows=CHUNK_ROWS,
        guards=guards,
    )


BENCHES: dict[str, Callable[[Site], Figure]] = {
    "node.payout_rows_per_s": bench_payout_rows,
    "node.mints_per_s": bench_mints,
}


def figures(names: Sequence[str]) -> Iterator[Figure]:
    """Run these benches on one node."""
    if not names:
        return
    note("node: starting a node and founding a network on it")
    with founded() as site:
        for name in names:
            note(f"node: {name}")
            yield BENCHES[name](site)
