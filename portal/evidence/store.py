"""Files kept under their digest: a folder where nothing is overwritten and every read is checked."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from portal.kernel.digest import digest_bytes
from portal.kernel.errors import NotFound
from portal.kernel.sentence import say


class FileStore:
    """A content-addressed folder: ``ab/cdef…`` holds the bytes whose SHA-256 is ``abcdef…``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def _path(self, digest: str) -> Path:
        name = digest.removeprefix("sha256:")
        if len(name) != 64 or not set(name) <= set("0123456789abcdef"):
            raise NotFound
        return self.folder / name[:2] / name[2:]

    def put(self, data: bytes) -> str:
        """Keep *data*; on disk (fsync of file and folder) when this returns its digest."""
        digest = digest_bytes(data)
        path = self._path(digest)
        if path.exists():
            return digest
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of *digest*; `NotFound` if they are missing or are no longer those bytes."""
        try:
            data = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(say("A file is missing from the store. Tell the administrator.")) from error
        if digest_bytes(data) != digest:
            raise NotFound(say("A file in the store is damaged. Tell the administrator."))
        return data

    def sound(self, digest: str) -> bool:
        """Whether the file is there and still has its digest."""
        try:
            self.get(digest)
        except NotFound:
            return False
        return True
