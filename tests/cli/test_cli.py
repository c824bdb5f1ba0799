"""What an operator types: set up, work off, check a file, look after the installation, run it all."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.request import urlopen

import pytest
from click.testing import Result

from portal import db
from portal.app import create_app, make_worker
from portal.campaigns import service as campaigns
from portal.config import from_environment
from portal.kernel.act import Role, system_act
from portal.kernel.errors import Refused
from portal.letters.house import House
from portal.members import service as members
from portal.notifications import outbox
from portal.rehearsal import demo, play
from portal.signoffs import service as signoffs
from tests.conftest import make_act
from tests.rehearsal.files import portal, rehearse, verify_offline, write_inputs
from tests.running import ROOT, free_port, running_portal

UNSET = "not set up"


def in_use(data: Path) -> House:
    """This process works on the installation in *data* too, as a page would."""
    app = create_app(from_environment({"RENSHO_DATA": str(data)}))
    house: House = app.extensions["rensho-house"]
    return house


@pytest.fixture(autouse=True)
def nothing_stays_in_use():
    yield
    if db._current is not None:
        db.current().dispose()
        db.use(None)


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with an issued letter: the demonstration carried to its end. Not to be changed."""
    data = tmp_path_factory.mktemp("issued") / "data"
    house = in_use_with_demo(data)
    staff = seat_of(demo.STAFF_EMAIL)
    (campaign,) = db.read(campaigns.list_for, staff)
    (round_,) = db.read(signoffs.rounds_of_campaign, staff, campaign_id=campaign.id)
    for address in (
        demo.SHOWN[1],
        "aoi@midorinomori.example",
        "seun@northlight.example",
        "izumi@tegaki-guild.example",
    ):
        play.approve(seat_of(address), round_.id)
    db.run(signoffs.close_round, staff, round_id=round_.id)
    for address in (demo.OFFICER_EMAIL, "iris@alliance.example")[: round_.officers_needed]:
        officer = seat_of(address)
        shown = {"revision_digest": round_.revision_digest, "frame_digest": round_.frame_digest}
        db.run(signoffs.countersign, officer, round_id=round_.id, **shown)
    view = play.issue(staff, round_.letter_id, house, make_worker(house))
    assert len(view.editions) == 2
    out = data.parent / "files"
    out.mkdir()
    for edition in view.editions:
        (out / f"letter.{edition.edition}.pdf").write_bytes(house.files.get(edition.file_digest))
    db.current().dispose()
    db.use(None)
    return data


def in_use_with_demo(data: Path) -> House:
    assert portal(data, "init").returncode == 0
    house = in_use(data)
    demo.ensure(datetime.now(UTC), house)
    return house


def seat_of(address: str):
    now = datetime.now(UTC)
    seats = db.read(lambda session, _act: [
        seat for member_id in [None, *(one.id for one in members.list_members(session, system_act(now)))]
        for seat in members.live_seats(session, member_id)
    ], system_act(now))  # fmt: skip
    return play.acting(next(seat for seat in seats if seat.email == address), now)


@pytest.fixture
def spoiled(issued: Path, tmp_path: Path) -> Path:
    """A copy of that installation, to be changed."""
    shutil.copytree(issued, tmp_path / "data")
    return tmp_path / "data"


def letter_in(data: Path, edition: str = "public") -> Path:
    return data.parent / "files" / f"letter.{edition}.pdf"


def typed(data: Path, *arguments: object) -> Result:
    """A command in this process, for the many ways of getting one wrong."""
    app = create_app(from_environment({"RENSHO_DATA": str(data)}))
    return app.test_cli_runner().invoke(args=["portal", *map(str, arguments)])


# --- init -----------------------------------------------------------------------------------------


