"""Works of two members: the same by identifier, catalogue entry or title; and the real lists, exactly."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.works.identifiers import check
from portal.works.matching import (
    Listed,
    address_key,
    certainly_different,
    keys_of,
    repeated,
    shared_works,
    title_key,
)
from portal.works.rows import Kind, WorkRow
from portal.works.tables import read


def lists(**members):
    return [Listed(m, n, row) for m, rows in members.items() for n, row in enumerate(rows, start=1)]


def groups(*listed):
    return [[(one.member_id, one.number) for one in s.rows] for s in shared_works(listed)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("霧の灯台守", "霧の灯台守"),
        ("ＡＢＣ物語", "abc物語"),
        ("ねこ町 郵便局！", "ねこ町郵便局"),
        ("ネコまち", "ねこマチ"),
        ("ﾈｺﾏﾁ", "ねこまち"),
        ("空飛ぶ・図書館", "空飛ぶ図書館"),
        ("Keeper – Part 2", "keeper part 2"),
        ("STRASSE", "straße"),
        ("サーカス", "サ―カス"),
        ("12歳。～夏～", "12歳 〜夏〜"),
    ],
)
def test_titles_that_are_one(one, other):
    assert title_key(one) == title_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("はし", "ばし"), ("Part 1", "Part 2"), ("！", "？"), ("カ", "ガ"), ("é", "e")]
)
def test_titles_that_are_two(one, other):
    assert title_key(one) != title_key(other)


@given(st.text())
def test_a_key_of_a_key_is_the_key(text):
    key = title_key(text)
    assert title_key(key) == key


def test_addresses():
    assert address_key("https://www.catalogue.example/work/1/") == address_key(
        "http://catalogue.example/work/1"
    )
    assert address_key("https://catalogue.example/") == address_key("") == ""
    assert address_key("https://[c.example/1") == ""
    assert address_key("https://c.example/?id=1") != address_key("https://c.example/?id=2")


isbn, isbn2 = check("isbn", "9784088725093"), check("isbn", "9784101092058")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (WorkRow("A", identifiers=(isbn,)), WorkRow("B", identifiers=(isbn,)), True),
        (WorkRow("A", url="https://c.example/1"), WorkRow("B", url="http://www.c.example/1/"), True),
        (WorkRow("A", kind=Kind.tv, year=2001), WorkRow("a", kind=Kind.tv, year=2001), True),
        (WorkRow("A", kind=Kind.tv, year=2001), WorkRow("a", kind=Kind.tv, year=2002), False),
        (WorkRow("A", kind=Kind.tv, year=2001), WorkRow("a", kind=Kind.film, year=2001), False),
        (WorkRow("X", title_ja="霧"), WorkRow("霧"), True),
        (WorkRow("A", url="https://c.example/1"), WorkRow("A", url="https://c.example/2"), False),
        (WorkRow("A", url="https://c.example/1"), WorkRow("A", url="https://d.example/2"), True),
        (WorkRow("A", identifiers=(isbn,)), WorkRow("A", identifiers=(isbn2,)), False),
        (WorkRow("A", identifiers=(isbn,)), WorkRow("A"), True),
        (WorkRow("A", identifiers=(isbn, isbn2)), WorkRow("A", identifiers=(isbn2,)), True),
    ],
)
def test_when_two_rows_are_one_work(one, other, same):
    assert bool(shared_works(lists(a=[one], b=[other]))) is same


def test_a_list_never_meets_itself():
    assert shared_works(lists(a=[WorkRow("A"), WorkRow("A")])) == ()
    assert repeated([WorkRow("A"), WorkRow("B"), WorkRow("a!")]) == ((0, 2),)
    assert repeated([WorkRow("A", url="https://c.example/1"), WorkRow("A", url="https://c.example/2")]) == ()


def test_three_owners_are_one_group_and_the_surest_key_names_it():
    listed = lists(
        b=[WorkRow("other"), WorkRow("Mist", identifiers=(isbn,))],
        a=[WorkRow("mist")],
        c=[WorkRow("霧", identifiers=(isbn,))],
    )
    assert groups(*listed) == [[("a", 1), ("b", 2), ("c", 1)]]
    assert shared_works(listed)[0].key == f"id:{isbn.key}"
    assert shared_works(listed)[0].member_ids == ("a", "b", "c")


titles = st.sampled_from(["霧", "きり", "キリ", "A", "a", "B"])
rows = st.builds(
    WorkRow,
    titles,
    year=st.sampled_from([None, 2001]),
    url=st.sampled_from(["", "https://c.example/1", "https://c.example/2"]),
    identifiers=st.sampled_from([(), (isbn,), (isbn2,)]),
)


@given(st.lists(st.tuples(st.sampled_from("abc"), rows), max_size=10), st.randoms())
def test_it_agrees_with_comparing_all_pairs(content, chance):
    listed = [Listed(m, n, row) for n, (m, row) in enumerate(content)]

    def same(x, y):
        common = set(keys_of(x.row)) & set(keys_of(y.row))
        if any(not key.startswith("title:") for key in common):
            return True
        return bool(common) and not certainly_different(x.row, y.row)

    linked = {one.number: {one.number} for one in listed}
    for x in listed:
        for y in listed:
            if x.member_id != y.member_id and same(x, y):
                union = linked[x.number] | linked[y.number]
                for n in union:
                    linked[n] = union
    expected = {frozenset(group) for group in linked.values() if len(group) > 1}
    found = shared_works(listed)
    assert {frozenset(one.number for one in s.rows) for s in found} == expected
    assert all(len(s.member_ids) > 1 for s in found)
    again = shared_works(chance.sample(listed, len(listed)))
    assert {(s.key, s.rows) for s in again} == {(s.key, s.rows) for s in found}


@pytest.mark.shared
def test_the_real_lists_have_forty_works_in_common(shared_data: Path):
    files = sorted((shared_data / "catalogue/works").glob("*.csv"))
    results = {file.stem: read(file.read_bytes()) for file in files}
    assert len(results) == 36
    assert not any(result.problems for result in results.values())
    listed = lists(**{name: result.rows for name, result in results.items()})
    assert len(listed) == 2070
    begun = time.perf_counter()
    shared = shared_works(listed)
    assert time.perf_counter() - begun < 5
    assert len(shared) == 40
    assert all(len(one.member_ids) == 2 and len(one.rows) == 2 for one in shared)
    assert len(listed) - sum(len(one.rows) - 1 for one in shared) == 2030
    in_two = {one.row.url for one in listed if sum(o.row.url == one.row.url for o in listed) == 2}
    assert {one.rows[0].row.url for one in shared} == in_two


def test_many_rows_take_seconds_not_pairs():
    listed = [
        Listed(f"m{i % 40}", i, WorkRow(f"Work {i // 2}", year=2000, kind=Kind.tv)) for i in range(40_000)
    ]
    begun = time.perf_counter()
    assert len(shared_works(listed)) == 20_000
    assert time.perf_counter() - begun < 10
