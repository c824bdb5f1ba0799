"""What this installation sends mail with: sender, addresses of links, the key of secrets, the way out.

`configure` is called once by the one place that knows the settings (and by a rehearsal for its own).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from hashlib import sha256
from typing import Protocol

from cryptography.fernet import Fernet, InvalidToken


class Backend(Protocol):
    """A way out for one message."""

    def send(self, name: str, message: EmailMessage) -> None:
        """Hand *message* over; *name* is its id.

        Raises `Rejected`, `NotNow`, or `OSError` (no message can be handed over now).
        """


class Rejected(Exception):  # noqa: N818 - reads as what happened
    """The mail server will never take this message; trying again is pointless."""


class NotNow(Exception):  # noqa: N818 - reads as what happened
    """The mail server does not take this message at the moment; others it may."""


@dataclass(frozen=True)
class Mailer:
    """``sender`` is the From address, ``base_url`` begins every link, ``timezone`` is for times."""

    backend: Backend
    sender: str
    base_url: str
    secret_key: str = field(repr=False)
    timezone: str = "Asia/Tokyo"

    @property
    def domain(self) -> str:
        """The domain of Message-IDs."""
        return self.sender.rpartition("@")[2] or "localhost"

    def _fernet(self) -> Fernet:
        # Derived, so that the same setting never serves two purposes with the same key.
        key = sha256(b"rensho/outbox/1\n" + self.secret_key.encode()).digest()
        return Fernet(base64.urlsafe_b64encode(key))

    def encrypt(self, secret: Mapping[str, str]) -> bytes:
        """*secret* so that only this installation can read it back (AES-128-CBC and HMAC, Fernet)."""
        return self._fernet().encrypt(json.dumps(dict(secret)).encode())

    def decrypt(self, token: bytes) -> Mapping[str, str]:
        """What was encrypted. Raises `Rejected` if the settings' secret key has changed since."""
        try:
            secret: Mapping[str, str] = json.loads(self._fernet().decrypt(token))
        except InvalidToken as error:
            raise Rejected(
                "the secret of this message was encrypted with another RENSHO_SECRET_KEY"
            ) from error
        return secret


_mailer: Mailer | None = None


def configure(mailer: Mailer | None) -> None:
    """Make *mailer* the one that `outbox.add` and `delivery.deliver_due` use."""
    global _mailer  # noqa: PLW0603 - one process, one installation
    _mailer = mailer


def current() -> Mailer:
    """The mailer in use; a `RuntimeError` before `configure`."""
    if _mailer is None:
        raise RuntimeError("no mailer is configured")
    return _mailer
