"""A running portal and a browser, for journeys and pictures."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from tests.needs import CHROMIUM, chromium

ROOT = Path(__file__).resolve().parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Running:
    """A portal that answers at *url*; *said* is what it printed at start."""

    url: str
    data: Path
    said: str
    pid: int = 0


@contextmanager
def running_portal(data: Path, *, demo: bool = False, seconds: float = 90, **env: str) -> Iterator[Running]:
    """Web and worker as ``make run`` starts them, on a free port, stopped at the end."""
    port = free_port()
    log = data.parent / f"{data.name}.log"
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("RENSHO_")},
        "RENSHO_DATA": str(data), "PORT": str(port), "RENSHO_DEMO": "yes" if demo else "no", "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1", **env,
    }  # fmt: skip
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "flask", "--app", "wsgi", "portal", "up"], cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        url = f"http://localhost:{port}"
        until = time.monotonic() + seconds
        while "Rensho is at" not in log.read_text():
            if process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"the portal did not start:\n{log.read_text()}")
            time.sleep(0.1)
        with urlopen(f"{url}/healthz", timeout=5):
            pass
        time.sleep(0.2)  # the lines after the address
        yield Running(url, data, log.read_text(), process.pid)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


@contextmanager
def headless() -> Iterator[Browser]:
    """A headless Chromium that talks to nobody but the portal."""
    path = chromium()
    assert path, CHROMIUM.missing
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
        )  # fmt: skip
        try:
            yield browser
        finally:
            browser.close()
