"""The key-value engine under the store: RocksDB, one keyspace, every fault one of our errors.

RocksDB checks what it reads: log records, data blocks and its list of files carry checksums. Three traps
are measured in docs/decisions/0015. Its iterators end silently at a damaged block unless asked for their
status; a log damaged in the middle opens at the last record before; a list of files cut short forgets a
file without a word. The first is asked for here, the second is the journal's to mend, the third shows in
``forgotten_files``.
"""

import logging
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from rocksdict import (
    AccessType,
    BlockBasedOptions,
    Cache,
    DbClosedError,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    Rdict,
    WriteBatch,
)

from node.errors import DamagedStore, StoreError

CACHE_BYTES = 48 << 20
MEMTABLE_BYTES = 24 << 20
"""Written to a file when full; at most three stand in memory."""
BLOCK_BYTES = 8 << 10
FILTER_BITS = 10
LOG_BYTES_MAX = 1 << 20
DAMAGE = re.compile(r"Corruption|No such file|checksum|NotFound", re.IGNORECASE)

log = logging.getLogger(__name__)

Entry = tuple[bytes, bytes]


class Engine:
    """An open database. Reads are safe from any thread; batches are atomic."""

    def __init__(self, path: Path, database: Rdict) -> None:
        self.path = path
        self._database = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the database at ``path``, for this process alone.

        Raises:
            DamagedStore: files are damaged or missing; the message names one.
            StoreError: it can't be opened for another reason.
        """
        before = _table_files(path)
        engine = cls(path, _open(path, AccessType.read_write()))
        engine.forgotten_files = before - engine.live_files()
        return engine

    forgotten_files: frozenset[str] = frozenset()
    """Data files that were there and aren't the database's any more: an unfinished flush or compaction leaves
    them, and a list of files that lost its end does."""

    def live_files(self) -> frozenset[str]:
        """Names of the data files the database is made of."""
        return frozenset(str(entry["name"]).lstrip("/") for entry in self._database.live_files())

    def close(self) -> None:
        """Flush and release the files; a full disk only makes the next start longer."""
        try:
            self._database.close()
        except Exception as exc:  # noqa: BLE001 - RocksDB has no other error type
            log.warning("%s", _error(exc, self.path))

    def get(self, key: bytes) -> bytes | None:
        """The value of a key.

        Raises:
            DamagedStore: the block of the file that holds it fails its checksum.
            StoreError: the database is closed or can't be read.
        """
        try:
            value: bytes | None = self._database.get(key)
        except Exception as exc:
            raise _error(exc, self.path) from exc
        return value

    def scan(self, prefix: bytes, start: bytes = b"") -> Iterator[Entry]:
        """Entries whose key begins with ``prefix``, from ``prefix + start`` on, in order; as of now.

        Raises:
            DamagedStore: a file is damaged; nothing is left out silently.
        """
        cursor = self._database.iter()
        cursor.seek(prefix + start)
        while cursor.valid():
            key: bytes = cursor.key()
            if not key.startswith(prefix):
                return
            yield key, cursor.value()
            cursor.next()
        try:
            cursor.status()
        except Exception as exc:
            raise _error(exc, self.path) from exc

    def write(self, puts: Iterable[Entry], deletes: Iterable[bytes] = ()) -> None:
        """Write all or nothing; a killed process loses none of it, a power cut may lose the last batches.

        Raises:
            StoreError: the disk is full or fails; the database takes no more writes.
        """
        batch = WriteBatch(raw_mode=True)
        for key, value in puts:
            batch.put(key, value)
        for key in deletes:
            batch.delete(key)
        try:
            self._database.write(batch)
        except Exception as exc:
            raise _error(exc, self.path) from exc

    def compact(self, prefix: bytes) -> None:
        """Give deleted entries' space under a prefix back; other threads wait: rocksdict keeps the GIL."""
        self._database.compact_range(prefix, prefix + b"\xff" * 64)

    def sync(self) -> None:
        """Wait until all that was written is on disk."""
        try:
            self._database.flush_wal(True)
        except Exception as exc:
            raise _error(exc, self.path) from exc


def read_beside(path: Path) -> "Engine":
    """The database of another, running process, as it is now, for reading only.

    RocksDB's secondary instance: it follows the owner's files without its lock.
    """
    with tempfile.TemporaryDirectory(prefix="dyetrace-") as logs:
        return Engine(path, _open(path, AccessType.secondary(logs)))


def _open(path: Path, access: AccessType) -> Rdict:
    try:
        return Rdict(str(path), _options(), access_type=access)
    except Exception as exc:
        raise _error(exc, path) from exc


def _options() -> Options:
    tables = BlockBasedOptions()
    tables.set_block_cache(Cache(CACHE_BYTES))
    tables.set_bloom_filter(FILTER_BITS, False)
    tables.set_block_size(BLOCK_BYTES)
    tables.set_cache_index_and_filter_blocks(True)  # else they grow with the database, outside the cache
    tables.set_pin_l0_filter_and_index_blocks_in_cache(True)
    options = Options(raw_mode=True)
    options.create_if_missing(True)
    options.set_block_based_table_factory(tables)
    options.set_compression_type(DBCompressionType.none())  # nearly all of it is hashes
    options.set_write_buffer_size(MEMTABLE_BYTES)
    options.set_paranoid_checks(True)
    options.set_wal_recovery_mode(DBRecoveryMode.point_in_time())
    options.set_max_open_files(-1)  # all files are opened, and their sizes and footers checked, at once
    options.set_keep_log_file_num(2)
    options.set_max_log_file_size(LOG_BYTES_MAX)
    return options


def _table_files(path: Path) -> frozenset[str]:
    return frozenset(entry.name for entry in path.glob("*.sst"))


def _error(exc: Exception, path: Path) -> StoreError:
    """RocksDB's only error type says what happened in words."""
    text = " ".join(str(exc).split())
    if isinstance(exc, DbClosedError):
        return StoreError(f"the database {path} is closed")
    if DAMAGE.search(text):
        return DamagedStore(f"the database {path} is damaged: {text}")
    if "lock" in text:
        return StoreError(f"the database {path} is in use by another process")
    return StoreError(f"the database {path} fails: {text}")
