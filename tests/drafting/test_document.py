"""The letter's text: canonical form, digest, validation, and the editing format."""

import json
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.drafting.document import (
    MAX_TEXT,
    Block,
    BlockKind,
    Document,
    Section,
    check,
    from_json,
    problems,
    unprintable,
)
from portal.drafting.editing import document_of, parse, write
from portal.kernel.digest import digest_of
from portal.kernel.errors import Invalid

EN = """# A request

## Facts {#facts}

On 30 September
the service was released.

A second paragraph.

## Requests {#demands}

We ask:

1. Stop. [by 2026-12-18]
2. Explain.
"""
JA = """# 要望書

## 事実 {#facts}

九月三十日、
サービスが公開された。

第二段落。

## 要望 {#demands}

次を求めます。

1. やめること。[期限 2026-12-18]
2. 説明すること。
"""


def letter(en=EN, ja=JA):
    return document_of(("en", "ja"), "en", {"en": en, "ja": ja})


def test_parses_into_the_form_of_the_record():
    document = check(letter())
    assert document.as_json()["sections"]["en"][1] == {
        "id": "demands",
        "heading": "Requests",
        "blocks": [
            {"id": "p1", "kind": "paragraph", "text": "We ask:"},
            {"id": "d1", "kind": "demand", "number": 1, "text": "Stop.", "deadline": "2026-12-18"},
            {"id": "d2", "kind": "demand", "number": 2, "text": "Explain.", "deadline": None},
        ],
    }
    assert document.sections["en"][0].blocks[0].text == "On 30 September the service was released."
    assert document.sections["ja"][0].blocks[0].text == "九月三十日、サービスが公開された。"
    assert document.demands("ja")[0].deadline == date(2026, 12, 18)


def test_the_digest_is_that_of_the_records_four_fields():
    document = letter()
    record = {**document.as_json(), "reference": "FCA-2026-0001"}
    four = {key: record[key] for key in ("languages", "prevails", "subject", "sections")}
    assert document.digest == digest_of(json.loads(json.dumps(four)))
    assert from_json(record) == document


@pytest.mark.parametrize(
    "change",
    [
        lambda en, ja: (en.replace("Stop.", "Stop!"), ja),
        lambda en, ja: (en, ja.replace("説明", "釈明")),
        lambda en, ja: (en.replace("A request", "A Request"), ja),
        lambda en, ja: (en.replace("12-18", "12-19"), ja.replace("12-18", "12-19")),
    ],
)
def test_any_change_in_any_language_changes_the_digest(change):
    assert letter(*change(EN, JA)).digest != letter().digest
    assert letter().digest != document_of(("en", "ja"), "ja", {"en": EN, "ja": JA}).digest


@pytest.mark.parametrize(
    ("source", "line", "word"),
    [
        ("## Facts {#facts}\n\ntext", 1, "subject"),
        ("# S\n\ntext", 3, "before the first heading"),
        ("# S\n\n## Facts\n\ntext", 3, "no id"),
        ("# S\n# T\n## F {#f}\nx", 2, "once"),
        ("# S\n\n## F {#f}\n\n### deep", 5, "##"),
        ("# S\n\n## F {#f}\n\nx\n\n1. do [by 2026-13-40]", 7, "not a date"),
        ("", 1, "subject"),
    ],
)
def test_a_source_that_cannot_be_read_says_the_line(source, line, word):
    with pytest.raises(Invalid) as caught:
        parse(source)
    assert any(
        problem.where == f"line {line}" and word in str(problem.sentence) for problem in caught.value.problems
    ), [(problem.where, str(problem.sentence)) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("en", "ja", "where"),
    [
        (EN.replace("{#facts}", "{#fakts}"), JA, "ja"),
        (EN.replace("A second paragraph.\n", ""), JA, "ja/facts"),
        (EN.replace("2. Explain.", "3. Explain."), JA, "en/demands/d3"),
        (EN, JA.replace("12-18", "12-19"), "ja/demands"),
        (EN.replace("Stop.", "St\u202eop."), JA, "en/demands/d1"),
        (EN.replace("Stop.", "St\u200bop."), JA, "en/demands/d1"),
        (EN.replace("Stop.", "St\x00op."), JA, "en/demands/d1"),
        (EN.replace("Stop.", "Stop {product}."), JA, "en/demands/d1"),
        (EN.replace("Explain.", "x" * (MAX_TEXT + 1)), JA, "en/demands/d2"),
        (EN.replace("{#facts}", "{#Fa_cts}"), JA, "en/Fa_cts"),
        (EN.replace("{#demands}", "{#facts}"), JA, "en/facts"),
        (EN.replace("A second paragraph.", "Paid. [by 2026-01-01]"), JA, "en/facts/p2"),
    ],
)
def test_what_may_not_be_published_is_named_with_its_place(en, ja, where):
    found = problems(letter(en, ja))
    assert where in {problem.where for problem in found}
    with pytest.raises(Invalid):
        check(letter(en, ja))


def test_markup_is_harmless_text():
    hostile = '<script>alert(1)</script> <img src="/etc/passwd"> **bold** &amp; [x](y)'
    document = check(letter(EN.replace("Explain.", hostile)))
    assert document.demands("en")[1].text == hostile


@pytest.mark.parametrize("name", ["髙橋", "山﨑", "𠮷田", "é", "e\u0301", "葛\U000e0100城", "㈱", "ヴ"])
def test_names_as_people_write_them_pass(name):
    assert unprintable(name) is None


@pytest.mark.parametrize(
    "text", ["a\nb", "a\tb", "\ufeffa", "a\u2028b", "a\u2066b", "\ud800", "\ue000", "a\xadb"]
)
def test_invisible_characters_do_not(text):
    assert unprintable(text) is not None


PLAIN = (
    st.text(
        st.characters(categories=("L", "N", "P", "S", "Zs", "Mn"), exclude_characters="{}[]"),
        min_size=1,
        max_size=60,
    )
    .map(lambda text: " ".join(text.split()))
    .filter(lambda text: text and unprintable(text) is None)
)
BLOCKS = st.lists(
    st.tuples(st.booleans(), PLAIN, st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.booleans()),
    min_size=1,
    max_size=5,
)


@given(subject=PLAIN, sections=st.lists(st.tuples(PLAIN, BLOCKS), min_size=1, max_size=4), ja=st.booleans())
def test_every_document_survives_the_editing_format(subject, sections, ja):
    number = 0
    made = []
    for n, (heading, blocks) in enumerate(sections):
        out = []
        for m, (is_demand, text, deadline, own_id) in enumerate(blocks):
            if is_demand:
                number += 1
                out.append(Block(f"d{number}", BlockKind.demand, text, number, deadline))
            else:
                out.append(Block(f"own-{m}" if own_id else f"q{m}", BlockKind.paragraph, text))
        made.append(Section(f"s{n}", heading, tuple(out)))
    language = "ja" if ja else "en"
    document = Document((language,), language, {language: subject}, {language: tuple(made)})
    assert problems(document) == ()
    assert document_of((language,), language, {language: write(document, language)}) == document
    assert from_json(json.loads(json.dumps(document.as_json()))) == document
