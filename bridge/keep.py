"""Keeping: acts whose time has come and that anyone may do, such as applying announced changes."""

import time

from eth_abi.abi import encode
from eth_utils.crypto import keccak
from sqlalchemy.orm import Session

from bridge.chain import Call
from bridge.errors import ChainRefused
from bridge.platform import Platform
from bridge.setup import Change
from bridge.store import directory, payments, projections
from bridge.store.chain_models import AnnouncementRow
from bridge.store.models import ChangeModel, RecoveryModel
from contracts.artifacts import TEMPLATES
from contracts.ids import account_line, name_id
from contracts.typed_data import TypedMessage

__all__ = [
    "apply_changes",
    "change_content",
    "change_key",
    "clear",
    "recovery_message",
    "release_expired",
    "release_stranded",
    "sweep_closed",
]

LAPSE_SECONDS = 30 * 86_400
"""How long announced changes can be applied once they are ready (`Directory.LAPSE_SECONDS`)."""
CLEAR_SECONDS = 15.0
"""Between two tries of an agreement that has nothing to move."""
NOBODY_SIGNS = b""
"""Once its terms are replaced anybody may cancel a batch."""


def change_content(changes: list[Change]) -> bytes:
    """The hash of directory changes that governors sign."""
    return keccak(encode(["(uint256,bytes32,bytes32,address,uint256)[]"], [changes]))


def change_key(nonce: int) -> str:
    """The key of the transaction that applies announced changes."""
    return f"directory-apply:{nonce}"


def recovery_message(platform: Platform, changes: list[Change], nonce: int) -> TypedMessage:
    """What recovery signers sign; the hash of its struct is the id of the recovery."""
    return platform.chain.message("Recovery", "Directory", changes=change_content(changes), nonce=nonce)


def apply_changes(platform: Platform) -> int:
    """Queue announced directory changes and recoveries whose delay is over by chain time; returns how many.

    While a recovery waits, no other change is applied.
    """
    with platform.database.read() as session:
        changes = [
            (row.nonce, directory.decoded(row), _ready_at(session, _change_id(row)))
            for row in directory.unapplied_changes(session)
        ]
        recoveries = [
            (row.nonce, directory.decoded(row), _ready_at(session, _recovery_id(platform, row)))
            for row in directory.unapplied_recoveries(session)
        ]
    if not any(ready_at for *_, ready_at in (*changes, *recoveries)):
        return 0
    now = platform.chain.now()
    done = 0
    for nonce, content, ready_at in recoveries:
        if _is_due(ready_at, now):
            call = platform.chain.call("Directory", "apply_recovery", content, nonce)
            done += _queue_changes(platform, nonce, f"directory-apply:recovery:{nonce}", call, True)
    for nonce, content, ready_at in changes:
        if _is_due(ready_at, now) and not _is_recovering(platform):
            call = platform.chain.call("Directory", "apply", content, nonce)
            done += _queue_changes(platform, nonce, change_key(nonce), call, False)
    return done


def _is_due(ready_at: int | None, now: int) -> bool:
    return ready_at is not None and ready_at <= now <= ready_at + LAPSE_SECONDS


def _queue_changes(platform: Platform, nonce: int, key: str, call: Call, is_recovery: bool) -> int:
    with platform.database.begin() as session:
        done = platform.queue(session, key, call)
        directory.set_queued(session, nonce, is_recovery)
    return int(done)


def _is_recovering(platform: Platform) -> bool:
    return any(platform.chain.read("Directory", "pending_recovery"))


def _change_id(row: ChangeModel) -> bytes:
    return keccak(encode(["bytes32", "uint256"], [change_content(directory.decoded(row)), row.nonce]))


def _recovery_id(platform: Platform, row: RecoveryModel) -> bytes:
    return recovery_message(platform, directory.decoded(row), row.nonce).struct_hash


def _ready_at(session: Session, change: bytes) -> int | None:
    """From when on announced changes can be applied, chain time; None where they don't wait."""
    row = session.get(AnnouncementRow, change)
    return row.ready_at if row is not None and row.state == "announced" else None


def release_expired(platform: Platform) -> int:
    """Queue the release of batches past their deadline; returns how many."""
    with platform.database.read() as session:
        # The chain is asked for the time only where there is something to ask about.
        waiting = projections.expired_batches(session, int(time.time()))
        expired = [(row.batch, row.deadline) for row in waiting]
    released = 0
    for batch, deadline in expired:
        if platform.chain.now() <= deadline:
            continue
        release = platform.chain.call("Ledger", "release", batch)
        with platform.database.begin() as session:
            released += platform.queue(session, f"release:{batch.hex()}", release)
    return released


def clear(platform: Platform) -> int:
    """Queue what agreements with rules move by themselves where there is something to move; returns how many.

    One that cannot move anything now, because of a cap or a freeze, is asked again a while later.
    """
    with platform.database.read() as session:
        waiting = [
            (held.template.partition("@")[0], str(held.address), *line)
            for held in payments.agreements_in_force(session)
            if held.clears
            for line in [_line(session, name_id(held.account), name_id(held.dye_class))]
            if line[0] > line[1]
        ]
    done = 0
    for template, address, filled, emptied in waiting:
        key = f"clear:{address}:{filled}:{emptied}"
        if time.monotonic() < platform.not_before.get(key, 0.0):
            continue
        platform.not_before[key] = time.monotonic() + CLEAR_SECONDS
        call = platform.chain.call(TEMPLATES[template], "clear", at=address)
        try:
            platform.try_call(call)
        except ChainRefused:
            continue
        with platform.database.begin() as session:
            done += platform.queue(session, key, call)
    return done


def release_stranded(platform: Platform) -> int:
    """Queue the release of batches whose terms were replaced or retired; returns how many."""
    with platform.database.read() as session:
        stranded = [
            (batch.batch, batch.agreement, agreement.active)
            for batch, agreement in projections.stranded_batches(session)
        ]
    released = 0
    for batch, agreement, is_active in stranded:
        call = platform.chain.call
        release = call("Ledger", "release", batch)
        if is_active:
            release = call("Disbursement", "cancel", batch, NOBODY_SIGNS, at=agreement)
        with platform.database.begin() as session:
            released += platform.queue(session, f"release:{batch.hex()}", release)
    return released


def sweep_closed(platform: Platform) -> int:
    """Queue the way of what rests in closed accounts to the accounts above; returns how much was new."""
    with platform.database.read() as session:
        closed = projections.closed_accounts(session)
        # Nothing else of a turn asks for the classes.
        classes = projections.dye_classes(session) if closed else ()
        calls = [
            (f"sweep:{row.account.hex()}:{dye_class.hex()}:{filled}", row.account, dye_class)
            for row in closed
            for dye_class in classes
            for filled, emptied in [_line(session, row.account, dye_class)]
            if filled > emptied
        ]
    if not calls:
        return 0
    with platform.database.begin() as session:
        return sum(
            platform.queue(session, key, platform.chain.call("Ledger", "sweep", account, dye_class))
            for key, account, dye_class in calls
        )


def _line(session: Session, account: bytes, dye_class: bytes) -> tuple[int, int]:
    return projections.line_totals(session, account_line(account, dye_class))
