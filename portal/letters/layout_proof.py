"""The last page, in plain words: what this document proves, what it does not, and how to check it."""

from __future__ import annotations

from collections.abc import Iterator

import segno

from portal.letters.layout_frame import WIDTH, Printed, heading, particulars, small
from portal.letters.layout_words import both, word
from portal.paper.flow import Block, Drawing, NewPage
from portal.paper.sheet import Sheet
from portal.paper.tables import Table

_CODE = 92.0  # side of the QR code in points: modules of 0.9 mm and more, readable from paper


def proof(letter: Printed) -> Iterator[Block | NewPage]:
    """The page as blocks."""
    yield NewPage()
    languages = letter.languages
    title = both("proof", languages, "\n")
    yield heading(title, letter.main, bookmark=word("proof", letter.main), narrow=_CODE + 16)
    yield _code(letter)
    for language in languages:
        for number, text in enumerate(_words(letter, language)):
            narrow = _CODE + 16 if language == languages[0] and number < 2 else 0.0
            yield small(text, language, size=9, after=2.5, narrow=narrow)
        for number in (1, 2, 3):
            text = word(
                f"check_{number}",
                language,
                url=letter.record["verify_url"],
                record=f"record.{letter.file_stem}.json",
            )
            yield small(text, language, size=9, after=2.0, label=f"{number}.", indent=14)
        yield Drawing(4, lambda _sheet, _x, _top: None)
    yield from _facts(letter)


def _words(letter: Printed, language: str) -> list[str]:
    """What is proved and what is not, by the seal's own facts: nothing is promised that it lacks."""
    association = letter.one(letter.record["association"]["names"], language)
    seal = letter.record.get("seal") or {}
    words = [word("proves", language, association=association), word("proves_not", language)]
    if letter.rehearsal:
        words.insert(0, word("rehearsal", language))
    notes = [word("proves_self_made", language)] if seal.get("self_made") else []
    notes.append(word("proves_time" if seal.get("timestamped") else "proves_no_time", language))
    joint = "" if language == "ja" else " "
    return [*words, joint.join(notes)]


def _code(letter: Printed) -> Drawing:
    """The QR code of the verify page's address, at the right of the words."""
    url = str(letter.record["verify_url"])
    matrix = [list(row) for row in segno.make(url, error="m", micro=False).matrix]
    side = _CODE / len(matrix)

    def paint(sheet: Sheet, x: float, top: float) -> None:
        left, upper = x + WIDTH - _CODE, top + 48
        squares = [
            f"{left + column * side:.3f} {upper - (row + 1) * side:.3f} {side:.3f} {side:.3f} re"
            for row, modules in enumerate(matrix)
            for column, dark in enumerate(modules)
            if dark
        ]
        alternative = both("qr_alternative", letter.languages, " / ", url=url)
        with sheet.marked(sheet.tags.root.add("Figure", alternative=alternative)):
            sheet.put(f"0 0 0 rg {' '.join(squares)} f")

    return Drawing(0.0, paint, keep=True)


def _facts(letter: Printed) -> Iterator[Table]:
    record, languages = letter.record, letter.languages
    seal, log = record.get("seal") or {}, record.get("log") or {}
    revision = record["revision"]
    subject = str(seal.get("subject") or "")
    if seal.get("self_made"):
        subject += f" ({both('seal_self_made', languages)})"
    stamped = "time_third_party" if seal.get("timestamped") else "time_none"
    shown = [
        ("reference", letter.reference),
        ("edition", letter.edition),
        ("verify", str(record["verify_url"])),
        (
            "revision",
            word("revision_value", letter.main, number=revision["number"], digest=revision["digest"]),
        ),
        ("schedule_digest", str((record.get("schedule") or {}).get("digest") or "")),
        ("commitment", str(record.get("commitment") or "")),
        ("log_origin", str(log.get("origin") or "")),
        ("log_key", str(log.get("vkey") or "")),
        ("seal_subject", subject),
        ("seal_fingerprint", str(seal.get("fingerprint") or "")),
        ("seal_time", both(stamped, languages)),
    ]
    yield particulars(letter, "facts", [(both(key, languages), value) for key, value in shown])
