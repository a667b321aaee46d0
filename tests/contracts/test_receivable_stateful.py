"""A receivable in any order of acts, against a model that pays the holders cent by cent."""

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

from contracts.ids import name_id
from tests.contracts.chain import Reverted
from tests.contracts.dealings import (
    DEAL,
    ENTERPRISE_ACCOUNT,
    FINANCIER_ACCOUNT,
    OPERATORS,
    PLACES,
    assign,
    assignment,
    confirm,
    finance,
    financing,
    named,
    open_parties,
    owed,
    receivable,
    repay,
    resting,
)
from tests.contracts.world import FINANCIER, SUPPLIER, World, actor, institution, signer
from tests.samples import examples

FACE = 997
CARRIER, carrier_operator = name_id("carrier"), actor("carrier operator")
CARRIER_ACCOUNT = name_id("carrier's")
HOLDERS = (SUPPLIER, FINANCIER, CARRIER)
KEYS = {**OPERATORS, CARRIER: carrier_operator}
ACCOUNTS = {**PLACES, CARRIER: CARRIER_ACCOUNT}
WHO = st.sampled_from(HOLDERS)
AMOUNTS = st.integers(1, 400)


def paid_in_turn(claims: list[int], cents: int) -> list[int]:
    """What each claim got after so many cents.

    Each cent goes to the last claim, unless the claims before it have less than their share, rounded down, of
    what all together now got; then to the last of those, and so on.
    """
    got = [0] * len(claims)
    for _ in range(cents):
        for last in reversed(range(len(claims))):
            up_to, below = sum(claims[: last + 1]), sum(claims[:last])
            among = sum(got[: last + 1]) + 1
            if not below or among * below // up_to == sum(got[:last]):
                got[last] += 1
                break
    return got


