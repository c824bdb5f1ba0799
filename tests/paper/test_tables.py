"""A long table: its head on every page, its groups never stranded, its rows all there."""

import time
from datetime import UTC, datetime

import pytest

from portal.paper.flow import Frame, draw, paginate
from portal.paper.fonts import MissingGlyph
from portal.paper.sheet import Sheet, sans, serif
from portal.paper.tables import Cell, Column, Group, Look, Table
from portal.paper.tags import About
from tests.paper.reading import checked, pages_of, squeezed

FRAME = Frame(left=70, right=520, bottom=80, top=760, first_top=700)


def table(rows, tagged="cells"):
    look = Look(sans("ja"), serif("ja", bold=True), tagged=tagged, continued="(continued)")
    columns = [Column("No.", 40, "right"), Column("Title", 260), Column("Owner", 150)]
    return Table(columns, rows, look)


def printed(block):
    sheet = Sheet(About("Table", "Fictional", "en", datetime(2026, 11, 21, tzinfo=UTC)))
    draw(sheet, paginate([block], FRAME), FRAME, lambda *_: None)
    return sheet.finish()


def grouped(groups, each):
    rows = []
    for group in range(groups):
        rows.append(Group(f"会社{group} Company {group}", f"{each} works"))
        rows += [
            [str(n), f"題名その{n}、とても長い題名なので折り返しが要る「第{n}話」まで", Cell("𠮷田", "ja")]
            for n in range(each)
        ]
    return rows


@pytest.mark.parametrize("tagged", ["cells", "page"])
def test_every_row_and_a_head_on_every_page(tagged, tmp_path):
    rows = grouped(7, 23)
    pdf = printed(table(rows, tagged))
    checked(pdf, tmp_path)
    pages = pages_of(pdf, "-layout")
    assert len(pages) > 2
    assert all("Title" in page and "Owner" in page for page in pages)
    text = squeezed("".join(pages))
    for row in rows:
        assert squeezed(row.title if isinstance(row, Group) else row[1]) in text
    assert text.count("𠮷田") == 7 * 23


def test_a_group_never_stands_alone_at_the_foot_and_is_named_again_overleaf():
    for each in range(3, 12):
        rows = grouped(12, each)
        block = table(rows)
        for page in paginate([block], FRAME):
            one = page[0]
            assert not isinstance(rows[one.end - 1], Group)
            if one.start and not isinstance(rows[one.start], Group):
                assert block.again(one.start) > block.again(0)


def test_rows_and_what_is_repeated_above_them_stay_above_the_foot():
    for each in (5, 40, 130):
        block = table(grouped(4, each))
        for page in paginate([block], FRAME):
            one = page[0]
            repeated = block.again(one.start)
            assert (repeated > 10) == (one.start > 0)
            used = sum(block.measure(450)[one.start : one.end]) + repeated
            assert one.top - used >= FRAME.bottom - 0.1


def test_a_continued_group_says_so():
    pages = pages_of(printed(table(grouped(1, 120))), "-layout")
    assert all("(continued)" in page for page in pages[1:])
    assert "(continued)" not in pages[0]


def test_an_unprintable_cell_stops_the_table():
    with pytest.raises(MissingGlyph) as caught:
        table([["1", "Title 😀", "x"]]).measure(450)
    assert caught.value.text == "Title 😀"


def test_rows_with_marks_and_right_to_left_are_drawn_too():
    pdf = printed(table([["1", "Ame\u0301lie et מיכאל", "e"]]))
    assert "מיכאל" in "".join(pages_of(pdf)).replace("\u202b", "").replace("\u202c", "")


def test_an_empty_table_is_nothing():
    assert table([]).measure(450) == []


def test_time_grows_with_the_rows_and_not_with_their_square():
    def seconds(count):
        rows = [[str(n), f"題名その{n} Title no. {n}", "Fictional Works, Inc."] for n in range(count)]
        started = time.perf_counter()
        printed(table(rows, "page"))
        return time.perf_counter() - started

    seconds(100)  # faces read
    small, large = seconds(1_000), seconds(8_000)
    assert large < 24 * small + 1.0
