"""New terms tried over the past payouts of the old ones: every row whose verdict would have been another.

Both versions start with empty counters and see the same batches in the same order, so that a cap of the new
version refuses what it would have refused had it been there from the first day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby

from contracts.agreement.compile import CompiledAgreement
from contracts.agreement.evaluate import (
    BatchFacts,
    Book,
    Refused,
    Reserved,
    Terms,
    judge,
    pay_row,
    reserve,
    restore,
    restore_payee,
)
from contracts.agreement.texts import Text
from contracts.terms import Guard

__all__ = ["Change", "PastBatch", "PastRow", "Replay", "RowVerdict", "Version", "replay"]


@dataclass(frozen=True)
class Version:
    """One version of a disbursement's terms: account, class of money, guards, names of clauses, payees."""

    account: bytes
    dye_class: bytes
    guards: tuple[Guard, ...]
    clause_names: tuple[str, ...]
    payees: int

    @classmethod
    def of(cls, compiled: CompiledAgreement) -> "Version":
        """The version a file compiles to. Raises ValueError for another template than a disbursement."""
        if compiled.file.content.template_name != "disbursement":
            raise ValueError("only terms of a disbursement can be tried over past payouts")
        return cls(
            compiled.account_id,
            compiled.dye_class_id,
            compiled.guards,
            compiled.clause_names,
            len(compiled.roster),
        )


@dataclass(frozen=True)
class PastRow:
    """A row as it was executed or refused, and when it went back, where it did; unix seconds, minor units.

    A place orders what happens in one second: a number that grows along the chain.
    """

    payee: int
    amount_minor: int
    executed_at: int
    paid: bool
    returned_at: int | None = None
    executed_place: int = 0
    returned_place: int = 0


@dataclass(frozen=True)
class PastBatch:
    """A batch of the past: its id, what is known of it, its executed rows in order.

    `waived_names` are the clauses a quorum waived, by name: their numbers are those of the old terms.
    `released_at` is when what was not executed went back, unix seconds; None where nothing did. Places
    are as of `PastRow`.
    """

    batch: str
    facts: BatchFacts
    rows: tuple[PastRow, ...]
    waived_names: tuple[str, ...] = ()
    released_at: int | None = None
    reserved_place: int = 0
    released_place: int = 0

    @property
    def tail_minor(self) -> int:
        """What of the batch was not executed, minor units."""
        return self.facts.total_minor - sum(row.amount_minor for row in self.rows)


@dataclass(frozen=True)
class RowVerdict:
    """Whether a row is paid; else the name of the clause that refuses and its code."""

    paid: bool
    clause: str | None = None
    code: str | None = None

    @property
    def text(self) -> Text:
        """The verdict in words."""
        if self.paid:
            return Text("付款", "paid")
        by = Text(f"由“{self.clause}”", f" by “{self.clause}”") if self.clause else Text("", "")
        return Text(f"{by.zh}以 {self.code} 拒绝", f"refused{by.en} with {self.code}")


@dataclass(frozen=True)
class Change:
    """A row that the new version would have judged otherwise."""

    batch: str
    row: int
    payee: int
    amount_minor: int
    old: RowVerdict
    new: RowVerdict


@dataclass(frozen=True)
class Replay:
    """What a replay found.

    `unexplained` are rows (batch, place) that were paid or refused against what the old terms say here:
    facts that are missing from the input. `restarted` are clauses of the old version whose counters the new
    one does not go on with, because their name, window or kind changed.
    """

    rows: int
    changes: tuple[Change, ...]
    unexplained: tuple[tuple[str, int], ...]
    restarted: tuple[str, ...]


def replay(old: Version, new: Version, past: Sequence[PastBatch]) -> Replay:
    """Try a new version over what the old one paid and refused. A pure function of its arguments.

    Raises ValueError where the two do not pay from one account.
    """
    if old.account != new.account:
        raise ValueError("only two versions of one agreement can be replayed: they pay from one account")
    in_order = sorted(past, key=lambda batch: batch.facts.reserved_at)
    before, after = _verdicts(old, in_order), _verdicts(new, in_order)
    changes, unexplained = [], []
    for batch in in_order:
        for place, row in enumerate(batch.rows):
            was, is_now = before[batch.batch, place], after[batch.batch, place]
            if was.paid != row.paid:
                unexplained.append((batch.batch, place))
            if was != is_now:
                changes.append(Change(batch.batch, place, row.payee, row.amount_minor, was, is_now))
    count = sum(len(batch.rows) for batch in in_order)
    return Replay(count, tuple(changes), tuple(unexplained), tuple(_restarted(old, new)))


