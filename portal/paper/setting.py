"""Setting lines of text into a PDF: the fonts a document uses and the operators that show them.

Each face becomes one Type 0 font with Identity-H (ISO 32000-1, 9.7): codes are given in order of first
use, one for each pair of glyph and text, so that the ToUnicode map is exact even where two characters
share a glyph or a character lies outside the Basic Multilingual Plane.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from itertools import groupby
from operator import itemgetter
from typing import Any

import uharfbuzz as hb
from reportlab.pdfbase import pdfdoc
from reportlab.pdfbase.pdfdoc import PDFArray, PDFDictionary, PDFName, PDFString

from portal.paper.fonts import Family, NeedsShapingError, Run, total_width
from portal.paper.glyphs import Face, Glyph

# Tables that a PDF reader does not read from an embedded TrueType font.
_NOT_EMBEDDED = (
    *("GSUB", "GPOS", "GDEF", "BASE", "kern"),
    *("vhea", "vmtx", "VORG", "hdmx", "VDMX", "LTSH", "gasp"),
    *("meta", "DSIG", "STAT", "name", "post", "cmap", "OS/2"),
)


class Stream(pdfdoc.PDFStream):
    """A stream that ends in a line end before `endstream`, as PDF/A (ISO 19005-3, 6.1.7.1) wants."""

    def __init__(self, entries: dict[str, Any], content: bytes, *, packed: bool = True) -> None:
        super().__init__(PDFDictionary(entries), content, [pdfdoc.PDFZCompress] if packed else [])

    def format(self, document: Any) -> bytes:
        whole: bytes = super().format(document)
        return whole.removesuffix(b"endstream\n") + b"\nendstream\n"


class _Used:
    """One face in one document: the codes given out so far."""

    def __init__(self, face: Face, name: str) -> None:
        self.face, self.name = face, name
        self.codes: dict[tuple[int, str], int] = {}

    def code(self, glyph: Glyph) -> int:
        key = (glyph.gid, glyph.text)
        found = self.codes.get(key)
        if found is None:
            found = self.codes[key] = len(self.codes) + 1
            if found > 0xFFFF:
                raise ValueError("more than 65,535 different glyphs of one face in one document")
        return found


class Ink:
    """The fonts of one document. `text(...)` gives operators; `embed(document)` ends it."""

    def __init__(self) -> None:
        self._used: dict[str, _Used] = {}
        # (style's identity, character) → font name and code; the styles live as long as the process
        self._plain: dict[tuple[int, str], tuple[str, str]] = {}

    def _of(self, face: Face) -> _Used:
        found = self._used.get(face.name)
        if found is None:
            found = self._used[face.name] = _Used(face, f"F{len(self._used) + 1}")
        return found

    def show(self, runs: Iterable[Run], size: float, *, extra: float = 0.0) -> str:
        """Operators that show set runs from the current text position.

        `extra` thousandths of the size are added after full-width characters (justification).
        """
        out: list[str] = []
        for run in runs:
            used = self._of(run.face)
            out.append(f"/{used.name} {size:g} Tf")
            out += _array(used, run, size, extra)
        return " ".join(out)

    def line(self, x: float, y: float, runs: Iterable[Run], size: float, *, extra: float = 0.0) -> str:
        """Operators for a line that begins at (x, y), in points from the lower left corner."""
        return f"1 0 0 1 {x:.2f} {y:.2f} Tm {self.show(runs, size, extra=extra)}"

    def quick(self, x: float, y: float, text: str, size: float, style: Family) -> str:
        """Like `line` for text not set yet; fast for the plain characters of a long table."""
        plain = self._plain
        try:
            coded = [plain.get((id(style), char)) or self._learn(style, char) for char in text]
        except NeedsShapingError:
            return self.line(x, y, style.runs(text), size)
        shown = [f"1 0 0 1 {x:.2f} {y:.2f} Tm"]
        for name, group in groupby(coded, key=itemgetter(0)):
            shown.append(f"/{name} {size:g} Tf <{''.join([code for _, code in group])}> Tj")
        return " ".join(shown)

    def _learn(self, style: Family, char: str) -> tuple[str, str]:
        face, glyph = style.plain(char)
        used = self._of(face)
        learnt = self._plain[id(style), char] = (used.name, f"{used.code(glyph):04X}")
        return learnt

    def embed(self, document: Any) -> None:
        """Writes the subset fonts into ReportLab's document, in order of first use."""
        fonts = document.idToObject["BasicFonts"].dict
        for used in self._used.values():
            fonts[used.name] = document.Reference(_font(document, used))


