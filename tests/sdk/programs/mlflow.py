"""MLflow with mlflow-oidc-auth: who is there, and who is its administrator."""

import json
import secrets
import sys
from pathlib import Path

from checks import finish, same, story
from chromium import Chromium
from programs.team import (
    ADA,
    ADA_PASSWORD,
    ANN,
    BOB,
    FOLDER,
    Program,
    a_port,
    arrives,
    asks_to_sign_in,
    recipe,
    sign_in,
)

PORT = a_port()
SITE = f"http://localhost:{PORT}"
CURRENT = f"{SITE}/api/2.0/mlflow/users/current"

lines = recipe("mlflow", "mlflow", f"{SITE}/callback", "--post-logout-redirect-uri", f"{SITE}/oidc/ui/auth")
environment = dict(line.split("=", 1) for line in lines.replace("ORGANIZATION", "acme/fraud").split("\n") if line)
environment |= {
    "SECRET_KEY": secrets.token_hex(),
    "OIDC_USERS_DB_URI": f"sqlite:///{FOLDER}/people.sqlite",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
}
command = [str(Path(sys.executable).with_name("mlflow")), "server", "--app-name", "oidc-auth", "--workers", "1"]
command += ["--host", "127.0.0.1", "--port", str(PORT), "--backend-store-uri", f"sqlite:///{FOLDER}/runs.sqlite"]
command += ["--artifacts-destination", str(FOLDER / "artifacts")]


def current(browser):
    browser.open(CURRENT)
    return json.loads(browser.text)


with Program(command, f"{SITE}/health", environment, patience=150), Chromium() as browser:
    with story("A member of the workspace signs in and out"):
        browser.open(f"{SITE}/login")
        sign_in(browser, ANN)
        arrives("MLflow knows who it is", browser, f"{SITE}/oidc/ui/", "Hello, Ann")
        user = current(browser)
        same("and that she is no administrator", (user["username"], user["is_admin"]), (ANN, False))
        same("and her groups", [group["group_name"] for group in user["groups"]], ["acme", "acme/fraud", "acme/fraud:member"])
        browser.open(f"{SITE}/logout")
        arrives("signing out leads through atelier and back", browser, f"{SITE}/oidc/ui/auth", "Login with OIDC")
        same("MLflow knows nobody", current(browser), {"detail": "Authentication required"})
        browser.open(f"{SITE}/login")
        asks_to_sign_in("atelier asks to sign in again", browser)

    with story("Somebody else is refused"):
        sign_in(browser, BOB)
        arrives("MLflow refuses who is not in the workspace", browser, f"{SITE}/oidc/ui/auth", "User is not allowed to login")
        same("and knows nobody", current(browser), {"detail": "Authentication required"})
        browser.forget()

    with story("An administrator manages MLflow by the group"):
        browser.open(f"{SITE}/login")
        sign_in(browser, ADA, ADA_PASSWORD)
        arrives("MLflow knows who it is", browser, f"{SITE}/oidc/ui/", "Hello, ")
        user = current(browser)
        same("and that she is an administrator", (user["username"], user["is_admin"]), (ADA, True))

finish()
