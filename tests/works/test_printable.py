"""What cannot be printed is refused where it is typed, not when the letter is sealed."""

import pytest

from portal.members.tables import MemberRow, problems_of
from portal.works import tables


@pytest.mark.parametrize(
    ("title", "code"), [("Rocket 🚀", "U+1F680"), ("zero\u200bwidth", "U+200B"), ("\U0001f9ff", "U+1F9FF")]
)
def test_a_title_that_no_typeface_has(title, code):
    read = tables.read(f"title,kind,year\n{title},tv,2001\n髙橋の森,tv,2002\n".encode())
    assert [row.title for row in read.rows] == ["髙橋の森"]
    assert read.left_out == 1
    assert any(code in str(problem.sentence) for problem in read.problems)


@pytest.mark.parametrize("title", ["𠮷田の庭", "山﨑", "辻󠄀", "Æsir é Ω Ж ש ع ไทย 한국", "『』・～♪★"])
def test_titles_of_many_scripts_are_taken(title):
    read = tables.read(f"title,kind,year\n{title},tv,2001\n".encode())
    assert [row.title for row in read.rows] == [title]


def test_a_member_whose_name_cannot_be_printed():
    row = MemberRow(names={"en": "Rocket 🚀 Inc."}, category="film", country="GB")
    assert any("U+1F680" in str(problem.sentence) for problem in problems_of(row))
