"""The signature itself: where it stands in the bytes, and whether the pinned key made it.

Done by hand on asn1crypto and cryptography rather than with a library's "valid", for three reasons.
The key is *pinned*: a path to some trusted root proves nothing here. A CMS has parts that no
signature covers (certificates, unsigned attributes, spellings of the same value, padding), and a
change of one byte there must be seen too. And it works on a file whose structure cannot be read.
Formats: ISO 32000-2 §12.8, RFC 5652, RFC 5035, ETSI EN 319 142-1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from asn1crypto import cms, pem, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from portal.kernel.sentence import Sentence, say

_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]")
_HEX = re.compile(rb"[0-9A-F]+")
_SHA256_WITH_NULL: Final = bytes.fromhex("300d06096086480165030402010500")
_VERSION_1: Final = bytes.fromhex("020101")
_OID_DATA: Final = bytes.fromhex("06092a864886f70d010701")
_OID_SIGNED_DATA: Final = bytes.fromhex("06092a864886f70d010702")
_RSA_SHA256: Final = bytes.fromhex("300d06092a864886f70d01010b0500")
_ECDSA_SHA256: Final = bytes.fromhex("300a06082a8648ce3d040302")


class BadSignature(Exception):  # noqa: N818 - it reads as what happened
    """The signature is not the pinned key's over these bytes, or not written the way the seal writes it."""

    def __init__(self, sentence: Sentence) -> None:
        super().__init__(str(sentence))
        self.sentence = sentence


@dataclass(frozen=True)
class Pinned:
    """The certificate a letter must be sealed with, and the others published with it (all DER)."""

    certificate: bytes
    others: tuple[bytes, ...]

    @classmethod
    def parse(cls, text: str) -> Pinned:
        """From ``seal.pem``: the one certificate that is no CA's is the seal's. Raises `ValueError`."""
        found = [der for kind, _, der in pem.unarmor(text.encode(), multiple=True) if kind == "CERTIFICATE"]
        own = [der for der in found if len(found) == 1 or not _is_ca(der)]
        if len(own) != 1:
            raise ValueError("there is not exactly one sealing certificate among these")
        x509.load_der_x509_certificate(own[0])
        return cls(own[0], tuple(der for der in found if der != own[0]))

    @property
    def fingerprint(self) -> str:
        return "sha256:" + sha256(self.certificate).hexdigest()

    @property
    def x509(self) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.certificate)


@dataclass(frozen=True)
class Place:
    """Where the signature stands: the signed ranges are [0, start) and [end, end + rest)."""

    start: int
    end: int
    rest: int


def find(data: bytes) -> list[Place]:
    """Every signature in the bytes, by its byte range; one that begins elsewhere than at 0 has start 0."""
    places = []
    for match in _BYTE_RANGE.finditer(data):
        first, start, end, rest = (int(number) for number in match.groups())
        places.append(Place(start if first == 0 else 0, end, rest))
    # A byte range that is written in a way we do not read is still a signature: count it.
    return places + [Place(0, 0, 0)] * (data.count(b"/ByteRange") - len(places))


def hole_problem(data: bytes, place: Place) -> Sentence | None:
    """Why the signed ranges are not the whole file with one gap for the signature; None if they are."""
    if not 0 < place.start < place.end <= len(data):
        return say("The signed ranges are not the beginning and the end of the file.")
    if place.end + place.rest != len(data):
        return say(
            "%(bytes)s bytes of the file are not covered by the signature: something was added or cut off.",
            bytes=abs(len(data) - place.end - place.rest),
        )
    hole = data[place.start : place.end]
    if hole[:1] != b"<" or hole[-1:] != b">" or not _HEX.fullmatch(hole[1:-1]) or len(hole) % 2:
        return say("Between the signed ranges there is something else than a signature.")
    return None


def check(data: bytes, place: Place, pinned: Pinned) -> str | None:
    """Check that the pinned key signed the two ranges; the time stamp's time (RFC 3339) if it has one.

    Raises `BadSignature`. Says nothing about whether the ranges are the whole file (`hole_problem`).
    The time stamp must be about this signature; whether its authority is to be trusted is not judged.
    """
    der = _der(data, place)
    info, signer = _signer(der)
    if not is_signed_with(data, place, pinned):
        raise BadSignature(say("The file is signed with another certificate than the association's."))
    ranges = data[: place.start] + data[place.end : place.end + place.rest]
    try:
        _check_attributes(signer, sha256(ranges).digest(), pinned)
        _check_key(signer, pinned)
        _check_form(der, info, signer, pinned)
        return _timestamp(signer)
    except (ValueError, TypeError, KeyError, IndexError) as error:  # asn1crypto parses late
        raise BadSignature(say("The signature cannot be read.")) from error


def is_signed_with(data: bytes, place: Place, pinned: Pinned) -> bool:
    """Whether the signature *claims* to be the pinned key's: a forgery may, a stranger's file does not."""
    try:
        info, _ = _signer(_der(data, place))
        return pinned.certificate in _certificates(info)
    except (BadSignature, ValueError, TypeError, KeyError):
        return False


# --- the parts ------------------------------------------------------------------------------------


def _is_ca(der: bytes) -> bool:
    try:
        found = x509.load_der_x509_certificate(der).extensions.get_extension_for_class(x509.BasicConstraints)
    except x509.ExtensionNotFound:
        return False
    return found.value.ca


