"""Passwords: which are good enough, and how they are kept. Pure, apart from the clock they burn.

Rules after NIST SP 800-63B-4 §3.1.1 and OWASP ASVS 5.0 V6.2: length and a blocklist, no composition
rules, no forced change, every character allowed. Kept as argon2id, 19 MiB, 2 passes, 1 lane (OWASP).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.kernel.sentence import Sentence, say

SHORTEST: Final = 15
"""Characters of a password that is the only factor."""
LONGEST: Final = 1024
"""Beyond this, hashing the input itself would be work for an attacker to give us."""

_hasher: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

_COMMON: Final = (
    "password passwort passw0rd p@ssword passphrase letmein welcome qwerty qwertyuiop asdfgh asdfghjkl "
    "zxcvbn zxcvbnm iloveyou admin administrator login monkey dragon football baseball sunshine "
    "princess superman master shadow trustno hello secret changeme default guest test testing temp "
    "abcdef abcdefgh rensho portal association secretariat member members company legal letter "
    "signature contract copyright japan tokyo nippon nihon anime manga campaign kaisha houmu himitsu "
    "pasuwado sakura correcthorsebatterystaple january february march april june july august september "
    "october november december spring summer autumn winter"
)
COMMON: Final = frozenset(_COMMON.split())
"""Words that passwords are made of when nobody thinks: the common ones, and those of this place."""

_LEET: Final = str.maketrans({"0": "o", "1": "l", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s"})
"""How letters are commonly written as signs: p@ssw0rd."""


def normalised(password: str) -> str:
    """NFKC, so that the same password typed on another keyboard is the same (SP 800-63B-4 §3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def problem(password: str, context: Iterable[str] = ()) -> Sentence | None:
    """Why *password* is not good enough, or None. *context* are the person's own words (name, address)."""
    text = normalised(password)
    if len(text) < SHORTEST:
        return say(
            "A password has at least %(n)s characters. "
            "A short sentence that only you would say is a good one.",
            n=SHORTEST,
        )
    if len(text) > LONGEST:
        return say("A password has at most %(n)s characters.", n=LONGEST)
    if len(set(text.casefold())) < 5 or _is_run(text):
        return say("This password is a row of the same or neighbouring characters. Take another.")
    if not _is_more_than(text, context):
        return say("This password is made of words that are tried first. Add something only you would say.")
    return None


def _is_run(text: str) -> bool:
    """Whether nearly every character repeats or follows the one before ("aaaa", "12345678", "abcabc")."""
    steps = [ord(b) - ord(a) for a, b in pairwise(text)]
    if sum(step in {-1, 0, 1} for step in steps) >= 0.8 * len(steps):
        return True
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, 6))


def _is_more_than(text: str, context: Iterable[str]) -> bool:
    """Whether at least 6 characters remain that neither a known word nor a run of numbers explains."""
    own = {word for entry in context for word in re.split(r"[\W_]+", entry.casefold()) if len(word) >= 3}
    words = sorted(COMMON | own, key=len, reverse=True)
    plain, spelled = (
        re.sub(r"[\W_]+", "", variant) for variant in (text.casefold(), text.casefold().translate(_LEET))
    )
    return (
        min(
            _surprise(_without(plain, words)),
            _surprise(_without(spelled, [word.translate(_LEET) for word in words])),
        )
        >= 6
    )


def _without(text: str, words: Iterable[str]) -> str:
    """*text* without *words* and years."""
    for word in words:
        text = text.replace(word, "")
    return re.sub(r"(?:19|20)\d\d", "", text)


def _surprise(text: str) -> int:
    """How many characters are neither the one before nor its neighbour."""
    steps = (ord(b) - ord(a) for a, b in pairwise(text))
    return bool(text) + sum(step not in {-1, 0, 1} for step in steps)


def hashed(password: str) -> str:
    """*password* as an argon2id string in PHC format, with a salt of its own. Takes 30 to 50 ms."""
    return _hasher.hash(normalised(password))


def matches(password_hash: str | None, password: str) -> bool:
    """Whether *password* is that of *password_hash*; the same work is done where there is none."""
    if len(password) > LONGEST:
        password = ""
    try:
        right = _hasher.verify(password_hash or _nobody(), normalised(password))
    except (VerificationError, InvalidHashError):
        return False
    return right and password_hash is not None


@lru_cache(maxsize=1)
def _nobody() -> str:
    """The hash of no one's password, of the same cost as all others: an unknown account takes as long."""
    return _hasher.hash("nobody has this password")


def warm_up() -> None:
    """Make the hash of nobody now, so that the first unknown account takes no longer than the second."""
    _nobody()
