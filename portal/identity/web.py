"""Pages of this room: sign in, sign out, one's own account."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, current_app, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_login import current_user, login_user, logout_user
from wtforms import HiddenField, PasswordField, SelectField, StringField
from wtforms.validators import InputRequired, Length

from portal import db
from portal.identity import passwords
from portal.identity import service as identity
from portal.kernel.act import Permission
from portal.kernel.errors import Forbidden, Invalid, Problem, Refused, TooMany
from portal.kernel.sentence import say
from portal.web.kept import Kept, kept, readable_path, unsealed
from portal.web.requests import (
    SEAT_FIELD,
    Form,
    SignedIn,
    SignInNeeded,
    current_act,
    language,
    local_path,
    public,
    route,
    signed_in,
)
from portal.web.responses import done, refused, wants_json
from portal.web.shell import LANGUAGE_NAMES

bp = Blueprint("identity", __name__)


class SignInForm(Form):
    """E-mail address and password."""

    email = StringField(
        _l("E-mail address"),
        [InputRequired(), Length(max=320)],
        render_kw={"autocomplete": "username", "type": "email", "inputmode": "email"},
    )
    password = PasswordField(
        _l("Password"), [InputRequired(), Length(max=4096)], render_kw={"autocomplete": "current-password"}
    )
    next = HiddenField()
    kept = HiddenField()


class AccountForm(Form):
    """One's own name and language."""

    name = StringField(
        _l("Your name"), [InputRequired(), Length(max=200)], render_kw={"autocomplete": "name"}
    )
    language = SelectField(_l("Language of pages and mail"), choices=list(LANGUAGE_NAMES.items()))


class PasswordForm(Form):
    """Another password."""

    old = PasswordField(
        _l("Present password"), [InputRequired()], render_kw={"autocomplete": "current-password"}
    )
    new = PasswordField(_l("New password"), [InputRequired()], render_kw={"autocomplete": "new-password"})


def keep_problems(form: Any, error: Invalid) -> tuple[Problem, ...]:
    """Put each problem at its field of *form*; those without a field are returned."""
    rest = []
    for problem in error.problems:
        if isinstance(problem.where, str) and problem.where in form:
            form[problem.where].errors = [*form[problem.where].errors, problem.sentence.render(language())]
        else:
            rest.append(problem)
    return tuple(rest)


def enter(entered: identity.Entered, name: str = "", email: str = "") -> None:
    """Let this browser be that session from now on; what it held for a stranger is dropped.

    The cookie is emptied first, so that a CSRF token planted before sign-in is worth nothing.
    """
    kept = session.get("language")
    session.clear()
    if kept:
        session["language"] = kept
    login_user(
        SignedIn(
            token=entered.token, session_id=entered.session_id, person_id=entered.person_id, person_name=name,
            email=email, language=entered.language, seat_id=None, member_id=None, member_names=None,
            roles=frozenset(), proved_at=None, authority="", seats=0,
        )
    )  # fmt: skip


@public(bp, "/sign-in", methods=["GET", "POST"])
def sign_in() -> ResponseReturnValue:
    """Sign in with e-mail address and password."""
    if current_user.is_authenticated and request.method == "GET":
        return redirect(local_path(request.args.get("next")) or url_for("desk.home"), 303)
    form = SignInForm(next=request.args.get("next", ""))
    refusal = None
    if form.validate_on_submit():
        try:
            entered = identity.sign_in(current_act(), email=form.email.data, password=form.password.data)
        except (Forbidden, TooMany) as error:
            refusal = error
        else:
            enter(entered)
            if again := unsealed(form.kept.data):
                return _offer_again(again, entered)
            return redirect(local_path(form.next.data) or url_for("desk.home"), 303)
    if again := unsealed(form.kept.data):
        return _sign_in_again(form, again, refusal), 429 if isinstance(refusal, TooMany) else 422
    page = render_template("identity/sign_in.html", form=form, refusal=refusal)
    if isinstance(refusal, TooMany):
        return page, 429
    return page, 422 if request.method == "POST" else 200


# --- a form that was sent after the session had ended -----------------------------------------------


@bp.app_errorhandler(SignInNeeded)
def sign_in_needed(error: SignInNeeded) -> ResponseReturnValue:
    """Sign in here and now; what was sent is kept on the page, and offered for sending afterwards."""
    found = kept()
    if wants_json() or found is None:
        return refused(error)
    form = SignInForm(formdata=None, next=readable_path(), kept=found.sealed())
    return _sign_in_again(form, found, error), 401


def _sign_in_again(form: SignInForm, again: Kept, refusal: Refused | None) -> str:
    return render_template("identity/again.html", form=form, kept=again, refusal=refusal)


