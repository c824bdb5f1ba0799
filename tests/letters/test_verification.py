"""Genuine letters are accepted; everything else is refused, and the step that saw it is named."""

import io
import json
import random
import zlib
from dataclasses import dataclass

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner

from portal.audit.note import Signer
from portal.kernel.digest import digest_bytes
from portal.letters.record import Edition
from portal.letters.seal import seal_pdf
from portal.letters.verification import check_register, verify_bytes, verify_in_subprocess
from portal.letters.verification_verdict import Finding, Outcome, StepName, as_json, from_json, step_title
from tests.letters.seal_examples import (
    AT,
    LOG,
    entry_about,
    projection_of,
    proof_about,
    sealed_letter,
    sealer,
    stand_in_pdf,
)

S = StepName
STAND_IN = "tests.letters.seal_examples:stand_in_pdf"


def verify(data, proof=None, *, certificate=None, vkey=LOG.verifier.vkey, render=stand_in_pdf, register=None):
    return verify_bytes(
        data,
        certificate_pem=sealer().pem() if certificate is None else certificate,
        log_vkey=vkey,
        proof_text=sealed_letter()[3] if proof is None else proof,
        render=render,
        register=register,
    )


def outcomes(verdict):
    return {step.name.value: step.outcome.value for step in verdict.steps}


@pytest.mark.parametrize("edition", Edition)
def test_a_genuine_letter_offline(edition):
    data, projection, _, proof = sealed_letter(edition)
    verdict = verify(data, proof)
    assert outcomes(verdict) == {
        "register": "not_possible", "signature": "passed", "coverage": "passed", "docmdp": "passed",
        "record": "passed", "log": "passed",
    }  # fmt: skip
    assert verdict.genuine
    facts = verdict.facts
    assert facts["sha256"] == digest_bytes(data)
    assert facts["reference"] == projection["reference"]
    assert facts["total"] == 4
    assert facts["edition"] == edition.value
    assert facts["signed_at"] == "2026-11-21T03:04:05+00:00"
    assert facts["timestamp"] is None
    assert (facts["log_index"], facts["log_size"], facts["log_origin"]) == (1, 3, LOG.name)


def test_every_step_has_a_title():
    assert len({str(step_title(name)) for name in StepName}) == 6


# --- changed bytes --------------------------------------------------------------------------------


def test_what_a_forgery_says_of_itself_is_no_fact():
    verdict = verify(sealed_letter()[0] + b"\n")
    assert "reference" not in verdict.facts
    assert verdict.facts["claimed"]["reference"] == "FCA-2026-0001"


def places_to_change(data, count):
    """Random places, and the ends of everything."""
    chosen = random.Random(20261121)
    return [0, 5, len(data) - 1, len(data) - 2, *(chosen.randrange(len(data)) for _ in range(count))]


@pytest.mark.parametrize("proof", [True, False], ids=["with proof", "without proof"])
def test_one_byte_changed_anywhere_is_refused(proof):
    data, _, _, text = sealed_letter()
    for place in places_to_change(data, 200):
        changed = bytearray(data)
        changed[place] ^= 1 << random.Random(place).randrange(8)
        verdict = verify(bytes(changed), text if proof else "")
        assert not verdict.genuine
        # The signature, its form, or what it covers sees it without any register or log.
        seen = {S.signature, S.coverage} & set(verdict.failed)
        assert seen, (place, [(step.name, str(step.sentence)) for step in verdict.steps])
        assert (S.log in verdict.failed) is proof


@pytest.mark.parametrize("extra", [b"\n", b"x", b"%%EOF\n", b"\x00" * 2000, b"1 0 obj\n<<>>\nendobj\n"])
def test_appended_bytes_are_refused(extra):
    verdict = verify(sealed_letter()[0] + extra)
    assert verdict.finding is Finding.altered
    assert {S.coverage, S.log} <= set(verdict.failed)


@pytest.mark.parametrize("left", [1, 10, 600, 3000, -100])
def test_truncated_files_are_refused(left):
    data = sealed_letter()[0]
    verdict = verify(data[:-left])
    assert not verdict.genuine
    assert verdict.failed


def test_bytes_put_in_front_are_refused():
    verdict = verify(b"\n" + sealed_letter()[0])
    assert S.signature in verdict.failed


def test_cut_back_to_the_unsealed_letter():
    _, projection, schedule, _ = sealed_letter()
    verdict = verify(stand_in_pdf(projection, schedule))
    assert verdict.failed[0] is S.signature
    assert str(verdict.step(S.signature).sentence) == "The file is not signed."
    assert verdict.finding is Finding.altered


