"""Places in an input, as people are told them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.errors import Problem
from portal.kernel.places import FIELDS, words_of
from portal.kernel.sentence import Sentence, say


@pytest.mark.parametrize(
    ("place", "english"),
    [
        ("", ""),
        ("reason", "Reason"),
        ("line 3", "line 3"),
        ("line 3, email", "line 3, E-mail address"),
        ("line 3, column email", "line 3, column email"),
        ("line 3, column Mail, of the boss", "line 3, column Mail, of the boss"),
        ("line 12, column 会社名", "line 12, column 会社名"),
        ("ja/line 12", "Japanese, line 12"),
        ("demand 2", "demand 2"),
        ("brief.toml, line 31, facts[2].exhibits", "brief.toml, line 31, Facts (facts[2].exhibits)"),
        ("condition.of[2].at_least", "Rule (condition.of[2].at_least)"),
        ("works/a.csv, line 2, column name", "works/a.csv, line 2, column name"),
        ("jp-output", "jp-output"),
    ],
)
def test_places_in_english(place, english):
    assert str(words_of(place)) == english


@pytest.mark.parametrize("place", ["reason", "line 3", "line 3, email", "code", "password"])
def test_places_in_japanese_have_no_english_in_them(place):
    words = words_of(place)
    assert isinstance(words, Sentence)
    assert not re.search("[a-z]{3}", words.render("ja")), words.render("ja")


@given(st.text())
def test_any_text_is_a_place(text):
    words = words_of(text)
    assert str(words) == str(Problem(text, say("Wrong.")).place)
    if text not in FIELDS and not re.search(r"[,/.\[]|line|demand", text):
        assert words == text


def test_a_sentence_is_a_place_already():
    assert Problem(say("Reason"), say("Wrong.")).place == say("Reason")
