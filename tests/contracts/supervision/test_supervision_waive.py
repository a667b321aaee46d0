"""Supervision, one batch released from one clause: waive, waived."""

from typing import Any

import boa
import pytest

from contracts.terms import Guard, Kind
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import TERMS_HASH, names, waiving
from tests.contracts.world import (
    AUDITOR,
    BANK,
    ENTERPRISE,
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    approval_guard,
    attacker,
    bank_bridge,
    bank_supervisor,
    member,
    newcomer,
    now,
    operator,
    rows_of,
    signer,
    threshold,
)

OTHER = b"\7" * 32
OTHER_TREE = b"\6" * 32
OTHER_QUORUM = b"\5" * 32
BATCH = b"\4" * 32
MISSED = "supervision: quorum not reached"
NOT_RISING = "signatures: not in rising order of signer"


def test_waive(world: World) -> None:
    until = now() + 60
    waiving(BATCH, 3, until).decide(world)
    assert names(world) == ["Decided", "ClauseWaived"]
    waived = world.supervision.events[1]
    assert (waived.account, waived.batch, waived.clause, waived.expires_at) == (TREE, BATCH, 3, until)
    assert waived.terms == TERMS_HASH
    assert world.supervision.waived(TREE, BATCH, BATCH) == 0
    assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 1 << 3
    assert world.supervision.waiver_expires_at(TREE, BATCH, TERMS_HASH, 3) == until
    assert world.supervision.waived(TREE, OTHER, TERMS_HASH) == 0
    assert world.supervision.waived(OTHER, BATCH, TERMS_HASH) == 0


def test_several_clauses_each_until_its_own_moment(world: World) -> None:
    start = now()
    for clause, seconds in ((0, 10), (15, 20), (7, 30)):
        waiving(BATCH, clause, start + seconds).decide(world)
    every = {0: 1 | 1 << 15 | 1 << 7, 10: 1 | 1 << 15 | 1 << 7, 11: 1 << 15 | 1 << 7, 21: 1 << 7, 31: 0}
    for seconds, standing in every.items():
        boa.env.timestamp = start + seconds
        assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == standing


def test_a_waiver_stands_through_its_last_second(world: World) -> None:
    until = now()
    waiving(BATCH, 2, until).decide(world)
    assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 1 << 2
    boa.env.timestamp += 1
    assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 0


def test_a_waiver_handed_in_twice_is_the_same_waiver(world: World) -> None:
    act = waiving(BATCH, 2, now() + 60)
    given = act.signed(world)
    for _ in range(2):
        act.hand_in(world, given)
        assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 1 << 2
        assert world.supervision.waiver_expires_at(TREE, BATCH, TERMS_HASH, 2) == act.values["expiresAt"]
    boa.env.timestamp += 61
    with reverts("supervision: waiver expired"):
        act.hand_in(world, given)


def test_an_expired_waiver_is_given_anew(world: World) -> None:
    waiving(BATCH, 2, now()).decide(world)
    boa.env.timestamp += 5
    waiving(BATCH, 2, now() + 5).decide(world)
    assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 1 << 2


def test_waive_refusals(world: World) -> None:
    for act, reason in (
        (waiving(ZERO, 2, now()), "zero batch"),
        (waiving(BATCH, 16, now()), "no such clause"),
        (waiving(BATCH, 2**256 - 1, now()), "no such clause"),
        (waiving(BATCH, 2, now() - 1), "waiver expired"),
        (waiving(BATCH, 2, 0), "waiver expired"),
        (waiving(BATCH, 2, now(), OTHER), "unknown account"),
    ):
        with reverts(f"supervision: {reason}"):
            act.decide(world)
    assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 0


@pytest.mark.parametrize(
    "by",
    [
        (),
        (bank_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (bank_supervisor, operator, attacker, bank_bridge),
    ],
)
def test_the_quorum_must_waive(world: World, by: tuple[Any, ...]) -> None:
    with reverts(MISSED):
        waiving(BATCH, 2, now() + 60).decide(world, by)


@pytest.mark.parametrize(
    "changed", [{"account": PROJECT}, {"batch": OTHER}, {"clause": 3}, {"expiresAt": 2**63}]
)
def test_other_values_than_were_signed(world: World, changed: dict[str, Any]) -> None:
    act = waiving(BATCH, 2, now() + 60)
    with reverts(MISSED, NOT_RISING):
        act.hand_in(world, act.over(**changed).signed(world))


def test_the_quorum_of_another_tree_waives_nothing_here(world: World) -> None:
    """It may waive clauses of its own accounts, under whatever batch id; nobody here asks for those."""
    others = (newcomer, attacker)
    world.change(
        [
            member(BANK, OTHER_QUORUM),
            member(AUDITOR, OTHER_QUORUM),
            threshold(2, OTHER_QUORUM),
            signer(newcomer, BANK, 8),
            signer(attacker, AUDITOR, 8),
        ]
    )
    world.accounts.open_tree(OTHER_TREE, BANK, OTHER_QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    act = waiving(BATCH, 2, now() + 60, OTHER_TREE)
    with reverts(MISSED):
        act.decide(world, (agency_one_supervisor, agency_two_supervisor))
    act.decide(world, others)
    assert world.supervision.waived(OTHER_TREE, BATCH, TERMS_HASH) == 1 << 2
    assert world.supervision.waived(TREE, BATCH, TERMS_HASH) == 0
    with reverts(MISSED):
        waiving(BATCH, 2, now() + 60).decide(world, others)


def test_a_batch_is_paid_that_a_clause_refuses(world: World) -> None:
    """Waived before it is reserved, by the id it will have."""
    world.fund(1_000)
    payout = world.disbursement((approval_guard(), Guard(1, Kind.PAYOUT_CAP, 5)))
    tree, until = rows_of([10]), now() + 60
    batch = world.ledger.batch_id(payout.address, TREE, WAGES, tree.root, 1, 10, until)
    waiving(batch, 1, until, terms=payout.terms_hash()).decide(world)
    assert world.reserve(payout, tree, until) == batch
    world.approve(payout, batch)
    world.execute(payout, batch, tree)
    assert world.ledger.tree(TREE).held == 990
