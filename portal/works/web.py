"""Pages of works lists: the member's own, the association's view of what was submitted, shared titles."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.campaigns import service as campaigns
from portal.kernel.act import Act, Permission
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.sentence import Sentence, say, say_n
from portal.members import service as members
from portal.web.requests import current_act, language, route, whole_number
from portal.web.responses import done
from portal.works import service, tables
from portal.works.columns import Column
from portal.works.forms import ConfirmForm, ReturnForm, RowForm, SettleForm, SubmitForm, UploadForm
from portal.works.identifiers import NAMES
from portal.works.model import ListState
from portal.works.rows import KIND_WORDS, LISTING_WORDS, WorkRow

bp = Blueprint("works", __name__)

STATE_WORDS: dict[ListState, tuple[Sentence, str]] = {
    ListState.draft: (say("Draft"), "plain"),
    ListState.submitted: (say("Submitted"), "info"),
    ListState.accepted: (say("Accepted"), "good"),
    ListState.returned: (say("Returned"), "bad"),
}
COLUMN_WORDS: dict[str, Sentence | str] = {
    Column.code: say("Your own code"),
    Column.title_main: say("Title"),
    Column.reading: say("Reading (kana)"),
    Column.title_ja: say("Japanese title"),
    Column.title_en: say("English title"),
    Column.romanised: say("Romanised title"),
    Column.kind: say("Kind"),
    Column.published: say("First published"),
    Column.co_owners: say("Co-owners"),
    Column.url: say("Web address"),
    Column.consent: say("May be listed"),
    Column.identifiers: say("Identifiers"),
    **{scheme.value: name for scheme, name in NAMES.items()},
}
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _own(act: Act) -> str:
    """The acting member; a list is always some member's."""
    if act.member_id is None:
        raise NotFound
    return act.member_id


def _here(act: Act, campaign_id: str) -> dict[str, str]:
    return {"campaign_id": campaign_id, "member_id": _own(act)}


def _page(template: str, act: Act, campaign_id: str, **values: Any) -> str:
    campaign = db.read(campaigns.get, act, campaign_id)
    return render_template(
        f"works/{template}.html",
        campaign=campaign,
        states=STATE_WORDS,
        kinds=KIND_WORDS,
        listings=LISTING_WORDS,
        columns=COLUMN_WORDS,
        **values,
    )


# --- the member's own list ------------------------------------------------------------------------


@route(bp, "/campaigns/<campaign_id>/works", Permission.works_read)
def show(campaign_id: str) -> ResponseReturnValue:
    """The acting member's list; for staff what every member has submitted."""
    act = current_act()
    if act.is_staff:
        return _submitted(act, campaign_id)
    return _show(act, campaign_id, UploadForm())


def _show(
    act: Act, campaign_id: str, form: UploadForm, refused: Refused | None = None, status: int = 200
) -> ResponseReturnValue:
    here, search = _here(act, campaign_id), request.args.get("q", "")[:200]
    page = _page(
        "show",
        act,
        campaign_id,
        list=db.read(service.works_list, act, **here),
        page=db.read(service.rows, act, **here, search=search, page=whole_number("page", 1)),
        claims=db.read(service.own_claims, act, **here),
        form=form,
        search=search,
        refused=refused,
    )
    return page, status


def _submitted(act: Act, campaign_id: str) -> ResponseReturnValue:
    db.read(campaigns.get, act, campaign_id)
    joined = [
        one.member_id
        for one in db.read(lambda s, _a: campaigns.participants(s, campaign_id), act)
        if one.state == "joined"
    ]
    return _page(
        "submitted",
        act,
        campaign_id,
        joined=joined,
        names=db.read(lambda s, _a: members.member_names(s, joined), act),
        submissions=db.read(lambda s, _a: service.submissions(s, campaign_id), act),
        claims=db.read(lambda s, _a: service.open_claims(s, campaign_id), act),
    )


