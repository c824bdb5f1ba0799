"""Members tables: what a row of the registry must be, and how a CSV file is read. Pure.

The columns are those that associations' lists have anyway; their names are understood in English
and Japanese, in any order, and further columns are ignored and said to be.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from babel import Locale
from stdnum import lei as lei_number
from stdnum.jp import cn as corporate

from portal.identity.addresses import address_problem
from portal.kernel.errors import Problem
from portal.kernel.sentence import Sentence, say
from portal.members.naming import OrderRule, katakana
from portal.paper.fonts import unprintable

MAX_ROWS: Final = 5_000
MAX_BYTES: Final = 4 << 20
_LONGEST: Final = 200

COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "slug": ("slug", "code", "id", "member code", "コード", "会員コード", "会員番号", "番号"),
    "name_en": ("name_en", "name english", "english name", "name (en)", "name", "company", "company name",
                "英語名", "英文名", "英文名称", "英名", "会社名(英)", "会社名(英語)", "名称(英)", "英文商号"),
    "name_ja": ("name_ja", "japanese name", "name japanese", "name (ja)", "会社名", "会社名(日)",
                "会社名(日本語)", "名称", "商号", "正式名称", "会員名",
                "法人名", "日本語名", "和名", "名称(日)"),
    "name_kana": ("name_kana", "reading", "kana", "フリガナ", "ふりがな", "ヨミ", "よみ", "読み", "カナ",
                  "読み仮名", "ヨミガナ"),
    "category": ("category", "sector", "分類", "区分", "業種", "カテゴリ", "カテゴリー", "分野"),
    "country": ("country", "country code", "国", "国名", "国コード", "所在国"),
    "contact_email": ("contact_email", "email", "e-mail", "mail", "contact", "メール", "メールアドレス",
                      "連絡先", "連絡先メール", "担当メール"),
    "weight": ("weight", "votes", "重み", "議決権", "議決権数", "口数"),
    "corporate_number": ("corporate_number", "corporate number", "法人番号"),
    "lei": ("lei", "legal entity identifier"),
    "kind": ("kind", "type", "種別", "種類"),
}  # fmt: skip
"""Each column and the headings under which it is found."""

_COMPANY: Final = {"", "company", "会社", "企業", "法人"}
_ASSOCIATION: Final = {"association", "団体", "協会", "組合", "連盟"}


@dataclass(frozen=True)
class MemberRow:
    """One member as typed or read, trimmed and normalised by `member_row`, not yet checked."""

    names: Mapping[str, str]
    reading: str = ""
    category: str = ""
    country: str = "JP"
    kind: str = "company"
    slug: str | None = None
    weight: int = 1
    corporate_number: str | None = None
    lei: str | None = None
    contact_email: str = ""


@dataclass(frozen=True)
class MembersRead:
    """What a file held: rows without problems, the line each begins on, problems, headings left out."""

    rows: tuple[MemberRow, ...] = ()
    lines: tuple[int, ...] = ()
    problems: tuple[Problem, ...] = ()
    ignored: tuple[str, ...] = field(default=())


# --- one row --------------------------------------------------------------------------------------


def member_row(values: Mapping[str, str], *, weight: int = 1) -> MemberRow:
    """A row from texts by column name (see `COLUMNS`); nothing is refused here."""
    text = {key: (values.get(key) or "").strip() for key in COLUMNS}
    kind = unicodedata.normalize("NFKC", text["kind"]).casefold()
    names = {"en": text["name_en"], "ja": text["name_ja"]}
    return MemberRow(
        names={key: name for key, name in names.items() if name},
        reading=katakana(text["name_kana"]).strip(),
        category=text["category"],
        country=unicodedata.normalize("NFKC", text["country"]).upper() or "JP",
        kind="company" if kind in _COMPANY else "association" if kind in _ASSOCIATION else kind,
        slug=text["slug"] or None,
        weight=weight,
        corporate_number=re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text["corporate_number"]))
        or None,
        lei=unicodedata.normalize("NFKC", text["lei"]).upper() or None,
        contact_email=text["contact_email"],
    )


def problems_of(row: MemberRow) -> tuple[Problem, ...]:
    """Everything wrong with a row; ``where`` is the column's name."""
    return tuple(Problem(where, sentence) for where, sentence in _problems(row))


