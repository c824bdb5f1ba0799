"""The seal: what it adds, what it leaves alone, and what other software says of it."""

import re
import shutil
import subprocess
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from asn1crypto import keys as asn1_keys
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pyhanko.sign.timestamps import DummyTimeStamper

from portal.letters.seal import BadSealKey, NoTimestamp, load_sealer, make_self_made_ca, seal_pdf
from portal.letters.verification import verify_bytes
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


def test_the_letter_is_left_as_it_is():
    data, projection, schedule, _ = sealed_letter()
    pdf = stand_in_pdf(projection, schedule)
    assert data.startswith(pdf)
    update = data[len(pdf) :]
    assert update.count(b"%%EOF") == 1
    assert b"/Producer" not in update
    assert b"/ModDate" not in update
    assert b"/Info 9 0 R" in update  # the same as before


def test_what_the_seal_says():
    data, *_ = sealed_letter()
    assert b"/M (D\\07220261121030405Z)" in data
    assert b"/Reason (Issued)" in data
    assert b"/SubFilter /ETSI.CAdES.detached" in data
    assert re.search(rb"/TransformMethod /DocMDP.*?/P 1\b", data, re.DOTALL)
    assert re.search(rb"/Rect \[ 0 0 0 0 \]", data)  # invisible
    assert data.count(b"/ByteRange") == 1


def test_a_self_made_certificate_says_so():
    made = sealer()
    assert made.self_made
    assert made.subject == "CN=SELF-MADE SEAL / NOT A QUALIFIED CERTIFICATE,O=Fictional Creators Association"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", made.fingerprint)
    assert made.not_after > datetime(2036, 1, 1, tzinfo=UTC)
    own, root = x509.load_pem_x509_certificates(made.pem().encode())
    own.verify_directly_issued_by(root)
    assert not own.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert root.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_key_files(tmp_path):
    path = make_self_made_ca(tmp_path / "keys", "架空協会" * 20, passphrase="open", at=AT)
    assert path.stat().st_mode & 0o777 == 0o600
    first = path.read_bytes()
    assert make_self_made_ca(tmp_path / "keys", "Another", passphrase="open", at=AT).read_bytes() == first
    assert load_sealer(path, "open").pem() == (tmp_path / "keys" / "seal.pem").read_text()
    with pytest.raises(BadSealKey):
        load_sealer(path, "wrong")
    path.write_bytes(b"nonsense")
    with pytest.raises(BadSealKey):
        load_sealer(path, "open")


def test_without_an_answer_from_a_time_stamp_authority_nothing_is_sealed():
    pdf = stand_in_pdf(*projection_of())
    with pytest.raises(NoTimestamp, match="none of 2"):
        seal_pdf(pdf, sealer(), reason="x", at=AT, tsa_urls=("http://127.0.0.1:9/", "http://127.0.0.1:9/b"))


@pytest.fixture(scope="module")
def authority():
    """A time-stamp authority (RFC 3161) on the loopback, one hour after the claimed time."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Time for tests")])
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(AT - timedelta(days=1)).not_valid_after(AT + timedelta(days=1)).sign(key, hashes.SHA256())
    )  # fmt: skip
    der = key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    stamper = DummyTimeStamper(
        asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER)),
        asn1_keys.PrivateKeyInfo.load(der), fixed_dt=AT + timedelta(hours=1),
    )  # fmt: skip

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self):
            request = tsp.TimeStampReq.load(self.rfile.read(int(self.headers["Content-Length"])))
            body = stamper.request_tsa_response(request).dump()
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def verify(data, projection, schedule):
    return verify_bytes(
        data, certificate_pem=sealer().pem(), log_vkey=LOG.verifier.vkey,
        proof_text=proof_about(entry_about(data, projection, schedule)), render=stand_in_pdf,
    )  # fmt: skip


def test_the_first_authority_that_answers_gives_the_time(authority):
    projection, schedule = projection_of()
    urls = ("http://127.0.0.1:9/", authority)
    data = seal_pdf(stand_in_pdf(projection, schedule), sealer(), reason="x", at=AT, tsa_urls=urls)
    verdict = verify(data, projection, schedule)
    assert verdict.genuine, [str(step.sentence) for step in verdict.steps]
    assert verdict.facts["timestamp"] == "2026-11-21T04:04:05Z"
    assert verdict.facts["signed_at"] == "2026-11-21T03:04:05+00:00"


def test_a_time_stamp_of_another_signature_is_refused(authority):
    """The token is outside of what is signed: put there another one, of the same length."""
    projection, schedule = projection_of()
    pdf = stand_in_pdf(projection, schedule)
    one, two = (
        seal_pdf(pdf, sealer(), reason="x", at=AT + timedelta(days=n), tsa_urls=(authority,)) for n in (0, 1)
    )
    imprints = []
    for data in (one, two):
        hole = bytes.fromhex(re.search(rb"/Contents <([0-9A-F]+)>", data)[1].decode())
        imprints.append(
            re.search(
                rb"\x30\x31\x30\x0d\x06\x09`\x86H\x01e\x03\x04\x02\x01\x05\x00\x04\x20(.{32})",
                hole,
                re.DOTALL,
            )[1]
        )
    first, second = (imprint.hex().upper().encode() for imprint in imprints)
    assert one.count(first) == 1
    swapped = one.replace(first, second)
    assert "another signature" in str(verify(swapped, projection, schedule).steps[1].sentence)


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="pdfsig is missing; apt install poppler-utils")
def test_pdfsig_says_valid_and_total(tmp_path):
    data, *_ = sealed_letter()
    (tmp_path / "letter.pdf").write_bytes(data)
    done = subprocess.run(
        ["pdfsig", tmp_path / "letter.pdf"],
        capture_output=True,
        text=True,
        check=False,
        env={"HOME": str(tmp_path)},
    )
    assert "Signature is Valid" in done.stdout
    assert "Total document signed" in done.stdout
    assert "Signature #2" not in done.stdout
