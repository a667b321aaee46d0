"""Founding: what a new directory refuses, and what it says."""

import pytest

from contracts.ids import name_id
from contracts.terms import Role
from tests.contracts.chain import reverts
from tests.contracts.directory.network import (
    FOUNDING,
    GOVERNORS,
    INSTITUTIONS,
    LAPSE_SECONDS,
    RECOVERY_THRESHOLD,
    Network,
    founded,
    recovery_signers,
    rotation,
    successor,
    suspension,
)
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    DELAY_SECONDS,
    ENTERPRISE,
    NOBODY,
    QUORUM,
    ZERO,
    Change,
    actor,
    agency_one_governor,
    attacker,
    bank_governor,
    institution,
    member,
    newcomer,
    not_member,
    operator,
    signer,
    threshold,
)

FEWEST = [*INSTITUTIONS, *GOVERNORS]
ADDRESSES = [who.address for who in recovery_signers]


def test_a_founded_directory_answers(network: Network) -> None:
    directory = network.directory
    assert directory.DELAY_SECONDS() == DELAY_SECONDS
    assert directory.RECOVERY_DELAY() == 2 * DELAY_SECONDS
    assert directory.RECOVERY_THRESHOLD() == RECOVERY_THRESHOLD
    assert directory.LAPSE_SECONDS() == LAPSE_SECONDS
    assert (directory.next_nonce(), directory.next_recovery_nonce()) == (0, 0)
    assert directory.pending_recovery() == ZERO
    assert all(directory.is_recovery_signer(who) for who in ADDRESSES)
    assert directory.is_recovery_signer(bank_governor.address) is False
    assert [directory.institution_kind(of) for of in (BANK, AGENCY_ONE, ENTERPRISE, AUDITOR)] == [1, 2, 3, 4]
    assert directory.institution_kind(b"\1" * 32) == 0
    held = directory.signer(operator.address)
    assert (held.institution, held.roles, held.successor) == (ENTERPRISE, Role.OPERATOR, NOBODY)
    assert network.is_nobody(attacker)
    assert (directory.quorum_size(QUORUM), directory.quorum_threshold(QUORUM)) == (3, 2)
    assert directory.is_member(QUORUM, AGENCY_TWO)
    assert directory.is_member(QUORUM, AUDITOR) is False


def test_two_institutions_must_govern() -> None:
    of_one = signer(agency_one_governor, BANK, Role.GOVERNOR)
    for founding in (
        [],
        FEWEST[:-1],
        [*FEWEST[:-1], of_one],
        [*FEWEST, suspension(bank_governor)],
        [*FEWEST, rotation(bank_governor, successor)],
    ):
        with reverts("directory: two institutions must govern"):
            founded(founding)


def test_governors_are_bounded() -> None:
    many = [signer(actor(f"governor {i}"), BANK, Role.GOVERNOR) for i in range(15)]
    with reverts("directory: too many governors"):
        founded([*FEWEST, *many])


def test_the_delay_is_bounded() -> None:
    assert founded(delay_seconds=365 * 86_400).RECOVERY_DELAY() == 2 * 365 * 86_400
    with reverts("directory: delay over a year"):
        founded(delay_seconds=365 * 86_400 + 1)


@pytest.mark.parametrize(
    ("recovery", "needed", "reason"),
    [
        (ADDRESSES, 0, "threshold below two"),
        (ADDRESSES, 1, "threshold below two"),
        ([], 2, "quorum unreachable"),
        (ADDRESSES, 4, "quorum unreachable"),
        ([*ADDRESSES, NOBODY], 2, "zero signer"),
        ([*ADDRESSES, ADDRESSES[0]], 2, "recovery signer"),
        ([*ADDRESSES, bank_governor.address], 2, "recovery signer"),
        ([*ADDRESSES, operator.address], 2, "recovery signer"),
    ],
)
def test_the_recovery_quorum_is_many_strangers(recovery: list[str], needed: int, reason: str) -> None:
    with reverts(f"directory: {reason}"):
        founded(recovery=recovery, recovery_threshold=needed)


