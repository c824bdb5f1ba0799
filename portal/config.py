"""Settings, from the environment, checked once at start; a bad one stops the start.

Every setting is named ``RENSHO_…`` except ``DATABASE_URL`` and ``PORT``, which hosts set themselves.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class BadSetting(SystemExit):
    """A setting is missing or wrong; the message names it and says what is expected."""


@dataclass(frozen=True)
class Settings:
    """What the installation is told from outside.

    ``base_url`` is the address people use, without a trailing slash. ``trusted_proxies`` is the
    number of proxies whose ``X-Forwarded-For`` entry is believed (0: none). ``tsa_urls`` are RFC 3161
    authorities tried in order. ``mail`` is ``inbox`` (files and a page) or ``smtp://`` / ``smtps://``.
    """

    data_dir: Path
    database_url: str
    secret_key: str = field(repr=False)
    base_url: str = "http://localhost:8000"
    mail: str = "inbox"
    mail_from: str = "portal@association.example"
    trusted_proxies: int = 0
    tsa_urls: tuple[str, ...] = ()
    timezone: str = "Asia/Tokyo"
    seal_p12: Path | None = None
    seal_passphrase: str = field(default="", repr=False)
    log_origin: str = ""
    rehearsal: bool = False
    demo: bool = False

    @property
    def secure(self) -> bool:
        """Whether the portal is reached over HTTPS."""
        return self.base_url.startswith("https://")

    @property
    def hosts(self) -> frozenset[str]:
        """The host names that the portal answers to (without port): that of its address.

        A portal on one's own machine answers to every name of that machine, and to no other: a page of
        another site that makes its own name lead here (DNS rebinding) is refused.
        """
        host = urlsplit(self.base_url).hostname or ""
        return LOOPBACK if host in LOOPBACK else frozenset({host})

    @property
    def shows_inbox(self) -> bool:
        """Whether a page may show the mail: it is kept as files, and only this machine reaches the portal.

        Never behind a proxy: then every caller looks as if it came from this machine.
        """
        return self.mail == "inbox" and self.hosts == LOOPBACK and not self.trusted_proxies

    @property
    def keys_dir(self) -> Path:
        return self.data_dir / "keys"

    @property
    def files_dir(self) -> Path:
        return self.data_dir / "files"

    @property
    def outbox_dir(self) -> Path:
        return self.data_dir / "outbox"

    @property
    def origin(self) -> str:
        """The log's origin (C2SP tlog-checkpoint): a schema-less URL, marked when it is a rehearsal."""
        host = self.log_origin or urlsplit(self.base_url).netloc + "/log"
        return host + "/rehearsal" if self.rehearsal else host


def _secret(env: Mapping[str, str], data_dir: Path) -> str:
    """The given secret, or one made on the first start and kept beside the keys."""
    given = env.get("RENSHO_SECRET_KEY")
    if given is not None:
        if len(given) < 32:
            raise BadSetting("RENSHO_SECRET_KEY has fewer than 32 characters; give a long random one.")
        return given
    path = data_dir / "keys" / "secret"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process of the same start was first
            return path.read_text()
        with os.fdopen(handle, "w") as file:
            file.write(os.urandom(32).hex())
    return path.read_text()


def _whole(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not re.fullmatch(r"\d{1,3}", text):
        raise BadSetting(f"{name} is “{text}”; it must be a whole number.")
    return int(text)


def _flag(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name, "no")
    if text not in {"yes", "no", "1", "0"}:
        raise BadSetting(f"{name} is “{text}”; it must be yes or no.")
    return text in {"yes", "1"}


def from_environment(env: Mapping[str, str] | None = None) -> Settings:
    """The settings of *env* (default: the process's environment).

    Raises `BadSetting` with a sentence that names the variable.
    """
    env = os.environ if env is None else env
    data_dir = Path(env.get("RENSHO_DATA", str(ROOT / "var"))).resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    base_url = env.get("RENSHO_BASE_URL", f"http://localhost:{env.get('PORT', '8000')}").rstrip("/")
    if urlsplit(base_url).scheme not in {"http", "https"} or not urlsplit(base_url).hostname:
        raise BadSetting(
            f"RENSHO_BASE_URL is “{base_url}”; it must be like https://portal.association.example"
        )
    mail = env.get("RENSHO_MAIL", "inbox")
    if mail != "inbox" and urlsplit(mail).scheme not in {"smtp", "smtps"}:
        raise BadSetting(f"RENSHO_MAIL is “{mail}”; it must be inbox, smtp://host:port or smtps://host:port")
    timezone = env.get("RENSHO_TIMEZONE", "Asia/Tokyo")
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError) as error:
        raise BadSetting(f"RENSHO_TIMEZONE is “{timezone}”; it must be a name like Asia/Tokyo") from error
    p12 = env.get("RENSHO_SEAL_P12")
    if p12 is not None and not Path(p12).is_file():
        raise BadSetting("RENSHO_SEAL_P12 names a file that is not there.")
    return Settings(
        data_dir=data_dir,
        database_url=env.get("DATABASE_URL", f"sqlite:///{data_dir / 'rensho.db'}"),
        secret_key=_secret(env, data_dir),
        base_url=base_url,
        mail=mail,
        mail_from=env.get("RENSHO_MAIL_FROM", "portal@association.example"),
        trusted_proxies=_whole(env, "RENSHO_TRUSTED_PROXIES", 0),
        tsa_urls=tuple(url for url in env.get("RENSHO_TSA_URLS", "").split() if url),
        timezone=timezone,
        seal_p12=Path(p12) if p12 else None,
        seal_passphrase=env.get("RENSHO_SEAL_PASSPHRASE", ""),
        log_origin=env.get("RENSHO_LOG_ORIGIN", ""),
        rehearsal=_flag(env, "RENSHO_REHEARSAL"),
        demo=_flag(env, "RENSHO_DEMO"),
    )