def test_init_gives_the_first_administrator_a_link_that_works_once(tmp_path):
    data = tmp_path / "data"
    said = portal(data, "init", "--admin", "sakura@alliance.example", "--name", "雲野 さくら", PORT="8123")
    assert said.returncode == 0, said.stderr
    assert "The database is at the newest migration." in said.stdout
    (token,) = re.findall(r"sakura@alliance\.example .* http://localhost:8123/invitation/(\S+)", said.stdout)
    assert len(token) >= 43  # 256 bits
    assert token.encode() not in (data / "rensho.db").read_bytes()

    in_use(data)
    stranger = make_act(at=datetime.now(UTC), person_id="x" * 32)
    stranger = type(stranger)(**{**vars(stranger), "person_id": None, "proved_at": None})
    taken = db.run(
        members.accept_invitation, stranger, token=token, name="雲野 さくら", password=play.PASSWORD
    )
    seat = db.read(lambda session, _act: members.seat(session, taken.seat_id), stranger)
    assert (seat.member_id, Role.administrator in seat.roles) == (None, True)
    with pytest.raises(Refused):
        db.run(members.accept_invitation, stranger, token=token, name="Somebody", password=play.PASSWORD)

    again = portal(data, "init", "--admin", "makoto@alliance.example")
    assert again.returncode == 1
    assert "/invitation/" not in again.stdout
    assert again.stderr.strip()
    assert "Traceback" not in again.stderr


def test_init_twice_changes_nothing_and_a_bad_address_is_refused(tmp_path):
    data = tmp_path / "data"
    assert portal(data, "init").returncode == 0
    keys = {path: path.read_bytes() for path in (data / "keys").iterdir()}
    assert portal(data, "init").returncode == 0
    assert {path: path.read_bytes() for path in (data / "keys").iterdir()} == keys
    bad = portal(data, "init", "--admin", "not an address")
    assert bad.returncode == 1
    assert "Traceback" not in bad.stderr


# --- worker ---------------------------------------------------------------------------------------


def test_worker_once_does_what_is_due_and_stops(tmp_path):
    data = tmp_path / "data"
    assert portal(data, "worker", "--once").returncode == 2  # no database
    portal(data, "init")
    in_use(data)
    db.run(add_message, system_act(datetime.now(UTC)))
    assert not (data / "outbox").exists()
    said = portal(data, "worker", "--once")
    assert said.returncode == 0, said.stderr
    (mail,) = (data / "outbox").glob("*.eml")
    assert "To: naoko@takahashi-eizo.example" in mail.read_text()
    assert portal(data, "worker", "--once").returncode == 0
    assert list((data / "outbox").glob("*.eml")) == [mail]


def add_message(session, act):
    outbox.add(
        session, act, key="test:1", to="naoko@takahashi-eizo.example", language="en", template="letters/issued",
        context={"reference": "FCA-2026-0001", "issue_id": "1" * 32, "subject": {"en": "Subject"}, "member": {"en": "Takahashi Eizo Inc."}},
    )  # fmt: skip


def test_a_worker_stops_on_sigterm(tmp_path):
    data = tmp_path / "data"
    portal(data, "init")
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "portal", "worker"],
        cwd=ROOT, env={**os.environ, "RENSHO_DATA": str(data)}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        wait_until(lambda: "job" in tables_written(data))
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, process.stdout.read()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def tables_written(data: Path) -> set[str]:
    with sqlite3.connect(f"file:{data / 'rensho.db'}?mode=ro", uri=True) as connection:
        return {"job"} if connection.execute("SELECT count(*) FROM job").fetchone()[0] else set()


def wait_until(true, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.1)


# --- verify ---------------------------------------------------------------------------------------


def test_verify_says_genuine_of_what_was_issued_and_altered_of_a_copy_with_a_byte_more(issued, tmp_path):
    for edition in ("addressee", "public"):
        said = portal(issued, "verify", letter_in(issued, edition))
        assert said.returncode == 0, said.stdout + said.stderr
        assert said.stdout.startswith("This file is genuine")
        assert f"edition: {edition}" in said.stdout
    copy = tmp_path / "copy.pdf"
    copy.write_bytes(letter_in(issued).read_bytes() + b"\n")
    said = portal(issued, "verify", copy)
    assert said.returncode == 1
    assert said.stdout.startswith("This file is not genuine")
    assert "NO " in said.stdout