@route(bp, "/campaigns/<campaign_id>/works/upload", Permission.works_upload, methods=("POST",))
def upload(campaign_id: str) -> ResponseReturnValue:
    """Read a file; nothing is put into the list before the preview is confirmed."""
    act, form = current_act(), UploadForm()
    here = _here(act, campaign_id)
    if not form.validate_on_submit():
        return _show(act, campaign_id, form, status=422)
    # Asked first, so that nobody who may not upload makes us read a file; and read outside of a
    # transaction, because that can take seconds.
    db.read(lambda s, _a: campaigns.require_joined(s, **here), act)
    data = form.file.data.read()
    try:
        result = tables.read(data)
    except tables.ReadError as error:
        return _show(act, campaign_id, form, refused=error, status=422)
    name = "".join(c for c in form.file.data.filename if c.isprintable())
    db.run(service.keep_upload, act, **here, file_name=name, data=data, result=result)
    return redirect(url_for("works.preview", campaign_id=campaign_id), 303)


@route(bp, "/campaigns/<campaign_id>/works/preview", Permission.works_upload)
def preview(campaign_id: str) -> ResponseReturnValue:
    """What confirming the uploaded file would do."""
    act = current_act()
    here = _here(act, campaign_id)
    found = db.read(service.preview, act, **here)
    form = ConfirmForm(data={"shown": found.upload.file_digest})
    return _page(
        "preview", act, campaign_id, preview=found, form=form, list=db.read(service.works_list, act, **here)
    )


@route(bp, "/campaigns/<campaign_id>/works/confirm", Permission.works_upload, methods=("POST",))
def confirm(campaign_id: str) -> ResponseReturnValue:
    """Put the read works into the list, instead of or after what is there; or throw the file away."""
    act, form = current_act(), ConfirmForm()
    here, what = _here(act, campaign_id), request.form.get("do", "")
    if what == "discard":
        db.run(service.discard_upload, act, **here)
        return done(say("The file is thrown away; your list is as it was."), ".show", campaign_id=campaign_id)
    if not form.validate_on_submit() or what not in {"replace", "add"}:
        return redirect(url_for("works.preview", campaign_id=campaign_id), 303)
    number = db.run(service.confirm_upload, act, **here, shown=form.shown.data, add=what == "add")
    sentence = say_n("%(n)s work is in your list now.", "%(n)s works are in your list now.", number)
    if what == "add":
        sentence = say_n("%(n)s work was added.", "%(n)s works were added.", number)
    return done(sentence, ".show", campaign_id=campaign_id)


@route(bp, "/campaigns/<campaign_id>/works/rows/new", Permission.works_edit, methods=("GET", "POST"))
def new_row(campaign_id: str) -> ResponseReturnValue:
    """Add one work by hand."""
    return _row(campaign_id, None)


@route(bp, "/campaigns/<campaign_id>/works/rows/<int:number>", Permission.works_edit, methods=("GET", "POST"))
def edit_row(campaign_id: str, number: int) -> ResponseReturnValue:
    """Change one work."""
    return _row(campaign_id, number)


def _column_words(problem: Problem) -> str | Sentence:
    """The column's name for people; a field of the form is named, and linked, by the form itself."""
    where = str(problem.where)
    return where if hasattr(RowForm, where) else COLUMN_WORDS.get(where, problem.place)


def _row(campaign_id: str, number: int | None) -> ResponseReturnValue:
    act = current_act()
    here = _here(act, campaign_id)
    shown = {} if number is None else RowForm.of(db.read(service.get_row, act, **here, number=number).row)
    form = RowForm(data={**shown, "version": db.read(service.works_list, act, **here).version}).prepare()
    problems: tuple[Problem, ...] = ()
    status = 422
    if form.validate_on_submit():
        try:
            db.run(service.save_row, act, **here, cells=form.cells(), number=number, shown=form.version.data)
        except Invalid as error:
            problems = tuple(Problem(_column_words(one), one.sentence) for one in error.problems)
        except Conflict as error:  # the list, or the campaign, is another one now: what was typed stays
            problems, status = (Problem("", error.sentence),), error.status
            if isinstance(error, Stale):
                problems += (Problem("", say("Look at the list; then save again, or leave it.")),)
                form.version.raw_data = None
                form.version.data = db.read(service.works_list, act, **here).version
        else:
            return done(say("The work is saved."), ".show", campaign_id=campaign_id)
    page = _page("row", act, campaign_id, form=form, number=number, problems=problems)
    return page, status if form.errors or problems else 200


