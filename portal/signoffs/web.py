"""Pages of a vote: staff opens and watches it, a member signs off, an officer countersigns."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.drafting import service as drafting
from portal.drafting.service import languages_first
from portal.kernel.act import Act, Permission, new_id
from portal.kernel.digest import canonical
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.sentence import Sentence, say
from portal.signoffs import service
from portal.signoffs.acts import ANSWER_MOVED, MOVED, shown_now
from portal.signoffs.forms import (
    CLOSE_CODES,
    DECISIONS,
    STATES,
    AnswerForm,
    CancelForm,
    CountersignForm,
    LiftForm,
    RefuseForm,
    RoundForm,
    SignForm,
    WithdrawForm,
)
from portal.signoffs.frame import order_sentence
from portal.signoffs.model import Visibility
from portal.signoffs.receipts import Shown
from portal.web.requests import Form, current_act, language, route
from portal.web.responses import done
from portal.works import service as works

bp = Blueprint("signoffs", __name__)


@bp.context_processor
def _words() -> dict[str, Any]:
    """For the templates: the words of decisions and states, and which buttons are worth showing."""
    return {
        "decisions": DECISIONS,
        "states": STATES,
        "close_codes": CLOSE_CODES,
        "order_sentence": order_sentence,
        "may": lambda permission: current_act().may(Permission(permission)),
    }


def _zone() -> ZoneInfo:
    return ZoneInfo(current_app.extensions["rensho-settings"].timezone)


def _problems(error: Refused) -> tuple[Problem, ...]:
    """A refusal as problems to show above the form that is kept."""
    return error.problems if isinstance(error, Invalid) else (Problem("", error.sentence),)


def _show_now(form: Form, now: Mapping[str, str], words: Mapping[str, Sentence]) -> tuple[Problem, ...]:
    """Put the digests of what this page shows into the form's hidden fields (named as in *now*).

    Problems for those that differ from what was posted, in the *words* of their fields. Whatever else kept
    the form from being accepted, a wrong password above all: what moved meanwhile must not slip in with
    the second press.
    """
    moved = []
    for name, digest in now.items():
        field = form[name]
        if field.raw_data is not None and (field.data or "") != digest:  # None: the form was not sent
            moved.append(Problem("", words[name]))
        field.data = digest
    return tuple(moved)


def _with(moved: tuple[Problem, ...], problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """What moved first, and nothing said twice."""
    said = [one.sentence for one in moved]
    return (*moved, *(one for one in problems if one.sentence not in said))


# --- staff: opening -------------------------------------------------------------------------------


@route(bp, "/drafts/<letter_id>/rounds", Permission.countersignature_read)
def rounds(letter_id: str) -> ResponseReturnValue:
    """The votes on a letter."""
    act = current_act()
    letter = db.read(drafting.letter, act, letter_id=letter_id)
    found = db.read(lambda session, _act: service.rounds_of(session, letter_id), act)
    return render_template("signoffs/rounds.html", letter=letter, rounds=found)


@route(bp, "/drafts/<letter_id>/rounds/new", Permission.round_open, methods=("GET", "POST"))
def open_(letter_id: str) -> ResponseReturnValue:
    """Set the conditions, see what they mean, open the vote."""
    act = current_act()
    letter = db.read(drafting.letter, act, letter_id=letter_id)
    form = RoundForm(deadline=datetime.now(_zone()).replace(hour=17, minute=0) + timedelta(days=14))
    problems: tuple[Problem, ...] = ()
    lines = db.read(service.preview, act, letter_id=letter_id, rule="1", deadline=act.at)[2]
    form.must_include.choices = [(line.member_id, line.names.get(language(), "")) for line in lines]
    preview = None
    if request.method == "GET" or form.validate_on_submit():
        try:
            rule = form.rule([line.category for line in lines])
            deadline = form.deadline.data.replace(tzinfo=form.deadline.data.tzinfo or _zone()).astimezone(UTC)
            preview = db.read(service.preview, act, letter_id=letter_id, rule=rule, deadline=deadline)
            if request.method == "POST" and "open" in request.form:
                view = db.run(
                    service.open_round,
                    act,
                    letter_id=letter_id,
                    rule=rule,
                    deadline=deadline,
                    visibility=Visibility(form.visibility.data),
                    officers_needed=form.officers_needed.data,
                )
                return done(say("The vote is open; the members are told."), "signoffs.show", round_id=view.id)
        except Refused as error:
            problems = _problems(error)
    page = render_template(
        "signoffs/open.html", letter=letter, form=form, problems=problems, preview=preview, lines=lines
    )
    return page, 422 if problems or form.errors else 200


# --- staff: watching ------------------------------------------------------------------------------


@route(bp, "/rounds/<round_id>", Permission.round_read)
def show(round_id: str) -> ResponseReturnValue:
    """A vote: for staff who stands how and what is missing; a member is led to its own page."""
    act = current_act()
    if not act.is_staff:
        return redirect(url_for("signoffs.sign", round_id=round_id), 303)
    return _show(act, round_id, ())


def _headings(act: Act, revision_id: str) -> dict[str, str]:
    """The headings of the letter's sections by id, in the reader's language."""
    document = db.read(drafting.revision, act, revision_id=revision_id).document
    code = languages_first(document.languages, language())[0]
    return {section.id: section.heading for section in document.sections[code]}


def _show(act: Act, round_id: str, problems: tuple[Problem, ...]) -> ResponseReturnValue:
    view = db.read(service.get_round, act, round_id=round_id)
    counted, lines, stand = db.read(
        lambda session, _act: (
            service.verdict(session, round_id),
            service.roll(session, round_id),
            service.standing(session, round_id),
        ),
        act,
    )
    page = render_template(
        "signoffs/show.html",
        round=view,
        verdict=counted,
        lines=sorted(lines, key=lambda line: line.reading),
        stand=stand,
        headings=_headings(act, view.revision_id),
        problems=problems,
        due=act.at >= view.deadline,
    )
    return page, 409 if problems else 200


@route(bp, "/rounds/<round_id>/close", Permission.round_close, methods=("POST",))
def close(round_id: str) -> ResponseReturnValue:
    """Declare the letter carried before the deadline."""
    act = current_act()
    try:
        view = db.run(service.close_round, act, round_id=round_id)
    except Refused as error:
        return _show(act, round_id, _problems(error))
    return done(_outcome(view.state), "signoffs.show", round_id=round_id)


def _outcome(state: str) -> Sentence:
    return {
        "carried": say("The letter is carried; the officers are asked to countersign."),
        "lapsed": say("The deadline has passed without a quorum; the vote has lapsed."),
    }.get(state, say("The vote is over."))


@route(bp, "/rounds/<round_id>/cancel", Permission.round_cancel, methods=("POST",))
def cancel(round_id: str) -> ResponseReturnValue:
    """End the vote without a result."""
    act, form = current_act(), CancelForm()
    try:
        db.run(service.cancel_round, act, round_id=round_id, reason=form.reason.data or "")
    except Refused as error:
        return _show(act, round_id, _problems(error))
    return done(say("The vote is cancelled; the members are told."), "signoffs.show", round_id=round_id)


@route(
    bp,
    "/rounds/<round_id>/reservations/<reservation_id>/answer",
    Permission.reservation_answer,
    methods=("POST",),
)
def answer(round_id: str, reservation_id: str) -> ResponseReturnValue:
    """Answer a reservation."""
    act, form = current_act(), AnswerForm()
    try:
        db.run(service.answer_reservation, act, reservation_id=reservation_id, answer=form.answer.data or "")
    except Refused as error:
        return _show(act, round_id, _problems(error))
    return done(say("The answer is sent to the member."), "signoffs.show", round_id=round_id)


# --- members --------------------------------------------------------------------------------------


@route(bp, "/rounds/<round_id>/sign", Permission.round_read, methods=("GET", "POST"))
def sign(round_id: str) -> ResponseReturnValue:
    """The sign-off page: text, name, works, consents, decision."""
    act, form = current_act(), SignForm()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            receipt_ = db.run(
                service.sign,
                form.prove(),
                round_id=round_id,
                decision=form.decision.data or "",
                shown=Shown(
                    form.revision.data or "",
                    form.submission.data or None,
                    form.consents.data or "",
                    form.frame.data or "",
                ),
                key=form.key.data,
                consents=form.given(),
                reason=form.reason.data or "",
                reservation={"section_id": form.section.data or "", "text": form.reservation.data or ""},
            )
            return done(
                say("Your company's answer is placed. This is the receipt."),
                "signoffs.receipt",
                signoff_id=receipt_.signoff.id,
            )
        except NotFound:
            raise
        except Refused as error:
            problems = _problems(error)
            if isinstance(error, Stale):
                form.take_back()
    return _sign_page(act, round_id, form, problems)


def _sign_page(act: Act, round_id: str, form: SignForm, problems: tuple[Problem, ...]) -> ResponseReturnValue:
    """The page with the form as it was sent and what is wrong with it; consents only to what is shown."""
    ballot = db.read(service.ballot, act, round_id=round_id)
    view = ballot.round
    submission = db.read(
        lambda session, _act: works.latest_submission(session, view.campaign_id, ballot.line.member_id), act
    )
    if submission is not None and submission.state == "returned":
        submission = None
    revision = db.read(drafting.revision, act, revision_id=view.revision_id)
    codes = languages_first(revision.document.languages, language())
    form.section.choices = [(one.id, one.heading) for one in revision.document.sections[codes[0]]]
    now = shown_now(view, submission.digest if submission else None).as_json()
    moved = _show_now(form, {name: digest or "" for name, digest in now.items()}, MOVED)
    if moved:
        form.take_back()
    problems = _with(moved, problems)
    form.key.data = form.key.data or new_id()
    page = render_template(
        "signoffs/sign.html",
        ballot=ballot,
        round=view,
        revision=revision,
        codes=codes,
        submission=submission,
        form=form,
        problems=problems,
        takes=view.takes_acts(act.at),
        authority=act.authority,
    )
    return page, 422 if problems or form.errors else 200


@route(bp, "/rounds/<round_id>/withdraw", Permission.signoff_withdraw, methods=("GET", "POST"))
def withdraw(round_id: str) -> ResponseReturnValue:
    """Take the answer back."""
    act, form = current_act(), WithdrawForm()
    ballot = db.read(service.ballot, act, round_id=round_id)
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            receipt_ = db.run(
                service.withdraw,
                form.prove(),
                round_id=round_id,
                key=form.key.data,
                reason=form.reason.data or "",
            )
            sentence = say("Your company's answer is withdrawn. This is the receipt.")
            return done(sentence, "signoffs.receipt", signoff_id=receipt_.signoff.id)
        except Refused as error:
            problems = _problems(error)
    form.key.data = form.key.data or new_id()
    page = render_template(
        "signoffs/withdraw.html", ballot=ballot, round=ballot.round, form=form, problems=problems
    )
    return page, 422 if problems or form.errors else 200


@route(
    bp,
    "/rounds/<round_id>/reservations/<reservation_id>/lift",
    Permission.reservation_lift,
    methods=("GET", "POST"),
)
def lift(round_id: str, reservation_id: str) -> ResponseReturnValue:
    """Lift the own reservation."""
    act, form = current_act(), LiftForm()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(
                service.lift_reservation,
                form.prove(),
                reservation_id=reservation_id,
                shown=form.shown.data or "",
            )
            return done(say("The reservation is lifted."), "signoffs.sign", round_id=round_id)
        except Refused as error:
            problems = _problems(error)
    ballot = db.read(service.ballot, act, round_id=round_id)
    reservation = ballot.stands.reservation if ballot.stands else None
    if reservation is None or reservation.id != reservation_id:
        raise NotFound(say("Your company has answered anew since; this reservation no longer stands."))
    problems = _with(_show_now(form, {"shown": reservation.digest}, {"shown": ANSWER_MOVED}), problems)
    page = render_template(
        "signoffs/lift.html", ballot=ballot, round=ballot.round, form=form, problems=problems
    )
    return page, 422 if problems or form.errors else 200


@route(bp, "/signoffs/<signoff_id>", Permission.signoff_read)
def receipt(signoff_id: str) -> ResponseReturnValue:
    """The receipt of an act."""
    act = current_act()
    view = db.read(service.receipt, act, signoff_id=signoff_id)
    round_ = db.read(service.get_round, act, round_id=view.signoff.round_id)
    proof = db.read(service.proof_text, act, signoff_id=signoff_id)
    return render_template("signoffs/receipt.html", receipt=view, round=round_, proof=proof)


@route(bp, "/signoffs/<signoff_id>/receipt.json", Permission.signoff_read)
def receipt_json(signoff_id: str) -> ResponseReturnValue:
    """The receipt as a file."""
    view = db.read(service.receipt, current_act(), signoff_id=signoff_id)
    return _file(canonical(view.document), "application/json", f"receipt-{signoff_id[-8:]}.json")


@route(bp, "/signoffs/<signoff_id>/receipt.tlog-proof", Permission.signoff_read)
def receipt_proof(signoff_id: str) -> ResponseReturnValue:
    """The log proof of the act as a file."""
    proof = db.read(service.proof_text, current_act(), signoff_id=signoff_id)
    if proof is None:
        raise NotFound(say("The log has not been signed over this entry yet. Try again in a few seconds."))
    return _file(proof.encode(), "text/plain; charset=utf-8", f"receipt-{signoff_id[-8:]}.tlog-proof")


@route(bp, "/signoffs/<signoff_id>/proof.json", Permission.signoff_read)
def proof_json(signoff_id: str) -> ResponseReturnValue:
    """Receipt, log proof and what opens the log entry, as one file that can be checked offline."""
    vkey = current_app.extensions["rensho-log-key"].vkey
    found = db.read(service.proof_document, current_act(), signoff_id=signoff_id, vkey=vkey)
    if found is None:
        raise NotFound(say("The log has not been signed over this entry yet. Try again in a few seconds."))
    return _file(canonical(found), "application/json", f"receipt-{signoff_id[-8:]}.proof.json")


def _file(data: bytes, mimetype: str, name: str) -> Response:
    response = Response(data, content_type=mimetype)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@route(bp, "/drafts/<letter_id>/abandon", Permission.letter_abandon, methods=("POST",))
def abandon(letter_id: str) -> ResponseReturnValue:
    """Give a letter up; here and not in the drafting room, which does not know whether it is issued."""
    db.run(service.abandon_letter, current_act(), letter_id=letter_id)
    return done(say("The letter is given up."), "drafting.letter", letter_id=letter_id)


@route(bp, "/campaigns/<campaign_id>/leave", Permission.campaign_leave, methods=("POST",))
def leave(campaign_id: str) -> ResponseReturnValue:
    """The member leaves the campaign, unless it is on an open roll."""
    reason = request.form.get("reason", "")[:2_000]
    db.run(service.leave_campaign, current_act(), campaign_id=campaign_id, reason=reason)
    return done(say("Your company has left the campaign."), "campaigns.index")


# --- officers -------------------------------------------------------------------------------------


@route(bp, "/rounds/<round_id>/countersign", Permission.countersignature_read, methods=("GET", "POST"))
def countersign(round_id: str) -> ResponseReturnValue:
    """The officers' page: tally, roll, reservations, text; and the countersignature."""
    act, form = current_act(), CountersignForm()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(
                service.countersign,
                form.prove(),
                round_id=round_id,
                revision_digest=form.revision.data or "",
                frame_digest=form.frame.data or "",
            )
            return done(say("Your countersignature is placed."), "signoffs.countersign", round_id=round_id)
        except Refused as error:
            problems = _problems(error)
    return _officers_page(act, round_id, form, RefuseForm(formdata=None, prefix="refuse"), problems)


