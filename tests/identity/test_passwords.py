"""Which passwords are good enough, and that the hash is what was promised."""

import statistics
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.identity import passwords
from portal.identity.addresses import address_key, address_problem


@pytest.mark.parametrize(
    "password",
    [
        "four ginkgo leaves on my desk",
        "私たちは銀杏並木を静かに歩いた朝",
        "8392 0184 7562 910",
        "xK2-vR9_qL5.tB7wZ",
        "ein Pferd frisst keinen Gurkensalat",
        "             a quiet moon rises",
        "x" + "é̀ñ中🦊ß" * 40,
    ],
)
def test_good_ones(password):
    assert passwords.problem(password, ("aya@mizuki.example", "水城 彩")) is None


@pytest.mark.parametrize(
    "password",
    [
        "", "short", "fourteen chars", "a" * 15, "a" * 1025, "123456789012345", "abcabcabcabcabcabc", "abcdefghijklmnop",
        "passwordpassword", "Password1234567", "p@ssw0rd p@ssw0rd", "P4$$word2026!!!", "welcome to japan 2026", "correct horse battery staple",
        "qwertyuiopasdfghjkl", "rensho portal 2026!", "mizuki mizuki mizuki", "aya@mizuki.example1", "水城彩水城彩水城彩水城彩水城彩", "letmein-letmein-1",
        "０１２３４５６７８９０１２３４５",
    ],
)  # fmt: skip
def test_bad_ones_and_each_says_why(password):
    problem = passwords.problem(password, ("aya@mizuki.example", "水城 彩", "水城彩"))
    assert problem is not None
    assert len(problem.render("ja")) > 5


def test_composition_is_never_asked_for():
    assert passwords.problem("alllowercaseyetlongenoughtobegood") is None


@given(st.text(min_size=15, max_size=200))
def test_the_rule_never_breaks(text):
    passwords.problem(text, (text[:5],))


def test_argon2id_with_the_agreed_cost():
    stored = passwords.hashed("four ginkgo leaves")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert stored != passwords.hashed("four ginkgo leaves")
    assert passwords.matches(stored, "four ginkgo leaves")
    assert not passwords.matches(stored, "four ginkgo leaveS")
    assert not passwords.matches(None, "nobody has this password")
    assert not passwords.matches("not a hash", "x")
    assert not passwords.matches(stored, "x" * 5_000_000)


def test_the_same_password_from_another_keyboard():
    assert passwords.matches(passwords.hashed("ｆｏｕｒ ginkgo ﾊﾞ leaves é"), "four ginkgo バ leaves é")


def test_an_unknown_account_takes_as_long():
    stored = passwords.hashed("four ginkgo leaves")
    passwords.warm_up()

    def seconds(password_hash):
        begun = time.perf_counter()
        passwords.matches(password_hash, "wrong")
        return time.perf_counter() - begun

    known, unknown = zip(*[(seconds(stored), seconds(None)) for _ in range(15)], strict=True)
    assert abs(statistics.median(known) - statistics.median(unknown)) < 0.02


@pytest.mark.parametrize(
    ("one", "other"),
    [("Aya@Mizuki.example", "aya@mizuki.EXAMPLE"), (" aya@mizuki.example ", "aya@mizuki.example"), ("ａｙａ@mizuki.example", "aya@mizuki.example"), ("straße@x.example", "STRASSE@x.example")],
)  # fmt: skip
def test_one_mailbox_has_one_key(one, other):
    assert address_key(one) == address_key(other)


@given(st.text(max_size=60))
def test_keys_are_stable(text):
    assert address_key(address_key(text)) == address_key(text)


@pytest.mark.parametrize("address", ["aya@mizuki.example", "山@例え.example", "a.b+c@x.co.example"])
def test_addresses_that_are_fine(address):
    assert address_problem(address) is None


@pytest.mark.parametrize("address", ["", "aya", "aya@", "@x.example", "a b@x.example", "a@x.example\nBcc: b@x.example", "a@b@c.example", "a@localhost", "x" * 330 + "@x.example"])  # fmt: skip
def test_addresses_that_are_not(address):
    assert address_problem(address) is not None
