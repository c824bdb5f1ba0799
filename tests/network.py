"""No test reaches a network: only loopback and local sockets may be connected to.

An audit hook (PEP 578) sees every connection and name look-up that Python code makes, whichever
library makes it. A test that tried fails even where the code under test swallowed the error.
Import `no_network` in a conftest to have it. Programs started by a test are not seen.
"""

import ipaddress
import socket
import sys
from collections.abc import Iterator
from typing import Any

import pytest

TRIED: list[str] = []
_EVENTS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
_watching = False


class NetworkReached(RuntimeError):  # noqa: N818 - it reads as what happened
    """A test tried to reach something beyond this machine."""


def is_local(address: Any) -> bool:
    """Whether an address, as `socket.connect` or `socket.getaddrinfo` gets it, is on this machine."""
    if isinstance(address, tuple):
        address = address[0]
    elif (
        address is None
        or isinstance(address, bytes)
        or (isinstance(address, str) and address.startswith("/"))
    ):
        return True  # a local socket, or no host at all
    host = str(address)
    if host in {"", "localhost", socket.gethostname()}:
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    place = _EVENTS.get(event)
    if place is None or not _watching or is_local(arguments[place]):
        return
    # A number looks nothing up; connecting to it is another event.
    if event == "socket.getaddrinfo" and _is_number(arguments[0]):
        return
    TRIED.append(f"{event} {arguments[place]!r}")
    raise NetworkReached(TRIED[-1])


def _is_number(host: Any) -> bool:
    try:
        ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host))
    except ValueError:
        return False
    return True


sys.addaudithook(_hook)


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Fail the test if it tries to reach anything beyond this machine."""
    global _watching
    TRIED.clear()
    _watching = True
    yield
    _watching = False
    assert not TRIED, f"the test tried to reach a network: {TRIED}"
