"""Trace: a payout back to the credits and serials it came from; a credit forward to all it paid."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.errors import Conflict, NotFound
from bridge.platform import Platform
from bridge.store import bank as bank_store
from bridge.store import directory, payments, projections
from bridge.store.chain_models import LotRow, MapRow
from bridge.store.models import BatchModel, MovementModel, PayoutModel, SupervisedAccountModel
from bridge.trace import Map, backward, forward, hops_backward
from contracts.ids import account_line

__all__ = ["StoredMaps", "end_to_end_id", "find_lot", "trace_credit", "trace_payout"]


class StoredMaps:
    """The indexed maps, as `bridge.trace` asks for them."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def into(self, line: bytes, start: int, end: int) -> Iterable[Map]:
        """Maps whose destination interval meets `[start, end)`."""
        return [as_map(row) for row in projections.maps_into(self.session, line, start, end)]

    def out_of(self, line: bytes, start: int, end: int) -> Iterable[Map]:
        """Maps whose source interval meets `[start, end)`."""
        return [as_map(row) for row in projections.maps_from(self.session, line, start, end)]

    def minted(self, line: bytes) -> int:
        """What a line was minted with, minor units; 0 for a line that is no lot's."""
        lot = self.session.get(LotRow, line)
        return 0 if lot is None else lot.amount_minor


def as_map(row: MapRow) -> Map:
    """A stored map as plain data."""
    return Map(
        row.id,
        row.kind,
        row.source,
        row.source_start,
        row.destination,
        row.destination_start,
        row.amount_minor,
        row.block,
    )


@dataclass(frozen=True)
class _Names:
    """Readable names of lines."""

    lines: dict[bytes, str]

    def of(self, line: bytes) -> str:
        return self.lines.get(line, line.hex())


def _names(session: Session) -> _Names:
    known, classes = directory.names(session), payments.dye_classes(session)
    lines: dict[bytes, str] = {}
    for tree in projections.trees(session):
        for lot in projections.lots_of_tree(session, tree.tree):
            lines[lot.line] = f"lot {lot.reference.hex()}"
        for row in projections.accounts_of_tree(session, tree.tree):
            for dye_class, class_name in classes.items():
                name = known.get(row.account, row.account.hex())
                lines[account_line(row.account, dye_class)] = f"{name} ({class_name})"
        for custody in projections.custody_of_tree(session, tree.tree):
            lines[custody.custody] = f"custody {custody.custody.hex()}"
    for batch in projections.all_batches(session):
        lines[batch.batch] = f"batch {batch.batch.hex()}"
    return _Names(lines)


def end_to_end_id(platform: Platform, given: str) -> str:
    """The end-to-end id of a payout named by it or by the payer's own reference; else what was given.

    Raises Conflict for a reference that several payouts have.
    """
    with platform.database.read() as session:
        if payments.payout_by_end_to_end_id(session, given) is not None:
            return given
        named = select(PayoutModel.end_to_end_id).where(
            PayoutModel.customer_reference == given, PayoutModel.end_to_end_id.is_not(None)
        )
        found = session.scalars(named.limit(2)).all()
    if len(found) > 1:
        raise Conflict(
            "payout-ambiguous",
            f"{given} is your own reference, and several payouts have it; "
            "give an end-to-end id (batch payouts lists both).",
        )
    return found[0] or given if found else given


def trace_payout(platform: Platform, end_to_end_id: str) -> dict[str, object]:
    """The credits a payout came from, with serial numbers, and the path. Raises NotFound, TraceError."""
    with platform.database.read() as session:
        payout = payments.payout_by_end_to_end_id(session, end_to_end_id)
        held = None if payout is None else session.get(BatchModel, payout.root)
        if payout is None or held is None or held.batch is None:
            raise NotFound("payout-unknown", f"There is no payout {end_to_end_id}; check the end-to-end id.")
        rows = payments.payouts(session, payout.root, 0, payout.row)
        start = sum(row.amount_minor for row in rows)
        end = start + payout.amount_minor
        store, names = StoredMaps(session), _names(session)
        segments = backward(store, store.minted, held.batch, start, end)
        path = hops_backward(store, store.minted, held.batch, start, end)
        return {
            "end_to_end_id": end_to_end_id,
            "batch": held.batch.hex(),
            "row": payout.row,
            "amount_minor": payout.amount_minor,
            "state": payout.state,
            "segments": [
                {**_lot(session, segment.lot_line), "start": segment.start, "amount_minor": segment.amount}
                for segment in segments
            ],
            "path": [
                {
                    "from": names.of(hop.source),
                    "from_start": hop.source_start,
                    "to": names.of(hop.destination),
                    "to_start": hop.destination_start,
                    "amount_minor": hop.amount,
                }
                for hop in path
            ],
        }


