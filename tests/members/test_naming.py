"""Names and orders of members: 五十音順 as a Japanese reader expects it, and nothing that typing could change."""

import csv
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.members.naming import (
    OrderRule,
    fold_kana,
    fold_latin,
    katakana,
    ordered,
    printed_name,
    printed_names,
    rule_sentence,
)


@dataclass(frozen=True)
class One:
    reading: str = ""
    names: dict[str, str] = field(default_factory=dict)
    category: str = "animation"
    kind: str = "company"


def by_reading(*readings):
    return [one.reading for one in ordered([One(r, {"ja": "会社"}) for r in readings], "gojuon")]


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ジェーシースタッフ", "シエエシイスタツフ"),
        ("じぇーしーすたっふ", "シエエシイスタツフ"),
        ("ｼﾞｪｰｼｰｽﾀｯﾌ", "シエエシイスタツフ"),
        ("ヴァイオリン", "ウアイオリン"),
        ("パピプ", "ハヒフ"),
        ("ンー", "ンー"),
        ("ー", "ー"),
        ("いすゞ", "イスス"),
        ("ヱヴァ", "ヱウア"),
        ("A-1", "A-1"),
        ("", ""),
    ],
)
def test_kana_are_folded(text, folded):
    assert fold_kana(text) == folded


@pytest.mark.parametrize(
    "expected",
    [
        ("アイ", "アオ", "カキ", "サシ"),
        ("ハハ", "ハバ", "ハパ", "バハ", "パハ"),  # unvoiced, voiced, half-voiced
        ("カード", "カイ"),  # ー is ア here
        ("ケーキ", "ケエキ", "ケキ"),
        ("びょういん", "びよういん"),  # small before large
        ("さとう", "サトエ"),  # hiragana and katakana mix
        ("ホサ", "カブシキガイシャ ホシ", "ホス"),
        ("カブシキガイシャアサ", "イヌ"),  # the legal form is no part of the name
        ("ヤマ", "ワ", "ヲ", "ン"),
    ],
)
def test_gojuon_by_reading(expected):
    assert by_reading(*random.Random(7).sample(expected, len(expected))) == list(expected)


def test_what_has_no_reading_follows_alphabetically():
    kana = One("ワタヌキ", {"ja": "綿貫社"})
    in_kana = One("", {"ja": "ひまわり"})
    latin = [One("", {"en": "Écluse"}), One("", {"en": "Zebra"}), One("", {"en": "ebb"})]
    kanji = One("", {"ja": "無読社"})
    korean = One("", {"ko": "가상회사"})
    got = ordered([kanji, *latin, korean, kana, in_kana], "gojuon")
    assert got[:2] == (in_kana, kana)
    assert [one.names["en"] for one in got[2:5]] == ["ebb", "Écluse", "Zebra"]
    assert [next(iter(one.names)) for one in got[5:]] == ["ko", "ja"]  # alphabets before characters


def test_alphabetical_ignores_case_accents_and_points():
    names = [
        "1st Light",
        "A-1 Example",
        "Æon",
        "Łódka",
        "lodz",
        "L'Étoile",
        "letoile b",
        "STUDIO Z",
        "Studio",
        "Ørn",
    ]
    members = [One("", {"en": n}) for n in random.Random(3).sample(names, len(names))]
    got = [one.names["en"] for one in ordered(members, OrderRule.alphabetical)]
    assert got == [
        "1st Light",
        "A-1 Example",
        "Æon",
        "L'Étoile",
        "letoile b",
        "Łódka",
        "lodz",
        "Ørn",
        "Studio",
        "STUDIO Z",
    ]


def test_alphabetical_puts_other_scripts_after_latin():
    got = ordered([One("ア", {"ja": "亜"}), One("", {"ru": "Я"}), One("", {"en": "Z"})], "alphabetical")
    assert [next(iter(o.names)) for o in got] == ["en", "ru", "ja"]


def test_category_then_reading_and_associations_first():
    music = One("ア", {"ja": "亜"}, category="music")
    film = One("ン", {"ja": "ん"}, category="film")
    other = One("イ", {"ja": "伊"}, category="film", kind="association")
    assert ordered([music, film, other], "category") == (other, film, music)
    assert ordered([music, film, other], "category", categories=["music"]) == (music, other, film)
    assert ordered([music, film, other], "associations_first") == (other, music, film)


@pytest.mark.parametrize("rule", list(OrderRule))
@given(
    data=st.lists(
        st.tuples(st.text(max_size=8), st.text(max_size=8), st.text(max_size=3), st.booleans()), max_size=9
    )
)
def test_any_script_can_be_ordered_and_nothing_is_lost(rule, data):
    members = [One(r, {"ja": n, "en": n[::-1]}, c, "association" if a else "company") for r, n, c, a in data]
    got = ordered(members, rule)
    assert sorted(map(repr, got)) == sorted(map(repr, members))
    assert ordered(got, rule) == got


@given(
    st.lists(st.text("アイウカガキギサザタダツッハバパヤャンーあいが", min_size=1, max_size=6), max_size=8),
    st.randoms(),
)
def test_the_order_does_not_depend_on_the_order_given(readings, chance):
    members = [One(r, {"ja": r}) for r in set(readings)]
    other = chance.sample(members, len(members))
    assert [fold_kana(m.reading) for m in ordered(members, "gojuon")] == [
        fold_kana(m.reading) for m in ordered(other, "gojuon")
    ]


def test_equal_members_stay_as_they_stand():
    first, second = One("ア", {"ja": "亜"}, category="b"), One("ア", {"ja": "亜"}, category="a")
    assert ordered([first, second], "gojuon") == (first, second)
    assert ordered([second, first], "gojuon") == (second, first)


@given(st.text())
def test_folding_is_done_once(text):
    assert katakana(katakana(text)) == katakana(text)
    assert fold_latin(fold_latin(text)) == fold_latin(text)


def test_names_are_printed_as_registered():
    names = {"ja": "髙橋映像株式会社", "en": "Takahashi Eizo Inc."}
    assert printed_name(names, "ja") == "髙橋映像株式会社"
    assert printed_name(names, "fr") == "Takahashi Eizo Inc."
    assert printed_name({"ko": "가상"}, "ja") == "가상"
    assert printed_name({}, "ja") == ""
    assert printed_names(names, "ja") == ("髙橋映像株式会社", "Takahashi Eizo Inc.")
    assert printed_names({"en": "Same", "ja": "Same"}, "ja") == ("Same",)


@pytest.mark.parametrize("rule", list(OrderRule))
def test_each_rule_has_its_sentence(rule):
    assert str(rule_sentence(rule)).endswith(".")
    assert rule_sentence(rule.value) == rule_sentence(rule)


def test_unknown_rules_are_refused():
    with pytest.raises(ValueError):
        ordered([], "by_size")
    with pytest.raises(ValueError):
        rule_sentence("by_size")


@pytest.mark.shared
def test_the_real_members_have_one_order(shared_data: Path):
    with (shared_data / "catalogue/members.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    members = [One(r["name_kana"], {"ja": r["name_ja"], "en": r["name_en"]}, r["category"]) for r in rows]
    got = ordered(members, "gojuon")
    assert len(got) == 36
    assert ordered(reversed(members), "gojuon") == got
    folded = [fold_kana(one.reading.replace("・", "").replace(" ", "")) for one in got]
    assert folded == sorted(folded)
