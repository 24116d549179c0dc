"""Every command of `ax` that speaks to the server, as a person types it: what it prints and how it exits.

The first commands are typed at the real executable; the others run in a process that has loaded it once.
"""

import importlib.metadata
import json
from datetime import datetime, timedelta, timezone

from ax_command import SCRATCH, ax, typed
from checks import check, finish, same, story
from people import HOST, KEY, ask, home, key_of, other_id, person

assert importlib.metadata.version("arize-ax-cli") == "0.39.0"


def profile(name, key):
    """A profile as the contract has it; nothing else tells `ax` where the server is."""
    host, port = HOST.split(":")
    routing = f'single_host = "{host}"\nsingle_port = "{port}"'
    if "/" in HOST:
        # Below a base path, as the greeting and the console have it.
        routing = f'api_host = "{HOST}"'
    file = SCRATCH / f"{name}.toml"
    file.write_text(
        f'[profile]\nname = "{name}"\n[auth]\nauth_method = "api-key"\napi_key = "{key}"\n'
        f'[routing]\n{routing}\napi_scheme = "http"\n'
        "[update]\nenabled = false\n"
    )
    return file


def told(*line):
    """What a command that works prints, from JSON."""
    code, out, err = ax(*line, "-o", "json")
    if code != 0:
        raise AssertionError(f"ax {' '.join(line)} exits {code}: {err}")
    return json.loads(out)


def inner(union):
    """What is in a union of models, which dumps itself so."""
    return union["actual_instance"]


def done(sentence, *line):
    """A command that prints nothing as data works."""
    code, out, err = ax(*line)
    return check(sentence, (code, out) == (0, ""), f"{code}: {out!r} {err!r}")


def fails(sentence, code, saying, *line):
    """A command exits as it should, with words on stderr and no data."""
    got, out, err = ax(*line)
    return check(sentence, got == code and saying in err and out == "", f"{got}: {out!r} {err!r}")


with story("profiles"):
    code, _, err = typed("spaces", "list", "-o", "json")
    check("without a profile there is nothing to speak to", code == 1, f"{code}: {err}")
    code, _, err = typed("profiles", "create", "local", "--from-file", str(profile("local", KEY)))
    check("one is made from a file", code == 0, err)
    code, out, err = typed("spaces", "list", "-o", "json")
    same("and it works", (code, json.loads(out)["pagination"]["has_more"]), (0, False))
    bob, _ = person("bob")
    for name, key in (("bob", key_of(bob.email)), ("nobody", "atl_nobody")):
        same(f"another: {name}", ax("profiles", "create", name, "--from-file", str(profile(name, key)))[0], 0)
    same("the first is used", ax("profiles", "use", "local")[0], 0)


def as_(name, call):
    ax("profiles", "use", name)
    try:
        return call()
    finally:
        ax("profiles", "use", "local")


with story("organizations"):
    acme = told("organizations", "create", "-n", "Acme", "--description", "rockets")
    same("create", (acme["name"], acme["description"]), ("Acme", "rockets"))
    same("get by name", told("organizations", "get", "Acme"), acme)
    same("get by id", told("organizations", "get", acme["id"]), acme)
    same("list", [o["name"] for o in told("organizations", "list")["organizations"]], ["Home", "Acme"])
    same("list by name", [o["id"] for o in told("organizations", "list", "-n", "CM")["organizations"]], [acme["id"]])
    page = told("organizations", "list", "-l", "1")
    rest = told("organizations", "list", "-l", "1", "-c", page["pagination"]["next_cursor"])
    same("page by page", [o["name"] for o in page["organizations"] + rest["organizations"]], ["Home", "Acme"])
    same("to the end", rest["pagination"], {"has_more": False})
    same(
        "update by name",
        told("organizations", "update", "Acme", "-n", "ACME", "--description", "anvils")["name"],
        "ACME",
    )
    same(
        "with a name alone it clears the description",
        told("organizations", "update", acme["id"], "-n", "Acme")["description"],
        "",
    )
    same("a description is cleared", told("organizations", "update", "Acme", "--description", "")["description"], "")
    joined = told("organizations", "add-user", "Acme", "--user-id", bob.id, "-r", "MEMBER")
    same(
        "add-user",
        (joined["user_id"], joined["organization_id"], joined["role"]["name"]),
        (bob.id, acme["id"], "MEMBER"),
    )
    same(
        "again, by id",
        told("organizations", "add-user", acme["id"], "--user-id", bob.id, "-r", "READ_ONLY")["role"]["name"],
        "READ_ONLY",
    )
    done("remove-user", "organizations", "remove-user", "Acme", "--user-id", bob.id, "-f")
    fails("once", 4, "404", "organizations", "remove-user", acme["id"], "--user-id", bob.id, "-f")
    fails("a taken name", 4, "409 Conflict", "organizations", "create", "-n", "Acme")
    fails("an unknown name", 4, "not found", "organizations", "get", "Nowhere")
    fails("an unknown id", 4, "404 Not Found", "organizations", "get", other_id(acme["id"]))
    fails("nothing to update", 2, "--name", "organizations", "update", "Acme")
    same("delete asks first", ax("organizations", "delete", "Acme")[0], 0)
    same("and does nothing without an answer", told("organizations", "get", "Acme")["id"], acme["id"])

