"""The evidence of an act, and the receipt a member gets for it. Pure.

The act is JSON with everything that answers "how was this sign-off placed" (DESIGN §3.10); its digest
goes into the log. A salt in it keeps the digest from being guessed: without it anyone could try
"member X declined" against the log. The receipt holds the act whole, so its holder can recompute the
digest and check it against the log entry, and nothing of any other company. The log itself shows of
the entry only a commitment; the proof a member gets carries what opens it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from portal.audit import commitment, merkle
from portal.audit.note import NoteError, TlogProof, Verifier
from portal.kernel.act import Act
from portal.kernel.digest import digest_of

ACT_FORMAT: Final = "rensho/signoff/1"
COUNTERSIGNATURE_FORMAT: Final = "rensho/countersignature/1"
RECEIPT_FORMAT: Final = "rensho/receipt/1"
PROOF_FORMAT: Final = "rensho/signoff-proof/1"
LOGGED: Final = "signoffs:signoff:placed"


@dataclass(frozen=True)
class Shown:
    """The digests of what was on the screen; ``submission`` is None where no works list was submitted."""

    revision: str
    submission: str | None
    consents: str
    frame: str

    def as_json(self) -> dict[str, str | None]:
        """As it stands in the act."""
        return dict(vars(self))


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, to the microsecond."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def evidence(act: Act, read_at: datetime | None = None) -> dict[str, Any]:
    """Who acted, from where and how proven; *read_at* is when the person said it had read the text."""
    return {
        "person": {"id": act.person_id, "name": act.person_name},
        "roles": sorted(role.value for role in act.roles),
        "authority": act.authority,
        "language": act.language,
        "proved_at": None if act.proved_at is None else instant(act.proved_at),
        "read_at": None if read_at is None else instant(read_at),
        "signed_at": instant(act.at),
        "address": act.address,
        "user_agent": act.user_agent,
        "request": act.request_id,
    }


def signoff_act(
    act: Act,
    *,
    signoff_id: str,
    salt: str,
    round_: Mapping[str, Any],
    member: Mapping[str, Any],
    sequence: int,
    decision: str,
    reason: str,
    consents: Mapping[str, Any] | None,
    reservation: Mapping[str, Any] | None,
    shown: Shown,
    submission: Mapping[str, Any] | None,
    read_at: datetime | None,
) -> dict[str, Any]:
    """The act as JSON. *round_*: id, number, letter, rule digest, roll digest; *member*: id, names."""
    return {
        "format": ACT_FORMAT,
        "id": signoff_id,
        "salt": salt,
        "round": dict(round_),
        "member": dict(member),
        "sequence": sequence,
        "decision": decision,
        "reason": reason,
        "consents": None if consents is None else dict(consents),
        "reservation": None if reservation is None else dict(reservation),
        "shown": shown.as_json(),
        "submission": None if submission is None else dict(submission),
        "evidence": evidence(act, read_at),
    }


def countersignature_act(
    act: Act,
    *,
    countersignature_id: str,
    salt: str,
    round_: Mapping[str, Any],
    revision: str,
    frame: str,
    tally: Mapping[str, int],
) -> dict[str, Any]:
    """An officer's act as JSON, with the tally that was counted in the same transaction."""
    return {
        "format": COUNTERSIGNATURE_FORMAT,
        "id": countersignature_id,
        "salt": salt,
        "round": dict(round_),
        "shown": {"revision": revision, "frame": frame},
        "tally": dict(tally),
        "evidence": evidence(act),
    }


def receipt(
    act: Mapping[str, Any],
    *,
    subject: Mapping[str, str],
    revision_number: int,
    consent_texts: Mapping[str, Any],
    frame: Mapping[str, Any],
) -> dict[str, Any]:
    """What the member keeps: the act, its digest, the subject, the words agreed to, the letter's frame.

    The log entry `LOGGED` about the act's id carries the same digest.
    """
    return {
        "format": RECEIPT_FORMAT,
        "digest": digest_of(act),
        "act": dict(act),
        "subject": dict(subject),
        "revision": {"number": revision_number, "digest": act["shown"]["revision"]},
        "consent_texts": dict(consent_texts),
        "frame": dict(frame),
        "log": {"kind": LOGGED, "subject": act["id"]},
    }


def verify_receipt(value: Mapping[str, Any]) -> bool:
    """Whether a receipt's digest is that of the act in it, and words and frame are those that were shown."""
    try:
        return bool(
            value["format"] == RECEIPT_FORMAT
            and value["digest"] == digest_of(value["act"])
            and value["revision"]["digest"] == value["act"]["shown"]["revision"]
            and digest_of(value["consent_texts"]) == value["act"]["shown"]["consents"]
            and digest_of(value["frame"]) == value["act"]["shown"]["frame"]
        )
    except (KeyError, TypeError, ValueError, RecursionError):  # what no JSON of ours holds is no receipt
        return False


def proof_document(
    receipt_: Mapping[str, Any], *, proof: str, opening: Mapping[str, Any], vkey: str
) -> dict[str, Any]:
    """All that is needed to check a receipt without the portal, in one file: see `verify_logged`.

    The log's key is in it for comparison; who checks should have it from elsewhere (every letter has it).
    """
    return {
        "format": PROOF_FORMAT,
        "receipt": dict(receipt_),
        "opening": dict(opening),
        "proof": proof,
        "vkey": vkey,
    }


def verify_logged(document: Mapping[str, Any], vkey: str) -> bool:
    """Whether a `proof_document` shows that the log of this key holds this very sign-off. Offline.

    The receipt is whole; the opening is that of the entry in the proof; the entry is about this act
    and carries its digest; the entry is under a checkpoint signed with *vkey*.
    """
    try:
        if document["format"] != PROOF_FORMAT or not verify_receipt(document["receipt"]):
            return False
        proof = TlogProof.parse(document["proof"])
        if proof.extra is None or not commitment.opens(proof.extra, document["opening"]):
            return False
        proof.verify(merkle.leaf_hash(proof.extra), Verifier.parse(vkey.strip()))
        content, receipt_ = document["opening"]["content"], document["receipt"]
        told = content["kind"], content["subject"], content["payload"]["act"]
        return bool(told == (LOGGED, receipt_["act"]["id"], receipt_["digest"]))
    except (NoteError, KeyError, TypeError, AttributeError, ValueError, RecursionError):
        return False
