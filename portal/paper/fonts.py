"""A family of faces tried in order for each character, so that nothing on paper is ever blank.

`family(style, language)` gives the chain; `Family.runs(text)` the glyphs of a line in visual order.
A character that no face has raises `MissingGlyph`, one that must not be on paper `UnprintableText`:
the letter is refused with the string named and not printed with a gap.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

from portal.paper.bidi import has_right_to_left, visual_pieces
from portal.paper.glyphs import Face, Glyph, face

Style = Literal["serif", "serif-bold", "sans"]

_LATIN: dict[Style, str] = {
    "serif": "SourceSerif4-Regular",
    "serif-bold": "SourceSerif4-Bold",
    "sans": "SourceSans3-Regular",
}
_JAPANESE: dict[Style, str] = {
    "serif": "NotoSerifJP-Regular",
    "serif-bold": "NotoSerifJP-Bold",
    "sans": "NotoSansJP-Regular",
}
_OTHERS = ("NotoSans-Regular", "NotoSansArabic-Regular", "NotoSansHebrew-Regular", "NotoSansThai-Regular")
_KOREAN = "NotoSansKR-Regular"
_CHINESE = "DroidSansFallback"

_SELECTORS = frozenset([*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
_UNPRINTABLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_TOKEN = re.compile(r" +|[^ ]+")


class MissingGlyph(ValueError):  # noqa: N818 - reads as what happened: "raise MissingGlyph"
    """No face has this character. `text` is the string, `missing` the character (with its selector)."""

    def __init__(self, text: str, missing: str) -> None:
        self.text, self.missing = text, missing
        codes = " ".join(f"U+{ord(char):04X}" for char in missing)
        super().__init__(f"No typeface here has the character {codes} of “{shown(text)}”.")


class UnprintableText(ValueError):  # noqa: N818 - reads as what happened
    """The text holds a character that must not be on paper (controls, bidi overrides, unassigned)."""

    def __init__(self, text: str, char: str) -> None:
        self.text, self.char = text, char
        name = unicodedata.name(char, "a control or unassigned character")
        super().__init__(f"“{shown(text)}” holds U+{ord(char):04X} ({name}), which cannot be printed.")


def shown(text: str, limit: int = 80) -> str:
    """The text for a message: unprintable characters as their numbers, cut at `limit` characters."""
    safe = "".join(c if unicodedata.category(c) not in _UNPRINTABLE else f"<U+{ord(c):04X}>" for c in text)
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def check_printable(text: str) -> None:
    """Raises UnprintableText for what must not be on paper; line feeds too, so split before.

    That is controls, formatting and bidi characters, surrogates, private use, unassigned code points
    and line separators. Bidi controls could make a name read as another's (Unicode UAX 9, UTR 36); NUL
    ends strings early in some readers. Variation selectors are let through and must find their glyph.
    """
    if text.isprintable():  # the quick way: true for nearly every string
        return
    for char in text:
        if unicodedata.category(char) in _UNPRINTABLE:
            raise UnprintableText(text, char)


def is_japanese(char: str) -> bool:
    """Whether the character is set in the full-width square: ideographs, kana, full-width forms."""
    return unicodedata.east_asian_width(char) in "WF"


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring glyphs of one face, in visual order. `width` in thousandths of the type size."""

    face: Face
    glyphs: tuple[Glyph, ...]

    @property
    def width(self) -> int:
        return sum(glyph.advance for glyph in self.glyphs)


class NeedsShapingError(Exception):
    """The character cannot be set by itself."""