def test_verify_as_json_for_programs(issued, tmp_path):
    said = portal(issued, "verify", "--json", letter_in(issued))
    assert said.returncode == 0
    verdict = json.loads(said.stdout)
    assert (verdict["genuine"], verdict["finding"]) == (True, "genuine")
    assert {step["outcome"] for step in verdict["steps"]} == {"passed"}
    assert verdict["facts"]["reference"].startswith("FCA-2")
    (tmp_path / "other.txt").write_text("Dear Sir or Madam")
    said = portal(issued, "verify", "--json", tmp_path / "other.txt")
    assert said.returncode == 1
    assert json.loads(said.stdout)["finding"] == "unknown"


def test_verify_speaks_japanese_where_the_terminal_does(issued):
    said = portal(issued, "verify", letter_in(issued), LANG="ja_JP.UTF-8")
    assert said.returncode == 0
    assert re.match(r"[ぁ-んァ-ヶ一-龠]", said.stdout)


def test_verify_tells_missing_files_and_a_missing_database_apart_from_a_bad_letter(tmp_path):
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"%PDF-1.7")
    said = typed(tmp_path / "data", "verify", tmp_path / "nowhere.pdf")
    assert (said.exit_code, said.stderr) == (2, f"There is no file {tmp_path / 'nowhere.pdf'}.\n")
    said = typed(tmp_path / "data", "verify", tmp_path)
    assert said.exit_code == 2
    said = typed(tmp_path / "data", "verify", letter)
    assert said.exit_code == 2
    assert UNSET in said.stderr
    assert "--offline" in said.stderr
    for option in ("--key", "--cert", "--proof"):
        said = typed(tmp_path / "data", "verify", "--offline", option, tmp_path / "nowhere", letter)
        assert (said.exit_code, "nowhere" in said.stderr) == (2, True)


def test_verify_offline_needs_key_certificate_and_proof(tmp_path):
    given = write_inputs(tmp_path)
    assert rehearse(given)
    letter, data = given.out / "letter.public.pdf", tmp_path / "data"
    full = [
        "--key",
        given.out / "log.vkey",
        "--cert",
        given.out / "seal.pem",
        "--proof",
        given.out / "letter.public.tlog-proof",
    ]
    assert typed(data, "verify", "--offline", *full, letter).exit_code == 0
    for left_out in (0, 2, 4):
        said = typed(data, "verify", "--offline", *full[:left_out], *full[left_out + 2 :], letter)
        assert said.exit_code == 1
        assert said.stdout.startswith("Nothing shows that this file is a letter")
    # What is no key, certificate or proof at all is none, and no trouble of the program's.
    for wrong in (1, 3, 5):
        given_wrongly = [*full[:wrong], letter, *full[wrong + 1 :]]
        said = typed(data, "verify", "--offline", *given_wrongly, letter)
        assert said.exit_code == 1, said
        assert "Traceback" not in said.stderr
        assert not said.stdout.startswith("This file is genuine")
    copy = tmp_path / "copy.pdf"
    copy.write_bytes(letter.read_bytes().replace(b"/Reason", b"/reason", 1))
    said = verify_offline(data, copy, given.out, "public")
    assert (said.returncode, said.stdout.startswith("This file is not genuine")) == (1, True)


# --- doctor ---------------------------------------------------------------------------------------


def test_doctor_finds_a_sound_installation_sound(issued, tmp_path):
    assert portal(tmp_path / "none", "doctor").returncode == 2
    said = portal(issued, "doctor")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "BAD" not in said.stdout
    assert re.search(r"^ok  The log is whole: \d+ entries\.$", said.stdout, re.MULTILINE)


