"""A member's draft list: read a file, look at what it would do, confirm it; change single rows. Use cases."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal import db
from portal.audit import log
from portal.campaigns import service as campaigns
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.digest import digest_bytes
from portal.kernel.errors import Conflict, Invalid, NotFound, Problem, Stale
from portal.kernel.sentence import Sentence, say
from portal.kernel.states import move
from portal.works import matching
from portal.works.columns import Column
from portal.works.model import LIST_MOVES, ListState, Submission, Upload, Work, WorksList
from portal.works.rows import Listing, WorkRow, from_json, row_from_cells
from portal.works.stored import draft_columns, row_of, search_text
from portal.works.tables import MAX_ROWS, ReadResult, RowProblem
from portal.works.values import ListView, NumberedRow, Preview, RowsPage, SubmissionView, UploadView

PAGE: Final = 50
SAMPLE: Final = 20
DEFAULT_CONSENT: Final = Listing.addressee
"""Until the member says otherwise: the addressee must learn what the letter is about, nobody else."""


# --- the list -------------------------------------------------------------------------------------


def works_list(session: Session, act: Act, *, campaign_id: str, member_id: str) -> ListView:
    """A member's list, for that member and for staff; `NotFound` for everybody else."""
    _require_reader(session, act, campaign_id, member_id)
    row = _find(session, campaign_id, member_id)
    submission = latest_submission(session, campaign_id, member_id)
    if row is None:
        return ListView(
            campaign_id, member_id, ListState.draft, 0, 0, DEFAULT_CONSENT, None, None, None, submission
        )
    upload = session.get(Upload, row.id)
    # A draft is its member's own until it is submitted.
    own = not act.is_staff or row.state is not ListState.draft
    return ListView(
        campaign_id,
        member_id,
        row.state,
        row.version,
        _count(session, row.id) if own else 0,
        row.consent,
        row.reason,
        row.changed_at,
        _upload_view(upload) if upload is not None and not act.is_staff else None,
        submission,
    )


