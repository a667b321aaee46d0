"""Escrow: close, by anyone once its time has run out; late money."""

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    BY_CONSENT,
    BY_EVIDENCE,
    DISPUTE_SECONDS,
    DISPUTED,
    EXPIRED,
    HELD,
    MORE_EVIDENCE,
    OPEN,
    OTHER_REPORT,
    RELEASED,
    SUPPLIED,
    TIMEOUT_SECONDS,
    Deal,
)
from tests.contracts.world import (
    PROJECT,
    TREE,
    WAGES,
    World,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_supervisor,
)

PAID, BACK = account_line(SUPPLIED, WAGES), account_line(PROJECT, WAGES)


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def run_out(deal: Deal) -> None:
    """Let the escrow's time run out."""
    boa.env.timestamp = deal.escrow.ends_at() + 1


def test_close_gives_the_rest_back(deal: Deal) -> None:
    deal.release(BY_CONSENT, 120)
    boa.env.timestamp += TIMEOUT_SECONDS
    assert deal.escrow.state() == OPEN
    with reverts("escrow: its time has not run out"):
        deal.escrow.close()
    boa.env.timestamp += 1
    assert deal.escrow.state() == EXPIRED
    deal.escrow.close(sender=attacker)
    ended, divided, moved = deal.escrow.events
    assert (ended.name, ended.state) == ("StateSet", EXPIRED)
    assert (divided.name, divided.to_payee, divided.to_payer) == ("Divided", 0, 880)
    assert (moved.destination, moved.amount, moved.info) == (BACK, 880, deal.escrow.terms_hash())
    assert deal.shares == (0, 120, 880)
    assert deal.escrow.state() == EXPIRED
    with reverts("escrow: nothing rests"):
        deal.escrow.close()


def test_close_pays_what_attested_milestones_have_left(deal: Deal) -> None:
    deal.attest()
    deal.attest(MORE_EVIDENCE, OTHER_REPORT)
    deal.release(BY_EVIDENCE, 100)
    run_out(deal)
    deal.escrow.close()
    assert [(one.milestone, one.amount, one.left) for one in deal.named("MilestoneReleased")] == [
        (BY_EVIDENCE, 400, 0),
        (MORE_EVIDENCE, 300, 0),
    ]
    (divided,) = deal.named("Divided")
    assert (divided.to_payee, divided.to_payer) == (700, 200)
    assert deal.moved == [(PAID, 700, deal.escrow.terms_hash()), (BACK, 200, deal.escrow.terms_hash())]
    assert deal.shares == (0, 800, 200)
    assert deal.escrow.progress(MORE_EVIDENCE).released == 300


def test_close_leaves_out_attested_milestones_that_are_paid(deal: Deal) -> None:
    deal.attest()
    deal.escrow.release_attested(BY_EVIDENCE)
    run_out(deal)
    deal.escrow.close()
    assert deal.named("MilestoneReleased") == []
    assert deal.shares == (0, 500, 500)


def test_close_an_escrow_without_money(world: World) -> None:
    deal = Deal.agree(world, amount=0)
    deal.attest()
    run_out(deal)
    deal.escrow.close()
    assert deal.moved == []
    assert deal.escrow.state() == EXPIRED


def test_attested_milestones_come_first_in_money_that_comes_late(world: World) -> None:
    deal = Deal.agree(world, amount=0)
    deal.attest()
    deal.attest(MORE_EVIDENCE, OTHER_REPORT)
    run_out(deal)
    deal.escrow.close()
    for late, shares in ((350, (0, 350, 0)), (200, (0, 550, 0)), (400, (0, 800, 150)), (9, (0, 800, 159))):
        world.fund(late, account=HELD)
        deal.escrow.close()
        assert deal.shares == shares
    with reverts("escrow: nothing rests"):
        deal.escrow.close()


