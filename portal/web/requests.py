"""From a request to an act: who is signed in, what a route demands, forms that lose nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from flask_login import UserMixin, current_user
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from wtforms import Field, PasswordField
from wtforms.csrf.core import CSRFTokenField
from wtforms.validators import ValidationError
from wtforms.widgets import HiddenInput

from portal.config import Settings
from portal.kernel.act import POLICY, Act, Permission, Role, new_id
from portal.kernel.errors import Forbidden, NotFound, Refused, Stale
from portal.kernel.sentence import Sentence, say

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
PUBLIC = "public"
SEAT_FIELD = "acting_seat"
"""The hidden field of every form that says from which seat its page was opened."""
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class SignInNeeded(Refused):
    """A form was sent by somebody who is no longer signed in; answered with a page that keeps the input."""

    status = 401
    code = "sign-in-needed"

    def __init__(self) -> None:
        super().__init__(say("You are not signed in any more. Nothing was done, and nothing is lost."))


@dataclass
class SignedIn(UserMixin):  # type: ignore[misc]  # flask-login ships no types
    """The person behind the request, as loaded from the session table once a request."""

    token: str
    session_id: str
    person_id: str
    person_name: str
    email: str
    language: str
    seat_id: str | None
    member_id: str | None
    member_names: Mapping[str, str] | None
    roles: frozenset[Role]
    proved_at: datetime | None
    authority: str
    seats: int

    def get_id(self) -> str:
        """Flask-Login keeps this in the cookie: our session's token, so that a session can be revoked."""
        return self.token


# --- routes ---------------------------------------------------------------------------------------


def route(
    bp: Blueprint, rule: str, permission: Permission, methods: Sequence[str] = ("GET",)
) -> Callable[[View], View]:
    """A page or act that needs a seat with *permission* (DESIGN §6.4); `check_access` enforces it."""
    return _declared(bp, rule, permission, methods)


def public(
    bp: Blueprint, rule: str, methods: Sequence[str] = ("GET",), *, most_bytes: int | None = None
) -> Callable[[View], View]:
    """A page for anyone, signed in or not; *most_bytes* may be sent to it, if less than to others."""
    return _declared(bp, rule, PUBLIC, methods, most_bytes)


