"""Works lists: filled, previewed, submitted, returned; claims between members; nobody sees another's."""

import json
from dataclasses import replace

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from portal import db
from portal.kernel.act import POLICY, Permission, Role
from portal.kernel.digest import digest_of
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from portal.works import service as works
from portal.works.columns import Column
from portal.works.identifiers import check
from portal.works.model import LIST_MOVES, ListState
from portal.works.rows import Kind, Listing, WorkRow
from portal.works.submissions import rows_digest
from portal.works.tables import read
from tests.conftest import make_act
from tests.whole.rows import insert

from .lists import AT, MIST, ROCKET, Stage, set_stage


@pytest.fixture
def stage(database) -> Stage:
    return set_stage()


@pytest.fixture
def lite(sqlite_database) -> Stage:
    return set_stage()


CSV = b"Title,Kind,Year\nMist,tv,2014\nRocket,tv,20x1\nSalt,film,2013\n"


def upload(stage, act, data=CSV, name="works.csv"):
    return db.run(works.keep_upload, act, **stage.here(act), file_name=name, data=data, result=read(data))


def rows_of(stage, act, **kw):
    return [(one.number, one.row.title) for one in db.read(works.rows, act, **stage.here(act), **kw).rows]


def kinds(session, _act):
    return list(session.scalars(sa.text("SELECT kind FROM log_entry ORDER BY position")))


# --- the draft ------------------------------------------------------------------------------------


def test_nothing_is_stored_in_the_list_before_the_preview_is_confirmed(stage):
    assert stage.list(stage.one) == works.ListView(
        stage.campaign_id,
        stage.one.member_id,
        ListState.draft,
        0,
        0,
        Listing.addressee,
        None,
        None,
        None,
        None,
    )
    kept = upload(stage, stage.one)
    assert (kept.rows, kept.left_out) == (2, 1)
    assert stage.list(stage.one).count == 0
    preview = db.read(works.preview, stage.one, **stage.here(stage.one))
    assert [row.title for row in preview.sample] == ["Mist", "Salt"]
    assert [(p.line, p.column) for p in preview.problems] == [(3, "Year")]
    assert "20x1" in preview.problems[0].sentence.render("en")
    assert preview.taken == (("Title", "title"), ("Kind", "kind"), ("Year", "published"))
    assert db.run(works.confirm_upload, stage.one, **stage.here(stage.one), shown=kept.file_digest) == 2
    view = stage.list(stage.one)
    assert (view.count, view.version, view.upload) == (2, 1, None)
    assert rows_of(stage, stage.one) == [(1, "Mist"), (2, "Salt")]
    with pytest.raises(NotFound):
        db.run(works.confirm_upload, stage.one, **stage.here(stage.one), shown=kept.file_digest)


def test_another_file_uploaded_meanwhile_is_not_confirmed_unseen(lite):
    kept = upload(lite, lite.one)
    upload(lite, lite.one, b"Title\nOther\n")
    with pytest.raises(Stale):
        db.run(works.confirm_upload, lite.one, **lite.here(lite.one), shown=kept.file_digest)
    assert lite.list(lite.one).count == 0
    db.run(works.discard_upload, lite.one, **lite.here(lite.one))
    assert lite.list(lite.one).upload is None


def test_a_file_is_added_after_or_instead_of_what_is_there(lite):
    lite.fill(lite.one, MIST)
    digest = upload(lite, lite.one).file_digest
    db.run(works.confirm_upload, lite.one, **lite.here(lite.one), shown=digest, add=True)
    assert rows_of(lite, lite.one) == [(1, "霧の灯台守"), (2, "Mist"), (3, "Salt")]
    lite.fill(lite.one, ROCKET)
    assert rows_of(lite, lite.one) == [(1, "潮騒ロケット")]


def test_what_a_file_repeats_is_said_with_its_lines(lite):
    upload(lite, lite.one, "題名,年\nあ,2001\nい,\nア,2001\n".encode())
    assert db.read(works.preview, lite.one, **lite.here(lite.one)).repeated == ((2, 4),)


