"""The API: what anyone may read, what needs a token, and how it refuses."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask

from portal import db
from portal.api import tokens, v1
from portal.kernel.act import Role
from portal.kernel.digest import digest_bytes
from tests.api.test_tokens import seat
from tests.conftest import make_act
from tests.correspondence.conftest import PROJECTION, SEALED, LetterOut, fill
from tests.correspondence.test_web import publish
from tests.whole.small import seated, small_app, submit


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Iterator[Flask]:
    with small_app(tmp_path, sqlite_template) as made:
        yield made


@pytest.fixture
def out(app: Flask) -> LetterOut:
    return fill()


def bearer() -> dict[str, str]:
    act = make_act(Role.administrator)
    db.run(seat, act)
    token = db.run(tokens.create, act, name="statistics", valid_for=timedelta(days=1))
    return {"Authorization": f"Bearer {token}"}


def test_published_letters(app: Flask, out: LetterOut) -> None:
    client = app.test_client()
    assert client.get("/api/v1/letters").json == {"letters": []}
    assert client.get("/api/v1/letters/ABC-2026-0001").status_code == 404
    publish(app, out)
    (letter,) = client.get("/api/v1/letters").json["letters"]
    assert (letter["reference"], letter["members"], letter["state"]) == ("ABC-2026-0001", 36, "published")
    whole = client.get("/api/v1/letters/ABC-2026-0001").json
    assert whole["record"] == PROJECTION
    assert list(whole["editions"]) == ["public"]
    assert whole["published_at"] == "2026-12-01T00:00:00Z"


def test_verify(app: Flask, out: LetterOut) -> None:
    client = app.test_client()
    digest = digest_bytes(SEALED["addressee"])
    assert client.post("/api/v1/verify", json={"sha256": "ab" * 32}).json == {
        "sha256": "sha256:" + "ab" * 32,
        "registered": False,
    }
    for given in (digest, digest.removeprefix("sha256:"), digest.removeprefix("sha256:").upper()):
        answer = client.post("/api/v1/verify", json={"sha256": given}).json
        assert answer == {
            "sha256": digest, "registered": True, "reference": "ABC-2026-0001", "edition": "addressee", "state": "sealed",
            "reason": None,
        }  # fmt: skip


@pytest.mark.parametrize(
    "body", [None, {}, [], "x", {"sha256": 5}, {"sha256": "ab"}, {"sha256": "zz" * 32}, {"sha256": None}]
)
def test_verify_wants_a_digest(app: Flask, body) -> None:
    answer = app.test_client().post("/api/v1/verify", json=body)
    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert answer.json["problems"][0]["where"] == "sha256"


@pytest.mark.parametrize("address", ["/api/v1/campaigns", "/api/v1/members"])
def test_a_token_is_needed(app: Flask, out: LetterOut, address: str) -> None:
    stranger, staff = app.test_client(), seated(app, out.staff)
    for client in (stranger, staff):  # the cookie of the pages opens nothing here
        for headers in (
            {},
            {"Authorization": "Bearer x"},
            {"Authorization": "Basic x"},
            {"Authorization": "Bearer"},
        ):
            answer = client.get(address, headers=headers)
            assert answer.status_code == 401
            assert answer.mimetype == "application/problem+json"
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert stranger.get(address, headers=bearer()).status_code == 200


def test_reading_with_a_token(app: Flask, out: LetterOut) -> None:
    client, headers = app.test_client(), bearer()
    found = {one["id"]: one for one in client.get("/api/v1/campaigns", headers=headers).json["campaigns"]}
    assert found[out.campaign_id]["title"] == {"en": "Case"}
    members = client.get("/api/v1/members", headers=headers).json["members"]
    assert {one["id"] for one in members} >= {out.one.member_id, out.other.member_id}
    assert all("email" not in str(one) for one in members)


def test_errors_are_problems(app: Flask) -> None:
    client = app.test_client()
    for method, address, status in (
        ("get", "/api/v1/nothing", 404),
        ("post", "/api/v1/letters", 405),
        ("get", "/api/v1/log/checkpoint", 404),
    ):
        answer = getattr(client, method)(address)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert answer.json["status"] == status


def test_the_page_lists_what_there_is(app: Flask) -> None:
    listed = app.test_client().get("/api/docs").text
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/v1/")]
    assert len(rules) == len(v1.DESCRIBED)
    for rule in rules:
        assert rule.rule.replace("<", "&lt;").replace(">", "&gt;") in listed


# --- the staff's pages ----------------------------------------------------------------------------


def test_making_and_revoking_a_token(app: Flask, out: LetterOut) -> None:
    admin, stranger = seated(app, out.staff), app.test_client()
    made = submit(admin, "/api/tokens", name="statistics", days="30")
    assert made.status_code == 200
    token = made.text.partition("rensho_")[2].partition("<")[0]
    headers = {"Authorization": f"Bearer rensho_{token}"}
    assert stranger.get("/api/v1/members", headers=headers).status_code == 200
    assert f"rensho_{token}" not in admin.get("/api/tokens").text  # shown once
    (view,) = db.read(tokens.tokens, out.staff)
    assert submit(admin, f"/api/tokens/{view.id}/revoke", on="/api/tokens").status_code == 303
    assert stranger.get("/api/v1/members", headers=headers).status_code == 401
    assert submit(admin, "/api/tokens", name="", days="30").status_code == 422
    assert submit(admin, "/api/tokens", name="x", days="999").status_code == 422


def test_registering_a_webhook(app: Flask, out: LetterOut) -> None:
    admin = seated(app, out.staff)
    made = submit(
        admin, "/api/webhooks", url="https://hooks.example/rensho", kinds="letters:letter:\nsignoffs:"
    )
    assert made.status_code == 200
    assert "whsec_" in made.text
    listed = admin.get("/api/webhooks").text
    assert "whsec_" not in listed
    assert "https://hooks.example/rensho" in listed
    for url in ("http://hooks.example/", "http://127.0.0.1/", "file:///etc/passwd", ""):
        assert submit(admin, "/api/webhooks", url=url).status_code == 422
    from portal.api import webhooks

    (endpoint,) = db.read(webhooks.endpoints, out.staff)
    assert endpoint.kinds == ("letters:letter:", "signoffs:")
    assert submit(admin, f"/api/webhooks/{endpoint.id}/disable", on="/api/webhooks").status_code == 303


def test_verifying_is_throttled_as_on_the_page(app: Flask, out: LetterOut) -> None:
    client = app.test_client()
    answers = [client.post("/api/v1/verify", json={"sha256": "ab" * 32}).status_code for _ in range(61)]
    assert answers[:60] == [200] * 60
    refused = client.post("/api/v1/verify", json={"sha256": "ab" * 32})
    assert refused.status_code == 429
    assert refused.mimetype == "application/problem+json"


@pytest.mark.parametrize("address", ["/api/tokens", "/api/webhooks"])
def test_members_do_not_see_the_staffs_pages(app: Flask, out: LetterOut, address: str) -> None:
    assert seated(app, out.one).get(address).status_code == 403
    assert app.test_client().get(address).status_code == 303
