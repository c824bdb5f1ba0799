"""禁則 and Latin words: no line begins or ends as it must not, none is overfull, nothing is lost."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.paper.breaking import NO_END, NO_START, atoms, lines
from portal.paper.fonts import clusters, is_japanese


def columns(text: str) -> float:
    """Two for a full-width character, one for another, none for a mark."""
    return sum(0 if unicodedata.combining(c) else 2 if is_japanese(c) else 1 for c in text)


MIXED = st.text(
    st.sampled_from("あいうアイ漢字東京、。「」『』（）ーっゃ々…―！？abcDEF123 .,()-/“”’é\u3000 "),
    max_size=120,
)


@pytest.mark.parametrize(
    ("text", "width", "broken"),
    [
        ("", 10, [""]),
        ("あいうえお。", 10, ["あいうえ", "お。"]),  # the stop does not begin a line: お goes along
        ("あいうえ「お」", 10, ["あいうえ", "「お」"]),  # an opening bracket does not end one
        ("ああああー", 8, ["あああ", "あー"]),
        ("あああキャ", 8, ["あああ", "キャ"]),
        ("あああ――い", 7, ["あああ", "――い"]),  # the pair is not parted
        ("a letter for you", 8, ["a letter ", "for you"]),
        ("株式会社Example", 10, ["株式会社", "Example"]),
        ("unbelievably", 5, ["unbel", "ievab", "ly"]),  # longer than the line: cut
        ("FCA-2026-0001", 8, ["FCA-2026", "-0001"]),  # a number is cut only because it must be
        ("see FCA-2026-0001", 13, ["see ", "FCA-2026-0001"]),
        ("well-known fact", 12, ["well-known ", "fact"]),
        ("a well-known", 7, ["a well-", "known"]),
        ("dit « oui » et", 9, ["dit ", "« oui » ", "et"]),  # French spacing: marks stay with their word
        ("ああああ 、い", 8, ["あああ", "あ 、い"]),
        ("one\ntwo", 10, ["one\n", "two"]),
        ("one\n\ntwo", 10, ["one\n", "\n", "two"]),
        ("１００％です", 8, ["１００％", "です"]),
        ("か\u3099き\u3099く", 4, ["か\u3099き\u3099", "く"]),
    ],
)
def test_examples(text, width, broken):
    assert lines(text, columns, width) == broken


def test_the_first_line_may_have_another_width():
    assert lines("あいうえおか", columns, 6, first=4) == ["あい", "うえお", "か"]


@given(MIXED, st.integers(6, 60))
def test_nothing_is_lost(text, width):
    assert "".join(lines(text, columns, width)) == text
    assert "".join(atoms(text)) == text


@given(MIXED, st.integers(6, 60))
def test_no_line_is_overfull(text, width):
    for line in lines(text, columns, width):
        shown = line.rstrip(" \u3000\n")
        assert columns(shown) <= width or len(clusters(shown)) == 1


@given(MIXED, st.integers(12, 60))
def test_no_line_begins_or_ends_as_it_must_not(text, width):
    """Unless the piece that must stay together is longer than a line."""
    broken = lines(text, columns, width)
    joined = {atom for atom in atoms(text) if columns(atom.rstrip(" \u3000\n")) > width}
    if joined:
        return
    for before, after in pairwise(broken):
        assert after[0] not in NO_START
        assert before.rstrip(" \u3000")[-1:] not in NO_END or not before.rstrip(" \u3000")
        # a Latin word is whole
        assert not (
            before[-1].isascii() and before[-1].isalnum() and after[0].isascii() and after[0].isalnum()
        )


@given(st.text(st.sampled_from("）」、。"), min_size=1, max_size=60), st.integers(4, 10))
def test_the_unavoidable_still_ends(text, width):
    broken = lines(text, columns, width)
    assert "".join(broken) == text
    assert all(columns(line) <= width for line in broken)


def test_long_text_takes_time_in_proportion():
    text = "あ、" * 50_000
    assert sum(map(len, lines(text, columns, 80))) == len(text)
