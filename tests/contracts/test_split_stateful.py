"""A split in any order of receipts, refunds and spending: to the cent, by what each receipt gave to whom."""

from __future__ import annotations

from dataclasses import replace

import boa
from eth_hash.auto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.contracts.chain import Reverted
from tests.contracts.dealings import (
    COURIER,
    INSURER,
    PAYER,
    PLATFORM,
    REST,
    SINK,
    named,
    open_shares,
    resting,
    sign,
    split,
)
from tests.contracts.funding import active, rest
from tests.contracts.world import TREE, World, now, operator
from tests.samples import examples

PLACES = (COURIER, PLATFORM, INSURER, REST)
PARTS = ((COURIER, 7, 3_333, 0), (PLATFORM, 0, 1_234, 40), (INSURER, 3, 0, 0))


class Sharing(RuleBasedStateMachine):
    """Balances follow from the receipts; nobody gives more than it got."""

    network: World

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = replace(self.network)
        open_shares(self.world)
        self.world.open(SINK, parent=COURIER)
        self.contract = split(self.world, PARTS)
        # What the courier spends goes to the sink.
        self.spending = active(self.world, [rest(SINK)], account=COURIER)
        self.held = dict.fromkeys((TREE, *PLACES, PAYER, SINK), 0)
        self.got: list[tuple[int, ...]] = []
        self.returned: list[list[int]] = []
        self.minted = self.orders = 0

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    @rule(amount=st.integers(1, 500))
    def fund(self, amount: int) -> None:
        self.world.fund(amount)
        self.minted += amount
        self.held[TREE] += amount

    @precondition(lambda self: self.held[TREE] > 0)
    @rule()
    def clear(self) -> None:
        assert self.contract.clear() == len(self.got) + 1
        divided = named(self.contract, "Divided")
        assert divided.total == sum(divided.amounts) == self.held[TREE]
        self.held[TREE] = 0
        for account, amount in zip(PLACES, divided.amounts, strict=True):
            self.held[account] += amount
        self.got.append(divided.amounts)
        self.returned.append([0] * len(PLACES))

    @precondition(lambda self: self.held[COURIER] > 0)
    @rule()
    def spend(self) -> None:
        self.spending.clear()
        self.held[SINK] += self.held[COURIER]
        self.held[COURIER] = 0

    @precondition(lambda self: self.got)
    @rule(which=st.integers(0, 50), amount=st.integers(1, 120), whole=st.booleans())
    def refund(self, which: int, amount: int, whole: bool) -> None:
        at = which % len(self.got)
        got, returned = self.got[at], self.returned[at]
        left = sum(got) - sum(returned)
        asked = left if whole and left else amount
        self.orders += 1
        values = {
            "receipt": at + 1,
            "amount": asked,
            "reference": keccak(b"order %d" % self.orders),
            "deadline": now() + 60,
        }
        try:
            self.contract.refund(*values.values(), sign(operator, "SplitRefund", self.contract, values))
        except Reverted as refused:
            self.is_right_to_refuse(refused.refusal.reason, at, asked)
            return
        amounts = named(self.contract, "RolledBack").amounts
        assert sum(amounts) == asked <= left
        for place, amount_back in zip(PLACES, amounts, strict=True):
            self.held[place] -= amount_back
            self.held[PAYER] += amount_back
        self.returned[at] = [held + more for held, more in zip(returned, amounts, strict=True)]

    def is_right_to_refuse(self, reason: str, at: int, asked: int) -> None:
        if reason == "split: more than is left of the receipt":
            assert asked > sum(self.got[at]) - sum(self.returned[at])
            return
        assert reason == "split: a party lacks its part of the refund"
        lacking = self.contract.lacking(at + 1, asked)
        amounts = dict(zip(PLACES, self.contract.rolled_back(at + 1, asked), strict=True))
        assert amounts[lacking] > self.held[lacking]

    @invariant()
    def nobody_gives_back_more_than_it_got(self) -> None:
        for number, (got, returned) in enumerate(zip(self.got, self.returned, strict=True), 1):
            total, refunded = sum(got), sum(returned)
            held = self.contract.receipt(number)
            assert (held.total, held.refunded) == (total, refunded)
            for most, back in zip(got, returned, strict=True):
                assert 0 <= back <= most
                assert abs(back * total - most * refunded) < len(PLACES) * total
            if refunded == total:
                assert tuple(returned) == got

    @invariant()
    def money_is_where_the_receipts_say(self) -> None:
        assert {account: resting(self.world, account) for account in self.held} == self.held
        assert sum(self.held.values()) == self.minted


def test_receipts_and_refunds_in_any_order(world: World) -> None:
    Sharing.network = world
    run_state_machine_as_test(
        Sharing, settings=settings(max_examples=examples(20), stateful_step_count=25, deadline=None)
    )
