"""A document being drawn, page by page: text, rules and boxes at places, each piece tagged.

Coordinates are points from the lower left corner. The only randomness or clock in a PDF, its
identifier and dates, comes from what is given: same calls, same bytes.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from portal.paper.fonts import Family, Run, family, total_width
from portal.paper.setting import Ink, Stream
from portal.paper.tags import About, Attachment, Node, Tags, describe

Colour = tuple[float, float, float]
BLACK: Colour = (0.0, 0.0, 0.0)
GREY: Colour = (0.36, 0.36, 0.38)
HAIR: Colour = (0.72, 0.72, 0.74)


class _Canvas(Canvas):
    """ReportLab's canvas without the Helvetica it would set on every page, which is never embedded."""

    def _make_preamble(self) -> None:
        self._preamble = "1 0 0 1 0 0 cm"


class Sheet:
    """One PDF in the making. `finish()` gives the bytes, once."""

    def __init__(self, about: About, size: tuple[float, float] = A4) -> None:
        self.about = about
        self.width, self.height = size
        self.ink = Ink()
        self.tags = Tags()
        self.page = 1
        self._canvas: Any = _Canvas(io.BytesIO(), pagesize=size, invariant=1, pageCompression=1)
        self._codes: list[str] = []
        self._contents: list[str] = []
        self._attachments: list[Attachment] = []

    # -- drawing

    def put(self, operators: str) -> None:
        """Raw content operators."""
        self._codes.append(operators)

    def text(self, x: float, y: float, runs: Sequence[Run], size: float, *, colour: Colour = BLACK,
             extra: float = 0.0) -> None:  # fmt: skip
        """A set line, its baseline beginning at (x, y)."""
        self.put(f"{_rgb(colour)} rg BT {self.ink.line(x, y, runs, size, extra=extra)} ET")

    def words(self, x: float, y: float, text: str, size: float, *, style: Family, align: str = "left",
              colour: Colour = BLACK) -> float:  # fmt: skip
        """One line of text; `align` says which point of it is at x. Returns its width in points."""
        runs = style.runs(text)
        wide = total_width(runs) * size / 1000
        left = x - wide if align == "right" else x - wide / 2 if align == "centre" else x
        self.text(left, y, runs, size, colour=colour)
        return wide

    def rule(self, x0: float, y: float, x1: float, *, weight: float = 0.5, colour: Colour = BLACK) -> None:
        """A horizontal rule, an artifact."""
        self.put(f"/Artifact BMC {_rgb(colour)} RG {weight:g} w {x0:.2f} {y:.2f} m {x1:.2f} {y:.2f} l S EMC")

    @contextmanager
    def marked(self, node: Node) -> Iterator[None]:
        """What is drawn inside belongs to this element of the structure tree."""
        self.put(f"/{node.tag} <</MCID {self.tags.mark(self.page, node)}>> BDC")
        yield
        self.put("EMC")

    @contextmanager
    def artifact(self, kind: str = "Layout") -> Iterator[None]:
        """What is drawn inside is no content: running heads, page numbers, rules."""
        self.put(f"/Artifact <</Type/{kind}>> BDC")
        yield
        self.put("EMC")

    def bookmark(self, title: str, top: float, level: int = 0) -> None:
        """An entry of the document outline that leads here."""
        key = hashlib.sha256(f"{self.page} {top:.2f} {title}".encode()).hexdigest()[:16]
        self._canvas.bookmarkHorizontalAbsolute(key, top)
        self._canvas.addOutlineEntry(title, key, level=level, closed=False)

    def attach(self, attachment: Attachment) -> None:
        self._attachments.append(attachment)

    def next_page(self) -> None:
        """Ends the page."""
        self._canvas._code.append(" ")  # noqa: SLF001 - an empty page would not be written
        self._canvas.showPage()
        self._contents.append("\n".join(self._codes))
        self._codes = []
        self.page += 1

    # -- the end

    def finish(self) -> bytes:
        """The PDF. Ends the current page if something is on it."""
        if self._codes:
            self.next_page()
        document = self._canvas._doc  # noqa: SLF001 - the document behind the canvas is the product
        for number, content in enumerate(self._contents, 1):
            page = document.idToObject[f"Page{number}"]
            page.__NoDefault__ = [*page.__NoDefault__, "StructParents", "Tabs"]
            page.Trans = None  # ReportLab writes an empty transition, which PDF/A has no place for
            page.Contents = document.Reference(Stream({}, content.encode("ascii")))
        self.ink.embed(document)
        self.tags.write(document, len(self._contents))
        describe(document, self.about, self._attachments)
        identity = hashlib.sha256("\0".join(self._contents).encode())
        for attachment in self._attachments:
            identity.update(attachment.data)
        digest = identity.hexdigest()[:32].encode()
        document._ID = b"[<" + digest + b"><" + digest + b">]\n"  # noqa: SLF001 - else ReportLab reads a clock
        return bytes(document.GetPDFData(self._canvas))


def _rgb(colour: Colour) -> str:
    return f"{colour[0]:g} {colour[1]:g} {colour[2]:g}"


def serif(language: str, *, bold: bool = False) -> Family:
    """The letter's face: Source Serif with 明朝体."""
    return family("serif-bold" if bold else "serif", language)


def sans(language: str) -> Family:
    """The schedule's face: Source Sans with ゴシック体."""
    return family("sans", language)
