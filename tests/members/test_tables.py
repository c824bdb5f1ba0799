"""Members tables: what is understood, what is refused, with line, column and reason."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.members.tables import (
    COLUMNS,
    countries,
    decode,
    member_row,
    problems_of,
    read_invitation_lines,
    read_members_csv,
)

HEADER = "slug,name_en,name_ja,name_kana,category,country,contact_email\n"
GOOD = "mizuki,Mizuki Music Publishing Inc.,水城音楽出版株式会社,ミズキオンガクシュッパン,music,JP,aya@mizuki.example\n"


def wheres(data: str | bytes) -> list[str]:
    return [
        problem.where
        for problem in read_members_csv(data.encode() if isinstance(data, str) else data).problems
    ]


def test_a_plain_table():
    read = read_members_csv((HEADER + GOOD).encode())
    assert read.problems == ()
    assert read.lines == (2,)
    row = read.rows[0]
    assert row.names == {"en": "Mizuki Music Publishing Inc.", "ja": "水城音楽出版株式会社"}
    assert (row.slug, row.reading, row.category, row.country, row.weight) == (
        "mizuki",
        "ミズキオンガクシュッパン",
        "music",
        "JP",
        1,
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp932"])
@pytest.mark.parametrize("sign", [",", "\t", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_separators_and_line_ends(encoding, sign, end):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=sign, lineterminator=end)
    writer.writerow(["会員コード", "英語名", "会社名", "フリガナ", "業種", "国コード", "メールアドレス"])
    writer.writerow(["takahashi", "Takahashi, Inc.", "高橋映像株式会社", "ﾀｶﾊｼｴｲｿﾞｳ", "animation", "jp", ""])
    read = read_members_csv(out.getvalue().encode(encoding))
    assert read.problems == ()
    (row,) = read.rows
    assert row.names == {"en": "Takahashi, Inc.", "ja": "高橋映像株式会社"}
    assert (row.reading, row.country) == ("タカハシエイゾウ", "JP")


def test_every_synonym_finds_its_column():
    for column, headings in COLUMNS.items():
        for heading in headings:
            name = "" if column in {"name_en", "name_ja"} else ",name_en"
            read = read_members_csv(f"{heading.upper()}{name}\nx{',X' if name else ''}\n".encode())
            assert read.ignored == (), heading


def test_characters_outside_the_bmp_and_variants_stay():
    data = (
        HEADER
        + "y,Yoshida,𠮷田アニメーション合同会社,ヨシダ,animation,JP,\nt,T,髙橋﨑株式会社,タカハシ,film,JP,\n"
    )
    read = read_members_csv(data.encode())
    assert [row.names["ja"] for row in read.rows] == ["𠮷田アニメーション合同会社", "髙橋﨑株式会社"]


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        (",,,,music,JP,\n", []),  # only separators would be an empty line; this one has a category
        ("a,A Inc.,,,music,XX,\n", ["line 2, column country"]),
        ("a,A Inc.,,,,JP,\n", ["line 2, column category"]),
        ("a,A Inc.,甲社,,music,JP,\n", ["line 2, column name_kana"]),
        ("a,A Inc.,甲社,甲社,music,JP,\n", ["line 2, column name_kana"]),
        ("a b,A Inc.,,,music,JP,\n", ["line 2, column slug"]),
        ("a,A Inc.,,,music,JP,not an address\n", ["line 2, column contact_email"]),
        ("a,A\u202eInc.,,,music,JP,\n", ["line 2, column name_en"]),
        ("a,A Inc.,,,music,JP,,extra\n", ["line 2, column 8"]),
        ("a,A Inc.,,,music,JP,\n\na,B Inc.,,,music,JP,\n", ["line 4, column slug"]),
        ("a,A Inc.,,,music,JP,\nb,A Inc.,,,music,JP,\n", ["line 3, column name_en"]),
        (f"a,{'A' * 201},,,music,JP,\n", ["line 2, column name_en"]),
        ('a,"A\nInc.",,,music,JP,\nb,B,,,music,ZZ,\n', ["line 2, column name_en", "line 4, column country"]),
    ],
)
def test_problems_name_line_and_column(rows, where):
    found = wheres(HEADER + rows)
    assert found == (where or ["line 2, column name_en"])


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "line 1"),
        (b"\n\n", "line 1"),
        (b"what,ever\n1,2\n", "line 1"),
        (b"name_en,english name\nA,A\n", "line 1"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "line 1"),
        (b"\xff\xff\xff", "line 1"),
        ((HEADER + 'a,"A Inc.,,,music,JP,\n').encode(), "line 2"),
        (b"x" * (5 << 20), "line 1"),
        (("name_en\n" + "A\n" * 5_002).encode(), "line 1"),
    ],
)
def test_files_that_cannot_be_read(data, where):
    read = read_members_csv(data)
    assert [problem.where for problem in read.problems] == [where]
    assert read.rows == ()


def test_identifiers_are_checked_by_their_check_digits():
    good = member_row(
        {
            "name_en": "A",
            "category": "x",
            "corporate_number": "5-8356-7825-6246",
            "lei": "213800KUD8LAJWSQ9D15",
        }
    )
    assert problems_of(good) == ()
    bad = member_row(
        {"name_en": "A", "category": "x", "corporate_number": "4835678256246", "lei": "213800KUD8LXJWSQ9D15"}
    )
    assert [problem.where for problem in problems_of(bad)] == ["corporate_number", "lei"]


@pytest.mark.parametrize(("text", "weight"), [("", 1), ("3", 3), ("１２", 12)])
def test_weights(text, weight):
    assert read_members_csv(f"name_en,category,weight\nA,x,{text}\n".encode()).rows[0].weight == weight


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "many", "99999999"])
def test_bad_weights(text):
    assert wheres(f"name_en,category,weight\nA,x,{text}\n") == ["line 2, column weight"]


def test_unknown_columns_are_left_out_and_said_to_be():
    assert read_members_csv(b"name_en,category,works,memo\nA,x,9,y\n").ignored == ("works", "memo")


@given(st.binary(max_size=300))
def test_any_bytes_give_rows_or_problems(data):
    read = read_members_csv(data)
    assert read.rows or read.problems or read_members_csv(data).ignored is not None


@given(st.text(max_size=200))
def test_any_text_gives_rows_or_problems(text):
    read = read_members_csv((HEADER + text).encode("utf-8", "surrogatepass"))
    assert len(read.rows) == len(read.lines)
    for row in read.rows:
        assert problems_of(row) == ()


@given(st.text(max_size=80))
def test_decoding_utf8_gives_the_same_back(text):
    if not text.startswith("\ufeff"):
        try:
            data = text.encode()
        except UnicodeEncodeError:
            return
        if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
            assert decode(data) == text


def test_countries_are_countries():
    assert {"JP", "US", "FR", "GB", "KR", "TW"} <= countries()
    assert not {"EU", "UN", "ZZ", "JA", "EN"} & countries()


def test_invitation_lines():
    text = "code, e-mail, name\nmizuki, aya@mizuki.example, 水城 彩, General Counsel\n\nkumo\tlegal@kumo.example\n"
    rows, problems = read_invitation_lines(text)
    assert problems == ()
    assert [(row.line, row.slug, row.email, row.name, row.authority) for row in rows] == [
        (2, "mizuki", "aya@mizuki.example", "水城 彩", "General Counsel"),
        (4, "kumo", "legal@kumo.example", "", ""),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nothing here",
        "a@b.example",
        "mizuki, aya@",
        "a, a@b.example\na, A@b.example",
        "a,a@b.example,c,d,e",
    ],
)
def test_bad_invitation_lines(text):
    assert read_invitation_lines(text)[1] != ()


@given(st.text(max_size=200))
def test_any_lines_are_read(text):
    read_invitation_lines(text)


@pytest.mark.shared
def test_the_real_catalogue_is_understood_as_it_stands(shared_data):
    read = read_members_csv((shared_data / "catalogue" / "members.csv").read_bytes())
    assert read.problems == ()
    assert len(read.rows) == 36
    assert read.ignored == ("works",)
    assert all(row.reading and row.names["ja"] and row.names["en"] for row in read.rows)
