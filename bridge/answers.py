"""The bank's answers to our payment files: rejects send rows back; a batch with no row unanswered settles."""

import structlog
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.iso20022 import PaymentStatus, StatusReport, is_duplicate, status_of_payment
from bridge.returns import queue_reject
from bridge.sender import Sender
from bridge.store import bank as store
from bridge.store import payments, projections
from bridge.store.base import Database
from bridge.store.chain_models import BatchRow
from bridge.store.models import OrderModel, OrderState, PayoutModel, PayoutState

__all__ = ["settle_answered", "take_status"]

PAID = ("ACSC", "ACCC")
"""Statuses by which a bank says that it has debited (ISO 20022 ExternalPaymentTransactionStatus1Code)."""

log = structlog.get_logger(__name__)


def take_status(session: Session, chain: Chain, sender: Sender, report: StatusReport) -> None:
    """Apply a pain.002: what the bank rejects goes back. One about no order of ours is a teller's task."""
    order = session.get(OrderModel, report.original_message_id)
    if order is None:
        store.put_task(session, "status-unmatched", report.original_message_id, status=report.group_status)
        return
    store.close_task(session, "order-rejected", order.message_id)
    if is_duplicate(report):
        # The bank has the file already: what became of it is said by its first answer and the statements.
        order.duplicates += 1
        if order.state == OrderState.SENDING:
            order.state = OrderState.RECEIVED
        return
    if order.state in (OrderState.STORED, OrderState.SENDING):
        order.state = OrderState.RECEIVED
    for payout in payments.payouts(session, order.root, order.first_row, order.end_row):
        if payout.end_to_end_id is not None:
            status = status_of_payment(report, payout.end_to_end_id, order.message_id)
            if status is not None:
                _answer(session, chain, sender, payout, status)


def _answer(
    session: Session, chain: Chain, sender: Sender, payout: PayoutModel, status: PaymentStatus
) -> None:
    is_rejected = status.status == "RJCT"
    is_debited = is_rejected and store.debit_of(session, payout.end_to_end_id or "") is not None
    if payout.state == PayoutState.ORDERED and is_rejected and not is_debited:
        payout.state = PayoutState.REJECTED
        payout.reason = ",".join(status.reason_codes) or None
        queue_reject(session, chain, sender, payout)
    elif is_debited or (status.status in PAID and payout.state == PayoutState.REJECTED):
        # What was debited comes back as a credit; what went back as a reject must not be paid.
        store.put_task(
            session,
            "status-contradicts",
            payout.end_to_end_id or "",
            state=payout.state,
            status=status.status,
            reasons=list(status.reason_codes),
        )


def settle_answered(database: Database, chain: Chain, sender: Sender) -> int:
    """Queue the settlement of ended batches with no row unanswered; returns how many were new."""
    with database.read() as session:
        ready = [
            batch.batch for batch in projections.unsettled_batches(session) if _is_answered(session, batch)
        ]
    if not ready:
        return 0
    with database.begin() as session:
        calls = [(f"settle:{batch.hex()}", chain.call("Ledger", "settle", batch)) for batch in ready]
        return sum(sender.queue(session, key, call) for key, call in calls)


def _is_answered(session: Session, batch: BatchRow) -> bool:
    """Whether a batch has ended and every executed row is debited, or went back on chain."""
    held = payments.batch_by_id(session, batch.batch)
    if held is None or batch.cursor < batch.end or payments.has_unanswered(session, held.root):
        return False
    counts = payments.count_payouts(session, held.root)
    if counts.get(PayoutState.DRAFTED, 0) > batch.count - batch.cursor:
        return False
    gone = {row.row for row in projections.gone_rows(session, batch.batch)}
    back = payments.rows_in_state(session, held.root, PayoutState.REJECTED, PayoutState.RETURNED)
    return set(back) <= gone
