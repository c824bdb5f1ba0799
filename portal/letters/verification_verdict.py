"""What a verification says: its steps in the order of DESIGN §7, and the verdict they add up to. Pure.

A verdict can be written as JSON and read back, because the steps are taken in another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from portal.kernel.sentence import Sentence, say


class StepName(StrEnum):
    """The steps, in order."""

    register = "register"
    signature = "signature"
    coverage = "coverage"
    docmdp = "docmdp"
    record = "record"
    log = "log"


class Outcome(StrEnum):
    """How a step went."""

    passed = "passed"
    failed = "failed"
    not_possible = "not_possible"


class Finding(StrEnum):
    """What the file is."""

    genuine = "genuine"
    altered = "altered"
    unknown = "unknown"
    superseded = "superseded"
    withdrawn = "withdrawn"


@dataclass(frozen=True)
class Step:
    """One step: how it went, and a sentence that says what was seen."""

    name: StepName
    outcome: Outcome
    sentence: Sentence


_TITLES: Final[Mapping[StepName, Sentence]] = {
    StepName.register: say("The register of issued letters"),
    StepName.signature: say("The association's signature"),
    StepName.coverage: say("The signature covers the whole file"),
    StepName.docmdp: say("Sealed against any change"),
    StepName.record: say("The pages say what the embedded record says"),
    StepName.log: say("The entry in the public log"),
}


def step_title(name: StepName) -> Sentence:
    """What a step is about, for a page or a terminal."""
    return _TITLES[name]


_FINDINGS: Final[Mapping[Finding, Sentence]] = {
    Finding.genuine: say("This file is genuine: it is, byte for byte, a letter the association issued."),
    Finding.altered: say(
        "This file is not genuine. It looks like a letter of the association, but it is not the one issued."
    ),
    Finding.unknown: say("Nothing shows that this file is a letter of the association."),
    Finding.superseded: say("The association issued this letter, but a later one has taken its place."),
    Finding.withdrawn: say("The association issued this letter and has withdrawn it."),
}


@dataclass(frozen=True)
class Verdict:
    """The answer. ``genuine`` is what an exit code hangs on: issued, unaltered and still standing.

    ``facts`` are JSON, for showing: ``sha256``, ``size`` (bytes), and as far as known ``reference``,
    ``edition``, ``date``, ``rehearsal``, ``association``, ``addressee``, ``total``, ``named``, ``works``,
    ``signer``, ``fingerprint``, ``signed_at``, ``timestamp``, ``log_origin``, ``log_index``, ``log_size``,
    ``reason`` (why withdrawn). Of a file that is *altered* or *unknown* those from its record are under
    ``claimed`` instead: anybody can have written them, so never show them as true.
    """

    finding: Finding
    steps: tuple[Step, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def genuine(self) -> bool:
        return self.finding is Finding.genuine

    @property
    def sentence(self) -> Sentence:
        """The finding in words."""
        if self.genuine and self.facts.get("rehearsal"):
            return say("This file is a genuine rehearsal. It is not a letter and was sent to nobody.")
        return _FINDINGS[self.finding]

    def step(self, name: StepName) -> Step | None:
        """The step of this name, if it is among those that were looked at."""
        return next((step for step in self.steps if step.name is name), None)

    @property
    def failed(self) -> tuple[StepName, ...]:
        """The names of the steps that failed, in order."""
        return tuple(step.name for step in self.steps if step.outcome is Outcome.failed)


# --- as JSON --------------------------------------------------------------------------------------


def as_json(verdict: Verdict) -> dict[str, Any]:
    """The verdict as JSON, sentences untranslated."""
    return {
        "finding": verdict.finding.value,
        "facts": dict(verdict.facts),
        "steps": [
            {
                "name": step.name.value,
                "outcome": step.outcome.value,
                "sentence": _sentence_json(step.sentence),
            }
            for step in verdict.steps
        ],
    }


def from_json(value: Mapping[str, Any]) -> Verdict:
    """The verdict of `as_json`. Raises `ValueError` or `KeyError` for anything else."""
    return Verdict(
        Finding(value["finding"]),
        tuple(
            Step(StepName(step["name"]), Outcome(step["outcome"]), _sentence(step["sentence"]))
            for step in value["steps"]
        ),
        value["facts"],
    )


def _sentence_json(sentence: Sentence) -> dict[str, Any]:
    return {
        "msgid": sentence.msgid,
        "params": {
            key: _sentence_json(value) if isinstance(value, Sentence) else value
            for key, value in sentence.params.items()
        },
    }


def _sentence(value: Mapping[str, Any]) -> Sentence:
    return Sentence(
        str(value["msgid"]),
        {
            key: _sentence(inner) if isinstance(inner, dict) else inner
            for key, inner in value["params"].items()
        },
    )
