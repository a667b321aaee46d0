"""The block journal: one append-only file that holds every block of the chain, each with a checksum.

It's what makes a block durable: an append and one fdatasync. Everything else the node keeps follows from it.
A record is ``length, crc, number`` (4, 4 and 8 bytes, big endian) and the block's bytes; ``crc`` is CRC-32
over the number and the bytes. Nothing in the file is ever changed, so any prefix of it is an older journal.
"""

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from node.errors import StoreError

HEAD = struct.Struct(">II8s")
NUMBER = struct.Struct(">Q")
RECORD_MAX_BYTES = 1 << 30
"""A longer length can only be damage."""
SEARCH_MAX_BYTES = 1 << 26
"""How far behind a damaged record a readable one is looked for."""


@dataclass(frozen=True, slots=True)
class Record:
    """One block in the file."""

    number: int
    start: int
    end: int
    """Byte offset after the record."""
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a journal stops being readable."""

    start: int
    """Offset of the first byte that belongs to no record."""
    size: int
    """Bytes from there to the end of the file."""
    torn: bool
    """Nothing readable follows: what an append that was cut short leaves behind."""


class Journal:
    """An open journal. One thread appends; reads are safe from any thread."""

    def __init__(self, path: Path, *, durable: bool = True, read_only: bool = False) -> None:
        """Open the journal, or make an empty one.

        Args:
            durable: false for one that is thrown away; then nothing waits for the disk.
            read_only: for another process's journal.

        Raises:
            StoreError: it can't be opened.
        """
        self.path = path
        self._durable = durable
        try:
            flags = os.O_RDONLY if read_only else os.O_RDWR | os.O_CREAT
            self._file = os.open(path, flags | os.O_CLOEXEC, 0o644)
            _sync_directory(path.parent)
            self.end = os.fstat(self._file).st_size
        except OSError as exc:
            raise StoreError(f"{path} can't be opened: {exc.strerror}") from exc

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)

    def append(self, number: int, payload: bytes) -> tuple[int, int]:
        """Add a block and wait until it is on disk; returns its (start, end).

        Raises:
            StoreError: it isn't; the file is as before if the disk still lets us.
        """
        start = self.end
        key = NUMBER.pack(number)
        record = HEAD.pack(len(payload), _checksum(key, payload), key) + payload
        try:
            self._write(record, start)
            if self._durable:
                os.fdatasync(self._file)
        except OSError as exc:
            self.cut(start)
            raise StoreError(f"{self.path.name} can't take block {number}: {exc.strerror}") from exc
        self.end = start + len(record)
        return start, self.end

    def cut(self, end: int) -> None:
        """Drop everything from an offset on (``StoreError`` if the disk doesn't let us)."""
        try:
            os.ftruncate(self._file, end)
            os.fsync(self._file)
        except OSError as exc:
            raise StoreError(f"{self.path.name} can't be cut back: {exc.strerror}") from exc
        self.end = end

    def record_at(self, offset: int) -> Record | None:
        """The record that starts at an offset; ``None`` if there is no whole one."""
        head = os.pread(self._file, HEAD.size, offset)
        if len(head) < HEAD.size:
            return None
        length, checksum, key = HEAD.unpack(head)
        if length > RECORD_MAX_BYTES or offset + HEAD.size + length > self.end:
            return None
        payload = os.pread(self._file, length, offset + HEAD.size)
        if len(payload) < length or _checksum(key, payload) != checksum:
            return None
        return Record(NUMBER.unpack(key)[0], offset, offset + HEAD.size + length, payload)

    def records(self, offset: int = 0) -> Iterator[Record]:
        """The records from one that starts at ``offset`` on, up to the end or the first that is damaged."""
        while (record := self.record_at(offset)) is not None:
            yield record
            offset = record.end

    def damage_at(self, offset: int, number: int) -> Damage | None:
        """What is wrong with block ``number``'s record at ``offset``; ``None`` at the end of the file."""
        if offset >= self.end:
            return None
        return Damage(offset, self.end - offset, torn=not self._follows(offset, number + 1))

    def _follows(self, offset: int, number: int) -> bool:
        """Whether a readable record of block ``number`` stands somewhere behind ``offset``."""
        tail = os.pread(self._file, SEARCH_MAX_BYTES, offset)
        key = NUMBER.pack(number)
        place = tail.find(key)
        while place >= 0:
            start = offset + place - (HEAD.size - len(key))
            if start >= offset and self.record_at(start) is not None:
                return True
            place = tail.find(key, place + 1)
        return False

    def _write(self, data: bytes, offset: int) -> None:
        view = memoryview(data)
        while view:
            written = os.pwrite(self._file, view, offset)
            view, offset = view[written:], offset + written


def _sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _checksum(key: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(key))
