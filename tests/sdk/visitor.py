"""A browser without a screen or a script: pages, forms and cookies over plain HTTP.

It stands where a person does in a sign-in that a program has begun. It goes where the server leads it, by redirects and
by pages that lead on, and stops where it would leave the server: `Page.left` is then the address that the program waits
for.
"""

import base64
import hashlib
import hmac
import http.client
import struct
import time
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

AGENT = "Mozilla/5.0 (X11; Linux x86_64) visitor"


class Form:
    """A form of a page: where it goes and what is in it."""

    def __init__(self, attributes):
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.fields = {}
        self.kinds = {}
        self.buttons = []

    def has(self, *names):
        offered = set(self.fields) | {button.get("name") for button in self.buttons}
        return all(name in offered for name in names)


class Page(HTMLParser):
    """What came: status, headers, text and forms. `left` is where a redirect leads that was not followed."""

    def __init__(self, url, status, headers, body):
        super().__init__(convert_charrefs=True)
        self.url, self.status, self.headers, self.body = url, status, headers, body
        self.left = None
        self.leads_to = headers.get("location") if status in (301, 302, 303, 307, 308) else None
        self.forms, self.links, self.words = [], [], []
        self.title = ""
        self._form, self._inside = None, []
        if "html" in headers.get("content-type", ""):
            self.feed(body)
            self.close()
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(attributes)
            self.forms.append(self._form)
        elif tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            self.leads_to = attributes["content"].partition("url=")[2]
        elif tag == "a" and "href" in attributes:
            self.links.append(attributes["href"])
        elif tag == "input" and self._form is not None and attributes.get("name"):
            kind = attributes.get("type", "text")
            if kind == "submit":
                self._form.buttons.append(attributes)
            elif kind not in ("checkbox", "radio") or "checked" in attributes:
                self._form.fields[attributes["name"]] = attributes.get("value", "")
                self._form.kinds[attributes["name"]] = kind
        elif tag == "button" and self._form is not None:
            self._form.buttons.append(attributes)
        if tag in ("title", "style", "script"):
            self._inside.append(tag)

    def handle_endtag(self, tag):
        if tag == "form":
            self._form = None
        if self._inside and self._inside[-1] == tag:
            self._inside.pop()

    def handle_data(self, data):
        if self._inside == ["title"]:
            self.title += data
        elif not self._inside:
            self.words.append(data)

    def form(self, *names):
        """The form with these fields or buttons; none if there is no such form."""
        return next((form for form in self.forms if form.has(*names)), None)


class Visitor:
    """A browser with cookies of its own."""

    def __init__(self):
        self.cookies = {}

    def open(self, url, site="none"):
        """Goes to an address: typed (`none`), or from a link at another site (`cross-site`)."""
        return self._go("GET", url, None, {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})

    def submit(self, page, form, **fields):
        """Fills in a form and sends it, as it stands on the page."""
        filled = {**form.fields, **fields}
        url = urljoin(page.url, form.action)
        here = urlsplit(page.url)
        headers = {
            "Origin": f"{here.scheme}://{here.netloc}",
            "Sec-Fetch-Site": "same-origin",
            "Sec-Fetch-Mode": "navigate",
            "Sec-Fetch-Dest": "document",
            "Sec-Fetch-User": "?1",
            "Referer": page.url,
        }
        if form.method == "get":
            return self._go("GET", f"{url}?{urlencode(filled)}", None, headers)
        return self._go("POST", url, urlencode(filled), headers)

    def _go(self, method, url, body, headers):
        url = url.replace(" ", "%20")  # as browsers do with what programs put together carelessly
        start = urlsplit(url).netloc
        for _ in range(12):
            page = self._ask(method, url, body, headers)
            if page.leads_to is None:
                return page
            to = urljoin(url, page.leads_to)
            if urlsplit(to).netloc != start:
                page.left = to
                return page
            if page.status not in (307, 308):
                method, body = "GET", None
            url = to
        raise AssertionError(f"redirected without end, at last to {url}")

    def _ask(self, method, url, body, headers):
        parts = urlsplit(url)
        sent = {"User-Agent": AGENT, "Accept": "text/html,*/*;q=0.8", **headers}
        if method == "GET":
            sent.pop("Origin", None)
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        jar = self.cookies.get(parts.netloc, {})
        if jar:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
        connection = http.client.HTTPConnection(parts.netloc, timeout=30)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request(method, target, body, sent)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        told = {}
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self._keep(parts.netloc, value)
            told[name.lower()] = value
        return Page(url, answer.status, told, text)

    def _keep(self, place, line):
        pair, *attributes = [part.strip() for part in line.split(";")]
        name, _, value = pair.partition("=")
        jar = self.cookies.setdefault(place, {})
        gone = any(attribute.lower() in ("max-age=0",) for attribute in attributes) or value == ""
        if gone:
            jar.pop(name, None)
        else:
            jar[name] = value


def arrive(visitor, url, email=None, password=None, decision="allow", secret=None):
    """Goes to `url` and does what the pages ask, as somebody would, until nothing is asked any more.

    Gives the last page and the list of what was asked on the way.
    """
    page, asked = visitor.open(url, site="cross-site"), []
    while page.left is None:
        if (form := page.form("username", "password")) and "sign-in" not in asked and email:
            asked.append("sign-in")
            page = visitor.submit(page, form, username=email, password=password)
        elif (form := page.form("user_code")) and not page.form("decision") and "user-code" not in asked:
            asked.append("user-code")
            page = visitor.submit(page, form)
        elif (form := page.form("code")) and "code" not in asked and secret:
            asked.append("code")
            page = visitor.submit(page, form, code=totp(secret))
        elif (form := page.form("decision")) and "decision" not in asked:
            asked.append("decision")
            page = visitor.submit(page, form, decision=decision)
        else:
            break
    return page, asked


def totp(secret, at=None, ahead=0):
    """The code of a base32 secret now (RFC 6238: SHA-1, 30 s, 6 digits)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    step = int((time.time() if at is None else at) // 30) + ahead
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    start = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[start:start + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def next_step():
    """Waits until no code of the current 30 seconds is good any more, so that a new one was never used."""
    time.sleep(30 - time.time() % 30 + 0.2)
