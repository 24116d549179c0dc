"""Does every action of the console as a person does it: fills in the form, presses the button, reads the sentence.

`ATELIER_TEST_SCRIPT` is `on` or `off`. A route of a form that nobody tried fails the test.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).parent.parent))

from checks import check, finish, same, story  # noqa: E402
from chromium import Chromium  # noqa: E402
from visitor import totp  # noqa: E402

from hand import FORMS, SCRIPT, Hand, Step, database  # noqa: E402
from house import PASSWORD, URL, atelier, call, person, route_of  # noqa: E402

ADA, GRACE, LINUS, TOM, INA = (f"{name}@example.com" for name in ("ada", "grace", "linus", "tom", "ina"))
PASSWORDS = {ADA: os.environ["ATELIER_TEST_PASSWORD"], GRACE: PASSWORD, LINUS: PASSWORD}
CONNECT = "/auth/realms/master/protocol/openid-connect"

# Routes of forms that are not sent here, each with its reason.
ELSEWHERE = {
    f"{CONNECT}/auth": "apps send people here by a form of their own; no page has one (tests/api/console/authorize.rs)",
    "/oauth2/authorize": "the same under another path",
    f"{CONNECT}/device": "the same as /auth/realms/master/device, where the form leads",
    "/auth/sign-in/second-factor": "needs a server that demands second factors (tests/api/console/sign_in.rs)",
    "/auth/sign-in/password": "needs a password of the operator's that must be changed (tests/api/console/passwords.rs)",
}


def sdk_session(email):
    """A session of a program of the person."""
    body = {"grant_type": "password", "client_id": "sdk-client", "scope": "openid api", "username": email, "password": PASSWORDS[email]}
    return call(f"{CONNECT}/token", body)["access_token"]


def contents():
    """A model, a pipeline and a connection, which only programs make."""
    place = hand.kept["workspace"]
    for table in ("models", "pipelines"):
        database(f"INSERT INTO {table} (workspace_id, name, created_at, updated_at) VALUES (?, 'resnet', 0, 0)", place)
        hand.kept[table] = database(f"SELECT max(id) FROM {table}")[0]
    call("/v1/api/connections/create", {"name": "warehouse", "type": "sql", "details": {"host": "db.lan"}}, sdk_session(ADA))


def laboratory():
    """Another organization with the owner and a member of the workspace."""
    atelier("org", "create", "Lab")
    for email in (ADA, GRACE):
        atelier("org", "add-member", "Lab", email)


def fail_to_sign_in():
    """Wrong passwords, until the account has to wait."""
    for _ in range(30):
        try:
            call(f"{CONNECT}/token", {"grant_type": "password", "client_id": "sdk-client", "username": LINUS, "password": "wrong"})
        except OSError:
            pass
        if database("SELECT 1 FROM audit WHERE verb = 'sign_ins.delay'"):
            return
    raise AssertionError("wrong passwords delay nobody")


def grow_old():
    """As if every sign-in had been hours ago."""
    database("UPDATE sessions SET authenticated_at = authenticated_at - 36000000000 WHERE cookie IS NOT NULL")


def keep(name, css):
    """Keeps the words of an element."""

    def read():
        hand.kept[name] = browser.words(css).replace("\n", " ")

    return read


def keep_codes():
    hand.kept["codes"] = [browser.words_of(line) for line in browser.all("#recovery-codes li")]


def code():
    """The digits of the authenticator app for the key on the page."""
    browser.type("main [name=code]", totp(browser.words("#secret").replace(" ", "")))


def recovery():
    """One of the recovery codes."""
    browser.type("main [name=code]", hand.kept["codes"].pop())


def go(path, *press):
    """Opens a page, and follows links from there."""

    def opened():
        browser.open(URL + path.format_map(hand.kept))
        for link in press:
            browser.press(hand.named(link))

    return opened


def workspaces():
    base = "/workspaces/{workspace}"
    route = lambda rest: "/workspaces/{workspace}" + rest  # noqa: E731
    yield Step(
        "/workspaces/new",
        "/",
        "Create workspace",
        "The workspace has been created.",
        {"name": "churn", "members": f"{LINUS} reader"},
        ("New workspace",),
        keep=("workspace", r"/workspaces/(\d+)"),
        row=LINUS,
    )
    yield Step(route("/members"), base, "Add", "The member has been added.", {"email": GRACE, "role": "member"}, row=GRACE)
    yield Step(route("/members/roles"), base, "Save roles", "The roles have been saved.", {f"[aria-label='Role of {GRACE}']": "Reader"}, at_once=True)
    same("the role is another one", database("SELECT m.role FROM members m JOIN users u ON u.id = m.user_id WHERE u.email = ?", GRACE)[0], "reader")
    yield Step(route("/members/{user}/remove"), base, "Remove", "The member has been removed.", press=(f"Remove {LINUS}",), gone=LINUS)
    yield Step(route("/invite"), base, "Invite", f"Send this link to {INA}", {"email": INA}, ("Invite somebody new",))
    yield keep("link", "#link")
    yield Step(
        route("/settings"),
        base + "/settings",
        "Save",
        "The settings have been saved.",
        {"name": "churn-2", "private": False},
        row="open to its organization",
    )
    yield contents
    yield Step(route("/connections"), base + "/connections", "Add", "The workspace has the connection now.", {"name": "warehouse"}, row="warehouse")
    yield Step(
        route("/connections/{connection}/remove"),
        base + "/connections",
        "Remove",
        "The workspace no longer has the connection.",
        press=("Remove warehouse",),
        gone="warehouse",
    )
    yield Step(
        route("/connections/new"),
        base + "/connections",
        "Create",
        "The connection has been created, and the workspace has it.",
        {"name": "lake", "type": "S3", "details": '{{"bucket": "raw"}}'},
        ("New connection",),
        row="lake",
    )
    yield Step(
        route("/connections/{connection}/delete"),
        base + "/connections",
        "Delete",
        "The connection has been deleted.",
        {"name": "lake"},
        ("lake", "Delete"),
        gone="lake",
    )
    yield laboratory
    for _ in ("there", "back"):
        yield Step(route("/move"), base + "/settings", "Move", "The workspace belongs to another organization now.", press=("Continue",))
    yield Step(
        route("/models/{model}/delete"), base + "/models/{models}", "Delete", "The model has been deleted.", press=("Delete model",), gone="resnet"
    )
    yield Step(
        route("/pipelines/{pipeline}/delete"),
        base + "/pipelines/{pipelines}",
        "Delete",
        "The pipeline has been deleted.",
        press=("Delete pipeline",),
        gone="resnet",
    )
    yield Step(
        route("/tags/new"),
        base + "/tags",
        "Create tag",
        "The tag has been created.",
        {"name": "stable", "description": "Tried.", "color": "red"},
        ("New tag",),
        row="stable",
    )
    yield Step(
        route("/tags/{tag}"), base + "/tags", "Save", "The tag has been changed.", {"name": "steady"}, ("stable",), gone="stable", row="steady"
    )
    yield Step(route("/tags/{tag}/delete"), base + "/tags", "Delete", "The tag has been deleted.", press=("Delete steady",), gone="steady")
    yield Step(
        route("/projects/new"),
        base + "/projects",
        "Create project",
        "The project has been created.",
        {"name": "traces"},
        ("New project",),
        row="traces",
    )
    yield Step(
        route("/projects/{project}/rename"),
        base + "/projects",
        "Rename",
        "The project has been renamed.",
        {"name": "spans"},
        ("Rename traces",),
        gone="traces",
        row="spans",
    )
    yield Step(
        route("/projects/{project}/restrict"),
        base + "/projects",
        "Restrict",
        "The project is restricted now.",
        press=("Restrict spans",),
        row="Lift",
    )
    yield Step(
        route("/projects/{project}/lift"),
        base + "/projects",
        "Lift restriction",
        "The restriction of the project has been lifted.",
        press=("Lift the restriction of spans",),
        gone="Lift",
    )
    yield Step(
        route("/projects/{project}/delete"), base + "/projects", "Delete", "The project has been deleted.", press=("Delete spans",), gone="spans"
    )
    yield Step(
        route("/hand-over"),
        base + "/settings",
        "Hand over",
        "The workspace has another owner now.",
        {"email": GRACE, "step_back": True},
        ("Hand over",),
    )
    yield Step(route("/members/{user}/remove"), base, "Leave", "You have left the workspace.", press=("Leave this workspace",))
    yield Step(route("/archive"), base + "/settings", "Archive", "The workspace is archived now.", press=("Archive",), row="Restore")
    yield Step(route("/settings/restore"), base + "/settings", "Restore", "The workspace has been restored.", gone="This workspace is archived")


def keys():
    yield Step("/keys/new", "/keys", "Create API key", "Your new API key", {"name": "laptop"}, ("New API key",), row="The key laptop works until")
    yield Step("/keys/{key}/renew", "/keys", "Renew", "The renewed API key", {"grace": "3600"}, ("Renew laptop",), row="The key laptop works until")
    yield Step("/keys/{key}/revoke", "/keys", "Revoke", "The key has been revoked.", press=("Revoke laptop",), gone="laptop")
    yield Step(
        "/service-keys/new",
        "/service-keys/new",
        "Create service key",
        "The new service key",
        {"name": "nightly", "role": "reader"},
        ("churn-2",),
        row="The key nightly works until",
    )
    yield Step(
        "/service-keys/{key}/renew",
        "/service-keys",
        "Renew",
        "The renewed service key",
        press=("nightly", "Renew"),
        row="The key nightly works until",
    )
    yield Step("/service-keys/{key}/revoke", "/service-keys", "Revoke", "The key has been revoked.", press=("nightly", "Revoke"), gone="nightly")
    yield Step(
        "/workspaces/{workspace}/delete",
        "/workspaces/{workspace}/settings",
        "Delete",
        "The workspace has been deleted.",
        {"name": "churn-2"},
        ("Delete this workspace",),
        gone="churn-2",
    )


def organizations():
    base = "/organizations/{organization}"
    route = lambda rest: "/organizations/{organization}" + rest  # noqa: E731
    yield Step(
        "/organizations/new",
        "/organizations",
        "Create organization",
        "The organization has been created.",
        {"name": "Acme"},
        ("New organization",),
        keep=("organization", r"/organizations/(\d+)"),
        row=ADA,
    )
    yield Step(
        route("/settings"), base, "Save", "The changes have been saved.", {"name": "Acme 2", "description": "Anvils."}, ("Settings",), row="Anvils."
    )
    yield Step(route("/members"), base, "Add", "The member has been added.", {"email": LINUS, "role": "reader"}, row=LINUS)
    yield Step(
        route("/members/{user}"), base, "Change role", "The role has been changed.", {"role": "admin"}, (f"Change the role of {LINUS}",), row=LINUS
    )
    yield Step(route("/members/{user}/remove"), base, "Remove", "The member has been removed.", press=(f"Remove {LINUS}",), gone=LINUS)
    yield Step(route("/delete"), base, "Delete organization", "The organization has been deleted.", {"name": "Acme 2"}, ("Delete",), gone="Acme 2")


def roles():
    yield lambda: atelier("workspace", "create", "risk", "--owner", GRACE)
    yield Step("/roles/new", "/roles", "Save", "The role has been created.", {"name": "tracer", "p": True}, ("New role",), row="tracer")
    yield Step("/roles/new", "/roles", "Save", "The role has been created.", {"name": "second"}, ("tracer", "Copy"), keep=("role", r"/roles/(\d+)"))
    yield Step("/roles/{role}/edit", "/roles/{role}", "Save", "The changes have been saved.", {"description": "Reads."}, ("Change",), row="Reads.")
    yield Step(
        "/bindings/new",
        "/bindings",
        "Bind role",
        "The role has been bound.",
        {"role": "second", "email": LINUS, "workspace": "risk"},
        ("Bind a role",),
        row="risk",
    )
    yield Step(
        "/bindings/{binding}/delete",
        "/bindings",
        "Remove binding",
        "The role binding has been removed.",
        press=("Remove the role second",),
        gone="second",
    )
    yield Step("/roles/{role}/delete", "/roles/{role}", "Delete role", "The role has been deleted.", press=("Delete",), gone="second")


def apps():
    yield Step(
        "/apps/new",
        "/apps",
        "Register app",
        "The app has been registered.",
        {"recipe": "grafana", "name": "Grafana", "id": "grafana", "redirect_uris": f"{URL}/auth/cli/callback"},
        ("New app",),
        row="grafana",
    )
    yield keep("secret", "#secret")
    yield Step(
        "/apps/{app}/settings",
        "/apps/grafana",
        "Save",
        "The changes have been saved.",
        {"name": "Boards", "scope_profile": True},
        ("Settings",),
        row="Boards",
    )
    yield Step("/apps/{app}/secret", "/apps/grafana", "New secret", "It is shown only now.", gone="{secret}")


def system():
    yield Step("/system/backups", "/system", "Make a backup now", "The backup has begun.")

    def finished():
        def is_there():
            browser.open(f"{URL}/system")
            return browser.has("#backups a[href$='/download']")

        browser.until(is_there, patience=60)
        hand.downloaded("/system/backups/", "application/", "")

    yield finished
    yield Step("/system/signing-keys/rotate", "/system", "Rotate now", "The next signing key signs from now on.")
    yield go("/audit")
    yield lambda: hand.downloaded("/audit.csv", "text/csv", "")
    yield lambda: hand.downloaded("/audit.jsonl", "application/", "{")
    yield go("/access")
    yield lambda: hand.downloaded("/access.csv", "text/csv", "")


def account():
    yield lambda: hand.sign_in(GRACE)
    base = "/auth/account"
    yield Step(f"{base}/zone", base, "Save", "The pages show times in the chosen zone.", {"zone": "Asia/Tokyo"})
    yield Step(f"{base}/name", base, "Save", "Your name has been changed.", {"first_name": "Grace", "last_name": "Hopper"}, ("Change name",))
    yield Step(
        f"{base}/password",
        base,
        "Change password",
        "Your password has been changed.",
        {"current": PASSWORD, "password": PASSWORD + "!", "again": PASSWORD + "!"},
        ("Change password",),
    )
    yield lambda: PASSWORDS.update({GRACE: PASSWORD + "!"})
    yield lambda: [sdk_session(GRACE) for _ in range(2)]
    yield Step(f"{base}/sessions/end", base, "End the session Wallaroo SDK", "The session has ended.")
    yield Step(f"{base}/sessions/end-others", base, "End all other sessions", "All other sessions have ended.", gone="Wallaroo SDK")
    query = {
        "client_id": "grafana",
        "response_type": "code",
        "redirect_uri": f"{URL}/auth/cli/callback",
        "scope": "openid",
        "state": "s",
        "code_challenge": "a" * 43,
        "code_challenge_method": "S256",
    }
    yield Step("/auth/consent", f"/oauth2/authorize?{urlencode(query)}", "Authorize", "Close this window", keep=("code", r"[?&]code=([^&]+)"))
    yield Step(f"{base}/programs/withdraw", base, "Revoke the access of Boards", "The app no longer has access.", gone="Boards")
    device = call(f"{CONNECT}/auth/device", {"client_id": "sdk-client", "scope": "openid"})
    yield lambda: hand.kept.update(device=device["user_code"])
    yield Step("/auth/realms/master/device", "/auth/realms/master/device", "Continue", "Wallaroo SDK", {"user_code": "{device}"})
    yield Step("/auth/realms/master/device", "", "Authorize", "Wallaroo SDK")
    for _ in range(2):
        yield Step(f"{base}/second-factor", base, "Set up", "Scan this QR code")
        yield code
        yield Step(f"{base}/second-factor/confirm", "", "Turn on", "Keep these recovery codes")
        yield keep_codes
        yield lambda: browser.press(hand.named("I have saved the codes"))
        yield lambda: check("it says that it is on", "Two-factor authentication is on." in browser.text, browser.text)
        if "was off again" not in hand.kept:
            yield go(f"{base}/second-factor/recovery-codes")
            yield recovery
            yield Step(f"{base}/second-factor/recovery-codes", "", "Create new codes", "Keep these recovery codes")
            yield keep_codes
            yield go(f"{base}/second-factor/remove")
            yield recovery
            yield Step(f"{base}/second-factor/remove", "", "Turn off", "Two-factor authentication is off.")
            hand.kept["was off again"] = True
    yield lambda: hand.sign_in(GRACE, hand.kept["codes"].pop())
    yield Step("/auth/sign-out", "/", "Sign out", "signed out")


def people():
    yield lambda: [atelier("key", "create", "--user", GRACE, "--name", name) for name in ("one", "two", "three")]
    yield lambda: [sdk_session(LINUS) for _ in range(3)]
    yield lambda: hand.sign_in(ADA)
    yield grow_old
    yield go("/people", "Add person")
    yield Step("/auth/account/confirm", "", "Continue", "Add person", {"password": PASSWORDS[ADA]})
    yield Step(
        "/people/new",
        "/people",
        "Add person",
        f"{TOM} has been added",
        {"email": TOM, "first_name": "Tom", "way": "A temporary password"},
        ("Add person",),
    )
    yield keep("temporary", "#secret-1")
    route = lambda rest: "/people/{user}" + rest  # noqa: E731
    rows = f"email,first_name,workspaces\nola@example.com,Ola,risk:member\n{TOM},Tom,risk:member\n"
    yield Step("/people/import", "/people", "Check", "1 invite", {"text": rows}, ("Import",))
    yield Step("/people/import", "", "Import", "Imported: 1 invited", row="ola@example.com")
    yield Step(route("/edit"), "/people/{linus}", "Save", "The changes have been saved.", {"last_name": "Pauling"}, ("Edit",), row="Pauling")
    yield Step(
        route("/role"), "/people/{linus}", "Save", "The changes have been saved.", {"developer": False}, ("Change role",), row="May not make keys"
    )
    yield Step(
        route("/invitation"),
        "/people/{ola}",
        "Make link",
        "With this link, ola@example.com chooses a password.",
        press=("Make a link for the invitation",),
    )
    yield Step(route("/reset-password"), "/people/{linus}", "Make link", f"With this link, {LINUS} chooses a password.", press=("Reset password",))
    yield Step(route("/reset-second-factor"), "/people/{grace}", "Remove", "Two-factor authentication has been removed", press=("Remove two-factor",))
    yield Step(route("/sessions/end"), "/people/{linus}", "End the session Wallaroo SDK", "The session has ended.")
    yield Step(
        route("/sessions/end-all"),
        "/people/{linus}",
        "End all sessions",
        "All sessions of this person have ended.",
        press=("End all sessions",),
        gone="Wallaroo SDK",
    )
    yield Step(route("/keys/revoke"), "/people/{grace}", "Revoke the key one", "The API key has been revoked.", row="two")
    yield Step(
        route("/keys/revoke-all"),
        "/people/{grace}",
        "Revoke",
        "All API keys of this person have been revoked.",
        press=("Revoke all keys",),
        row="No valid API key.",
    )
    yield fail_to_sign_in
    yield Step(route("/unlock"), "/people/{linus}", "Clear failed sign-ins", "The failures have been cleared.")
    yield Step("/audit/sign-ins/clear", "/audit/sign-ins", f"Clear the failures of {LINUS}", "The failures have been cleared.")

    def select(*names):
        def selected():
            browser.open(f"{URL}/people")
            for name in names:
                hand.fill(f"main input[aria-label^='{name}']", True)

        return selected

    yield select("Linus", "Tom")
    yield lambda: browser.press(hand.named("Add to a workspace"))
    yield Step("/people/add", "", "Add", "The people are members of the workspace now.", {"workspace": "risk", "role": "reader"})
    yield select("Linus", "Tom")
    yield lambda: browser.press(hand.named("Disable"))
    yield Step("/people/disable", "", "Disable", "The accounts have been disabled.", row="Disabled")
    yield Step(route("/enable"), "/people/{tom}", "Enable", "The person can sign in again.", row="Ends all access at once")
    yield Step(route("/delete"), "/people/{linus}", "Delete", "The account has been deleted.", {"name": LINUS}, ("Delete",), gone=LINUS)
    yield Step("/apps/{app}/delete", "/apps/grafana", "Remove app", "The app has been removed.", press=("Remove",), gone="Boards")


def coming_in():
    yield Step("/auth/sign-out", "/", "Sign out", "signed out")
    yield Step(
        "/auth/password",
        "/auth/password",
        "Set password",
        "You can sign in with it now.",
        {"email": TOM, "temporary": "{temporary}", "password": PASSWORD, "again": PASSWORD},
    )
    yield browser.forget
    yield lambda: browser.open(hand.kept["link"])
    yield Step("/auth/invitation", "", "Set password", "You can sign in with it now.", {"password": PASSWORD, "again": PASSWORD})


for name in ("grace", "linus"):
    person(name, plain=True)
with Chromium(width=1280, height=900) as browser:
    hand = Hand(browser, PASSWORDS)
    browser.cdp("Emulation.setScriptExecutionDisabled", value=not SCRIPT)
    hand.sign_in(ADA)
    same("the pages have a script, or none", browser.run("return typeof window.htmx !== 'undefined'"), SCRIPT)
    for part in (workspaces, keys, organizations, roles, apps, system, account, people, coming_in):
        with story(part.__name__.replace("_", " ")):
            for step in part():
                hand.do(step) if isinstance(step, Step) else step()
    tried = {route_of(path, FORMS) for path in browser.posted}
    same("every form was sent", [route for route in FORMS if route not in tried and route not in ELSEWHERE], [])
    same("every exception is one", sorted(tried & set(ELSEWHERE)), [])
finish()
