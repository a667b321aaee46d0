"""The schema: migrations give what the models say; transactions hold or vanish whole."""

from datetime import datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

import bridge.store.chain_models
import bridge.store.models  # noqa: F401 - registers the tables
from bridge.store.base import Base, Database
from bridge.store.models import SettingModel, TaskModel


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
