"""Redlines: applied they give the new text, reversed the old."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.drafting.document import BlockKind
from portal.drafting.editing import document_of
from portal.drafting.redline import Change, Piece, as_read, compare, diff, new_text, old_text, tokens

TEXT = st.text(st.sampled_from("ab cd,.。 、会員の著作物0123'é𠮷\n"), max_size=60) | st.text(max_size=40)


@given(TEXT, TEXT)
def test_applying_gives_the_new_text_and_reversing_the_old(old, new):
    pieces = diff(old, new)
    assert old_text(pieces) == old
    assert new_text(pieces) == new
    assert all(piece.text for piece in pieces)


@given(TEXT)
def test_nothing_is_marked_where_texts_are_equal(text):
    assert all(piece.change is Change.same for piece in diff(text, text))
    assert "".join(tokens(text)) == text


def test_latin_by_word_and_japanese_by_character():
    assert diff("The Members ask.", "The Member asks.") == (
        Piece(Change.same, "The "),
        Piece(Change.removed, "Members"),
        Piece(Change.added, "Member"),
        Piece(Change.same, " "),
        Piece(Change.removed, "ask"),
        Piece(Change.added, "asks"),
        Piece(Change.same, "."),
    )
    assert diff("要望いたします。", "要求いたします。") == (
        Piece(Change.same, "要"),
        Piece(Change.removed, "望"),
        Piece(Change.added, "求"),
        Piece(Change.same, "いたします。"),
    )


def test_a_number_is_never_cut():
    pieces = diff("in 30 days, 1,000 works", "in 31 days, 1,500 works")
    assert Piece(Change.removed, "30") in pieces
    assert Piece(Change.added, "1,500") in pieces


WORDS = st.sampled_from(
    ["alpha beta gamma delta", "one two three four", "会員は要望する", "x", "alpha beta gamma epsilon"]
)
PARAGRAPHS = st.lists(WORDS, min_size=1, max_size=5)


def doc(sections):
    number = 0
    source = "# Subject\n"
    for one, paragraphs in sections.items():
        source += f"\n## {one} {{#{one}}}\n"
        for text in paragraphs:
            if text == "x":
                number += 1
                source += f"\n{number}. {text} [by 2026-12-{10 + number}]\n"
            else:
                source += f"\n{text}\n"
    return document_of(("en",), "en", {"en": source})


SECTIONS = st.dictionaries(st.sampled_from(["facts", "law", "demands", "talks"]), PARAGRAPHS, min_size=1)


def lines_of(document):
    found = [("", document.subject["en"])]
    for section in document.sections["en"]:
        found.append((section.id, section.heading))
        found += [(section.id, as_read(block)) for block in section.blocks]
    return found


@given(SECTIONS, SECTIONS)
def test_a_whole_letter_can_be_read_back_both_ways(old, new):
    before, after = doc(old), doc(new)
    lines = compare(before, after, "en")
    kept = [(line.section_id, new_text(line.pieces)) for line in lines if line.change is not Change.removed]
    assert kept == lines_of(after)
    gone = [(line.section_id, old_text(line.pieces)) for line in lines if line.change is not Change.added]
    assert sorted(gone) == sorted(lines_of(before))
    for section in before.sections["en"]:  # the order within each section is kept
        assert [text for one, text in gone if one == section.id] == [
            text for one, text in lines_of(before) if one == section.id
        ]


def test_a_demand_shows_a_moved_deadline():
    before = document_of(("en",), "en", {"en": "# S\n\n## D {#d}\n\n1. Explain. [by 2026-12-18]\n"})
    after = document_of(("en",), "en", {"en": "# S\n\n## D {#d}\n\n1. Explain. [by 2027-01-15]\n"})
    line = compare(before, after, "en")[-1]
    assert line.kind == BlockKind.demand
    assert line.change is Change.changed
    assert Piece(Change.removed, "2026-12-18") in line.pieces


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_language_that_was_added_is_all_new(language):
    before = document_of(("en",), "en", {"en": "# S\n\n## D {#d}\n\ntext\n"})
    after = document_of(
        ("en", "ja"), "en", {"en": "# S\n\n## D {#d}\n\ntext\n", "ja": "# 題\n\n## 章 {#d}\n\n文\n"}
    )
    changes = {line.change for line in compare(before, after, language)}
    assert changes == ({Change.same} if language == "en" else {Change.added})


def test_a_ten_page_letter_is_quick():
    sentence = (
        "The Members consider that their reproduction in the course of training may infringe, number %d. "
    )
    paragraphs = ["".join(sentence % (n * 10 + m) for m in range(6)) for n in range(50)]
    before = doc({"facts": paragraphs})
    after = doc({"facts": [*paragraphs[:20], *(text.replace("may", "does") for text in paragraphs[20:])]})
    start = time.perf_counter()
    compare(before, after, "en")
    assert time.perf_counter() - start < 1.0  # the target of the plan is a tenth of it; CI machines vary