with story("spaces"):
    alpha = told("spaces", "create", "-n", "alpha", "--organization-id", home.id, "--description", "first")
    same("create", (alpha["name"], alpha["description"], alpha["organization_id"]), ("alpha", "first", home.id))
    same("get by name", told("spaces", "get", "alpha"), alpha)
    same("get by id", told("spaces", "get", alpha["id"]), alpha)
    told("spaces", "create", "-n", "beta", "--organization-id", acme["id"])
    same("list", sorted(s["name"] for s in told("spaces", "list")["spaces"]), ["alpha", "beta"])
    same(
        "list of one organization",
        [s["name"] for s in told("spaces", "list", "--organization-id", home.id)["spaces"]],
        ["alpha"],
    )
    page = told("spaces", "list", "-l", "1")
    rest = told("spaces", "list", "-l", "1", "-c", page["pagination"]["next_cursor"])
    same("page by page", sorted(s["name"] for s in page["spaces"] + rest["spaces"]), ["alpha", "beta"])
    same("update by name", told("spaces", "update", "alpha", "-n", "alef", "--description", "x")["name"], "alef")
    same(
        "with a name alone it clears the description",
        told("spaces", "update", alpha["id"], "-n", "alpha")["description"],
        "",
    )
    joined = told("spaces", "add-user", "alpha", "--user-id", bob.id, "-r", "MEMBER")
    same("add-user", (joined["user_id"], joined["space_id"], joined["role"]["name"]), (bob.id, alpha["id"], "MEMBER"))
    done("remove-user", "spaces", "remove-user", "alpha", "--user-id", bob.id, "-f")
    fails("once", 4, "404", "spaces", "remove-user", alpha["id"], "--user-id", bob.id, "-f")
    fails("a taken name", 4, "409 Conflict", "spaces", "create", "-n", "alpha", "--organization-id", home.id)
    fails("an unknown name", 4, "not found", "spaces", "get", "nowhere")
    fails("an unknown id", 4, "404 Not Found", "spaces", "get", other_id(alpha["id"]))
    fails("an unknown role", 4, "KING", "spaces", "add-user", "alpha", "--user-id", bob.id, "-r", "KING")
    fails(
        "an annotator who is none",
        4,
        "400 Bad Request",
        "spaces",
        "add-user",
        "alpha",
        "--user-id",
        bob.id,
        "-r",
        "ANNOTATOR",
    )
    fails("nothing to update", 1, "--name", "spaces", "update", "alpha")
    fails("an option that is none", 2, "--colour", "spaces", "list", "--colour")
    fails("a page that is none", 4, "", "spaces", "list", "-l", "101")
    as_("bob", lambda: fails("what one may not", 4, "403 Forbidden", "spaces", "update", "alpha", "-n", "mine"))
    as_("nobody", lambda: fails("who one is not", 4, "401 Unauthorized", "spaces", "list"))
    done("delete by name", "spaces", "delete", "beta", "-f")
    fails("once", 4, "not found", "spaces", "delete", "beta", "-f")
    code, out, err = ax("spaces", "list", "-o", "csv")
    check("a table of commas", code == 0 and {"id", "name"} <= set(out.splitlines()[0].split(",")), out)
    check("and one to look at", "alpha" in "".join(ax("spaces", "list")[1:]))
    code, out, _ = ax("spaces", "list", "-o", str(SCRATCH / "spaces.json"))
    same("and a file", [s["name"] for s in json.loads((SCRATCH / "spaces.json").read_text())["spaces"]], ["alpha"])

