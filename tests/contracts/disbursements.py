"""What people do to disbursements, and guards the tests have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import boa
from eth_account.signers.local import LocalAccount
from eth_hash.auto import keccak

from contracts.rows import RowTree
from contracts.terms import Guard, Kind, Refusal, disbursement_arguments
from tests.contracts.chain import Contract, refusal_of
from tests.contracts.world import (
    AUDITOR,
    PROGRESS,
    QUORUM_SIGNERS,
    TREE,
    WAGES,
    ZERO,
    World,
    approval_guard,
    bank_bridge,
    bank_governor,
    consents,
    now,
    operator,
    signed,
    witness,
)

DAY = 86_400
ALWAYS = Guard(0, Kind.TIME_WINDOW, 0, 2**40, DAY << 32)
"""A clause that is open at any time."""
OTHER = b"\7" * 32
REPORT = keccak(b"report")
INVOICE = keccak(b"invoice")
UNKNOWN = "disbursement: unknown batch"
ENDED = "disbursement: batch has ended"
CHANGED = "disbursement: terms changed"


def counter(name: str) -> bytes:
    """The key of a counter."""
    return keccak(name.encode())


def daily(
    clause: int, start: int, end: int, offset: int = 0, first: int = 0, last: int = 2**40, days: int = 0
) -> Guard:
    """A time window with daily hours, in seconds of a day that starts `offset` before UTC's."""
    return Guard(clause, Kind.TIME_WINDOW, first, last, start | end << 32 | offset << 64 | days << 96)


def evidence(clause: int, fresh: int = 3_600, needed: int = 0, party: bytes = AUDITOR) -> Guard:
    """Evidence of progress by the auditor, or by so many of a quorum."""
    return Guard(clause, Kind.EVIDENCE, fresh, needed, subject=PROGRESS, party=party)


def payee_cap(clause: int, most: int, window: int = 0, name: str = "payee") -> Guard:
    """A cap on what each payee gets."""
    return Guard(clause, Kind.PAYEE_CAP, most, window, subject=counter(name))


def disburse(world: World, guards: Sequence[Guard], money: int = 100_000) -> Contract:
    """An active disbursement of wages, with money to pay."""
    world.fund(money)
    return world.disbursement(guards)


def refused(
    world: World, payout: Contract, batch: bytes, tree: RowTree, rows_a_chunk: int = 256
) -> tuple[Any, ...]:
    """Clause, guard, code, limit and observed value of the refusal of what is left of a batch."""
    return said(refusal_of(lambda: world.execute(payout, batch, tree, rows_a_chunk)))


def refused_reservation(world: World, payout: Contract, tree: RowTree, **more: Any) -> tuple[Any, ...]:
    """Clause, guard, code, limit and observed value of the refusal of a reservation."""
    return said(refusal_of(lambda: world.reserve(payout, tree, **more)))


def said(held: Refusal) -> tuple[Any, ...]:
    """Clause, guard, code, limit and observed value of a refusal."""
    return (held.clause, held.guard, held.code, held.limit, held.observed)


def execute(payout: Contract, batch: bytes, tree: RowTree, number: int = 0, skip: bool = False) -> None:
    """Execute one chunk of eight rows."""
    chunk = tree.chunks(8)[number]
    payout.execute(batch, chunk.rows, chunk.proof, skip, sender=bank_bridge)


def future_batch(
    world: World, payout: Contract, tree: RowTree, deadline: int, dye_class: bytes = WAGES
) -> bytes:
    """The id a batch will have."""
    held: bytes = world.ledger.batch_id(
        payout.address, TREE, dye_class, tree.root, len(tree.rows), tree.total_minor, deadline
    )
    return held


def revoke(payout: Contract, batch: bytes, by: LocalAccount) -> None:
    """Take an approval back."""
    payout.revoke(batch, signed(by, "Revocation", payout, batch=batch))


