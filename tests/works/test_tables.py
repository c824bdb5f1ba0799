"""Files as people have them are read right; what cannot be read says where and why; nothing is lost silently."""

import contextlib
import datetime as dt
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.paper.fonts import unprintable
from portal.works.columns import Column, column_of
from portal.works.identifiers import check
from portal.works.rows import Kind, Listing, WorkRow, from_json
from portal.works.tables import ReadError, harmless, read, template_csv, write_csv, write_xlsx

from .workbooks import HEAD, by_hand, cell, sheet, workbook

TEXT = "題名,英語題名,種別,初公表\n霧の灯台守,Keeper of the Mist,テレビアニメ,平成26年4月\n髙橋と𠮷田,,映画,２０２０\n"
WITHOUT_PLANE_2 = TEXT.replace("𠮷", "吉")


def plain(rows):
    return [replace(row, line=0) for row in rows]


def titles(data):
    return [row.title for row in read(data).rows]


@pytest.mark.parametrize(
    ("encoding", "name", "text"),
    [
        ("utf-8", "utf-8", TEXT),
        ("utf-8-sig", "utf-8", TEXT),
        ("utf-16", "utf-16-le", TEXT),
        ("utf-16-le", "utf-16-le", TEXT + "a,b\n" * 9),
        ("utf-16-be", "utf-16-be", TEXT + "a,b\n" * 9),
        ("cp932", "cp932", WITHOUT_PLANE_2),
        ("euc_jp", "euc_jp", WITHOUT_PLANE_2.replace("髙", "高")),
        ("cp932", "cp932", "題名\nﾈｺﾏﾁ\nネコ町\n"),
    ],
)
def test_encodings(encoding, name, text):
    result = read(text.encode(encoding))
    assert result.encoding == name
    assert [row.title for row in result.rows] == [line.split(",")[0] for line in text.splitlines()[1:]]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends(separator, end):
    lines = ["Title;Kind;Year".replace(";", separator), '"A; B, C\t""D""";tv;2001'.replace(";", separator)]
    if separator != ";":
        lines[1] = f'"A; B, C\t""D"""{separator}tv{separator}2001'
    else:
        lines[1] = '"A; B, C\t""D""";tv;2001'
    result = read((end.join(lines) + end).encode())
    assert result.separator == separator
    assert plain(result.rows) == [WorkRow('A; B, C "D"', kind=Kind.tv, year=2001, published="2001")]


def test_a_quoted_line_break_counts_as_lines_of_the_file():
    result = read(b'Title,Year\n"One\nTwo",2001\nThree,abc\n')
    assert [row.title for row in result.rows] == ["One Two"]
    assert [(p.line, p.column) for p in result.problems] == [(4, "Year")]
    assert result.left_out == 1


def test_names_of_columns_below_titles_and_remarks():
    data = "作品リスト 2026年度,,\n担当: 法務部,,\n,,\nNo.,作品名（正式）,公開日\n1,霧の灯台守,2014/10/1\n"
    result = read(data.encode("cp932"))
    assert result.mapping.row == 2  # blank rows are not counted
    assert result.mapping.left_out == ("No.",)
    assert plain(result.rows) == [WorkRow("霧の灯台守", year=2014, published="2014-10-01")]
    assert result.rows[0].line == 5


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("title", Column.title_main), ("title_japanese", Column.title_ja), ("title_english", Column.title_en),
        ("type", Column.kind), ("aired_from", Column.published), ("studios", Column.co_owners),
        ("catalogue_url", Column.url), ("episodes", None), ("source", None), ("題名 / Title", Column.title_main),
        ("ISBN-13", Column.isbn), ("ＩＳＷＣ", Column.iswc), ("フリガナ", Column.reading), ("タイトル\n(原題)", Column.title_main),
        ("", None), ("!!", None),
    ],
)  # fmt: skip
def test_names_of_columns(name, column):
    assert column_of(name) is column


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_template_is_understood_by_ourselves(language):
    header = template_csv(language)
    result = read(
        header
        + "c-1,霧,キリ,霧,Mist,Kiri,tv,2001,A | B,https://c.example/1,public,ISBN 9784088725093\r\n".encode()
    )
    assert result.mapping.left_out == ()
    assert plain(result.rows) == [
        WorkRow(
            "霧", title_ja="霧", title_en="Mist", romanised="Kiri", reading="キリ", kind=Kind.tv, year=2001, published="2001",
            co_owners=("A", "B"), url="https://c.example/1", code="c-1", consent=Listing.public,
            identifiers=(check("isbn", "9784088725093"),),
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "column"),
    [
        ("A,tv,20x1,,", "Year"), ("A,tv,0999,,", "Year"), ("A,tv,2001-13,,", "Year"), ("A,unheard of,2001,,", "Kind"),
        (",tv,2001,,", "Title"), ("A,tv,2001,9784088725094,", "ISBN"), ("A,tv,2001,,catalogue", "URL"),
        ("A,tv,2001,,javascript:alert(1)", "URL"), ("A\x07B,tv,2001,,", "Title"), ("A\u202eB,tv,2001,,", "Title"),
        ("A" * 501 + ",tv,2001,,", "Title"), ("A,tv,2001,,,more", "URL"), ("A, B,tv,2001,,", None),
    ],
)  # fmt: skip
def test_a_bad_row_is_named_and_left_out_and_the_others_are_taken(cells, column):
    result = read(f"Title,Kind,Year,ISBN,URL\nGood,tv,2001,,\n{cells}\nGood too,,,,\n".encode())
    assert [row.title for row in result.rows] == ["Good", "Good too"]
    assert result.left_out == 1
    assert {p.line for p in result.problems} == {3}
    if column:
        assert [p.column for p in result.problems] == [column]
    problem = result.problems[0].as_problem()
    assert problem.where.startswith("line 3, column ")
    assert str(problem.sentence).endswith(".")


