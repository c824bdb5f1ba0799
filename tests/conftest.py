"""What every test may ask for: a database of either kind, an act, the shared data, a running portal."""

import importlib
import os
import pkgutil
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings

import portal
from portal import db
from portal.kernel.act import Act, Role, new_id
from tests.needs import (  # the hooks are pytest's
    CHROMIUM,
    POSTGRES,
    chromium,
    postgres_program,
    pytest_make_collect_report,  # noqa: F401
    pytest_runtest_makereport,  # noqa: F401
    pytest_terminal_summary,  # noqa: F401
)
from tests.network import no_network  # noqa: F401 - autouse: no test reaches a network

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"

settings.register_profile(
    "default",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("default")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, and say why, what this machine lacks."""
    no_browser = pytest.mark.skip(reason=CHROMIUM.missing)
    no_shared = pytest.mark.skip(reason="the shared real data (../shared/data) is not here")
    for item in items:
        if item.get_closest_marker("shared") and not SHARED.is_dir():
            item.add_marker(no_shared)
        if item.get_closest_marker("browser") and chromium() is None:
            item.add_marker(no_browser)


def import_models() -> None:
    """Load every room's tables, so that ``Base.metadata`` is whole."""
    for module in pkgutil.walk_packages(portal.__path__, "portal."):
        if module.name.endswith(".model"):
            importlib.import_module(module.name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    return SHARED


# --- PostgreSQL: a cluster of our own in a temporary folder ---------------------------------------


@pytest.fixture(scope="session")
def postgres_cluster() -> Iterator[str]:
    """The URL prefix of a throw-away cluster (``…/`` to be followed by a database's name)."""
    initdb, server = postgres_program("initdb"), postgres_program("postgres")
    if initdb is None or server is None:
        pytest.skip(POSTGRES.missing)
    user = "nobody" if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root
    folder = Path(tempfile.mkdtemp(prefix="rensho-pg-", dir="/tmp"))  # socket paths are limited to 107 bytes
    if user:
        shutil.chown(folder, user)
    data = folder / "data"
    run = {"user": user, "cwd": folder} if user else {"cwd": folder}
    env = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    subprocess.run(
        [initdb, "-D", data, "-U", "rensho", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=True, capture_output=True, env=env, **run,
    )  # fmt: skip
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [server, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=200"],
            stdout=log, stderr=log, env=env, **run,
        )  # fmt: skip
    url = f"postgresql://rensho@/%s?host={folder}"
    engine = sa.create_engine(url % "postgres", isolation_level="AUTOCOMMIT")
    try:
        for _ in range(200):
            try:
                with engine.connect():
                    break
            except sa.exc.OperationalError:
                import time

                time.sleep(0.05)
        yield url
    finally:
        engine.dispose()
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_cluster: str) -> str:
    """A database with all tables, to be copied."""
    import_models()
    admin = sa.create_engine(postgres_cluster % "postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE tables")
    admin.dispose()
    engine = sa.create_engine(postgres_cluster % "tables")
    db.Base.metadata.create_all(engine)
    engine.dispose()
    return "tables"


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import_models()
    path = tmp_path_factory.mktemp("template") / "tables.db"
    database = db.Database(f"sqlite:///{path}")
    with database.write.begin() as connection:
        db.Base.metadata.create_all(connection)
    with database.write.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return path


def _sqlite(request: pytest.FixtureRequest) -> db.Database:
    path = request.getfixturevalue("tmp_path") / "rensho.db"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    return db.Database(f"sqlite:///{path}")


def _postgres(request: pytest.FixtureRequest) -> db.Database:
    cluster, template = (
        request.getfixturevalue("postgres_cluster"),
        request.getfixturevalue("postgres_template"),
    )
    name = "t" + new_id()
    admin = sa.create_engine(cluster % "postgres", isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    admin.dispose()
    return db.Database(cluster % name)


@pytest.fixture
def sqlite_database(request: pytest.FixtureRequest) -> Iterator[db.Database]:
    """A fresh SQLite database, in use (`db.run`, `db.read`)."""
    database = _sqlite(request)
    db.use(database)
    yield database
    db.use(None)
    database.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database(request: pytest.FixtureRequest) -> Iterator[db.Database]:
    """A fresh database of each kind in turn, in use (`db.run`, `db.read`)."""
    database = _sqlite(request) if request.param == "sqlite" else _postgres(request)
    db.use(database)
    yield database
    db.use(None)
    database.dispose()


# --- acts -----------------------------------------------------------------------------------------


def make_act(
    *roles: Role, member_id: str | None = None, person_id: str | None = None, at: datetime | None = None, **kw
) -> Act:
    """An act of a freshly proven person with these roles."""
    at = at or datetime.now(UTC)
    act = Act(
        at=at, person_id=person_id or new_id(), person_name="試験 花子", member_id=member_id, roles=frozenset(roles),
        proved_at=at, language="en", address="192.0.2.7", user_agent="test", request_id=new_id(), authority="Head of Legal",
    )  # fmt: skip
    return replace(act, **kw)


@pytest.fixture
def staff() -> Act:
    """An act of somebody with every role of the association."""
    return make_act(Role.case_manager, Role.counsel, Role.officer, Role.auditor, Role.administrator)
