"""Reconciliation runs and the breaks they find: a maker proposes, another person confirms."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Literal, get_args

from sqlalchemy.orm import Session

from bridge.chain import Call
from bridge.errors import Conflict, Forbidden, Invalid, NotFound
from bridge.ledger_lines import BatchState, line_states, resting_minor, tree_of_lines
from bridge.platform import Mined, Platform
from bridge.reconcile import (
    FINAL_REPORT,
    BankEntry,
    Break,
    LedgerCredit,
    LedgerPayout,
    LedgerWriteOff,
    Outcome,
    ReportKind,
    Resolution,
    Snapshot,
    Statement,
    reconcile,
)
from bridge.services.acts import Act
from bridge.services.tracing import as_map, find_lot
from bridge.store import bank as bank_store
from bridge.store import breaks as break_store
from bridge.store import payments, projections
from bridge.store.chain_models import (
    BatchRow,
    BlockRow,
    ChunkRow,
    GoneRow,
    LotRow,
    MapRow,
    ReversalRow,
    TreeRow,
)
from bridge.store.models import (
    BreakModel,
    BreakState,
    CreditKind,
    CreditModel,
    MovementModel,
    OrderModel,
    PayoutModel,
    RunModel,
    SupervisedAccountModel,
)
from contracts.ids import keyed_reference, name_id, reversed_line, written_off_line

__all__ = ["breaks", "confirm", "propose", "reverse", "run", "shortfall", "snapshot", "write_off"]

REPORT_KINDS: Mapping[str, ReportKind] = {each: each for each in get_args(ReportKind)}
GONE_STATES: Mapping[str, Literal["skipped", "returned", "returned_late"]] = {
    "skipped": "skipped",
    "returned": "returned",
    "returned_late": "returned_late",
}
RESOLUTIONS = ("explained", "bank-corrects", "write-off")
UNCOVERED = ("MISSING_ON_LEDGER", "RETURNED")
"""Kinds of break about a debit for which nothing stands: no payout had it, or one that went back."""


def run(platform: Platform, account: str) -> dict[str, object]:
    """Reconcile a supervised account at the last indexed block and the bank's last statement.

    The run is kept whether or not it finds anything. `statements_until` is None before the first statement:
    then the bank's balance is what its notifications add up to. Raises NotFound.
    """
    with platform.database.read() as session:
        held = _account(session, account)
        taken = snapshot(session, held, platform.applier.reference_key)
        last = bank_store.latest_statement(session, held.tree)
    outcome = reconcile(taken)
    with platform.database.begin() as session:
        row = RunModel(
            tree=held.tree, block=taken.block, statement=None if last is None else last.id, result={}
        )
        session.add(row)
        session.flush()
        _keep(session, held, row.id, outcome)
        row.result = _result(outcome)
        until = None if last is None else last.to_date.isoformat()
        return {
            "run": row.id,
            "account": account,
            "block": taken.block,
            "statements_until": until,
            **row.result,
        }


def _account(session: Session, name: str) -> SupervisedAccountModel:
    held = bank_store.account_by_name(session, name)
    if held is None:
        raise NotFound("account-unknown", f"{name} is not a supervised account.")
    return held


def _result(outcome: Outcome) -> dict[str, object]:
    return {
        "matched": asdict(outcome.matched),
        "in_transit": [_row(each) for each in outcome.in_transit],
        "breaks": [_row(each) for each in outcome.breaks],
        "explained": [_row(each) for each in outcome.explained],
        "equation": asdict(outcome.equation),
    }


def _row(found: Break) -> dict[str, object]:
    row = asdict(found)
    row["since"] = found.since.isoformat() if found.since else None
    row["kind"], row["severity"] = str(found.kind), str(found.severity)
    row["related"] = list(found.related)
    return row


def _keep(session: Session, held: SupervisedAccountModel, number: int, outcome: Outcome) -> None:
    """Give what was found its lasting identity; what a run no longer finds is gone."""
    seen = set()
    for found in (*outcome.breaks, *outcome.explained):
        seen.add(found.fingerprint)
        row = session.get(BreakModel, found.fingerprint)
        if row is None:
            session.add(_break(held, number, found))
            continue
        row.last_run = number
        row.times_seen += 1
        row.message = found.message
        row.severity = str(found.severity)
        is_unexplained = row.state == BreakState.CONFIRMED and found in outcome.breaks
        if row.state == BreakState.GONE or is_unexplained or row.amount_minor != found.amount_minor:
            row.amount_minor = found.amount_minor
            row.state = BreakState.OPEN
            row.proposed_by = row.confirmed_by = row.resolution = None
    for row in break_store.unconfirmed(session, held.tree):
        if row.fingerprint not in seen:
            row.state = BreakState.GONE


def _break(held: SupervisedAccountModel, number: int, found: Break) -> BreakModel:
    return BreakModel(
        fingerprint=found.fingerprint,
        tree=held.tree,
        kind=str(found.kind),
        subject=found.subject,
        amount_minor=found.amount_minor,
        currency=found.currency,
        message=found.message,
        severity=str(found.severity),
        first_run=number,
        last_run=number,
    )


# The snapshot


def snapshot(session: Session, held: SupervisedAccountModel, reference_key: bytes) -> Snapshot:
    """Both sides as one transaction sees them."""
    cursor = session.get(BlockRow, "head")
    movements = bank_store.movements_of_tree(session, held.tree)
    by_hash = {
        keyed_reference(reference_key, held.bank, held.number, each.bank_reference): each.bank_reference
        for each in movements
    }
    batches = projections.batches_of_tree(session, held.tree)
    pending = _pending(session, held)
    return Snapshot(
        account=held.name,
        currency=held.currency,
        block=0 if cursor is None else cursor.number,
        bank_opening_minor=held.opening_minor,
        chain_balance_minor=_chain_balance(session, held.tree),
        entries=_entries(session, held, movements),
        statements=_statements(session, held),
        credits=(*_lots(session, held, by_hash), *_returns(session, held, by_hash)),
        payouts=tuple(payout for batch in batches for payout in _payouts(session, batch)),
        write_offs=_write_offs(session, held, by_hash),
        pending_credits=pending,
        confirmed={
            row.fingerprint: Resolution(row.fingerprint, row.amount_minor)
            for row in break_store.confirmed(session, held.tree)
        },
    )


def _chain_balance(session: Session, tree: bytes) -> int:
    """What the bank should hold for what the ledger says: what rests, what returns may still draw, and not
    what the bank took back without anything making it good; minor units."""
    undrawn = sum(row.opened_minor for row in projections.open_return_sets(session, tree))
    undrawn -= sum(row.amount_minor for row in projections.draws_on_open_sets(session, tree))
    return resting_in_tree(session, tree) + undrawn - session.get_one(TreeRow, tree).shortfall_minor


def resting_in_tree(session: Session, tree: bytes) -> int:
    """What rests on the tree's lines: accounts, suspense, custody, batches not executed; minor units."""
    lots = session_lots(session)
    maps = [as_map(row) for row in projections.all_maps(session)]
    batches = batch_states(session)
    trees = tree_of_lines({row.line: row.tree for row in lots}, maps)
    states = line_states({row.line: row.amount_minor for row in lots}, maps, batches)
    away = (written_off_line(tree), reversed_line(tree))
    return sum(
        resting_minor(line, state, batches)
        for line, state in states.items()
        if trees[line] == tree and line not in away
    )


