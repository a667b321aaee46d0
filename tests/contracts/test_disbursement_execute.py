"""Disbursement.execute: who may, what is skipped, and what a batch that cannot go on says."""

import boa
import pytest
from eth_hash.auto import keccak

from contracts.ids import account_line
from contracts.rows import RowTree
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    ENDED,
    OTHER,
    UNKNOWN,
    attest,
    cancel,
    disburse,
    evidence,
    execute,
    refused,
)
from tests.contracts.world import (
    TREE,
    WAGES,
    World,
    agency_one_supervisor,
    approval_guard,
    attacker,
    bank_supervisor,
    rows_of,
)


@pytest.fixture
def payout(world: World) -> Contract:
    world.fund(100_000)
    return world.disbursement()


def reserved(world: World, payout: Contract, count: int = 16) -> tuple[RowTree, bytes]:
    tree = rows_of([100 + i for i in range(count)])
    return tree, world.reserve(payout, tree)


def test_execute_refusals(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    chunk = tree.chunks(8)[0]
    with reverts(UNKNOWN):
        payout.execute(OTHER, chunk.rows, chunk.proof, False)
    with reverts("accounts: sender lacks the role"):
        payout.execute(batch, chunk.rows, chunk.proof, True, sender=attacker)
    world.approve(payout, batch)
    with reverts("merkle: wrong proof"):
        payout.execute(batch, tree.chunks(8)[1].rows, chunk.proof, False)
    with reverts("merkle: not whole rows"):
        payout.execute(batch, chunk.rows[:40], chunk.proof, False)
    world.freeze(TREE, True, [bank_supervisor])
    with reverts("accounts: account frozen"):
        payout.execute(batch, chunk.rows, chunk.proof, False)
    boa.env.timestamp = world.ledger.batch(batch).deadline + 1
    world.freeze(TREE, False, [bank_supervisor, agency_one_supervisor])
    with reverts("ledger: deadline passed"):
        payout.execute(batch, chunk.rows, chunk.proof, False)


def test_a_batch_that_ended_says_so(world: World, payout: Contract) -> None:
    """Not that approvals are missing, which nobody could give any more."""
    tree, batch = reserved(world, payout)
    cancel(payout, batch)
    with reverts(ENDED):
        world.execute(payout, batch, tree)
    tree, batch = reserved(world, payout, 8)
    world.approve(payout, batch)
    world.execute(payout, batch, tree)
    with reverts(ENDED):
        execute(payout, batch, tree)


def test_anyone_may_execute_what_is_approved(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout)
    world.approve(payout, batch)
    chunk = tree.chunks(16)[0]
    payout.execute(batch, chunk.rows, chunk.proof, False, sender=attacker)
    assert world.ledger.batch(batch).cursor == 16


def test_a_chunk_holds_256_rows(world: World, payout: Contract) -> None:
    tree, batch = reserved(world, payout, 257)
    world.approve(payout, batch)
    full, last = tree.chunks(256)
    assert len(full.rows) == 256 * 43
    payout.execute(batch, full.rows, full.proof, False)
    payout.execute(batch, last.rows, last.proof, False)
    assert world.ledger.batch(batch).cursor == 257


def test_batches_run_side_by_side(world: World, payout: Contract) -> None:
    first_tree, first = reserved(world, payout)
    second_tree, second = reserved(world, payout, 8)
    world.approve(payout, second)
    world.approve(payout, first)
    world.execute(payout, second, second_tree)
    world.execute(payout, first, first_tree)


def test_skip_refused_names_every_row_and_gives_it_back(world: World) -> None:
    payout = disburse(world, [APPROVED, Guard(1, Kind.PAYOUT_CAP, 100)])
    amounts = [50] * 8 + [50, 101, 102, 50, 100, 50, 50, 103]
    tree = rows_of(amounts)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    execute(payout, batch, tree)
    assert refused(world, payout, batch, tree, 8) == (1, 1, "payout-cap", 100, 101)
    execute(payout, batch, tree, 1, skip=True)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.observed) for event in named] == [(9, 101), (10, 102), (15, 103)]
    assert {(event.clause, event.guard, event.limit) for event in named} == {(1, 1, 100)}
    assert {event.code.rstrip(b"\0") for event in named} == {b"payout-cap"}
    back = [event for event in payout.events if event.name == "Moved"]
    assert [(event.source_start, event.amount) for event in back] == [
        (tree.offsets[9], 203),
        (tree.offsets[15], 103),
    ]
    assert world.balance(account_line(TREE, WAGES)) == 100_000 - tree.total_minor + 306


def test_one_guard_of_a_clause_is_enough_row_by_row(world: World) -> None:
    """Small sums go to anyone; larger ones to payees of the roster only."""
    either = [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 100), Guard(1, Kind.ROSTER, 2)]
    payout = disburse(world, either)
    good = rows_of([500, 600, 100, 1], [0, 1, 2, 9])
    world.execute(payout, world.reserve(payout, good), good)
    bad = rows_of([500, 101], [0, 2])
    batch = world.reserve(payout, bad)
    assert refused(world, payout, batch, bad) == (1, 2, "payee-not-on-roster", 2, 2)


def test_evidence_or_a_cap(world: World) -> None:
    """Large sums need a report; once it is there, no row is looked at for that clause."""
    payout = disburse(world, [ALWAYS, Guard(1, Kind.PAYOUT_CAP, 100), evidence(1)])
    tree = rows_of([50] * 8 + [5_000] * 8)
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree)
    assert refused(world, payout, batch, tree, 8) == (1, 1, "payout-cap", 100, 5_000)
    attest(payout, batch, digest=keccak(b"large"))
    execute(payout, batch, tree, 1)


def test_the_first_clause_that_fails_is_named(world: World) -> None:
    tree = rows_of([10])
    payout = disburse(world, [ALWAYS, approval_guard(1), evidence(2)])
    assert refused(world, payout, world.reserve(payout, tree), tree)[:2] == (1, 1)
    payout = disburse(world, [ALWAYS, evidence(1), approval_guard(1)])
    assert refused(world, payout, world.reserve(payout, tree), tree)[1:3] == (2, "approvals-missing")


def test_skipped_rows_are_those_that_no_guard_satisfies(world: World) -> None:
    either = [
        ALWAYS,
        Guard(1, Kind.PAYOUT_CAP, 100),
        Guard(1, Kind.ROSTER, 3),
        Guard(2, Kind.PAYOUT_CAP, 600),
    ]
    payout = disburse(world, either)
    tree = rows_of([500, 601, 100, 101, 1], [0, 1, 2, 3, 9])
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree, skip=True)
    named = [event for event in payout.events if event.name == "RowRefused"]
    assert [(event.row, event.clause, event.guard, event.observed) for event in named] == [
        (1, 2, 3, 601),
        (3, 1, 2, 3),
    ]
    (executed,) = (event for event in payout.events if event.name == "ChunkExecuted")
    assert executed.refused == 0b1010
    assert executed.address == world.ledger.address