def test_money_that_comes_after_another_end_goes_to_the_payer(deal: Deal) -> None:
    deal.attest()
    deal.settle(100, 900)
    with reverts("escrow: nothing rests"):
        deal.escrow.close()
    deal.world.fund(300, account=HELD)
    deal.escrow.close()
    assert deal.named("StateSet") == []
    assert deal.moved == [(BACK, 300, deal.escrow.terms_hash())]
    assert deal.shares == (0, 100, 1_200)
    assert deal.escrow.state() == RELEASED


def test_a_disputed_escrow_closes_once_the_arbiter_kept_silent(deal: Deal) -> None:
    deal.attest()
    boa.env.timestamp = deal.escrow.TIMEOUT() - 10
    deal.dispute()
    boa.env.timestamp += DISPUTE_SECONDS
    assert deal.escrow.state() == DISPUTED
    with reverts("escrow: its time has not run out"):
        deal.escrow.close()
    boa.env.timestamp += 1
    assert deal.escrow.state() == EXPIRED
    deal.escrow.close()
    assert deal.shares == (0, 500, 500)


def test_evidence_attested_during_a_dispute_counts_when_the_arbiter_keeps_silent(deal: Deal) -> None:
    deal.dispute()
    deal.attest()
    run_out(deal)
    deal.escrow.close()
    assert deal.shares == (0, 500, 500)


def test_a_dispute_late_in_time_ends_after_the_timeout(deal: Deal) -> None:
    boa.env.timestamp += TIMEOUT_SECONDS
    deal.dispute()
    boa.env.timestamp += DISPUTE_SECONDS
    with reverts("escrow: its time has not run out"):
        deal.escrow.close()
    deal.rule(10, 990)
    assert deal.shares == (0, 10, 990)


def test_frozen_or_paused_money_waits_and_nothing_is_half_done(deal: Deal) -> None:
    world = deal.world
    deal.attest()
    world.freeze(HELD, True, [bank_supervisor])
    for act in (
        lambda: deal.release(BY_CONSENT, 1),
        lambda: deal.refund(1),
        lambda: deal.renounce(),
        lambda: deal.settle(1, 1),
        lambda: deal.escrow.release_attested(BY_EVIDENCE),
    ):
        with reverts("accounts: account frozen"):
            act()
    with boa.env.anchor():
        world.pause(True, [bank_supervisor])
        with reverts("accounts: paused"):
            deal.release(BY_CONSENT, 1)
    with boa.env.anchor():
        deal.dispute()
        with reverts("accounts: account frozen"):
            deal.rule(1, 1)
    run_out(deal)
    with reverts("accounts: account frozen"):
        deal.escrow.close()
    assert deal.shares == (1_000, 0, 0)
    assert deal.escrow.progress(BY_EVIDENCE).released == 0
    world.freeze(HELD, False, [agency_one_supervisor, agency_two_supervisor])
    deal.escrow.close()
    assert deal.shares == (0, 500, 500)


def test_a_party_that_closes_its_account_stops_nobody(deal: Deal) -> None:
    deal.attest()
    accounts, supervision = deal.world.accounts, deal.world.supervision
    for account in (SUPPLIED, PROJECT):
        accounts.close_account(account, sender=supervision.address)
    run_out(deal)
    deal.escrow.close()
    assert [(destination, amount) for destination, amount, _ in deal.moved] == [
        (account_line(TREE, WAGES), 500),
        (account_line(TREE, WAGES), 500),
    ]
    assert deal.resting() == 0


def test_the_money_of_a_closed_account_below_the_escrows_goes_above_both(deal: Deal) -> None:
    """Nothing is booked as paid that stays where it is, and goes to the payer the next time."""
    deal.attest()
    accounts, supervision = deal.world.accounts, deal.world.supervision
    accounts.move_account(SUPPLIED, HELD, sender=supervision.address)
    accounts.close_account(SUPPLIED, sender=supervision.address)
    run_out(deal)
    deal.escrow.close()
    assert [(destination, amount) for destination, amount, _ in deal.moved] == [
        (account_line(TREE, WAGES), 500),
        (BACK, 500),
    ]
    assert (deal.shares, deal.resting(TREE)) == ((0, 0, 500), 500)
    with reverts("escrow: nothing rests"):
        deal.escrow.close()