def session_lots(session: Session) -> Sequence[LotRow]:
    """The lots of every tree."""
    return [
        lot for tree in projections.trees(session) for lot in projections.lots_of_tree(session, tree.tree)
    ]


def batch_states(session: Session) -> dict[bytes, BatchState]:
    """Every batch's line."""
    return {
        # A release empties the line at once; the rows end where the cursor stands.
        row.batch: BatchState(
            row.total_minor, row.total_minor if row.cursor >= row.end else row.position, row.cursor >= row.end
        )
        for row in projections.all_batches(session)
    }


def _entries(
    session: Session, held: SupervisedAccountModel, movements: Sequence[MovementModel]
) -> tuple[BankEntry, ...]:
    seen: dict[int, set[ReportKind]] = {}
    statements: dict[int, str] = {}
    for sighting in bank_store.sightings_of_tree(session, held.tree):
        seen.setdefault(sighting.movement, set()).add(REPORT_KINDS[sighting.kind])
        if sighting.kind == FINAL_REPORT and sighting.statement is not None:
            statements[sighting.movement] = str(sighting.statement)
    return tuple(
        BankEntry(
            movement_id=str(each.id),
            bank_reference=each.bank_reference,
            direction="credit" if each.direction == "credit" else "debit",
            amount_minor=each.amount_minor,
            currency=each.currency,
            booking_date=each.booking_date or each.value_date or each.created_at.date(),
            value_date=each.value_date,
            end_to_end_id=each.end_to_end_id,
            seen_in=frozenset(seen.get(each.id, ())),
            statement_id=statements.get(each.id),
        )
        for each in movements
    )


def _statements(session: Session, held: SupervisedAccountModel) -> tuple[Statement, ...]:
    return tuple(
        Statement(
            id=str(row.id),
            account=held.name,
            sequence_number=row.sequence_number,
            from_date=row.from_date,
            to_date=row.to_date,
            opening_minor=row.opening_minor,
            closing_minor=row.closing_minor,
            entry_sum_minor=row.entry_sum_minor,
            currency=row.currency,
        )
        for row in bank_store.statements_of_tree(session, held.tree)
    )


