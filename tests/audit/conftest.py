"""The log stands alone: its tests need its four tables and no other room's."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from portal import db
from portal.audit import model

TABLES = [getattr(model, name).__table__ for name in ("LogEntry", "LogNode", "LogHead", "LogCheckpoint")]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "log.db"
    database = db.Database(f"sqlite:///{path}")
    with database.write.begin() as connection:
        db.Base.metadata.create_all(connection, tables=TABLES)
    database.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: str) -> str:
    admin = sa.create_engine(postgres_cluster % "postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE log_tables")
    admin.dispose()
    engine = sa.create_engine(postgres_cluster % "log_tables")
    db.Base.metadata.create_all(engine, tables=TABLES)
    engine.dispose()
    return "log_tables"
