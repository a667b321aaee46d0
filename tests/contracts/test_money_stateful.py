"""The Ledger against `reference.Model`: any order of acts, cent by cent."""

from __future__ import annotations

import boa
from eth_hash.auto import keccak
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

from contracts.ids import account_line, lot_line, written_off_line
from contracts.rows import RowTree
from tests.contracts.chain import Event, Reverted
from tests.contracts.reference import Cent, Line, Model, NotAllowed, allow
from tests.contracts.world import (
    ENTERPRISE,
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    BareLedger,
    agency_one_supervisor,
    agreement_account,
    bank_bridge,
    bank_supervisor,
    consents,
    factory_account,
    first_teller,
    operator,
    rows_of,
    second_teller,
    signed,
)

ACCOUNTS = {"tree": TREE, "project": PROJECT}
NAMES = st.sampled_from(sorted(ACCOUNTS))
AMOUNTS = st.integers(1, 300)
# Few references, so that some come twice.
NUMBERS = st.integers(0, 25)
SIZES = st.sampled_from([8, 16])
REFUSED = st.sets(st.integers(0, 15), max_size=5)


def on_chain(line: Line) -> bytes:
    """The id of a line of the model."""
    kind, name = line
    if kind == "lot":
        return lot_line(keccak(name.encode()))
    return written_off_line(TREE) if kind == "written off" else account_line(ACCOUNTS[name], WAGES)


class Composition:
    """What composing all `Moved` logs gives: where each cent of each position came from."""

    def __init__(self) -> None:
        self.laid: dict[bytes, list[Cent]] = {}
        self.left: dict[bytes, set[int]] = {}

    def mint(self, reference: str, amount: int) -> None:
        """A lot is where serials start."""
        self.laid[lot_line(keccak(reference.encode()))] = [(reference, serial) for serial in range(amount)]

    def feed(self, events: list[Event]) -> None:
        """Apply logs. Each must lay cents right behind a line's end and take none twice."""
        for event in events:
            if event.name != "Moved":
                continue
            end = self.laid.setdefault(event.destination, [])
            assert event.destination_start == len(end)
            taken = set(range(event.source_start, event.source_start + event.amount))
            left = self.left.setdefault(event.source, set())
            assert not taken & left, "an interval was mapped twice"
            left |= taken
            end += self.laid[event.source][event.source_start : event.source_start + event.amount]

    def resting(self, line: bytes) -> list[Cent]:
        """The cents on a line that nothing mapped on."""
        left = self.left.get(line, set())
        return [cent for at, cent in enumerate(self.laid.get(line, [])) if at not in left]


