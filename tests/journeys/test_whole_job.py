"""The whole job by clicking, in a portal that was just set up: from the first administrator to a stranger's check."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from portal.kernel.sentence import say
from portal.rehearsal import demo, play
from tests.needs import tool
from tests.running import ROOT, Running, headless, running_portal

from .people import Person, at_a_browser

pytestmark = pytest.mark.browser

PASSWORD = "paper boats under the bridge"
WORKS = """作品名,英題,種別,発表年
髙橋さんの灯台,The Lighthouse of Mr Takahashi,テレビ,2014
𠮷田屋の猫,The Yoshidaya Cat,映画,2018
Café de l'été,,漫画,20x1
Le Phare aux étoiles,,映画,2019
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with headless() as one:
        yield one


@pytest.fixture
def empty_portal(tmp_path: Path) -> Iterator[Running]:
    with running_portal(tmp_path / "portal") as running:
        yield running


def test_the_whole_job_by_clicking(browser: Browser, empty_portal: Running, tmp_path: Path):
    def somebody(name: str, email: str) -> Person:
        return at_a_browser(browser, empty_portal.url, name=name, email=email, password=PASSWORD)

    sakura = somebody("雲野 さくら", "sakura@alliance.example")
    makoto = somebody("星川 誠", "makoto@alliance.example")
    naoko = somebody("髙橋 直子", "naoko@takahashi-eizo.example")
    stranger = at_a_browser(browser, empty_portal.url)

    the_first_administrator_comes_in(sakura, empty_portal)
    she_enters_the_association(sakura)
    she_invites_an_officer(sakura, makoto)
    the_officer_accepts_from_the_mail(makoto)

    staff_enters_a_new_member(sakura)
    staff_invites_its_signatory(sakura, naoko)
    the_member_accepts_from_the_mail(naoko)

    staff_sets_up_a_campaign_and_asks_the_member(sakura)
    the_member_joins_from_the_mail(naoko)
    the_member_uploads_its_works_and_sees_what_is_wrong(naoko, tmp_path)
    the_member_confirms_and_submits(naoko)

    staff_composes_the_letter_and_publishes_a_revision(sakura)
    staff_opens_the_vote(sakura)
    the_member_reads_the_text(naoko)
    an_hour_passes(empty_portal)
    the_member_signs_off(naoko)

    staff_declares_the_letter_carried(sakura)
    the_officer_countersigns_from_the_mail(makoto)
    staff_issues_the_letter(sakura)
    letter = the_member_downloads_the_public_letter(naoko, tmp_path)
    it_says_who_signed_and_for_which_works(letter)
    a_stranger_finds_it_genuine(stranger, letter)
    a_copy_with_one_byte_more_is_refused(stranger, letter)

    for person in (sakura, makoto, naoko, stranger):
        assert person.complaints == []


# --- the secretariat ------------------------------------------------------------------------------


