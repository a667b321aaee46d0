"""Guarantee: any order of acts against a model; money is conserved and there is always a way out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.contracts.chain import Reverted
from tests.contracts.guarantees import (
    AMOUNT,
    EXPIRED,
    EXPIRY_SECONDS,
    GRACE_SECONDS,
    HELD,
    ISSUE_SECONDS,
    NOT_ISSUED,
    OPEN,
    REFUNDED,
    RELEASED,
    USES,
    Letter,
)
from tests.contracts.world import World, now
from tests.samples import examples

NUMBERS = st.integers(0, USES)
# What ends a guarantee happens seldom, so that most runs get far.
SELDOM = st.sampled_from([False, False, False, True])
SECONDS = st.sampled_from([1, 3_600, ISSUE_SECONDS, GRACE_SECONDS, EXPIRY_SECONDS - GRACE_SECONDS])


class NotAllowed(Exception):
    """What the model refuses."""


def allow(condition: bool) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise NotAllowed


@dataclass
class Claim:
    """One claim."""

    number: int
    amount: int
    left: int
    lapses_at: int
    attested: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether its witness may still come."""
        return not self.attested and now() <= self.lapses_at


@dataclass
class Model:
    """What a guarantee should do, in plain arithmetic."""

    issue_by: int
    expires_at: int
    came: int = 0
    resting: int = 0
    paid: int = 0
    returned: int = 0
    state: int = NOT_ISSUED
    claims: list[Claim] = field(default_factory=list)

    @property
    def is_expired(self) -> bool:
        if self.state == NOT_ISSUED:
            return now() > self.issue_by
        return now() > self.expires_at and not any(claim.is_waiting for claim in self.claims)

    @property
    def state_now(self) -> int:
        """What the guarantee says it is."""
        return EXPIRED if self.state in (NOT_ISSUED, OPEN) and self.is_expired else self.state

    @property
    def claimed(self) -> int:
        """What open claims ask for."""
        if self.state == REFUNDED:
            return 0
        return sum(claim.left for claim in self.claims if claim.attested or claim.is_waiting)

    @property
    def remaining(self) -> int:
        """What the guarantee still stands for."""
        if self.state_now == OPEN and now() <= self.expires_at:
            return AMOUNT - self.paid
        return self.claimed

    def fund(self, amount: int) -> None:
        self.came += amount
        self.resting += amount

    def issue(self) -> None:
        allow(self.state_now == NOT_ISSUED and self.resting >= AMOUNT)
        self.state = OPEN

    def claim(self, number: int, amount: int) -> None:
        allow(self.state == OPEN and now() <= self.expires_at and len(self.claims) < USES)
        allow(all(claim.number != number for claim in self.claims))
        allow(0 < amount <= AMOUNT - self.paid - self.claimed)
        self.claims.append(Claim(number, amount, amount, now() + GRACE_SECONDS))

    def attest(self, index: int) -> None:
        allow(self.state == OPEN and index < len(self.claims) and self.claims[index].is_waiting)
        self.claims[index].attested = True

    def pay(self, claim: Claim) -> int:
        amount = min(claim.left, self.resting)
        claim.left -= amount
        self.resting -= amount
        self.paid += amount
        return amount

    def pay_claim(self, index: int) -> None:
        allow(self.state == OPEN and index < len(self.claims) and self.claims[index].attested)
        allow(self.pay(self.claims[index]) > 0)
        if self.paid == AMOUNT:
            self.state = RELEASED

    def give_back(self) -> None:
        self.returned += self.resting
        self.resting = 0

    def release(self) -> None:
        allow(self.state == OPEN)
        self.state = REFUNDED
        self.give_back()

    def expire(self) -> None:
        if self.state in (NOT_ISSUED, OPEN):
            allow(self.is_expired)
            self.state = EXPIRED
        else:
            allow(self.resting > 0)
        for claim in self.claims if self.state == EXPIRED else []:
            if claim.attested:
                self.pay(claim)
        self.give_back()


