"""Pages of the drafting room: letters of a campaign, the shared draft, its revisions."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _l
from wtforms import FileField, IntegerField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional
from wtforms.widgets import HiddenInput

from portal import db
from portal.campaigns import service as campaigns
from portal.config import ROOT
from portal.drafting import service
from portal.drafting.brief import MAX_BYTES, read_toml
from portal.drafting.editing import MAX_SOURCE
from portal.drafting.service import StaleText, languages_first
from portal.kernel.act import Permission
from portal.kernel.errors import Conflict, Invalid, Problem
from portal.kernel.sentence import say
from portal.web.requests import Form, current_act, language, route
from portal.web.responses import done

bp = Blueprint("drafting", __name__)

EXAMPLE: Final = ROOT / "portal" / "rehearsal" / "example" / "brief.toml"


@bp.context_processor
def _may() -> dict[str, Any]:
    """For the templates: ``may("drafting:text:edit")`` says whether a button is worth showing."""
    return {"may": lambda permission: current_act().may(Permission(permission))}


class BriefForm(Form):
    """The brief as a file or as text."""

    file = FileField(_l("A brief as a file (brief.toml)"), validators=[Optional()])
    text = TextAreaField(
        _l("Or its text"), validators=[Optional(), Length(max=MAX_BYTES)], render_kw={"spellcheck": "false"}
    )


class PublishForm(Form):
    """The note that goes with a revision."""

    note = TextAreaField(
        _l("What changed and why"),
        validators=[
            DataRequired(_l("Say what changed and why; the members read it.")),
            Length(max=service.MAX_NOTE),
        ],
    )


def _edit_form(languages: tuple[str, ...]) -> Any:
    """A form with the text and the version that was shown, of every language of the letter."""

    class EditForm(Form):
        """The working copy."""

    for code in languages:
        label = {"en": _l("English text"), "ja": _l("Japanese text")}.get(code, code)
        text = TextAreaField(
            label,
            validators=[InputRequired(), Length(max=MAX_SOURCE)],
            render_kw={"lang": code, "class": "text"},
        )
        setattr(EditForm, f"text_{code}", text)
        setattr(EditForm, f"version_{code}", IntegerField(validators=[InputRequired()], widget=HiddenInput()))
    return EditForm


# --- letters --------------------------------------------------------------------------------------


@route(bp, "/campaigns/<campaign_id>/letters", Permission.letter_read)
def letters(campaign_id: str) -> ResponseReturnValue:
    """The campaign's letters."""
    act = current_act()
    campaign = db.read(campaigns.get, act, campaign_id)
    found = db.read(service.letters_of, act, campaign_id=campaign_id)
    return render_template("drafting/letters.html", campaign=campaign, letters=found)


@route(bp, "/campaigns/<campaign_id>/letters/new", Permission.letter_create, methods=("GET", "POST"))
def new(campaign_id: str) -> ResponseReturnValue:
    """Compose a letter from a brief."""
    act = current_act()
    campaign = db.read(campaigns.get, act, campaign_id)
    form, problems = BriefForm(), ()
    if form.validate_on_submit():
        upload = request.files.get("file")
        data = upload.read(MAX_BYTES + 1) if upload is not None and upload.filename else b""
        try:
            brief = read_toml(data or (form.text.data or "").encode(), "brief.toml")
            letter = db.run(service.create_letter, act, campaign_id=campaign_id, brief=brief)
        except Invalid as error:
            problems = error.problems  # type: ignore[assignment]  # of another length
        else:
            return done(
                say("The draft is composed. Read it, and change what you want."),
                "drafting.edit",
                letter_id=letter.id,
            )
    elif request.method == "GET":
        form.text.data = EXAMPLE.read_text(encoding="utf-8")
    status = 422 if problems or form.errors else 200
    return render_template("drafting/new.html", campaign=campaign, form=form, problems=problems), status


@route(bp, "/drafts/<letter_id>", Permission.letter_read)
def letter(letter_id: str) -> ResponseReturnValue:
    """A letter: its revisions, and for staff the way to its working copy."""
    act = current_act()
    view = db.read(service.letter, act, letter_id=letter_id)
    campaign = db.read(campaigns.get, act, view.campaign_id)
    return render_template("drafting/letter.html", letter=view, campaign=campaign)


# --- the working copy -----------------------------------------------------------------------------


