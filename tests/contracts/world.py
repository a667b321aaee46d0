"""A small network: one bank, two agencies, an enterprise and an auditor, on every contract we deploy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boa
from eth_abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from eth_utils import to_canonical_address, to_checksum_address

from contracts.artifacts import TEMPLATES, artifact
from contracts.ids import name_id, template_id
from contracts.rows import Chunk, Row, RowTree
from contracts.terms import Guard, Kind, Role, allocation_arguments, disbursement_arguments
from contracts.typed_data import TypedMessage
from tests.contracts.chain import DEPLOYER, Contract, deploy, deploy_code

CHANGE = "(uint256,bytes32,bytes32,address,uint256)"
ADD_INSTITUTION, ADD_SIGNER, ADD_MEMBER, REMOVE_MEMBER, SET_THRESHOLD = 1, 2, 3, 4, 5
DELAY_SECONDS = 86_400
ZERO = bytes(32)
NOBODY = "0x" + "00" * 20

BANK, AGENCY_ONE, AGENCY_TWO, ENTERPRISE, AUDITOR, SUPPLIER, FINANCIER = (
    name_id(name)
    for name in ("bank", "agency-one", "agency-two", "enterprise", "auditor", "supplier", "financier")
)
QUORUM = name_id("quorum")
TREE, PROJECT, LINE = name_id("tree"), name_id("project"), name_id("budget-line")
WAGES, MATERIALS = name_id("wages"), name_id("materials")
PROGRESS = name_id("progress-report")

Change = tuple[int, bytes, bytes, str, int]


def actor(name: str) -> LocalAccount:
    """The account of a role, always the same."""
    return Account.from_key(keccak(name.encode()))


bank_governor = actor("bank governor")
bank_bridge = actor("bank bridge")
attester = actor("attester")
bank_supervisor = actor("bank supervisor")
first_teller = actor("first teller")
second_teller = actor("second teller")
agency_one_governor = actor("agency one governor")
agency_one_supervisor = actor("agency one supervisor")
agency_one_deputy = actor("agency one deputy")
agency_two_supervisor = actor("agency two supervisor")
operator = actor("operator")
supplier_operator = actor("supplier operator")
financier_operator = actor("financier operator")
# Of an odd address: where a key is packed with a time, its lowest bit counts too.
witness = actor("the witness")
first_keeper = actor("first keeper of recovery")
second_keeper = actor("second keeper of recovery")
third_keeper = actor("third keeper of recovery")
newcomer = actor("newcomer")
attacker = actor("attacker")


def institution(who: bytes, kind: int) -> Change:
    """Add an institution."""
    return (ADD_INSTITUTION, ZERO, who, NOBODY, kind)


def signer(who: LocalAccount, of: bytes, roles: int) -> Change:
    """Add a signer."""
    return (ADD_SIGNER, ZERO, of, who.address, int(roles))


def member(of: bytes, quorum: bytes = QUORUM) -> Change:
    """Add a member to a quorum."""
    return (ADD_MEMBER, quorum, of, NOBODY, 0)


def not_member(of: bytes, quorum: bytes = QUORUM) -> Change:
    """Remove a member from a quorum."""
    return (REMOVE_MEMBER, quorum, of, NOBODY, 0)


def threshold(needed: int, quorum: bytes = QUORUM) -> Change:
    """Set a quorum's threshold."""
    return (SET_THRESHOLD, quorum, ZERO, NOBODY, needed)


FOUNDING: list[Change] = [
    institution(BANK, 1),
    institution(AGENCY_ONE, 2),
    institution(AGENCY_TWO, 2),
    institution(ENTERPRISE, 3),
    institution(AUDITOR, 4),
    institution(SUPPLIER, 3),
    institution(FINANCIER, 3),
    signer(bank_governor, BANK, Role.GOVERNOR),
    signer(agency_one_governor, AGENCY_ONE, Role.GOVERNOR),
    signer(bank_bridge, BANK, Role.MINTER | Role.SETTLER),
    signer(attester, BANK, Role.ATTESTER),
    signer(bank_supervisor, BANK, Role.SUPERVISOR),
    signer(first_teller, BANK, Role.TELLER),
    signer(second_teller, BANK, Role.TELLER),
    signer(agency_one_supervisor, AGENCY_ONE, Role.SUPERVISOR),
    signer(agency_one_deputy, AGENCY_ONE, Role.SUPERVISOR),
    signer(agency_two_supervisor, AGENCY_TWO, Role.SUPERVISOR),
    signer(operator, ENTERPRISE, Role.OPERATOR),
    signer(supplier_operator, SUPPLIER, Role.OPERATOR),
    signer(financier_operator, FINANCIER, Role.OPERATOR),
    signer(witness, AUDITOR, Role.WITNESS),
    member(BANK),
    member(AGENCY_ONE),
    member(AGENCY_TWO),
    threshold(2),
]


