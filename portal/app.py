"""The one place that knows everyone: puts settings, database, rooms, worker and keys together."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from flask import Flask, Response, g
from flask_babel import lazy_gettext as _l
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.middleware.proxy_fix import ProxyFix
from whitenoise import WhiteNoise

from portal import config, db
from portal.audit.log import Inconsistent
from portal.audit.note import NoteError
from portal.config import ROOT, Settings
from portal.jobs.worker import Periodic, Worker
from portal.kernel.act import Act, Permission, system_act
from portal.kernel.errors import NotFound
from portal.kernel.sentence import say
from portal.letters.house import House, open_house
from portal.letters.seal import BadSealKey
from portal.members import service as members
from portal.notifications import delivery, mailer
from portal.web import requests, responses, shell
from portal.web.shell import Item

ROOMS = (
    "identity",
    "members",
    "notifications",
    "audit",
    "campaigns",
    "works",
    "evidence",
    "drafting",
    "signoffs",
    "letters",
    "correspondence",
    "desk",
)
MODELS = (*(room for room in ROOMS if room != "desk"), "jobs", "api")

NAVIGATION = [
    Item(_l("Home"), "desk.home", Permission.desk_open),
    Item(_l("Campaigns"), "campaigns.index", Permission.campaign_read),
    Item(_l("Members"), "members.index", Permission.member_read, staff=True),
    Item(_l("Messages"), "notifications.index", Permission.messages_read, staff=True),
]

MEBIBYTE = 1 << 20


def load_models() -> None:
    """Load every room's tables, so that ``Base.metadata`` is whole."""
    for room in MODELS:
        importlib.import_module(f"portal.{room}.model")


def _configure(app: Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SESSION_COOKIE_NAME="__Host-rensho" if settings.secure else "rensho",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=64 * MEBIBYTE,
        MAX_FORM_MEMORY_SIZE=8 * MEBIBYTE,
        MAX_FORM_PARTS=2_000,
        WTF_CSRF_TIME_LIMIT=12 * 3600,
        SEND_FILE_MAX_AGE_DEFAULT=31_536_000,
        TEMPLATES_AUTO_RELOAD=False,
    )
    app.jinja_options = {"finalize": shell.finalize, "trim_blocks": True, "lstrip_blocks": True}


def _load_signed_in(token: str) -> requests.SignedIn | None:
    """The person behind a session's token, with the seat acted from; None sends to sign-in."""
    from portal.identity import service as identity

    def load(session: Any, act: Any) -> requests.SignedIn | None:
        view = identity.load_session(session, token, act.at)
        if view is None:
            return None
        seat, seats = members.seat_for_session(session, view.person_id, view.seat_id)
        return requests.SignedIn(
            token=token,
            session_id=view.id,
            person_id=view.person_id,
            person_name=view.person_name,
            email=view.email,
            language=view.language,
            seat_id=seat.id if seat else None,
            member_id=seat.member_id if seat else None,
            member_names=seat.member_names if seat else None,
            roles=seat.roles if seat else frozenset(),
            proved_at=view.proved_at,
            authority=seat.authority if seat else "",
            seats=seats,
        )

    return db.read(load, system_act(datetime.now(UTC)))


def create_app(settings: Settings | None = None) -> Flask:
    """The portal as a WSGI application.

    *settings* default to the environment's. The database must be at the newest migration
    (``flask --app wsgi portal init`` brings it there).
    """
    from portal import cli

    settings = settings or config.from_environment()
    db.use(db.Database(settings.database_url))
    app = Flask(
        "portal",
        root_path=str(ROOT / "portal"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    _configure(app, settings)
    app.extensions["rensho-settings"] = settings
    try:
        house = open_house(settings)
    except (NoteError, BadSealKey) as error:
        cli.refuse_to_start(
            error.sentence if isinstance(error, NoteError) else say("%(reason)s", reason=error)
        )
    app.extensions["rensho-house"] = house
    app.extensions["rensho-log-key"] = house.log_key
    mailer.configure(delivery.mailer_for(settings))
    app.extensions["rensho-prove"] = _prove
    app.extensions["rensho-seat-names"] = _seat_names
    app.extensions["rensho-take-seat"] = _take_seat
    try:
        _refuse_an_older_database(house)
    except Inconsistent as error:
        cli.refuse_to_start(error.sentence)
    responses.init(app)
    app.before_request(requests.refuse_nonsense)
    CSRFProtect(app)
    login = LoginManager(app)
    login.session_protection = None  # the session table decides
    login.user_loader(_load_signed_in)
    app.before_request(requests.check_access)
    shell.init(app, settings)
    shell.NAVIGATION[:] = NAVIGATION
    app.context_processor(_association)
    for room in ROOMS:
        app.register_blueprint(importlib.import_module(f"portal.{room}.web").bp)
    app.register_blueprint(importlib.import_module("portal.api.v1").bp)
    _health(app)
    app.extensions["rensho-worker"] = partial(make_worker, house)
    app.extensions["rensho-make-worker"] = make_worker
    cli.init(app)
    if settings.trusted_proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1)  # type: ignore[method-assign]
    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]  # Flask's documented way to wrap itself
        app.wsgi_app,
        root=str(ROOT / "static"),
        prefix="static/",
        max_age=int(timedelta(days=365).total_seconds()),
    )
    return app


