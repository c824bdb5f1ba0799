"""What an edition shows, and above all what it does not."""

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.digest import canonical, digest_bytes, digest_of
from portal.letters.record import (
    Consent,
    Edition,
    ScheduledWork,
    Signatory,
    commitment,
    full_record,
    hidden_mentions,
    project,
    schedule_csv,
)
from portal.letters.schedule import COLUMNS, ScheduleRow, read_schedule, write_schedule
from tests.letters.record_examples import SALT, SIGNATORIES, WORKS, letter


def record(signatories=SIGNATORIES, works=WORKS, others=None, **changes):
    return full_record(letter(len(signatories), **changes), signatories, works, salt=SALT, others=others)


def titles(schedule):
    return [row.title for row in read_schedule(schedule)]


def test_addressee_edition():
    projection, schedule = project(record(), Edition.addressee, WORKS)
    named = projection["signatories"]["named"]
    assert [(one["position"], one["names"]["en"]) for one in named] == [
        (1, "Takahashi Eizo Inc."), (2, "Kissho Kobo"), (3, "Yoshida Publishing"),
    ]  # fmt: skip
    assert projection["signatories"]["total"] == 4
    assert titles(schedule) == ["青い彗星", '=LOVE, "the" film\nPart 2', "二人の庭", "限定本"]
    assert projection["schedule"] == {
        "digest": digest_bytes(schedule), "works": 4, "rows": 4, "by_kind": {"book": 1, "film": 1, "tv": 2},
    }  # fmt: skip


def test_public_edition():
    projection, schedule = project(record(), Edition.public, WORKS)
    assert [one["names"]["en"] for one in projection["signatories"]["named"]] == [
        "Takahashi Eizo Inc.", "Yoshida Publishing",
    ]  # fmt: skip
    assert [one["position"] for one in projection["signatories"]["named"]] == [1, 2]
    assert projection["signatories"]["total"] == 4
    assert titles(schedule) == ["青い彗星", '=LOVE, "the" film\nPart 2']
    assert (projection["kind"], projection["edition"]) == ("projection", "public")


def test_the_form_of_a_projection():
    full = record()
    for edition in Edition:
        projection, _ = project(full, edition, WORKS)
        assert set(projection) == {
            "format", "kind", "edition", "layout", "rehearsal", "reference", "date", "languages", "prevails", "association",
            "addressee", "delivery", "subject", "revision", "sections", "quorum", "order", "signatories", "schedule",
            "exhibits", "countersignatures", "mandate", "log", "seal", "verify_url", "commitment",
        }  # fmt: skip
        assert set(projection["signatories"]["named"][0]) == {
            "position", "names", "language", "category", "consent", "signoff",
        }  # fmt: skip
        assert json.loads(canonical(projection)) == projection


def test_both_editions_commit_to_the_full_record_and_neither_has_the_salt():
    full = record()
    commitments = set()
    for edition in Edition:
        projection, _ = project(full, edition, WORKS)
        commitments.add(projection["commitment"])
        assert SALT not in canonical(projection).decode()
    assert commitments == {
        digest_of({"salt": SALT, "record": {key: value for key, value in full.items() if key != "salt"}})
    }
    assert commitment(full_record(letter(4), SIGNATORIES, WORKS, salt="6b" * 32)) not in commitments
    assert commitment(record(date="2026-11-22")) not in commitments


def test_full_record_has_everybody_and_everything():
    full = record()
    assert [one["member"] for one in full["signatories"]["named"]] == ["m1", "m2", "m3", "m4"]
    assert full["schedule"]["works"] == 7
    assert full["schedule"]["digest"] == digest_bytes(schedule_csv(WORKS, SIGNATORIES))
    assert full["kind"] == "full"
    assert full["edition"] is None


def test_the_record_is_of_these_works():
    with pytest.raises(ValueError, match="not the works"):
        project(record(), Edition.public, WORKS[1:])


RULE = {"kind": "all", "of": [{"kind": "members", "members": ["m1", "m3", "m9"]}]}
SENTENCE = {
    "en": "Takahashi Eizo Inc., Étoile Musique and Nobody Films have approved.",
    "ja": "株式会社髙橋映像、Étoile Musique、無名映画が承認した。",
}


