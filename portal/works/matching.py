"""Which works stand in the lists of two members: by keys, never by comparing all pairs. Pure.

Two rows of different members are the same work if they share

- an identifier, or
- the address of a catalogue entry, or
- a normalised title, kind and year,

unless what they say for certain differs: two different addresses within one catalogue, or two
different numbers of one scheme, are two works, however alike the titles (parts and seasons often
have one Japanese title). Near titles are for a person to judge and not matched here.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from portal.works.rows import WorkRow


@dataclass(frozen=True)
class Listed:
    """A row as it stands in a member's list. ``number`` is its place there, from 1."""

    member_id: str
    number: int
    row: WorkRow


@dataclass(frozen=True)
class Shared:
    """One work that stands in the lists of two or more members.

    ``key`` names it; the same lists give the same key. ``rows`` are ordered by member and number.
    """

    key: str
    rows: tuple[Listed, ...]

    @property
    def member_ids(self) -> tuple[str, ...]:
        """The members that list it, sorted."""
        return tuple(sorted({one.member_id for one in self.rows}))


# --- keys -----------------------------------------------------------------------------------------


def title_key(title: str) -> str:
    """What spellings of one title have in common: NFKC, no case, no punctuation or spaces, one kana.

    Titles of nothing but punctuation keep it.
    """
    # Twice, because folding the case can undo the normal form (İ).
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", title).casefold())
    text = "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" else c for c in text)
    # The long vowel mark, dashes and wave dashes are typed one for the other.
    letters = re.sub(r"[\W_ー]", "", text)
    return letters or re.sub(r"\s", "", text)


def address_key(url: str) -> str:
    """The address without scheme, ``www.`` and a closing slash; empty where it names no single entry."""
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:  # unbalanced brackets
        return ""
    path = parts.path.rstrip("/")
    if not path and not parts.query:
        return ""  # the front page of a site is no catalogue entry
    return f"{host}{path}" + (f"?{parts.query}" if parts.query else "")


def keys_of(row: WorkRow) -> tuple[str, ...]:
    """The keys under which the row can meet another, the surest first; each begins with its kind."""
    keys = [f"id:{one.key}" for one in row.identifiers]
    if address := address_key(row.url):
        keys.append(f"at:{address}")
    titles = dict.fromkeys(title_key(t) for t in (row.title, row.title_ja, row.title_en) if t)
    keys += [f"title:{row.kind.value}:{row.year or ''}:{title}" for title in titles if title]
    return tuple(dict.fromkeys(keys))


def certainly_different(one: WorkRow, other: WorkRow) -> bool:
    """Whether two rows alike by title say themselves that they are two works."""
    numbers = [{i.scheme: i.key for i in row.identifiers} for row in (one, other)]
    shared_schemes = numbers[0].keys() & numbers[1].keys()
    if shared_schemes:
        every = {i.key for i in one.identifiers} & {i.key for i in other.identifiers}
        return not every
    first, second = address_key(one.url), address_key(other.url)
    return bool(first and second) and first != second and _host(first) == _host(second)


def _host(address: str) -> str:
    return re.split(r"[/?]", address, maxsplit=1)[0]


# --- matching -------------------------------------------------------------------------------------


def shared_works(lists: Iterable[Listed]) -> tuple[Shared, ...]:
    """The works that stand in the lists of two or more members, by their first row.

    The time is that of building an index, plus the pairs that share a key. A row that agrees with
    rows of two others joins all three.
    """
    rows = list(lists)
    index: dict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(rows):
        for key in keys_of(one.row):
            index[key].append(place)
    parent = list(range(len(rows)))
    shared_keys: dict[int, list[str]] = defaultdict(list)
    for key, places in index.items():
        if len({rows[place].member_id for place in places}) < 2:
            continue
        for first, second in _meeting(rows, key, places):
            _join(parent, first, second)
            shared_keys[first].append(key)
    groups: dict[int, list[int]] = defaultdict(list)
    keys: dict[int, list[str]] = defaultdict(list)
    for place in {place for found in index.values() if len(found) > 1 for place in found}:
        groups[_root(parent, place)].append(place)
    for place, found_keys in shared_keys.items():
        keys[_root(parent, place)] += found_keys
    return tuple(
        Shared(
            min(keys[root], key=_surest),
            tuple(sorted((rows[p] for p in members), key=lambda one: (one.member_id, one.number))),
        )
        for root, members in sorted(groups.items(), key=lambda item: min(item[1]))
        if root in keys
    )


def _meeting(rows: list[Listed], key: str, places: list[int]) -> Iterable[tuple[int, int]]:
    """The pairs of different members that are the same work by *key*."""
    for at, first in enumerate(places):
        for second in places[at + 1 :]:
            one, other = rows[first], rows[second]
            if one.member_id == other.member_id:
                continue
            if key.startswith("title:") and certainly_different(one.row, other.row):
                continue
            yield first, second


def _root(parent: list[int], place: int) -> int:
    while parent[place] != place:
        parent[place] = parent[parent[place]]
        place = parent[place]
    return place


def _join(parent: list[int], first: int, second: int) -> None:
    a, b = _root(parent, first), _root(parent, second)
    parent[max(a, b)] = min(a, b)


def _surest(key: str) -> tuple[int, str]:
    return (("id", "at", "title").index(key.split(":", 1)[0]), key)


def repeated(rows: Iterable[WorkRow]) -> tuple[tuple[int, int], ...]:
    """Rows of one list that seem to repeat an earlier one, as (earlier, later) positions from 0."""
    seen: dict[str, int] = {}
    kept: list[WorkRow] = []
    found: list[tuple[int, int]] = []
    for place, row in enumerate(rows):
        kept.append(row)
        earlier = [seen[key] for key in keys_of(row) if key in seen]
        same = next((at for at in sorted(set(earlier)) if not certainly_different(kept[at], row)), None)
        if same is not None:
            found.append((same, place))
        for key in keys_of(row):
            seen.setdefault(key, place)
    return tuple(found)
