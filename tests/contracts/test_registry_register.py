"""Registry: the constructor and register."""

import pytest

from tests.contracts.chain import deploy, reverts
from tests.contracts.puppet import Puppet, puppet, register_puppet
from tests.contracts.quorum import activate, retire
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    NOBODY,
    QUORUM,
    TREE,
    ZERO,
    World,
    attacker,
    bank_bridge,
)

DOCUMENT, INVOICE, OTHER = b"\5" * 32, b"\6" * 32, b"\7" * 32


@pytest.fixture
def agreement(world: World) -> Puppet:
    register_puppet(world)
    made = puppet(world, [TREE])
    activate(world, made)
    return made


def register(world: World, by: Puppet, document: bytes = DOCUMENT, amount: int = 500) -> None:
    by.make(world.registry, "register", document, INVOICE, ENTERPRISE, 3, amount)


def test_the_registry_knows_its_factory() -> None:
    with reverts("registry: zero address"):
        deploy("Registry", ["address"], NOBODY)


def test_register(world: World, agreement: Puppet) -> None:
    assert world.registry.document(DOCUMENT).agreement == NOBODY
    register(world, agreement)
    (event,) = agreement.events
    assert (event.name, event.document, event.agreement) == (
        "DocumentRegistered",
        DOCUMENT,
        agreement.address,
    )
    assert (event.kind, event.holder, event.payee, event.amount) == (INVOICE, ENTERPRISE, 3, 500)
    held = world.registry.document(DOCUMENT)
    assert (held.agreement, held.kind, held.holder) == (agreement.address, INVOICE, ENTERPRISE)
    assert (held.payee, held.amount, held.used) == (3, 500, 0)


def test_a_document_counts_once_in_the_whole_network(world: World, agreement: Puppet) -> None:
    register(world, agreement)
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    elsewhere = puppet(world, [OTHER])
    activate(world, elsewhere)
    for agreement_now in (agreement, elsewhere):
        with reverts("registry: document exists"):
            register(world, agreement_now)


def test_a_document_counts_once_for_ever(world: World, agreement: Puppet) -> None:
    """Neither used up nor given back, nor after its agreement is retired."""
    register(world, agreement)
    agreement.make(world.registry, "use", DOCUMENT, 500)
    retire(world, agreement)
    successor = puppet(world, [TREE])
    activate(world, successor)
    with reverts("registry: document exists"):
        register(world, successor)


def test_nobody_squats_an_id_without_a_quorum(world: World, agreement: Puppet) -> None:
    squatter = puppet(world, [TREE])
    with reverts("registry: not an active agreement"):
        register(world, squatter)
    with reverts("registry: not an active agreement"):
        world.registry.register(DOCUMENT, INVOICE, ENTERPRISE, 3, 500, sender=attacker)
    register(world, agreement)


def test_a_retired_agreement_registers_nothing(world: World, agreement: Puppet) -> None:
    retire(world, agreement)
    with reverts("registry: not an active agreement"):
        register(world, agreement)


@pytest.mark.parametrize("zero", [0, 1, 2])
def test_ids_are_not_zero(world: World, agreement: Puppet, zero: int) -> None:
    ids = [DOCUMENT, INVOICE, ENTERPRISE]
    ids[zero] = ZERO
    with reverts("registry: zero id"):
        agreement.make(world.registry, "register", *ids, 3, 500)


@pytest.mark.parametrize("amount", [0, 2**62 + 1, 2**256 - 1])
def test_amounts_are_those_of_money(world: World, agreement: Puppet, amount: int) -> None:
    with reverts("registry: amount out of bounds"):
        register(world, agreement, amount=amount)
    register(world, agreement, amount=2**62)
