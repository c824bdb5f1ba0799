"""How a work is written into the database and read from it; for this room only."""

from __future__ import annotations

import unicodedata
from typing import Any

from portal.works.identifiers import Identifier, Scheme
from portal.works.rows import Kind, Listing, WorkRow


def search_text(text: str) -> str:
    """How texts are compared in a search: NFKC, casefolded, single spaces."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def row_of(work: Any) -> WorkRow:
    """The row of a stored work (a `Work`, a `SubmittedWork`, or a database row with their columns)."""
    return WorkRow(
        title=work.title,
        title_ja=work.title_ja,
        title_en=work.title_en,
        romanised=work.romanised,
        reading=work.reading,
        kind=Kind(work.kind),
        year=work.year,
        published=work.published,
        identifiers=tuple(Identifier(Scheme(s), v, c) for s, v, c in work.identifiers),
        co_owners=tuple(work.co_owners),
        url=work.url,
        code=work.code,
        consent=Listing(work.consent) if work.consent else None,
    )


def work_columns(row: WorkRow) -> dict[str, Any]:
    """The columns that a work has in the draft and in a submission alike."""
    return {
        "title": row.title,
        "title_ja": row.title_ja,
        "title_en": row.title_en,
        "romanised": row.romanised,
        "reading": row.reading,
        "kind": row.kind.value,
        "year": row.year,
        "published": row.published,
        "identifiers": [[one.scheme.value, one.value, one.checked] for one in row.identifiers],
        "co_owners": list(row.co_owners),
        "url": row.url,
        "code": row.code,
        "consent": row.consent.value if row.consent else None,
    }


def draft_columns(list_id: str, number: int, row: WorkRow) -> dict[str, Any]:
    """The columns of a row of a draft."""
    texts = (row.title, row.title_ja, row.title_en, row.romanised, row.reading, row.code)
    search = search_text(" ".join(dict.fromkeys(text for text in texts if text)))
    return {"list_id": list_id, "number": number, "search": search, **work_columns(row)}
