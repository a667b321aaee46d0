"""Escrow: release, attest, release_attested."""

from itertools import pairwise
from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.arguments import EscrowMilestone
from contracts.ids import account_line
from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    ACCEPTANCE,
    BY_CONSENT,
    BY_EVIDENCE,
    DUE_SECONDS,
    HELD,
    MORE_EVIDENCE,
    OPEN,
    OTHER_REPORT,
    RELEASED,
    REPORT,
    SUPPLIED,
    TIMEOUT_SECONDS,
    Deal,
    follow,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AUDITOR,
    ENTERPRISE,
    WAGES,
    ZERO,
    World,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_bridge,
    bank_governor,
    bank_supervisor,
    message,
    newcomer,
    now,
    operator,
    signer,
    supplier_operator,
    witness,
)

PAID = account_line(SUPPLIED, WAGES)


GOVERNORS = (bank_governor, agency_one_governor)


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def test_release(deal: Deal) -> None:
    values = {"milestone": BY_EVIDENCE, "amount": 100, "nonce": 0, "deadline": now() + 60}
    digest = message("MilestoneRelease", deal.escrow, **values).digest
    deal.release(BY_EVIDENCE, 100)
    (acted,) = deal.named("OperatorActed")
    assert (acted.digest, acted.operator) == (digest, operator.address)
    (released,) = deal.named("MilestoneReleased")
    assert (released.milestone, released.amount, released.left) == (BY_EVIDENCE, 100, 400)
    assert deal.moved == [(PAID, 100, digest)]
    assert deal.shares == (900, 100, 0)
    assert deal.escrow.progress(BY_EVIDENCE).released == 100
    assert deal.escrow.progress(BY_CONSENT).released == 0
    assert deal.escrow.next_nonce(ENTERPRISE) == 1
    assert deal.escrow.state() == OPEN


def test_release_in_parts_until_a_milestone_is_exhausted(deal: Deal) -> None:
    for amount in (50, 149):
        deal.release(BY_CONSENT, amount)
    with reverts("escrow: more than is left"):
        deal.release(BY_CONSENT, 2)
    deal.release(BY_CONSENT, 1)
    with reverts("escrow: more than is left"):
        deal.release(BY_CONSENT, 1)
    assert deal.shares == (800, 200, 0)


def test_releasing_everything_ends_it(deal: Deal) -> None:
    for number, amount in enumerate((200, 500, 299)):
        deal.release(number, amount)
        assert deal.named("StateSet") == []
    deal.release(MORE_EVIDENCE, 1)
    (ended,) = deal.named("StateSet")
    assert ended.state == RELEASED == deal.escrow.state()
    assert deal.shares == (0, 1_000, 0)
    with reverts("escrow: it has ended"):
        deal.release(BY_CONSENT, 1)
    boa.env.timestamp += TIMEOUT_SECONDS + 1
    assert deal.escrow.state() == RELEASED