def test_must_haves_of_the_rule_are_not_a_way_round():
    quorum = letter(4).quorum | {"rule": RULE, "sentence": SENTENCE}
    full = record(quorum=quorum, others={"m9": {"en": "Nobody Films", "ja": "無名映画"}})
    projection, _ = project(full, Edition.addressee, WORKS)
    data = canonical(projection).decode()
    for secret in ("Étoile", "Nobody", "無名", '"m1"', '"m3"', '"m9"'):
        assert secret not in data
    assert projection["quorum"]["rule"]["of"][0]["members"] == [
        "Takahashi Eizo Inc.", "a member not named here", "a member not named here",
    ]  # fmt: skip
    assert projection["quorum"]["sentence"] == {
        "en": "Takahashi Eizo Inc., a member not named here and a member not named here have approved.",
        "ja": "株式会社髙橋映像、ここに名を掲げない会員、ここに名を掲げない会員が承認した。",
    }


def test_a_name_within_a_longer_shown_name_is_let_be():
    signatories = (
        replace(SIGNATORIES[0], names={"en": "Sun Film Works"}),
        replace(SIGNATORIES[2], names={"en": "Sun"}),
    )
    quorum = letter(2).quorum | {"sentence": {"en": "Sun Film Works and Sun.", "ja": "。"}}
    projection, _ = project(record(signatories, (), quorum=quorum), Edition.public, ())
    assert projection["quorum"]["sentence"]["en"] == "Sun Film Works and a member not named here."


def test_typed_mentions_are_found():
    sections = {
        language: [
            {"id": "facts", "heading": "h", "blocks": [{"id": "p1", "kind": "paragraph", "text": text}]}
        ]
        for language, text in (("en", "As Étoile Musique and Takahashi Eizo Inc. saw"), ("ja", "吉祥工房"))
    }
    full = record(sections=sections)
    assert hidden_mentions(full, Edition.public) == (("sections", "Étoile Musique"), ("sections", "吉祥工房"))
    assert hidden_mentions(full, Edition.addressee) == (("sections", "Étoile Musique"),)
    assert hidden_mentions(record(), Edition.public) == ()


@pytest.mark.parametrize(
    ("signatories", "works", "changes", "message"),
    [
        ((*SIGNATORIES, SIGNATORIES[0]), (), {}, "one voice"),
        (SIGNATORIES, (ScheduledWork(("m9",), "t", {}, "tv"),), {}, "no signatory"),
        (SIGNATORIES, (ScheduledWork((), "t", {}, "tv"),), {}, "nobody"),
        (SIGNATORIES, (), {"subject": {"en": "x"}}, "missing in one"),
        (SIGNATORIES, (), {"prevails": "fr"}, "prevails"),
        (SIGNATORIES, (), {"quorum": letter(3).quorum}, "as many signatories"),
        ((replace(SIGNATORIES[0], names={}),), (), {}, "needs a name"),
    ],
)
def test_contradictions_are_refused(signatories, works, changes, message):
    with pytest.raises(ValueError, match=message):
        record(signatories, works, **changes)


def test_bad_salt_is_refused():
    with pytest.raises(ValueError, match="salt"):
        full_record(letter(4), SIGNATORIES, WORKS, salt="x")


# --- nobody unnamed leaves a trace ----------------------------------------------------------------


@st.composite
def coalitions(draw):
    """Signatories and works whose names, titles and digests are all distinguishable in a byte search."""
    consents = draw(
        st.lists(
            st.sampled_from([Consent.public, Consent.addressee, Consent.unnamed]), min_size=1, max_size=8
        )
    )
    signatories = tuple(
        Signatory(f"id-{n}-", {"ja": f"会社{n}号", "en": f"Company-{n}-Inc"}, "ja", "tv", consent, f"sha256:{n:064x}")
        for n, consent in enumerate(consents)
    )  # fmt: skip
    listing = st.sampled_from([Consent.public, Consent.addressee, Consent.withheld])
    owners = st.lists(
        st.sampled_from(signatories), min_size=1, max_size=3, unique_by=lambda one: one.member_id
    )
    works = tuple(
        ScheduledWork(tuple(one.member_id for one in draw(owners)), f"<題名{n}>", {"en": f"<Title {n}>"}, "tv", 2000 + n,
                      (f"<id {n}>",), draw(listing))
        for n in range(draw(st.integers(0, 10)))
    )  # fmt: skip
    must = draw(st.lists(st.sampled_from(signatories), unique_by=lambda one: one.member_id))
    return signatories, works, must


