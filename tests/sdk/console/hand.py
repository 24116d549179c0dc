"""The hand of a person at the console: it does one step after another. Knows nothing of what is done."""

import os
import re
import sqlite3
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from checks import check
from chromium import ELEMENT
from house import URL, route_of

SCRIPT = os.environ["ATELIER_TEST_SCRIPT"] == "on"
FORMS = os.environ["ATELIER_TEST_FORMS"].split("\n")
HOST = urlsplit(URL).netloc


def database(sql, *values):
    """The first row that an SQL statement gives. The server notices what changed."""
    data = sqlite3.connect(os.path.join(os.environ["ATELIER_TEST_DATA"], "atelier.db"), timeout=10)
    try:
        row = data.execute(sql, values).fetchone()
        if not sql.startswith("SELECT"):
            data.execute("UPDATE meta SET generation = generation + 1")
            data.commit()
        return row
    finally:
        data.close()


class Kept(dict):
    """What earlier steps left, for the texts of later ones; a person's id by the name in the email."""

    def __missing__(self, name):
        found = database("SELECT uuid FROM users WHERE email = ?", f"{name}@example.com")
        assert found, f"nothing was kept as {name}"
        return found[0]


@dataclass
class Step:
    """One action. Texts may contain `{name}` of what was kept."""

    route: str
    at: str
    """The page where it begins; empty for the one where the last step ended."""
    button: str
    says: str
    fill: dict = field(default_factory=dict)
    press: tuple = ()
    """The links that lead from the page to the form."""
    row: str = ""
    """What the page has then."""
    gone: str = ""
    """What the page no longer has."""
    keep: tuple = ()
    """A name, and an expression for what of the address is kept as it."""
    at_once: bool = False
    """With script, the change of the field sends the form."""


class Hand:
    """Uses a browser, and keeps what it is to remember."""

    def __init__(self, browser, passwords):
        self.browser, self.passwords, self.kept = browser, passwords, Kept()

    def named(self, label):
        """The link or button of a name, as a screen reader tells it."""
        found = self.browser.run(
            """return [...document.querySelectorAll('main a, main button, main summary, body > header button')].filter(
                 e => (e.getAttribute('aria-label') || e.textContent).trim().startsWith(arguments[0]) && e.checkVisibility())""",
            label,
        )
        assert found, f"no link or button {label!r} at {self.browser.url}:\n{self.browser.text}"
        return found[0][ELEMENT]

    def fill(self, name, value):
        css = name if "[" in name else f"main [name='{name}']"
        tag, kind, checked = self.browser.run(
            "const e = document.querySelector(arguments[0]); return e ? [e.localName, e.type, e.checked] : ['', '', false]", css
        )
        assert tag, f"no field {css} at {self.browser.url}:\n{self.browser.text}"
        if tag == "select":
            script = "return [...document.querySelector(arguments[0]).options].find(o => o.value === arguments[1] || o.text === arguments[1])"
            option = self.browser.run(script, css, value)
            assert option, f"no choice {value!r} in {css} at {self.browser.url}"
            self.browser.tick(option[ELEMENT])
        elif kind == "checkbox":
            if checked is not value:
                self.browser.tick(self.browser.all(css)[0])
        else:
            self.browser.type(css, value)

    def clean(self):
        """What is wrong on the console of the browser, and the addresses elsewhere that it asked for."""
        console, asked = self.browser.take_log()
        outside = [url for url in asked if urlsplit(url).scheme not in ("data", "about") and urlsplit(url).netloc != HOST]
        return [line for line in console if "favicon" not in line] + outside

    def do(self, step):
        """Does one step. Everything wrong is one failed check with all of it."""

        def text(value):
            return value.format_map(self.kept) if isinstance(value, str) else value

        if step.at:
            self.browser.open(URL + text(step.at))
        for link in step.press:
            self.browser.press(self.named(text(link)))
        for name, value in step.fill.items():
            self.fill(name, text(value))
        before = len(self.browser.posted)
        says = text(step.says)
        if step.at_once and SCRIPT:
            self.browser.until(lambda: says in self.browser.words("main"))
        else:
            self.browser.press(self.named(text(step.button)))
            self.browser.until(lambda: says in self.browser.words("main"), patience=2)
        shown, wrong = self.browser.words("main"), self.clean()
        if says not in shown:
            wrong.append(f"{says!r} is not on the page {self.browser.url}:\n{shown}")
        if text(step.row) not in shown:
            wrong.append(f"{text(step.row)!r} is not on the page:\n{shown}")
        if step.gone and text(step.gone) in shown:
            wrong.append(f"{text(step.gone)!r} is still on the page:\n{shown}")
        sent = [route_of(path, FORMS) for path in self.browser.posted[before:]]
        if sent != [step.route]:
            wrong.append(f"it sent {sent}")
        if step.keep:
            name, pattern = step.keep
            found = re.search(pattern, self.browser.url)
            assert found, f"{pattern} is not in {self.browser.url}"
            self.kept[name] = found.group(1)
        check(f"{step.route}: {says}", not wrong, "\n    ".join(wrong))

    def sign_in(self, email, code=None):
        """Signs in, with the code of a second factor where there is one."""
        self.browser.forget()
        self.browser.open(f"{URL}/auth/sign-in")
        self.browser.type("[name=username]", email)
        self.browser.type("[name=password]", self.passwords[email])
        self.browser.click("form:has([name=username]) button[type=submit]")
        if code:
            self.browser.type("[name=code]", code)
            self.browser.click("form:has([name=code]) button[type=submit]")
        check(f"{email} is signed in", self.browser.words("h1") == "Workspaces" and not self.clean(), f"{self.browser.url}:\n{self.browser.text}")

    def downloaded(self, path, kind, begins):
        """A link of the page gives a file."""
        link = self.browser.run("return document.querySelector(`main a[href^='${arguments[0]}']`)?.getAttribute('href')", path.format_map(self.kept))
        assert link, f"no link to {path} at {self.browser.url}"
        script = """const asked = new XMLHttpRequest(); asked.open('GET', arguments[0], false); asked.send();
            return [asked.status, asked.getResponseHeader('content-type'), asked.responseText.slice(0, 60)]"""
        status, type, text = self.browser.run(script, link)
        check(f"{path} is a file", status == 200 and type.startswith(kind) and text.startswith(begins), (status, type, text))
