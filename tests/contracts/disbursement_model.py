"""What a disbursement does, in plain Python: clauses, people and cents together.

What clauses say is `guard_model`'s, where cents are is `reference`'s: both from what the design means.
Here is who may act, under which terms a batch stands, and what went back to which counter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from eth_account.signers.local import LocalAccount

from contracts.terms import Guard, Kind
from tests.contracts import guard_model, reference
from tests.contracts.guard_model import Said, window
from tests.contracts.reference import NotAllowed, allow

TREE_NAME = "tree"


@dataclass
class Person:
    """A supervisor: the keys it had, the last of which counts, and since when it is one."""

    institution: bytes
    kind: int
    keys: list[LocalAccount]
    since: int
    active: bool = True

    @property
    def key(self) -> LocalAccount:
        """The key that counts."""
        return self.keys[-1]


@dataclass
class Payment(guard_model.Batch):
    """A reserved batch, under some version of the terms."""

    name: str = ""
    version: int = 0
    deadline: int = 0
    approved_with: dict[str, LocalAccount] = field(default_factory=dict)
    gone: int = 0
    """What went back, minor units."""
    restored: int = 0
    given_to_payees: set[int] = field(default_factory=set)


@dataclass
class Clauses(guard_model.Model):
    """Clauses whose approvals stand or fall with the people who gave them."""

    people: dict[str, Person] = field(default_factory=dict)

    def stands(self, who: str, batch: guard_model.Batch) -> bool:
        """Whether somebody is a supervisor and has been one since before the batch."""
        person = self.people[who]
        return person.active and person.since <= batch.reserved_at

    def _approvals(self, guard: Guard, batch: guard_model.Batch) -> tuple[bool, int, int]:
        standing = {who: at for who, at in batch.approvals.items() if self.stands(who, batch)}
        return super()._approvals(guard, replace(batch, approvals=standing))


@dataclass
class Disbursement:
    """One agreement on one tree, with all its money."""

    clauses: Clauses
    money: reference.Model
    classes: dict[bytes, str]
    payments: list[Payment] = field(default_factory=list)
    version: int = 1
    is_retired: bool = False
    highest: Counter[int] = field(default_factory=Counter)
    """Of each cap, the highest limit that any terms gave it."""
    over: Counter[tuple[int, ...]] = field(default_factory=Counter)
    """What each cap counted of batches and rows whose clause was waived: guard, window, payee."""

    def __post_init__(self) -> None:
        self._note_limits()

    def _note_limits(self) -> None:
        for number, guard in enumerate(self.clauses.guards):
            self.highest[number] = max(self.highest[number], guard.a)

    # People

    def agree(self, by: Iterable[LocalAccount], now: int, needed: int = 2) -> None:
        """Whether supervisors of so many institutions sign."""
        keys = {key.address for key in by}
        institutions = {
            person.institution
            for person in self.clauses.people.values()
            if person.active and person.since <= now and person.key.address in keys
        }
        allow(len(institutions) >= needed, "quorum not reached")

    def approve(self, batch: Payment, who: str, key: LocalAccount, now: int) -> None:
        """A supervisor approves."""
        self.is_open(batch)
        allow(now <= batch.deadline, "approval expired")
        allow(who in self.clauses.people, "a stranger")
        allow(self.clauses.stands(who, batch), "no supervisor, or newer than the batch")
        allow(key is self.clauses.people[who].key, "a key of old")
        allow(who not in batch.approvals, "approved already")
        batch.approvals[who] = now
        batch.approved_with[who] = key

    def revoke(self, batch: Payment, who: str, key: LocalAccount) -> None:
        """Who approved takes it back, by that key or by the one that counts now."""
        allow(who in batch.approvals and who not in batch.revoked, "nothing to revoke")
        allow(key in (batch.approved_with[who], self.clauses.people[who].key), "another key")
        batch.revoked.add(who)

    def countersign(self, batch: Payment, party: bytes | None) -> None:
        """An operator of the institution that the terms name countersigns."""
        self.is_open(batch)
        asked = {guard.party for guard in self.clauses.guards if guard.kind == Kind.COUNTERSIGN}
        allow(party in asked and party not in batch.countersigned, "not asked, or given")
        assert party is not None
        batch.countersigned.add(party)

    def attest(self, batch: Payment, witness: str, at: int) -> None:
        """A witness says what it observed."""
        self.is_open(batch)
        allow(at > batch.observed.get(witness, -1), "observed later already")
        batch.observed[witness] = at

    # Terms

    def is_open(self, batch: Payment) -> None:
        """Whether a batch has not ended and is under the terms in force."""
        held = self.money.payouts[batch.name]
        allow(held.cursor < held.end, "batch has ended")
        allow(batch.version == self.version, "terms changed")

    def adopt(self, guards: tuple[Guard, ...]) -> None:
        """Other terms; what caps have counted stays."""
        allow(not self.is_retired, "retired")
        self.clauses.guards = guards
        self.version += 1
        self._note_limits()

    def _waived(self, batch: Payment, now: int) -> set[int]:
        return {clause for clause, until in batch.waivers.items() if until >= now}

    # Batches

    def reserve(self, batch: Payment, now: int) -> None:
        """Count a batch against the caps and set its money aside."""
        before = dict(self.clauses.consumed)
        self.clauses.reserve(batch, now)
        try:
            allow(not self.is_retired, "retired")
            allow(batch.name not in self.money.payouts, "batch exists")
            allow(batch.deadline > now, "deadline passed")
            self.money.starts(TREE_NAME)
            amounts = [amount for _, amount in batch.rows]
            line = ("account", TREE_NAME, self.classes.get(batch.dye_class, "no such line"))
            self.money.reserve(batch.name, TREE_NAME, line, amounts)
        except NotAllowed:
            self.clauses.consumed = before
            raise
        self.payments.append(batch)
        for number in batch.counted:
            guard = self.clauses.guards[number]
            if guard.clause in self._waived(batch, now):
                self.over[number, window(guard, now)] += batch.total

    def execute(
        self, batch: Payment, first: int, number: int, now: int, skip: bool
    ) -> list[tuple[int, Said]]:
        """Execute a chunk; gives the rows that were refused. What cannot start at all is `NotAllowed`."""
        self.is_open(batch)
        held = self.money.payouts[batch.name]
        allow(first == held.cursor, "out of order")
        allow(not self.is_retired, "retired")
        allow(now <= batch.deadline, "deadline passed")
        self.money.starts(TREE_NAME)
        refused = self.clauses.execute(batch, first + number, now, skip)
        rows = {row - first for row, _ in refused}
        self.money.execute(batch.name, number, rows)
        batch.gone += sum(batch.rows[row][1] for row, _ in refused)
        for place, guard in enumerate(self.clauses.guards):
            if guard.kind == Kind.PAYEE_CAP and guard.clause in self._waived(batch, now):
                for row in set(range(first, first + number)) - batch.skipped:
                    payee, amount = batch.rows[row]
                    self.over[place, window(guard, now), payee] += amount
        return refused

    def release(self, batch: Payment) -> int:
        """Give the tail back; gives its amount."""
        held = self.money.payouts[batch.name]
        allow(held.cursor < held.end, "batch has ended")
        amount = sum(amount for _, amount in batch.rows[held.cursor :])
        self.money.release(batch.name)
        batch.gone += amount
        return amount

    def cancel(self, batch: Payment, is_operator: bool) -> int:
        """Give the tail back and all that went back to the caps; gives the tail's amount."""
        allow(is_operator or batch.version != self.version, "not an operator")
        amount = self.release(batch)
        self.restore(batch)
        return amount

    def give_back(self, batch: Payment, row: int, amount: int, credit: str | None) -> int:
        """The bank returns a row, by a credit of just so much or as a reject; gives what came back."""
        held = self.money.payouts[batch.name]
        allow(row < held.cursor, "row not executed")
        back = amount or batch.rows[row][1] - held.back.get(row, 0)
        self.money.give_back(batch.name, row, amount, credit, back if credit else 0)
        batch.gone += back
        return back

    def restore(self, batch: Payment) -> int:
        """What went back goes back to the caps; gives what is new of it."""
        given = batch.gone - batch.restored
        self.clauses.give_back(batch, given)
        batch.restored += given
        return given

    def restore_payee(self, batch: Payment, row: int) -> None:
        """A row that is back in whole goes back to its payee's caps, once."""
        back = self.money.payouts[batch.name].back.get(row, 0)
        allow(row < len(batch.rows) and back == batch.rows[row][1], "row is not back")
        allow(row not in batch.skipped | batch.given_to_payees, "row is not counted")
        batch.given_to_payees.add(row)
        self.clauses.unpay(batch, row)

    # What must hold

    def counters_follow_from_the_batches(self) -> None:
        """Counters are what batches and rows add up to, within the highest limit but for what was waived."""
        expected: Counter[tuple[int, ...]] = Counter()
        for batch in self.payments:
            for number in batch.counted:
                key = (number, window(self.clauses.guards[number], batch.reserved_at))
                expected[key] += batch.total - batch.restored
            for row in batch.executed_at.keys() - batch.skipped - batch.given_to_payees:
                payee, amount = batch.rows[row]
                for number, guard in enumerate(self.clauses.guards):
                    if guard.kind == Kind.PAYEE_CAP:
                        expected[number, window(guard, batch.executed_at[row]), payee] += amount
        held = Counter(self.clauses.consumed) + Counter(self.clauses.paid)
        assert held == +expected
        for counted, used in held.items():
            assert used <= self.highest[counted[0]] + self.over[counted]
