"""Queries over transactions to the chain."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from bridge.store.models import TransactionModel, TransactionState

__all__ = ["by_key", "failed", "in_state", "next_nonce"]


def by_key(session: Session, key: str) -> TransactionModel | None:
    """The transaction queued under a key."""
    return session.scalar(select(TransactionModel).where(TransactionModel.key == key))


def in_state(session: Session, state: TransactionState, limit: int) -> Sequence[TransactionModel]:
    """Transactions in a state, oldest first."""
    rows = select(TransactionModel).where(TransactionModel.state == state).order_by(TransactionModel.id)
    return session.scalars(rows.limit(limit)).all()


def failed(session: Session, beginnings: Sequence[str], after: int, limit: int) -> Sequence[TransactionModel]:
    """Failed transactions past an id whose keys begin in one of these ways, oldest first."""
    rows = select(TransactionModel).where(
        TransactionModel.state == TransactionState.FAILED,
        TransactionModel.id > after,
        or_(*(TransactionModel.key.startswith(beginning) for beginning in beginnings)),
    )
    return session.scalars(rows.order_by(TransactionModel.id).limit(limit)).all()


def next_nonce(session: Session) -> int:
    """One past the highest nonce ever signed."""
    highest = session.scalar(select(func.max(TransactionModel.nonce)))
    return 0 if highest is None else highest + 1
