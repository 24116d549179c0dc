"""nginx and Caddy ask before each request, as the documentation has it, to a program that cannot sign people in."""

import json
import os
import re
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit

from checks import check, finish, same, story
from chromium import Chromium
from programs.team import ADA, ANN, BOB, FOLDER, URL, Program, arrives, asks_to_sign_in, sign_in

# People reach atelier and the program through the proxy, at the address that atelier was told.
DIRECT = urlsplit(os.environ["ATELIER_TEST_DIRECT"]).netloc


class Board(BaseHTTPRequestHandler):
    """The program: it shows what it was told."""

    def do_GET(self):
        told = {name.lower(): value for name, value in self.headers.items() if name.lower().startswith("remote")}
        body = json.dumps({"path": self.path, **told}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


board = ThreadingHTTPServer(("127.0.0.1", 0), Board)
board.daemon_threads = True
threading.Thread(target=board.serve_forever, daemon=True).start()

PROXY = os.environ["ATELIER_TEST_PROXY"]
NAME = Path(PROXY).name
guide = Path(os.environ["ATELIER_TEST_GUIDE"]).read_text()
[example] = re.findall(rf"^```{dict(nginx='nginx', caddy='caddyfile')[NAME]}\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
for stands, here in [("127.0.0.1:9000", f"127.0.0.1:{board.server_port}"), ("127.0.0.1:8787", DIRECT)]:
    assert stands in example
    example = example.replace(stands, here)
NGINX = f"""
daemon off;
pid {FOLDER}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {FOLDER}/body;
    proxy_temp_path {FOLDER}/proxy;
    fastcgi_temp_path {FOLDER}/fastcgi;
    uwsgi_temp_path {FOLDER}/uwsgi;
    scgi_temp_path {FOLDER}/scgi;
    server {{
        listen {urlsplit(URL).netloc};
        location / {{
            proxy_pass http://{DIRECT};
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
        }}
{example}
    }}
}}
"""
CADDY = f"""
{{
    admin off
    storage file_system {FOLDER}
}}
{URL} {{
    bind 127.0.0.1
{example}
    reverse_proxy {DIRECT}
}}
"""
# nginx shows a page of its own to people who may not pass, and Caddy the answer of atelier.
REFUSAL = {"nginx": "403 Forbidden", "caddy": "you are in none of the groups that may use this program"}[NAME]
FILE = FOLDER / f"{NAME}.conf"
FILE.write_text({"nginx": NGINX, "caddy": CADDY}[NAME])
COMMAND = {
    "nginx": [PROXY, "-p", str(FOLDER), "-c", str(FILE)],
    "caddy": [PROXY, "run", "--adapter", "caddyfile", "--config", str(FILE)],
}[NAME]


# What people claim to be.
CLAIMS = {"Remote-User": ADA, "Remote-Email": ADA, "Remote-Name": "Ada", "Remote-Groups": "administrators", "Remote_Email": ADA}


def key(*flags):
    """A new key, made on the command line."""
    command = [os.environ["ATELIER_TEST_BINARY"], "key", "create", *flags, "--data-dir", os.environ["ATELIER_TEST_DATA"]]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def shown(browser):
    """What the program shows that it was told."""
    return dict(sorted(json.loads(browser.text).items()))


with Program(COMMAND, f"{URL}/healthz"), Chromium() as browser:
    with story("A member of the workspace signs in and out"):
        browser.open(f"{URL}/board/page?of=two&more=1")
        sign_in(browser, ANN, decision=None)
        arrives("the sign-in leads back to the page", browser, f"{URL}/board/page?of=two&more=1", "remote-user")
        told = {"path": "/board/page?of=two&more=1", "remote-email": ANN, "remote-groups": "acme,acme/fraud,acme/fraud:member",
                "remote-name": "Ann", "remote-user": ANN}
        same("the program behind is told the person and the groups", shown(browser), told)
        browser.cdp("Network.enable")
        browser.cdp("Network.setExtraHTTPHeaders", headers=CLAIMS)
        browser.open(f"{URL}/board/")
        same("nobody writes these headers themselves", shown(browser), {**told, "path": "/board/"})
        browser.cdp("Network.setExtraHTTPHeaders", headers={})
        browser.open(f"{URL}/auth/sign-out")
        browser.click("button[name=decision][value=allow]")
        arrives("she is signed out", browser, f"{URL}/auth/signed-out")
        browser.open(f"{URL}/board/")
        asks_to_sign_in("the program asks to sign in again", browser)

    with story("Somebody else is refused"):
        sign_in(browser, BOB, decision=None)
        arrives("the program refuses who is not in the workspace", browser, f"{URL}/board/", REFUSAL)
        check("the program was not reached", "remote-user" not in browser.text, browser.text)

    with story("Scripts are answered"):
        robot = key("--workspace", "acme/fraud")
        for sentence, bearer, who in [("an API key passes", key("--user", ANN), ANN), ("a service key has no email", robot, "")]:
            request = urllib.request.Request(f"{URL}/board/", headers={"Authorization": f"Bearer {bearer}", **CLAIMS})
            with urllib.request.urlopen(request) as answer:
                shown_to = json.load(answer)
            same(sentence, shown_to.get("remote-email", ""), who)
            check("and is nobody else", not set(shown_to.values()) & set(CLAIMS.values()), shown_to)
        request.headers["Authorization"] = f"Bearer {robot}x"
        try:
            urllib.request.urlopen(request).close()
            check("a wrong key is refused", False)
        except HTTPError as error:
            check("a wrong key is refused", error.code in (401, 403), error.code)

finish()
