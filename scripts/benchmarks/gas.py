"""Gas of the acts that matter, on an EVM in this process.

Every figure is a whole transaction under Cancun rules: 21,000, calldata (EIP-2028), execution on cold slots;
refunds (EIP-3529) taken off. `floor` is what Prague asks at least (EIP-7623); the larger counts there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import boa  # type: ignore[import-untyped]
from boa.util.abi import Address  # type: ignore[import-untyped]
from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils.abi import collapse_if_tuple
from eth_utils.address import to_canonical_address, to_checksum_address

from contracts.artifacts import artifact
from contracts.ids import template_id
from contracts.rows import CHUNK_ROWS, RowTree
from contracts.terms import Guard, Kind, Role, allocation_arguments, disbursement_arguments
from contracts.typed_data import TypedMessage, Value, in_signer_order
from scripts.benchmarks.workload import (
    AGENCY,
    BANK,
    ENTERPRISE,
    PROJECT,
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

NOBODY = "0x" + "00" * 20
TERMS = (
    Guard(0, Kind.APPROVAL, 2, subject=QUORUM),
    Guard(1, Kind.ROSTER, 100_000),
    Guard(2, Kind.PAYOUT_CAP, 1_000_000),
    Guard(3, Kind.WINDOW_CAP, 10**12, 86_400),
)

bridge, bank, agency, operator = (actor(name) for name in ("bridge", "bank", "agency", "operator"))


@dataclass(frozen=True)
class Cost:
    """What one transaction costs."""

    gas: int
    """Cancun: intrinsic, calldata and execution."""
    floor: int
    """Least that Prague asks for the calldata."""
    execution: int
    """Without intrinsic gas and calldata."""
    output: bytes
    """What the call returned."""


def cost_of(to: str, data: bytes, sender: str) -> Cost:
    """Run one transaction as the first to touch its slots. Raises BenchFailed when it reverts."""
    state = boa.env.evm.vm.state
    state.lock_changes()
    boa.env.evm.reset_access_counters()
    held = boa.env.execute_code(Address(to), sender=Address(sender), data=data)
    if held.is_error:
        raise BenchFailed(bytes(held.output))
    zeros = data.count(0)
    used = 21_000 + 4 * zeros + 16 * (len(data) - zeros) + held.get_gas_used()
    refund = min(max(held.get_gas_refund(), 0), used // 5)
    floor = 21_000 + 10 * (zeros + 4 * (len(data) - zeros))
    return Cost(used - refund, floor, held.get_gas_used(), bytes(held.output))


def deploy(code: bytes) -> str:
    """Address of newly deployed code. Raises BenchFailed when it reverts."""
    address, held = boa.env.deploy(sender=Address(bridge.address), bytecode=code)
    if held.is_error:
        raise BenchFailed(bytes(held.output))
    return str(address)


def calldata(name: str, function: str, *arguments: object) -> bytes:
    """A call of an artefact's function."""
    (entry,) = (e for e in artifact(name).abi if e["type"] == "function" and e["name"] == function)
    types = [collapse_if_tuple(part) for part in entry["inputs"]]
    return keccak(f"{function}({','.join(types)})".encode())[:4] + encode(types, arguments)


