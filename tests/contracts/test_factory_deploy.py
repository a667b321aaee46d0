"""Factory: the constructor and deploy."""

import boa
import pytest
from eth_hash.auto import keccak

from contracts.artifacts import artifact
from contracts.errors import RefusalUnknown
from contracts.ids import template_id
from contracts.terms import Guard, Kind, allocation_arguments
from tests.contracts.chain import Contract, deploy, reverts
from tests.contracts.puppet import puppet, register_puppet
from tests.contracts.world import (
    PROJECT,
    TREE,
    WAGES,
    ZERO,
    World,
    attacker,
    contract_address,
    deployer_nonce,
    share,
)

OTHER = b"\7" * 32
ARGUMENTS = allocation_arguments(TREE, WAGES, (PROJECT,), (Guard(0, Kind.PAYOUT_CAP, 500),))
TEMPLATE = template_id("allocation", "1.0.0")


def test_the_factory_is_the_one_its_ledger_and_registry_know(world: World) -> None:
    addresses = ["address", "address"]
    with reverts("factory: the ledger has another factory"):
        deploy("AgreementFactory", addresses, world.ledger.address, world.registry.address)
    assert world.factory.ledger() == world.ledger.address
    assert world.factory.registry() == world.registry.address
    assert world.factory.DIRECTORY() == world.directory.address
    assert world.registry.factory() == world.factory.address


def test_its_registry_is_its_own(world: World) -> None:
    where = contract_address(deployer_nonce() + 3)
    three = [world.directory.address, where, attacker.address]
    accounts = deploy("Accounts", ["address"] * 3, *three)
    ledger = deploy("Ledger", ["address"] * 2, accounts.address, attacker.address)
    registry = deploy("Registry", ["address"], attacker.address)
    with reverts("factory: the registry has another factory"):
        deploy("AgreementFactory", ["address"] * 2, ledger.address, registry.address)


def test_deploy(world: World) -> None:
    address = world.factory.deploy(TEMPLATE, ARGUMENTS, OTHER, WAGES, sender=attacker)
    (event,) = world.factory.events
    assert (event.name, event.agreement, event.template) == ("AgreementDeployed", address, TEMPLATE)
    assert (event.account, event.arguments) == (TREE, keccak(ARGUMENTS))
    assert (event.file, event.results) == (OTHER, WAGES)
    held = world.factory.instance(address)
    assert (held.template, held.arguments) == (TEMPLATE, keccak(ARGUMENTS))
    assert (held.file, held.results) == (OTHER, WAGES)
    assert (held.version, held.active) == (0, False)
    assert list(world.factory.accounts(address)) == [TREE]
    agreement = Contract(address, "Allocation")
    assert (agreement.account(), agreement.DYE_CLASS()) == (TREE, WAGES)
    assert (agreement.LEDGER(), agreement.DIRECTORY()) == (world.ledger.address, world.directory.address)
    assert not world.accounts.is_granted(TREE, address)


def test_arguments_of_16_kilobytes(world: World) -> None:
    longest = ARGUMENTS + bytes(16_384 - len(ARGUMENTS))
    assert world.instance("allocation", longest).account() == TREE
    with pytest.raises(RefusalUnknown):  # bounds of an argument give no reason
        world.instance("allocation", longest + b"\0")


def test_of_a_registered_template(world: World) -> None:
    with reverts("factory: unknown template"):
        world.factory.deploy(OTHER, ARGUMENTS, ZERO, ZERO)
    with reverts("factory: unknown template"):
        world.factory.deploy(ZERO, ARGUMENTS, ZERO, ZERO)


def test_a_blueprint_whose_code_changed_makes_nothing(world: World) -> None:
    blueprint = world.factory.template(TEMPLATE).blueprint
    boa.env.set_code(blueprint, artifact("Disbursement").blueprint[10:])
    with reverts("factory: blueprint changed"):
        world.factory.deploy(TEMPLATE, ARGUMENTS, ZERO, ZERO)


def test_what_agreements_share_is_not_made_again(world: World) -> None:
    share(world, "shared", "Registry")
    with reverts("factory: not a blueprint"):
        world.factory.deploy(template_id("shared", "1.0.0"), ARGUMENTS, ZERO, ZERO)


def test_a_refusal_of_the_constructor_is_passed_on(world: World) -> None:
    arguments = allocation_arguments(TREE, WAGES, (), (Guard(0, Kind.PAYOUT_CAP, 500),))
    with reverts("allocation: no destination"):
        world.instance("allocation", arguments)


def test_an_agreement_on_no_account_is_not_made(world: World) -> None:
    register_puppet(world)
    with reverts("factory: agreement on no account"):
        puppet(world, [], account=TREE)


def test_an_agreement_is_on_sixteen_accounts_at_most(world: World) -> None:
    register_puppet(world)
    places = [keccak(b"place %d" % number) for number in range(17)]
    assert len(world.factory.accounts(puppet(world, places[:16]).address)) == 16
    with pytest.raises(RefusalUnknown):  # bounds of an answer give no reason
        puppet(world, places)


def test_the_account_it_is_announced_with_is_the_first_it_draws_on(world: World) -> None:
    register_puppet(world)
    with reverts("factory: accounts contradict each other"):
        puppet(world, [PROJECT, TREE], account=TREE)
    made = puppet(world, [TREE, PROJECT])
    (event,) = made.events
    assert event.account == TREE
    assert list(world.factory.accounts(made.address)) == [TREE, PROJECT]
