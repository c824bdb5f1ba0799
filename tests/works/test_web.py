"""The pages of works lists, clicked through; a member never meets another's titles."""

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from portal import db
from portal.works import service as works
from portal.works.rows import Kind, WorkRow
from portal.works.tables import read
from tests.whole.proof import page, text_of
from tests.whole.small import seated, small_app, submit

from .lists import MIST, ROCKET, Stage, set_stage
from .workbooks import workbook


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


@pytest.fixture
def stage(app: Flask) -> Stage:
    return set_stage()


def shown(answer) -> str:
    assert answer.status_code == 200, answer.text
    return text_of(page(answer.text))


def upload(client, home, data: bytes, name="works.csv"):
    return submit(client, f"{home}/upload", on=home, file=(io.BytesIO(data), name))


CSV = (
    "題名,種別,年,備考\n霧の灯台守,テレビ,平成26年,x\n潮騒ロケット,テレビ,20x1,\n塩の道,映画,2013,\n".encode(
        "cp932"
    )
)


def test_a_member_uploads_looks_confirms_mends_and_submits(app, stage):
    one, home = seated(app, stage.one), f"/campaigns/{stage.campaign_id}/works"
    assert "There is no work in the list yet." in shown(one.get(home))
    answer = upload(one, home, CSV)
    assert answer.status_code == 303
    assert answer.headers["Location"].endswith("/works/preview")
    preview = shown(one.get(f"{home}/preview"))
    for words in ("1 row is not understood", "20x1", "cp932", "備考", "not read", "霧の灯台守", "塩の道"):
        assert words in preview
    assert "waits for you to confirm" in shown(one.get(home))
    assert "0 works" in shown(one.get(home))
    assert submit(one, f"{home}/confirm", on=f"{home}/preview", do="").status_code == 303
    assert one.get(f"{home}/preview").status_code == 200
    digest = re.search(r'name="shown"[^>]*value="([^"]+)"', one.get(f"{home}/preview").text).group(1)
    assert submit(one, f"{home}/confirm", on=f"{home}/preview", do="replace", shown=digest).status_code == 303
    text = shown(one.get(home))
    assert "2 works are in your list now." in text
    assert "塩の道" in text
    assert one.get(f"{home}/preview").status_code == 404

    row = f"{home}/rows/new"
    version = re.search(r'name="version"[^>]*value="(\d+)"', one.get(row).text).group(1)
    fields = {
        "title": "潮騒ロケット",
        "kind": "tv",
        "published": "2021",
        "consent": "",
        "identifiers": "ISBN 978-4-08-872509-4",
    }
    bad = submit(one, row, version=version, **fields)
    assert bad.status_code == 422
    assert "check character" in bad.text
    assert "潮騒ロケット" in bad.text  # nothing typed is lost
    fields["identifiers"] = "ISBN 978-4-08-872509-3\nDOI 10.1000/x"
    assert submit(one, row, version=version, **fields).status_code == 303
    assert submit(one, row, version=version, **fields).status_code == 409
    assert "978-4-08-872509-3" in shown(one.get(f"{home}?q=潮騒"))
    edit = one.get(f"{home}/rows/3")
    assert "DOI 10.1000/x" in edit.text
    assert (
        submit(one, f"{home}/rows/1/delete", on=f"{home}/rows/1", version=str(int(version) + 1)).status_code
        == 303
    )
    assert one.get(f"{home}/rows/1").status_code == 404

    assert submit(one, f"{home}/submit", version="3").status_code == 422
    form = one.get(f"{home}/submit").text
    version = re.search(r'name="version"[^>]*value="(\d+)"', form).group(1)
    assert submit(one, f"{home}/submit", version=version, consent="public").status_code == 303
    text = shown(one.get(home))
    assert "2 works are submitted, as submission 1." in text
    assert "To change it, ask the secretariat" in text
    found = stage.list(stage.one).submission
    assert found.digest in form  # the page named what would be signed


def test_staff_accept_and_return(app, stage):
    one, staff = seated(app, stage.one), seated(app, stage.staff)
    home = f"/campaigns/{stage.campaign_id}/works"
    review = f"{home}/members/{stage.one.member_id}"
    assert "Nothing submitted" in shown(staff.get(home))
    stage.fill(stage.one, MIST)
    assert "Nothing has been submitted yet." in shown(staff.get(review))
    assert MIST.title not in staff.get(review).text
    found = stage.submit(stage.one)
    assert MIST.title in shown(staff.get(review))
    assert submit(staff, f"{review}/return", on=review, submission=found.id, reason="").status_code == 422
    assert (
        submit(staff, f"{review}/return", on=review, submission=found.id, reason="The year?").status_code
        == 303
    )
    assert "The year?" in shown(one.get(home))
    stage.fill(stage.one, MIST, ROCKET)
    latest = stage.submit(stage.one)
    assert submit(staff, f"{review}/accept", on=review, submission=found.id).status_code == 409
    assert submit(staff, f"{review}/accept", on=review, submission=latest.id).status_code == 303
    text = shown(staff.get(review))
    assert "Accepted" in text
    assert "Submission 1, 1 work" in text
    assert ROCKET.title not in shown(staff.get(f"{review}?submission={found.id}"))
    assert submit(one, f"{review}/accept", on=home, submission=latest.id).status_code == 403


