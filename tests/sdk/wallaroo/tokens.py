"""How the SDK signs in, keeps its token and renews it."""

import json
import os
import stat

import httpx
import jwt
import wallaroo
from gql.transport.exceptions import TransportQueryError, TransportServerError
from wallaroo.auth import TokenFetchError

from checks import check, finish, like, refused, same, story
from people import (
    ADA,
    ADA_PASSWORD,
    PASSWORD,
    URL,
    a_number,
    a_sentence,
    a_uuid,
    ask,
    cache,
    new_home,
    refusal,
    sign_in,
    token_request,
    with_token,
)
from recorder import Recorder

BOB = "bob@example.com"
KEYS = ["access_token", "expiry", "refresh_token", "refresh_token_expiry", "user_id", "user_email"]

recorder = Recorder()
home = new_home()
ada = sign_in(ADA, ADA_PASSWORD, home=home)
ada.invite_user(BOB, PASSWORD)
ADA_ID = ada.auth.user_id()


def cached(home):
    return json.loads(cache(home).read_text())


def spoil(home, **change):
    """Writes into the token cache, as time or another server would have; gives what is then there."""
    content = {**cached(home), **change}
    cache(home).write_text(json.dumps(content))
    return content


with story("Client with user and password"):
    like(
        "the SDK keeps the token",
        cached(home),
        dict(zip(KEYS, [a_sentence, lambda t: t > 0, a_sentence, lambda t: t > 0, ADA_ID, ADA])),
    )
    same("for its owner only", stat.S_IMODE(cache(home).stat().st_mode), 0o600)
    sign_in(ADA, ADA_PASSWORD, url=recorder.url, home=home)
    paths = [(request.method, request.path) for request in recorder.take()]
    same("and does not ask again", paths, [("GET", "/v1/api/config")])
    sign_in(ADA, ADA_PASSWORD, url=recorder.url)
    first, second = recorder.take()
    wanted = {"client_id": "sdk-client", "username": ADA, "password": ADA_PASSWORD, "grant_type": "password"}
    same("in a new home it signs in", first.form(), wanted)
    check("then reads the configuration as nobody", "authorization" not in second.headers, second.headers)
    same("a slash at the end is no matter", sign_in(ADA, ADA_PASSWORD, url=f"{URL}/").list_workspaces(), [])
    os.environ["WALLAROO_SDK_CREDENTIALS"] = f"{home}/who.json"
    with open(f"{home}/who.json", "w") as file:
        json.dump({"username": BOB, "password": PASSWORD}, file)
    del os.environ["WALLAROO_USER"]
    new_home()
    same("the credentials may be in a file", wallaroo.Client().auth.user_email(), BOB)
    del os.environ["WALLAROO_SDK_CREDENTIALS"]

with story("the configuration"):
    answer = httpx.get(f"{URL}/v1/api/config")
    same("is for everybody", (answer.status_code, answer.json().get("default_arch")), (200, "x86"))

with story("the token endpoint"):
    status, answer = token_request(grant_type="password", username=ADA, password=ADA_PASSWORD)
    same("answers 200", status, 200)
    needed = ("access_token", "expires_in", "refresh_expires_in", "refresh_token", "token_type")
    like(
        "with numbers that are numbers",
        {key: answer.get(key) for key in needed},
        dict(zip(needed, [a_sentence, a_number, a_number, a_sentence, "Bearer"])),
    )
    claims = jwt.decode(answer["access_token"], options={"verify_signature": False})
    same("the token is the caller's", (claims["sub"], claims["email"]), (ADA_ID, ADA))
    same("and lives as long as is said", claims["exp"] - claims["iat"], answer["expires_in"])
    check("long enough to be kept", answer["expires_in"] > 10, answer["expires_in"])
    keys = httpx.get(f"{URL}/auth/realms/master/protocol/openid-connect/certs").json()["keys"]
    kid = jwt.get_unverified_header(answer["access_token"])["kid"]
    check("its key is published", kid in [key["kid"] for key in keys], keys)

with story("wrong passwords"):
    error = refused("a wrong one", TokenFetchError, lambda: sign_in(BOB, "not the password"), "[HTTP 401]")
    told = str(error)
    like(
        "is told as Keycloak tells it",
        json.loads(told.split("] ", 1)[1]),
        {"error": "invalid_grant", "error_description": "Invalid user credentials"},
    )
    error = refused("of nobody", TokenFetchError, lambda: sign_in("nobody@example.com", "whatever"), "[HTTP 401]")
    same("is told the same", str(error), told)

with story("Client with a token"):
    token = ada.auth._access_token().token
    holder = with_token(token, ADA, ADA_ID, url=recorder.url)
    same("says who it is", (holder.auth.user_id(), holder.auth.user_email()), (ADA_ID, ADA))
    same("works over REST", holder.list_workspaces(), [])
    same("and over GraphQL", holder.get_current_workspace().name(), f"{ADA} - Default Workspace")
    same("and asks for no token", recorder.grants(), [])