def make_worker(house: House) -> Worker:
    """The worker of this installation: every job's handler and what is done on a schedule."""
    from portal.api import webhooks
    from portal.audit import log
    from portal.letters import issuing
    from portal.signoffs import rounds

    def seal(act: Act, payload: Mapping[str, Any]) -> None:
        issuing.seal(act, issue_id=payload["issue_id"], house=house)

    def checkpoint(act: Act, _payload: Mapping[str, Any]) -> None:
        db.run(log.sign_checkpoint, act, key=house.log_key)

    def unsigned(session: Session, _act: Act) -> bool:
        signed = log.latest_checkpoint(session)
        return signed is None or signed.size != log.size(session)

    def close_rounds(act: Act, _payload: Mapping[str, Any]) -> None:
        rounds.close_due_rounds(act)

    def queue_webhooks(act: Act, _payload: Mapping[str, Any]) -> None:
        db.run(webhooks.queue_calls, act)

    def deliver(act: Act, _payload: Mapping[str, Any]) -> bool:
        return delivery.deliver_due(act.at, clock=lambda: datetime.now(UTC)) > 0

    second = timedelta(seconds=1)
    return Worker(
        handlers={"letters.seal": seal, webhooks.JOB: webhooks.deliverer(house.settings.secret_key)},
        schedule=[
            Periodic("notifications.deliver", second, deliver, partial(db.read, delivery.is_waiting)),
            Periodic("audit.checkpoint", second, checkpoint, partial(db.read, unsigned)),
            Periodic("api.webhooks", 2 * second, queue_webhooks, partial(db.read, webhooks.is_behind)),
            Periodic(
                "signoffs.close", 30 * second, close_rounds, lambda act: bool(db.read(rounds.due_rounds, act))
            ),
        ],
        endless={"letters.seal"},  # a letter that has its number must become a letter
    )


def _refuse_an_older_database(house: House) -> None:
    """Stop the start on a database that is behind the last checkpoint that was signed (DESIGN §7)."""
    from portal.audit import log

    if db.is_at_head(db.current()):
        db.read(
            lambda session, _act: log.check_at_start(session, house.log_key), system_act(datetime.now(UTC))
        )


def _association() -> dict[str, Any]:
    """The association's names for the head of every page, asked for once a request."""
    if "association_names" not in g:
        found = db.read(members.find_association, system_act(datetime.now(UTC)))
        g.association_names = dict(found.names) if found else {}
    return {"association_names": g.association_names}


def _prove(token: str, password: str, act: Any) -> datetime:
    from portal.identity import service as identity

    return identity.prove(token, password, act)


def _seat_names(seat_id: str, person_id: str) -> tuple[bool, Mapping[str, str] | None]:
    """Whether the seat, live or ended, is this person's, and the names of its member (None: association)."""
    try:
        found = db.read(lambda session, _act: members.seat(session, seat_id), system_act(datetime.now(UTC)))
    except NotFound:
        return False, None
    return (True, found.member_names) if found.person_id == person_id else (False, None)


def _take_seat(act: Act, session_id: str, seat_id: str) -> None:
    """Let a new session act from the seat that the person acted from before, if it is still theirs."""
    with suppress(NotFound):
        db.run(members.choose_seat, act, session_id=session_id, seat_id=seat_id)


def _health(app: Flask) -> None:
    def healthz() -> Response:
        return Response("ok\n", mimetype="text/plain")

    healthz.access = requests.PUBLIC  # type: ignore[attr-defined]
    app.add_url_rule("/healthz", endpoint="healthz", view_func=healthz)
