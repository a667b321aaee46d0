"""The indexer and logs that no table takes: they are kept apart and shown, and what follows is read."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from eth_utils.crypto import keccak
from sqlalchemy.exc import NoResultFound, OperationalError

from bridge import indexer as indexing
from bridge.chain import CONTRACTS, Chain
from bridge.indexer import Indexer
from bridge.projector import Event
from bridge.store import bank, projections
from bridge.store.base import Database
from bridge.store.chain_models import LotRow, ReferenceRow, UnstoredRow
from bridge.store.models import SupervisedAccountModel
from contracts.ids import lot_line, name_id

TREE, CREDIT, OTHER = (name_id(name) for name in ("tree", "credit", "another"))
ZERO = bytes(32)
MOST = 2**63 - 1


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path / 'platform.db'}")
    made.migrate()
    yield made
    made.engine.dispose()


class Logs:
    """A chain of one log a block, of contracts that are all at one address."""

    def __init__(self, *logged: tuple[str, dict[str, Any]]) -> None:
        self.logged = logged
        self.deployment = SimpleNamespace(first_block=1, **dict.fromkeys(CONTRACTS, "0xKNOWN"))
        self.events = {b"topic": None}

    def head(self) -> int:
        return len(self.logged)

    def block_hash(self, number: int) -> bytes:
        return keccak(b"%d" % number)

    def logs(self, first: int, last: int, _: object) -> Sequence[dict[str, Any]]:
        numbers = range(first, last + 1)
        return [{"address": "0xKNOWN", "topics": [b"topic"], "at": number} for number in numbers]

    def decode(self, entry: dict[str, Any]) -> Event:
        name, values = self.logged[entry["at"] - 1]
        return Event(name, "0xKNOWN", entry["at"], ZERO, 0, values)


def opened(reference: bytes, amount: int) -> tuple[str, dict[str, Any]]:
    return "ReturnOpened", {"reference": reference, "tree": TREE, "amount": amount}


def closed(reference: bytes, remainder: int = 0, lot: bytes = ZERO) -> tuple[str, dict[str, Any]]:
    return "ReturnClosed", {"reference": reference, "remainder": remainder, "lot": lot}


def minted(reference: bytes) -> tuple[str, dict[str, Any]]:
    values = {"lot": lot_line(reference), "tree": TREE, "reference": reference, "amount": 5, "info": ZERO}
    return "Minted", values


def indexer_of(database: Database, *logged: tuple[str, dict[str, Any]]) -> Indexer:
    return Indexer(database, cast(Chain, Logs(*logged)))


def kept_apart(database: Database) -> list[tuple[int, str, str]]:
    with database.read() as session:
        rows = session.query(UnstoredRow).order_by(UnstoredRow.id).all()
        assert projections.count_unstored(session) == len(rows)
        return [(row.block, row.name, row.reason) for row in rows]


def test_a_number_beyond_its_column_stops_nobody(database: Database) -> None:
    indexer = indexer_of(database, minted(OTHER), opened(CREDIT, MOST + 1), minted(CREDIT))
    assert indexer.catch_up() == 3
    assert kept_apart(database) == [(2, "ReturnOpened", "OverflowError")]
    with database.read() as session:
        assert {row.reference for row in session.query(LotRow)} == {OTHER, CREDIT}
        assert session.get(ReferenceRow, CREDIT) is None
        (row,) = session.query(UnstoredRow)
        assert str(MOST + 1) in row.content
        assert (row.address, row.id) == ("0xKNOWN", 2 << 24)


def test_what_builds_on_a_log_kept_apart_is_kept_apart_too(database: Database) -> None:
    indexer = indexer_of(database, opened(CREDIT, MOST + 1), closed(CREDIT), minted(OTHER), minted(OTHER))
    assert indexer.catch_up() == 4
    assert kept_apart(database) == [
        (1, "ReturnOpened", "OverflowError"),
        (2, "ReturnClosed", "NoResultFound"),
        (4, "Minted", "IntegrityError"),
    ]


def test_a_row_that_no_log_kept_apart_would_have_made_stops_the_indexer(database: Database) -> None:
    """Then the projector is wrong, not the log."""
    indexer = indexer_of(database, minted(OTHER), closed(CREDIT))
    with pytest.raises(NoResultFound):
        indexer.step()
    assert indexer.indexed() == 0
    assert kept_apart(database) == []


def test_a_log_kept_apart_long_ago_explains_a_missing_row(database: Database) -> None:
    logged = [opened(CREDIT, MOST + 1)]
    indexer_of(database, *logged).catch_up()
    indexer_of(database, *logged, closed(CREDIT)).catch_up()
    assert [name for _, name, _ in kept_apart(database)] == ["ReturnOpened", "ReturnClosed"]


def added(who: str) -> tuple[str, dict[str, Any]]:
    return "SignerAdded", {"who": who, "institution": TREE, "roles": 1}


def rotated(who: str, successor: str) -> tuple[str, dict[str, Any]]:
    return "SignerRotated", {"who": who, "successor": successor}


def approved(who: str) -> tuple[str, dict[str, Any]]:
    return "ApprovalGiven", {"batch": OTHER, "supervisor": who, "institution": TREE}


def revoked(who: str) -> tuple[str, dict[str, Any]]:
    return "ApprovalRevoked", {"batch": OTHER, "supervisor": who}


@pytest.mark.parametrize("by", ["first", "second", "third"])
def test_the_key_that_followed_takes_an_approval_back(database: Database, by: str) -> None:
    rotations = [rotated("first", "second"), rotated("second", "third")]
    logged = [added("first"), added("another"), approved("first"), approved("another"), *rotations]
    indexer_of(database, *logged, revoked(by)).catch_up()
    with database.read() as session:
        found = {each.supervisor: each.revoked for each in projections.approvals(session, OTHER)}
    assert found == {"first": 7, "another": None}


def test_an_approval_nobody_gave_is_not_taken_back(database: Database) -> None:
    indexer = indexer_of(database, added("first"), added("another"), approved("first"), revoked("another"))
    with pytest.raises(NoResultFound):
        indexer.step()


def test_the_most_that_fits_is_stored(database: Database) -> None:
    indexer_of(database, opened(CREDIT, MOST), closed(CREDIT)).catch_up()
    assert kept_apart(database) == []
    with database.read() as session:
        held = session.get_one(ReferenceRow, CREDIT)
        assert (held.opened_minor, held.closed, held.remainder) == (MOST, True, None)


def test_a_database_that_fails_is_asked_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with the database is no fault of the log."""

    def away(*_: object) -> None:
        raise OperationalError("", {}, Exception("database is locked"))

    indexer = indexer_of(database, minted(CREDIT))
    with monkeypatch.context() as patched:
        patched.setattr(indexing, "apply", away)
        with pytest.raises(OperationalError):
            indexer.step()
    assert indexer.indexed() == 0
    assert indexer.catch_up() == 1
    assert kept_apart(database) == []