def _array(used: _Used, run: Run, size: float, extra: float) -> list[str]:
    """The TJ array of a run; a rise (Ts) around glyphs that stand off the baseline."""
    out: list[str] = []
    items: list[str] = []
    codes = ""
    natural = used.face.advances

    def flush() -> None:
        nonlocal items, codes
        if codes:
            items.append(f"<{codes}>")
            codes = ""
        if items:
            out.append(f"[{''.join(items)}]TJ")
            items = []

    for glyph in run.glyphs:
        if glyph.dy:
            flush()
            out.append(f"{glyph.dy * size / 1000:.2f} Ts")
        before = glyph.dx
        after = glyph.advance - glyph.dx - natural[glyph.gid]
        if extra and glyph.text and glyph.advance >= 900:
            after += round(extra)
        if before:
            items += [f"<{codes}>"] if codes else []
            codes = ""
            items.append(str(-before))
        codes += f"{used.code(glyph):04X}"
        if after:
            items.append(f"<{codes}>{-after}")
            codes = ""
        if glyph.dy:
            flush()
            out.append("0 Ts")
    flush()
    return out


def _font(document: Any, used: _Used) -> PDFDictionary:
    """The Type 0 font dictionary with its descendant, descriptor and subset."""
    face, metrics = used.face, used.face.metrics
    data, places = _subset(face, {gid for gid, _ in used.codes})
    tag = "".join(chr(65 + byte % 26) for byte in hashlib.sha256(data).digest()[:6])
    base = PDFName(f"{tag}+{face.postscript}")
    # 4: symbolic, which a font without a Latin encoding of its own is
    descriptor = PDFDictionary(
        {
            "Type": PDFName("FontDescriptor"),
            "FontName": base,
            "Flags": 4 | int(metrics.fixed),
            "FontBBox": PDFArray(metrics.bbox),
            "ItalicAngle": metrics.italic,
            "Ascent": metrics.ascent,
            "Descent": metrics.descent,
            "CapHeight": metrics.cap_height,
            "StemV": 80,
            "FontFile2": document.Reference(Stream({"Length1": len(data)}, data)),
        }
    )
    glyph_of_code = bytearray(2)
    widths = []
    for gid, _ in used.codes:  # in order of their codes, 1 and up
        glyph_of_code += places[gid].to_bytes(2, "big")
        widths.append(face.advances[gid])
    system = {"Registry": PDFString("Adobe"), "Ordering": PDFString("Identity"), "Supplement": 0}
    descendant = PDFDictionary(
        {
            "Type": PDFName("Font"),
            "Subtype": PDFName("CIDFontType2"),
            "BaseFont": base,
            "CIDSystemInfo": PDFDictionary(system),
            "FontDescriptor": document.Reference(descriptor),
            "DW": 1000,
            "W": PDFArray([1, PDFArray(widths)]),
            "CIDToGIDMap": document.Reference(Stream({}, bytes(glyph_of_code))),
        }
    )
    return PDFDictionary(
        {
            "Type": PDFName("Font"),
            "Subtype": PDFName("Type0"),
            "BaseFont": base,
            "Encoding": PDFName("Identity-H"),
            "DescendantFonts": PDFArray([document.Reference(descendant)]),
            "ToUnicode": document.Reference(Stream({}, _to_unicode(used))),
        }
    )


def _subset(face: Face, gids: set[int]) -> tuple[bytes, dict[int, int]]:
    """The face with these glyphs only, and where each of them is in it."""
    wanted = hb.SubsetInput()
    wanted.glyph_set.update(gids | {0})
    wanted.flags = hb.SubsetFlags.NO_HINTING | hb.SubsetFlags.NOTDEF_OUTLINE
    wanted.drop_table_tag_set.update(int.from_bytes(tag.encode(), "big") for tag in _NOT_EMBEDDED)
    plan = hb.SubsetPlan(face.outlines, wanted)
    return bytes(plan.execute().blob.data), dict(plan.old_to_new_glyph_mapping)


def _to_unicode(used: _Used) -> bytes:
    """The ToUnicode character map (ISO 32000-1, 9.10.3).

    A glyph without text of its own, a dot over an Arabic letter, has the empty string: PDF/A wants an
    entry for every code used.
    """
    told = [(code, text) for (_, text), code in used.codes.items()]
    out = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def",
        "/CMapName /Adobe-Identity-UCS def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    for start in range(0, len(told), 100):
        part = told[start : start + 100]
        out.append(f"{len(part)} beginbfchar")
        out += [f"<{code:04X}> <{text.encode('utf-16-be').hex().upper()}>" for code, text in part]
        out.append("endbfchar")
    out.append("endcmap CMapName currentdict /CMap defineresource pop end end")
    return "\n".join(out).encode("ascii")


def set_width(family: Family, text: str, size: float) -> float:
    """Width of the text in points."""
    return total_width(family.runs(text)) * size / 1000
