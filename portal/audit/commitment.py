"""What of an entry everybody may read, and what stands in the log only as a salted commitment. Pure.

The log is served to strangers (DESIGN §3.6), so what members do among themselves is not in it: an
entry is ``{"v", "at", "content"}``, where ``content`` is a hash over a random salt and the canonical
JSON of what happened. Whoever is given salt and content can check that the entry says exactly that;
without the salt nobody can find out by trying, however few the possibilities are. Where the salt is
erased, the entry can never be opened again, and the log stays as valid as it was.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from portal.kernel.digest import canonical

PUBLIC: Final = frozenset(
    {
        "letters:letter:issued",
        "letters:letter:published",
        "letters:letter:withdrawn",
        "letters:letter:superseded",
    }
)
"""The kinds that a stranger must be able to read, because a letter is verified with them."""
SALT_BYTES: Final = 16


def is_public(kind: str) -> bool:
    """Whether entries of this kind are written openly."""
    return kind in PUBLIC


def time_text(at: datetime) -> str:
    """How an entry says when: RFC 3339 in UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def person_hash(salt: bytes, person_id: str) -> str:
    """How an entry names a person: ``sha256:`` over salt and identifier. The salt stays in the row."""
    return "sha256:" + sha256(salt + person_id.encode()).hexdigest()


def commit(salt: bytes, content: Mapping[str, Any]) -> str:
    """The commitment to *content*: ``sha256:`` over *salt* and its canonical JSON (RFC 8785)."""
    return "sha256:" + sha256(salt + canonical(content)).hexdigest()


def entry_bytes(content: Mapping[str, Any], at: datetime, salt: bytes) -> bytes:
    """The entry that is hashed into the log for *content* (``kind``, ``subject``, ``person``, ``payload``).

    Open for a public kind, else a commitment under *salt*.
    """
    head = {"v": 1, "at": time_text(at)}
    if is_public(content["kind"]):
        return canonical({**head, **content})
    return canonical({**head, "content": commit(salt, content)})


def opens(entry: bytes, opening: Mapping[str, Any]) -> bool:
    """Whether an opening (``salt`` in hexadecimal digits, ``content``) is that of this entry.

    An entry that is not a commitment has none.
    """
    try:
        told = json.loads(entry)
        salt = bytes.fromhex(opening["salt"])
        # A shorter salt would let part of the content pass for salt, and could be guessed besides.
        return len(salt) == SALT_BYTES and bool(told["content"] == commit(salt, opening["content"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
