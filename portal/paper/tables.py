"""A table drawn straight on the page: linear in its rows, its head repeated on every page.

Platypus tables copy what is left at each page, which makes them quadratic; a schedule of works may
have 100,000 rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from portal.paper.breaking import fitted
from portal.paper.fonts import Family, family
from portal.paper.sheet import BLACK, GREY, HAIR, Colour, Sheet
from portal.paper.tags import Node


@dataclass(frozen=True, slots=True)
class Column:
    """`width` in points, padding included; `align` "left" or "right"."""

    head: str
    width: float
    align: str = "left"
    colour: Colour = BLACK


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell in another language than the table's, which decides the forms of its characters."""

    text: str
    language: str


@dataclass(frozen=True, slots=True)
class Group:
    """A line over the rows that follow, across all columns; repeated where they go on overleaf."""

    title: str
    note: str = ""


Row = Sequence[str | Cell]


@dataclass(frozen=True, slots=True)
class Look:
    """Type size, leading and padding in points.

    `tagged` "cells" gives every cell its own element in the structure tree; "page" gives the rows of a
    page one in common, for tables too long for the other.
    """

    style: Family
    head_style: Family
    size: float = 8.0
    leading: float = 10.0
    pad: float = 2.0
    gutter: float = 4.0
    tagged: str = "cells"
    continued: str = ""


