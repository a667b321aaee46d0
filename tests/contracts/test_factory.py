"""Factory: register_template, deploy, activate."""

from typing import Any

import boa
import pytest
from eth_hash.auto import keccak

from contracts.artifacts import artifact
from contracts.ids import template_id
from contracts.terms import Guard, Kind, Role, allocation_arguments, disbursement_arguments
from tests.contracts.chain import Contract, deploy_code, reverts
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    NOBODY,
    PROJECT,
    TERMS,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    consents,
    newcomer,
    operator,
    register,
    signer,
)

OTHER = b"\7" * 32
ARGUMENTS = disbursement_arguments(TREE, WAGES, TERMS)
TEMPLATE = template_id("disbursement", "1.0.0")


def template_values(blueprint: str, **more: Any) -> dict[str, Any]:
    code_hash = artifact("Disbursement").blueprint_code_hash
    return {"template": OTHER, "blueprint": blueprint, "codeHash": code_hash, **more}


def test_register_template(world: World) -> None:
    blueprint = register(world, "disbursement", "Disbursement", "2.0.0")
    (event,) = world.factory.events
    assert (event.name, event.template) == ("TemplateRegistered", template_id("disbursement", "2.0.0"))
    assert event.blueprint == blueprint
    assert event.code_hash == artifact("Disbursement").blueprint_code_hash
    held = world.factory.template(event.template)
    assert (held.blueprint, held.code_hash) == (blueprint, event.code_hash)
    assert world.factory.template(OTHER).blueprint == NOBODY


def test_register_template_by_governors_of_two_institutions(world: World) -> None:
    blueprint = deploy_code(artifact("Disbursement").blueprint)
    values = template_values(blueprint)
    for by in (
        (),
        (bank_governor,),
        (bank_governor, attacker),
        (bank_supervisor, agency_one_supervisor),
    ):
        given = consents(by, "Template", world.factory, **values)
        with reverts("factory: governors of two institutions must sign"):
            world.factory.register_template(OTHER, blueprint, given)


def test_register_template_once_and_with_code(world: World) -> None:
    with reverts("factory: template exists"):
        register(world, "disbursement", "Allocation")
    governors = (bank_governor, agency_one_governor)
    given = consents(governors, "Template", world.factory, **template_values(attacker.address))
    with reverts("factory: no code at the blueprint"):
        world.factory.register_template(OTHER, attacker.address, given)


def test_register_template_over_the_code_that_was_signed(world: World) -> None:
    blueprint = deploy_code(artifact("Allocation").blueprint)
    governors = (bank_governor, agency_one_governor)
    given = consents(governors, "Template", world.factory, **template_values(blueprint))
    with reverts(
        "factory: governors of two institutions must sign", "signatures: not in rising order of signer"
    ):
        world.factory.register_template(OTHER, blueprint, given)


def test_deploy(world: World) -> None:
    address = world.factory.deploy(TEMPLATE, ARGUMENTS, OTHER, WAGES, sender=attacker)
    (event,) = world.factory.events
    assert (event.name, event.agreement, event.template) == ("AgreementDeployed", address, TEMPLATE)
    assert (event.account, event.arguments) == (TREE, keccak(ARGUMENTS))
    assert (event.file, event.results) == (OTHER, WAGES)
    held = world.factory.instance(address)
    assert (held.template, held.arguments, held.active) == (TEMPLATE, keccak(ARGUMENTS), False)
    assert (held.file, held.results) == (OTHER, WAGES)
    agreement = Contract(address, "Disbursement")
    assert (agreement.account(), agreement.DYE_CLASS()) == (TREE, WAGES)
    assert (agreement.LEDGER(), agreement.DIRECTORY()) == (world.ledger.address, world.directory.address)
    assert [guard.kind for guard in agreement.terms()] == [1, 2, 3]


def test_deploy_refusals(world: World) -> None:
    with reverts("factory: unknown template"):
        world.factory.deploy(OTHER, ARGUMENTS, ZERO, ZERO)
    with reverts("guards: no terms"):
        world.instance("disbursement", disbursement_arguments(TREE, WAGES, ()))
    cap = (Guard(0, Kind.PAYOUT_CAP, 5),)
    with reverts("allocation: no destination"):
        world.instance("allocation", allocation_arguments(TREE, WAGES, (), cap))
    with reverts("allocation: funds itself"):
        world.instance("allocation", allocation_arguments(TREE, WAGES, (PROJECT, TREE), cap))


def test_a_blueprint_whose_code_changed_makes_nothing(world: World) -> None:
    blueprint = world.factory.template(TEMPLATE).blueprint
    boa.env.set_code(blueprint, artifact("Allocation").blueprint[10:])
    with reverts("factory: blueprint changed"):
        world.factory.deploy(TEMPLATE, ARGUMENTS, ZERO, ZERO)


def test_activate_grants_the_account(world: World) -> None:
    agreement = world.instance("disbursement", ARGUMENTS)
    assert world.ledger.is_granted(TREE, agreement.address) is False
    world.activate(agreement)
    granted, activated = world.factory.events
    assert (granted.name, granted.address) == ("AgreementGranted", world.ledger.address)
    assert (activated.name, activated.agreement) == ("AgreementActivated", agreement.address)
    assert activated.account == TREE
    assert world.ledger.is_granted(TREE, agreement.address)
    assert world.factory.instance(agreement.address).active
    with reverts("factory: agreement is active"):
        world.activate(agreement)


@pytest.mark.parametrize(
    "by",
    [
        (),
        (agency_one_supervisor,),
        (agency_one_supervisor, agency_one_deputy),
        (agency_one_supervisor, attacker),
        (agency_one_supervisor, operator),
        (bank_governor, agency_one_governor),
    ],
)
def test_activate_by_the_quorum(world: World, by: tuple[Any, ...]) -> None:
    agreement = world.instance("disbursement", ARGUMENTS)
    given = consents(by, "Activation", world.factory, **world.activation(agreement))
    with reverts("factory: quorum not reached"):
        world.factory.activate(agreement.address, given)


def test_activate_is_about_one_agreement(world: World) -> None:
    first, second = (world.instance("disbursement", ARGUMENTS) for _ in range(2))
    by = (agency_one_supervisor, agency_two_supervisor)
    given = consents(by, "Activation", world.factory, **world.activation(first))
    with reverts("factory: quorum not reached", "signatures: not in rising order of signer"):
        world.factory.activate(second.address, given)
    with reverts("factory: unknown agreement"):
        world.factory.activate(attacker.address, given)


def test_an_agreement_on_no_account_is_never_active(world: World) -> None:
    agreement = world.instance("disbursement", disbursement_arguments(OTHER, WAGES, TERMS))
    with reverts("factory: quorum not reached"):
        world.activate(agreement)


def test_supervisors_are_those_of_now(world: World) -> None:
    agreement = world.instance("disbursement", ARGUMENTS)
    world.suspend(agency_two_supervisor)
    with reverts("factory: quorum not reached"):
        world.activate(agreement)
    world.change([signer(newcomer, BANK, Role.SUPERVISOR)])
    by = (agency_one_supervisor, newcomer)
    given = consents(by, "Activation", world.factory, **world.activation(agreement))
    world.factory.activate(agreement.address, given)
    assert world.ledger.account(TREE).controller == ENTERPRISE
