"""Who takes part and how they are refused: the SDK's client for each person, whatever the generation.

What differs between generations is spelled here once: `word` for the casing of enums (lower case before
8.40), `space_role` and its like for the role classes, and the flags below.
"""

import base64
import importlib.metadata
import json
import logging
import os
import subprocess
from datetime import datetime, timedelta, timezone

import urllib3
from arize import ArizeClient
from arize._generated import api_client as generated
from arize._generated.api_client import exceptions
from arize.organizations.types import PredefinedOrgRole
from arize.spaces.types import CustomSpaceRole, PredefinedSpaceRole
from arize.users.types import InviteMode, PredefinedUserRole

from checks import check

URL = os.environ["ATELIER_TEST_URL"]
KEY = os.environ["ATELIER_TEST_KEY"]
# A base path follows the host.
HOST = URL.partition("://")[2]
ADA = "ada@example.com"

SDK = importlib.metadata.version("arize")
assert SDK == os.environ["ATELIER_TEST_SDK"], f"this is arize {SDK}"
VERSION = tuple(int(part) for part in SDK.split("."))
OLD = VERSION < (8, 40)  # lower-case enums, other names of classes
PRIVACY = VERSION >= (8, 43)  # the SDK knows is_private
GRACE = VERSION >= (8, 31)  # refresh takes grace_period_seconds
REVOKES = VERSION >= (8, 35)  # keys are revoked by PUT, not deleted

STARTED = datetime.now(timezone.utc)

BadRequest = exceptions.BadRequestException
Unauthorized = exceptions.UnauthorizedException
Forbidden = exceptions.ForbiddenException
NotFound = exceptions.NotFoundException
Conflict = exceptions.ConflictException
Unprocessable = exceptions.UnprocessableEntityException
STATUS = {BadRequest: 400, Unauthorized: 401, Forbidden: 403, NotFound: 404, Conflict: 409, Unprocessable: 422}

# Each first call of a method warns that it is a beta.
logging.disable(logging.WARNING)


def client(key=KEY, **more):
    """A client of this server, as the contract says that every generation can be told where it is."""
    return ArizeClient(api_key=key, api_host=HOST, api_scheme="http", **more)