def append_update(data, change):
    writer = IncrementalPdfFileWriter(io.BytesIO(data))
    change(writer)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def overlay(writer):
    stream = generic.StreamObject(stream_data=b"q 1 1 1 rg 0 0 600 400 re f Q")
    writer.add_stream_to_page(0, writer.add_object(stream))


def info(writer):
    writer.set_info(
        writer.add_object(generic.DictionaryObject({generic.pdf_name("/Title"): generic.pdf_string("x")}))
    )


@pytest.mark.parametrize("change", [overlay, info])
def test_an_update_after_the_seal_is_refused(change):
    """What other software calls valid: the signed part is untouched, the page is painted over."""
    verdict = verify(append_update(sealed_letter()[0], change))
    assert {S.coverage, S.record, S.log} <= set(verdict.failed)
    assert S.signature not in verdict.failed


# --- other signatures -----------------------------------------------------------------------------


def test_sealed_with_another_key():
    _, projection, schedule, _ = sealed_letter()
    forged = seal_pdf(stand_in_pdf(projection, schedule), sealer("forger"), reason="Issued", at=AT)
    verdict = verify(forged)
    assert verdict.failed == (S.signature, S.log)
    assert "another certificate" in str(verdict.step(S.signature).sentence)
    assert verdict.finding is Finding.altered


def test_with_the_forgers_certificate_the_record_does_not_fit():
    _, projection, schedule, _ = sealed_letter()
    forged = seal_pdf(stand_in_pdf(projection, schedule), sealer("forger"), reason="Issued", at=AT)
    assert verify(forged, certificate=sealer("forger").pem()).failed == (S.record, S.log)


def test_sealed_again_with_the_same_key_is_not_the_one_issued():
    _, projection, schedule, _ = sealed_letter()
    again = seal_pdf(stand_in_pdf(projection, schedule), sealer(), reason="Issued", at=AT.replace(day=22))
    verdict = verify(again)
    assert verdict.failed == (S.log,)
    assert "another file" in str(verdict.step(S.log).sentence)


def approval(data, who, field="Second"):
    """A signature as other software makes it: no certification, changes allowed."""
    signer = PdfSigner(PdfSignatureMetadata(field_name=field), who.signer, new_field_spec=SigFieldSpec(field))
    output = io.BytesIO()
    signer.sign_pdf(IncrementalPdfFileWriter(io.BytesIO(data)), output=output)
    return output.getvalue()


def test_two_signatures_are_refused():
    _, projection, schedule, _ = sealed_letter()
    once = approval(stand_in_pdf(projection, schedule), sealer("forger"), "First")
    for twice in (approval(once, sealer()), once + sealed_letter()[0], sealed_letter()[0] + once):
        verdict = verify(twice)
        assert verdict.failed[0] is S.signature
        assert "2 signatures" in str(verdict.step(S.signature).sentence)
        assert verdict.step(S.coverage).outcome is Outcome.not_possible


def test_a_signature_that_allows_changes_is_refused():
    _, projection, schedule, _ = sealed_letter()
    data = approval(stand_in_pdf(projection, schedule), sealer())
    verdict = verify(data, proof_about(entry_about(data, projection, schedule)))
    assert S.docmdp in verdict.failed
    assert not verdict.genuine


def certified(pdf, *, permissions=MDPPerm.NO_CHANGES, before_signing=lambda _writer: None):
    """The association's own key, used otherwise than the portal uses it."""
    metadata = PdfSignatureMetadata(
        field_name="Seal", certify=True, docmdp_permissions=permissions, subfilter=SigSeedSubFilter.PADES, md_algorithm="sha256"
    )  # fmt: skip
    signer = PdfSigner(metadata, sealer().signer, new_field_spec=SigFieldSpec("Seal"))
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    writer._update_meta = lambda: None
    before_signing(writer)
    output = io.BytesIO()
    signer.sign_pdf(writer, output=output)
    return output.getvalue()


def test_a_certification_that_allows_filling_in_is_refused():
    projection, schedule = projection_of()
    for permissions, failed in (
        (MDPPerm.NO_CHANGES, ()),
        (MDPPerm.FILL_FORMS, (S.docmdp,)),
        (MDPPerm.ANNOTATE, (S.docmdp,)),
    ):
        data = certified(stand_in_pdf(projection, schedule), permissions=permissions)
        assert verify(data, proof_about(entry_about(data, projection, schedule))).failed == failed


