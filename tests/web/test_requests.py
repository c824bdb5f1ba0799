"""The edge: where a redirect may lead, what a form lets in, how a refusal is answered."""

import pytest

from portal.kernel.errors import Refused, Stale
from portal.kernel.sentence import say
from portal.web.requests import _no_control_characters, local_path
from tests.identity.pages import Browser, small_app


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("/campaigns", True),
        ("/campaigns?x=1#y", True),
        ("/", True),
        ("", False),
        (None, False),
        ("campaigns", False),
        ("//evil.example", False),
        ("/\\evil.example", False),
        ("/a\\b", False),
        ("\\\\evil.example", False),
        ("https://evil.example/", False),
        ("javascript:alert(1)", False),
        ("/\t/evil.example", False),
        ("/\n/evil.example", False),
        ("/\x00", False),
    ],
)
def test_only_paths_of_this_portal_are_led_to(target, allowed):
    assert local_path(target) == (target if allowed else None)


def test_control_characters_stop_at_the_door():
    assert _no_control_characters("髙橋\x00\x07 a\tb\r\nc\x1b[0m") == "髙橋 a\tb\r\nc[0m"
    assert _no_control_characters(7) == 7


@pytest.fixture
def app(sqlite_database, tmp_path):
    app = small_app(tmp_path / "data")

    def refuse() -> str:
        raise Stale(say("Read again."))

    refuse.access = "public"
    app.add_url_rule("/refuse", view_func=refuse)
    app.add_url_rule("/api/refuse", endpoint="api-refuse", view_func=refuse)
    app.add_url_rule("/undeclared", view_func=lambda: "secret")
    return app


def test_a_refusal_is_a_page_for_people_and_a_problem_for_programs(app):
    page = app.test_client().get("/refuse")
    assert page.status_code == 409
    assert "Read again." in page.text
    problem = app.test_client().get("/api/refuse")
    assert problem.mimetype == "application/problem+json"
    assert problem.json["status"] == 409
    assert problem.json["title"] == "Read again."
    assert problem.headers["X-Request-Id"] == problem.json["request"]


def test_a_route_that_declares_no_access_is_closed(app):
    assert app.test_client().get("/undeclared").status_code == 500


def test_a_form_that_was_open_too_long_says_so(app):
    answer = app.test_client().post("/sign-in", data={"email": "a", "password": "b"})
    assert answer.status_code == 400
    assert "open for too long" in answer.text


def test_the_language_can_be_chosen_and_stays(app):
    browser = Browser(app)
    browser.post("/language", language="ja", next="/verify")
    assert '<html lang="ja">' in browser.get("/verify")
    browser.post("/language", language="xx", next="/verify")
    assert '<html lang="ja">' in browser.get("/verify")


def test_a_refused_is_an_exception_with_a_sentence():
    assert str(Refused(say("No %(what)s.", what="way"))) == "No way."
