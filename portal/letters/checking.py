"""Checking a file with this installation's register, keys and proofs; and the installation's own health."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from portal import db
from portal.audit import log, recheck
from portal.identity.throttle import Limit, enter, network
from portal.jobs import queue
from portal.kernel.act import Act, system_act
from portal.kernel.errors import NotFound, Refused
from portal.kernel.sentence import Sentence, say
from portal.letters import service
from portal.letters.house import House
from portal.letters.issuing import ISSUED
from portal.letters.service import RegisterEntry
from portal.letters.verification import (
    Verdict,
    check_register,
    step_title,
    verify_in_subprocess,
)

EXPIRY_WARNING = timedelta(days=30)
MAX_UPLOAD = 48 << 20
"""Bytes that a stranger may send to be checked."""
PATIENCE = 2.0
"""Seconds that a check waits for the one before it."""
_one_check = threading.BoundedSemaphore(1)


class Busy(Refused):
    """Another file is being checked by this process; to be tried again."""

    status = 503
    code = "busy"

    def __init__(self) -> None:
        super().__init__(say("Many files are being checked now; try again in a minute."))


@dataclass(frozen=True)
class Checked:
    """A verdict and, where the register knows the file, what it knows."""

    verdict: Verdict
    entry: RegisterEntry | None

    @property
    def genuine(self) -> bool:
        return self.verdict.genuine

    def lines(self, language: str) -> Iterator[str]:
        """The verdict for a terminal."""
        marks = {"passed": "ok ", "failed": "NO ", "not_possible": " - "}
        yield self.verdict.sentence.render(language)
        facts = self.verdict.facts
        for key in ("reference", "edition", "date", "total", "sha256", "signer", "signed_at", "reason"):
            if facts.get(key) is not None:
                yield f"  {key}: {facts[key]}"
        for step in self.verdict.steps:
            title, seen = step_title(step.name).render(language), step.sentence.render(language)
            yield f"  {marks[step.outcome.value]} {title}: {seen}"

    def as_json(self, language: str) -> dict[str, Any]:
        """The verdict for a program."""
        return {
            "genuine": self.genuine,
            "finding": self.verdict.finding.value,
            "sentence": self.verdict.sentence.render(language),
            "facts": dict(self.verdict.facts),
            "steps": [
                {
                    "name": one.name.value,
                    "outcome": one.outcome.value,
                    "sentence": one.sentence.render(language),
                }
                for one in self.verdict.steps
            ],
        }


def _register(digest: str) -> RegisterEntry | None:
    return db.read(lambda session, _act: service.register_lookup(session, digest), system_act_now())


def system_act_now() -> Act:
    """The portal's own act, now."""
    from datetime import UTC, datetime

    return system_act(datetime.now(UTC))


def throttle(session: Session, act: Act) -> None:
    """Count one check of this corner of the network. Raises `TooMany`."""
    enter(session, act, limits=[Limit("verify", (network(act.address),), free=60)])


def check_upload(data: bytes, *, house: House) -> Checked:
    """The verdict on an uploaded file. Bytes that are registered are answered from the register.

    Everything else is parsed in a process of its own with limits, and deleted when that ends; one at a
    time, because each may take hundreds of megabytes and many seconds. Raises `Busy`.
    """
    from portal.kernel.digest import digest_bytes

    digest = digest_bytes(data)
    known = check_register(digest, _register)
    if known is not None:
        return Checked(known, _register(digest))
    if not _one_check.acquire(timeout=PATIENCE):
        raise Busy
    try:
        return _check_stranger(data, house=house)
    finally:
        _one_check.release()


def _check_stranger(data: bytes, *, house: House) -> Checked:
    with tempfile.TemporaryDirectory(prefix="rensho-check-") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        return check_file(path, house=house)


def check_file(
    path: Path,
    *,
    house: House,
    offline: bool = False,
    certificate: str | None = None,
    vkey: str | None = None,
    proof: str | None = None,
) -> Checked:
    """Every step on the file at *path*. Certificate (PEM) and key default to this installation's.

    With *offline* the register is not asked, and proof, certificate and key are only those given.
    """
    if offline:
        verdict = verify_in_subprocess(
            path, certificate_pem=certificate, log_vkey=vkey, proof_text=proof, register=None
        )
        return Checked(verdict, None)
    from portal.kernel.digest import digest_bytes

    entry = _register(digest_bytes(path.read_bytes()))
    verdict = verify_in_subprocess(
        path,
        certificate_pem=certificate or house.sealer.pem(),
        log_vkey=vkey or house.log_key.vkey,
        proof_text=proof or (_proof(entry.issue_id) if entry else None),
        register=_register,
    )
    return Checked(verdict, entry)


def _proof(issue_id: str) -> str | None:
    found = db.read(lambda session, _act: log.proof_for(session, ISSUED, issue_id), system_act_now())
    return found.text() if found else None


def proof_of(session: Session, issue_id: str) -> str:
    """The log proof of an issue, as text; `NotFound` until a checkpoint covers it (some seconds)."""
    found = log.proof_for(session, ISSUED, issue_id)
    if found is None:
        raise NotFound(
            say("The log has not been signed since the letter was issued; try again in a few seconds.")
        )
    return found.text()


def health(session: Session, act: Act, *, house: House) -> list[tuple[bool, Sentence]]:
    """What `portal doctor` reports: each finding with whether it is good."""
    findings: list[tuple[bool, Sentence]] = []
    checked = recheck.check(session, house.log_key)
    if checked.is_sound:
        findings.append((True, say("The log is whole: %(n)s entries.", n=log.size(session))))
    findings += [(False, problem) for problem in checked.problems]
    left = house.sealer.not_after - act.at
    if left < EXPIRY_WARNING:
        findings.append((False, say("The seal's certificate expires in %(n)s days.", n=left.days)))
    else:
        findings.append((True, say("The seal's certificate is valid for %(n)s more days.", n=left.days)))
    if house.sealer.self_made:
        findings.append(
            (True, say("The seal's certificate is self-made; fine for trying out, not for real letters."))
        )
    damaged = [digest for digest in service.registered_files(session) if not house.files.sound(digest)]
    if damaged:
        findings.append((False, say("%(n)s registered files are missing or damaged.", n=len(damaged))))
    else:
        findings.append((True, say("Every registered file is there and has its digest.")))
    findings += [
        (False, say("Work in the background fails: %(job)s", job=job))
        for job in queue.in_trouble(session, act)
    ]
    return findings
