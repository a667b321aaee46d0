"""Institutions, signers and quorums: governors of two institutions announce, time passes, anyone applies."""

import time
from collections.abc import Sequence

from sqlalchemy.orm import Session

from bridge.chain import Call
from bridge.errors import ChainUnreachable, Conflict, Invalid, NotFound
from bridge.keep import change_content, change_key, recovery_message
from bridge.platform import WAIT_SECONDS, Mined, Platform
from bridge.services.acts import Act, perform
from bridge.setup import Change
from bridge.store import directory, projections
from bridge.store.models import ChangeModel
from contracts.ids import name_id
from contracts.terms import InstitutionKind, Role
from contracts.typed_data import TypedMessage

__all__ = [
    "announce",
    "announcement",
    "listing",
    "pending",
    "quorum_facts",
    "recovery",
    "rotation",
    "suspension",
    "withdrawal",
]


MAX_CHANGES = 64
"""Of one announcement, as in `Directory`."""


def announcement(
    platform: Platform, changes: Sequence[Change], names: Sequence[str], nonce: int | None = None
) -> Act:
    """Announce directory changes. `names` are the public names behind the ids in them.

    `nonce`: that of the announcement when it was signed; None for the next one.
    """
    if nonce is None:
        nonce = platform.chain.read("Directory", "next_nonce")
    content = change_content(list(changes))
    message = platform.chain.message("Changes", "Directory", changes=content, nonce=nonce)
    return _announced(platform, message, "announce", changes, names, nonce, False)


def recovery(
    platform: Platform, changes: Sequence[Change], names: Sequence[str], nonce: int | None = None
) -> Act:
    """Announce directory changes that need no governor, for when those are lost or rogue; as many recovery
    signers as their threshold says sign. They are applied after twice the delay, and nothing else meanwhile.

    `nonce`: that of the recovery when it was signed; None for the next one.
    """
    if nonce is None:
        nonce = platform.chain.read("Directory", "next_recovery_nonce")
    message = recovery_message(platform, list(changes), nonce)
    return _announced(platform, message, "announce_recovery", changes, names, nonce, True)


def _announced(
    platform: Platform,
    message: TypedMessage,
    function: str,
    changes: Sequence[Change],
    names: Sequence[str],
    nonce: int,
    is_recovery: bool,
) -> Act:
    """One number announces one thing: whose changes were not those is told so. What failed bars nobody."""
    if not changes:
        raise Invalid("changes-missing", "There is nothing to change; name an institution, signer or quorum.")
    if len(changes) > MAX_CHANGES:
        raise Invalid(
            "changes-too-many", f"{MAX_CHANGES} changes are announced at a time; announce the rest next."
        )
    listed = list(changes)

    def build(signatures: list[bytes]) -> Call:
        return platform.chain.call("Directory", function, listed, signatures)

    def on_queue(session: Session) -> None:
        directory.put_announced(session, listed, nonce, is_recovery)
        directory.put_names(session, names)

    def check() -> None:
        with platform.database.read() as session:
            if directory.announced(session, nonce, is_recovery) != listed:
                raise Conflict(
                    "changes-pending", "Other changes were announced under this number; prepare yours anew."
                )

    return Act(message, build, on_queue, key=str(nonce), check=check)


def announce(platform: Platform, act: Act, signatures: Sequence[bytes], nonce: int) -> Mined:
    """Announce and wait until the changes are applied. Raises ChainUnreachable when the delay is longer."""
    perform(platform, act, signatures)
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        with platform.database.read() as session:
            row = session.get(ChangeModel, nonce)
        if row is None:
            raise NotFound("changes-unknown", "These changes were never announced.")
        if row.queued:
            return platform.wait(change_key(nonce))
        platform.pause()
    raise ChainUnreachable(
        "chain-slow", "The changes are announced and will be applied when their delay is over; look later."
    )


def suspension(platform: Platform, address: str) -> Act:
    """Suspend a signer at once; a governor of its institution signs, or governors of two institutions."""
    record = platform.chain.read("Directory", "signer", address)
    message = platform.chain.message("Suspension", "Directory", signer=address, since=record.since)
    return Act(message, lambda signatures: platform.chain.call("Directory", "suspend", address, signatures))


def rotation(platform: Platform, old: str, new: str) -> Act:
    """Give a signer another key at once: both keys sign, and another governor of its institution or governors
    of two institutions."""
    record = platform.chain.read("Directory", "signer", old)
    message = platform.chain.message("Rotation", "Directory", signer=old, successor=new, since=record.since)
    return Act(message, lambda signatures: platform.chain.call("Directory", "rotate", old, new, signatures))


def withdrawal(platform: Platform, nonce: int, is_recovery: bool = False) -> Act:
    """Stop announced changes for ever; governors of two institutions sign, or the signers of a recovery.

    Raises NotFound.
    """
    with platform.database.read() as session:
        announced = projections.announcement(session, nonce, is_recovery)
    if announced is None or announced.state != "announced":
        raise NotFound("changes-unknown", "No changes wait under this number; list what was announced.")
    change = announced.change
    message = platform.chain.message("Withdrawal", "Directory", change=change)
    return Act(message, lambda signatures: platform.chain.call("Directory", "withdraw", change, signatures))


def pending(platform: Platform) -> list[dict[str, object]]:
    """Announced changes that wait, the next to be ready first."""
    with platform.database.read() as session:
        return [
            {
                "nonce": row.nonce,
                "change": "0x" + row.change.hex(),
                "ready_at": row.ready_at,
                "recovery": row.recovery,
            }
            for row in projections.announcements(session)
        ]


def listing(platform: Platform) -> list[dict[str, object]]:
    """Institutions with their signers and roles, from the projections."""
    with platform.database.read() as session:
        known = directory.names(session)
        signers = projections.signers(session)
        return [
            {
                "institution": known.get(row.institution, row.institution.hex()),
                "kind": InstitutionKind(row.kind).name.lower(),
                "signers": [
                    {
                        "address": each.address,
                        "roles": role_names(each.roles),
                        "successor": each.successor,
                    }
                    for each in signers
                    if each.institution == row.institution
                ],
            }
            for row in projections.institutions(session)
        ]


def role_names(roles: int) -> list[str]:
    """Roles as words."""
    return [role.name.lower() for role in Role if roles & role and role.name]


def quorum_facts(platform: Platform) -> dict[str, tuple[tuple[str, ...], int]]:
    """Quorums by name: members and threshold."""
    with platform.database.read() as session:
        known = directory.names(session)
        return {
            known.get(row.quorum, row.quorum.hex()): (
                tuple(sorted(known.get(m, m.hex()) for m in projections.quorum_members(session, row.quorum))),
                row.threshold,
            )
            for row in projections.quorums(session)
        }


def institution_id(platform: Platform, name: str) -> bytes:
    """The id of an institution that exists. Raises NotFound."""
    identity = name_id(name)
    if platform.chain.read("Directory", "institution_kind", identity) == 0:
        raise NotFound("institution-unknown", f"There is no institution {name!r}; onboard it first.")
    return identity
