"""XLSX files, read by a child process that may die of them (`portal.works.xlsx_child`). Pure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Final

from portal.kernel.errors import Refused
from portal.kernel.sentence import Sentence, say

MAX_BYTES: Final = 64 << 20
SECONDS: Final = 90.0
_CHILD: Final = Path(__file__).with_name("xlsx_child.py")


class ReadError(Refused):
    """A file cannot be read at all. ``line`` and ``column`` count from 1; 0 where no place can be named."""

    status = 422
    code = "unreadable-file"

    def __init__(self, sentence: Sentence, *, line: int = 0, column: int = 0) -> None:
        super().__init__(sentence)
        self.line, self.column = line, column


_WHY: Final[dict[str, Sentence]] = {
    "damaged": say("The workbook is damaged. Open it, save it again as XLSX, and try once more."),
    "parts": say("The file has too many parts, or two of the same name, for a workbook."),
    "ods": say("This is an OpenDocument spreadsheet. Save it as XLSX or CSV."),
    "not-a-workbook": say("This is a ZIP file but not a workbook. Save the table as XLSX or CSV."),
    "macros": say("The workbook contains macros. Save it as XLSX, without macros."),
    "links": say("The workbook has links to other files. Save it with values only."),
    "password": say("The workbook is protected with a password. Save it without one."),
    "empty": say("No sheet of the workbook has any content."),
    "memory": say("Reading the workbook needs too much memory. Divide it, or save it as CSV."),
    "time": say("Reading the workbook took too long. Divide it, or save it as CSV."),
    "inflates": say("The workbook unpacks to more than %(most)s MB. Divide it, or save it as CSV."),
    "rows": say("The sheet has cells below row %(most)s. Divide the list, or clear what stands there."),
    "columns": say("The sheet has cells beyond column %(most)s. Clear what stands there."),
}


def read_xlsx(data: bytes) -> tuple[str, list[list[str]]]:
    """The name and the cells of the first visible sheet with content; row 1 is at index 0.

    Bounded in time (90 s) and memory (1.5 GiB, in the child). Raises `ReadError` with the reason.
    """
    if len(data) > MAX_BYTES:
        raise ReadError(say("The file is larger than %(most)s MB. Divide it.", most=MAX_BYTES >> 20))
    try:
        child = subprocess.run(  # noqa: S603 - our own file, no input in the arguments
            [sys.executable, "-I", str(_CHILD)],
            input=data,
            capture_output=True,
            timeout=SECONDS,
            env={},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReadError(_WHY["time"]) from error
    if child.returncode not in {0, 3}:  # killed by a limit, or aborted by its own allocator
        raise ReadError(_WHY["memory"])
    answer = json.loads(child.stdout)
    if code := answer.pop("refused", None):
        sentence = _WHY.get(code, _WHY["damaged"])
        raise ReadError(say(sentence.msgid, **answer) if answer else sentence)
    return answer["sheet"], answer["rows"]
