"""From a brief and the clause library to a complete first draft. Pure: same input, same text.

The text never says how many members sign or who they are: that stands in the parts of the letter that
are computed when it is issued. So a revision's text is the issued text, to the letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from portal.drafting.brief import Basis, Brief, Demand, Fact
from portal.drafting.clauses import SLOT, Clause, Purpose, chosen, library
from portal.drafting.document import Block, BlockKind, Document, Section, check
from portal.kernel.errors import Invalid, Problem
from portal.kernel.sentence import say

HEADINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "standing": {"en": "On whose behalf we write", "ja": "発信者について"},
    "facts": {"en": "The release and what has been observed", "ja": "経緯および確認された事実"},
    "finding": {"en": "What we conclude from it", "ja": "当団体の認識"},
    "law": {"en": "The legal position", "ja": "法的な考え方"},
    "frame": {"en": "Why exclusion upon request is no answer", "ja": "事後の申出による除外について"},
    "demands": {"en": "Requests", "ja": "要望事項"},
    "talks": {"en": "Our readiness to talk", "ja": "協議について"},
    "rights": {"en": "Reservation of rights", "ja": "権利の留保"},
}
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


@dataclass(frozen=True)
class Composition:
    """The draft, and for each ``section/block`` the id of the clause it came from ("" for own words)."""

    document: Document
    origins: Mapping[str, str]


def compose(
    brief: Brief, association: Mapping[str, str], clauses: Iterable[Clause] | None = None
) -> Composition:
    """The draft of *brief* for the association of these names (by language).

    Raises `Invalid` where the library lacks a clause that is asked for, has it in not all of the
    letter's languages, or nobody has verified it.
    """
    composer = _Composer(brief, association, tuple(library() if clauses is None else clauses))
    return composer.run()


@dataclass
class _Composer:
    brief: Brief
    association: Mapping[str, str]
    clauses: tuple[Clause, ...]
    problems: list[Problem] = field(default_factory=list)
    origins: dict[str, str] = field(default_factory=dict)

    def run(self) -> Composition:
        parts: list[tuple[str, list[tuple[Block, Mapping[str, str]]]]] = [
            ("standing", self.passages("standing", Purpose.standing)),
            ("facts", self.facts()),
            ("finding", self.passages("finding", Purpose.finding)),
            ("law", self.passages("law", Purpose.law)),
            ("frame", self.frames()),
            ("demands", self.demands()),
            ("talks", self.passages("talks", Purpose.talks)),
            ("rights", self.passages("rights", Purpose.rights)),
        ]
        subject = self.passages("subject", Purpose.subject)
        if self.problems:
            raise Invalid(self.problems)
        return Composition(
            check(
                Document(
                    languages=self.brief.languages,
                    prevails=self.brief.prevails,
                    subject={language: subject[0][1][language] for language in self.brief.languages},
                    sections={language: self.sections(parts, language) for language in self.brief.languages},
                )
            ),
            {place: clause for place, clause in self.origins.items() if not place.startswith("subject/")},
        )

    def sections(
        self, parts: Sequence[tuple[str, Sequence[tuple[Block, Mapping[str, str]]]]], language: str
    ) -> tuple[Section, ...]:
        return tuple(
            Section(
                one,
                HEADINGS[one].get(language, HEADINGS[one]["en"]),
                tuple(
                    Block(block.id, block.kind, text[language], block.number, block.deadline)
                    for block, text in blocks
                ),
            )
            for one, blocks in parts
            if blocks
        )

    def words(self, clause: Clause) -> dict[str, str]:
        """The clause with its places filled, in each language of the letter."""
        if clause.verified_on is None:
            self.problems.append(
                Problem(
                    clause.id, say("Nobody has verified this clause against its source; it may not be used.")
                )
            )
        result = {}
        for language in self.brief.languages:
            if language not in clause.text:
                self.problems.append(
                    Problem(clause.id, say("This clause has no text in “%(language)s”.", language=language))
                )
                continue
            result[language] = _filled(clause.text[language], self.slots(language))
        return result

    def slots(self, language: str) -> dict[str, str]:
        product = self.brief.product
        return {
            "association": self.association.get(language) or next(iter(self.association.values()), ""),
            "addressee": self.brief.addressee.names[language],
            "product": product.names[language],
            "kind": product.kind[language],
            "launched": day_in_words(product.launched, language),
            "fields": self.brief.fields[language],
        }

    def passages(self, section: str, purpose: Purpose) -> list[tuple[Block, Mapping[str, str]]]:
        found = chosen(self.clauses, purpose, self.brief.jurisdiction, self.brief.tone)
        if not found:
            self.problems.append(
                Problem(
                    section,
                    say(
                        "The library has nothing for “%(purpose)s” under “%(jurisdiction)s” in this tone.",
                        purpose=purpose.value,
                        jurisdiction=self.brief.jurisdiction,
                    ),
                )
            )
        return [
            self.paragraph(section, n, self.words(clause), clause.id) for n, clause in enumerate(found, 1)
        ]

    def paragraph(
        self, section: str, n: int, text: Mapping[str, str], clause: str
    ) -> tuple[Block, Mapping[str, str]]:
        self.origins[f"{section}/p{n}"] = clause
        return Block(f"p{n}", BlockKind.paragraph, ""), text

    def facts(self) -> list[tuple[Block, Mapping[str, str]]]:
        result = self.passages("facts", Purpose.trigger)
        for fact in self.brief.facts:
            result.append(self.paragraph("facts", len(result) + 1, self.fact(fact), ""))
        if self.brief.exhibits:
            for clause in chosen(self.clauses, Purpose.capture, self.brief.jurisdiction, self.brief.tone):
                result.append(self.paragraph("facts", len(result) + 1, self.words(clause), clause.id))
        return result

    def fact(self, fact: Fact) -> dict[str, str]:
        """The fact's own words, and behind them its exhibits or that it is believed."""
        purpose = Purpose.belief if fact.basis is Basis.belief else None
        ending: dict[str, str] = dict.fromkeys(self.brief.languages, "")
        if purpose is not None:
            for clause in chosen(self.clauses, purpose, self.brief.jurisdiction, self.brief.tone):
                ending = self.words(clause)
        result = {}
        for language in self.brief.languages:
            text = fact.text[language]
            if fact.exhibits:
                text = _with_reference(text, exhibits_in_words(fact.exhibits, language), language)
            extra = ending.get(language, "")
            result[language] = text + (("" if language == "ja" else " ") + extra if extra else "")
        return result

    def frames(self) -> list[tuple[Block, Mapping[str, str]]]:
        result: list[tuple[Block, Mapping[str, str]]] = []
        for n, frame in enumerate(self.brief.frames, 1):
            found = [
                clause
                for clause in chosen(self.clauses, Purpose.frame, self.brief.jurisdiction, self.brief.tone)
                if clause.id.startswith(f"{clause.jurisdiction}-frame-{frame}")
            ]
            if not found:
                self.problems.append(
                    Problem(f"frames[{n}]", say("The library has no answer to “%(frame)s”.", frame=frame))
                )
            for clause in found:
                result.append(self.paragraph("frame", len(result) + 1, self.words(clause), clause.id))
        return result

    def demands(self) -> list[tuple[Block, Mapping[str, str]]]:
        result = self.passages("demands", Purpose.demands)
        for number, demand in enumerate(self.brief.demands, 1):
            self.origins[f"demands/d{number}"] = demand.clause or ""
            block = Block(f"d{number}", BlockKind.demand, "", number, demand.deadline)
            result.append((block, self.demand(demand, number)))
        return result

    def demand(self, demand: Demand, number: int) -> Mapping[str, str]:
        if demand.text is not None:
            return demand.text
        known = chosen(self.clauses, Purpose.demand, self.brief.jurisdiction, self.brief.tone)
        for clause in known:
            if clause.id == demand.clause:
                return self.words(clause)
        self.problems.append(
            Problem(
                f"demands[{number}].clause",
                say(
                    "There is no demand “%(id)s” in the library; there are: %(known)s.",
                    id=demand.clause,
                    known=", ".join(clause.id for clause in known),
                ),
            )
        )
        return {}


def _filled(text: str, slots: Mapping[str, str]) -> str:
    """*text* with its places filled, in one pass: what is filled in is not looked at again."""
    return SLOT.sub(lambda found: slots[found.group(1)], text)


def day_in_words(day: date, language: str) -> str:
    """30 September 2026, or 2026年9月30日."""
    if language == "ja":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def exhibits_in_words(numbers: Sequence[int], language: str) -> str:
    """Exhibit 1; Exhibits 1, 2 and 3; 証拠1・2・3."""
    if not numbers:
        return ""
    if language == "ja":
        return "証拠" + "・".join(str(number) for number in numbers)
    if len(numbers) == 1:
        return f"Exhibit {numbers[0]}"
    return f"Exhibits {', '.join(str(number) for number in numbers[:-1])} and {numbers[-1]}"


def _with_reference(text: str, reference: str, language: str) -> str:
    """The reference in brackets before the full stop."""
    if language == "ja":
        return f"{text.removesuffix('。')}（{reference}）。"
    return f"{text.removesuffix('.')} ({reference})."
