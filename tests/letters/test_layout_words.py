"""The letter's own words: both languages, dates, numbers."""

import re
from datetime import date

import pytest

from portal.letters.layout_words import (
    KINDS,
    WORDS,
    both,
    counted,
    dated,
    instant,
    kind,
    reiwa,
    western,
    word,
)
from portal.paper.fonts import check_text


@pytest.mark.parametrize("key", sorted(WORDS))
def test_both_languages_with_the_same_blanks(key):
    texts = WORDS[key]
    assert set(texts) == {"en", "ja"}
    blanks = [set(re.findall(r"{(\w+)}", text)) for text in texts.values()]
    assert blanks[0] == blanks[1]
    for language, text in texts.items():
        check_text(text, "serif-bold", language)
        check_text(text, "sans", language)


def test_every_word_is_used():
    import portal.letters

    source = "".join(
        path.read_text(encoding="utf-8")
        for pattern in ("layout*.py", "certificate.py")
        for path in __import__("pathlib").Path(portal.letters.__path__[0]).glob(pattern)
        if path.name != "layout_words.py"
    )
    built = ("edition_", "language_", "check_", "tally_", "consent_", "verdict_")  # keys put together
    unused = [
        key
        for key in WORDS
        if f'"{key}"' not in source and f"'{key}'" not in source and not key.startswith(built)
    ]
    assert unused == []


@pytest.mark.parametrize(
    ("day", "english", "japanese", "era"),
    [
        (date(2026, 11, 21), "21 November 2026", "2026年11月21日", "令和8年11月21日"),
        (date(2019, 5, 1), "1 May 2019", "2019年5月1日", "令和元年5月1日"),
        (date(2019, 4, 30), "30 April 2019", "2019年4月30日", ""),
        (date(2020, 1, 2), "2 January 2020", "2020年1月2日", "令和2年1月2日"),
    ],
)
def test_dates(day, english, japanese, era):
    assert western(day, "en") == english
    assert western(day, "ja") == japanese
    assert reiwa(day) == era


def test_the_era_stands_where_the_letter_is_japanese_too():
    day = date(2026, 11, 21)
    assert dated(day, "en", ["en"]) == "21 November 2026"
    assert dated(day, "en", ["en", "ja"]) == "21 November 2026 (令和8年11月21日)"
    assert dated(day, "ja", ["ja"]) == "2026年11月21日（令和8年11月21日）"


def test_instants_are_said_in_utc_whatever_they_are_written_in():
    assert instant("2026-10-01T03:04:05Z", "en") == "1 October 2026, 03:04 UTC"
    assert instant("2026-10-01T03:04:05+09:00", "en") == "30 September 2026, 18:04 UTC"
    assert instant("2026-10-01T03:04:05Z", "ja") == "2026年10月1日 03:04（協定世界時）"


def test_said_once_where_both_languages_say_the_same():
    assert both("reference", ["en", "ja"]) == "Reference / 文書番号"
    assert both("reference", ["ja"]) == "文書番号"
    assert word("reference", "fr") == "Reference"


def test_kinds():
    assert kind("TV", "ja") == "テレビ"
    assert kind("puppet show", "ja") == "puppet show"
    assert all(set(names) == {"en", "ja"} for names in KINDS.values())


def test_numbers():
    assert counted(2030) == "2,030"