def _problems(row: MemberRow) -> Iterator[tuple[str, Sentence]]:
    if not row.names:
        yield "name_en", say("Give the legal name, in Latin letters, in Japanese script, or in both.")
    for where, text in (
        ("name_en", row.names.get("en", "")),
        ("name_ja", row.names.get("ja", "")),
        ("name_kana", row.reading),
        ("category", row.category),
    ):
        if len(text) > _LONGEST:
            yield where, say("At most %(n)s characters.", n=_LONGEST)
        if any(unicodedata.category(c) in {"Cc", "Cf", "Cs"} for c in text):
            # Direction marks could make a printed name read as another one.
            yield where, say("There are invisible control characters in this text; type it again.")
        elif where in {"name_en", "name_ja"} and not text.isascii() and (code := unprintable(text)):
            yield (
                where,
                say("No typeface of the letter has the character %(code)s; write it another way.", code=code),
            )
    if row.names.get("ja") and not row.reading and row.country == "JP":
        yield "name_kana", say("Give the reading in katakana; the Japanese order of names rests on it.")
    if any("CJK" in unicodedata.name(c, "") for c in row.reading):
        yield "name_kana", say("A reading is written in katakana, without kanji.")
    yield from _further_problems(row)


def _further_problems(row: MemberRow) -> Iterator[tuple[str, Sentence]]:
    if not row.category:
        yield "category", say("Give a category, such as animation, games, music or publishing.")
    if row.country not in countries():
        yield "country", say("“%(code)s” is not a country code like JP, US or FR.", code=row.country)
    if row.kind not in {"company", "association"}:
        yield "kind", say("A member is a company or an association.")
    if row.slug is not None and not re.fullmatch(r"[\w.-]{1,64}", row.slug):
        yield "slug", say("A code has letters, digits, hyphens and dots only.")
    if not 1 <= row.weight <= 1_000_000:
        yield "weight", say("The weight is a whole number from 1.")
    if row.corporate_number is not None and not corporate.is_valid(row.corporate_number):
        yield (
            "corporate_number",
            say("This is not a 法人番号: 13 digits, the first of which checks the others."),
        )
    if row.lei is not None and not lei_number.is_valid(row.lei):
        yield "lei", say("This is not an LEI: 20 letters and digits, the last two of which check the others.")
    if row.contact_email and (wrong := address_problem(row.contact_email)):
        yield "contact_email", wrong


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes, from CLDR without its groupings and private codes."""
    codes = {str(code) for code in Locale("en").territories if re.fullmatch("[A-Z]{2}", str(code))}
    return frozenset(codes - {"EU", "EZ", "UN", "QO", "ZZ", "XA", "XB"})


def association_problems(
    names: Mapping[str, str], code: str, contact: str, order_rule: str
) -> tuple[Problem, ...]:
    """Everything wrong with the association's own data."""
    problems = []
    if not any(name.strip() for name in names.values()):
        problems.append(Problem("names", say("Give the association's name.")))
    if not re.fullmatch(r"[A-Z][A-Z0-9]{1,11}", code):
        problems.append(Problem("code", say("The code has 2 to 12 capital letters and digits, like FCA.")))
    if wrong := address_problem(contact):
        problems.append(Problem("contact", wrong))
    if order_rule not in set(OrderRule):
        problems.append(Problem("order_rule", say("There is no such order of names.")))
    return tuple(problems)


# --- a file ---------------------------------------------------------------------------------------


def decode(data: bytes) -> str | None:
    """A text file's text: by its BOM, else UTF-8, else CP932 (Excel in Japan); None if neither."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "cp932"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _heading(text: str) -> str:
    return re.sub(r"[\s_]+", " ", unicodedata.normalize("NFKC", text).casefold()).strip()


_BY_HEADING: Final = {_heading(name): column for column, names in COLUMNS.items() for name in names}


def _separator(text: str) -> str:
    """The separator under which most headings of the first line are understood."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(
        ",\t;", key=lambda sign: sum(_heading(cell.strip('"')) in _BY_HEADING for cell in first.split(sign))
    )


def read_members_csv(data: bytes) -> MembersRead:
    """Read a members file (CSV; comma, tab or semicolon; UTF-8, UTF-16 with BOM or CP932).

    Every problem names line and column as the file has them. Rows with a problem are not in ``rows``.
    """
    if len(data) > MAX_BYTES:
        return _unreadable(
            say("The file is larger than %(n)s MB; this is not a members table.", n=MAX_BYTES >> 20)
        )
    text = decode(data)
    if text is None or "\0" in text:
        return _unreadable(say("The file is not text in UTF-8 or Shift_JIS. Save it as “CSV UTF-8”."))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text), strict=True)
    lines: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        return _unreadable(
            say("The quotation marks of this line do not match (%(reason)s).", reason=str(error)), start
        )
    if not lines:
        return _unreadable(say("The file is empty."))
    if len(lines) > MAX_ROWS + 1:
        return _unreadable(say("The file has more than %(n)s rows.", n=MAX_ROWS))
    return _rows(lines[0][1], lines[1:])


def _unreadable(sentence: Sentence, line: int = 1) -> MembersRead:
    return MembersRead(problems=(Problem(f"line {line}", sentence),))