@route(
    bp, "/campaigns/<campaign_id>/works/rows/<int:number>/delete", Permission.works_edit, methods=("POST",)
)
def delete_row(campaign_id: str, number: int) -> ResponseReturnValue:
    """Take a work out of the list."""
    act, version = current_act(), request.form.get("version", "")
    if not (version.isascii() and version.isdigit() and len(version) < 9):
        raise NotFound
    db.run(service.delete_row, act, **_here(act, campaign_id), number=number, shown=int(version))
    return done(say("The work is taken out of the list."), ".show", campaign_id=campaign_id)


@route(bp, "/campaigns/<campaign_id>/works/submit", Permission.works_submit, methods=("GET", "POST"))
def submit(campaign_id: str) -> ResponseReturnValue:
    """Look at what would be submitted, and submit it."""
    act = current_act()
    here = _here(act, campaign_id)
    view = db.read(service.works_list, act, **here)
    form = SubmitForm(data={"version": view.version}).prepare()
    if form.validate_on_submit():
        found = db.run(service.submit, act, **here, consent=form.consent.data, shown=form.version.data)
        sentence = say_n(
            "%(n)s work is submitted, as submission %(number)s.",
            "%(n)s works are submitted, as submission %(number)s.",
            found.count,
            number=found.number,
        )
        return done(sentence, ".show", campaign_id=campaign_id)
    digests, _count = db.read(service.what_would_be_submitted, act, **here)
    page = _page("submit", act, campaign_id, form=form, list=view, digests=digests)
    return page, 422 if form.errors else 200


# --- files to take along --------------------------------------------------------------------------


