"""Escrow: refund, renounce."""

from typing import Any

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.escrows import BY_CONSENT, OPEN, REFUNDED, SUPPLIED, Deal
from tests.contracts.world import (
    PROJECT,
    SUPPLIER,
    WAGES,
    World,
    agency_one_supervisor,
    attacker,
    bank_supervisor,
    message,
    now,
    operator,
    supplier_operator,
    witness,
)

BACK = account_line(PROJECT, WAGES)
OTHERS = [attacker, operator, agency_one_supervisor, witness, bank_supervisor]


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def test_refund(deal: Deal) -> None:
    values = {"amount": 300, "nonce": 0, "deadline": now() + 60}
    digest = message("Refund", deal.escrow, **values).digest
    deal.refund(300)
    acted, refunded, moved = deal.escrow.events
    assert (acted.digest, acted.operator) == (digest, supplier_operator.address)
    assert (refunded.name, refunded.amount) == ("Refunded", 300)
    assert (moved.destination, moved.amount, moved.info) == (BACK, 300, digest)
    assert deal.shares == (700, 0, 300)
    assert deal.escrow.next_nonce(SUPPLIER) == 1
    assert deal.escrow.state() == OPEN


def test_refunding_everything_leaves_it_open_for_more(deal: Deal) -> None:
    deal.refund(1_000)
    assert deal.escrow.state() == OPEN
    deal.world.fund(200, account=deal.escrow.account())
    deal.release(BY_CONSENT, 200)
    assert deal.shares == (0, 200, 1_000)


@pytest.mark.parametrize("who", OTHERS)
def test_refund_by_the_payees_operator_alone(deal: Deal, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        deal.refund(1, who)


def test_refund_refusals(deal: Deal) -> None:
    with reverts("escrow: nothing to pay"):
        deal.refund(0)
    with reverts("escrow: more than is left"):
        deal.refund(1_001)
    with reverts("escrow: more than is left"):
        deal.refund(2**256 - 1)
    with reverts("parties: signature expired"):
        deal.refund(1, deadline=now() - 1)
    deal.refund(1, deadline=now())
    with boa.env.anchor():
        deal.dispute()
        with reverts("escrow: disputed"):
            deal.refund(1)
    boa.env.timestamp = deal.escrow.ends_at()
    deal.refund(1)
    boa.env.timestamp += 1
    with reverts("escrow: its time has run out"):
        deal.refund(1)


def test_what_was_signed_is_what_is_refunded(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("Refund", SUPPLIER, amount=10, deadline=deadline)
    for changed in ((11, deadline), (10, deadline + 1)):
        with reverts("parties: not signed for the party"):
            deal.escrow.refund(*changed, given)
    deal.escrow.refund(10, deadline, given, sender=attacker)


def test_renounce(deal: Deal) -> None:
    deal.attest()
    deal.release(BY_CONSENT, 150)
    digest = message("Renunciation", deal.escrow, nonce=0, deadline=now() + 60).digest
    deal.renounce()
    acted, ended, divided, moved = deal.escrow.events
    assert (acted.digest, acted.operator) == (digest, supplier_operator.address)
    assert (ended.name, ended.state) == ("StateSet", REFUNDED)
    assert (divided.name, divided.to_payee, divided.to_payer) == ("Divided", 0, 850)
    assert (moved.destination, moved.amount, moved.info) == (BACK, 850, digest)
    assert deal.shares == (0, 150, 850)
    assert deal.escrow.state() == REFUNDED
    with reverts("escrow: it has ended"):
        deal.renounce()
    with reverts("escrow: it has ended"):
        deal.refund(1)


def test_renounce_an_escrow_without_money(world: World) -> None:
    deal = Deal.agree(world, amount=0)
    deal.renounce()
    assert deal.escrow.state() == REFUNDED
    world.fund(5, account=deal.escrow.account())
    deal.escrow.close()
    assert deal.shares == (0, 0, 5)


def test_renounce_ends_a_dispute(deal: Deal) -> None:
    deal.dispute()
    deal.renounce()
    assert deal.escrow.state() == REFUNDED
    assert deal.shares == (0, 0, 1_000)


@pytest.mark.parametrize("who", OTHERS)
def test_renounce_by_the_payees_operator_alone(deal: Deal, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        deal.renounce(who)


def test_renounce_in_time(deal: Deal) -> None:
    with reverts("parties: signature expired"):
        deal.renounce(deadline=now() - 1)
    boa.env.timestamp = deal.escrow.ends_at() + 1
    with reverts("escrow: its time has run out"):
        deal.renounce()


def test_money_given_back_is_no_inflow_of_the_payer(deal: Deal) -> None:
    deal.refund(100)
    deal.release(BY_CONSENT, 50)
    deal.settle(150, 600)
    inflows = [deal.world.ledger.account_inflow(account, WAGES) for account in (PROJECT, SUPPLIED)]
    assert (inflows, deal.shares) == ([0, 200], (0, 200, 800))
