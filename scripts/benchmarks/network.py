"""A founded network on a chain in this process: every contract, one tree, agreements as they are needed."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eth_abi.abi import decode, encode
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple

from contracts.artifacts import TEMPLATE_VERSION, TEMPLATES, Artifact, artifact
from contracts.ids import template_id
from contracts.rows import CHUNK_ROWS, RowTree
from contracts.terms import Role
from contracts.typed_data import TypedMessage, Value, in_signer_order
from scripts.benchmarks.workload import (
    AGENCY,
    AUDITOR,
    BANK,
    ENTERPRISE,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    actor,
)
from scripts.compile import compiled
from scripts.evm import CHAIN_ID, Machine, Result, created_address

__all__ = ["Network", "Source", "agency", "bank", "bridge", "compiled_for", "founded", "operator"]

NOBODY = "0x" + "00" * 20
CHANGE = "(uint256,bytes32,bytes32,address,uint256)"
DAY_SECONDS = 86_400
FOUNDERS = ("Directory", "Accounts", "Ledger", "Supervision", "Registry", "AgreementFactory")

bridge, bank, agency, operator, attester, witness = (
    actor(name) for name in ("bridge", "bank", "agency", "operator", "attester", "witness")
)
recovery = [actor(f"recovery {number}") for number in range(3)]

FOUNDING: list[tuple[int, bytes, bytes, str, int]] = [
    (1, ZERO, BANK, NOBODY, 1),
    (1, ZERO, AGENCY, NOBODY, 2),
    (1, ZERO, ENTERPRISE, NOBODY, 3),
    (1, ZERO, AUDITOR, NOBODY, 4),
    (2, ZERO, BANK, bridge.address, int(Role.MINTER | Role.SETTLER)),
    (2, ZERO, BANK, bank.address, int(Role.GOVERNOR | Role.SUPERVISOR)),
    (2, ZERO, BANK, attester.address, int(Role.ATTESTER)),
    (2, ZERO, AGENCY, agency.address, int(Role.GOVERNOR | Role.SUPERVISOR)),
    (2, ZERO, ENTERPRISE, operator.address, int(Role.OPERATOR)),
    (2, ZERO, AUDITOR, witness.address, int(Role.WITNESS)),
    (3, QUORUM, BANK, NOBODY, 0),
    (3, QUORUM, AGENCY, NOBODY, 0),
    (5, QUORUM, ZERO, NOBODY, 2),
]

Source = Callable[[str], Artifact]
"""Finds a contract's artefact by its name."""


def compiled_for(evm_version: str) -> Source:
    """Artefacts made from the sources for another EVM version."""
    held: dict[str, Artifact] = {}

    def find(name: str) -> Artifact:
        if name not in held:
            made = json.loads(json.dumps(compiled(name, evm_version)))
            code = bytes.fromhex(made["bytecode"][2:])
            runtime_hash = bytes.fromhex(made["runtime_hash"][2:])
            held[name] = Artifact(
                name, made["abi"], code, made["runtime_bytes"], runtime_hash, made["storage"]
            )
        return held[name]

    return find