def note_on_the_page(writer):
    annotation = generic.DictionaryObject(
        {generic.pdf_name("/Type"): generic.pdf_name("/Annot"), generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
         generic.pdf_name("/Contents"): generic.pdf_string("We withdraw.")}
    )  # fmt: skip
    writer.register_annotation(writer.root["/Pages"]["/Kids"].raw_get(0), writer.add_object(annotation))


def other_pages(writer):
    writer.root["/PageMode"] = generic.pdf_name("/FullScreen")
    writer.update_root()


@pytest.mark.parametrize("change", [overlay, note_on_the_page, other_pages, info])
def test_a_seal_whose_own_update_changes_the_letter_is_refused(change):
    """Covered by the signature, forbidden by nothing, of the right key, and logged: the pages decide."""
    projection, schedule = projection_of()
    data = certified(stand_in_pdf(projection, schedule), before_signing=change)
    verdict = verify(data, proof_about(entry_about(data, projection, schedule)))
    assert verdict.failed == (S.record,), [str(step.sentence) for step in verdict.steps]
    assert "changes parts of the letter" in str(verdict.step(S.record).sentence)


def test_a_signed_stranger_is_unknown():
    from reportlab.pdfgen.canvas import Canvas

    output = io.BytesIO()
    canvas = Canvas(output, invariant=1)
    canvas.drawString(72, 720, "An invoice")
    canvas.save()
    verdict = verify(seal_pdf(output.getvalue(), sealer("forger"), reason="x", at=AT))
    assert verdict.finding is Finding.unknown
    assert {S.signature, S.record, S.log} <= set(verdict.failed)


@pytest.mark.parametrize("data", [b"", b"x", b"%PDF-1.7\n", b"\x00" * 5000, b"PK\x03\x04" + b"\xff" * 100])
def test_what_is_no_pdf_is_unknown(data):
    verdict = verify(data)
    assert verdict.finding is Finding.unknown
    assert S.signature in verdict.failed


# --- the record -----------------------------------------------------------------------------------


def sealed_with(projection, schedule, pdf):
    data = seal_pdf(pdf, sealer(), reason="Issued", at=AT)
    return verify(data, proof_about(entry_about(data, projection, schedule)))


def test_pages_of_one_edition_with_the_record_of_the_other_are_refused():
    """Somebody with the key prints other names than the embedded record, which is the logged one, has."""
    printed, embedded = projection_of(Edition.addressee), projection_of(Edition.public)
    data = seal_pdf(stand_in_pdf(*printed, embed=embedded), sealer(), reason="Issued", at=AT)
    verdict = verify(data, proof_about(entry_about(data, *embedded)))
    assert verdict.failed == (S.record,)
    assert "pages are not those" in str(verdict.step(S.record).sentence)


def test_an_embedded_record_that_was_not_logged_is_refused():
    logged, other = projection_of(), projection_of(date="2026-11-22")
    data = seal_pdf(stand_in_pdf(*other), sealer(), reason="Issued", at=AT)
    verdict = verify(data, proof_about(entry_about(data, *logged)))
    assert verdict.failed == (S.log,)
    assert "contradict" in str(verdict.step(S.log).sentence)


def test_a_seal_that_paints_over_the_page_is_refused():
    """A change inside the sealed update: covered by the signature, and still not the letter."""
    projection, schedule = projection_of()
    for change in (overlay, info):
        changed = append_update(stand_in_pdf(projection, schedule), change)
        assert sealed_with(projection, schedule, changed).failed == (S.record,)


def test_one_compressed_by_another_zlib_is_the_same_document(monkeypatch):
    projection, schedule = projection_of()
    compress = zlib.compress
    with monkeypatch.context() as patched:
        patched.setattr(zlib, "compress", lambda data, *_: compress(data, 1))
        pdf = stand_in_pdf(projection, schedule)
    assert pdf != stand_in_pdf(projection, schedule)
    assert sealed_with(projection, schedule, pdf).genuine
    with monkeypatch.context() as patched:
        patched.setattr(zlib, "compress", lambda data, *_: compress(data, 1))
        other = projection | {"sections": {"en": [{"heading": "Facts?"}]}}
        pdf = stand_in_pdf(other, schedule, embed=(projection, schedule))
    assert sealed_with(projection, schedule, pdf).failed == (S.record,)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"schedule": {"digest": "sha256:0", "rows": 4, "works": 4, "by_kind": {}}},
            "not the one the record names",
        ),
        ({"seal": {"fingerprint": "sha256:0"}}, "another certificate"),
        ({"kind": "full"}, "does not embed a record"),
        ({"format": "other/1"}, "does not embed a record"),
        ({"association": None}, "does not embed a record"),
        ({"seal": None}, "cannot be read"),
    ],
)
def test_bad_records_are_refused(change, message):
    projection, schedule = projection_of()
    verdict = sealed_with(projection | change, schedule, stand_in_pdf(projection | change, schedule))
    assert verdict.failed[0] is S.record
    assert message in str(verdict.step(S.record).sentence)


