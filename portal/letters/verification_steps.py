"""The steps of a verification that look into the file (DESIGN §7, all but the register)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from portal.audit import merkle
from portal.audit.note import NoteError, TlogProof, Verifier
from portal.kernel.digest import canonical, digest_bytes
from portal.kernel.sentence import Sentence, say
from portal.letters.record import FORMAT
from portal.letters.schedule import read_schedule
from portal.letters.verification_pdf import SealedPdf, Unreadable
from portal.letters.verification_signature import (
    BadSignature,
    Pinned,
    Place,
    check,
    find,
    hole_problem,
    is_signed_with,
)
from portal.letters.verification_verdict import Outcome, Step, StepName

MAX_BYTES: Final = 64 * 1024 * 1024
"""No letter of ours is larger; a larger file is not read."""
RECORD_FACTS: Final = (
    "reference", "edition", "date", "rehearsal", "association", "addressee", "total", "named", "works",
)  # fmt: skip
"""The facts that come from a record (`record_facts`)."""
MAX_FACTS: Final = 1_000_000
"""Characters of JSON that a record may make us hand on; thirty-six names take some thousands."""
ISSUED: Final = "letters:letter:issued"

Render = Callable[[Mapping[str, Any], bytes], bytes]
"""`portal.letters.layout.letter_pdf`: from a projection and its schedule to the unsealed PDF."""


@dataclass
class _Case:
    """One file under examination, and what the steps so far have found."""

    data: bytes
    digest: str
    pinned: Pinned | None
    render: Render
    places: list[Place]
    pdf: SealedPdf | None = None
    projection: Mapping[str, Any] | None = None
    projection_bytes: bytes = b""
    schedule: bytes = b""
    facts: dict[str, Any] = field(default_factory=dict)


def file_steps(
    data: bytes,
    digest: str,
    certificate_pem: str | None,
    log_vkey: str | None,
    proof_text: str | None,
    render: Render | None,
) -> tuple[list[Step], dict[str, Any], bool]:
    """The five steps without the register, the facts, and whether the file claims to be of ours."""
    if len(data) > MAX_BYTES:
        step = _failed(StepName.signature, say("The file is larger than any letter."))
        return [step, *(_no(name, say("The file was not read.")) for name in list(StepName)[2:])], {}, False
    try:
        pinned = Pinned.parse(certificate_pem) if certificate_pem else None
    except ValueError:
        pinned = None
    case = _Case(data, digest, pinned, render or _letter_pdf(), find(data))
    _open(case)
    steps = [
        _signature(case),
        _coverage(case),
        _docmdp(case),
        _record(case),
        _log(case, log_vkey, proof_text),
    ]
    signed = pinned is not None and any(is_signed_with(data, place, pinned) for place in case.places)
    return steps, case.facts, signed or case.projection is not None or b"(record." in data


def _letter_pdf() -> Render:
    from portal.letters.layout import letter_pdf  # loads fonts, which nobody else needs here

    return letter_pdf


def _open(case: _Case) -> None:
    try:
        case.pdf = SealedPdf(case.data)
        files = case.pdf.embedded_files()
    except Unreadable:
        return
    records = [one for name, one in files.items() if name.startswith("record.") and name.endswith(".json")]
    schedules = [one for name, one in files.items() if name.startswith("schedule.") and name.endswith(".csv")]
    if len(records) != 1 or len(schedules) != 1 or len(files) != 2:
        return
    try:
        projection = json.loads(records[0])
        is_ours = projection["format"] == FORMAT and projection["kind"] == "projection"
        facts = record_facts(projection)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    if is_ours and len(json.dumps(facts)) <= MAX_FACTS:
        case.projection, case.projection_bytes, case.schedule = projection, records[0], schedules[0]
        case.facts |= facts


def record_facts(projection: Mapping[str, Any]) -> dict[str, Any]:
    """What a verdict shows of a projection. Raises `KeyError` or `TypeError` if it is none."""
    return {
        "reference": projection["reference"],
        "edition": projection["edition"],
        "date": projection["date"],
        "rehearsal": projection["rehearsal"],
        "association": projection["association"]["names"],
        "addressee": projection["addressee"]["names"],
        "total": projection["signatories"]["total"],
        "named": [one["names"] for one in projection["signatories"]["named"]],
        "works": projection["schedule"]["works"],
    }


def _signature(case: _Case) -> Step:
    name = StepName.signature
    if len(case.places) != 1:
        return _failed(name, _count(len(case.places)))
    if case.pinned is None:
        return _no(name, say("The association's certificate is not given, or cannot be read."))
    try:
        stamp = check(case.data, case.places[0], case.pinned)
    except BadSignature as error:
        return _failed(name, error.sentence)
    certificate = case.pinned.x509
    claimed = case.pdf.claimed_time() if case.pdf else None
    case.facts |= {
        "signer": certificate.subject.rfc4514_string(),
        "fingerprint": case.pinned.fingerprint,
        "signed_at": claimed,
        "timestamp": stamp,
    }
    if claimed is not None and not (
        certificate.not_valid_before_utc <= datetime.fromisoformat(claimed) <= certificate.not_valid_after_utc
    ):
        return _failed(name, say("The claimed time of signing is outside of the certificate's validity."))
    return _passed(name, say("One signature, made with the association's key."))


def _count(number: int) -> Sentence:
    if number == 0:
        return say("The file is not signed.")
    return say("The file has %(n)s signatures; a letter has exactly one.", n=number)


def _coverage(case: _Case) -> Step:
    name = StepName.coverage
    if len(case.places) != 1:
        return _no(name, _count(len(case.places)))
    problem = hole_problem(case.data, case.places[0])
    if problem is not None:
        return _failed(name, problem)
    return _passed(name, say("Every byte of the file is covered by the signature."))


def _docmdp(case: _Case) -> Step:
    name = StepName.docmdp
    if len(case.places) != 1:
        return _no(name, _count(len(case.places)))
    if case.pdf is None:
        return _failed(name, say("The file's structure cannot be read."))
    place = case.places[0]
    try:
        problem = case.pdf.seal_problem((0, place.start, place.end, place.rest))
    except Unreadable:
        problem = say("The file's structure cannot be read.")
    if problem is not None:
        return _failed(name, problem)
    return _passed(name, say("The seal forbids any change to the document."))


def _record(case: _Case) -> Step:
    name = StepName.record
    if case.pdf is None:
        return _failed(name, say("The file's structure cannot be read."))
    if case.projection is None:
        return _failed(
            name, say("The file does not embed a record and a schedule, or something besides them.")
        )
    problem = _record_problem(case, case.projection)
    if problem is not None:
        return _failed(name, problem)
    try:
        # Any way in which a forged record breaks the layout is one answer: these are not its pages.
        rendered = case.render(case.projection, case.schedule)
        problem = case.pdf.differs_from(rendered)
    except Unreadable:
        problem = say("The file's structure cannot be read.")
    except Exception:  # noqa: BLE001
        problem = say("No letter can be made from the embedded record.")
    if problem is not None:
        return _failed(name, problem)
    return _passed(name, say("Made again from the embedded record, the document is the same."))


def _record_problem(case: _Case, projection: Mapping[str, Any]) -> Sentence | None:
    """What is wrong with the embedded files themselves."""
    try:
        if canonical(projection) != case.projection_bytes:
            return say("The embedded record is not in its canonical form.")
        told, rows = projection["schedule"], len(read_schedule(case.schedule))
        if (told["digest"], told["rows"]) != (digest_bytes(case.schedule), rows):
            return say("The embedded schedule is not the one the record names.")
        fingerprint = projection["seal"]["fingerprint"]
    except (ValueError, KeyError, TypeError):
        return say("The embedded record cannot be read.")
    if case.pinned is not None and fingerprint != case.pinned.fingerprint:
        return say("The record names another certificate as its seal's.")
    return None


def _log(case: _Case, log_vkey: str | None, proof_text: str | None) -> Step:
    name = StepName.log
    if not log_vkey or not proof_text:
        return _no(name, say("The log's key or the letter's proof is not given."))
    try:
        verifier, proof = Verifier.parse(log_vkey.strip()), TlogProof.parse(proof_text)
        if proof.extra is None:
            return _failed(name, say("The proof does not carry the entry."))
        checkpoint = proof.verify(merkle.leaf_hash(proof.extra), verifier)
    except NoteError as error:
        return _failed(name, error.sentence)
    case.facts |= {"log_origin": verifier.name, "log_index": proof.index, "log_size": checkpoint.size}
    problem = _entry_problem(case, proof.extra, verifier)
    if problem is not None:
        return _failed(name, problem)
    return _passed(
        name,
        say(
            "Entry %(index)s of the log %(origin)s is about exactly this file.",
            index=proof.index,
            origin=verifier.name,
        ),
    )


def _entry_problem(case: _Case, data: bytes, verifier: Verifier) -> Sentence | None:
    """Why the entry, which is in the log, is not about this file; None if it is."""
    try:
        entry = json.loads(data)
        payload = entry["payload"]
        editions = {one["file"]: (edition, one) for edition, one in payload["editions"].items()}
        if entry["kind"] != ISSUED:
            return say("The entry is not about the issue of a letter.")
        if case.digest not in editions:
            return say("The entry is about another file: this one differs from the one issued.")
        edition, one = editions[case.digest]
        told = (edition, payload["reference"], payload["commitment"], one["projection"], one["schedule"])
        if case.projection is not None:
            own = case.projection
            seen = (
                own["edition"], own["reference"], own["commitment"],
                digest_bytes(case.projection_bytes), digest_bytes(case.schedule),
            )  # fmt: skip
            if told != seen or own["rehearsal"] is not payload["rehearsal"]:
                return say("The entry and the embedded record contradict each other.")
            if own["log"]["vkey"] != verifier.vkey:
                return say("The record names another log.")
    except (ValueError, KeyError, TypeError, AttributeError):
        return say("The entry cannot be read.")
    return None


def _passed(name: StepName, sentence: Sentence) -> Step:
    return Step(name, Outcome.passed, sentence)


def _failed(name: StepName, sentence: Sentence) -> Step:
    return Step(name, Outcome.failed, sentence)


def _no(name: StepName, sentence: Sentence) -> Step:
    return Step(name, Outcome.not_possible, sentence)
