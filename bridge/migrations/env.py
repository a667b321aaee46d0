"""Alembic's environment: the connection comes from `Database.migrate`, or from a URL on its command line."""

from alembic import context
from sqlalchemy import Connection, create_engine

import bridge.store.chain_models
import bridge.store.models  # noqa: F401 - registers the tables
from bridge.store.base import Base


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    with create_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as made:
        _run(made)
