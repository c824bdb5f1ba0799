"""What no page of ours sends: foreign names, NUL, numbers beyond every count, dates out of reach."""

import io
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.dialects import postgresql, sqlite
from werkzeug.datastructures import MultiDict

from portal import db
from portal.correspondence.forms import ConfirmForm, DispatchForm, FailForm, ResponseForm
from portal.evidence.web import ExhibitForm
from portal.identity.model import SignInSession
from portal.kernel.act import system_act
from portal.letters import checking
from portal.letters import web as letters_web
from portal.signoffs.forms import RoundForm
from portal.web.requests import whole_number
from tests.correspondence.conftest import fill
from tests.identity.pages import Page
from tests.identity.pages import small_app as plain_app
from tests.whole.small import seated, small_app, submit
from tests.works.lists import set_stage

HUGE = str(10**30)


@pytest.fixture
def plain(sqlite_database, tmp_path) -> Flask:
    return plain_app(tmp_path / "data")


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [("localhost", 200), ("LOCALHOST:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("[::1]", 200),
     ("evil.example", 400), ("localhost.evil.example", 400), ("127.0.0.1.evil.example:8000", 400),
     ("evil.example@localhost", 400), ("[::1", 400), ("", 400)],
)  # fmt: skip
def test_a_laptops_portal_answers_to_its_own_names_only(plain, host, status):
    answer = plain.test_client().get("/inbox", headers={"Host": host})
    assert answer.status_code == status
    Page(answer.text)
    assert ("reached at http://localhost:8000 only" in answer.text) == (status == 400)


def test_a_public_portal_answers_to_the_name_of_its_address(sqlite_database, tmp_path):
    client = plain_app(tmp_path, base_url="https://portal.alliance.example").test_client()
    assert client.get("/sign-in", headers={"Host": "portal.alliance.example"}).status_code == 200
    assert client.get("/sign-in", headers={"Host": "localhost"}).status_code == 400
    assert client.get("/healthz", headers={"Host": "10.0.0.7"}).status_code == 200  # the host's own probe


# --- NUL and numbers ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/verify/a%00b", "/verify?reference=%00", "/verify?%00=1", "/%00"])
def test_nul_is_refused(plain, path):
    answer = plain.test_client().get(path)
    assert answer.status_code == 400
    Page(answer.text)


def test_nul_in_a_form_is_refused(plain):
    client = plain.test_client()
    for fields in ({"email": "a\x00@b.example"}, {"a\x00": "b"}):
        assert client.post("/sign-in", data=fields).status_code == 400
        assert "open for too long" not in client.post("/sign-in", data=fields).text


@pytest.mark.parametrize("path", ["/log?before=" + HUGE, "/log?before=-1", "/log?before=x", "/log?before=0"])
def test_the_log_takes_any_number(plain, path):
    assert plain.test_client().get(path).status_code == 200


def test_pages_take_any_number(app):
    stage = set_stage()
    staff, one = seated(app, stage.staff), seated(app, stage.one)
    works = f"/campaigns/{stage.campaign_id}/works"
    for number in (HUGE, str(2**63), "-1", "²", "99999999"):
        assert staff.get(f"/messages?page={number}").status_code == 200
        assert one.get(f"{works}?page={number}").status_code == 200
    for number in (HUGE, str(2**63), str(2**63 - 1)):
        assert one.get(f"{works}/rows/{number}").status_code == 404


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("100", 100), ("101", 1), ("0", 1), ("-7", 1), ("٣", 1), ("1e2", 1), ("", 1), (HUGE, 1)],
)
def test_whole_numbers(plain, text, number):
    with plain.test_request_context("/", query_string={"page": text}):
        assert whole_number("page", 1, most=100) == number


# --- dates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [ExhibitForm, RoundForm, DispatchForm, ConfirmForm, FailForm, ResponseForm])
@pytest.mark.parametrize(
    ("typed", "accepted"),
    [("0001-01-01T00:00", False), ("0202-11-21T10:00", False), ("1989-12-31T23:59", False),
     ("1990-01-01T00:00", True), ("2026-11-21T10:00", True), ("2100-12-31T23:59", True),
     ("2101-01-01T00:00", False), ("9999-12-31T23:59", False)],
)  # fmt: skip
def test_forms_take_dates_within_reach(plain, form, typed, accepted):
    with plain.test_request_context("/", method="POST"):
        name = next(n for n in ("captured_at", "deadline", "at", "received_at") if hasattr(form, n))
        made = form(MultiDict({name: typed}), meta={"csrf": False})
        made.validate()
        assert (made[name].errors == []) == accepted, made[name].errors
        if not accepted:
            assert made[name].errors == ["Give a date between the years 1990 and 2100."]


