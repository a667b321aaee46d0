"""`count_approvals`, `count_institutions`, `are_two_institutions`, `holds`, `acts_for`: what others ask."""

from collections.abc import Iterable
from itertools import pairwise

from eth_account.signers.local import LocalAccount

from contracts.terms import Role
from tests.contracts.directory.network import (
    TWO,
    Network,
    agency_two_governor,
    pass_seconds,
    successor,
    suspension,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AUDITOR,
    BANK,
    ENTERPRISE,
    NOBODY,
    QUORUM,
    ZERO,
    actor,
    agency_one_deputy,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    member,
    newcomer,
    not_member,
    now,
    operator,
    signer,
)

OF_BANK, OF_AGENCY, OF_ENTERPRISE, OF_AUDITOR = (1 + (1 << 32 * kind) for kind in range(1, 5))


def addresses(*who: LocalAccount) -> list[str]:
    return [each.address for each in who]


def approvals(network: Network, *who: LocalAccount, known_since: int | None = None) -> int:
    """The packed counts of these approvers."""
    since = now() if known_since is None else known_since
    return int(network.directory.count_approvals(QUORUM, addresses(*who), since))


def counted(network: Network, *who: LocalAccount) -> int:
    """How many institutions sign now."""
    return int(network.directory.count_institutions(QUORUM, addresses(*who), now()))


def test_institutions_are_counted_once(network: Network) -> None:
    cases: list[tuple[Iterable[LocalAccount], int]] = [
        ((), 0),
        ((agency_one_supervisor, agency_one_deputy), OF_AGENCY),
        ((agency_one_supervisor, agency_one_deputy, agency_two_supervisor), 2 * OF_AGENCY),
        ((bank_supervisor, agency_one_supervisor, agency_two_supervisor), OF_BANK + 2 * OF_AGENCY),
        ((operator, attacker, bank_governor), 0),
    ]
    for who, expected in cases:
        assert approvals(network, *who) == expected
        assert counted(network, *who) == expected & 0xFFFFFFFF
    assert network.directory.count_approvals(QUORUM, [NOBODY], now()) == 0
    assert network.directory.count_approvals(ZERO, addresses(bank_supervisor), now()) == 0
    assert network.directory.count_institutions(ZERO, addresses(bank_supervisor), now()) == 0


def test_every_kind_of_institution_has_its_count(network: Network) -> None:
    auditor, enterprise = actor("auditor supervisor"), actor("enterprise supervisor")
    network.change(
        [
            member(AUDITOR),
            member(ENTERPRISE),
            signer(auditor, AUDITOR, Role.SUPERVISOR),
            signer(enterprise, ENTERPRISE, Role.SUPERVISOR | Role.OPERATOR),
        ]
    )
    assert approvals(network, auditor) == OF_AUDITOR
    assert approvals(network, enterprise) == OF_ENTERPRISE
    everybody = (bank_supervisor, agency_one_supervisor, agency_two_supervisor, auditor, enterprise)
    assert approvals(network, *everybody) == OF_BANK + 2 * OF_AGENCY + OF_ENTERPRISE + OF_AUDITOR


def test_only_members_count(network: Network) -> None:
    network.change([not_member(BANK)])
    assert approvals(network, bank_supervisor, agency_one_supervisor) == OF_AGENCY
    assert counted(network, bank_supervisor, agency_one_supervisor) == 1
    network.change([member(BANK)])
    assert approvals(network, bank_supervisor) == OF_BANK


def test_a_newer_signer_does_not_count(network: Network) -> None:
    reserved_at = now()
    network.change([signer(newcomer, BANK, Role.SUPERVISOR)])
    since = network.directory.signer(newcomer.address).since
    assert approvals(network, newcomer, known_since=reserved_at) == 0
    assert approvals(network, newcomer, known_since=since - 1) == 0
    assert approvals(network, newcomer, known_since=since) == OF_BANK
    assert network.directory.count_institutions(QUORUM, [newcomer.address], since - 1) == 0


def test_a_signer_suspended_mid_vote_counts_no_more(network: Network) -> None:
    reserved_at = now()
    network.suspend(bank_supervisor, bank_governor)
    assert approvals(network, bank_supervisor, agency_one_supervisor) == OF_AGENCY
    assert counted(network, bank_supervisor, agency_one_supervisor) == 1
    # Coming back does not revive what was approved before.
    pass_seconds(1)
    network.change([signer(bank_supervisor, BANK, Role.SUPERVISOR)])
    assert approvals(network, bank_supervisor, known_since=reserved_at) == 0
    assert approvals(network, bank_supervisor) == 0
    pass_seconds(1)
    assert approvals(network, bank_supervisor) == OF_BANK


