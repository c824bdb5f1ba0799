"""The frame around every page: language, navigation, and how values are written out in templates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import get_datetime_format
from flask import Blueprint, Flask, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import Babel, format_date, format_time, get_locale
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from markupsafe import Markup, escape

from portal.config import Settings
from portal.kernel.act import Permission
from portal.kernel.sentence import LANGUAGES, TRANSLATIONS, Sentence
from portal.web.kept import readable_path
from portal.web.requests import current_act, language, local_path, public, seat_field, signed_in

bp = Blueprint("shell", __name__)

LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "ja": "日本語"}


@dataclass(frozen=True)
class Item:
    """One entry of the navigation: its label, where it leads, and who sees it."""

    label: Any
    endpoint: str
    permission: Permission
    staff: bool | None = None  # None: both


NAVIGATION: list[Item] = []
"""Filled by app.py, in the order shown."""


@public(bp, "/language", methods=["POST"])
def switch() -> ResponseReturnValue:
    """Show the portal in the chosen language from now on."""
    chosen = request.form.get("language", "")
    if chosen in LANGUAGES:
        session["language"] = chosen
    return redirect(local_path(request.form.get("next")) or url_for("desk.home"), 303)


def select_locale() -> str:
    """The chosen language; else the person's; else what the browser asks for; else English."""
    chosen = session.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    if current_user and current_user.is_authenticated and signed_in().language in LANGUAGES:
        return signed_in().language
    return request.accept_languages.best_match(LANGUAGES) or LANGUAGES[0]


def navigation() -> list[Item]:
    """The entries that the signed-in person's seat may open."""
    if not current_user.is_authenticated or signed_in().seat_id is None:
        return []
    who = signed_in()
    from portal.kernel.act import POLICY

    return [
        item
        for item in NAVIGATION
        if POLICY[item.permission].roles & who.roles and item.staff in {None, who.member_id is None}
    ]


# --- how values are written out -------------------------------------------------------------------


def finalize(value: Any) -> Any:
    """What Jinja prints for a value: a sentence is rendered in the page's language."""
    return value.render(language()) if isinstance(value, Sentence) else value


def in_language(texts: Mapping[str, Any] | None, wanted: str | None = None) -> Any:
    """The text of the page's language (or of *wanted*), else of any language there is."""
    if not texts:
        return ""
    wanted = wanted or language()
    return texts.get(wanted) or next((text for text in texts.values() if text), "")


def company(names: Mapping[str, str] | None) -> Markup:
    """A name in two scripts: that of the page's language first, the other small beside it."""
    if not names:
        return Markup("")
    first = in_language(names)
    code = next((key for key, value in names.items() if value == first), language())
    others = [(key, value) for key, value in names.items() if value and value != first]
    html = Markup('<span class="name" lang="{}">{}</span>').format(code, first)
    for key, value in others[:1]:
        html += Markup(' <small class="name-other" lang="{}">{}</small>').format(key, value)
    return html


def when(instant: datetime | date | None, zone: str = "Asia/Tokyo") -> Markup:
    """A time with its zone, machine-readable too. *instant* is aware, or a plain date."""
    if instant is None:
        return Markup("—")
    if not isinstance(instant, datetime):
        return Markup('<time datetime="{}">{}</time>').format(
            instant.isoformat(), format_date(instant, "medium")
        )
    local = instant.astimezone(ZoneInfo(zone))
    joined = str(get_datetime_format("medium", get_locale()))  # "{1}, {0}" in English, "{1} {0}" in Japanese
    text = joined.replace("{1}", format_date(local, "medium", rebase=False))
    text = text.replace("{0}", format_time(local, "short", rebase=False))
    return Markup('<time datetime="{}">{} <span class="zone">{}</span></time>').format(
        instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"), text, local.tzname()
    )


def short_digest(digest: str) -> Markup:
    """A digest cut to what a person compares, with the whole of it in the title."""
    return Markup('<code class="digest" title="{}">{}…</code>').format(
        digest, digest.removeprefix("sha256:")[:12]
    )


def paragraphs(text: str) -> Markup:
    """Plain text with its line breaks, harmless."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


@lru_cache(maxsize=64)
def _fingerprint(path: str, _modified: float) -> str:
    return sha256(Path(path).read_bytes()).hexdigest()[:10]


def asset(filename: str) -> str:
    """The address of a static file, with its fingerprint, so that it can be cached for good."""
    from flask import current_app

    path = Path(str(current_app.static_folder)) / filename
    return url_for("static", filename=filename, v=_fingerprint(str(path), path.stat().st_mtime))


def init(app: Flask, settings: Settings) -> None:
    """Set up languages, filters and globals on *app*."""
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    app.config["BABEL_DEFAULT_TIMEZONE"] = settings.timezone
    Babel(app, locale_selector=select_locale)
    app.register_blueprint(bp)
    app.jinja_env.filters.update(
        company=company,
        when=lambda instant: when(instant, settings.timezone),
        in_language=in_language,
        short_digest=short_digest,
        paragraphs=paragraphs,
    )
    app.jinja_env.globals.update(
        asset=asset,
        navigation=navigation,
        language=language,
        readable_path=readable_path,
        seat_field=seat_field,
        languages=LANGUAGE_NAMES,
        rehearsal=settings.rehearsal,
        demo=settings.demo,
        inbox=settings.shows_inbox,
        may=lambda permission: current_act().may(Permission(permission)),
    )
    app.jinja_env.globals["portal_name"] = _l("Rensho")
