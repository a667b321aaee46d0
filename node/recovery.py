"""Opening the store's two halves: what one of them lost is made good from the other, or damage is named."""

import logging
import shutil
from pathlib import Path

from node.engine import Engine
from node.errors import DamagedStore, StoreError
from node.journal import Journal
from node.tables import HEAD, HEAD_KEY, HEADERS, stored_block, stored_head

JOURNAL_NAME = "blocks.journal"
DATABASE_NAME = "database"
DAMAGED_NAME = "database.damaged"

log = logging.getLogger(__name__)


def open_halves(path: Path, *, durable: bool) -> tuple[Journal, Engine]:
    """Journal and database in the directory ``path``, made if there are none.

    Afterwards the journal is whole and has all the database's blocks. It may have more, to be run again.

    Raises:
        StoreError: they can't be opened, or both are damaged; the message says what to do.
    """
    path.mkdir(parents=True, exist_ok=True)
    journal = Journal(path / JOURNAL_NAME, durable=durable)
    try:
        database = _open_database(path / DATABASE_NAME, journal)
    except StoreError:
        journal.close()
        raise
    try:
        _mend_journal(journal, database)
    except StoreError:
        database.close()
        journal.close()
        raise
    return journal, database


def _open_database(path: Path, journal: Journal) -> Engine:
    """The database; if it is damaged, an empty one instead, to be filled from the journal."""
    try:
        database = Engine.open(path)
        if database.forgotten_files and not _headers_unbroken(database):
            database.close()
            raise DamagedStore(f"the database {path} has lost {', '.join(sorted(database.forgotten_files))}")
    except DamagedStore as exc:
        end, number = _readable_end(journal)
        damage = journal.damage_at(end, number + 1)
        if number < 0 or (damage and not damage.torn):
            raise DamagedStore(f"{exc}. {_beyond_repair(journal.path, number + 1, end)}") from exc
        aside = path.with_name(DAMAGED_NAME)
        log.error("%s; it is put aside as %s and made again from %s", exc, aside.name, journal.path.name)
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
        return Engine.open(path)
    return database


def _headers_unbroken(database: Engine) -> bool:
    """Whether every block up to the head is there: a lost file takes whole blocks with it."""
    value = database.get(HEAD_KEY)
    head = HEAD.unpack(value)[0] if value else -1
    return sum(1 for _ in database.scan(HEADERS)) == head + 1


def _mend_journal(journal: Journal, database: Engine) -> None:
    """Cut off an append that never ended; write again what the database has and the journal lost."""
    head, end = stored_head(database)
    first = number = -1 if head is None else head
    for record in journal.records(end):
        end, number = record.end, record.number
    damage = journal.damage_at(end, number + 1)
    if damage and not damage.torn:
        raise StoreError(_beyond_repair(journal.path, number + 1, damage.start))
    if damage:
        log.warning(
            "%s ended in %d bytes of an unfinished block %d, which are dropped",
            journal.path.name,
            damage.size,
            number + 1,
        )
        journal.cut(damage.start)
    if number > max(first, 0):
        log.warning(
            "the database ends before block %d; blocks up to %d are run again from %s",
            first + 1,
            number,
            journal.path.name,
        )
    elif head is not None and number == head and not _journal_has(journal, database, head):
        _refill(journal, database, head)


def _journal_has(journal: Journal, database: Engine, head: int) -> bool:
    """Whether the database's last block is where the database says (``StoreError`` if another one is)."""
    value = database.get(HEAD_KEY)
    number, start, end = HEAD.unpack(value) if value else (head, 0, 0)
    record = journal.record_at(start) if end <= journal.end else None
    if record is None or (record.number, record.end) != (number, end):
        return False
    if record.payload != stored_block(database, head).encode():
        raise StoreError(f"{journal.path} holds another block {head}: it's of another chain")
    return True


def _refill(journal: Journal, database: Engine, head: int) -> None:
    """The journal lost its end: write it again from the database."""
    end, number = _readable_end(journal)
    if number >= head:
        raise StoreError(f"{journal.path} and the database don't belong together")
    log.warning(
        "%s is damaged after block %d: blocks %d to %d are written to it again from the database",
        journal.path.name,
        number,
        number + 1,
        head,
    )
    journal.cut(end)
    start = end
    for lost in range(number + 1, head + 1):
        start, end = journal.append(lost, stored_block(database, lost).encode())
    database.write([(HEAD_KEY, HEAD.pack(head, start, end))])


def _readable_end(journal: Journal) -> tuple[int, int]:
    """Where the journal stops being readable: byte offset and the last block before it, -1 for none."""
    end, number = 0, -1
    for record in journal.records():
        end, number = record.end, record.number
    return end, number


def _beyond_repair(path: Path, number: int, offset: int) -> str:
    return (
        f"{path} is damaged at block {number} (byte {offset}), and the database can't make good for it: "
        "restore a backup of the data directory, or follow the network again as a replica"
    )
