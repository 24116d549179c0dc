"""`python-keycloak`'s KeycloakAdmin: the people of the realm, as an administrator and as nobody much."""

import json
import os
import sqlite3
import time

from keycloak import KeycloakAdmin, KeycloakOpenID
from keycloak.exceptions import (
    KeycloakAuthenticationError,
    KeycloakDeleteError,
    KeycloakGetError,
    KeycloakPostError,
    KeycloakPutError,
)

from checks import check, finish, like, same, story
from world import (
    ADA,
    ADA_PASSWORD,
    AUTH,
    PASSWORD,
    a_number,
    a_truth,
    a_uuid,
    enrol,
    person,
    register,
)


def admin(username=ADA, password=ADA_PASSWORD, **more):
    return KeycloakAdmin(server_url=AUTH, username=username, password=password, realm_name="master", **more)


def refused(sentence, kind, status, call):
    """`call` raises exactly `kind` with this status, and says why in Keycloak's words."""
    try:
        answer = call()
    except Exception as raised:
        body = getattr(raised, "response_body", b"") or b""
        holds = type(raised) is kind and raised.response_code == status and b"error" in body
        return check(sentence, holds, f"raised {type(raised).__name__}: {raised}: {body!r}")
    return check(sentence, False, f"was not refused: {answer!r}")


def signed_in(email, password):
    """A token answer of somebody's, or the error's description."""
    try:
        return KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="sdk-client").token(email, password)
    except (KeycloakPostError, KeycloakAuthenticationError) as error:
        return json.loads(error.response_body)["error_description"]


def live(tokens):
    """Whether an access token is taken."""
    try:
        sdk.userinfo(tokens["access_token"])
        return True
    except KeycloakAuthenticationError:
        return False


sdk = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="sdk-client")
ada = admin()
NOBODY = "00000000-0000-4000-8000-000000000000"

with story("the realm"):
    same("is one", [realm["realm"] for realm in ada.get_realms()], ["master"])
    realm = ada.get_realm("master")
    same("and in force", (realm["realm"], realm["enabled"]), ("master", True))
    refused("another is not there", KeycloakGetError, 404, lambda: ada.get_realm("slave"))
    clients = {client["clientId"]: client for client in ada.get_clients()}
    check("it has the built-in clients", {"sdk-client", "api-client", "arize-cli", "admin-cli"} <= set(clients), list(clients))
    register("the-app", "--name", "The App", "--grant", "client_credentials")
    found = ada.get_client_id("the-app")
    check("one that was registered is found by its name", found is not None, found)
    client = ada.get_client(found)
    same("and read", (client["clientId"], client["name"], client["publicClient"]), ("the-app", "The App", False))
    check("without its secret", "secret" not in client, client)
    same("one that was not is not", ada.get_client_id("no-app"), None)
    refused("nor is it read", KeycloakGetError, 404, lambda: ada.get_client(NOBODY))

with story("somebody new"):
    before = ada.users_count()
    fields = {"username": "eve@example.com", "email": "eve@example.com", "firstName": "Eve", "lastName": "Moore", "enabled": True}
    eve = ada.create_user({**fields, "credentials": [{"type": "password", "value": PASSWORD, "temporary": False}]})
    check("has the id of the Location", a_uuid(eve), eve)
    same("is one more", ada.users_count(), before + 1)
    told = ada.get_user(eve)
    part = {name: told.get(name) for name in ("id", "username", "email", "firstName", "lastName", "enabled", "totp")}
    same("and is read as made", part, {"id": eve, **fields, "totp": False})
    like(
        "with Keycloak's other fields",
        {name: told.get(name) for name in ("createdTimestamp", "emailVerified", "requiredActions")},
        {"createdTimestamp": a_number, "emailVerified": a_truth, "requiredActions": []},
    )
    check("the moment is in milliseconds", abs(told["createdTimestamp"] / 1000 - time.time()) < 10, told)
    check("and no secret", not {"credentials", "password"} & {name for name in told if told[name]}, told)
    check("signs in with that password", live(signed_in("eve@example.com", PASSWORD)))
    refused("is not made twice", KeycloakPostError, 409, lambda: ada.create_user(fields))
    same("unless that is meant", ada.create_user(fields, exist_ok=True), eve)
    same("and stays one", ada.users_count(), before + 1)
    refused("an address that is none is refused", KeycloakPostError, 400, lambda: ada.create_user({"username": "no address", "email": "no address"}))
    refused("so is a password that is too short", KeycloakPostError, 400, lambda: ada.create_user({**fields, "username": "x@example.com", "email": "x@example.com", "credentials": [{"type": "password", "value": "x"}]}))
    same("and leaves nobody behind", ada.get_user_id("x@example.com"), None)
    frank = ada.create_user({"username": "frank@example.com", "email": "frank@example.com", "enabled": True})
    check("one without a password is made", a_uuid(frank), frank)
    same("and does not sign in", signed_in("frank@example.com", PASSWORD), "Invalid user credentials")

