"""`ax auth login` and `logout`, as a person does them: the real executable and a real browser.

`ax` opens a browser by way of `BROWSER`; here that is a script that writes down the address, which Chromium opens.
"""

import json
import os
import time
import tomllib
from urllib.parse import parse_qsl, urlencode, urlsplit

import urllib3

from ax_command import SCRATCH, TYPED, Executed, Forked, ax, typed
from checks import check, finish, like, same, story
from chromium import Chromium
from front import Front

URL = os.environ["ATELIER_TEST_URL"]
HOST, BASE = urlsplit(URL).netloc, urlsplit(URL).path
ADA = "ada@example.com"
ADA_PASSWORD = os.environ["ATELIER_TEST_PASSWORD"]

OPENED = SCRATCH / "opened"
BROWSER = SCRATCH / "browser"
BROWSER.write_text(f"#!/bin/sh\nprintf '%s' \"$1\" > {OPENED}.new && mv {OPENED}.new {OPENED}\n")
BROWSER.chmod(0o755)
TYPED.update(BROWSER=str(BROWSER))


class Login:
    """A command that waits for the browser: `address` is what it opened."""

    def __init__(self, run, *line):
        OPENED.unlink(missing_ok=True)
        self.command = run(*line)
        end = time.monotonic() + 30
        while not OPENED.exists():
            if not self.command.runs() or time.monotonic() > end:
                raise AssertionError(f"no browser was opened: {self.command.ended()}")
            time.sleep(0.05)
        self.address = OPENED.read_text()

    def ended(self):
        return self.command.ended()


def profile():
    """Where `ax` keeps the profile that is used, as it stands."""
    [file] = [file for file in SCRATCH.rglob("team.toml") if file.parent != SCRATCH]
    return file


def kept():
    return tomllib.loads(profile().read_text())["auth"].get("oauth")


def ask(path, token):
    answer = urllib3.request("GET", f"{URL}{path}", headers={"Authorization": f"Bearer {token}"}, retries=False)
    return answer.status


def post(path, **form):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = urllib3.request("POST", f"{URL}{path}", body=urlencode(form), headers=headers, retries=False)
    return answer.status, answer.json() if answer.data else None


def sign_in(browser, password=ADA_PASSWORD):
    browser.type("input[name=username]", ADA)
    browser.type("input[name=password]", password)
    browser.click("form:has(input[name=username]) button[type=submit]")


def approve(sentence, browser):
    """Presses the button of the page that asks once in each browser session."""
    asked = browser.until(lambda: "Authorize ax on this computer" in browser.text)
    check(sentence, asked and urlsplit(browser.url).path == f"{BASE}/auth/consent", (browser.url, browser.text))
    browser.click("button[value=allow]")


def quiet(sentence, browser, *others):
    """The console is empty and nothing was asked for but of the server and the loopback listener."""
    console, asked = browser.take_log()
    allowed = {HOST, *others}
    strange = [url for url in asked if urlsplit(url).scheme in ("http", "https") and urlsplit(url).netloc not in allowed]
    # Chromium asks every host for an icon once; only our own pages may name none.
    console = [line for line in console if "favicon" not in line]
    return check(sentence, not console and not strange, (console, strange))


source = SCRATCH / "team.toml"
host, port = HOST.split(":")
PLACE = f'api_host = "{HOST}{BASE}"\napp_host = "{HOST}{BASE}"' if BASE else f'single_host = "{host}"\nsingle_port = "{port}"'
source.write_text(
    f'[profile]\nname = "team"\n[auth]\nauth_method = "oauth"\n'
    f'[routing]\n{PLACE}\napi_scheme = "http"\napp_scheme = "http"\n'
    "[update]\nenabled = false\n"
)

