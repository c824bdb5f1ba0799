"""Is this file a letter the association issued? Every step of DESIGN §7, in order.

1. its SHA-256 is in the register; 2. exactly one signature, by the pinned key; 3. which covers the
whole file; 4. and forbids every change; 5. the embedded record gives the very pages; 6. the log has
an entry about this very file. The first is the portal's own answer and needs no parsing. The others
can be taken by a stranger, offline, with the certificate, the log's key and the proof.

What makes a file genuine is that its very bytes were issued: the register says so, or the log does.
A valid signature alone does not: without a proof the verdict is *unknown*, and the steps say why.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol

from portal.kernel.digest import digest_bytes
from portal.kernel.sentence import Sentence, say
from portal.letters.verification_steps import MAX_BYTES, RECORD_FACTS, Render, file_steps, record_facts
from portal.letters.verification_verdict import (
    Finding,
    Outcome,
    Step,
    StepName,
    Verdict,
    as_json,
    from_json,
    step_title,
)

__all__ = [
    "MAX_BYTES", "Finding", "Outcome", "Registered", "Step", "StepName", "Verdict", "answer",
    "check_register", "step_title", "verify_bytes", "verify_in_subprocess",
]  # fmt: skip

_ROOT: Final = Path(__file__).resolve().parents[2]
_LETTER_PDF: Final = "portal.letters.layout:letter_pdf"


class Registered(Protocol):
    """What the register tells of a file: of which letter it is the original, and how that stands."""

    @property
    def reference(self) -> str: ...
    @property
    def edition(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def end_reason(self) -> str | None: ...
    @property
    def projection(self) -> Mapping[str, Any]: ...


Register = Callable[[str], Registered | None]
"""The register: from a file's digest to what it tells, None if the file was never registered."""


def check_register(digest: str, register: Register) -> Verdict | None:
    """The portal's own answer for the file with this digest; None if it is not in the register.

    Nothing is parsed: these are the bytes that were registered.
    """
    found = register(digest)
    if found is None:
        return None
    facts = {**record_facts(found.projection), "sha256": digest, "reason": found.end_reason}
    return Verdict(_standing(found), (_register_step(found),), facts)


def verify_bytes(
    data: bytes,
    *,
    certificate_pem: str | None,
    log_vkey: str | None,
    proof_text: str | None,
    register: Register | None = None,
    render: Render | None = None,
) -> Verdict:
    """All steps, in this process. For files from strangers use `verify_in_subprocess`.

    *certificate_pem* is ``seal.pem``, *log_vkey* the log's verifier key, *proof_text* the letter's
    ``.tlog-proof``; without one of them its steps are *not possible*. *render* is
    `portal.letters.layout.letter_pdf` unless a test gives another. Never raises for what a file,
    certificate, key or proof holds: that is what the steps tell.
    """
    digest = digest_bytes(data)
    steps, facts, is_ours = file_steps(data, digest, certificate_pem, log_vkey, proof_text, render)
    return _concluded(digest, register, steps, {**facts, "size": len(data)}, is_ours=is_ours)


def verify_in_subprocess(
    path: Path,
    *,
    certificate_pem: str | None,
    log_vkey: str | None,
    proof_text: str | None,
    register: Register | None = None,
    seconds: int = 20,
    megabytes: int = 512,
    render: str = _LETTER_PDF,
) -> Verdict:
    """All steps, those that parse the file in a child process with limits on time and memory.

    The file at *path* may be anything. *seconds* bounds processor time and waiting; *megabytes* the
    child's address space (Linux; elsewhere only the time is bounded). *render* is ``module:function``.
    """
    digest, size = _digest_of_file(path), path.stat().st_size
    request = {
        "path": str(path.resolve()),
        "digest": digest,
        "certificate_pem": certificate_pem,
        "log_vkey": log_vkey,
        "proof_text": proof_text,
        "seconds": seconds,
        "megabytes": megabytes,
        "render": render,
    }
    try:
        done = subprocess.run(
            [sys.executable, "-B", "-m", "portal.letters.verification_child"],
            input=json.dumps(request).encode(),
            capture_output=True,
            cwd=_ROOT,
            timeout=seconds + 5,
            check=True,
        )
        answer = json.loads(done.stdout)
        child = from_json(answer["verdict"])
        steps, facts, is_ours = list(child.steps), dict(child.facts), bool(answer["is_ours"])
    except (subprocess.SubprocessError, ValueError, KeyError):
        reason = say("Reading the file took more time or memory than is allowed for it.")
        steps = [Step(name, Outcome.not_possible, reason) for name in list(StepName)[1:]]
        facts, is_ours = {}, False
    return _concluded(digest, register, steps, {**facts, "size": size}, is_ours=is_ours)


def _digest_of_file(path: Path) -> str:
    state = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            state.update(block)
    return "sha256:" + state.hexdigest()


def _concluded(
    digest: str, register: Register | None, steps: list[Step], facts: dict[str, Any], *, is_ours: bool
) -> Verdict:
    """Add the register's step in front and draw the conclusion."""
    found = register(digest) if register is not None else None
    if register is None:
        first = Step(
            StepName.register, Outcome.not_possible, say("Offline: the association's register was not asked.")
        )
    elif found is None:
        first = Step(
            StepName.register,
            Outcome.failed,
            say("The association never registered a file with these bytes."),
        )
    else:
        first = _register_step(found)
    every = (first, *steps)
    facts = {**facts, "sha256": digest}
    if found is not None and not _any_failed(every):
        return Verdict(
            _standing(found), every, {**record_facts(found.projection), **facts, "reason": found.end_reason}
        )
    if found is None and all(step.outcome is Outcome.passed for step in steps) and register is None:
        return Verdict(Finding.genuine, every, facts)
    # What a file says of itself is no fact where the file is not proved: it may be a forger's text.
    claimed = {key: facts.pop(key) for key in RECORD_FACTS if key in facts}
    finding = Finding.altered if is_ours and _any_failed(every) else Finding.unknown
    return Verdict(finding, every, {**facts, "claimed": claimed})


def _any_failed(steps: Iterable[Step]) -> bool:
    return any(step.outcome is Outcome.failed for step in steps)


def _register_step(found: Registered) -> Step:
    sentence = say(
        "The register has exactly this file: %(reference)s, %(edition)s edition.",
        reference=found.reference,
        edition=_edition_word(found.edition),
    )
    return Step(StepName.register, Outcome.passed, sentence)


def _edition_word(edition: str) -> Sentence:
    return say("addressee’s") if edition == "addressee" else say("public")


def _standing(found: Registered) -> Finding:
    return {"superseded": Finding.superseded, "withdrawn": Finding.withdrawn}.get(
        found.state, Finding.genuine
    )


# --- the child's side -----------------------------------------------------------------------------


def answer(request: Mapping[str, Any], render: Render) -> dict[str, Any]:
    """What the child process answers to a request of `verify_in_subprocess`; JSON.

    Raises `ValueError` if the file is no longer the one that was asked about.
    """
    with Path(request["path"]).open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    digest = request["digest"] if len(data) > MAX_BYTES else digest_bytes(data)
    if digest != request["digest"]:
        raise ValueError("the file changed while it was being checked")
    given = (request["certificate_pem"], request["log_vkey"], request["proof_text"])
    steps, facts, is_ours = file_steps(data, digest, *given, render)
    return {"verdict": as_json(Verdict(Finding.unknown, tuple(steps), facts)), "is_ours": is_ours}