with story("finding people"):
    for name in ("gina", "george", "hal"):
        person(name)
    everybody = ada.get_users()
    same("all are listed", len(everybody), ada.users_count())
    names = [user["username"] for user in everybody]
    same("each once", sorted(set(names)), sorted(names))
    same("a few at a time", [user["username"] for user in ada.get_users({"first": 1, "max": 2})], names[1:3])
    same("to the end", ada.get_users({"first": 1000, "max": 2}), [])
    same("by a part of the name", sorted(u["username"] for u in ada.get_users({"search": "ge"})), ["george@example.com"])
    same("whatever the case", [u["username"] for u in ada.get_users({"search": "GINA"})], ["gina@example.com"])
    same("and counted so", ada.users_count({"search": "gina"}), 1)
    same("by an address", [u["id"] for u in ada.get_users({"email": "eve@example.com"})], [eve])
    same("by the whole name", [u["id"] for u in ada.get_users({"username": "eve@example.com", "exact": True})], [eve])
    same("a part is not the whole", ada.get_users({"username": "eve", "exact": True}), [])
    same("get_user_id finds one", ada.get_user_id("EVE@example.com"), eve)
    same("and nobody where there is nobody", ada.get_user_id("zoe@example.com"), None)
    same("who is enabled is told", {u["enabled"] for u in everybody}, {True})
    refused("one that is not there is not read", KeycloakGetError, 404, lambda: ada.get_user(NOBODY))
    same("a bot is no person", [u for u in everybody if "@" not in u["username"]], [])

with story("a change"):
    same("has nothing to say", ada.update_user(eve, {"firstName": "Eva"}), {})
    told = ada.get_user(eve)
    same("changes what it names", (told["firstName"], told["lastName"], told["enabled"]), ("Eva", "Moore", True))
    held = signed_in("eve@example.com", PASSWORD)
    ada.update_user(eve, {"enabled": False})
    same("disabling ends the sessions", live(held), False)
    same("and keeps out", signed_in("eve@example.com", PASSWORD), "Account disabled")
    ada.update_user(eve, {"enabled": True})
    same("enabling lets in, but brings nothing back", (live(signed_in("eve@example.com", PASSWORD)), live(held)), (True, False))
    refused("of nobody is refused", KeycloakPutError, 404, lambda: ada.update_user(NOBODY, {"firstName": "No"}))
    me = ada.get_user_id(ADA)
    refused("the last administrator stays in", KeycloakPutError, 400, lambda: ada.update_user(me, {"enabled": False}))

with story("a password that is set"):
    held = signed_in("eve@example.com", PASSWORD)
    same("has nothing to say", ada.set_user_password(eve, f"{PASSWORD} more", temporary=False), {})
    same("ends the sessions", live(held), False)
    same("is the only one", signed_in("eve@example.com", PASSWORD), "Invalid user credentials")
    check("and good", live(signed_in("eve@example.com", f"{PASSWORD} more")))
    ada.set_user_password(eve, f"{PASSWORD} once", temporary=True)
    same("a temporary one is good for no token", signed_in("eve@example.com", f"{PASSWORD} once"), "Account is not fully set up")
    same("for another has to be chosen", ada.get_user(eve)["requiredActions"], ["UPDATE_PASSWORD"])
    refused("one too short is refused", KeycloakPutError, 400, lambda: ada.set_user_password(eve, "short", temporary=False))
    same("and changes nothing", signed_in("eve@example.com", f"{PASSWORD} once"), "Account is not fully set up")
    refused("nobody's is not set", KeycloakPutError, 404, lambda: ada.set_user_password(NOBODY, PASSWORD))
    ada.set_user_password(eve, PASSWORD, temporary=False)
    same("a lasting one again asks for nothing", ada.get_user(eve)["requiredActions"], [])

with story("a second factor that is lost"):
    dora = person("dora")
    enrol(dora)
    dora_id = ada.get_user_id(dora)
    same("a password alone is not enough", signed_in(dora, PASSWORD), "Invalid user credentials")
    kinds = {credential["type"]: credential["id"] for credential in ada.get_credentials(dora_id)}
    same("both credentials are listed", sorted(kinds), ["otp", "password"])
    refused("a password is not taken away", KeycloakDeleteError, 400, lambda: ada.delete_credential(dora_id, kinds["password"]))
    refused("nor what is nobody's", KeycloakDeleteError, 404, lambda: ada.delete_credential(dora_id, dora_id))
    ada.delete_credential(dora_id, kinds["otp"])
    check("without it the password is", isinstance(signed_in(dora, PASSWORD), dict))
    refused("it is gone", KeycloakDeleteError, 404, lambda: ada.delete_credential(dora_id, kinds["otp"]))

