"""What the Ledger should do, one cent at a time: the oracle of the stateful test.

Every cent is a value `(lot, serial)`. A line is the list of cents ever laid on it and how many have left its
front. No counters, no logs, no interval arithmetic: what the contract derives is here simply kept.
"""

from dataclasses import dataclass, field

Cent = tuple[str, int]
Line = tuple[str, ...]

REVERSED: Line = ("reversed",)
WRITTEN_OFF: Line = ("written off",)


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
    arrived: int = 0
    """How many were there for the first time, as far as this line can tell: not what came back."""

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

    account: str
    source: Line
    rows: list[list[Cent]]
    cursor: int = 0
    end: int = 0
    back: dict[int, int] = field(default_factory=dict)
    """Cents of a row that went back, off its front."""
    settled: bool = False
    late: int = 0

    @property
    def flying(self) -> list[Cent]:
        """Cents executed and not gone back."""
        return [cent for row in range(self.cursor) for cent in self.rows[row][self.back.get(row, 0) :]]


@dataclass
class ReturnSet:
    """A credit that brought money of rows back."""

    opened: int
    drawn: int = 0
    closed: bool = False


@dataclass
class Holder:
    """An account."""

    parent: str | None
    frozen: bool = False
    closed: bool = False


@dataclass
class Model:
    """One tree."""

    accounts: dict[str, Holder] = field(default_factory=dict)
    lines: dict[Line, Queue] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    lots: dict[str, int] = field(default_factory=dict)
    sets: dict[str, ReturnSet] = field(default_factory=dict)
    claimed: dict[str, int] = field(default_factory=dict)
    recovered: dict[str, int] = field(default_factory=dict)
    homes: dict[Line, Line | None] = field(default_factory=dict)
    """Custody line -> the account's line its money goes back to."""
    owners: dict[Line, str] = field(default_factory=dict)
    attested: int = 0
    brought: int = 0
    shortfall: int = 0
    minted: int = 0
    settled: int = 0
    returned_late: int = 0
    reversed: int = 0
    written_off: int = 0

    def line(self, line: Line) -> Queue:
        """A line; empty when nothing ever reached it."""
        return self.lines.setdefault(line, Queue())

    @property
    def held(self) -> int:
        """Cents that rest and are not executed."""
        sinks = (REVERSED, WRITTEN_OFF)
        return self.reserved + sum(len(q.resting) for line, q in self.lines.items() if line not in sinks)

    def starts(self, account: str) -> None:
        """Whether an account's money may start anything."""
        allow(not self.accounts[account].closed, "account closed")
        allow(not self.accounts[account].frozen, "account frozen")
        allow(self.shortfall == 0, "shortfall")

    def receives(self, account: str) -> None:
        """Whether money may arrive on an account."""
        allow(not self.accounts[account].closed, "account closed")

    # Credits

    def mint(self, reference: str, amount: int, destination: tuple[str, str] | None) -> None:
        """A credit brings a lot."""
        self.lay_lot(reference, amount, destination)
        self.bring(amount)

    def lay_lot(self, reference: str, amount: int, destination: tuple[str, str] | None) -> None:
        """A lot lies on its own line, and goes on from there if somebody is named."""
        allow(reference not in self.used, "reference used")
        if destination:
            self.receives(destination[0])
        self.used.add(reference)
        self.lots[reference] = amount
        self.line(("lot", reference)).cents = [(reference, serial) for serial in range(amount)]
        self.minted += amount
        if destination:
            self.arrive(("lot", reference), ("account", *destination), amount)

    def bring(self, amount: int) -> None:
        """A credit of the bank brings money, minted or opened to be returned."""
        allow(self.brought + amount <= self.attested, "more than is attested")
        self.brought += amount

    def void(self, reference: str) -> None:
        """The bank took a credit back before it was minted."""
        allow(reference not in self.used, "reference used")
        self.used.add(reference)

    def reverse(self, reference: str, amount: int) -> None:
        """The bank took money of a credit back."""
        held = self.sets.get(reference)
        opened = self.lots.get(reference, 0)
        if held:
            opened = held.drawn if held.closed else held.opened
        allow(0 < self.claimed.get(reference, 0) + amount <= opened, "more than the credit")
        allow(self.shortfall + amount <= self.brought, "more than was brought")
        self.claimed[reference] = self.claimed.get(reference, 0) + amount
        self.shortfall += amount

    def record_shortfall(self, amount: int, reference: str) -> None:
        """The bank took money for which nothing stands here."""
        allow(reference not in self.used, "reference used")
        allow(self.shortfall + amount <= self.brought, "more than was brought")
        self.used.add(reference)
        self.shortfall += amount

    # Movements

    def move(self, source: Line, destination: Line, amount: int) -> None:
        """Cents from one front to another end."""
        allow(source != destination, "same line")
        self.line(destination).cents += self.line(source).take(amount)

    def arrive(self, source: Line, destination: Line, amount: int) -> None:
        """Cents from one front to the end of a line they were not on before."""
        self.move(source, destination, amount)
        self.line(destination).arrived += amount

    def identify(self, lot: str, account: str, dye_class: str, amount: int) -> None:
        """Two tellers say whose it is."""
        allow(lot in self.lots, "unknown lot")
        self.receives(account)
        self.arrive(("lot", lot), ("account", account, dye_class), amount)

    def transfer(self, source: str, destination: str, dye_class: str, amount: int, back: bool) -> None:
        """An agreement moves money, maybe back to where it came from."""
        self.starts(source)
        self.receives(destination)
        lay = self.move if back else self.arrive
        lay(("account", source, dye_class), ("account", destination, dye_class), amount)

    def sweep(self, account: str, dye_class: str) -> None:
        """What is on a closed account goes to its parent."""
        held = self.accounts[account]
        allow(held.closed and not held.frozen, "account open or frozen")
        line: Line = ("account", account, dye_class)
        self.move(line, ("account", held.parent or "", dye_class), len(self.line(line).resting))

    def write_off(self, source: Line, amount: int, reference: str) -> None:
        """The bank took a charge."""
        allow(reference not in self.used, "reference used")
        self.move(source, WRITTEN_OFF, amount)
        self.used.add(reference)
        self.written_off += amount

    def make_good(self, source: Line, amount: int) -> None:
        """Money of a line stands in for what is missing."""
        allow(amount <= self.shortfall, "more than the shortfall")
        self.move(source, REVERSED, amount)
        self.reversed += amount
        self.shortfall -= amount

    def sort(self, account: str, dye_class: str, to_class: str, amount: int) -> None:
        """Frozen money gets another class."""
        allow(self.accounts[account].frozen, "account not frozen")
        self.arrive(("account", account, dye_class), ("account", account, to_class), amount)

    # Custody

    def open_custody(self, custody: Line, home: Line | None, owner: str) -> None:
        """A line for money taken into custody."""
        self.homes[custody] = home
        self.owners[custody] = owner

    def carve(self, line: Line, pieces: list[tuple[int, int]], destination: Line) -> int:
        """Pieces leave for another line; the rest lies down again behind the line's end, in order."""
        queue = self.line(line)
        end, at = len(queue.cents), queue.left
        allow(bool(pieces), "no pieces")
        for start, stop in pieces:
            allow(at <= start < stop <= end, "piece out of place")
            at = stop
        chosen = {position for start, stop in pieces for position in range(start, stop)}
        self.line(destination).cents += [queue.cents[at] for at in sorted(chosen)]
        rest = [queue.cents[at] for at in range(queue.left, end) if at not in chosen]
        queue.left = end
        queue.cents += rest
        return len(chosen)

    def recover(self, line: Line, pieces: list[tuple[int, int]], reference: str) -> None:
        """Images of a reversed credit are carved."""
        amount = sum(stop - start for start, stop in pieces)
        left = self.claimed.get(reference, 0) - self.recovered.get(reference, 0)
        allow(amount <= min(left, self.shortfall), "more than was reversed")
        self.carve(line, pieces, REVERSED)
        self.recovered[reference] = self.recovered.get(reference, 0) + amount
        self.reversed += amount
        self.shortfall -= amount

    def freeze_lot(self, lot: str, custody: Line) -> None:
        """What is in suspense of a lot goes into custody."""
        allow(lot in self.lots, "unknown lot")
        line: Line = ("lot", lot)
        self.move(line, custody, len(self.line(line).resting))
        self.open_custody(custody, None, "tree")

    def thaw(self, custody: Line, account: str, dye_class: str, amount: int) -> None:
        """Money in custody goes home; a lot's goes to an account for the first time."""
        allow(custody in self.homes, "unknown custody")
        home = self.homes[custody]
        destination: Line = ("account", account, dye_class)
        if home is None:
            self.receives(account)
            self.arrive(custody, destination, amount)
        else:
            allow(home == destination, "not where it was carved from")
            self.move(custody, destination, amount)

    # Batches

    def reserve(self, batch: str, account: str, source: Line, amounts: list[int]) -> None:
        """Set rows aside."""
        cents = self.line(source).take(sum(amounts))
        rows = []
        for amount in amounts:
            rows.append(cents[:amount])
            cents = cents[amount:]
        self.payouts[batch] = Payout(account, source, rows, end=len(rows))

    def execute(self, batch: str, number: int, refused: set[int]) -> None:
        """Send the next rows to the bank, but for those refused."""
        held = self.payouts[batch]
        allow(held.cursor < held.end, "batch has ended")
        first, held.cursor = held.cursor, min(held.cursor + number, held.end)
        for row in range(first, held.cursor):
            if row - first in refused:
                held.back[row] = len(held.rows[row])
                self.line(held.source).cents += held.rows[row]

    def release(self, batch: str) -> None:
        """Give the tail back."""
        held = self.payouts[batch]
        allow(held.cursor < held.end, "batch has ended")
        for row in held.rows[held.cursor :]:
            self.line(held.source).cents += row
        held.end = held.cursor

    def redirect(self, batch: str, custody: Line) -> None:
        """What comes back goes to custody."""
        home = self.homes.get(custody)
        allow(home is not None and home == self.payouts[batch].source, "custody of another line")
        self.payouts[batch].source = custody

    def open_returns(self, reference: str, opened: int) -> ReturnSet:
        """A credit brings rows back, or more of them."""
        held = self.sets.get(reference)
        if held:
            allow(not held.closed, "reference used")
            allow(opened in (0, held.opened), "opened with another amount")
            return held
        if reference in self.lots:
            queue = self.line(("lot", reference))
            allow(queue.left == 0, "lot is no longer whole")
            allow(opened in (0, len(queue.cents)), "opened with another amount")
            opened = len(queue.cents)
            self.reversed += opened
            self.move(("lot", reference), REVERSED, opened)
        else:
            allow(reference not in self.used and opened > 0, "reference used")
            self.bring(opened)
        self.used.add(reference)
        self.sets[reference] = ReturnSet(opened)
        return self.sets[reference]

    def give_back(self, batch: str, row: int, amount: int, reference: str | None, opened: int) -> None:
        """The bank returns a row, whole or in part."""
        held = self.payouts[batch]
        allow(row < held.cursor, "row not executed")
        before = held.back.get(row, 0)
        left = len(held.rows[row]) - before
        back = amount or left
        allow(0 < back <= left, "more than the row")
        if reference is None:
            allow(not held.settled and opened == 0, "a settled row returns only by a credit")
        else:
            credit = self.open_returns(reference, opened)
            allow(credit.drawn + back <= credit.opened, "rows exceed the credit")
            credit.drawn += back
        held.back[row] = before + back
        if held.settled:
            self.returned_late += back
        self.line(held.source).cents += held.rows[row][before : before + back]

    def close_returns(self, reference: str, remainder: str, destination: tuple[str, str] | None) -> None:
        """What no row drew becomes a lot."""
        held = self.sets.get(reference)
        allow(held is not None and not held.closed, "no open return set")
        assert held is not None
        if held.opened > held.drawn:
            allow(destination is None or reference not in self.lots, "remainder of a lot")
            self.lay_lot(remainder, held.opened - held.drawn, destination)
        held.closed = True

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
