"""A small portal of the lower rooms only, to fetch their pages; the rooms above are stubs."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from flask import Blueprint, Flask
from flask.testing import FlaskClient
from flask_login import LoginManager
from flask_wtf.csrf import CSRFProtect

from portal import app as portal_app
from portal import config
from portal.config import ROOT
from portal.identity.web import bp as identity_bp
from portal.kernel.act import Permission
from portal.members.web import bp as members_bp
from portal.notifications import delivery, mailer
from portal.notifications.web import bp as notifications_bp
from portal.web import requests, responses, shell

VOID = {"meta", "link", "input", "img", "br", "hr"}


def small_app(folder: Path, **changes) -> Flask:
    """The pages of identity, members and notifications on the database in use."""
    settings = replace(config.from_environment({"RENSHO_DATA": str(folder)}), **changes)
    app = Flask(
        "portal",
        root_path=str(ROOT / "portal"),
        template_folder=str(ROOT / "templates"),
        static_folder=str(ROOT / "static"),
    )
    portal_app._configure(app, settings)
    app.testing = True
    app.extensions["rensho-settings"] = settings
    app.extensions["rensho-prove"] = portal_app._prove
    mailer.configure(delivery.mailer_for(settings))
    responses.init(app)
    CSRFProtect(app)
    login = LoginManager(app)
    login.session_protection = None
    login.user_loader(portal_app._load_signed_in)
    app.before_request(requests.check_access)
    shell.init(app, settings)
    for bp in (identity_bp, members_bp, notifications_bp):
        app.register_blueprint(bp)
    for name, endpoint, permission in (
        ("desk", "home", Permission.desk_open),
        ("letters", "verify", None),
        ("audit", "index", None),
    ):
        stub = Blueprint(name, __name__)

        def view() -> str:
            return "<h1>stub</h1>"

        view.__name__ = endpoint
        rule = f"/stub/{name}"
        (requests.route(stub, rule, permission) if permission else requests.public(stub, rule))(view)
        app.register_blueprint(stub)
    return app


class Page(HTMLParser):
    """What every page has to be: one h1, a title, no id twice, nothing inline, every tag closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.open: list[str] = []
        self.count = {"h1": 0, "title": 0}
        self.labels: set[str] = set()
        self.fields: list[str] = []
        self.html = html
        self.feed(html)
        assert self.open == [], self.open
        assert self.count == {"h1": 1, "title": 1}
        assert len(self.ids) == len(set(self.ids)), sorted(one for one in self.ids if self.ids.count(one) > 1)
        assert set(self.fields) <= self.labels, set(self.fields) - self.labels

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        assert len(given) == len(attrs), (tag, attrs)
        assert "style" not in given, tag
        assert not [name for name in given if name.startswith("on")]
        assert tag != "style"
        assert tag != "script" or given.get("src")
        if given.get("id") is not None:
            self.ids.append(given["id"])
        if tag == "label":
            self.labels.add(given.get("for"))
        if tag in {"input", "select", "textarea"} and given.get("type") not in {"hidden", "submit"}:
            self.fields.append(given.get("id"))
        if tag in self.count:
            self.count[tag] += 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open, tag
        assert self.open.pop() == tag, (tag, self.open)


class Browser:
    """A client that keeps its cookies and sends each form's CSRF token."""

    def __init__(self, app: Flask) -> None:
        self.client: FlaskClient = app.test_client()

    def get(self, path: str, status: int = 200) -> str:
        answer = self.client.get(path)
        text = answer.get_data(as_text=True)
        assert answer.status_code == status, (answer.status_code, text[-2_000:])
        if status != 303 and answer.mimetype == "text/html" and "stub" not in path:
            Page(text)
        return text

    def where(self, path: str) -> str:
        """Where a GET leads."""
        answer = self.client.get(path)
        assert answer.status_code == 303, answer.status_code
        return answer.headers["Location"]

    def token(self, path: str) -> str:
        found = re.search(
            r'name="csrf_token"[^>]*value="([^"]+)"', self.client.get(path).get_data(as_text=True)
        )
        assert found
        return found.group(1)

    def post(self, path: str, status: int = 303, *, page: str | None = None, **fields) -> str:
        """Send the form of *page* (default: *path*) to *path*; the new location, or the text."""
        token = self.token(page or path)
        answer = self.client.post(path, data={"csrf_token": token, **fields})
        text = answer.get_data(as_text=True)
        assert answer.status_code == status, (answer.status_code, text[-2_000:])
        if status == 303:
            return answer.headers["Location"]
        Page(text)
        return text

    def sign_in(self, email: str, password: str) -> None:
        self.post("/sign-in", email=email, password=password)