def key_of(email):
    """A key of somebody's, made by the operator."""
    line = ["key", "create", "--user", email, "--name", "sdk", "--data-dir", os.environ["ATELIER_TEST_DATA"]]
    made = subprocess.run([os.environ["ATELIER_TEST_BINARY"], *line], capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


def word(name):
    """An enum's value as this generation spells it."""
    if not OLD:
        return name
    return "read-only" if name == "READ_ONLY" else name.lower()


def space_role(name):
    return PredefinedSpaceRole(name=word(name))


def custom_role(role):
    return CustomSpaceRole(id=role.id)


def org_role(name):
    return PredefinedOrgRole(name=word(name))


def account_role(name):
    return PredefinedUserRole(name=word(name))


def told(role):
    """A role in an answer, in today's spelling: `ADMIN` or, of a custom one, its id."""
    if role.type.upper() == "CUSTOM":
        return role.id
    return role.name.value.upper().replace("-", "_")


def plain(value):
    """An enum's value in today's spelling."""
    return getattr(value, "value", value).upper().replace("-", "_")


ada = client()
home = ada.organizations.get(organization="Home")


def invite(name, account="MEMBER", mode="NONE", by=ada, email=None):
    """Makes an account; `NONE` makes an active one."""
    return by.users.create(
        name=name.title(),
        email=email or f"{name}@example.com",
        role=account_role(account),
        invite_mode=InviteMode(word(mode)),
    )


def person(name, organization="MEMBER", account="MEMBER", inside=home):
    """An active account with a key: the user and a client. `organization=None` joins none but Home, if that."""
    user = invite(name, account)
    if organization:
        ada.organizations.add_user(organization=inside.id, user_id=user.id, role=org_role(organization))
    return user, client(key_of(user.email))


def ask(method, path, body=None, key=KEY, headers=None, raw=None):
    """A request without the SDK: status and body. It says that it comes from this generation."""
    sent = {
        "Authorization": f"Bearer {key}",
        "sdk-language": "python",
        "sdk-package-name": "arize",
        "sdk-version": SDK,
        **(headers or {}),
    }
    if raw is None and body is not None:
        raw = json.dumps(body)
    if raw is not None:
        sent.setdefault("Content-Type", "application/json")
    answer = urllib3.request(method, f"{URL}{path}", body=raw, headers=sent, retries=False, redirect=False)
    return answer.status, json.loads(answer.data) if answer.data else None


# What is refused, and how.

FIVE = ["detail", "instance", "status", "title", "type"]


def problem(sentence, kinds, call, saying=""):
    """`call` raises exactly `kinds` (one class, or several if the contract leaves it open) with a whole Problem."""
    kinds = kinds if isinstance(kinds, tuple) else (kinds,)
    try:
        answer = call()
    except Exception as error:
        if type(error) not in kinds:
            check(sentence, False, f"raised {type(error).__name__}: {error}")
            return error
        wrong = faults(error, STATUS[type(error)])
        if saying and saying.lower() not in str(error.body).lower():
            wrong.append(f"does not say {saying!r}: {error.body}")
        check(sentence, not wrong, "\n    ".join(wrong))
        return error
    check(sentence, False, f"was not refused: {answer!r}")
    return None


def faults(error, status):
    """What is wrong with the Problem that an exception carries."""
    wrong = []
    if error.status != status:
        wrong.append(f"status {error.status}, not {status}")
    kind = error.headers.get("Content-Type", "").split(";")[0]
    if kind != "application/problem+json":
        wrong.append(f"Content-Type {kind}")
    try:
        body = json.loads(error.body)
        if sorted(body) != FIVE:
            wrong.append(f"the body has {sorted(body)}, not {FIVE}")
        read = generated.Problem.from_dict(body)
        if read.status != status:
            wrong.append(f"the body says {read.status}, not {status}")
        wrong.extend(f"{name} is empty" for name in ("title", "type", "detail") if not getattr(read, name))
    except Exception as broken:
        wrong.append(f"the body is no Problem: {error.body!r}: {broken}")
    if error.data is not None and not isinstance(error.data, generated.Problem):
        wrong.append(f"the SDK reads {error.data!r}")
    return wrong


def refusal(sentence, answer, *statuses):
    """An answer of `ask` is a Problem of one of the statuses."""
    status, body = answer
    holds = status in statuses and isinstance(body, dict) and sorted(body) == FIVE and body["status"] == status
    return check(sentence, holds, f"{status}: {body!r}")


def attempt(call):
    """For calls that may or may not be refused: what matters is what they left behind."""
    try:
        call()
    except Exception as error:
        print(f"    raised {type(error).__name__}: {error}")


# What an answer is made of.


def an_id(kind, value):
    """base64 of `Kind:...` in characters that a URL needs not escape, in a length that needs no padding."""
    try:
        text = base64.b64decode(value, validate=True).decode()
    except (TypeError, ValueError):
        return False
    return text.startswith(f"{kind}:") and not set("+/=") & set(value)


def other_id(value):
    """The id of the same kind and row with another tag: well-formed, but nobody was ever told it."""
    head, _, tag = base64.b64decode(value).decode().rpartition(":")
    turned = "".join(chr(ord("A") + (ord(letter) - ord("A") + 1) % 26) if letter.isupper() else "Q" for letter in tag)
    return base64.b64encode(f"{head}:{turned}".encode()).decode()


def just_now(value, since=STARTED):
    """A moment with an offset, in the life of this program."""
    slack = timedelta(seconds=2)
    return value.tzinfo is not None and since - slack <= value <= datetime.now(timezone.utc) + slack


def pages(call, field, limit=1):
    """All items, `limit` at a time, and what is wrong with the pages."""
    found, wrong, cursor = [], [], None
    for _ in range(500):
        answer = call(limit=limit, cursor=cursor)
        items, more = getattr(answer, field), answer.pagination
        found.extend(items)
        if len(items) > limit:
            wrong.append(f"{len(items)} items on a page of {limit}")
        if bool(more.next_cursor) != bool(more.has_more):
            wrong.append(f"has_more {more.has_more} with next_cursor {more.next_cursor!r}")
        if not more.has_more:
            return found, wrong
        cursor = more.next_cursor
    return found, [*wrong, "it does not end"]


def paged(sentence, call, field, key="id"):
    """`limit=1` to the end gives what one page of 100 gives, in that order, nothing twice."""
    whole = [getattr(item, key) for item in getattr(call(limit=100), field)]
    single, wrong = pages(call, field)
    single = [getattr(item, key) for item in single]
    if single != whole:
        wrong.append(f"one by one {single}, at once {whole}")
    if len(set(single)) != len(single):
        wrong.append("something came twice")
    check(sentence, not wrong and len(whole) > 1, "\n    ".join(wrong) or f"only {len(whole)} to page through")
    return single


def filters(sentence, call, field, names, wanted, **filter):
    """The list under `filter` has exactly `wanted` of the `names`, however many others there are."""
    found = [item.name for item in getattr(call(limit=100, **filter), field)]
    found = sorted(name for name in found if name in names)
    return check(sentence, found == sorted(wanted), f"{found}, not {sorted(wanted)}")
