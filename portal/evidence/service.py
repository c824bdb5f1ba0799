"""Adding exhibits and reading them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from portal.audit import log
from portal.campaigns import service as campaigns
from portal.evidence.model import Exhibit
from portal.evidence.store import FileStore
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.sentence import say

MAX_BYTES = 50 << 20


@dataclass(frozen=True)
class ExhibitView:
    """One exhibit; texts by language, times UTC, ``size`` in bytes."""

    id: str
    campaign_id: str
    number: int
    title: Mapping[str, str]
    note: Mapping[str, str]
    url: str | None
    prompt: str | None
    product: str | None
    captured_at: datetime
    sha256: str
    file_name: str
    size: int


def add(
    session: Session,
    act: Act,
    *,
    campaign_id: str,
    title: Mapping[str, str],
    captured_at: datetime,
    data: bytes,
    file_name: str,
    files: FileStore,
    note: Mapping[str, str] | None = None,
    url: str | None = None,
    prompt: str | None = None,
    product: str | None = None,
) -> ExhibitView:
    """Add the next exhibit; its file is on disk before the row is committed. Raises `Invalid`."""
    require(act, Permission.exhibit_add)
    campaigns.get(session, act, campaign_id)
    problems = []
    if not any(text.strip() for text in title.values()):
        problems.append(Problem("title_en", say("Give the exhibit a title.")))
    if not 0 < len(data) <= MAX_BYTES:
        problems.append(Problem("file", say("Choose a file of at most 50 MB.")))
    if captured_at > act.at:
        problems.append(Problem("captured_at", say("The capture cannot lie in the future.")))
    if problems:
        raise Invalid(problems)
    campaigns.hold(session, campaign_id)
    number = 1 + (
        session.scalar(sa.select(sa.func.max(Exhibit.number)).where(Exhibit.campaign_id == campaign_id)) or 0
    )
    row = Exhibit(
        id=new_id(),
        campaign_id=campaign_id,
        number=number,
        title={key: text.strip() for key, text in title.items() if text.strip()},
        note={key: text.strip() for key, text in (note or {}).items() if text.strip()},
        url=url or None,
        prompt=prompt or None,
        product=product or None,
        captured_at=captured_at,
        sha256=files.put(data),
        file_name=file_name[:200],
        size=len(data),
        added_at=act.at,
        added_by=act.person_id,
    )
    session.add(row)
    session.flush()
    log.append(
        session,
        act,
        "evidence:exhibit:added",
        row.id,
        {"campaign": campaign_id, "number": number, "file": row.sha256},
    )
    return _view(row)


def exhibits(session: Session, campaign_id: str) -> tuple[ExhibitView, ...]:
    """All exhibits of a campaign by number. Access is the caller's."""
    rows = session.scalars(
        sa.select(Exhibit).where(Exhibit.campaign_id == campaign_id).order_by(Exhibit.number)
    )
    return tuple(_view(row) for row in rows)


def list_exhibits(session: Session, act: Act, *, campaign_id: str) -> tuple[ExhibitView, ...]:
    """The exhibits, for staff and members that take part; `NotFound` for everybody else."""
    require(act, Permission.exhibit_read)
    _require_part(session, act, campaign_id)
    return exhibits(session, campaign_id)


def exhibit(session: Session, act: Act, *, exhibit_id: str) -> ExhibitView:
    """One exhibit, for staff and members that take part; `NotFound` for everybody else."""
    require(act, Permission.exhibit_read)
    row = session.get(Exhibit, exhibit_id)
    if row is None:
        raise NotFound
    _require_part(session, act, row.campaign_id)
    return _view(row)


def _require_part(session: Session, act: Act, campaign_id: str) -> None:
    """Who was only asked, said no or left is not shown what the dispute rests on."""
    campaigns.get(session, act, campaign_id)
    if not act.is_staff and not campaigns.has_joined(session, campaign_id, act.member_id):
        raise NotFound


def _view(row: Exhibit) -> ExhibitView:
    return ExhibitView(
        row.id, row.campaign_id, row.number, row.title, row.note, row.url, row.prompt, row.product,
        row.captured_at, row.sha256, row.file_name, row.size,
    )  # fmt: skip