@pytest.mark.parametrize(
    ("data", "line", "words"),
    [
        (b"", 0, "empty"),
        (b"\xef\xbb\xbf\r\n", 0, "empty"),
        (b"a,b\n1,2\n", 1, "column names"),
        (b"Title\n", 2, "no row below"),
        (b'Title\nA\n"B\nC\n', 3, "not closed"),
        (b'Title\nA\n"B" C\nD\n', 3, "stands alone"),
        ("題名\nあ".encode() + b"\xff\xfe\xfd\x80", 2, "cannot be read"),
        (b"%PDF-1.7\n", 0, "PDF"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "old Excel"),
        (b"<html><table><tr><td>Title", 0, "web page"),
        (b"<?xml version='1.0'?>", 0, "XML"),
        (b"\x89PNG\r\n\x1a\n", 0, "picture"),
        (b"PK\x03\x04 and nothing else", 0, "damaged"),
        (b"Title\n" + b"A\n" * 100_201, 100_101, "more than"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_where_and_why(data, line, words):
    with pytest.raises(ReadError, match=words) as refused:
        read(data)
    assert refused.value.line == line
    assert (refused.value.column > 0) == (line in {1, 2, 3})


def test_a_european_file():
    assert titles(
        "Title;Kind\nLe Phare aux oiseaux étoilés;film\nÀ la lumière de l'été;film\nGarçon brûlé;film\n".encode(
            "cp1252"
        )
    )[0].endswith("étoilés")


# --- workbooks ------------------------------------------------------------------------------------


def test_a_workbook_with_dates_numbers_and_a_title_row():
    rows = [
        ["作品一覧"], [], ["題名", "公開日", "ISBN"],
        ["霧の灯台守", dt.date(2014, 10, 1), 9784088725093], ["1984", 1984, ""], [2001, 2001.0, ""], ["=1+1", "", ""],
    ]  # fmt: skip
    result = read(workbook([["ignored"]], rows, hidden=(0,)))
    assert (result.encoding, result.sheet) == ("xlsx", "Sheet2")
    assert [(r.title, r.published, r.line) for r in result.rows[:3]] == [
        ("霧の灯台守", "2014-10-01", 4), ("1984", "1984", 5), ("2001", "2001", 6),
    ]  # fmt: skip
    assert result.rows[0].identifiers == (check("isbn", "9784088725093"),)
    assert result.rows[3].title == "0"  # the stored value of a formula


def test_the_first_sheet_with_content_is_read_wherever_it_begins():
    result = read(
        workbook([], [[], [], ["", "", "Title", "Year"], ["", "", "A", "abc"], ["", "", "B", 2001]])
    )
    assert [(r.title, r.year, r.line) for r in result.rows] == [("B", 2001, 5)]
    assert [(p.line, p.column) for p in result.problems] == [(4, "Year")]


def test_a_workbook_made_by_hand_is_read():
    assert titles(by_hand(HEAD + f'<row r="2">{cell("A2", "霧")}</row>')) == ["霧"]


HOSTILE = {
    "far row": by_hand(HEAD + f'<row r="1048576">{cell("A1048576", "x")}</row>'),
    "far cell in a near row": by_hand(HEAD + f'<row r="2">{cell("A1048576", "x")}</row>'),
    "far column": by_hand(HEAD + f'<row r="2">{cell("XFD2", "x")}</row>'),
    "far cell, other quotes": by_hand(HEAD + '<row><c\n r = \'XFD1048576\' t="inlineStr"><is><t>x</t></is></c></row>'),
    "far cell, small letters": by_hand(HEAD + f'<row r="2">{cell("xfd1048576", "x")}</row>'),
    "far cell, prefixed": by_hand(
        sheet_xml='<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><x:sheetData>'
        '<x:row r="1"><x:c r="A1" t="str"><x:v>Title</x:v></x:c></x:row><x:row r="1048576"><x:c r="XFD1048576"><x:v>1</x:v></x:c></x:row>'
        "</x:sheetData></x:worksheet>"
    ),
    "far cell behind a long text": by_hand(
        HEAD + f'<row r="2">{cell("A2", "x" * 1_048_000)}{cell("XFD1048576", "x")}</row>'
    ),
    "far cell in UTF-16": by_hand(sheet_xml=sheet(f'<row r="2">{cell("XFD1048576", "x")}</row>').replace("UTF-8", "UTF-16")),
    "many rows": by_hand(HEAD + "<row/>" * 100_200),
    "bomb": by_hand(extra={"xl/media/zeros.bin": b"\0" * (330 << 20)}),
    "macros": by_hand(extra={"xl/vbaProject.bin": b"x"}),
    "links": by_hand(extra={"xl/externalLinks/externalLink1.xml": "<x/>"}),
    "opendocument": by_hand(extra={"mimetype": "application/vnd.oasis.opendocument.spreadsheet", "content.xml": "<x/>"}),
    "too many parts": by_hand(extra={f"xl/p{n}.xml": "" for n in range(1_100)}),
    "two parts of one name": by_hand(extra={"XL/worksheets/sheet1.xml": "<x/>"}),
    "not well-formed": by_hand(sheet_xml="<worksheet><sheetData><row r='1'><c r='A1'>"),
    "entities": by_hand(
        sheet_xml='<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
        '<worksheet><sheetData><row r="1"><c r="A1" t="str"><v>&b;</v></c></row></sheetData></worksheet>'
    ),
    "cut off": by_hand()[:-60],
    "cut in the middle": by_hand()[:400],
    "no workbook": by_hand().replace(b"xl/workbook.xml", b"xl/notabook.xml"),
    "empty": by_hand(""),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_workbook_is_refused_soon(name):
    begun = time.perf_counter()
    with pytest.raises(ReadError) as refused:
        read(HOSTILE[name])
    assert time.perf_counter() - begun < 5
    assert refused.value.status == 422
    assert "%(" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("far row", "below row 100000"), ("far column", "beyond column 256"), ("many rows", "below row"), ("bomb", "unpacks"),
        ("macros", "macros"), ("links", "links"), ("opendocument", "OpenDocument"), ("too many parts", "parts"),
        ("cut off", "damaged"), ("no workbook", "not a workbook"), ("empty", "content"),
    ],
)  # fmt: skip
def test_the_reason_is_the_right_one(name, words):
    with pytest.raises(ReadError, match=words):
        read(HOSTILE[name])


def test_what_gets_past_the_guard_dies_alone(monkeypatch, tmp_path):
    """The limits hold even if the guard knew nothing: the child dies, we get a sentence."""
    from portal.works import xlsx

    source = xlsx._CHILD.read_text()
    blind = tmp_path / "blind.py"
    blind.write_text(source.replace("        guard(data)\n", ""))
    assert source != blind.read_text()
    monkeypatch.setattr(xlsx, "_CHILD", blind)
    with pytest.raises(ReadError, match="memory"):
        read(by_hand(HEAD + f'<row r="2">{cell("XFD1048576", "x")}</row>'))


# --- writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+81", "-5", "@x", "\tx", "＝1", "'=1", "''+1"])
def test_no_live_formula_leaves(text):
    assert harmless(text) == "'" + text
    assert titles(write_csv([WorkRow(text.strip())], "en")) == [text.strip()]


@pytest.mark.parametrize("text", ["A=B", "", "'quoted'", "霧", "1-2"])
def test_other_text_is_left_alone(text):
    assert harmless(text) == text


words = st.text(st.characters(blacklist_categories=("C", "Z")), min_size=1, max_size=12)
# Titles are what a typeface of the letter has; anything else is refused at entry (test_printable).
printed = st.text(
    st.sampled_from("Aé=+-@'\"|,;ßΩЖשعไก髙﨑𠮷田あガー한①〜％").filter(lambda c: not unprintable(c, "sans")),
    min_size=1,
    max_size=12,
)
rows = st.builds(
    WorkRow,
    printed,
    title_ja=printed | st.just(""),
    reading=words | st.just(""),
    kind=st.sampled_from(Kind),
    co_owners=st.lists(words.filter(lambda w: not set(w) & set("|;；")), max_size=3, unique=True).map(tuple),
    url=st.sampled_from(["", "https://c.example/1?a=b"]),
    consent=st.sampled_from([None, *Listing]),
    identifiers=st.sampled_from([(), (check("isbn", "9784088725093"), check("doi", "10.1000/x"))]),
)


@given(st.lists(rows, min_size=1, max_size=5))
def test_what_is_exported_is_read_back(given_rows):
    for language in ("en", "ja"):
        result = read(write_csv(given_rows, language))
        assert not result.problems
        assert plain(result.rows) == given_rows
    assert [from_json(row.as_json()) for row in given_rows] == given_rows


def test_a_workbook_is_read_back_and_holds_no_formula():
    given_rows = [
        WorkRow("=HYPERLINK(1)", title_ja="霧", kind=Kind.tv),
        WorkRow("B", co_owners=("A, Inc.", "B")),
    ]
    data = write_xlsx(given_rows, "ja")
    assert plain(read(data).rows) == given_rows
    import io
    import zipfile

    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    with contextlib.suppress(ReadError):
        read(data)


@given(st.text(max_size=200))
def test_any_text_below_a_heading_is_read_or_refused(text):
    with contextlib.suppress(ReadError):
        result = read(b"Title,Year\n" + text.encode("utf-8", "replace"))
        assert len(result.rows) + result.left_out > 0
