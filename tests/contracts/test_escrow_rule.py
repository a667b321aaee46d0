"""Escrow: rule, beyond what `test_escrow_dispute` shows: all that is logged, and each way to be refused."""

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.escrows import HELD, REFUNDED, SUPPLIED, Deal
from tests.contracts.world import (
    AGENCY_ONE,
    ENTERPRISE,
    PROJECT,
    SUPPLIER,
    WAGES,
    World,
    agency_one_governor,
    agency_one_supervisor,
    bank_governor,
    bank_supervisor,
    message,
    now,
)

PAID, BACK = account_line(SUPPLIED, WAGES), account_line(PROJECT, WAGES)

GOVERNORS = (bank_governor, agency_one_governor)


@pytest.fixture
def disputed(world: World) -> Deal:
    deal = Deal.agree(world)
    deal.dispute(SUPPLIER)
    return deal


def test_all_that_is_logged(disputed: Deal) -> None:
    values = {"toPayee": 0, "toPayer": 10, "nonce": 0, "deadline": now() + 60}
    digest = message("Ruling", disputed.escrow, **values).digest
    disputed.rule(0, 10)
    acted, ended, divided, back = disputed.escrow.events
    assert (acted.name, acted.values) == (
        "OperatorActed",
        {"digest": digest, "operator": agency_one_supervisor.address},
    )
    assert (ended.name, ended.values) == ("StateSet", {"state": REFUNDED})
    assert (divided.name, divided.values) == ("Divided", {"to_payee": 0, "to_payer": 1_000})
    assert (back.name, back.destination, back.amount, back.info) == ("Moved", BACK, 1_000, digest)
    # A ruling uses up the arbiter's nonce and nobody else's.
    nonces = [disputed.escrow.next_nonce(party) for party in (AGENCY_ONE, ENTERPRISE, SUPPLIER)]
    assert nonces == [1, 0, 1]


def test_a_ruling_signed_before_the_dispute_waits_for_one(world: World) -> None:
    deal = Deal.agree(world)
    deadline = now() + 60
    given = deal.consent("Ruling", AGENCY_ONE, toPayee=400, toPayer=600, deadline=deadline)
    with reverts("escrow: not disputed"):
        deal.escrow.rule(400, 600, deadline, given)
    deal.dispute(ENTERPRISE)
    deal.escrow.rule(400, 600, deadline, given)
    assert deal.shares == (0, 400, 600)


def test_until_the_last_second(disputed: Deal) -> None:
    boa.env.timestamp = disputed.escrow.ends_at()
    disputed.rule(400, 600)
    assert disputed.shares == (0, 400, 600)


def test_a_supervisor_suspended_since_it_ruled(disputed: Deal) -> None:
    deadline = now() + 60
    given = disputed.consent("Ruling", AGENCY_ONE, toPayee=400, toPayer=600, deadline=deadline)
    disputed.world.suspend(agency_one_supervisor, GOVERNORS)
    with reverts("parties: not signed for the party"):
        disputed.escrow.rule(400, 600, deadline, given)


def test_a_dispute_that_the_parties_ended(disputed: Deal) -> None:
    for end in (disputed.renounce, lambda: disputed.settle(1, 999)):
        with boa.env.anchor():
            end()
            with reverts("escrow: it has ended"):
                disputed.rule(400, 600)


def test_frozen_money_is_not_divided(disputed: Deal) -> None:
    disputed.world.freeze(HELD, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        disputed.rule(400, 600)
    assert (disputed.shares, disputed.escrow.next_nonce(AGENCY_ONE)) == ((1_000, 0, 0), 0)
