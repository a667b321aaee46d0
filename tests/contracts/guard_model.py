"""What clauses of guards say, in plain Python: written from what the kinds mean, not from the contracts.

Money is minor units, time unix seconds. Refusals are `(clause, guard, code, limit, observed)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby

from contracts.terms import NON_WAIVABLE, Guard, Kind

DAY = 86_400
Said = tuple[int, int, str, int, int]
Clause = list[tuple[int, Guard]]

CAPS = {Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.DOCUMENT}
FIXED = {Kind.BATCH_CAP, Kind.DYE_CLASS}
CODES = {
    Kind.APPROVAL: "approvals-missing",
    Kind.ROSTER: "payee-not-on-roster",
    Kind.PAYOUT_CAP: "payout-cap",
    Kind.WINDOW_CAP: "window-cap",
    Kind.TIME_WINDOW: "outside-time-window",
    Kind.EVIDENCE: "evidence-missing",
    Kind.BATCH_CAP: "batch-cap",
    Kind.LIFETIME_CAP: "lifetime-cap",
    Kind.PAYEE_CAP: "payee-cap",
    Kind.BLACKLIST: "payee-blocked",
    Kind.DYE_CLASS: "dye-class",
    Kind.LINE_CAP: "line-cap",
    Kind.COUNTERSIGN: "countersignature-missing",
    Kind.AGREEMENT_STATE: "agreement-state",
    Kind.WAITING: "waiting-period",
    Kind.DOCUMENT: "document-missing",
    Kind.CALENDAR_DAY: "outside-calendar",
}


class Refusal(Exception):
    """A clause that refuses."""

    def __init__(self, said: Said) -> None:
        self.said = said
        super().__init__(said)


@dataclass
class Paper:
    """A registered document."""

    kind: bytes
    payee: int
    amount: int
    used: int = 0


@dataclass
class Batch:
    """A reserved batch; rows are `(payee, amount)`."""

    rows: list[tuple[int, int]]
    dye_class: bytes
    document: bytes
    reserved_at: int
    counted: list[int] = field(default_factory=list)
    fixed: set[int] = field(default_factory=set)
    waivers: dict[int, int] = field(default_factory=dict)
    approvals: dict[str, int] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    observed: dict[str, int] = field(default_factory=dict)
    countersigned: set[bytes] = field(default_factory=set)
    executed_at: dict[int, int] = field(default_factory=dict)
    skipped: set[int] = field(default_factory=set)
    back: set[int] = field(default_factory=set)
    cursor: int = 0
    ended: bool = False

    @property
    def total(self) -> int:
        """Sum of the rows."""
        return sum(amount for _, amount in self.rows)


@dataclass
class Model:
    """An agreement under fixed terms.

    `institutions` has the institution and its kind of every supervisor, `witnesses` the institution of every
    witness; `members` are those of the one quorum. `state` and `balance` are another agreement's.
    """

    guards: Sequence[Guard]
    dye_class: bytes
    institutions: dict[str, tuple[bytes, int]]
    witnesses: dict[str, bytes]
    members: set[bytes]
    state: int
    balance: int
    roster: int = 0
    blocked: set[int] = field(default_factory=set)
    papers: dict[bytes, Paper] = field(default_factory=dict)
    consumed: dict[tuple[int, int], int] = field(default_factory=dict)
    paid: dict[tuple[int, int, int], int] = field(default_factory=dict)

    @property
    def clauses(self) -> list[Clause]:
        """Guards with their numbers, by clause."""
        return [list(clause) for _, clause in groupby(enumerate(self.guards), lambda item: item[1].clause)]

    def used(self, number: int, moment: int) -> int:
        """What an aggregate cap counted in the window of a moment."""
        return self.consumed.get((number, window(self.guards[number], moment)), 0)

    def got(self, number: int, payee: int, moment: int) -> int:
        """What a payee got in the window of a moment."""
        return self.paid.get((number, window(self.guards[number], moment), payee), 0)

    def _waived(self, batch: Batch, now: int) -> set[int]:
        return {
            number
            for number, clause in enumerate(self.clauses)
            if batch.waivers.get(number, -1) >= now
            and not any(guard.kind in NON_WAIVABLE for _, guard in clause)
        }

    # Reserving

    def reserve(self, batch: Batch, now: int) -> None:
        """Count a batch, or raise Refusal and count nothing."""
        for number, clause in enumerate(self.clauses):
            self._reserve(batch, number, clause, number in self._waived(batch, now), now)
        for number in batch.counted:
            self._count(number, batch, batch.total, now)

    def _reserve(self, batch: Batch, number: int, clause: Clause, waived: bool, now: int) -> None:
        if clause[0][1].kind == Kind.LINE_CAP and clause[0][1].subject != batch.dye_class:
            batch.fixed.add(number)
            return
        early = CAPS | FIXED | {Kind.LINE_CAP}
        looks = {
            index: self._room(index, guard, batch, now) for index, guard in clause if guard.kind in early
        }
        for index, (fits, *_) in looks.items():
            if fits and self.guards[index].kind in FIXED:
                batch.fixed.add(number)
                return
            if fits:
                batch.counted.append(index)
                return
        if len(looks) < len(clause):
            return
        if not waived:
            last, guard = clause[-1]
            _, code, limit, observed = looks[last]
            raise Refusal((guard.clause, last, code, limit, observed))
        counters = {Kind.WINDOW_CAP, Kind.LIFETIME_CAP, Kind.LINE_CAP}
        batch.counted += [index for index, guard in clause if guard.kind in counters][:1]

    def _room(self, number: int, guard: Guard, batch: Batch, now: int) -> tuple[bool, str, int, int]:
        if guard.kind == Kind.DYE_CLASS:
            wanted, drawn = int.from_bytes(guard.subject), int.from_bytes(batch.dye_class)
            return wanted == drawn, "dye-class", wanted, drawn
        if guard.kind == Kind.BATCH_CAP:
            return batch.total <= guard.a, "batch-cap", guard.a, batch.total
        if guard.kind == Kind.DOCUMENT:
            paper = self.papers.get(batch.document)
            if paper is None or paper.kind != guard.subject:
                return False, "document-missing", 0, 0
            after = paper.used + batch.total
            return after <= paper.amount, "document-amount", paper.amount, after
        after = self.used(number, now) + batch.total
        return after <= guard.a, CODES[guard.kind], guard.a, after

    def _count(self, number: int, batch: Batch, amount: int, moment: int) -> None:
        guard = self.guards[number]
        if guard.kind == Kind.DOCUMENT:
            self.papers[batch.document].used += amount
        else:
            key = (number, window(guard, moment))
            self.consumed[key] = self.consumed.get(key, 0) + amount

    def give_back(self, batch: Batch, amount: int) -> None:
        """Restore the caps that counted a batch."""
        for number in batch.counted:
            self._count(number, batch, -amount, batch.reserved_at)

    # Executing

    def execute(self, batch: Batch, end: int, now: int, skip: bool) -> list[tuple[int, Said]]:
        """Execute rows up to `end`; gives those refused. Raises Refusal and changes nothing."""
        waived = self._waived(batch, now)
        by_row = []
        for number, clause in enumerate(self.clauses):
            if number in waived | batch.fixed:
                continue
            looked = [(index, guard, *self._look(index, guard, batch, now)) for index, guard in clause]
            if any(met for _, _, met, _, _ in looked):
                continue
            has_document = any(index in batch.counted for index, _ in clause)
            rows = [(index, guard) for index, guard in clause if looks_at_rows(guard, has_document)]
            if not rows:
                index, guard, _, limit, observed = looked[-1]
                raise Refusal((guard.clause, index, CODES[guard.kind], limit, observed))
            by_row.append(rows)
        before = dict(self.paid)
        refused = []
        for place in range(batch.cursor, end):
            payee, amount = batch.rows[place]
            held = self._row(by_row, batch, payee, amount, now)
            if held is None:
                self._pay(payee, amount, now)
            elif skip:
                refused.append((place, held))
            else:
                self.paid = before
                raise Refusal(held)
        batch.skipped |= {place for place, _ in refused}
        batch.executed_at |= dict.fromkeys(range(batch.cursor, end), now)
        batch.cursor = end
        batch.ended = end == len(batch.rows)
        return refused

    def _pay(self, payee: int, amount: int, now: int) -> None:
        for number, guard in enumerate(self.guards):
            if guard.kind == Kind.PAYEE_CAP:
                key = (number, window(guard, now), payee)
                self.paid[key] = self.paid.get(key, 0) + amount

    def unpay(self, batch: Batch, place: int) -> None:
        """Give a returned row back to the caps of its payee."""
        payee, amount = batch.rows[place]
        self._pay(payee, -amount, batch.executed_at[place])

    def _row(self, by_row: Iterable[Clause], batch: Batch, payee: int, amount: int, now: int) -> Said | None:
        for rows in by_row:
            looked = [
                (index, guard, *self._look_at_row(index, guard, batch, payee, amount, now))
                for index, guard in rows
            ]
            if not any(met for _, _, met, _, _ in looked):
                index, guard, _, limit, observed = looked[-1]
                code = "document-payee" if guard.kind == Kind.DOCUMENT else CODES[guard.kind]
                return (guard.clause, index, code, limit, observed)
        return None

    def _look_at_row(
        self, number: int, guard: Guard, batch: Batch, payee: int, amount: int, now: int
    ) -> tuple[bool, int, int]:
        if guard.kind == Kind.ROSTER:
            return payee < self.roster, self.roster, payee
        if guard.kind == Kind.PAYOUT_CAP:
            return amount <= guard.a, guard.a, amount
        if guard.kind == Kind.BLACKLIST:
            return payee not in self.blocked, 0, payee
        if guard.kind == Kind.DOCUMENT:
            paid = self.papers[batch.document].payee
            return payee == paid, paid, payee
        after = self.got(number, payee, now) + amount
        return after <= guard.a, guard.a, after

    def _look(self, number: int, guard: Guard, batch: Batch, now: int) -> tuple[bool, int, int]:
        match guard.kind:
            case Kind.APPROVAL:
                return self._approvals(guard, batch)
            case Kind.WAITING:
                old = {who for who, at in batch.approvals.items() if at + guard.a <= now} - batch.revoked
                count = len({self.institutions[who][0] for who in old})
                return count >= guard.b, guard.b, count
            case Kind.TIME_WINDOW:
                return is_in_time(guard, now), guard.a if now < guard.a else guard.b, now
            case Kind.CALENDAR_DAY:
                day = (now + guard.c) // DAY
                place = day - guard.a
                allowed = 0 <= place < guard.b and int.from_bytes(guard.subject) >> place & 1 == 1
                return allowed, guard.a + guard.b - 1, day
            case Kind.EVIDENCE:
                return self._evidence(guard, batch, now)
            case Kind.COUNTERSIGN:
                given = guard.party in batch.countersigned
                return given, 1, int(given)
            case Kind.AGREEMENT_STATE if guard.a == 255:
                return self.balance >= guard.b, guard.b, self.balance
            case Kind.AGREEMENT_STATE:
                return self.state == guard.a, guard.a, self.state
            case Kind.BATCH_CAP:
                return False, guard.a, batch.total
            case Kind.DYE_CLASS:
                return False, int.from_bytes(guard.subject), 0
            case Kind.WINDOW_CAP | Kind.LIFETIME_CAP | Kind.LINE_CAP:
                # Its clause counted, by this guard or another, when the batch was reserved.
                return number in batch.counted, guard.a, 0
            case _:
                return False, 0, 0

    def _approvals(self, guard: Guard, batch: Batch) -> tuple[bool, int, int]:
        institutions = {self.institutions[who] for who in batch.approvals if who not in batch.revoked}
        asked = [(guard.a, len(institutions))]
        for kind in range(1, 5):
            least = guard.b >> 32 * (kind - 1) & 0xFFFFFFFF
            asked.append((least, sum(1 for _, of in institutions if of == kind)))
        for limit, observed in asked:
            if observed < limit:
                return False, limit, observed
        return True, 0, 0

    def _evidence(self, guard: Guard, batch: Batch, now: int) -> tuple[bool, int, int]:
        fresh = {self.witnesses[who] for who, at in batch.observed.items() if now - at <= guard.a}
        counted = fresh & self.members if guard.b > 1 else fresh & {guard.party}
        needed = max(guard.b, 1)
        return len(counted) >= needed, needed, len(counted)


def looks_at_rows(guard: Guard, has_document: bool) -> bool:
    """Whether a guard looks at rows: those of documents once one in their clause counted the batch."""
    rows = {Kind.ROSTER, Kind.PAYOUT_CAP, Kind.BLACKLIST, Kind.PAYEE_CAP}
    return guard.kind in rows or (guard.kind == Kind.DOCUMENT and has_document)


def window(guard: Guard, moment: int) -> int:
    """The number of a cap's window."""
    return (moment + guard.c) // guard.b if guard.b else 0


def is_in_time(guard: Guard, moment: int) -> bool:
    """Whether a time window is open; hours over midnight belong to the day they begin on, also its dates."""
    offset = guard.c >> 64 & 0xFFFFFFFF
    local = datetime.fromtimestamp(moment, UTC) + timedelta(seconds=offset)
    begin, end, days = guard.c & 0xFFFFFFFF, guard.c >> 32 & 0xFFFFFFFF, guard.c >> 96
    midnight = local.replace(hour=0, minute=0, second=0)
    spans = []
    for back in (0, 1):
        opened = midnight - timedelta(days=back)
        length = end - begin if begin < end else DAY - begin + end
        starts = opened + timedelta(seconds=begin)
        dated = moment - int((local - midnight).total_seconds()) - 1 if back else moment
        is_dated = guard.a <= dated <= guard.b
        if is_dated and (days == 0 or days >> opened.weekday() & 1):
            spans.append((starts, starts + timedelta(seconds=length)))
    return any(first <= local < last for first, last in spans)
