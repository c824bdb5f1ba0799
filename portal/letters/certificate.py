"""The certificate of approval: who approved what, when and how it was counted, for the files.

It is made from the *full* record and names everybody: it stays with the association, and no edition
of the letter embeds it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, time
from typing import Any

from portal.kernel.digest import canonical, digest_of
from portal.letters.layout_frame import (
    A4,
    FRAME,
    WIDTH,
    Furniture,
    Printed,
    heading,
    letterhead,
    particulars,
    small,
)
from portal.letters.layout_members import countersignatures
from portal.letters.layout_words import REHEARSAL_STAMP, both, counted, dated, word
from portal.letters.record import commitment
from portal.paper.flow import Block, draw, paginate
from portal.paper.sheet import BLACK, GREY, Sheet, sans, serif
from portal.paper.tables import Cell, Column, Look, Row, Table
from portal.paper.tags import About

_TALLY = ("roll", "approved", "declined", "abstained", "unanswered")


def certificate_pdf(record: Mapping[str, Any]) -> bytes:
    """The certificate for a full record (`kind` "full"); pure: same record, same bytes.

    Raises ValueError for a projection, which does not hold what a certificate says, and for text
    that cannot be printed (`MissingGlyph`, `UnprintableText`).
    """
    if record["kind"] != "full":
        raise ValueError("a certificate is made from the full record")
    letter = Printed(record)
    title = f"{word('certificate', letter.main)} {letter.reference}"
    about = About(
        title=f"{REHEARSAL_STAMP} {title}" if letter.rehearsal else title,
        author=str(letter.one(record["association"]["names"], letter.main)),
        language=letter.main,
        made_at=datetime.combine(letter.day, time(), UTC),
    )
    sheet = Sheet(about, A4)
    draw(
        sheet, paginate(_blocks(letter), FRAME), FRAME, Furniture(letter, both("internal", letter.languages))
    )
    return sheet.finish()


def _blocks(letter: Printed) -> Iterator[Block]:
    languages, main = letter.languages, letter.main
    yield letterhead(letter, main)
    yield heading(both("certificate", languages, "\n"), main, bookmark=word("certificate", main))
    for language in languages:
        yield small(word("certificate_intro", language), language, size=9)
    yield _letter(letter)
    yield heading(both("count", languages), main, level=2, bookmark=word("count", main))
    for language, sentence in letter.said(letter.record["quorum"].get("sentence")):
        yield small(sentence, language, size=9, keep=True)
    yield _tally(letter)
    yield heading(both("signoffs", languages), main, level=2, bookmark=word("signoffs", main))
    yield _signoffs(letter)
    others = letter.record.get("others") or {}
    if others:
        yield heading(both("others", languages), main, level=2)
        for names in others.values():
            yield small("   ".join(dict.fromkeys(names.values())), main, size=9, after=1)
    yield from countersignatures(letter)
    yield heading(both("digests", languages), main, level=2, bookmark=word("digests", main))
    yield _digests(letter)


def _letter(letter: Printed) -> Table:
    record, languages = letter.record, letter.languages
    revision = record["revision"]
    shown = [
        ("reference", letter.reference),
        ("date", dated(letter.day, letter.main, languages)),
        ("addressee", " / ".join(dict.fromkeys(record["addressee"]["names"].values()))),
        ("subject_plain", " / ".join(text for _, text in letter.said(record["subject"]))),
        (
            "revision",
            word("revision_value", letter.main, number=revision["number"], digest=revision["digest"]),
        ),
    ]
    return particulars(letter, "letter", [(both(key, languages), value) for key, value in shown])


def _tally(letter: Printed) -> Table:
    quorum, languages = letter.record["quorum"], letter.languages
    tally = quorum["tally"]
    shown = [(both("verdict", languages), _verdict(letter, str(quorum["verdict"])))]
    shown += [(both(f"tally_{key}", languages), counted(int(tally[key]))) for key in _TALLY if key in tally]
    # The rule as the data it is: the sentence above is its reading, this is what was counted by.
    shown.append((both("rule", languages), canonical(quorum["rule"]).decode("utf-8")))
    return particulars(letter, "count", shown)


def _verdict(letter: Printed, verdict: str) -> str:
    return both("verdict_reached", letter.languages) if verdict == "reached" else verdict


def _signoffs(letter: Printed) -> Table:
    """No., company in both scripts, how it may be named, digest of the sign-off's evidence."""
    languages, style = letter.languages, sans(letter.main)
    rows: list[Row] = []
    for one in letter.record["signatories"]["named"]:
        names = "\n".join(dict.fromkeys(one["names"].values()))
        consent = both(f"consent_{one['consent']}", languages, "\n")
        row: Row = [
            str(one["position"]),
            Cell(names, one.get("language") or letter.main),
            consent,
            one["signoff"],
        ]
        rows.append(row)
    heads = ["number", "name", "consent", "evidence_digest"]
    widths = [34.0, 158.0, 84.0, WIDTH - 276.0]
    columns = [
        Column(both(head, languages, "\n"), width, "left", GREY if head == "number" else BLACK)
        for head, width in zip(heads, widths, strict=True)
    ]
    look = Look(style, serif(letter.main, bold=True), size=8, leading=10.6, pad=2.0, gutter=7)
    return Table(columns, rows, look, before=2, after=8)


def _digests(letter: Printed) -> Table:
    record, languages = letter.record, letter.languages
    seal, log = record.get("seal") or {}, record.get("log") or {}
    shown = [
        ("full_record", digest_of(dict(record))),
        ("commitment", commitment(record)),
        ("schedule_digest", str(record["schedule"]["digest"])),
        ("mandate", str((record.get("mandate") or {}).get("digest") or "")),
        ("log_origin", str(log.get("origin") or "")),
        ("log_key", str(log.get("vkey") or "")),
        ("seal_subject", str(seal.get("subject") or "")),
        ("seal_fingerprint", str(seal.get("fingerprint") or "")),
    ]
    named = [(both(key, languages), value) for key, value in shown]
    named += [
        (both("exhibit", languages, " / ", n=exhibit["number"]), str(exhibit["sha256"]))
        for exhibit in record.get("exhibits") or []
    ]
    return particulars(letter, "digests", named)