def test_a_record_that_breaks_the_layout_is_refused():
    data = sealed_letter()[0]

    def breaks(_projection, _schedule):
        raise RuntimeError

    assert "No letter can be made" in str(verify(data, render=breaks).step(S.record).sentence)


# --- the log --------------------------------------------------------------------------------------


@dataclass
class Case:
    entry: dict
    message: str


def test_entries_about_something_else_are_refused():
    data, projection, schedule, _ = sealed_letter()
    good = json.loads(entry_about(data, projection, schedule))["payload"]
    one = good["editions"]["addressee"]
    cases = [
        ({"kind": "letters:letter:reserved"}, "not about the issue"),
        ({"payload": good | {"editions": {}}}, "another file"),
        ({"payload": good | {"reference": "FCA-2026-0002"}}, "contradict"),
        ({"payload": good | {"commitment": "sha256:0"}}, "contradict"),
        ({"payload": good | {"rehearsal": True}}, "contradict"),
        ({"payload": good | {"editions": {"public": one}}}, "contradict"),
        ({"payload": good | {"editions": {"addressee": one | {"projection": "sha256:0"}}}}, "contradict"),
        ({"payload": good | {"editions": {"addressee": one | {"schedule": "sha256:0"}}}}, "contradict"),
        ({"payload": []}, "cannot be read"),
    ]
    for change, message in cases:
        verdict = verify(data, proof_about(entry_about(data, projection, schedule, **change)))
        assert verdict.failed == (S.log,)
        assert message in str(verdict.step(S.log).sentence)


def test_another_log_is_refused():
    data, projection, schedule, _ = sealed_letter()
    other = Signer(LOG.name, b"\x09" * 32)
    proof = proof_about(entry_about(data, projection, schedule), other)
    assert verify(data, proof).failed == (S.log,)
    verdict = verify(data, proof, vkey=other.verifier.vkey)
    assert "another log" in str(verdict.step(S.log).sentence)


def test_a_proof_without_its_entry_is_refused():
    data, _, _, proof = sealed_letter()
    without = "\n".join(line for line in proof.split("\n") if not line.startswith("extra "))
    assert "does not carry" in str(verify(data, without).step(S.log).sentence)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"proof": ""}, "log"),
        ({"vkey": ""}, "log"),
        ({"certificate": ""}, "signature"),
        ({"certificate": "junk"}, "signature"),
    ],
)
def test_what_was_not_given_is_said_and_the_answer_is_no(given, missing):
    data, _, _, proof = sealed_letter()
    verdict = verify(data, **({"proof": proof} | given))
    assert outcomes(verdict)[missing] == "not_possible"
    assert verdict.finding is Finding.unknown
    assert not verdict.genuine


# --- the real layout ------------------------------------------------------------------------------


def test_the_real_letter(tmp_path, monkeypatch):
    """With the letter's own layout, also where another zlib compressed it, and in the child's limits."""
    from portal.letters.layout import letter_pdf

    projection, schedule = projection_of()
    pdf = letter_pdf(projection, schedule)
    compress = zlib.compress
    with monkeypatch.context() as patched:
        patched.setattr(zlib, "compress", lambda data, *_: compress(data, 1))
        other = letter_pdf(projection, schedule)
    assert other != pdf
    for unsealed in (pdf, other):
        data = seal_pdf(unsealed, sealer(), reason="Issued", at=AT)
        proof = proof_about(entry_about(data, projection, schedule))
        verdict = verify(data, proof, render=None)
        assert verdict.genuine, [(step.name, str(step.sentence)) for step in verdict.steps]
    (tmp_path / "letter.pdf").write_bytes(data)
    verdict = verify_in_subprocess(
        tmp_path / "letter.pdf", certificate_pem=sealer().pem(), log_vkey=LOG.verifier.vkey, proof_text=proof
    )
    assert verdict.genuine
    printed = letter_pdf(projection_of(subject={"en": "Another", "ja": "別"})[0], schedule)
    data = seal_pdf(printed, sealer(), reason="Issued", at=AT)
    assert verify(data, proof_about(entry_about(data, projection, schedule)), render=None).failed == (S.log,)


