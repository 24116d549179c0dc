"""The MLOps API workspace tutorial, cell by cell, in the order of its page.

The cells are the page's own; what stands between them asserts what the page shows below each.
The one preparation is what the page's own server had: a default workspace, another one with models and pipelines, and a second person.
"""

import json
import os
import shutil
import subprocess

import jwt
import requests
import wallaroo
from wallaroo.framework import Framework

from checks import check, finish, like, same, story
from people import ADA, URL, a_number, a_sentence, a_uuid, row

JOHN = "john.hansarick@wallaroo.ai"


def display(value):
    print(value)


def curl(command, *arguments):
    """One `!curl` cell: what it prints on stdout. The page's arguments and no others."""
    done = subprocess.run(["curl", command, *arguments], capture_output=True, text=True, timeout=60)
    check("curl ends well", done.returncode == 0, done.stderr)
    return done.stdout


def compact(sentence, text):
    """The page shows curl's answers in JSON's compact form."""
    value = json.loads(text)
    same(sentence, text, json.dumps(value, separators=(",", ":")))
    return value


if shutil.which("curl") is None:
    raise SystemExit("half of the tutorial's cells are curl commands: install curl")

with story("the page's server has two workspaces, one with models and pipelines, and two people"):
    before = wallaroo.Client()
    before.get_current_workspace()
    before.set_current_workspace(before.create_workspace("ccfraudworkspace"))
    versions = [before.upload_model(name, os.environ["ATELIER_TEST_ONNX"], framework=Framework.ONNX).id()
                for name in ("ccfraud", "other", "ccfraud")]
    pipelines = [before.build_pipeline(name).id() for name in ("ccfraud-pipeline", "other")]
    john_id = before.invite_user(JOHN, "a password for john")["id"]
    check("john has an id", a_uuid(john_id), john_id)

with story("connect (cells 1 to 3)"):
    wl = wallaroo.Client()

    display(wl.api_endpoint)
    display(list(wl.auth.auth_header()))

    same("the API service URL is the server's", wl.api_endpoint, URL)
    header = wl.auth.auth_header()
    same("the header is one", list(header), ["Authorization"])
    kind, token = header["Authorization"].split(" ")
    same("it is a bearer's", kind, "Bearer")
    head = jwt.get_unverified_header(token)
    shown = {key: head.get(key) for key in ("alg", "typ", "kid")}
    like("the token's head", shown, {"alg": "RS256", "typ": "JWT", "kid": a_sentence})
    claims = jwt.decode(token, options={"verify_signature": False})
    ada_id = claims["sub"]
    check("sub is a UUID", a_uuid(ada_id), ada_id)
    same("iss is the realm", claims["iss"], f"{URL}/auth/realms/master")
    same("typ", claims["typ"], "Bearer")
    same("azp", claims["azp"], "sdk-client")
    same("email", claims["email"], ADA)
    same("preferred_username", claims["preferred_username"], ADA)
    check("jti and sid are there", a_sentence(claims["jti"]) and a_sentence(claims["sid"]))
    check("it lives for minutes", 60 <= claims["exp"] - claims["iat"] <= 3600, claims)

default = row(f"{ADA} - Default Workspace", ADA)
# The versions are grouped by model.
contents = {"models": [versions[0], versions[2], versions[1]], "pipelines": pipelines}
fraud = {**row("ccfraudworkspace", ada_id), **contents}
by_requests = row("sampleapiworkspace-requests", ada_id)
by_curl = row("testapiworkspace-curl", ada_id)

with story("list user workspaces (cells 4 and 5)"):
    # Retrieve the token
    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/list"

    data = {
    }

    response = requests.post(endpoint,
                             json=data,
                             headers=headers,
                             verify=True).json()
    like("two workspaces, the default one first", response, {"workspaces": [default, fraud]})

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/list",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", "{}")
    same("curl sees the same", compact("curl prints the list as the page does", printed), response)

