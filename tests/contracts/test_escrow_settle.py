"""Escrow: settle, beyond what `test_escrow_dispute` shows: all that is logged, and each way to be refused."""

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    BY_CONSENT,
    EXPIRED,
    HELD,
    REFUNDED,
    RELEASED,
    SUPPLIED,
    Deal,
)
from tests.contracts.world import (
    PROJECT,
    WAGES,
    World,
    agency_one_governor,
    attacker,
    bank_governor,
    bank_supervisor,
    message,
    now,
    operator,
    supplier_operator,
)

PAID, BACK = account_line(SUPPLIED, WAGES), account_line(PROJECT, WAGES)

GOVERNORS = (bank_governor, agency_one_governor)


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def test_all_that_is_logged(deal: Deal) -> None:
    values = {"toPayee": 700, "toPayer": 200, "payerNonce": 0, "payeeNonce": 0, "deadline": now() + 60}
    digest = message("Compromise", deal.escrow, **values).digest
    deal.settle(700, 200)
    payer, payee, ended, divided, paid, back = deal.escrow.events
    assert [(acted.name, acted.values) for acted in (payer, payee)] == [
        ("OperatorActed", {"digest": digest, "operator": who.address})
        for who in (operator, supplier_operator)
    ]
    assert (ended.name, ended.values) == ("StateSet", {"state": RELEASED})
    # What nobody named goes to the payer.
    assert (divided.name, divided.values) == ("Divided", {"to_payee": 700, "to_payer": 300})
    assert [(moved.destination, moved.amount, moved.info) for moved in (paid, back)] == [
        (PAID, 700, digest),
        (BACK, 300, digest),
    ]


@pytest.mark.parametrize(
    ("to_payee", "to_payer", "state", "shares"),
    [
        (0, 0, REFUNDED, (0, 0, 1_000)),
        (1, 0, RELEASED, (0, 1, 999)),
        (1_000, 0, RELEASED, (0, 1_000, 0)),
        (0, 1_000, REFUNDED, (0, 0, 1_000)),
    ],
)
def test_any_division(
    deal: Deal, to_payee: int, to_payer: int, state: int, shares: tuple[int, int, int]
) -> None:
    deal.settle(to_payee, to_payer)
    assert (deal.escrow.state(), deal.shares) == (state, shares)
    assert all(amount > 0 for _, amount, _ in deal.moved)


@pytest.mark.parametrize(
    ("to_payee", "to_payer"), [(1_001, 0), (0, 1_001), (2**256 - 1, 2), (2, 2**256 - 1), (2**255, 2**255)]
)
def test_no_more_than_rests(deal: Deal, to_payee: int, to_payer: int) -> None:
    with reverts("escrow: more than rests"):
        deal.settle(to_payee, to_payer)


def test_no_more_than_rests_by_now(deal: Deal) -> None:
    deal.release(BY_CONSENT, 150)
    with reverts("escrow: more than rests"):
        deal.settle(700, 151)
    deal.settle(700, 150)
    assert deal.shares == (0, 850, 150)


def test_each_signs_in_its_own_place_and_for_its_own_party(deal: Deal) -> None:
    deadline = now() + 60
    same = {"toPayee": 700, "toPayer": 300, "deadline": deadline}
    payer, payee = deal.compromise(operator, **same), deal.compromise(supplier_operator, **same)
    for given in ((payee, payer), (payer, payer), (payee, payee)):
        with reverts("parties: not signed for the party"):
            deal.escrow.settle(700, 300, deadline, *given)
    deal.escrow.settle(700, 300, deadline, payer, payee, sender=attacker)


def test_an_operator_suspended_since_it_signed(deal: Deal) -> None:
    deadline = now() + 60
    same = {"toPayee": 700, "toPayer": 300, "deadline": deadline}
    given = [deal.compromise(who, **same) for who in (operator, supplier_operator)]
    deal.world.suspend(supplier_operator, GOVERNORS)
    with reverts("parties: not signed for the party"):
        deal.escrow.settle(700, 300, deadline, *given)


def test_an_escrow_that_was_closed_or_renounced(deal: Deal) -> None:
    with boa.env.anchor():
        boa.env.timestamp = deal.escrow.ends_at() + 1
        deal.escrow.close()
        assert deal.escrow.state() == EXPIRED
        with reverts("escrow: it has ended"):
            deal.settle(0, 0)
    deal.renounce()
    with reverts("escrow: it has ended"):
        deal.settle(0, 0)


def test_frozen_money_is_not_divided(deal: Deal) -> None:
    deal.world.freeze(HELD, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        deal.settle(700, 300)
    assert deal.shares == (1_000, 0, 0)
