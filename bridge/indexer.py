"""Chain → projections, by a cursor that knows the hash of the last block it took.

Only final blocks are indexed, so nothing indexed is ever undone. A cursor whose block is no longer on the
chain means another chain or an older copy of it: the bridge stops rather than guess. A log that no table
takes stops nobody: it is kept apart, where health shows it, and what follows is read.
"""

from collections.abc import Callable

import structlog
from sqlalchemy.exc import DataError, IntegrityError, NoResultFound
from sqlalchemy.orm import Session
from web3.types import LogReceipt

from bridge.chain import CONTRACTS, Chain
from bridge.errors import ChainDiverged
from bridge.projector import Event, apply
from bridge.store import bank, projections
from bridge.store.base import Database
from bridge.store.chain_models import BlockRow, LotRow, ReferenceRow, UnstoredRow
from bridge.store.models import MovementModel, SupervisedAccountModel
from contracts.terms import MapKind

__all__ = ["Indexer"]

BLOCKS_A_STEP = 500
CURSOR = "head"
LEAVES_SUSPENSE = (MapKind.IDENTIFY, MapKind.CARVE, MapKind.REVERSE, MapKind.REOPEN)
"""Kinds of map that may take money out of suspense."""

UNSTORABLE = (OverflowError, DataError, IntegrityError, NoResultFound)
"""A number or text beyond its column; a row that is there already, or that a log kept apart did not make.

A missing row is the projector's fault where no log was kept apart: then the indexer stops.
"""

log = structlog.get_logger(__name__)


Take = Callable[[Session, Event], None]
"""What is done with one log."""


class Indexer:
    """Keeps the projections of one database up with one chain."""

    def __init__(self, database: Database, chain: Chain, confirmations: int = 0) -> None:
        """`confirmations`: blocks on top that make a block final; 0 where blocks are final at once."""
        self.database = database
        self.chain = chain
        self.confirmations = confirmations

    def step(self, until: int | None = None) -> int:
        """Take the next final blocks, up to a number if given; returns how many. Raises ChainDiverged."""
        before = self._cursor()
        first = self.chain.deployment.first_block if before is None else before.number + 1
        if before is not None:
            self._check(before)
        final = self.chain.head() - self.confirmations
        last = min(final if until is None else min(final, until), first + BLOCKS_A_STEP - 1)
        if last < first:
            return 0
        logs = self.chain.logs(first, last, None)
        block_hash = self.chain.block_hash(last)
        if block_hash is None:
            raise ChainDiverged("chain-diverged", f"Block {last} vanished while it was read; try again.")
        cursor = BlockRow(name=CURSOR, number=last, hash=block_hash)
        try:
            self._store(before, cursor, logs, _apply)
        except UNSTORABLE:
            self._store(before, cursor, logs, _apply_or_keep_apart)
        return last - first + 1

    def _store(self, before: BlockRow | None, cursor: BlockRow, logs: list[LogReceipt], take: Take) -> None:
        """Take logs and move the cursor past them, unless somebody else did."""
        with self.database.begin() as session:
            now = session.get(BlockRow, CURSOR)
            if (now and now.number) == (before and before.number):
                self._take(session, logs, take)
                session.merge(cursor)

    def _cursor(self) -> BlockRow | None:
        with self.database.read() as session:
            return session.get(BlockRow, CURSOR)

    def catch_up(self, until: int | None = None) -> int:
        """Take every final block, up to a number if given; returns the number of the last."""
        while self.step(until):
            pass
        return self.indexed()

    def indexed(self) -> int:
        """Number of the last indexed block."""
        cursor = self._cursor()
        return self.chain.deployment.first_block - 1 if cursor is None else cursor.number

    def _check(self, cursor: BlockRow) -> None:
        found = self.chain.block_hash(cursor.number)
        if found != cursor.hash:
            raise ChainDiverged(
                "chain-diverged",
                f"Block {cursor.number} was indexed and is not on this chain any more. Restore the data of "
                "the chain, or the database that belongs to it; nothing is sent until they agree.",
                block=cursor.number,
            )

    def _take(self, session: Session, logs: list[LogReceipt], take: Take) -> None:
        known = {getattr(self.chain.deployment, name) for name in CONTRACTS}
        known.update(projections.agreement_addresses(session))
        for entry in logs:
            if entry["address"] not in known or bytes(entry["topics"][0]) not in self.chain.events:
                continue
            event = self.chain.decode(entry)
            take(session, event)
            if event.name == "AgreementDeployed":
                known.add(event["agreement"])


def _apply(session: Session, event: Event) -> None:
    apply(session, event)
    session.flush()
    if event.name == "Moved" and event["kind"] in LEAVES_SUSPENSE:
        _close_suspense(session, event["source"])
    if event.name == "ReturnClosed" and event["remainder"]:
        _put_suspense(session, event)


def _apply_or_keep_apart(session: Session, event: Event) -> None:
    try:
        with session.begin_nested():
            _apply(session, event)
    except UNSTORABLE as error:
        if isinstance(error, NoResultFound) and not projections.count_unstored(session):
            raise
        reason = type(error).__name__
        log.critical("log-unstored", name=event.name, address=event.address, block=event.block, error=reason)
        session.add(
            UnstoredRow(
                id=event.order,
                name=event.name,
                address=event.address,
                content=repr(dict(event.values)),
                reason=reason,
                block=event.block,
                transaction=event.transaction,
            )
        )


def _close_suspense(session: Session, line: bytes) -> None:
    """A lot's task is done once nothing of it rests in suspense."""
    lot = session.get(LotRow, line)
    if lot is None:
        return
    _, emptied = projections.line_totals(session, line)
    if emptied == lot.amount_minor:
        bank.close_task(session, "suspense", lot.reference.hex())


def _put_suspense(session: Session, event: Event) -> None:
    """What no payout drew of a credit waits for a teller, as any credit in suspense; whoever closed it."""
    account = session.get(SupervisedAccountModel, session.get_one(ReferenceRow, event["reference"]).tree)
    if account is None:
        # A copy that is made to be compared with holds projections alone.
        return
    credit = bank.credit_by_reference(session, event["reference"])
    movement = None if credit is None else session.get(MovementModel, credit.movement)
    bank.put_task(
        session,
        "suspense",
        event["lot"].hex(),
        lot=event["lot"].hex(),
        account=account.name,
        bank_reference=None if movement is None else movement.bank_reference,
        amount_minor=event["remainder"],
        currency=account.currency,
    )
