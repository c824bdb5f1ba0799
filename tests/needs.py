"""Programs that tests need besides Python's packages: what is missing, what to do, and that CI has all.

A test that lacks one is skipped. With ``RENSHO_NO_SKIP=yes`` (set by ``.ci/run``) a skipped test is a
failed one, so that a whole kind of tests cannot fall away unnoticed.
"""

import os
import shutil
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUMS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
MAC_CHROME = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def chromium() -> str | None:
    """The path of a Chromium, the headless shell first because it starts fastest; None without one."""
    for name in CHROMIUMS:
        if found := shutil.which(name):
            return found
    return str(MAC_CHROME) if MAC_CHROME.exists() else None


def postgres_program(name: str) -> str | None:
    """The path of one of PostgreSQL's programs, which Debian and Homebrew keep off the search path."""
    if found := shutil.which(name):
        return found
    places = [
        *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")),
        *sorted(Path("/opt/homebrew/opt").glob(f"postgresql*/bin/{name}")),
        *sorted(Path("/usr/local/opt").glob(f"postgresql*/bin/{name}")),
    ]
    return str(places[-1]) if places else None


@dataclass(frozen=True)
class Need:
    """Something to install: what for, and how on Debian or Ubuntu and on macOS."""

    name: str
    what_for: str
    debian: str
    mac: str

    @property
    def missing(self) -> str:
        return f"{self.name} is not installed; Debian/Ubuntu: {self.debian}; macOS: {self.mac}"


CHROMIUM = Need(
    "Chromium", "tests that click through the portal",
    "apt install chromium-headless-shell (or: snap install chromium)", "brew install --cask google-chrome",
)  # fmt: skip
POSTGRES = Need(
    "PostgreSQL", "tests on the second database", "apt install postgresql", "brew install postgresql"
)
POPPLER = Need(
    "Poppler (pdftotext, pdfsig)", "reading letters back", "apt install poppler-utils", "brew install poppler"
)
QPDF = Need("qpdf", "looking into letters", "apt install qpdf", "brew install qpdf")
PROGRAMS = {"pdftotext": POPPLER, "pdfsig": POPPLER, "pdftoppm": POPPLER, "pdfinfo": POPPLER, "qpdf": QPDF}


def missing() -> list[Need]:
    """What this machine lacks."""
    lacks = [] if chromium() else [CHROMIUM]
    if not (postgres_program("initdb") and postgres_program("postgres")):
        lacks.append(POSTGRES)
    for program, need in PROGRAMS.items():
        if shutil.which(program) is None and need not in lacks:
            lacks.append(need)
    return lacks


def tool(name: str) -> str:
    """The path of a program of `PROGRAMS`; skips the test that asks where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(PROGRAMS[name].missing)
    return found


# --- hooks of pytest, taken over by conftest.py ---------------------------------------------------


def nothing_may_be_skipped() -> bool:
    return os.environ.get("RENSHO_NO_SKIP") == "yes"


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"Nothing may be skipped here (RENSHO_NO_SKIP), but this was. {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and nothing_may_be_skipped():
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and nothing_may_be_skipped():
        _fail(report)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once, at the end, what to install so that nothing is skipped."""
    lacks = missing()
    if not lacks:
        return
    terminalreporter.section("not installed on this machine")
    for need in lacks:
        terminalreporter.line(f"{need.name}, for {need.what_for}:")
        terminalreporter.line(f"    Debian, Ubuntu: {need.debian}")
        terminalreporter.line(f"    macOS:          {need.mac}")
    terminalreporter.line("Without them the tests that need them are skipped; the portal runs all the same.")
