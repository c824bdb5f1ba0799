"""One function that moves a state, along one table a life cycle (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

from portal.kernel.errors import Conflict
from portal.kernel.sentence import Sentence, say

S = TypeVar("S", bound=StrEnum)


def move(table: Mapping[S, frozenset[S]], old: S, new: S, what: Sentence) -> S:
    """*new*, if the table allows the step from *old*; *what* names the thing in the refusal.

    Raises `Conflict` otherwise. Its words name no state: those are ours, not the reader's; who debugs
    finds them in the exception's note.
    """
    if new not in table.get(old, frozenset()):
        refusal = Conflict(
            say(
                "%(what)s has moved on meanwhile; this step is not possible any more. "
                "Load the page again to see how it stands.",
                what=what,
            )
        )
        refusal.add_note(f"{old.value} -> {new.value}")
        raise refusal
    return new
