"""What a rehearsal is given, read and checked whole before anything runs."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from portal.drafting import brief as briefs
from portal.drafting.compose import compose
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import Sentence, say
from portal.members import service as members
from portal.paper.fonts import check_text
from portal.signoffs import quorum
from portal.works import tables
from portal.works.columns import TITLES, Column

EXAMPLE: Final = Path(__file__).resolve().parent / "example"
SUFFIXES: Final = (".csv", ".xlsx", ".tsv")


@dataclass(frozen=True)
class Input:
    """Facts, rule (members named by code), members, works lists by code, how many approve, order of names."""

    facts: briefs.Brief
    rule: dict[str, Any]
    registry: members.MembersRead
    lists: dict[str, Path]
    approve: int | None
    order: str


def read_all(
    members_file: Path,
    works_folder: Path,
    *,
    brief: Path | None,
    quorum_rule: str,
    approve: int | None,
    order: str,
) -> Input:
    """Read and check everything. Raises `Invalid`; each problem names file, line and column where it can."""
    facts = _brief(brief or EXAMPLE / "brief.toml")
    registry = _members(members_file)
    codes = [row.slug or "" for row in registry.rows]
    rule = _rule(quorum_rule, codes)
    return Input(facts, rule, registry, _lists(works_folder, codes), approve, order)


@cache
def example_association() -> Mapping[str, Any]:
    """The association of rehearsals and of the demonstration, with its people and members."""
    return tomllib.loads((EXAMPLE / "association.toml").read_text(encoding="utf-8"))


def check_folder(out: Path) -> None:
    """Raise `Invalid` unless files can be written to *out*; makes nothing."""
    place = out
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise _unusable(place, say("This is not a folder, so nothing can be written into it."))
    if not os.access(place, os.W_OK | os.X_OK):
        raise _unusable(place, say("Nothing may be written into this folder."))


def _unusable(path: Path, sentence: Sentence) -> Invalid:
    return Invalid([Problem(str(path), sentence)], say("The input cannot be used; nothing was done."))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _unusable(path, say("The file cannot be read: %(reason)s.", reason=reason)) from error


# --- brief and rule -------------------------------------------------------------------------------


def _brief(path: Path) -> briefs.Brief:
    """The brief, one from which a letter can be composed."""
    unusable = say("The brief cannot be used; nothing was done.")
    try:
        facts = briefs.read_toml(_bytes(path), str(path))
    except Invalid as error:
        raise Invalid(error.problems, unusable) from error
    try:
        compose(facts, example_association()["association"]["names"])
    except Invalid as error:
        problems = [Problem(f"{path}, {one.where}", one.sentence) for one in error.problems]
        raise Invalid(problems, unusable) from error
    return facts


def _rule(text: str, codes: list[str]) -> dict[str, Any]:
    """A rule in the text itself or in a file; the members it names are among *codes*."""
    path = Path(text)
    is_file = path.suffix in {".toml", ".json"}
    unusable = say("The quorum rule cannot be used; nothing was done.")
    data = _bytes(path) if is_file else b""
    try:
        rule = quorum.parse_rule_file(data, str(path)) if is_file else quorum.parse_rule(text)
    except Invalid as error:
        raise Invalid(error.problems, unusable) from error
    try:
        quorum.bind_members(rule, {code: code for code in codes})
    except Invalid as error:
        problems = [
            Problem(f"{path}, {one.where}" if is_file else one.where, one.sentence) for one in error.problems
        ]
        raise Invalid(problems, unusable) from error
    return rule


# --- members and works ----------------------------------------------------------------------------


def _members(path: Path) -> members.MembersRead:
    read = members.read_members_csv(_bytes(path))
    problems = [Problem(f"{path}, {one.where}", one.sentence) for one in read.problems]
    for row, line in zip(read.rows, read.lines, strict=True):
        if not row.slug:
            sentence = say("Give the member a code (slug): its works list is found by it.")
            problems.append(Problem(f"{path}, line {line}", sentence))
        problems += _not_on_paper(f"{path}, line {line}", *row.names.values())
    if not read.rows and not problems:
        problems = [Problem(str(path), say("There is no member in this file."))]
    if problems:
        raise Invalid(problems, say("The members table cannot be used; nothing was done."))
    return read


def _lists(folder: Path, codes: list[str]) -> dict[str, Path]:
    """Each member's list, by its code: ``<code>.csv``, ``<code>.xlsx`` or ``<code>.tsv``."""
    if not folder.is_dir():
        raise _unusable(folder, say("There is no such folder."))
    found, problems = {}, []
    for code in codes:
        paths = [folder / f"{code}{suffix}" for suffix in SUFFIXES]
        path = next((one for one in paths if one.is_file()), None)
        if path is None:
            problems.append(Problem(str(paths[0]), say("There is no works list of this member.")))
        else:
            found[code] = path
    problems += [problem for path in found.values() for problem in _list_problems(path)]
    if problems:
        raise Invalid(problems, say("The works lists cannot be used; nothing was done."))
    return found


def _list_problems(path: Path) -> list[Problem]:
    try:
        read = tables.read(_bytes(path))
    except tables.ReadError as error:
        where = f"{path}, line {error.line}, column {error.column}" if error.line else str(path)
        return [Problem(where, error.sentence)]
    problems = [
        Problem(f"{path}, line {one.line}, column {one.column}", one.sentence) for one in read.problems
    ]
    name_of = {column: name for name, column in read.mapping.taken}
    for row in read.rows:
        for column in TITLES:
            where = f"{path}, line {row.line}, column {name_of.get(column, column.value)}"
            text = {
                Column.title_main: row.title,
                Column.title_ja: row.title_ja,
                Column.title_en: row.title_en,
            }
            if column in name_of:
                problems += _not_on_paper(where, text[column])
    return problems


def _not_on_paper(where: str, *texts: str) -> list[Problem]:
    """Why these texts cannot be printed in the letter: a character that no typeface here has."""
    problems = []
    for text in texts:
        try:
            check_text(text)
        except ValueError as error:
            problems.append(Problem(where, say("This cannot be printed: %(reason)s", reason=str(error))))
    return problems
