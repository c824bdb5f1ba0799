"""What may be refused, and in which words.

Each refusal carries the HTTP status and a stable code for machines, and a sentence for people that
says what is wrong and what to do. `portal.web.responses` and `portal.cli` turn them into a page,
a problem+json or a line; nobody else catches them to hide them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from portal.kernel.places import words_of
from portal.kernel.sentence import Sentence, say, say_n


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with an input: where and what.

    ``where`` is a place for machines (`portal.kernel.places`: a field, ``line 3, email``), or
    already a sentence; ``place`` is what a person is told.
    """

    where: str | Sentence
    sentence: Sentence

    @property
    def place(self) -> str | Sentence:
        """Where, in words; empty where the problem is with the whole."""
        return self.where if isinstance(self.where, Sentence) else words_of(self.where)


class Refused(Exception):  # noqa: N818 - it reads as what happened: "raise Stale"
    """The request is understood and not carried out."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "refused"

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


class Invalid(Refused):
    """The input has problems; all of them are listed."""

    status = 422
    code = "invalid"

    def __init__(self, problems: Iterable[Problem], sentence: Sentence | None = None) -> None:
        self.problems = tuple(problems)
        super().__init__(
            sentence
            or say_n("%(n)s entry needs correcting.", "%(n)s entries need correcting.", len(self.problems))
        )


class ProofNeeded(Refused):
    """The act needs a proof of identity fresher than the session has."""

    status = 401
    code = "proof-needed"

    def __init__(self, sentence: Sentence | None = None) -> None:
        super().__init__(sentence or say("Please confirm with your password that it is you."))


class Forbidden(Refused):
    """The seat acted from does not allow this."""

    status = 403
    code = "forbidden"

    def __init__(self, sentence: Sentence | None = None) -> None:
        super().__init__(sentence or say("Your role does not allow this. Ask whoever manages your seats."))


class NotFound(Refused):
    """There is no such thing, or it is somebody else's: the two cannot be told apart."""

    status = 404
    code = "not-found"

    def __init__(self, sentence: Sentence | None = None) -> None:
        super().__init__(sentence or say("There is no such page, or it is not yours to see."))


class Conflict(Refused):
    """The state of things does not allow it (any more)."""

    status = 409
    code = "conflict"


class Stale(Conflict):
    """What was on the screen has changed meanwhile: read again."""

    code = "stale"


class TooMany(Refused):
    """Too many attempts; wait."""

    status = 429
    code = "too-many"