@route(bp, "/rounds/<round_id>/refuse", Permission.countersignature_refuse, methods=("POST",))
def refuse(round_id: str) -> ResponseReturnValue:
    """An officer sends the letter back."""
    act, form = current_act(), RefuseForm(prefix="refuse")
    try:
        db.run(service.refuse, form.prove(), round_id=round_id, reason=form.reason.data or "")
    except Refused as error:
        return _officers_page(act, round_id, CountersignForm(formdata=None), form, _problems(error))
    return done(
        say("The letter goes back to drafting; the reason is with the staff."),
        "signoffs.show",
        round_id=round_id,
    )


def _officers_page(
    act: Act, round_id: str, form: CountersignForm, refuse_form: RefuseForm, problems: tuple[Problem, ...]
) -> ResponseReturnValue:
    view = db.read(service.get_round, act, round_id=round_id)
    counted, lines, stand = db.read(
        lambda session, _act: (
            service.verdict(session, round_id),
            service.roll(session, round_id),
            service.standing(session, round_id),
        ),
        act,
    )
    revision = db.read(drafting.revision, act, revision_id=view.revision_id)
    now = {"revision": view.revision_digest, "frame": view.frame_digest}
    problems = _with(_show_now(form, now, MOVED), problems)
    part = view.countersigning
    page = render_template(
        "signoffs/countersign.html",
        round=view,
        verdict=counted,
        lines=sorted(lines, key=lambda line: line.reading),
        stand=stand,
        revision=revision,
        codes=languages_first(revision.document.languages, language()),
        headings=_headings(act, view.revision_id),
        form=form,
        refuse_form=refuse_form,
        problems=problems,
        mine=part is not None and any(one.person_id == act.person_id for one in part.signatures),
    )
    return page, 422 if problems or form.errors else 200