OPERATORS = {ENTERPRISE: operator, SUPPLIER: supplier_operator, FINANCIER: financier_operator}
RECOVERY = [who.address for who in (first_keeper, second_keeper, third_keeper)]
RECOVERY_THRESHOLD = 2
ATTESTED = 10**15
"""What the bank attests for a new tree, minor units: more than the tests mint."""


def message(kind: str, contract: Contract, /, **values: Any) -> TypedMessage:
    """A typed message for a contract on the chain as it is now."""
    return TypedMessage(kind, boa.env.evm.patch.chain_id, contract.address, values)


def signed(by: LocalAccount, kind: str, contract: Contract, /, **values: Any) -> bytes:
    """One signature."""
    return message(kind, contract, **values).sign(by)


def consents(by: Iterable[LocalAccount], kind: str, contract: Contract, /, **values: Any) -> list[bytes]:
    """Signatures in rising order of signer."""
    digest = message(kind, contract, **values).digest
    rising = sorted(by, key=lambda who: int(who.address, 16))
    return [bytes(who.unsafe_sign_hash(digest).signature) for who in rising]


def rows_of(amounts: Sequence[int], payees: Sequence[int] | None = None) -> RowTree:
    """A batch of rows with these amounts."""
    who = payees if payees is not None else range(len(amounts))
    return RowTree(
        [
            Row(payee, amount, keccak(b"row %d" % i))
            for i, (payee, amount) in enumerate(zip(who, amounts, strict=True))
        ]
    )


def now() -> int:
    """Chain time."""
    return int(boa.env.timestamp)


def approval_guard(clause: int = 0, needed: int = 2) -> Guard:
    """An approval of the quorum."""
    return Guard(clause, Kind.APPROVAL, needed, subject=QUORUM)


TERMS = (approval_guard(), Guard(1, Kind.ROSTER, 600), Guard(2, Kind.PAYOUT_CAP, 10_000))


def returned(
    batch: bytes, tree: RowTree, row: int, amount: int = 0, info: bytes = ZERO
) -> tuple[bytes, int, int, int, bytes, list[bytes], bytes]:
    """One row as `return_rows` takes it; a zero amount is all that is left of it."""
    held = tree.leaf_proof(row)
    return (batch, row, amount, held.start, held.rows, list(held.proof), info)


