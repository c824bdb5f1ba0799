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
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import click
from flask import Flask, current_app
from flask.cli import AppGroup

from portal import db
from portal.config import ROOT, Settings
from portal.kernel.act import system_act
from portal.kernel.errors import Invalid, Refused
from portal.kernel.sentence import LANGUAGES

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


def _require_database() -> None:
    """Leave with a sentence unless the database is set up."""
    if not db.is_at_head(db.current()):
        click.echo(
            "The database of this installation is not set up, or not at the newest migration. "
            "Run `flask --app wsgi portal init` first; to check a letter without it, use --offline.",
            err=True,
        )
        sys.exit(2)


def _fail(error: Refused) -> None:
    """Print a refusal as lines and leave with exit status 1."""
    language = _language()
    click.echo(error.sentence.render(language), err=True)
    if isinstance(error, Invalid):
        for problem in error.problems:
            click.echo(f"  {problem.where}: {problem.sentence.render(language)}", err=True)
    sys.exit(1)


@group.command("init")
@click.option("--admin", metavar="EMAIL", help="invite this person as the first administrator")
@click.option("--name", default="", help="the administrator's name")
def init_(admin: str | None, name: str) -> None:
    """Bring the database to the newest migration, make missing keys, invite the first administrator."""
    db.migrate(db.current())
    click.echo("The database is at the newest migration.")
    if admin:
        from portal.members import service as members

        try:
            link = db.run(
                members.create_first_administrator, system_act(datetime.now(UTC)), email=admin, name=name
            )
        except Refused as error:
            _fail(error)
        else:
            click.echo(f"{admin} sets a password at {_settings().base_url}/invitation/{link}")


@group.command("worker")
@click.option("--once", is_flag=True, help="do what is due now, then stop")
def worker(once: bool) -> None:
    """Deliver messages, seal letters, close rounds, sign checkpoints; until stopped."""
    _require_database()
    work = current_app.extensions["rensho-worker"]()
    if once:
        work.drain(datetime.now(UTC))
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
    db.migrate(db.current())
    lines: list[str] = []
    if settings.demo:
        from portal.rehearsal import demo

        lines = demo.ensure(datetime.now(UTC), current_app.extensions["rensho-house"])
    stop = threading.Event()
    thread = threading.Thread(
        target=current_app.extensions["rensho-worker"]().run_forever, args=(stop,), name="worker"
    )
    port = urlsplit(settings.base_url).port or int(os.environ.get("PORT", "8000"))
    web = _start_web(settings, port, workers)
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    thread.start()
    try:
        _wait_for(settings.base_url, web)
        click.echo(f"\n  Rensho is at {settings.base_url} (stop with Ctrl-C)\n")
        for line in lines:
            click.echo(f"  {line}")
        click.echo("", nl=False)
        sys.stdout.flush()
        sys.exit(web.wait())
    except KeyboardInterrupt:
        click.echo("\nStopping …")
    finally:
        stop.set()
        if web.poll() is None:
            web.terminate()
            web.wait(15)
        thread.join(15)


def _start_web(settings: Settings, port: int, workers: int) -> subprocess.Popen[bytes]:
    """Gunicorn on both loopback addresses: browsers take either for ``localhost``."""
    command = [
        *(sys.executable, "-m", "gunicorn", "--chdir", str(ROOT), "--log-level", "warning"),
        *("--workers", str(workers), "--worker-class", "gthread", "--threads", "4", "--no-control-socket"),
        *("--bind", f"127.0.0.1:{port}"),
        *(("--bind", f"[::1]:{port}") if _has_ipv6() else ()),
        "wsgi:app",
    ]
    environment = {**os.environ, "RENSHO_DATA": str(settings.data_dir)}
    # A session of its own, so that Ctrl-C reaches it only through us, after the worker has stopped.
    return subprocess.Popen(command, env=environment, start_new_session=True)  # noqa: S603 - our own command


def _has_ipv6() -> bool:
    """Whether the loopback address of IPv6 can be bound; some machines have none."""
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _wait_for(base_url: str, web: subprocess.Popen[bytes]) -> None:
    """Until the first page answers; a port in use ends the start with a sentence."""
    from urllib.error import URLError
    from urllib.request import urlopen

    for _ in range(300):
        if web.poll() is not None:
            click.echo(
                f"The web server did not start; is something else at {base_url}? Try PORT=8001 make run",
                err=True,
            )
            sys.exit(1)
        try:
            with urlopen(f"{base_url}/healthz", timeout=2):  # noqa: S310 - our own address
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

    for path in (file, key, cert, proof):
        if path is not None and not path.is_file():
            click.echo(f"There is no file {path}.", err=True)
            sys.exit(2)
    if not offline:
        _require_database()
    checked = checking.check_file(
        file,
        house=current_app.extensions["rensho-house"],
        offline=offline,
        vkey=key.read_text().strip() if key else None,
        certificate=cert.read_text() if cert else None,
        proof=proof.read_text() if proof else None,
    )
    language = _language()
    if as_json:
        click.echo(json.dumps(checked.as_json(language), ensure_ascii=False, indent=1))
    else:
        for line in checked.lines(language):
            click.echo(line)
    sys.exit(0 if checked.genuine else 1)


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
        click.echo(f"    (useful and not here: {', '.join(missing)})")
    sys.exit(0 if all(good for good, _ in findings) else 1)
