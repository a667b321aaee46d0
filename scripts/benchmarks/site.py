"""A network founded over JSON-RPC on any node: the real contracts, two disbursements, a plain token."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from bridge import setup
from bridge.chain import Chain
from contracts.artifacts import TEMPLATE_VERSION
from contracts.ids import name_id, template_id
from contracts.rows import RowTree
from contracts.terms import Guard, InstitutionKind, Kind, Role, disbursement_arguments
from contracts.typed_data import Value, in_signer_order
from scripts.benchmarks.process import Client, Endpoint, Sender
from scripts.benchmarks.workload import (
    AUDITOR,
    BANK,
    ENTERPRISE,
    PAYOUT_ROWS,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    actor,
    erc20_creation,
)

__all__ = ["Site", "bank", "founded", "ready", "terms"]

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
    """One network: a node with a founded chain, disbursements in force and a plain token."""

    endpoint: Endpoint
    client: Client
    chain: Chain
    bridge: Sender
    holder: Sender
    token: str = ""
    disbursements: dict[bool, str] = field(default_factory=dict)
    """By whether there are caps for each payee and window."""

    def perform(self, name: str, function: str, *arguments: object, at: str | None = None) -> dict[str, Any]:
        """The bridge calls a contract and waits; the receipt."""
        call = self.chain.call(name, function, *arguments, at=at)
        (receipt,) = self.client.settle([self.bridge.sign(call)]).receipts
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


# Founding


@contextmanager
def founded(endpoint: Endpoint) -> Iterator[Site]:
    """Everything on a new chain up to where money can be minted and paid out."""
    with httpx.Client(base_url=endpoint.url, timeout=120, trust_env=False) as http:
        deployer, founders = actor("deployer"), _founding_changes()
        deployment = setup.deploy(endpoint.url, deployer, founders, 1, _recovery(), [bank, agency])
        chain = Chain(endpoint.url, deployment)
        site = Site(endpoint, Client(http), chain, Sender(bridge), Sender(holder))
        site.perform("Accounts", "open_tree", TREE, BANK, QUORUM, b"CNY", ENTERPRISE)
        _attest(site, 10**13)
        site.perform("Ledger", "mint", keccak(b"opening"), TREE, TREE, WAGES, 10**12, ZERO)
        for windowed in (False, True):
            _activate(site, windowed)
        creation = site.holder.sign_creation(erc20_creation(holder.address, bank.address))
        (receipt,) = site.client.settle([creation]).receipts
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


def terms(now: int, windowed: bool) -> tuple[Guard, ...]:
    """Guards of six or seven kinds, none of which refuses the batch."""
    payee = Guard(6, Kind.PAYEE_CAP, 10**9, DAY_SECONDS, subject=keccak(b"payee"))
    return (
        Guard(0, Kind.APPROVAL, 2, subject=QUORUM),
        Guard(1, Kind.ROSTER, PAYOUT_ROWS, subject=keccak(b"roster")),
        Guard(2, Kind.PAYOUT_CAP, 1_000_000),
        Guard(3, Kind.WINDOW_CAP, 10**12, DAY_SECONDS, BEIJING_SECONDS, subject=keccak(b"window")),
        Guard(4, Kind.TIME_WINDOW, now - DAY_SECONDS, now + DAY_SECONDS, ALL_DAY),
        Guard(5, Kind.EVIDENCE, DAY_SECONDS, subject=REPORT, party=AUDITOR),
        *([payee] if windowed else []),
    )


def _activate(site: Site, windowed: bool) -> None:
    """Deploy a disbursement and let it draw on the account."""
    template = template_id("disbursement", TEMPLATE_VERSION)
    arguments = disbursement_arguments(TREE, WAGES, terms(site.chain.now(), windowed))
    deployed = site.perform("AgreementFactory", "deploy", template, arguments, ZERO, ZERO)
    disbursement = site.disbursements[windowed] = site.made("AgreementDeployed", "agreement", deployed)
    consents = site.signed(
        "AgreementFactory",
        "Activation",
        [bank, agency],
        agreement=disbursement,
        template=template,
        arguments=keccak(arguments),
        file=ZERO,
        results=ZERO,
    )
    site.perform("AgreementFactory", "activate", disbursement, consents)


def ready(site: Site, at: str, rows: RowTree) -> bytes:
    """A batch of a disbursement reserved, approved by two institutions and attested; its id."""
    terms = site.chain.read("Disbursement", "terms_hash", at=at)
    bound: dict[str, Value] = {
        "root": rows.root,
        "count": len(rows.rows),
        "total": rows.total_minor,
        "deadline": site.chain.now() + DAY_SECONDS,
    }
    asked: dict[str, Value] = {"dyeClass": WAGES, **bound, "document": ZERO}
    (signature,) = site.signed(at, "Reservation", [operator], terms=terms, **asked)
    reserved = site.perform("Disbursement", "reserve", *asked.values(), signature, at=at)
    batch: bytes = site.made("Reserved", "batch", reserved)
    for who in (bank, agency):
        values: dict[str, Value] = {
            "batch": batch,
            "terms": terms,
            "account": TREE,
            **bound,
            "document": ZERO,
        }
        (signature,) = site.signed(at, "Approval", [who], **values)
        site.perform("Disbursement", "approve", batch, signature, at=at)
    evidence: dict[str, Value] = {
        "batch": batch,
        "kind": REPORT,
        "digest": keccak(b"report"),
        "observedAt": site.chain.now(),
    }
    (signature,) = site.signed(at, "Evidence", [witness], **evidence)
    site.perform("Disbursement", "attest", *evidence.values(), signature, at=at)
    return batch
