"""Where a line may end: Japanese 禁則処理 and Latin words, in one text.

The rules are those of JIS X 4051 and JLREQ (W3C, "Requirements for Japanese Text Layout", §3.1.7 and
§3.1.8) in the strict form for characters, push-out (追い出し) for what must not begin a line: the
character before it goes along to the next line. A Latin word stays whole unless it is longer than
a line.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from portal.paper.fonts import Family, clusters, is_japanese

# 行頭禁則: closing marks, full stops, small kana, sound marks, iteration marks, units after a number
NO_START = frozenset(
    "、。，．・：；？！!?,.:;)）]］}｝〕〉》」』】〙〗〟’”»›ー〜～゠–"
    "ぁぃぅぇぉっゃゅょゎゕゖァィゥェォッャュョヮヵヶㇰㇱㇲㇳㇴㇵㇶㇷㇸㇹㇺㇻㇼㇽㇾㇿ"
    "々〻ゝゞヽヾ゛゜°′″℃％%‰‼⁇⁈⁉ｰﾞﾟ｡､｣･ｧｨｩｪｫｬｭｮｯ"
)
# 行末禁則: opening marks, currency and number signs
NO_END = frozenset("(（[［{｛〔〈《「『【〘〖〝‘“«‹￥＄￡＃＠〒§｢¥$£€№")
# 分離禁止: pairs of the same mark stay together (――, ……, ‥‥)
NO_PART = frozenset("—―…‥〳〴〵")
SPACES = frozenset(" \u3000\u2002\u2003\u2009")


def atoms(text: str) -> list[str]:
    """The text in pieces that stay on one line; "".join(atoms(text)) == text.

    Each piece carries the spaces after it. A line feed ends its piece.
    """
    parts: list[str] = []
    for cluster in clusters(text):
        if parts and not _may_part(parts[-1], cluster):
            parts[-1] += cluster
        else:
            parts.append(cluster)
    return parts


def _may_part(before: str, after: str) -> bool:
    """Whether a line may end between the last character of `before` and the first of `after`."""
    last, first = before[-1], after[0]
    if last == "\n":
        return True
    if first in SPACES or first == "\n":
        return False  # spaces hang at the end of the line they end
    if last in SPACES:
        # A mark that must not begin a line stays with the word even behind a space ("« ça »").
        word = before.rstrip("".join(SPACES))
        return not (first in NO_START or not word or word[-1] in NO_END)
    if first in NO_START or _base(before) in NO_END:
        return False
    if last in NO_PART and first in NO_PART:
        return False
    if is_japanese(_base(before)) or is_japanese(first):
        return True
    # well-known: a line may end after the hyphen between letters, not inside FCA-2026-0001
    return last in "-–" and len(before) > 2 and before[-2].isalpha() and first.isalpha()


def _base(part: str) -> str:
    """The last character that is not a mark on another."""
    for char in reversed(part):
        if not unicodedata.combining(char) and unicodedata.category(char) != "Mn":
            return char
    return part[-1]


def lines(text: str, measure: Callable[[str], float], width: float, first: float | None = None) -> list[str]:
    """Breaks the text into lines no wider than `width` (in the unit of `measure`).

    The lines joined give the text back: spaces at a line's end and line feeds are still on it, and do
    not count in its width. `first` is the width of the first line where it differs (a hanging label).
    Only a single character wider than the line may stick out.
    """
    out: list[str] = []
    line, used = "", 0.0
    room = width if first is None else first
    for atom in atoms(text):
        word = atom.rstrip(" \n\u3000")
        wide = measure(word)
        if line and used + wide > room:
            out.append(line)
            line, used, room = "", 0.0, width
        if wide > room:
            *full, rest = _cut(atom, measure, room, width)
            out += full
            room = width if full else room
            word = rest.rstrip(" \n\u3000")
            wide = measure(word)
        else:
            rest = atom
        line += rest
        used += wide + (measure(rest[len(word) :].rstrip("\n")) if len(word) < len(rest) else 0.0)
        if rest.endswith("\n"):
            out.append(line)
            line, used, room = "", 0.0, width
    if line or not out:
        out.append(line)
    return out


def fitted(text: str, style: Family, size: float, width: float) -> list[str]:
    """The lines of a text of this size in a width in points, without the spaces at their ends.

    Raises MissingGlyph or UnprintableText with the entire line named, before it is in pieces.
    """
    for whole in text.split("\n"):
        style.runs(whole)
    return [line.rstrip(" \u3000\n") for line in lines(text, style.width, width * 1000 / size)]


def _cut(atom: str, measure: Callable[[str], float], first: float, width: float) -> list[str]:
    """A piece longer than a line, cut where it must be: the one case in which the rules give way."""
    pieces: list[str] = []
    piece, used, hanging, room = "", 0.0, 0.0, first
    for cluster in clusters(atom):
        if cluster in SPACES or cluster == "\n":
            piece += cluster
            hanging += 0.0 if cluster == "\n" else measure(cluster)
            continue
        wide = measure(cluster)
        if piece and used + hanging + wide > room:
            pieces.append(piece)
            piece, used, hanging, room = "", 0.0, 0.0, width
        piece += cluster
        used, hanging = used + hanging + wide, 0.0
    return [*pieces, piece]