@dataclass
class World:
    """Every contract, deployed and founded."""

    directory: Contract
    accounts: Contract
    ledger: Contract
    supervision: Contract
    registry: Contract
    factory: Contract
    deployed: int = field(default=0)

    def attest(
        self,
        balance: int,
        booked: int = 0,
        debits: int = 0,
        tree: bytes = TREE,
        by: LocalAccount = attester,
        statement: bytes = ZERO,
    ) -> None:
        """Stand for the bank's balance."""
        values = {
            "tree": tree,
            "number": self.supervision.attestation_number(tree),
            "balance": balance,
            "credits": booked,
            "debits": debits,
            "statement": statement,
        }
        given = signed(by, "Attestation", self.supervision, **values)
        self.supervision.attest(tree, balance, booked, debits, statement, given)

    def fund(
        self, amount: int, account: bytes = TREE, dye_class: bytes = WAGES, reference: bytes | None = None
    ) -> bytes:
        """Mint a lot to an account; gives its reference."""
        self.deployed += 1
        lot = reference or keccak(b"credit %d" % self.deployed)
        self.ledger.mint(lot, TREE, account, dye_class, amount, ZERO, sender=bank_bridge)
        return lot

    def open(
        self,
        account: bytes,
        parent: bytes = TREE,
        controller: bytes = ENTERPRISE,
        by: LocalAccount = operator,
    ) -> None:
        """Open an account below another."""
        values = {"account": account, "parent": parent, "controller": controller}
        given = signed(by, "Opening", self.supervision, **values)
        self.supervision.open_account(account, parent, controller, given)

    def close(self, account: bytes, by: Iterable[LocalAccount] = ()) -> None:
        """Close an account, by the operators of its controller and its parent's unless others are named."""
        held = self.ledger.account(account)
        both = {held.controller, self.ledger.account(held.parent).controller}
        who = by or [OPERATORS[institution] for institution in sorted(both) if institution in OPERATORS]
        given = consents(who, "Closing", self.supervision, account=account)
        self.supervision.close_account(account, given)

    def instance(self, template: str, arguments: bytes) -> Contract:
        """Deploy an agreement, not active yet."""
        address = self.factory.deploy(template_id(template, "1.0.0"), arguments, ZERO, ZERO)
        return Contract(address, TEMPLATES[template])

    def activation(self, agreement: Contract) -> dict[str, Any]:
        """What the quorum signs to activate an agreement."""
        held = self.factory.instance(agreement.address)
        return {
            "agreement": agreement.address,
            "template": held.template,
            "arguments": held.arguments,
            "file": held.file,
            "results": held.results,
        }

    def activate(self, agreement: Contract) -> Contract:
        """Activate an agreement by the quorum."""
        by = (agency_one_supervisor, agency_two_supervisor)
        given = consents(by, "Activation", self.factory, **self.activation(agreement))
        self.factory.activate(agreement.address, given)
        return agreement

    def disbursement(self, guards: Sequence[Guard] = TERMS, account: bytes = TREE) -> Contract:
        """An active disbursement of wages."""
        return self.activate(
            self.instance("disbursement", disbursement_arguments(account, WAGES, tuple(guards)))
        )

    def allocation(
        self, destinations: Sequence[bytes], guards: Sequence[Guard], account: bytes = TREE
    ) -> Contract:
        """An active allocation of wages."""
        arguments = allocation_arguments(account, WAGES, tuple(destinations), tuple(guards))
        return self.activate(self.instance("allocation", arguments))

    def reservation(
        self,
        agreement: Contract,
        tree: RowTree,
        deadline: int,
        dye_class: bytes = WAGES,
        document: bytes = ZERO,
    ) -> dict[str, Any]:
        """What the operator signs to reserve."""
        return {
            "terms": agreement.terms_hash(),
            "dyeClass": dye_class,
            "document": document,
            "root": tree.root,
            "count": len(tree.rows),
            "total": tree.total_minor,
            "deadline": deadline,
        }

    def reserve(
        self,
        agreement: Contract,
        tree: RowTree,
        deadline: int | None = None,
        dye_class: bytes = WAGES,
        document: bytes = ZERO,
    ) -> bytes:
        """Reserve a batch."""
        until = deadline if deadline is not None else now() + 7 * 86_400
        values = self.reservation(agreement, tree, until, dye_class, document)
        given = signed(operator, "Reservation", agreement, **values)
        return agreement.reserve(
            dye_class, tree.root, len(tree.rows), tree.total_minor, until, document, given
        )

    def approval(self, agreement: Contract, batch: bytes) -> dict[str, Any]:
        """What a supervisor signs to approve."""
        held = self.ledger.batch(batch)
        return {
            "batch": batch,
            "terms": agreement.terms_hash(),
            "account": held.account,
            "root": held.root,
            "count": held.count,
            "total": held.total,
            "deadline": held.deadline,
            "document": agreement.document_of(batch),
        }

    def approve(
        self,
        agreement: Contract,
        batch: bytes,
        by: Iterable[LocalAccount] = (agency_one_supervisor, agency_two_supervisor),
    ) -> None:
        """Approve a batch."""
        for who in by:
            agreement.approve(batch, signed(who, "Approval", agreement, **self.approval(agreement, batch)))

    def execute(self, agreement: Contract, batch: bytes, tree: RowTree, rows_a_chunk: int = 256) -> None:
        """Execute what is left of a batch."""
        cursor = self.ledger.batch(batch).cursor
        for chunk in tree.chunks(rows_a_chunk):
            if chunk.first_row >= cursor:
                agreement.execute(batch, chunk.rows, chunk.proof, False)

    def give_back(
        self,
        batch: bytes,
        tree: RowTree,
        row: int,
        reference: bytes = ZERO,
        amount: int = 0,
        sender: Any = bank_bridge,
    ) -> None:
        """Return one row, by a credit of exactly what comes back or, without a reference, as a reject."""
        back = amount or tree.rows[row].amount_minor - self.ledger.returned_part(batch, row)
        opened = back if reference != ZERO else 0
        rows = [returned(batch, tree, row, amount)]
        self.ledger.return_rows(reference, opened, rows, sender=sender)

    def change(self, changes: list[Change]) -> None:
        """Change the directory, waiting out the delay."""
        self.announce(changes)
        nonce = self.directory.next_nonce() - 1
        boa.env.timestamp += DELAY_SECONDS
        self.directory.apply(changes, nonce)

    def announce(
        self,
        changes: list[Change],
        by: Iterable[LocalAccount] = (bank_governor, agency_one_governor),
        nonce: int | None = None,
    ) -> bytes:
        """Announce a change of the directory."""
        asked = self.directory.next_nonce() if nonce is None else nonce
        content = keccak(encode([f"{CHANGE}[]"], [changes]))
        given = consents(by, "Changes", self.directory, changes=content, nonce=asked)
        return self.directory.announce(changes, given)

    def suspend(self, who: LocalAccount, by: Iterable[LocalAccount] = (bank_governor,)) -> None:
        """Suspend a signer."""
        since = self.directory.signer(who.address).since
        given = consents(by, "Suspension", self.directory, signer=who.address, since=since)
        self.directory.suspend(who.address, given)

    def freeze(self, account: bytes, frozen: bool, by: Iterable[LocalAccount]) -> None:
        """Freeze or unfreeze an account."""
        values = {"account": account, "frozen": frozen, "nonce": self.supervision.freeze_nonce(account)}
        self.supervision.freeze(account, frozen, consents(by, "Freeze", self.supervision, **values))

    def pause(self, paused: bool, by: Iterable[LocalAccount]) -> None:
        """Pause or resume."""
        nonce = self.supervision.pause_nonce()
        given = consents(by, "Pause", self.supervision, paused=paused, nonce=nonce)
        self.supervision.set_paused(paused, given)

    def decided(self, kind: str, *arguments: Any, by: Iterable[LocalAccount] = (), **values: Any) -> Any:
        """Have Supervision do what the quorum signed: arguments of the function, values of the message."""
        given = consents(by or QUORUM_SIGNERS, kind, self.supervision, **values)
        return getattr(self.supervision, DECISIONS[kind])(*arguments, given)

    def balance(self, line: bytes) -> int:
        """Money on a line, minor units."""
        filled, emptied = self.ledger.line(line)
        return filled - emptied


