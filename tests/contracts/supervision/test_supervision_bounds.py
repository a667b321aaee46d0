"""Supervision at its bounds: the roles next to those it asks for, and the largest chunk."""

import boa

from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.supervision.acts import carving, custody_batch, identifying, pausing
from tests.contracts.world import (
    ENTERPRISE,
    LINE,
    TREE,
    ZERO,
    World,
    attacker,
    bank_governor,
    bank_supervisor,
    first_teller,
    newcomer,
    now,
    rows_of,
    signed,
    signer,
)


def test_governors_do_not_pause(world: World) -> None:
    with reverts("supervision: not a supervisor"):
        pausing(world, True).decide(world, [bank_governor])


def test_governors_are_no_tellers(world: World) -> None:
    lot = world.fund(100, account=ZERO)
    with reverts("supervision: not a teller of the bank"):
        identifying(world, lot, 100).decide(world, [first_teller, bank_governor])


def test_governors_are_no_operators(world: World) -> None:
    world.change([signer(newcomer, ENTERPRISE, Role.GOVERNOR)])
    values = {"account": LINE, "parent": TREE, "controller": ENTERPRISE}
    given = signed(newcomer, "Opening", world.supervision, **values)
    with reverts("supervision: not the controller's operator"):
        world.supervision.open_account(*values.values(), given)


def test_a_whole_chunk_is_executed_from_custody(world: World) -> None:
    world.fund(1_000)
    world.freeze(TREE, True, [bank_supervisor])
    custody = carving([(0, 256)]).decide(world)
    tree = rows_of([1] * 256)
    batch = custody_batch(world, custody, tree, now() + 60).decide(world)
    (chunk,) = tree.chunks(256)
    boa.env.timestamp += 1
    world.supervision.execute(batch, chunk.rows, chunk.proof, sender=attacker)
    assert world.ledger.batch(batch).cursor == 256
