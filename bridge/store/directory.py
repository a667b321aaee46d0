"""Queries over names, keys of the API and pending directory changes."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from sqlalchemy import select
from sqlalchemy.orm import Session

from bridge.setup import Change
from bridge.store.models import ApiKeyModel, ChangeModel, NameModel, RecoveryModel
from contracts.ids import name_id

__all__ = [
    "announced",
    "api_key",
    "decoded",
    "encoded",
    "names",
    "put_announced",
    "put_name",
    "put_names",
    "set_queued",
    "unapplied_changes",
    "unapplied_recoveries",
]


def encoded(changes: Iterable[Change]) -> list[list[object]]:
    """Changes as JSON."""
    return [
        [kind, subject.hex(), institution.hex(), who, operand]
        for kind, subject, institution, who, operand in changes
    ]


def decoded(row: ChangeModel | RecoveryModel) -> list[Change]:
    """Changes from JSON."""
    return [
        (kind, bytes.fromhex(subject), bytes.fromhex(institution), who, operand)
        for kind, subject, institution, who, operand in row.changes
    ]


def unapplied_changes(session: Session) -> Sequence[ChangeModel]:
    """Announced changes not yet queued to be applied, oldest first."""
    rows = select(ChangeModel).where(ChangeModel.queued.is_(False))
    return session.scalars(rows.order_by(ChangeModel.nonce)).all()


def unapplied_recoveries(session: Session) -> Sequence[RecoveryModel]:
    """Announced recoveries not yet queued to be applied, oldest first."""
    rows = select(RecoveryModel).where(RecoveryModel.queued.is_(False))
    return session.scalars(rows.order_by(RecoveryModel.nonce)).all()


def put_announced(session: Session, changes: Iterable[Change], nonce: int, is_recovery: bool) -> None:
    """Keep what is announced under a number, in the place of what failed to be."""
    model = RecoveryModel if is_recovery else ChangeModel
    session.merge(model(nonce=nonce, changes=encoded(changes), queued=False))


def announced(session: Session, nonce: int, is_recovery: bool) -> list[Change]:
    """What was announced under a number."""
    return decoded(
        session.get_one(RecoveryModel, nonce) if is_recovery else session.get_one(ChangeModel, nonce)
    )


def set_queued(session: Session, nonce: int, is_recovery: bool) -> None:
    """Note that what was announced under a number is queued to be applied."""
    row = session.get_one(RecoveryModel, nonce) if is_recovery else session.get_one(ChangeModel, nonce)
    row.queued = True


def names(session: Session) -> dict[bytes, str]:
    """Every public name by its id on chain."""
    return {row.id: row.name for row in session.scalars(select(NameModel))}


def put_name(session: Session, name: str, label: str | None = None) -> bytes:
    """Keep the name behind an id; returns the id."""
    identity = name_id(name)
    held = session.get(NameModel, identity)
    if held is None:
        session.add(NameModel(id=identity, name=name, label=label))
    elif label is not None:
        held.label = label
    return identity


def put_names(session: Session, given: Iterable[str]) -> None:
    """Keep several names."""
    for name in given:
        put_name(session, name)


def api_key(session: Session, secret: str) -> ApiKeyModel | None:
    """Whose key a secret is."""
    digest = sha256(secret.encode()).digest()
    return session.scalar(select(ApiKeyModel).where(ApiKeyModel.digest == digest))
