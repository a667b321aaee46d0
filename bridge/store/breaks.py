"""Queries over breaks."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.store.models import BreakModel, BreakState

__all__ = ["confirmed", "listing", "not_gone"]


def confirmed(session: Session, tree: bytes) -> Sequence[BreakModel]:
    """Breaks of an account that two people explained."""
    rows = select(BreakModel).where(BreakModel.tree == tree, BreakModel.state == BreakState.CONFIRMED)
    return session.scalars(rows).all()


def not_gone(session: Session, tree: bytes) -> Sequence[BreakModel]:
    """Breaks of an account that the last run still found."""
    rows = select(BreakModel).where(BreakModel.tree == tree, BreakModel.state != BreakState.GONE)
    return session.scalars(rows).all()


def listing(session: Session, state: str | None) -> Sequence[BreakModel]:
    """Breaks in a state, or all that are not gone; oldest first."""
    rows = select(BreakModel)
    rows = rows.where(BreakModel.state != BreakState.GONE if state is None else BreakModel.state == state)
    return session.scalars(rows.order_by(BreakModel.first_run, BreakModel.fingerprint)).all()