def identified(reference: bytes) -> tuple[str, dict[str, Any]]:
    places = {"source_start": 0, "destination_start": 0, "limit": 0}
    moved = {"kind": 1, "source": lot_line(reference), "destination": TREE, "amount": 5, "info": ZERO}
    return "Moved", places | moved


def test_what_is_left_of_a_return_set_is_a_tellers_task_until_it_is_mapped(database: Database) -> None:
    logged = [opened(CREDIT, 9), closed(CREDIT, 5, OTHER), minted(OTHER), identified(OTHER)]
    with database.begin() as session:
        account = SupervisedAccountModel(
            tree=TREE, name="a", bank="b", number="1", is_iban=False, currency="CNY", holder="h"
        )
        account.opening_minor = 0
        session.add(account)
    indexer_of(database, *logged[:3]).catch_up()
    with database.read() as session:
        (task,) = bank.open_tasks(session)
        assert (task.kind, task.subject) == ("suspense", OTHER.hex())
        assert (task.detail["amount_minor"], task.detail["account"]) == (5, "a")
    indexer_of(database, *logged).catch_up()
    with database.read() as session:
        assert bank.open_tasks(session) == []


def test_projections_alone_give_nobody_a_task(database: Database) -> None:
    indexer_of(database, opened(CREDIT, 9), closed(CREDIT, 5, OTHER), minted(OTHER)).catch_up()
    with database.read() as session:
        assert bank.open_tasks(session) == []
    assert kept_apart(database) == []
