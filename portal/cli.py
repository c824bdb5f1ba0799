"""``flask --app wsgi portal …``: what is done from the command line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from portal import db
from portal.config import ROOT, Settings
from portal.kernel.act import system_act
from portal.kernel.errors import Invalid, Refused
from portal.kernel.sentence import LANGUAGES, Sentence, say

F = TypeVar("F", bound=Callable[..., Any])

group = AppGroup("portal", help="Rensho: run it, rehearse a letter, check a letter.")


def init(app: Flask) -> None:
    """Register the commands on *app*."""
    app.cli.add_command(group)


def _settings() -> Settings:
    settings: Settings = current_app.extensions["rensho-settings"]
    return settings


def _language() -> str:
    """The terminal's language, of those the portal speaks."""
    wanted = (os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or "")[:2]
    return wanted if wanted in LANGUAGES else "en"


def _tell(sentence: Sentence) -> None:
    click.echo(sentence.render(_language()))


def _complain(sentence: Sentence) -> None:
    click.echo(sentence.render(_language()), err=True)


def refuse_to_start(sentence: Sentence) -> NoReturn:
    """Leave with *sentence*. The status is 3: gunicorn takes any other for an accident and tries again."""
    _complain(sentence)
    sys.exit(3)


def _require_database() -> None:
    """Leave with a sentence unless the database is set up."""
    if not db.is_at_head(db.current()):
        _complain(
            say(
                "The database of this installation is not set up, or not at the newest migration. "
                "Run `flask --app wsgi portal init` first; to check a letter without it, use --offline."
            )
        )
        sys.exit(2)


def _fail(error: Refused) -> None:
    """Print a refusal as lines and leave with exit status 1."""
    _complain(error.sentence)
    if isinstance(error, Invalid):
        for problem in error.problems:
            click.echo(f"  {problem.where}: {problem.sentence.render(_language())}", err=True)
    sys.exit(1)


@group.command("init")
@click.option("--admin", metavar="EMAIL", help="invite this person as the first administrator")
@click.option("--name", default="", help="the administrator's name")
def init_(admin: str | None, name: str) -> None:
    """Bring the database to the newest migration, make missing keys, invite the first administrator."""
    db.migrate(db.current())
    _tell(say("The database is at the newest migration."))
    if admin:
        from portal.members import service as members

        try:
            link = db.run(
                members.create_first_administrator, system_act(datetime.now(UTC)), email=admin, name=name
            )
        except Refused as error:
            _fail(error)
        else:
            address = f"{_settings().base_url}/invitation/{link}"
            _tell(say("%(email)s sets a password at %(address)s", email=admin, address=address))


@group.command("worker")
@click.option("--once", is_flag=True, help="do what is due now, then stop")
def worker(once: bool) -> None:
    """Deliver messages, seal letters, close rounds, sign checkpoints; until stopped."""
    _require_database()
    work = current_app.extensions["rensho-worker"]()
    if once:
        work.drain()
        return
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    work.run_forever(stop)


@group.command("up")
@click.option("--workers", default=2, show_default=True, help="web worker processes")
def up(workers: int) -> None:
    """Web and worker together, with the demonstration if RENSHO_DEMO=yes; Ctrl-C stops all."""
    settings = _settings()
    port = urlsplit(settings.base_url).port or int(os.environ.get("PORT", "8000"))
    _require_free(port)
    db.migrate(db.current())
    lines: list[str] = []
    if settings.demo:
        from portal.rehearsal import demo

        lines = demo.ensure(datetime.now(UTC), current_app.extensions["rensho-house"])
    stop = threading.Event()
    thread = threading.Thread(
        target=current_app.extensions["rensho-worker"]().run_forever, args=(stop,), name="worker"
    )
    _stop_like_ctrl_c()
    web = _start_web(settings, port, workers)
    try:
        _wait_for(port, web)
        thread.start()  # not before: without the web, nothing is sent, sealed or signed either
        at = say("Rensho is at %(address)s (stop with Ctrl-C)", address=settings.base_url)
        click.echo(f"\n  {at.render(_language())}\n")
        for line in lines:
            click.echo(f"  {line}")
        sys.stdout.flush()
        sys.exit(web.wait())
    except KeyboardInterrupt:
        with suppress(OSError):  # the terminal may be gone
            click.echo()
            _tell(say("Stopping …"))
    finally:
        stop.set()
        _end(web)
        if thread.ident is not None:
            thread.join(15)


def _stop_like_ctrl_c() -> None:
    """A service manager's SIGTERM and a terminal that is closed stop like Ctrl-C; ``nohup`` is heeded."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def interrupt(_number: int, _frame: object) -> None:
        for number in numbers:  # a second one, in the middle of stopping, would leave the web server behind
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in numbers:
        signal.signal(number, interrupt)


def _end(web: subprocess.Popen[bytes]) -> None:
    """Let requests finish, but not for ever."""
    if web.poll() is None:
        web.terminate()
    try:
        web.wait(15)
    except subprocess.TimeoutExpired:
        os.killpg(web.pid, signal.SIGKILL)  # it was started as the leader of a session of its own


def _require_free(port: int) -> None:
    """Leave with a sentence if somebody listens at *port* already: its answers would pass for ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            _complain(
                say(
                    "Port %(port)s of this machine cannot be used (%(reason)s); perhaps the portal runs "
                    "already. Stop what is there, or take another port: PORT=%(next)s make run",
                    port=port,
                    next=port + 1,
                    reason=error.strerror,
                )
            )
            sys.exit(1)