def rows(
    session: Session, act: Act, *, campaign_id: str, member_id: str, search: str = "", page: int = 1
) -> RowsPage:
    """A page of 50 rows of the member's own draft; *search* finds parts of titles, readings and codes."""
    _require_own(session, act, Permission.works_read, campaign_id, member_id)
    row = _find(session, campaign_id, member_id)
    if row is None:
        return RowsPage((), 1, 1, 0)
    where = [Work.list_id == row.id]
    where += [Work.search.contains(word, autoescape=True) for word in search_text(search).split()]
    found = session.scalar(sa.select(sa.func.count()).select_from(Work).where(*where)) or 0
    pages = max(1, -(-found // PAGE))
    page = min(max(1, page), pages)
    query = sa.select(Work).where(*where).order_by(Work.number).limit(PAGE).offset((page - 1) * PAGE)
    return RowsPage(
        tuple(NumberedRow(one.number, row_of(one)) for one in session.scalars(query)), page, pages, found
    )


def get_row(session: Session, act: Act, *, campaign_id: str, member_id: str, number: int) -> NumberedRow:
    """One row of the member's own draft. Raises `NotFound`."""
    _require_own(session, act, Permission.works_read, campaign_id, member_id)
    row = _find(session, campaign_id, member_id)
    work = session.get(Work, (row.id, number)) if row is not None else None
    if work is None:
        raise NotFound
    return NumberedRow(number, row_of(work))


def all_rows(session: Session, act: Act, *, campaign_id: str, member_id: str) -> tuple[WorkRow, ...]:
    """Every row of the member's own draft, in order (for exports)."""
    _require_own(session, act, Permission.works_read, campaign_id, member_id)
    row = _find(session, campaign_id, member_id)
    return () if row is None else tuple(draft_rows(session, row.id))


def draft_rows(session: Session, list_id: str) -> Iterator[WorkRow]:
    """The rows of a list in order (for this room)."""
    query = sa.select(*Work.__table__.columns).where(Work.list_id == list_id).order_by(Work.number)
    for row in session.execute(query):
        yield row_of(row)


# --- uploads --------------------------------------------------------------------------------------


def keep_upload(
    session: Session,
    act: Act,
    *,
    campaign_id: str,
    member_id: str,
    file_name: str,
    data: bytes,
    result: ReadResult,
) -> UploadView:
    """Keep what was read of a file until it is confirmed; it replaces an earlier one that waits.

    Reading (`portal.works.tables.read`) happens before, outside of any transaction: it can take seconds.
    """
    require(act, Permission.works_upload, member_id=member_id)
    row = _open_list(session, act, campaign_id, member_id)
    session.execute(sa.delete(Upload).where(Upload.list_id == row.id))
    upload = Upload(
        list_id=row.id,
        file_name=file_name[:200],
        file_digest=digest_bytes(data),
        size=len(data),
        rows=len(result.rows),
        left_out=result.left_out,
        content=_pack(result),
        uploaded_at=act.at,
        uploaded_by=act.person_id,
    )
    session.add(upload)
    session.flush()
    return _upload_view(upload)


def preview(session: Session, act: Act, *, campaign_id: str, member_id: str) -> Preview:
    """What confirming the waiting upload would do. Raises `NotFound` if none waits."""
    _require_own(session, act, Permission.works_upload, campaign_id, member_id)
    content, upload = _waiting(session, campaign_id, member_id)
    found = tuple(from_json(one) for one in content["rows"])
    problems = tuple(
        RowProblem(line, column, Sentence(msgid, dict(params)))
        for line, column, msgid, params in content["problems"]
    )
    repeated = tuple(
        (content["lines"][first], content["lines"][second]) for first, second in matching.repeated(found)
    )
    return Preview(
        _upload_view(upload),
        found[:SAMPLE],
        problems,
        tuple((name, column) for name, column in content["taken"]),
        tuple(content["unread"]),
        content["encoding"],
        content["separator"],
        content["sheet"],
        repeated,
    )


def confirm_upload(
    session: Session, act: Act, *, campaign_id: str, member_id: str, shown: str, add: bool = False
) -> int:
    """Put the waiting upload's good rows into the list, instead of its rows or (*add*) after them.

    *shown* is the file's digest on the screen: `Stale` if another file was uploaded since. How many.
    """
    require(act, Permission.works_upload, member_id=member_id)
    row = _open_list(session, act, campaign_id, member_id)
    content, upload = _waiting(session, campaign_id, member_id)
    if upload.file_digest != shown:
        raise Stale(say("Another file was uploaded meanwhile. Look at it before you confirm."))
    _store(session, act, row, (from_json(one) for one in content["rows"]), len(content["rows"]), add=add)
    session.execute(sa.delete(Upload).where(Upload.list_id == row.id))
    return upload.rows


def discard_upload(session: Session, act: Act, *, campaign_id: str, member_id: str) -> None:
    """Throw the waiting upload away; the list stays as it is."""
    _require_own(session, act, Permission.works_upload, campaign_id, member_id)
    row = _find(session, campaign_id, member_id)
    if row is not None:
        session.execute(sa.delete(Upload).where(Upload.list_id == row.id))


def replace_rows(
    session: Session,
    act: Act,
    *,
    campaign_id: str,
    member_id: str,
    rows: Iterable[WorkRow],
    add: bool = False,
) -> int:
    """Put *rows* into the list, instead of its rows or (*add*) after them. How many the list has then."""
    require(act, Permission.works_upload, member_id=member_id)
    row = _open_list(session, act, campaign_id, member_id)
    given = list(rows)
    _store(session, act, row, given, len(given), add=add)
    return _count(session, row.id)


def _store(
    session: Session, act: Act, row: WorksList, given: Iterable[WorkRow], number: int, *, add: bool
) -> None:
    first = _last_number(session, row.id) + 1 if add else 1
    if (_count(session, row.id) if add else 0) + number > MAX_ROWS:
        raise Conflict(say("A list can have %(most)s rows at most.", most=MAX_ROWS))
    if not add:
        session.execute(sa.delete(Work).where(Work.list_id == row.id))
    db.bulk_insert(
        session, Work.__table__, (draft_columns(row.id, n, one) for n, one in enumerate(given, start=first))
    )
    _touch(row, act)
    log.append(
        session, act, "works:list:filled", row.id, {"rows": number, "added": add, "version": row.version}
    )


# --- single rows ----------------------------------------------------------------------------------


def save_row(
    session: Session,
    act: Act,
    *,
    campaign_id: str,
    member_id: str,
    cells: Mapping[Column, str],
    number: int | None = None,
    shown: int,
) -> int:
    """Change row *number*, or add one (None); its number. *cells* are texts as in a file.

    *shown* is the list's version on the screen. Raises `Invalid` with a problem for each bad cell, and
    `Stale` where the list changed meanwhile.
    """
    require(act, Permission.works_edit, member_id=member_id)
    problems: list[Problem] = []
    given = row_from_cells(cells, lambda column, why: problems.append(Problem(column.value, why)))
    if given is None:
        raise Invalid(problems)
    row = _open_list(session, act, campaign_id, member_id, shown=shown)
    if number is None:
        number = _last_number(session, row.id) + 1
        if _count(session, row.id) >= MAX_ROWS:
            raise Conflict(say("A list can have %(most)s rows at most.", most=MAX_ROWS))
    elif session.get(Work, (row.id, number)) is None:
        raise NotFound
    session.execute(sa.delete(Work).where(Work.list_id == row.id, Work.number == number))
    db.bulk_insert(session, Work.__table__, [draft_columns(row.id, number, given)])
    _touch(row, act)
    log.append(session, act, "works:row:saved", row.id, {"row": number, "version": row.version})
    return number


def delete_row(
    session: Session, act: Act, *, campaign_id: str, member_id: str, number: int, shown: int
) -> None:
    """Take a row out of the list; the others keep their numbers. *shown* as in `save_row`."""
    require(act, Permission.works_edit, member_id=member_id)
    row = _open_list(session, act, campaign_id, member_id, shown=shown)
    work = session.get(Work, (row.id, number))
    if work is None:
        raise NotFound
    session.delete(work)
    _touch(row, act)
    log.append(session, act, "works:row:deleted", row.id, {"row": number, "version": row.version})


# --- inside the room ------------------------------------------------------------------------------


def latest_submission(session: Session, campaign_id: str, member_id: str) -> SubmissionView | None:
    """The member's latest submission, or None. ``state`` is *returned* from then until the next one."""
    row = session.scalars(
        sa.select(Submission)
        .where(Submission.campaign_id == campaign_id, Submission.member_id == member_id)
        .order_by(Submission.number.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    found = _find(session, campaign_id, member_id)
    return submission_view(row, found.state if found is not None else ListState.submitted)


def submission_view(row: Submission, state: ListState) -> SubmissionView:
    """The value of a submission that is the latest of a list in *state*."""
    now = ListState.returned if state is ListState.draft else state
    return SubmissionView(
        row.id, row.campaign_id, row.member_id, row.number, row.digest, row.count, now, row.submitted_at
    )


def locked_list(session: Session, campaign_id: str, member_id: str) -> WorksList:
    """The list, locked until the transaction ends. Raises `NotFound`."""
    row = _find(session, campaign_id, member_id)
    if row is None:
        raise NotFound
    return db.lock(session, WorksList, row.id)


def _find(session: Session, campaign_id: str, member_id: str) -> WorksList | None:
    return session.scalars(
        sa.select(WorksList).where(WorksList.campaign_id == campaign_id, WorksList.member_id == member_id)
    ).one_or_none()


def _count(session: Session, list_id: str) -> int:
    return session.scalar(sa.select(sa.func.count()).select_from(Work).where(Work.list_id == list_id)) or 0


def _last_number(session: Session, list_id: str) -> int:
    return session.scalar(sa.select(sa.func.max(Work.number)).where(Work.list_id == list_id)) or 0


def _require_reader(session: Session, act: Act, campaign_id: str, member_id: str) -> None:
    require(act, Permission.works_read, member_id=member_id)
    campaigns.participation(session, campaign_id, member_id)


def _require_own(
    session: Session, act: Act, permission: Permission, campaign_id: str, member_id: str
) -> None:
    """Drafts are their member's own: staff see what is submitted, and the system acts for the member."""
    require(act, permission, member_id=member_id)
    if act.member_id is None and act.person_id is not None:
        raise NotFound
    campaigns.participation(session, campaign_id, member_id)


def _open_list(
    session: Session, act: Act, campaign_id: str, member_id: str, *, shown: int | None = None
) -> WorksList:
    """The list, locked and open for changes; made if there is none yet; from returned back to draft."""
    campaigns.require_joined(session, campaign_id, member_id)
    row = _find(session, campaign_id, member_id)
    if row is None:
        row = WorksList(
            id=new_id(), campaign_id=campaign_id, member_id=member_id, state=ListState.draft, version=0,
            consent=DEFAULT_CONSENT, reason=None, changed_at=act.at,
        )  # fmt: skip
        session.add(row)
        session.flush()
    row = db.lock(session, WorksList, row.id)
    if shown is not None and row.version != shown:
        raise Stale(say("The list was changed meanwhile. Look at it again before you change it."))
    if row.state in {ListState.submitted, ListState.accepted}:
        raise Conflict(
            say(
                "The list is submitted. To change it, ask the secretariat to return it; then submit it again."
            )
        )
    return row


def _touch(row: WorksList, act: Act) -> None:
    row.version += 1
    row.changed_at = act.at
    if row.state is ListState.returned:
        row.state = move(LIST_MOVES, row.state, ListState.draft, say("The works list"))


def _pack(result: ReadResult) -> bytes:
    content = {
        "rows": [row.as_json() for row in result.rows],
        "lines": [row.line for row in result.rows],
        "problems": [
            [p.line, p.column, p.sentence.msgid, {k: _plain(v) for k, v in p.sentence.params.items()}]
            for p in result.problems
        ],
        "taken": [[name, column.value] for name, column in result.mapping.taken],
        "unread": list(result.mapping.left_out),
        "encoding": result.encoding,
        "separator": result.separator,
        "sheet": result.sheet,
    }
    return zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _plain(value: object) -> object:
    return value if isinstance(value, int) else str(value)


def _waiting(session: Session, campaign_id: str, member_id: str) -> tuple[dict[str, Any], Upload]:
    row = _find(session, campaign_id, member_id)
    upload = session.get(Upload, row.id) if row is not None else None
    if upload is None:
        raise NotFound(say("No uploaded file waits to be confirmed."))
    return json.loads(zlib.decompress(upload.content)), upload


def _upload_view(row: Upload) -> UploadView:
    return UploadView(row.file_name, row.file_digest, row.size, row.rows, row.left_out, row.uploaded_at)
