"""The directory against `reference.Model`: any order of acts, by anyone, at any time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from contracts.terms import Role
from tests.contracts.chain import Reverted
from tests.contracts.directory.network import (
    FOUNDING,
    LAPSE_SECONDS,
    Network,
    agency_two_governor,
    bank_deputy_governor,
    founded,
    recovery_signers,
    rotation,
    successor,
    suspension,
)
from tests.contracts.directory.reference import Model, NotAllowed
from tests.contracts.world import (
    AGENCY_ONE,
    AGENCY_TWO,
    AUDITOR,
    BANK,
    NOBODY,
    QUORUM,
    Change,
    actor,
    agency_one_governor,
    agency_one_supervisor,
    agency_two_supervisor,
    attacker,
    bank_governor,
    bank_supervisor,
    consents,
    member,
    newcomer,
    not_member,
    now,
    signer,
    threshold,
)
from tests.samples import examples

DELAY_SECONDS = 10
PEOPLE = {
    who.address: who
    for who in (
        bank_governor,
        bank_deputy_governor,
        agency_one_governor,
        agency_two_governor,
        bank_supervisor,
        agency_one_supervisor,
        agency_two_supervisor,
        successor,
        newcomer,
        attacker,
        *(actor(f"key {number}") for number in range(3)),
        *recovery_signers,
    )
}
KEYS = st.sampled_from(list(PEOPLE.values()))
INSTITUTIONS = st.sampled_from([BANK, AGENCY_ONE, AGENCY_TWO, AUDITOR])
ROLES = st.sampled_from([Role.GOVERNOR, Role.SUPERVISOR, Role.GOVERNOR | Role.SUPERVISOR])
CHANGES: st.SearchStrategy[list[Change]] = st.lists(
    st.one_of(
        st.builds(signer, KEYS, INSTITUTIONS, ROLES),
        st.builds(rotation, KEYS, KEYS),
        st.builds(suspension, KEYS),
        st.builds(member, INSTITUTIONS),
        st.builds(not_member, INSTITUTIONS),
        st.builds(threshold, st.integers(1, 4)),
    ),
    min_size=1,
    max_size=2,
)
# Nobody in particular, or (None) those who may.
SOME = st.one_of(st.none(), st.none(), st.none(), st.sets(st.sampled_from(sorted(PEOPLE)), max_size=3))
NUMBERS = st.integers(0, 30)
TIMES = st.sampled_from([1, DELAY_SECONDS, 2 * DELAY_SECONDS, 3 * DELAY_SECONDS, LAPSE_SECONDS])


class Governance(RuleBasedStateMachine):
    """Every act goes to both; they must agree about whether it is allowed, and about what follows."""

    def __init__(self) -> None:
        super().__init__()
        self.anchor = boa.env.anchor()
        self.anchor.__enter__()
        self.network = Network(founded(delay_seconds=DELAY_SECONDS))
        self.directory = self.network.directory
        self.model = Model(DELAY_SECONDS, frozenset(who.address for who in recovery_signers))
        self.announced: list[tuple[bytes, list[Change]]] = []
        self.recoveries: list[tuple[bytes, list[Change]]] = []

    @initialize()
    def found(self) -> None:
        """The model's founding."""
        for change in FOUNDING:
            self.model.change(change, now())

    def teardown(self) -> None:
        """Undo everything."""
        self.anchor.__exit__(None, None, None)

    def both(self, expected: Callable[[], None], done: Callable[[], Any]) -> Any:
        """Both do it or both refuse; gives what the chain gave, None if refused."""
        try:
            expected()
        except NotAllowed:
            try:
                done()
            except Reverted:
                return None
            raise AssertionError("the directory allowed what it must refuse") from None
        held = done()
        return held if held is not None else True

    def two(self) -> frozenset[str]:
        """Governors of as many institutions as there are."""
        by_institution = {
            person.institution: person.keys[-1]
            for person in self.model.people
            if person.roles & Role.GOVERNOR
        }
        return frozenset(by_institution.values())

    def who(self, some: set[str] | None, otherwise: frozenset[str]) -> tuple[frozenset[str], list[Any]]:
        """Who signs: addresses and accounts."""
        chosen = otherwise if some is None else frozenset(some)
        return chosen, [PEOPLE[key] for key in chosen]

    @rule(changes=CHANGES, some=SOME)
    def announce(self, changes: list[Change], some: set[str] | None) -> None:
        """Governors announce."""
        by, people = self.who(some, self.two())
        nonce = len(self.announced)
        change_id = self.both(
            lambda: self.model.announce(nonce, tuple(changes), by, now()),
            lambda: self.network.announce(changes, people),
        )
        if change_id is not None:
            self.announced.append((change_id, changes))

    @rule(number=NUMBERS)
    def apply(self, number: int) -> None:
        """Anyone applies something announced lately."""
        if self.announced:
            nonce = max(len(self.announced) - 1 - number, 0)
            self.both(
                lambda: self.model.apply(nonce, now()),
                lambda: self.directory.apply(self.announced[nonce][1], nonce),
            )

    @rule(changes=CHANGES, some=SOME)
    def change(self, changes: list[Change], some: set[str] | None) -> None:
        """Governors announce, time passes, anyone applies."""
        self.announce(changes, some)
        self.wait(DELAY_SECONDS)
        self.apply(0)

    @rule(number=NUMBERS, some=SOME)
    def withdraw(self, number: int, some: set[str] | None) -> None:
        """Governors withdraw something announced lately."""
        if self.announced:
            nonce = max(len(self.announced) - 1 - number, 0)
            by, people = self.who(some, self.two())
            self.both(
                lambda: self.model.withdraw(nonce, by),
                lambda: self.network.withdraw(self.announced[nonce][0], people),
            )

    @rule(changes=CHANGES, some=SOME)
    def announce_recovery(self, changes: list[Change], some: set[str] | None) -> None:
        """Recovery signers announce."""
        by, people = self.who(some, frozenset(who.address for who in recovery_signers[1:]))
        nonce = len(self.recoveries)
        recovery_id = self.both(
            lambda: self.model.announce_recovery(nonce, tuple(changes), by, now()),
            lambda: self.network.announce_recovery(changes, people),
        )
        if recovery_id is not None:
            self.recoveries.append((recovery_id, changes))

    @rule(number=st.integers(0, 2))
    def apply_recovery(self, number: int) -> None:
        """Anyone applies one of the last recoveries."""
        if self.recoveries:
            nonce = max(len(self.recoveries) - 1 - number, 0)
            self.both(
                lambda: self.model.apply_recovery(nonce, now()),
                lambda: self.directory.apply_recovery(self.recoveries[nonce][1], nonce),
            )

    @rule(changes=CHANGES)
    def recover(self, changes: list[Change]) -> None:
        """Recovery signers announce, time passes, anyone applies."""
        self.announce_recovery(changes, None)
        self.wait(2 * DELAY_SECONDS)
        self.apply_recovery(0)

    @rule(number=NUMBERS)
    def bring_back(self, number: int) -> None:
        """Recovery signers make a suspended signer a governor."""
        suspended = [person for person in self.model.people if not person.roles]
        if suspended:
            person = suspended[number % len(suspended)]
            self.recover([signer(PEOPLE[person.keys[-1]], person.institution, Role.GOVERNOR)])

    @rule(some=SOME)
    def withdraw_recovery(self, some: set[str] | None) -> None:
        """Recovery signers withdraw the last recovery."""
        if self.recoveries:
            by, people = self.who(some, frozenset(who.address for who in recovery_signers[:2]))
            self.both(
                lambda: self.model.withdraw_recovery(by),
                lambda: self.network.withdraw(self.recoveries[-1][0], people),
            )

    @rule(who=KEYS, some=SOME)
    def suspend(self, who: Any, some: set[str] | None) -> None:
        """Governors suspend."""
        by, people = self.who(some, self.two())
        given = consents(people, "Suspension", self.directory, **self.network.suspension_of(who))
        self.both(
            lambda: self.model.suspend(who.address, by),
            lambda: self.directory.suspend(who.address, given),
        )

    @rule(old=KEYS, new=KEYS, some=SOME)
    def rotate(self, old: Any, new: Any, some: set[str] | None) -> None:
        """Both keys and governors rotate."""
        by, _ = self.who(some, self.two())
        by -= {old.address, new.address}
        people = {PEOPLE[key] for key in by} | {old, new}
        given = consents(people, "Rotation", self.directory, **self.network.rotation_of(old, new))
        self.both(
            lambda: self.model.rotate(old.address, new.address, by, now()),
            lambda: self.directory.rotate(old.address, new.address, given),
        )

    @rule(number=NUMBERS)
    def follow(self, number: int) -> None:
        """An active signer takes a key that nobody has."""
        active = [
            person.keys[-1] for person in self.model.people if person.roles and person.keys[-1] in PEOPLE
        ]
        fresh = [key for key in PEOPLE if not self.model.person(key)]
        if active:
            self.rotate(PEOPLE[active[number % len(active)]], PEOPLE[fresh[0]], None)

    @rule(seconds=TIMES)
    def wait(self, seconds: int) -> None:
        """Time passes."""
        boa.env.timestamp += seconds

    @invariant()
    def signers_agree(self) -> None:
        """Every key is whose the model says, with its roles, start and successor."""
        for key in PEOPLE:
            held, person = self.directory.signer(key), self.model.person(key)
            assert self.directory.latest(key) == (key if person is None else person.keys[-1])
            if person is None:
                assert (held.roles, held.since, held.successor) == (0, 0, NOBODY)
                continue
            place = person.keys.index(key)
            following = person.keys[place + 1 :]
            assert held.institution == person.institution
            assert held.roles == (0 if following else person.roles)
            assert held.successor == (following[0] if following else NOBODY)
            if not following:
                assert held.since == person.since

    @invariant()
    def quorum_agrees(self) -> None:
        """Nobody reaches the quorum alone, and somebody reaches it."""
        directory, model = self.directory, self.model
        assert directory.quorum_size(QUORUM) == len(model.members)
        assert directory.quorum_threshold(QUORUM) == model.threshold
        assert 2 <= model.threshold <= len(model.members)

    @invariant()
    def approvals_agree(self) -> None:
        """Each institution counts once, by what its people are now."""
        for known_since in (now(), now() - DELAY_SECONDS):
            approving = self.model.approving(list(PEOPLE), known_since)
            expected = sum(1 + (1 << 32 * kind) for kind in approving.values())
            assert self.directory.count_approvals(QUORUM, list(PEOPLE), known_since) == expected
            current = [key for key in PEOPLE if self.model.holds(key, Role.SUPERVISOR)]
            expected = len(self.model.approving(current, known_since))
            assert self.directory.count_institutions(QUORUM, list(PEOPLE), known_since) == expected

    @invariant()
    def a_recovery_holds_everything_else_up(self) -> None:
        """The directory knows which recovery waits."""
        pending = self.directory.pending_recovery()
        held_up = self.model.holds_up(now())
        assert pending == (self.recoveries[self.model.recovery[0]][0] if held_up else bytes(32))


def test_nobody_gains_a_role_out_of_turn() -> None:
    run_state_machine_as_test(
        Governance, settings=settings(max_examples=examples(15), stateful_step_count=30, deadline=None)
    )
