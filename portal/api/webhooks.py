"""Webhooks after the Standard Webhooks specification: an endpoint is told of each log entry it asked for.

What an endpoint is told is that something happened: kind, identifier and time, never what the entry
says of it. A room need not know of webhooks: `queue_calls` compares the log with what each endpoint has
been told and queues one job an entry; `deliverer` makes the handler that calls.

Specification: https://www.standardwebhooks.com (signature ``v1``: HMAC-SHA256 over id.timestamp.body).
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import secrets
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy.orm import Session

from portal import db
from portal.api.model import WebhookAttempt, WebhookEndpoint
from portal.audit import log
from portal.audit.commitment import time_text
from portal.jobs import queue
from portal.kernel.act import Act, Permission, new_id, require
from portal.kernel.digest import canonical
from portal.kernel.errors import Conflict, Invalid, Problem
from portal.kernel.sentence import say

JOB: Final = "api.webhook"
BATCH: Final = 500
"""Log entries looked at in one go."""
TIMEOUT: Final = 15.0
"""Seconds; the specification recommends 15 to 30."""
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - what every secret begins with, by the specification


class NotDelivered(Exception):  # noqa: N818 - it reads as what happened
    """The endpoint did not take the call; the job is tried again later."""


@dataclass(frozen=True)
class EndpointView:
    """An endpoint as staff see it, with its latest attempt."""

    id: str
    url: str
    kinds: tuple[str, ...]
    created_at: datetime
    disabled_at: datetime | None
    last_at: datetime | None
    last_status: int | None
    last_detail: str | None


# --- pure parts -----------------------------------------------------------------------------------


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` of a call: ``v1,`` and base64. *timestamp* is seconds since 1970."""
    key = base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, "sha256")).decode()


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet, whichever way it is written."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        # Addresses that carry an IPv4 one inside would otherwise lead to 127.0.0.1 by another name.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in ipaddress.ip_network("64:ff9b::/96"):
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            return inner.is_global and not inner.is_multicast
    return ip.is_global and not ip.is_multicast


def checked_url(url: str, *, loopback: bool = False) -> SplitResult:
    """The parts of an endpoint's address. With *loopback* (tests), plain http to loopback is allowed.

    Raises `Invalid` for anything but https with a host and without a user name.
    """
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    local = loopback and parts.scheme == "http" and host in {"127.0.0.1", "localhost", "::1"}
    if not host or parts.username is not None or not (parts.scheme == "https" or local) or len(url) > 2_000:
        raise Invalid(
            [Problem("url", say("Give an address that begins with https:// and has no user name."))]
        )
    return parts


# --- use cases ------------------------------------------------------------------------------------


def _box(secret_key: str) -> Fernet:
    # Derived for this one purpose: the same setting also protects other things.
    key = sha256(b"rensho/webhooks/1\n" + secret_key.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(key))


def register(
    session: Session,
    act: Act,
    *,
    url: str,
    kinds: tuple[str, ...],
    secret_key: str,
    loopback: bool = False,
) -> str:
    """Have *url* told of every entry from now on whose kind begins with one of *kinds* (none: of all).

    Returns the secret (``whsec_…``), which is shown once. *secret_key* is the installation's.
    """
    require(act, Permission.webhook_manage)
    checked_url(url, loopback=loopback)
    secret = _SECRET_PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()
    row = WebhookEndpoint(
        id=new_id(),
        url=url.strip(),
        secret=_box(secret_key).encrypt(secret.encode()),
        kinds=list(kinds),
        sent_to=log.size(session),
        created_by=act.person_id,
        created_at=act.at,
    )
    session.add(row)
    session.flush()
    log.append(session, act, "api:webhook:registered", row.id, {"kinds": list(kinds)})
    return secret


def disable(session: Session, act: Act, *, endpoint_id: str) -> None:
    """Call this endpoint no more. Raises `Conflict` if that is so already."""
    require(act, Permission.webhook_manage)
    row = db.lock(session, WebhookEndpoint, endpoint_id)
    if row.disabled_at is not None:
        raise Conflict(say("This endpoint is disabled already."))
    row.disabled_at = act.at
    log.append(session, act, "api:webhook:disabled", row.id, {})


def endpoints(session: Session, act: Act) -> tuple[EndpointView, ...]:
    """All endpoints, the newest first."""
    require(act, Permission.webhook_manage, to_look=True)
    views = []
    for row in session.scalars(sa.select(WebhookEndpoint).order_by(WebhookEndpoint.id.desc())):
        last = session.scalars(
            sa.select(WebhookAttempt)
            .where(WebhookAttempt.endpoint_id == row.id)
            .order_by(WebhookAttempt.id.desc())
            .limit(1)
        ).first()
        views.append(
            EndpointView(
                row.id, row.url, tuple(row.kinds), row.created_at, row.disabled_at,
                last.at if last else None, last.status if last else None, last.detail if last else None,
            )
        )  # fmt: skip
    return tuple(views)


# --- the worker's part ----------------------------------------------------------------------------


def is_behind(session: Session, _act: Act) -> bool:
    """Whether there are log entries that `queue_calls` has not compared with every endpoint yet."""
    query = sa.select(WebhookEndpoint.id).where(
        WebhookEndpoint.disabled_at.is_(None), WebhookEndpoint.sent_to < log.size(session)
    )
    return session.scalar(query.limit(1)) is not None


