"""What other rooms and the pages call: everything the works room does, in one list."""

from __future__ import annotations

from portal.works.claims import claims, mark_joint, open_claims, own_claims, schedule, settle, unsettled
from portal.works.lists import (
    all_rows,
    confirm_upload,
    delete_row,
    discard_upload,
    get_row,
    keep_upload,
    latest_submission,
    preview,
    replace_rows,
    rows,
    save_row,
    works_list,
)
from portal.works.model import ListState
from portal.works.rows import KIND_WORDS, LISTING_WORDS, Kind, Listing, WorkRow
from portal.works.submissions import (
    accept,
    history,
    return_,
    rows_digest,
    submission_rows,
    submissions,
    submit,
    submitted_page,
    submitted_rows,
    what_would_be_submitted,
)
from portal.works.tables import ReadError, ReadResult, RowProblem, read
from portal.works.values import (
    Claim,
    ListView,
    NumberedRow,
    OwnClaim,
    Preview,
    RowsPage,
    ScheduleRow,
    SubmissionView,
    UploadView,
)

__all__ = [
    "KIND_WORDS", "LISTING_WORDS", "Claim", "Kind", "ListState", "ListView", "Listing",
    "NumberedRow", "OwnClaim", "Preview", "ReadError", "ReadResult", "RowProblem", "RowsPage",
    "ScheduleRow", "SubmissionView", "UploadView", "WorkRow", "accept", "all_rows", "claims",
    "confirm_upload", "delete_row", "discard_upload", "get_row", "history", "keep_upload",
    "latest_submission", "mark_joint", "open_claims", "own_claims", "preview", "read",
    "replace_rows", "return_", "rows", "rows_digest", "save_row", "schedule", "settle",
    "submission_rows", "submissions", "submit", "submitted_page", "submitted_rows", "unsettled",
    "what_would_be_submitted", "works_list",
]  # fmt: skip
