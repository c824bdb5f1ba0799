"""The whole application with the demonstration in it, made once for all tests of this folder."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.app import create_app
from portal.config import Settings
from portal.identity import service as identity
from portal.kernel.act import system_act
from portal.notifications import mailer
from portal.rehearsal import demo
from tests.network import no_network  # noqa: F401 - autouse
from tests.whole.afterwards import finish
from tests.whole.proof import ProofingClient


@dataclass(frozen=True)
class Installation:
    """An application, and its database."""

    app: Flask
    database: db.Database
    mailer: mailer.Mailer


@dataclass(frozen=True)
class Persona:
    """Somebody to look at pages as: a seat, or nobody."""

    name: str
    person_id: str | None = None
    seat_id: str | None = None
    member_id: str | None = None


@pytest.fixture(scope="session", params=["in the vote", "after the letter"])
def installation(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """The demonstration, as ``make run`` makes it; and the same after its letter is out and answered."""
    folder: Path = tmp_path_factory.mktemp("installation")
    settings = Settings(
        data_dir=folder, database_url=f"sqlite:///{folder / 'rensho.db'}", secret_key="s" * 40, demo=True
    )
    app = create_app(settings)
    app.testing = True  # an unexpected error is raised, not turned into a page
    app.test_client_class = ProofingClient
    database = db.current()
    db.migrate(database)
    demo.ensure(datetime.now(UTC), app.extensions["rensho-house"])
    if request.param == "after the letter":
        finish(app)
    yield Installation(app, database, mailer.current())
    database.dispose()


@pytest.fixture
def app(installation: Installation) -> Iterator[Flask]:
    """The application, with its own database in use whatever other tests did."""
    db.use(installation.database)
    mailer.configure(installation.mailer)
    yield installation.app
    db.use(None)


_SEATS = """
SELECT seat.id, seat.person_id, seat.member_id FROM seat
WHERE seat.ended_at IS NULL ORDER BY seat.member_id IS NOT NULL, seat.id
"""


@pytest.fixture
def personas(app: Flask, installation: Installation) -> Mapping[str, Persona]:
    """Nobody, one of each kind of seat: ``anonymous``, ``staff`` (several), ``member``, ``other``."""
    found = {"anonymous": Persona("anonymous")}
    with installation.database.read.connect() as connection:
        rows = connection.execute(sa.text(_SEATS)).all()
    members: list[Persona] = []
    for seat_id, person_id, member_id in rows:
        if member_id is None:
            name = f"staff {len(found)}"
            found[name] = Persona(name, person_id, seat_id)
        elif member_id not in {one.member_id for one in members}:
            members.append(Persona("member", person_id, seat_id, member_id))
    assert len(found) > 1, "the demonstration has nobody of the association"
    assert len(members) > 1, "the demonstration has fewer than two members with people"
    found["member"] = members[0]
    found["other"] = Persona("other", members[1].person_id, members[1].seat_id, members[1].member_id)
    return found


def sign_in(app: Flask, persona: Persona) -> ProofingClient:
    """A browser in which *persona* is signed in and acts from its seat."""
    client: ProofingClient = app.test_client()
    if persona.person_id is not None:
        entered = db.run(
            identity.open_session,
            system_act(datetime.now(UTC)),
            person_id=persona.person_id,
            seat_id=persona.seat_id,
        )
        with client.session_transaction() as cookie:
            cookie["_user_id"] = entered.token
            cookie["_fresh"] = True
    return client
