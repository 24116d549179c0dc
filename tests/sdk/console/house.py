"""An organization with a workspace in it, and the people who are in it in every role, made by the command line."""

import json
import os
import sqlite3
import subprocess
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, urlopen

URL = os.environ["ATELIER_TEST_URL"]
PASSWORD = "long enough, and then some"

# Names that a page must show as they are: markup, right to left, and as long as a name may be.
MARKUP = "<b>fraud</b> & \"co\" <script>alert(1)</script>"
RIGHT_TO_LEFT = "\u05de\u05e2\u05d1\u05d3\u05d4 \u0645\u062e\u062a\u0628\u0631"
LONG = "long" * 63 + "ish"


def atelier(*line, given=None):
    """Types a command of the operator's: what it prints. `given` goes to its stdin."""
    command = [os.environ["ATELIER_TEST_BINARY"], *line, "--data-dir", os.environ["ATELIER_TEST_DATA"]]
    stdin = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(command, capture_output=True, text=True, **stdin)
    assert done.returncode == 0, f"{' '.join(line)} exits {done.returncode}: {done.stderr}"
    return done.stdout.strip()


def person(name, plain=False):
    """Somebody with the password of all, and with a long name unless it should be plain: their email."""
    email = f"{name}@example.com"
    last = "Example" if plain else LONG[:60]
    atelier("user", "add", email, "--first-name", name.title(), "--last-name", last, "--password-stdin", given=PASSWORD)
    return email


SETUP = f"""
[[organizations]]
name = "Acme"
[[organizations]]
name = {RIGHT_TO_LEFT!r}

[[people]]
email = "oscar@example.com"
organizations = {{ Home = "member", Acme = "admin" }}
[[people]]
email = "olga@example.com"
organizations = {{ Acme = "member" }}
[[people]]
email = "mia@example.com"
organizations = {{ Acme = "member" }}
[[people]]
email = "rita@example.com"
organizations = {{ Acme = "member" }}
[[people]]
email = "anna@example.com"
role = "annotator"
organizations = {{ Acme = "annotator" }}

[[roles]]
name = "tracer"
permissions = ["PROJECT_READ", "ML_MODEL_READ"]

[[workspaces]]
organization = "Acme"
name = '''{MARKUP}'''
description = "Finds <i>what</i> is wrong."
members = {{ "olga@example.com" = "owner", "mia@example.com" = "member", "rita@example.com" = "reader", "anna@example.com" = "annotator" }}
[[workspaces]]
organization = "Acme"
name = {RIGHT_TO_LEFT!r}
private = false
members = {{ "olga@example.com" = "owner" }}
[[workspaces]]
organization = "Acme"
name = "{LONG}"
members = {{ "olga@example.com" = "owner" }}

[[bindings]]
role = "tracer"
person = "rita@example.com"
organization = "Acme"
workspace = '''{MARKUP}'''
"""


def route_of(path, patterns):
    """The route of a path: the one with the fewest variables that fits; none if there is no such route."""
    def fits(pattern):
        ours, theirs = pattern.split("/"), path.split("/")
        return len(ours) == len(theirs) and all(a == b or a.startswith("{") for a, b in zip(ours, theirs))

    return min((pattern for pattern in patterns if fits(pattern)), key=lambda pattern: pattern.count("{"), default=None)


def call(path, body, token=None):
    """Sends JSON, or a form to sign in with: the answer."""
    data = json.dumps(body) if token else urlencode(body)
    headers = {"content-type": "application/json", "authorization": f"Bearer {token}"} if token else {}
    with urlopen(Request(URL + path, data.encode(), headers)) as answer:
        return json.load(answer)


def contents():
    """Something of every kind in the workspace with the marked-up name."""
    ada = {"username": "ada@example.com", "password": os.environ["ATELIER_TEST_PASSWORD"]}
    grant = {"grant_type": "password", "client_id": "sdk-client", "scope": "openid api"}
    token = call("/auth/realms/master/protocol/openid-connect/token", {**grant, **ada})["access_token"]
    data = sqlite3.connect(os.path.join(os.environ["ATELIER_TEST_DATA"], "atelier.db"), timeout=10)
    place, organization = data.execute("SELECT id, organization_id FROM workspaces WHERE name = ?", [MARKUP]).fetchone()
    made = call("/v1/api/connections/create", {"name": MARKUP, "type": LONG, "details": {"host": "db.lan"}}, token)
    call("/v1/api/connections/add_to_workspace", {"workspace_id": place, "connection_id": made["id"]}, token)
    data.execute("BEGIN IMMEDIATE")

    def row(sql, *values):
        return data.execute(sql, values).lastrowid

    model = row("INSERT INTO models (workspace_id, name, created_at, updated_at) VALUES (?, 'resnet', 0, 0)", place)
    version = "INSERT INTO model_versions (model_id, organization_id, uuid, visibility, size, file_name, image_path, created_at, updated_at)"
    row(f"{version} VALUES (?, ?, 'aaaaaaaa-0000-4000-8000-000000000001', 'private', 0, '', ?, 0, 0)", model, organization, MARKUP)
    pipeline = row("INSERT INTO pipelines (workspace_id, name, created_at, updated_at) VALUES (?, 'fraud', 0, 0)", place)
    steps = json.dumps({"steps": [{"ModelInference": {"models": [{"name": MARKUP, "version": "x"}]}}]})
    row("INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_at) VALUES (?, ?, ?, 0)", pipeline, "bbbbbbbb-0000-4000-8000-000000000001", steps)
    tag = "INSERT INTO tags (organization_id, workspace_id, name, name_key, description, color, created_at, updated_at)"
    row(f"{tag} VALUES (?, ?, ?, ?, ?, 'red', 0, 0)", organization, place, MARKUP, MARKUP.lower(), RIGHT_TO_LEFT)
    project = "INSERT INTO projects (workspace_id, name, name_key, kind, created_at, updated_at)"
    row(f"{project} VALUES (?, ?, ?, 'application', 0, 0)", place, LONG, LONG)
    restricted = row(f"{project} VALUES (?, ?, ?, 'application', 0, 0)", place, MARKUP, MARKUP.lower())
    row("INSERT INTO restrictions (project_id, created_at) VALUES (?, 0)", restricted)
    row("UPDATE meta SET generation = generation + 1")
    data.commit()
    data.close()


def build():
    """Makes the house. Returns the people, the email of each persona, and the link that invites the annotator."""
    personas = {"organization admin": "oscar", "owner": "olga", "member": "mia", "reader": "rita"}
    people = {persona: person(name) for persona, name in personas.items()}
    people["stranger"] = person("sam")
    path = os.path.join(os.environ["ATELIER_TEST_DATA"], "..", "setup.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SETUP)
    atelier("apply", path, "--yes")
    people["annotator"] = "anna@example.com"
    contents()
    for email in ["ada@example.com", people["member"]]:
        atelier("key", "create", "--user", email, "--name", MARKUP)
    atelier("key", "create", "--workspace", f"Acme/{LONG}", "--role", "reader", "--name", "nightly")
    atelier("user", "invite", "ina@example.com", "--organization", "Acme")
    atelier("client", "add", "grafana", "--name", "Grafana <b>", "--redirect-uri", "https://grafana.example/login/generic_oauth")
    link = urlsplit(atelier("user", "invite-link", people["annotator"]))
    return people, f"{URL}{link.path}?{link.query}"