def test_rows_are_stored_whole(stage):
    row = WorkRow(
        "𠮷田の=夜", title_ja="霧", title_en="Mist", romanised="Kiri", reading="キリ", kind=Kind.novel, year=2001,
        published="2001-02-03", identifiers=(check("isbn", "9784088725093"), check("doi", "10.1000/x")),
        co_owners=("A, Inc.", "B"), url="https://c.example/1", code="x-1", consent=Listing.withheld,
    )  # fmt: skip
    stage.fill(stage.one, row, MIST)
    assert db.read(works.all_rows, stage.one, **stage.here(stage.one)) == (row, MIST)
    found = stage.submit(stage.one, "addressee")
    stored = db.read(lambda s, _a: works.submission_rows(s, found.id), stage.one)
    assert stored == (row, replace(MIST, consent=Listing.addressee))
    assert found.digest == rows_digest(stored)


def test_rows_are_searched_in_any_script_and_paged(stage):
    stage.fill(
        stage.one,
        *(WorkRow(f"Work {n}", reading="キリ") for n in range(1, 121)),
        WorkRow("ＡＢＣ 100%_", code="Q-7"),
    )
    page = db.read(works.rows, stage.one, **stage.here(stage.one), page=3)
    assert (page.page, page.pages, page.found, page.rows[0].number) == (3, 3, 121, 101)
    assert db.read(works.rows, stage.one, **stage.here(stage.one), page=99).page == 3
    for search, found in (("abc", 1), ("ｷﾘ", 120), ("work 12", 3), ("%", 1), ("q-7", 1), ("nothing", 0)):
        assert db.read(works.rows, stage.one, **stage.here(stage.one), search=search).found == found, search


def test_single_rows_are_changed_added_and_deleted(stage):
    stage.fill(stage.one, MIST, ROCKET)
    here = stage.here(stage.one)
    cells = {Column.title_main: "霧", Column.kind: "映画", Column.published: "平成26年"}
    assert db.run(works.save_row, stage.one, **here, cells=cells, number=1, shown=1) == 1
    assert db.read(works.get_row, stage.one, **here, number=1).row == WorkRow(
        "霧", kind=Kind.film, year=2014, published="2014"
    )
    assert db.run(works.save_row, stage.one, **here, cells={Column.title_main: "New"}, shown=2) == 3
    db.run(works.delete_row, stage.one, **here, number=2, shown=3)
    assert rows_of(stage, stage.one) == [(1, "霧"), (3, "New")]
    with pytest.raises(Stale):
        db.run(works.save_row, stage.one, **here, cells=cells, number=1, shown=3)
    with pytest.raises(NotFound):
        db.run(works.save_row, stage.one, **here, cells=cells, number=2, shown=4)
    with pytest.raises(Invalid) as refused:
        db.run(
            works.save_row,
            stage.one,
            **here,
            cells={Column.title_main: "", Column.isbn: "1"},
            number=1,
            shown=4,
        )
    assert {p.where for p in refused.value.problems} == {"title", "isbn"}
    found = stage.submit(stage.one)
    assert [row.title for row in db.read(lambda s, _a: works.submission_rows(s, found.id), stage.one)] == [
        "霧",
        "New",
    ]


# --- submitting -----------------------------------------------------------------------------------


def test_the_whole_way_of_a_list(stage):
    first = stage.give(stage.one, MIST)
    here = stage.here(stage.one)
    assert (first.number, first.count, first.state) == (1, 1, ListState.submitted)
    for change in (
        lambda: stage.fill(stage.one, ROCKET),
        lambda: upload(stage, stage.one),
        lambda: stage.submit(stage.one),
    ):
        with pytest.raises(Conflict):
            change()
    with pytest.raises(Invalid):
        db.run(works.return_, stage.staff, **here, submission_id=first.id, reason=" ")
    returned = db.run(
        works.return_, stage.staff, **here, submission_id=first.id, reason="The year is missing."
    )
    assert returned.state is ListState.returned
    assert (stage.list(stage.one).reason, stage.list(stage.one).open) == ("The year is missing.", True)
    stage.fill(stage.one, MIST, ROCKET)
    assert stage.list(stage.one).state is ListState.draft
    latest = db.read(
        lambda s, _a: works.latest_submission(s, stage.campaign_id, stage.one.member_id), stage.staff
    )
    assert (latest.id, latest.state) == (first.id, ListState.returned)  # until the next one
    second = stage.submit(stage.one)
    assert (second.number, second.count, stage.list(stage.one).reason) == (2, 2, None)
    with pytest.raises(Stale):
        db.run(works.accept, stage.staff, **here, submission_id=first.id)
    assert db.run(works.accept, stage.staff, **here, submission_id=second.id).state is ListState.accepted
    with pytest.raises(Conflict):
        db.run(works.accept, stage.staff, **here, submission_id=second.id)
    assert [one.number for one in db.read(works.history, stage.one, **here)] == [2, 1]
    assert db.read(lambda s, _a: works.submission_rows(s, first.id), stage.staff)[0].title == MIST.title
    assert db.read(kinds, stage.staff) == [
        "works:list:filled", "works:list:submitted", "works:list:returned", "works:list:filled", "works:list:submitted", "works:list:accepted",
    ]  # fmt: skip