def _offer_again(again: Kept, entered: identity.Entered) -> ResponseReturnValue:
    """Signed in again: show what was kept, for one press of a button. Nothing is sent by itself."""
    seat_id = dict(again.fields).get(SEAT_FIELD)
    if seat_id:
        act = replace(current_act(), person_id=entered.person_id)
        current_app.extensions["rensho-take-seat"](act, entered.session_id, seat_id)
    g.pop("_login_user", None)  # read afresh, with the seat
    g.pop("csrf_token", None)  # that of the stranger's session, which is gone
    fields = [(name, value) for name, value in again.fields if name != SEAT_FIELD]
    return render_template(
        "identity/send_again.html", kept=again, fields=fields, seat=seat_id, seat_name=SEAT_FIELD
    )


class ConfirmForm(Form):
    """The proof of identity on its own."""

    password = PasswordField(
        _l("Your password"),
        validators=[InputRequired(_l("Give your password."))],
        render_kw={"autocomplete": "current-password"},
    )
    next = HiddenField()


@route(bp, "/confirm", Permission.own_account_use, methods=["GET", "POST"])
def confirm() -> ResponseReturnValue:
    """Prove once more that it is oneself, then go on to where it was needed."""
    form = ConfirmForm(next=request.args.get("next", ""))
    refusal = None
    if form.validate_on_submit():
        try:
            identity.prove(signed_in().token, form.password.data, current_act())
        except (Invalid, TooMany) as error:
            refusal = error
        else:
            return redirect(local_path(form.next.data) or url_for("desk.home"), 303)
    page = render_template("identity/confirm.html", form=form, refusal=refusal)
    return page, 200 if request.method == "GET" else 422


@public(bp, "/sign-out", methods=["POST"])
def sign_out() -> ResponseReturnValue:
    """End this session."""
    if current_user.is_authenticated:
        db.run(identity.sign_out, current_act(), token=signed_in().token)
        logout_user()
    kept = session.get("language")
    session.clear()
    if kept:
        session["language"] = kept
    return done(say("You have signed out."), "identity.sign_in")


def _account(
    form: AccountForm, password_form: PasswordForm, problems: tuple[Problem, ...] = (), status: int = 200
) -> ResponseReturnValue:
    sessions = db.read(identity.list_sessions, current_act())
    page = render_template(
        "identity/account.html", form=form, password_form=password_form, problems=problems, sessions=sessions,
        this=signed_in().session_id, shortest=passwords.SHORTEST,
    )  # fmt: skip
    return page, status


def _account_form() -> AccountForm:
    return AccountForm(name=signed_in().person_name, language=signed_in().language)


@route(bp, "/account", Permission.own_account_use, methods=["GET", "POST"])
def account() -> ResponseReturnValue:
    """One's own name, language, password and sessions."""
    form = _account_form()
    if not form.validate_on_submit():
        return _account(form, PasswordForm(formdata=None), status=200 if request.method == "GET" else 422)
    try:
        db.run(identity.edit_account, current_act(), name=form.name.data, language=form.language.data)
    except Invalid as error:
        return _account(form, PasswordForm(formdata=None), keep_problems(form, error), 422)
    session.pop("language", None)  # the choice just made is the newer one
    return done(say("Your account has been changed."), "identity.account")


@route(bp, "/account/password", Permission.own_account_use, methods=["POST"])
def password() -> ResponseReturnValue:
    """Set another password; all other sessions end."""
    form = PasswordForm()
    details = AccountForm(formdata=None, name=signed_in().person_name, language=signed_in().language)
    if not form.validate_on_submit():
        return _account(details, form, status=422)
    try:
        identity.change_password(current_act(), token=signed_in().token, old=form.old.data, new=form.new.data)
    except Invalid as error:
        for problem in error.problems:  # what the room calls "password" is the present one here
            name = "old" if problem.where == "password" else "new"
            form[name].errors = [*form[name].errors, problem.sentence.render(language())]
        return _account(details, form, status=422)
    return done(say("Your password has been changed; other browsers are signed out."), "identity.account")


@route(bp, "/account/sessions/<session_id>/end", Permission.own_account_use, methods=["POST"])
def end_session(session_id: str) -> ResponseReturnValue:
    """End one of one's own sessions."""
    db.run(identity.revoke_session, current_act(), session_id=session_id)
    if session_id == signed_in().session_id:
        logout_user()
        return done(say("You have signed out."), "identity.sign_in")
    flash(say("That browser is signed out.").render(language()), "done")
    return redirect(url_for("identity.account"), 303)
