"""Chain → projections, by a cursor that knows the hash of the last block it took.

Only final blocks are indexed, so nothing indexed is ever undone. A cursor whose block is no longer on the
chain means another chain or an older copy of it: the bridge stops rather than guess.
"""

import structlog
from sqlalchemy.orm import Session

from bridge.chain import CONTRACTS, Chain
from bridge.errors import ChainDiverged
from bridge.projector import apply
from bridge.store import projections
from bridge.store.base import Database
from bridge.store.chain_models import BlockRow

__all__ = ["Indexer"]

BLOCKS_A_STEP = 500
CURSOR = "head"

log = structlog.get_logger(__name__)


class Indexer:
    """Keeps the projections of one database up with one chain."""

    def __init__(self, database: Database, chain: Chain, confirmations: int = 0) -> None:
        """`confirmations`: blocks on top that make a block final; 0 where blocks are final at once."""
        self.database = database
        self.chain = chain
        self.confirmations = confirmations

    def step(self) -> int:
        """Take the next final blocks; returns how many. Raises ChainDiverged."""
        with self.database.begin() as session:
            cursor = session.get(BlockRow, CURSOR)
            first = self.chain.deployment.first_block if cursor is None else cursor.number + 1
            if cursor is not None:
                self._check(cursor)
            last = min(self.chain.head() - self.confirmations, first + BLOCKS_A_STEP - 1)
            if last < first:
                return 0
            self._take(session, first, last)
            return last - first + 1

    def catch_up(self) -> int:
        """Take every final block; returns the number of the last."""
        while self.step():
            pass
        return self.indexed()

    def indexed(self) -> int:
        """Number of the last indexed block."""
        with self.database.begin() as session:
            cursor = session.get(BlockRow, CURSOR)
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

    def _take(self, session: Session, first: int, last: int) -> None:
        known = {getattr(self.chain.deployment, name) for name in CONTRACTS}
        known.update(projections.agreement_addresses(session))
        for entry in self.chain.logs(first, last, None):
            if entry["address"] not in known or bytes(entry["topics"][0]) not in self.chain.events:
                continue
            event = self.chain.decode(entry)
            apply(session, event)
            session.flush()
            if event.name == "AgreementDeployed":
                known.add(event["agreement"])
        block_hash = self.chain.block_hash(last)
        if block_hash is None:
            raise ChainDiverged("chain-diverged", f"Block {last} vanished while it was read; try again.")
        session.merge(BlockRow(name=CURSOR, number=last, hash=block_hash))
