"""An organization with a workspace in it, and the people who are in it in every role, made by the command line."""

import os
import subprocess
from urllib.parse import urlsplit

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


def person(name, *flags):
    """Somebody with the password of all: their email."""
    email = f"{name}@example.com"
    atelier("user", "add", email, "--first-name", name.title(), "--last-name", LONG[:60], "--password-stdin", *flags, given=PASSWORD)
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
    atelier("client", "add", "grafana", "--name", "Grafana <b>", "--redirect-uri", "https://grafana.example/login/generic_oauth")
    link = urlsplit(atelier("user", "invite-link", people["annotator"]))
    return people, f"{URL}{link.path}?{link.query}"