QUORUM_SIGNERS = (agency_one_supervisor, agency_two_supervisor)
DECISIONS = {
    "Carving": "carve",
    "CustodyBatch": "reserve_custody",
    "LotFreeze": "freeze_lot",
    "MakingGood": "make_good",
    "Shortfall": "record_shortfall",
    "Redirection": "redirect",
    "Release": "release",
    "Sorting": "sort",
    "Thawing": "thaw",
    "Waiver": "waive",
    "WriteOff": "write_off",
}
"""Message of a quorum's decision -> function of Supervision."""


def register(world: World, template: str, contract: str, version: str = "1.0.0") -> str:
    """Register a template; gives its blueprint's address."""
    blueprint = deploy_code(artifact(contract).blueprint)
    register_code(world, template_id(template, version), blueprint, artifact(contract).blueprint_code_hash)
    return blueprint


def share(world: World, name: str, contract: str, version: str = "1.0.0") -> Contract:
    """Deploy what agreements share and register it beside the templates, where they find it."""
    shared = deploy(contract, ["address"], world.factory.address)
    code_hash = keccak(boa.env.get_code(shared.address))
    register_code(world, template_id(name, version), shared.address, code_hash)
    return shared


def register_code(world: World, template: bytes, address: str, code_hash: bytes) -> None:
    """Register code under a template's id, by governors of two institutions."""
    values = {"template": template, "blueprint": address, "codeHash": code_hash}
    given = consents((bank_governor, agency_one_governor), "Template", world.factory, **values)
    world.factory.register_template(template, address, given)


