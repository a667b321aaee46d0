"""Escrow: release_attested, beyond what `test_escrow_release` shows: all that is logged, and each refusal."""

import boa
import pytest

from contracts.arguments import EscrowMilestone
from contracts.ids import account_line
from contracts.terms import MapKind
from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    ACCEPTANCE,
    BY_CONSENT,
    BY_EVIDENCE,
    HELD,
    RELEASED,
    REPORT,
    SUPPLIED,
    Deal,
)
from tests.contracts.world import AUDITOR, ENTERPRISE, SUPPLIER, WAGES, World, attacker, bank_supervisor, now

PAID = account_line(SUPPLIED, WAGES)


@pytest.fixture
def deal(world: World) -> Deal:
    deal = Deal.agree(world)
    deal.attest()
    return deal


def test_all_that_is_logged(deal: Deal) -> None:
    deal.escrow.release_attested(BY_EVIDENCE, sender=attacker)
    released, moved = deal.escrow.events
    assert (released.name, released.values) == (
        "MilestoneReleased",
        {"milestone": BY_EVIDENCE, "amount": 500, "left": 0},
    )
    assert (moved.name, moved.kind, moved.amount) == ("Moved", MapKind.TRANSFER, 500)
    assert (moved.source, moved.destination, moved.info) == (account_line(HELD, WAGES), PAID, REPORT)
    assert deal.escrow.progress(BY_EVIDENCE).released == 500
    # It asks for nobody's signature.
    assert [deal.escrow.next_nonce(party) for party in (ENTERPRISE, SUPPLIER, AUDITOR)] == [0, 0, 0]


def test_the_last_of_the_price_ends_it(world: World) -> None:
    only = [EscrowMilestone(500, now() + 10, ACCEPTANCE, AUDITOR)]
    deal = Deal.agree(world, amount=500, milestones=only)
    deal.attest(0)
    deal.escrow.release_attested(0)
    released, ended, moved = deal.escrow.events
    assert [event.name for event in (released, ended, moved)] == ["MilestoneReleased", "StateSet", "Moved"]
    assert ended.values == {"state": RELEASED}
    with reverts("escrow: it has ended"):
        deal.escrow.release_attested(0)


def test_what_needs_consent_is_not_released_by_anyone(deal: Deal) -> None:
    for milestone in (BY_CONSENT, 2):
        with reverts("escrow: milestone is not attested"):
            deal.escrow.release_attested(milestone, sender=attacker)
    for milestone in (3, 2**256 - 1):
        with reverts("escrow: unknown milestone"):
            deal.escrow.release_attested(milestone, sender=attacker)


def test_until_the_last_second(deal: Deal) -> None:
    boa.env.timestamp = deal.escrow.ends_at()
    deal.escrow.release_attested(BY_EVIDENCE)
    assert deal.shares == (500, 500, 0)


def test_frozen_money_is_not_released(deal: Deal) -> None:
    deal.world.freeze(HELD, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        deal.escrow.release_attested(BY_EVIDENCE)
    assert deal.escrow.progress(BY_EVIDENCE).released == 0
