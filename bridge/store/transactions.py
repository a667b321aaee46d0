"""Queries over transactions to the chain."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.store.models import TransactionModel, TransactionState

__all__ = ["by_key", "in_state", "next_nonce"]


def by_key(session: Session, key: str) -> TransactionModel | None:
    """The transaction queued under a key."""
    return session.scalar(select(TransactionModel).where(TransactionModel.key == key))


def in_state(session: Session, state: TransactionState, limit: int) -> Sequence[TransactionModel]:
    """Transactions in a state, oldest first."""
    rows = select(TransactionModel).where(TransactionModel.state == state).order_by(TransactionModel.id)
    return session.scalars(rows.limit(limit)).all()


def next_nonce(session: Session) -> int | None:
    """One past the highest nonce ever signed, or None before the first."""
    highest = session.scalar(select(func.max(TransactionModel.nonce)))
    return None if highest is None else highest + 1