with story("users"):
    ivy = told("users", "create", "-n", "Ivy", "-e", "ivy@example.com", "-r", "MEMBER", "--invite-mode", "EMAIL_LINK")
    same("create", (ivy["name"], ivy["status"], ivy["invite_mode"]), ("Ivy", "INVITED", "EMAIL_LINK"))
    tim = told(
        "users", "create", "-n", "Tim", "-e", "tim@example.com", "-r", "MEMBER", "--invite-mode", "TEMPORARY_PASSWORD"
    )
    check("with a password, shown once", len(tim["temporary_password"]) >= 8)
    zed = told(
        "users", "create", "--full-name", "Zed", "-e", "zed@example.com", "-r", "ANNOTATOR", "--invite-mode", "NONE"
    )
    same("at once", (zed["status"], zed["role"]["name"]), ("ACTIVE", "ANNOTATOR"))
    same("get by e-mail", told("users", "get", "ZED@example.com")["id"], zed["id"])
    same("get by id", told("users", "get", zed["id"])["email"], "zed@example.com")
    same(
        "list", [u["email"].split("@")[0] for u in told("users", "list")["users"]], ["ada", "bob", "ivy", "tim", "zed"]
    )
    same("list by e-mail", [u["id"] for u in told("users", "list", "-e", "IVY")["users"]], [ivy["id"]])
    same("list by status", [u["name"] for u in told("users", "list", "-s", "INVITED")["users"]], ["Ivy", "Tim"])
    same("by two", len(told("users", "list", "-s", "INVITED", "-s", "ACTIVE")["users"]), 5)
    page = told("users", "list", "-l", "2")
    same("page by page", len(told("users", "list", "-l", "3", "-c", page["pagination"]["next_cursor"])["users"]), 3)
    same("update", told("users", "update", zed["id"], "-n", "Zedd")["name"], "Zedd")
    same("a developer", told("users", "update", zed["id"], "--is-developer")["is_developer"], True)
    same("or not", told("users", "update", zed["id"], "--is-not-developer")["is_developer"], False)
    done("resend-invitation", "users", "resend-invitation", ivy["id"])
    fails("not to who is in", 4, "400 Bad Request", "users", "resend-invitation", zed["id"])
    me = told("users", "get", "ada@example.com")
    done("reset-password", "users", "reset-password", me["id"])
    fails("not of who never came", 4, "400 Bad Request", "users", "reset-password", ivy["id"])
    fails(
        "a known person",
        4,
        "409 Conflict",
        "users",
        "create",
        "-n",
        "Z",
        "-e",
        "zed@example.com",
        "-r",
        "MEMBER",
        "--invite-mode",
        "NONE",
    )
    fails("nobody", 4, "not found", "users", "get", "nobody@example.com")
    fails("an unknown id", 4, "404 Not Found", "users", "get", other_id(zed["id"]))
    fails(
        "a mode that is none",
        2,
        "PIGEON",
        "users",
        "create",
        "-n",
        "Z",
        "-e",
        "z@example.com",
        "-r",
        "MEMBER",
        "--invite-mode",
        "PIGEON",
    )
    results = told(
        "users", "delete", "--id", f"{zed['id']},{tim['id']}", "-e", "ivy@example.com,who@example.com", "-f"
    )["results"]
    same("delete", sorted(result["status"] for result in results), ["deleted", "deleted", "deleted", "not_found"])
    same("they are gone", [u["name"] for u in told("users", "list")["users"]][1:], ["Bob"])

with story("roles"):
    curator = told(
        "roles", "create", "-n", "Curator", "--permissions", "SPACE_READ,PROJECT_READ", "--description", "keeps"
    )
    same("create", (curator["name"], sorted(curator["permissions"])), ("Curator", ["PROJECT_READ", "SPACE_READ"]))
    same("get by name", told("roles", "get", "Curator"), curator)
    same("get by id", told("roles", "get", curator["id"]), curator)
    same("list", len(told("roles", "list")["roles"]), 5)
    same(
        "list of the predefined",
        {r["is_predefined"] for r in told("roles", "list", "--is-predefined")["roles"]},
        {True},
    )
    same("and the others", [r["id"] for r in told("roles", "list", "--is-custom")["roles"]], [curator["id"]])
    page = told("roles", "list", "-l", "3")
    same("page by page", len(told("roles", "list", "-l", "3", "-c", page["pagination"]["next_cursor"])["roles"]), 2)
    changed = told("roles", "update", "Curator", "-n", "Keeper", "--permissions", "SPACE_READ")
    same(
        "update",
        (changed["name"], changed["permissions"], changed.get("description")),
        ("Keeper", ["SPACE_READ"], None),
    )
    fails("a taken name", 4, "409 Conflict", "roles", "create", "-n", "Keeper", "--permissions", "SPACE_READ")
    fails("an unknown permission", 2, "PAINT", "roles", "create", "-n", "x", "--permissions", "PAINT")
    fails("no permission", 2, "--permissions", "roles", "create", "-n", "x")
    fails("an unknown role", 4, "not found", "roles", "get", "Nobody")
    as_(
        "bob",
        lambda: fails(
            "what one may not", 4, "403 Forbidden", "roles", "create", "-n", "x", "--permissions", "SPACE_READ"
        ),
    )