@dataclass
class Network:
    """Contracts by name; agreements under the names they were given."""

    machine: Machine
    source: Source = artifact
    contracts: dict[str, str] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    """Contract of each agreement."""
    credits: int = 0

    def send(self, at: str, function: str, *arguments: object, sender: LocalAccount = bridge) -> Result:
        """Call a contract by ABI, in a transaction. Raises Failed."""
        entry = self._entry(at, function)
        types = [collapse_if_tuple(part) for part in entry["inputs"]]
        selector = keccak(f"{function}({','.join(types)})".encode())[:4]
        return self.machine.call(self.contracts[at], selector + encode(types, arguments), sender)

    def read(self, at: str, function: str, *arguments: object) -> object:
        """The first value a contract answers."""
        types = [collapse_if_tuple(part) for part in self._entry(at, function)["outputs"]]
        return decode(types, self.send(at, function, *arguments).output)[0]

    def signed(self, at: str, kind: str, values: dict[str, Value], *by: LocalAccount) -> list[bytes]:
        """Signatures over a message, in the order the contracts take."""
        message = TypedMessage(kind, CHAIN_ID, self.contracts[at], values)
        return in_signer_order(message, [message.sign(who) for who in by])

    def _entry(self, at: str, function: str) -> dict[str, list[dict[str, object]]]:
        abi = self.source(self.kinds.get(at, at)).abi
        (entry,) = (each for each in abi if each["type"] == "function" and each["name"] == function)
        return entry

    def deploy(self, name: str, types: Sequence[str], *arguments: object) -> None:
        """Deploy a contract of which there is one."""
        code = self.source(name).bytecode + encode(types, arguments)
        self.contracts[name] = self.machine.create(code, bridge)

    def agreement(self, name: str, template: str, arguments: bytes) -> Result:
        """Make an agreement of a template and activate it; the activation's result."""
        contract = TEMPLATES[template]
        identity = template_id(template, TEMPLATE_VERSION)
        if contract not in self.kinds.values():
            self.register(identity, self.machine.create(self.source(contract).blueprint, bridge))
        deployed = self.send("AgreementFactory", "deploy", identity, arguments, ZERO, ZERO)
        (address,) = decode(["address"], deployed.output)
        self.contracts[name], self.kinds[name] = address, contract
        activation: dict[str, Value] = {
            "agreement": address,
            "template": identity,
            "arguments": keccak(arguments),
            "file": ZERO,
            "results": ZERO,
        }
        given = self.signed("AgreementFactory", "Activation", activation, bank, agency)
        return self.send("AgreementFactory", "activate", address, given)

    def register(self, identity: bytes, address: str) -> None:
        """Register code as a template, or as what agreements of templates share."""
        values: dict[str, Value] = {
            "template": identity,
            "blueprint": address,
            "codeHash": keccak(self.machine.code(address)),
        }
        given = self.signed("AgreementFactory", "Template", values, bank, agency)
        self.send("AgreementFactory", "register_template", identity, address, given)

    def mint(self, amount: int) -> Result:
        """Mint a lot to the tree's root account."""
        return self.send("Ledger", "mint", self.reference(), TREE, TREE, WAGES, amount, ZERO)

    def reference(self) -> bytes:
        """A bank reference never used before."""
        self.credits += 1
        return keccak(b"credit %d" % self.credits)

    def balance(self, account: bytes) -> int:
        """Wages on an account, minor units."""
        return int.from_bytes(self.send("Ledger", "account_balance", account, WAGES).output)

    def allocate(self, at: str, destination: bytes, amount: int, reference: bytes) -> Result:
        """Fund an account from the tree's by an allocation."""
        bound: list[Value] = [destination, amount, reference, self._deadline()]
        terms: bytes = self.read(at, "terms_hash")  # type: ignore[assignment]  # read() answers any type
        names = ("terms", "destination", "amount", "reference", "deadline")
        values: dict[str, Value] = dict(zip(names, (terms, *bound), strict=True))
        (signature,) = self.signed(at, "Allocation", values, operator)
        return self.send(at, "allocate", *bound, signature)

    def reserve(self, at: str, rows: RowTree) -> Result:
        """Reserve a batch of wages."""
        bound = (WAGES, rows.root, len(rows.rows), rows.total_minor, self._deadline(), ZERO)
        names = ("terms", "dyeClass", "root", "count", "total", "deadline", "document")
        terms: bytes = self.read(at, "terms_hash")  # type: ignore[assignment]  # read() answers any type
        values: dict[str, Value] = dict(zip(names, (terms, *bound), strict=True))
        (signature,) = self.signed(at, "Reservation", values, operator)
        return self.send(at, "reserve", *bound, signature)

    def approve(self, at: str, batch: bytes, rows: RowTree, by: LocalAccount) -> Result:
        """Approve a batch reserved just now."""
        terms: bytes = self.read(at, "terms_hash")  # type: ignore[assignment]  # read() answers any type
        values: dict[str, Value] = {
            "batch": batch,
            "terms": terms,
            "account": TREE,
            "root": rows.root,
            "count": len(rows.rows),
            "total": rows.total_minor,
            "deadline": self._deadline(),
            "document": ZERO,
        }
        (signature,) = self.signed(at, "Approval", values, by)
        return self.send(at, "approve", batch, signature)

    def execute(self, at: str, batch: bytes, rows: RowTree) -> list[Result]:
        """Execute all of an approved batch, in full chunks."""
        return [
            self.send(at, "execute", batch, chunk.rows, chunk.proof, False)
            for chunk in rows.chunks(CHUNK_ROWS)
        ]

    def _deadline(self) -> int:
        return self.machine.now + DAY_SECONDS


def founded(rules: str, source: Source = artifact) -> Network:
    """Everything deployed, a tree with a project below it, and money up to the attested balance."""
    network = Network(Machine(rules), source)
    first = network.machine.nonce(bridge)
    at = {name: created_address(bridge.address, first + place) for place, name in enumerate(FOUNDERS)}
    quorum = [who.address for who in recovery]
    types = ["uint256", f"{CHANGE}[]", "address[]", "uint256"]
    network.deploy("Directory", types, DAY_SECONDS, FOUNDING, quorum, 2)
    addresses = [at[name] for name in ("Directory", "AgreementFactory", "Supervision")]
    network.deploy("Accounts", ["address"] * 3, *addresses)
    network.deploy("Ledger", ["address"] * 2, at["Accounts"], at["Supervision"])
    network.deploy("Supervision", ["address"] * 2, at["Ledger"], at["Accounts"])
    network.deploy("Registry", ["address"], at["AgreementFactory"])
    network.deploy("AgreementFactory", ["address"] * 2, at["Ledger"], at["Registry"])
    network.deploy("Clauses", ["address"], at["AgreementFactory"])
    network.register(template_id("clauses", TEMPLATE_VERSION), network.contracts["Clauses"])
    network.send("Accounts", "open_tree", TREE, BANK, QUORUM, b"CNY", ENTERPRISE)
    opening: dict[str, Value] = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
    (signature,) = network.signed("Supervision", "Opening", opening, operator)
    network.send("Supervision", "open_account", PROJECT, TREE, ENTERPRISE, signature)
    balance = 10**15
    statement: dict[str, Value] = {
        "tree": TREE,
        "number": 0,
        "balance": balance,
        "credits": 0,
        "debits": 0,
        "statement": ZERO,
    }
    (signature,) = network.signed("Supervision", "Attestation", statement, attester)
    network.send("Supervision", "attest", TREE, balance, 0, 0, ZERO, signature)
    for _ in range(2):
        network.mint(10**11)
    return network
