"""From blocks to pages: where each block stands, which lines of it, and what is kept together.

Pages are decided first and drawn after, so that "page 3 of 12" is known when page 3 is drawn.
A block is cut only between its slices (lines, table rows), never so that one line stands alone at the
foot or the head of a page; a heading goes along with what it heads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from portal.paper import breaking
from portal.paper.fonts import Family, Run, total_width
from portal.paper.sheet import BLACK, Colour, Sheet
from portal.paper.tags import Node

# Poppler and its kin read a gap of a tenth of the size as a space between words; stay below it, so that
# a justified line is copied out as it was written.
_WIDEST_GAP = 90
# A last line of up to so many characters looks like an accident.
_RUNT = 3


class Block(Protocol):
    """Something that stands on pages. Lengths in points."""

    before: float
    after: float
    keep: bool  # with the block that follows

    def measure(self, width: float) -> list[float]:
        """Heights of the slices between which the block may be cut."""

    def least(self) -> tuple[int, int]:
        """How many slices must stay together at the block's beginning and at its end."""

    def again(self, start: int) -> float:
        """Height of what is repeated above slice `start` when it begins a page."""

    def foot(self, end: int) -> int:
        """Where a page may end that has room for the slices before `end`: at `end` or earlier."""

    def draw(self, sheet: Sheet, x: float, top: float, start: int, end: int) -> None:
        """Draws slices start to end below `top`."""


@dataclass
class Text:
    """A paragraph, heading or list item.

    `label` stands at the left edge of the first line, the text `indent` to the right of it.
    """

    text: str
    style: Family
    size: float
    leading: float
    tag: str = "P"
    label: str = ""
    label_style: Family | None = None
    indent: float = 0.0
    narrow: float = 0.0
    align: str = "left"
    colour: Colour = BLACK
    justify: bool = False
    before: float = 0.0
    after: float = 0.0
    keep: bool = False
    whole: bool = False
    bookmark: str = ""
    depth: int = 0  # of the bookmark in the outline
    parent: Callable[[Sheet], Node] | None = None
    _lines: list[tuple[tuple[Run, ...], float, float]] = field(default_factory=list)
    _node: Node | None = None

    def measure(self, width: float) -> list[float]:
        room = (width - self.indent - self.narrow) * 1000 / self.size
        self._lines = []
        for whole in self.text.split("\n"):
            self.style.runs(whole)  # refuses with the entire line named, before it is in pieces
        broken = self._broken(room)
        for number, line in enumerate(broken, 1):
            shown = line.rstrip(" \u3000\n")
            runs = self.style.runs(shown)
            wide = total_width(runs)
            ends = number == len(broken) or line.endswith("\n")
            extra = 0.0 if ends or not self.justify else _gap(runs, room - wide)
            offset = {"right": room - wide, "centre": (room - wide) / 2}.get(self.align, 0.0)
            self._lines.append((runs, self.indent + offset * self.size / 1000, extra))
        return [self.leading] * len(self._lines)

    def _broken(self, room: float) -> list[str]:
        """The lines; a justified paragraph gives a character of each so as not to end in one or two."""
        best = breaking.lines(self.text, self.style.width, room)
        if not self.justify:
            return best
        for less in (0, 1000, 2000):
            tried = breaking.lines(self.text, self.style.width, room - less)
            if len(tried) < 2 or len(tried[-1].rstrip()) > _RUNT:
                return tried if len(tried) == len(best) else best
        return best

    def least(self) -> tuple[int, int]:
        count = len(self._lines)
        return (count, count) if self.whole or count <= 3 else (2, 2)

    def again(self, start: int) -> float:
        del start
        return 0.0

    def foot(self, end: int) -> int:
        return end

    def draw(self, sheet: Sheet, x: float, top: float, start: int, end: int) -> None:
        if self._node is None:
            parent = self.parent(sheet) if self.parent else sheet.tags.root
            self._node = parent.add(self.tag, language=self.style.language)
            if self.bookmark:
                sheet.bookmark(self.bookmark, top + self.leading, self.depth)
        with sheet.marked(self._node):
            for number in range(start, end):
                runs, offset, extra = self._lines[number]
                # The baseline a little above the middle, so that both scripts stand in the line.
                y = top - (number - start) * self.leading - (self.leading + self.size * 0.68) / 2
                if number == 0 and self.label:
                    style = self.label_style or self.style
                    sheet.words(x, y, self.label, self.size, style=style, colour=self.colour)
                sheet.text(x + offset, y, runs, self.size, colour=self.colour, extra=extra)


