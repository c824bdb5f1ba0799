"""Pages of the issued letter: issuing, downloading, and checking by anyone."""

from __future__ import annotations

import io
import json
from typing import cast

from flask import Blueprint, Response, current_app, render_template, request, send_file
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from flask_wtf.file import FileField, FileRequired
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from portal import db
from portal.identity.web import keep_problems
from portal.kernel.act import Permission
from portal.kernel.errors import Invalid, NotFound, Problem, ProofNeeded, Refused
from portal.kernel.sentence import say
from portal.letters import checking, issuing, service
from portal.letters.house import House
from portal.web.requests import Form, ProofForm, current_act, public, route
from portal.web.responses import done

bp = Blueprint("letters", __name__)


class IssueForm(ProofForm):
    """Issue the carried letter."""

    permission = Permission.letter_issue


class WithdrawForm(ProofForm):
    """Withdraw an issued letter."""

    permission = Permission.letter_withdraw
    reason = TextAreaField(
        _l("Why it no longer stands"),
        validators=[
            DataRequired(_l("Say why the letter is withdrawn; whoever checks it will read this.")),
            Length(max=2000),
        ],
    )


class VerifyForm(Form):
    """A file to check."""

    file = FileField(_l("The letter's PDF"), validators=[FileRequired(_l("Choose the PDF first."))])


class ReferenceForm(Form):
    """A reference to look up."""

    class Meta(Form.Meta):
        csrf = False  # a plain GET that changes nothing

    reference = StringField(_l("Reference"), validators=[Length(max=40)])


def _house() -> House:
    return cast("House", current_app.extensions["rensho-house"])


# --- issuing --------------------------------------------------------------------------------------


@route(bp, "/letters/<letter_id>/issue", Permission.letter_issue, methods=("GET", "POST"))
def reserve(letter_id: str) -> ResponseReturnValue:
    """Issue a carried and countersigned letter: asks once, then reserves; the worker seals."""
    form = IssueForm()
    problem = None
    if form.validate_on_submit():
        try:
            view = db.run(issuing.reserve, form.prove(), letter_id=letter_id, house=_house())
        except (ProofNeeded, Invalid) as error:
            problem = error.sentence
        else:
            return done(
                say("The letter has its number. It is being sealed."), "letters.show", issue_id=view.id
            )
    existing = db.read(lambda s, _a: service.issue_of_letter(s, letter_id), current_act())
    if existing is not None and request.method == "GET":
        return done(say("This letter is issued."), "letters.show", issue_id=existing.id)
    preview = db.read(issuing.preview, current_act(), letter_id=letter_id)
    return render_template(
        "letters/reserve.html", form=form, preview=preview, problem=problem
    ), 422 if problem else 200


@route(bp, "/issues/<issue_id>", Permission.issue_read)
def show(issue_id: str) -> ResponseReturnValue:
    """An issued letter: how far it is, its editions, its files."""
    return _show(issue_id, WithdrawForm())


def _show(issue_id: str, form: WithdrawForm, problems: tuple[Problem, ...] = ()) -> str:
    act = current_act()
    issue = db.read(service.issue, act, issue_id)
    editions = [edition for edition in issue.editions if db.read(service.may_read, act, edition.edition)]
    return render_template(
        "letters/show.html", issue=issue, editions=editions, withdraw=form, problems=problems
    )


@route(bp, "/issues/<issue_id>/publish", Permission.letter_publish, methods=("POST",))
def publish(issue_id: str) -> ResponseReturnValue:
    """Put the public edition on the public page."""
    issue = db.run(service.publish, current_act(), issue_id=issue_id)
    return done(
        say("%(reference)s is published.", reference=issue.reference), "letters.show", issue_id=issue_id
    )