@dataclass
class Bench:
    """One founded network with an active disbursement and allocation."""

    contracts: dict[str, str] = field(default_factory=dict)
    credits: int = 0

    def send(self, contract: str, function: str, *arguments: object, sender: LocalAccount = bridge) -> Cost:
        """Call a contract by ABI."""
        name = {"Wages": "Disbursement", "Funding": "Allocation"}.get(contract, contract)
        data = calldata(name, function, *arguments)
        return cost_of(self.contracts[contract], data, sender.address)

    def signed(
        self, contract: str, kind: str, values: dict[str, Value], by: Sequence[LocalAccount]
    ) -> list[bytes]:
        """Signatures over a message, in the order the contracts take."""
        message = TypedMessage(kind, boa.env.evm.patch.chain_id, self.contracts[contract], values)
        return in_signer_order(message, [message.sign(who) for who in by])

    def terms(self, contract: str) -> bytes:
        """An agreement's terms hash."""
        return self.send(contract, "terms_hash").output

    def found(self) -> None:
        """Deploy everything."""
        changes: list[tuple[int, bytes, bytes, str, int]] = [
            (1, ZERO, BANK, NOBODY, 1),
            (1, ZERO, AGENCY, NOBODY, 2),
            (1, ZERO, ENTERPRISE, NOBODY, 3),
            (2, ZERO, BANK, bridge.address, int(Role.MINTER | Role.SETTLER)),
            (2, ZERO, BANK, bank.address, int(Role.GOVERNOR | Role.SUPERVISOR)),
            (2, ZERO, AGENCY, agency.address, int(Role.GOVERNOR | Role.SUPERVISOR)),
            (2, ZERO, ENTERPRISE, operator.address, int(Role.OPERATOR)),
            (3, QUORUM, BANK, NOBODY, 0),
            (3, QUORUM, AGENCY, NOBODY, 0),
            (5, QUORUM, ZERO, NOBODY, 2),
        ]
        directory = encode(["uint256", "(uint256,bytes32,bytes32,address,uint256)[]"], [0, changes])
        self.contracts["Directory"] = deploy(artifact("Directory").bytecode + directory)
        nonce = boa.env.evm.vm.state.get_nonce(to_canonical_address(bridge.address))
        encoded = b"\xd6\x94" + to_canonical_address(bridge.address) + bytes([nonce + 1])
        addresses = [self.contracts["Directory"], to_checksum_address(keccak(encoded)[12:])]
        self.contracts["Ledger"] = deploy(
            artifact("Ledger").bytecode + encode(["address", "address"], addresses)
        )
        factory = artifact("AgreementFactory").bytecode + encode(["address"], [self.contracts["Ledger"]])
        self.contracts["AgreementFactory"] = deploy(factory)
        self.send("Ledger", "open_tree", TREE, BANK, QUORUM, b"CNY", ENTERPRISE)
        opening: dict[str, Value] = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
        (signature,) = self.signed("Ledger", "Opening", opening, [operator])
        self.send("Ledger", "open_account", PROJECT, TREE, ENTERPRISE, signature)
        self.agreement("Wages", "disbursement", disbursement_arguments(TREE, WAGES, TERMS))
        funding = allocation_arguments(TREE, WAGES, (PROJECT,), (Guard(0, Kind.PAYOUT_CAP, 10**9),))
        self.agreement("Funding", "allocation", funding)
        for _ in range(2):
            self.mint(10**11)

    def agreement(self, name: str, template: str, arguments: bytes) -> None:
        """Register a template, deploy one agreement of it and activate it."""
        contract = artifact(template.capitalize())
        values: dict[str, Value] = {
            "template": template_id(template, "1.0.0"),
            "blueprint": deploy(contract.blueprint),
            "codeHash": contract.blueprint_code_hash,
        }
        consents = self.signed("AgreementFactory", "Template", values, [bank, agency])
        self.send("AgreementFactory", "register_template", values["template"], values["blueprint"], consents)
        made = self.send("AgreementFactory", "deploy", values["template"], arguments, ZERO, ZERO)
        self.contracts[name] = to_checksum_address(made.output[-20:])
        activation: dict[str, Value] = {
            "agreement": self.contracts[name],
            "template": values["template"],
            "arguments": keccak(arguments),
            "file": ZERO,
            "results": ZERO,
        }
        consents = self.signed("AgreementFactory", "Activation", activation, [bank, agency])
        self.send("AgreementFactory", "activate", self.contracts[name], consents)

    def mint(self, amount: int) -> Cost:
        """Mint a lot to the tree's root account."""
        self.credits += 1
        reference = keccak(b"credit %d" % self.credits)
        return self.send("Ledger", "mint", reference, TREE, TREE, WAGES, amount, reference)

    def reserve(self, rows: RowTree) -> Cost:
        """Reserve a batch."""
        deadline = boa.env.timestamp + 86_400
        bound = rows.root, len(rows.rows), rows.total_minor, deadline
        names = "terms", "root", "count", "total", "deadline"
        values = dict(zip(names, (self.terms("Wages"), *bound), strict=True))
        (signature,) = self.signed("Wages", "Reservation", values, [operator])
        return self.send("Wages", "reserve", *bound, signature)

    def approve(self, batch: bytes, rows: RowTree, by: LocalAccount) -> Cost:
        """Approve a batch reserved just now."""
        values: dict[str, Value] = {
            "batch": batch,
            "terms": self.terms("Wages"),
            "account": TREE,
            "root": rows.root,
            "count": len(rows.rows),
            "total": rows.total_minor,
            "deadline": boa.env.timestamp + 86_400,
        }
        (signature,) = self.signed("Wages", "Approval", values, [by])
        return self.send("Wages", "approve", batch, signature)


