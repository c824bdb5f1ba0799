"""What holds for every page: valid HTML, one h1, labels, no script or style in it (DESIGN §6.10).

`page` proofs one; `ProofingClient` proofs whatever HTML a test fetches, whether it asks or not.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

import html5lib
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_NO_LABEL = {"hidden", "submit", "button", "image", "reset"}
_REFERENCES = ("aria-describedby", "aria-labelledby", "aria-controls")


class Improper(AssertionError):  # noqa: N818 - it reads as what the page is
    """A page is not as every page must be; lists all that is wrong with it."""


def page(html: str, where: str = "") -> Element:
    """The parsed page (elements without namespace). Raises `Improper` with everything that is wrong."""
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root: Element = parser.parse(html)
    wrong = [_parse_error(html, error) for error in parser.errors]
    for check in (_whole, _ids, _inline, _forms, _labels, _references, _pictures):
        wrong.extend(check(root))
    if wrong:
        raise Improper(f"{where or 'page'}:\n  " + "\n  ".join(wrong))
    return root


def _parse_error(html: str, error: tuple[Any, ...]) -> str:
    (line, _column), code, details = error
    text = html.splitlines()[line - 1].strip()[:120] if line <= len(html.splitlines()) else ""
    return f"line {line}: {code} {details} in {text!r}"


def text_of(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _whole(root: Element) -> Iterator[str]:
    if not root.get("lang"):
        yield "html has no lang"
    if not text_of(root.find("head/title") if root.find("head/title") is not None else Element("x")).strip(
        " –"
    ):
        yield "the title is empty"
    headings = [text_of(one) for one in root.iter("h1")]
    if len(headings) != 1 or not headings[0]:
        yield f"h1: {headings}"
    title = root.find("head/title")
    if title is not None and text_of(title).startswith("–"):
        yield f"the title says nothing of the page: {text_of(title)!r}"
    if len(list(root.iter("main"))) != 1:
        yield "there is not exactly one main"


def _ids(root: Element) -> Iterator[str]:
    count = Counter(one.get("id") for one in root.iter() if one.get("id") is not None)
    yield from (f"id {key!r} stands {n} times" for key, n in count.items() if n > 1 or not key)


def _inline(root: Element) -> Iterator[str]:
    for one in root.iter():
        if not isinstance(one.tag, str):
            continue  # a comment
        if one.tag == "style" or (one.tag == "script" and not one.get("src")):
            yield f"inline {one.tag}"
        for key, value in one.attrib.items():
            if key == "style" or key.startswith("on"):
                yield f"attribute {key} on {one.tag}"
            if key in {"href", "src", "action", "formaction"} and value.strip().lower().startswith(
                "javascript:"
            ):
                yield f"javascript: in {key} of {one.tag}"


def _forms(root: Element) -> Iterator[str]:
    for form in root.iter("form"):
        if form.get("method", "get").lower() != "post":
            continue
        tokens = [one.get("value") for one in form.iter("input") if one.get("name") == "csrf_token"]
        if len(tokens) != 1 or not tokens[0]:
            yield f"form {form.get('action')!r} has {len(tokens)} CSRF tokens"
        files = [one for one in form.iter("input") if one.get("type") == "file"]
        if files and form.get("enctype") != "multipart/form-data":
            yield f"form {form.get('action')!r} takes a file and is not multipart"


def _labels(root: Element) -> Iterator[str]:
    labelled = {one.get("for") for one in root.iter("label")}
    inside = {child for label in root.iter("label") for child in label.iter()}
    for one in root.iter():
        if one.tag not in {"input", "select", "textarea"} or one.get("type", "text") in _NO_LABEL:
            continue
        if one.get("aria-label") or one.get("aria-labelledby") or one in inside:
            continue
        if one.get("id") is None or one.get("id") not in labelled:
            yield f"{one.tag} {one.get('name')!r} has no label"
    for one in root.iter("button"):
        if not text_of(one) and not one.get("aria-label"):
            yield "a button says nothing"
    for one in root.iter("a"):
        pictured = any(image.get("alt") for image in one.iter("img"))
        if one.get("href") is not None and not text_of(one) and not one.get("aria-label") and not pictured:
            yield f"a link says nothing: {one.get('href')!r}"


def _references(root: Element) -> Iterator[str]:
    ids = {one.get("id") for one in root.iter()}
    for one in root.iter():
        if not isinstance(one.tag, str):
            continue
        for key in _REFERENCES:
            yield from (
                f"{key} points to no {name!r}" for name in one.get(key, "").split() if name not in ids
            )
        if one.tag == "label" and one.get("for") is not None and one.get("for") not in ids:
            yield f"a label is for no {one.get('for')!r}"
        if one.tag == "a" and (one.get("href") or "").startswith("#") and one.get("href", "")[1:] not in ids:
            yield f"a link leads to no {one.get('href')!r}"


def _pictures(root: Element) -> Iterator[str]:
    yield from (f"img {one.get('src')!r} has no alt" for one in root.iter("img") if one.get("alt") is None)


def links(root: Element) -> list[str]:
    """The addresses that a page's links lead to, in order."""
    return [one.get("href", "") for one in root.iter("a") if one.get("href")]


class ProofingClient(FlaskClient):
    """A test client that proofs every page it gets."""

    def open(self, *args: Any, **kw: Any) -> TestResponse:
        response = super().open(*args, **kw)
        if (
            response.mimetype == "text/html"
            and not response.is_streamed
            and response.data
            and response.status_code not in {301, 302, 303, 307, 308}
        ):
            page(
                response.text,
                f"{response.request.method} {response.request.full_path.rstrip('?')} → {response.status_code}",
            )
        return response
