"""People at their browsers: what they click, type and read, and nothing else."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

PATIENCE = 15.0  # seconds for the worker to deliver a message or to seal a letter


@dataclass
class Person:
    """Somebody with a browser of their own. ``said`` gives a label in the language of that person's pages."""

    page: Page
    home: str
    name: str = ""
    email: str = ""
    password: str = ""
    said: Callable[[str], str] = str
    complaints: list[str] = field(default_factory=list)

    # --- moving about -----------------------------------------------------------------------------

    def opens(self, address: str) -> None:
        """Type an address, or a path of the portal, into the browser."""
        self.page.goto(address if "://" in address else self.home + address)

    def clicks(self, label: str) -> None:
        """The button or link with this label in the page; else in the frame around it."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:  # the page may still be on its way
            for place in (self.page.locator("main"), self.page.locator("body")):
                for role in ("button", "link"):
                    found = place.get_by_role(role, name=self.said(label), exact=True)
                    if found.count():
                        with self.page.expect_navigation():
                            found.first.click()
                        return
            time.sleep(0.05)
        raise AssertionError(f"“{self.said(label)}” cannot be clicked on {self.page.url}:\n{self.reads()}")

    # --- filling in -------------------------------------------------------------------------------

    def fills(self, label: str, text: str) -> None:
        self.page.get_by_label(self.said(label), exact=True).fill(text)

    def chooses(self, label: str, *, begins: bool = False) -> None:
        """Tick a box or pick one of several, by its label (or by how the label begins)."""
        words = self.said(label)
        name = re.compile(f"^{re.escape(words)}") if begins else words
        self.page.get_by_label(name, exact=not begins).check()

    def picks(self, label: str, option: str) -> None:
        self.page.get_by_label(self.said(label), exact=True).select_option(label=option)

    def gives_the_file(self, label: str, file: Path) -> None:
        self.page.get_by_label(self.said(label), exact=True).set_input_files(file)

    def proves_who_it_is(self) -> None:
        """An act that binds asks for the password again."""
        self.fills("Your password", self.password)

    # --- reading ----------------------------------------------------------------------------------

    def reads(self) -> str:
        """The words in the middle of the page."""
        return self.page.locator("main").inner_text()

    def sees(self, *words: str) -> None:
        for one in words:
            expect(self.page.locator("main")).to_contain_text(self.said(one))

    def waits_for(self, words: str) -> Locator:
        """Load the page again until it says so."""
        until = time.monotonic() + PATIENCE
        while True:
            found = self.page.locator("main").get_by_text(self.said(words))
            if found.count():
                return found.first
            assert time.monotonic() < until, (
                f"“{self.said(words)}” never came to {self.page.url}:\n{self.reads()}"
            )
            time.sleep(0.2)
            self.page.reload()

    # --- mail -------------------------------------------------------------------------------------

    def opens_the_mail(self, subject: str, *, of: int = 1) -> None:
        """The newest of *of* messages to this person whose subject holds these words, in the inbox page."""
        self.opens("/inbox")
        until = time.monotonic() + PATIENCE
        while True:
            row = self.page.get_by_role("row").filter(has_text=self.email).filter(has_text=subject)
            if row.count() >= of:
                with self.page.expect_navigation():
                    row.first.get_by_role("link").click()
                return
            assert time.monotonic() < until, f"no mail “{subject}” to {self.email}:\n{self.reads()}"
            time.sleep(0.2)
            self.page.reload()

    def follows_the_link(self, begins: str) -> None:
        """The link in the message that is on the screen."""
        with self.page.expect_navigation():
            self.page.locator(f'main a[href^="{self.home}{begins}"]').click()

    # --- coming in --------------------------------------------------------------------------------

    def signs_in(self) -> None:
        self.opens("/sign-in")
        self.fills("E-mail address", self.email)
        self.fills("Password", self.password)
        self.clicks("Sign in")

    def accepts_the_invitation(self) -> None:
        self.fills("Your name", self.name)
        self.fills("Choose a password", self.password)
        self.clicks("Accept the seat")
        self.sees("Welcome. Your seat is ready.")

    def downloads(self, label: str, panel: str, folder: Path) -> Path:
        """Click the link of a panel that gives a file (its label begins so); where the file is."""
        place = self.page.locator("section.panel").filter(
            has=self.page.get_by_role("heading", name=self.said(panel))
        )
        link = place.get_by_role("link", name=re.compile(f"^{re.escape(self.said(label))}"))
        with self.page.expect_download() as coming:
            link.click()
        path = folder / coming.value.suggested_filename
        coming.value.save_as(path)
        return path


def at_a_browser(
    browser: Browser, home: str, *, width: int = 1280, height: int = 900, **who: object
) -> Person:
    """A person at a browser that nobody has used yet; what the browser complains of is kept."""
    context = browser.new_context(
        locale="en", viewport={"width": width, "height": height}, reduced_motion="reduce"
    )
    context.set_default_timeout(8_000)
    person = Person(context.new_page(), home, **who)  # type: ignore[arg-type]

    def _console(message) -> None:
        # A page that answers a refused form has status 422; browsers say that in the console too.
        if message.type == "error" and "status of 4" not in message.text:
            person.complaints.append(message.text)

    person.page.on("console", _console)
    person.page.on("pageerror", lambda error: person.complaints.append(str(error)))
    person.page.on(
        "response",
        lambda answer: (
            person.complaints.append(f"{answer.status} {answer.url}") if answer.status >= 500 else None
        ),
    )
    return person
