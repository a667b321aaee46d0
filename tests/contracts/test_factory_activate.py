"""Factory: activate, and what an attacker tries with it."""

from typing import Any

import boa
import pytest

from contracts.ids import template_id
from contracts.terms import Guard, Kind, Role, allocation_arguments
from tests.contracts.chain import Contract, reverts
from tests.contracts.dealings import (
    DEAL,
    ENTERPRISE_ACCOUNT,
    FINANCIER_ACCOUNT,
    OTHER_DEAL,
    OTHER_DOCUMENT,
    SINK,
    SUPPLIER_ACCOUNT,
    delivery,
    idle_split,
    open_parties,
    receivable,
)
from tests.contracts.escrows import deal_arguments
from tests.contracts.guarantees import letter_arguments
from tests.contracts.puppet import puppet, register_puppet
from tests.contracts.quorum import SUPERVISORS, activate, retire
from tests.contracts.world import (
    BANK,
    ENTERPRISE,
    LINE,
    PROJECT,
    QUORUM,
    TREE,
    WAGES,
    ZERO,
    World,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_bridge,
    bank_governor,
    consents,
    newcomer,
    now,
    operator,
    signer,
)

OTHER = b"\7" * 32
CAP = (Guard(0, Kind.PAYOUT_CAP, 500),)
ARGUMENTS = allocation_arguments(TREE, WAGES, (PROJECT,), CAP)
TEMPLATE = template_id("allocation", "1.0.0")
NOT_SIGNED = ("factory: quorum not reached", "signatures: not in rising order of signer")


@pytest.fixture
def agreement(world: World) -> Contract:
    return world.instance("allocation", ARGUMENTS)


def test_activate_grants_the_account(world: World, agreement: Contract) -> None:
    assert world.accounts.is_granted(TREE, agreement.address) is False
    activate(world, agreement)
    granted, activated = world.factory.events
    assert (granted.name, granted.account, granted.agreement) == (
        "AgreementGranted",
        TREE,
        agreement.address,
    )
    assert (activated.name, activated.agreement) == ("AgreementActivated", agreement.address)
    assert activated.account == TREE
    assert world.accounts.is_granted(TREE, agreement.address)
    held = world.factory.instance(agreement.address)
    assert (held.version, held.active) == (1, True)
    with reverts("factory: agreement is active"):
        activate(world, agreement)


def test_activate_grants_every_account_of_the_tree(world: World) -> None:
    register_puppet(world)
    world.open(PROJECT)
    world.open(LINE, parent=PROJECT)
    several = puppet(world, [PROJECT, TREE, LINE])
    activate(world, several)
    *granted, activated = world.factory.events
    assert [event.account for event in granted] == [PROJECT, TREE, LINE]
    assert activated.account == PROJECT
    assert all(world.accounts.is_granted(account, several.address) for account in (PROJECT, TREE, LINE))


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
def test_by_the_quorum_and_no_institution_alone(
    world: World, agreement: Contract, by: tuple[Any, ...]
) -> None:
    with reverts("factory: quorum not reached"):
        activate(world, agreement, by)


def test_a_supervisor_counts_once(world: World, agreement: Contract) -> None:
    given = consents(
        (agency_one_supervisor, agency_one_supervisor),
        "Activation",
        world.factory,
        **world.activation(agreement),
    )
    with reverts("signatures: not in rising order of signer"):
        world.factory.activate(agreement.address, given)


def test_supervisors_are_those_of_now(world: World, agreement: Contract) -> None:
    world.suspend(agency_two_supervisor, by=(bank_governor, agency_one_governor))
    with reverts("factory: quorum not reached"):
        activate(world, agreement)
    world.change([signer(newcomer, BANK, Role.SUPERVISOR)])
    activate(world, agreement, (agency_one_supervisor, newcomer))


def test_an_agreement_the_factory_did_not_make(world: World) -> None:
    with reverts("factory: unknown agreement"):
        world.factory.activate(attacker.address, [])


@pytest.mark.parametrize(
    ("arguments", "file", "results"),
    [
        (allocation_arguments(TREE, WAGES, (LINE,), CAP), ZERO, ZERO),
        (ARGUMENTS, OTHER, ZERO),
        (ARGUMENTS, ZERO, OTHER),
    ],
)
def test_front_running_with_other_content_at_the_same_address(
    world: World, arguments: bytes, file: bytes, results: bytes
) -> None:
    """The attacker deploys first, at the address the supervisors were shown for another content."""
    with boa.env.anchor():
        shown = world.instance("allocation", ARGUMENTS)
        given = consents(SUPERVISORS, "Activation", world.factory, **world.activation(shown))
    taken = world.factory.deploy(TEMPLATE, arguments, file, results, sender=attacker)
    assert taken == shown.address
    with reverts(*NOT_SIGNED):
        world.factory.activate(taken, given)