class Family:
    """Faces in order for one style and language. Shared between documents; only caches change."""

    def __init__(self, style: Style, language: str) -> None:
        self.style, self.language = style, language
        first = [_LATIN[style], _JAPANESE[style]]
        self._names = [*first, *_OTHERS, _KOREAN, _CHINESE]
        self._latin = face(first[0])
        self._plain: dict[int, tuple[Face, Glyph]] = {}
        self._tokens: dict[str, tuple[Run, ...]] = {}
        self._kerned = style != "sans"  # a schedule is measured character by character, for speed

    # -- one character

    def _faces(self, char: str, *, latin: bool = False) -> Iterator[Face]:
        """The faces for this character in order of preference; `latin` beside a Latin word."""
        names = self._names
        wide = unicodedata.east_asian_width(char)
        if self._ambiguous(char) and not latin:
            names = [names[1], names[0], *names[2:]]
        elif self.language in {"zh", "ko"} and wide in "WF" and unicodedata.category(char) == "Lo":
            # Chinese and Korean forms of the characters that Japanese shares with them.
            own = _CHINESE if self.language == "zh" else _KOREAN
            names = [own, *(name for name in names if name != own)]
        for name in names:
            yield face(name)

    def _ambiguous(self, char: str) -> bool:
        """Quotation marks, dashes and dots are full width in Japanese and narrow by a Latin word."""
        return (
            self.language == "ja"
            and unicodedata.east_asian_width(char) == "A"
            and not unicodedata.category(char).startswith("L")
        )

    def plain(self, char: str) -> tuple[Face, Glyph]:
        """Face and glyph of a character that stands by itself. Raises MissingGlyph."""
        found = self._plain.get(ord(char))
        if found is None:
            if needs_shaping(char) or self._ambiguous(char):
                raise NeedsShapingError
            check_printable(char)  # a soft hyphen, for one, does have a glyph
            found = self._plain[ord(char)] = self._look_up(char)
        return found

    def _look_up(self, char: str) -> tuple[Face, Glyph]:
        for candidate in self._faces(char):
            gid = candidate.gids.get(ord(char))
            if gid:
                return candidate, Glyph(gid, char, candidate.advances[gid])
        raise MissingGlyph(char, char)

    # -- a line

    def width(self, text: str) -> int:
        """Width of the text on one line, in thousandths of the type size."""
        if not self._kerned:
            try:
                return sum([self.plain(char)[1].advance for char in text])
            except NeedsShapingError:
                pass
            except MissingGlyph as missing:
                raise MissingGlyph(text, missing.missing) from None
            except UnprintableText as unprintable:
                raise UnprintableText(text, unprintable.char) from None
        return sum(run.width for run in self.runs(text))

    def runs(self, text: str) -> tuple[Run, ...]:
        """The line's glyphs from left to right. Raises MissingGlyph, UnprintableText."""
        try:
            check_printable(text)
            if has_right_to_left(text):
                return tuple(run for piece, up in visual_pieces(text) for run in self._shaped(piece, up))
            return tuple(run for token in _TOKEN.findall(text) for run in self._token(token))
        except MissingGlyph as missing:
            raise MissingGlyph(text, missing.missing) from None

    def _token(self, token: str) -> tuple[Run, ...]:
        found = self._tokens.get(token)
        if found is None:
            if len(self._tokens) > 50_000:  # a bound, so that a long-lived worker does not grow
                self._tokens.clear()
            found = self._tokens[token] = tuple(self._shaped(token, rightward=True))
        return found

    def _shaped(self, text: str, rightward: bool) -> Iterator[Run]:
        pieces = list(self._pieces(text))
        for piece, used in pieces if rightward else reversed(pieces):
            if needs_shaping(piece[0]) or any(map(needs_shaping, piece)) or self._kerns(used):
                selected = self._selected(piece, used)
                glyphs = selected if selected is not None else used.shape(piece, rightward=rightward)
                if any(glyph.gid == 0 for glyph in glyphs):
                    raise MissingGlyph(text, piece)
                yield Run(used, tuple(glyphs))
            else:
                gids = [(used.gids[ord(char)], char) for char in piece]
                yield Run(used, tuple(Glyph(gid, char, used.advances[gid]) for gid, char in gids))

    def _kerns(self, used: Face) -> bool:
        return self._kerned and used is self._latin

    def _selected(self, piece: str, used: Face) -> list[Glyph] | None:
        """The glyph of a character with a variation selector (辻 U+E0100); None for other pieces."""
        if len(piece) != 2 or ord(piece[1]) not in _SELECTORS:
            return None
        gid = used.sequences[ord(piece[0]), ord(piece[1])]
        return [Glyph(gid, piece, used.advances[gid])]

    def _pieces(self, text: str) -> Iterator[tuple[str, Face]]:
        """Clusters of one face joined; a character with a variation selector is a piece of its own."""
        joined, used = "", None
        parts = clusters(text)
        for before, cluster, after in zip(["", *parts], parts, [*parts[1:], ""], strict=False):
            chosen = self._face_of(cluster, latin=_is_latin(before[-1:]) or _is_latin(after[:1]))
            alone = len(cluster) == 2 and ord(cluster[1]) in _SELECTORS
            if joined and (chosen is not used or alone or ord(joined[-1]) in _SELECTORS):
                assert used is not None
                yield joined, used
                joined = ""
            joined, used = joined + cluster, chosen
        if joined and used is not None:
            yield joined, used

    def _face_of(self, cluster: str, *, latin: bool) -> Face:
        """The first face that has the whole cluster; a base letter and its marks are never parted."""
        if len(cluster) == 1 and not needs_shaping(cluster):
            if not self._ambiguous(cluster):
                return self.plain(cluster)[0]
            for candidate in self._faces(cluster, latin=latin):
                if ord(cluster) in candidate.gids:
                    return candidate
            raise MissingGlyph(cluster, cluster)
        if len(cluster) == 2 and ord(cluster[1]) in _SELECTORS:
            for candidate in self._faces(cluster[0]):
                if (ord(cluster[0]), ord(cluster[1])) in candidate.sequences:
                    return candidate
            raise MissingGlyph(cluster, cluster)
        composed = unicodedata.normalize("NFC", cluster)
        for candidate in self._faces(cluster[0]):
            if all(ord(c) in candidate.gids for c in cluster) or all(
                ord(c) in candidate.gids for c in composed
            ):
                return candidate
        raise MissingGlyph(cluster, cluster)


