"""That no test reaches a network is watched by something that works."""

import socket
from urllib.request import urlopen

import pytest

from tests import network


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "10.0.0.1", "2001:db8::1"])
def test_beyond_this_machine(host: str) -> None:
    with pytest.raises(network.NetworkReached):
        socket.create_connection((host, 9), timeout=0.1)
    assert network.TRIED
    network.TRIED.clear()


def test_with_a_library() -> None:
    with pytest.raises(network.NetworkReached):
        urlopen("http://portal.example/", timeout=0.1)
    network.TRIED.clear()


def test_datagrams() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender, pytest.raises(network.NetworkReached):
        sender.sendto(b"x", ("192.0.2.1", 9))
    network.TRIED.clear()


def test_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass


@pytest.mark.parametrize(
    "address", ["/tmp/x", b"\0x", None, ("127.0.0.1", 1), ("::1", 1, 0, 0), ("localhost", 1), ""]
)
def test_local_addresses(address: object) -> None:
    assert network.is_local(address)
