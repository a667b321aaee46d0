"""What all trials of an agreement share: where it would be, and throwaway signers for everybody."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from web3 import Web3

from bridge.chain import Call, Chain
from bridge.platform import Platform
from bridge.simulation import simulate_calls
from bridge.store import payments, projections
from contracts.agreement import CompiledAgreement
from contracts.artifacts import artifact
from contracts.terms import Guard, Kind, Refusal, Role
from contracts.typed_data import TypedMessage, Value, in_signer_order

__all__ = ["Cast", "Schedule", "Stage", "activation", "make_stage", "mint"]

SINCE_BIT = 16
"""Where a signer's authority says since when it is one, behind its roles (`Directory.vy`)."""
ENOUGH_MINOR = 2**61
"""What the throwaway attester stands for: more than any case needs."""
NOTHING = bytes(32)
MAX_SIGNERS = 16
CAST_ROLES = (Role.SUPERVISOR, Role.OPERATOR, Role.WITNESS, Role.ATTESTER)


@dataclass(frozen=True)
class Cast:
    """Throwaway signers of one trial, one for each institution and role."""

    signers: Mapping[tuple[bytes, Role], LocalAccount]

    def of(self, institution: bytes, role: Role) -> LocalAccount:
        """Somebody who has a role for an institution; nobody the directory knows for an unknown one."""
        return self.signers.get((institution, role)) or Account.create()


@dataclass(frozen=True)
class Stage:
    """What all cases of a trial share."""

    platform: Platform
    compiled: CompiledAgreement
    cast: Cast
    agreement: ChecksumAddress
    controller: bytes
    tree: bytes
    bank: bytes
    supervisors: tuple[bytes, ...]
    """Institutions that supervise: those whose approval the terms ask for first."""
    quorum: tuple[bytes, ...]
    """Institutions of the tree's quorum."""
    others: Mapping[str, ChecksumAddress]
    """Addresses of active agreements by name."""

    @property
    def chain(self) -> Chain:
        """The chain it is tried on."""
        return self.platform.chain

    @property
    def terms(self) -> bytes:
        """The hash of the terms, as the template makes it from its arguments."""
        return keccak(self.compiled.arguments)

    def guards(self, kind: Kind) -> tuple[Guard, ...]:
        """The guards of a kind."""
        return tuple(guard for guard in self.compiled.guards if guard.kind == kind)

    def members(self, quorum: bytes) -> tuple[bytes, ...]:
        """Institutions of a quorum."""
        with self.platform.database.read() as session:
            return tuple(sorted(projections.quorum_members(session, quorum)))

    def consents(self, message: TypedMessage, institutions: Iterable[bytes], role: Role) -> list[bytes]:
        """Signatures of these institutions, as contracts take them."""
        signers = [self.cast.of(each, role) for each in institutions][:MAX_SIGNERS]
        return in_signer_order(message, [message.sign(each) for each in signers])

    def run(self, schedule: "Schedule", overrides: Mapping[str, object] | None = None) -> Refusal | None:
        """Let a schedule happen; the first refusal, if any."""
        return next((each for each in self.results(schedule, overrides) if isinstance(each, Refusal)), None)

    def results(
        self, schedule: "Schedule", overrides: Mapping[str, object] | None = None
    ) -> list[bytes | Refusal]:
        """Let a schedule happen; what each call returned or how it was refused."""
        slots: dict[str, object] = {
            self.chain.deployment.Directory: {"stateDiff": _signer_slots(self.cast)},
            self.chain.deployment.Supervision: {"stateDiff": _attestation_slot(self.tree)},
        }
        sender = self.platform.sender.key.address
        return simulate_calls(self.chain, sender, schedule.blocks(), {**slots, **(overrides or {})})


class Schedule:
    """Calls by the chain time at which they are made."""

    def __init__(self) -> None:
        self._calls: dict[int, list[Call]] = {}

    def add(self, moment: int, *calls: Call) -> None:
        """Make calls at a time, after those that are there."""
        self._calls.setdefault(moment, []).extend(calls)

    def blocks(self) -> list[tuple[int, Sequence[Call]]]:
        """Blocks in order of time."""
        return sorted(self._calls.items())