def change_a_log_row(data: Path) -> None:
    """What somebody with the database's password can do: triggers do not stop him, the log shows it."""
    with sqlite3.connect(data / "rensho.db") as connection:
        for (trigger,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'log_entry'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        entry = connection.execute(
            "SELECT entry FROM log_entry WHERE kind = 'letters:letter:issued'"
        ).fetchone()[0]
        changed = entry.replace(b'"rehearsal":false', b'"rehearsal":true ')
        assert changed != entry
        connection.execute("UPDATE log_entry SET entry = ? WHERE kind = 'letters:letter:issued'", (changed,))
    connection.close()


def test_doctor_finds_a_changed_log_row(spoiled):
    change_a_log_row(spoiled)
    said = portal(spoiled, "doctor")
    assert said.returncode == 1, said.stdout + said.stderr
    assert said.stdout.count("BAD") >= 1
    assert "The log is whole" not in said.stdout
    assert "Every registered file is there" in said.stdout


@pytest.mark.parametrize("how", ["missing", "damaged"])
def test_doctor_finds_a_missing_or_damaged_registered_file(spoiled, how):
    stored = next(
        path
        for path in (spoiled / "files").rglob("*")
        if path.is_file() and path.read_bytes()[:5] == b"%PDF-"
    )
    if how == "missing":
        stored.unlink()
    else:
        stored.chmod(0o644)
        stored.write_bytes(stored.read_bytes()[:-1])
    said = portal(spoiled, "doctor")
    assert said.returncode == 1
    assert re.search(r"^BAD .*1 .*(missing|damaged)", said.stdout, re.MULTILINE), said.stdout
    assert "The log is whole" in said.stdout


# --- up -------------------------------------------------------------------------------------------


def test_up_starts_answers_keeps_what_was_done_and_stops_quickly(tmp_path):
    data = tmp_path / "data"
    with running_portal(data, demo=True) as first:
        assert urlopen(f"{first.url}/healthz", timeout=5).read() == b"ok\n"
        with urlopen(f"{first.url.replace('localhost', '127.0.0.1')}/", timeout=5) as page:
            assert page.status == 200
        assert all(address in first.said for address in (demo.STAFF_EMAIL, demo.OFFICER_EMAIL, *demo.SHOWN))
        asked_to_stop = time.monotonic()
    assert time.monotonic() - asked_to_stop < 10
    in_use(data)
    db.run(add_message, system_act(datetime.now(UTC)))
    before = counted(data)
    db.current().dispose()

    started = time.monotonic()
    with running_portal(data, demo=True) as second:
        assert time.monotonic() - started < 15
        assert second.said.replace(second.url, "") == first.said.replace(first.url, "")
        wait_until(
            lambda: any("FCA-2026-0001" in mail.read_text() for mail in (data / "outbox").glob("*.eml"))
        )
    after = counted(data)
    assert after == before


def counted(data: Path) -> dict[str, int]:
    with sqlite3.connect(f"file:{data / 'rensho.db'}?mode=ro", uri=True) as connection:
        return {
            name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
            for name in ("member", "person", "seat", "campaign", "letter", "round", "signoff", "message")
        }


def test_up_ends_everything_when_it_is_terminated(tmp_path):
    """A service manager sends SIGTERM; neither web nor worker may go on without the other."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "flask", "--app", "wsgi", "portal", "up"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "RENSHO_DATA": str(tmp_path / "data"), "PORT": str(port), "RENSHO_DEMO": "no"}, start_new_session=True,
    )  # fmt: skip
    try:
        wait_until(lambda: answers(port))
        process.send_signal(signal.SIGTERM)
        process.wait(15)
        wait_until(lambda: not answers(port), seconds=3)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as page:
            return page.status == 200
    except OSError:
        return False


@pytest.mark.parametrize("somebody", ["silent", "another portal"])
def test_up_says_that_the_port_is_taken(tmp_path, somebody):
    if somebody == "silent":
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            said = up(tmp_path / "data", taken.getsockname()[1])
    else:
        with running_portal(tmp_path / "first") as running:
            said = up(tmp_path / "data", int(running.url.rpartition(":")[2]))
    assert said.returncode == 1
    assert re.search(
        r"^Port \d+ of this machine cannot be used .* PORT=\d+ make run$", said.stderr, re.MULTILINE
    )
    assert "Traceback" not in said.stderr
    assert "Rensho is at" not in said.stdout


def up(data: Path, port: int) -> subprocess.CompletedProcess:
    return portal(data, "up", PORT=str(port), seconds=60)
