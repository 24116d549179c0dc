"""The console in a real browser, below a path of a host that has other programs too. nginx is in front, with TLS."""

import base64
import hashlib
import json
import os
import ssl
import threading
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from checks import check, finish, same, story
from chromium import Chromium

URL = os.environ["ATELIER_TEST_URL"]
ADA, PASSWORD = "ada@example.com", os.environ["ATELIER_TEST_PASSWORD"]
PARTS = urlsplit(URL)
HOST, BASE = f"{PARTS.scheme}://{PARTS.netloc}", PARTS.path


def get(path, form=None):
    """Asks without a browser: status, headers and body."""
    connection = HTTPSConnection(PARTS.netloc, timeout=20, context=ssl._create_unverified_context())
    try:
        if form is None:
            connection.request("GET", path, headers={"Accept": "*/*"})
        else:
            connection.request("POST", path, urlencode(form), {"Content-Type": "application/x-www-form-urlencoded"})
        answer = connection.getresponse()
        return answer.status, dict((name.lower(), value) for name, value in answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


class Program(BaseHTTPRequestHandler):
    """A program on this machine that people are sent back to."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>program</title>signed in")

    def log_message(self, *_):
        pass


def quiet(browser, sentence):
    """Nothing of the browser's console is an error, and every request stayed below the base path."""
    console, asked = browser.take_log()
    foreign = [url for url in asked if url.startswith("http") and not url.startswith((f"{URL}/", f"{URL}?", f"{HOST}/other/"))]
    check(sentence, not foreign and not [line for line in console if "favicon" not in line], f"{foreign} {console}")
    return asked


with Chromium("--ignore-certificate-errors", width=1280) as browser:
    with story("signing in"):
        browser.open(f"{URL}/keys?status=ended")
        same("a page sends to sign in", browser.url, f"{URL}/auth/sign-in?next=%2Fkeys%3Fstatus%3Dended")
        quiet(browser, "the page of the sign-in is whole")
        browser.type("[name=username]", ADA)
        browser.type("[name=password]", PASSWORD)
        browser.click("form:has([name=username]) button[type=submit]")
        same("and leads back", browser.url, f"{URL}/keys?status=ended")
        asked = quiet(browser, "the page of keys is whole")
        check("with its style and scripts", len([url for url in asked if f"{URL}/assets/" in url]) >= 3, asked)
        cookies = {cookie["name"].replace(f"-{PARTS.port}", ""): cookie for cookie in browser.cookies()}
        same("its cookies", sorted(cookies), ["__Secure-atelier", "__Secure-atelier-form"])
        check("go nowhere else", all(cookie["path"] == BASE and cookie["secure"] and cookie["httpOnly"] for cookie in cookies.values()), cookies)

    with story("the console"):
        browser.click("a.brand")
        same("home", browser.url, f"{URL}/")
        browser.open(f"{URL}/workspaces/new")
        browser.type("[name=name]", "vision")
        browser.click("form:has([name=name]) button[type=submit]")
        check("a workspace is made", browser.url.startswith(f"{URL}/workspaces/") and "vision" in browser.text, browser.url)
        place = urlsplit(browser.url).path
        browser.open(f"{URL}/")
        browser.take_log()
        browser.type("#find", "vis")
        check("a search without a new page finds it", browser.until(lambda: browser.has(f"#found a[href='{place}']")), browser.source[:2000])
        asked = quiet(browser, "it asks below the base path")
        check("by htmx", any(url.startswith(f"{URL}/search?") for url in asked), asked)
        for link in browser.run("return [...document.querySelectorAll('.parts a')].map(a => a.href)"):
            browser.open(link)
            check(f"{link.removeprefix(URL)} is a page", "There is no page" not in browser.text and browser.has("main"), browser.text)
            quiet(browser, f"{link.removeprefix(URL)} is whole")

    with story("a program that people sign in to"):
        program = HTTPServer(("127.0.0.1", 0), Program)
        threading.Thread(target=program.serve_forever, daemon=True).start()
        back, verifier = f"http://127.0.0.1:{program.server_port}/callback", "v" * 50
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        asked = {"response_type": "code", "client_id": "arize-cli", "redirect_uri": back, "state": "s" * 22,
                 "scope": "openid email", "code_challenge": challenge, "code_challenge_method": "S256"}
        browser.open(f"{URL}/auth/realms/master/protocol/openid-connect/auth?{urlencode(asked)}")
        check("asks below the base path", browser.url.startswith(f"{URL}/auth/consent?"), browser.url)
        browser.click("button[value=allow]")
        check("leads back to it", browser.until(lambda: browser.url.startswith(f"{back}?")), browser.url)
        answer = parse_qs(urlsplit(browser.url).query)
        same("with the issuer", answer.get("iss"), [f"{URL}/auth/realms/master"])
        form = {"grant_type": "authorization_code", "client_id": "arize-cli", "redirect_uri": back,
                "code": answer["code"][0], "code_verifier": verifier}
        status, _, body = get(f"{BASE}/auth/realms/master/protocol/openid-connect/token", form)
        check("its code is good for tokens", status == 200 and json.loads(body)["id_token"], body)
        browser.take_log()

    with story("another program of the host"):
        browser.open(f"{HOST}/other/")
        same("gets no cookie", browser.text, "cookies: .")

    with story("a session that ends elsewhere"):
        browser.open(f"{URL}/")
        browser.run("document.cookie = 'x=y'")
        browser.cdp("Network.clearBrowserCookies")
        browser.type("#find", "vision")
        check("script goes to sign in", browser.until(lambda: browser.url.startswith(f"{URL}/auth/sign-in")), browser.url)
        browser.open(f"{URL}/auth/sign-in")
        browser.type("[name=username]", ADA)
        browser.type("[name=password]", PASSWORD)
        browser.click("form:has([name=username]) button[type=submit]")
        browser.click("#sign-out")
        same("and signs out", browser.url, f"{URL}/auth/signed-out")
        check("no session is left", not [cookie for cookie in browser.cookies() if cookie["name"].startswith("__Secure-atelier-1") or cookie["name"] == "__Secure-atelier"], browser.cookies())

    with story("the API documents"):
        browser.open(f"{URL}/v2/docs")
        same("a redirect", browser.url, f"{URL}/v2/docs/")
        check("Swagger UI reads its document", browser.until(lambda: "/v2/spaces" in browser.text), browser.text[:500])

with story("OpenID Connect"):
    status, _, body = get(f"{BASE}/auth/realms/master/.well-known/openid-configuration")
    document = json.loads(body)
    same("the issuer", document["issuer"], f"{URL}/auth/realms/master")
    outside = [value for value in document.values() if isinstance(value, str) and not value.startswith(f"{URL}/")]
    same("no address is outside", outside, [])
    status, _, body = get(urlsplit(document["jwks_uri"]).path)
    check("the keys are there", status == 200 and json.loads(body)["keys"], body)
    status, _, body = get(f"/.well-known/oauth-authorization-server{BASE}/auth/realms/master")
    same("the same document between host and path", json.loads(body), document)
    status, headers, _ = get(BASE)
    same("nginx adds the final slash", (status, headers["location"]), (301, f"{URL}/"))
finish()
