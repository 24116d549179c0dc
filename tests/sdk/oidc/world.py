"""The server that the clients are pointed at, who lives there, and the addresses that programs listen on."""

import base64
import json
import os
import re
import subprocess
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from visitor import Visitor, arrive, totp

URL = os.environ["ATELIER_TEST_URL"]
AUTH = f"{URL}/auth/"
ISSUER = f"{URL}/auth/realms/master"
CONNECT = f"{ISSUER}/protocol/openid-connect"
ADA = "ada@example.com"
ADA_PASSWORD = os.environ["ATELIER_TEST_PASSWORD"]
PASSWORD = "long enough, and then some"

# Nobody listens there: the visitor stops before, as a program's own listener would take over.
CALLBACK = "http://127.0.0.1:1/callback"


def atelier(*line, given=None):
    """Types a command of the operator's: what it prints. `given` goes to its stdin."""
    command = [os.environ["ATELIER_TEST_BINARY"], *line, "--data-dir", os.environ["ATELIER_TEST_DATA"]]
    stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(command, capture_output=True, text=True, **stdin)
    assert done.returncode == 0, f"{' '.join(line)} exits {done.returncode}: {done.stderr}"
    return done.stdout.strip()


def person(name, *flags):
    """Somebody with the password of all: their e-mail."""
    email = f"{name}@example.com"
    atelier("user", "add", email, "--first-name", name.title(), "--password-stdin", *flags, given=PASSWORD)
    return email


def register(client, *flags):
    """A client of that id: its secret, if it has one."""
    return atelier("client", "add", client, *flags)


def enrol(email, password=PASSWORD):
    """Sets up a second factor on the account page: its secret and the recovery codes."""
    visitor = Visitor()
    page, _ = arrive(visitor, f"{URL}/auth/account", email, password)
    [form] = [form for form in page.forms if form.action == "/auth/account/second-factor"]
    page = visitor.submit(page, form)
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page.body).group(1).replace(" ", "")
    page = visitor.submit(page, page.form("code"), code=totp(secret))
    codes = re.findall(r"<li>([^<]+)</li>", page.body.partition('id="recovery-codes"')[2])
    assert codes, page.text
    return secret, codes


def query(address):
    """The query of an address that a program is called back with: each parameter once."""
    return {name: value for name, [value] in parse_qs(urlsplit(address).query, keep_blank_values=True).items()}


def unpacked(token):
    """Header and claims of a JWT, not verified."""
    parts = token.split(".")
    assert len(parts) == 3, token
    return tuple(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in parts[:2])


class Listener:
    """A program's own address on the loopback, which notes what it is called with."""

    def __init__(self):
        self.calls = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                listener.calls.append(f"http://127.0.0.1:{self.server.server_port}{self.path}")
                body = b"<!doctype html><html lang=en><title>the program</title><p>the program has it"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}/callback"

    def take(self):
        """What it was called with since the last time, without what browsers ask for on their own."""
        calls, self.calls = self.calls, []
        return [call for call in calls if "favicon" not in call]


# What a place in an answer must be, for `checks.like`.


def a_number(value):
    return type(value) is int and value > 0


def a_text(value):
    return isinstance(value, str) and value.strip() != ""


def a_truth(value):
    return type(value) is bool


def a_uuid(value):
    try:
        return str(uuid.UUID(value)) == value
    except (TypeError, ValueError):
        return False


def a_jwt(value):
    try:
        return "alg" in unpacked(value)[0]
    except (AssertionError, TypeError, ValueError):
        return False


# The grants as they are registered.
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
EVERY_GRANT = ["authorization_code", "client_credentials", DEVICE, "password", "refresh_token"]


def flags(name, values):
    """A flag that is given once for each value."""
    return [word for value in values for word in (name, value)]
