"""The bank's answers to our payment files: rejects send rows back; a batch with no row unanswered settles."""

import structlog
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.iso20022 import StatusReport, is_duplicate, status_of_payment
from bridge.returns import NO_REFERENCE, queue_return, row_tree
from bridge.sender import Sender
from bridge.store import bank as store
from bridge.store import payments, projections
from bridge.store.base import Database
from bridge.store.models import OrderModel, OrderState, PayoutState

__all__ = ["send_rejects_back", "settle_answered", "take_status"]

log = structlog.get_logger(__name__)


def take_status(session: Session, report: StatusReport) -> None:
    """Apply a pain.002. One about no order of ours is a teller's task."""
    order = session.get(OrderModel, report.original_message_id)
    if order is None:
        store.put_task(session, "status-unmatched", report.original_message_id, status=report.group_status)
        return
    if is_duplicate(report):
        # The bank has the file already: what became of it is said by its first answer and the statements.
        order.duplicates += 1
        if order.state == OrderState.SENDING:
            order.state = OrderState.RECEIVED
        return
    if order.state in (OrderState.STORED, OrderState.SENDING):
        order.state = OrderState.RECEIVED
    for payout in payments.payouts(session, order.root, order.first_row, order.end_row):
        if payout.end_to_end_id is None or payout.state != PayoutState.ORDERED:
            continue
        status = status_of_payment(report, payout.end_to_end_id, order.message_id)
        if status is not None and status.status == "RJCT":
            payout.state = PayoutState.REJECTED
            payout.reason = ",".join(status.reason_codes) or None


def send_rejects_back(database: Database, chain: Chain, sender: Sender) -> int:
    """Queue the way back of rows the bank refused; returns how many were new."""
    with database.begin() as session:
        rejected = payments.rejected_without_return(session)
        trees = {root: row_tree(session, root) for root in {payout.root for payout in rejected}}
        for payout in rejected:
            queue_return(session, chain, sender, trees[payout.root], payout, NO_REFERENCE)
    return len(rejected)


def settle_answered(database: Database, chain: Chain, sender: Sender) -> int:
    """Queue the settlement of ended batches with no row unanswered; returns how many."""
    settled = 0
    with database.begin() as session:
        for batch in projections.unsettled_batches(session):
            held = payments.batch_by_id(session, batch.batch)
            if held is None or batch.cursor < batch.end or not _is_answered(session, held.root, batch.batch):
                continue
            sender.queue(session, f"settle:{batch.batch.hex()}", chain.call("Ledger", "settle", batch.batch))
            settled += 1
    return settled


def _is_answered(session: Session, root: bytes, batch: bytes) -> bool:
    """Whether every executed row is debited, or went back on chain."""
    counts = payments.count_payouts(session, root)
    if counts.get(PayoutState.ORDERED):
        return False
    if counts.get(PayoutState.DRAFTED, 0) > payments.unexecuted_rows(session, batch):
        return False
    gone = {row.row for row in projections.gone_rows(session, batch)}
    back = payments.rows_in_state(session, root, PayoutState.REJECTED, PayoutState.RETURNED)
    return set(back) <= gone
