"""From a brief to a letter."""

import dataclasses
import json
from datetime import date
from pathlib import Path

import pytest

from portal.drafting.brief import Tone, from_json, read_toml
from portal.drafting.clauses import SLOT, Purpose, library, parse
from portal.drafting.compose import compose, exhibits_in_words
from portal.drafting.document import problems
from portal.kernel.errors import Invalid

EXAMPLE = Path(__file__).resolve().parents[2] / "portal" / "rehearsal" / "example" / "brief.toml"
NAMES = {"en": "Fictional Content Association", "ja": "一般社団法人架空コンテンツ協会"}


@pytest.fixture(scope="module")
def source():
    return EXAMPLE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def brief(source):
    return read_toml(source.encode())


def text_of(document, language, section):
    return " ".join(
        block.text for one in document.sections[language] if one.id == section for block in one.blocks
    )


def test_the_example_makes_a_letter_with_all_five_elements(brief):
    document = compose(brief, NAMES).document
    assert problems(document) == ()
    assert [section.id for section in document.sections["en"]] == [
        "standing", "facts", "finding", "law", "frame", "demands", "talks", "rights",
    ]  # fmt: skip
    assert "Fictional Content Association" in text_of(document, "en", "standing")
    assert "Fable Video 2" in text_of(document, "en", "facts")
    assert "証拠1・2" in text_of(document, "ja", "facts")
    assert "Article 21" in text_of(document, "en", "law")
    assert "Article 30-4" in text_of(document, "en", "law")
    assert "unreasonably prejudice" in text_of(document, "en", "law")
    assert "afterwards" in text_of(document, "en", "frame")
    assert [demand.number for demand in document.demands("ja")] == [1, 2, 3, 4, 5]
    assert document.demands("en")[2].deadline == date(2026, 12, 18)
    assert "ready" in text_of(document, "en", "talks")


def test_permission_is_required_generally_and_never_without_that_word(brief):
    document = compose(brief, NAMES).document
    assert "prior permission of the rightholder is generally required" in text_of(document, "en", "law")
    assert "原則として" in text_of(document, "ja", "law")
    for language in document.languages:
        assert "without prejudice" not in json.dumps(document.as_json(), ensure_ascii=False).lower(), language


def test_no_count_and_no_empty_place(brief):
    composition = compose(brief, NAMES)
    text = json.dumps(composition.document.as_json(), ensure_ascii=False)
    assert not SLOT.search(text.replace('{"', ""))
    assert "36" not in text


def test_every_passage_knows_its_clause(brief):
    composition = compose(brief, NAMES)
    places = {
        f"{section.id}/{block.id}"
        for section in composition.document.sections["en"]
        for block in section.blocks
    }
    assert set(composition.origins) == places
    known = {clause.id for clause in library()} | {""}
    assert set(composition.origins.values()) <= known


def test_same_input_same_text(brief):
    assert compose(brief, NAMES).document.digest == compose(brief, NAMES).document.digest


@pytest.mark.parametrize("tone", list(Tone))
def test_every_tone_makes_a_whole_letter(brief, tone):
    document = compose(dataclasses.replace(brief, tone=tone), NAMES).document
    assert problems(document) == ()
    assert {"request": "要望書", "notice": "申入書", "warning": "警告書"}[tone] in document.subject["ja"]


def test_an_unverified_clause_is_refused(brief):
    clauses = [
        dataclasses.replace(clause, verified_on=None) if clause.id == "jp-output" else clause
        for clause in library()
    ]
    with pytest.raises(Invalid) as caught:
        compose(brief, NAMES, clauses)
    assert {problem.where for problem in caught.value.problems} == {"jp-output"}


@pytest.mark.parametrize(
    "purpose", ["standing", "trigger", "finding", "law", "demands", "talks", "rights", "subject"]
)
def test_a_missing_part_is_named(brief, purpose):
    clauses = [clause for clause in library() if clause.purpose != Purpose(purpose)]
    with pytest.raises(Invalid):
        compose(brief, NAMES, clauses)


