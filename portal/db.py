"""The database: engines, column types, and the one way in and out of a transaction.

`run` carries out one use case in one write transaction and commits it; `read` answers one question
in a read-only transaction. Nothing else in the portal begins or commits.

On SQLite every write transaction is ``BEGIN IMMEDIATE``: there ``FOR UPDATE`` does nothing, and two
transactions that both read before they write would otherwise decide on the same count. On
PostgreSQL a use case locks the row that decides (`lock`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event, types
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from portal.kernel.act import Act
from portal.kernel.digest import canonical
from portal.kernel.errors import Conflict, NotFound
from portal.kernel.sentence import say

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound="Base")

# --- column types ---------------------------------------------------------------------------------

# STRICT tables of SQLite know five type names only.
for _type, _name in (
    (types.String, "TEXT"),
    (types.VARCHAR, "TEXT"),
    (types.Enum, "TEXT"),
    (types.Boolean, "INTEGER"),
    (types.Date, "TEXT"),
    (types.LargeBinary, "BLOB"),
    (types.BigInteger, "INTEGER"),
    (types.SmallInteger, "INTEGER"),
):
    compiles(_type, "sqlite")(lambda _element, _compiler, _name=_name, **_: _name)


@event.listens_for(sa.Table, "after_parent_attach")
def _strict(table: sa.Table, _parent: object) -> None:
    table.dialect_options["sqlite"]["strict"] = True


_YEARS = (1900, 2200)


class Instant(types.TypeDecorator[datetime]):
    """An aware datetime in UTC. SQLite drops zones silently, so there it is text of fixed width.

    Only the years 1900 to 2200 are stored; forms ask for narrower ones, so others are mistakes of ours.
    """

    impl = types.DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        if dialect.name == "sqlite":
            return dialect.type_descriptor(types.String(27))
        return dialect.type_descriptor(types.DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was about to be stored")
        if not _YEARS[0] <= value.year <= _YEARS[1]:
            raise ValueError(f"a time in the year {value.year} was about to be stored; it is a slip")
        utc = value.astimezone(UTC)
        if dialect.name != "sqlite":
            return utc
        # Not strftime: on Linux its %Y writes the year 202 with three digits, which sorts wrongly.
        return utc.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        return cast("datetime", value).astimezone(UTC)


class Json(types.TypeDecorator[Any]):
    """Any JSON value, kept as canonical JSON (RFC 8785): what is read has the digest of what was written."""

    impl = types.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else canonical(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002
        import json

        return None if value is None else json.loads(value)


Id = types.String(32)
"""An identifier made by `portal.kernel.act.new_id`."""
Digest = types.String(71)
"""``sha256:`` and 64 hexadecimal digits."""


def choice(enum: type[StrEnum], name: str) -> types.Enum:
    """A column of one of *enum*'s values, as text with a CHECK constraint called *name*."""
    return types.Enum(
        enum,
        name=name,
        native_enum=False,
        create_constraint=True,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


class Base(DeclarativeBase):
    """What every table is declared on; constraints get predictable names for migrations."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def append_only_sql(table: str, dialect: str, *, updatable: bool = False) -> list[str]:
    """The statements that make *table* refuse DELETE and, unless *updatable*, UPDATE."""
    verbs = ["DELETE"] if updatable else ["UPDATE", "DELETE"]
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for verb in verbs
        ]
    function = (
        "CREATE OR REPLACE FUNCTION rensho_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    return [function] + [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION rensho_append_only()"
        for verb in verbs
    ]


def append_only(table: sa.FromClause) -> None:
    """Have *table* (a model's ``__table__``) made append-only where it is created."""
    assert isinstance(table, sa.Table)
    table.info["append_only"] = True

    @event.listens_for(table, "after_create")
    def _triggers(target: sa.Table, connection: sa.Connection, **_: object) -> None:
        for statement in append_only_sql(target.name, connection.dialect.name):
            connection.exec_driver_sql(statement.replace("%", "%%"))


# --- engines --------------------------------------------------------------------------------------

SQLITE_PRAGMAS: tuple[str, ...] = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=30000",
)


class Database:
    """One database and its two doors: *write* and *read*.

    *url* is an SQLAlchemy URL of SQLite or PostgreSQL; ``postgresql://`` means psycopg 3.
    """

    begin_write = "BEGIN IMMEDIATE"

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        if self.is_sqlite:
            self.write = self._sqlite_engine(read_only=False)
            self.read = self._sqlite_engine(read_only=True)
        else:
            self.write = sa.create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=40)
            self.read = self.write.execution_options(postgresql_readonly=True)
        self.sessions = sessionmaker(self.write, expire_on_commit=False)
        self.readers = sessionmaker(self.read, expire_on_commit=False, autoflush=False)

    def _sqlite_engine(self, *, read_only: bool) -> Engine:
        engine = sa.create_engine(self.url, connect_args={"timeout": 30}, pool_size=8, max_overflow=40)

        @event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: ConnectionPoolEntry) -> None:
            connection.isolation_level = None  # the driver begins nothing by itself
            for pragma in SQLITE_PRAGMAS:
                connection.execute(f"PRAGMA {pragma}")
            if read_only:
                connection.execute("PRAGMA query_only=ON")

        @event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql("BEGIN" if read_only else self.begin_write)

        return engine

    def dispose(self) -> None:
        """Close all connections."""
        self.write.dispose()
        self.read.dispose()