with story("projects"):
    rocket = told("projects", "create", "-n", "rocket", "-s", "alpha")
    same("create in a space by name", (rocket["name"], rocket["space_id"]), ("rocket", alpha["id"]))
    comet = told("projects", "create", "-n", "comet", "-s", alpha["id"])
    same("get by id", told("projects", "get", rocket["id"]), rocket)
    same("get by name", told("projects", "get", "rocket", "-s", "alpha"), rocket)
    same("list", sorted(p["name"] for p in told("projects", "list")["projects"]), ["comet", "rocket"])
    same(
        "list by name and space",
        [p["id"] for p in told("projects", "list", "-n", "OCK", "-s", "LPH")["projects"]],
        [rocket["id"]],
    )
    same("and by space id", len(told("projects", "list", "-s", alpha["id"], "-l", "1")["projects"]), 1)
    same("update by name", told("projects", "update", "rocket", "-n", "moon", "-s", "alpha")["name"], "moon")
    same("update by id", told("projects", "update", rocket["id"], "-n", "rocket")["name"], "rocket")
    fails("a taken name", 4, "409 Conflict", "projects", "create", "-n", "rocket", "-s", "alpha")
    fails("by name alone it is nothing", 4, "Provide 'space'", "projects", "get", "rocket")
    fails("an unknown id", 4, "404 Not Found", "projects", "get", other_id(rocket["id"]))
    done("delete by name", "projects", "delete", "comet", "-s", "alpha", "-f")
    fails("once", 4, "404 Not Found", "projects", "delete", comet["id"], "-f")

with story("role bindings"):
    spot = ("--user-id", bob.id, "--resource-type", "SPACE", "--resource-id", alpha["id"])
    binding = told("role-bindings", "create", "--role-id", curator["id"], *spot)
    same(
        "create", (binding["user_id"], binding["resource_type"], binding["resource_id"]), (bob.id, "SPACE", alpha["id"])
    )
    on_project = ("--user-id", bob.id, "--resource-type", "PROJECT", "--resource-id", rocket["id"])
    other = told("role-bindings", "create", "--role-id", curator["id"], *on_project)
    same("get", told("role-bindings", "get", binding["id"]), binding)
    same(
        "list",
        [b["id"] for b in told("role-bindings", "list", "--resource-type", "SPACE")["role_bindings"]],
        [binding["id"]],
    )
    found = told("role-bindings", "list", "--resource-type", "PROJECT", "--user-id", bob.id, "-l", "1")["role_bindings"]
    same("list of a person's", [b["id"] for b in found], [other["id"]])
    second = told("roles", "create", "-n", "Second", "--permissions", "PROJECT_READ")
    same("update", told("role-bindings", "update", binding["id"], "--role-id", second["id"])["role_id"], second["id"])
    fails("a second one", 4, "409 Conflict", "role-bindings", "create", "--role-id", curator["id"], *spot)
    fails("another type", 2, "PLANET", "role-bindings", "list", "--resource-type", "PLANET")
    fails("a bound role stays", 4, "409 Conflict", "roles", "delete", "Second", "-f")
    done("delete", "role-bindings", "delete", binding["id"], "-f")
    fails("once", 4, "404 Not Found", "role-bindings", "get", binding["id"])
    done("then the role goes, by name", "roles", "delete", "Second", "-f")

