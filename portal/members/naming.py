"""How member names are printed and in which order: computed, never typed (DESIGN §3.7). Pure.

Orders follow what Japanese readers expect of a list of companies (五十音順): by reading, as JIS X 4061
compares kana. That is: first without voiced marks, without regard to small or large kana, hiragana or
katakana, a long vowel mark as the vowel it prolongs; only between readings equal so far do small kana
and voiced marks decide.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from portal.kernel.sentence import Sentence, say


class OrderRule(StrEnum):
    """How the named members are ordered; printed in the letter."""

    gojuon = "gojuon"
    alphabetical = "alphabetical"
    category = "category"
    associations_first = "associations_first"


class Nameable(Protocol):
    """What a member must tell to be put in order: `RollMember` and `MemberView` do."""

    @property
    def names(self) -> Mapping[str, str]: ...
    @property
    def reading(self) -> str: ...
    @property
    def category(self) -> str: ...
    @property
    def kind(self) -> str: ...


M = TypeVar("M", bound=Nameable)

# --- kana -----------------------------------------------------------------------------------------

_VOICED = "\u3099"
_SEMI_VOICED = "\u309a"
_LONG = "ー"
_SMALL: Final = dict(zip("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ", strict=True))
_ROWS: Final = {
    "ア": "アカサタナハマヤラワ",
    "イ": "イキシチニヒミリヰ",
    "ウ": "ウクスツヌフムユル",
    "エ": "エケセテネヘメレヱ",
    "オ": "オコソトノホモヨロヲ",
}
_VOWEL: Final = {kana: vowel for vowel, row in _ROWS.items() for kana in row}

_LEGAL_FORMS: Final = (
    *("カブシキガイシャ", "カブシキカイシャ", "ユウゲンガイシャ", "ユウゲンカイシャ"),
    *("ゴウドウガイシャ", "ゴウドウカイシャ", "ゴウシガイシャ", "ゴウメイガイシャ"),
    *("イッパンシャダンホウジン", "コウエキシャダンホウジン", "シャダンホウジン"),
    *("イッパンザイダンホウジン", "コウエキザイダンホウジン", "ザイダンホウジン"),
)
"""Not part of the name where names are ordered, wherever a reading was given with them."""


def katakana(text: str) -> str:
    """*text* after NFKC with hiragana turned into katakana; nothing else is changed."""
    normal = unicodedata.normalize("NFKC", text)
    return "".join(chr(ord(c) + 0x60) if "ぁ" <= c <= "ゖ" or c in "ゝゞ" else c for c in normal)


def _is_kana(char: str) -> bool:
    return "ァ" <= char <= "ヺ" or char in {_LONG, "ヽ", "ヾ"}


def fold_kana(text: str) -> str:
    """*text* with kana reduced to what is compared first: ``ジェー`` → ``シエエ``. Other characters stay."""
    return "".join(base for base, _, _ in _signs(katakana(text)))


def _signs(text: str) -> Iterable[tuple[str, int, int]]:
    """Each character as (base kana, prolonging 0 small 1 full 2, unvoiced 0 voiced 1 half-voiced 2)."""
    before = ""
    for char in text:
        decomposed = unicodedata.normalize("NFD", char)
        base, marks = decomposed[0], decomposed[1:]
        if unicodedata.category(base) == "Mn" and before:
            continue  # a mark that stands alone; NFKC has joined the others
        sort = 0 if base == _LONG else 1 if base in _SMALL else 2
        if base == _LONG and before in _VOWEL:
            base = _VOWEL[before]
        elif base == "ヽ" and before:
            base = before
        base = _SMALL.get(base, base)
        kana = _is_kana(base)
        yield base if kana else char, sort, 1 if _VOICED in marks else 2 if _SEMI_VOICED in marks else 0
        before = base if kana else ""


def _reading_key(reading: str) -> tuple[str, tuple[int, ...], tuple[int, ...]]:
    text = "".join(
        c for c in katakana(reading) if c.isalnum() or _is_kana(c) or unicodedata.category(c) == "Mn"
    )
    for form in _LEGAL_FORMS:
        if text != form and (text.startswith(form) or text.endswith(form)):
            text = text.removeprefix(form).removesuffix(form)
    signs = list(_signs(text))
    # JIS X 4061: readings alike in the base are told apart by voiced marks first, then by small kana.
    return "".join(s[0] for s in signs).casefold(), tuple(s[2] for s in signs), tuple(s[1] for s in signs)


# --- Latin letters --------------------------------------------------------------------------------

_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h", "ŋ": "ng"}
)


def fold_latin(text: str) -> str:
    """*text* for alphabetical comparison: no case, no accents, no punctuation, single spaces."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()).translate(_LETTERS)
    # Apostrophes and full stops vanish (L'Étoile, J.C.), everything else that is no letter parts words.
    letters = [c for c in plain if unicodedata.category(c) != "Mn" and c not in "'’.,"]
    return " ".join("".join(c if c.isalnum() else " " for c in letters).split())