with story("Client with a key"):
    holder = with_token(os.environ["ATELIER_TEST_KEY"], ADA, ADA_ID)
    same("works over REST", [w.name() for w in holder.list_workspaces()], [f"{ADA} - Default Workspace"])
    same("over GraphQL", holder.get_current_workspace().users()[0].email(), ADA)
    same("and where Keycloak would be", holder.get_user_by_email(BOB).email(), BOB)

with story("an expired cache"):
    home = new_home()
    sign_in(BOB, url=recorder.url, home=home)
    old = spoil(home, expiry=0)
    recorder.take()
    bob = sign_in(BOB, "the password is not looked at", url=recorder.url, home=home)
    asked = recorder.grants()
    want = [("refresh_token", old["refresh_token"])] * 2
    same("Client renews, twice with the same refresh token", asked, want)
    check("the new token is another", cached(home)["access_token"] != old["access_token"])
    same("of the same person", (cached(home)["user_id"], cached(home)["user_email"]), (old["user_id"], BOB))
    same("and works over REST", bob.list_workspaces(), [])
    same("and over GraphQL", bob.get_current_workspace().name(), f"{BOB} - Default Workspace")
    same("without asking once more", recorder.grants(), [])

    replayed = [token_request(grant_type="refresh_token", refresh_token=old["refresh_token"])[0] for _ in range(3)]
    same("the refresh token can be used again and again", replayed, [200] * 3)

    old = spoil(home, expiry=0)
    check("a running client renews, too", len(bob.list_workspaces()) == 1)
    same("once", recorder.grants(), [("refresh_token", old["refresh_token"])])

    before = cached(home)["refresh_token"]
    bob.auth._force_reload()
    same("so it does before an upload", recorder.grants(), [("refresh_token", before)])
    check("and goes on", len(bob.list_workspaces()) == 1)

with story("a refresh that is refused"):
    spoil(home, expiry=0, refresh_token="not.a.token")
    bob = sign_in(BOB, url=recorder.url, home=home)
    want = [("refresh_token", "not.a.token"), ("password", None)]
    same("the SDK signs in again", recorder.grants(), want)
    check("and goes on", len(bob.list_workspaces()) == 1)
    status, answer = token_request(grant_type="refresh_token", refresh_token="not.a.token")
    like("it is told as OAuth has it", [status, answer], [400, {"error": "invalid_grant", "error_description": a_sentence}])

with story("a token of another server in the cache"):
    head, body, signature = cached(home)["access_token"].split(".")
    spoil(home, access_token=f"{head}.{body}.{signature[::-1]}")
    status, answer = ask(bob, "/v1/api/workspaces/list", {})
    like("it is refused over REST", [status, answer], [401, refusal(401)])
    refused("the SDK raises the server's words", Exception, bob.list_workspaces, answer["msg"])
    try:
        sign_in(BOB, home=home).get_current_workspace()
        check("it is refused over GraphQL", False, "it was answered")
    except (TransportQueryError, TransportServerError) as error:
        check("it is refused over GraphQL", True, error)
    spoil(home, expiry=0)
    check("once it expires, the SDK heals itself", len(sign_in(BOB, home=home).list_workspaces()) == 1)

with story("Client in an orchestration, with an expired cache"):
    old = spoil(home, expiry=0)
    recorder.take()
    orch = wallaroo.Client(api_endpoint=recorder.url, auth_type="orch")
    asked = recorder.grants()
    check("each use of the token is a refresh", len(asked) >= 2, asked)
    same("always with the same refresh token", set(asked), {("refresh_token", old["refresh_token"])})
    same("the cache is left as it was", cached(home), old)
    same("it is the same person", (orch.auth.user_id(), orch.auth.user_email()), (old["user_id"], BOB))
    check("and works over REST", len(orch.list_workspaces()) == 1)
    same("and over GraphQL", orch.get_current_workspace().name(), f"{BOB} - Default Workspace")
    same("still with that one", set(recorder.grants()), {("refresh_token", old["refresh_token"])})
    os.environ["WALLAROO_TASK_ID"] = "1"
    task = wallaroo.Client(api_endpoint=recorder.url, auth_type="sso")
    del os.environ["WALLAROO_TASK_ID"]
    same("a task is an orchestration whatever it says", task.auth.user_email(), BOB)
    check("by the same refresh token", ("refresh_token", old["refresh_token"]) in recorder.grants())
    spoil(home, refresh_token="not.a.token")
    refused("a refused refresh ends it", UnboundLocalError, lambda: wallaroo.Client(auth_type="orch"))
    check("the user's id is a UUID all along", a_uuid(old["user_id"]))

finish()