def test_lists_are_taken_along_and_come_back(app, stage):
    one, staff = seated(app, stage.one), seated(app, stage.staff)
    home = f"/campaigns/{stage.campaign_id}/works"
    rows = (WorkRow("=1+1", kind=Kind.tv), MIST)
    stage.fill(stage.one, *rows)
    for kind in ("csv", "xlsx"):
        answer = one.get(f"{home}/works.{kind}")
        assert answer.headers["Content-Disposition"] == f"attachment; filename=works.{kind}"
        assert [row.title for row in read(answer.data).rows] == ["=1+1", MIST.title]
    assert one.get(f"{home}/works.exe").status_code == 404
    assert read(one.get("/works/template.csv").data + b"x,A\r\n").rows[0].title == "A"
    found = stage.submit(stage.one)
    file = f"{home}/members/{stage.one.member_id}/submissions/{found.id}.csv"
    assert [row.title for row in read(staff.get(file).data).rows] == ["=1+1", MIST.title]
    assert seated(app, stage.other).get(file).status_code == 404


@pytest.mark.parametrize(
    ("data", "name", "words"),
    [
        (b"%PDF-1.7", "works.csv", "This is a PDF"),
        (b'Title\n"A\n', "works.csv", "(line 2, column 1)"),
        (workbook([["nothing"]]), "works.xlsx", "No row of column names"),
        (b"PK\x03\x04", "works.xlsx", "damaged"),
    ],
)
def test_a_file_that_cannot_be_read_changes_nothing(app, stage, data, name, words):
    stage.fill(stage.one, MIST)
    one, home = seated(app, stage.one), f"/campaigns/{stage.campaign_id}/works"
    answer = upload(one, home, data, name)
    assert answer.status_code == 422
    assert words in text_of(page(answer.text))
    assert MIST.title in answer.text
    assert stage.list(stage.one).upload is None


def test_a_workbook_goes_in(app, stage):
    one, home = seated(app, stage.one), f"/campaigns/{stage.campaign_id}/works"
    assert upload(one, home, workbook([["題名", "年"], ["霧", 2014.0]]), "作品.xlsx").status_code == 303
    text = shown(one.get(f"{home}/preview"))
    assert "Workbook, sheet “Sheet1”" in text
    assert "作品.xlsx" in text
    assert submit(one, f"{home}/confirm", on=f"{home}/preview", do="discard").status_code == 303
    assert stage.list(stage.one).upload is None


def test_a_shared_title_is_settled_without_telling_who(app, stage):
    canary = WorkRow(
        "Keeper of the misty light",
        title_ja=MIST.title,
        kind=Kind.tv,
        year=2014,
        co_owners=("canary",),
        code="canary",
    )
    stage.give(stage.one, MIST, ROCKET)
    stage.give(stage.other, canary)
    one, other, staff = (seated(app, act) for act in (stage.one, stage.other, stage.staff))
    home = f"/campaigns/{stage.campaign_id}/works"
    claims = f"{home}/claims"
    assert "1 title of yours also stands in another member's list." in shown(one.get(home))
    seen = one.get(claims).text
    for hidden in (
        "canary",
        "misty",
        stage.other.member_id,
        f"Member {stage.other.member_id[-4:]}",
        ROCKET.title,
    ):
        assert hidden not in seen
    key = re.search(r'name="key" value="(\w+)"', seen).group(1)
    assert submit(one, f"{claims}/mark", on=claims, key=key).status_code == 303
    assert "You said: owned jointly" in shown(one.get(claims))
    assert "Waits for you" in shown(other.get(claims))
    text = shown(staff.get(claims))
    assert f"Member {stage.one.member_id[-4:]} – says: owned jointly" in text
    assert submit(staff, f"{claims}/settle", on=claims, key=key, reason="").status_code == 422
    assert (
        submit(staff, f"{claims}/settle", on=claims, key=key, reason="Both produced it.").status_code == 303
    )
    assert "Jointly owned" in shown(other.get(claims))
    assert "Both produced it." not in other.get(claims).text


CANARY = WorkRow("カナリア Canary", title_en="Canary song", code="canary-7")


def test_no_page_shows_another_members_works(app, stage):
    stage.fill(stage.one, CANARY)
    data = "題名\nカナリア Canary 2\n".encode()
    db.run(
        works.keep_upload,
        stage.one,
        **stage.here(stage.one),
        file_name="canary.csv",
        data=data,
        result=read(data),
    )
    db.run(works.discard_upload, stage.one, **stage.here(stage.one))
    found = stage.submit(stage.one)
    stage.fill(stage.other, ROCKET)
    home, mine = f"/campaigns/{stage.campaign_id}/works", f"members/{stage.one.member_id}"
    paths = ["", "?q=canary", "/preview", "/rows/1", "/rows/2", "/submit", "/works.csv", "/claims", f"/{mine}", f"/{mine}?submission={found.id}", f"/{mine}/submissions/{found.id}.csv", f"/members/{stage.other.member_id}?submission={found.id}", f"/members/{stage.other.member_id}/submissions/{found.id}.csv"]  # fmt: skip
    clients = {act.member_id: seated(app, act) for act in (stage.other, stage.asked, stage.stranger)}
    for act in (stage.other, stage.asked, stage.stranger):
        client = clients[act.member_id]
        for path in paths:
            text = client.get(home + path).text.casefold()
            assert "canary" not in text.replace("q=canary", "").replace('value="canary"', ""), path
            assert "カナリア" not in text, path
        assert client.get(f"{home}/{mine}").status_code == 404
        sheet = client.get(f"{home}/works.xlsx")
        assert sheet.status_code == 404 or b"anar" not in zipfile.ZipFile(io.BytesIO(sheet.data)).read(
            "xl/worksheets/sheet1.xml"
        )
    stranger = clients[stage.stranger.member_id]
    assert {stranger.get(home + path).status_code for path in paths} == {404}
