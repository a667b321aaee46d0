"""The Ledger under Supervision against `reference.Model`: any order of acts, cent by cent."""

from __future__ import annotations

import copy
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import boa
import pytest
from eth_abi import encode
from eth_hash.auto import keccak
from eth_utils import to_checksum_address
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from contracts.ids import account_line, custody_line, lot_line, name_id, remainder_lot, written_off_line
from contracts.ids import reversed_line as reversed_line_of
from contracts.rows import RowTree
from contracts.terms import MapKind
from tests.contracts.chain import Contract, Event, Reverted, deploy
from tests.contracts.reference import (
    REVERSED,
    WRITTEN_OFF,
    Cent,
    Holder,
    Line,
    Model,
    NotAllowed,
    allow,
)
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    MATERIALS,
    PROJECT,
    QUORUM,
    QUORUM_SIGNERS,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_supervisor,
    agreement_account,
    attester,
    bank_bridge,
    consents,
    contract_address,
    deployer_nonce,
    factory_account,
    first_teller,
    operator,
    returned,
    rows_of,
    second_teller,
    signed,
)
from tests.samples import examples

SITE = name_id("site")
ACCOUNTS = {"tree": TREE, "project": PROJECT, "site": SITE}
CLASSES = {"wages": WAGES, "materials": MATERIALS}
NAMES = st.sampled_from(sorted(ACCOUNTS))
DYES = st.sampled_from(sorted(CLASSES))
AMOUNTS = st.integers(1, 300)
# What counts as arriving; every other map onto an account's line brings back what was there.
INFLOWS = {MapKind.IDENTIFY, MapKind.TRANSFER, MapKind.SORT}
# Few references, so that some come twice.
NUMBERS = st.integers(0, 25)
SIZES = st.sampled_from([8, 16])
REFUSED = st.sets(st.integers(0, 15), max_size=5)
# Cuts of a line in permille of what rests on it; neighbours make pieces.
CUTS = st.lists(st.integers(0, 1000), min_size=2, max_size=6).map(sorted)


