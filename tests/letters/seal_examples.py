"""A small letter as a PDF with its two embedded files, and a seal to put on it."""

import io
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

from reportlab import rl_config
from reportlab.pdfbase import pdfdoc
from reportlab.pdfgen.canvas import Canvas

from portal.audit import merkle
from portal.audit.note import Signer, TlogProof, sign_checkpoint
from portal.kernel.digest import canonical, digest_bytes
from portal.letters.record import Edition, full_record, project
from portal.letters.seal import load_sealer, make_self_made_ca, seal_pdf
from tests.letters.record_examples import SALT, SIGNATORIES, WORKS, letter

AT = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)


class _Stream(pdfdoc.PDFStream):
    def __init__(self, data):
        dictionary = pdfdoc.PDFDictionary({"Type": pdfdoc.PDFName("EmbeddedFile")})
        super().__init__(dictionary, data, [pdfdoc.PDFZCompress])


def stand_in_pdf(projection, schedule, embed=None):
    """A pure stand-in for the letter's layout: one page a section, both files (or *embed*'s) embedded."""
    record, rows = embed or (projection, schedule)
    before, rl_config.useA85 = rl_config.useA85, 0
    try:
        output = io.BytesIO()
        canvas = Canvas(output, invariant=1, pageCompression=1, lang="en")
        canvas.setTitle(projection["reference"])
        for section in projection["sections"]["en"]:
            canvas.drawString(72, 720, section["heading"])
            for line, one in enumerate(projection["signatories"]["named"]):
                canvas.drawString(72, 690 - 14 * line, one["names"]["en"])
            canvas.showPage()
        names = []
        for name, data in (
            (f"record.{record['edition']}.json", canonical(record)),
            (f"schedule.{record['edition']}.csv", rows),
        ):
            stream = canvas._doc.Reference(_Stream(data))
            spec = pdfdoc.PDFDictionary(
                {"Type": pdfdoc.PDFName("Filespec"), "F": pdfdoc.PDFString(name), "UF": pdfdoc.PDFString(name),
                 "EF": pdfdoc.PDFDictionary({"F": stream})}
            )  # fmt: skip
            names += [pdfdoc.PDFString(name), canvas._doc.Reference(spec)]
        tree = pdfdoc.PDFDictionary({"Names": pdfdoc.PDFArray(names)})
        canvas._doc.Catalog.Names = pdfdoc.PDFDictionary({"EmbeddedFiles": tree})
        canvas._doc.Catalog.__NoDefault__ = [*canvas._doc.Catalog.__NoDefault__, "Names"]
        canvas.save()
        return output.getvalue()
    finally:
        rl_config.useA85 = before


@lru_cache
def sealer(which="association"):
    folder = Path(mkdtemp(prefix=f"seal-{which}-"))
    return load_sealer(
        make_self_made_ca(folder, "Fictional Creators Association", passphrase="open", at=AT), "open"
    )


LOG = Signer("log.association.example", b"\x07" * 32)


def projection_of(edition=Edition.addressee, **changes):
    """A projection and its schedule, for the seal and the log of these examples."""
    given = {
        "log": {"origin": LOG.name, "vkey": LOG.verifier.vkey},
        "seal": {
            "subject": sealer().subject, "fingerprint": sealer().fingerprint, "self_made": True, "timestamped": False,
        },
    }  # fmt: skip
    full = full_record(letter(4, **(given | changes)), SIGNATORIES, WORKS, salt=SALT)
    return project(full, edition, WORKS)


def entry_about(data, projection, schedule, **changes):
    """The log's entry for one sealed edition."""
    one = {
        "file": digest_bytes(data),
        "projection": digest_bytes(canonical(projection)),
        "schedule": digest_bytes(schedule),
    }
    payload = {
        "reference": projection["reference"], "rehearsal": projection["rehearsal"], "revision": projection["revision"]["digest"],
        "commitment": projection["commitment"], "editions": {projection["edition"]: one},
    }  # fmt: skip
    return canonical({"v": 1, "kind": "letters:letter:issued", "subject": "i", "payload": payload} | changes)


def proof_about(entry, signer=LOG):
    """A proof of *entry* in a log of three."""
    leaves = [merkle.leaf_hash(b"before"), merkle.leaf_hash(entry), merkle.leaf_hash(b"after")]
    nodes = {}
    for size, leaf in enumerate(leaves):
        for level, index, value in merkle.appended(size, leaf, lambda *key: nodes[key]):
            nodes[level, index] = value

    def read(*key):
        return nodes[key]

    note = sign_checkpoint(signer, 3, merkle.root(3, read))
    return TlogProof(1, tuple(merkle.inclusion(1, 3, read)), note, entry).text()


@lru_cache
def sealed_letter(edition=Edition.addressee):
    """(sealed PDF, projection, schedule, proof)."""
    projection, schedule = projection_of(edition)
    data = seal_pdf(stand_in_pdf(projection, schedule), sealer(), reason="Issued", at=AT)
    return data, projection, schedule, proof_about(entry_about(data, projection, schedule))