def test_front_running_with_the_same_content_at_another_address(world: World) -> None:
    """An identical agreement deployed first or later is another agreement."""
    copy = world.instance("allocation", ARGUMENTS)
    agreement = world.instance("allocation", ARGUMENTS)
    given = consents(SUPERVISORS, "Activation", world.factory, **world.activation(agreement))
    with reverts(*NOT_SIGNED):
        world.factory.activate(copy.address, given)
    world.factory.activate(agreement.address, given, sender=attacker)
    assert not world.accounts.is_granted(TREE, copy.address)


def test_a_retired_agreement_is_not_activated_by_the_old_signatures(
    world: World, agreement: Contract
) -> None:
    given = consents(SUPERVISORS, "Activation", world.factory, **world.activation(agreement))
    world.factory.activate(agreement.address, given)
    retire(world, agreement)
    with reverts("factory: agreement is retired"):
        world.factory.activate(agreement.address, given)
    assert not world.accounts.is_granted(TREE, agreement.address)


def test_an_agreement_that_names_other_accounts_later(world: World) -> None:
    """What it said when it was deployed is what supervisors saw, and what is granted and revoked."""
    register_puppet(world)
    world.open(PROJECT)
    turning = puppet(world, [PROJECT], later=[TREE, PROJECT], turns_at=int(boa.env.timestamp) + 10)
    boa.env.timestamp += 10
    assert list(turning.accounts()) == [TREE, PROJECT]
    activate(world, turning)
    assert world.accounts.is_granted(PROJECT, turning.address)
    assert not world.accounts.is_granted(TREE, turning.address)
    retire(world, turning)
    assert not world.accounts.is_granted(PROJECT, turning.address)


def test_accounts_of_another_tree(world: World) -> None:
    register_puppet(world)
    world.accounts.open_tree(OTHER, BANK, QUORUM, b"CNY", ENTERPRISE, sender=bank_bridge)
    with reverts("factory: accounts of two trees"):
        activate(world, puppet(world, [TREE, OTHER]))


def test_an_account_that_does_not_exist(world: World) -> None:
    register_puppet(world)
    for accounts in ([OTHER], [TREE, OTHER], [ZERO]):
        with reverts("factory: unknown account"):
            activate(world, puppet(world, accounts))


def test_a_closed_account(world: World) -> None:
    register_puppet(world)
    world.open(PROJECT)
    closing = puppet(world, [TREE, PROJECT])
    world.close(PROJECT)
    with reverts("accounts: account closed"):
        activate(world, closing)
    assert not world.accounts.is_granted(TREE, closing.address)
    assert not world.factory.instance(closing.address).active


def test_who_holds_deposits_shares_their_account_with_nobody(world: World) -> None:
    """Neither before nor after; the quorum retires one to activate the other."""
    open_parties(world)
    escrow_places = {"payer_account": SINK, "payee_account": SUPPLIER_ACCOUNT}
    guarantee_places = {"applicant_account": SINK, "beneficiary_account": SUPPLIER_ACCOUNT}
    for make in (
        delivery,
        receivable,
        lambda held: held.instance("escrow", deal_arguments(DEAL, **escrow_places)),
        lambda held: held.instance("guarantee", letter_arguments(account=DEAL, **guarantee_places)),
        lambda held: idle_split(held, [(SUPPLIER_ACCOUNT, 0, 10, 0)], ENTERPRISE_ACCOUNT, SINK, DEAL),
    ):
        with boa.env.anchor():
            world.open(SINK)
            holder = make(world)
            assert holder.holds_deposits()
            spender = world.disbursement(account=DEAL)
            with reverts("accounts: another agreement draws on it"):
                world.activate(holder)
            retire(world, spender)
            world.activate(holder)
            for other in (delivery(world, deadline=now() + 9), funding_of(world)):
                with reverts("accounts: an agreement holds deposits there"):
                    world.activate(other)
            retire(world, holder)
            world.disbursement(account=DEAL)


def funding_of(world: World) -> Contract:
    """An allocation from the account of a deal, not active yet."""
    return world.instance("allocation", allocation_arguments(DEAL, WAGES, (SINK,), CAP))


def test_parties_accounts_are_not_bound_by_deposits(world: World) -> None:
    """The financier pays from its own account in several agreements, and spends what it has there."""
    open_parties(world)
    world.activate(receivable(world))
    world.activate(receivable(world, account=OTHER_DEAL, document=OTHER_DOCUMENT))
    spender = world.disbursement(account=FINANCIER_ACCOUNT)
    assert not spender.holds_deposits()
    assert not funding_of(world).holds_deposits()