with story("resource restrictions"):
    first = told("resource-restrictions", "restrict", "--resource-id", rocket["id"])
    same("restrict", (first["resource_type"], first["resource_id"]), ("PROJECT", rocket["id"]))
    same("again", told("resource-restrictions", "restrict", "--resource-id", rocket["id"]), first)
    same("list", told("resource-restrictions", "list")["resource_restrictions"], [first])
    same("list by type", told("resource-restrictions", "list", "-t", "DASHBOARD")["resource_restrictions"], [])
    fails("a space", 4, "400 Bad Request", "resource-restrictions", "restrict", "--resource-id", alpha["id"])
    done("unrestrict", "resource-restrictions", "unrestrict", "--resource-id", rocket["id"], "-f")
    fails("once", 4, "404 Not Found", "resource-restrictions", "unrestrict", "--resource-id", rocket["id"], "-f")

with story("API keys"):
    until = (datetime.now(timezone.utc) + timedelta(days=1)).isoformat(timespec="seconds")
    laptop = told("api-keys", "create", "-n", "laptop", "--description", "mine", "--expires-at", until)
    same("create", (laptop["key_type"], laptop["status"], laptop["description"]), ("USER", "ACTIVE", "mine"))
    same("it works", ask("GET", "/v2/spaces", key=laptop["key"])[0], 200)
    file = SCRATCH / ".env"
    code, out, _ = ax("api-keys", "create", "-n", "written", "--env-file", str(file))
    written = file.read_text().partition("=")[2].strip().strip("'\"")
    same("written to a file", (code, out, ask("GET", "/v2/spaces", key=written)[0]), (0, "", 200))
    places = json.dumps([{"org_id": home.id, "role": "MEMBER", "spaces": [{"space": "alpha", "role": "ADMIN"}]}])
    robot = told("api-keys", "create-service-key", "-n", "robot", "-a", places, "--account-role", "MEMBER")
    [inside] = robot["bot_user"]["organizations"]
    same("create-service-key", (robot["key_type"], inside["spaces"][0]["space_id"]), ("SERVICE", alpha["id"]))
    (SCRATCH / "places.json").write_text(json.dumps([{"org_id": home.id, "spaces": [{"space": alpha["id"]}]}]))
    second = told("api-keys", "create-service-key", "-n", "second", "-a", str(SCRATCH / "places.json"))
    role = inner(second["bot_user"]["organizations"][0]["spaces"][0]["role"])
    same("with a file and the role that is usual", (role["type"], role["name"]), ("PREDEFINED", "MEMBER"))
    mine = [inner(key)["name"] for key in told("api-keys", "list", "--key-type", "USER")["api_keys"]]
    check("list", {"laptop", "written", "sdk"} <= set(mine) and "robot" not in mine, mine)
    bots = {inner(key)["name"]: inner(key) for key in told("api-keys", "list", "--key-type", "SERVICE")["api_keys"]}
    same("list of bots", bots["robot"]["bot_user"]["id"], robot["bot_user"]["id"])
    same("page by page", len(told("api-keys", "list", "-l", "1")["api_keys"]), 1)
    fresh = told("api-keys", "refresh", laptop["id"], "--expires-at", until, "--grace-period-seconds", "60")
    old, new = (ask("GET", "/v2/spaces", key=key)[0] for key in (laptop["key"], fresh["key"]))
    same("refresh with grace", (fresh["id"], old, new), (laptop["id"], 200, 200))
    later = (datetime.now(timezone.utc) + timedelta(days=9)).isoformat(timespec="seconds")
    fails("no extension", 4, "422 Unprocessable Entity", "api-keys", "refresh", laptop["id"], "--expires-at", later)
    done("revoke", "api-keys", "revoke", laptop["id"], "-f")
    same("neither works", [ask("GET", "/v2/spaces", key=key)[0] for key in (laptop["key"], fresh["key"])], [401, 401])
    done("twice is as good", "api-keys", "revoke", laptop["id"], "-f")
    gone = [inner(key)["name"] for key in told("api-keys", "list", "--status", "REVOKED")["api_keys"]]
    check("list of the revoked", "laptop" in gone, gone)
    fails("an unknown key", 4, "404 Not Found", "api-keys", "revoke", other_id(laptop["id"]), "-f")
    fails("no time", 2, "tomorrow", "api-keys", "create", "-n", "x", "--expires-at", "tomorrow")

with story("the end"):
    done("an organization goes, by name", "organizations", "delete", "Acme", "-f")
    fails("once", 4, "404 Not Found", "organizations", "delete", acme["id"], "-f")
    fails("the home organization stays", 4, "40", "organizations", "delete", "Home", "-f")
    done("a space goes, by id", "spaces", "delete", alpha["id"], "-f")
    done("a role goes, by id", "roles", "delete", curator["id"], "-f")

finish()
