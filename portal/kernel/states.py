"""One function that moves a state, along one table a life cycle (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from portal.kernel.errors import Conflict
from portal.kernel.sentence import say

S = TypeVar("S", bound=StrEnum)


def move(table: Mapping[S, frozenset[S]], old: S, new: S, what: str) -> S:
    """*new*, if the table allows the step from *old*; *what* names the thing in the refusal.

    Raises `Conflict` otherwise.
    """
    if new not in table.get(old, frozenset()):
        raise Conflict(
            say(
                "%(what)s is “%(old)s” and cannot become “%(new)s” any more. "
                "Load the page again to see how it stands.",
                what=what,
                old=old.value,
                new=new.value,
            )
        )
    return new
