"""The whole application on an empty database, for tests of one room's pages; quicker than the demonstration."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.app import create_app
from portal.config import Settings
from portal.identity import service as identity
from portal.kernel.act import Act, new_id, system_act
from tests.whole.proof import ProofingClient
from tests.whole.rows import insert


@contextmanager
def small_app(folder: Path, template: Path) -> Iterator[Flask]:
    """An application whose database (a copy of *template*) is in use; every page it gives is proofed."""
    shutil.copyfile(template, folder / "rensho.db")
    app = create_app(
        Settings(data_dir=folder, database_url=f"sqlite:///{folder / 'rensho.db'}", secret_key="s" * 40)
    )
    app.testing = True
    app.test_client_class = ProofingClient
    database = db.current()
    yield app
    db.use(None)
    database.dispose()


def seated(app: Flask, act: Act) -> ProofingClient:
    """A browser in which the person of *act* (a row that exists) has just signed in, acting as it does."""
    seat_id = new_id()
    roles = sorted(role.value for role in act.roles)
    now = datetime.now(UTC)
    name = sa.text("SELECT name FROM person WHERE id = :id")
    db.run(
        lambda session, _act: insert(
            session,
            "seat",
            id=seat_id,
            person_id=act.person_id,
            member_id=act.member_id,
            roles=roles,
            title={},
            verified_at=now,
            verified_name=session.scalar(name, {"id": act.person_id}),
        ),
        act,
    )
    entered = db.run(identity.open_session, system_act(now), person_id=act.person_id, seat_id=seat_id)
    client: ProofingClient = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = entered.token
        cookie["_fresh"] = True
    return client


def submit(client: ProofingClient, address: str, *, on: str | None = None, **fields):
    """POST *fields* to *address* with the form token of the page *on* (default: the same address)."""
    html = client.get(on or address).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', html)
    assert token is not None, f"no form on {on or address}"
    return client.post(address, data={"csrf_token": token.group(1), **fields})
