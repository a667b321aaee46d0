"""A node as one object: chain, pool and producer of a data directory, held by one process."""

import fcntl
import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from node.chain import Chain, open_chain
from node.errors import NodeError, SetupError
from node.genesis import Network
from node.keys import load_key
from node.mempool import Mempool
from node.producer import Producer

LOCK_NAME = "lock"
THREAD_STACK_BYTES = 64 * 1024 * 1024
"""1,024 nested EVM calls are thousands of Python frames; address space only, until used."""

log = logging.getLogger(__name__)


def _ignore(_: NodeError) -> None:
    return


class Node:
    """Owns a data directory while it runs; used as a context manager, it starts and stops with the block."""

    def __init__(
        self, directory: Path, password: str | None = None, heartbeat_seconds: float | None = None
    ) -> None:
        """Open a data directory made by ``dyetrace node init``.

        Args:
            password: of the authority's keystore, if the key is encrypted.
            heartbeat_seconds: see ``Producer``.

        Raises:
            SetupError: another process runs it, or file, key and database don't fit.
            StoreError: the database is damaged.
        """
        network = Network.load(directory)
        self._lock_file = (directory / LOCK_NAME).open("w")
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.chain: Chain = open_chain(directory, network, load_key(directory, password))
        except BlockingIOError as exc:
            self._lock_file.close()
            raise SetupError(f"{directory} is in use by another node process") from exc
        except NodeError:
            self._lock_file.close()
            raise
        self.pool = Mempool(network.gas_limit, network.allowed_senders, self.chain.account_at_head)
        self.on_failure: Callable[[NodeError], None] = _ignore
        """Told, from the producer's thread, when no further block can be made."""
        threading.stack_size(THREAD_STACK_BYTES)
        self._producer = Producer(self.chain, self.pool, self._fail, heartbeat_seconds)

    def start(self) -> None:
        """Begin to make blocks."""
        self._producer.start()

    def _fail(self, error: NodeError) -> None:
        self.on_failure(error)

    def stop(self) -> None:
        """Finish the block under construction and release the directory."""
        self._producer.stop()
        self.chain.store.close()
        self._lock_file.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
