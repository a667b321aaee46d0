"""Escrow: dispute, rule, settle."""

from typing import Any

import boa
import pytest

from contracts.ids import account_line
from tests.contracts.chain import reverts
from tests.contracts.escrows import (
    BY_CONSENT,
    DISPUTE_SECONDS,
    DISPUTED,
    HELD,
    REFUNDED,
    RELEASED,
    SUPPLIED,
    Deal,
)
from tests.contracts.world import (
    AGENCY_ONE,
    ENTERPRISE,
    PROJECT,
    SUPPLIER,
    WAGES,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_supervisor,
    message,
    now,
    operator,
    supplier_operator,
    witness,
)

PAID, BACK = account_line(SUPPLIED, WAGES), account_line(PROJECT, WAGES)


@pytest.fixture
def deal(world: World) -> Deal:
    return Deal.agree(world)


@pytest.fixture
def disputed(deal: Deal) -> Deal:
    deal.dispute()
    return deal


@pytest.mark.parametrize(
    ("party", "who"), [(ENTERPRISE, operator), (SUPPLIER, supplier_operator)], ids=["payer", "payee"]
)
def test_dispute(deal: Deal, party: bytes, who: Any) -> None:
    digest = message("Dispute", deal.escrow, party=party, nonce=0, deadline=now() + 60).digest
    deal.dispute(party)
    acted, changed, disputed = deal.escrow.events
    assert (acted.digest, acted.operator) == (digest, who.address)
    assert (changed.name, changed.state) == ("StateSet", DISPUTED)
    ends_at = deal.escrow.TIMEOUT()
    assert (disputed.name, disputed.party, disputed.ends_at) == ("Disputed", party, ends_at)
    assert (deal.escrow.state(), deal.escrow.ends_at()) == (DISPUTED, ends_at)
    assert deal.escrow.next_nonce(party) == 1
    assert deal.shares == (1_000, 0, 0)


def test_a_dispute_never_shortens_an_escrow(deal: Deal) -> None:
    """The payer, with an arbiter that keeps silent, cannot end it before its milestones are due."""
    timeout = deal.escrow.TIMEOUT()
    boa.env.timestamp = timeout - DISPUTE_SECONDS
    with boa.env.anchor():
        deal.dispute(ENTERPRISE)
        assert deal.escrow.ends_at() == timeout
    boa.env.timestamp += 1
    deal.dispute(ENTERPRISE)
    assert deal.escrow.ends_at() == timeout + 1


def test_dispute_refusals(deal: Deal) -> None:
    for party, who in ((AGENCY_ONE, agency_one_supervisor), (bytes(32), operator)):
        with reverts("escrow: not a party"):
            deal.dispute(party, who)
    for party, who in ((ENTERPRISE, supplier_operator), (SUPPLIER, operator), (SUPPLIER, attacker)):
        with reverts("parties: not signed for the party"):
            deal.dispute(party, who)
    with reverts("parties: signature expired"):
        deal.dispute(deadline=now() - 1)
    deal.dispute(deadline=now())
    with reverts("escrow: disputed"):
        deal.dispute(SUPPLIER)


def test_a_dispute_signed_by_one_party_is_not_the_others(deal: Deal) -> None:
    deadline = now() + 60
    given = deal.consent("Dispute", ENTERPRISE, party=ENTERPRISE, deadline=deadline)
    with reverts("parties: not signed for the party"):
        deal.escrow.dispute(SUPPLIER, deadline, given)
    with reverts("parties: not signed for the party"):
        deal.escrow.dispute(ENTERPRISE, deadline + 1, given)


def test_rule(disputed: Deal) -> None:
    values = {"toPayee": 400, "toPayer": 600, "nonce": 0, "deadline": now() + 60}
    digest = message("Ruling", disputed.escrow, **values).digest
    disputed.rule(400, 600)
    acted, ended, divided, paid, back = disputed.escrow.events
    assert (acted.digest, acted.operator) == (digest, agency_one_supervisor.address)
    assert (ended.name, ended.state) == ("StateSet", RELEASED)
    assert (divided.name, divided.to_payee, divided.to_payer) == ("Divided", 400, 600)
    assert (paid.destination, paid.amount, paid.info) == (PAID, 400, digest)
    assert (back.destination, back.amount, back.info) == (BACK, 600, digest)
    assert disputed.shares == (0, 400, 600)
    assert disputed.escrow.state() == RELEASED
    assert disputed.escrow.next_nonce(AGENCY_ONE) == 1
    with reverts("escrow: it has ended"):
        disputed.rule(0, 0)


@pytest.mark.parametrize(
    ("to_payee", "state"), [(0, REFUNDED), (1, RELEASED), (999, RELEASED), (1_000, RELEASED)]
)
def test_rule_any_division(disputed: Deal, to_payee: int, state: int) -> None:
    disputed.rule(to_payee, 1_000 - to_payee)
    assert len(disputed.moved) == (to_payee > 0) + (to_payee < 1_000)
    assert disputed.shares == (0, to_payee, 1_000 - to_payee)
    assert disputed.escrow.state() == state


def test_rule_over_what_rests_after_a_release(deal: Deal) -> None:
    deal.release(BY_CONSENT, 150)
    deal.dispute(SUPPLIER)
    with reverts("escrow: more than rests"):
        deal.rule(400, 600)
    deal.rule(400, 450)
    assert deal.shares == (0, 550, 450)


