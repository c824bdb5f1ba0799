"""Reading the portal as a visitor does: every page that a link leads to, within reason."""

import re
from collections import deque
from urllib.parse import urldefrag, urljoin, urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from tests.whole.proof import Improper, ProofingClient, links, page

_IDS = re.compile(r"[0-9a-f]{32}|[0-9]+|[A-Z]{2,6}-(?:R-)?[0-9]{4}-[0-9]{4}")
MOST = 400
ALIKE = 4
"""Of pages whose addresses differ in ids only, so many are read."""


def parameterless(app: Flask) -> list[str]:
    """The addresses of all GET routes that need nothing filled in."""
    return sorted(
        rule.rule for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ()) and not rule.arguments
    )


def crawl(client: ProofingClient, starts: list[str]) -> dict[str, TestResponse]:
    """Responses by address, of *starts* and of what they link to.

    Raises `Improper` at the end, with all that is wrong with all pages read.
    """
    improper: list[str] = []
    seen: dict[str, TestResponse] = {}
    alike: dict[str, int] = {}
    waiting = deque(starts)
    while waiting and len(seen) < MOST:
        address = waiting.popleft()
        shape = _IDS.sub("*", address)
        if address in seen or alike.get(shape, 0) >= ALIKE:
            continue
        alike[shape] = alike.get(shape, 0) + 1
        try:
            response = client.get(address)
        except Improper as error:
            improper.append(str(error))
            continue
        seen[address] = response
        if response.mimetype == "text/html" and response.status_code == 200:
            waiting.extend(
                local(address, href) for href in links(page(response.text, address)) if local(address, href)
            )
        elif response.status_code in {302, 303} and local(address, response.headers["Location"]):
            waiting.append(local(address, response.headers["Location"]))
    if improper:
        raise Improper("\n".join(improper))
    return seen


def local(base: str, href: str) -> str:
    """*href* on the page at *base*, as a path of the portal; empty if it leads elsewhere."""
    parts = urlsplit(urljoin(f"http://localhost{base}", urldefrag(href).url))
    if parts.scheme != "http" or parts.netloc != "localhost":
        return ""
    return parts.path + (f"?{parts.query}" if parts.query else "")
