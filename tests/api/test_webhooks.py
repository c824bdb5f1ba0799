"""Webhooks: signed as the specification says, and never sent where they could do harm."""

import base64
import hmac
import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from portal import db
from portal.api import webhooks
from portal.api.model import WebhookAttempt
from portal.audit import log
from portal.jobs.model import Job
from portal.kernel.act import Act, Role, system_act
from portal.kernel.errors import Conflict, Forbidden, Invalid, ProofNeeded
from tests.conftest import make_act
from tests.whole.rows import insert

KEY = "k" * 32
SYSTEM = system_act(datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC))


class Receiver(ThreadingHTTPServer):
    """An endpoint on loopback that keeps what it is sent and answers *status*."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.calls: list[tuple[dict[str, str], bytes]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook?x=1"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.calls.append(({key.lower(): value for key, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def accepts(secret: str, headers: dict[str, str], body: bytes, now: datetime) -> bool:
    """A receiver after the specification: time within five minutes, one of the signatures right."""
    sent = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    if abs(now - sent) > timedelta(minutes=5):
        return False
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    good = base64.b64encode(hmac.new(key, content, sha256).digest()).decode()
    return any(hmac.compare_digest(f"v1,{good}", given) for given in headers["webhook-signature"].split(" "))


def act_of(role: Role = Role.administrator, **kw) -> Act:
    return make_act(role, at=SYSTEM.at, **kw)


def person_row(session, act: Act) -> None:
    """The person behind the act, as the foreign key wants it."""
    insert(session, "person", id=act.person_id)


def registered(url: str, *kinds: str) -> str:
    admin = act_of()
    db.run(person_row, admin)
    return db.run(webhooks.register, admin, url=url, kinds=kinds, secret_key=KEY, loopback=True)


def write(session, act: Act, *, kind: str = "letters:letter:issued") -> None:
    log.append(session, act, kind, "abc", {"reference": "FCA-2026-0001", "名": "髙橋"})


def jobs() -> list[dict]:
    def query(session, _act):
        rows = session.execute(
            sa.select(Job.key, Job.payload).where(Job.kind == webhooks.JOB).order_by(Job.id)
        )
        return [payload for _key, payload in rows]

    return db.read(query, SYSTEM)


def attempts() -> list[tuple[int | None, str]]:
    def query(session, _act):
        return [
            tuple(row)
            for row in session.execute(
                sa.select(WebhookAttempt.status, WebhookAttempt.detail).order_by(WebhookAttempt.id)
            )
        ]

    return db.read(query, SYSTEM)


def test_signature_of_the_specifications_libraries() -> None:
    """The vector that the reference libraries test themselves with."""
    assert (
        webhooks.signature(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1614265330,
            b'{"test": 2432232314}',
        )
        == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    )


def test_an_entry_is_told_signed_and_once(database, receiver) -> None:
    db.run(write, SYSTEM)  # before anybody asked
    secret = registered(receiver.url)
    db.run(write, SYSTEM)
    assert db.run(webhooks.queue_calls, SYSTEM) == 2  # the registration itself is an entry too
    assert db.run(webhooks.queue_calls, SYSTEM) == 0
    deliver = webhooks.deliverer(KEY, loopback=True)
    for payload in jobs():
        deliver(SYSTEM, payload)
    kinds = [json.loads(body)["type"] for _, body in receiver.calls]
    assert kinds == ["api.webhook.registered", "letters.letter.issued"]
    headers, body = receiver.calls[1]
    assert accepts(secret, headers, body, SYSTEM.at)
    assert not accepts(secret, headers, body + b" ", SYSTEM.at)
    assert not accepts(secret, headers | {"webhook-id": "msg_other"}, body, SYSTEM.at)
    assert not accepts(secret, headers, body, SYSTEM.at + timedelta(minutes=6))
    assert "." not in headers["webhook-id"]
    assert json.loads(body) == {
        "type": "letters.letter.issued",
        "timestamp": SYSTEM.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "data": {"subject": "abc"},
    }
    assert attempts() == [(204, ""), (204, "")]


def test_only_the_kinds_asked_for(sqlite_database, receiver) -> None:
    registered(receiver.url, "letters:")
    db.run(write, SYSTEM, kind="members:seat:added")
    db.run(write, SYSTEM)
    assert db.run(webhooks.queue_calls, SYSTEM) == 1


@pytest.mark.parametrize("status", [302, 400, 429, 500])
def test_a_refusal_is_tried_again_with_the_same_id(sqlite_database, receiver, status) -> None:
    registered(receiver.url, "letters:")
    db.run(write, SYSTEM)
    db.run(webhooks.queue_calls, SYSTEM)
    (payload,) = jobs()
    receiver.status = status
    deliver = webhooks.deliverer(KEY, loopback=True)
    for _ in range(2):
        with pytest.raises(webhooks.NotDelivered):
            deliver(SYSTEM, payload)
    assert len(receiver.calls) == 2  # a redirect was not followed
    assert len({headers["webhook-id"] for headers, _ in receiver.calls}) == 1
    assert attempts() == [(status, "")] * 2


def test_gone_means_no_more(sqlite_database, receiver) -> None:
    registered(receiver.url, "letters:")
    db.run(write, SYSTEM)
    db.run(webhooks.queue_calls, SYSTEM)
    (payload,) = jobs()
    receiver.status = 410
    deliver = webhooks.deliverer(KEY, loopback=True)
    with pytest.raises(webhooks.NotDelivered):
        deliver(SYSTEM, payload)
    deliver(SYSTEM, payload)  # done: nothing to call any more
    db.run(write, SYSTEM)
    assert db.run(webhooks.queue_calls, SYSTEM) == 0
    assert len(receiver.calls) == 1


def test_a_disabled_endpoint_is_not_called(sqlite_database, receiver) -> None:
    registered(receiver.url, "letters:")
    admin = act_of()
    (endpoint,) = db.read(webhooks.endpoints, admin)
    db.run(write, SYSTEM)
    db.run(webhooks.queue_calls, SYSTEM)
    db.run(webhooks.disable, admin, endpoint_id=endpoint.id)
    for payload in jobs():
        webhooks.deliverer(KEY, loopback=True)(SYSTEM, payload)
    assert receiver.calls == []
    with pytest.raises(Conflict):
        db.run(webhooks.disable, admin, endpoint_id=endpoint.id)


def test_loopback_is_refused_where_it_is_not_a_test(sqlite_database, receiver) -> None:
    """An endpoint that slipped into the table is stopped at the call as well."""
    registered(receiver.url, "letters:")
    db.run(write, SYSTEM)
    db.run(webhooks.queue_calls, SYSTEM)
    with pytest.raises(webhooks.NotDelivered):
        webhooks.deliverer(KEY)(SYSTEM, jobs()[0])
    assert receiver.calls == []
    assert attempts()[0][0] is None


def test_the_secret_is_not_in_the_database(sqlite_database, receiver) -> None:
    secret = registered(receiver.url)
    stored = db.read(lambda s, _a: s.scalar(sa.text("SELECT secret FROM webhook_endpoint")), SYSTEM)
    assert secret.removeprefix("whsec_").encode() not in bytes(stored)
    assert base64.b64decode(secret.removeprefix("whsec_")) not in bytes(stored)


def test_who_may_register(sqlite_database) -> None:
    call = {"url": "https://hooks.example/x", "kinds": (), "secret_key": KEY}
    with pytest.raises(Forbidden):
        db.run(webhooks.register, act_of(Role.case_manager), **call)
    with pytest.raises(ProofNeeded):
        db.run(webhooks.register, act_of(proved_at=SYSTEM.at - timedelta(minutes=6)), **call)


# --- server-side request forgery ------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "::1", "::", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not webhooks.is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_addresses_that_are_public(address: str) -> None:
    assert webhooks.is_public(address)


@given(
    st.ip_addresses(v=4, network="10.0.0.0/8")
    | st.ip_addresses(v=4, network="127.0.0.0/8")
    | st.ip_addresses(v=4, network="192.168.0.0/16")
)
def test_private_addresses_in_every_writing(address) -> None:
    assert not webhooks.is_public(str(address))
    assert not webhooks.is_public(f"::ffff:{address}")


@pytest.mark.parametrize(
    "url",
    [
        "", "hooks.example", "http://hooks.example/", "ftp://hooks.example/", "file:///etc/passwd", "https://", "https:///x",
        "https://user@hooks.example/", "https://user:pw@hooks.example/", "javascript:alert(1)", "https://[::1", "https://h.example:99999/",
        "http://127.0.0.1/", "https://h.example/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_addresses_that_are_not_taken(url: str) -> None:
    with pytest.raises(Invalid):
        webhooks.checked_url(url)


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[tuple[str, int]]:
    """Every name leads to these addresses, and no connection comes about; where one was tried."""
    tried: list[tuple[str, int]] = []

    def lookup(host, port, **_):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    def connect(address, timeout):
        tried.append(address)
        raise ConnectionRefusedError("tests reach no network")

    monkeypatch.setattr(webhooks.socket, "getaddrinfo", lookup)
    monkeypatch.setattr(webhooks.socket, "create_connection", connect)
    return tried


def test_one_private_address_among_public_ones_is_enough(monkeypatch) -> None:
    tried = resolves_to(monkeypatch, "1.1.1.1", "169.254.169.254")
    status, detail = webhooks.post("https://hooks.example/x", {}, b"")
    assert (status, tried) == (None, [])
    assert "not public" in detail


def test_the_connection_goes_to_the_address_that_was_checked(monkeypatch) -> None:
    tried = resolves_to(monkeypatch, "1.1.1.1")
    status, detail = webhooks.post("https://hooks.example:8443/x", {}, b"")
    assert (status, tried) == (None, [("1.1.1.1", 8443)])
    assert "ConnectionRefusedError" in detail