@route(bp, "/drafts/<letter_id>/edit", Permission.text_edit, methods=("GET", "POST"))
def edit(letter_id: str) -> ResponseReturnValue:
    """Edit all languages side by side."""
    act = current_act()
    view = db.read(service.letter, act, letter_id=letter_id)
    form = _edit_form(view.languages)()
    clash: StaleText | None = None
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(
                service.save_texts,
                act,
                letter_id=letter_id,
                texts={code: form[f"text_{code}"].data for code in view.languages},
                versions={code: form[f"version_{code}"].data for code in view.languages},
            )
        except StaleText as error:
            clash = error
            # The next save replaces their text knowingly: both texts are on the page.
            form[f"version_{error.language}"].raw_data = None
            form[f"version_{error.language}"].data = error.theirs.version
        except Invalid as error:
            problems = error.problems
        else:
            saved = say("Saved.") if _problems(letter_id) else say("Saved. The text can be published.")
            return done(saved, "drafting.edit", letter_id=letter_id)
    elif request.method == "GET":
        for code, text in db.read(service.working_copy, act, letter_id=letter_id).items():
            form[f"text_{code}"].data, form[f"version_{code}"].data = text.text, text.version
        problems = _problems(letter_id)
    copy = db.read(service.working_copy, act, letter_id=letter_id)
    page = render_template(
        "drafting/edit.html", letter=view, form=form, problems=problems, clash=clash, copy=copy
    )
    return page, 409 if clash else 422 if form.errors else 200


def _problems(letter_id: str) -> tuple[Problem, ...]:
    """What keeps the saved working copy from being published."""
    try:
        db.read(service.draft, current_act(), letter_id=letter_id)
    except Invalid as error:
        return error.problems
    return ()


@route(bp, "/drafts/<letter_id>/publish", Permission.revision_publish, methods=("GET", "POST"))
def publish(letter_id: str) -> ResponseReturnValue:
    """See what would be published, and publish it."""
    act = current_act()
    view = db.read(service.letter, act, letter_id=letter_id)
    copy = db.read(service.working_copy, act, letter_id=letter_id)
    form, problems, conflict = PublishForm(), _problems(letter_id), None
    if form.validate_on_submit() and not problems:
        try:
            versions = {code: int(request.form.get(f"version_{code}", "0")) for code in view.languages}
            revision = db.run(
                service.publish,
                act,
                letter_id=letter_id,
                versions=versions,
                note=form.note.data,
            )
        except Invalid as error:
            problems = error.problems
        except (Conflict, ValueError) as error:
            conflict = error.sentence if isinstance(error, Conflict) else say("Load the page again.")
        else:
            return done(say("The revision is published."), "drafting.revision", revision_id=revision.id)
    lines = None if problems else db.read(service.draft_changes, act, letter_id=letter_id)
    page = render_template(
        "drafting/publish.html",
        letter=view,
        copy=copy,
        form=form,
        problems=problems,
        lines=lines,
        conflict=conflict,
    )
    return page, 409 if conflict else 422 if form.errors else 200


# --- revisions ------------------------------------------------------------------------------------


@route(bp, "/revisions/<revision_id>", Permission.revision_read)
def revision(revision_id: str) -> ResponseReturnValue:
    """Read a revision in its languages side by side."""
    act = current_act()
    view = db.read(service.revision, act, revision_id=revision_id)
    letter_view = db.read(service.letter, act, letter_id=view.letter_id)
    return render_template(
        "drafting/revision.html",
        revision=view,
        letter=letter_view,
        codes=languages_first(view.document.languages, language()),
        read_at=db.read(service.has_read, act, revision_id=revision_id),
    )


@route(bp, "/revisions/<revision_id>/read", Permission.reading_confirm, methods=("POST",))
def read(revision_id: str) -> ResponseReturnValue:
    """Say that it was read."""
    db.run(service.confirm_read, current_act(), revision_id=revision_id)
    return done(say("Noted: you have read this revision."), "drafting.revision", revision_id=revision_id)


@route(bp, "/revisions/<revision_id>/changes/<since>", Permission.revision_read)
def changes(revision_id: str, since: str) -> ResponseReturnValue:
    """The redline between two revisions of a letter."""
    old, new_, lines = db.read(service.changes, current_act(), old_id=since, new_id=revision_id)
    return render_template(
        "drafting/changes.html",
        old=old,
        new=new_,
        lines=lines,
        codes=languages_first(tuple(lines), language()),
    )
