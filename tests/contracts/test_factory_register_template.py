"""Factory: register_template."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.artifacts import artifact
from contracts.ids import template_id
from tests.contracts.chain import deploy_code, reverts
from tests.contracts.world import (
    NOBODY,
    ZERO,
    World,
    agency_one_governor,
    agency_one_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    consents,
    register,
)

OTHER = b"\7" * 32
GOVERNORS = (bank_governor, agency_one_governor)


def values_of(blueprint: str, **more: Any) -> dict[str, Any]:
    code_hash = artifact("Allocation").blueprint_code_hash
    return {"template": OTHER, "blueprint": blueprint, "codeHash": code_hash, **more}


@pytest.fixture
def blueprint() -> str:
    return deploy_code(artifact("Allocation").blueprint)


def test_register_template(world: World) -> None:
    blueprint = register(world, "allocation", "Allocation", "2.0.0")
    (event,) = world.factory.events
    assert (event.name, event.template) == ("TemplateRegistered", template_id("allocation", "2.0.0"))
    assert event.blueprint == blueprint
    assert event.code_hash == artifact("Allocation").blueprint_code_hash
    held = world.factory.template(event.template)
    assert (held.blueprint, held.code_hash) == (blueprint, event.code_hash)
    assert world.factory.template(OTHER).blueprint == NOBODY


@pytest.mark.parametrize(
    "by",
    [(), (bank_governor,), (bank_governor, attacker), (bank_supervisor, agency_one_supervisor)],
)
def test_by_governors_of_two_institutions(world: World, blueprint: str, by: tuple[Any, ...]) -> None:
    given = consents(by, "Template", world.factory, **values_of(blueprint))
    with reverts("factory: governors of two institutions must sign"):
        world.factory.register_template(OTHER, blueprint, given)


def test_a_version_is_registered_once(world: World) -> None:
    with reverts("factory: template exists"):
        register(world, "allocation", "Disbursement")


def test_a_template_has_an_id(world: World, blueprint: str) -> None:
    given = consents(GOVERNORS, "Template", world.factory, **values_of(blueprint, template=ZERO))
    with reverts("factory: zero id"):
        world.factory.register_template(ZERO, blueprint, given)


def test_a_template_has_code(world: World) -> None:
    given = consents(GOVERNORS, "Template", world.factory, **values_of(attacker.address))
    with reverts("factory: no code at the blueprint"):
        world.factory.register_template(OTHER, attacker.address, given)


def test_a_preamble_alone_is_no_code(world: World) -> None:
    preamble = b"\xfe\x71\x00"
    boa.env.set_code(attacker.address, preamble)
    values = values_of(attacker.address, codeHash=keccak(preamble))
    with reverts("factory: no code at the blueprint"):
        world.factory.register_template(
            OTHER, attacker.address, consents(GOVERNORS, "Template", world.factory, **values)
        )


def test_the_code_is_the_code_that_was_signed(world: World) -> None:
    other = deploy_code(artifact("Disbursement").blueprint)
    given = consents(GOVERNORS, "Template", world.factory, **values_of(other))
    with reverts(
        "factory: governors of two institutions must sign", "signatures: not in rising order of signer"
    ):
        world.factory.register_template(OTHER, other, given)
