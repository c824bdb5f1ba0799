"""``make pictures``: the pictures in docs/pictures, from a running demonstration that is played to its end.

Everything that is seen is of an installation in a temporary folder; its people and companies are invented.
"""

import io
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from portal.kernel.sentence import say
from portal.rehearsal import demo, play
from tests.journeys.people import Person, at_a_browser
from tests.running import ROOT, Running, headless, running_portal

FOLDER = ROOT / "docs" / "pictures"
WIDTHS = {"desk": (1280, 900), "phone": (390, 844)}
COLOURS = 128  # of a page; letters and lines need no more
STILL_OPEN = ("aoi@midorinomori.example", "seun@northlight.example", "izumi@tegaki-guild.example")
"""Of the demonstration's people: those who can sign off besides the one whose page is shown."""
NOT_YET_IN = "legal@kumo-toys.example"
GIVES_WORKS = "taku@hoshizora.example"
WORKS = """作品名,英題,種別,発表年
星空ニュース劇場,Starlit News Theatre,テレビ,2003
宙の天気図,Weather Map of the Sky,テレビ,平成24年
真夜中の周波数,Midnight Frequency,テレビ,20x1
"""


def main() -> int:
    """Take all pictures; the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="rensho-pictures-") as folder,
        running_portal(Path(folder) / "portal", demo=True) as portal,
        headless() as browser,
    ):
        what_a_new_member_meets(browser, portal, Path(folder))
        while_the_vote_is_open(browser, portal)
        letter = play_to_the_end(browser, portal, Path(folder))
        check_a_letter(browser, portal, letter)
        pages_of_the_letter(letter)
    total = sum(path.stat().st_size for path in FOLDER.glob("*.png"))
    print(f"{len(list(FOLDER.glob('*.png')))} pictures in {FOLDER.relative_to(ROOT)}, {total // 1024} KB")
    return 0


# --- taking a picture -----------------------------------------------------------------------------


def keep(name: str, data: bytes, colours: int = COLOURS) -> None:
    """Write a picture as a small PNG."""
    with Image.open(io.BytesIO(data)) as image:
        small = image.convert("RGB").quantize(colours, dither=Image.Dither.NONE)
        small.save(FOLDER / f"{name}.png", optimize=True)


def picture(person: Person, name: str, *, at: str | None = None, height: int | None = None) -> None:
    """The page that is open: the whole of it, or *height* pixels from the element *at* on."""
    page = person.page
    sideways = page.evaluate(
        "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    if sideways > 0:
        print(f"{name}: the page is {sideways} px wider than the window")
    top = (
        page.evaluate("(id) => document.getElementById(id).getBoundingClientRect().top + scrollY - 16", at)
        if at
        else 0
    )
    long = page.evaluate("() => document.documentElement.scrollHeight")
    width = page.viewport_size["width"]
    clip = {"x": 0, "y": max(top, 0), "width": width, "height": min(height or long, long - max(top, 0))}
    keep(name, page.screenshot(full_page=True, clip=clip))


def sitting(browser: Browser, portal: Running, screen: str, email: str, *, japanese: bool = False) -> Person:
    """Somebody of the demonstration, signed in at a screen of that size."""
    width, height = WIDTHS[screen]
    person = at_a_browser(
        browser, portal.url, width=width, height=height, email=email, password=play.PASSWORD
    )
    person.opens("/")
    if japanese:
        person.clicks("日本語")
        person.said = lambda english: say(english).render("ja")
    person.signs_in()
    if not japanese and person.page.locator("html").get_attribute("lang") != "en":
        person.clicks("English")
    return person


# --- the pages ------------------------------------------------------------------------------------


def what_a_new_member_meets(browser: Browser, portal: Running, folder: Path) -> None:
    """The invitation's page, and the preview of a works list with a row that is not understood."""
    staff = sitting(browser, portal, "desk", demo.STAFF_EMAIL)
    staff.clicks("Members")
    staff.clicks("Kumo Toys Inc. くも玩具株式会社")
    staff.clicks("Send again")
    invited = at_a_browser(browser, portal.url, email=NOT_YET_IN)
    invited.opens_the_mail("くも玩具株式会社", of=2)
    invited.follows_the_link("/invitation/")
    invited.sees("Choose a password")
    picture(invited, "invitation.desk")
    table = folder / "works.csv"
    table.write_text(WORKS, encoding="utf-8-sig")
    giving = sitting(browser, portal, "desk", GIVES_WORKS)
    giving.clicks("Open the works list")
    giving.gives_the_file("File", table)
    giving.clicks("Read the file")
    picture(giving, "works-preview.desk")


