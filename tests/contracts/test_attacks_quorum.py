"""Attacks by time: the directory changes between signing and acting. What it says when one acts counts."""

from __future__ import annotations

from collections.abc import Callable

import boa
import pytest

from contracts.rows import RowTree
from contracts.terms import Guard, Kind, disbursement_arguments
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import ALWAYS, CHANGED, DAY, OTHER, adopt, revoke
from tests.contracts.quorum import adoption_values
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    BANK,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    attacker,
    bank_governor,
    bank_supervisor,
    consents,
    member,
    not_member,
    now,
    rows_of,
    threshold,
)

BOTH = (agency_one_supervisor, agency_two_supervisor)
ALL = (*BOTH, bank_supervisor)
GOVERNORS = (bank_governor, agency_one_governor)
LATER = 30 * DAY
Act = Callable[[list[bytes]], object]


def reserved(world: World, guard: Guard) -> tuple[Contract, RowTree, bytes]:
    """A batch of 24 rows that waits for approvals."""
    world.fund(1_000)
    payout, tree = world.disbursement((guard,)), rows_of([10] * 24)
    return payout, tree, world.reserve(payout, tree, deadline=now() + LATER)


def chunk(payout: Contract, batch: bytes, tree: RowTree, number: int) -> None:
    """Execute eight rows."""
    held = tree.chunks(8)[number]
    payout.execute(batch, held.rows, held.proof, False, sender=attacker)


# What the terms ask for is theirs, whatever threshold the quorum has by now


def test_a_lowered_threshold_lets_no_batch_through_that_the_terms_hold_back(world: World) -> None:
    payout, tree, batch = reserved(world, approval_guard(needed=3))
    world.change([threshold(3)])
    world.approve(payout, batch, BOTH)
    world.change([threshold(2)])
    with reverts("clause 0, guard 0: approvals-missing, limit 3, observed 2"):
        chunk(payout, batch, tree, 0)
    world.approve(payout, batch, [bank_supervisor])
    chunk(payout, batch, tree, 0)


def test_a_raised_threshold_leaves_what_the_terms_ask_for(world: World) -> None:
    payout, tree, batch = reserved(world, approval_guard())
    world.approve(payout, batch, BOTH)
    chunk(payout, batch, tree, 0)
    world.change([threshold(3)])
    chunk(payout, batch, tree, 1)


def test_terms_that_ask_for_more_void_what_was_approved_under_those_that_asked_for_less(world: World) -> None:
    payout, tree, batch = reserved(world, approval_guard())
    world.approve(payout, batch, BOTH)
    adopt(world, payout, [approval_guard(needed=3)])
    with reverts(CHANGED):
        chunk(payout, batch, tree, 0)
    adopt(world, payout, [approval_guard()])
    with reverts(CHANGED):
        chunk(payout, batch, tree, 0)


# Members that leave, between approving and executing


def test_a_member_leaves_between_two_chunks_and_comes_back(world: World) -> None:
    payout, tree, batch = reserved(world, approval_guard())
    world.approve(payout, batch, BOTH)
    chunk(payout, batch, tree, 0)
    world.change([not_member(AGENCY_TWO)])
    with reverts("clause 0, guard 0: approvals-missing, limit 2, observed 1"):
        chunk(payout, batch, tree, 1)
    with reverts("clauses: not asked of this institution"):
        world.approve(payout, batch, [agency_two_supervisor])
    world.change([member(AGENCY_TWO)])
    with boa.env.anchor():
        chunk(payout, batch, tree, 1)
    revoke(payout, batch, agency_two_supervisor)
    with reverts("clause 0, guard 0: approvals-missing, limit 2, observed 1"):
        chunk(payout, batch, tree, 1)


def test_the_only_bank_leaves_and_two_agencies_do_not_stand_for_it(world: World) -> None:
    payout, tree, batch = reserved(world, Guard(0, Kind.APPROVAL, 2, 1, subject=QUORUM))
    world.approve(payout, batch, (agency_one_supervisor, bank_supervisor))
    chunk(payout, batch, tree, 0)
    world.change([not_member(BANK)])
    with reverts("clause 0, guard 0: approvals-missing, limit 2, observed 1"):
        chunk(payout, batch, tree, 1)
    world.approve(payout, batch, [agency_two_supervisor])
    with reverts("clause 0, guard 0: approvals-missing, limit 1, observed 0"):
        chunk(payout, batch, tree, 1)


def test_a_waiting_period_is_not_sat_out_by_a_member_that_left(world: World) -> None:
    world.fund(1_000)
    waiting = Guard(0, Kind.WAITING, DAY, 2, subject=QUORUM)
    payout, tree = world.disbursement((waiting,)), rows_of([10])
    batch = world.reserve(payout, tree, deadline=now() + LATER)
    world.approve(payout, batch, BOTH)
    world.change([not_member(AGENCY_ONE)])
    with reverts("clause 0, guard 0: waiting-period, limit 2, observed 1"):
        chunk(payout, batch, tree, 0)


