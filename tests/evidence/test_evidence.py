"""Exhibits: kept under their digest, numbered once, read by those who take part; files that were damaged are not handed out."""

import io
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from flask import Flask

from portal import db
from portal.evidence import service as evidence
from portal.evidence.store import FileStore
from portal.kernel.digest import digest_bytes
from portal.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from tests.whole.proof import page, text_of
from tests.whole.small import seated, small_app, submit
from tests.works.lists import AT, Stage, set_stage


@pytest.fixture
def files(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "files")


@pytest.fixture
def stage(database) -> Stage:
    return set_stage()


def add(stage, files, act=None, **changes):
    values = {
        "title": {"en": "A clip", "ja": "動画"},
        "captured_at": AT - timedelta(days=1),
        "data": b"video",
        "file_name": "clip.mp4",
        **changes,
    }
    return db.run(evidence.add, act or stage.staff, campaign_id=stage.campaign_id, files=files, **values)


# --- the store ------------------------------------------------------------------------------------


def test_bytes_come_back_and_are_kept_once(files):
    digest = files.put(b"video")
    assert digest == digest_bytes(b"video") == files.put(b"video")
    assert files.get(digest) == b"video"
    assert len([path for path in files.folder.rglob("*") if path.is_file()]) == 1


def test_damaged_missing_and_invented_files_are_not_handed_out(files):
    digest = files.put(b"video")
    (path,) = [path for path in files.folder.rglob("*") if path.is_file()]
    path.chmod(0o600)
    path.write_bytes(b"vide0")
    with pytest.raises(NotFound, match="damaged"):
        files.get(digest)
    path.unlink()
    with pytest.raises(NotFound, match="missing"):
        files.get(digest)
    for name in ("", "sha256:", "sha256:../../etc/passwd", "sha256:" + "g" * 64, "sha256:" + "A" * 64):
        with pytest.raises(NotFound):
            files.get(name)


def test_two_who_put_the_same_at_once_both_succeed(files):
    data, found = b"x" * 500_000, []
    barrier = threading.Barrier(8)

    def put():
        barrier.wait()
        found.append(files.put(data))

    threads = [threading.Thread(target=put) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) == {digest_bytes(data)}
    assert len(found) == 8
    assert files.get(found[0]) == data


# --- exhibits -------------------------------------------------------------------------------------


def test_exhibits_are_numbered_and_stay(stage, files):
    first = add(stage, files)
    second = add(
        stage,
        files,
        data=b"other",
        url="https://product.example/1",
        prompt="a lighthouse",
        product="Fable Video 2",
        note={"ja": "灯台"},
    )
    assert (first.number, second.number, second.sha256, second.size) == (1, 2, digest_bytes(b"other"), 5)
    assert db.read(evidence.list_exhibits, stage.one, campaign_id=stage.campaign_id) == (first, second)
    with pytest.raises((sa.exc.DBAPIError, Conflict)):
        db.run(lambda s, _a: s.execute(sa.text("UPDATE exhibit SET number = 9")), stage.staff)
    kinds = db.read(lambda s, _a: list(s.scalars(sa.text("SELECT kind FROM log_entry"))), stage.staff)
    assert kinds == ["evidence:exhibit:added"] * 2


@pytest.mark.parametrize(
    "changes",
    [{"title": {}}, {"title": {"en": " "}}, {"data": b""}, {"captured_at": AT + timedelta(minutes=1)}],
)
def test_what_is_not_whole_is_refused(sqlite_database, files, changes):
    stage = set_stage()
    with pytest.raises(Invalid):
        add(stage, files, **changes)
    assert db.read(lambda s, _a: evidence.exhibits(s, stage.campaign_id), stage.staff) == ()


def test_who_reads_and_who_adds(stage, files):
    made = add(stage, files)
    for act in (stage.one, stage.staff):
        assert db.read(evidence.exhibit, act, exhibit_id=made.id) == made
    for use in (
        lambda: db.read(evidence.exhibit, stage.stranger, exhibit_id=made.id),
        lambda: db.read(evidence.list_exhibits, stage.stranger, campaign_id=stage.campaign_id),
        lambda: db.read(evidence.exhibit, stage.asked, exhibit_id=made.id),
        lambda: db.read(evidence.list_exhibits, stage.asked, campaign_id=stage.campaign_id),
        lambda: db.read(evidence.exhibit, stage.staff, exhibit_id="0" * 32),
    ):
        with pytest.raises(NotFound):
            use()
    with pytest.raises(Forbidden):
        add(stage, files, act=stage.one)


def test_exhibits_added_at_once_get_numbers_of_their_own(stage, files):
    barrier = threading.Barrier(6)
    errors = []

    def press(n):
        barrier.wait()
        try:
            add(stage, files, data=f"clip {n}".encode())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=press, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    found = db.read(lambda s, _a: evidence.exhibits(s, stage.campaign_id), stage.staff)
    assert [one.number for one in found] == [1, 2, 3, 4, 5, 6]


# --- pages ----------------------------------------------------------------------------------------


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


def test_staff_add_and_participants_look_and_download(app):
    stage = set_stage()
    staff, one, stranger = (seated(app, act) for act in (stage.staff, stage.one, stage.stranger))
    home = f"/campaigns/{stage.campaign_id}/exhibits"
    assert "There is no exhibit yet." in text_of(page(one.get(home).text))
    fields = {"title_en": "A <b>clip", "captured_at": "2026-11-01T10:00", "url": "https://product.example/1"}
    assert submit(staff, f"{home}/new", **fields).status_code == 422
    hostile = (io.BytesIO(b"<script>alert(1)</script>"), "page.html")
    assert submit(staff, f"{home}/new", **fields, file=hostile).status_code == 303
    text = text_of(page(one.get(home).text))
    assert "A <b>clip" in text
    (made,) = db.read(lambda s, _a: evidence.exhibits(s, stage.campaign_id), stage.staff)
    assert made.captured_at == datetime(2026, 11, 1, 1, 0, tzinfo=UTC)  # typed in the association's time zone
    answer = one.get(f"/exhibits/{made.id}/file")
    assert answer.data == b"<script>alert(1)</script>"
    assert answer.mimetype == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert stranger.get(f"/exhibits/{made.id}/file").status_code == 404
    assert stranger.get(home).status_code == 404
    assert one.get(f"{home}/new").status_code == 403