_current: Database | None = None


def use(database: Database | None) -> None:
    """Make *database* the one that `run` and `read` work on."""
    global _current  # noqa: PLW0603 - one process, one installation
    _current = database


def current() -> Database:
    """The database in use; a `RuntimeError` before `use`."""
    if _current is None:
        raise RuntimeError("no database is in use")
    return _current


# --- transactions ---------------------------------------------------------------------------------

_HOOKS = "before_commit"
_TAKEN_SQLITE = {"SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}
_TAKEN_POSTGRES = "23505"  # unique_violation
_LOST_RACE_STATES = {"40001", "40P01", "55P03"}  # serialization failure, deadlock, lock not available


def before_commit(session: Session, hook: Callable[[Session], None], *, once_key: str | None = None) -> None:
    """Have *hook* called right before the commit; with *once_key*, only the first of that key."""
    hooks: dict[str, Callable[[Session], None]] = session.info.setdefault(_HOOKS, {})
    hooks.setdefault(once_key or f"hook-{len(hooks)}", hook)


def _commit(session: Session) -> None:
    session.flush()
    hooks: dict[str, Callable[[Session], None]] = session.info.get(_HOOKS, {})
    for hook in hooks.values():
        hook(session)
    hooks.clear()
    session.commit()


@contextmanager
def transaction(database: Database | None = None) -> Iterator[Session]:
    """One write transaction: committed at the end, rolled back on any exception."""
    with (database or current()).sessions() as session:
        yield session
        _commit(session)


def _lost_a_race(error: DBAPIError) -> bool:
    """Whether somebody else was faster; a missing value or a foreign key to nothing is a mistake of ours."""
    if isinstance(error, IntegrityError):
        name = getattr(error.orig, "sqlite_errorname", "")
        return name in _TAKEN_SQLITE or getattr(error.orig, "sqlstate", None) == _TAKEN_POSTGRES
    state = getattr(error.orig, "sqlstate", None)
    return state in _LOST_RACE_STATES or "database is locked" in str(error.orig)


def run(use_case: Callable[Concatenate[Session, Act, P], T], act: Act, /, *args: P.args, **kw: P.kwargs) -> T:
    """Carry out *use_case* in one write transaction; try once more if it lost a race.

    Raises what the use case raises, and `Conflict` where the second try is lost too.
    """
    try:
        with transaction() as session:
            return use_case(session, act, *args, **kw)
    except (IntegrityError, OperationalError) as error:
        if not _lost_a_race(error):
            raise
    try:
        with transaction() as session:
            return use_case(session, act, *args, **kw)
    except (IntegrityError, OperationalError) as error:
        if not _lost_a_race(error):
            raise
        raise Conflict(
            say("Somebody else did something to the same thing at this moment. Load the page again.")
        ) from error


def read(query: Callable[Concatenate[Session, Act, P], T], act: Act, /, *args: P.args, **kw: P.kwargs) -> T:
    """Answer *query* in one read-only transaction."""
    with current().readers() as session:
        return query(session, act, *args, **kw)


def lock(session: Session, model: type[M], key: Any) -> M:
    """The row of *model* with this primary key, locked until the transaction ends and read afresh.

    Raises `NotFound` if there is none.
    """
    row = session.get(model, key, with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound
    return row


def bulk_insert(
    session: Session, table: sa.FromClause, rows: Iterable[Mapping[str, Any]], *, batch: int = 5_000
) -> int:
    """Insert many rows in batches, so that memory does not grow with their number; how many."""
    assert isinstance(table, sa.Table)
    waiting: list[Mapping[str, Any]] = []
    count = 0
    for row in rows:
        waiting.append(row)
        if len(waiting) == batch:
            session.execute(table.insert(), waiting)
            count += len(waiting)
            waiting = []
    if waiting:
        session.execute(table.insert(), waiting)
        count += len(waiting)
    return count


# --- migrations -----------------------------------------------------------------------------------

_MIGRATION_LOCK = 7_205_759_403  # any number, the same for all nodes


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).resolve().parent.parent / "migrations"))
    return config


def is_at_head(database: Database) -> bool:
    """Whether the newest migration has been applied; False too for an empty database."""
    head = ScriptDirectory.from_config(_migrations()).get_current_head()
    with database.read.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == head


def migrate(database: Database, revision: str = "head", *, down: bool = False) -> None:
    """Bring *database* up (or *down*) to a numbered migration, in one transaction."""
    config = _migrations()
    with database.write.begin() as connection:
        if not database.is_sqlite:  # nodes that start at once take turns
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