@pytest.mark.parametrize(
    "who",
    [
        attacker,
        operator,
        supplier_operator,
        witness,
        bank_supervisor,
        agency_two_supervisor,
        agency_one_governor,
    ],
)
def test_rule_by_the_arbiters_supervisor_alone(disputed: Deal, who: Any) -> None:
    with reverts("parties: not signed for the party"):
        disputed.rule(0, 1_000, who)


def test_any_supervisor_of_the_arbiter_rules(disputed: Deal) -> None:
    disputed.rule(1, 999, agency_one_deputy)


@pytest.mark.parametrize(
    ("to_payee", "to_payer"),
    [(1_001, 0), (0, 1_001), (500, 501), (2**256 - 1, 2), (2, 2**256 - 1), (2**255, 2**255)],
)
def test_rule_no_more_than_rests(disputed: Deal, to_payee: int, to_payer: int) -> None:
    with reverts("escrow: more than rests"):
        disputed.rule(to_payee, to_payer)


def test_rule_only_in_a_dispute_and_in_time(deal: Deal) -> None:
    with reverts("escrow: not disputed"):
        deal.rule(0, 1_000)
    deal.dispute()
    with reverts("parties: signature expired"):
        deal.rule(0, 1_000, deadline=now() - 1)
    boa.env.timestamp = deal.escrow.ends_at() + 1
    with reverts("escrow: its time has run out"):
        deal.rule(0, 1_000)
    boa.env.timestamp -= 1
    deal.rule(0, 1_000)


def test_what_was_signed_is_what_is_ruled(disputed: Deal) -> None:
    deadline = now() + 60
    given = disputed.consent("Ruling", AGENCY_ONE, toPayee=100, toPayer=900, deadline=deadline)
    for changed in ((101, 899, deadline), (100, 899, deadline), (100, 900, deadline + 1)):
        with reverts("parties: not signed for the party"):
            disputed.escrow.rule(*changed, given)
    disputed.escrow.rule(100, 900, deadline, given, sender=attacker)


@pytest.mark.parametrize("first_dispute", [False, True])
def test_settle(deal: Deal, first_dispute: bool) -> None:
    if first_dispute:
        deal.dispute(SUPPLIER)
    nonces = [deal.escrow.next_nonce(party) for party in (ENTERPRISE, SUPPLIER)]
    values = {"toPayee": 700, "toPayer": 300, "deadline": now() + 60}
    agreed = message("Compromise", deal.escrow, payerNonce=nonces[0], payeeNonce=nonces[1], **values).digest
    deal.settle(700, 300)
    acted = deal.named("OperatorActed")
    assert [(one.digest, one.operator) for one in acted] == [
        (agreed, operator.address),
        (agreed, supplier_operator.address),
    ]
    (divided,) = deal.named("Divided")
    assert (divided.to_payee, divided.to_payer) == (700, 300)
    assert deal.moved == [(PAID, 700, agreed), (BACK, 300, agreed)]
    assert deal.shares == (0, 700, 300)
    assert deal.escrow.state() == RELEASED
    assert [deal.escrow.next_nonce(party) for party in (ENTERPRISE, SUPPLIER)] == [n + 1 for n in nonces]
    with reverts("escrow: it has ended"):
        deal.settle(0, 0)


def test_settle_by_both_parties(deal: Deal) -> None:
    for by in (
        (operator, operator),
        (supplier_operator, supplier_operator),
        (supplier_operator, operator),
        (attacker, supplier_operator),
        (operator, attacker),
        (operator, agency_one_supervisor),
    ):
        with reverts("parties: not signed for the party"):
            deal.settle(700, 300, by)


def test_settle_what_both_signed(deal: Deal) -> None:
    deadline = now() + 60
    same = {"toPayee": 700, "toPayer": 300, "deadline": deadline}
    payers = deal.compromise(operator, **same)
    payees = deal.compromise(supplier_operator, **{**same, "toPayee": 701, "toPayer": 299})
    for division in ((700, 300), (701, 299)):
        with reverts("parties: not signed for the party"):
            deal.escrow.settle(*division, deadline, payers, payees)


@pytest.mark.parametrize("party", [ENTERPRISE, SUPPLIER])
def test_what_either_party_does_meanwhile_voids_a_compromise(deal: Deal, party: bytes) -> None:
    values = {"toPayee": 700, "toPayer": 300, "deadline": now() + 60}
    given = [deal.compromise(who, **values) for who in (operator, supplier_operator)]
    if party == ENTERPRISE:
        deal.release(0, 1)
    else:
        deal.refund(1)
    with reverts("parties: not signed for the party"):
        deal.escrow.settle(*values.values(), *given)


def test_settle_refusals(deal: Deal) -> None:
    with reverts("escrow: more than rests"):
        deal.settle(700, 301)
    with reverts("parties: signature expired"):
        deal.settle(700, 300, deadline=now() - 1)
    boa.env.timestamp = deal.escrow.ends_at() + 1
    with reverts("escrow: its time has run out"):
        deal.settle(700, 300)
    boa.env.timestamp -= 1
    deal.settle(0, 1_000)
    assert deal.escrow.state() == REFUNDED


def test_money_that_came_after_a_division_was_signed_goes_to_the_payer(disputed: Deal) -> None:
    disputed.world.fund(7, account=HELD)
    disputed.rule(400, 600)
    assert disputed.shares == (0, 400, 607)