@pytest.mark.parametrize("dialect", [sqlite.dialect(), postgresql.dialect()])
def test_only_times_of_our_age_are_stored(dialect):
    kind = db.Instant()
    for year in (1, 202, 1899, 2201, 9999):
        for zone in (UTC, timezone(timedelta(hours=9)), timezone(timedelta(hours=-9))):
            with pytest.raises(ValueError, match=str(year)):
                kind.process_bind_param(datetime(year, 1, 1, tzinfo=zone), dialect)
    at = datetime(1900, 1, 2, 3, 4, 5, 6, tzinfo=UTC)
    stored = kind.process_bind_param(at, dialect)
    assert stored in {at, "1900-01-02T03:04:05.000006Z"}
    assert kind.process_result_value(stored, dialect) == at
    whole = kind.process_bind_param(at.replace(microsecond=0), dialect)
    assert whole in {at.replace(microsecond=0), "1900-01-02T03:04:05.000000Z"}


# --- input that a refusal does not lose -----------------------------------------------------------


def version_of(text: str) -> str:
    return re.search(r'name="version"[^>]*value="(\d+)"', text).group(1)


def test_a_typed_work_stays_when_the_list_changed(app):
    stage = set_stage()
    one, new = seated(app, stage.one), f"/campaigns/{stage.campaign_id}/works/rows/new"
    fields = {"kind": "tv", "published": "2021", "consent": ""}
    old = version_of(one.get(new).text)
    assert submit(one, new, title="潮騒ロケット", version=old, **fields).status_code == 303
    answer = submit(one, new, title="霧の灯台守", version=old, **fields)
    assert answer.status_code == 409
    assert "霧の灯台守" in answer.text
    assert "The list was changed meanwhile" in answer.text
    now = version_of(answer.text)
    assert now != old
    assert submit(one, new, title="霧の灯台守", version=now, **fields).status_code == 303


def test_a_reason_stays_when_the_proof_is_stale(app):
    out = fill()
    staff, home = seated(app, out.staff), f"/issues/{out.issue_id}"
    past = datetime.now(UTC) - timedelta(minutes=29)
    page = staff.get(home).text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page).group(1)
    db.run(
        lambda s, _a: s.execute(update(SignInSession).values(proved_at=past)), system_act(datetime.now(UTC))
    )
    typed = {"csrf_token": token, "reason": "The second demand was met."}
    answer = staff.post(f"{home}/withdraw", data=typed)
    assert answer.status_code == 401
    for words in ("The second demand was met.", 'name="password"', "<details open"):
        assert words in answer.text
    wrong = staff.post(f"{home}/withdraw", data={**typed, "password": "not mine"})
    assert wrong.status_code == 422
    assert "The second demand was met." in wrong.text
    empty = staff.post(f"{home}/withdraw", data={**typed, "reason": " "})
    assert empty.status_code == 422
    assert "Say why the letter is withdrawn" in empty.text


# --- checking, by anyone --------------------------------------------------------------------------


def test_a_process_checks_one_file_at_a_time(plain, monkeypatch):
    inside, leave, most = threading.Semaphore(0), threading.Event(), []
    running = []

    def slow(_path, *, house):
        running.append(1)
        most.append(len(running))
        inside.release()
        leave.wait(10)
        running.pop()
        raise RuntimeError("the checker fell over")  # the next one is let in all the same

    monkeypatch.setattr(checking, "check_file", slow)
    monkeypatch.setattr(checking, "PATIENCE", 0.05)

    def first():
        with pytest.raises(RuntimeError):
            checking.check_upload(b"one", house=None)

    one = threading.Thread(target=first)
    one.start()
    assert inside.acquire(timeout=5)
    client = plain.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/verify").text).group(1)
    answer = client.post("/verify", data={"csrf_token": token, "file": (io.BytesIO(b"two"), "two.pdf")})
    assert answer.status_code == 503
    assert "Many files are being checked now; try again in a minute." in answer.text
    Page(answer.text)
    leave.set()
    one.join(5)
    with pytest.raises(RuntimeError):
        checking.check_upload(b"three", house=None)
    assert most == [1, 1]


def test_a_stranger_may_send_less_than_staff(plain, monkeypatch):
    monkeypatch.setattr(plain.view_functions["letters.verify"], "most_bytes", 100_000)
    client = plain.test_client()
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/verify").text).group(1)
    large = {"csrf_token": token, "file": (io.BytesIO(b"x" * 200_000), "a.pdf")}
    answer = client.post("/verify", data=large)
    assert answer.status_code == 413
    Page(answer.text)
    assert letters_web.verify.most_bytes is not None
    assert plain.config["MAX_CONTENT_LENGTH"] > checking.MAX_UPLOAD