with Chromium() as browser:
    with story("a profile that is not signed in"):
        code, out, err = typed("profiles", "create", "team", "--from-file", str(source))
        same("is made from a file", code, 0)
        code, out, err = typed("spaces", "list", "-o", "json")
        check("and may do nothing", code != 0 and "ax auth login" in out + err, (code, out, err))

    with story("ax auth login"):
        login = Login(Executed, "auth", "login")
        parts = urlsplit(login.address)
        same("opens the server's page", (parts.netloc, parts.path), (HOST, f"{BASE}/oauth2/authorize"))
        sent = dict(parse_qsl(parts.query))
        redirect = sent.get("redirect_uri", "")
        like(
            "with a challenge, to be called back on the loopback",
            sent,
            {
                "response_type": "code",
                "client_id": "arize-cli",
                "redirect_uri": lambda uri: uri.startswith("http://127.0.0.1:") and uri.endswith("/callback"),
                "state": lambda text: len(text) == 22,
                "scope": "openid email",
                "code_challenge": lambda text: len(text) == 43,
                "code_challenge_method": "S256",
            },
        )
        browser.open(login.address)
        check("the person is asked who they are", browser.has("input[name=username]"), browser.text)
        browser.shot("ax-sign-in")
        sign_in(browser, "not the password")
        check("a wrong password leads nowhere", browser.has("input[name=username]") and login.command.runs(), browser.text)
        browser.take_log()  # the console notes the 4xx of that answer
        sign_in(browser)
        check("ax is not in before the person says so", browser.until(lambda: browser.has("button[value=allow]")) and login.command.runs(), browser.text)
        browser.shot("ax-approval")
        approve("and the person is asked whether it may be", browser)
        check("the right one to the end", browser.until(lambda: urlsplit(browser.url).path == f"{BASE}/auth/cli/callback"), browser.url)
        same("on the server's own page", browser.url, f"{URL}/auth/cli/callback?status=success")
        browser.shot("ax-signed-in")
        quiet("with nothing on the console, and nobody else asked", browser, urlsplit(redirect).netloc)
        code, out, err = login.ended()
        check("ax says who it is", code == 0 and f"Logged in as {ADA}" in out, (code, out, err))
        like(
            "and keeps the tokens",
            {name: str(value) for name, value in kept().items()},
            {
                "access_token": lambda text: text.count(".") == 2,
                "refresh_token": lambda text: len(text) > 30,
                "expires_at": lambda text: len(text) > 10,
                "user_email": ADA,
            },
        )
        first = kept()

    with story("what one does with it"):
        code, out, err = ax("spaces", "list", "-o", "json")
        same("spaces are listed", (code, json.loads(out or "{}").get("pagination")), (0, {"has_more": False}))
        code, out, err = ax("auth", "login")
        check("who is in is told so", code == 0 and "already logged in" in out, (code, out, err))

    with story("a token that grows old"):
        text = profile().read_text()
        expiry = [line for line in text.splitlines() if line.startswith("expires_at")][0]
        profile().write_text(text.replace(expiry, "expires_at = 2026-01-01T00:00:00Z"))
        code, out, err = ax("spaces", "list", "-o", "json")
        check("is renewed on the way", code == 0 and json.loads(out)["pagination"] == {"has_more": False}, (code, out, err))
        second = kept()
        check("for another pair", second["access_token"] != first["access_token"] and second["refresh_token"] != first["refresh_token"])
        same("of the same person", second["user_email"], ADA)
        same("which the server takes", ask("/v2/spaces", second["access_token"]), 200)

    with story("ax auth logout"):
        code, out, err = ax("auth", "logout")
        check("says that it is done, and nothing else", code == 0 and "Logged out" in out and "NOT be revoked" not in out + err, (code, out, err))
        same("the profile has no tokens", kept(), None)
        same("nor are they good for anybody else", ask("/v2/spaces", second["access_token"]), 401)
        status, body = post("/oauth2/token", grant_type="refresh_token", refresh_token=second["refresh_token"], client_id="arize-cli")
        same("not even to renew", (status, body["error"]), (400, "invalid_grant"))
        code, out, err = ax("spaces", "list", "-o", "json")
        check("and ax says what to do", code != 0 and "ax auth login" in out + err, (code, out, err))
        code, out, err = ax("auth", "logout")
        check("twice is as good as once", code == 0 and "already logged out" in out, (code, out, err))

    with story("in again, from a browser that is signed in"):
        login = Login(Forked, "auth", "login", "--utm-params", "utm_source=docs&utm_medium=web")
        check("wherever the person came from", "utm_source=docs" in login.address, login.address)
        browser.open(login.address)
        check("nothing is asked again", browser.until(lambda: urlsplit(browser.url).path == f"{BASE}/auth/cli/callback"), browser.text)
        code, out, err = login.ended()
        check("ax is in", code == 0 and f"Logged in as {ADA}" in out, (code, out, err))
        same("and the token is taken", ask("/v2/spaces", kept()["access_token"]), 200)

    with story("a code that somebody else brings"):
        verifier = "v" * 43
        status, body = post(
            "/oauth2/token",
            grant_type="authorization_code",
            code="atlc_nothing",
            redirect_uri="http://127.0.0.1:1/callback",
            client_id="arize-cli",
            code_verifier=verifier,
        )
        same("is none", (status, body["error"]), (400, "invalid_grant"))

    with story("what goes wrong on the way"):
        markup = "<img src=x onerror=alert(1)>"
        browser.open(f"{URL}/auth/cli/callback?status=error&reason=%3Cimg%20src=x%20onerror=alert(1)%3E")
        check("is told on the page, as text", markup in browser.text and not browser.has("img"), browser.source)
        browser.shot("ax-failed")

# `ax profiles create` asks for a host without a path.
if not BASE:
    with Front() as front, Chromium("--ignore-certificate-errors") as browser:
        # What `ax` asks is verified; only the browser is told to look away.
        TYPED.update(REQUESTS_CA_BUNDLE=str(front.trust), SSL_CERT_FILE=str(front.trust))

        with story("ax profiles create, with https as it will have it"):
            host, port = front.host.split(":")
            create = Login(Executed, "profiles", "create", "safe", "--auth-method", "oauth", "--single-host", host, "--single-port", port)
            check("opens the server's page", create.address.startswith(f"{front.url}/oauth2/authorize?"), create.address)
            browser.open(create.address)
            sign_in(browser)
            approve("ax asks", browser)
            check("a person signs in", browser.until(lambda: urlsplit(browser.url).path == f"{BASE}/auth/cli/callback"), browser.text)
            same("on the server's own page", browser.url, f"{front.url}/auth/cli/callback?status=success")
            cookies = browser.cookies()
            check("every cookie is for this host and https alone", cookies and all(c["name"].startswith("__Host-") and c["secure"] for c in cookies), cookies)
            code, out, err = create.ended()
            check("and the profile is there", code == 0 and "Active profile set to 'safe'" in err, (code, out, err))
            code, out, err = typed("spaces", "list", "-o", "json")
            same("and works", (code, json.loads(out or "{}").get("pagination")), (0, {"has_more": False}))
            code, out, err = typed("auth", "logout")
            check("until one signs out", code == 0 and "Logged out" in out, (code, out, err))

finish()
