"""Alembic's entry: the connection comes from `portal.cli` or from a test, never from a file."""

from alembic import context

from portal.app import load_models
from portal.db import Base

load_models()

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    compare_type=False,
    render_as_batch=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
