"""One face: a font file read once, with what setting a line needs of it.

The files lie in `faces/`, listed with their digests and licences in `faces/FACES.toml`. They are the
source packages' own, only gzip-compressed, so that anybody can compare them with the originals.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import uharfbuzz as hb
from fontTools.ttLib import TTFont

FACES = Path(__file__).parent / "faces"


@dataclass(frozen=True, slots=True)
class Glyph:
    """One glyph on a line, in thousandths of the type size.

    `text` is what a reader copies out of it: "" for the second and later glyphs of a cluster.
    """

    gid: int
    text: str
    advance: int
    dx: int = 0
    dy: int = 0


@dataclass(frozen=True, slots=True)
class Metrics:
    """What a PDF font descriptor says, in thousandths of an em; `italic` in degrees."""

    ascent: int
    descent: int
    cap_height: int
    bbox: tuple[int, int, int, int]
    italic: float
    fixed: bool


class Face:
    """A font file with TrueType outlines. Immutable after loading; shared between documents."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name = name
        font = TTFont(io.BytesIO(data), lazy=True)
        if "glyf" not in font:
            raise ValueError(f"{name} has no TrueType outlines, which a PDF font of this kind needs")
        self.outlines = hb.Face(hb.Blob(data))
        self._shaper = hb.Font(self.outlines)
        self._scale = 1000 / self.outlines.upem
        self.gids: dict[int, int] = {
            code: self._shaper.get_nominal_glyph(code) for code in self.outlines.unicodes
        }
        self.advances = [
            round(self._shaper.get_glyph_h_advance(gid) * self._scale)
            for gid in range(self.outlines.glyph_count)
        ]
        # (character, selector) → glyph: the forms that a variation selector asks for
        self.sequences: dict[tuple[int, int], int] = {
            (code, selector): self._shaper.get_variation_glyph(code, selector)
            for selector in self.outlines.variation_selectors
            for code in self.outlines.variation_unicodes(selector)
        }
        self.postscript = str(font["name"].getDebugName(6)).replace(" ", "")
        self.metrics = self._metrics(font)

    def _metrics(self, font: Any) -> Metrics:
        head, hhea, os2 = font["head"], font["hhea"], font["OS/2"]
        thousandths = [round(v * self._scale) for v in (head.xMin, head.yMin, head.xMax, head.yMax)]
        ascent = round(hhea.ascent * self._scale)
        return Metrics(
            ascent=ascent,
            descent=round(hhea.descent * self._scale),
            cap_height=round(getattr(os2, "sCapHeight", 0) * self._scale) or ascent,
            bbox=(thousandths[0], thousandths[1], thousandths[2], thousandths[3]),
            italic=float(font["post"].italicAngle),
            fixed=bool(font["post"].isFixedPitch),
        )

    def shape(self, text: str, *, rightward: bool = True) -> list[Glyph]:
        """Glyphs of `text` in visual order, kerned and with marks placed (OpenType, by HarfBuzz).

        Ligatures stay off: a letter is read back character by character.
        """
        buffer = hb.Buffer()
        buffer.add_str(text)
        buffer.guess_segment_properties()
        buffer.direction = "ltr" if rightward else "rtl"
        hb.shape(self._shaper, buffer, {"liga": False, "clig": False, "dlig": False})
        starts = sorted({info.cluster for info in buffer.glyph_infos})
        ends = dict(zip(starts, [*starts[1:], len(text)], strict=True))
        glyphs, told = [], set()
        for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
            # The advancing glyph of a cluster carries its text; marks over it carry none.
            alone = sum(other.cluster == info.cluster for other in buffer.glyph_infos) == 1
            tells = info.cluster not in told and (alone or place.x_advance != 0)
            if tells:
                told.add(info.cluster)
            glyphs.append(
                Glyph(
                    info.codepoint,
                    text[info.cluster : ends[info.cluster]] if tells else "",
                    round(place.x_advance * self._scale),
                    round(place.x_offset * self._scale),
                    round(place.y_offset * self._scale),
                )
            )
        return glyphs

    def outline(self, gid: int, pen: Any) -> None:
        """Draws the glyph into a fontTools pen, in font units (`units` to the em)."""
        self._shaper.draw_glyph_with_pen(gid, pen)

    @property
    def units(self) -> int:
        return int(self.outlines.upem)


@cache
def catalogue() -> dict[str, dict[str, str]]:
    """The faces of `faces/FACES.toml` by name."""
    listed = tomllib.loads((FACES / "FACES.toml").read_text(encoding="utf-8"))["face"]
    return {entry["name"]: entry for entry in listed}


@cache
def face(name: str) -> Face:
    """The face of this name, read on first use and kept. Raises ValueError if the file was changed."""
    entry = catalogue()[name]
    data = gzip.decompress((FACES / entry["file"]).read_bytes())
    # Checked here and not only in a test: the letter's bytes depend on the face's.
    if hashlib.sha256(data).hexdigest() != entry["font_sha256"]:
        raise ValueError(f"the font file {entry['file']} is not the one listed in FACES.toml")
    return Face(name, data)
