"""Where in an input a problem is: a short place for machines, and its words for people.

A place is written in one of these ways, and stays the same whatever language anybody reads::

    reason                       a field
    line 3, email                a field in a line
    line 3, column Mail          a cell of a table, by the heading that the table itself has
    brief.toml, line 31, facts[2].exhibits
    ja/line 12                   the editing text of one language
    condition.of[2].at_least     a path in a JSON or TOML document
    demand 2                     the second demand of a letter

`words_of` says it as a sentence; a part that it does not know (a file's name, the heading of a column
in somebody's own table) stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from portal.kernel.sentence import Sentence, say

FIELDS: Final[Mapping[str, Sentence]] = {
    "addressee": say("Addressee"),
    "answer": say("Answer"),
    "association": say("The association"),
    "at": say("Time"),
    "authority": say("Authority"),
    "captured_at": say("Captured at"),
    "category": say("Category"),
    "code": say("Code"),
    "condition": say("Rule"),
    "consent": say("May be listed"),
    "contact": say("E-mail address for answers"),
    "contact_email": say("E-mail address of its legal department"),
    "corporate_number": say("Corporate number (法人番号)"),
    "corrections": say("Corrections"),
    "country": say("Country"),
    "days": say("Valid for how many days"),
    "decision": say("What does your company decide?"),
    "delivery": say("How it is delivered"),
    "demands": say("Demands"),
    "document": say("Draft"),
    "email": say("E-mail address"),
    "en": say("English"),
    "facts": say("Facts"),
    "file": say("File"),
    "format": say("File"),
    "from_text": say("Who answers"),
    "ja": say("Japanese"),
    "key": say("Form"),
    "kind": say("Kind"),
    "languages": say("Languages of the letter"),
    "lei": say("LEI"),
    "list": say("Works list"),
    "listing": say("Where the works may be listed"),
    "name": say("Name"),
    "name_en": say("Legal name in Latin letters"),
    "name_ja": say("Legal name in Japanese"),
    "name_kana": say("Reading (katakana)"),
    "names": say("Name"),
    "naming": say("How the company may be named"),
    "new": say("New password"),
    "note": say("What changed and why"),
    "officers_needed": say("How many officers countersign"),
    "order": say("Order of the signatories"),
    "order_rule": say("Order of the signatories"),
    "own": say("Rule"),
    "password": say("Password"),
    "prevails": say("Language that prevails"),
    "reason": say("Reason"),
    "received_at": say("When it was received"),
    "reservation": say("Reservation"),
    "rule": say("Rule"),
    "section_id": say("The reservation is about"),
    "sha256": say("SHA-256 of the file"),
    "slug": say("Code"),
    "subject": say("Subject"),
    "summary": say("What it says, in short"),
    "text": say("Text"),
    "title": say("Heading"),
    "to_text": say("To whom and where"),
    "tracking": say("Tracking number"),
    "url": say("Web address"),
    "weight": say("Weight"),
}
"""What people call the fields that a use case may refuse. A form that has the field says its own label."""

_PATH: Final = re.compile(r"(\w+)[.\[].*")
_NUMBERED: Final[tuple[tuple[re.Pattern[str], Sentence], ...]] = (
    (re.compile(r"line (\d+)"), say("line %(line)s")),
    (re.compile(r"demand (\d+)"), say("demand %(number)s")),
)


def words_of(place: str) -> str | Sentence:
    """A place as people say it; the empty place is empty."""
    cell = re.fullmatch(r"(?:(.*), )?(line \d+), column (.*)", place, re.DOTALL)
    if cell:
        # What follows "column" is the heading in somebody's own table: kept, and it may have commas in it.
        words = _pair(_part(cell[2]), say("column %(column)s", column=cell[3]))
        return _pair(_part(cell[1]), words) if cell[1] else words
    language, slash, rest = place.partition("/")
    if slash and language in FIELDS:
        return _pair(FIELDS[language], words_of(rest))
    first, comma, rest = place.partition(", ")
    return _pair(_part(first), words_of(rest)) if comma else _part(place)


def _pair(first: str | Sentence, second: str | Sentence) -> Sentence:
    return say("%(place)s, %(part)s", place=first, part=second)


def _part(place: str) -> str | Sentence:
    for pattern, sentence in _NUMBERED:
        if match := pattern.fullmatch(place):
            return say(sentence.msgid, line=match[1], number=match[1])
    path = _PATH.fullmatch(place)
    if path and path[1] in FIELDS:
        return say("%(what)s (%(path)s)", what=FIELDS[path[1]], path=place)
    return FIELDS.get(place, place)
