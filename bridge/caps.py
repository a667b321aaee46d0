"""Caps get back what they counted and what did not stay paid: returned, skipped or released.

The contracts leave that to whoever calls (`Disbursement.restore`, `restore_payee`): no return waits for an
agreement. Without it a payee whose payout bounced could not be paid again before the next window.
"""

from collections.abc import Iterator, Sequence

import structlog
from sqlalchemy.orm import Session

from bridge.chain import Call
from bridge.errors import ChainError, ChainRefused, ChainUnreachable
from bridge.platform import Platform
from bridge.returns import leaf_of
from bridge.store import bank as store
from bridge.store import payments, projections
from bridge.store.chain_models import BatchRow, GaveBackRow
from contracts.terms import Kind

__all__ = ["restore"]

CURSOR = "caps-restored"
"""The setting that names the last of `chain_gave_back` that was looked at."""
ROWS_A_TURN = 100

log = structlog.get_logger(__name__)


def restore(platform: Platform) -> int:
    """Queue what gives back to caps and documents; returns how many calls.

    What changes nothing, because an agreement did it or somebody else was first, is passed over.
    """
    with platform.database.read() as session:
        since = store.setting(session, CURSOR)
        gone = projections.gave_back_after(session, since, ROWS_A_TURN)
        wanted = list(_wanted(platform, session, gone))
    if not gone:
        return 0
    calls = [(key, call) for key, call in wanted if _changes(platform, key, call)]
    with platform.database.begin() as session:
        if store.setting(session, CURSOR) != since:
            return 0
        store.set_setting(session, CURSOR, gone[-1].id)
        return sum(platform.queue(session, key, call) for key, call in calls)


def _wanted(platform: Platform, session: Session, gone: Sequence[GaveBackRow]) -> Iterator[tuple[str, Call]]:
    """The calls, with the keys they are queued under: one a batch, and one a row where payees have caps."""
    rows: dict[bytes, set[int]] = {}
    for each in gone:
        rows.setdefault(each.batch, set()).update(() if each.row is None else (each.row,))
    for identity, numbers in rows.items():
        batch = session.get(BatchRow, identity)
        if batch is None or batch.agreement == platform.chain.deployment.Supervision:
            # From custody, where nothing is capped.
            continue
        restore = platform.chain.call("Disbursement", "restore", identity, at=batch.agreement)
        yield f"restore:{identity.hex()}:{gone[-1].id}", restore
        held = payments.batch_by_id(session, identity)
        if held is not None and numbers and _caps_payees(platform, batch):
            yield from _of_payees(platform, session, batch, held.root, numbers)


def _of_payees(
    platform: Platform, session: Session, batch: BatchRow, root: bytes, numbers: set[int]
) -> Iterator[tuple[str, Call]]:
    """The calls for rows that are back in whole; only who has the rows of a batch can prove them."""
    whole = {row.row for row in projections.gone_rows(session, batch.batch) if row.kind != "skipped"}
    for number in sorted(numbers & whole):
        leaf = leaf_of(session, root, number)
        arguments = (batch.batch, number, leaf.start, leaf.rows, leaf.proof)
        call = platform.chain.call("Disbursement", "restore_payee", *arguments, at=batch.agreement)
        yield f"restore:{batch.batch.hex()}:row:{number}", call


def _caps_payees(platform: Platform, batch: BatchRow) -> bool:
    """Whether the terms a batch was reserved under cap what a payee gets."""
    try:
        terms = platform.chain.read("Disbursement", "terms", at=batch.agreement, block=batch.block)
    except ChainUnreachable:
        raise
    except ChainError:
        # The node keeps no state of so long ago: a call that gives nothing back does no harm.
        return True
    return any(guard.kind == Kind.PAYEE_CAP for guard in terms)


def _changes(platform: Platform, key: str, call: Call) -> bool:
    """Whether a call would do anything now: a batch's answers what it gives back, a row's nothing."""
    try:
        answer = platform.try_call(call)
    except ChainRefused as refusal:
        log.info("caps-unchanged", key=key, code=refusal.code)
        return False
    return not answer or any(answer)
