"""Registry: use, give_back and hand_over."""

import pytest

from tests.contracts.chain import reverts
from tests.contracts.puppet import Puppet, puppet, register_puppet
from tests.contracts.quorum import activate, retire
from tests.contracts.world import AUDITOR, ENTERPRISE, TREE, ZERO, World, attacker

DOCUMENT, INVOICE, OTHER = b"\5" * 32, b"\6" * 32, b"\7" * 32
CALLS = [("use", 1), ("give_back", 0), ("hand_over", AUDITOR)]


@pytest.fixture
def agreement(world: World) -> Puppet:
    register_puppet(world)
    made = puppet(world, [TREE])
    activate(world, made)
    made.make(world.registry, "register", DOCUMENT, INVOICE, ENTERPRISE, 3, 500)
    return made


def used(world: World) -> int:
    return int(world.registry.document(DOCUMENT).used)


def test_use(world: World, agreement: Puppet) -> None:
    agreement.make(world.registry, "use", DOCUMENT, 200)
    (event,) = agreement.events
    assert (event.name, event.document, event.used) == ("DocumentUsed", DOCUMENT, 200)
    agreement.make(world.registry, "use", DOCUMENT, 300)
    assert agreement.events[0].used == used(world) == 500


@pytest.mark.parametrize("amount", [301, 2**256 - 1])
def test_use_never_passes_the_amount(world: World, agreement: Puppet, amount: int) -> None:
    agreement.make(world.registry, "use", DOCUMENT, 200)
    with reverts("registry: more than is left"):
        agreement.make(world.registry, "use", DOCUMENT, amount)
    assert used(world) == 200


def test_give_back(world: World, agreement: Puppet) -> None:
    agreement.make(world.registry, "use", DOCUMENT, 500)
    agreement.make(world.registry, "give_back", DOCUMENT, 150)
    (event,) = agreement.events
    assert (event.name, event.document, event.used) == ("DocumentUsed", DOCUMENT, 350)
    agreement.make(world.registry, "use", DOCUMENT, 150)
    assert used(world) == 500


@pytest.mark.parametrize("amount", [201, 2**256 - 1])
def test_give_back_never_passes_what_is_used(world: World, agreement: Puppet, amount: int) -> None:
    agreement.make(world.registry, "use", DOCUMENT, 200)
    with reverts("registry: more than is used"):
        agreement.make(world.registry, "give_back", DOCUMENT, amount)
    assert used(world) == 200


def test_hand_over(world: World, agreement: Puppet) -> None:
    agreement.make(world.registry, "hand_over", DOCUMENT, AUDITOR)
    (event,) = agreement.events
    assert (event.name, event.document, event.holder) == ("DocumentHeld", DOCUMENT, AUDITOR)
    held = world.registry.document(DOCUMENT)
    assert (held.holder, held.agreement, held.used) == (AUDITOR, agreement.address, 0)
    with reverts("registry: zero id"):
        agreement.make(world.registry, "hand_over", DOCUMENT, ZERO)


@pytest.mark.parametrize(("function", "operand"), CALLS)
def test_by_the_documents_agreement_alone(
    world: World, agreement: Puppet, function: str, operand: int | bytes
) -> None:
    other = puppet(world, [TREE])
    activate(world, other)
    with reverts("registry: not the document's agreement"):
        other.make(world.registry, function, DOCUMENT, operand)
    with reverts("registry: not the document's agreement"):
        getattr(world.registry, function)(DOCUMENT, operand, sender=attacker)
    with reverts("registry: not the document's agreement"):
        agreement.make(world.registry, function, OTHER, operand)


def test_what_a_retired_agreement_used_it_gives_back(world: World, agreement: Puppet) -> None:
    agreement.make(world.registry, "use", DOCUMENT, 200)
    retire(world, agreement)
    agreement.make(world.registry, "give_back", DOCUMENT, 200)
    assert used(world) == 0
