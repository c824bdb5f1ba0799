"""A skipped test is a failed one where nothing may be skipped; what is missing is named at the end."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TESTS = """
import pytest
from tests.needs import tool

def test_good(): pass

@pytest.mark.skip(reason="because of a mark")
def test_marked(): pass

def test_in_the_middle(): pytest.skip("because of the middle")

def test_tool(): tool("qpdf")

@pytest.mark.xfail(reason="known")
def test_known(): assert False
"""


def run(folder: Path, text: str = TESTS, **env: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\n")
    own = {key: value for key, value in os.environ.items() if not key.startswith(("RENSHO_", "PYTEST_"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.needs", "-p", "no:randomly", "-q", "-rs", "-c", "pytest.ini"],
        cwd=folder, env={**own, "PYTHONPATH": str(ROOT), "PATH": "/nowhere", "COLUMNS": "200", **env},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_a_laptop_skips_and_says_what_to_install(tmp_path: Path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "3 skipped" in done.stdout
    for word in ("chromium-headless-shell", "apt install poppler-utils", "brew install qpdf"):
        assert word in done.stdout
    assert done.stdout.count("Poppler (pdftotext") == 1


def test_where_nothing_may_be_skipped_a_skip_fails_with_its_reason(tmp_path: Path):
    done = run(tmp_path, RENSHO_NO_SKIP="yes")
    assert done.returncode == 1
    assert (
        "2 failed, 1 passed, 1 xfailed, 1 error" in done.stdout
    )  # a mark skips before the test, in its set-up
    for reason in ("because of a mark", "because of the middle", "qpdf is not installed"):
        assert reason in done.stdout


@pytest.mark.parametrize(("env", "status"), [({}, 5), ({"RENSHO_NO_SKIP": "yes"}, 2)])
def test_a_file_that_is_skipped_whole_counts_too(tmp_path: Path, env: dict[str, str], status: int):
    text = "import pytest\npytest.skip('because of all', allow_module_level=True)\n"
    done = run(tmp_path, text, **env)
    assert done.returncode == status, done.stdout
    assert "because of all" in done.stdout