def test_whoever_can_mend_a_returned_list_is_told(lite, tmp_path):
    found = lite.give(lite.one, MIST)

    def seats(session, _act):
        for act, roles in (
            (lite.one, ["contributor"]),
            (lite.asked, ["viewer"]),
            (lite.other, ["contributor"]),
        ):
            member = lite.one.member_id if act is not lite.other else act.member_id
            insert(session, "seat", person_id=act.person_id, member_id=member, roles=roles, title={})

    db.run(seats, lite.staff)
    db.run(works.return_, lite.staff, **lite.here(lite.one), submission_id=found.id, reason="The year?")
    query = sa.text("SELECT recipient, template FROM message")
    address = sa.text("SELECT email FROM person WHERE id = :p")
    expected = db.read(lambda s, _a: s.scalar(address, {"p": lite.one.person_id}), lite.staff)
    assert db.read(lambda s, _a: s.execute(query).all(), lite.staff) == [(expected, "works/returned")]


def test_a_returned_list_may_be_submitted_unchanged(lite):
    first = lite.give(lite.one, MIST)
    db.run(works.return_, lite.staff, **lite.here(lite.one), submission_id=first.id, reason="Why?")
    assert lite.submit(lite.one).digest == first.digest


def test_what_is_submitted_is_what_was_shown(lite):
    lite.fill(lite.one, MIST)
    digests, count = db.read(works.what_would_be_submitted, lite.one, **lite.here(lite.one))
    version = lite.list(lite.one).version
    lite.fill(lite.one, ROCKET)
    with pytest.raises(Stale):
        lite.submit(lite.one, shown=version)
    lite.fill(lite.one, MIST)
    found = lite.submit(lite.one, shown=version + 2)
    assert (found.digest, found.count) == (digests[Listing.public], count)


@pytest.mark.parametrize("consent", ["", "everywhere", None])
def test_where_the_works_may_be_listed_must_be_said(lite, consent):
    lite.fill(lite.one, MIST)
    with pytest.raises(Invalid):
        lite.submit(lite.one, consent)


def test_an_empty_list_is_not_submitted(lite):
    with pytest.raises(NotFound):
        lite.submit(lite.one)
    lite.fill(lite.one)
    with pytest.raises(Invalid):
        lite.submit(lite.one)


def test_submissions_cannot_be_changed(stage):
    found = stage.give(stage.one, MIST)

    def tamper(statement):
        db.run(lambda s, _a: s.execute(sa.text(statement)), stage.staff)

    for statement in (
        f"UPDATE works_submission SET count = 9 WHERE id = '{found.id}'",
        f"DELETE FROM works_submission WHERE id = '{found.id}'",
        "UPDATE works_submitted_row SET title = 'x'",
        "DELETE FROM works_submitted_row",
        "DELETE FROM works_key",
    ):
        with pytest.raises((sa.exc.DBAPIError, Conflict), match=r"append-only|Somebody else"):
            tamper(statement)


texts = st.text(st.characters(blacklist_categories=("Cs",)), max_size=20)


@given(
    st.lists(
        st.builds(
            WorkRow,
            texts,
            title_ja=texts,
            co_owners=st.lists(texts, max_size=2).map(tuple),
            year=st.none() | st.integers(0, 3000),
        ),
        max_size=4,
    )
)
def test_the_digest_is_that_of_rfc_8785(rows):
    assert rows_digest(rows) == digest_of(
        {"format": "rensho/works/1", "rows": [row.as_json() for row in rows]}
    )