@pytest.mark.parametrize(
    "who", [attacker, supplier_operator, agency_one_supervisor, witness, bank_bridge, bank_supervisor]
)
def test_release_by_the_payers_operator_alone(deal: Deal, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        deal.release(BY_CONSENT, 1, who)


def test_release_refusals(deal: Deal) -> None:
    with reverts("escrow: unknown milestone"):
        deal.release(3, 1)
    with reverts("escrow: unknown milestone"):
        deal.release(2**256 - 1, 1)
    with reverts("escrow: nothing to pay"):
        deal.release(BY_CONSENT, 0)
    with reverts("escrow: more than is left"):
        deal.release(BY_CONSENT, 201)
    with reverts("escrow: more than is left"):
        deal.release(BY_CONSENT, 2**256 - 1)
    with reverts("parties: signature expired"):
        deal.release(BY_CONSENT, 1, deadline=now() - 1)
    deal.release(BY_CONSENT, 1, deadline=now())
    deal.dispute()
    with reverts("escrow: disputed"):
        deal.release(BY_CONSENT, 1)


def test_release_of_more_than_rests(world: World) -> None:
    deal = Deal.agree(world, amount=150)
    with reverts("lines: not enough money"):
        deal.release(BY_CONSENT, 151)
    assert deal.escrow.progress(BY_CONSENT).released == 0
    deal.release(BY_CONSENT, 150)


def test_release_until_the_last_second(deal: Deal) -> None:
    boa.env.timestamp = deal.escrow.ends_at()
    deal.release(BY_CONSENT, 1)
    boa.env.timestamp += 1
    with reverts("escrow: its time has run out"):
        deal.release(BY_CONSENT, 1)


def test_what_was_signed_is_what_is_released(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("MilestoneRelease", ENTERPRISE, milestone=0, amount=10, deadline=deadline)
    for changed in ((1, 10, deadline), (0, 11, deadline), (0, 10, deadline + 1)):
        with reverts("parties: not signed for the party"):
            deal.escrow.release(*changed, given)
    deal.escrow.release(0, 10, deadline, given, sender=attacker)
    assert deal.shares == (990, 10, 0)


def test_attest(deal: Deal) -> None:
    deal.attest(observed_at=now() - 5)
    (attested,) = deal.escrow.events
    assert attested.name == "MilestoneAttested"
    assert (attested.milestone, attested.kind) == (BY_EVIDENCE, ACCEPTANCE)
    assert (attested.witness, attested.content) == (witness.address, REPORT)
    assert attested.observed_at == now() - 5
    held = deal.escrow.progress(BY_EVIDENCE)
    assert (held.released, held.evidence, held.observed_at) == (0, REPORT, now() - 5)


@pytest.mark.parametrize(
    "who", [attacker, operator, supplier_operator, agency_one_supervisor, bank_supervisor]
)
def test_attest_by_the_named_witness_alone(deal: Deal, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        deal.attest(by=who)


def test_attest_refusals(deal: Deal) -> None:
    with reverts("escrow: unknown milestone"):
        deal.attest(3)
    with reverts("escrow: milestone takes no evidence"):
        deal.attest(BY_CONSENT)
    with reverts("escrow: zero evidence"):
        deal.attest(content=ZERO)
    with reverts("escrow: evidence from the future"):
        deal.attest(observed_at=now() + 1)
    with reverts("parties: not signed for the party"):
        deal.attest(kind=keccak(b"another kind"))


def test_evidence_is_observed_by_the_due_date_and_may_come_later(deal: Deal) -> None:
    due = now() + DUE_SECONDS
    boa.env.timestamp = deal.escrow.ends_at()
    with reverts("escrow: evidence after the due date"):
        deal.attest(observed_at=due + 1)
    deal.attest(observed_at=due)
    boa.env.timestamp += 1
    with reverts("escrow: its time has run out"):
        deal.attest(MORE_EVIDENCE, OTHER_REPORT, observed_at=due)


def test_evidence_counts_once(deal: Deal) -> None:
    deal.attest()
    with reverts("escrow: milestone is attested"):
        deal.attest()
    with reverts("escrow: milestone is attested"):
        deal.attest(content=OTHER_REPORT)
    with reverts("escrow: evidence repeated"):
        deal.attest(MORE_EVIDENCE)
    deal.attest(MORE_EVIDENCE, OTHER_REPORT)


def test_evidence_of_one_milestone_is_not_anothers(deal: Deal) -> None:
    values = {"milestone": BY_EVIDENCE, "kind": ACCEPTANCE, "content": REPORT, "observedAt": now()}
    given = message("MilestoneEvidence", deal.escrow, **values).sign(witness)
    with reverts("parties: not signed for the party"):
        deal.escrow.attest(MORE_EVIDENCE, REPORT, now(), given)
    with reverts("parties: not signed for the party"):
        deal.escrow.attest(BY_EVIDENCE, OTHER_REPORT, now(), given)
    with reverts("parties: not signed for the party"):
        deal.escrow.attest(BY_EVIDENCE, REPORT, now() - 1, given)
    deal.escrow.attest(BY_EVIDENCE, REPORT, now(), given)


def test_anyone_releases_an_attested_milestone(deal: Deal) -> None:
    deal.release(BY_EVIDENCE, 120)
    with reverts("escrow: milestone is not attested"):
        deal.escrow.release_attested(BY_EVIDENCE)
    deal.attest()
    deal.escrow.release_attested(BY_EVIDENCE, sender=attacker)
    (released,) = deal.named("MilestoneReleased")
    assert (released.milestone, released.amount, released.left) == (BY_EVIDENCE, 380, 0)
    assert deal.moved == [(PAID, 380, REPORT)]
    assert deal.shares == (500, 500, 0)
    with reverts("escrow: nothing to pay"):
        deal.escrow.release_attested(BY_EVIDENCE)
    with reverts("escrow: milestone is not attested"):
        deal.escrow.release_attested(MORE_EVIDENCE)
    with reverts("escrow: unknown milestone"):
        deal.escrow.release_attested(3)


def test_an_attested_milestone_is_released_as_far_as_money_rests(world: World) -> None:
    deal = Deal.agree(world, amount=0)
    deal.attest()
    with reverts("escrow: nothing to pay"):
        deal.escrow.release_attested(BY_EVIDENCE)
    for amount, left in ((400, 100), (600, 0)):
        world.fund(amount, account=HELD)
        deal.escrow.release_attested(BY_EVIDENCE)
        assert deal.named("MilestoneReleased")[0].left == left
    assert deal.shares == (500, 500, 0)


def test_attested_releases_end_it_too(world: World) -> None:
    only = [EscrowMilestone(500, now() + 10, ACCEPTANCE, AUDITOR)]
    deal = Deal.agree(world, amount=510, milestones=only)
    deal.attest(0)
    deal.escrow.release_attested(0)
    assert deal.escrow.state() == RELEASED
    deal.escrow.close()
    assert deal.shares == (0, 500, 10)


def test_attested_money_waits_in_a_dispute_and_after_the_end(deal: Deal) -> None:
    deal.attest()
    with boa.env.anchor():
        deal.dispute()
        with reverts("escrow: disputed"):
            deal.escrow.release_attested(BY_EVIDENCE)
    boa.env.timestamp = deal.escrow.ends_at() + 1
    with reverts("escrow: its time has run out"):
        deal.escrow.release_attested(BY_EVIDENCE)
    deal.escrow.close()
    assert deal.shares == (0, 500, 500)


def test_a_witness_named_by_one_milestone_does_not_attest_another(world: World) -> None:
    due = now() + 10
    two = [EscrowMilestone(1, due, ACCEPTANCE, AUDITOR), EscrowMilestone(1, due, ACCEPTANCE, AGENCY_ONE)]
    deal = Deal.agree(world, milestones=two)
    with reverts("parties: not signed for the party"):
        deal.attest(1)
    deal.attest(0)


def test_what_a_suspended_witness_attested_pays_nobody(deal: Deal) -> None:
    """Neither at once, nor at the end, nor when it becomes a witness again."""
    deal.attest()
    deal.attest(MORE_EVIDENCE, OTHER_REPORT)
    deal.escrow.release_attested(MORE_EVIDENCE)
    assert [deal.escrow.is_proven(number) for number in range(3)] == [False, True, True]
    deal.world.suspend(witness, GOVERNORS)
    assert not any(deal.escrow.is_proven(number) for number in range(3))
    with reverts("escrow: milestone is not attested"):
        deal.escrow.release_attested(BY_EVIDENCE)
    deal.world.change([signer(witness, AUDITOR, Role.WITNESS)])
    with reverts("escrow: milestone is not attested"):
        deal.escrow.release_attested(BY_EVIDENCE)
    boa.env.timestamp = deal.escrow.ends_at() + 1
    deal.escrow.close()
    assert deal.shares == (0, 300, 700)


def test_a_witness_of_another_role_attests_no_more(deal: Deal) -> None:
    """Its key still acts for its institution, as something else."""
    deal.attest()
    deal.world.suspend(witness, GOVERNORS)
    since = deal.world.directory.signer(witness.address).since
    deal.world.change([signer(witness, AUDITOR, Role.AUDITOR)])
    assert deal.world.directory.signer(witness.address).since > since
    with reverts("escrow: milestone is not attested"):
        deal.escrow.release_attested(BY_EVIDENCE)


def test_another_witness_attests_again_what_a_suspended_one_attested(deal: Deal) -> None:
    deal.attest()
    deal.world.change([signer(newcomer, AUDITOR, Role.WITNESS)])
    with reverts("escrow: milestone is attested"):
        deal.attest(by=newcomer)
    deal.world.suspend(witness, GOVERNORS)
    with reverts("escrow: evidence repeated"):
        deal.attest(MORE_EVIDENCE, REPORT, by=newcomer)
    deal.attest(by=newcomer)
    deal.escrow.release_attested(BY_EVIDENCE, sender=attacker)
    assert deal.shares == (500, 500, 0)


def test_what_a_witness_attested_counts_with_the_keys_that_follow_its_own(deal: Deal) -> None:
    """However many the directory lets follow; suspending the last takes it away."""
    deal.attest()
    keys = [witness, *(actor(f"witness key {number}") for number in range(16))]
    for old, new in pairwise(keys):
        follow(deal.world, old, new)
    with boa.env.anchor():
        deal.escrow.release_attested(BY_EVIDENCE)
        assert deal.shares == (500, 500, 0)
    deal.world.suspend(keys[-1], GOVERNORS)
    with reverts("escrow: milestone is not attested"):
        deal.escrow.release_attested(BY_EVIDENCE)
