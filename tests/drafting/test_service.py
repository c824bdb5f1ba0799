"""The shared draft: composed, saved without overwriting, published, read."""

import pytest
import sqlalchemy as sa

from portal import db
from portal.drafting import service as drafting
from portal.drafting.model import RevisionKind
from portal.drafting.redline import Change
from portal.drafting.service import StaleText
from portal.kernel.act import Role
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound, Stale
from tests.conftest import make_act
from tests.signoffs.stage import AT, EXAMPLE, set_the_stage


@pytest.fixture
def stage(database):
    return set_the_stage(2)


@pytest.fixture
def lite(sqlite_database):
    return set_the_stage(2)


def copy_of(stage):
    return db.read(drafting.working_copy, stage.staff, letter_id=stage.letter_id)


def save(stage, versions=None, **texts):
    versions = versions or {code: one.version for code, one in copy_of(stage).items()}
    return db.run(drafting.save_texts, stage.staff, letter_id=stage.letter_id, texts=texts, versions=versions)


def test_a_letter_is_composed_from_the_brief(stage):
    view = db.read(drafting.letter, stage.staff, letter_id=stage.letter_id)
    assert view.number == 1
    assert view.languages == ("en", "ja")
    assert view.latest.number == 1
    assert "Fictional Content Association" in copy_of(stage)["en"].text
    assert view.brief["delivery"]["en"]
    second = db.run(drafting.create_letter, stage.staff, campaign_id=stage.campaign_id, brief=view.brief)
    assert second.number == 2
    assert second.title == view.brief["title"]
    assert [
        one.number for one in db.read(drafting.letters_of, stage.staff, campaign_id=stage.campaign_id)
    ] == [2, 1]


def test_a_stale_save_is_refused_with_both_texts(stage):
    shown = {code: one.version for code, one in copy_of(stage).items()}
    text = copy_of(stage)["en"].text
    save(stage, shown, en=text + "\nMine.\n")
    with pytest.raises(StaleText) as caught:
        save(stage, shown, en=text + "\nYours.\n")
    assert "Mine." in caught.value.theirs.text
    assert "Yours." in caught.value.yours
    assert "Mine." in copy_of(stage)["en"].text
    save(stage, shown, ja=copy_of(stage)["ja"].text + "\n追記。\n")  # the other language is another text
    assert copy_of(stage)["ja"].version == 2


def test_a_save_that_changes_nothing_keeps_the_version(lite):
    text = copy_of(lite)["en"].text
    save(lite, {"en": 99, "ja": 99}, en=text.replace("\n", "\r\n"))
    assert copy_of(lite)["en"].version == 1
    with pytest.raises(Invalid):
        save(lite, en="x" * 200_001)


def test_publishing_makes_an_immutable_numbered_revision(stage):
    view = stage.publish("Deadline moved.", lambda code, text: text.replace("2026-12-18", "2027-01-15"))
    assert view.number == 2
    assert view.digest == view.document.digest
    assert view.kind is RevisionKind.material
    again = db.read(drafting.revision, stage.staff, revision_id=view.id)
    assert again == view
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), db.transaction() as session:
        session.execute(sa.text("UPDATE revision SET note = 'x'"))


def test_publishing_is_refused_where_the_text_moved_or_is_not_fit(lite):
    versions = {code: one.version for code, one in copy_of(lite).items()}

    def publish(note="A note.", versions=versions):
        return db.run(drafting.publish, lite.staff, letter_id=lite.letter_id, versions=versions, note=note)

    with pytest.raises(Conflict, match="Nothing has changed"):
        publish()
    with pytest.raises(Invalid):
        publish(note=" ")
    save(lite, en=copy_of(lite)["en"].text.replace("{#law}", "{#lex}"))
    with pytest.raises(Stale):
        publish()
    with pytest.raises(Invalid) as caught:
        publish(versions={code: one.version for code, one in copy_of(lite).items()})
    assert caught.value.problems[0].where == "ja"
    save(lite, en="nonsense")
    with pytest.raises(Invalid) as caught:
        db.read(drafting.draft, lite.staff, letter_id=lite.letter_id)
    assert caught.value.problems[0].where == "en/line 1"


def test_the_changes_between_revisions(lite):
    first = db.read(drafting.letter, lite.staff, letter_id=lite.letter_id).latest
    save(lite, **{code: one.text.replace("2026-12-18", "2027-01-15") for code, one in copy_of(lite).items()})
    lines = db.read(drafting.draft_changes, lite.staff, letter_id=lite.letter_id)
    assert sum(line.change is not Change.same for line in lines["ja"]) == 2
    second = lite.publish()
    old, new, lines = db.read(drafting.changes, lite.staff, old_id=first.id, new_id=second.id)
    assert (old.number, new.number) == (1, 2)
    assert set(lines) == {"en", "ja"}


def test_members_read_what_is_published_in_their_campaigns(stage):
    me = stage.signatories[stage.member_ids[0]]
    (view,) = db.read(drafting.letters_of, me, campaign_id=stage.campaign_id)
    revision = db.read(drafting.revision, me, revision_id=view.latest.id)
    assert db.read(drafting.has_read, me, revision_id=revision.id) is None
    db.run(drafting.confirm_read, me, revision_id=revision.id)
    db.run(drafting.confirm_read, me, revision_id=revision.id)
    assert db.read(drafting.has_read, me, revision_id=revision.id) == AT
    assert db.read(lambda session, _act: drafting.readers(session, revision.id), stage.staff) == {
        stage.member_ids[0]: AT
    }
    with pytest.raises(Forbidden):
        db.read(drafting.working_copy, me, letter_id=stage.letter_id)
    with pytest.raises(Forbidden):
        db.run(drafting.save_texts, me, letter_id=stage.letter_id, texts={}, versions={})
    stranger = make_act(Role.manager, member_id="f" * 32, at=AT)
    for query, kw in [
        (drafting.letter, {"letter_id": stage.letter_id}),
        (drafting.letters_of, {"campaign_id": stage.campaign_id}),
        (drafting.revision, {"revision_id": revision.id}),
        (drafting.confirm_read, {"revision_id": revision.id}),
    ]:
        with pytest.raises(NotFound):
            db.run(query, stranger, **kw)


def test_an_unpublished_letter_is_not_the_members(lite):
    from portal.drafting.brief import read_toml

    brief = read_toml(EXAMPLE.read_bytes())
    second = db.run(drafting.create_letter, lite.staff, campaign_id=lite.campaign_id, brief=brief)
    me = lite.signatories[lite.member_ids[0]]
    assert [one.number for one in db.read(drafting.letters_of, me, campaign_id=lite.campaign_id)] == [1]
    with pytest.raises(NotFound):
        db.read(drafting.letter, me, letter_id=second.id)


def test_an_abandoned_letter_rests(lite):
    db.run(drafting.abandon, lite.staff, letter_id=lite.letter_id)
    db.run(drafting.abandon, lite.staff, letter_id=lite.letter_id)
    with pytest.raises(Conflict, match="given up"):
        save(lite, en="# New\n")
    with pytest.raises(Conflict, match="given up"):
        lite.publish()


def test_a_bad_brief_makes_no_letter(lite):
    with pytest.raises(Invalid):
        db.run(drafting.create_letter, lite.staff, campaign_id=lite.campaign_id, brief={"languages": ["en"]})
    brief = db.read(drafting.letter, lite.staff, letter_id=lite.letter_id).brief
    with pytest.raises(NotFound):
        db.run(drafting.create_letter, lite.staff, campaign_id="0" * 32, brief=brief)