def _lots(session: Session, held: SupervisedAccountModel, by_hash: dict[bytes, str]) -> list[LedgerCredit]:
    """Lots that mirror a credit of their own: not what became a return set, nor what one left over."""
    sets = projections.references_of_tree(session, held.tree)
    other = {row.reference for row in sets} | {row.remainder for row in sets}
    return [
        LedgerCredit(
            lot.reference.hex(),
            by_hash.get(lot.reference, lot.reference.hex()),
            lot.amount_minor,
            lot.block,
            "mint",
        )
        for lot in projections.lots_of_tree(session, held.tree)
        if lot.reference not in other
    ]


def _returns(session: Session, held: SupervisedAccountModel, by_hash: dict[bytes, str]) -> list[LedgerCredit]:
    """Credits that brought rows back, each once however many rows draw on it."""
    return [
        LedgerCredit(
            opened.reference.hex(),
            by_hash.get(opened.reference, opened.reference.hex()),
            opened.opened_minor,
            opened.block,
            "return",
            tuple(payments.ids_returned_by(session, opened.reference)),
        )
        for opened in projections.references_of_tree(session, held.tree)
        if opened.opened_minor
    ]


def _payouts(session: Session, batch: BatchRow) -> list[LedgerPayout]:
    """The executed rows of a batch."""
    gone = {row.row: row for row in projections.gone_rows(session, batch.batch)}
    chunks = projections.chunks(session, batch.batch)
    orders = {order.first_row: order for order in payments.orders(session, batch.root)}
    return [
        _payout(row, batch, chunk, orders.get(chunk.first_row), gone.get(row.row))
        for chunk in chunks
        for row in payments.payouts(session, batch.root, chunk.first_row, chunk.end_row)
    ]


def _payout(
    row: PayoutModel, batch: BatchRow, chunk: ChunkRow, order: OrderModel | None, gone: GoneRow | None
) -> LedgerPayout:
    return LedgerPayout(
        batch=batch.batch.hex(),
        row=row.row,
        end_to_end_id=row.end_to_end_id or "",
        amount_minor=row.amount_minor,
        state="in_flight" if gone is None else GONE_STATES[gone.kind],
        executed_block=chunk.block,
        order_message_id=order.message_id if order else None,
        order_execution_date=order.execution_date if order else None,
    )


def _write_offs(
    session: Session, held: SupervisedAccountModel, by_hash: dict[bytes, str]
) -> tuple[LedgerWriteOff, ...]:
    taken: list[MapRow | ReversalRow] = [
        *projections.maps_into_all(session, written_off_line(held.tree)),
        *projections.reversals_of_tree(session, held.tree),
    ]
    return tuple(
        LedgerWriteOff(str(row.id), by_hash.get(row.info, row.info.hex()), row.amount_minor, row.block)
        for row in taken
    )


def _pending(session: Session, held: SupervisedAccountModel) -> frozenset[str]:
    """Captured credits whose lot or return is not on chain yet."""
    done = {lot.reference for lot in projections.lots_of_tree(session, held.tree)}
    done |= {row.reference for row in projections.references_of_tree(session, held.tree)}
    known: dict[int, CreditModel] = {
        row.movement: row for row in bank_store.credits_of_tree(session, held.tree)
    }
    return frozenset(
        str(each.id)
        for each in bank_store.movements_of_tree(session, held.tree)
        if each.direction == "credit" and not _is_done(known.get(each.id), done)
    )


def _is_done(credit: CreditModel | None, done: set[bytes]) -> bool:
    return credit is not None and (credit.kind == CreditKind.CANCELS or credit.reference in done)


# Breaks


def breaks(platform: Platform, state: str | None = None) -> list[dict[str, object]]:
    """Breaks, oldest first; by default all but those that are gone."""
    with platform.database.read() as session:
        return [_shown(row) for row in break_store.listing(session, state)]


def _shown(row: BreakModel) -> dict[str, object]:
    return {
        "fingerprint": row.fingerprint,
        "kind": row.kind,
        "subject": row.subject,
        "amount_minor": row.amount_minor,
        "currency": row.currency,
        "message": row.message,
        "severity": row.severity,
        "state": row.state,
        "first_run": row.first_run,
        "last_run": row.last_run,
        "times_seen": row.times_seen,
        "proposed_by": row.proposed_by,
        "confirmed_by": row.confirmed_by,
        "resolution": row.resolution,
    }


def _get(session: Session, fingerprint: str) -> BreakModel:
    row = session.get(BreakModel, fingerprint)
    if row is None:
        raise NotFound("break-unknown", "There is no such break; list them first.")
    return row


