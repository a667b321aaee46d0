"""Copying a data directory while a node runs on it.

The database is read beside its owner, as it was at one moment, through its checksums; of the journal, which
only ever grows, all whole records are taken. The copy is opened, and so brought up to its journal's end,
before it gets its name.
"""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.chain import DATABASE_NAME as STORE_NAME
from node.chain import open_chain
from node.engine import Engine, Entry, read_beside
from node.errors import DamagedStore, SetupError, StoreError
from node.genesis import NETWORK_FILE_NAME
from node.geth import GENESIS_FILE_NAME
from node.journal import Journal
from node.keys import KEYSTORE_NAME, PLAIN_KEY_NAME
from node.recovery import DATABASE_NAME, JOURNAL_NAME
from node.service import load_network
from node.tables import HEAD, HEAD_KEY

BATCH_BYTES = 8 << 20
ATTEMPTS = 5
"""The owner may drop a file while it is being opened here; then it is opened again."""
RULES = (NETWORK_FILE_NAME, GENESIS_FILE_NAME)
KEYS = (PLAIN_KEY_NAME, KEYSTORE_NAME)


@dataclass(frozen=True, slots=True)
class Backup:
    """A finished copy."""

    directory: Path
    head: int
    block_hash: bytes
    with_key: bool

    def as_json(self) -> dict[str, object]:
        """For the last line of ``dyetrace node backup``."""
        return {
            "data": str(self.directory),
            "head": self.head,
            "hash": f"0x{self.block_hash.hex()}",
            "with_key": self.with_key,
        }


def back_up(source: Path, target: Path, *, with_key: bool = False) -> Backup:
    """Copy the data directory ``source``, in use or not, to the new directory ``target``.

    Args:
        with_key: copy the authority's key too; whoever has the copy can then seal blocks.

    Raises:
        SetupError: there is no data directory, or ``target`` exists.
        StoreError: the source is damaged; there is no copy then.
    """
    network = load_network(source)
    if target.exists():
        raise SetupError(f"{target} exists; a backup is made in a new directory")
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / STORE_NAME).mkdir(parents=True)
        _copy_store(source / STORE_NAME, partial / STORE_NAME)
        for name in RULES + (KEYS if with_key else ()):
            if (source / name).exists():
                shutil.copy(source / name, partial / name)
        chain = open_chain(partial, network, None)
        head = chain.head
        chain.store.close()
        _sync_tree(partial)
        partial.rename(target)
    except OSError as exc:
        raise StoreError(f"The backup can't be written: {exc}") from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Backup(target, head.block_number, head.hash, with_key)


def _copy_store(source: Path, target: Path) -> None:
    head = _copy_database(source / DATABASE_NAME, target / DATABASE_NAME)
    _copy_journal(source / JOURNAL_NAME, target / JOURNAL_NAME, head)


def _copy_database(source: Path, target: Path) -> bytes:
    """Copy all entries; returns the one that names the head."""
    attempt = 0
    while True:
        attempt += 1
        try:
            owned, copy = read_beside(source), Engine.open(target)
            try:
                for batch in _batches(owned.scan(b"")):
                    copy.write(batch)
                head = copy.get(HEAD_KEY)
            finally:
                owned.close()
                copy.close()
        except DamagedStore:
            if attempt == ATTEMPTS:
                raise
            shutil.rmtree(target, ignore_errors=True)
        else:
            if head is None:
                raise StoreError(f"{source} holds no block yet")
            return head


def _batches(entries: Iterator[Entry]) -> Iterator[list[Entry]]:
    batch: list[Entry] = []
    size = 0
    for key, value in entries:
        batch.append((key, value))
        size += len(key) + len(value)
        if size > BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _copy_journal(source: Path, target: Path, head: bytes) -> None:
    """Copy the records, each checked: those up to the head's, and what has come since."""
    _, _, end = HEAD.unpack(head)
    read, copy = Journal(source, read_only=True), Journal(target, durable=False)
    try:
        for record in read.records():
            copy.append(record.number, record.payload)
        if copy.end < end:
            raise DamagedStore(f"{source} is damaged at byte {copy.end}; run: dyetrace node check")
    finally:
        read.close()
        copy.close()


def _sync_tree(directory: Path) -> None:
    for path in (directory, *directory.rglob("*")):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