@pytest.mark.parametrize("old", list(ListState))
@pytest.mark.parametrize("new", list(ListState))
def test_the_life_of_a_list(old, new):
    allowed = {
        ("draft", "submitted"),
        ("submitted", "accepted"),
        ("submitted", "returned"),
        ("accepted", "returned"),
        ("returned", "draft"),
    }
    assert (new in LIST_MOVES[old]) == ((old.value, new.value) in allowed)


# --- who may --------------------------------------------------------------------------------------


def uses(stage, whose):
    here = stage.here(whose)
    return {
        "list": lambda act: db.read(works.works_list, act, **here),
        "rows": lambda act: db.read(works.rows, act, **here),
        "row": lambda act: db.read(works.get_row, act, **here, number=1),
        "all": lambda act: db.read(works.all_rows, act, **here),
        "preview": lambda act: db.read(works.preview, act, **here),
        "history": lambda act: db.read(works.history, act, **here),
        "claims": lambda act: db.read(works.own_claims, act, **here),
        "upload": lambda act: db.run(
            works.keep_upload, act, **here, file_name="x", data=CSV, result=read(CSV)
        ),
        "confirm": lambda act: db.run(works.confirm_upload, act, **here, shown="x"),
        "discard": lambda act: db.run(works.discard_upload, act, **here),
        "fill": lambda act: db.run(works.replace_rows, act, **here, rows=[MIST]),
        "save": lambda act: db.run(works.save_row, act, **here, cells={Column.title_main: "A"}, shown=1),
        "delete": lambda act: db.run(works.delete_row, act, **here, number=1, shown=1),
        "submit": lambda act: db.run(works.submit, act, **here, consent="public"),
        "would": lambda act: db.read(works.what_would_be_submitted, act, **here),
        "mark": lambda act: db.run(works.mark_joint, act, **here, keys=[]),
    }


@pytest.mark.parametrize("name", uses(Stage("", *[make_act()] * 5), make_act()))
def test_another_members_list_does_not_exist(lite, name):
    lite.fill(lite.one, MIST)
    upload(lite, lite.one)
    for act in (lite.other, lite.asked, lite.stranger):
        with pytest.raises(NotFound):
            uses(lite, lite.one)[name](act)


@pytest.mark.parametrize("name", ["upload", "confirm", "fill", "save", "submit", "mark"])
def test_only_who_has_joined_gives_works(lite, name):
    with pytest.raises(Conflict):
        uses(lite, lite.asked)[name](lite.asked)
    with pytest.raises(NotFound):
        uses(lite, lite.stranger)[name](lite.stranger)


@pytest.mark.parametrize("name", ["upload", "fill", "save", "delete", "submit", "mark"])
def test_a_viewer_only_looks(lite, name):
    lite.fill(lite.one, MIST)
    viewer = replace(lite.one, roles=frozenset({Role.viewer}))
    with pytest.raises(Forbidden):
        uses(lite, lite.one)[name](viewer)
    assert uses(lite, lite.one)["rows"](viewer).found == 1


@pytest.mark.parametrize(
    "name", ["rows", "row", "all", "upload", "fill", "save", "submit", "preview", "mark"]
)
def test_a_draft_is_not_the_associations(lite, name):
    lite.fill(lite.one, MIST)
    upload(lite, lite.one)
    with pytest.raises((NotFound, Forbidden)):
        uses(lite, lite.one)[name](
            make_act(
                *Role,
                at=AT,
                roles=frozenset(Role) - {Role.system} - {Role.contributor, Role.signatory, Role.manager},
            )
        )
    view = db.read(works.works_list, lite.staff, **lite.here(lite.one))
    assert (view.count, view.upload) == (0, None)


def test_a_submission_is_read_by_its_member_and_by_staff_only(lite):
    found = lite.give(lite.one, MIST)
    lite.give(lite.other, ROCKET)
    here = lite.here(lite.one)
    for act in (lite.one, lite.staff):
        page = db.read(works.submitted_page, act, **here, submission_id=found.id)
        assert [one.row.title for one in page.rows] == [MIST.title]
    for act in (lite.other, lite.asked, lite.stranger):
        with pytest.raises(NotFound):
            db.read(works.submitted_page, act, **here, submission_id=found.id)
        with pytest.raises(NotFound):
            db.read(works.submitted_rows, act, **{**here, "member_id": act.member_id}, submission_id=found.id)


