"""Digests: ``sha256:`` and 64 hexadecimal digits, over RFC 8785 canonical JSON or over bytes."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """*value* as canonical JSON (RFC 8785), UTF-8.

    Raises `rfc8785.CanonicalizationError` for what JSON cannot hold (NaN, integers beyond 2**53-1).
    """
    return rfc8785.dumps(value)


def digest_of(value: Any) -> str:
    """The digest of a JSON value: SHA-256 over its canonical form."""
    return digest_bytes(canonical(value))


def digest_bytes(data: bytes) -> str:
    """The digest of a file's bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()