@dataclass(frozen=True)
class Network:
    """Ledger, Accounts and Supervision whose factory is a plain account."""

    ledger: Contract
    accounts: Contract
    supervision: Contract

    @staticmethod
    def found(directory: Contract) -> Network:
        """Deploy it with an open tree and two more accounts that an agreement may draw on."""
        nonce = deployer_nonce()
        accounts_at, ledger_at, supervision_at = (contract_address(nonce + step) for step in range(3))
        plain = ["address"] * 3
        accounts = deploy("Accounts", plain, directory.address, factory_account.address, supervision_at)
        ledger = deploy("Ledger", plain[:2], accounts_at, supervision_at)
        supervision = deploy("Supervision", plain[:2], ledger_at, accounts_at)
        assert to_checksum_address(supervision_at) == supervision.address
        accounts.open_tree(TREE, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
        for account, parent in ((PROJECT, TREE), (SITE, PROJECT)):
            values = {"account": account, "parent": parent, "controller": ENTERPRISE}
            given = signed(operator, "Opening", supervision, **values)
            supervision.open_account(account, parent, ENTERPRISE, given)
        for account in ACCOUNTS.values():
            accounts.grant(account, agreement_account.address, False, sender=factory_account)
        return Network(ledger, accounts, supervision)


def reference_id(name: str) -> bytes:
    """The id of a credit of the model."""
    head, _, rest = name.partition("rest of ")
    return keccak(name.encode()) if head or not rest else remainder_lot(reference_id(rest), ZERO)


class Composition:
    """What composing all `Moved` logs gives: where each cent of each position came from."""

    def __init__(self) -> None:
        self.laid: dict[bytes, list[Cent]] = {}
        self.left: dict[bytes, set[int]] = {}
        self.arrived: Counter[bytes] = Counter()

    def feed(self, events: list[Event], names: dict[bytes, str]) -> None:
        """Apply logs. Each must lay cents right behind a line's end and take none twice."""
        for event in events:
            if event.name == "Minted":
                name = names[event.reference]
                assert event.lot not in self.laid, "a lot was minted twice"
                self.laid[event.lot] = [(name, serial) for serial in range(event.amount)]
            if event.name != "Moved":
                continue
            end = self.laid.setdefault(event.destination, [])
            assert event.destination_start == len(end)
            taken = set(range(event.source_start, event.source_start + event.amount))
            left = self.left.setdefault(event.source, set())
            assert not taken & left, "an interval was mapped twice"
            left |= taken
            if event.kind in INFLOWS:
                self.arrived[event.destination] += event.amount
            end += self.laid[event.source][event.source_start : event.source_start + event.amount]

    def resting(self, line: bytes) -> list[Cent]:
        """The cents on a line that nothing mapped on."""
        left = self.left.get(line, set())
        return [cent for at, cent in enumerate(self.laid.get(line, [])) if at not in left]


class Money(RuleBasedStateMachine):
    """Each rule asks model and contract; both do it, or both refuse."""

    network: Network
    batches: Bundle[str] = Bundle("batches")
    lots: Bundle[str] = Bundle("lots")
    custodies: Bundle[Line] = Bundle("custodies")

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.model = Model()
        self.model.accounts = {"tree": Holder(None), "project": Holder("tree"), "site": Holder("project")}
        self.composition = Composition()
        self.trees: dict[str, RowTree] = {}
        self.ids: dict[str, bytes] = {}
        self.lines: dict[Line, bytes] = {}
        self.names: dict[bytes, str] = {}
        self.touched: set[bytes] = set()
        self.ledger, self.supervision = self.network.ledger, self.network.supervision

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    def on_chain(self, line: Line) -> bytes:
        """The id of a line of the model."""
        if line == WRITTEN_OFF:
            return written_off_line(TREE)
        if line == REVERSED:
            return reversed_line_of(TREE)
        if line[0] == "account":
            return account_line(ACCOUNTS[line[1]], CLASSES[line[2]])
        return lot_line(reference_id(line[1])) if line[0] == "lot" else self.lines[line]

    def name(self, number: int) -> str:
        """The name of a credit."""
        return f"reference {number}"

    def id_of(self, name: str) -> bytes:
        """The id of a credit, remembered for what is logged about it."""
        reference = reference_id(name)
        self.names[reference] = name
        self.touched.add(reference)
        return reference

    def both(self, model, contract) -> bool:  # type: ignore[no-untyped-def]
        """Whether both did it. They must agree, and a refusal must change nothing."""
        before = copy.deepcopy(self.model)
        try:
            model()
        except NotAllowed as refused:
            self.model = before
            try:
                contract()
            except Reverted:
                return False
            raise AssertionError(f"the contract allowed what the model refuses: {refused}") from refused
        contract()
        for contract_called in (self.ledger, self.supervision):
            self.composition.feed(contract_called.events, self.names)
            contract_called.events = []
        return True

    def decided(self, function: str, kind: str, *arguments: object, **values: object) -> None:
        """Have Supervision do what the quorum signed."""
        given = consents(QUORUM_SIGNERS, kind, self.supervision, **values)
        getattr(self.supervision, function)(*arguments, given)

    def front(self, line: Line) -> int:
        """Where a line's money starts now."""
        return int(self.ledger.line(self.on_chain(line))[1])

    # Credits

    @initialize(target=lots)
    def open_with_money(self) -> object:
        self.attest(10_000)
        self.mint_to("opening", 900, ("project", "wages"))
        self.mint_to("opening too", 900, ("tree", "wages"))
        self.mint_to("opening site", 100, ("site", "wages"))
        self.mint_to("opening unknown", 900, None)
        return "opening unknown"

    @rule(more=st.integers(0, 3_000))
    def attest(self, more: int) -> None:
        amount = max(self.model.brought - 100 + more, 0)
        values = {
            "tree": TREE,
            "number": self.supervision.attestation_number(TREE),
            "balance": amount // 2,
            "credits": amount,
            "debits": amount // 2,
            "statement": ZERO,
        }
        given = signed(attester, "Attestation", self.supervision, **values)
        self.model.attested = amount
        self.supervision.attest(TREE, amount // 2, amount, amount // 2, ZERO, given)

    def mint_to(self, name: str, amount: int, destination: tuple[str, str] | None) -> bool:
        account = (ACCOUNTS[destination[0]], CLASSES[destination[1]]) if destination else (ZERO, ZERO)
        call = (self.id_of(name), TREE, *account, amount, ZERO)
        return self.both(
            lambda: self.model.mint(name, amount, destination),
            lambda: self.ledger.mint(*call, sender=bank_bridge),
        )

    @rule(target=lots, number=NUMBERS, amount=AMOUNTS, destination=st.none() | st.tuples(NAMES, DYES))
    def mint(self, number: int, amount: int, destination: tuple[str, str] | None) -> object:
        name = self.name(number)
        return name if self.mint_to(name, amount, destination) else multiple()

    def void(self, number: int) -> None:
        """A credit reversed before it was minted."""
        name = self.name(number)
        self.both(
            lambda: self.model.void(name),
            lambda: self.ledger.void_reference(self.id_of(name), TREE, sender=bank_bridge),
        )

    @rule(lot=lots, amount=st.integers(1, 60), seldom=st.integers(0, 3))
    def reverse(self, lot: str, amount: int, seldom: int) -> None:
        if seldom:
            return
        self.both(
            lambda: self.model.reverse(lot, amount),
            lambda: self.supervision.reverse(self.id_of(lot), amount, ZERO, sender=bank_bridge),
        )

    @rule(lot=lots, amount=AMOUNTS, account=NAMES, dye=DYES)
    def identify(self, lot: str, amount: int, account: str, dye: str) -> None:
        values = {
            "lot": self.id_of(lot),
            "account": ACCOUNTS[account],
            "dyeClass": CLASSES[dye],
            "amount": amount,
        }
        start = self.front(("lot", lot))
        given = consents(
            (first_teller, second_teller), "Identification", self.supervision, start=start, **values
        )
        self.both(
            lambda: self.model.identify(lot, account, dye, amount),
            lambda: self.supervision.identify(*values.values(), given),
        )

    # Accounts

    @rule(
        amount=AMOUNTS, source=NAMES, destination=NAMES, dye=DYES, sensible=st.booleans(), back=st.booleans()
    )
    def transfer(
        self, amount: int, source: str, destination: str, dye: str, sensible: bool, back: bool
    ) -> None:
        if sensible:
            self.make_good("tree", "wages", 1, exact=True)
            self.set_frozen(source, False)
            dye = "wages"
        ends = (ACCOUNTS[source], CLASSES[dye], ACCOUNTS[destination])
        self.both(
            lambda: self.model.transfer(source, destination, dye, amount, back),
            lambda: self.ledger.transfer(*ends, amount, ZERO, back, sender=agreement_account),
        )

    def set_frozen(self, account: str, frozen: bool) -> None:
        """Make an account frozen, or not."""
        if self.model.accounts[account].frozen == frozen:
            return
        values = {
            "account": ACCOUNTS[account],
            "frozen": frozen,
            "nonce": self.supervision.freeze_nonce(ACCOUNTS[account]),
        }
        by = (agency_one_supervisor,) if frozen else QUORUM_SIGNERS
        given = consents(by, "Freeze", self.supervision, **values)
        self.supervision.freeze(ACCOUNTS[account], frozen, given)
        self.model.accounts[account].frozen = frozen

    def close_site(self) -> None:
        """Close an account that has money."""
        if self.model.accounts["site"].closed:
            return
        self.network.accounts.revoke(SITE, agreement_account.address, sender=factory_account)
        given = [signed(operator, "Closing", self.supervision, account=SITE)]
        self.supervision.close_account(SITE, given)
        self.model.accounts["site"].closed = True

    @rule(account=st.sampled_from(["project", "site"]), dye=DYES, sensible=st.booleans())
    def sweep(self, account: str, dye: str, sensible: bool) -> None:
        if sensible:
            self.set_frozen("site", False)
            self.close_site()
            account, dye = "site", "wages"
        self.both(
            lambda: self.model.sweep(account, dye),
            lambda: self.ledger.sweep(ACCOUNTS[account], CLASSES[dye]),
        )

    @rule(amount=st.integers(0, 40), number=NUMBERS)
    def write_off_or_void(self, amount: int, number: int) -> None:
        if not amount:
            return self.void(number)
        name = self.name(number)
        arguments = (TREE, WAGES, amount, self.id_of(name))
        values = dict(zip(("account", "dyeClass", "amount", "reference"), arguments, strict=True))
        self.both(
            lambda: self.model.write_off(("account", "tree", "wages"), amount, name),
            lambda: self.decided("write_off", "WriteOff", *arguments, **values),
        )

    @rule(amount=st.integers(1, 60), number=NUMBERS, seldom=st.integers(0, 3))
    def record_shortfall(self, amount: int, number: int, seldom: int) -> None:
        if seldom:
            return
        name = self.name(number)
        values = {"tree": TREE, "amount": amount, "reference": self.id_of(name)}
        self.both(
            lambda: self.model.record_shortfall(amount, name),
            lambda: self.decided("record_shortfall", "Shortfall", *values.values(), **values),
        )

    @rule(account=NAMES, dye=DYES, amount=st.integers(1, 60), exact=st.booleans())
    def make_good(self, account: str, dye: str, amount: int, exact: bool) -> None:
        asked = self.model.shortfall if exact and self.model.shortfall else amount
        line: Line = ("account", account, dye)
        arguments = (ACCOUNTS[account], CLASSES[dye], asked)
        values = dict(zip(("account", "dyeClass", "amount"), arguments, strict=True))
        start = self.front(line)
        self.both(
            lambda: self.model.make_good(line, asked),
            lambda: self.decided("make_good", "MakingGood", *arguments, **values, start=start),
        )

    @rule(account=NAMES, dye=DYES, to=DYES, amount=st.integers(1, 50), sensible=st.booleans())
    def sort(self, account: str, dye: str, to: str, amount: int, sensible: bool) -> None:
        if sensible:
            self.set_frozen(account, True)
        arguments = (ACCOUNTS[account], CLASSES[dye], CLASSES[to], amount)
        values = dict(zip(("account", "dyeClass", "toClass", "amount"), arguments, strict=True))
        start = self.front(("account", account, dye))
        self.both(
            lambda: self.model.sort(account, dye, to, amount),
            lambda: self.decided("sort", "Sorting", *arguments, **values, start=start),
        )

    # Custody

    def pieces_of(self, line: Line, cuts: list[int]) -> list[tuple[int, int]]:
        """Pieces of what rests on a line, from cuts; now and then one that is empty or out of place."""
        queue = self.model.line(line)
        places = [queue.left + len(queue.resting) * cut // 1000 for cut in cuts]
        return list(zip(places[::2], places[1::2], strict=False))

    def next_custody(self, source: bytes) -> Line:
        """The line that the next custody will have."""
        line: Line = ("custody", str(len(self.model.homes) + 1))
        self.lines[line] = custody_line(source, len(self.model.homes) + 1)
        return line

    def carving(self, line: Line, pieces: list[tuple[int, int]], reference: bytes) -> dict[str, object]:
        """What the quorum signs to carve."""
        content = keccak(encode(["(uint256,uint256)[]"], [pieces]))
        return {"line": self.on_chain(line), "pieces": content, "reference": reference}

    @rule(target=custodies, account=NAMES, dye=DYES, cuts=CUTS, sensible=st.booleans())
    def carve(self, account: str, dye: str, cuts: list[int], sensible: bool) -> object:
        if sensible:
            self.set_frozen(account, True)
        line: Line = ("account", account, dye)
        pieces = self.pieces_of(line, cuts)
        custody = self.next_custody(self.on_chain(line))
        arguments = (ACCOUNTS[account], CLASSES[dye], pieces, ZERO)

        def model() -> None:
            allow(self.model.accounts[account].frozen, "account not frozen")
            self.model.carve(line, pieces, custody)
            self.model.open_custody(custody, line, account)

        values = self.carving(line, pieces, ZERO)
        done = self.both(model, lambda: self.decided("carve", "Carving", *arguments, **values))
        return custody if done else multiple()

    @rule(account=NAMES, dye=DYES, cuts=CUTS, lot=lots, sensible=st.booleans())
    def recover(self, account: str, dye: str, cuts: list[int], lot: str, sensible: bool) -> None:
        if sensible:
            self.set_frozen(account, True)
            lot = next(iter(self.model.claimed), lot)
        line: Line = ("account", account, dye)
        pieces = self.pieces_of(line, cuts)
        arguments = (ACCOUNTS[account], CLASSES[dye], pieces, self.id_of(lot))

        def model() -> None:
            allow(self.model.accounts[account].frozen, "account not frozen")
            self.model.recover(line, pieces, lot)

        values = self.carving(line, pieces, self.id_of(lot))
        self.both(model, lambda: self.decided("carve", "Carving", *arguments, **values))

    @rule(target=custodies, custody=custodies, cuts=CUTS)
    def carve_custody(self, custody: Line, cuts: list[int]) -> object:
        pieces = self.pieces_of(custody, cuts)
        other = self.next_custody(self.on_chain(custody))
        arguments = (self.on_chain(custody), pieces, ZERO)

        def model() -> None:
            self.model.carve(custody, pieces, other)
            self.model.open_custody(other, self.model.homes[custody], self.model.owners[custody])

        values = self.carving(custody, pieces, ZERO)
        done = self.both(model, lambda: self.decided("carve_custody", "Carving", *arguments, **values))
        return other if done else multiple()

    @rule(custody=custodies, cuts=CUTS, lot=lots)
    def recover_from_custody(self, custody: Line, cuts: list[int], lot: str) -> None:
        pieces = self.pieces_of(custody, cuts)
        arguments = (self.on_chain(custody), pieces, self.id_of(lot))
        values = self.carving(custody, pieces, self.id_of(lot))
        self.both(
            lambda: self.model.recover(custody, pieces, lot),
            lambda: self.decided("carve_custody", "Carving", *arguments, **values),
        )

    @rule(target=custodies, lot=lots)
    def freeze_lot(self, lot: str) -> object:
        line: Line = ("lot", lot)
        custody = self.next_custody(self.on_chain(line))
        values = {"lot": self.id_of(lot), "start": self.front(line)}
        done = self.both(
            lambda: self.model.freeze_lot(lot, custody),
            lambda: self.decided("freeze_lot", "LotFreeze", values["lot"], **values),
        )
        return custody if done else multiple()

    @rule(custody=custodies, account=NAMES, dye=DYES, amount=AMOUNTS, sensible=st.booleans())
    def thaw(self, custody: Line, account: str, dye: str, amount: int, sensible: bool) -> None:
        home = self.model.homes[custody]
        if sensible and home:
            account, dye = home[1:]
            amount = min(amount, len(self.model.line(custody).resting) or amount)
        arguments = (self.on_chain(custody), ACCOUNTS[account], CLASSES[dye], amount)
        values = dict(zip(("custody", "account", "dyeClass", "amount"), arguments, strict=True))
        start = self.front(custody)
        self.both(
            lambda: self.model.thaw(custody, account, dye, amount),
            lambda: self.decided("thaw", "Thawing", *arguments, **values, start=start),
        )

    @rule(target=batches, custody=custodies, amounts=st.lists(st.integers(1, 9), min_size=1, max_size=20))
    def reserve_custody(self, custody: Line, amounts: list[int]) -> object:
        name = f"batch {len(self.trees)} from custody"
        tree = self.trees[name] = rows_of(amounts)
        deadline = boa.env.timestamp + 1_000 + len(self.trees)
        arguments = (self.on_chain(custody), tree.root, len(amounts), sum(amounts), deadline)
        values = dict(zip(("custody", "root", "count", "total", "deadline"), arguments, strict=True))
        start = self.front(custody)

        def contract() -> None:
            given = consents(QUORUM_SIGNERS, "CustodyBatch", self.supervision, **values, start=start)
            self.ids[name] = self.supervision.reserve_custody(*arguments, given)

        owner = self.model.owners[custody]
        done = self.both(lambda: self.model.reserve(name, owner, custody, amounts), contract)
        return name if done else multiple()

    @rule(batch=batches, custody=custodies, sensible=st.booleans())
    def redirect(self, batch: str, custody: Line, sensible: bool) -> None:
        source = self.model.payouts[batch].source
        if sensible:
            fitting = [line for line, home in self.model.homes.items() if home == source]
            custody = fitting[-1] if fitting else custody
        arguments = (self.ids[batch], self.on_chain(custody))
        values = dict(zip(("batch", "custody"), arguments, strict=True))
        self.both(
            lambda: self.model.redirect(batch, custody),
            lambda: self.decided("redirect", "Redirection", *arguments, **values),
        )

    # Batches

    @rule(
        target=batches,
        amounts=st.lists(st.integers(1, 9), min_size=1, max_size=30),
        account=NAMES,
        chunk=REFUSED,
        sensible=st.booleans(),
    )
    def reserve(self, amounts: list[int], account: str, chunk: set[int], sensible: bool) -> object:
        if sensible:
            self.make_good("tree", "wages", 1, exact=True)
            self.set_frozen(account, False)
        name = f"batch {len(self.trees)}"
        tree = self.trees[name] = rows_of(amounts)
        deadline = boa.env.timestamp + 1_000 + len(self.trees)

        def model() -> None:
            self.model.starts(account)
            self.model.reserve(name, account, ("account", account, "wages"), amounts)

        def contract() -> None:
            bound = (tree.root, len(amounts), sum(amounts), deadline)
            self.ids[name] = self.ledger.reserve(ACCOUNTS[account], WAGES, *bound, sender=agreement_account)

        if not self.both(model, contract):
            return multiple()
        if chunk:
            self.execute(name, 16, chunk, in_order=True)
        return name

    @rule(target=batches, amounts=st.lists(st.integers(1, 9), min_size=1, max_size=30), account=NAMES)
    def pay_out(self, amounts: list[int], account: str) -> object:
        name = self.reserve(amounts, account, set(), sensible=True)
        if isinstance(name, str):
            self.execute(name, 16, set(), in_order=True)
        return name

    @rule(batch=batches, size=SIZES, refused=REFUSED, in_order=st.booleans())
    def execute(self, batch: str, size: int, refused: set[int], in_order: bool) -> None:
        payout, chunks = self.model.payouts[batch], self.trees[batch].chunks(size)
        fitting = [chunk for chunk in chunks if chunk.first_row == payout.cursor]
        chunk = fitting[0] if in_order and fitting else chunks[-1]
        number = len(chunk.rows) // 43
        from_custody = batch.endswith("custody")
        chosen = set() if from_custody else {row for row in refused if row < number}

        def model() -> None:
            allow(chunk.first_row == payout.cursor, "out of order")
            if not from_custody:
                self.model.starts(payout.account)
            self.model.execute(batch, number, chosen)

        def contract() -> None:
            call = (self.ids[batch], chunk.rows, chunk.proof)
            if from_custody:
                self.supervision.execute(*call)
            else:
                bits = sum(1 << row for row in chosen)
                self.ledger.execute(*call, bits, sender=agreement_account)

        self.both(model, contract)

    @rule(batch=batches)
    def release(self, batch: str) -> None:
        held = self.ids[batch]

        def contract() -> None:
            if batch.endswith("custody"):
                self.decided("release", "Release", held, batch=held)
            else:
                self.ledger.release(held, sender=agreement_account)

        self.both(lambda: self.model.release(batch), contract)

    @rule(
        batch=batches,
        row=st.integers(0, 29),
        part=st.integers(0, 9),
        credit=st.none() | st.tuples(NUMBERS, st.integers(0, 12)) | lots,
        sensible=st.booleans(),
    )
    def give_back(self, batch: str, row: int, part: int, credit: object, sensible: bool) -> None:
        if sensible and not self.model.payouts[batch].cursor:
            self.execute(batch, 16, set(), in_order=True)
        payout = self.model.payouts[batch]
        row %= (sensible and payout.cursor) or len(self.trees[batch].rows)
        name, opened = None, 0
        if isinstance(credit, str):
            name = credit
        elif isinstance(credit, tuple):
            name, opened = self.name(credit[0]), credit[1]
            if sensible and name not in self.model.used:
                opened = max(opened, part, len(payout.rows[row]))
        amount = min(part, len(payout.rows[row]) - payout.back.get(row, 0)) if sensible else part
        reference = ZERO if name is None else self.id_of(name)
        rows = [returned(self.ids[batch], self.trees[batch], row, amount)]
        self.both(
            lambda: self.model.give_back(batch, row, amount, name, opened),
            lambda: self.ledger.return_rows(reference, opened, rows, sender=bank_bridge),
        )

    @rule(target=lots, number=NUMBERS, destination=st.none() | st.tuples(NAMES, DYES), sensible=st.booleans())
    def close_returns(self, number: int, destination: tuple[str, str] | None, sensible: bool) -> object:
        name = self.name(number)
        if sensible:
            name = next((held for held, each in self.model.sets.items() if not each.closed), name)
        rest = f"rest of {name}"
        self.id_of(rest)
        account = (ACCOUNTS[destination[0]], CLASSES[destination[1]]) if destination else (ZERO, ZERO)
        done = self.both(
            lambda: self.model.close_returns(name, rest, destination),
            lambda: self.ledger.close_returns(self.id_of(name), *account, ZERO, sender=bank_bridge),
        )
        return rest if done and rest in self.model.lots else multiple()

    @rule(batch=batches, finish=st.booleans())
    def settle(self, batch: str, finish: bool) -> None:
        payout = self.model.payouts[batch]
        for _ in self.trees[batch].chunks(8):
            if finish and payout.cursor < payout.end:
                self.execute(batch, 8, set(), in_order=True)
                payout = self.model.payouts[batch]
        self.both(
            lambda: self.model.settle(batch),
            lambda: self.ledger.settle(self.ids[batch], sender=bank_bridge),
        )

    @invariant()
    def lines_and_totals_agree(self) -> None:
        """I1, and `in` and `out` of every line are what the model keeps."""
        balances = in_flight = 0
        for line, queue in self.model.lines.items():
            filled, emptied = self.ledger.line(self.on_chain(line))
            assert (filled, emptied) == (len(queue.cents), queue.left)
            if line[0] == "account":
                named = (ACCOUNTS[line[1]], CLASSES[line[2]])
                inflow = self.ledger.account_inflow(*named)
                assert inflow == queue.arrived == self.composition.arrived[self.on_chain(line)]
            balances += filled - emptied if line not in (WRITTEN_OFF, REVERSED) else 0
        for name, batch in self.ids.items():
            filled, emptied = self.ledger.line(batch)
            assert emptied <= filled
            state = self.ledger.batch(batch)
            assert state.settled == self.model.payouts[name].settled
            balances += filled - emptied
            in_flight += 0 if state.settled else emptied - state.amount_gone
        held, model = self.ledger.tree(TREE), self.model
        assert (held.minted, held.settled) == (model.minted, model.settled)
        assert (held.returned_late, held.written_off) == (model.returned_late, model.written_off)
        assert (held.reversed, held.shortfall, held.attested) == (
            model.reversed,
            model.shortfall,
            model.attested,
        )
        assert held.held == model.held == balances
        assert held.brought == model.brought
        assert in_flight == model.in_flight
        supply = held.minted + held.returned_late - held.settled - held.reversed - held.written_off
        assert supply == balances + in_flight

    @invariant()
    def references_count_once(self) -> None:
        """I3: a reference is used up by one lot, one return set, one write-off or one void."""
        while self.touched:
            reference = self.touched.pop()
            name = self.names[reference]
            used = name in self.model.used
            assert self.ledger.is_reference_used(reference) == used
            held, known = self.ledger.return_set(reference), self.model.sets.get(name)
            if known:
                assert (held.opened, held.drawn, held.closed) == (known.opened, known.drawn, known.closed)

    @invariant()
    def maps_partition_every_lot(self) -> None:
        """I5: composing the logs finds every cent exactly once, where the model has it."""
        found: list[Cent] = []
        for line, queue in self.model.lines.items():
            resting = self.composition.resting(self.on_chain(line))
            assert resting == queue.resting
            found += resting
        for name, batch in self.ids.items():
            payout = self.model.payouts[name]
            resting = self.composition.resting(batch)
            waiting = [cent for row in payout.rows[payout.cursor : payout.end] for cent in row]
            assert resting == payout.flying + waiting
            found += resting
        assert len(found) == len(set(found)) == self.model.minted


def test_money_is_never_made_lost_or_mixed_up(world: World) -> None:
    machine = type("MoneyOnTheNetwork", (Money,), {"network": Network.found(world.directory)})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(10), stateful_step_count=40, deadline=None)
    )


class Walk:
    """A seeded walk over the rules that favours what pays, returns, reverses and carves."""

    def __init__(self, machine: Money, seed: int) -> None:
        self.machine, self.random = machine, random.Random(seed)
        self.lots: list[str] = [str(machine.open_with_money()), "opening", "opening too"]
        self.batches: list[str] = []
        self.custodies: list[Line] = []

    def keep(self, held: list[Any], value: object) -> None:
        """Remember what a rule made."""
        if isinstance(value, (str, tuple)):
            held.append(value)

    def account(self) -> str:
        """Any account."""
        return self.random.choice(sorted(ACCOUNTS))

    def dye(self) -> str:
        """Mostly wages, which is what batches draw on."""
        return self.random.choice(["wages", "wages", "wages", "materials"])

    def cuts(self) -> list[int]:
        """Places on a line."""
        return sorted(self.random.randint(0, 1000) for _ in range(self.random.choice([2, 2, 4, 6])))

    def number(self) -> int:
        """One of few references."""
        return self.random.randint(0, 40)

    def destination(self) -> tuple[str, str] | None:
        """An account's line, or suspense."""
        return self.random.choice([None, (self.account(), self.dye())])

    def pay(self) -> None:
        """Pay, and often have some of it come back and settle."""
        amounts = [self.random.randint(1, 9) for _ in range(self.random.randint(1, 30))]
        self.keep(self.batches, self.machine.pay_out(amounts, self.account()))

    def hold(self) -> None:
        """Reserve only."""
        refused = {self.random.randint(0, 15) for _ in range(self.random.randint(0, 4))}
        amounts = [self.random.randint(1, 9) for _ in range(self.random.randint(1, 30))]
        self.keep(self.batches, self.machine.reserve(amounts, self.account(), refused, sensible=True))

    def answer(self) -> None:
        """The bank answers a row."""
        if self.batches:
            credit = self.random.choice(
                [None, None, (self.number(), self.random.randint(0, 30)), self.random.choice(self.lots)]
            )
            part = self.random.choice([0, 0, 1, 2])
            batch = self.random.choice(self.batches[-6:])
            self.machine.give_back(
                batch, self.random.randint(0, 29), part, credit, self.random.random() < 0.9
            )

    def settle(self) -> None:
        """The bank has answered every row."""
        if self.batches:
            self.machine.settle(self.random.choice(self.batches), self.random.random() < 0.7)

    def execute(self) -> None:
        """A chunk of any batch."""
        if self.batches:
            self.machine.execute(self.random.choice(self.batches), 8, {1, 2}, in_order=True)

    def release(self) -> None:
        """A tail goes back."""
        if self.batches:
            self.machine.release(self.random.choice(self.batches))

    def close_returns(self) -> None:
        """A return set is closed."""
        self.keep(self.lots, self.machine.close_returns(self.number(), self.destination(), sensible=True))

    def mint(self) -> None:
        """A credit."""
        self.keep(
            self.lots, self.machine.mint(self.number(), self.random.randint(1, 300), self.destination())
        )

    def identify(self) -> None:
        """Two tellers."""
        lot = self.random.choice(self.lots)
        self.machine.identify(lot, self.random.randint(1, 60), self.account(), self.dye())

    def freeze_lot(self) -> None:
        """A lot goes into custody."""
        self.keep(self.custodies, self.machine.freeze_lot(self.random.choice(self.lots)))

    def reverse(self) -> None:
        """The bank takes money back, and images are found or it is made good."""
        lot = self.random.choice(self.lots)
        self.machine.reverse(lot, self.random.randint(1, 40), 0)
        for _ in range(2):
            self.machine.recover(self.account(), self.dye(), self.cuts(), lot, sensible=True)
        if self.custodies:
            self.machine.recover_from_custody(self.random.choice(self.custodies), self.cuts(), lot)

    def carve(self) -> None:
        """Money goes into custody."""
        self.keep(self.custodies, self.machine.carve(self.account(), self.dye(), self.cuts(), sensible=True))

    def custody(self) -> None:
        """Something is done with money in custody."""
        if not self.custodies:
            return
        custody = self.random.choice(self.custodies)
        kind = self.random.randint(0, 4)
        if kind == 0:
            self.keep(self.custodies, self.machine.carve_custody(custody, self.cuts()))
        elif kind == 1:
            self.machine.thaw(custody, self.account(), self.dye(), self.random.randint(1, 80), True)
        elif kind == 2 and self.batches:
            homes = [home for home in self.machine.model.homes.values() if home]
            drawn = [b for b in self.batches if self.machine.model.payouts[b].source in homes]
            self.machine.redirect(self.random.choice(drawn or self.batches), custody, sensible=True)
        else:
            amounts = [self.random.randint(1, 5) for _ in range(self.random.randint(1, 10))]
            name = self.machine.reserve_custody(custody, amounts)
            self.keep(self.batches, name)
            if isinstance(name, str):
                self.machine.execute(name, 8, set(), in_order=True)

    def other(self) -> None:
        """Whatever is left."""
        choice = self.random.randint(0, 6)
        if choice == 0:
            self.machine.attest(self.random.randint(0, 3_000))
        elif choice == 1:
            self.machine.write_off_or_void(self.random.randint(0, 20), self.number())
        elif choice == 2:
            self.machine.sort(self.account(), "wages", "materials", self.random.randint(1, 9), True)
        elif choice == 3 and self.random.random() < 0.2:
            self.machine.sweep("site", "wages", sensible=True)
        elif choice == 4:
            self.machine.make_good("tree", "wages", 1, exact=True)
        else:
            self.machine.transfer(
                self.random.randint(1, 60),
                self.account(),
                self.account(),
                self.dye(),
                sensible=True,
                back=self.random.random() < 0.3,
            )

    def step(self) -> None:
        """One act, then every invariant."""
        acts = [self.pay, self.pay, self.answer, self.answer, self.answer, self.answer, self.settle]
        acts += [self.hold, self.execute, self.release, self.close_returns, self.mint, self.identify]
        acts += [
            self.freeze_lot,
            self.reverse,
            self.carve,
            self.custody,
            self.custody,
            self.other,
            self.other,
        ]
        self.random.choice(acts)()
        self.machine.lines_and_totals_agree()
        self.machine.references_count_once()
        self.machine.maps_partition_every_lot()


@pytest.mark.parametrize("seed", [20_211, 20_212])
def test_a_seeded_walk_keeps_every_invariant(world: World, seed: int) -> None:
    machine = type("MoneyOnTheNetwork", (Money,), {"network": Network.found(world.directory)})()
    try:
        walk = Walk(machine, seed)
        for _ in range(120):
            walk.step()
    finally:
        machine.teardown()
    held = machine.model
    assert all((held.settled, held.reversed, held.homes, held.sets))