def test_all_recovery_signers_may_be_needed() -> None:
    assert founded(recovery_threshold=3).RECOVERY_THRESHOLD() == 3


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ((0, ZERO, BANK, NOBODY, 1), "unknown change"),
        ((8, ZERO, BANK, NOBODY, 1), "unknown change"),
        (institution(ZERO, 1), "zero institution"),
        (institution(BANK, 1), "institution exists"),
        (institution(b"\1" * 32, 0), "unknown kind"),
        (institution(b"\1" * 32, 5), "unknown kind"),
        ((2, ZERO, BANK, NOBODY, 1), "zero signer"),
        (signer(newcomer, b"\1" * 32, 1), "unknown institution"),
        (signer(newcomer, BANK, 0), "unknown roles"),
        (signer(newcomer, BANK, 512), "unknown roles"),
        (signer(newcomer, BANK, 2**255 + 1), "unknown roles"),
        (signer(newcomer, BANK, Role.MINTER | Role.ATTESTER), "attester mints or settles"),
        (signer(newcomer, BANK, Role.SETTLER | Role.ATTESTER), "attester mints or settles"),
        (signer(newcomer, BANK, 511), "attester mints or settles"),
        (signer(bank_governor, BANK, 1), "signer is active"),
        (signer(recovery_signers[0], BANK, 1), "recovery signer"),
        (member(BANK, ZERO), "zero quorum"),
        (member(b"\1" * 32), "unknown institution"),
        (not_member(BANK), "not a member"),
        (threshold(1), "threshold below two"),
        (threshold(2), "quorum unreachable"),
        (rotation(newcomer, successor), "not an active signer"),
        (rotation(bank_governor, agency_one_governor), "not a new key"),
        (rotation(bank_governor, bank_governor), "not a new key"),
        (rotation(bank_governor, recovery_signers[0]), "recovery signer"),
        ((6, ZERO, ZERO, bank_governor.address, 0), "zero signer"),
        ((6, ZERO, ZERO, bank_governor.address, 2**160), "not an address"),
    ],
)
def test_changes_that_are_refused(change: Change, reason: str) -> None:
    with reverts(f"directory: {reason}"):
        founded([*FEWEST, change])


def test_every_role_can_be_held_but_minter_or_settler_with_attester() -> None:
    all_roles = 0
    for role in Role:
        all_roles |= role
    for apart in (Role.MINTER | Role.SETTLER, Role.ATTESTER):
        directory = founded([*FEWEST, signer(newcomer, BANK, all_roles ^ apart)])
        assert directory.signer(newcomer.address).roles == all_roles ^ apart


def test_a_member_counts_once_and_a_quorum_stays_reachable() -> None:
    with reverts("directory: already a member"):
        founded([*FEWEST, member(BANK), member(BANK)])
    with reverts("directory: threshold not set"):
        founded([*FEWEST, member(BANK), member(AGENCY_ONE), not_member(BANK)])
    with reverts("directory: quorum unreachable"):
        founded([*FEWEST, member(BANK), member(AGENCY_ONE), threshold(2), not_member(BANK)])
    with reverts("directory: quorum unreachable"):
        founded([*FEWEST, member(BANK), member(AGENCY_ONE), threshold(3)])


def test_a_quorum_needs_no_more_signatures_than_a_call_takes() -> None:
    many = [name_id(f"agency {number}") for number in range(17)]
    joined = [change for name in many for change in (institution(name, 2), member(name))]
    assert founded([*FEWEST, *joined, threshold(16)]).quorum_threshold(QUORUM) == 16
    with reverts("directory: quorum unreachable"):
        founded([*FEWEST, *joined, threshold(17)])


def test_a_founding_may_suspend_and_rotate_whom_it_added() -> None:
    directory = founded([*FOUNDING, suspension(operator), suspension(attacker)])
    assert directory.signer(operator.address).roles == 0