def _declared(
    bp: Blueprint,
    rule: str,
    access: Permission | str,
    methods: Sequence[str],
    most_bytes: int | None = None,
) -> Callable[[View], View]:
    def register(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # read by check_access and by the tests of the whole
        view.most_bytes = most_bytes  # type: ignore[attr-defined]  # read by refuse_nonsense, before the body
        bp.add_url_rule(rule, endpoint=view.__name__.rstrip("_"), view_func=view, methods=list(methods))
        return view

    return register


def access_of(endpoint: str) -> Permission | str | None:
    """What the endpoint declares: a permission, ``public``, or None where nothing is declared."""
    if endpoint == "static":
        return PUBLIC
    view = current_app.view_functions.get(endpoint)
    return cast("Permission | str | None", getattr(view, "access", None))


def check_access() -> ResponseReturnValue | None:
    """Before every request: the route's declaration is kept; an undeclared route is closed."""
    if request.endpoint is None:
        return None  # 404 or 405, answered by Flask
    access = access_of(request.endpoint)
    if access == PUBLIC:
        return None
    if access is None:
        abort(500)
    if not current_user.is_authenticated:
        if request.method not in _READS:
            raise SignInNeeded
        return redirect(url_for("identity.sign_in", next=request.full_path.rstrip("?")), 303)
    if access == Permission.own_account_use:
        return None
    _same_seat()
    if signed_in().seat_id is None:
        return redirect(url_for("members.seats", next=request.full_path.rstrip("?")), 303)
    if not POLICY[Permission(access)].roles & signed_in().roles:
        raise Forbidden
    return None


def _same_seat() -> None:
    """A form is sent for whom its page was opened for, and for nobody else.

    All tabs of a browser share one session, and with it one seat: without this, choosing another seat in
    one tab would let the form of another tab act for the other company. Raises `Stale`.
    """
    if request.method in _READS:
        return
    who, shown = signed_in(), request.form.get(SEAT_FIELD)
    if who.seat_id is None:
        raise Stale(
            say("Choose first for whom you act; the seat you acted from has ended, or none is chosen yet.")
        )
    if shown is not None and shown != who.seat_id:
        now, then = seat_words(who.member_names, who.seat_id), _words_of(shown)
        raise Stale(
            say(
                "You now act for %(now)s in this browser; this page was opened for %(then)s. "
                "Nothing was done. Choose for whom you want to act, then load the page again.",
                now=now,
                then=then,
            )
        )


def seat_words(names: Mapping[str, str] | None, seat_id: str | None) -> Sentence | str:
    """For whom a seat acts, as a part of a sentence."""
    if seat_id is None:
        return say("nobody")
    if not names:
        return say("the association")
    return names.get(language()) or next((name for name in names.values() if name), "")


def _words_of(seat_id: str) -> Sentence | str:
    """For whom the seat shown on the page acts; only of the person's own seats, live or ended."""
    find: Callable[[str, str], tuple[bool, Mapping[str, str] | None]] | None
    find = current_app.extensions.get("rensho-seat-names")
    own, names = find(seat_id, signed_in().person_id) if find and seat_id else (False, None)
    return seat_words(names, seat_id) if own else say("somebody else")


def refuse_nonsense() -> None:
    """Before everything else: what no page of ours sends is refused before anything reads it.

    Another host name than the portal's own; more bytes than the route takes; NUL, which no database
    keeps; whole numbers in an address that no database counts to.
    """
    settings: Settings = current_app.extensions["rensho-settings"]
    if request.endpoint != "healthz" and _host() not in settings.hosts:
        raise Refused(say("This portal is reached at %(address)s only.", address=settings.base_url))
    if any(isinstance(value, int) and abs(value) >> 63 for value in (request.view_args or {}).values()):
        raise NotFound
    view = current_app.view_functions.get(request.endpoint or "")
    if (most := getattr(view, "most_bytes", None)) is not None:
        request.max_content_length = most
    texts = [request.path, *request.args, *(text for many in request.args.listvalues() for text in many)]
    if request.method not in _READS and not any("\x00" in text for text in texts):
        texts += [*request.form, *(text for many in request.form.listvalues() for text in many)]
    if any("\x00" in text for text in texts):
        raise BadRequest


def _host() -> str:
    """The name in the request's Host header, without port, in small letters; empty if it is none."""
    try:
        return urlsplit(f"//{request.host}").hostname or ""
    except ValueError:
        return ""


def whole_number(name: str, default: int, most: int = 99_999_999) -> int:
    """The number *name* of the page's query: 1 … *most*; *default* for anything else."""
    text = request.args.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else 0
    return number if 1 <= number <= most else default


def signed_in() -> SignedIn:
    """The signed-in person; only on routes that are not public."""
    return cast("SignedIn", current_user)


def local_path(target: str | None) -> str | None:
    """*target* if it is a path of this portal, never one that a browser reads as another host; else None."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return None
    return None if any(unicodedata.category(c) == "Cc" or c == "\\" for c in target) else target


def language() -> str:
    """The language this page is shown in."""
    locale = get_locale()
    return locale.language if locale else "en"


def current_act() -> Act:
    """The act of this request: who, for whom, when, from where. For strangers one without any role."""
    who = signed_in() if current_user.is_authenticated else None
    return Act(
        at=datetime.now(UTC),
        person_id=who.person_id if who else None,
        person_name=who.person_name if who else "",
        member_id=who.member_id if who else None,
        roles=who.roles if who else frozenset(),
        proved_at=who.proved_at if who else None,
        language=language(),
        address=request.remote_addr,
        user_agent=(request.user_agent.string or "")[:300] or None,
        request_id=request_id(),
        authority=who.authority if who else "",
    )


def request_id() -> str:
    """An id of this request, the same in every log line it causes."""
    if "request_id" not in g:
        g.request_id = new_id()
    return cast("str", g.request_id)


# --- forms ----------------------------------------------------------------------------------------


def _no_control_characters(value: Any) -> Any:
    """PostgreSQL cannot store NUL, and no name holds control characters: they stop at the door."""
    if not isinstance(value, str):
        return value
    return "".join(c for c in value if c in "\t\n\r" or unicodedata.category(c) != "Cc")


def seat_field() -> Markup:
    """The hidden field with the seat that the page is shown for; nothing for who acts from none."""
    if not current_user.is_authenticated or signed_in().seat_id is None:
        return Markup("")
    return Markup('<input type="hidden" name="{}" value="{}">').format(SEAT_FIELD, signed_in().seat_id)


class _TokenAndSeat(HiddenInput):  # type: ignore[misc]  # wtforms ships no types
    """The CSRF token with the seat beside it, so that no form can have the one without the other."""

    def __call__(self, field: Field, **kwargs: Any) -> Markup:
        token: Markup = super().__call__(field, **kwargs)
        return token + seat_field()


def a_year_in_reach(_form: Any, field: Field) -> None:
    """A validator: the date lies in the years 1990 to 2100; what lies elsewhere is a slip of the keys."""
    if field.data is not None and not 1990 <= field.data.year <= 2100:
        raise ValidationError(_l("Give a date between the years 1990 and 2100."))


class Form(FlaskForm):  # type: ignore[misc]  # flask-wtf ships no types
    """Every form: CSRF token, the seat it was opened for, and text without control characters."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def bind_field(self, form: Any, unbound: Any, options: dict[str, Any]) -> Field:
            if issubclass(unbound.field_class, CSRFTokenField):
                return unbound.bind(form=form, **{**options, "widget": _TokenAndSeat()})
            filters = unbound.kwargs.get("filters", [])
            filters = (
                [*filters, _no_control_characters] if unbound.field_class is not PasswordField else filters
            )
            return unbound.bind(form=form, **{**options, **({"filters": filters} if filters else {})})


class ProofForm(Form):
    """A form for an act that binds: asks for the password where the proof of identity is stale.

    It asks in the form itself, so that what was filled in is not lost on a detour.
    """

    password = PasswordField(_l("Your password"), render_kw={"autocomplete": "current-password"})

    permission: Permission

    @property
    def asks_proof(self) -> bool:
        """Whether the signed-in person's proof is too old for what this form does."""
        limit = POLICY[self.permission].proof
        proved = signed_in().proved_at
        # A margin, so that a proof that is fresh when the page is shown is not asked again for nothing.
        return limit is not None and (proved is None or datetime.now(UTC) - proved > limit / 2)

    def prove(self) -> Act:
        """The act with a fresh proof, if the password was asked for and given; `Invalid` if it is wrong."""
        act = current_act()
        if not self.password.data:
            return act
        prover: Callable[[str, str, Act], datetime] = current_app.extensions["rensho-prove"]
        proved_at = prover(signed_in().token, self.password.data, act)
        return replace(act, proved_at=proved_at, at=max(act.at, proved_at))