def _start_web(settings: Settings, port: int, workers: int) -> subprocess.Popen[bytes]:
    """Gunicorn on both loopback addresses: browsers take either for ``localhost``."""
    command = [
        *(sys.executable, "-m", "gunicorn", "--chdir", str(ROOT), "--log-level", "warning"),
        *("--workers", str(workers), "--worker-class", "gthread", "--threads", "4", "--no-control-socket"),
        *("--bind", f"127.0.0.1:{port}"),
        *(("--bind", f"[::1]:{port}") if _has_ipv6(port) else ()),
        "wsgi:app",
    ]
    environment = {**os.environ, "RENSHO_DATA": str(settings.data_dir)}
    # A session of its own, so that Ctrl-C reaches it only through us, after the worker has stopped.
    return subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own command


def _has_ipv6(port: int) -> bool:
    """Whether the port can be had on the loopback address of IPv6 too; some machines have none."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("::1", port))
    except OSError:
        return False
    return True


def _wait_for(port: int, web: subprocess.Popen[bytes]) -> None:
    """Until the portal answers on this machine, whatever address people use to reach it."""
    from urllib.error import URLError
    from urllib.request import urlopen

    for _ in range(600):
        if web.poll() is not None:
            _complain(say("The web server did not start; what it wrote above says why."))
            sys.exit(1)
        try:
            with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (URLError, OSError):
            time.sleep(0.05)


@group.command("rehearse")
@click.argument("members", type=click.Path(path_type=Path))
@click.argument("works", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option(
    "--brief", type=click.Path(path_type=Path), help="the letter's facts (default: the shipped example)"
)
@click.option(
    "--quorum",
    default="2/3",
    show_default=True,
    help="a fraction, a preset's name, or a rule file (TOML, JSON)",
)
@click.option("--approve", type=click.IntRange(min=0), help="only the first N members approve (default: all)")
@click.option(
    "--order",
    default="gojuon",
    show_default=True,
    type=click.Choice(["gojuon", "alphabetical", "category", "associations_first"]),
)
def rehearse(
    members: Path, works: Path, out: Path, brief: Path | None, quorum: str, approve: int | None, order: str
) -> None:
    """A whole campaign at once, from a members table and a folder of works lists, marked as a rehearsal."""
    from portal.rehearsal import rehearsal

    try:
        genuine = rehearsal.rehearse(
            members, works, out, brief=brief, quorum_rule=quorum, approve=approve, order=order,
            make_worker=current_app.extensions["rensho-make-worker"], language=_language(),
        )  # fmt: skip
    except Refused as error:
        _fail(error)
    else:
        sys.exit(0 if genuine else 1)


@group.command("verify")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--offline", is_flag=True, help="without this installation's register")
@click.option("--key", type=click.Path(path_type=Path), help="the log's verifier key (log.vkey)")
@click.option("--cert", type=click.Path(path_type=Path), help="the seal's certificate (seal.pem)")
@click.option("--proof", type=click.Path(path_type=Path), help="the letter's log proof (….tlog-proof)")
@click.option("--json", "as_json", is_flag=True, help="the verdict as JSON")
def verify(
    file: Path, offline: bool, key: Path | None, cert: Path | None, proof: Path | None, as_json: bool
) -> None:
    """Say whether FILE is a genuine letter; exit status 0 only if it is."""
    from portal.letters import checking

    _require_readable(file, key, cert, proof)
    if not offline:
        _require_database()
    checked = checking.check_file(
        file,
        house=current_app.extensions["rensho-house"],
        offline=offline,
        vkey=_text(key),
        certificate=_text(cert),
        proof=_text(proof),
    )
    language = _language()
    if as_json:
        click.echo(json.dumps(checked.as_json(language), ensure_ascii=False, indent=1))
    else:
        for line in checked.lines(language):
            click.echo(line)
    sys.exit(0 if checked.genuine else 1)


@group.command("verify-receipt")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="the log's verifier key (log.vkey)")
def verify_receipt(file: Path, key: Path | None) -> None:
    """Say whether FILE (a receipt with proof) is of an answer that is in the log; exit status 0 only if so.

    Needs no database. Without --key it is this installation's log.
    """
    from portal.signoffs.receipts import verify_logged

    _require_readable(file, key)
    vkey = _text(key) if key else current_app.extensions["rensho-log-key"].vkey
    try:
        document = json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not verify_logged(document, vkey or ""):
        _complain(say("Not proved: this file does not show that the log holds this answer."))
        sys.exit(1)
    _tell(say("The log holds exactly the answer in this receipt."))


def _require_readable(*paths: Path | None) -> None:
    """Leave with a sentence and exit status 2 unless all of *paths* are files that can be read."""
    for path in filter(None, paths):
        if not path.is_file():
            _complain(say("There is no file %(path)s.", path=path))
            sys.exit(2)
        if not os.access(path, os.R_OK):
            _complain(say("You may not read the file %(path)s.", path=path))
            sys.exit(2)


def _text(path: Path | None) -> str | None:
    """A key's, certificate's or proof's text; what is not text is no such thing, which the steps then say."""
    return None if path is None else path.read_bytes().decode("utf-8", "replace").strip("\ufeff")


@group.command("doctor")
def doctor() -> None:
    """Check this installation: database, log, files, keys; exit status 0 only if all is well."""
    from portal.letters import checking

    _require_database()
    language = _language()
    act = system_act(datetime.now(UTC))
    findings = db.read(checking.health, act, house=current_app.extensions["rensho-house"])
    for good, sentence in findings:
        click.echo(f"{'ok ' if good else 'BAD'} {sentence.render(language)}")
    missing = [name for name in ("pdftotext", "pdfsig", "qpdf") if shutil.which(name) is None]
    if missing:
        _tell(say("    (useful and not here: %(programs)s)", programs=", ".join(missing)))
    sys.exit(0 if all(good for good, _ in findings) else 1)
