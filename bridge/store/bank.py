"""Queries over bank messages, movements, credits and what they are matched with."""

from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from bridge.store.models import (
    AttestationModel,
    CreditModel,
    MessageModel,
    MessageState,
    MovementModel,
    RuleModel,
    SettingModel,
    SightingModel,
    StatementModel,
    SupervisedAccountModel,
    TaskModel,
)

__all__ = [
    "account_by_name",
    "account_by_number",
    "close_task",
    "credits_after",
    "credits_of_tree",
    "digest_of_sighting",
    "latest_attestation",
    "latest_statement",
    "message_by_key",
    "movement_by_reference",
    "movements_of_tree",
    "open_tasks",
    "put_task",
    "rules",
    "set_setting",
    "setting",
    "sightings_of_tree",
    "statements_of_tree",
    "supervised_accounts",
    "unapplied_movements",
    "unread_messages",
]


def setting(session: Session, name: str, default: int = 0) -> int:
    """A numeric setting."""
    row = session.get(SettingModel, name)
    return default if row is None else int(row.value)


def set_setting(session: Session, name: str, value: int) -> None:
    """Set a numeric setting."""
    session.merge(SettingModel(name=name, value=value))


def message_by_key(session: Session, key: str) -> MessageModel | None:
    """A bank message by the bank's own key."""
    return session.scalar(select(MessageModel).where(MessageModel.bank_key == key))


def unread_messages(session: Session, limit: int) -> Sequence[int]:
    """Ids of stored messages nobody has read yet, oldest first."""
    rows = select(MessageModel.id).where(MessageModel.state == MessageState.STORED)
    return session.scalars(rows.order_by(MessageModel.id).limit(limit)).all()


def supervised_accounts(session: Session) -> Sequence[SupervisedAccountModel]:
    """All supervised accounts."""
    return session.scalars(select(SupervisedAccountModel).order_by(SupervisedAccountModel.name)).all()


def account_by_number(session: Session, number: str) -> SupervisedAccountModel | None:
    """A supervised account by its bank number."""
    return session.scalar(select(SupervisedAccountModel).where(SupervisedAccountModel.number == number))


def account_by_name(session: Session, name: str) -> SupervisedAccountModel | None:
    """A supervised account by name."""
    return session.scalar(select(SupervisedAccountModel).where(SupervisedAccountModel.name == name))


def rules(session: Session, tree: bytes) -> Sequence[RuleModel]:
    """The identification rules of an account, first to try first."""
    return session.scalars(select(RuleModel).where(RuleModel.tree == tree).order_by(RuleModel.priority)).all()


def movement_by_reference(session: Session, tree: bytes, reference: str) -> MovementModel | None:
    """A movement by the bank's reference."""
    rows = select(MovementModel).where(MovementModel.tree == tree, MovementModel.bank_reference == reference)
    return session.scalar(rows)


def debit_of(session: Session, end_to_end_id: str) -> MovementModel | None:
    """The first debit the bank booked for a payout."""
    rows = select(MovementModel).where(
        MovementModel.end_to_end_id == end_to_end_id, MovementModel.direction == "debit"
    )
    return session.scalars(rows.order_by(MovementModel.id)).first()


def credits_after(session: Session, tree: bytes, currency: str, after: int) -> tuple[int, int]:
    """Credits of an account past a movement's id: the newest one's id, `after` if none, and their sum."""
    newest, total = session.execute(
        select(func.max(MovementModel.id), func.sum(MovementModel.amount_minor)).where(
            MovementModel.tree == tree,
            MovementModel.currency == currency,
            MovementModel.direction == "credit",
            MovementModel.id > after,
        )
    ).one()
    return newest or after, int(total or 0)


def digest_of_sighting(session: Session, movement: int) -> bytes | None:
    """Digest of the latest message that reported a movement."""
    rows = select(MessageModel.digest).join(SightingModel, SightingModel.message == MessageModel.id)
    return session.scalar(
        rows.where(SightingModel.movement == movement).order_by(MessageModel.id.desc()).limit(1)
    )


def latest_attestation(session: Session, tree: bytes) -> AttestationModel | None:
    """What was attested of an account last."""
    rows = select(AttestationModel).where(AttestationModel.tree == tree)
    return session.scalar(rows.order_by(AttestationModel.id.desc()).limit(1))