def reported(name: str, cost: Cost, **more: object) -> Figure:
    """One result line."""
    return {"bench": name, "value": cost.gas, "unit": "gas", "floor": cost.floor, **more}


def bench_mint(bench: Bench) -> Figure:
    """A credit minted to an account whose line is in use."""
    return reported("gas.mint", bench.mint(10_000))


def bench_transfer(bench: Bench) -> Figure:
    """Funding one account from another, both lines in use; `ledger` is the Ledger's execution alone."""
    costs = []
    for number in range(2):
        values: dict[str, Value] = {
            "terms": bench.terms("Funding"),
            "destination": PROJECT,
            "amount": 5_000,
            "reference": keccak(b"%d" % number),
            "deadline": boa.env.timestamp + 60,
        }
        (signature,) = bench.signed("Funding", "Allocation", values, [operator])
        bound = [values[name] for name in ("destination", "amount", "reference", "deadline")]
        costs.append(bench.send("Funding", "allocate", *bound, signature))
    data = calldata("Ledger", "transfer", TREE, WAGES, PROJECT, 5_000, keccak(b"direct"))
    ledger = cost_of(bench.contracts["Ledger"], data, bench.contracts["Funding"])
    return reported("gas.transfer", costs[-1], ledger=ledger.execution)


def bench_reserve(bench: Bench) -> Figure:
    """A batch reserved, window cap in use."""
    bench.reserve(batch_of(8))
    return reported("gas.reserve", bench.reserve(batch_of(16)))


def bench_approve(bench: Bench) -> Figure:
    """The second approval of a batch."""
    rows = batch_of(24)
    batch = bench.reserve(rows).output
    bench.approve(batch, rows, bank)
    return reported("gas.approve", bench.approve(batch, rows, agency))


def bench_payout_row(bench: Bench) -> Figure:
    """The second full chunk of three: two signers, roster, payout cap and window cap."""
    rows = batch_of(3 * CHUNK_ROWS)
    batch = bench.reserve(rows).output
    for who in (bank, agency):
        bench.approve(batch, rows, who)
    chunks = rows.chunks(CHUNK_ROWS)
    costs = [bench.send("Wages", "execute", batch, c.rows, c.proof, False) for c in chunks]
    cost = costs[1]
    return {
        "bench": "gas.payout_row",
        "value": round(cost.gas / CHUNK_ROWS),
        "unit": "gas",
        "rows": CHUNK_ROWS,
        "floor": round(cost.floor / CHUNK_ROWS),
        "execution": round(cost.execution / CHUNK_ROWS),
    }


def bench_erc20_row(bench: Bench) -> Figure:
    """The same payment as a plain token transfer to an existing holder."""
    token = deploy(erc20_creation(operator.address, agency.address))
    return reported(
        "gas.erc20_row", cost_of(token, erc20_transfer(agency.address, 500_000), operator.address)
    )


BENCHES: dict[str, Callable[[Bench], Figure]] = {
    "gas.mint": bench_mint,
    "gas.transfer": bench_transfer,
    "gas.reserve": bench_reserve,
    "gas.approve": bench_approve,
    "gas.payout_row": bench_payout_row,
    "gas.erc20_row": bench_erc20_row,
}


def figures(names: Sequence[str]) -> Iterator[Figure]:
    """Run these benches."""
    if not names:
        return
    note("gas: founding a network in this process")
    bench = Bench()
    bench.found()
    for name in names:
        yield BENCHES[name](bench)