def queue_calls(session: Session, act: Act) -> int:
    """Queue one job for each new log entry and each endpoint that asked for it; how many.

    Safe to repeat: the job's key is endpoint and position, and the place reached is kept with them.
    """
    size, queued = log.size(session), 0
    query = sa.select(WebhookEndpoint).where(
        WebhookEndpoint.disabled_at.is_(None), WebhookEndpoint.sent_to < size
    )
    for row in session.scalars(query.with_for_update()):
        upto = min(size, row.sent_to + BATCH)
        for entry in reversed(log.entries(session, act, before=upto, limit=upto - row.sent_to)):
            if not row.kinds or entry.kind.startswith(tuple(row.kinds)):
                payload = {"endpoint": row.id, "position": entry.position}
                queue.add(session, JOB, f"{JOB}:{row.id}:{entry.position}", payload, act.at)
                queued += 1
        row.sent_to = upto
    return queued


Handler = Callable[[Act, Mapping[str, Any]], None]


def deliverer(secret_key: str, *, loopback: bool = False) -> Handler:
    """The handler of the job `JOB`. *loopback* lets it call this machine, for tests only."""

    def deliver(act: Act, payload: Mapping[str, Any]) -> None:
        found = db.read(_call, act, endpoint_id=payload["endpoint"], position=payload["position"])
        if found is None:
            return
        url, sealed, message_id, body = found
        secret = _box(secret_key).decrypt(sealed).decode()
        timestamp = int(act.at.timestamp())
        headers = {
            "content-type": "application/json",
            "user-agent": "Rensho",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message_id, timestamp, body),
        }
        status, detail = post(url, headers, body, loopback=loopback)
        db.run(_note_attempt, act, payload=payload, status=status, detail=detail)
        if status is None or not 200 <= status < 300:
            # 410 has just disabled the endpoint: the next try finds it so and is done.
            raise NotDelivered(f"{status or detail}")

    return deliver


def _call(
    session: Session, act: Act, *, endpoint_id: str, position: int
) -> tuple[str, bytes, str, bytes] | None:
    """Address, sealed secret, message id and body of a call; None where it is wanted no more."""
    row = session.get(WebhookEndpoint, endpoint_id)
    entry = log.entry(session, act, position=position)
    if row is None or row.disabled_at is not None or entry is None:
        return None
    body = canonical(
        {
            # Full stops, as the specification recommends for event types.
            "type": entry.kind.replace(":", "."),
            "timestamp": time_text(entry.at),
            "data": {"subject": entry.subject},
        }
    )
    # The same for every try, so that the receiver can tell a repetition. It must have no full stop.
    return row.url, row.secret, f"msg_{endpoint_id}_{position}", body


def _note_attempt(
    session: Session, act: Act, *, payload: Mapping[str, Any], status: int | None, detail: str
) -> None:
    session.add(
        WebhookAttempt(
            id=new_id(), endpoint_id=payload["endpoint"], position=payload["position"], at=act.at,
            status=status, detail=detail[:300],
        )
    )  # fmt: skip
    if status == 410:  # Gone: the receiver wants no more, and the specification says to stop
        row = db.lock(session, WebhookEndpoint, payload["endpoint"])
        row.disabled_at = row.disabled_at or act.at


# --- the call itself ------------------------------------------------------------------------------


def post(
    url: str, headers: Mapping[str, str], body: bytes, *, loopback: bool = False
) -> tuple[int | None, str]:
    """POST *body*; the status and an empty text, or None and why there is no answer.

    Against server-side request forgery: https only; the name is resolved once, every address it has
    must be public, and the connection goes to exactly that address (a name that resolves differently
    a moment later changes nothing); redirects are not followed, proxies of the environment not used.
    """
    try:
        parts = checked_url(url, loopback=loopback)
        address, port = _resolved(parts, loopback=loopback)
        connection = _connect(parts, address, port)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, dict(headers))
            return connection.getresponse().status, ""
        finally:
            connection.close()
    except Invalid:
        return None, "the address is not allowed"
    except (OSError, HTTPException, ValueError) as error:
        return None, f"{type(error).__name__}: {error}"


def _resolved(parts: SplitResult, *, loopback: bool) -> tuple[str, int]:
    assert parts.hostname is not None  # checked_url
    port = parts.port or (443 if parts.scheme == "https" else 80)
    found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for address in addresses:
        local = loopback and ipaddress.ip_address(address).is_loopback
        if not local and not is_public(address):
            raise OSError("the name leads to an address that is not public")
    return addresses[0], port


def _connect(parts: SplitResult, address: str, port: int) -> HTTPConnection:
    """A connection to *address* that asks for, and checks the certificate of, the name in the URL."""
    host = parts.hostname or ""
    plain = socket.create_connection((address, port), timeout=TIMEOUT)
    if parts.scheme == "http":
        connection = HTTPConnection(host, port, timeout=TIMEOUT)
        connection.sock = plain
        return connection
    try:
        tls = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
    except OSError:
        plain.close()
        raise
    secure = HTTPSConnection(host, port, timeout=TIMEOUT)
    secure.sock = tls
    return secure
