"""Rows on their way back: the call that gives a row's own serials back, and a batch's tree of rows."""

from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.errors import Conflict
from bridge.sender import Sender
from bridge.store import payments
from bridge.store.models import BatchModel, PayoutModel
from contracts.rows import Row, RowTree

__all__ = ["NO_REFERENCE", "queue_return", "row_tree"]

NO_REFERENCE = bytes(32)
"""Of a reject that was never booked."""

TREES_KEPT = 4

_trees: dict[bytes, RowTree] = {}
"""The trees used last, by root: a root says all of its rows, so they never go stale."""


def row_tree(session: Session, root: bytes) -> RowTree:
    """The commitment to a stored batch."""
    rows = payments.payouts(session, root)
    return RowTree([Row(row.roster_index, row.amount_minor, row.info) for row in rows])


def queue_return(
    session: Session, chain: Chain, sender: Sender, payout: PayoutModel, reference: bytes
) -> str:
    """Queue a row's way back; returns the transaction's key. A row goes back once, whatever is said of it."""
    batch = session.get_one(BatchModel, payout.root)
    if batch.batch is None:
        raise Conflict("batch-not-reserved", "A row of a batch that is not on chain cannot come back.")
    leaf = _kept_tree(session, payout.root).leaf_proof(payout.row)
    key = f"return:{payout.root.hex()}:{payout.row}"
    call = chain.call(
        "Ledger",
        "return_row",
        batch.batch,
        payout.row,
        leaf.start,
        leaf.rows,
        leaf.proof,
        reference,
        keccak((payout.reason or "").encode()),
    )
    sender.queue(session, key, call)
    return key


def _kept_tree(session: Session, root: bytes) -> RowTree:
    """A batch's tree; many rows of one batch come back one after the other."""
    tree = _trees.pop(root, None) or row_tree(session, root)
    _trees[root] = tree
    if len(_trees) > TREES_KEPT:
        del _trees[next(iter(_trees))]
    return tree