def _restarted(old: Version, new: Version) -> Iterator[str]:
    """Clauses whose counters the new version does not go on with."""
    going_on = {(guard.kind, guard.subject, guard.b, guard.c) for guard in new.guards}
    for guard in old.guards:
        counts = guard.kind.name in ("WINDOW_CAP", "LIFETIME_CAP", "PAYEE_CAP", "LINE_CAP")
        if counts and (guard.kind, guard.subject, guard.b, guard.c) not in going_on:
            yield old.clause_names[guard.clause]


@dataclass(frozen=True)
class _Event:
    """Something that happens to a batch at a moment and a place of the chain."""

    at: int
    place: int
    order: int
    batch: PastBatch
    rows: tuple[int, ...] = ()


_RESERVED, _EXECUTED, _RETURNED, _RELEASED = range(4)


def _events(past: Sequence[PastBatch]) -> list[_Event]:
    found = []
    for batch in past:
        found.append(_Event(batch.facts.reserved_at, batch.reserved_place, _RESERVED, batch))
        for (at, place), rows in groupby(range(len(batch.rows)), key=partial(_executed_when, batch)):
            found.append(_Event(at, place, _EXECUTED, batch, tuple(rows)))
        if batch.released_at is not None:
            found.append(_Event(batch.released_at, batch.released_place, _RELEASED, batch))
        for place, row in enumerate(batch.rows):
            if row.returned_at is not None:
                found.append(_Event(row.returned_at, row.returned_place, _RETURNED, batch, (place,)))
    return sorted(found, key=lambda event: (event.at, event.place, event.order))


def _executed_when(batch: PastBatch, number: int) -> tuple[int, int]:
    row = batch.rows[number]
    return row.executed_at, row.executed_place


def _verdicts(version: Version, past: Sequence[PastBatch]) -> dict[tuple[str, int], RowVerdict]:
    """Verdict of every row by batch and place under one version."""
    names = version.clause_names
    terms = Terms(version.guards, version.dye_class, version.payees)
    book = Book()
    reservations: dict[str, Reserved | Refused] = {}
    verdicts: dict[tuple[str, int], RowVerdict] = {}
    for event in _events(past):
        batch = event.batch
        waived = frozenset(names.index(name) for name in batch.waived_names if name in names)
        facts = replace(batch.facts, waived=waived)
        if event.order == _RESERVED:
            reservations[batch.batch] = reserve(terms, facts, book)
            continue
        reserved = reservations[batch.batch]
        if event.order == _RELEASED:
            if isinstance(reserved, Reserved):
                restore(terms, facts, reserved, batch.tail_minor, book)
            continue
        if event.order == _RETURNED:
            (place,) = event.rows
            if isinstance(reserved, Reserved) and verdicts[batch.batch, place].paid:
                row = batch.rows[place]
                restore(terms, facts, reserved, row.amount_minor, book)
                restore_payee(terms, row.payee, row.amount_minor, row.executed_at, book)
            continue
        verdicts |= _executed(terms, names, facts, event, reserved, book)
    return verdicts


def _executed(
    terms: Terms,
    names: tuple[str, ...],
    facts: BatchFacts,
    event: _Event,
    reserved: Reserved | Refused,
    book: Book,
) -> dict[tuple[str, int], RowVerdict]:
    """Verdicts of the rows of one chunk; a refused row's money goes back to the caps that counted it."""
    batch = event.batch
    met = judge(terms, facts, reserved, event.at) if isinstance(reserved, Reserved) else reserved
    verdicts = {}
    for place in event.rows:
        row = batch.rows[place]
        refused = (
            met
            if isinstance(met, Refused)
            else pay_row(terms, facts, met, row.payee, row.amount_minor, event.at, book)
        )
        if refused is not None and isinstance(reserved, Reserved):
            restore(terms, facts, reserved, row.amount_minor, book)
        verdicts[batch.batch, place] = _verdict(names, refused)
    return verdicts


def _verdict(names: tuple[str, ...], refused: Refused | None) -> RowVerdict:
    if refused is None:
        return RowVerdict(True)
    clause = None if refused.clause is None else names[refused.clause]
    return RowVerdict(False, clause, refused.code)
