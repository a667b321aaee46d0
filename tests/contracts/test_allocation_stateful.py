"""Allocations on two levels in any order of acts: who gets what, and when, is what plain Python says."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import boa
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from contracts.ids import account_line, name_id
from contracts.rows import RowTree
from contracts.terms import Guard, Kind, MapKind, Rule
from tests.contracts import quorum
from tests.contracts.acts import Acts
from tests.contracts.allocation_model import Level, NotAllowed, Place, Tree
from tests.contracts.chain import Contract, Event, Reverted
from tests.contracts.disbursements import ALWAYS, cancel, counter, daily, said
from tests.contracts.funding import DAY, SECOND, active, move, open_accounts, rest, share, top_up
from tests.contracts.guard_model import Refusal
from tests.contracts.test_allocation_allocate import allocate
from tests.contracts.world import (
    LINE,
    PROJECT,
    QUORUM_SIGNERS,
    TREE,
    WAGES,
    World,
    attacker,
    now,
    operator,
    rows_of,
)
from tests.samples import examples

EXTRA, CREW = name_id("extra"), name_id("crew")
PLACES = (TREE, PROJECT, SECOND, EXTRA, LINE, CREW)
UPPER = (
    (top_up(LINE, 150), share(PROJECT, 3_333), share(EXTRA, 2_500), rest(SECOND)),
    (share(PROJECT, 5_000), share(EXTRA, 5_000)),
    (share(EXTRA, 1_001), top_up(PROJECT, 300), share(SECOND, 4_000)),
)
LOWER = ((share(CREW, 4_000), rest(LINE)), (top_up(LINE, 90), top_up(CREW, 60)))
OFFICE = daily(0, 9 * 3_600, 17 * 3_600)
CAPS = (
    (Guard(0, Kind.PAYOUT_CAP, 10**6),),
    (Guard(0, Kind.PAYOUT_CAP, 40), OFFICE, Guard(1, Kind.WINDOW_CAP, 350, DAY, subject=counter("day"))),
    (
        OFFICE,
        Guard(1, Kind.WINDOW_CAP, 120, 8 * 3_600, subject=counter("shift")),
        Guard(1, Kind.LIFETIME_CAP, 200, subject=counter("reserve")),
        Guard(2, Kind.LIFETIME_CAP, 3_000, subject=counter("ever")),
    ),
)
ACCOUNT = st.sampled_from(PLACES)
LEVEL = st.sampled_from([0, 0, 1])
ACTS = Acts()


class Allocating(RuleBasedStateMachine):
    """Each act asks model and contracts; both do it, or both refuse."""

    network: World
    tally: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = replace(self.network)
        self.spent: list[tuple[bytes, RowTree, bool]] = []
        self.orders = 0

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    @initialize(
        upper=st.integers(0, 2), lower=st.integers(0, 1), caps=st.integers(0, 2), below=st.integers(0, 2)
    )
    def start(self, upper: int, lower: int, caps: int, below: int) -> None:
        open_accounts(self.world)
        self.world.open(EXTRA)
        self.world.open(CREW, parent=PROJECT)
        made = (
            (TREE, UPPER[upper], CAPS[caps], (PROJECT, SECOND)),
            (PROJECT, LOWER[lower], CAPS[below], (LINE,)),
        )
        self.contracts = [self.allocation(*level) for level in made]
        self.payout = self.world.disbursement([ALWAYS])
        parents = dict(zip(PLACES, (None, TREE, TREE, TREE, PROJECT, PROJECT), strict=True))
        self.model = Tree(
            {account: Place(parent) for account, parent in parents.items()}, [Level(*level) for level in made]
        )
        self.fund(TREE, 1_000)

    def allocation(
        self,
        account: bytes,
        rules: tuple[Rule, ...],
        guards: tuple[Guard, ...],
        destinations: tuple[bytes, ...],
    ) -> Contract:
        """An active allocation."""
        return active(self.world, rules, guards, account=account, destinations=destinations)

    @rule(data=st.data())
    def act(self, data: st.DataObject) -> None:
        ACTS.do(self, data)

    def both(
        self, name: str, model: Callable[[], Any], contract: Callable[[], Any]
    ) -> tuple[Any, Any] | None:
        """What both gave, or None where both refused; where both name a guard, in the same words."""
        before = copy.deepcopy(self.model)
        expected: Refusal | NotAllowed | None = None
        made = given = None
        try:
            made = model()
        except (Refusal, NotAllowed) as refusal:
            self.model, expected = before, refusal
        refused: Reverted | None = None
        try:
            given = contract()
        except Reverted as reverted:
            refused = reverted
        assert (refused is None) == (expected is None), f"contracts: {refused!r}, model: {expected!r}"
        if refused:
            if refused.refusal.clause is not None:
                assert isinstance(expected, Refusal)
                assert said(refused.refusal) == expected.said
                self.tally[expected.said[2]] += 1
            return None
        self.tally[name] += 1
        return made, given

    def moved(self, number: int) -> list[tuple[bytes, int]]:
        """What an allocation moved last: along its own edges only, as money of its class (I7)."""
        level, contract = self.model.levels[number], self.contracts[number]
        edges = {rule.destination for rule in level.rules} | set(level.destinations)
        lines = {account_line(account, WAGES): account for account in edges}
        events: list[Event] = [event for event in contract.events if event.name == "Moved"]
        for event in events:
            assert (event.kind, event.source) == (MapKind.TRANSFER, account_line(level.account, WAGES))
        return [(lines[event.destination], event.amount) for event in events]

    # Allocations

    @ACTS.often(6, number=LEVEL, by=st.sampled_from([operator, attacker]))
    def clear(self, number: int, by: LocalAccount) -> None:
        done = self.both(
            "clear",
            lambda: self.model.clear(self.model.levels[number], now()),
            lambda: self.contracts[number].clear(sender=by),
        )
        if done:
            assert self.moved(number) == done[0]
            self.tally["moves"] += len(done[0])

    @ACTS.often(
        2,
        number=LEVEL,
        destination=st.sampled_from([PROJECT, SECOND, LINE, LINE]),
        amount=st.integers(0, 90),
        again=st.sampled_from([False, False, False, True]),
    )
    def order(self, number: int, destination: bytes, amount: int, again: bool) -> None:
        """An operator's order, under a reference that may have been used."""
        self.orders += not again
        reference = keccak(b"order %d" % self.orders)
        done = self.both(
            "order",
            lambda: self.model.allocate(self.model.levels[number], destination, amount, reference, now()),
            lambda: allocate(
                self.contracts[number], destination=destination, amount=amount, reference=reference
            ),
        )
        if done:
            assert self.moved(number) == [(destination, amount)]

    @ACTS.often(1, number=LEVEL, late=st.booleans())
    def order_by_nobody(self, number: int, late: bool) -> None:
        """Neither a stranger orders anything nor an operator whose time is over."""
        more = {"destination": LINE if number else SECOND, "amount": 1, "reference": keccak(b"nobody's")}
        refused = False
        try:
            if late:
                allocate(self.contracts[number], deadline=now() - 1, **more)
            else:
                allocate(self.contracts[number], by=attacker, **more)
        except Reverted:
            refused = True
        assert refused

    @ACTS.often(1, number=LEVEL, seldom=st.integers(0, 9))
    def retire(self, number: int, seldom: int) -> None:
        level = self.model.levels[number]
        if seldom or level.is_retired:
            return
        quorum.retire(self.world, self.contracts[number])
        level.is_retired = True

    # Money

    @ACTS.often(
        4, account=st.sampled_from([TREE, TREE, TREE, PROJECT, EXTRA, LINE]), amount=st.integers(1, 700)
    )
    def fund(self, account: bytes, amount: int) -> None:
        self.both(
            "fund", lambda: self.model.fund(account, amount), lambda: self.world.fund(amount, account=account)
        )

    @ACTS.often(2, amount=st.integers(1, 400), is_executed=st.booleans())
    def spend(self, amount: int, is_executed: bool) -> None:
        """Money leaves the tree's account for a batch, before or after it was shared."""
        tree = rows_of([amount])
        deadline = now() + 900 * DAY + len(self.spent)
        done = self.both(
            "spend",
            lambda: self.model.spend(TREE, amount),
            lambda: self.world.reserve(self.payout, tree, deadline),
        )
        if done:
            if is_executed:
                self.world.execute(self.payout, done[1], tree)
            self.spent.append((done[1], tree, is_executed))

    @ACTS.often(2, which=st.integers(0, 9))
    def come_back(self, which: int) -> None:
        """What was spent comes back: released, or returned by the bank."""
        if not self.spent:
            return
        batch, tree, is_executed = self.spent.pop(which % len(self.spent))
        self.model.come_back(TREE, tree.total_minor)
        if is_executed:
            self.world.give_back(batch, tree, 0)
        else:
            cancel(self.payout, batch)
        self.tally["come back"] += 1

    @ACTS.often(4, seconds=st.sampled_from([3_600, 5 * 3_600, 8 * 3_600, DAY, 3 * DAY]))
    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    # Accounts

    @ACTS.often(1, account=st.sampled_from([TREE, TREE, PROJECT, EXTRA]))
    def freeze(self, account: bytes) -> None:
        """Freeze an account, or unfreeze it: what is frozen starts nothing, and still receives."""
        place = self.model.places[account]
        place.frozen = not place.frozen
        self.world.freeze(account, place.frozen, QUORUM_SIGNERS)

    @ACTS.often(1, account=st.sampled_from([EXTRA, CREW, PROJECT]), seldom=st.integers(0, 2))
    def close(self, account: bytes, seldom: int) -> None:
        if not seldom:
            self.both("close", lambda: self.model.close(account), lambda: self.world.close(account))

    @ACTS.often(1, account=st.sampled_from([EXTRA, EXTRA, CREW, SECOND]))
    def sweep(self, account: bytes) -> None:
        self.both("sweep", lambda: self.model.sweep(account), lambda: self.world.ledger.sweep(account, WAGES))

    @ACTS.often(1, account=st.sampled_from([CREW, CREW, LINE, PROJECT]), parent=ACCOUNT)
    def move(self, account: bytes, parent: bytes) -> None:
        self.both(
            "move",
            lambda: self.model.move_account(account, parent),
            lambda: move(self.world, account, parent),
        )

    # What holds after every act

    @invariant()
    def money_is_where_the_model_has_it(self) -> None:
        """I1: every account's balance and inflow; nothing appears, nothing is lost."""
        for account, place in self.model.places.items():
            filled, emptied = self.world.ledger.line(account_line(account, WAGES))
            assert filled - emptied == place.balance
            assert filled == place.arrived + place.came_back
        assert (
            sum(place.balance for place in self.model.places.values()) + self.model.away == self.model.minted
        )
        assert self.world.ledger.tree(TREE).minted == self.model.minted

    @invariant()
    def each_cent_is_shared_once(self) -> None:
        """What is kept back is some share's; what was shared and what is missing is what arrived."""
        for level, contract in zip(self.model.levels, self.contracts, strict=True):
            assert (contract.owed_in_all(), contract.missed()) == (level.owed.total(), level.missing)
            assert contract.shared_up_to() == level.seen_arrived == level.shared + level.missing
            for number in +level.owed:
                assert contract.owed(number) == level.owed[number]

    @invariant()
    def caps_hold_in_every_window(self) -> None:
        """I8: counters are the model's and within their caps; what a clause counts is all that moved."""
        for level, contract in zip(self.model.levels, self.contracts, strict=True):
            assert all(used <= level.guards[number].a for (number, _), used in level.consumed.items())
            for clause in level.clauses:
                kinds = {guard.kind for _, guard in clause}
                if kinds <= {Kind.WINDOW_CAP, Kind.LIFETIME_CAP}:
                    numbers = {number for number, _ in clause}
                    counted = sum(used for (number, _), used in level.consumed.items() if number in numbers)
                    assert counted == sum(amount for _, amount in level.moves)
                for number, guard in clause:
                    if guard.kind in (Kind.WINDOW_CAP, Kind.LIFETIME_CAP):
                        moment = now() // guard.b if guard.b else 0
                        assert contract.consumed(number, now()) == level.consumed[number, moment]


def machine_on(world: World) -> type[Allocating]:
    """The machine on a network, and nothing counted yet."""
    return type("AllocationsOnTheNetwork", (Allocating,), {"network": world, "tally": Counter()})


def test_allocations_follow_their_rules_in_any_order_of_acts(world: World) -> None:
    machine = machine_on(world)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(12), stateful_step_count=40, deadline=None)
    )
    # Whatever was drawn, something moved, and something came back.
    assert all(machine.tally[name] for name in ("moves", "come back")), machine.tally
