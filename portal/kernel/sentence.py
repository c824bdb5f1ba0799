"""A sentence for a person, not yet in that person's language.

Rules and use cases decide *what* is to be said; only the edge (page, mail, PDF, terminal) knows
*to whom*. So they hand out a `Sentence`, and the edge renders it.
"""

from __future__ import annotations

import gettext
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"
LANGUAGES: tuple[str, ...] = ("en", "ja")
"""The languages of the portal's own words, as BCP 47 primary tags; the first is the source's."""


@lru_cache(maxsize=8)
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("messages", str(TRANSLATIONS), languages=[language], fallback=True)


@dataclass(frozen=True)
class Sentence:
    """A message id (the English text, with ``%(name)s`` places) and what goes into the places.

    A parameter may itself be a sentence; it is rendered in the same language.
    """

    msgid: str
    params: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    plural: str | None = None
    n: int | None = None

    def render(self, language: str) -> str:
        """The text in *language*; in English where that language has no translation."""
        catalogue = _catalogue(language)
        if self.plural is not None and self.n is not None:
            text = catalogue.ngettext(self.msgid, self.plural, self.n)
        else:
            text = catalogue.gettext(self.msgid)
        values = {
            key: value.render(language) if isinstance(value, Sentence) else value
            for key, value in self.params.items()
        }
        # Without places there is nothing to fill in, and a "100 %" in the text must stay as it is.
        return text % values if values else text

    def __str__(self) -> str:
        return self.render("en")


def say(msgid: str, /, **params: object) -> Sentence:
    """A sentence: ``say("%(name)s has signed.", name=...)``."""
    return Sentence(msgid, MappingProxyType(params))


def say_n(singular: str, plural: str, n: int, /, **params: object) -> Sentence:
    """A sentence that depends on a number, which is available in it as ``%(n)s``."""
    return Sentence(singular, MappingProxyType({"n": n, **params}), plural, n)
