"""Escrow: renounce, beyond what `test_escrow_refund` shows: all that is logged, and when it works."""

from collections.abc import Callable

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.escrows import BY_CONSENT, BY_EVIDENCE, HELD, REFUNDED, Deal
from tests.contracts.world import (
    ENTERPRISE,
    PROJECT,
    SUPPLIER,
    WAGES,
    World,
    agency_one_governor,
    attacker,
    bank_governor,
    bank_supervisor,
    message,
    now,
    supplier_operator,
)

BACK = account_line(PROJECT, WAGES)

GOVERNORS = (bank_governor, agency_one_governor)


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


def test_all_that_is_logged(deal: Deal) -> None:
    digest = message("Renunciation", deal.escrow, nonce=0, deadline=now() + 60).digest
    deal.renounce()
    acted, ended, divided, moved = deal.escrow.events
    assert (acted.name, acted.values) == (
        "OperatorActed",
        {"digest": digest, "operator": supplier_operator.address},
    )
    assert (ended.name, ended.values) == ("StateSet", {"state": REFUNDED})
    assert (divided.name, divided.values) == ("Divided", {"to_payee": 0, "to_payer": 1_000})
    assert (moved.name, moved.source, moved.destination) == ("Moved", account_line(HELD, WAGES), BACK)
    assert [deal.escrow.next_nonce(party) for party in (ENTERPRISE, SUPPLIER)] == [0, 1]


def test_what_was_signed_is_what_is_renounced(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("Renunciation", SUPPLIER, deadline=deadline)
    with reverts("parties: not signed for the party"):
        deal.escrow.renounce(deadline + 1, given)
    deal.refund(1)
    with reverts("parties: not signed for the party"):
        deal.escrow.renounce(deadline, given)
    assert deal.escrow.state() != REFUNDED


def test_anyone_hands_it_in_until_the_last_second(deal: Deal) -> None:
    boa.env.timestamp = deal.escrow.ends_at()
    deadline = now()
    given = deal.consent("Renunciation", SUPPLIER, deadline=deadline)
    deal.escrow.renounce(deadline, given, sender=attacker)
    assert deal.shares == (0, 0, 1_000)


def release_all(deal: Deal) -> None:
    deal.attest()
    deal.escrow.release_attested(BY_EVIDENCE)
    deal.release(BY_CONSENT, 200)
    deal.release(2, 300)


def close(deal: Deal) -> None:
    boa.env.timestamp = deal.escrow.ends_at() + 1
    deal.escrow.close()


@pytest.mark.parametrize("end", [release_all, close, lambda deal: deal.settle(1, 999)])
def test_an_escrow_that_has_ended_is_not_renounced(deal: Deal, end: Callable[[Deal], None]) -> None:
    end(deal)
    state = deal.escrow.state()
    with reverts("escrow: it has ended"):
        deal.renounce()
    assert deal.escrow.state() == state


def test_a_suspended_operator_renounces_nothing(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("Renunciation", SUPPLIER, deadline=deadline)
    deal.world.suspend(supplier_operator, GOVERNORS)
    with reverts("parties: not signed for the party"):
        deal.escrow.renounce(deadline, given)


def test_frozen_money_is_not_given_up(deal: Deal) -> None:
    deal.world.freeze(HELD, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        deal.renounce()
    assert (deal.shares, deal.escrow.next_nonce(SUPPLIER)) == ((1_000, 0, 0), 0)