def attest(
    payout: Contract,
    batch: bytes,
    by: LocalAccount = witness,
    kind: bytes = PROGRESS,
    digest: bytes = REPORT,
    at: int | None = None,
) -> None:
    """Attest evidence, observed now unless another time is given."""
    values = {"batch": batch, "kind": kind, "digest": digest, "observedAt": now() if at is None else at}
    payout.attest(*values.values(), signed(by, "Evidence", payout, **values))


def countersign(payout: Contract, batch: bytes, by: LocalAccount) -> None:
    """Countersign a batch."""
    values = {"batch": batch, "terms": payout.terms_hash(), "document": payout.document_of(batch)}
    payout.countersign(batch, signed(by, "Countersignature", payout, **values))


def cancel(payout: Contract, batch: bytes, by: LocalAccount = operator) -> int:
    """Cancel a batch; gives what was released."""
    held: int = payout.cancel(batch, signed(by, "Cancellation", payout, batch=batch))
    return held


def adopt(world: World, payout: Contract, guards: Sequence[Guard], arguments: bytes | None = None) -> None:
    """Have the quorum adopt new terms."""
    content = arguments or disbursement_arguments(TREE, WAGES, tuple(guards))
    values = {
        "agreement": payout.address,
        "version": world.factory.instance(payout.address).version + 1,
        "arguments": keccak(content),
        "file": ZERO,
        "results": ZERO,
    }
    given = consents(QUORUM_SIGNERS, "Adoption", world.factory, **values)
    world.factory.adopt(payout.address, content, ZERO, ZERO, given)


def set_roster(
    payout: Contract, size: int, root: bytes = OTHER, by: Iterable[LocalAccount] = QUORUM_SIGNERS
) -> None:
    """Have the quorum extend the roster."""
    values = {"version": payout.roster().version + 1, "size": size, "root": root}
    payout.set_roster(size, root, consents(by, "Roster", payout, **values))


def set_blocked(payout: Contract, payee: int, blocked: bool, by: Iterable[LocalAccount]) -> None:
    """Block or unblock a payee."""
    values = {"payee": payee, "blocked": blocked, "nonce": payout.block_nonce()}
    payout.set_blocked(payee, blocked, consents(by, "Block", payout, **values))


def register_document(
    payout: Contract,
    document: bytes,
    payee: int,
    amount: int,
    kind: bytes = INVOICE,
    holder: bytes = AUDITOR,
    by: LocalAccount = witness,
) -> None:
    """Register a document."""
    values = {"document": document, "kind": kind, "holder": holder, "payee": payee, "amount": amount}
    payout.register_document(*values.values(), signed(by, "Document", payout, **values))


def waive(
    world: World, payout: Contract, batch: bytes, clause: int, seconds: int = DAY, account: bytes = TREE
) -> None:
    """Have the quorum waive a clause of a batch for a while."""
    until, terms = now() + seconds, payout.terms_hash()
    values = {"account": account, "batch": batch, "terms": terms, "clause": clause, "expiresAt": until}
    world.decided("Waiver", account, batch, terms, clause, until, **values)


def restore_payee(payout: Contract, batch: bytes, tree: RowTree, row: int) -> None:
    """Give a returned row back to the caps of its payee."""
    held = tree.leaf_proof(row)
    payout.restore_payee(batch, row, held.start, held.rows, held.proof)


def rotate(
    world: World, old: LocalAccount, new: LocalAccount, governor: LocalAccount = bank_governor
) -> None:
    """Give a signer another key."""
    values = {
        "signer": old.address,
        "successor": new.address,
        "since": world.directory.signer(old.address).since,
    }
    given = consents((old, new, governor), "Rotation", world.directory, **values)
    world.directory.rotate(old.address, new.address, given)


def pass_days(days: int) -> None:
    """Let days go by."""
    boa.env.timestamp += days * DAY


APPROVED = approval_guard()
