"""What somebody typed is not lost with a refused form: it is shown again, and can be sent again.

Passwords, tokens and files are never kept. What is carried through a sign-in is signed, so that only what
was sent to this portal is offered for sending.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flask import current_app, request, url_for
from itsdangerous import BadData, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from portal.web.requests import SEAT_FIELD, local_path

_READS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_NEVER: Final = re.compile(r"password|token|secret|^(old|new)$", re.IGNORECASE)
_NOT_TYPED: Final = frozenset(
    {
        SEAT_FIELD,
        "next",
        "kept",
        "do",
        "version",
        "key",
        "shown",
        "revision",
        "submission",
        "consents",
        "table",
    }
)
_MACHINE_TEXT: Final = re.compile(r"(?:sha256:)?[0-9a-f]{32,64}")
_HOURS: Final = 12


@dataclass(frozen=True)
class Kept:
    """A form that was not carried out: where it goes, and its fields as (name, value)."""

    path: str
    fields: tuple[tuple[str, str], ...]
    has_files: bool

    @property
    def typed(self) -> tuple[tuple[str, str], ...]:
        """The fields that a person filled in, as far as can be told."""
        return tuple(
            (name, value)
            for name, value in self.fields
            if value.strip() and name not in _NOT_TYPED and not _MACHINE_TEXT.fullmatch(value)
        )

    def sealed(self) -> str:
        """The whole as one signed text, for a hidden field."""
        return _serializer().dumps([self.path, [list(pair) for pair in self.fields], self.has_files])


def kept() -> Kept | None:
    """What this request's form held; None for a request that reads, or whose form cannot be read."""
    if request.method in _READS:
        return None
    try:
        fields = tuple((k, v) for k, v in request.form.items(multi=True) if not _NEVER.search(k))
        has_files = any(file.filename for file in request.files.values())
    except (HTTPException, UnicodeError):
        return None
    path = local_path(request.full_path.rstrip("?"))
    return Kept(path, fields, has_files) if path else None


def unsealed(text: str | None) -> Kept | None:
    """What `Kept.sealed` gave, at most twelve hours ago; None for anything else."""
    if not text:
        return None
    try:
        path, fields, has_files = _serializer().loads(text, max_age=_HOURS * 3600)
    except (BadData, ValueError):
        return None
    return Kept(path, tuple((name, value) for name, value in fields), has_files)


def _serializer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(str(current_app.secret_key), salt="rensho-kept-form")


def readable_path() -> str:
    """A path of this portal that can be opened: this page's, else the one before it, else the start page."""
    before = urlsplit(request.referrer or "")
    theirs = before._replace(scheme="", netloc="", fragment="").geturl()
    for path in (request.full_path.rstrip("?"), theirs if before.netloc == request.host else None):
        if local_path(path) and path is not None and _opens(path):
            return path
    return url_for("desk.home")


def _opens(path: str) -> bool:
    """Whether a GET of *path* is meant to be answered; an address that does not exist may be asked too."""
    adapter = current_app.url_map.bind("localhost")
    try:
        adapter.match(urlsplit(path).path, method="GET")
    except MethodNotAllowed:
        return False
    except HTTPException:
        return True
    return True