def test_another_jurisdiction_has_no_library_yet(brief):
    with pytest.raises(Invalid) as caught:
        compose(dataclasses.replace(brief, jurisdiction="eu"), NAMES)
    assert "law" in {problem.where for problem in caught.value.problems}


def test_own_words_of_a_demand(brief, source):
    changed = source.replace('clause = "answer-claims"', 'text = { en = "Do a thing.", ja = "あること。" }')
    document = compose(read_toml(changed.encode()), NAMES).document
    assert document.demands("en")[3].text == "Do a thing."


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("launched = 2026-09-30", "launched = 2026-99-30", "line 35"),
        ("launched = 2026-09-30", 'launched = "soon"', "product.launched"),
        ('clause = "answer-claims"', "", "demands[4]"),
        ("exhibits = [3]", "exhibits = [7]", "facts[2].exhibits"),
        ("exhibits = [3]", "exhibits = []", "facts[2].exhibits"),
        ('tone = "request"', 'tone = "angry"', "tone"),
        ('tone = "request"', 'tone = "request"\nfoo = 1', "foo"),
        ("number = 3", "number = 9", "exhibits[3].number"),
        ("2026-10-03T08:22:13Z", "2026-10-03T08:22:13", "exhibits[3].captured_at"),
        ('prevails = "ja"', 'prevails = "fr"', "prevails"),
        ('format = "rensho/brief/1"', 'format = "x"', "format"),
        ("general Counsel".title(), "A\u202eB", "addressee.office.en"),
    ],
)
def test_a_bad_brief_says_line_and_field(source, old, new, where):
    assert old in source
    with pytest.raises(Invalid) as caught:
        read_toml(source.replace(old, new, 1).encode(), "my.toml")
    places = [problem.where for problem in caught.value.problems]
    assert any(where in place and place.startswith("my.toml") for place in places), places


def test_a_bad_field_of_a_list_has_its_own_line(source):
    changed = source.replace("exhibits = [3]", "exhibits = [7]")
    with pytest.raises(Invalid) as caught:
        read_toml(changed.encode())
    line = changed[: changed.index("exhibits = [7]")].count("\n") + 1
    assert caught.value.problems[0].where == f"brief.toml, line {line}, facts[2].exhibits"


def test_a_brief_survives_json(brief):
    assert from_json(json.loads(json.dumps(brief.as_json()))) == brief


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(Invalid) as caught:
        read_toml("a = 1\nb = \x82".encode("latin-1"))
    assert caught.value.problems[0].where == "brief.toml, line 2"


def test_the_library_is_verified_and_says_by_whom():
    clauses = library()
    assert len(clauses) >= 12
    for clause in clauses:
        assert clause.verified_on is not None, clause.id
        assert clause.verified_by, clause.id
        assert set(clause.text) >= {"en", "ja"}, clause.id
        if clause.jurisdiction != "any":
            assert clause.citation, clause.id
            assert clause.source, clause.id
            assert clause.contested_by, clause.id


def test_a_clause_with_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match="members"):
        parse('id = "x"\npurpose = "talks"\n[text]\nen = "the {members}"\n', "any")


def test_japanese_lines_join_without_a_space_and_latin_words_keep_theirs():
    clause = parse(
        'id = "x"\npurpose = "talks"\n[text]\nja = """会員は、\nFable Video 2 の\nA\nB\n"""\n', "any"
    )
    assert clause.text["ja"] == "会員は、Fable Video 2のA B"


@pytest.mark.parametrize(
    ("numbers", "en", "ja"),
    [((), "", ""), ((1,), "Exhibit 1", "証拠1"), ((1, 2, 5), "Exhibits 1, 2 and 5", "証拠1・2・5")],
)
def test_exhibits_in_words(numbers, en, ja):
    assert exhibits_in_words(numbers, "en") == en
    assert exhibits_in_words(numbers, "ja") == ja
