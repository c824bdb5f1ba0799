"""Right-to-left text on a line: which pieces stand where (Unicode UAX 9).

Arabic and Hebrew names stand in Latin or Japanese lines; the order on paper is not the order in the
text. Explicit bidi controls never come here: `fonts.check_printable` refuses them before.
"""

from __future__ import annotations

import unicodedata

from bidi.algorithm import (
    explicit_embed_and_overrides,
    get_base_level,
    get_embedding_levels,
    get_empty_storage,
    resolve_implicit_levels,
    resolve_neutral_types,
    resolve_weak_types,
)


def has_right_to_left(text: str) -> bool:
    """Whether any character is of a right-to-left script."""
    if text.isascii():
        return False
    return any(
        code >= 0x590 and unicodedata.bidirectional(char) in {"R", "AL", "AN"}
        for char, code in zip(text, map(ord, text), strict=True)
    )


def _levels(text: str) -> list[int]:
    storage = get_empty_storage()
    level = get_base_level(text)
    storage["base_level"], storage["base_dir"] = level, ("L", "R")[level]
    get_embedding_levels(text, storage)
    explicit_embed_and_overrides(storage)
    resolve_weak_types(storage)
    resolve_neutral_types(storage, False)  # the library takes its debug switch by place
    resolve_implicit_levels(storage, False)
    return [char["level"] for char in storage["chars"]]


def visual_pieces(text: str) -> list[tuple[str, bool]]:
    """Pieces from left to right as (text in reading order, runs rightward?). Rule L2 of UAX 9."""
    pieces: list[tuple[int, str]] = []
    for char, level in zip(text, _levels(text), strict=True):
        if pieces and pieces[-1][0] == level:
            pieces[-1] = (level, pieces[-1][1] + char)
        else:
            pieces.append((level, char))
    odd = [level for level, _ in pieces if level % 2]
    for level in range(max(level for level, _ in pieces), min(odd, default=99) - 1, -1):
        pieces = _reversed_from(pieces, level)
    return [(piece, level % 2 == 0) for level, piece in pieces]


def _reversed_from(pieces: list[tuple[int, str]], level: int) -> list[tuple[int, str]]:
    """Every stretch of pieces at this level or above, reversed."""
    out: list[tuple[int, str]] = []
    stretch: list[tuple[int, str]] = []
    for piece in pieces:
        if piece[0] >= level:
            stretch.append(piece)
            continue
        out += stretch[::-1]
        stretch = []
        out.append(piece)
    return out + stretch[::-1]
