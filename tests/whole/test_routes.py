"""Rules that hold for every route: declared access, no unexpected error, headers, other people's ids."""

import re

import pytest
import sqlalchemy as sa
from flask import Flask
from werkzeug.routing import Rule

from portal.db import Base
from portal.kernel.act import POLICY, Permission
from portal.web.requests import PUBLIC, access_of
from tests.whole.conftest import Installation, sign_in
from tests.whole.crawl import crawl, parameterless

PERSONAS = ("anonymous", "staff", "member", "other")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def chosen(personas, name: str) -> list:
    return [one for key, one in personas.items() if key.split()[0] == name]


def routes(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]


def test_every_route_declares_who_may_use_it(app: Flask) -> None:
    with app.app_context():
        undeclared = [rule.rule for rule in routes(app) if access_of(rule.endpoint) is None]
        access = {access_of(rule.endpoint) for rule in routes(app)} - {PUBLIC, None}
    assert undeclared == []
    assert all(isinstance(one, Permission) and one in POLICY for one in access)


def test_every_permission_has_a_rule() -> None:
    assert set(POLICY) == set(Permission)
    for permission in Permission:
        assert re.fullmatch(r"[a-z_]+:[a-z_]+:[a-z_]+", permission.value)
        assert POLICY[permission].roles


def test_a_view_is_reached_by_one_method_of_reading_or_writing(app: Flask) -> None:
    """Nothing but GET and POST, which is what browsers' forms and our CSRF protection know."""
    for rule in routes(app):
        assert set(rule.methods or ()) <= {"GET", "HEAD", "OPTIONS", "POST"}, rule.rule


def test_only_the_api_takes_a_post_without_a_form_token(app: Flask) -> None:
    exempt = app.extensions["csrf"]._exempt_views
    assert exempt == {"portal.api.v1.verify"}
    assert not app.extensions["csrf"]._exempt_blueprints


@pytest.mark.parametrize("method", ["POST"])
def test_a_post_without_a_form_token_is_refused(app: Flask, personas, method: str) -> None:
    with app.app_context():
        client = sign_in(app, next(iter(chosen(personas, "staff"))))
        for rule in routes(app):
            if method in (rule.methods or ()) and rule.endpoint != "api.verify":
                path = re.sub(r"<[^>]+>", "0" * 32, re.sub(r"<int:[^>]+>", "1", rule.rule))
                answer = client.open(path, method=method, data={})
                assert answer.status_code == 400, f"{path} → {answer.status_code}"


@pytest.mark.parametrize("name", PERSONAS)
def test_every_page_that_needs_no_id(app: Flask, personas, name: str) -> None:
    for persona in chosen(personas, name):
        client = sign_in(app, persona)
        for address in parameterless(app):
            answer = client.get(address)
            expected = {200, 401, 404} if address.startswith("/api/v1/") else {200, 303, 403, 404}
            assert answer.status_code in expected, f"{persona.name} {address} → {answer.status_code}"


@pytest.mark.parametrize("name", PERSONAS)
def test_every_link_leads_somewhere(app: Flask, personas, name: str) -> None:
    """Whoever is shown a link may follow it; every page on the way is proofed by the client."""
    dead = {}
    for persona in chosen(personas, name):
        client = sign_in(app, persona)
        seen = crawl(client, ["/", "/campaigns"] if persona.person_id else ["/"])
        assert len(seen) > 4, persona.name
        dead |= {
            f"{persona.name} {at}": answer.status_code
            for at, answer in seen.items()
            if answer.status_code >= 400
        }
    assert dead == {}


@pytest.mark.parametrize("name", PERSONAS)
def test_every_response_has_its_headers(app: Flask, personas, name: str) -> None:
    client = sign_in(app, chosen(personas, name)[0])
    addresses = [
        *parameterless(app),
        "/nothing-here",
        "/static/nothing-here",
        "/log/proof/99999999",
        "/api/v1/letters/none",
    ]
    for address in addresses:
        answer = client.get(address)
        assert {key: answer.headers.get(key) for key in HEADERS} == HEADERS, address
        if not address.startswith("/static/"):
            assert answer.headers.get("Cache-Control"), address
        assert "Server" not in answer.headers


def test_the_session_cookie(app: Flask) -> None:
    client = app.test_client()
    client.get("/sign-in")
    cookie = client.get_cookie("rensho")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"


# --- other people's things ------------------------------------------------------------------------

ALIASES = {"issue": "letter_issue", "participation": None}


def ids_of(installation: Installation, table: str, member_id: str) -> list[str]:
    """The ids in *table* of rows that are of this member alone."""
    columns = Base.metadata.tables[table].columns
    if table == "member":
        return [member_id]
    if "member_id" not in columns or "id" not in columns:
        return []
    with installation.database.read.connect() as connection:
        return list(
            connection.scalars(sa.select(columns["id"]).where(columns["member_id"] == member_id).limit(3))
        )


def private_rules(app: Flask) -> list[tuple[Rule, str]]:
    """Routes with one id, and the table it is of."""
    found = []
    for rule in routes(app):
        if len(rule.arguments) == 1 and (name := next(iter(rule.arguments))).endswith("_id"):
            table = ALIASES.get(name[:-3], name[:-3])
            if table in Base.metadata.tables:
                found.append((rule, table))
    return found


@pytest.mark.parametrize(("who", "whose"), [("other", "member"), ("member", "other")])
def test_another_members_ids_are_not_found(
    app: Flask, installation: Installation, personas, who: str, whose: str
) -> None:
    """404 where the role would do, 403 where it would not: either way nothing is told of the thing."""
    client = sign_in(app, personas[who])
    with installation.database.read.connect() as connection:
        roles = connection.scalar(
            sa.text("SELECT roles FROM seat WHERE id = :id"), {"id": personas[who].seat_id}
        )
    tried = 0
    for rule, table in private_rules(app):
        if "GET" not in (rule.methods or ()):
            continue
        with app.app_context():
            access = access_of(rule.endpoint)
        allowed = access == PUBLIC or any(
            role.value in str(roles) for role in POLICY[Permission(access)].roles
        )
        for key in ids_of(installation, table, personas[whose].member_id):
            path = re.sub(r"<[^>]+>", key, rule.rule)
            answer = client.get(path)
            assert answer.status_code == (404 if allowed else 403), f"{path} → {answer.status_code}"
            absent = client.get(re.sub(r"<[^>]+>", "f" * 32, rule.rule))
            assert absent.status_code == answer.status_code, f"{path}: telling from an id that does not exist"
            tried += 1
    assert tried > 0


def test_ids_that_are_no_ids(app: Flask, personas) -> None:
    client, wrong = sign_in(app, chosen(personas, "staff")[0]), []
    for rule in routes(app):
        if "GET" in (rule.methods or ()) and rule.arguments:
            for value in ("0", "x" * 300, "%00", "..%2f..", "9" * 30, "𠮷"):
                path = re.sub(r"<[^>]+>", value, rule.rule)
                answer = client.get(path)
                if answer.status_code not in {200, 303, 400, 401, 403, 404}:
                    wrong.append(f"{path} → {answer.status_code}")
    assert wrong == []
