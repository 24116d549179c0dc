"""Takes the pictures of the tutorial of the console, while it does what the tutorial tells."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from chromium import Chromium  # noqa: E402

from house import PASSWORD, URL, atelier, person  # noqa: E402

ADA, ADA_PASSWORD = "ada@example.com", os.environ["ATELIER_TEST_PASSWORD"]

TEAM = """
[[people]]
email = "grace@example.com"
organizations = { Home = "member" }

[[workspaces]]
name = "fraud-detection"
description = "Scores card payments, trained every night."
members = { "grace@example.com" = "owner", "linus@example.com" = "member", "edsger@example.com" = "reader" }
[[workspaces]]
name = "churn"
description = "Customers who may leave."
members = { "linus@example.com" = "owner", "grace@example.com" = "member" }
[[workspaces]]
name = "recommender"
description = "The next book."
private = false
members = { "barbara@example.com" = "owner" }
[[workspaces]]
name = "sandbox"
members = { "grace@example.com" = "owner", "barbara@example.com" = "member", "edsger@example.com" = "member" }
"""


def sign_in(browser, email, password):
    browser.forget()
    browser.open(f"{URL}/auth/sign-in")
    browser.type("[name=username]", email)
    browser.type("[name=password]", password)
    browser.click("form:has([name=username]) button[type=submit]")


def picture(browser, name, says):
    """Takes one picture of the upper part of the page, which must say something."""
    assert says in browser.text, f"{name} does not say {says!r}:\n{browser.text}"
    browser.shot(f"tutorial-{name}", height=720)


people = {name: person(name, plain=True) for name in ("grace", "linus", "edsger", "barbara")}
path = os.path.join(os.environ["ATELIER_TEST_DATA"], "..", "team.toml")
Path(path).write_text(TEAM, encoding="utf-8")
atelier("apply", path, "--yes")

with Chromium(width=1100, height=720) as browser:
    sign_in(browser, people["grace"], PASSWORD)
    picture(browser, "workspaces", "fraud-detection")
    browser.open(f"{URL}/workspaces/new")
    browser.type("[name=name]", "pricing")
    browser.type("[name=description]", "Prices of the day.")
    picture(browser, "new-workspace", "New workspace")
    browser.open(f"{URL}/")
    browser.press(next(link for link in browser.all("main a[href^='/workspaces/']") if browser.words_of(link) == "fraud-detection"))
    picture(browser, "workspace", "edsger@example.com")
    browser.open(f"{URL}/keys/new")
    browser.type("[name=name]", "laptop")
    browser.click("main form button[type=submit]")
    picture(browser, "key", "curl")
    sign_in(browser, ADA, ADA_PASSWORD)
    browser.open(f"{URL}/people")
    picture(browser, "people", "barbara@example.com")
    browser.open(f"{URL}/access")
    picture(browser, "access", "Letters")
