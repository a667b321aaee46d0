"""Rows on their way back: calls that give a row's own serials back, and a batch's tree of rows."""

from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from bridge.chain import Chain
from bridge.errors import Conflict
from bridge.sender import Sender
from bridge.store import payments
from bridge.store.models import BatchModel, PayoutModel
from contracts.rows import LeafProof, Row, RowTree

__all__ = [
    "NO_REFERENCE",
    "RowReturn",
    "leaf_of",
    "queue_reject",
    "queue_return",
    "row_return",
    "row_tree",
]

NO_REFERENCE = bytes(32)
"""Of a reject that was never booked."""
ALL_OF_IT = 0
"""The amount that says: all that is left of the row."""

RowReturn = tuple[bytes, int, int, int, bytes, list[bytes], bytes]
"""As `ILedger.RowReturn`: batch, row, amount, start, rows and siblings of its leaf, information."""

TREES_KEPT = 4

_trees: dict[bytes, RowTree] = {}
"""The trees used last, by root: a root says all of its rows, so they never go stale."""


def row_tree(session: Session, root: bytes) -> RowTree:
    """The commitment to a stored batch."""
    rows = payments.payouts(session, root)
    return RowTree([Row(row.roster_index, row.amount_minor, row.info) for row in rows])


def queue_reject(session: Session, chain: Chain, sender: Sender, payout: PayoutModel) -> str:
    """Queue the way back of a row the bank never paid; returns the transaction's key. Once a row."""
    key = f"return:{payout.root.hex()}:{payout.row}"
    rows = [row_return(session, payout, ALL_OF_IT)]
    sender.queue(session, key, chain.call("Ledger", "return_rows", NO_REFERENCE, 0, rows))
    return key


def queue_return(
    session: Session, chain: Chain, sender: Sender, payout: PayoutModel, reference: bytes, amount_minor: int
) -> str:
    """Queue the way back of a row, or a part of it, that a credit brought; the transaction's key."""
    key = f"return:{reference.hex()}"
    rows = [row_return(session, payout, amount_minor)]
    sender.queue(session, key, chain.call("Ledger", "return_rows", reference, amount_minor, rows))
    return key


def row_return(session: Session, payout: PayoutModel, amount_minor: int) -> RowReturn:
    """One row that comes back, with its proof. Raises Conflict for a row that is not on chain."""
    batch = session.get_one(BatchModel, payout.root)
    if batch.batch is None:
        raise Conflict("batch-not-reserved", "A row of a batch that is not on chain cannot come back.")
    leaf = leaf_of(session, payout.root, payout.row)
    info = keccak((payout.reason or "").encode())
    return (batch.batch, payout.row, amount_minor, leaf.start, leaf.rows, leaf.proof, info)


def leaf_of(session: Session, root: bytes, row: int) -> LeafProof:
    """The leaf of a row of a stored batch, with its proof."""
    return _kept_tree(session, root).leaf_proof(row)


def _kept_tree(session: Session, root: bytes) -> RowTree:
    """A batch's tree; many rows of one batch come back one after the other."""
    tree = _trees.pop(root, None) or row_tree(session, root)
    _trees[root] = tree
    if len(_trees) > TREES_KEPT:
        del _trees[next(iter(_trees))]
    return tree