def unapplied_movements(session: Session, limit: int) -> Sequence[MovementModel]:
    """Booked movements nothing has been done about yet: the least tried first, of those the oldest."""
    rows = select(MovementModel).where(MovementModel.applied.is_(False))
    return session.scalars(rows.order_by(MovementModel.attempts, MovementModel.id).limit(limit)).all()


def movements_of_tree(session: Session, tree: bytes) -> Sequence[MovementModel]:
    """All movements of an account, oldest first."""
    rows = select(MovementModel).where(MovementModel.tree == tree).order_by(MovementModel.id)
    return session.scalars(rows).all()


def sightings_of_tree(session: Session, tree: bytes) -> Sequence[SightingModel]:
    """Which messages reported which movements of an account."""
    rows = select(SightingModel).join(MovementModel, MovementModel.id == SightingModel.movement)
    return session.scalars(rows.where(MovementModel.tree == tree)).all()


def statements_of_tree(session: Session, tree: bytes) -> Sequence[StatementModel]:
    """All statements of an account, in the order the bank numbered them."""
    rows = select(StatementModel).where(StatementModel.tree == tree)
    return session.scalars(rows.order_by(StatementModel.to_date, StatementModel.id)).all()


def statement_of(session: Session, tree: bytes, report_id: str, to_date: date) -> StatementModel | None:
    """A statement by the bank's id of it; banks begin to count again every year."""
    rows = select(StatementModel).where(
        StatementModel.tree == tree, StatementModel.report_id == report_id, StatementModel.to_date == to_date
    )
    return session.scalar(rows)


def latest_statement(session: Session, tree: bytes) -> StatementModel | None:
    """The last statement of an account."""
    found = statements_of_tree(session, tree)
    return found[-1] if found else None


def bank_date(session: Session) -> date | None:
    """The latest day the bank has told of: its calendar, not ours. A day it has closed is over."""
    booked = session.scalar(select(func.max(MovementModel.booking_date)))
    closed = session.scalar(select(func.max(StatementModel.to_date)))
    today = None if closed is None else closed + timedelta(days=1)
    return max((day for day in (booked, today) if day is not None), default=None)


def credits_of_tree(session: Session, tree: bytes) -> Sequence[CreditModel]:
    """What was done about the inbound credits of an account."""
    return session.scalars(select(CreditModel).where(CreditModel.tree == tree)).all()


def put_task(session: Session, kind: str, subject: str, /, **detail: object) -> None:
    """Give the tellers a task, once for a subject; a closed one opens again."""
    task = session.scalar(select(TaskModel).where(TaskModel.kind == kind, TaskModel.subject == subject))
    if task is None:
        session.add(TaskModel(kind=kind, subject=subject, detail=detail))
    elif not task.open:
        task.open, task.detail = True, detail


def close_task(session: Session, kind: str, subject: str) -> None:
    """Close a task if there is one."""
    rows = select(TaskModel).where(TaskModel.kind == kind, TaskModel.subject == subject)
    for task in session.scalars(rows):
        task.open = False


def open_tasks(session: Session) -> Sequence[TaskModel]:
    """Work that waits for a teller, oldest first."""
    return session.scalars(select(TaskModel).where(TaskModel.open).order_by(TaskModel.id)).all()


def delete_rules(session: Session, tree: bytes) -> None:
    """Drop the rules of an account."""
    session.execute(delete(RuleModel).where(RuleModel.tree == tree))


def credit_by_reference(session: Session, reference: bytes) -> CreditModel | None:
    """A credit by its keyed reference on chain."""
    return session.scalar(select(CreditModel).where(CreditModel.reference == reference))


def credit_by_bank_reference(session: Session, reference: str) -> CreditModel | None:
    """A credit by the bank's reference."""
    rows = select(CreditModel).join(MovementModel, MovementModel.id == CreditModel.movement)
    return session.scalars(rows.where(MovementModel.bank_reference == reference)).first()


def read_again(session: Session, refusal_code: str) -> None:
    """Have messages read again that were refused for a reason that may be gone."""
    rows = select(MessageModel).where(MessageModel.refusal_code == refusal_code)
    for message in session.scalars(rows.where(MessageModel.state == MessageState.REFUSED)):
        message.state = MessageState.STORED
        message.refusal_code = message.refusal = None
        close_task(session, "message-refused", str(message.id))
