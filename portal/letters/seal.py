"""The association's seal on a PDF: PAdES certification signature, nothing may be changed afterwards.

The seal is an incremental update: the sealed file begins with the very bytes that were given, and
the update holds the signature and nothing else (no new metadata), so that a reader can tell the
letter from its seal. B-T where a time-stamp authority (RFC 3161) answers, else B-B. The signature
field is invisible: a visible widget is not possible in a tagged PDF/UA file without breaking it.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import timestamps
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, SimpleSigner

FIELD: Final = "Seal"
SELF_MADE: Final = "SELF-MADE SEAL / NOT A QUALIFIED CERTIFICATE"
"""What the certificate of a self-made CA says in the place where a name stands (64 characters at most)."""
TSA_TIMEOUT_SECONDS: Final = 10


class NoTimestamp(Exception):  # noqa: N818 - it reads as what happened
    """Time-stamp authorities are set, and none of them answered; the letter is not sealed."""


class BadSealKey(Exception):  # noqa: N818
    """The PKCS#12 file cannot be opened, or holds no key and certificate that can sign."""


@dataclass(frozen=True)
class Sealer:
    """A key that seals, with its certificate and the chain above it."""

    certificate_der: bytes
    chain_der: tuple[bytes, ...]
    signer: Any
    """pyHanko's signer; nobody else looks inside."""

    @property
    def subject(self) -> str:
        """The certificate's subject (RFC 4514)."""
        return self._certificate.subject.rfc4514_string()

    @property
    def fingerprint(self) -> str:
        """``sha256:`` of the DER certificate."""
        return "sha256:" + hashlib.sha256(self.certificate_der).hexdigest()

    @property
    def self_made(self) -> bool:
        """Whether the certificate is one of `make_self_made_ca`."""
        names = self._certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return any(name.value == SELF_MADE for name in names)

    @property
    def not_after(self) -> datetime:
        """Until when the certificate is valid (UTC)."""
        return self._certificate.not_valid_after_utc

    def pem(self) -> str:
        """What is published: the seal's certificate first, then the chain."""
        return "".join(
            x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM).decode()
            for der in (self.certificate_der, *self.chain_der)
        )

    @property
    def _certificate(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.certificate_der)


# --- keys -----------------------------------------------------------------------------------------


def make_self_made_ca(folder: Path, association_name: str, *, passphrase: str, at: datetime) -> Path:
    """Make ``seal.p12`` and ``seal.pem`` in *folder* and give the path of the first; keep what is there.

    For laptops, demos and rehearsals. The root's own key is thrown away: nobody can ever issue a
    second certificate under it. RSA 3072 for the seal, because every PDF reader knows it.
    """
    p12, pem = folder / "seal.p12", folder / "seal.pem"
    if p12.exists():
        return p12
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    root_key, seal_key = ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 3072)
    root_name = _subject(association_name, "SELF-MADE ROOT / NOT A QUALIFIED CERTIFICATE")
    root = _certificate(root_name, root_key.public_key(), root_name, root_key, at, is_ca=True)
    seal = _certificate(
        _subject(association_name, SELF_MADE), seal_key.public_key(), root_name, root_key, at, is_ca=False
    )
    sealed = pkcs12.serialize_key_and_certificates(
        b"seal", seal_key, seal, [root], serialization.BestAvailableEncryption(passphrase.encode())
    )
    try:
        handle = os.open(p12, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process of the same start was first
        return p12
    with os.fdopen(handle, "wb") as file:
        file.write(sealed)
    pem.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in (seal, root)))
    return p12


def load_sealer(p12: Path, passphrase: str) -> Sealer:
    """The sealer in a PKCS#12 file. Raises `BadSealKey`."""
    data = p12.read_bytes()
    try:
        bundle = pkcs12.load_pkcs12(data, passphrase.encode())
    except ValueError as error:
        raise BadSealKey("the file is no PKCS#12, or the passphrase is wrong") from error
    signer = SimpleSigner.load_pkcs12_data(data, other_certs=[], passphrase=passphrase.encode())
    if bundle.cert is None or bundle.key is None or signer is None:
        raise BadSealKey("the file holds no key with its certificate")
    chain = tuple(_der(one.certificate) for one in bundle.additional_certs)
    return Sealer(_der(bundle.cert.certificate), chain, signer)


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.DER)


def _subject(association_name: str, common_name: str) -> x509.Name:
    return x509.Name(
        [
            # RFC 5280 appendix A.1: at most 64 characters each
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, association_name[:64]),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _certificate(
    subject: x509.Name,
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    at: datetime,
    *,
    is_ca: bool,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not is_ca,
        content_commitment=not is_ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_ca,
        crl_sign=is_ca,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - timedelta(days=1))
        .not_valid_after(at + timedelta(days=3650))
        .add_extension(x509.BasicConstraints(is_ca, None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA384())
    )


# --- sealing --------------------------------------------------------------------------------------


class _Update(IncrementalPdfFileWriter):
    """An update that leaves the document's metadata as they are: they are part of what is sealed."""

    def _update_meta(self) -> None:
        """Nothing: by default a new modification date and producer would be written here."""


class _DatedSigner(PdfSigner):
    """A signer that claims the time it is told, so that letter, log and seal say the same one."""

    at: datetime

    def init_signing_session(self, pdf_out: Any, existing_fields_only: bool = False) -> Any:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self.at
        return session


def seal_pdf(pdf: bytes, sealer: Sealer, *, reason: str, at: datetime, tsa_urls: Sequence[str] = ()) -> bytes:
    """*pdf* with the seal appended: a certification signature (DocMDP "no changes") over the whole file.

    *at* (aware) is the claimed time of signing. With *tsa_urls* the first authority that answers gives
    the time stamp; if none does, `NoTimestamp`: a letter that should have one must not go out without.
    """
    if not tsa_urls:
        return _sealed(pdf, sealer, reason, at, None)
    failures: list[Exception] = []
    for url in tsa_urls:
        try:
            return _sealed(
                pdf, sealer, reason, at, timestamps.HTTPTimeStamper(url, timeout=TSA_TIMEOUT_SECONDS)
            )
        except (timestamps.TimestampRequestError, OSError) as error:
            failures.append(error)
    raise NoTimestamp(f"none of {len(failures)} time-stamp authorities answered") from failures[-1]


def _sealed(pdf: bytes, sealer: Sealer, reason: str, at: datetime, timestamper: Any) -> bytes:
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        reason=reason,
    )
    signer = _DatedSigner(
        metadata, sealer.signer, timestamper=timestamper, new_field_spec=SigFieldSpec(FIELD, box=None)
    )
    signer.at = at
    output = io.BytesIO()
    signer.sign_pdf(_Update(io.BytesIO(pdf)), output=output)
    return output.getvalue()