# --- the register ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Registered:
    reference: str
    edition: str
    state: str
    end_reason: str | None
    projection: dict


def register_of(data, projection, state="published", reason=None):
    found = Registered(projection["reference"], projection["edition"], state, reason, projection)
    return lambda digest: found if digest == digest_bytes(data) else None


@pytest.mark.parametrize(
    ("state", "finding"),
    [
        ("sealed", "genuine"),
        ("published", "genuine"),
        ("superseded", "superseded"),
        ("withdrawn", "withdrawn"),
    ],
)
def test_the_register_answers_alone(state, finding):
    data, projection, _, proof = sealed_letter()
    register = register_of(data, projection, state, "Because.")
    for verdict in (check_register(digest_bytes(data), register), verify(data, proof, register=register)):
        assert verdict.finding.value == finding
        assert verdict.steps[0].outcome is Outcome.passed
        assert verdict.facts["reason"] == "Because."
        assert verdict.facts["reference"] == projection["reference"]
    assert check_register(digest_bytes(data + b"x"), register) is None


def test_a_letter_with_a_good_seal_that_was_never_registered():
    data, projection, schedule, _ = sealed_letter()
    again = seal_pdf(stand_in_pdf(projection, schedule), sealer(), reason="Issued", at=AT)
    proof = proof_about(entry_about(again, projection, schedule))
    verdict = verify(again, proof, register=register_of(data, projection))
    assert verdict.failed == (S.register,)
    assert verdict.finding is Finding.altered


def test_a_rehearsal_is_called_one():
    projection, schedule = projection_of(rehearsal=True)
    verdict = sealed_with(projection, schedule, stand_in_pdf(projection, schedule))
    assert verdict.genuine
    assert "rehearsal" in str(verdict.sentence)


# --- in a process of its own ----------------------------------------------------------------------


def in_child(path, proof, **more):
    return verify_in_subprocess(
        path,
        certificate_pem=sealer().pem(),
        log_vkey=LOG.verifier.vkey,
        proof_text=proof,
        render=STAND_IN,
        **more,
    )


def test_the_child_says_the_same(tmp_path):
    data, projection, _, proof = sealed_letter()
    good, bad = tmp_path / "good.pdf", tmp_path / "bad.pdf"
    good.write_bytes(data)
    bad.write_bytes(data + b"\n")
    assert in_child(good, proof) == verify(data, proof)
    assert in_child(bad, proof) == verify(data + b"\n", proof)
    register = register_of(data, projection)
    assert in_child(good, proof, register=register).steps[0].outcome is Outcome.passed
    assert in_child(bad, proof, register=register).failed[0] is S.register


def test_a_child_that_runs_out_of_memory_or_time_is_an_answer(tmp_path):
    data, _, _, proof = sealed_letter()
    (tmp_path / "letter.pdf").write_bytes(data)
    for limits in ({"megabytes": 40}, {"seconds": 0}):
        verdict = in_child(tmp_path / "letter.pdf", proof, **limits)
        assert verdict.finding is Finding.unknown
        assert verdict.step(S.record).outcome is Outcome.not_possible
        assert "more time or memory" in str(verdict.step(S.record).sentence)


def bomb():
    """A page tree that bites its tail, a stream that unpacks to 300 MB as its embedded record."""
    packed = zlib.compress(zlib.compress(b"\x00" * (300 << 20), 9), 9)
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [(record.public.json) 3 0 R (schedule.public.csv) 3 0 R] >> >> >>",
        b"<< /Type /Pages /Kids [2 0 R] /Count 1 >>",
        b"<< /Type /Filespec /F (x) /EF << /F 4 0 R >> >>",
        b"<< /Filter [/FlateDecode /FlateDecode] /Length %d >>\nstream\n%s\nendstream"
        % (len(packed), packed),
    ]
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, part in enumerate(parts, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size 5 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return bytes(out)


def test_a_bomb_does_not_go_off(tmp_path):
    (tmp_path / "bomb.pdf").write_bytes(bomb())
    verdict = in_child(tmp_path / "bomb.pdf", sealed_letter()[3], seconds=10, megabytes=400)
    assert verdict.finding is not Finding.genuine
    assert not verdict.genuine


def test_verdicts_survive_json():
    verdict = verify(sealed_letter()[0] + b"\n")
    again = from_json(json.loads(json.dumps(as_json(verdict))))
    assert again == verdict
    assert [step.sentence.render("ja") for step in again.steps]