def make_stage(platform: Platform, compiled: CompiledAgreement) -> Stage:
    """Everything a trial needs. Raises ChainError."""
    chain = platform.chain
    account = chain.read("Ledger", "account", compiled.account_id)
    tree = chain.read("Ledger", "tree", account.tree)
    with platform.database.read() as session:
        institutions = [row.institution for row in projections.institutions(session)]
        quorum = sorted(projections.quorum_members(session, tree.quorum))
        asked = {guard.subject for guard in compiled.guards if guard.kind == Kind.APPROVAL}
        approving = {each for name in asked for each in projections.quorum_members(session, name)}
        others = {
            held.name: Web3.to_checksum_address(held.address or "")
            for held in payments.agreements_in_force(session)
        }
    cast = Cast({(each, role): Account.create() for each in institutions for role in CAST_ROLES})
    factory = chain.deployment.AgreementFactory
    encoded = rlp.encode([bytes.fromhex(factory[2:]), chain.transaction_count(factory)])
    return Stage(
        platform,
        compiled,
        cast,
        Web3.to_checksum_address(keccak(encoded)[12:]),
        account.controller,
        account.tree,
        tree.bank,
        (*sorted(approving), *sorted(set(quorum) - approving)),
        tuple(quorum),
        others,
    )


def _signer_slots(cast: Cast) -> dict[str, str]:
    """Storage of the Directory in which the throwaway signers hold their roles (Vyper's layout)."""
    slot = artifact("Directory").storage["_signers"]
    slots = {}
    for (institution, role), who in cast.signers.items():
        first = int.from_bytes(keccak(encode(["uint256", "address"], [slot, who.address])))
        authority = int(role) | 1 << SINCE_BIT
        for offset, word in enumerate((institution, authority.to_bytes(32))):
            slots[f"0x{first + offset:064x}"] = "0x" + word.hex()
    return slots


def _attestation_slot(tree: bytes) -> dict[str, str]:
    """Storage of Supervision in which the tree's next attestation has number 0: what the bank attests while a
    trial is prepared does not disturb it."""
    slot = artifact("Supervision").storage["attestation_number"]
    place = keccak(encode(["uint256", "bytes32"], [slot, tree]))
    return {"0x" + place.hex(): "0x" + NOTHING.hex()}


def activation(stage: Stage) -> list[Call]:
    """The agreement, deployed and active."""
    chain, compiled = stage.chain, stage.compiled
    made = (compiled.template_id, compiled.arguments, compiled.file_hash, compiled.results_hash)
    message = chain.message(
        "Activation",
        "AgreementFactory",
        agreement=stage.agreement,
        template=compiled.template_id,
        arguments=keccak(compiled.arguments),
        file=compiled.file_hash,
        results=compiled.results_hash,
    )
    consents = stage.consents(message, stage.quorum, Role.SUPERVISOR)
    return [
        chain.call("AgreementFactory", "deploy", *made),
        chain.call("AgreementFactory", "activate", stage.agreement, consents),
    ]


def mint(stage: Stage, money: Iterable[tuple[bytes, bytes, int]]) -> list[Call]:
    """Put money, `(account, dye class, minor units)` each, into accounts, as if the bank had it."""
    chain = stage.chain
    values: dict[str, Value] = {
        "tree": stage.tree,
        "balance": ENOUGH_MINOR,
        "credits": 0,
        "debits": 0,
        "statement": NOTHING,
    }
    message = chain.message("Attestation", "Supervision", number=0, **values)
    signature = message.sign(stage.cast.of(stage.bank, Role.ATTESTER))
    stated: list[Any] = [*values.values(), signature]
    return [
        chain.call("Supervision", "attest", *stated),
        *(
            chain.call(
                "Ledger",
                "mint",
                secrets.token_bytes(32),
                stage.tree,
                account,
                dye_class,
                amount,
                secrets.token_bytes(32),
            )
            for account, dye_class, amount in money
            if amount
        ),
    ]