with story("sessions"):
    one, two = signed_in("eve@example.com", PASSWORD), signed_in("eve@example.com", PASSWORD)
    sessions = ada.get_sessions(eve)
    same("are listed", {one["session_state"], two["session_state"]} <= {session["id"] for session in sessions}, True)
    [session] = [session for session in sessions if session["id"] == one["session_state"]]
    like(
        "with whose and since when",
        {name: session.get(name) for name in ("username", "userId", "ipAddress", "start", "lastAccess")},
        {"username": "eve@example.com", "userId": eve, "ipAddress": "127.0.0.1", "start": a_number, "lastAccess": a_number},
    )
    same("and of which client", list(session["clients"].values()), ["sdk-client"])
    check("in milliseconds", abs(session["start"] / 1000 - time.time()) < 30, session)
    same("user_logout has nothing to say", ada.user_logout(eve), {})
    same("and ends them all", (live(one), live(two), ada.get_sessions(eve)), (False, False, []))
    check("not the administrator's", ada.users_count() > 0)
    refused("nobody has none", KeycloakGetError, 404, lambda: ada.get_sessions(NOBODY))
    refused("and signs out of none", KeycloakPostError, 404, lambda: ada.user_logout(NOBODY))

with story("who is no administrator"):
    eve_admin = admin("eve@example.com", PASSWORD)
    same("finds whom they share an organization with", eve_admin.get_user_id("gina@example.com"), ada.get_user_id("gina@example.com"))
    gina = ada.get_user_id("gina@example.com")
    refused("makes nobody", KeycloakPostError, 403, lambda: eve_admin.create_user({"username": "y@example.com", "email": "y@example.com"}))
    refused("deletes nobody", KeycloakDeleteError, 403, lambda: eve_admin.delete_user(gina))
    refused("sets nobody's password", KeycloakPutError, 403, lambda: eve_admin.set_user_password(gina, f"{PASSWORD} by eve", temporary=False))
    refused("sees nobody's sessions", KeycloakGetError, 403, lambda: eve_admin.get_sessions(gina))
    refused("ends nobody's", KeycloakPostError, 403, lambda: eve_admin.user_logout(gina))
    refused("reads no clients", KeycloakGetError, 403, eve_admin.get_clients)
    check("and gina's password is what it was", live(signed_in("gina@example.com", PASSWORD)))
    same("and she is there", ada.get_user(gina)["enabled"], True)

with story("who signs in wrongly"):
    refused("a wrong password", KeycloakAuthenticationError, 401, lambda: admin(password="x" * 12).get_users())
    stale = admin(token={"access_token": "a.b.c", "expires_in": 300}, username=None, password=None)
    try:
        stale.get_users()
        check("a token that is none", False)
    except Exception as error:
        same("a token that is none", (type(error), error.response_code), (KeycloakAuthenticationError, 401))

with story("a token that grows old"):
    running = admin()
    count = running.users_count()
    first = running.connection.token["access_token"]
    running.connection.token = {**running.connection.token, "expires_in": 0}
    same("is renewed", running.users_count(), count)
    check("for another", running.connection.token["access_token"] != first)
    sdk_admin = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="admin-cli")
    sdk_admin.logout(running.connection.token["refresh_token"])
    same("a session that has ended is begun again", running.users_count(), count)

with story("two workers with one session"):
    worker = admin()
    worker.users_count()
    held = dict(worker.connection.token)
    worker.connection.token = {**held, "expires_in": 0}
    same("the first renews it", worker.users_count(), count)
    # The grace is over for the token that the second worker holds.
    with sqlite3.connect(f"{os.environ['ATELIER_TEST_DATA']}/atelier.db", timeout=30) as file:
        file.execute("UPDATE refresh_tokens SET exchanged_at = exchanged_at - 31000000")
    second = admin()
    second.connection.token = {**held, "expires_in": 0}
    same("the second, which comes late, signs in again by itself", second.users_count(), count)
    check("with tokens of its own", second.connection.token["refresh_token"] != held["refresh_token"])
    worker.connection.token = {**worker.connection.token, "expires_in": 0}
    same("and so does the first, whose session is over", worker.users_count(), count)

with story("somebody who goes"):
    held = signed_in("eve@example.com", PASSWORD)
    before = ada.users_count()
    same("has nothing to say", ada.delete_user(eve), {})
    same("is one fewer", ada.users_count(), before - 1)
    refused("is not read", KeycloakGetError, 404, lambda: ada.get_user(eve))
    same("nor found", ada.get_user_id("eve@example.com"), None)
    same("nor let in", (live(held), signed_in("eve@example.com", PASSWORD)), (False, "Invalid user credentials"))
    refused("and goes once", KeycloakDeleteError, 404, lambda: ada.delete_user(eve))
    refused("nobody deletes themselves", KeycloakDeleteError, 400, lambda: ada.delete_user(ada.get_user_id(ADA)))

finish()