def _gap(runs: Sequence[Run], slack: float) -> float:
    """What to add after each full-width glyph so that the line ends at the margin; 0 if too much."""
    places = sum(glyph.advance >= 900 and bool(glyph.text) for run in runs for glyph in run.glyphs) - 1
    if places < 8 or slack <= 0:
        return 0.0
    gap = slack / places
    return gap if gap <= _WIDEST_GAP else 0.0


@dataclass
class Drawing:
    """A block that cannot be cut and draws itself: draw(sheet, x, top)."""

    height: float
    paint: Callable[[Sheet, float, float], None]
    before: float = 0.0
    after: float = 0.0
    keep: bool = False

    def measure(self, width: float) -> list[float]:
        del width
        return [self.height]

    def least(self) -> tuple[int, int]:
        return 1, 1

    def again(self, start: int) -> float:
        del start
        return 0.0

    def foot(self, end: int) -> int:
        return end

    def draw(self, sheet: Sheet, x: float, top: float, start: int, end: int) -> None:
        del start, end
        self.paint(sheet, x, top)


class NewPage:
    """The next block begins a page."""


@dataclass(frozen=True)
class Frame:
    """Where text may stand on a page, in points from the lower left corner. `first_top` for page 1."""

    left: float
    right: float
    bottom: float
    top: float
    first_top: float

    @property
    def width(self) -> float:
        return self.right - self.left


@dataclass(frozen=True)
class Placed:
    """Slices start to end of a block, their upper edge at `top`."""

    block: Block
    top: float
    start: int
    end: int


class _Pages:
    """Fills pages from the top."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self.pages: list[list[Placed]] = [[]]
        self._y = frame.first_top

    @property
    def empty(self) -> bool:
        return not self.pages[-1]

    @property
    def room(self) -> float:
        return self._y - self._frame.bottom + 0.01

    def turn(self) -> None:
        if not self.empty:
            self.pages.append([])
            self._y = self._frame.top

    def place(self, block: Block, heights: Sequence[float]) -> None:
        """Puts the block where the page is, cut as often as it must be."""
        start, count = 0, len(heights)
        self._y -= 0.0 if self.empty else block.before
        least, last = block.least()
        while start < count:
            repeated = block.again(start) if self.empty or start else 0.0
            end = self._fitting(heights, start, self.room - repeated)
            if end < count:
                end = block.foot(min(end, count - last))  # widows; lines that head others
            if end - start < (least if start == 0 else 1):
                if not self.empty:
                    self.turn()
                    continue
                end = max(end, min(count, start + 1))  # taller than a page: it must stick out
            self.pages[-1].append(Placed(block, self._y, start, end))
            self._y -= sum(heights[start:end]) + repeated
            start = end
            if start < count:
                self.turn()
        self._y -= block.after

    def _fitting(self, heights: Sequence[float], start: int, room: float) -> int:
        end = start
        while end < len(heights) and heights[end] <= room:
            room -= heights[end]
            end += 1
        return end


def paginate(blocks: Iterable[Block | NewPage], frame: Frame) -> list[list[Placed]]:
    """The pages, each a list of what stands on it. Linear in the slices."""
    pages = _Pages(frame)
    waiting: list[tuple[Block, list[float]]] = []
    for block in blocks:
        if isinstance(block, NewPage):
            _settle(pages, waiting)
            waiting = []
            pages.turn()
            continue
        waiting.append((block, block.measure(frame.width)))
        if not block.keep:
            _settle(pages, waiting)
            waiting = []
    _settle(pages, waiting)
    return pages.pages if pages.pages[-1] else pages.pages[:-1]


def _settle(pages: _Pages, chain: Sequence[tuple[Block, list[float]]]) -> None:
    """Places blocks that stay together: on this page, or from the top of the next."""
    need = 0.0
    for number, (block, heights) in enumerate(chain):
        last = number == len(chain) - 1
        # the first slices of the block that is headed; whole headings before it
        shown = heights[: block.least()[0]] if last else heights
        need += block.before + sum(shown) + (0.0 if last else block.after)
    if chain and need > pages.room:
        pages.turn()
    for block, heights in chain:
        pages.place(block, heights)


def draw(
    sheet: Sheet,
    pages: Sequence[Sequence[Placed]],
    frame: Frame,
    furniture: Callable[[Sheet, int, int], None],
) -> None:
    """Draws the pages. `furniture(sheet, page, of)` draws what stands on each of them, first."""
    for number, placed in enumerate(pages, 1):
        furniture(sheet, number, len(pages))
        for one in placed:
            one.block.draw(sheet, frame.left, one.top, one.start, one.end)
        sheet.next_page()
