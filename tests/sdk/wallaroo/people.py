"""Who takes part and how they sign in: the SDK's client, each with a token cache of its own.

The SDK keeps one token file per home, whoever signs in; here each person gets a folder.
"""

import importlib.metadata
import json
import os
import re
import tempfile
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path

import httpx
import wallaroo

URL = os.environ["WALLAROO_URL"]
ADA = os.environ["WALLAROO_USER"]
ADA_PASSWORD = os.environ["WALLAROO_PASSWORD"]
PASSWORD = "long enough, and then some"

SDK = importlib.metadata.version("wallaroo")
assert SDK == os.environ["ATELIER_TEST_SDK"], f"this is wallaroo {SDK}"

STARTED = datetime.now(timezone.utc)


def new_home():
    """Makes an empty folder the home of the token cache of clients that are made from now on."""
    home = tempfile.mkdtemp(dir=os.environ["HOME"])
    os.environ["XDG_CACHE_HOME"] = home
    return home


def cache(home):
    """Where the SDK keeps the token of clients made in `home`."""
    return Path(home) / "wallaroo_sdk" / "auth" / "keycloak.json"


def sign_in(email, password=PASSWORD, url=None, home=None):
    """A client signed in by e-mail and password, as the environment variables have it."""
    if home is None:
        new_home()
    else:
        os.environ["XDG_CACHE_HOME"] = home
    os.environ["WALLAROO_USER"] = email
    os.environ["WALLAROO_PASSWORD"] = password
    os.environ["WALLAROO_SDK_AUTH_TYPE"] = "user_password"
    return wallaroo.Client(api_endpoint=url)


def with_token(token, email, user_id, url=None):
    """A client that holds a bearer credential and nothing to renew it with."""
    file = Path(new_home()) / "token.json"
    file.write_text(json.dumps({"token": token, "user_email": email, "user_id": user_id}))
    os.environ["WALLAROO_SDK_CREDENTIALS"] = str(file)
    try:
        return wallaroo.Client(api_endpoint=url, auth_type="token")
    finally:
        del os.environ["WALLAROO_SDK_CREDENTIALS"]


def ask(client, path, body, url=URL):
    """POSTs as `client` without the SDK: status and JSON."""
    answer = httpx.post(f"{url}{path}", json=body, headers=client.auth.auth_header())
    return answer.status_code, answer.json()


def token_request(**form):
    """POSTs to the token endpoint without the SDK: status and JSON."""
    path = "/auth/realms/master/protocol/openid-connect/token"
    answer = httpx.post(f"{URL}{path}", data={"client_id": "sdk-client", **form})
    return answer.status_code, answer.json()


def names(client):
    """The workspaces that `client` is shown, in the order of the list."""
    return [workspace.name() for workspace in client.list_workspaces()]


def emails(workspace):
    """Who is in it, as the SDK shows it."""
    return [user.email() for user in workspace.users()]


def members(client, workspace):
    """Who is in it and as what, as `client` sees it over REST."""
    status, answer = ask(client, "/v1/api/workspaces/list_users", {"workspace_id": workspace.id()})
    assert status == 200, answer
    return [(user["user_id"], user["user_type"]) for user in answer["users"]]


# What a place in an answer must be, for `checks.like`.


def a_number(value):
    return type(value) is int and value > 0


def a_uuid(value):
    try:
        return str(uuid.UUID(value)) == value
    except (TypeError, ValueError):
        return False


def a_sentence(value):
    return isinstance(value, str) and value.strip() != ""


def a_moment(value):
    """Just now, as PostgreSQL prints it in JSON: UTC, microseconds without trailing zeros."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?\+00:00", value):
        return False
    form = "%Y-%m-%dT%H:%M:%S.%f%z" if "." in value else "%Y-%m-%dT%H:%M:%S%z"
    moment = datetime.strptime(value, form)
    slack = timedelta(seconds=2)
    return STARTED - slack <= moment <= datetime.now(timezone.utc) + slack


def refusal(code):
    """The whole body of a refusal in this dialect."""
    return {"msg": a_sentence, "code": code}


def row(name, created_by):
    """A workspace in `workspaces/list`, its keys in the tutorial's order."""
    return {
        "id": a_number,
        "name": name,
        "created_at": a_moment,
        "created_by": created_by,
        "archived": False,
        "models": [],
        "pipelines": [],
    }
