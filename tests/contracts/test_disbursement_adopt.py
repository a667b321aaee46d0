"""Disbursement.adopt: who may, what becomes of open batches, and that counters go on."""

import pytest
from eth_hash.auto import keccak

from contracts.terms import Guard, Kind, disbursement_arguments
from tests.contracts.chain import Contract, reverts
from tests.contracts.disbursements import (
    ALWAYS,
    APPROVED,
    CHANGED,
    DAY,
    OTHER,
    adopt,
    counter,
    disburse,
    execute,
    payee_cap,
    refused,
    refused_reservation,
    restore_payee,
    set_roster,
)
from tests.contracts.world import (
    MATERIALS,
    TERMS,
    TREE,
    WAGES,
    ZERO,
    World,
    attacker,
    bank_supervisor,
    now,
    operator,
    rows_of,
    signed,
)


def test_adopt(world: World) -> None:
    payout = disburse(world, TERMS)
    before = payout.terms_hash()
    tree = rows_of([150])
    new = [APPROVED, Guard(1, Kind.PAYOUT_CAP, 100)]
    adopt(world, payout, new)
    assert [(guard.clause, guard.kind, guard.a) for guard in payout.terms()] == [(0, 1, 2), (1, 3, 100)]
    assert payout.terms_hash() != before
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    assert refused(world, payout, batch, tree) == (1, 1, "payout-cap", 100, 150)
    assert world.factory.instance(payout.address).version == 2


def test_adopt_through_the_factory_alone(world: World) -> None:
    payout = disburse(world, TERMS)
    for sender in (attacker, operator, bank_supervisor):
        with reverts("disbursement: not the factory"):
            payout.adopt(disbursement_arguments(TREE, WAGES, TERMS), sender=sender)


@pytest.mark.parametrize(
    ("account", "dye_class", "guards", "reason"),
    [
        (OTHER, WAGES, TERMS, "disbursement: another account"),
        (TREE, MATERIALS, TERMS, "disbursement: another account"),
        (TREE, WAGES, (), "disbursement: no terms"),
        (TREE, WAGES, (Guard(1, Kind.ROSTER, 600),), "guards: clauses out of order"),
        (TREE, WAGES, (Guard(0, Kind.ROSTER, 599),), "clauses: roster does not grow"),
    ],
)
def test_terms_that_are_not_adopted(
    world: World, account: bytes, dye_class: bytes, guards: tuple[Guard, ...], reason: str
) -> None:
    payout = disburse(world, TERMS)
    with reverts(reason):
        adopt(world, payout, (), disbursement_arguments(account, dye_class, guards))


def test_new_terms_end_open_batches(world: World) -> None:
    """Their approvals are void, anyone may release them, and the caps get back what goes back."""
    cap = Guard(1, Kind.LIFETIME_CAP, 10_000, subject=counter("ever"))
    payout = disburse(world, [APPROVED, cap])
    tree = rows_of([100] * 16)
    batch = world.reserve(payout, tree)
    world.approve(payout, batch)
    execute(payout, batch, tree)
    adopt(world, payout, [APPROVED, cap])
    with reverts(CHANGED):
        execute(payout, batch, tree, 1)
    assert payout.cancel(batch, b"", sender=attacker) == 800
    event = payout.events[-1]
    assert (event.name, event.by, event.amount) == ("BatchCancelled", attacker.address, 800)
    assert payout.consumed(1, now()) == 800
    world.give_back(batch, tree, 3)
    assert payout.restore(batch) == 100


def test_a_reservation_signed_for_other_terms_is_void(world: World) -> None:
    payout = disburse(world, TERMS)
    tree = rows_of([10])
    values = world.reservation(payout, tree, now() + 60)
    given = signed(operator, "Reservation", payout, **values)
    adopt(world, payout, TERMS[:2])
    with reverts("disbursement: not an operator"):
        payout.reserve(WAGES, tree.root, 1, 10, now() + 60, bytes(32), given)


def capped(window: int, ever: int, payee: int) -> list[Guard]:
    return [
        ALWAYS,
        Guard(1, Kind.WINDOW_CAP, window, 365 * DAY, subject=counter("yearly")),
        Guard(2, Kind.LIFETIME_CAP, ever, subject=counter("ever")),
        Guard(3, Kind.LINE_CAP, ever, subject=WAGES),
        payee_cap(4, payee),
    ]


