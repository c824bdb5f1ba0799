"""Pages of invitations and seats; `portal.members.web` adds those of the registry to the same blueprint."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from portal import db
from portal.identity import service as identity
from portal.identity import web as identity_pages
from portal.identity.addresses import address_key
from portal.identity.passwords import SHORTEST
from portal.kernel.act import Permission
from portal.kernel.errors import Conflict, Forbidden, Invalid, Problem, ProofNeeded, Refused, TooMany
from portal.kernel.sentence import Sentence, say, say_n
from portal.members import service as members
from portal.members.forms import AcceptForm, ChooseForm, DeclineForm, InviteForm, InviteManyForm, SeatForm
from portal.web.requests import Form, current_act, local_path, public, route, signed_in
from portal.web.responses import done

bp = Blueprint("members", __name__)


def home_of(member_id: str | None) -> tuple[str, dict[str, str]]:
    """Endpoint and values of the page with the seats of a member, or of the association."""
    return ("members.show", {"member_id": member_id}) if member_id else ("members.association", {})


def _problems(form: Form, error: Refused) -> tuple[Problem, ...]:
    """A refusal as problems of the form: at their fields, or above."""
    if isinstance(error, Invalid):
        return identity_pages.keep_problems(form, error)
    return (Problem("", error.sentence),)


# --- inviting -------------------------------------------------------------------------------------


@route(bp, "/members/<member_id>/invite", Permission.invitation_send, methods=["GET", "POST"])
def invite(member_id: str) -> ResponseReturnValue:
    """Invite one person for a member."""
    return _invite(member_id)


@route(bp, "/association/invite", Permission.association_edit, methods=["GET", "POST"])
def invite_staff() -> ResponseReturnValue:
    """Invite one person for the association itself."""
    return _invite(None)


def _invite(member_id: str | None) -> ResponseReturnValue:
    act = current_act()
    member = db.read(members.get_member, act, member_id=member_id) if member_id else None
    form = InviteForm(language="ja" if member is None or member.country == "JP" else "en")
    form.roles.offer(staff=member_id is None)
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            sent = db.run(
                members.invite, act, email=form.email.data, name=form.name.data or "", roles=form.roles.roles,
                member_id=member_id, language=form.language.data, title=form.title,
                authority=form.authority.data or "",
            )  # fmt: skip
        except (Invalid, Conflict, Forbidden) as error:
            problems = _problems(form, error)
        else:
            endpoint, values = home_of(member_id)
            return done(say("%(email)s has been invited.", email=sent.email), endpoint, **values)
    page = render_template("members/invite.html", form=form, member=member, problems=problems)
    return page, 422 if request.method == "POST" else 200


@route(bp, "/members/invitations", Permission.member_import, methods=["GET", "POST"])
def invite_many() -> ResponseReturnValue:
    """Invite a person for each of many members: paste, look at the preview, send."""
    form = InviteManyForm(roles=["viewer", "contributor", "signatory", "manager"], language="ja")
    form.roles.offer(staff=False)
    lines: tuple[members.InvitationLine, ...] = ()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        lines, problems = members.read_invitation_lines(form.lines.data)
        if not problems and request.form.get("confirm"):
            try:
                sent = db.run(
                    members.invite_many, current_act(), lines=lines, roles=form.roles.roles,
                    language=form.language.data,
                )  # fmt: skip
            except Refused as error:
                problems = _problems(form, error)
            else:
                sentence = say_n(
                    "%(n)s person has been invited.", "%(n)s people have been invited.", len(sent)
                )
                return done(sentence, "members.index")
    page = render_template("members/invite_many.html", form=form, lines=lines, problems=problems)
    return page, 422 if form.errors or problems else 200


@route(bp, "/invitations/<invitation_id>/resend", Permission.invitation_send, methods=["POST"])
def resend(invitation_id: str) -> ResponseReturnValue:
    """Send an invitation again, with a new link."""
    sent = db.run(members.resend_invitation, current_act(), invitation_id=invitation_id)
    endpoint, values = home_of(sent.member_id)
    sentence = say("A new link is on its way to %(email)s; the old one is worth nothing.", email=sent.email)
    return done(sentence, endpoint, **values)


@route(bp, "/invitations/<invitation_id>/revoke", Permission.invitation_revoke, methods=["POST"])
def revoke(invitation_id: str) -> ResponseReturnValue:
    """Withdraw an invitation."""
    member_id = db.run(members.revoke_invitation, current_act(), invitation_id=invitation_id)
    endpoint, values = home_of(member_id)
    return done(say("The invitation has been withdrawn."), endpoint, **values)


# --- being invited --------------------------------------------------------------------------------


@public(bp, "/invitation/<token>", methods=["GET", "POST"])
def invitation(token: str) -> ResponseReturnValue:
    """What the holder of the link is offered. Looking changes nothing; answering is a POST."""
    act = current_act()
    offer = db.read(members.read_invitation, act, token=token)
    accept = AcceptForm(
        formdata=request.form if request.form.get("answer") == "accept" else None, name=offer.name
    )
    decline = DeclineForm(formdata=request.form if request.form.get("answer") == "decline" else None)
    problems: tuple[Problem, ...] = ()
    if request.method == "POST":
        try:
            if request.form.get("answer") == "decline" and decline.validate():
                db.run(members.decline_invitation, act, token=token, reason=decline.reason.data or "")
                return redirect(url_for("members.invitation", token=token), 303)
            if request.form.get("answer") == "accept" and (act.person_id or accept.validate()):
                return _accept(token, accept)
        except (Invalid, Conflict) as error:
            problems = _problems(accept, error)
    page = render_template(
        "members/invitation.html", offer=offer, accept=accept, decline=decline, problems=problems,
        token=token, words=members.ROLE_WORDS, shortest=SHORTEST, expired=offer.expired(act.at),
        mine=current_user.is_authenticated and address_key(offer.email) == address_key(signed_in().email),
    )  # fmt: skip
    return page, 422 if request.method == "POST" else 200


def _accept(token: str, form: AcceptForm) -> ResponseReturnValue:
    act = current_act()
    accepted = db.run(
        members.accept_invitation,
        act,
        token=token,
        name=form.name.data or "",
        password=form.password.data or None,
    )
    if accepted.session_token is not None:
        session_id = identity.session_id_of(accepted.session_token)
        identity_pages.enter(
            identity.Entered(accepted.session_token, session_id, accepted.person_id, act.language)
        )
    else:
        db.run(members.choose_seat, act, session_id=signed_in().session_id, seat_id=accepted.seat_id)
    return done(say("Welcome. Your seat is ready."), "desk.home")


# --- seats ----------------------------------------------------------------------------------------


@route(bp, "/seats", Permission.own_account_use, methods=["GET", "POST"])
def seats() -> ResponseReturnValue:
    """For whom one acts from now on in this browser."""
    act = current_act()
    form = ChooseForm(next=request.args.get("next", ""))
    if form.validate_on_submit():
        db.run(members.choose_seat, act, session_id=signed_in().session_id, seat_id=form.seat.data)
        return redirect(local_path(form.next.data) or url_for("desk.home"), 303)
    mine = db.read(lambda session, act: members.seats_of(session, act.person_id or ""), act)
    return render_template("members/seats.html", form=form, seats=mine, words=members.ROLE_WORDS)


@route(bp, "/seats/<seat_id>", Permission.seat_manage, methods=["GET", "POST"])
def seat(seat_id: str) -> ResponseReturnValue:
    """One seat: its roles, its authority, its end. Binds, so it asks for a fresh proof."""
    view = db.read(members.get_seat, current_act(), seat_id=seat_id)
    form = SeatForm(
        roles=[role.value for role in view.granted], title_ja=view.title.get("ja", ""),
        title_en=view.title.get("en", ""), authority=view.authority,
    )  # fmt: skip
    form.roles.offer(staff=view.member_id is None)
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            sentence = _manage(form, seat_id, request.form.get("do", "save"))
        except (Invalid, Conflict, Forbidden, ProofNeeded, TooMany) as error:
            problems = _problems(form, error)
        else:
            endpoint, values = home_of(view.member_id)
            return done(sentence, endpoint, **values)
    page = render_template(
        "members/seat.html", form=form, seat=view, problems=problems, words=members.ROLE_WORDS
    )
    return page, 422 if request.method == "POST" else 200


def _manage(form: SeatForm, seat_id: str, what: str) -> Sentence:
    act = form.prove()
    if what == "end":
        db.run(members.end_seat, act, seat_id=seat_id)
        return say("The seat has ended.")
    if what == "verify":
        db.run(members.verify_authority, act, seat_id=seat_id)
        return say("The authority is verified.")
    db.run(
        members.grant_roles, act, seat_id=seat_id, roles=form.roles.roles, title=form.title,
        authority=form.authority.data or "",
    )  # fmt: skip
    return say("The seat has been changed.")
