"""Identifiers: the vectors of the standards, and what a check character must catch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.works.identifiers import BadIdentifier, Identifier, Scheme, check, recognise

GOOD = [
    ("isan", "0000-0001-8CFA-0000-I-0000-0000-K", "0000-0001-8CFA-0000-I-0000-0000-K", True),
    ("isan", "ISAN 0000-0001-8CFA-0000", "0000-0001-8CFA-0000", False),
    ("eidr", "10.5240/7EC7-228A-510A-053E-CBB8-J", "10.5240/7EC7-228A-510A-053E-CBB8-J", True),
    ("eidr", "https://doi.org/10.5240/354b-4b1d-02aa-068e-cdfd-3", "10.5240/354B-4B1D-02AA-068E-CDFD-3", True),
    ("eidr", "7791-8534-2C23-9030-8610-5", "10.5240/7791-8534-2C23-9030-8610-5", True),
    ("isbn", "9784088725093", "978-4-08-872509-3", True),
    ("isbn", "ISBN-13: 978-4-08-872509-3", "978-4-08-872509-3", True),
    ("isbn", "４０８８７２５０９３", "978-4-08-872509-3", True),
    ("issn", "0024-9319", "0024-9319", True),
    ("ismn", "979-0-3452-4680-5", "979-0-3452-4680-5", True),
    ("isrc", "JP-B92-08-12345", "JP-B92-08-12345", False),
    ("isrc", "ISRC JP-B92-08-12345", "JP-B92-08-12345", False),
    ("iswc", "T-034.524.680-1", "T-034.524.680-1", True),
    ("iswc", "ISWC T9109402928", "T-910.940.292-8", True),
    ("iswc", "T-061.239.697-0", "T-061.239.697-0", True),
    ("grid", "A1-2425G-ABC1234002-M", "A1-2425G-ABC1234002-M", True),
    ("isni", "0000 0001 2281 955X", "0000 0001 2281 955X", True),
    ("doi", "doi:10.1000/ABC.123", "10.1000/abc.123", False),
    ("gtin", "4912345678904", "4912345678904", True),
    ("jasrac", "0A1-2345-6", "0A1-2345-6", False),
    ("jasrac", "JASRACコード 01234567", "012-3456-7", False),
]  # fmt: skip


@pytest.mark.parametrize(("scheme", "text", "value", "checked"), GOOD)
def test_good_numbers_are_written_in_their_usual_form(scheme, text, value, checked):
    assert check(scheme, text) == Identifier(Scheme(scheme), value, checked)


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("isan", "0000-0001-8CFA-0000-A-0000-0000-K"),
        ("isan", "0000-0001-8CFA"),
        ("eidr", "10.5240/7791-8534-2C23-9030-8610-6"),
        ("eidr", "10.5240/7791"),
        ("eidr", "10.9999/7791-8534-2C23-9030-8610-5"),
        ("isbn", "9784088725094"),
        ("isbn", "978408872509"),
        ("issn", "0032147X"),
        ("ismn", "979-0-3452-4680-6"),
        ("isrc", "JP-B92-08-1234"),
        ("iswc", "T-034.524.680-2"),
        ("iswc", "T-304.524.680-1"),
        ("iswc", "034.524.680-1"),
        ("grid", "A1-2425G-ABC1234002-N"),
        ("isni", "0000 0001 2281 9551"),
        ("doi", "11.1000/abc"),
        ("doi", "10.1000"),
        ("gtin", "4912345678905"),
        ("jasrac", "A1234567"),
        ("jasrac", "0123456"),
        ("isbn", ""),
        ("isbn", "9" * 5000),
    ],
)
def test_bad_numbers_are_refused_with_a_sentence(scheme, text):
    with pytest.raises(BadIdentifier) as refused:
        check(scheme, text)
    assert refused.value.sentence.render("en").endswith(".")


def test_the_sentence_tells_form_from_check_character():
    for scheme, text, words in (
        ("iswc", "T-034.524.680-2", "check character"),
        ("isbn", "9784088725094", "check character"),
        ("isbn", "97840887250", "wrong length"),
        ("doi", "hello", "form"),
    ):
        with pytest.raises(BadIdentifier, match=words):
            check(scheme, text)


@pytest.mark.parametrize(("scheme", "text", "value", "checked"), GOOD)
def test_reading_the_written_form_again_changes_nothing(scheme, text, value, checked):
    once = check(scheme, text)
    assert check(scheme, once.value) == once
    assert recognise(str(once)) == once


def test_spellings_of_one_number_share_a_key():
    assert check("isbn", "4088725093").key == check("isbn", "978-4-08-872509-3").key
    assert (
        check("isan", "0000-0001-8CFA-0000-I-0000-0000-K").key
        == check("isan", "0000-0001-8CFA-0000-0000-0000").key
    )
    assert check("doi", "10.1000/A-B").key != check("doi", "10.1000/AB").key


@pytest.mark.parametrize("text", ["9784088725093", "somewhere", "ISBNX 1", "ISBN", ""])
def test_a_number_must_say_what_it_is(text):
    with pytest.raises(BadIdentifier):
        recognise(text)


@given(st.sampled_from(list(Scheme)), st.text(max_size=40))
def test_any_text_is_accepted_or_refused_never_anything_else(scheme, text):
    try:
        found = check(scheme, text)
    except BadIdentifier:
        return
    assert check(scheme, found.value) == found


@pytest.mark.parametrize(
    ("scheme", "text", "alphabet"),
    [
        ("isbn", "9784088725093", "0123456789"),
        ("eidr", "7EC7228A510A053ECBB8J", "0123456789ABCDEF"),
        ("issn", "00249319", "0123456789"),
        ("isni", "000000012281955X", "0123456789"),
    ],
)
def test_these_checks_catch_every_single_wrong_digit(scheme, text, alphabet):
    for place in range(len(text) - 1):
        for wrong in set(alphabet) - {text[place]}:
            with pytest.raises(BadIdentifier):
                check(scheme, text[:place] + wrong + text[place + 1 :])
