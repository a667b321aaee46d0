"""Directory: founding, announced changes, suspension, and what it answers."""

import boa
import pytest

from contracts.terms import Role
from tests.contracts.chain import deploy, reverts
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    CHANGE,
    DELAY_SECONDS,
    ENTERPRISE,
    FOUNDING,
    NOBODY,
    QUORUM,
    ZERO,
    Change,
    World,
    actor,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    institution,
    member,
    newcomer,
    not_member,
    now,
    operator,
    signed,
    signer,
    threshold,
)


def founded(founding: list[Change]) -> None:
    deploy("Directory", ["uint256", f"{CHANGE}[]"], DELAY_SECONDS, founding)


def test_founding_answers(world: World) -> None:
    directory = world.directory
    assert directory.DELAY_SECONDS() == DELAY_SECONDS
    assert directory.institution_kind(BANK) == 1
    assert directory.institution_kind(attacker.key[:32]) == 0
    held = directory.signer(operator.address)
    assert (held.institution, held.roles) == (ENTERPRISE, Role.OPERATOR)
    assert directory.holds(operator.address, Role.OPERATOR)
    assert directory.holds(attacker.address, 255) is False
    assert directory.acts_for(operator.address, ENTERPRISE, Role.OPERATOR)
    assert directory.acts_for(operator.address, BANK, Role.OPERATOR) is False
    assert directory.quorum_size(QUORUM) == 3
    assert directory.quorum_threshold(QUORUM) == 2
    assert directory.is_member(QUORUM, AGENCY_TWO)
    assert directory.is_member(QUORUM, AUDITOR) is False


TWO_GOVERNORS = FOUNDING[:7]
NOT_RISING = "signatures: not in rising order of signer"


def test_two_institutions_must_govern() -> None:
    one_only = [*FOUNDING[:6], signer(agency_one_governor, BANK, Role.GOVERNOR)]
    for founding in ([], FOUNDING[:6], one_only):
        with reverts("directory: two institutions must govern"):
            founded(founding)


def test_governors_are_bounded() -> None:
    many = [signer(actor(f"governor {i}"), BANK, Role.GOVERNOR) for i in range(15)]
    with reverts("directory: too many governors"):
        founded([*TWO_GOVERNORS, *many])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((6, ZERO, BANK, NOBODY, 1), "unknown change"),
        (institution(ZERO, 1), "zero institution"),
        (institution(BANK, 1), "institution exists"),
        (institution(b"\1" * 32, 0), "unknown kind"),
        (institution(b"\1" * 32, 5), "unknown kind"),
        ((2, ZERO, BANK, NOBODY, 1), "zero signer"),
        (signer(newcomer, b"\1" * 32, 1), "unknown institution"),
        (signer(newcomer, BANK, 0), "unknown roles"),
        (signer(newcomer, BANK, 256), "unknown roles"),
        (signer(bank_governor, BANK, 1), "signer is active"),
        (member(BANK, ZERO), "zero quorum"),
        (member(b"\1" * 32), "unknown institution"),
        (not_member(BANK), "not a member"),
        (threshold(1), "threshold below two"),
        (threshold(2), "quorum unreachable"),
    ],
)
def test_changes_that_are_refused(change: Change, reason: str) -> None:
    with reverts(f"directory: {reason}"):
        founded([*TWO_GOVERNORS, change])


def test_a_member_counts_once_and_a_quorum_stays_reachable() -> None:
    with reverts("directory: already a member"):
        founded([*TWO_GOVERNORS, member(BANK), member(BANK)])
    with reverts("directory: quorum unreachable"):
        founded([*TWO_GOVERNORS, member(BANK), member(AGENCY_ONE), threshold(2), not_member(BANK)])


def test_announce_then_apply(world: World) -> None:
    directory = world.directory
    changes = [signer(newcomer, AGENCY_TWO, Role.SUPERVISOR), not_member(BANK)]
    change_id = world.announce(changes)
    (event,) = directory.events
    assert (event.name, event.change_id, event.nonce) == ("ChangesAnnounced", change_id, 0)
    assert event.ready_at == directory.ready_at(change_id) == now() + DELAY_SECONDS
    boa.env.timestamp += DELAY_SECONDS - 1
    with reverts("directory: delay not over"):
        directory.apply(changes, 0)
    boa.env.timestamp += 1
    directory.apply(changes, 0)
    added, removed = directory.events
    assert (added.who, added.institution, added.roles) == (newcomer.address, AGENCY_TWO, Role.SUPERVISOR)
    assert (removed.quorum, removed.institution, removed.member) == (QUORUM, BANK, False)
    assert directory.quorum_size(QUORUM) == 2
    with reverts("directory: not announced"):
        directory.apply(changes, 0)


