"""The people who sign in to another program, the program itself, and the recipe that configures it."""

import atexit
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit

from checks import check
from oidc.world import ADA, ADA_PASSWORD, ISSUER, PASSWORD, URL, atelier, person

FOLDER = Path(tempfile.mkdtemp(prefix="program-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
# Servers that start as root read their files as somebody else.
FOLDER.chmod(0o755)

atelier("org", "rename", "1", "acme")
atelier("workspace", "create", "fraud", "--owner", ADA)
# Ann is in the group acme/fraud, and Bob is not.
ANN, BOB = person("ann"), person("bob")
atelier("member", "add", "acme/fraud", ANN)


def a_port():
    """A free port below those that the system gives away by itself."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port


def recipe(program, client, redirect, *flags):
    """Registers a client: the lines for the configuration of the program, with the secret in its place."""
    command = [os.environ["ATELIER_TEST_BINARY"], "client", "add", client, "--recipe", program, "--redirect-uri", redirect]
    command += [*flags, "--data-dir", os.environ["ATELIER_TEST_DATA"]]
    environment = {**os.environ, "ATELIER_LISTEN": urlsplit(URL).netloc}
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment)
    assert done.returncode == 0, done.stderr
    _, found, lines = done.stderr.partition("for the configuration of ")
    lines = lines.partition("\n\n")[2]
    assert found and ISSUER in lines and "YOUR_SECRET" in lines, done.stderr
    return lines.replace("YOUR_SECRET", done.stdout.strip())


class Program:
    """Another program, which is ended with all that it started."""

    def __init__(self, command, ready, environment=None, patience=60):
        self.command, self.ready, self.patience = command, ready, patience
        self.environment = {**os.environ, **(environment or {})}
        # The packages of the program are its own business.
        self.environment.pop("PYTHONPATH", None)
        self.log = FOLDER / "log"

    def __enter__(self):
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=FOLDER, env=self.environment,
                start_new_session=True,
            )
        try:
            end = time.monotonic() + self.patience
            while not self.answers():
                assert self.child.poll() is None and time.monotonic() < end, self.said()
                time.sleep(0.1)
        except BaseException:
            self.__exit__(True)
            raise
        return self

    def __exit__(self, wrong, *_):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        if wrong:
            print(self.said())

    def answers(self):
        try:
            urllib.request.urlopen(self.ready, timeout=5).close()
        except HTTPError:
            return True
        except (URLError, OSError):
            return False
        return True

    def said(self):
        return f"{self.command[0]} says:\n{self.log.read_text(errors='replace')[-6000:]}"


def sign_in(browser, email, password=PASSWORD, decision="allow"):
    """Signs in where the browser was sent to, and authorizes the program if that is asked."""
    assert browser.until(lambda: browser.has("[name=username]")), f"{browser.url}:\n{browser.text}"
    check(f"{email} signs in at atelier", browser.url.startswith(URL), browser.url)
    browser.type("[name=username]", email)
    browser.type("[name=password]", password)
    browser.click("form:has([name=username]) button[type=submit]")
    if decision and browser.until(lambda: browser.has("[name=decision]") or not browser.url.startswith(URL)):
        if browser.url.startswith(URL) and browser.has("[name=decision]"):
            browser.click(f"[name=decision][value={decision}]")


def arrives(sentence, browser, url, *words):
    """The browser comes to an address that begins so, and reads these words there."""
    came = browser.until(lambda: browser.url.startswith(url) and all(word in browser.text for word in words), 20)
    return check(sentence, came, f"{browser.url}:\n{browser.text}")


def asks_to_sign_in(sentence, browser):
    """The browser is at the sign-in of atelier."""
    came = browser.until(lambda: browser.url.startswith(URL) and browser.has("[name=username]"))
    return check(sentence, came, f"{browser.url}:\n{browser.text}")


def signs_out(browser):
    """Confirms at atelier that the browser's session ends."""
    came = browser.until(lambda: browser.url.startswith(URL) and browser.has("[name=decision][value=allow]"))
    if check("the program hands the sign-out on to atelier", came, f"{browser.url}:\n{browser.text}"):
        browser.click("[name=decision][value=allow]")
        check("atelier signs out", browser.until(lambda: "signed out" in browser.text), browser.text)
