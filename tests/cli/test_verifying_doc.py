"""docs/verifying.md: its program runs as it stands, says yes to a letter and no to anything else."""

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.paper.reading import tool
from tests.rehearsal.files import rehearse, write_inputs
from tests.running import ROOT

DOC = (ROOT / "docs" / "verifying.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    given = write_inputs(tmp_path_factory.mktemp("letter"))
    assert rehearse(given)
    (block,) = re.findall(r"^```python\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    (given.out / "check.py").write_text(block, encoding="utf-8")
    return given.out


@pytest.fixture
def files(letter: Path, tmp_path: Path) -> Path:
    """A copy that may be spoiled."""
    shutil.copytree(letter, tmp_path / "files")
    return tmp_path / "files"


def check(
    folder: Path, pdf: str = "letter.public.pdf", proof: str = "letter.public.tlog-proof"
) -> subprocess.CompletedProcess:
    # -I: neither this folder's modules nor the project's; the program must need nothing of ours.
    return subprocess.run(
        [sys.executable, "-I", "check.py", pdf, proof, "log.vkey"], cwd=folder, capture_output=True, text=True, check=False
    )  # fmt: skip


@pytest.mark.parametrize("edition", ["addressee", "public"])
def test_it_says_yes_to_both_editions(letter, edition):
    said = check(letter, f"letter.{edition}.pdf", f"letter.{edition}.tlog-proof")
    assert said.returncode == 0, said.stderr
    assert re.fullmatch(
        rf"YES: entry \d+ of \S+/log/rehearsal is about this file: FCA-R-\d+-0001, {edition} edition, "
        r"a rehearsal and no letter\.\n",
        said.stdout,
    )


def change(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert data.count(old) >= 1
    path.write_bytes(data.replace(old, new, 1))


def another_root(folder: Path) -> None:
    lines = (folder / "letter.public.tlog-proof").read_text().split("\n\n")
    head, text = lines[0], lines[1].split("\n")
    text[2] = base64.b64encode(b"\0" * 32).decode()
    (folder / "letter.public.tlog-proof").write_text("\n\n".join([head, "\n".join(text), lines[2]]))


def another_key(folder: Path) -> None:
    """A key of the same name that did not sign, with its right identifier."""
    from hashlib import sha256

    name = (folder / "log.vkey").read_text().split("+")[0]
    key = b"\x01" + bytes.fromhex(
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )  # RFC 8032, test 1
    key_id = sha256(name.encode() + b"\n" + key).digest()[:4].hex()
    (folder / "log.vkey").write_text(f"{name}+{key_id}+{base64.b64encode(key).decode()}\n")


def another_entry(folder: Path) -> None:
    """The entry claims the digest of a file that was never issued."""
    from hashlib import sha256

    path = folder / "letter.public.tlog-proof"
    text = path.read_text()
    entry = base64.b64decode(re.search(r"^extra (.+)$", text, re.MULTILINE)[1])
    real = sha256((folder / "letter.public.pdf").read_bytes()).hexdigest().encode()
    (folder / "letter.public.pdf").write_bytes(b"%PDF-1.7 forged")
    forged = entry.replace(real, sha256(b"%PDF-1.7 forged").hexdigest().encode())
    assert forged != entry
    path.write_text(text.replace(base64.b64encode(entry).decode(), base64.b64encode(forged).decode()))


def another_sibling(folder: Path) -> None:
    path = folder / "letter.public.tlog-proof"
    lines = path.read_text().split("\n")
    lines[3] = base64.b64encode(b"\1" * 32).decode()
    path.write_text("\n".join(lines))


def a_byte_of_the_letter(folder: Path) -> None:
    change(folder / "letter.public.pdf", b"%PDF-1.", b"%pDF-1.")


def a_byte_more(folder: Path) -> None:
    path = folder / "letter.public.pdf"
    path.write_bytes(path.read_bytes() + b"\n")


def another_place(folder: Path) -> None:
    path = folder / "letter.public.tlog-proof"
    path.write_text(re.sub(r"^index \d+$", "index 3", path.read_text(), flags=re.MULTILINE))


def a_shorter_path(folder: Path) -> None:
    path = folder / "letter.public.tlog-proof"
    lines = path.read_text().split("\n")
    del lines[3]
    path.write_text("\n".join(lines))


SPOILERS = [
    another_root, another_key, another_entry, another_sibling, a_byte_of_the_letter, a_byte_more, another_place, a_shorter_path,
]  # fmt: skip


@pytest.mark.parametrize("spoil", SPOILERS, ids=lambda one: one.__name__)
def test_it_says_no_to_anything_else(files, spoil):
    spoil(files)
    said = check(files)
    assert said.returncode != 0
    assert "YES" not in said.stdout


def shell(block: str, folder: Path) -> str:
    done = subprocess.run(["sh", "-euc", block], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_its_openssl_lines_refuse_another_certificate_and_changed_bytes(files, tmp_path):
    for name in ("pdfsig", "openssl"):
        tool(name)
    (block,) = [
        one
        for one in re.findall(r"^```sh\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
        if "openssl cms" in one
    ]
    other = write_inputs(tmp_path / "other")
    assert rehearse(other)
    (files / "mine.pem").write_text((files / "seal.pem").read_text())
    for spoil in (
        lambda: shutil.copy(other.out / "seal.pem", files / "seal.pem"),
        lambda: (
            shutil.copy(files / "mine.pem", files / "seal.pem")
            and change(files / "letter.public.pdf", b"%PDF-1.", b"%pDF-1.")
        ),
        lambda: change(files / "letter.public.pdf", b"%pDF-1.", b"%PDF-1.") or a_byte_more(files),
    ):
        spoil()
        done = subprocess.run(["sh", "-euc", block], cwd=files, capture_output=True, text=True, check=False)
        assert done.returncode != 0


def test_its_commands_run_and_agree(files):
    for name in ("pdfsig", "qpdf", "openssl", "sha256sum"):
        tool(name)
    blocks = re.findall(r"^```sh\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    ours, *others = blocks
    assert "portal verify --offline" in ours
    said = [shell(block, files) for block in others]
    assert len(said) == 6
    seal, fingerprints, checked, _attachments, schedule, entry = said
    assert "Signature is Valid" in seal
    assert "Total document signed" in seal
    digits = [
        re.sub(r"[^0-9a-f]", "", line.lower().split("=")[-1].removeprefix("sha256:"))
        for line in fingerprints.splitlines()[-2:]
    ]
    assert digits[0] == digits[1]
    assert len(digits[0]) == 64
    assert re.search(r"(CMS )?Verification successful", checked)
    assert schedule.split()[0] == schedule.split()[-1].removeprefix("sha256:")
    assert f'"file":"sha256:{entry.splitlines()[-1].split()[0].rpartition("}")[2]}"' in entry