@route(bp, "/issues/<issue_id>/withdraw", Permission.letter_withdraw, methods=("POST",))
def withdraw(issue_id: str) -> ResponseReturnValue:
    """Say in the register that the letter no longer stands."""
    form = WithdrawForm()
    if not form.validate_on_submit():
        return _show(issue_id, form), 422
    try:
        issue = db.run(service.withdraw, form.prove(), issue_id=issue_id, reason=form.reason.data)
    except NotFound:
        raise
    except Invalid as error:
        return _show(issue_id, form, keep_problems(form, error)), 422
    except Refused as error:
        return _show(issue_id, form, (Problem("", error.sentence),)), error.status
    return done(
        say("%(reference)s is withdrawn.", reference=issue.reference), "letters.show", issue_id=issue_id
    )


@route(bp, "/issues/<issue_id>/<edition>/<kind>", Permission.issue_read)
def download(issue_id: str, edition: str, kind: str) -> ResponseReturnValue:
    """A file of an edition: ``letter.pdf``, ``record.json``, ``schedule.csv``, ``proof``."""
    view, projection = db.read(service.edition, current_act(), issue_id=issue_id, name=edition)
    reference = projection["reference"]
    if kind == "letter.pdf":
        data, mime, name = (
            _house().files.get(view.file_digest),
            "application/pdf",
            f"{reference}.{edition}.pdf",
        )
    elif kind == "record.json":
        text = json.dumps(projection, ensure_ascii=False, indent=1)
        data, mime, name = text.encode(), "application/json", f"{reference}.record.{edition}.json"
    elif kind == "schedule.csv":
        data, mime, name = (
            _house().files.get(view.schedule_digest),
            "text/csv",
            f"{reference}.schedule.{edition}.csv",
        )
    elif kind == "proof":
        proof = db.read(lambda s, _a: checking.proof_of(s, issue_id), current_act())
        data, mime, name = proof.encode(), "text/plain", f"{reference}.{edition}.tlog-proof"
    else:
        raise NotFound
    return send_file(io.BytesIO(data), mimetype=mime, as_attachment=True, download_name=name, max_age=0)


@route(bp, "/issues/<issue_id>/certificate.pdf", Permission.record_read)
def certificate(issue_id: str) -> ResponseReturnValue:
    """The certificate of approval, for the association's files."""
    from portal.letters.certificate import certificate_pdf

    record = db.read(service.full_record_of, current_act(), issue_id)
    name = f"{record['reference']}.certificate.pdf"
    return send_file(
        io.BytesIO(certificate_pdf(record)),
        mimetype="application/pdf",
        as_attachment=True,
        download_name=name,
        max_age=0,
    )


# --- checking, by anyone --------------------------------------------------------------------------


@public(bp, "/verify", methods=("GET", "POST"), most_bytes=checking.MAX_UPLOAD)
def verify() -> ResponseReturnValue:
    """Drop a PDF or type the reference; the file never leaves the check."""
    form = VerifyForm()
    lookup = ReferenceForm(request.args)
    checked = None
    if form.validate_on_submit():
        act = current_act()
        db.run(checking.throttle, act)
        checked = checking.check_upload(form.file.data.read(), house=_house())
    reference = (lookup.reference.data or "").strip()
    entry = db.read(lambda s, _a: service.by_reference(s, reference), current_act()) if reference else None
    return render_template(
        "letters/verify.html", form=form, lookup=lookup, checked=checked, reference=reference, entry=entry
    ), 422 if form.errors else 200


@public(bp, "/verify/<reference>")
def verify_reference(reference: str) -> ResponseReturnValue:
    """Where the QR code of a letter leads."""
    entry = db.read(lambda s, _a: service.by_reference(s, reference), current_act())
    page = render_template(
        "letters/verify.html", form=VerifyForm(), lookup=ReferenceForm(data={"reference": reference}),
        checked=None, reference=reference, entry=entry,
    )  # fmt: skip
    return page, 200 if entry else 404


@public(bp, "/verify/seal.pem")
def seal_pem() -> ResponseReturnValue:
    """The seal's certificate, for checking offline."""
    return Response(_house().sealer.pem(), mimetype="application/x-pem-file")


@public(bp, "/verify/log.vkey")
def log_vkey() -> ResponseReturnValue:
    """The log's verifier key, for checking offline."""
    return Response(_house().log_key.vkey + "\n", mimetype="text/plain")
