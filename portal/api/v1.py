"""The API, version 1: reading only. Letters, log and register for anyone; campaigns and members with a token.

Each endpoint is declared once, with `endpoint`; the page that lists them is made from the same
declarations. Errors are problem+json (RFC 9457), times RFC 3339, names as in the pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Any, Final

from flask import Blueprint, Response, current_app, jsonify, render_template, request
from flask.blueprints import BlueprintSetupState
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import IntegerField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length, NumberRange, Optional

from portal import db
from portal.api import tokens, webhooks
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.kernel.act import Act, Permission
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.sentence import Sentence, say
from portal.letters import checking
from portal.letters import service as letters
from portal.members import service as members
from portal.web.requests import ProofForm, current_act, public, route
from portal.web.responses import done

bp = Blueprint("api", __name__)

PREFIX: Final = "/api/v1"
_DIGEST = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})")

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True)
class Described:
    """One endpoint, as the page of the API shows it. ``permission`` is what a token must allow, if any."""

    method: str
    path: str
    summary: Sentence
    permission: Permission | None
    example: str


DESCRIBED: list[Described] = []


def endpoint(
    rule: str,
    summary: Sentence,
    *,
    permission: Permission | None = None,
    method: str = "GET",
    example: str = "",
) -> Callable[[View], View]:
    """Declare an endpoint under ``/api/v1``. With *permission* it needs a token, and gets its act first.

    To the session of the pages such a route is public: a cookie opens nothing here.
    """

    def declare(view: View) -> View:
        DESCRIBED.append(Described(method, PREFIX + rule, summary, permission, example))
        wrapped = view if permission is None else _with_token(view)
        wrapped.token_permission = permission  # type: ignore[attr-defined]  # read by tests of the whole
        return public(bp, PREFIX + rule, (method,))(wrapped)

    return declare


def _with_token(view: View) -> View:
    @wraps(view)
    def authenticated(**values: Any) -> ResponseReturnValue:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token.strip() if scheme.lower() == "bearer" else None
        return view(db.read(tokens.act_for, current_act(), token=given), **values)

    return authenticated


@bp.after_request
def _challenge(response: Response) -> Response:
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Rensho"'  # RFC 6750 section 3
    return response


@bp.record_once
def _no_form_token(state: BlueprintSetupState) -> None:
    # No cookie counts in the API, so there is nothing that a forged request could borrow.
    state.app.extensions["csrf"].exempt(verify)


def _time(instant: datetime | None) -> str | None:
    return None if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


# --- for anyone -----------------------------------------------------------------------------------


@endpoint("/letters", say("The published letters, the newest first."))
def letters_() -> ResponseReturnValue:
    """The published letters."""
    found = db.read(lambda session, _act: letters.public_letters(session), current_act())
    return jsonify({"letters": [_letter(one) for one in found]})


def _letter(one: letters.PublicLetter) -> Mapping[str, Any]:
    return {
        "reference": one.reference,
        "date": one.date,
        "subject": dict(one.subject),
        "addressee": dict(one.addressee_names),
        "association": dict(one.association_names),
        "members": one.total,
        "state": one.state,
    }


@endpoint(
    "/letters/<reference>",
    say("One published letter: the record of its public edition, and the digests of its files."),
    example="/letters/ABC-2026-0001",
)
def letter(reference: str) -> ResponseReturnValue:
    """One published letter."""
    page = db.read(lambda session, _act: letters.public_letter(session, reference), current_act())
    issue = page.issue
    return jsonify(
        {
            "reference": issue.reference,
            "state": issue.state,
            "sealed_at": _time(issue.sealed_at),
            "published_at": _time(issue.published_at),
            "reason": issue.end_reason,
            "editions": {
                one.edition: {"sha256": one.file_digest, "bytes": one.size}
                for one in issue.editions
                if one.edition == "public"
            },
            "record": page.projection,
        }
    )


@endpoint("/log/checkpoint", say("The latest signed checkpoint of the log, and the key to check it with."))
def checkpoint() -> ResponseReturnValue:
    """The latest signed checkpoint."""
    signed = db.read(lambda session, _act: log.latest_checkpoint(session), current_act())
    if signed is None:
        raise NotFound(say("No checkpoint has been signed yet."))
    key = current_app.extensions["rensho-log-key"]
    body = {"origin": key.origin, "vkey": key.vkey, "size": signed.size, "at": _time(signed.at)}
    return jsonify({**body, "checkpoint": signed.text})


@endpoint(
    "/verify",
    say("Whether a file of this SHA-256 is a registered original, and whether its letter still stands."),
    method="POST",
    example='{"sha256": "9f86d081…"}',
)
def verify() -> ResponseReturnValue:
    """The register's answer for a file's digest. Send the digest, never the file."""
    db.run(checking.throttle, current_act())
    body = request.get_json(silent=True)
    given = body.get("sha256") if isinstance(body, dict) else None
    match = _DIGEST.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise Invalid([Problem("sha256", say("Give the SHA-256 of the file, as 64 hexadecimal digits."))])
    digest = "sha256:" + match.group(1).lower()
    entry = db.read(lambda session, _act: letters.register_lookup(session, digest), current_act())
    if entry is None:
        return jsonify({"sha256": digest, "registered": False})
    return jsonify(
        {
            "sha256": digest,
            "registered": True,
            "reference": entry.reference,
            "edition": entry.edition,
            "state": entry.state,
            "reason": entry.end_reason,
        }
    )


# --- with a token ---------------------------------------------------------------------------------


@endpoint("/campaigns", say("The campaigns, with their stage."), permission=Permission.campaign_read)
def campaigns_(act: Act) -> ResponseReturnValue:
    """The campaigns."""
    found = db.read(campaigns.list_for, act)
    return jsonify(
        {
            "campaigns": [
                {
                    "id": one.id,
                    "title": dict(one.title),
                    "stage": one.stage,
                    "created_at": _time(one.created_at),
                }
                for one in found
            ]
        }
    )


@endpoint("/members", say("The members in the registry, by reading."), permission=Permission.member_read)
def members_(act: Act) -> ResponseReturnValue:
    """The members in the registry."""
    found = db.read(members.list_members, act)
    return jsonify(
        {
            "members": [
                {
                    "id": one.id,
                    "kind": one.kind,
                    "code": one.slug,
                    "names": dict(one.names),
                    "reading": one.reading,
                    "category": one.category,
                    "country": one.country,
                    "weight": one.weight,
                    "corporate_number": one.corporate_number,
                    "lei": one.lei,
                }
                for one in found
            ]
        }
    )


# --- the pages ------------------------------------------------------------------------------------


@public(bp, "/api/docs")
def docs() -> ResponseReturnValue:
    """What the API offers."""
    return render_template("api/docs.html", described=DESCRIBED, prefix=PREFIX)


class TokenForm(ProofForm):
    """A new token."""

    permission = Permission.token_manage
    name = StringField(_l("What the token is for"), [InputRequired(), Length(max=200)])
    days = IntegerField(_l("Valid for how many days"), [InputRequired(), NumberRange(1, 366)], default=90)


class RevokeForm(ProofForm):
    """A token to be revoked, or an endpoint to be disabled."""

    permission = Permission.token_manage


class WebhookForm(ProofForm):
    """A new webhook endpoint."""

    permission = Permission.webhook_manage
    url = StringField(_l("Address that is called"), [InputRequired(), Length(max=2_000)])
    kinds = TextAreaField(_l("Which entries it is told of"), [Optional(), Length(max=2_000)])


def _problems(error: Refused) -> Sequence[Problem]:
    return error.problems if isinstance(error, Invalid) else (Problem("", error.sentence),)


@route(bp, "/api/tokens", Permission.token_manage, methods=("GET", "POST"))
def tokens_() -> ResponseReturnValue:
    """The tokens; a new one is shown once, in the answer to the form."""
    form, made = TokenForm(), None
    problems: Sequence[Problem] = ()
    if form.validate_on_submit():
        try:
            valid_for = timedelta(days=form.days.data or 0)
            made = db.run(tokens.create, form.prove(), name=form.name.data or "", valid_for=valid_for)
            form = TokenForm(formdata=None)
        except Refused as error:
            problems = _problems(error)
    listed = db.read(tokens.tokens, current_act())
    page = render_template(
        "api/tokens.html", form=form, tokens=listed, made=made, problems=problems,
        revoke=RevokeForm(formdata=None), now=datetime.now(UTC),
    )  # fmt: skip
    return page, 422 if form.errors or problems else 200


@route(bp, "/api/tokens/<token_id>/revoke", Permission.token_manage, methods=("POST",))
def revoke(token_id: str) -> ResponseReturnValue:
    """Make a token useless."""
    db.run(tokens.revoke, RevokeForm().prove(), token_id=token_id)
    return done(say("The token is revoked."), ".tokens")


@route(bp, "/api/webhooks", Permission.webhook_manage, methods=("GET", "POST"))
def webhooks_() -> ResponseReturnValue:
    """The webhook endpoints; the secret of a new one is shown once, in the answer to the form."""
    form, made = WebhookForm(), None
    problems: Sequence[Problem] = ()
    if form.validate_on_submit():
        settings = current_app.extensions["rensho-settings"]
        try:
            made = db.run(
                webhooks.register, form.prove(), url=form.url.data or "",
                kinds=tuple((form.kinds.data or "").split()), secret_key=settings.secret_key,
            )  # fmt: skip
            form = WebhookForm(formdata=None)
        except Refused as error:
            problems = _problems(error)
    listed = db.read(webhooks.endpoints, current_act())
    page = render_template(
        "api/webhooks.html", form=form, endpoints=listed, made=made, problems=problems,
        disable=RevokeForm(formdata=None),
    )  # fmt: skip
    return page, 422 if form.errors or problems else 200


@route(bp, "/api/webhooks/<endpoint_id>/disable", Permission.webhook_manage, methods=("POST",))
def disable(endpoint_id: str) -> ResponseReturnValue:
    """Call an endpoint no more."""
    db.run(webhooks.disable, RevokeForm().prove(), endpoint_id=endpoint_id)
    return done(say("The endpoint is disabled."), ".webhooks")
