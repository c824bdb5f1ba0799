"""Starting and stopping: another port, a log that is not the one signed, a terminal that is closed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from portal import db
from portal.app import create_app
from portal.audit.keys import load_or_make_signer
from portal.audit.note import sign_checkpoint
from portal.config import from_environment
from portal.notifications import mailer
from tests.running import ROOT, running_portal


def portal(data: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    own = {key: value for key, value in os.environ.items() if not key.startswith("RENSHO_")}
    return subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "portal", *words],
        cwd=ROOT, env={**own, "RENSHO_DATA": str(data), "LANG": "C.UTF-8", **env}, capture_output=True, text=True,
        check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation that has signed a checkpoint at the usual port."""
    assert portal(tmp_path / "var", "init").returncode == 0
    assert portal(tmp_path / "var", "worker", "--once").returncode == 0
    assert (tmp_path / "var/keys/checkpoint.last").exists()
    return tmp_path / "var"


def test_an_installation_may_move_to_another_port_and_host(data: Path):
    for env in ({"PORT": "8001"}, {"RENSHO_BASE_URL": "https://portal.association.example"}):
        done = portal(data, "doctor", **env)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (data / "keys/log.origin").read_text() == "localhost:8000/log\n"


def test_another_name_for_a_log_that_has_signed_is_refused_with_a_sentence(data: Path):
    done = portal(data, "doctor", RENSHO_LOG_ORIGIN="log.association.example")
    assert done.returncode == 3
    assert "localhost:8000/log" in done.stderr
    assert "log.association.example" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_behind_stops_the_start_with_a_sentence(data: Path):
    key = load_or_make_signer(data / "keys/log.seed", "localhost:8000/log")
    key.remember(sign_checkpoint(key.signer, 1, b"\1" * 32))  # over an entry that the database has not
    done = portal(data, "doctor")
    assert done.returncode == 3, done.stderr
    assert "restore the newest backup" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_seal_that_cannot_be_used_stops_the_start_with_a_sentence(tmp_path: Path):
    (tmp_path / "seal.p12").write_bytes(b"no such thing")
    done = portal(tmp_path / "var", "doctor", RENSHO_SEAL_P12=str(tmp_path / "seal.p12"))
    assert done.returncode == 3
    assert "Traceback" not in done.stderr


def answers(url: str) -> bool:
    try:
        with urlopen(f"{url}/healthz", timeout=2):
            return True
    except (URLError, OSError):
        return False


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_behind(tmp_path: Path, number: signal.Signals):
    with running_portal(tmp_path / "var") as running:
        assert answers(running.url)
        os.kill(running.pid, number)
        time.sleep(0.2)
        os.kill(running.pid, number)  # shells send it twice: the kernel to the group, and they to their jobs
        until = time.monotonic() + 20
        while answers(running.url) and time.monotonic() < until:
            time.sleep(0.1)
        assert not answers(running.url)


def test_gunicorn_gives_up_at_once_on_a_start_that_was_refused(data: Path):
    with pytest.raises(SystemExit) as refused:
        create_app(from_environment({"RENSHO_DATA": str(data), "RENSHO_REHEARSAL": "yes"}))
    db.use(None)
    mailer.configure(None)
    assert refused.value.code == 3  # gunicorn's own sign for "did not start"
