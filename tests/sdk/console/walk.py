"""Walks through every page of the console, as everybody who may see it: by its links, in light and dark, narrow and wide."""

import importlib.util
import os
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from checks import check, finish, same, story  # noqa: E402
from chromium import Chromium  # noqa: E402

import house  # noqa: E402
from house import PASSWORD, URL, route_of  # noqa: E402

ADA, ADA_PASSWORD = "ada@example.com", os.environ["ATELIER_TEST_PASSWORD"]
HOST = urlsplit(URL).netloc
# A picture of every page, for somebody who wants to look at them.
PICTURES = os.environ["ATELIER_TEST_PICTURES"] == "1"
PATTERNS = os.environ["ATELIER_TEST_PAGES"].split("\n")
AXE = (Path(importlib.util.find_spec("axe_playwright_python").submodule_search_locations[0]) / "axe.min.js").read_text()
RULES = "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']"
VARIANTS = [(scheme, width) for scheme in ("light", "dark") for width in (1280, 360)]
# axe-core judges each colour and each width once: it takes most of the time of this walk.
JUDGED = [("light", 360), ("dark", 1280)]

# Pages that no link leads to: they belong to a form, a link in a mail, a program or a browser.
UNLINKED = [
    "/assets/{file}", "/favicon.ico", "/search", "/auth/sign-in", "/auth/sign-in/code", "/auth/sign-in/second-factor", "/auth/sign-in/password",
    "/auth/realms/master/protocol/openid-connect/auth", "/oauth2/authorize", "/auth/consent", "/auth/realms/master/device",
    "/auth/realms/master/protocol/openid-connect/device", "/auth/account/confirm", "/auth/signed-out", "/auth/cli/callback",
    "/auth/invitation", "/auth/password", "/auth/account/second-factor", "/auth/account/second-factor/recovery-codes",
    "/auth/account/second-factor/remove", "/auth/account/sessions/end-others", "/workspaces/new/check",
    "/workspaces/{workspace}/members/suggest", "/bindings/suggest", "/people/disable", "/people/add",
    # Proxies ask it.
    "/auth/check",
    # They are offered for somebody with a second factor, and for a list that is longer than the page of a person shows.
    "/people/{user}/reset-second-factor", "/people/{user}/{list}",
]
# Links that end the walk, or that the browser stores as a file.
LEFT_ALONE = re.compile(r"^/auth/sign-out|\.csv|\.jsonl|/download|^/v1/|^/v2/")


def pattern_of(path):
    """The route of a path."""
    return route_of(path, PATTERNS)


def sign_in(browser, email, password):
    browser.forget()
    browser.open(f"{URL}/auth/sign-in")
    browser.type("[name=username]", email)
    browser.type("[name=password]", password)
    browser.click("form:has([name=username]) button[type=submit]")


# The elements of the pages that were judged, by how they were shown.
JUDGED_BEFORE = set()


def judged(browser, variant):
    """What axe-core finds wrong with the page, unless another one with the same elements was judged already."""
    kinds = browser.run(
        """const kind = e => [e.parentElement?.localName, e.localName, e.className, ...e.getAttributeNames(), e.type, e.getAttribute('role')];
           return [...new Set([...document.querySelectorAll('*')].map(e => kind(e).join(' ')))].sort().join()"""
    )
    if (variant, kinds) in JUDGED_BEFORE:
        return []
    JUDGED_BEFORE.add((variant, kinds))
    if not browser.run("return !!window.axe"):
        browser.run(AXE)
    browser.run(
        "window.found = null; axe.run(document, {resultTypes: ['violations'], runOnly: " + RULES + "}).then(r => { window.found = r.violations; });"
    )
    browser.until(lambda: browser.run("return window.found !== null"))
    return browser.run(
        "return window.found.map(v => v.id + ': ' + v.nodes.slice(0, 2).map(n => n.target.join(' ') + ' ' + n.failureSummary).join(' | '))"
    )


def look(browser, persona, path, variants):
    """Looks at a page in some variants. Everything wrong is one failed check with all of it."""
    wrong = []
    name = re.sub(r"\W+", "-", pattern_of(urlsplit(path).path) or path).strip("-") or "home"
    for scheme, width in variants:
        browser.colours(scheme)
        browser.size(width, 800)
        if over := browser.wider_than_window():
            wrong.append(f"{over} pixels too wide at {width}")
        if (scheme, width) in JUDGED:
            wrong += [f"{scheme} {width} {found}" for found in judged(browser, (scheme, width))]
        if PICTURES and persona == "administrator":
            browser.shot(f"console-{name}-{scheme}-{width}")
    heads = browser.run("return [document.documentElement.lang, document.querySelectorAll('h1').length, document.querySelectorAll('main').length]")
    if heads != ["en", 1, 1]:
        wrong.append(f"heads {heads}")
    if browser.run("return document.querySelectorAll('main b, main i, main script').length"):
        wrong.append("a name became markup")
    unnamed = browser.run(
        """return [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a')]
             .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.getAttribute('aria-label'))
             .map(e => e.outerHTML)"""
    )
    console, asked = browser.take_log()
    wrong += unnamed + [line for line in console if "favicon" not in line]
    wrong += [url for url in asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc != HOST]
    check(f"{persona} {path}", not wrong, "\n    ".join(wrong))


def walk(browser, persona, variants, most):
    """Follows every link from the home page, to at most so many pages of a kind. Returns the routes that it came to."""
    scheme, width = variants[0]
    browser.colours(scheme)
    browser.size(width, 800)
    waiting, asked_for, seen = ["/"], {"/"}, {}
    while waiting:
        path = waiting.pop(0)
        route = pattern_of(urlsplit(path).path)
        # The first two of a kind are looked at, and some more are searched for links.
        if route is None or seen.get(route, 0) >= most:
            continue
        seen[route] = seen.get(route, 0) + 1
        browser.take_log()
        browser.open(URL + path)
        if browser.run("return !document.querySelector('main') || document.body.textContent.includes('There is no page')"):
            check(f"{persona}: a link leads to {path}", False, browser.text)
            continue
        if seen[route] <= 2:
            look(browser, persona, path, variants)
        links = browser.run("return [...document.querySelectorAll('a[href^=\"/\"]')].map(a => a.getAttribute('href'))")
        # A form that only leads to another page, with its first choice.
        links += browser.run(
            "return [...document.querySelectorAll('form[method=get] select')].map(s => new URL(s.form.action).pathname + '?' + s.name + '=' + s.value)"
        )
        for link in links:
            link = link.split("#")[0]
            if link not in asked_for and not LEFT_ALONE.search(link):
                asked_for.add(link)
                waiting.append(link)
    return seen


people, link = house.build()
with Chromium(width=1280, height=800) as browser:
    browser.open(link)
    browser.type("[name=password]", PASSWORD)
    browser.type("[name=again]", PASSWORD)
    browser.click("form:has([name=again]) button[type=submit]")
    with story("the administrator"):
        sign_in(browser, ADA, ADA_PASSWORD)
        came_to = walk(browser, "administrator", VARIANTS, 12)
        downloads = [pattern for pattern in PATTERNS if LEFT_ALONE.search(pattern)]
        missed = [pattern for pattern in PATTERNS if pattern not in came_to and pattern not in UNLINKED + downloads]
        same("a link leads to every page", missed, [])
    for persona, email in people.items():
        with story(persona):
            sign_in(browser, email, PASSWORD)
            # That every page is reached was seen above.
            walk(browser, persona, [("light", 360)], 4)
finish()