def test_a_signer_suspended_and_back_within_a_second_counts_no_more(network: Network) -> None:
    back = [suspension(bank_supervisor), signer(bank_supervisor, BANK, Role.SUPERVISOR)]
    network.change([signer(newcomer, BANK, Role.SUPERVISOR)])
    again = [suspension(newcomer), signer(newcomer, BANK, Role.SUPERVISOR)]
    network.change([*back, *again, *again])
    since = network.directory.signer(newcomer.address).since
    assert since == now() + 2
    for who, after in ((newcomer, 2), (bank_supervisor, 1)):
        assert approvals(network, who, known_since=now() + after - 1) == 0
        assert approvals(network, who, known_since=now() + after) == OF_BANK


def test_a_rotated_key_keeps_its_approvals_until_its_successor_is_suspended(network: Network) -> None:
    reserved_at = now()
    pass_seconds(1_000)
    network.rotate(bank_supervisor, successor, bank_governor)
    network.rotate(successor, newcomer, bank_governor)
    for key in (bank_supervisor, successor, newcomer):
        assert approvals(network, key, known_since=reserved_at) == OF_BANK
    assert approvals(network, bank_supervisor, successor, newcomer) == OF_BANK
    # The old keys sign nothing new.
    assert [counted(network, key) for key in (bank_supervisor, successor, newcomer)] == [0, 0, 1]
    network.suspend(newcomer, bank_governor)
    for key in (bank_supervisor, successor, newcomer):
        assert approvals(network, key) == 0
    network.change([signer(newcomer, BANK, Role.SUPERVISOR)])
    for key in (bank_supervisor, successor, newcomer):
        assert approvals(network, key, known_since=reserved_at) == 0


def test_the_longest_chain_is_followed_to_its_end(network: Network) -> None:
    keys = [bank_supervisor, *(actor(f"key {number}") for number in range(16))]
    for old, new in pairwise(keys):
        network.rotate(old, new, bank_governor)
    assert approvals(network, bank_supervisor) == OF_BANK
    network.change([suspension(bank_supervisor)])
    assert network.roles(keys[-1]) == 0
    assert approvals(network, bank_supervisor) == 0


def test_two_institutions_is_about_every_signer(network: Network) -> None:
    are_two = network.directory.are_two_institutions
    one, deputy, two = addresses(agency_one_supervisor, agency_one_deputy, agency_two_supervisor)
    assert are_two([one, two], Role.SUPERVISOR)
    assert are_two([one, deputy, two], Role.SUPERVISOR)
    for signers in ([], [one], [one, deputy], [one, two, attacker.address], [NOBODY, NOBODY]):
        assert are_two(signers, Role.SUPERVISOR) is False
    assert are_two([one, two], Role.GOVERNOR) is False
    network.rotate(agency_two_supervisor, successor, agency_two_governor)
    assert are_two([one, two], Role.SUPERVISOR) is False
    assert are_two([one, successor.address], Role.SUPERVISOR)


def test_a_signer_acts_for_its_institution_in_its_roles(network: Network) -> None:
    acts_for, holds = network.directory.acts_for, network.directory.holds
    assert acts_for(operator.address, ENTERPRISE, Role.OPERATOR)
    assert holds(operator.address, Role.OPERATOR)
    for institution, role in ((BANK, Role.OPERATOR), (ENTERPRISE, Role.SUPERVISOR), (ENTERPRISE, 0)):
        assert acts_for(operator.address, institution, role) is False
    assert holds(operator.address, Role.SUPERVISOR) is False
    for who in (attacker.address, NOBODY):
        assert acts_for(who, ZERO, 2**256 - 1) is False
        assert holds(who, 2**256 - 1) is False
    network.suspend(operator, *TWO)
    assert acts_for(operator.address, ENTERPRISE, Role.OPERATOR) is False


def test_start_and_rotations_are_no_roles(network: Network) -> None:
    network.rotate(agency_one_supervisor, successor, *TWO)
    for bit in range(9, 256):
        assert network.directory.holds(successor.address, 1 << bit) is False
        assert network.directory.acts_for(successor.address, AGENCY_ONE, 1 << bit) is False


def test_what_is_asked_most_reads_two_slots(network: Network) -> None:
    network.directory.acts_for(operator.address, ENTERPRISE, Role.OPERATOR)
    assert network.directory.gas_used < 2 * 2_100 + 800
