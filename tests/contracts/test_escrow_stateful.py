"""Escrow: any order of acts against a model; money is conserved and there is always a way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import boa
from eth_hash.auto import keccak
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.contracts.chain import Reverted
from tests.contracts.escrows import (
    BY_CONSENT,
    DISPUTE_SECONDS,
    DISPUTED,
    DUE_SECONDS,
    EXPIRED,
    HELD,
    OPEN,
    REFUNDED,
    RELEASED,
    TIMEOUT_SECONDS,
    Deal,
)
from tests.contracts.world import ENTERPRISE, SUPPLIER, World, now
from tests.samples import examples

AMOUNTS = st.integers(0, 600)
NUMBERS = st.integers(0, 2)
# What ends an escrow happens seldom, so that most runs get far.
SELDOM = st.sampled_from([False, False, False, True])
SECONDS = st.sampled_from([1, 3_600, DISPUTE_SECONDS, DUE_SECONDS - 1, DUE_SECONDS, TIMEOUT_SECONDS])


class NotAllowed(Exception):
    """What the model refuses."""


def allow(condition: bool) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise NotAllowed


@dataclass
class Model:
    """What an escrow should do, in plain arithmetic."""

    due_at: int
    ends_at: int
    came: int = 0
    resting: int = 0
    paid: int = 0
    returned: int = 0
    state: int = OPEN
    left: list[int] = field(default_factory=lambda: [200, 500, 300])
    evidence: dict[int, bytes] = field(default_factory=dict)

    def in_time(self, *states: int) -> None:
        allow(self.state in states and now() <= self.ends_at)

    def fund(self, amount: int) -> None:
        self.came += amount
        self.resting += amount

    def pay(self, milestone: int, amount: int) -> None:
        allow(0 < amount <= min(self.left[milestone], self.resting))
        self.left[milestone] -= amount
        self.resting -= amount
        self.paid += amount

    def release(self, milestone: int, amount: int) -> None:
        self.in_time(OPEN)
        self.pay(milestone, amount)
        if not any(self.left):
            self.state = RELEASED

    def release_attested(self, milestone: int) -> None:
        allow(milestone in self.evidence)
        self.release(milestone, min(self.left[milestone], self.resting))

    def refund(self, amount: int) -> None:
        self.in_time(OPEN)
        allow(0 < amount <= self.resting)
        self.resting -= amount
        self.returned += amount

    def attest(self, milestone: int, content: bytes, observed_at: int) -> None:
        self.in_time(OPEN, DISPUTED)
        allow(milestone != BY_CONSENT and milestone not in self.evidence)
        allow(content not in self.evidence.values() and observed_at <= self.due_at)
        self.evidence[milestone] = content

    def dispute(self) -> None:
        self.in_time(OPEN)
        self.state = DISPUTED
        self.ends_at = max(self.ends_at, now() + DISPUTE_SECONDS)

    def divide(self, to_payee: int, to_payer: int, *states: int) -> None:
        self.in_time(*states)
        allow(to_payee + to_payer <= self.resting)
        self.state = RELEASED if to_payee else REFUNDED
        self.split(to_payee)

    def split(self, to_payee: int) -> None:
        self.paid += to_payee
        self.returned += self.resting - to_payee
        self.resting = 0

    def close(self) -> None:
        if self.state in (OPEN, DISPUTED):
            allow(now() > self.ends_at)
            self.state = EXPIRED
        else:
            allow(self.resting > 0)
        for milestone in sorted(self.evidence) if self.state == EXPIRED else []:
            if amount := min(self.left[milestone], self.resting):
                self.pay(milestone, amount)
        self.split(0)

    @property
    def state_now(self) -> int:
        """What the escrow says it is."""
        return EXPIRED if self.state in (OPEN, DISPUTED) and now() > self.ends_at else self.state


class Escrowed(RuleBasedStateMachine):
    """Each rule asks model and contract; both do it, or both refuse."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.deal = Deal.agree(self.world, amount=0)
        self.model = Model(now() + DUE_SECONDS, now() + TIMEOUT_SECONDS)

    def teardown(self) -> None:
        """From wherever this is, silence and `close` give all money back out."""
        try:
            boa.env.timestamp = max(now(), self.deal.escrow.ends_at()) + 1
            if self.model.state in (OPEN, DISPUTED) or self.model.resting:
                self.close()
            self.money_is_conserved()
            assert self.deal.resting() == 0
            assert self.deal.escrow.state() in (RELEASED, EXPIRED, REFUNDED)
        finally:
            self.anchor.__exit__(None, None, None)

    def both(self, model: Callable[[], None], contract: Callable[[], None]) -> None:
        try:
            model()
        except NotAllowed:
            try:
                contract()
            except Reverted:
                return
            raise AssertionError("the contract allowed what the model refuses") from None
        contract()

    @rule(amount=st.integers(1, 700))
    def fund(self, amount: int) -> None:
        self.model.fund(amount)
        self.world.fund(amount, account=HELD)

    @rule(milestone=NUMBERS, amount=AMOUNTS)
    def release(self, milestone: int, amount: int) -> None:
        self.both(lambda: self.model.release(milestone, amount), lambda: self.deal.release(milestone, amount))

    @rule(milestone=NUMBERS)
    def release_whole(self, milestone: int) -> None:
        self.release(milestone, self.model.left[milestone])

    @rule(milestone=NUMBERS)
    def release_attested(self, milestone: int) -> None:
        self.both(
            lambda: self.model.release_attested(milestone),
            lambda: self.deal.escrow.release_attested(milestone),
        )

    @rule(milestone=NUMBERS, document=st.integers(0, 2), ago=st.sampled_from([0, 1, DUE_SECONDS]))
    def attest(self, milestone: int, document: int, ago: int) -> None:
        content, at = keccak(b"document %d" % document), now() - ago
        self.both(
            lambda: self.model.attest(milestone, content, at),
            lambda: self.deal.attest(milestone, content, observed_at=at),
        )

    @rule(amount=AMOUNTS)
    def refund(self, amount: int) -> None:
        self.both(lambda: self.model.refund(amount), lambda: self.deal.refund(amount))

    @rule(meant=SELDOM)
    def renounce(self, meant: bool) -> None:
        if meant:
            self.both(lambda: self.model.divide(0, 0, OPEN, DISPUTED), self.deal.renounce)

    @rule(party=st.sampled_from([ENTERPRISE, SUPPLIER]))
    def dispute(self, party: bytes) -> None:
        self.both(self.model.dispute, lambda: self.deal.dispute(party))

    @rule(share=st.integers(0, 100), missed=st.integers(-1, 1))
    def arbitrate(self, share: int, missed: int) -> None:
        to_payee = self.model.resting * share // 100
        to_payer = max(self.model.resting - to_payee + missed, 0)
        self.both(
            lambda: self.model.divide(to_payee, to_payer, DISPUTED),
            lambda: self.deal.rule(to_payee, to_payer),
        )

    @rule(to_payee=AMOUNTS, to_payer=AMOUNTS, meant=SELDOM)
    def settle(self, to_payee: int, to_payer: int, meant: bool) -> None:
        if meant:
            self.both(
                lambda: self.model.divide(to_payee, to_payer, OPEN, DISPUTED),
                lambda: self.deal.settle(to_payee, to_payer),
            )

    @rule()
    def close(self) -> None:
        self.both(self.model.close, lambda: self.deal.escrow.close())

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    @invariant()
    def money_is_conserved(self) -> None:
        shares = self.deal.shares
        assert sum(shares) == self.model.came
        assert shares == (self.model.resting, self.model.paid, self.model.returned)

    @invariant()
    def it_shows_what_it_is(self) -> None:
        escrow = self.deal.escrow
        assert escrow.state() == self.model.state_now
        assert escrow.ends_at() == self.model.ends_at
        for number, milestone in enumerate(escrow.milestones()):
            held = escrow.progress(number)
            assert milestone.amount - held.released == self.model.left[number]
            assert held.evidence == self.model.evidence.get(number, bytes(32))


def test_an_escrow_always_ends_and_keeps_nothing(world: World) -> None:
    machine = type("EscrowOnTheNetwork", (Escrowed,), {"world": world})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(25), stateful_step_count=30, deadline=None)
    )