def contract_address(nonce: int) -> str:
    """Where the deployer's contract of a nonce will be."""
    encoded = bytes([0xD6, 0x94]) + to_canonical_address(str(DEPLOYER)) + bytes([nonce or 0x80])
    if nonce > 0x7F:
        raise ValueError("nonces above 127 are encoded otherwise")
    return to_checksum_address(keccak(encoded)[12:])


def deployer_nonce() -> int:
    """The deployer's next nonce."""
    return int(boa.env.evm.vm.state.get_nonce(to_canonical_address(str(DEPLOYER))))


def found() -> World:
    """Deploy everything and open the tree."""
    directory = deploy(
        "Directory",
        ["uint256", f"{CHANGE}[]", "address[]", "uint256"],
        DELAY_SECONDS,
        FOUNDING,
        RECOVERY,
        RECOVERY_THRESHOLD,
    )
    nonce = deployer_nonce()
    accounts_at, ledger_at, supervision_at, registry_at, factory_at = (
        contract_address(nonce + step) for step in range(5)
    )
    three = ["address", "address", "address"]
    accounts = deploy("Accounts", three, directory.address, factory_at, supervision_at)
    ledger = deploy("Ledger", three[:2], accounts_at, supervision_at)
    supervision = deploy("Supervision", three[:2], ledger_at, accounts_at)
    registry = deploy("Registry", three[:1], factory_at)
    factory = deploy("AgreementFactory", three[:2], ledger_at, registry_at)
    if (ledger.address, supervision.address, factory.address) != (ledger_at, supervision_at, factory_at):
        raise AssertionError("a contract is not where the others expect it")
    world = World(directory, accounts, ledger, supervision, registry, factory)
    share(world, "clauses", "Clauses")
    for template, contract in TEMPLATES.items():
        register(world, template, contract)
    accounts.open_tree(TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    world.attest(ATTESTED)
    # Witnesses attest what they observed after they were added.
    boa.env.timestamp += 86_400
    return world


factory_account = actor("factory")
agreement_account = actor("agreement")
supervision_account = actor("supervision")


@dataclass
class BareLedger:
    """A ledger whose factory, Supervision and agreement are plain accounts."""

    ledger: Contract
    accounts: Contract
    credits: int = field(default=0)

    def fund(self, amount: int) -> None:
        """Mint to the tree's wages."""
        self.credits += 1
        reference = keccak(b"bare credit %d" % self.credits)
        self.ledger.mint(reference, TREE, TREE, WAGES, amount, ZERO, sender=bank_bridge)

    def reserve(self, tree: RowTree, deadline: int | None = None, total: int | None = None) -> bytes:
        """Reserve a batch of wages, as the agreement."""
        held = tree.total_minor if total is None else total
        until = deadline if deadline is not None else now() + 86_400
        return self.ledger.reserve(
            TREE, WAGES, tree.root, len(tree.rows), held, until, sender=agreement_account
        )

    def execute(self, batch: bytes, chunk: Chunk, refused: int = 0) -> None:
        """Execute a chunk, as the agreement."""
        self.ledger.execute(batch, chunk.rows, chunk.proof, refused, sender=agreement_account)

    def give_back(
        self, batch: bytes, tree: RowTree, row: int, reference: bytes = ZERO, amount: int = 0
    ) -> None:
        """Return one row, as the bank, by a credit of exactly what comes back."""
        back = amount or tree.rows[row].amount_minor - self.ledger.returned_part(batch, row)
        rows = [returned(batch, tree, row, amount)]
        self.ledger.return_rows(reference, back if reference != ZERO else 0, rows, sender=bank_bridge)


def bare(directory: Contract) -> BareLedger:
    """Deploy a bare ledger with one open tree and one granted agreement."""
    addresses = [directory.address, factory_account.address, supervision_account.address]
    accounts = deploy("Accounts", ["address"] * 3, *addresses)
    ledger = deploy("Ledger", ["address"] * 2, accounts.address, supervision_account.address)
    accounts.open_tree(TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    accounts.grant(TREE, agreement_account.address, False, sender=factory_account)
    ledger.set_attested(TREE, ATTESTED, sender=supervision_account)
    return BareLedger(ledger, accounts)
