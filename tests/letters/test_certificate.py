"""The certificate of approval names everybody, with the digest of each sign-off's evidence."""

import pytest

from portal.kernel.digest import digest_of
from portal.letters.certificate import certificate_pdf
from portal.letters.record import commitment
from tests.paper.examples import MEMBERS, full, projection
from tests.paper.reading import checked, pages_of, squeezed, text_of


def test_everything_is_in_it(tmp_path):
    record = full()
    pdf = certificate_pdf(record)
    checked(pdf, tmp_path)
    read = squeezed(text_of(pdf, "-raw"))
    for one, (japanese, english, _) in zip(record["signatories"]["named"], MEMBERS, strict=True):
        assert squeezed(japanese) in read
        assert squeezed(english) in read
        assert one["signoff"] in read
    for officer in record["countersignatures"]:
        assert officer["digest"] in read
    assert "SilentPictures,Inc." in read
    assert commitment(record) in read
    assert digest_of(record) in read
    assert '{"share":"2/3"}' in read
    assert record["revision"]["digest"] in read


def test_it_says_that_it_stays_with_the_association():
    for page in pages_of(certificate_pdf(full())):
        assert "For the association’s files / 本会保管用" in page


def test_rehearsal_is_stamped():
    assert all("予行 / REHEARSAL" in page for page in pages_of(certificate_pdf(full(rehearsal=True))))


def test_pure():
    assert certificate_pdf(full()) == certificate_pdf(full())


def test_an_edition_is_no_ground_for_a_certificate():
    with pytest.raises(ValueError, match="full record"):
        certificate_pdf(projection())
