"""The block producer: one thread that turns ready transactions into blocks, at once or at an interval."""

import logging
import threading
import time
from collections.abc import Callable

from node.chain import Chain
from node.errors import ExecutionFault, NodeError
from node.mempool import Mempool
from node.transaction import Transaction

log = logging.getLogger(__name__)


class Producer:
    """Runs ``make_block`` whenever the pool has something ready."""

    def __init__(
        self,
        chain: Chain,
        pool: Mempool,
        on_failure: Callable[[NodeError], None],
        on_block: Callable[[], None],
        heartbeat_seconds: float | None,
        interval_seconds: float,
    ) -> None:
        """``on_failure`` is told, once, why no further block can be made; ``on_block`` of each block made.

        Args:
            heartbeat_seconds: after this long without a block an empty one is made, so that the latest
                block's time keeps up with the wall clock; ``None`` for never.
            interval_seconds: the least time from the start of one block to the start of the next; what
                becomes ready meanwhile shares the next one. Zero: a block as soon as something is ready.
        """
        self._heartbeat_seconds = heartbeat_seconds
        self._interval_seconds = interval_seconds
        self._chain = chain
        self._pool = pool
        self._on_failure = on_failure
        self._on_block = on_block
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="producer")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the block under construction, then end."""
        self._stopping.set()
        self._pool.close()
        self._thread.join()

    def _run(self) -> None:
        due = time.monotonic()
        while self._pool.wait_ready(self._heartbeat_seconds):
            if self._stopping.wait(max(0.0, due - time.monotonic())):
                return
            due = time.monotonic() + self._interval_seconds
            try:
                self._make_block(self._pool.ready())
            except NodeError as exc:
                log.critical("no block can be made: %s", exc)
                self._on_failure(exc)
                return
            except Exception:  # the thread's end: the node stops rather than go on without it
                log.exception("no block can be made")
                self._on_failure(NodeError("the block producer failed; the log has the details"))
                return

    def _make_block(self, ready: list[Transaction]) -> None:
        try:
            made = self._chain.make_block(ready, even_if_empty=not ready)
        except ExecutionFault as exc:
            log.exception("transaction 0x%s broke the EVM and is dropped", exc.transaction_hash.hex())
            self._pool.settle((), [entry for entry in ready if entry.hash == exc.transaction_hash])
            return
        for transaction, reason in made.refused:
            log.warning("dropped transaction 0x%s: %s", transaction.hash.hex(), reason)
        self._pool.settle(made.block.transactions if made.block else (), [entry for entry, _ in made.refused])
        if made.block:
            self._on_block()
            header = made.block.header
            log.info(
                "block %d: %d transactions, %d gas",
                header.block_number,
                len(made.block.transactions),
                header.gas_used,
            )