@dataclass
class Table:
    """Rows and groups under a head; a flow block."""

    columns: Sequence[Column]
    rows: Sequence[Row | Group]
    look: Look
    before: float = 0.0
    after: float = 0.0
    keep: bool = False
    _laid: list[list[list[str]]] = field(default_factory=list)
    _heights: list[float] = field(default_factory=list)
    _owner: list[int] = field(default_factory=list)
    _node: Node | None = None

    # -- measuring

    def measure(self, width: float) -> list[float]:
        """Heights of the rows; the first includes the head. Wraps every cell once."""
        del width  # the columns have their own
        self._laid, self._heights, self._owner = [], [], []
        owner = -1
        for number, row in enumerate(self.rows):
            if isinstance(row, Group):
                owner = number
                laid = [self._wrap(row.title, self._span() - self._note_width(row), self.look.head_style)]
            else:
                laid = [self._cell(cell, column) for cell, column in zip(row, self.columns, strict=True)]
            self._laid.append(laid)
            extra = self.look.pad * 2 if isinstance(row, Group) else 0.0
            self._heights.append(max(map(len, laid)) * self.look.leading + self.look.pad * 2 + extra)
            self._owner.append(owner)
        if not self._heights:
            return []
        return [self._heights[0] + self._head_height(), *self._heights[1:]]

    def least(self) -> tuple[int, int]:
        """A group line never stands alone at a page's foot, nor a last row alone at a head."""
        count = len(self.rows)
        return min(count, 3), min(count, 2)

    def again(self, start: int) -> float:
        if start == 0:
            return 0.0  # the first row's height has the head in it
        group = self._goes_on(start)
        return self._head_height() + (self._group_height(group) if group is not None else 0.0)

    def foot(self, end: int) -> int:
        """A group line stays with its first row."""
        while end > 0 and isinstance(self.rows[end - 1], Group):
            end -= 1
        return end

    def _goes_on(self, start: int) -> Group | None:
        """The group whose rows go on at `start`, if the row there is not its first line."""
        owner = self._owner[start]
        row = self.rows[owner] if 0 <= owner < start else None
        return row if isinstance(row, Group) else None

    def _group_height(self, group: Group) -> float:
        title = self._wrap(
            self._again_title(group), self._span() - self._note_width(group), self.look.head_style
        )
        return len(title) * self.look.leading + self.look.pad * 4

    def _again_title(self, group: Group) -> str:
        return f"{group.title}  {self.look.continued}".rstrip()

    def _note_width(self, group: Group) -> float:
        if not group.note:
            return 0.0
        return self.look.style.width(group.note) * self.look.size / 1000 + 2 * self.look.gutter

    def _span(self) -> float:
        return sum(column.width for column in self.columns)

    def _head_height(self) -> float:
        lines = max(len(self._head(column)) for column in self.columns)
        return lines * self.look.leading + self.look.pad * 2 + 1

    def _head(self, column: Column) -> list[str]:
        return self._wrap(column.head, column.width - self.look.gutter, self.look.style)

    def _cell(self, cell: str | Cell, column: Column) -> list[str]:
        text, style = self._read(cell)
        return self._wrap(text, column.width - self.look.gutter, style)

    def _read(self, cell: str | Cell) -> tuple[str, Family]:
        if isinstance(cell, Cell):
            return cell.text, family(self.look.style.style, cell.language)
        return cell, self.look.style

    def _wrap(self, text: str, width: float, style: Family) -> list[str]:
        room = width * 1000 / self.look.size
        if "\n" not in text and style.width(text) <= room:
            return [text]
        return fitted(text, style, self.look.size, width)

    # -- drawing

    def draw(self, sheet: Sheet, x: float, top: float, start: int, end: int) -> None:
        cells = self.look.tagged == "cells"
        if self._node is None and cells:
            self._node = sheet.tags.root.add("Table")
        right = x + self._span()
        y = top - self._head_height()
        self._draw_head(sheet, x, top, first=start == 0)
        rules = [_line(x, top, right, 0.8, BLACK), _line(x, y, right, 0.4, BLACK)]
        group = self._goes_on(start) if start else None
        if group is not None:
            room = self._span() - self._note_width(group)
            with sheet.artifact("Pagination"):
                title = self._wrap(self._again_title(group), room, self.look.head_style)
                self._draw_group(sheet, x, y, title, "")
            y -= self._group_height(group)
        rows = range(start, end)
        if cells:
            self._draw_rows(sheet, x, y, rows)
        else:
            with sheet.marked(sheet.tags.root.add("P")):
                self._draw_rows(sheet, x, y, rows)
        for number in rows:
            y -= self._heights[number]
            rules.append(_line(x, y, right, 0.25, HAIR))
        rules[-1] = _line(x, y, right, 0.8 if end == len(self.rows) else 0.4, BLACK)
        with sheet.artifact():
            sheet.put("\n".join(rules))

    def _draw_head(self, sheet: Sheet, x: float, top: float, *, first: bool) -> None:
        """The head is read aloud once; overleaf it is furniture."""
        style, look = self.look.style, self.look
        row = self._node.add("TR") if first and self._node else None
        for column in self.columns:
            at = self._edge(x, column)
            mark = sheet.marked(row.add("TH", scope="Column")) if row else sheet.artifact("Pagination")
            with mark:
                for number, line in enumerate(self._head(column)):
                    y = self._baseline(top, number)
                    sheet.words(at, y, line, look.size, style=style, align=column.align, colour=GREY)
            x += column.width

    def _edge(self, x: float, column: Column) -> float:
        """Where the column's text begins, or ends if it is set right."""
        if column.align == "left":
            return x
        return x + column.width - (0.0 if column is self.columns[-1] else self.look.gutter)

    def _baseline(self, top: float, line: int) -> float:
        look = self.look
        return top - look.pad - line * look.leading - (look.leading + look.size * 0.68) / 2

    def _draw_rows(self, sheet: Sheet, x: float, y: float, rows: range) -> None:
        for number in rows:
            row, laid = self.rows[number], self._laid[number]
            node = self._node.add("TR") if self._node else None
            if not isinstance(row, Group):
                self._draw_row(sheet, x, y, row, laid, node)
            elif node is None:
                self._draw_group(sheet, x, y, laid[0], row.note)
            else:
                with sheet.marked(node.add("TH", scope="Row", columns=len(self.columns))):
                    self._draw_group(sheet, x, y, laid[0], row.note)
            y -= self._heights[number]

    def _draw_row(
        self, sheet: Sheet, x: float, y: float, row: Row, laid: list[list[str]], node: Node | None
    ) -> None:
        look = self.look
        for column, cell, lines in zip(self.columns, row, laid, strict=True):
            _, style = self._read(cell)
            at = self._edge(x, column)
            operators = []
            for number, line in enumerate(lines):
                place = self._baseline(y, number)
                left = at if column.align == "left" else at - style.width(line) * look.size / 1000
                operators.append(sheet.ink.quick(left, place, line, look.size, style))
            colour = f"{column.colour[0]:g} {column.colour[1]:g} {column.colour[2]:g} rg"
            body = f"{colour} BT {' '.join(operators)} ET"
            if node is None:
                sheet.put(body)
            else:
                language = cell.language if isinstance(cell, Cell) else None
                with sheet.marked(node.add("TD", language=language)):
                    sheet.put(body)
            x += column.width

    def _draw_group(self, sheet: Sheet, x: float, y: float, lines: list[str], note: str) -> None:
        look = self.look
        for number, line in enumerate(lines):
            place = self._baseline(y - look.pad, number)
            sheet.words(x, place, line, look.size, style=look.head_style)
        if note:
            place = self._baseline(y - look.pad, 0)
            sheet.words(
                x + self._span(), place, note, look.size, style=look.style, align="right", colour=GREY
            )


def _line(x0: float, y: float, x1: float, weight: float, colour: Colour) -> str:
    rgb = f"{colour[0]:g} {colour[1]:g} {colour[2]:g}"
    return f"{rgb} RG {weight:g} w {x0:.2f} {y:.2f} m {x1:.2f} {y:.2f} l S"