@pytest.fixture
def counted(world: World) -> Contract:
    """An agreement that paid a thousand to each of two payees."""
    payout = disburse(world, capped(5_000, 5_000, 1_500))
    tree = rows_of([1_000, 1_000])
    world.execute(payout, world.reserve(payout, tree), tree)
    return payout


def test_counters_outlive_the_terms(world: World, counted: Contract) -> None:
    """Also with the clauses in another order."""
    later = capped(2_500, 5_000, 1_600)
    moved = [later[4], later[0], *later[1:4]]
    adopt(
        world,
        counted,
        [Guard(i, g.kind, g.a, g.b, g.c, g.subject, g.party) for i, g in enumerate(moved)],
    )
    held = refused_reservation(world, counted, rows_of([501]))
    assert held == (2, 2, "window-cap", 2_500, 2_501)
    tree = rows_of([400])
    batch = world.reserve(counted, tree)
    world.execute(counted, batch, tree)
    assert [counted.paid(0, payee, now()) for payee in (0, 1)] == [1_400, 1_000]
    tree = rows_of([100])
    world.execute(counted, world.reserve(counted, tree), tree)
    assert counted.consumed(3, now()) == counted.consumed(4, now()) == 2_500


def test_another_window_begins_anew(world: World, counted: Contract) -> None:
    terms = capped(2_000, 5_000, 1_500)
    terms[1] = Guard(1, Kind.WINDOW_CAP, 2_000, 30 * DAY, subject=counter("yearly"))
    adopt(world, counted, terms)
    world.reserve(counted, rows_of([2_000]))


def test_a_row_of_old_terms_goes_back_to_the_same_counter(world: World) -> None:
    payout = disburse(world, [ALWAYS, payee_cap(1, 500)])
    tree = rows_of([400])
    batch = world.reserve(payout, tree)
    world.execute(payout, batch, tree)
    adopt(world, payout, [payee_cap(0, 600)])
    world.give_back(batch, tree, 0)
    restore_payee(payout, batch, tree, 0)
    assert payout.paid(0, 0, now()) == 0


FIRST, SECOND, THIRD = (keccak(name) for name in (b"one", b"one, two", b"one, two, three"))


def listed(size: int, root: bytes, extends: bytes = ZERO) -> list[Guard]:
    """Terms with a roster."""
    return [ALWAYS, Guard(1, Kind.ROSTER, size, subject=root, party=extends)]


def test_a_longer_roster_stays_when_terms_change(world: World) -> None:
    payout = disburse(world, listed(1, FIRST))
    set_roster(payout, 2, SECOND)
    for terms in (listed(1, FIRST), listed(1, FIRST, SECOND), listed(2, FIRST, SECOND)):
        with reverts("clauses: terms extend another roster", "clauses: roster does not grow"):
            adopt(world, payout, terms)
    adopt(world, payout, [ALWAYS])
    with reverts("clauses: roster does not grow"):
        adopt(world, payout, listed(1, SECOND, SECOND))
    adopt(world, payout, listed(2, SECOND))
    held = payout.roster()
    assert (held.version, held.size, held.root) == (2, 2, SECOND)


def test_terms_extend_the_roster_that_is_in_force(world: World) -> None:
    payout = disburse(world, listed(1, FIRST))
    adopt(world, payout, listed(2, SECOND, FIRST))
    held = payout.roster()
    assert (held.version, held.size, held.root) == (2, 2, SECOND)
    tree = rows_of([10, 20])
    world.execute(payout, world.reserve(payout, tree), tree)


def test_terms_signed_before_the_roster_grew_put_nobody_in_anothers_place(world: World) -> None:
    """They were signed for the roster of one; meanwhile the quorum added the second."""
    payout = disburse(world, listed(1, FIRST))
    set_roster(payout, 2, SECOND)
    for terms in (listed(2, OTHER, FIRST), listed(3, THIRD, FIRST), listed(3, THIRD)):
        with reverts("clauses: terms extend another roster"):
            adopt(world, payout, terms)
    with reverts("clauses: roster does not grow"):
        adopt(world, payout, listed(2, OTHER, SECOND))
    adopt(world, payout, listed(3, THIRD, SECOND))


def test_the_first_roster_extends_none(world: World) -> None:
    """Nor does it matter what it names: an agreement is tried with the terms that another will adopt."""
    payout = disburse(world, [ALWAYS])
    adopt(world, payout, listed(2, SECOND, FIRST))
    held = payout.roster()
    assert (held.version, held.size, held.root) == (1, 2, SECOND)