def _lot(session: Session, line: bytes) -> dict[str, object]:
    """A lot and the bank credit it mirrors."""
    lot = session.get_one(LotRow, line)
    found: dict[str, object] = {"lot": lot.reference.hex(), "lot_amount_minor": lot.amount_minor}
    credit = bank_store.credit_by_reference(session, lot.reference)
    if credit is not None:
        movement = session.get_one(MovementModel, credit.movement)
        account = session.get_one(SupervisedAccountModel, credit.tree)
        found |= {
            "account": account.name,
            "bank_reference": movement.bank_reference,
            "payer": movement.counterparty_name,
            "purpose": credit.purpose,
            "booking_date": movement.booking_date.isoformat() if movement.booking_date else None,
        }
    return found


def trace_credit(platform: Platform, lot: str) -> dict[str, object]:
    """Where a credit's money is: payouts with the part of them it paid, and what still rests.

    `lot`: the lot's reference (hex) or the bank's reference. Raises NotFound, TraceError.
    """
    with platform.database.read() as session:
        held = find_lot(session, lot)
        store, names = StoredMaps(session), _names(session)
        batches = {row.batch: row for row in projections.all_batches(session)}
        paid: list[dict[str, object]] = []
        resting: list[dict[str, object]] = []
        for piece in forward(store, held.line, 0, held.amount_minor):
            batch = batches.get(piece.line)
            if batch is not None and piece.start < batch.position:
                inside = min(piece.start + piece.amount, batch.position) - piece.start
                paid += _paid(session, batch.root, piece.start, piece.start + inside, piece.origin_start)
                rest = piece.amount - inside
            else:
                rest = piece.amount
            if rest:
                start = piece.origin_start + piece.amount - rest
                resting.append({"line": names.of(piece.line), "start": start, "amount_minor": rest})
        return {
            **_lot(session, held.line),
            "amount_minor": held.amount_minor,
            "payouts": paid,
            "resting": resting,
        }


def find_lot(session: Session, lot: str) -> LotRow:
    """A lot by its reference (hex) or the bank's reference. Raises NotFound."""
    credit = bank_store.credit_by_bank_reference(session, lot)
    reference = credit.reference if credit is not None else None
    if reference is None:
        try:
            reference = bytes.fromhex(lot.removeprefix("0x"))
        except ValueError:
            reference = b""
    held = projections.lot_by_reference(session, reference)
    if held is None:
        raise NotFound("lot-unknown", f"There is no lot {lot}; give a bank reference or a lot's id.")
    return held


def _paid(session: Session, root: bytes, start: int, end: int, serial: int) -> list[dict[str, object]]:
    """The rows that `[start, end)` of a batch's line paid; `serial` is the lot's position of `start`."""
    rows = payments.payouts(session, root)
    offsets = [0, *accumulate(row.amount_minor for row in rows)]
    found: list[dict[str, object]] = []
    number = bisect_right(offsets, start) - 1
    while number < len(rows) and offsets[number] < end:
        first, last = max(start, offsets[number]), min(end, offsets[number + 1])
        found.append(_paid_row(rows[number], serial + first - start, last - first))
        number += 1
    return found


def _paid_row(row: PayoutModel, serial: int, amount: int) -> dict[str, object]:
    return {
        "end_to_end_id": row.end_to_end_id,
        "payee_name": row.payee_name,
        "state": row.state,
        "start": serial,
        "amount_minor": amount,
        "payout_minor": row.amount_minor,
    }
