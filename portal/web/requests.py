"""From a request to an act: who is signed in, what a route demands, forms that lose nothing."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from flask import Blueprint, abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import get_locale
from flask_babel import lazy_gettext as _l
from flask_login import UserMixin, current_user
from flask_wtf import FlaskForm
from wtforms import Field, PasswordField

from portal.kernel.act import POLICY, Act, Permission, Role, new_id
from portal.kernel.errors import Forbidden

View = TypeVar("View", bound=Callable[..., ResponseReturnValue])
PUBLIC = "public"


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


def public(bp: Blueprint, rule: str, methods: Sequence[str] = ("GET",)) -> Callable[[View], View]:
    """A page for anyone, signed in or not."""
    return _declared(bp, rule, PUBLIC, methods)


def _declared(
    bp: Blueprint, rule: str, access: Permission | str, methods: Sequence[str]
) -> Callable[[View], View]:
    def register(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]  # read by check_access and by the tests of the whole
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
        if request.method not in {"GET", "HEAD"}:
            return redirect(url_for("identity.sign_in"), 303)
        return redirect(url_for("identity.sign_in", next=request.full_path.rstrip("?")), 303)
    if signed_in().seat_id is None and access != Permission.own_account_use:
        return redirect(url_for("members.seats", next=request.full_path.rstrip("?")), 303)
    if not POLICY[Permission(access)].roles & signed_in().roles and access != Permission.own_account_use:
        raise Forbidden
    return None


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


class Form(FlaskForm):  # type: ignore[misc]  # flask-wtf ships no types
    """Every form: CSRF token, and text without control characters."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]
        def bind_field(self, form: Any, unbound: Any, options: dict[str, Any]) -> Field:
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
