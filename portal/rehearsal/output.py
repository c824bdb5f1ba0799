"""The files a rehearsal leaves: all of one run, or none."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

EDITIONS: Final = ("addressee", "public")
PER_EDITION: Final = ("letter.{}.pdf", "record.{}.json", "schedule.{}.csv", "letter.{}.tlog-proof")
OF_THE_RUN: Final = ("checkpoint", "log.vkey", "seal.pem")
OUTBOX: Final = "outbox"


def names() -> tuple[str, ...]:
    """The files' names, the mails aside."""
    return (*(name.format(edition) for edition in EDITIONS for name in PER_EDITION), *OF_THE_RUN)


def clear(out: Path) -> None:
    """Take away what an earlier run left in *out*, and nothing else that may lie there."""
    for name in names():
        (out / name).unlink(missing_ok=True)
    for mail in (out / OUTBOX).glob("*.eml"):
        mail.unlink()


def write(out: Path, files: Mapping[str, bytes], outbox: Path) -> None:
    """Put *files* (by name) and the mails of the folder *outbox* into *out*, instead of an earlier run's.

    Everything is written beside its place first: a full disk leaves *out* as it was, and no interruption
    leaves files of two runs there. Raises `OSError`.
    """
    assert set(files) == set(names())
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".rehearsal-", dir=out) as folder:
        new = Path(folder)
        for name, data in files.items():
            (new / name).write_bytes(data)
        shutil.copytree(outbox, new / OUTBOX)
        clear(out)
        (out / OUTBOX).mkdir(exist_ok=True)
        for path in [*(new / name for name in files), *(new / OUTBOX).glob("*.eml")]:
            path.replace(out / path.relative_to(new))
