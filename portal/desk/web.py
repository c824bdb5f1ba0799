"""Homes, steps, board, search, exports, calendar."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from flask import Blueprint, Response, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import format_date, get_locale, gettext
from flask_login import current_user
from markupsafe import Markup

from portal import db
from portal.campaigns import service as campaigns
from portal.desk import overview
from portal.desk.overview import Board, Progress, Steps
from portal.kernel.act import Permission
from portal.kernel.sentence import Sentence, say, say_n
from portal.letters import service as letters
from portal.members import service as members
from portal.paper import charts
from portal.signoffs import service as signoffs
from portal.web.requests import current_act, public, route, signed_in

bp = Blueprint("desk", __name__)

PROGRESS_WORDS: dict[Progress, tuple[Sentence, str]] = {
    Progress.invited: (say("asked"), "plain"),
    Progress.declined_part: (say("does not take part"), "plain"),
    Progress.left: (say("has left"), "plain"),
    Progress.joined: (say("takes part"), "wait"),
    Progress.works: (say("works given"), "info"),
    Progress.read: (say("has read"), "info"),
    Progress.approved: (say("approves"), "good"),
    Progress.reserved: (say("approves with a reservation"), "wait"),
    Progress.abstained: (say("abstains"), "plain"),
    Progress.declined: (say("declines"), "bad"),
}


@public(bp, "/")
def home() -> ResponseReturnValue:
    """The first page: a stranger's, a member's or the staff's."""
    act = current_act()
    if not current_user.is_authenticated:
        published = db.read(lambda s, _a: letters.public_letters(s), act)
        return render_template("desk/stranger.html", letters=published[:5])
    if signed_in().seat_id is None:
        return redirect(url_for("members.seats"), 303)
    found = db.read(campaigns.list_for, act)
    if act.is_staff:
        boards = [db.read(overview.board, act, one.id) for one in found]
        return render_template("desk/staff.html", boards=boards, todo=_todo, now=act.at)
    if len(found) == 1:
        return redirect(url_for("desk.campaign", campaign_id=found[0].id), 303)
    mine = [db.read(overview.steps, act, one.id) for one in found]
    return render_template("desk/member.html", steps=mine, tasks=_tasks)


@route(bp, "/campaigns/<campaign_id>/steps", Permission.steps_read)
def campaign(campaign_id: str) -> ResponseReturnValue:
    """A member's numbered steps in one campaign."""
    steps = db.read(overview.steps, current_act(), campaign_id)
    return render_template("desk/campaign.html", steps=steps, tasks=_tasks(steps), now=datetime.now(UTC))


@route(bp, "/campaigns/<campaign_id>/board", Permission.board_read)
def board(campaign_id: str) -> ResponseReturnValue:
    """Who is where, what is missing for the quorum, what is overdue."""
    act = current_act()
    found = db.read(overview.board, act, campaign_id)
    wanted = request.args.get("state", "")
    lines = [line for line in found.lines if not wanted or line.progress == wanted]
    missing = Counter(line.category for line in found.lines if line.on_roll and line.answered_at is None)
    return render_template(
        "desk/board.html", board=found, lines=lines, wanted=wanted, words=PROGRESS_WORDS, todo=_todo(found),
        chart=_chart(found, act.at), missing=missing, now=act.at,
    )  # fmt: skip


@route(bp, "/campaigns/<campaign_id>/board.csv", Permission.board_read)
def export(campaign_id: str) -> ResponseReturnValue:
    """The board's table as CSV."""
    found = db.read(overview.board, current_act(), campaign_id)
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["name_en", "name_ja", "category", "progress", "works", "read_at", "answered_at"])
    for line in found.lines:
        times = [at.isoformat(timespec="seconds") if at else "" for at in (line.read_at, line.answered_at)]
        names = [_cell(line.names.get(code, "")) for code in ("en", "ja")]
        writer.writerow([*names, _cell(line.category), line.progress.value, line.works, *times])
    # The mark makes spreadsheet programs read UTF-8.
    return Response(
        "\ufeff" + text.getvalue(),
        mimetype="text/csv",
        headers={"Content-Disposition": "attachment; filename=board.csv"},
    )


def _cell(value: str) -> str:
    """A name as text: what a spreadsheet would take for a formula gets an apostrophe."""
    return f"'{value}" if value[:1] in tuple("=+-@\t\r") else value


