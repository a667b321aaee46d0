"""Queries over breaks."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bridge.store.models import BreakModel, BreakState, RunModel

__all__ = ["confirmed", "listing", "unconfirmed"]


def confirmed(session: Session, tree: bytes) -> Sequence[BreakModel]:
    """Breaks of an account that two people explained and that the last run still found.

    An explanation holds for what was seen: a break that went and comes again is explained anew.
    """
    last_run = select(func.max(RunModel.id)).where(RunModel.tree == tree).scalar_subquery()
    rows = select(BreakModel).where(
        BreakModel.tree == tree, BreakModel.state == BreakState.CONFIRMED, BreakModel.last_run == last_run
    )
    return session.scalars(rows).all()


def unconfirmed(session: Session, tree: bytes) -> Sequence[BreakModel]:
    """Breaks of an account that are open or proposed."""
    states = (BreakState.OPEN, BreakState.PROPOSED)
    return session.scalars(
        select(BreakModel).where(BreakModel.tree == tree, BreakModel.state.in_(states))
    ).all()


def listing(session: Session, state: str | None) -> Sequence[BreakModel]:
    """Breaks in a state, or all that are not gone; oldest first."""
    rows = select(BreakModel)
    rows = rows.where(BreakModel.state != BreakState.GONE if state is None else BreakModel.state == state)
    return session.scalars(rows.order_by(BreakModel.first_run, BreakModel.fingerprint)).all()