class Money(RuleBasedStateMachine):
    """Each rule asks model and contract; both do it, or both refuse."""

    network: BareLedger
    batches: Bundle[str] = Bundle("batches")
    lots: Bundle[str] = Bundle("lots")

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.model = Model()
        self.composition = Composition()
        self.trees: dict[str, RowTree] = {}
        self.ids: dict[str, bytes] = {}
        self.ledger = self.network.ledger
        values = {"account": PROJECT, "parent": TREE, "controller": ENTERPRISE}
        self.ledger.open_account(*values.values(), signed(operator, "Opening", self.ledger, **values))
        self.ledger.grant(PROJECT, agreement_account.address, sender=factory_account)

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    def both(self, model, contract) -> bool:  # type: ignore[no-untyped-def]
        """Whether both did it. They must agree."""
        try:
            model()
        except NotAllowed as refused:
            try:
                contract()
            except Reverted:
                return False
            raise AssertionError(f"the contract allowed what the model refuses: {refused}") from refused
        contract()
        self.composition.feed(self.ledger.events)
        return True

    @initialize(target=lots)
    def open_with_money(self) -> object:
        self.mint_to("opening", 900, "project")
        self.mint_to("opening too", 900, "tree")
        self.mint_to("opening unknown", 900, "")
        return "opening unknown"

    def mint_to(self, name: str, amount: int, account: str) -> bool:
        def model() -> None:
            self.model.mint(name, amount)
            self.composition.mint(name, amount)
            if account:
                self.model.move(("lot", name), ("account", account), amount)

        call = (keccak(name.encode()), TREE, ACCOUNTS.get(account, ZERO), WAGES, amount, ZERO)
        return self.both(model, lambda: self.ledger.mint(*call, sender=bank_bridge))

    @rule(target=lots, number=NUMBERS, amount=AMOUNTS, account=st.sampled_from(["tree", ""]))
    def mint(self, number: int, amount: int, account: str) -> object:
        name = f"reference {number}"
        return name if self.mint_to(name, amount, account) else multiple()

    @rule(lot=lots, amount=AMOUNTS, account=NAMES)
    def identify(self, lot: str, amount: int, account: str) -> None:
        reference = keccak(lot.encode())
        _, start = self.ledger.line(lot_line(reference))
        values = {"lot": reference, "account": ACCOUNTS[account], "dyeClass": WAGES, "amount": amount}
        given = consents((first_teller, second_teller), "Identification", self.ledger, start=start, **values)
        self.both(
            lambda: self.model.move(("lot", lot), ("account", account), amount),
            lambda: self.ledger.identify(*values.values(), given),
        )

    @rule(
        amount=AMOUNTS,
        source=NAMES,
        destination=NAMES,
    )
    def transfer(self, amount: int, source: str, destination: str) -> None:
        ends = (ACCOUNTS[source], WAGES, ACCOUNTS[destination])
        self.both(
            lambda: self.model.move(("account", source), ("account", destination), amount),
            lambda: self.ledger.transfer(*ends, amount, ZERO, sender=agreement_account),
        )

    @rule(amount=st.integers(1, 40), number=NUMBERS)
    def write_off(self, amount: int, number: int) -> None:
        name = f"reference {number}"
        values = {"account": TREE, "dyeClass": WAGES, "amount": amount, "reference": keccak(name.encode())}
        given = consents((bank_supervisor, agency_one_supervisor), "WriteOff", self.ledger, **values)
        self.both(
            lambda: self.model.write_off(("account", "tree"), amount, name),
            lambda: self.ledger.write_off(*values.values(), given),
        )

    @rule(
        target=batches,
        amounts=st.lists(st.integers(1, 9), min_size=1, max_size=30),
        account=NAMES,
        chunk=REFUSED,
    )
    def reserve(self, amounts: list[int], account: str, chunk: set[int]) -> object:
        name = f"batch {len(self.trees)}"
        tree = self.trees[name] = rows_of(amounts)
        deadline = boa.env.timestamp + 1_000 + len(self.trees)

        def contract() -> None:
            bound = (tree.root, len(amounts), sum(amounts), deadline)
            self.ids[name] = self.ledger.reserve(ACCOUNTS[account], WAGES, *bound, sender=agreement_account)

        if not self.both(lambda: self.model.reserve(name, ("account", account), amounts), contract):
            return multiple()
        if chunk:
            self.execute(name, 16, chunk, in_order=True)
        return name

    @rule(batch=batches, size=SIZES, refused=REFUSED, in_order=st.booleans())
    def execute(self, batch: str, size: int, refused: set[int], in_order: bool) -> None:
        payout, chunks = self.model.payouts[batch], self.trees[batch].chunks(size)
        fitting = [chunk for chunk in chunks if chunk.first_row == payout.cursor]
        chunk = fitting[0] if in_order and fitting else chunks[-1]
        number = len(chunk.rows) // 43
        chosen = {row for row in refused if row < number}
        call = (self.ids[batch], chunk.rows, chunk.proof, sum(1 << row for row in chosen))

        def model() -> None:
            allow(chunk.first_row == payout.cursor, "out of order")
            self.model.execute(batch, number, chosen)

        self.both(model, lambda: self.ledger.execute(*call, sender=agreement_account))

    @rule(batch=batches)
    def release(self, batch: str) -> None:
        self.both(
            lambda: self.model.release(batch),
            lambda: self.ledger.release(self.ids[batch], sender=agreement_account),
        )

    @rule(batch=batches, row=st.integers(0, 29), number=st.none() | NUMBERS, sensible=st.booleans())
    def give_back(self, batch: str, row: int, number: int | None, sensible: bool) -> None:
        row %= (sensible and self.model.payouts[batch].cursor) or len(self.trees[batch].rows)
        name = None if number is None else f"reference {number}"
        reference = ZERO if name is None else keccak(name.encode())
        leaf = self.trees[batch].leaf_proof(row)
        call = (self.ids[batch], row, leaf.start, leaf.rows, leaf.proof, reference, ZERO)
        self.both(
            lambda: self.model.give_back(batch, row, name),
            lambda: self.ledger.return_row(*call, sender=bank_bridge),
        )

    @rule(batch=batches, finish=st.booleans())
    def settle(self, batch: str, finish: bool) -> None:
        payout = self.model.payouts[batch]
        for _ in self.trees[batch].chunks(8):
            if finish and payout.cursor < payout.end:
                self.execute(batch, 8, set(), in_order=True)
        self.both(
            lambda: self.model.settle(batch),
            lambda: self.ledger.settle(self.ids[batch], sender=bank_bridge),
        )

    @invariant()
    def lines_and_totals_agree(self) -> None:
        """I1, and `in` and `out` of every line are what the model keeps."""
        balances = in_flight = 0
        for line, queue in self.model.lines.items():
            filled, emptied = self.ledger.line(on_chain(line))
            assert (filled, emptied) == (len(queue.cents), queue.left)
            balances += filled - emptied if line[0] != "written off" else 0
        for batch in self.ids.values():
            filled, emptied = self.ledger.line(batch)
            assert emptied <= filled
            state = self.ledger.batch(batch)
            balances += filled - emptied
            in_flight += 0 if state.settled else emptied - state.amount_gone
        held, model = self.ledger.tree(TREE), self.model
        assert (held.minted, held.settled) == (model.minted, model.settled)
        assert (held.returned_late, held.written_off) == (model.returned_late, model.written_off)
        assert in_flight == model.in_flight
        supply = held.minted + held.returned_late - held.settled - held.written_off
        assert supply == balances + in_flight

    @invariant()
    def maps_partition_every_lot(self) -> None:
        """I5: composing the logs finds every cent exactly once, where the model has it."""
        found: list[Cent] = []
        for line, queue in self.model.lines.items():
            resting = self.composition.resting(on_chain(line))
            assert resting == queue.resting
            found += resting
        for name, batch in self.ids.items():
            payout = self.model.payouts[name]
            resting = self.composition.resting(batch)
            waiting = [cent for row in payout.rows[payout.cursor : payout.end] for cent in row]
            assert resting == payout.flying + waiting
            found += resting
        assert len(found) == len(set(found)) == self.model.minted


def test_money_is_never_made_lost_or_mixed_up(shared_bare: BareLedger) -> None:
    machine = type("MoneyOnTheNetwork", (Money,), {"network": shared_bare})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=25, stateful_step_count=40, deadline=None)
    )