def _is_latin(char: str) -> bool:
    """Whether the neighbour is of a Latin word: a letter or digit that is not full width."""
    return char.isalnum() and unicodedata.east_asian_width(char) not in "WFA"


def needs_shaping(char: str) -> bool:
    """Whether the character's form or place depends on its neighbours.

    So it is with marks, Arabic, Hebrew, Thai and conjoining hangul.
    """
    code = ord(char)
    if code < 0x300:
        return False
    return (
        0x300 <= code < 0x370
        or 0x590 <= code < 0x8FF
        or 0xE00 <= code < 0xE80
        or 0x1100 <= code < 0x1200
        or 0xFB1D <= code < 0xFE00
        or 0xFE70 <= code < 0xFEFF
        or unicodedata.category(char) in {"Mn", "Mc", "Me"}
    )


def clusters(text: str) -> list[str]:
    """The text in pieces that must not be parted: a character with the marks and selectors after it."""
    parts: list[str] = []
    for char in text:
        code = ord(char)
        joins = code >= 0x300 and unicodedata.category(char) in {"Mn", "Mc", "Me"}
        # Vowels and finals of decomposed hangul stay with the consonant before them.
        joins = joins or (0x1160 <= code < 0x1200 and bool(parts) and 0x1100 <= ord(parts[-1][-1]) < 0x1200)
        if joins and parts:
            parts[-1] += char
        else:
            parts.append(char)
    return parts


@cache
def family(style: Style, language: str) -> Family:
    """The chain of faces for a style and the language of the text ("en", "ja", "zh", "ko", …)."""
    return Family(style, language if language in {"ja", "zh", "ko"} else "en")


def check_text(text: str, style: Style = "serif", language: str = "ja") -> None:
    """Raises MissingGlyph or UnprintableText if a line of the text cannot be printed; else nothing."""
    for line in text.split("\n"):
        family(style, language).runs(line)


def unprintable(text: str, style: Style = "serif", language: str = "ja") -> str:
    """The character that keeps the text off the paper, as ``U+1F600``; empty if there is none.

    For whoever types the text: at entry it is mended easily, at the issue of a letter it is too late.
    """
    try:
        check_text(text, style, language)
    except MissingGlyph as error:
        return " ".join(f"U+{ord(char):04X}" for char in error.missing)
    except UnprintableText as error:
        return f"U+{ord(error.char):04X}"
    return ""


def total_width(runs: Sequence[Run]) -> int:
    """Width of a set line in thousandths of the type size."""
    return sum(run.width for run in runs)
