"""Which face sets which character, what is refused, and that the text comes back."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.paper.fonts import (
    MissingGlyph,
    UnprintableText,
    check_text,
    clusters,
    family,
    shown,
    total_width,
)
from portal.paper.sheet import Sheet
from portal.paper.tags import About
from tests.paper.reading import text_of

ABOUT = About("Test", "Fictional", "en", datetime(2026, 11, 21, tzinfo=UTC))
HARD = ["株式会社", "髙橋", "山﨑", "𠮷田", "Café é", "葛󠄀城", "辻󠄀", "ⅷ㈱ ㍿№ ㎡", "こんにちは〜ー", "ﾊﾝｶｸ", "Ўkraina Ж", "Đặng", "Ωmega ő ș"]  # fmt: skip


def faces(text, style="serif", language="ja"):
    return [run.face.name for run in family(style, language).runs(text)]


def printed(lines, style="serif", language="ja"):
    sheet = Sheet(ABOUT)
    for number, line in enumerate(lines):
        with sheet.marked(sheet.tags.root.add("P")):
            sheet.words(60, 780 - 20 * number, line, 11, style=family(style, language))
    return sheet.finish()


@pytest.mark.parametrize("style", ["serif", "serif-bold", "sans"])
@pytest.mark.parametrize("text", HARD)
def test_text_comes_back(style, text):
    assert text_of(printed([text], style)).split("\n")[0] == text


def test_characters_that_share_a_glyph_come_back_as_themselves():
    # K and the Kelvin sign's neighbours: hyphens, spaces and compatibility ideographs share outlines
    lines = ["-‐‑", "塚塚", "⼀一", "ΩΩ", "神神", "µμ"]
    text = text_of(printed(lines, "sans")).split("\n")
    assert [line for line in text if line.strip()][: len(lines)] == lines


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("חברת סרטים", "חברת סרטים"),
        ("شركة الأفلام", "شركة الأفلام"),
        ("한국영상", "한국영상"),
        ("บริษัท น้ำ", "บริษัท น้ำ"),
    ],
)
def test_scripts_that_need_shaping(text, order):
    read = text_of(printed([text])).replace("\u202b", "").replace("\u202c", "").strip()
    assert read == order


def test_right_to_left_stands_in_visual_order():
    runs = family("serif", "en").runs("Alef א-ב")
    assert "".join(glyph.text for run in runs for glyph in run.glyphs) == "Alef ב-א"


def test_ambiguous_marks_are_wide_in_japanese_only():
    assert faces("“", language="ja") == ["NotoSerifJP-Regular"]
    assert faces("“", language="en") == ["SourceSerif4-Regular"]
    assert faces("Ж", language="ja") == ["SourceSerif4-Regular"]


def test_shared_characters_take_the_forms_of_the_language():
    assert faces("直", language="ja") == ["NotoSerifJP-Regular"]
    assert faces("直", language="zh") == ["DroidSansFallback"]
    assert faces("直", language="ko") == ["NotoSansKR-Regular"]
    assert faces("这", language="ja") == ["DroidSansFallback"]


def test_a_variation_selector_is_kept_and_changes_the_glyph():
    plain, selected = (family("serif", "ja").runs(text)[0].glyphs for text in ("辻", "辻\U000e0100"))
    assert selected[0].text == "辻\U000e0100"
    assert plain[0].gid != selected[0].gid


def test_a_selector_without_a_form_of_its_own_is_kept_too():
    lines = ["渡\U000e0100辺 渡辺", "渡辺 渡\U000e0100辺"]
    assert text_of(printed(lines)).split("\n")[:2] == lines


@pytest.mark.parametrize(
    ("text", "codes"),
    [("名前😀", "U+1F600"), ("辻\U000e01ef", "U+8FBB U+E01EF"), ("A\ufe0f", "U+0041 U+FE0F"), ("ꦲ", "U+A9B2"), ("क", "U+0915")],
)  # fmt: skip
@pytest.mark.parametrize("style", ["serif", "sans"])
def test_a_missing_glyph_names_the_string_and_the_character(style, text, codes):
    with pytest.raises(MissingGlyph) as caught:
        family(style, "ja").width(f"株式会社 {text}")
    assert codes in str(caught.value)
    assert caught.value.text.startswith("株式会社")


@pytest.mark.parametrize(
    "char", list("\0\t\r\x85\u00ad\u200b\u200e\u202e\u2066\u2028\ufeff\ufffe\ue000\U000e0041")
)
@pytest.mark.parametrize("style", ["serif", "sans"])
def test_what_must_not_be_on_paper(style, char):
    with pytest.raises(UnprintableText) as caught:
        family(style, "ja").width(f"Aoba{char}Inc.")
    assert f"U+{ord(char):04X}" in str(caught.value)
    assert char not in str(caught.value)


def test_check_text_takes_lines():
    check_text("第一行\nsecond line")
    with pytest.raises(UnprintableText):
        check_text("第一行\nsecond\x07line")


def test_shown_is_short_and_safe():
    assert shown("a\u202eb") == "a<U+202E>b"
    assert len(shown("長" * 500)) == 80


@given(st.text(max_size=40))
def test_any_string_is_set_or_refused_by_name(text):
    for style in ("serif", "sans"):
        chain = family(style, "ja")
        refusal = refused(chain, text)
        assert refusal is None or "U+" in refusal
        if refusal is None:
            runs = chain.runs(text)
            told = [glyph.text for run in runs for glyph in run.glyphs]
            assert sorted("".join(told)) == sorted(text)
            assert all(glyph.gid for run in runs for glyph in run.glyphs)
            assert chain.width(text) == total_width(runs)


def refused(chain, text):
    """The words of the refusal; None if the text can be printed."""
    try:
        chain.runs(text)
    except (MissingGlyph, UnprintableText) as refusal:
        return str(refusal)
    return None


@given(st.text(max_size=60))
def test_clusters_give_the_text_back(text):
    assert "".join(clusters(text)) == text


@pytest.mark.parametrize("style", ["serif", "serif-bold", "sans"])
def test_ambiguous_marks_are_narrow_by_a_latin_word(style):
    latin, japanese = family(style, "ja").runs("A")[0].face, family(style, "ja").runs("漢")[0].face
    for text in ("Publishers’", "“Yoru”", "1990–2000", "A…"):
        assert {run.face for run in family(style, "ja").runs(text)} == {latin}
    for text in ("“夜”", "夜……", "――夜"):
        assert {run.face for run in family(style, "ja").runs(text)} == {japanese}
