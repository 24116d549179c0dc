"""Takes the picture of the account page that README.md shows, with an app that the person has authorized."""

import base64
import hashlib
import os
from pathlib import Path
from urllib.parse import urlencode

from chromium import Chromium

URL, PASSWORD = os.environ["ATELIER_TEST_URL"], os.environ["ATELIER_TEST_PASSWORD"]
challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).decode().rstrip("=")
query = {
    "client_id": "grafana",
    "redirect_uri": f"{URL}/healthz",
    "response_type": "code",
    "scope": "openid email profile",
    "code_challenge": challenge,
    "code_challenge_method": "S256",
}

with Chromium(width=900, height=880) as browser:
    browser.open(f"{URL}/auth/realms/master/protocol/openid-connect/auth?{urlencode(query)}")
    browser.type("input[name=username]", "ada@example.com")
    browser.type("input[name=password]", PASSWORD)
    browser.click("form:has(input[name=username]) button[type=submit]")
    browser.click("button[name=decision][value=allow]")
    browser.open(f"{URL}/auth/account")
    assert "Grafana" in browser.text, browser.text
    clip = {"x": 0, "y": 0, "width": 900, "height": 880, "scale": 1}
    picture = browser.cdp("Page.captureScreenshot", format="png", clip=clip)["data"]
    Path(os.environ["ATELIER_TEST_PICTURE"]).write_bytes(base64.b64decode(picture))