@route(bp, "/search", Permission.search_use)
def search() -> ResponseReturnValue:
    """Members and campaigns by any part of a name, reading or title."""
    act, wanted = current_act(), request.args.get("q", "").strip()[:100]
    found_members = db.read(members.list_members, act, search=wanted) if wanted else ()
    folded = wanted.casefold()
    found_campaigns = [
        one for one in db.read(campaigns.list_for, act)
        if wanted and any(folded in text.casefold() for text in _texts(one))
    ]  # fmt: skip
    return render_template(
        "desk/search.html", wanted=wanted, members=found_members[:50], campaigns=found_campaigns
    )


def _texts(campaign_: campaigns.CampaignView) -> list[str]:
    return [*campaign_.title.values(), *campaign_.addressee["names"].values()]


@route(bp, "/calendar.ics", Permission.desk_open)
def calendar() -> ResponseReturnValue:
    """The deadlines of the open rounds, for a calendar program (RFC 5545)."""
    act = current_act()
    rounds = [
        one
        for campaign_ in db.read(campaigns.list_for, act)
        for one in db.read(signoffs.rounds_of_campaign, act, campaign_id=campaign_.id)
        if one.state == "open"
    ]
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Rensho//EN"]
    for one in rounds:
        title = (
            next(iter(one.subject.values()), "").replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
        )
        stamp = "%Y%m%dT%H%M%SZ"
        lines += [
            "BEGIN:VEVENT", f"UID:{one.id}@rensho", f"DTSTAMP:{one.opened_at:{stamp}}",
            f"DTSTART:{one.deadline:{stamp}}", f"SUMMARY:{gettext('Sign-off closes')}: {title}", "END:VEVENT",
        ]  # fmt: skip
    lines.append("END:VCALENDAR")
    return Response("\r\n".join(_folded(line) for line in lines) + "\r\n", mimetype="text/calendar")


def _folded(line: str) -> str:
    """RFC 5545 §3.1: at most 75 octets a line, continued after a space."""
    parts, current = [], ""
    for char in line:
        if len((current + char).encode()) > 74:
            parts.append(current)
            current = ""
        current += char
    return "\r\n ".join([*parts, current])


# --- what is to be done ---------------------------------------------------------------------------


def _tasks(steps: Steps) -> list[dict[str, Any]]:
    """The numbered list of a member's home: confirm the company, give the works, read, sign off."""
    here = steps.campaign.id
    joined = steps.own.state == "joined"
    submitted = steps.submission is not None and steps.submission.state != "returned"
    # The page of the decision shows the whole text: who has answered on the latest revision has read it.
    answered = steps.ballot and steps.ballot.stands and steps.ballot.round.revision_id
    read = bool(steps.read_at or (steps.revision and answered == steps.revision.id))
    items: list[dict[str, Any]] = [
        _part_task(steps),
        {
            "title": say("Give your works"),
            "text": _works_text(steps),
            "state": "done" if submitted else ("now" if joined else "later"),
            "href": url_for("works.show", campaign_id=here) if joined else None,
            "action": say("Open the works list") if joined else None,
        },
        {
            "title": say("Read the draft"),
            "text": _read_text(steps),
            "state": "done" if read else ("now" if joined and steps.revision else "later"),
            "href": url_for("drafting.revision", revision_id=steps.revision.id)
            if joined and steps.revision
            else None,
            "action": say("Read"),
        },
    ]
    items.append(_sign_task(steps))
    items.append(_letter_task(steps))
    return items


def _part_task(steps: Steps) -> dict[str, Any]:
    """Whether the company takes part. A company that said no may think again; one that left may not."""
    state = steps.own.state.value
    words: dict[str, tuple[Sentence, Sentence | None]] = {
        "invited": (say("This commits your company to nothing yet."), say("Answer")),
        "joined": (say("Your company takes part."), None),
        "declined": (say("Your company does not take part. It can still join."), say("See or change")),
        "left": (say("Your company has left this campaign."), None),
    }
    text, action = words[state]
    return {
        "title": say("Say whether your company takes part"),
        "text": text,
        "state": "now" if state == "invited" else "done",
        "href": url_for("campaigns.show", campaign_id=steps.campaign.id),
        "action": action,
    }


def _works_text(steps: Steps) -> Sentence:
    if steps.submission is None:
        return say("A table of the works for which you ask respect; CSV or XLSX.")
    if steps.submission.state == "returned":
        return say("The secretariat has returned your list. Mend it and submit it again.")
    if steps.claims:
        return say_n(
            "%(n)s title also stands in another member's list; say how it is owned.",
            "%(n)s titles also stand in another member's list; say how they are owned.",
            steps.claims,
        )
    return say_n("%(n)s work submitted.", "%(n)s works submitted.", steps.submission.count)


