"""The SDK's default login: it prints an address, a person approves there, and the notebook is in."""

import contextlib
import io
import json
import os
import re
import sqlite3
import threading
import time

import wallaroo
from wallaroo.auth import TokenFetchError

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, URL, a_sentence, a_uuid, cache, names, new_home, sign_in
from recorder import Recorder
from visitor import Visitor, arrive

BOB = "bob@example.com"
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"

recorder = Recorder()
sign_in(ADA, ADA_PASSWORD).invite_user(BOB, PASSWORD)
for name in ("WALLAROO_USER", "WALLAROO_PASSWORD"):
    del os.environ[name]
os.environ["WALLAROO_SDK_AUTH_TYPE"] = "sso"


class Notebook(io.TextIOBase):
    """Where the SDK prints; `shown` is called with the address as soon as it is there."""

    def __init__(self, shown):
        self.text, self.shown = "", shown

    def write(self, text):
        self.text += text
        if self.shown and (found := re.search(r"^\t(\S+)\s", self.text, re.M)):
            shown, self.shown = self.shown, None
            shown(found.group(1))
        return len(text)


def log_in(approve, home=None, url=None):
    """`wallaroo.Client()`, with somebody at the address that it prints: the client and all it printed."""
    if home is None:
        home = new_home()
    os.environ["XDG_CACHE_HOME"] = home
    notebook = Notebook(approve)
    with contextlib.redirect_stdout(notebook):
        client = wallaroo.Client(api_endpoint=url)
    return client, notebook.text


def approving(email, password, decision="allow", visitor=None, seen=None):
    def shown(address):
        page, asked = arrive(visitor or Visitor(), address, email, password, decision=decision)
        if seen is not None:
            seen.append((address, asked, page))

    return shown


def at_leisure(shown, waits):
    """Somebody who takes their time, while the SDK goes on asking."""

    def later(address):
        def go():
            time.sleep(waits)
            shown(address)

        threading.Thread(target=go, daemon=True).start()

    return later


def nobody(address):
    raise AssertionError(f"nobody was to be asked, but there is {address}")


def polls():
    """The requests to the issuer since the last call, as (path, form)."""
    issuer = "/auth/realms/master/protocol/openid-connect/"
    return [(r.path.removeprefix(issuer), r.form()) for r in recorder.take() if r.path.startswith(issuer)]


with story("wallaroo.Client() and nothing else"):
    seen = []
    home = new_home()
    started = time.monotonic()
    ada, printed = log_in(at_leisure(approving(ADA, ADA_PASSWORD, seen=seen), 1), home=home, url=recorder.url)
    took = time.monotonic() - started
    [(address, asked, page)] = seen
    check("prints where to go", address.startswith(f"{URL}/auth/realms/master/device?user_code="), address)
    check("and that it went well", printed.endswith("Login successful!\n"), printed)
    check("the person signs in, and approves", asked[0] == "sign-in" and asked[-1] == "decision", asked)
    check("the page says that it is done", page.status == 200 and page.left is None, page.text)
    asked = polls()
    same("the SDK asked for a code", asked[0], ("auth/device", {"client_id": "sdk-client"}))
    check("and came again until it was approved", len(asked) >= 3, asked)
    same("always the same way", {form["grant_type"] for _, form in asked[1:]}, {DEVICE})
    check("in a few seconds", took < 15, took)
    same("it is who approved", ada.auth.user_email(), ADA)
    check("with a UUID", a_uuid(ada.auth.user_id()), ada.auth.user_id())
    same("and lists workspaces", names(ada), [])
    same("over GraphQL, too", ada.get_current_workspace().name(), f"{ADA} - Default Workspace")
    like(
        "the token is kept",
        json.loads(cache(home).read_text()),
        {
            "access_token": a_sentence,
            "expiry": lambda moment: moment > time.time(),
            "refresh_token": a_sentence,
            "refresh_token_expiry": lambda moment: moment > time.time() + 3600,
            "user_id": ada.auth.user_id(),
            "user_email": ADA,
        },
    )

with story("the next notebook"):
    again, printed = log_in(nobody, home=home, url=recorder.url)
    same("asks nobody", (printed, polls()), ("", []))
    same("and is the same person", again.auth.user_email(), ADA)
    file = cache(home)
    kept = json.loads(file.read_text())
    file.write_text(json.dumps({**kept, "expiry": 0}))
    again, printed = log_in(nobody, home=home, url=recorder.url)
    asked = polls()
    check("an old token is renewed", asked and {form["grant_type"] for _, form in asked} == {"refresh_token"}, asked)
    same("with the token that was kept", {form["refresh_token"] for _, form in asked}, {kept["refresh_token"]})
    same("and works", names(again), [f"{ADA} - Default Workspace"])

with story("somebody else at the address"):
    browser = Visitor()
    bob, _ = log_in(approving(BOB, PASSWORD, visitor=browser))
    same("is who the notebook is then", (bob.auth.user_email(), names(bob)), (BOB, []))
    seen = []
    bob, _ = log_in(approving(None, None, visitor=browser, seen=seen))
    same("whoever is signed in already is only asked to approve", [step for step in seen[0][1] if step != "user-code"], ["decision"])
    same("and is the same", bob.auth.user_email(), BOB)

with story("somebody who says no"):
    error = refused(
        "the SDK hears it",
        TokenFetchError,
        lambda: log_in(approving(BOB, PASSWORD, decision="deny")),
        "access_denied",
    )
    check("in OAuth's words", '"error_description"' in str(error), error)

with story("nobody who comes in time"):

    def too_late(address):
        """Turns the clock on for this code, as nobody wants to wait for it."""
        with sqlite3.connect(os.environ["ATELIER_TEST_DATA"] + "/atelier.db", timeout=10) as data:
            data.execute("UPDATE device_codes SET created_at = 0, expires_at = 1")
        page, asked = arrive(Visitor(), address, BOB, PASSWORD)
        same("the address is dead", (asked[-1], page.form("decision")), ("user-code", None))

    refused("the SDK gives up", TokenFetchError, lambda: log_in(too_late), "expired_token")

with story("a session that has ended"):
    home = new_home()
    bob, _ = log_in(approving(BOB, PASSWORD), home=home)
    ada = sign_in(ADA, ADA_PASSWORD)
    os.environ["WALLAROO_SDK_AUTH_TYPE"] = "sso"
    ada.deactivate_user(BOB)
    kept = json.loads(cache(home).read_text())
    cache(home).write_text(json.dumps({**kept, "expiry": 0}))
    seen = []
    error = refused(
        "is not renewed, and the address lets nobody in",
        TokenFetchError,
        lambda: log_in(
            lambda address: (approving(BOB, PASSWORD, seen=seen)(address), approving(ADA, ADA_PASSWORD, decision="deny")(address)),
            home=home,
        ),
        "access_denied",
    )
    same("who is disabled gets no further than the sign-in", seen[0][1][-1:], ["sign-in"])
    same("and is not signed in", [page.form("decision") for _, _, page in seen], [None])

with story("a server behind another address"):
    seen = []
    os.environ["WALLAROO_SDK_AUTH_ENDPOINT"] = "http://elsewhere.example" + ("/auth" if wallaroo.__version__ >= "2026" else "")
    shown = lambda address: (seen.append(address), approving(ADA, ADA_PASSWORD)(address.replace("http://elsewhere.example", URL, 1)))
    log_in(shown)
    del os.environ["WALLAROO_SDK_AUTH_ENDPOINT"]
    check("is printed as the environment has it", seen[0].startswith("http://elsewhere.example/auth/realms/master/device?"), seen)

finish()