def _der(data: bytes, place: Place) -> bytes:
    """The CMS in the gap; what pads it must be zeros, which nothing else could check."""
    try:
        raw = bytes.fromhex(data[place.start + 1 : place.end - 1].decode("ascii"))
        content = cms.ContentInfo.load(raw)
        der = bytes(content.dump())
    except (ValueError, TypeError) as error:
        raise BadSignature(say("The signature cannot be read.")) from error
    if raw[: len(der)] != der or raw[len(der) :].strip(b"\x00"):
        raise BadSignature(say("There is something behind the signature, in the space left for it."))
    return der


def _signer(der: bytes) -> tuple[Any, Any]:
    """The SignedData and its only signer."""
    try:
        content = cms.ContentInfo.load(der, strict=True)
        if content["content_type"].native != "signed_data":
            raise BadSignature(say("The signature cannot be read."))
        info = content["content"]
        signers = info["signer_infos"]
        if len(signers) != 1:
            raise BadSignature(say("There is not exactly one signer."))
        return info, signers[0]
    except (ValueError, TypeError, KeyError) as error:
        raise BadSignature(say("The signature cannot be read.")) from error


def _certificates(info: Any) -> list[bytes]:
    if not isinstance(info["certificates"], cms.CertificateSet):
        return []
    return [choice.chosen.dump() for choice in info["certificates"]]


def _check_attributes(signer: Any, digest: bytes, pinned: Pinned) -> None:
    attributes: dict[str, Any] = {}
    for attribute in signer["signed_attrs"] or ():
        name = attribute["type"].native
        if name in attributes or len(attribute["values"]) != 1:
            raise BadSignature(say("The signature is written in another way than the seal writes it."))
        attributes[name] = attribute["values"][0]
    needed = {"content_type", "message_digest", "signing_certificate_v2"}
    if not needed <= attributes.keys() or attributes["content_type"].native != "data":
        raise BadSignature(say("The signature does not say what it signs."))
    if attributes["message_digest"].native != digest:
        raise BadSignature(say("The signed part of the file has been changed since it was signed."))
    certificate = attributes["signing_certificate_v2"]["certs"][0]
    if certificate["cert_hash"].native != sha256(pinned.certificate).digest():
        raise BadSignature(say("The file is signed with another certificate than the association's."))


def _check_key(signer: Any, pinned: Pinned) -> None:
    # RFC 5652 §5.4: what is signed is the attributes as an explicit SET OF, not as they stand.
    signed = b"\x31" + signer["signed_attrs"].dump()[1:]
    key, signature = pinned.x509.public_key(), signer["signature"].native
    algorithm = signer["signature_algorithm"].dump()
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm == _RSA_SHA256:
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm == _ECDSA_SHA256:
            key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
        else:
            raise BadSignature(say("The signature uses another algorithm than the seal's."))
    except InvalidSignature as error:
        raise BadSignature(say("The signature is not one made with the association's key.")) from error


def _check_form(der: bytes, info: Any, signer: Any, pinned: Pinned) -> None:
    """All that is outside of what is signed must be, byte for byte, what the seal writes.

    So the CMS is put together again from its signed parts and from what is known beforehand, and
    compared. What a time-stamp authority answered is taken as it is.
    """
    own = asn1_x509.Certificate.load(pinned.certificate)["tbs_certificate"]
    certificates, unsigned = _certificates(info), signer["unsigned_attrs"]
    stamps = [one.dump() for one in unsigned or ()]
    signer_info = _tlv(
        0x30,
        _VERSION_1,
        _tlv(0x30, own["issuer"].dump(), own["serial_number"].dump()),
        _SHA256_WITH_NULL,
        signer["signed_attrs"].dump(),
        signer["signature_algorithm"].dump(),
        _tlv(0x04, signer["signature"].native),
        _tlv(0xA1, *stamps) if stamps else b"",
    )
    signed_data = _tlv(
        0x30,
        _VERSION_1,
        _tlv(0x31, _SHA256_WITH_NULL),
        _tlv(0x30, _OID_DATA),
        _tlv(0xA0, *certificates),
        _tlv(0x31, signer_info),
    )
    if (
        _tlv(0x30, _OID_SIGNED_DATA, _tlv(0xA0, signed_data)) != der
        or sorted(certificates) != sorted((pinned.certificate, *pinned.others))
        or [one["type"].native for one in unsigned or ()] not in ([], ["signature_time_stamp_token"])
    ):
        raise BadSignature(say("The signature is written in another way than the seal writes it."))


def _tlv(tag: int, *parts: bytes) -> bytes:
    """A DER value (X.690 §8.1, §10.1): tag, shortest length, contents."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = (length.bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + length.to_bytes(size, "big") + content


def _timestamp(signer: Any) -> str | None:
    """The time in the time stamp, which must be one of this signature."""
    for attribute in signer["unsigned_attrs"] or ():
        try:
            (token,) = attribute["values"]
            content = token["content"]["encap_content_info"]["content"].parsed
            assert isinstance(content, tsp.TSTInfo)
            imprint = content["message_imprint"]
            expected = sha256(signer["signature"].native).digest()
            moment: datetime = content["gen_time"].native
        except (AssertionError, ValueError, TypeError, KeyError) as error:
            raise BadSignature(say("The time stamp cannot be read.")) from error
        if (
            imprint["hash_algorithm"]["algorithm"].native != "sha256"
            or imprint["hashed_message"].native != expected
        ):
            raise BadSignature(say("The time stamp is of another signature."))
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return None
