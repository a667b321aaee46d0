"""What the Ledger should do, one cent at a time: the oracle of the stateful test.

Every cent is a value `(lot, serial)`. A line is the list of cents ever laid on it and how many have left its
front. No counters, no logs, no interval arithmetic: what the contract derives is here simply kept.
"""

from dataclasses import dataclass, field

Cent = tuple[str, int]
Line = tuple[str, str]


class NotAllowed(Exception):
    """The model refuses; the contract must too."""


def allow(condition: bool, why: str) -> None:
    """Refuse unless the condition holds."""
    if not condition:
        raise NotAllowed(why)


@dataclass
class Queue:
    """One line: every cent it ever held, in order, and how many have left."""

    cents: list[Cent] = field(default_factory=list)
    left: int = 0

    @property
    def resting(self) -> list[Cent]:
        """The cents that are there now."""
        return self.cents[self.left :]

    def take(self, amount: int) -> list[Cent]:
        """Cents off the front."""
        allow(0 < amount <= len(self.resting), "not enough money")
        taken = self.resting[:amount]
        self.left += amount
        return taken


@dataclass
class Payout:
    """One batch: whose cents each row carries, and what became of the rows."""

    source: Line
    rows: list[list[Cent]]
    cursor: int = 0
    end: int = 0
    gone: set[int] = field(default_factory=set)
    settled: bool = False

    @property
    def flying(self) -> list[Cent]:
        """Cents executed and not gone back."""
        return [cent for row in range(self.cursor) if row not in self.gone for cent in self.rows[row]]


@dataclass
class Model:
    """One tree."""

    lines: dict[Line, Queue] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    minted: int = 0
    settled: int = 0
    returned_late: int = 0
    written_off: int = 0

    def line(self, line: Line) -> Queue:
        """A line; empty when nothing ever reached it."""
        return self.lines.setdefault(line, Queue())

    def use(self, reference: str) -> None:
        """Use up a bank reference."""
        allow(reference not in self.used, "reference used")
        self.used.add(reference)

    def mint(self, reference: str, amount: int) -> None:
        """A credit becomes a lot on its own line."""
        self.use(reference)
        self.line(("lot", reference)).cents = [(reference, serial) for serial in range(amount)]
        self.minted += amount

    def move(self, source: Line, destination: Line, amount: int) -> None:
        """Cents from one front to another end: identify, transfer, write off."""
        allow(source != destination, "same line")
        self.line(destination).cents += self.line(source).take(amount)

    def write_off(self, source: Line, amount: int, reference: str) -> None:
        """The bank took a charge."""
        allow(reference not in self.used, "reference used")
        self.move(source, ("written off", ""), amount)
        self.used.add(reference)
        self.written_off += amount

    def reserve(self, batch: str, source: Line, amounts: list[int]) -> None:
        """Set rows aside."""
        cents = self.line(source).take(sum(amounts))
        rows = []
        for amount in amounts:
            rows.append(cents[:amount])
            cents = cents[amount:]
        self.payouts[batch] = Payout(source, rows, end=len(rows))

    def execute(self, batch: str, number: int, refused: set[int]) -> None:
        """Send the next rows to the bank, but for those refused."""
        held = self.payouts[batch]
        allow(held.cursor < held.end, "batch has ended")
        first, held.cursor = held.cursor, min(held.cursor + number, held.end)
        for row in range(first, held.cursor):
            if row - first in refused:
                held.gone.add(row)
                self.line(held.source).cents += held.rows[row]

    def release(self, batch: str) -> None:
        """Give the tail back."""
        held = self.payouts[batch]
        allow(held.cursor < held.end, "batch has ended")
        for row in held.rows[held.cursor :]:
            self.line(held.source).cents += row
        held.end = held.cursor

    def give_back(self, batch: str, row: int, reference: str | None) -> None:
        """The bank returns a row."""
        held = self.payouts[batch]
        allow(row < held.cursor, "row not executed")
        allow(row not in held.gone, "row is gone")
        allow(reference is not None or not held.settled, "a settled row returns only by a credit")
        if reference is not None:
            self.use(reference)
        held.gone.add(row)
        if held.settled:
            self.returned_late += len(held.rows[row])
        self.line(held.source).cents += held.rows[row]

    def settle(self, batch: str) -> None:
        """The bank has answered every row."""
        held = self.payouts[batch]
        allow(0 < held.end == held.cursor, "batch has not ended")
        allow(not held.settled, "batch is settled")
        held.settled = True
        self.settled += len(held.flying)

    @property
    def in_flight(self) -> int:
        """Cents between the chain and the bank's answer."""
        return sum(len(held.flying) for held in self.payouts.values() if not held.settled)

    @property
    def reserved(self) -> int:
        """Cents set aside and not executed."""
        return sum(len(row) for held in self.payouts.values() for row in held.rows[held.cursor : held.end])