class Guaranteed(RuleBasedStateMachine):
    """Each rule asks model and contract; both do it, or both refuse."""

    world: World

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.letter = Letter.agree(self.world, collateral=0)
        self.model = Model(now() + ISSUE_SECONDS, now() + EXPIRY_SECONDS)

    @initialize(is_issued=st.sampled_from([True, True, False]))
    def lay_collateral(self, is_issued: bool) -> None:
        self.collateral(AMOUNT)
        if is_issued:
            self.issue()

    def teardown(self) -> None:
        """From wherever this is, silence and `expire` give all money back out."""
        try:
            last = max(claim.lapses_at for claim in self.model.claims) if self.model.claims else 0
            boa.env.timestamp = max(now(), self.model.expires_at, last) + 1
            if self.model.state in (NOT_ISSUED, OPEN) or self.model.resting:
                self.expire()
            self.money_is_conserved()
            assert self.letter.resting() == 0
            assert self.letter.guarantee.state() in (RELEASED, EXPIRED, REFUNDED)
        finally:
            self.anchor.__exit__(None, None, None)

    def both(self, model: Callable[[], None], contract: Callable[[], object]) -> None:
        try:
            model()
        except NotAllowed:
            try:
                contract()
            except Reverted:
                return
            raise AssertionError("the contract allowed what the model refuses") from None
        contract()

    @rule(amount=st.integers(1, 300))
    def collateral(self, amount: int) -> None:
        self.model.fund(amount)
        self.world.fund(amount, account=HELD)

    @rule()
    def issue(self) -> None:
        self.both(self.model.issue, self.letter.issue)

    @rule(number=st.integers(0, USES + 1), amount=st.integers(0, 600))
    def claim(self, number: int, amount: int) -> None:
        self.both(lambda: self.model.claim(number, amount), lambda: self.letter.claim(amount, number))

    @rule(number=st.integers(0, USES + 1))
    def claim_all_that_is_left(self, number: int) -> None:
        self.claim(number, AMOUNT - self.model.paid - self.model.claimed)

    @rule(index=NUMBERS)
    def attest(self, index: int) -> None:
        if index < len(self.model.claims):
            self.both(lambda: self.model.attest(index), lambda: self.letter.attest(index))

    @rule(index=NUMBERS)
    def pay_claim(self, index: int) -> None:
        self.both(lambda: self.model.pay_claim(index), lambda: self.letter.guarantee.pay_claim(index))

    @rule(meant=SELDOM)
    def release(self, meant: bool) -> None:
        if meant:
            self.both(self.model.release, self.letter.release)

    @rule()
    def expire(self) -> None:
        self.both(self.model.expire, lambda: self.letter.guarantee.expire())

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        boa.env.timestamp += seconds

    @invariant()
    def money_is_conserved(self) -> None:
        shares = self.letter.shares
        assert sum(shares) == self.model.came
        assert shares == (self.model.resting, self.model.paid, self.model.returned)
        assert self.model.paid <= AMOUNT

    @invariant()
    def anyone_verifies_what_it_is(self) -> None:
        held = self.letter.guarantee.verify()
        assert held.state == self.letter.guarantee.state() == self.model.state_now
        assert (held.claimed, held.paid) == (self.model.claimed, self.model.paid)
        assert (held.remaining, held.collateral) == (self.model.remaining, self.model.resting)
        claims = [(claim.amount, claim.amount - claim.left, claim.attested) for claim in self.model.claims]
        assert [(one.amount, one.paid, one.attested) for one in self.letter.guarantee.claims()] == claims


def test_a_guarantee_always_ends_and_keeps_nothing(world: World) -> None:
    machine = type("GuaranteeOnTheNetwork", (Guaranteed,), {"world": world})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples(25), stateful_step_count=30, deadline=None)
    )
