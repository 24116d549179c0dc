"""A real, headless Chromium, driven over the WebDriver protocol. Knows nothing of what is looked at.

`ATELIER_TEST_CHROMIUM` and `ATELIER_TEST_CHROMEDRIVER` say where the two programs are, `ATELIER_TEST_SHOTS` where
pictures of pages go.
"""

import base64
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TAB, ENTER, SPACE, SHIFT = "\ue004", "\ue007", "\ue00d", "\ue008"

FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--force-device-scale-factor=1",
    "--lang=en",
]

# The browser has to be closed also when whoever started this program has no more patience.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


class Refused(Exception):
    """The driver's word that something cannot be done: `kind` is the protocol's."""

    def __init__(self, kind, message):
        super().__init__(f"{kind}: {message.splitlines()[0] if message else ''}")
        self.kind = kind


class Chromium:
    """One browser with an empty profile. Use it in a `with`: it is closed at the end, whatever happens."""

    def __init__(self, *flags, width=1100, height=900):
        self.flags, self.width, self.height = flags, width, height
        self.session = self.sized = self.scheme = None
        # The paths that pages sent something to, as far as `take_log` has read them.
        self.posted = []

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory(prefix="profile-", ignore_cleanup_errors=True)
        self.driver = subprocess.Popen(
            [os.environ["ATELIER_TEST_CHROMEDRIVER"], "--port=0", "--log-level=WARNING"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        try:
            self.port = self._port()
            flags = [*FLAGS, *self.flags, f"--user-data-dir={self.profile.name}", f"--window-size={self.width},{self.height}"]
            asked = {
                "browserName": "chrome",
                "goog:chromeOptions": {
                    "binary": os.environ["ATELIER_TEST_CHROMIUM"],
                    "args": flags,
                    # Connections ahead of a request block clients whose callback server answers one after another.
                    "prefs": {"credentials_enable_service": False, "net": {"network_prediction_options": 2}},
                },
                "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
                "timeouts": {"pageLoad": 20000, "script": 10000, "implicit": 0},
            }
            answer = self._say("POST", "/session", {"capabilities": {"alwaysMatch": asked}})
            self.session = answer["sessionId"]
            self.size(self.width, self.height)
            self.colours("light")
            self.cdp("Emulation.setScrollbarsHidden", hidden=True)
            self.take_log()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        try:
            if self.session is not None:
                self._say("DELETE", f"/session/{self.session}")
        except Exception:
            pass
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.profile.cleanup()

    def _port(self):
        for line in self.driver.stdout:
            if found := re.search(r"started successfully on port (\d+)", line):
                return int(found.group(1))
        raise AssertionError(f"{os.environ['ATELIER_TEST_CHROMEDRIVER']} ended before it listened")

    def _say(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=90)
        try:
            text = json.dumps(body if body is not None else {}) if method == "POST" else None
            connection.request(method, path, text, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise Refused(answer["error"], answer.get("message", ""))
        return answer

    def _do(self, method, path, body=None):
        return self._say(method, f"/session/{self.session}{path}", body)

    def cdp(self, command, **parameters):
        """A command of Chromium's own protocol, for what WebDriver has no word for."""
        return self._do("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def open(self, url):
        """Types an address."""
        self._do("POST", "/url", {"url": url})

    def back(self):
        self._do("POST", "/back")

    def reload(self):
        self._do("POST", "/refresh")

    @property
    def url(self):
        return self._do("GET", "/url")

    @property
    def title(self):
        return self._do("GET", "/title")

    @property
    def source(self):
        return self._do("GET", "/source")

    def run(self, script, *values):
        """Evaluates a function's body in the page, from outside it: the page's own policy does not forbid that."""
        return self._do("POST", "/execute/sync", {"script": script, "args": list(values)})

    def size(self, width, height):
        """A window whose page is that wide, as a phone's is."""
        if self.sized == (width, height):
            return
        self.sized = width, height
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def colours(self, scheme):
        """As somebody has it who likes it `light` or `dark`."""
        if self.scheme == scheme:
            return
        self.scheme = scheme
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def all(self, css):
        return [item[ELEMENT] for item in self._do("POST", "/elements", {"using": "css selector", "value": css})]

    def one(self, css):
        """The only element of a selector."""
        found = self.all(css)
        assert len(found) == 1, f"{len(found)} of {css} at {self.url}:\n{self.text}"
        return found[0]

    def has(self, css):
        return bool(self.all(css))

    @property
    def text(self):
        """What a person reads."""
        return self.words("body")

    def words(self, css):
        """What a person reads there. A script may put another element in its place meanwhile."""
        for _ in range(5):
            [found, *_] = self.all(css)
            try:
                return self.words_of(found)
            except Refused as refused:
                if "stale element" not in str(refused):
                    raise
        return self.words_of(self.all(css)[0])

    def words_of(self, element):
        """What a person reads in an element that was found."""
        return self._do("GET", f"/element/{element}/text")

    def label(self, css):
        """What a screen reader calls it."""
        return self._do("GET", f"/element/{self.one(css)}/computedlabel")

    def role(self, css):
        return self._do("GET", f"/element/{self.one(css)}/computedrole")

    def attribute(self, css, name):
        return self._do("GET", f"/element/{self.one(css)}/attribute/{name}")

    def type(self, css, text):
        """Writes into an empty field."""
        element = self.one(css)
        self._do("POST", f"/element/{element}/clear")
        self._do("POST", f"/element/{element}/value", {"text": text})

    def click(self, css):
        """Clicks, and returns when what it led to is there."""
        self.press(self.one(css))

    def tick(self, element):
        """Clicks what leads to no other page."""
        self._do("POST", f"/element/{element}/click")

    def press(self, element):
        before = self.run("return performance.timeOrigin")
        self._do("POST", f"/element/{element}/click")
        self.settle(before)

    def keys(self, *keys):
        """Types on the keyboard, wherever the focus is."""
        actions = []
        for key in keys:
            for letter in key if not key.startswith("shift+") else [key]:
                if letter == "shift+tab":
                    actions += [("keyDown", SHIFT), ("keyDown", TAB), ("keyUp", TAB), ("keyUp", SHIFT)]
                else:
                    actions += [("keyDown", letter), ("keyUp", letter)]
        actions = [{"type": kind, "value": value} for kind, value in actions]
        self._do("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def enter(self, *keys):
        """Types keys of which the last leads to another page."""
        before = self.run("return performance.timeOrigin")
        self.keys(*keys)
        self.settle(before)

    def settle(self, before, patience=10):
        """Waits until another page than the one of `before` is there and done loading."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                if self.run("return performance.timeOrigin !== arguments[0] && document.readyState === 'complete'", before):
                    return
            except Refused:
                pass
            time.sleep(0.03)
        raise AssertionError(f"nothing came after {self.url}:\n{self.text}")

    def until(self, holds, patience=10):
        """Waits for something to hold; tells whether it does."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if holds():
                return True
            time.sleep(0.05)
        return bool(holds())

    def active(self):
        """What has the focus: its id or name, else its tag."""
        return self.run(
            "const e = document.activeElement; return e.id || e.name || e.getAttribute('href') || e.tagName.toLowerCase()"
        )

    def cookies(self):
        return self._do("GET", "/cookie")

    def forget(self):
        """Loses every cookie, as another person's browser has none."""
        self.cdp("Network.clearBrowserCookies")

    def shot(self, name, height=None):
        """Takes a picture of the whole page, or of its upper part."""
        size = self.run("return [document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        size[1] = height or size[1]
        clip = {"x": 0, "y": 0, "width": size[0], "height": max(size[1], 1), "scale": 1}
        data = self.cdp("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)["data"]
        folder = Path(os.environ["ATELIER_TEST_SHOTS"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.png").write_bytes(base64.b64decode(data))

    def wider_than_window(self):
        """By how many pixels the page must be scrolled sideways."""
        return self.run("const d = document.documentElement; return Math.max(d.scrollWidth, document.body.scrollWidth) - d.clientWidth")

    def take_log(self):
        """The console's lines and the addresses asked for since the last call."""
        lines = self._do("POST", "/se/log", {"type": "browser"})
        console = [f"{line['level']}: {line['message']}" for line in lines]
        asked = []
        for line in self._do("POST", "/se/log", {"type": "performance"}):
            event = json.loads(line["message"])["message"]
            if event["method"] == "Network.requestWillBeSent":
                request = event["params"]["request"]
                asked.append(request["url"])
                if request["method"] == "POST":
                    self.posted.append(urlsplit(request["url"]).path)
        return console, asked
