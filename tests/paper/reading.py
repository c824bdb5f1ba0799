"""Reading a PDF back with tools that are not ours."""

import re
import subprocess

from tests.needs import tool


def text_of(pdf: bytes, *options: str) -> str:
    """What pdftotext (poppler) reads."""
    done = subprocess.run([tool("pdftotext"), *options, "-", "-"], input=pdf, capture_output=True, check=True)
    return done.stdout.decode("utf-8")


def pages_of(pdf: bytes, *options: str) -> list[str]:
    return text_of(pdf, *options).split("\f")[:-1]


def squeezed(text: str) -> str:
    """Without any white space: line ends fall where the paper ends, not where the text does."""
    return re.sub(r"\s", "", text)


def checked(pdf: bytes, tmp_path) -> str:
    """qpdf's opinion of the file; fails the test on a warning."""
    path = tmp_path / "checked.pdf"
    path.write_bytes(pdf)
    done = subprocess.run([tool("qpdf"), "--check", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
