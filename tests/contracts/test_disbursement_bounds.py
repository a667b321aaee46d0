"""Disbursement: terms at their largest, where what is kept of a reservation fills its word."""

import boa
from eth_hash.auto import keccak

from contracts.artifacts import artifact
from contracts.terms import Guard, Kind
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    DAY,
    cancel,
    counter,
    disburse,
    execute,
    payee_cap,
    refused,
    refused_reservation,
)
from tests.contracts.world import QUORUM, WAGES, World, approval_guard, now, operator, rows_of, signed

AMPLE = 2**30


def lifetime(clause: int, name: str = "lifetime") -> Guard:
    return Guard(clause, Kind.LIFETIME_CAP, AMPLE, subject=counter(name))


def always(clause: int) -> Guard:
    return Guard(clause, Kind.TIME_WINDOW, 0, 2**40, DAY << 32)


def test_the_first_guard_counts(world: World) -> None:
    payout = disburse(world, [lifetime(0), approval_guard(1)])
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    world.execute(payout, batch, tree)


def test_the_last_of_24_guards_meets_no_clause_but_its_own(world: World) -> None:
    between = [always(clause) for clause in range(1, 15) for _ in range(1 + (clause > 6))]
    payout = disburse(world, [APPROVED, *between, lifetime(15)])
    assert len(payout.terms()) == 24
    tree = rows_of([10])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree)[:3] == (0, 0, "approvals-missing")
    world.approve(payout, batch)
    world.execute(payout, batch, tree)


def test_the_first_clause_counts_for_no_guard(world: World) -> None:
    """What a batch did not count against is not given back when it is cancelled."""
    between = [always(clause) for clause in range(1, 15) for _ in range(1 + (clause > 7))]
    first = Guard(0, Kind.BATCH_CAP, AMPLE)
    payout = disburse(world, [first, *between, lifetime(15), lifetime(15, name="other")])
    assert len(payout.terms()) == 24
    batch = world.reserve(payout, rows_of([10]))
    assert cancel(payout, batch) == 10


def test_the_last_of_16_clauses_stays_met_from_chunk_to_chunk(world: World) -> None:
    between = [always(clause) for clause in range(1, 14)]
    last = Guard(15, Kind.DYE_CLASS, subject=WAGES)
    payout = disburse(world, [ALWAYS, *between, payee_cap(14, AMPLE, DAY), last])
    tree = rows_of([10] * 24)
    batch = world.reserve(payout, tree)
    for number in range(3):
        execute(payout, batch, tree, number)
    assert world.ledger.batch(batch).cursor == 24


def test_the_first_clause_is_a_cap_without_room(world: World) -> None:
    payout = disburse(world, [Guard(0, Kind.LIFETIME_CAP, 9, subject=counter("small")), approval_guard(1)])
    assert refused_reservation(world, payout, rows_of([10]))[:3] == (0, 0, "lifetime-cap")
    world.reserve(payout, rows_of([9]))


def test_a_row_above_a_cap_to_a_payee_who_is_not_blocked(world: World) -> None:
    blacklist = Guard(1, Kind.BLACKLIST, subject=QUORUM)
    payout = disburse(world, [ALWAYS, blacklist, Guard(2, Kind.PAYOUT_CAP, 100)])
    tree = rows_of([100, 101])
    batch = world.reserve(payout, tree)
    assert refused(world, payout, batch, tree) == (2, 2, "payout-cap", 100, 101)


def test_a_payee_cap_that_is_just_filled_is_not_what_refuses(world: World) -> None:
    payout = disburse(world, [ALWAYS, payee_cap(1, 50), Guard(2, Kind.PAYOUT_CAP, 40)])
    tree = rows_of([50])
    assert refused(world, payout, world.reserve(payout, tree), tree) == (2, 2, "payout-cap", 40, 50)


def test_the_largest_total_there_is(world: World) -> None:
    """As large as a line: what its rows are is not asked yet."""
    world.attest(2**62)
    payout = disburse(world, [ALWAYS], 2**62)
    for total, held in ((2**62 + 1, False), (2**62, True)):
        values = world.reservation(payout, rows_of([1]), now() + DAY) | {"total": total}
        given = signed(operator, "Reservation", payout, **values)
        arguments = [values[name] for name in ("dyeClass", "root", "count", "total", "deadline", "document")]
        if held:
            payout.reserve(*arguments, given)
        else:
            with reverts("disbursement: total out of bounds"):
                payout.reserve(*arguments, given)


def test_more_turns_than_are_counted(world: World) -> None:
    """As many chunks in windows of their own as a batch can have, written where they are kept."""
    payout = disburse(world, [ALWAYS, payee_cap(1, 1_000, DAY)])
    tree = rows_of([10] * 24)
    batch = world.reserve(payout, tree)
    execute(payout, batch, tree, 0)
    word = _reservation(payout, batch)
    boa.env.timestamp += DAY
    _set_reservation(payout, batch, word & ~(0xFFFF << 200) | 0xFFFE << 200)
    execute(payout, batch, tree, 1)
    assert _reservation(payout, batch) >> 200 & 0xFFFF == 0xFFFF
    boa.env.timestamp += DAY
    with reverts("disbursement: too many turns"):
        execute(payout, batch, tree, 2)


def _slot(payout: Contract, batch: bytes) -> int:
    slot = artifact("Disbursement").storage["_reservations"]
    return int.from_bytes(keccak(slot.to_bytes(32) + batch))


def _reservation(payout: Contract, batch: bytes) -> int:
    return int(boa.env.get_storage(payout.address, _slot(payout, batch)))


def _set_reservation(payout: Contract, batch: bytes, word: int) -> None:
    boa.env.set_storage(payout.address, _slot(payout, batch), word)