def propose(
    platform: Platform, fingerprint: str, by: str, resolution: str, note: str, reference: str
) -> dict[str, object]:
    """A teller proposes how a break is resolved, citing a posting. Raises NotFound, Invalid, Conflict."""
    if resolution not in RESOLUTIONS:
        raise Invalid("resolution-unknown", f"Choose one of {', '.join(RESOLUTIONS)}.")
    if not reference.strip() or not note.strip():
        raise Invalid("resolution-uncited", "Say why, and cite the bank's or the ledger's posting.")
    with platform.database.begin() as session:
        row = _get(session, fingerprint)
        if row.state not in (BreakState.OPEN, BreakState.PROPOSED):
            raise Conflict("break-closed", f"This break is {row.state}; there is nothing to propose.")
        row.state = BreakState.PROPOSED
        row.proposed_by = by
        row.resolution = {"kind": resolution, "note": note, "reference": reference}
        return _shown(row)


def confirm(platform: Platform, fingerprint: str, by: str) -> dict[str, object]:
    """A second person confirms. Raises NotFound, Conflict, Forbidden for the one who proposed."""
    with platform.database.begin() as session:
        row = _get(session, fingerprint)
        if row.state != BreakState.PROPOSED:
            raise Conflict("break-not-proposed", f"This break is {row.state}; a teller proposes first.")
        if row.proposed_by == by:
            raise Forbidden(
                "same-person", "Who proposed a resolution cannot confirm it; ask a second person."
            )
        row.state = BreakState.CONFIRMED
        row.confirmed_by = by
        return _shown(row)


def _confirmed_debit(
    platform: Platform, fingerprint: str, kinds: Sequence[str] = UNCOVERED
) -> tuple[MovementModel, bytes]:
    """The bank's debit that a break is about, and its keyed reference. Raises NotFound, Conflict."""
    with platform.database.read() as session:
        row = _get(session, fingerprint)
        movement = None
        if row.kind in kinds and row.subject.startswith("movement:"):
            movement = session.get(MovementModel, int(row.subject.partition(":")[2]))
        if movement is None or movement.direction != "debit" or row.state != BreakState.CONFIRMED:
            raise Conflict(
                "break-no-charge",
                "Only a confirmed debit for which nothing stands on the ledger can be written off or "
                "recorded as a shortfall; as a reversal only if no payout had it.",
            )
        held = session.get_one(SupervisedAccountModel, row.tree)
    return movement, keyed_reference(
        platform.applier.reference_key, held.bank, held.number, movement.bank_reference
    )


def reverse(platform: Platform, fingerprint: str, credit: str) -> Mined:
    """Record that a confirmed debit of the bank takes back a credit: a lot, or the bank's reference.

    What of it supervisors do not carve from its images, or make good, stops the account's payouts. Raises
    NotFound, Conflict for a break that is no confirmed debit the ledger lacks, or another account's credit.
    """
    movement, info = _confirmed_debit(platform, fingerprint, UNCOVERED[:1])
    with platform.database.read() as session:
        lot = find_lot(session, credit)
        if lot.tree != movement.tree:
            raise Conflict("credit-elsewhere", "This credit came to another account than the debit.")
    call = platform.chain.call("Supervision", "reverse", lot.reference, movement.amount_minor, info)
    return platform.perform(f"act:reverse:{info.hex()}", call)


def shortfall(platform: Platform, fingerprint: str) -> Act:
    """Record a confirmed debit of the bank for which nothing stands on the ledger, such as a payment that had
    been rejected, as a shortfall: payouts stop until it is made good. The account's quorum signs.

    Raises NotFound, Conflict for a break that is not a confirmed debit the ledger lacks.
    """
    movement, reference = _confirmed_debit(platform, fingerprint)
    arguments = (movement.tree, movement.amount_minor, reference)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "record_shortfall", *arguments, signatures)

    message = platform.chain.message(
        "Shortfall", "Supervision", tree=arguments[0], amount=arguments[1], reference=reference
    )
    return Act(message, build)


def write_off(platform: Platform, fingerprint: str, account: str, dye_class: str) -> Act:
    """Take a charge off the ledger, citing the break's bank debit; the tree's quorum signs.

    Raises NotFound, Conflict for a break that is not a confirmed debit the ledger lacks.
    """
    movement, reference = _confirmed_debit(platform, fingerprint)
    arguments = (name_id(account), name_id(dye_class), movement.amount_minor, reference)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Supervision", "write_off", *arguments, signatures)

    message = platform.chain.message(
        "WriteOff",
        "Supervision",
        account=arguments[0],
        dyeClass=arguments[1],
        amount=arguments[2],
        reference=reference,
    )
    return Act(message, build)
