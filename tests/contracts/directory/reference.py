"""The directory as a model: people with keys, one after the other, where the contract has successors."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field

from eth_utils import to_checksum_address

from contracts.terms import Role
from tests.contracts.directory.network import LAPSE_SECONDS, RECOVERY_THRESHOLD
from tests.contracts.world import Change

LONGEST_CHAIN = 17


class NotAllowed(Exception):
    """The directory must refuse this."""


def allow(condition: object) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise NotAllowed


@dataclass
class Person:
    """A signer: the last of its keys holds its roles."""

    institution: bytes
    roles: int
    since: int
    keys: list[str]


@dataclass(frozen=True)
class Announced:
    """Changes that wait."""

    changes: tuple[Change, ...]
    by: frozenset[str]
    at: int
    ready_at: int


@dataclass
class Model:
    """Everything the directory knows, of one quorum."""

    delay_seconds: int
    recovery_signers: frozenset[str]
    institutions: dict[bytes, int] = field(default_factory=dict)
    people: list[Person] = field(default_factory=list)
    members: set[bytes] = field(default_factory=set)
    threshold: int = 0
    waiting: dict[int, Announced] = field(default_factory=dict)
    recovery: tuple[int, Announced] | None = None

    def person(self, key: str) -> Person | None:
        """Whose key this is or was."""
        return next((person for person in self.people if key in person.keys), None)

    def holds(self, key: str, role: int) -> bool:
        """Whether a key holds a role now."""
        person = self.person(key)
        return person is not None and person.keys[-1] == key and bool(person.roles & role)

    def governing(self, keys: frozenset[str]) -> set[bytes] | None:
        """The institutions these govern for; None if one of them does not govern."""
        if not all(self.holds(key, Role.GOVERNOR) for key in keys):
            return None
        return {person.institution for key in keys if (person := self.person(key))}

    def are_two(self, keys: frozenset[str]) -> bool:
        """Whether these are governors of two institutions."""
        return len(self.governing(keys) or ()) >= 2

    def decide(self, keys: frozenset[str], about: Person) -> bool:
        """Whether these may decide at once about a person."""
        return self.are_two(keys) or (len(keys) == 1 and self.governing(keys) == {about.institution})

    def holds_up(self, now: int) -> bool:
        """Whether a recovery holds other changes up."""
        return self.recovery is not None and now <= self.recovery[1].ready_at + LAPSE_SECONDS

    def announce(self, nonce: int, changes: tuple[Change, ...], by: frozenset[str], now: int) -> None:
        """Governors announce."""
        allow(changes and self.are_two(by))
        self.waiting[nonce] = Announced(changes, by, now, now + self.delay_seconds)

    def announce_recovery(
        self, nonce: int, changes: tuple[Change, ...], by: frozenset[str], now: int
    ) -> None:
        """Recovery signers announce."""
        allow(changes and by <= self.recovery_signers and len(by) >= RECOVERY_THRESHOLD)
        allow(all(kind != 6 for kind, *_ in changes))
        self.recovery = nonce, Announced(changes, by, now, now + 2 * self.delay_seconds)

    def withdraw(self, nonce: int, by: frozenset[str]) -> None:
        """Governors withdraw."""
        allow(nonce in self.waiting and self.are_two(by))
        del self.waiting[nonce]

    def withdraw_recovery(self, by: frozenset[str]) -> None:
        """Recovery signers withdraw."""
        allow(self.recovery and by <= self.recovery_signers and len(by) >= RECOVERY_THRESHOLD)
        self.recovery = None

    def apply(self, nonce: int, now: int) -> None:
        """Anyone applies what governors announced."""
        allow(nonce in self.waiting and not self.holds_up(now))
        announced = self.waiting[nonce]
        people = [person for key in announced.by if (person := self.person(key))]
        allow(all(person.roles & Role.GOVERNOR and person.since <= announced.at for person in people))
        self.make(announced, now)
        del self.waiting[nonce]

    def apply_recovery(self, nonce: int, now: int) -> None:
        """Anyone applies what recovery signers announced."""
        allow(self.recovery and self.recovery[0] == nonce)
        self.make(self.recovery[1], now)
        self.recovery = None

    def make(self, announced: Announced, now: int) -> None:
        """All changes or none."""
        allow(announced.ready_at <= now <= announced.ready_at + LAPSE_SECONDS)
        after = deepcopy(self)
        for change in announced.changes:
            after.change(change, now)
        self.institutions, self.people = after.institutions, after.people
        self.members, self.threshold = after.members, after.threshold

    def suspend(self, key: str, by: frozenset[str]) -> None:
        """Governors suspend at once."""
        person = self.person(key)
        allow(person and person.keys[-1] == key and person.roles and self.decide(by, person))
        person.roles = 0

    def rotate(self, old: str, new: str, by: frozenset[str], now: int) -> None:
        """Both keys and governors rotate at once."""
        person = self.person(old)
        allow(person and not self.holds_up(now))
        allow(self.decide(by, person) or self.are_two(by | {old}))
        self.follow(old, new)

    def follow(self, old: str, new: str) -> None:
        """A new key follows an active one."""
        person = self.person(old)
        allow(person and person.keys[-1] == old and person.roles)
        allow(self.person(new) is None and new not in self.recovery_signers)
        allow(len(person.keys) < LONGEST_CHAIN)
        person.keys.append(new)

    def change(self, change: Change, now: int) -> None:
        """One change."""
        kind, _, institution, who, operand = change
        if kind == 1:
            self.institutions[institution] = operand
        elif kind == 2:
            self.add(institution, who, operand, now)
        elif kind == 3:
            allow(institution in self.institutions and institution not in self.members)
            self.members.add(institution)
        elif kind == 4:
            allow(institution in self.members and 2 <= self.threshold < len(self.members))
            self.members.remove(institution)
        elif kind == 5:
            allow(2 <= operand <= len(self.members))
            self.threshold = operand
        elif kind == 6:
            self.follow(who, to_checksum_address(operand.to_bytes(20)))
        elif person := self.person(who):
            person.roles = 0

    def add(self, institution: bytes, key: str, roles: int, now: int) -> None:
        """A new person, or one who comes back."""
        allow(institution in self.institutions and key not in self.recovery_signers)
        person = self.person(key)
        if person is None:
            self.people.append(Person(institution, roles, now, [key]))
            return
        allow(person.keys[-1] == key and not person.roles and person.institution == institution)
        person.roles, person.since = roles, max(now, person.since) + 1

    def approving(self, approvers: list[str], known_since: int) -> dict[bytes, int]:
        """Members whose supervisors approved, with their kind."""
        people = [person for key in approvers if (person := self.person(key))]
        return {
            person.institution: self.institutions[person.institution]
            for person in people
            if person.roles & Role.SUPERVISOR
            and person.since <= known_since
            and person.institution in self.members
        }
