"""What allocations do, in plain Python: by what happened to the money of accounts, not by counters of lines.

Money is minor units, time unix seconds. A guard refuses by `guard_model.Refusal`, all else by `NotAllowed`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from contracts.terms import Guard, Kind, Rule, RuleMode
from tests.contracts.guard_model import CODES, Clause, Refusal, is_in_time, window
from tests.contracts.reference import NotAllowed, allow

__all__ = ["Level", "NotAllowed", "Place", "Tree"]

WHOLE = 10_000
NO_LIMIT = 2**256 - 1
COUNTED = (Kind.WINDOW_CAP, Kind.LIFETIME_CAP)


@dataclass
class Place:
    """An account and what became of its one line."""

    parent: bytes | None
    balance: int = 0
    arrived: int = 0
    """What came for the first time."""
    came_back: int = 0
    """What had left and came back, or was swept here."""
    frozen: bool = False
    closed: bool = False


@dataclass
class Level:
    """One allocation: its account, what it was made with, and what it keeps."""

    account: bytes
    rules: Sequence[Rule]
    guards: Sequence[Guard]
    destinations: Sequence[bytes]
    is_retired: bool = False
    owed: Counter[int] = field(default_factory=Counter)
    """What caps kept back of each share."""
    missing: int = 0
    """What left before it was shared, and may come back."""
    seen_arrived: int = 0
    seen_back: int = 0
    shared: int = 0
    """What was ever divided."""
    consumed: Counter[tuple[int, int]] = field(default_factory=Counter)
    references: set[bytes] = field(default_factory=set)
    moves: list[tuple[int, int]] = field(default_factory=list)
    """Time and amount of all that it moved."""

    @property
    def clauses(self) -> list[Clause]:
        """Guards with their numbers, by clause."""
        return [list(clause) for _, clause in groupby(enumerate(self.guards), lambda item: item[1].clause)]

    def left(self, number: int, now: int) -> int:
        """The most that a guard lets through at once."""
        guard = self.guards[number]
        if guard.kind == Kind.PAYOUT_CAP:
            return guard.a
        if guard.kind in COUNTED:
            return max(guard.a - self.consumed[number, window(guard, now)], 0)
        return NO_LIMIT if is_in_time(guard, now) else 0

    def room(self, now: int) -> int:
        """The most that all clauses let through at once; refuses while one is shut."""
        rooms = []
        for clause in self.clauses:
            rooms.append(max(self.left(number, now) for number, _ in clause))
            if rooms[-1] == 0 and clause[-1][1].kind not in COUNTED:
                self._refuse(clause, 0, now)
        return min(rooms)

    def count(self, amount: int, now: int) -> None:
        """Count an amount once a clause, by the first guard that has room."""
        chosen = []
        for clause in self.clauses:
            fitting = [number for number, _ in clause if amount <= self.left(number, now)]
            if not fitting:
                self._refuse(clause, amount, now)
            chosen.append(fitting[0])
        for number in chosen:
            if self.guards[number].kind in COUNTED:
                self.consumed[number, window(self.guards[number], now)] += amount

    def _refuse(self, clause: Clause, amount: int, now: int) -> None:
        number, guard = clause[-1]
        limit, observed = guard.a, amount
        if guard.kind in COUNTED:
            observed += self.consumed[number, window(guard, now)]
        elif guard.kind == Kind.TIME_WINDOW:
            limit, observed = (guard.a if now < guard.a else guard.b), now
        raise Refusal((guard.clause, number, CODES[guard.kind], limit, observed))


@dataclass
class Tree:
    """Accounts of one tree and the allocations on them."""

    places: dict[bytes, Place]
    levels: list[Level]
    minted: int = 0
    away: int = 0
    """What is reserved, or in flight to the bank."""

    # Money

    def fund(self, account: bytes, amount: int) -> None:
        """A credit of the bank."""
        allow(not self.places[account].closed, "account closed")
        self._arrive(account, amount)
        self.minted += amount

    def _arrive(self, account: bytes, amount: int) -> None:
        self.places[account].balance += amount
        self.places[account].arrived += amount

    def spend(self, account: bytes, amount: int) -> None:
        """A batch is reserved."""
        place = self.places[account]
        allow(not place.frozen, "account frozen")
        allow(amount <= place.balance, "not enough money")
        place.balance -= amount
        self.away += amount

    def come_back(self, account: bytes, amount: int) -> None:
        """What was spent comes back, whatever state the account is in."""
        self.places[account].balance += amount
        self.places[account].came_back += amount
        self.away -= amount

    def sweep(self, account: bytes) -> None:
        """What is left on a closed account goes to the one above: no inflow there."""
        place = self.places[account]
        allow(place.closed and not place.frozen, "account open or frozen")
        allow(place.balance > 0 and place.parent is not None, "nothing to sweep")
        assert place.parent is not None
        above = self.places[place.parent]
        above.balance += place.balance
        above.came_back += place.balance
        place.balance = 0

    # Accounts

    def is_below(self, account: bytes, above: bytes) -> bool:
        """Whether an account is anywhere below another."""
        parent = self.places[account].parent
        return parent is not None and (parent == above or self.is_below(parent, above))

    def move_account(self, account: bytes, parent: bytes) -> None:
        """Put an account under another."""
        allow(not self.places[account].closed and not self.places[parent].closed, "account closed")
        allow(account != parent and not self.is_below(parent, account), "below itself")
        self.places[account].parent = parent

    def close(self, account: bytes) -> None:
        """Close an account that no agreement draws on."""
        allow(not self.places[account].closed, "account closed")
        allow(all(level.account != account or level.is_retired for level in self.levels), "drawn on")
        self.places[account].closed = True

    # Allocations

    def _move(self, level: Level, destination: bytes, amount: int, now: int) -> None:
        source = self.places[level.account]
        level.count(amount, now)
        allow(not level.is_retired and not source.frozen and not source.closed, "starts nothing")
        allow(not self.places[destination].closed, "account closed")
        allow(amount <= source.balance, "not enough money")
        source.balance -= amount
        self._arrive(destination, amount)
        level.moves.append((now, amount))

    def allocate(self, level: Level, destination: bytes, amount: int, reference: bytes, now: int) -> None:
        """An operator's order."""
        allow(reference not in level.references, "repeated")
        allow(amount > 0, "zero amount")
        allow(destination in level.destinations, "not a destination")
        self._move(level, destination, amount, now)
        level.references.add(reference)

    def fresh(self, level: Level) -> int:
        """What is there to be shared: all that never was, less what is not back or kept for others."""
        place = self.places[level.account]
        back = place.came_back - level.seen_back
        never_shared = place.arrived - level.seen_arrived + level.missing
        still_missing = max(level.missing - back, 0)
        return min(max(place.balance - level.owed.total(), 0), never_shared - still_missing)

    def clear(self, level: Level, now: int) -> list[tuple[bytes, int]]:
        """Move what the rules say; gives what went where."""
        place = self.places[level.account]
        never_shared = place.arrived - level.seen_arrived + level.missing
        fresh, before, freed = self.fresh(level), 0, 0
        seen = (place.arrived, place.came_back)
        moved = []
        for number, rule in enumerate(level.rules):
            free = max(place.balance - level.owed.total(), 0)
            due = level.owed[number]
            wanted = free
            if rule.mode == RuleMode.TOP_UP:
                wanted = min(free, max(rule.amount - self.places[rule.destination].balance, 0))
            elif rule.mode == RuleMode.SHARE:
                after = before + rule.amount
                part = fresh * after // WHOLE - fresh * before // WHOLE
                before, wanted = after, due + min(free, part)
            amount = 0
            held = self.places[rule.destination]
            if wanted and held.closed:
                wanted, freed = 0, freed + due
            elif wanted and self.is_below(rule.destination, level.account):
                amount = min(wanted, place.balance, level.room(now))
            if amount:
                self._move(level, rule.destination, amount, now)
                moved.append((rule.destination, amount))
            if rule.mode == RuleMode.SHARE:
                level.owed[number] = wanted - amount
        allow(bool(moved) or freed > 0, "nothing to clear")
        level.seen_arrived, level.seen_back = seen
        level.missing = never_shared - fresh
        level.shared += fresh
        return moved