def _rows(header: list[str], lines: list[tuple[int, list[str]]]) -> MembersRead:
    columns = [_BY_HEADING.get(_heading(cell)) for cell in header]
    ignored = tuple(cell.strip() for cell, column in zip(header, columns, strict=True) if column is None)
    twice = {column for column in columns if column and columns.count(column) > 1}
    if twice:
        name = min(twice)
        both = ", ".join(cell for cell, column in zip(header, columns, strict=True) if column == name)
        return _unreadable(
            say("Two columns mean the same: %(columns)s. Leave one of them out.", columns=both)
        )
    if "name_en" not in columns and "name_ja" not in columns:
        return _unreadable(
            say("No column of names was found. The first line must name the columns, like %(columns)s.",
                columns="slug,name_en,name_ja,name_kana,category,country,contact_email")
        )  # fmt: skip
    heading = {column: cell.strip() for column, cell in zip(columns, header, strict=True) if column}
    rows: list[MemberRow] = []
    numbers: list[int] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, str], int] = {}
    for line, cells in lines:
        row, found = _row(heading, columns, line, cells)
        found += _duplicates(row, line, seen, heading) if row else []
        problems += found
        if row and not found:
            rows.append(row)
            numbers.append(line)
    return MembersRead(tuple(rows), tuple(numbers), tuple(problems), ignored)


def _row(
    heading: Mapping[str, str], columns: list[str | None], line: int, cells: list[str]
) -> tuple[MemberRow | None, list[Problem]]:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        sentence = say(
            "This line has %(cells)s cells, the first line has %(columns)s. "
            "Is a comma in a name not in quotation marks?",
            cells=len(cells), columns=len(columns),
        )  # fmt: skip
        return None, [Problem(f"line {line}, column {len(columns) + 1}", sentence)]
    values = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
    weight = unicodedata.normalize("NFKC", values.get("weight", "")).strip() or "1"
    whole = int(weight) if re.fullmatch(r"[0-9]{1,7}", weight) else 0
    row = member_row(values, weight=whole)
    return row, [
        Problem(f"line {line}, column {heading.get(str(problem.where), problem.where)}", problem.sentence)
        for problem in problems_of(row)
    ]


def _duplicates(
    row: MemberRow, line: int, seen: dict[tuple[str, str], int], heading: Mapping[str, str]
) -> list[Problem]:
    problems = []
    name = " / ".join(unicodedata.normalize("NFKC", name).casefold() for _, name in sorted(row.names.items()))
    for column, value in (
        ("slug", row.slug),
        ("corporate_number", row.corporate_number),
        ("lei", row.lei),
        ("name_ja" if "ja" in row.names else "name_en", name),
    ):
        if not value:
            continue
        first = seen.setdefault((column, value), line)
        if first != line:
            sentence = say("“%(value)s” stands in line %(line)s already.", value=value, line=first)
            problems.append(Problem(f"line {line}, column {heading.get(column, column)}", sentence))
    return problems


# --- lines of invitations -------------------------------------------------------------------------


@dataclass(frozen=True)
class InvitationLine:
    """One person to invite: for the member with the code *slug*; *line* counts from 1."""

    line: int
    slug: str
    email: str
    name: str = ""
    authority: str = ""


def read_invitation_lines(text: str) -> tuple[tuple[InvitationLine, ...], tuple[Problem, ...]]:
    """Lines as pasted or from a CSV file: member's code, e-mail address, name, basis of authority.

    Comma, tab or semicolon; a first line of headings (without an @) is left out; empty lines too.
    """
    rows: list[InvitationLine] = []
    problems: list[Problem] = []
    seen: dict[tuple[str, str], int] = {}
    for number, raw in enumerate(text.splitlines(), start=1):
        sign = max("\t;,", key=raw.count)
        cells = [cell.strip() for cell in next(csv.reader([raw], delimiter=sign), [])]
        if not any(cells) or (not rows and not problems and "@" not in raw):
            continue
        if not 2 <= len(cells) <= 4 or not cells[0]:
            sentence = say(
                "A line has the member's code, an e-mail address, and if you like a name and an authority."
            )
            problems.append(Problem(f"line {number}", sentence))
            continue
        line = InvitationLine(number, *cells)
        if wrong := address_problem(line.email):
            problems.append(Problem(f"line {number}", wrong))
        first = seen.setdefault((line.slug, line.email.casefold()), number)
        if first != number:
            value = f"{line.slug}, {line.email}"
            sentence = say("“%(value)s” stands in line %(line)s already.", value=value, line=first)
            problems.append(Problem(f"line {number}", sentence))
        rows.append(line)
    if not rows and not problems:
        problems.append(Problem("line 1", say("There is no line with an e-mail address.")))
    return tuple(rows), tuple(problems)