@pytest.mark.parametrize("use_case", [works.accept, works.return_, works.settle, works.claims])
def test_members_do_not_review(lite, use_case):
    found = lite.give(lite.one, MIST)
    kw = {
        works.accept: {**lite.here(lite.one), "submission_id": found.id},
        works.return_: {**lite.here(lite.one), "submission_id": found.id, "reason": "x"},
        works.settle: {"campaign_id": lite.campaign_id, "reason": "x"},
        works.claims: {"campaign_id": lite.campaign_id},
    }[use_case]
    with pytest.raises((Forbidden, NotFound)):
        db.run(use_case, lite.one, **kw)


def test_every_permission_has_its_rule():
    assert all(POLICY[one].roles for one in Permission if one.startswith("works:"))


# --- works that two list --------------------------------------------------------------------------


def schedule(stage, *acts):
    return db.read(
        lambda s, _a: works.schedule(s, stage.campaign_id, {a.member_id: works.latest_submission(s, stage.campaign_id, a.member_id).id for a in acts}),
        stage.staff,
    )  # fmt: skip


def open_claims(stage, act=None):
    return db.read(lambda s, _a: works.open_claims(s, stage.campaign_id, act and act.member_id), stage.staff)


ALSO_MIST = WorkRow(
    "Keeper of the misty light", title_ja="霧の灯台守", kind=Kind.tv, year=2014, co_owners=("secret note",)
)


def test_a_work_in_two_lists_waits_for_both(stage):
    stage.give(stage.one, MIST, ROCKET)
    stage.give(stage.other, WorkRow("Salt"), ALSO_MIST, consent="addressee")
    assert (open_claims(stage), open_claims(stage, stage.one), open_claims(stage, stage.asked)) == (1, 1, 0)
    assert [row.title for row in schedule(stage, stage.one, stage.other)] == [ROCKET.title, "Salt"]
    (own,) = db.read(works.own_claims, stage.one, **stage.here(stage.one))
    assert own.row == replace(MIST, consent=Listing.public)
    assert "secret" not in repr(own)
    assert stage.other.member_id not in repr(own)
    db.run(works.mark_joint, stage.one, **stage.here(stage.one), keys=[own.key])
    assert (open_claims(stage), open_claims(stage, stage.one), open_claims(stage, stage.other)) == (1, 0, 1)
    assert len(schedule(stage, stage.one, stage.other)) == 2
    db.run(works.mark_joint, stage.other, **stage.here(stage.other), keys=[own.key, own.key])
    assert (open_claims(stage), open_claims(stage, stage.other)) == (0, 0)
    rows = schedule(stage, stage.one, stage.other)
    assert [row.title for row in rows] == [MIST.title, ROCKET.title, "Salt"]
    assert rows[0].owners == (stage.one.member_id, stage.other.member_id)
    assert rows[0].titles == {"ja": "霧の灯台守", "en": "Keeper of the Misty Light"}
    assert [row.consent for row in rows] == [Listing.addressee, Listing.public, Listing.addressee]
    assert schedule(stage, stage.other, stage.one)[1].owners == (stage.other.member_id, stage.one.member_id)
    (claim,) = db.read(works.claims, stage.staff, campaign_id=stage.campaign_id)
    assert claim.settled
    assert claim.marked == {stage.one.member_id, stage.other.member_id}


def test_a_letter_names_only_its_signatories_as_owners(lite):
    lite.give(lite.one, MIST)
    lite.give(lite.other, ALSO_MIST)
    assert schedule(lite, lite.one) == ()  # the other claims it too, though it does not sign
    assert (
        len(
            db.read(
                lambda s, _a: works.unsettled(
                    s,
                    lite.campaign_id,
                    {lite.one.member_id: works.latest_submission(s, lite.campaign_id, lite.one.member_id).id},
                ),
                lite.staff,
            )
        )
        == 1
    )
    db.run(works.settle, lite.staff, campaign_id=lite.campaign_id, reason="Both produced it.")
    assert [row.owners for row in schedule(lite, lite.one)] == [(lite.one.member_id,)]


