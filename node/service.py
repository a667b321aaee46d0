"""A node as one object: chain, pool and producer of a data directory, held by one process."""

import fcntl
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self, TypeVar

import httpx

from node.chain import Chain, open_chain
from node.errors import NodeError, SetupError
from node.genesis import Network
from node.geth import GENESIS_FILE_NAME, Genesis
from node.keys import load_key
from node.mempool import Admission, Mempool
from node.producer import Producer
from node.prune import Pruner
from node.replica import Follower

LOCK_NAME = "lock"
THREAD_STACK_BYTES = 64 * 1024 * 1024
"""1,024 nested EVM calls are thousands of Python frames; address space only, until used."""

Result = TypeVar("Result")

log = logging.getLogger(__name__)


def _ignore(_: NodeError) -> None:
    return


def load_network(directory: Path) -> Network | Genesis:
    """What a data directory is of: our own network or an imported one (``SetupError``)."""
    if (directory / GENESIS_FILE_NAME).exists():
        return Genesis.load(directory)
    return Network.load(directory)


@contextmanager
def open_directory(directory: Path) -> Iterator[Chain]:
    """The chain of a data directory that no other process uses, for as long as the block lasts.

    Raises:
        SetupError: another process runs it, or file and database don't fit.
        StoreError: the database is damaged.
    """
    network = load_network(directory)
    with _locked(directory):
        chain = open_chain(directory, network, None)
        try:
            yield chain
        finally:
            chain.store.close()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    with (directory / LOCK_NAME).open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            raise SetupError(f"{directory} is in use by another node process") from exc
        yield


def admission_of(network: Network | Genesis) -> Admission:
    """Who may send through this node; everyone on an imported network."""
    if isinstance(network, Network):
        return Admission(network.allowed_senders, network.allowed_deployers)
    return Admission()


def in_deep_thread(work: Callable[[], Result]) -> Result:
    """Do some work with a stack deep enough to run blocks."""
    threading.stack_size(THREAD_STACK_BYTES)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()


class Node:
    """Owns a data directory while it runs; used as a context manager, it starts and stops with the block."""

    def __init__(
        self,
        directory: Path,
        password: str | None = None,
        heartbeat_seconds: float | None = None,
        interval_seconds: float = 0,
        keep_states: int = 0,
        follow: httpx.URL | None = None,
    ) -> None:
        """Open a data directory made by ``dyetrace node init``; on an imported network nothing makes blocks.

        Args:
            password: of the authority's keystore, if the key is encrypted.
            heartbeat_seconds, interval_seconds: see ``Producer``.
            keep_states: see ``Pruner``; 0 to forget nothing.
            follow: the node whose blocks to verify and serve, instead of making any.

        Raises:
            SetupError: another process runs it, or file, key and database don't fit.
            StoreError: the database is damaged.
        """
        network = load_network(directory)
        makes_blocks = isinstance(network, Network) and follow is None
        with ExitStack() as opening:
            opening.enter_context(_locked(directory))
            key = load_key(directory, password) if makes_blocks else None
            self.chain: Chain = in_deep_thread(lambda: open_chain(directory, network, key))
            self._held = opening.pop_all()
        self.pool = Mempool(
            self.chain.next_context, admission_of(network), self.chain.account_at_head, self.tell
        )
        self.listeners: list[Callable[[], None]] = []
        """Told, from any thread, that the head moved or a transaction became ready; must be quick. They look
        themselves at what is new, so that none is missed and none comes twice."""
        self.on_failure: Callable[[NodeError], None] = _ignore
        """Told, from the producer's thread, when no further block can be made."""
        threading.stack_size(THREAD_STACK_BYTES)
        self._producer = (
            Producer(self.chain, self.pool, self._fail, self.tell, heartbeat_seconds, interval_seconds)
            if makes_blocks
            else None
        )
        """``None`` if others make the blocks."""
        self.follower = (
            None if follow is None else Follower(self.chain, follow, directory, self.tell, self._fail)
        )
        """Of a replica, what brings its blocks."""
        self._pruner = Pruner(self.chain.store, keep_states) if keep_states else None

    def start(self) -> None:
        """Begin to make blocks, or to follow."""
        if self._pruner:
            self._pruner.start()
        if self._producer:
            self._producer.start()
        if self.follower:
            self.follower.start()

    def tell(self) -> None:
        """Tell the listeners; whoever appends blocks to the chain calls it after each."""
        for listener in self.listeners:
            listener()

    def _fail(self, error: NodeError) -> None:
        self.on_failure(error)

    def stop_making(self) -> bool:
        """Finish the block under construction and make no further one.

        Returns:
            Whether that is done; a replica's verification may take longer than anybody waits.
        """
        self.pool.close()
        if self._producer:
            self._producer.stop()
        return self.follower is None or self.follower.stop()

    def stop(self) -> None:
        """Finish the block under construction and release the directory."""
        has_ended = self.stop_making()
        if self._pruner:
            self._pruner.stop()
        if has_ended:
            self.chain.store.close()
            self._held.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
