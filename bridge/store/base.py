"""Engine, sessions and column types.

SQLite (WAL, synchronous FULL) by default. One task, one transaction: `Database.begin`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from alembic import command
from alembic.config import Config
from sqlalchemy import BigInteger, Connection, DateTime, Engine, LargeBinary, MetaData, create_engine, event
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column, sessionmaker
from sqlalchemy.types import TypeDecorator

__all__ = ["Base", "Bytes32", "Database", "Minor", "Projection", "UtcTime", "utc_now"]

_NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

Bytes32 = Annotated[bytes, mapped_column(LargeBinary(32))]
Minor = Annotated[int, mapped_column(BigInteger)]


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite keeps none of the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Refuse a naive time."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Give the zone back."""
        return value and (value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC))


def utc_now() -> datetime:
    """Wall-clock time; deadlines go by chain time instead."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {datetime: UtcTime}  # noqa: RUF012 - SQLAlchemy's way


class Projection(Base):
    """Tables that hold nothing but what the chain says: rebuilt from genesis to the same rows."""

    __abstract__ = True


class Database:
    """One database by URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)
        self._readers = sessionmaker(self.engine.execution_options(reads=True))

    def migrate(self, revision: str = "head") -> None:
        """Bring the schema to what this version needs, or up to an earlier revision."""
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
        with self.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, revision)

    def create_all(self) -> None:
        """The current schema without migrations: for throwaway databases such as a replay."""
        Base.metadata.create_all(self.engine)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back by an error."""
        with self._sessions.begin() as session:
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """One consistent look, however long it takes: nobody waits for it, and nothing of it is kept."""
        with self._readers() as session:
            yield session


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its place at the start, so that it never fails half-way; a reader takes none."""
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _configure_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # SQLAlchemy begins, not the driver
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")