def _download(data: bytes, mimetype: str, name: str) -> Response:
    response = Response(data, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _export(rows: tuple[WorkRow, ...], kind: str, name: str) -> Response:
    if kind == "xlsx":
        return _download(tables.write_xlsx(rows, language()), SHEET, f"{name}.xlsx")
    if kind == "csv":
        return _download(tables.write_csv(rows, language()), "text/csv", f"{name}.csv")
    raise NotFound


@route(bp, "/works/template.csv", Permission.works_read)
def template() -> ResponseReturnValue:
    """An empty list to fill in."""
    return _download(tables.template_csv(language()), "text/csv", "works.csv")


@route(bp, "/campaigns/<campaign_id>/works/works.<kind>", Permission.works_read)
def export(campaign_id: str, kind: str) -> ResponseReturnValue:
    """The acting member's list as CSV or XLSX."""
    act = current_act()
    return _export(db.read(service.all_rows, act, **_here(act, campaign_id)), kind, "works")


# --- what was submitted ---------------------------------------------------------------------------


@route(bp, "/campaigns/<campaign_id>/works/members/<member_id>", Permission.works_read)
def staff(campaign_id: str, member_id: str) -> ResponseReturnValue:
    """A member's submissions, for staff to accept or return (and for that member to look at)."""
    return _review(campaign_id, member_id, ReturnForm())


def _review(campaign_id: str, member_id: str, form: ReturnForm, status: int = 200) -> ResponseReturnValue:
    act = current_act()
    here = {"campaign_id": campaign_id, "member_id": member_id}
    view = db.read(service.works_list, act, **here)
    history = db.read(service.history, act, **here)
    wanted = request.args.get("submission") or (history[0].id if history else "")
    chosen = next((one for one in history if one.id == wanted), None)
    if wanted and chosen is None:
        raise NotFound
    rows = None
    if chosen is not None:
        rows = db.read(
            service.submitted_page, act, **here, submission_id=chosen.id, page=whole_number("page", 1)
        )
    names = db.read(lambda s, _a: members.member_names(s, [member_id]), act).get(member_id)
    page = _page(
        "staff", act, campaign_id, list=view, history=history, chosen=chosen, rows=rows, names=names,
        form=form, member_id=member_id,
    )  # fmt: skip
    return page, status


@route(
    bp,
    "/campaigns/<campaign_id>/works/members/<member_id>/submissions/<submission_id>.<kind>",
    Permission.works_read,
)
def export_submission(campaign_id: str, member_id: str, submission_id: str, kind: str) -> ResponseReturnValue:
    """A submission as CSV or XLSX."""
    rows = db.read(
        service.submitted_rows,
        current_act(),
        campaign_id=campaign_id,
        member_id=member_id,
        submission_id=submission_id,
    )
    return _export(rows, kind, f"works-{submission_id[-6:]}")


@route(
    bp,
    "/campaigns/<campaign_id>/works/members/<member_id>/accept",
    Permission.works_accept,
    methods=("POST",),
)
def accept(campaign_id: str, member_id: str) -> ResponseReturnValue:
    """Accept the submission that was on the screen."""
    here = {"campaign_id": campaign_id, "member_id": member_id}
    db.run(service.accept, current_act(), **here, submission_id=request.form.get("submission", ""))
    return done(say("The works list is accepted."), ".staff", **here)


@route(
    bp,
    "/campaigns/<campaign_id>/works/members/<member_id>/return",
    Permission.works_return,
    methods=("POST",),
)
def return_(campaign_id: str, member_id: str) -> ResponseReturnValue:
    """Return the submission that was on the screen, with a reason."""
    form, here = ReturnForm(), {"campaign_id": campaign_id, "member_id": member_id}
    if not form.validate_on_submit():
        return _review(campaign_id, member_id, form, 422)
    db.run(
        service.return_,
        current_act(),
        **here,
        submission_id=request.form.get("submission", ""),
        reason=form.reason.data,
    )
    return done(say("The works list is returned; the member gets a message."), ".staff", **here)


# --- works that two list --------------------------------------------------------------------------


@route(bp, "/campaigns/<campaign_id>/works/claims", Permission.claim_read)
def claims(campaign_id: str) -> ResponseReturnValue:
    """Titles that stand in several lists: for staff all, for a member its own without the others' names."""
    return _claims(campaign_id, SettleForm())


def _claims(campaign_id: str, form: SettleForm, status: int = 200) -> ResponseReturnValue:
    act = current_act()
    if act.is_staff:
        found = db.read(service.claims, act, campaign_id=campaign_id)
        ids = {member_id for one in found for member_id in one.rows}
        names = db.read(lambda s, _a: members.member_names(s, ids), act)
        return _page("claims", act, campaign_id, claims=found, names=names, form=form), status
    own = db.read(service.own_claims, act, **_here(act, campaign_id))
    return _page("own_claims", act, campaign_id, claims=own), status


@route(bp, "/campaigns/<campaign_id>/works/claims/mark", Permission.claim_mark, methods=("POST",))
def mark(campaign_id: str) -> ResponseReturnValue:
    """Say of the chosen titles that they are owned jointly."""
    act = current_act()
    number = db.run(service.mark_joint, act, **_here(act, campaign_id), keys=request.form.getlist("key"))
    sentence = say_n(
        "You have said that %(n)s title is owned jointly.",
        "You have said that %(n)s titles are owned jointly.",
        number,
    )
    return done(sentence, ".claims", campaign_id=campaign_id)


@route(bp, "/campaigns/<campaign_id>/works/claims/settle", Permission.claim_settle, methods=("POST",))
def settle(campaign_id: str) -> ResponseReturnValue:
    """Take the chosen titles as owned jointly, with a reason."""
    form, act = SettleForm(), current_act()
    if not form.validate_on_submit():
        return _claims(campaign_id, form, 422)
    keys = request.form.getlist("key")
    number = db.run(service.settle, act, campaign_id=campaign_id, reason=form.reason.data, keys=keys)
    sentence = say_n(
        "%(n)s title is taken as jointly owned.", "%(n)s titles are taken as jointly owned.", number
    )
    return done(sentence, ".claims", campaign_id=campaign_id)
