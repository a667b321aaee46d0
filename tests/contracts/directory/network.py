"""A directory of its own: governors of three institutions, three recovery signers, one quorum."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import boa
from eth_abi import encode
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.terms import Role
from tests.contracts.chain import Contract, deploy
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    CHANGE,
    DELAY_SECONDS,
    ENTERPRISE,
    NOBODY,
    ZERO,
    Change,
    actor,
    agency_one_deputy,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    bank_governor,
    bank_supervisor,
    consents,
    institution,
    member,
    operator,
    signer,
    threshold,
)

ROTATE_SIGNER, SUSPEND_SIGNER = 6, 7
RECOVERY_THRESHOLD = 2
LAPSE_SECONDS = 30 * 86_400

bank_deputy_governor = actor("bank deputy governor")
agency_two_governor = actor("agency two governor")
recovery_signers = [actor(f"recovery signer {number}") for number in range(3)]
successor = actor("successor")

INSTITUTIONS = [
    institution(BANK, 1),
    institution(AGENCY_ONE, 2),
    institution(AGENCY_TWO, 2),
    institution(ENTERPRISE, 3),
    institution(AUDITOR, 4),
]
GOVERNORS = [
    signer(bank_governor, BANK, Role.GOVERNOR),
    signer(agency_one_governor, AGENCY_ONE, Role.GOVERNOR),
]
FOUNDING = [
    *INSTITUTIONS,
    *GOVERNORS,
    signer(bank_deputy_governor, BANK, Role.GOVERNOR),
    signer(agency_two_governor, AGENCY_TWO, Role.GOVERNOR),
    signer(bank_supervisor, BANK, Role.SUPERVISOR),
    signer(agency_one_supervisor, AGENCY_ONE, Role.SUPERVISOR),
    signer(agency_one_deputy, AGENCY_ONE, Role.SUPERVISOR),
    signer(agency_two_supervisor, AGENCY_TWO, Role.SUPERVISOR),
    signer(operator, ENTERPRISE, Role.OPERATOR),
    member(BANK),
    member(AGENCY_ONE),
    member(AGENCY_TWO),
    threshold(2),
]
TWO = (bank_governor, agency_one_governor)
QUORUM_OF_RECOVERY = recovery_signers[:RECOVERY_THRESHOLD]

# What signatures over another digest than the contract's come to: strangers, in whatever order.
NOT_RISING = "signatures: not in rising order of signer"
NOT_TWO = ("directory: governors of two institutions must sign", NOT_RISING)
NOT_RECOVERY = ("directory: recovery signers must sign", NOT_RISING)
NOT_OWN = ("directory: own governor or two institutions must sign", NOT_RISING)


def rotation(old: LocalAccount, new: LocalAccount) -> Change:
    """Let a new key follow a lost one."""
    return (ROTATE_SIGNER, ZERO, ZERO, old.address, int(new.address, 16))


def suspension(who: LocalAccount) -> Change:
    """Suspend a signer."""
    return (SUSPEND_SIGNER, ZERO, ZERO, who.address, 0)


def content(changes: list[Change]) -> bytes:
    """What is signed of changes."""
    return keccak(encode([f"{CHANGE}[]"], [changes]))


def pass_seconds(seconds: int) -> None:
    """Let chain time pass."""
    boa.env.timestamp += seconds


def founded(
    founding: list[Change] = FOUNDING,
    delay_seconds: int = DELAY_SECONDS,
    recovery: Iterable[str] = tuple(who.address for who in recovery_signers),
    recovery_threshold: int = RECOVERY_THRESHOLD,
) -> Contract:
    """A new directory."""
    types = ["uint256", f"{CHANGE}[]", "address[]", "uint256"]
    return deploy("Directory", types, delay_seconds, founding, list(recovery), recovery_threshold)


@dataclass
class Network:
    """A directory and its people."""

    directory: Contract

    def announce(
        self, changes: list[Change], by: Iterable[LocalAccount] = TWO, nonce: int | None = None
    ) -> bytes:
        """Announce changes as governors; gives their id."""
        asked = self.directory.next_nonce() if nonce is None else nonce
        given = consents(by, "Changes", self.directory, changes=content(changes), nonce=asked)
        return self.directory.announce(changes, given)

    def change(self, changes: list[Change], by: Iterable[LocalAccount] = TWO) -> None:
        """Announce changes, wait, apply them."""
        self.announce(changes, by)
        pass_seconds(self.directory.DELAY_SECONDS())
        self.directory.apply(changes, self.directory.next_nonce() - 1)

    def announce_recovery(
        self,
        changes: list[Change],
        by: Iterable[LocalAccount] = QUORUM_OF_RECOVERY,
        nonce: int | None = None,
    ) -> bytes:
        """Announce changes as recovery signers; gives their id."""
        asked = self.directory.next_recovery_nonce() if nonce is None else nonce
        given = consents(by, "Recovery", self.directory, changes=content(changes), nonce=asked)
        return self.directory.announce_recovery(changes, given)

    def recover(self, changes: list[Change]) -> None:
        """Announce a recovery, wait, apply it."""
        self.announce_recovery(changes)
        pass_seconds(self.directory.RECOVERY_DELAY())
        self.directory.apply_recovery(changes, self.directory.next_recovery_nonce() - 1)

    def withdraw(self, change_id: bytes, by: Iterable[LocalAccount] = TWO) -> None:
        """Withdraw announced changes."""
        self.directory.withdraw(change_id, consents(by, "Withdrawal", self.directory, change=change_id))

    def suspend(self, who: LocalAccount, *by: LocalAccount) -> None:
        """Suspend a signer at once; by governors of two institutions unless told."""
        values = self.suspension_of(who)
        given = consents(by or TWO, "Suspension", self.directory, **values)
        self.directory.suspend(who.address, given)

    def suspension_of(self, who: LocalAccount) -> dict[str, Any]:
        """What is signed to suspend a signer."""
        return {"signer": who.address, "since": self.directory.signer(who.address).since}

    def rotate(self, old: LocalAccount, new: LocalAccount, *governors: LocalAccount) -> None:
        """Rotate a key at once, signed by both keys and these governors."""
        given = consents((old, new, *governors), "Rotation", self.directory, **self.rotation_of(old, new))
        self.directory.rotate(old.address, new.address, given)

    def rotation_of(self, old: LocalAccount, new: LocalAccount) -> dict[str, Any]:
        """What is signed to rotate a key."""
        since = self.directory.signer(old.address).since
        return {"signer": old.address, "successor": new.address, "since": since}

    def roles(self, who: LocalAccount) -> int:
        """What a signer may do now."""
        return int(self.directory.signer(who.address).roles)

    def is_nobody(self, who: LocalAccount) -> bool:
        """Whether a key never was a signer's."""
        held = self.directory.signer(who.address)
        return (held.institution, held.roles, held.since, held.successor) == (ZERO, 0, 0, NOBODY)