def test_apply_takes_exactly_what_was_announced(world: World) -> None:
    world.announce([threshold(3)])
    boa.env.timestamp += DELAY_SECONDS
    with reverts("directory: not announced"):
        world.directory.apply([threshold(2)], 0)
    with reverts("directory: not announced"):
        world.directory.apply([threshold(3)], 1)


def test_announce_needs_governors_of_two_institutions(world: World) -> None:
    changes = [threshold(3)]
    for by in (
        (),
        (bank_governor,),
        (bank_governor, attacker),
        (bank_governor, agency_one_governor, attacker),
        (bank_supervisor, agency_one_supervisor),
    ):
        with reverts("directory: governors of two institutions must sign"):
            world.announce(changes, by)
    with reverts("directory: no changes"):
        world.announce([])


def test_announce_signatures_count_for_one_nonce(world: World) -> None:
    world.announce([threshold(3)])
    # Over another digest they recover to strangers, in whatever order.
    strangers = ("directory: governors of two institutions must sign", NOT_RISING)
    with reverts(*strangers):
        world.announce([threshold(3)], nonce=0)
    with reverts(*strangers):
        world.announce([threshold(3)], nonce=2)


def test_suspending_a_governor_stops_what_it_signed(world: World) -> None:
    changes = [signer(attacker, BANK, 255)]
    world.announce(changes)
    world.suspend(bank_governor, by=agency_one_governor)
    boa.env.timestamp += DELAY_SECONDS
    with reverts("directory: a governor who signed is suspended"):
        world.directory.apply(changes, 0)


def test_suspend_is_immediate(world: World) -> None:
    world.suspend(agency_one_supervisor)
    (event,) = world.directory.events
    assert (event.name, event.who, event.by) == (
        "SignerSuspended",
        agency_one_supervisor.address,
        bank_governor.address,
    )
    assert world.directory.signer(agency_one_supervisor.address).roles == 0
    with reverts("directory: not an active signer"):
        world.suspend(agency_one_supervisor)
    with reverts("directory: not an active signer"):
        world.suspend(attacker)


def test_suspend_needs_a_governor(world: World) -> None:
    for by in (attacker, bank_supervisor):
        with reverts("directory: not a governor"):
            world.suspend(operator, by)


def test_a_suspended_governor_suspends_nobody(world: World) -> None:
    world.suspend(bank_governor, by=agency_one_governor)
    with reverts("directory: not a governor"):
        world.suspend(operator)


def test_a_suspension_is_not_replayed_after_the_signer_came_back(world: World) -> None:
    directory = world.directory
    since = directory.signer(operator.address).since
    old = signed(bank_governor, "Suspension", directory, signer=operator.address, since=since)
    directory.suspend(operator.address, old)
    world.change([signer(operator, ENTERPRISE, Role.OPERATOR)])
    with reverts("directory: not a governor"):
        directory.suspend(operator.address, old)


def test_a_signer_comes_back_in_its_own_institution_only(world: World) -> None:
    world.suspend(operator)
    with reverts("directory: signer of another institution"):
        world.change([signer(operator, BANK, Role.OPERATOR)])
    world.change([signer(operator, ENTERPRISE, Role.OPERATOR)])
    assert world.directory.signer(operator.address).since == now()


def test_institutions_are_counted_once(world: World) -> None:
    count = world.directory.count_institutions
    one, deputy, two = (
        who.address for who in (agency_one_supervisor, agency_one_deputy, agency_two_supervisor)
    )
    assert count(QUORUM, [], now()) == 0
    assert count(QUORUM, [one, deputy], now()) == 1
    assert count(QUORUM, [one, deputy, two], now()) == 2
    assert count(QUORUM, [operator.address, attacker.address, NOBODY], now()) == 0
    assert count(ZERO, [one, two], now()) == 0
    assert count(QUORUM, [one, two], world.directory.signer(one).since - 1) == 0


def test_two_institutions_is_about_every_signer(world: World) -> None:
    are_two = world.directory.are_two_institutions
    one, deputy, two = (
        who.address for who in (agency_one_supervisor, agency_one_deputy, agency_two_supervisor)
    )
    assert are_two([one, two], Role.SUPERVISOR)
    assert are_two([one], Role.SUPERVISOR) is False
    assert are_two([one, deputy], Role.SUPERVISOR) is False
    assert are_two([one, two, attacker.address], Role.SUPERVISOR) is False
    assert are_two([one, two], Role.GOVERNOR) is False
