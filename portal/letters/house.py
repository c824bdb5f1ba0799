"""The installation's keys and files, opened once at start: log key, seal, file store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from portal.audit.keys import LogKey, load_or_make_signer, settled_origin
from portal.config import Settings
from portal.evidence.store import FileStore
from portal.letters.seal import Sealer, load_sealer, make_self_made_ca


@dataclass(frozen=True)
class House:
    """What issuing and checking need besides the database."""

    settings: Settings
    log_key: LogKey
    sealer: Sealer
    files: FileStore

    def seal_facts(self) -> dict[str, object]:
        """The record's ``seal``: whose certificate, whether self-made, whether time-stamped."""
        return {
            "subject": self.sealer.subject,
            "fingerprint": self.sealer.fingerprint,
            "self_made": self.sealer.self_made,
            "timestamped": bool(self.settings.tsa_urls),
        }


def open_house(settings: Settings) -> House:
    """Load the keys, making those that an installation may make itself.

    Raises `portal.letters.seal.BadSealKey` where a given PKCS#12 file cannot be used, and
    `portal.audit.note.NoteError` where the log's key or name cannot be.
    """
    keys = settings.keys_dir
    keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    if settings.seal_p12:
        p12, passphrase = settings.seal_p12, settings.seal_passphrase
    else:
        # The passphrase of a self-made key protects nothing beyond the folder it lies in.
        passphrase = settings.secret_key
        p12 = make_self_made_ca(keys, "Rensho", passphrase=passphrase, at=datetime.now(UTC))
    return House(
        settings=settings,
        log_key=load_or_make_signer(
            keys / "log.seed",
            settled_origin(keys / "log.seed", settings.origin, insisted=bool(settings.log_origin)),
        ),
        sealer=load_sealer(p12, passphrase),
        files=FileStore(settings.files_dir),
    )
