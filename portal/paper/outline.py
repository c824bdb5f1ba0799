"""Words as filled shapes: for marks that must be seen and must not be mixed into the copied text."""

from __future__ import annotations

import math
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.pens.transformPen import TransformPen

from portal.paper.fonts import Family


class _Operators(BasePen):  # type: ignore[misc]  # fontTools has no types
    """Collects PDF path operators; quadratic curves come as cubic ones."""

    def __init__(self) -> None:
        super().__init__(None)
        self.codes: list[str] = []

    def _moveTo(self, point: Any) -> None:  # noqa: N802 - the pen's protocol
        self.codes.append(f"{point[0]:.2f} {point[1]:.2f} m")

    def _lineTo(self, point: Any) -> None:  # noqa: N802
        self.codes.append(f"{point[0]:.2f} {point[1]:.2f} l")

    def _curveToOne(self, one: Any, two: Any, three: Any) -> None:  # noqa: N802
        numbers = " ".join(f"{value:.2f}" for point in (one, two, three) for value in point)
        self.codes.append(f"{numbers} c")

    def _closePath(self) -> None:  # noqa: N802
        self.codes.append("h")


def filled(style: Family, text: str, size: float, x: float, y: float, degrees: float) -> str:
    """Operators that fill the outlines of `text`, centred on (x, y) and turned anticlockwise."""
    runs = style.runs(text)
    left = -sum(run.width for run in runs) / 2
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    pen = _Operators()
    for run in runs:
        scale = size / run.face.units
        for glyph in run.glyphs:
            dx, dy = (left + glyph.dx) * size / 1000, -0.35 * size
            turned = (
                scale * cosine,
                scale * sine,
                -scale * sine,
                scale * cosine,
                x + dx * cosine - dy * sine,
                y + dx * sine + dy * cosine,
            )
            run.face.outline(glyph.gid, TransformPen(pen, turned))
            left += glyph.advance
    return " ".join([*pen.codes, "f"])