def while_the_vote_is_open(browser: Browser, portal: Running) -> None:
    """Homes, board, sign-off page."""
    for screen, long in (("desk", 1150), ("phone", 1500)):
        staff = sitting(browser, portal, screen, demo.STAFF_EMAIL)
        picture(staff, f"staff-home.{screen}")
        staff.clicks("Board")
        picture(staff, f"board.{screen}", height=2400)
        member = sitting(browser, portal, screen, demo.SHOWN[1])
        picture(member, f"member-home.{screen}")
        member.clicks("Sign off")
        picture(member, f"sign-off.{screen}", height=long)
        picture(member, f"sign-off-decision.{screen}", at="the-decision", height=long)
    staff = sitting(browser, portal, "desk", demo.STAFF_EMAIL, japanese=True)
    staff.clicks("Board")
    picture(staff, "board.ja.desk", height=2400)
    member = sitting(browser, portal, "phone", demo.SHOWN[1], japanese=True)
    member.clicks("Sign off")
    picture(member, "sign-off.ja.phone", height=1500)


def play_to_the_end(browser: Browser, portal: Running, folder: Path) -> Path:
    """The rest of the demonstration by clicking: approvals, countersignature, letter; where its PDF is."""
    for email in (demo.SHOWN[1], *STILL_OPEN):
        approves(sitting(browser, portal, "desk", email))
    staff = sitting(browser, portal, "desk", demo.STAFF_EMAIL)
    staff.clicks("To the round")
    staff.clicks("Declare it carried now")
    officer = sitting(browser, portal, "desk", demo.OFFICER_EMAIL)
    officer.clicks("To the countersignatures")
    picture(officer, "countersign.desk", height=1150)
    officer.clicks("Countersign")
    staff.clicks("Home")
    staff.clicks("Issue the letter")
    staff.clicks("Issue the letter now")
    staff.waits_for("Schedule of works (CSV)")
    picture(staff, "letter-issued.desk")
    return staff.downloads("Letter (PDF", "Addressee edition", folder)


def approves(member: Person) -> None:
    """Sign off, with everything public."""
    member.clicks("Sign off")
    member.chooses("Approve")
    member.chooses("We approve the text.")
    member.chooses("We give the mandate.")
    member.chooses("Publicly", begins=True)
    member.chooses("In both editions", begins=True)
    member.clicks("Place the decision")
    member.sees("This is the receipt.")


def check_a_letter(browser: Browser, portal: Running, letter: Path) -> None:
    """The page on which a stranger checks the letter, with its answer."""
    for screen, (width, height) in WIDTHS.items():
        stranger = at_a_browser(browser, portal.url, width=width, height=height)
        stranger.opens("/verify")
        stranger.gives_the_file("The letter's PDF", letter)
        stranger.clicks("Check this file")
        stranger.sees("This file is genuine")
        picture(stranger, f"verify.{screen}")


def pages_of_the_letter(letter: Path) -> None:
    """The first page, and the page on which the schedule of works begins."""
    pages = subprocess.run(
        ["pdftotext", letter, "-"], capture_output=True, text=True, check=True
    ).stdout.split("\f")
    schedule = next(number for number, text in enumerate(pages, 1) if "霧の灯台守" in text)
    for name, number in (("letter-first-page", 1), ("letter-schedule", schedule)):
        command = [
            "pdftoppm",
            "-r",
            "96",
            "-f",
            str(number),
            "-l",
            str(number),
            "-png",
            "-singlefile",
            letter,
        ]
        keep(name, subprocess.run(command, capture_output=True, check=True).stdout, colours=32)


if __name__ == "__main__":
    sys.exit(main())