def _script(char: str) -> int:
    """Where a script stands in the alphabetical order: Latin and digits, other alphabets, kana, the rest."""
    if char < "\u0250":
        return 0
    if _is_kana(katakana(char)):
        return 2
    return 3 if "\u2e80" <= char <= "\uffff" or char > "\U0001ffff" else 1


# --- names ----------------------------------------------------------------------------------------


def printed_name(names: Mapping[str, str], language: str) -> str:
    """The name in *language*; where there is none, the English one, else any. Exactly as registered."""
    return names.get(language) or names.get("en") or next((name for name in names.values() if name), "")


def printed_names(names: Mapping[str, str], first: str) -> tuple[str, ...]:
    """All names, that in the language *first* first, each once: how a two-script list prints a member."""
    ordered_names = [printed_name(names, first), *(names[key] for key in sorted(names) if names[key])]
    return tuple(dict.fromkeys(name for name in ordered_names if name))


# --- order ----------------------------------------------------------------------------------------


def ordered(members: Iterable[M], rule: OrderRule | str, *, categories: Sequence[str] = ()) -> tuple[M, ...]:
    """*members* in the order of *rule*; members that compare equal stay as they stand.

    *categories* is the order of the categories for ``category``; others follow alphabetically.
    Raises `ValueError` for an unknown rule.
    """
    rule = OrderRule(rule)
    place = {name: number for number, name in enumerate(categories)}

    def key(member: M) -> tuple[Any, ...]:
        if rule is OrderRule.alphabetical:
            return _alphabetical_key(member)
        if rule is OrderRule.category:
            group: tuple[Any, ...] = (place.get(member.category, len(place)), fold_latin(member.category))
            return (*group, member.category, *_gojuon_key(member))
        if rule is OrderRule.associations_first:
            return (member.kind != "association", *_gojuon_key(member))
        return _gojuon_key(member)

    return tuple(sorted(members, key=key))


def _gojuon_key(member: Nameable) -> tuple[Any, ...]:
    reading = _kana_reading(member)
    if reading:
        return (0, _reading_key(reading), _latin_key(printed_name(member.names, "ja")))
    return (1, *_alphabetical_key(member))


def _kana_reading(member: Nameable) -> str:
    """The reading, if it begins with kana; else a name that is itself written in kana; else nothing."""
    for text in (member.reading, member.names.get("ja", "")):
        letters = [c for c in katakana(text) if c.isalnum() or _is_kana(c)]
        if letters and all(_is_kana(c) for c in (letters[:1] if text == member.reading else letters)):
            return text
    return ""


def _alphabetical_key(member: Nameable) -> tuple[Any, ...]:
    name = printed_name(member.names, "en")
    return (*_latin_key(name), _reading_key(member.reading) if member.reading else ("", (), ()), name)


def _latin_key(name: str) -> tuple[int, str]:
    folded = fold_latin(name)
    return (_script(folded[0]) if folded else 4, folded)


def rule_sentence(rule: OrderRule | str) -> Sentence:
    """The rule in words, as it is printed in the letter. Raises `ValueError` for an unknown rule."""
    return {
        OrderRule.gojuon: say(
            "Members are listed in the order of the Japanese syllabary, by the reading of their names; "
            "names without a reading follow alphabetically."
        ),
        OrderRule.alphabetical: say("Members are listed alphabetically by their names in Latin letters."),
        OrderRule.category: say(
            "Members are listed by category, and within each in the order of the Japanese syllabary."
        ),
        OrderRule.associations_first: say(
            "Associations are listed first, then companies, each in the order of the Japanese syllabary."
        ),
    }[OrderRule(rule)]
