"""Deploying the contracts of a new network."""

from collections.abc import Sequence
from dataclasses import dataclass

import rlp
from eth_account.signers.local import LocalAccount
from eth_typing import ChecksumAddress
from eth_utils.crypto import keccak
from web3 import Web3
from web3.types import Nonce, TxReceipt

from bridge.chain import Call, Chain, Deployment
from bridge.errors import TransactionFailed
from contracts.artifacts import TEMPLATE_VERSION, TEMPLATES, artifact
from contracts.ids import name_id, template_id
from contracts.terms import InstitutionKind, Role
from contracts.typed_data import in_signer_order

__all__ = [
    "Change",
    "FoundingInstitution",
    "FoundingQuorum",
    "FoundingSigner",
    "Recovery",
    "deploy",
    "founding_changes",
]

ZERO = bytes(32)
NOBODY = "0x" + "00" * 20
DEPLOY_GAS = 100_000_000
SHARED = {"clauses": "Clauses"}
"""Contracts that agreements of several templates use, registered under names like templates."""

Change = tuple[int, bytes, bytes, str, int]
"""(kind, subject, institution, who, operand), as Directory.vy takes it."""


@dataclass(frozen=True)
class FoundingInstitution:
    """An institution of the first directory."""

    name: str
    kind: InstitutionKind


@dataclass(frozen=True)
class FoundingSigner:
    """A signer of the first directory."""

    institution: str
    address: str
    roles: Role


@dataclass(frozen=True)
class FoundingQuorum:
    """A quorum of the first directory."""

    name: str
    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Recovery:
    """Keys that lie elsewhere and can give the directory new governors, after twice its delay."""

    signers: tuple[str, ...]
    threshold: int


def add_institution(name: str, kind: InstitutionKind) -> Change:
    """A change that adds an institution."""
    return (1, ZERO, name_id(name), NOBODY, int(kind))


def add_signer(institution: str, address: str, roles: Role) -> Change:
    """A change that adds a signer."""
    return (2, ZERO, name_id(institution), Web3.to_checksum_address(address), int(roles))


def quorum_changes(name: str, threshold: int, members: Sequence[str]) -> list[Change]:
    """Changes that make a quorum."""
    added: list[Change] = [(3, name_id(name), name_id(member), NOBODY, 0) for member in members]
    return [*added, (5, name_id(name), ZERO, NOBODY, threshold)]


def remove_member(quorum: str, institution: str) -> Change:
    """A change that takes an institution out of a quorum."""
    return (4, name_id(quorum), name_id(institution), NOBODY, 0)


def suspend_signer(address: str) -> Change:
    """A change that takes every role from a signer."""
    return (7, ZERO, ZERO, Web3.to_checksum_address(address), 0)


def founding_changes(
    institutions: Sequence[FoundingInstitution],
    signers: Sequence[FoundingSigner],
    quorums: Sequence[FoundingQuorum],
) -> list[Change]:
    """The changes that make a first directory."""
    changes = [add_institution(each.name, each.kind) for each in institutions]
    changes += [add_signer(each.institution, each.address, each.roles) for each in signers]
    for quorum in quorums:
        changes += quorum_changes(quorum.name, quorum.threshold, quorum.members)
    return changes


class _Deployer:
    """Sends transactions one by one, for a set-up that nothing else runs beside."""

    def __init__(self, web3: Web3, key: LocalAccount) -> None:
        self.web3 = web3
        self.key = key
        self.chain_id = web3.eth.chain_id
        self.nonce: int = int(web3.eth.get_transaction_count(key.address))

    def address_after(self, transactions: int) -> ChecksumAddress:
        """Where a contract lands that is created after that many more transactions."""
        encoded = rlp.encode([bytes.fromhex(self.key.address[2:]), self.nonce + transactions])
        return Web3.to_checksum_address(keccak(encoded)[12:])

    def send(self, data: bytes, to: ChecksumAddress | None = None) -> TxReceipt:
        """Send and wait. Raises TransactionFailed."""
        signed = self.key.sign_transaction(
            {
                **({} if to is None else {"to": to}),
                "data": data,
                "value": 0,
                "gas": DEPLOY_GAS,
                "gasPrice": 0,
                "nonce": Nonce(self.nonce),
                "chainId": self.chain_id,
            }
        )
        self.nonce += 1
        receipt = self.web3.eth.wait_for_transaction_receipt(
            self.web3.eth.send_raw_transaction(signed.raw_transaction), timeout=60, poll_latency=0.02
        )
        if receipt["status"] != 1:
            raise TransactionFailed("deployment-failed", "A transaction of the deployment reverted.")
        return receipt

    def create(self, name: str, *arguments: object) -> ChecksumAddress:
        """Deploy a contract."""
        made = self.web3.eth.contract(abi=artifact(name).abi, bytecode=artifact(name).bytecode)
        data = made.constructor(*arguments).data_in_transaction
        return _created(self.send(bytes.fromhex(data[2:])))

    def call(self, call: Call) -> TxReceipt:
        """Call a contract."""
        return self.send(call.data, call.to)


def _created(receipt: TxReceipt) -> ChecksumAddress:
    address = receipt["contractAddress"]
    if address is None:
        raise TransactionFailed("deployment-failed", "The node created no contract.")
    return address


def deploy(
    url: str,
    deployer: LocalAccount,
    changes: Sequence[Change],
    delay_seconds: int,
    recovery: Recovery,
    governors: Sequence[LocalAccount],
) -> Deployment:
    """Deploy the contracts and the blueprints of the templates, and register the templates.

    `governors` sign the registration, from two institutions. The deployer keeps no role.
    Raises ChainError, TransactionFailed.
    """
    web3 = Chain.connect(url)
    maker = _Deployer(web3, deployer)
    first_block = web3.eth.block_number + 1
    keys = [Web3.to_checksum_address(each) for each in recovery.signers]
    directory = maker.create("Directory", delay_seconds, list(changes), keys, recovery.threshold)
    # They know each other, so the addresses of those that come later are computed.
    supervision, registry, factory = (maker.address_after(number) for number in (2, 3, 4))
    accounts = maker.create("Accounts", directory, factory, supervision)
    ledger = maker.create("Ledger", accounts, supervision)
    created = (
        maker.create("Supervision", ledger, accounts),
        maker.create("Registry", factory),
        maker.create("AgreementFactory", ledger, registry),
    )
    if created != (supervision, registry, factory):
        raise TransactionFailed("deployment-failed", "A contract is not where the others expect it.")
    places = (directory, accounts, ledger, supervision, registry, factory)
    deployed = Deployment(maker.chain_id, first_block, *places)
    chain = Chain(url, deployed)
    for name, contract in SHARED.items():
        _register(maker, chain, governors, name, maker.create(contract, factory))
    for name, contract in TEMPLATES.items():
        _register(maker, chain, governors, name, _created(maker.send(artifact(contract).blueprint)))
    return chain.deployment


def _register(
    maker: _Deployer, chain: Chain, governors: Sequence[LocalAccount], name: str, address: ChecksumAddress
) -> None:
    identity = template_id(name, TEMPLATE_VERSION)
    code_hash = keccak(maker.web3.eth.get_code(address))
    message = chain.message(
        "Template", "AgreementFactory", template=identity, blueprint=address, codeHash=code_hash
    )
    consents = in_signer_order(message, [message.sign(governor) for governor in governors])
    maker.call(chain.call("AgreementFactory", "register_template", identity, address, consents))