class Owing(RuleBasedStateMachine):
    """Claims, balances and states follow the model."""

    network: World

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.world = replace(self.network)
        self.debt = self.world.activate(receivable(self.world, face_minor=FACE))
        confirm(self.debt)
        self.order = [SUPPLIER]
        self.claims = [FACE]
        self.since = self.repaid = self.numbers = 0
        self.held = dict.fromkeys((DEAL, ENTERPRISE_ACCOUNT, *(ACCOUNTS[who] for who in HOLDERS)), 0)
        self.minted = 0

    def teardown(self) -> None:
        self.anchor.__exit__(None, None, None)

    def left(self) -> list[int]:
        got = paid_in_turn(self.claims, self.since)
        return [claim - paid for claim, paid in zip(self.claims, got, strict=True)]

    def reference(self) -> bytes:
        self.numbers += 1
        return keccak(b"act %d" % self.numbers)

    def pass_on(self, holder: bytes, to: bytes, amount: int) -> None:
        left = dict(zip(self.order, self.left(), strict=True))
        left[holder] -= amount
        known = to in left and left[to] > 0
        if known:
            left[to] += amount
        self.order = [who for who in self.order if left[who] > 0]
        self.claims = [left[who] for who in self.order]
        if not known:
            self.order.append(to)
            self.claims.append(amount)
        self.since = 0

    def collects(self) -> list[int]:
        """What collecting gives each holder now."""
        part = min(self.held[DEAL], FACE - self.repaid)
        before = paid_in_turn(self.claims, self.since)
        after = paid_in_turn(self.claims, self.since + part)
        return [paid - was for paid, was in zip(after, before, strict=True)]

    def may_pass_on(self, holder: bytes, to: bytes, amount: int) -> bool:
        """What rests is collected first."""
        amounts = self.collects()
        left = [held - paid for held, paid in zip(self.left(), amounts, strict=True)]
        has = dict(zip(self.order, left, strict=True))
        return self.repaid + sum(amounts) < FACE and holder != to and has.get(holder, 0) >= amount

    def can_pay(self, price: int) -> bool:
        """Whether the financier can, from what it has and what it is repaid just before."""
        repaid = dict(zip(self.order, self.collects(), strict=True))
        return self.held[FINANCIER_ACCOUNT] + repaid.get(FINANCIER, 0) >= price

    @rule(account=st.sampled_from([DEAL, ENTERPRISE_ACCOUNT, FINANCIER_ACCOUNT]), amount=AMOUNTS)
    def fund(self, account: bytes, amount: int) -> None:
        self.world.fund(amount, account)
        self.held[account] += amount
        self.minted += amount

    @rule(holder=WHO, to=WHO, amount=AMOUNTS)
    def assign(self, holder: bytes, to: bytes, amount: int) -> None:
        values = assignment(holder, to, amount, self.reference(), account=ACCOUNTS[to])
        allowed = self.may_pass_on(holder, to, amount)
        try:
            assign(self.debt, values, KEYS[holder], KEYS[to])
        except Reverted:
            assert not allowed
            return
        assert allowed
        self.collected()
        self.pass_on(holder, to, amount)

    @rule(holder=WHO, amount=AMOUNTS, discount=st.integers(0, 20))
    def finance(self, holder: bytes, amount: int, discount: int) -> None:
        price = max(1, amount - discount)
        allowed = self.may_pass_on(holder, FINANCIER, amount) and self.can_pay(price)
        try:
            finance(
                self.debt, financing(amount, price, self.reference(), holder), KEYS[holder], KEYS[FINANCIER]
            )
        except Reverted:
            assert not allowed
            return
        assert allowed
        self.collected()
        self.pass_on(holder, FINANCIER, amount)
        self.held[FINANCIER_ACCOUNT] -= price
        self.held[ACCOUNTS[holder]] += price

    def collected(self) -> None:
        """What rested on the account went to the holders and what is above to the creditor."""
        if self.held[DEAL] == 0:
            return
        amounts = self.collects()
        part = sum(amounts)
        event = named(self.debt, "Collected")
        assert (list(event.repaid), event.excess) == (amounts, self.held[DEAL] - part)
        for who, amount in zip(self.order, amounts, strict=True):
            assert amount >= 0
            self.held[ACCOUNTS[who]] += amount
        self.held[ACCOUNTS[SUPPLIER]] += self.held[DEAL] - part
        self.held[DEAL] = 0
        self.since += part
        self.repaid += part

    @precondition(lambda self: self.held[DEAL] > 0)
    @rule()
    def collect(self) -> None:
        self.debt.collect()
        self.collected()

    @rule(amount=AMOUNTS)
    def repay(self, amount: int) -> None:
        allowed = amount <= self.held[ENTERPRISE_ACCOUNT] and self.held[DEAL] + amount <= FACE - self.repaid
        try:
            repay(self.debt, amount, self.reference())
        except Reverted:
            assert not allowed
            return
        assert allowed
        self.held[ENTERPRISE_ACCOUNT] -= amount
        self.held[DEAL] += amount
        self.collected()

    @invariant()
    def claims_are_those_of_the_model(self) -> None:
        assert owed(self.debt) == dict(zip(self.order, self.left(), strict=True))
        assert (self.debt.repaid(), self.debt.owed()) == (self.repaid, FACE - self.repaid)
        assert self.debt.state() == (2 if self.repaid == FACE else 1)

    @invariant()
    def money_is_where_the_model_says(self) -> None:
        assert {account: resting(self.world, account) for account in self.held} == self.held
        assert sum(self.held.values()) == self.minted


def test_acts_in_any_order(world: World) -> None:
    open_parties(world)
    world.change([institution(CARRIER, 3)])
    world.change([signer(carrier_operator, CARRIER, 16)])
    world.open(CARRIER_ACCOUNT, controller=CARRIER)
    Owing.network = world
    run_state_machine_as_test(
        Owing, settings=settings(max_examples=examples(20), stateful_step_count=25, deadline=None)
    )