def _read_text(steps: Steps) -> Sentence:
    if steps.revision is None:
        return say("There is no draft yet; you get a message when there is.")
    return say("Revision %(n)s is the latest.", n=steps.revision.number)


def _sign_task(steps: Steps) -> dict[str, Any]:
    ballot = steps.ballot
    task: dict[str, Any] = {"title": say("Sign off"), "state": "later", "href": None, "action": None}
    if ballot is None:
        return {**task, "text": say("The vote opens when the text is ready; you get a message.")}
    until = ballot.round.deadline.astimezone(ZoneInfo(current_app.extensions["rensho-settings"].timezone))
    href = url_for("signoffs.sign", round_id=ballot.round.id)
    if ballot.stands is not None:
        return {
            **task,
            "state": "done",
            "href": href,
            "action": say("Look") if ballot.round.frozen_at else say("See or change"),
            "text": say("Your company has answered."),
        }
    if ballot.round.takes_acts(datetime.now(UTC)):
        text = say("Open until %(date)s.", date=format_date(until, "long"))
        return {**task, "state": "now", "href": href, "action": say("Sign off"), "text": text}
    return {
        **task,
        "href": url_for("signoffs.show", round_id=ballot.round.id),
        "text": say("The vote is closed."),
    }


def _letter_task(steps: Steps) -> dict[str, Any]:
    task: dict[str, Any] = {
        "title": say("Download the letter"),
        "state": "later",
        "href": None,
        "action": None,
    }
    if steps.issue is None or steps.issue.state == "reserved":
        return {**task, "text": say("When the quorum is reached and the officers have countersigned.")}
    return {
        **task,
        "state": "done",
        "href": url_for("letters.show", issue_id=steps.issue.id),
        "action": say("Download"),
        "text": say("%(reference)s is issued.", reference=steps.issue.reference),
    }


def _todo(found: Board) -> tuple[Sentence, str, Sentence] | None:
    """The next thing for staff: what, where, and the button's label; None where nothing is to be done."""
    here = found.campaign.id
    if not found.lines:
        return (
            say("Ask members to take part."),
            url_for("campaigns.invite", campaign_id=here),
            say("Ask members"),
        )
    if found.letter is None:
        return (
            say("Write the letter's first draft."),
            url_for("drafting.new", campaign_id=here),
            say("Write the draft"),
        )
    at = found.letter.id
    if found.letter.latest is None:
        return (
            say("Publish the draft as the first revision."),
            url_for("drafting.edit", letter_id=at),
            say("To the draft"),
        )
    if found.issue is not None:
        return (
            None
            if found.issue.state != "reserved"
            else (
                say("The letter is being sealed."),
                url_for("letters.show", issue_id=found.issue.id),
                say("Look"),
            )
        )
    round_ = found.round
    if (
        round_ is None
        or round_.state in {"lapsed", "cancelled"}
        or (round_.countersigning and round_.countersigning.state == "refused")
    ):
        return (
            say("Open the vote on the latest revision."),
            url_for("signoffs.open", letter_id=at),
            say("Open the vote"),
        )
    if round_.state == "open":
        if found.verdict and found.verdict.reached:
            return (
                say("The quorum is reached; the round can be declared carried."),
                url_for("signoffs.show", round_id=round_.id),
                say("To the round"),
            )
        return None
    if round_.countersigning and round_.countersigning.state == "open":
        return (
            say("The officers countersign."),
            url_for("signoffs.countersign", round_id=round_.id),
            say("To the countersignatures"),
        )
    return (
        say("Countersigned: the letter can be issued."),
        url_for("letters.reserve", letter_id=at),
        say("Issue the letter"),
    )


def _chart(found: Board, now: datetime) -> Markup | None:
    if found.round is None or found.verdict is None:
        return None
    count = next((one.need for one in found.verdict.conditions if one.kind in {"count", "share"}), None)
    svg = charts.signoffs_over_time(
        found.approvals,
        opened=found.round.opened_at,
        deadline=found.round.deadline,
        until=min(now, found.round.closed_at or now),
        needed=count,
        roll=found.verdict.tally.roll,
        said=charts.Said(
            "signoffs",
            gettext("Approvals over time"),
            gettext(
                "%(have)s of %(roll)s members approve.",
                have=found.verdict.tally.approved,
                roll=found.verdict.tally.roll,
            ),
        ),
        quorum_label=gettext("quorum"),
        deadline_label=gettext("deadline"),
        day=lambda at: str(format_skeleton("MMMd", at, locale=get_locale())),
    )
    return Markup(svg)  # noqa: S704 - made by portal.paper.charts, which escapes every text
