"""The letter on paper: a pure function of its projection and its schedule.

Same projection, same bytes, in any process: no clock, no randomness, no order of a set. The seal is
added afterwards as an incremental update, so that these bytes stay the beginning of the sealed file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time
from typing import Any

from portal.kernel.digest import canonical
from portal.letters.layout_annex import exhibits, schedule
from portal.letters.layout_body import part
from portal.letters.layout_frame import A4, FRAME, Furniture, Printed
from portal.letters.layout_members import countersignatures, members
from portal.letters.layout_proof import proof
from portal.letters.layout_words import REHEARSAL_STAMP, word
from portal.letters.record import LAYOUT
from portal.letters.schedule import ScheduleRow, read_schedule
from portal.paper.flow import Block, NewPage, draw, paginate
from portal.paper.sheet import Sheet
from portal.paper.tags import About, Attachment


def letter_pdf(projection: Mapping[str, Any], schedule_csv: bytes) -> bytes:
    """The unsealed PDF/A-3 of one edition.

    `projection` is a `rensho/letter/1` record as the edition shows it; `schedule_csv` the bytes of
    `schedule.<edition>.csv`. Both are embedded as they are (the record in canonical form).

    Raises `portal.paper.fonts.MissingGlyph` or `UnprintableText` (both ValueError, with the string
    named) for text that cannot be printed, ValueError for a record of another layout or a schedule that
    `portal.letters.schedule` did not write.
    """
    if projection["layout"] != LAYOUT:
        raise ValueError(f"this record is to be laid out by version {projection['layout']}, not {LAYOUT}")
    letter = Printed(projection)
    works = read_schedule(schedule_csv)
    sheet = Sheet(_about(letter), A4)
    pages = paginate(_blocks(letter, works), FRAME)
    draw(sheet, pages, FRAME, Furniture(letter))
    for attachment in _attachments(letter, schedule_csv):
        sheet.attach(attachment)
    return sheet.finish()


def _blocks(letter: Printed, works: Sequence[ScheduleRow]) -> Iterator[Block | NewPage]:
    """Everything in reading order."""
    for number, language in enumerate(letter.languages):
        if number:
            yield NewPage()
        yield from part(letter, language)
    yield from members(letter)
    yield from countersignatures(letter)
    yield from schedule(letter, works)
    yield from exhibits(letter, after_schedule=True)
    yield from proof(letter)


def _about(letter: Printed) -> About:
    subject = str(letter.one(letter.record["subject"], letter.main))
    reference = word("letter_of", letter.main, reference=letter.reference)
    title = f"{reference}: {subject}"
    return About(
        title=f"{REHEARSAL_STAMP} {title}" if letter.rehearsal else title,
        author=str(letter.one(letter.record["association"]["names"], letter.main)),
        language=letter.main,
        made_at=datetime.combine(letter.day, time(), UTC),
    )


def _attachments(letter: Printed, schedule_csv: bytes) -> list[Attachment]:
    stem, main = letter.file_stem, letter.main
    record = canonical(dict(letter.record))
    return [
        Attachment(f"record.{stem}.json", "application/json", "Data", word("file_record", main), record),
        Attachment(f"schedule.{stem}.csv", "text/csv", "Data", word("file_schedule", main), schedule_csv),
    ]