def test_staff_settle_with_a_reason_and_a_third_owner_is_asked_again(stage):
    stage.give(stage.one, MIST)
    stage.give(stage.other, ALSO_MIST)
    with pytest.raises(Invalid):
        db.run(works.settle, stage.staff, campaign_id=stage.campaign_id, reason="")
    assert db.run(works.settle, stage.staff, campaign_id=stage.campaign_id, reason="Credits say so.") == 1
    assert db.run(works.settle, stage.staff, campaign_id=stage.campaign_id, reason="Credits say so.") == 0
    assert open_claims(stage) == 0
    third = stage.asked
    db.run(lambda s, _a: s.execute(sa.text("UPDATE participation SET state = 'joined'")), stage.staff)
    stage.give(third, MIST)
    assert open_claims(stage) == 1
    assert schedule(stage, stage.one, stage.other, third) == ()
    db.run(works.settle, stage.staff, campaign_id=stage.campaign_id, reason="All three.")
    assert schedule(stage, stage.one, stage.other, third)[0].owners == (
        stage.one.member_id,
        stage.other.member_id,
        third.member_id,
    )


def test_a_claim_ends_where_a_list_no_longer_has_the_work(stage):
    stage.give(stage.one, MIST)
    second = stage.give(stage.other, ALSO_MIST, WorkRow("Salt"))
    (own,) = db.read(works.own_claims, stage.one, **stage.here(stage.one))
    db.run(
        works.return_, stage.staff, **stage.here(stage.other), submission_id=second.id, reason="Look again."
    )
    assert open_claims(stage) == 0
    stage.give(stage.other, WorkRow("Salt"))
    assert open_claims(stage) == 0
    with pytest.raises(NotFound):
        db.run(works.mark_joint, stage.one, **stage.here(stage.one), keys=[own.key])
    assert [row.title for row in schedule(stage, stage.one, stage.other)] == [MIST.title, "Salt"]


def test_who_left_claims_nothing(lite):
    lite.give(lite.one, MIST)
    lite.give(lite.other, ALSO_MIST)
    statement = sa.text("UPDATE participation SET state = 'left' WHERE member_id = :m")
    db.run(lambda s, _a: s.execute(statement, {"m": lite.other.member_id}), lite.staff)
    assert open_claims(lite) == 0
    assert len(schedule(lite, lite.one)) == 1


def test_the_log_tells_no_titles(lite):
    lite.give(lite.one, MIST)
    lite.give(lite.other, ALSO_MIST)
    db.run(works.settle, lite.staff, campaign_id=lite.campaign_id, reason="A private reason")
    entries = db.read(lambda s, _a: list(s.scalars(sa.text("SELECT content FROM log_entry"))), lite.staff)
    text = " ".join(entries)
    assert len(entries) == 5
    for word in (MIST.title, "Keeper", "misty", "private reason", "secret", json.dumps(MIST.title)):
        assert word not in text


@pytest.mark.shared
def test_the_real_lists_give_forty_claims_and_a_schedule_of_2030_works(lite, shared_data):
    from portal.kernel.act import new_id, system_act

    system = system_act(AT)
    files = sorted((shared_data / "catalogue/works").glob("*.csv"))
    members = {file.stem: new_id() for file in files}

    def join(session, _act):
        for member_id in members.values():
            insert(session, "member", id=member_id)
            insert(
                session, "participation", campaign_id=lite.campaign_id, member_id=member_id, state="joined"
            )

    db.run(join, system)
    submitted = {}
    for file in files:
        here = {"campaign_id": lite.campaign_id, "member_id": members[file.stem]}
        db.run(works.replace_rows, system, **here, rows=read(file.read_bytes()).rows)
        submitted[here["member_id"]] = db.run(works.submit, system, **here, consent="public").id
    assert open_claims(lite) == 40

    def listed(session, _act):
        return works.schedule(session, lite.campaign_id, submitted)

    assert len(db.read(listed, system)) == 1990
    assert db.run(works.settle, system, campaign_id=lite.campaign_id, reason="Rehearsal") == 40
    rows = db.read(listed, system)
    assert len(rows) == 2030
    assert sum(len(row.owners) == 2 for row in rows) == 40
    assert sum(len(row.owners) for row in rows) == 2070
