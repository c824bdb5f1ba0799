"""The portal on a test's own database, and a client that reads every page it gets as a page."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient

from portal import config, db
from portal.app import create_app
from tests.letters.world import SECRET, keys

VOID = {"meta", "link", "input", "img", "br", "hr"}


def small_app(folder: Path, **changes) -> Flask:
    """The portal on the database in use, with keys made once a run."""
    database = db.current()
    folder.mkdir(exist_ok=True)
    shutil.copytree(keys(), folder / "keys", dirs_exist_ok=True)
    settings = replace(
        config.from_environment({"RENSHO_DATA": str(folder)}),
        database_url=database.url,
        secret_key=SECRET,
        **changes,
    )
    app = create_app(settings)
    app.testing = True
    db.current().dispose()
    db.use(database)
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
        if status != 303 and answer.mimetype == "text/html":
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
