"""Migrations: numbered, up and down with data, and the newest one equals the models."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from portal import db
from portal.app import load_models
from portal.kernel.act import new_id
from tests.conftest import ROOT, postgres_cluster

__all__ = ["postgres_cluster"]

VERSIONS = sorted((ROOT / "migrations" / "versions").glob("*.py"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty(request, tmp_path):
    """A database without any table."""
    if request.param == "sqlite":
        database = db.Database(f"sqlite:///{tmp_path / 'empty.db'}")
    else:
        cluster = request.getfixturevalue("postgres_cluster")
        name = "m" + new_id()
        admin = sa.create_engine(cluster % "postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        database = db.Database(cluster % name)
    before = db._current
    db.use(database)
    load_models()
    yield database
    db.use(before)
    database.dispose()


def test_they_are_numbered_without_gaps():
    numbers = [re.match(r"(\d{4})_\w+\.py$", path.name)[1] for path in VERSIONS]
    assert numbers == [f"{number:04d}" for number in range(1, len(numbers) + 1)]


def test_the_newest_equals_the_models(empty):
    db.migrate(empty)
    with empty.write.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        differences = compare_metadata(context, db.Base.metadata)
    differences = [one for one in differences if not _is_a_type_of_ours(one)]
    assert differences == []
    migrated = _shape(empty)
    with empty.write.begin() as connection:
        db.Base.metadata.drop_all(connection)
    with empty.write.begin() as connection:
        db.Base.metadata.create_all(connection)
    assert migrated == _shape(empty)


def _is_a_type_of_ours(difference):
    """Instant, Json and the choices are read back from SQLite as what they are stored as."""
    return isinstance(difference, list) and all(one[0] == "modify_type" for one in difference)


def _shape(database):
    """Tables with columns, constraints, indexes and triggers, as the database itself tells them."""
    if database.is_sqlite:
        with database.write.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT type, name, sql FROM sqlite_master WHERE tbl_name != 'alembic_version' AND sql IS NOT NULL"
            ).all()
        return {
            (kind, name): " ".join(sorted(re.split(r"[\s,()]+", sql.replace('"', ""))))
            for kind, name, sql in rows
        }
    shape = {}
    inspector = sa.inspect(database.write)
    for table in inspector.get_table_names():
        if table == "alembic_version":
            continue
        shape[table] = {
            "columns": sorted(
                (c["name"], str(c["type"]), c["nullable"], c["comment"]) for c in inspector.get_columns(table)
            ),
            "pk": inspector.get_pk_constraint(table),
            "fk": sorted(map(str, inspector.get_foreign_keys(table))),
            "uq": sorted(map(str, inspector.get_unique_constraints(table))),
            "ix": sorted(map(str, inspector.get_indexes(table))),
            "ck": sorted(map(str, inspector.get_check_constraints(table))),
        }
    with database.write.connect() as connection:
        shape["triggers"] = sorted(
            connection.exec_driver_sql(
                "SELECT event_object_table, trigger_name, event_manipulation FROM information_schema.triggers"
            ).tuples()
        )
    return shape


def test_up_and_down_with_data(empty, tmp_path):
    """The whole demonstration is in it while every migration is taken back, and the way up is open again."""
    from portal.config import Settings
    from portal.letters.house import open_house
    from portal.notifications import delivery, mailer
    from portal.rehearsal import demo

    settings = Settings(data_dir=tmp_path / "data", database_url=empty.url, secret_key="s" * 40)
    (tmp_path / "data").mkdir()
    db.migrate(empty)
    mailer.configure(delivery.mailer_for(settings))
    demo.fill(datetime.now(UTC), open_house(settings))
    for path in reversed(VERSIONS):
        number = int(path.name[:4]) - 1
        db.migrate(empty, f"{number:04d}" if number else "base", down=True)
    assert set(sa.inspect(empty.write).get_table_names()) == {"alembic_version"}
    db.migrate(empty)
    assert db.is_at_head(empty)
    assert Path(settings.data_dir).is_dir()