def test_a_deputy_counts_in_the_place_of_who_is_suspended_and_both_never_twice(world: World) -> None:
    """Two of one institution count once; when one of them is suspended the other still counts."""
    payout, tree, batch = reserved(world, approval_guard())
    world.approve(payout, batch, (agency_one_supervisor, agency_one_deputy))
    with reverts("clause 0, guard 0: approvals-missing, limit 2, observed 1"):
        chunk(payout, batch, tree, 0)
    world.approve(payout, batch, [bank_supervisor])
    world.suspend(agency_one_supervisor, [agency_one_governor])
    chunk(payout, batch, tree, 0)
    world.suspend(agency_one_deputy, [agency_one_governor])
    with reverts("clause 0, guard 0: approvals-missing, limit 2, observed 1"):
        chunk(payout, batch, tree, 1)


# Decisions of the quorum: signed under one threshold and one set of members, handed in under another


def activation(world: World) -> tuple[str, Contract, dict[str, object], Act]:
    """An agreement goes active."""
    made = world.instance("disbursement", disbursement_arguments(TREE, WAGES, (ALWAYS,)))
    values = world.activation(made)
    return "Activation", world.factory, values, lambda given: world.factory.activate(made.address, given)


def adoption(world: World) -> tuple[str, Contract, dict[str, object], Act]:
    """An agreement gets other terms."""
    payout, arguments = world.disbursement(), disbursement_arguments(TREE, WAGES, (ALWAYS,))
    values = adoption_values(payout, 2, arguments)
    return (
        "Adoption",
        world.factory,
        values,
        lambda given: world.factory.adopt(payout.address, arguments, ZERO, ZERO, given),
    )


def retirement(world: World) -> tuple[str, Contract, dict[str, object], Act]:
    """An agreement is retired."""
    payout = world.disbursement()
    values = {"agreement": payout.address}
    return "Retirement", world.factory, values, lambda given: world.factory.retire(payout.address, given)


def roster(world: World) -> tuple[str, Contract, dict[str, object], Act]:
    """A roster gets longer."""
    payout = world.disbursement()
    values = {"version": payout.roster().version + 1, "size": 700, "root": OTHER}
    return "Roster", payout, values, lambda given: payout.set_roster(700, OTHER, given)


def unblocking(world: World) -> tuple[str, Contract, dict[str, object], Act]:
    """A payee is no longer blocked."""
    payout = world.disbursement((ALWAYS, Guard(1, Kind.BLACKLIST, subject=QUORUM)))
    values = {"payee": 3, "blocked": True, "nonce": 0}
    payout.set_blocked(3, True, consents([bank_supervisor], "Block", payout, **values))
    values = {"payee": 3, "blocked": False, "nonce": 1}
    return "Block", payout, values, lambda given: payout.set_blocked(3, False, given)


MISSED = ("factory: quorum not reached", "disbursement: quorum not reached")
every_decision = pytest.mark.parametrize("decision", [activation, adoption, retirement, roster, unblocking])


@every_decision
def test_a_decision_signed_under_a_threshold_that_has_been_raised(
    world: World, decision: Callable[[World], tuple[str, Contract, dict[str, object], Act]]
) -> None:
    kind, contract, values, act = decision(world)
    given = consents(BOTH, kind, contract, **values)
    world.change([threshold(3)])
    with reverts(*MISSED):
        act(given)
    act(consents(ALL, kind, contract, **values))


@every_decision
def test_a_decision_of_two_of_whom_one_left_the_quorum(
    world: World, decision: Callable[[World], tuple[str, Contract, dict[str, object], Act]]
) -> None:
    kind, contract, values, act = decision(world)
    given = consents(BOTH, kind, contract, **values)
    world.change([not_member(AGENCY_TWO)])
    with reverts(*MISSED):
        act(given)
    act(consents(ALL, kind, contract, **values))


@every_decision
def test_a_decision_of_two_of_whom_one_was_suspended_before_it_was_handed_in(
    world: World, decision: Callable[[World], tuple[str, Contract, dict[str, object], Act]]
) -> None:
    kind, contract, values, act = decision(world)
    given = consents(BOTH, kind, contract, **values)
    world.suspend(agency_two_supervisor, GOVERNORS)
    with reverts(*MISSED):
        act(given)
    act(consents((agency_one_supervisor, bank_supervisor), kind, contract, **values))


@every_decision
def test_a_decision_of_too_few_counts_once_the_threshold_was_lowered_by_two_institutions(
    world: World, decision: Callable[[World], tuple[str, Contract, dict[str, object], Act]]
) -> None:
    """Lowering it takes governors of two institutions and a delay that everybody sees; never below two."""
    kind, contract, values, act = decision(world)
    world.change([threshold(3)])
    given = consents(BOTH, kind, contract, **values)
    with reverts(*MISSED):
        act(given)
    with reverts("directory: threshold below two"):
        world.change([threshold(1)])
    world.change([threshold(2)])
    act(given)
