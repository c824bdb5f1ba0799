"""What other rooms and pages get to see of works lists: frozen values, never rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from portal.works.model import ListState
from portal.works.rows import Listing, WorkRow
from portal.works.tables import RowProblem


@dataclass(frozen=True)
class SubmissionView:
    """A submission. ``state`` is submitted, accepted or returned for the latest; ``count`` its rows."""

    id: str
    campaign_id: str
    member_id: str
    number: int
    digest: str
    count: int
    state: ListState
    submitted_at: datetime


@dataclass(frozen=True)
class UploadView:
    """A file that was read and is not confirmed yet. ``rows`` are the good ones, ``left_out`` the others."""

    file_name: str
    file_digest: str
    size: int
    rows: int
    left_out: int
    uploaded_at: datetime


@dataclass(frozen=True)
class Preview:
    """What confirming an upload would do: ``sample`` are its first rows, ``taken`` (name, column)."""

    upload: UploadView
    sample: tuple[WorkRow, ...]
    problems: tuple[RowProblem, ...]
    taken: tuple[tuple[str, str], ...]
    unread: tuple[str, ...]
    encoding: str
    separator: str
    sheet: str
    repeated: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class ListView:
    """A member's list for a campaign. Before anything was put into it, version and count are 0."""

    campaign_id: str
    member_id: str
    state: ListState
    version: int
    count: int
    consent: Listing
    reason: str | None
    changed_at: datetime | None
    upload: UploadView | None
    submission: SubmissionView | None

    @property
    def open(self) -> bool:
        """Whether rows can be changed now."""
        return self.state in {ListState.draft, ListState.returned}


@dataclass(frozen=True)
class NumberedRow:
    """A row with its number in the list."""

    number: int
    row: WorkRow


@dataclass(frozen=True)
class RowsPage:
    """A page of rows (pages from 1); ``found`` is how many match, over all pages."""

    rows: tuple[NumberedRow, ...]
    page: int
    pages: int
    found: int


@dataclass(frozen=True)
class Claim:
    """A work that stands in the lists of several members.

    ``rows`` by member id (the first of each) and ``marked`` (who said it is jointly owned) are for staff;
    members get `OwnClaim`. ``settled``: all of them said so, or staff did.
    """

    key: str
    rows: Mapping[str, WorkRow]
    marked: frozenset[str]
    settled: bool
    reason: str | None


@dataclass(frozen=True)
class OwnClaim:
    """The same as one member sees it: its own row, never who else lists it or what they wrote."""

    key: str
    row: WorkRow
    marked: bool
    settled: bool


@dataclass(frozen=True)
class ScheduleRow:
    """One work of a letter's schedule, once, under all its owners (member ids, in the order asked for).

    ``titles`` by language where known; ``identifiers`` in their usual written form, with the scheme's
    name; ``consent`` is the narrowest of its owners'.
    """

    owners: tuple[str, ...]
    title: str
    titles: Mapping[str, str]
    kind: str
    year: int | None
    identifiers: tuple[str, ...]
    consent: Listing
