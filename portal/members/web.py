"""Pages of the registry: members, their import, and the association itself."""

from __future__ import annotations

import base64
import binascii

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import db
from portal.identity.web import keep_problems
from portal.kernel.act import Permission
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem
from portal.kernel.sentence import say, say_n
from portal.members import service as members
from portal.members.forms import AssociationForm, ConfirmForm, ImportForm, MemberForm
from portal.members.views import bp
from portal.web.requests import Form, current_act, route
from portal.web.responses import done

__all__ = ["bp"]


def _kept(form: Form, error: Invalid | Conflict) -> tuple[Problem, ...]:
    return keep_problems(form, error) if isinstance(error, Invalid) else (Problem("", error.sentence),)


@route(bp, "/members", Permission.member_read)
def index() -> ResponseReturnValue:
    """The registry, searched and by category."""
    search, category = request.args.get("search", "").strip()[:200], request.args.get("category", "")
    found = db.read(members.list_members, current_act(), search=search, category=category)
    return render_template(
        "members/index.html", members=found, search=search, category=category,
        categories=db.read(members.categories, current_act()), may=_may(),
    )  # fmt: skip


@route(bp, "/members/<member_id>", Permission.seat_read)
def show(member_id: str) -> ResponseReturnValue:
    """One member: its entry, its people, its invitations."""
    act = current_act()
    return render_template(
        "members/show.html",
        member=db.read(members.get_member, act, member_id=member_id),
        seats=db.read(members.list_seats, act, member_id=member_id),
        invitations=db.read(members.list_invitations, act, member_id=member_id),
        words=members.ROLE_WORDS, act=act, may=_may(),
    )  # fmt: skip


def _may() -> dict[str, bool]:
    act = current_act()
    return {
        "edit": act.may(Permission.member_edit),
        "invite": act.may(Permission.invitation_send),
        "seats": act.may(Permission.seat_manage),
        "import": act.may(Permission.member_import),
        "association": act.may(Permission.association_edit),
    }


@route(bp, "/members/new", Permission.member_edit, methods=["GET", "POST"])
def new() -> ResponseReturnValue:
    """Enter a member."""
    form = MemberForm()
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            view = db.run(members.create_member, current_act(), row=form.row)
        except (Invalid, Conflict) as error:
            problems = _kept(form, error)
        else:
            return done(say("The member has been entered."), "members.show", member_id=view.id)
    page = render_template("members/edit.html", form=form, member=None, problems=problems)
    return page, 422 if request.method == "POST" else 200


@route(bp, "/members/<member_id>/edit", Permission.member_edit, methods=["GET", "POST"])
def edit(member_id: str) -> ResponseReturnValue:
    """Change a member's entry."""
    view = db.read(members.get_member, current_act(), member_id=member_id)
    form = MemberForm.showing(view)
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(
                members.edit_member,
                current_act(),
                member_id=member_id,
                row=form.row,
                shown=form.shown.data or "",
            )
        except (Invalid, Conflict) as error:
            problems = _kept(form, error)
        else:
            return done(say("The member has been changed."), "members.show", member_id=member_id)
    page = render_template("members/edit.html", form=form, member=view, problems=problems)
    return page, 422 if request.method == "POST" else 200


# --- import ---------------------------------------------------------------------------------------


@route(bp, "/members/import", Permission.member_import, methods=["GET", "POST"])
def import_() -> ResponseReturnValue:
    """Look at what a members table holds, before anything is entered."""
    form = ImportForm()
    if not form.validate_on_submit():
        return render_template("members/import.html", form=form, read=None), 422 if form.errors else 200
    data = form.file.data.read()
    read = members.read_members_csv(data)
    slugs = [row.slug for row in read.rows if row.slug]
    return render_template(
        "members/import.html", form=form, read=read, rows=list(zip(read.lines, read.rows, strict=True)),
        known=db.read(members.known_slugs, current_act(), slugs=slugs),
        confirm=ConfirmForm(formdata=None, table=base64.b64encode(data).decode()),
    ), 422 if read.problems else 200  # fmt: skip


@route(bp, "/members/import/confirm", Permission.member_import, methods=["POST"])
def confirm() -> ResponseReturnValue:
    """Enter the members of the table that was shown, all or none."""
    form = ConfirmForm()
    if not form.validate_on_submit():
        return redirect(url_for("members.import"), 303)
    try:
        data = base64.b64decode(form.table.data, validate=True)
    except binascii.Error as error:
        raise NotFound from error
    entered = db.run(members.import_members, current_act(), data=data)
    sentence = say_n("%(n)s member has been entered.", "%(n)s members have been entered.", len(entered))
    return done(sentence, "members.index")


# --- the association ------------------------------------------------------------------------------


@route(bp, "/association", Permission.member_read)
def association() -> ResponseReturnValue:
    """The association: its entry, its people, its invitations."""
    act = current_act()
    return render_template(
        "members/association.html",
        association=db.read(members.find_association, act),
        seats=db.read(members.list_seats, act, member_id=None),
        invitations=db.read(members.list_invitations, act, member_id=None),
        words=members.ROLE_WORDS, act=act, may=_may_here(),
    )  # fmt: skip


def _may_here() -> dict[str, bool]:
    """As `_may`; the association's own seats and invitations are its administrators'."""
    may = _may()
    return may | {name: may[name] and may["association"] for name in ("invite", "seats")}


@route(bp, "/association/edit", Permission.association_edit, methods=["GET", "POST"])
def edit_association() -> ResponseReturnValue:
    """Change the association's entry."""
    form = AssociationForm.showing(db.read(members.find_association, current_act()))
    problems: tuple[Problem, ...] = ()
    if form.validate_on_submit():
        try:
            db.run(members.set_association, current_act(), **form.values)
        except (Invalid, Conflict) as error:
            problems = _kept(form, error)
        else:
            return done(say("The association has been changed."), "members.association")
    page = render_template("members/edit_association.html", form=form, problems=problems)
    return page, 422 if request.method == "POST" else 200
