"""``python -m tests.translations``: fails if a text of the portal has no Japanese translation, and says which.

The texts are collected from the source each time, as ``make strings`` does, so that a new one cannot
be forgotten. A translation must also fill in the same places (``%(name)s``) as the text.
"""

import io
import re
import sys
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parent.parent
LANGUAGES = ("ja",)
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "say": (1,), "say_n": (1, 2)}
_PLACES = re.compile(r"%(?:\((\w+)\))?[sd]")


def texts(root: Path = ROOT) -> Catalog:
    """All texts in the source, with where they stand."""
    mapping = root / "portal" / "translations" / "babel.cfg"
    with mapping.open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    found = Catalog()
    for folder in ("portal", "templates"):
        prefixed = [
            (pattern.removeprefix(f"{folder}/"), method)
            for pattern, method in methods
            if pattern.startswith(f"{folder}/")
        ]
        own = {
            pattern.removeprefix(f"{folder}/"): value
            for pattern, value in options.items()
            if pattern.startswith(f"{folder}/")
        }
        for name, line, msgid, comments, context in extract_from_dir(root / folder, prefixed, own, KEYWORDS):
            found.add(msgid, locations=[(f"{folder}/{name}", line)], auto_comments=comments, context=context)
    return found


def missing(wanted: Catalog, translated: Catalog) -> list[str]:
    """What is wrong with *translated*, a line each; empty if every text of *wanted* is translated."""
    wrong = []
    for message in wanted:
        if not message.id:
            continue
        key = message.id[0] if isinstance(message.id, tuple) else message.id
        there = translated.get(key, message.context)
        if there is None or not _forms(there) or there.fuzzy:
            wrong.append(f"{_place(message)}: not translated: {key}")
        elif any(not form.strip() for form in _forms(there)):
            wrong.append(f"{_place(message)}: translated by nothing: {key}")
        elif bad := [form for form in _forms(there) if not _fits(message, form)]:
            wrong.append(f"{_place(message)}: other places than in the text: {key} → {bad[0]}")
    return wrong


def _forms(message: Message) -> list[str]:
    return (
        [message.string]
        if isinstance(message.string, str) and message.string
        else [form for form in message.string or () if isinstance(message.string, (list, tuple)) and form]
    )


def _fits(message: Message, form: str) -> bool:
    """Whether a translation fills in what some form of the text does; a number may be left unsaid."""
    ids = message.id if isinstance(message.id, tuple) else (message.id,)
    wanted = [set(_PLACES.findall(text)) for text in ids]
    given = set(_PLACES.findall(form))
    if len(ids) == 1 and "python-format" not in message.flags and not wanted[0]:
        return True  # "100 %" is no place
    return given in wanted


def _place(message: Message) -> str:
    return ":".join(str(part) for part in message.locations[0]) if message.locations else "?"


def main() -> int:
    wanted, status = texts(), 0
    for language in LANGUAGES:
        path = ROOT / "portal" / "translations" / language / "LC_MESSAGES" / "messages.po"
        translated = (
            read_po(io.BytesIO(path.read_bytes()), locale=language) if path.exists() else Catalog(language)
        )
        wrong = missing(wanted, translated)
        for line in wrong:
            print(line)
        if wrong:
            print(
                f"{language}: {len(wrong)} of {len(wanted)} texts need a translation ({path.relative_to(ROOT)}; make strings)"
            )
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