with story("create workspace (cells 28, 29, 8 and 9)"):
    # Retrieve the token
    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/create"

    data = {
      "workspace_name": "sampleapiworkspace-requests"
    }

    response = requests.post(endpoint, json=data, headers=headers, verify=True).json()
    display(response)
    like("the answer is the id alone", response, {"workspace_id": a_number})

    # Stored for future examples
    example_workspace_id = response['workspace_id']

    ## List workspaces

    # Retrieve the token
    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/list"

    data = {
    }

    response = requests.post(endpoint,
                             json=data,
                             headers=headers,
                             verify=True).json()
    like("it is listed, last", response, {"workspaces": [default, fraud, by_requests]})
    same("with the id of the answer", response["workspaces"][-1]["id"], example_workspace_id)

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/create",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", '{"workspace_name": "testapiworkspace-curl"}')
    created = compact("curl prints the id as the page does", printed)
    like("the answer is the id alone", created, {"workspace_id": a_number})

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/list",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", "{}")
    listed = compact("curl prints the list as the page does", printed)
    like("both are listed", listed, {"workspaces": [default, fraud, by_requests, by_curl]})
    same("the earlier rows are as they were", listed["workspaces"][:3], response["workspaces"])
    ids = [workspace["id"] for workspace in listed["workspaces"]]
    same("in the order of their ids", ids, sorted(set(ids)))
    same("the newest has the id of the answer", ids[-1], created["workspace_id"])

owner = {"user_id": ada_id, "user_type": "OWNER"}
collaborator = {"user_id": john_id, "user_type": "COLLABORATOR"}

with story("add user to workspace (cells 30 and 19)"):
    # Retrieve the token
    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/add_user"

    data = {
      "email": "john.hansarick@wallaroo.ai",
      "workspace_id": example_workspace_id
    }

    response = requests.post(endpoint,
                             json=data,
                             headers=headers,
                             verify=True).json()
    same("the answer is empty", response, {})

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/add_user",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", '{"email": "john.hansarick@wallaroo.ai","workspace_id": %s}' % example_workspace_id)
    same("and so it is the second time", printed, "{}")

with story("list users in a workspace (cells 31 and 32)"):
    # Retrieve the token

    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/list_users"

    data = {
      "workspace_id": example_workspace_id
    }

    response = requests.post(endpoint, json=data, headers=headers, verify=True).json()
    same("the owner and, once, the collaborator", response, {"users": [owner, collaborator]})

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/list_users",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", '{"workspace_id": %s}' % example_workspace_id)
    same("curl sees the same", compact("curl prints them as the page does", printed), response)

with story("remove user from a workspace (cells 33 to 36)"):
    # Retrieve the token
    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/remove_user"

    data = {
      "email": "john.hansarick@wallaroo.ai",
      "workspace_id": example_workspace_id
    }

    response = requests.post(endpoint, json=data, headers=headers, verify=True).json()
    same("one is removed", response, {"affected_rows": 1})

    # Retrieve the token

    headers = wl.auth.auth_header()

    endpoint = f"{wl.api_endpoint}/v1/api/workspaces/list_users"

    data = {
      "workspace_id": example_workspace_id
    }

    response = requests.post(endpoint, json=data, headers=headers, verify=True).json()
    same("the owner is left", response, {"users": [owner]})

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/remove_user",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", '{"email": "john.hansarick@wallaroo.ai","workspace_id": %s}' % example_workspace_id)
    same("nobody is left to remove", printed, '{"affected_rows":0}')

    printed = curl(f"{wl.api_endpoint}/v1/api/workspaces/list_users",
                   "-H", f"Authorization: {wl.auth.auth_header()['Authorization']}",
                   "-H", "Content-Type: application/json",
                   "--data", '{"workspace_id": %s}' % example_workspace_id)
    same("the owner is still there", compact("curl prints them as the page does", printed), {"users": [owner]})

with story("the references the page begins with"):
    page = requests.get(f"{wl.api_endpoint}/v1/api/docs", timeout=10)
    same("the API documents are where it says", page.status_code, 200)
    check("as a page", page.headers["Content-Type"].startswith("text/html"), page.headers)

finish()
