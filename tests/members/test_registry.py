"""The registry: enter, edit, search, import; whose members one sees."""

import pytest

from portal import db
from portal.audit import log
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from portal.members import service as members
from portal.members.values import original_language
from tests.conftest import make_act
from tests.members.conftest import ASSOCIATION, AT, make_member

STAFF = make_act(Role.case_manager, Role.administrator, at=AT)


def test_enter_and_edit(database):
    view = make_member()
    row = members.member_row(
        {
            "slug": "mizuki",
            "name_en": "Mizuki Inc.",
            "name_ja": "水城株式会社",
            "name_kana": "みずき",
            "category": "music",
            "country": "JP",
        },
        weight=3,
    )
    changed = db.run(members.edit_member, STAFF, member_id=view.id, row=row, shown=view.digest)
    assert (changed.names["ja"], changed.reading, changed.weight) == ("水城株式会社", "ミズキ", 3)
    with pytest.raises(Stale):
        db.run(members.edit_member, STAFF, member_id=view.id, row=row, shown=view.digest)
    kinds = [entry.kind for entry in db.read(log.entries, make_act(Role.auditor))]
    assert kinds == ["members:member:edited", "members:member:entered"]


@pytest.mark.parametrize("field", ["slug", "corporate_number", "lei"])
def test_what_identifies_a_member_belongs_to_one(database, field):
    values = {"slug": "mizuki", "corporate_number": "5835678256246", "lei": "213800KUD8LAJWSQ9D15"}
    make_member(**{"slug": "first", field: values[field]})
    with pytest.raises(Conflict, match=r"Mizuki|水城"):
        make_member(**{"slug": "second", "en": "Other", "ja": "", field: values[field]})


def test_bad_values_are_all_named(database):
    with pytest.raises(Invalid) as refusal:
        make_member(kana="", category="", country="XX")
    assert {problem.where for problem in refusal.value.problems} == {"category", "country"}


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("mizuki", 1),
        ("MIZUKI", 1),
        ("水城", 1),
        ("みずき", 0),
        ("ﾐｽﾞｷ", 1),
        ("éclair", 1),
        ("ÉCLAIR STUDIO", 1),
        ("100%", 0),
        ("_", 0),
        ("", 2),
        ("  ", 2),
        ("nothing", 0),
    ],
)
def test_search(database, search, found):
    make_member()
    make_member("eclair", "Studio Éclair SAS", "", "", "animation", country="FR")
    assert len(db.read(members.list_members, STAFF, search=search)) == found


def test_categories(database):
    make_member()
    make_member("b", "B", "", "", "film")
    assert db.read(members.categories, STAFF) == ("film", "music")
    assert [view.slug for view in db.read(members.list_members, STAFF, category="film")] == ["b"]


CSV = (
    "slug,name_en,name_ja,name_kana,category,country,contact_email\n"
    "a,A Inc.,甲株式会社,コウ,music,JP,\nb,B Inc.,乙株式会社,オツ,film,JP,legal@b.example\n"
)


def test_import_enters_all_and_may_be_repeated(database):
    assert len(db.run(members.import_members, STAFF, data=CSV.encode())) == 2
    assert db.run(members.import_members, STAFF, data=CSV.encode()) == ()
    more = CSV + "c,C Inc.,,,film,US,\n"
    assert [view.slug for view in db.run(members.import_members, STAFF, data=more.encode())] == ["c"]


def test_import_enters_nothing_where_one_row_is_bad(database):
    with pytest.raises(Invalid) as refusal:
        db.run(members.import_members, STAFF, data=(CSV + "c,,,,film,US,\n").encode())
    assert refusal.value.problems[0].where == "line 4, column name_en"
    assert db.read(members.list_members, STAFF) == ()


def test_who_may(database):
    mine, other = make_member(), make_member("b", "B", "", "")
    manager = make_act(Role.manager, Role.signatory, member_id=mine.id, at=AT)
    assert db.read(members.get_member, manager, member_id=mine.id).id == mine.id
    with pytest.raises(NotFound):
        db.read(members.get_member, manager, member_id=other.id)
    with pytest.raises(Forbidden):
        db.read(members.list_members, manager)
    with pytest.raises(Forbidden):
        db.run(members.import_members, manager, data=CSV.encode())
    with pytest.raises(Forbidden):
        db.run(
            members.create_member,
            make_act(Role.auditor),
            row=members.member_row({"name_en": "X", "category": "x"}),
        )


def test_roll_members_come_in_the_order_asked_for(database):
    one, two = (
        make_member(),
        make_member(
            "n", "Northlight Pictures Ltd", "ノースライト・ピクチャーズ", "ノースライト", "film", country="GB"
        ),
    )
    roll = db.read(lambda session, act: members.roll_members(session, [two.id, one.id]), STAFF)
    assert [(row.member_id, row.language, row.weight) for row in roll] == [
        (two.id, "en", 1),
        (one.id, "ja", 1),
    ]
    with pytest.raises(NotFound):
        db.read(lambda session, act: members.roll_members(session, ["x" * 32]), STAFF)
    names = db.read(lambda session, act: members.member_names(session, [one.id, "unknown"]), STAFF)
    assert names == {one.id: one.names}


@pytest.mark.parametrize(
    ("names", "country", "language"),
    [
        ({"en": "A", "ja": "甲"}, "JP", "ja"),
        ({"en": "A"}, "JP", "en"),
        ({"en": "A", "ja": "甲"}, "FR", "en"),
        ({"ja": "甲"}, "FR", "ja"),
        ({"zh": "甲", "en": "A"}, "CN", "zh"),
    ],
)
def test_the_language_of_a_name(names, country, language):
    assert original_language(names, country) == language


def test_the_association(database):
    with pytest.raises(NotFound):
        db.read(lambda session, act: members.association(session), STAFF)
    first = db.run(members.set_association, STAFF, **ASSOCIATION)
    assert db.read(lambda session, act: members.association(session), STAFF) == first
    again = db.run(members.set_association, STAFF, **{**ASSOCIATION, "code": "NEW"}, shown=first.digest)
    assert again.code == "NEW"
    with pytest.raises(Stale):
        db.run(members.set_association, STAFF, **ASSOCIATION, shown=first.digest)
    with pytest.raises(Invalid) as refusal:
        db.run(
            members.set_association,
            system_act(AT),
            **{**ASSOCIATION, "code": "f c", "contact": "no", "names": {}, "order_rule": "x"},
        )
    assert {problem.where for problem in refusal.value.problems} == {"code", "contact", "names", "order_rule"}
    with pytest.raises(Forbidden):
        db.run(members.set_association, make_act(Role.officer), **ASSOCIATION)
