"""JupyterHub with oauthenticator: its home page, and its page for administrators."""

import sys
from pathlib import Path

from checks import check, finish, story
from chromium import Chromium
from programs.team import (
    ADA,
    ADA_PASSWORD,
    ANN,
    FOLDER,
    Program,
    a_port,
    arrives,
    asks_to_sign_in,
    recipe,
    sign_in,
    signs_out,
)

PORT = a_port()
SITE = f"http://localhost:{PORT}"
PROGRAMS = Path(sys.executable).parent

lines = recipe("jupyterhub", "jupyterhub", f"{SITE}/hub/oauth_callback")
(FOLDER / "jupyterhub_config.py").write_text(f"""
c = get_config()
{lines}
c.JupyterHub.bind_url = "http://127.0.0.1:{PORT}"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:{a_port()}"
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:{a_port()}"
c.ConfigurableHTTPProxy.command = [{str(PROGRAMS / "configurable-http-proxy")!r}]
c.JupyterHub.db_url = "sqlite:///hub.sqlite"
# No notebook is started: the home page shows who is there.
c.JupyterHub.default_url = "/hub/home"
""")

command = [sys.executable, "-m", "jupyterhub", "-f", str(FOLDER / "jupyterhub_config.py")]
with Program(command, f"{SITE}/hub/health") as hub, Chromium() as browser:
    with story("A member signs in and out"):
        browser.open(f"{SITE}/hub/home")
        browser.click("a[href*=oauth_login]")
        sign_in(browser, ANN)
        arrives("JupyterHub knows who it is", browser, f"{SITE}/hub/home", ANN)
        browser.open(f"{SITE}/hub/admin")
        arrives("a member does not manage JupyterHub", browser, f"{SITE}/hub/admin", "403")
        browser.open(f"{SITE}/hub/home")
        browser.click("#logout")
        signs_out(browser)
        browser.open(f"{SITE}/hub/home")
        check("JupyterHub asks to sign in again", browser.has("a[href*=oauth_login]") and ANN not in browser.text, browser.text)
        browser.click("a[href*=oauth_login]")
        asks_to_sign_in("and so does atelier", browser)

    with story("An administrator manages JupyterHub by the group"):
        sign_in(browser, ADA, ADA_PASSWORD)
        arrives("JupyterHub knows who it is", browser, f"{SITE}/hub/home", ADA)
        browser.open(f"{SITE}/hub/admin")
        arrives("an administrator manages JupyterHub", browser, f"{SITE}/hub/admin", ANN, ADA)

finish()
