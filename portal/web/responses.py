"""From an outcome to a response: redirects that say what was done, refusals as pages, headers."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, Response, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from portal.kernel.errors import Invalid, ProofNeeded, Refused
from portal.kernel.sentence import Sentence, say
from portal.web.kept import kept
from portal.web.requests import language, request_id

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HTTP_SENTENCES: dict[int, Sentence] = {
    400: say("The request was not understood. Go back and try again."),
    404: say("There is no such page, or it is not yours to see."),
    405: say("This page cannot be used like that. Go back and try again."),
    413: say("The file is too large. Divide it, or leave out what is not needed."),
    429: say("Too many attempts. Please wait a little."),
    500: say("Something went wrong on our side, and nothing was changed. Please try again."),
}


def done(sentence: Sentence, endpoint: str, **values: Any) -> ResponseReturnValue:
    """Redirect (303) to *endpoint* with a message of what was done."""
    flash(sentence.render(language()), "done")
    return redirect(url_for(endpoint, **values), 303)


def wants_json() -> bool:
    """Whether a program asks, which wants problem+json and no page."""
    return request.path.startswith("/api/") or request.accept_mimetypes.best == "application/problem+json"


def _answer(
    status: int, code: str, sentence: Sentence, problems: tuple[Any, ...] = ()
) -> ResponseReturnValue:
    text = sentence.render(language())
    if wants_json():
        # RFC 9457
        body = {"type": f"about:blank#{code}", "status": status, "title": text, "request": request_id()}
        if problems:
            body["problems"] = [
                {"where": str(p.where), "what": p.sentence.render(language())} for p in problems
            ]
        response = jsonify(body)
        response.mimetype = "application/problem+json"
        return response, status
    page = render_template(
        "error.html", status=status, sentence=text, problems=problems, request_id=request_id(), kept=kept()
    )
    return page, status


def refused(error: Refused) -> ResponseReturnValue:
    """The answer to a refusal: a page, a problem+json, or the way to the proof that is missing."""
    if isinstance(error, ProofNeeded) and request.method == "GET" and not wants_json():
        return redirect(url_for("identity.confirm", next=request.full_path.rstrip("?")), 303)
    return _answer(
        error.status, error.code, error.sentence, error.problems if isinstance(error, Invalid) else ()
    )


def _http(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, CSRFError):
        sentence = say("This form was open for too long. Go back, load the page again and send it once more.")
        return _answer(400, "form-expired", sentence)
    status = error.code or 500
    if status < 400:
        return error.get_response()  # a redirect raised by werkzeug
    return _answer(status, "http", _HTTP_SENTENCES.get(status, _HTTP_SENTENCES[400]))


def _unexpected(error: Exception) -> ResponseReturnValue:
    if current_app.testing or current_app.debug:
        raise error
    log.error("unexpected error, request %s", request_id(), exc_info=error)
    return _answer(500, "unexpected", _HTTP_SENTENCES[500])


def _headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
    if current_app.config["SESSION_COOKIE_SECURE"]:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint != "static":
        headers.setdefault("Cache-Control", "no-store")
    headers["X-Request-Id"] = request_id()
    return response


def init(app: Flask) -> None:
    """Register the mapping of errors and the headers on *app*."""
    app.register_error_handler(Refused, refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)
    app.after_request(_headers)
