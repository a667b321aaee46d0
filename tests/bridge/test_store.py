"""The schema: migrations give what the models say; transactions hold or vanish whole."""

from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from bridge.store.base import Base, Database
from bridge.store.chain_models import DyeClassRow
from bridge.store.models import SettingModel, TaskModel
from contracts.terms import MapKind


@pytest.fixture
def database(tmp_path: Path):
    made = Database(f"sqlite:///{tmp_path / 'platform.db'}")
    made.migrate()
    yield made
    made.engine.dispose()


def test_migrations_give_the_schema_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    before = inspect(database.engine).get_table_names()
    database.migrate()
    assert inspect(database.engine).get_table_names() == before


def test_classes_that_money_got_before_are_known_after_a_migration(tmp_path: Path) -> None:
    made = Database(f"sqlite:///{tmp_path / 'old.db'}")
    made.migrate("0001")
    line, map_ = (
        bytes(32),
        "INSERT INTO chain_map VALUES (:id, :kind, :line, 0, :line, 0, 1, :info, 1, :line)",
    )
    with made.engine.begin() as connection:
        for number, kind in enumerate((MapKind.IDENTIFY, MapKind.IDENTIFY, MapKind.SORT, MapKind.TRANSFER)):
            info = bytes([kind]) * 32
            connection.execute(text(map_), {"id": number, "kind": int(kind), "line": line, "info": info})
    made.migrate()
    with made.read() as session:
        found = {row.dye_class for row in session.query(DyeClassRow)}
    assert found == {bytes([MapKind.IDENTIFY]) * 32, bytes([MapKind.SORT]) * 32}
    made.engine.dispose()


def test_sqlite_is_durable_and_checks_foreign_keys(database: Database) -> None:
    with database.engine.connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2


def test_an_error_undoes_the_whole_transaction(database: Database) -> None:
    def halfway() -> None:
        with database.begin() as session:
            session.add(SettingModel(name="a", value=1))
            session.flush()
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        halfway()
    with database.begin() as session:
        assert session.get(SettingModel, "a") is None


def test_a_time_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(Exception, match="without a zone"), database.begin() as session:
        session.add(TaskModel(kind="k", subject="s", detail={}, created_at=datetime(2026, 1, 1)))