@given(coalitions(), st.sampled_from(Edition))
def test_who_is_not_shown_is_nowhere_in_the_bytes(coalition, edition):
    signatories, works, must = coalition
    quorum = letter(len(signatories)).quorum | {
        "rule": {"must": [one.member_id for one in must]},
        "sentence": {language: "、".join(one.names[language] for one in must) for language in ("en", "ja")},
    }
    projection, schedule = project(record(signatories, works, quorum=quorum), edition, works)
    data = (canonical(projection) + schedule).decode()
    shown = {"addressee": {"public", "addressee"}, "public": {"public"}}[edition]
    for one in signatories:
        assert one.member_id not in data
        visible = one.consent in shown
        for trace in (*one.names.values(), one.signoff):
            assert (trace in data) is visible
    visible_ids = {one.member_id for one in signatories if one.consent in shown}
    for work in works:
        visible = work.consent in shown and set(work.owners) <= visible_ids
        for trace in (work.title, work.titles["en"], *work.identifiers):
            assert (trace in data) is visible
    assert projection["signatories"]["total"] == len(signatories)
    named = projection["signatories"]["named"]
    assert [one["position"] for one in named] == list(range(1, len(named) + 1))
    order = [one.names["en"] for one in signatories if one.consent in shown]
    assert [one["names"]["en"] for one in named] == order
    assert [row.number for row in read_schedule(schedule)] == list(
        range(1, projection["schedule"]["rows"] + 1)
    )


# --- the schedule ---------------------------------------------------------------------------------


def test_the_schedule_as_bytes():
    lines = schedule_csv(WORKS[:2], SIGNATORIES).decode().split("\r\n")
    assert lines == [
        "number,owners_en,owners_ja,title,title_ja,title_en,kind,year,identifiers",
        "1,Takahashi Eizo Inc.,株式会社髙橋映像,青い彗星,青い彗星,Blue Comet,tv,2019,EIDR:10.5240/XXXX",
        '2,Takahashi Eizo Inc. | Yoshida Publishing,株式会社髙橋映像 | 𠮷田出版,"=LOVE, ""the"" film\nPart 2",,=LOVE,film,,',
        "",
    ]


def test_a_company_with_one_name_has_it_in_both_columns():
    (row,) = read_schedule(schedule_csv(WORKS[3:4], SIGNATORIES))
    assert row.owners_en == row.owners_ja == ("Étoile Musique",)


plain = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="|\x00"), min_size=1, max_size=12)


@given(
    st.lists(
        st.builds(
            ScheduleRow, number=st.integers(1, 10**6), owners_en=st.lists(plain, min_size=1, max_size=3).map(tuple),
            owners_ja=st.lists(plain, min_size=1, max_size=3).map(tuple), title=plain | st.just("=1+1") | st.just("\r"),
            title_ja=plain, title_en=plain, kind=plain, year=st.none() | st.integers(1800, 2100),
            identifiers=st.lists(plain, max_size=3).map(tuple),
        ),
        max_size=6,
    )
)  # fmt: skip
def test_the_schedule_gives_everything_back(rows):
    data = write_schedule(rows)
    assert read_schedule(data) == tuple(rows)
    assert write_schedule(read_schedule(data)) == data
    assert next(csv.reader(io.StringIO(data.decode(), newline=""))) == list(COLUMNS)


@pytest.mark.parametrize(
    "data", [b"", b"a,b\r\n", b"\xff", write_schedule(()) + b"1,2\r\n", write_schedule(()) + b'"']
)
def test_other_files_are_no_schedule(data):
    with pytest.raises(ValueError):
        read_schedule(data)