def as_the_operator(portal: Running) -> dict[str, str]:
    """The environment of a terminal beside the running portal."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("RENSHO_")}
    return {**own, "RENSHO_DATA": str(portal.data), "RENSHO_BASE_URL": portal.url, "LANG": "C.UTF-8"}


def the_first_administrator_comes_in(sakura: Person, portal: Running) -> None:
    said = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "wsgi", "portal", "init", "--admin", sakura.email, "--name", sakura.name],
        cwd=ROOT, env=as_the_operator(portal), capture_output=True, text=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    link = re.search(rf"{re.escape(portal.url)}/invitation/\S+", said)
    assert link, said
    sakura.opens(link.group())
    sakura.sees("Administrator", sakura.email)
    sakura.accepts_the_invitation()


def she_enters_the_association(sakura: Person) -> None:
    sakura.clicks("Members")
    sakura.clicks("The association")
    sakura.clicks("Edit")
    sakura.fills("Name in Latin letters", "Fictional Content Alliance")
    sakura.fills("Name in Japanese", "架空コンテンツ連合会")
    sakura.fills("Code that begins reference numbers", "FCA")
    sakura.fills("Address in Latin letters", "4-1 Sora Building\nTokyo 000-0000, Japan")
    sakura.fills("Address in Japanese", "〒000-0000 東京都三日月区雲ノ町4-1")
    sakura.fills("E-mail address for answers", "secretariat@alliance.example")
    sakura.clicks("Save")
    sakura.sees("The association has been changed.", "架空コンテンツ連合会")


def she_invites_an_officer(sakura: Person, makoto: Person) -> None:
    sakura.clicks("Invite a person")
    sakura.fills("E-mail address", makoto.email)
    sakura.fills("Name", makoto.name)
    sakura.chooses("Officer", begins=True)
    sakura.fills("Title in Japanese", "代表理事")
    sakura.fills("Title in English", "Representative Director")
    sakura.picks("Language of the mail", "English")
    sakura.clicks("Send the invitation")
    sakura.sees(f"{makoto.email} has been invited.", "waiting for an answer")


def the_officer_accepts_from_the_mail(makoto: Person) -> None:
    makoto.opens_the_mail("You are invited to work with Fictional Content Alliance")
    makoto.follows_the_link("/invitation/")
    makoto.sees("Officer")
    makoto.accepts_the_invitation()


def staff_enters_a_new_member(sakura: Person) -> None:
    sakura.clicks("Members")
    sakura.clicks("Enter a member")
    sakura.fills("Legal name in Latin letters", "Takahashi Eizo Inc.")
    sakura.fills("Legal name in Japanese", "髙橋映像株式会社")
    sakura.fills("Reading (katakana)", "タカハシエイゾウ")
    sakura.fills("Category", "animation")
    sakura.clicks("Save")
    sakura.sees("The member has been entered.", "髙橋映像株式会社")


def staff_invites_its_signatory(sakura: Person, naoko: Person) -> None:
    sakura.clicks("Invite a person")
    sakura.fills("E-mail address", naoko.email)
    sakura.fills("Name", naoko.name)
    sakura.chooses("Signatory", begins=True)
    sakura.fills("Title in English", "General Counsel")
    sakura.fills("On what basis may this person sign?", "General Counsel, power of attorney of 1 April 2026")
    sakura.picks("Language of the mail", "English")
    sakura.clicks("Send the invitation")
    sakura.sees(f"{naoko.email} has been invited.")


def staff_sets_up_a_campaign_and_asks_the_member(sakura: Person) -> None:
    sakura.clicks("Campaigns")
    sakura.clicks("New campaign")
    sakura.fills("Title in English", "Fable Video 2: use of members' works")
    sakura.fills("Title in Japanese", "「Fable Video 2」における会員著作物の利用について")
    sakura.fills("What it is about, in English", "A service returns clips that show our members' characters.")
    sakura.fills("Addressee: company, Latin letters", "Example Motion Labs, Inc.")
    sakura.fills("Addressee: postal address, a line each", "100 Invention Way\nSample City, CA 90000")
    sakura.clicks("Save")
    sakura.sees("The campaign is set up. Now ask members to take part.")
    sakura.chooses("Takahashi Eizo Inc.", begins=True)
    sakura.clicks("Ask these members")
    sakura.sees("Participants", "asked")


def staff_composes_the_letter_and_publishes_a_revision(sakura: Person) -> None:
    sakura.clicks("Home")
    sakura.clicks("Write the draft")
    sakura.clicks("Compose")  # the example of a brief is filled in
    sakura.sees("The draft is composed.")
    sakura.clicks("Publish a revision")
    sakura.fills("What changed and why", "The first revision, for your comments.")
    sakura.clicks("Publish")
    sakura.sees("The revision is published.", "Example Motion Labs")


def staff_opens_the_vote(sakura: Person) -> None:
    sakura.clicks("Home")
    sakura.clicks("Open the vote")
    sakura.clicks("Check")
    sakura.sees("The rule in words", "Takahashi Eizo Inc.")
    sakura.clicks("Open the vote")
    sakura.sees("The vote is open; the members are told.", "not reached")


def staff_declares_the_letter_carried(sakura: Person) -> None:
    sakura.clicks("Home")
    sakura.sees("The quorum is reached")
    sakura.clicks("Board")
    sakura.sees("approves")
    sakura.clicks("To the round")
    sakura.clicks("Declare it carried now")
    sakura.sees("The letter is carried; the officers are asked to countersign.")


def staff_issues_the_letter(sakura: Person) -> None:
    sakura.clicks("Home")
    sakura.clicks("Issue the letter")
    sakura.sees("Named publicly")
    sakura.proves_who_it_is()
    sakura.clicks("Issue the letter now")
    sakura.sees("The letter has its number.", "FCA-")
    sakura.waits_for("Schedule of works (CSV)")


# --- the officer ----------------------------------------------------------------------------------


def the_officer_countersigns_from_the_mail(makoto: Person) -> None:
    makoto.opens_the_mail("Please countersign")
    makoto.follows_the_link("/rounds/")
    makoto.sees("Takahashi Eizo Inc.", "reached")
    makoto.page.get_by_label("Your password", exact=True).first.fill(makoto.password)
    makoto.clicks("Countersign")
    makoto.sees("Your countersignature is placed.", "complete")


# --- the member -----------------------------------------------------------------------------------


def the_member_accepts_from_the_mail(naoko: Person) -> None:
    naoko.opens_the_mail("invites you to act for Takahashi Eizo Inc.")
    naoko.follows_the_link("/invitation/")
    naoko.sees("Takahashi Eizo Inc.", "Signatory")
    naoko.accepts_the_invitation()
    naoko.sees("has not been asked to take part in anything yet")


def the_member_joins_from_the_mail(naoko: Person) -> None:
    naoko.opens_the_mail("Will Takahashi Eizo Inc. take part?")
    naoko.follows_the_link("/campaigns/")
    naoko.sees("A service returns clips that show our members' characters.")
    naoko.clicks("Take part")
    naoko.sees("Your company takes part.")


def the_member_uploads_its_works_and_sees_what_is_wrong(naoko: Person, folder: Path) -> None:
    table = folder / "works.csv"
    table.write_text(WORKS, encoding="utf-8-sig")
    naoko.clicks("To your steps")
    naoko.clicks("Open the works list")
    naoko.gives_the_file("File", table)
    naoko.clicks("Read the file")
    naoko.sees("1 row is not understood", "20x1", "髙橋さんの灯台", "𠮷田屋の猫", "Le Phare aux étoiles")


def the_member_confirms_and_submits(naoko: Person) -> None:
    naoko.clicks("Put these into the list")
    naoko.sees("3 works are in your list now.", "髙橋さんの灯台")
    naoko.clicks("Submit the list")
    naoko.chooses("Publicly")
    naoko.clicks("Submit")
    naoko.sees("3 works are submitted")
    naoko.clicks("Back to your steps")
    naoko.sees("3 works submitted.")


def the_member_reads_the_text(naoko: Person) -> None:
    naoko.clicks("Home")
    naoko.clicks("Read")
    naoko.sees("Example Motion Labs", "Fable Video 2")
    naoko.clicks("I have read it")
    naoko.sees("You have read it")


def an_hour_passes(portal: Running) -> None:
    """So that every act that binds asks for the password again."""
    with sqlite3.connect(portal.data / "rensho.db", timeout=10) as database:
        earlier = "strftime('%Y-%m-%dT%H:%M:%f000Z', proved_at, '-1 hour')"
        changed = database.execute(f"UPDATE session SET proved_at = {earlier}").rowcount
    assert changed == 3


def the_member_signs_off(naoko: Person) -> None:
    naoko.opens_the_mail("Your company's decision is asked")
    naoko.follows_the_link("/rounds/")
    naoko.sees(
        "Takahashi Eizo Inc.", "髙橋映像株式会社", "General Counsel, power of attorney of 1 April 2026"
    )
    naoko.chooses("Approve")
    naoko.chooses("We approve the text.")
    naoko.chooses("We give the mandate.")
    naoko.chooses("Publicly", begins=True)
    naoko.chooses("In both editions", begins=True)
    naoko.fills("Your password", "not her password")
    naoko.clicks("Place the decision")
    naoko.sees("Nothing has been placed yet.")
    naoko.proves_who_it_is()  # what she chose is still there
    naoko.clicks("Place the decision")
    naoko.sees("This is the receipt.", "髙橋映像株式会社", "approves")


def the_member_downloads_the_public_letter(naoko: Person, folder: Path) -> Path:
    naoko.opens_the_mail("is issued")
    naoko.follows_the_link("/issues/")
    naoko.sees("Public edition")
    letter = naoko.downloads("Letter (PDF", "Public edition", folder)
    assert letter.name.endswith(".public.pdf")
    return letter


# --- the letter, and a stranger -------------------------------------------------------------------


def it_says_who_signed_and_for_which_works(letter: Path) -> None:
    text = subprocess.run(
        [tool("pdftotext"), "-layout", letter, "-"], capture_output=True, text=True, check=True
    ).stdout
    for words in (
        "髙橋映像株式会社",
        "Takahashi Eizo Inc.",
        "架空コンテンツ連合会",
        "Representative Director",
    ):
        assert words in text
    for title in ("髙橋さんの灯台", "𠮷田屋の猫", "Le Phare aux étoiles"):
        assert title in text
    assert "Café" not in text  # the row that was left out


def a_stranger_finds_it_genuine(stranger: Person, letter: Path) -> None:
    stranger.opens("/")
    stranger.clicks("Check a letter")
    stranger.gives_the_file("The letter's PDF", letter)
    stranger.clicks("Check this file")
    stranger.sees(
        "This file is genuine", letter.name.removesuffix(".public.pdf"), "Example Motion Labs, Inc."
    )


def a_copy_with_one_byte_more_is_refused(stranger: Person, letter: Path) -> None:
    copy = letter.with_name("copy.pdf")
    copy.write_bytes(letter.read_bytes() + b"\n")
    stranger.gives_the_file("The letter's PDF", copy)
    stranger.clicks("Check this file")
    stranger.sees("This file is not genuine.")
    assert "This file is genuine" not in stranger.reads()


# --- the member's part, in Japanese ---------------------------------------------------------------


def in_japanese(english: str) -> str:
    return say(english).render("ja")


def test_a_member_signs_off_in_japanese(browser: Browser, tmp_path: Path):
    with running_portal(tmp_path / "portal", demo=True) as portal:
        shota = at_a_browser(browser, portal.url, email=demo.SHOWN[1], password=play.PASSWORD)
        shota.opens("/")
        shota.clicks("日本語")
        shota.said = in_japanese
        assert shota.page.locator("html").get_attribute("lang") == "ja"
        he_signs_in(shota)
        he_finds_his_works(shota)
        he_reads_and_signs_off(shota)
        assert shota.complaints == []


def he_signs_in(shota: Person) -> None:
    shota.signs_in()
    shota.sees("Your company's steps")
    assert "銀河ほたる動画株式会社" in shota.page.locator("header").inner_text()


def he_finds_his_works(shota: Person) -> None:
    shota.clicks("Open the works list")
    shota.sees("夜汽車のリンゴ", "空飛ぶ図書館")
    shota.clicks("Back to your steps")


def he_reads_and_signs_off(shota: Person) -> None:
    shota.clicks("Read")
    shota.clicks("I have read it")
    shota.clicks("Home")
    shota.clicks("Sign off")
    shota.sees("銀河ほたる動画株式会社", "What is asked of you")
    shota.chooses("Approve")
    shota.chooses("We approve the text.")
    shota.chooses("We give the mandate.")
    shota.chooses("To the addressee only; in the public edition it is only counted")
    shota.chooses("In the addressee's edition only")
    shota.clicks("Place the decision")
    shota.sees("Your company's answer is placed. This is the receipt.", "to the addressee only")
    shota.opens_the_mail(in_japanese("Receipt"))
    shota.sees("銀河ほたる動画株式会社")
