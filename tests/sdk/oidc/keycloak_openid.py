"""`python-keycloak`'s KeycloakOpenID: every way to tokens, and what may be asked about them."""

import importlib.metadata
import json
import time

from jwcrypto import jwk
from jwcrypto.common import JWException
from jwcrypto.jws import InvalidJWSSignature
from jwcrypto.jwt import JWTMissingKey
from keycloak import KeycloakOpenID
from keycloak.exceptions import KeycloakAuthenticationError, KeycloakGetError, KeycloakPostError
from keycloak.pkce_utils import generate_code_challenge, generate_code_verifier

from checks import check, finish, like, same, story
from visitor import Visitor, arrive, totp
from world import (
    ADA,
    ADA_PASSWORD,
    AUTH,
    CALLBACK,
    CONNECT,
    DEVICE,
    EVERY_GRANT,
    ISSUER,
    PASSWORD,
    a_jwt,
    a_number,
    a_text,
    a_truth,
    a_uuid,
    atelier,
    enrol,
    flags,
    person,
    query,
    register,
    unpacked,
)

print(f"python-keycloak {importlib.metadata.version('python-keycloak')}")

BOB = person("bob")
SECRET = register(
    "the-app", "--name", "The App", *flags("--grant", EVERY_GRANT), "--redirect-uri", CALLBACK
)
app = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="the-app", client_secret_key=SECRET)
sdk = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="sdk-client")

ALL = "openid email profile"

TOKENS = {
    "access_token": a_jwt,
    "expires_in": 300,
    "refresh_expires_in": a_number,
    "refresh_token": a_text,
    "token_type": "Bearer",
    "id_token": a_jwt,
    "not-before-policy": 0,
    "session_state": a_uuid,
}


def refused(sentence, kind, status, error, call, saying=""):
    """`call` raises exactly `kind` with this status and OAuth's body, whose error is `error`."""
    try:
        answer = call()
    except Exception as raised:
        body = getattr(raised, "response_body", b"") or b""
        try:
            told = json.loads(body)
        except ValueError:
            told = {}
        holds = type(raised) is kind and raised.response_code == status and told.get("error") == error
        holds = holds and sorted(told) == ["error", "error_description"] and saying in told["error_description"]
        return check(sentence, holds, f"raised {type(raised).__name__}: {raised}: {body!r}")
    return check(sentence, False, f"was not refused: {answer!r}")


def shaped(sentence, answer, **more):
    """A token answer has all these keys and no other, in whatever order."""
    want = {**TOKENS, **more}
    return like(sentence, dict(sorted(answer.items())), dict(sorted(want.items())))


def dead(sentence, tokens, by=app):
    """Neither token of an answer is good for anything."""
    access = app.introspect(tokens["access_token"])
    try:
        by.refresh_token(tokens["refresh_token"])
        refreshed = True
    except KeycloakPostError as error:
        refreshed = error.response_code != 400
    try:
        app.userinfo(tokens["access_token"])
        told = True
    except KeycloakAuthenticationError:
        told = False
    return check(sentence, (access, refreshed, told) == ({"active": False}, False, False), (access, refreshed, told))


with story("the discovery document"):
    known = app.well_known()
    same("says who issues", known["issuer"], ISSUER)
    wanted = {
        "authorization_endpoint": f"{CONNECT}/auth",
        "token_endpoint": f"{CONNECT}/token",
        "introspection_endpoint": f"{CONNECT}/token/introspect",
        "userinfo_endpoint": f"{CONNECT}/userinfo",
        "end_session_endpoint": f"{CONNECT}/logout",
        "jwks_uri": f"{CONNECT}/certs",
        "device_authorization_endpoint": f"{CONNECT}/auth/device",
        "revocation_endpoint": f"{CONNECT}/revoke",
    }
    same("and where everything is", {name: known.get(name) for name in wanted}, wanted)
    same("codes are all that is answered", known["response_types_supported"], ["code"])
    same("and a challenge is S256", known["code_challenge_methods_supported"], ["S256"])
    same("each grant is named", sorted(known["grant_types_supported"]), sorted(EVERY_GRANT))
    same("one subject for all", known["subject_types_supported"], ["public"])
    check("answers name the issuer", known["authorization_response_iss_parameter_supported"] is True)
    check("the scopes are there", {"openid", "email", "profile", "offline_access"} <= set(known["scopes_supported"]))
    methods = set(known["token_endpoint_auth_methods_supported"])
    check("clients prove themselves in three ways", {"client_secret_basic", "client_secret_post", "none"} <= methods, methods)

with story("a password"):
    asked = time.time()
    bob = app.token(BOB, PASSWORD, scope=ALL)
    shaped("gives tokens", bob, scope=ALL)
    claims = app.decode_token(bob["access_token"])
    same("which decode_token verifies with the published keys", (claims["iss"], claims["azp"]), (ISSUER, "the-app"))
    same("of that person", (claims["email"], claims["preferred_username"]), (BOB, BOB))
    same("for as long as is said", claims["exp"] - claims["iat"], bob["expires_in"])
    same("in the session that is named", (claims["sid"], claims["session_state"]), (bob["session_state"],) * 2)
    check("now", abs(claims["iat"] - asked) < 5, claims)
    BOB_ID = claims["sub"]
    identity = app.decode_token(bob["id_token"])
    same("the id token is for the client", (identity["aud"], identity["sub"], identity["typ"]), ("the-app", BOB_ID, "ID"))
    check("and has no nonce, for none was given", "nonce" not in identity, identity)
    header, payload, signature = bob["access_token"].split(".")
    changed = f"{header}.{payload}.{signature[:-8]}{signature[-8:].swapcase()}"
    try:
        app.decode_token(changed)
        check("a changed signature is no signature", False)
    except JWException as error:
        check("a changed signature is no signature", isinstance(error, (JWTMissingKey, InvalidJWSSignature)), repr(error))
    key = jwk.JWK.from_pem(f"-----BEGIN PUBLIC KEY-----\n{app.public_key()}\n-----END PUBLIC KEY-----\n".encode())
    same("the realm's public key verifies it, too", app.decode_token(bob["access_token"], key=key), claims)
    [kid] = [key["kid"] for key in app.certs()["keys"] if key["kid"] == unpacked(bob["access_token"])[0]["kid"]]
    check("and certs has it by its name", kid != "", kid)
    check("with nothing private", not any({"d", "p", "q", "k"} & set(key) for key in app.certs()["keys"]))

with story("a password that is wrong"):
    bad = (KeycloakAuthenticationError, 401)
    refused("is refused as Keycloak refuses it", *bad, "invalid_grant", lambda: app.token(BOB, "x" * 12), "Invalid user credentials")
    refused("so is nobody's", *bad, "invalid_grant", lambda: app.token("no@example.com", "x" * 12), "Invalid user credentials")
    other = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="the-app", client_secret_key=SECRET[:-1] + ("-" if SECRET.endswith("_") else "_"))
    refused("a client with another's secret", *bad, "invalid_client", lambda: other.token(BOB, PASSWORD))
    other = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="the-app")
    refused("with none", *bad, "invalid_client", lambda: other.token(BOB, PASSWORD))
    other = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="no-app", client_secret_key=SECRET)
    refused("and one that is not there", *bad, "invalid_client", lambda: other.token(BOB, PASSWORD))
    nowhere = KeycloakOpenID(server_url=AUTH, realm_name="slave", client_id="the-app", client_secret_key=SECRET)
    try:
        nowhere.well_known()
        check("another realm is not found", False)
    except KeycloakGetError as error:
        same("another realm is not found", error.response_code, 404)

with story("what is said of a token"):
    told = app.introspect(bob["access_token"])
    same("it is good", told["active"], True)
    part = {name: told.get(name) for name in ("sub", "username", "client_id", "iss", "exp", "iat", "sid", "token_type")}
    wanted = (BOB_ID, BOB, "the-app", ISSUER, claims["exp"], claims["iat"], claims["sid"], "Bearer")
    same("and whose", part, dict(zip(part, wanted)))
    same("a refresh token is told, too", app.introspect(bob["refresh_token"])["active"], True)
    same("what is no token is not", app.introspect("no.token.atall"), {"active": False})
    same("an id token is no credential", app.introspect(bob["id_token"]), {"active": False})
    refused("nobody asks without a secret", KeycloakAuthenticationError, 401, "invalid_client", lambda: sdk.introspect(bob["access_token"]))
    info = app.userinfo(bob["access_token"])
    like(
        "userinfo tells the person",
        dict(sorted(info.items())),
        {
            "email": BOB,
            "email_verified": a_truth,
            "given_name": "Bob",
            "name": "Bob",
            "preferred_username": BOB,
            "sub": BOB_ID,
        },
    )
    for sentence, token in (("an id token", bob["id_token"]), ("a refresh token", bob["refresh_token"]), ("a key of nobody's", "atl_x")):
        refused(f"{sentence} opens nothing", KeycloakAuthenticationError, 401, "invalid_token", lambda token=token: app.userinfo(token))

with story("a refresh token"):
    rotated = time.monotonic()
    first = app.refresh_token(bob["refresh_token"])
    shaped("gives tokens anew", first, scope=ALL)
    check("all of them others", first["refresh_token"] != bob["refresh_token"] and first["access_token"] != bob["access_token"])
    same("of the same session", first["session_state"], bob["session_state"])
    again = app.refresh_token(bob["refresh_token"])
    same("sent twice at once, it has the same successor", again["refresh_token"], first["refresh_token"])
    same("and the session goes on", app.introspect(first["access_token"])["active"], True)
    stolen = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="sdk-client")
    refused("another client gets nothing for it", KeycloakPostError, 400, "invalid_grant", lambda: stolen.refresh_token(first["refresh_token"]))
    same("and it stays good for its own", app.introspect(first["refresh_token"])["active"], True)
    refused("what is none is refused", KeycloakPostError, 400, "invalid_grant", lambda: app.refresh_token("atlr_nothing"))
    kept = sdk.token(BOB, PASSWORD)
    same("the SDK's own client keeps its token", [sdk.refresh_token(kept["refresh_token"])["refresh_token"] for _ in range(3)], [kept["refresh_token"]] * 3)

with story("logout"):
    gone = app.token(BOB, PASSWORD)
    same("has nothing to say", app.logout(gone["refresh_token"]), {})
    dead("and ends the session", gone)
    same("that one only", app.introspect(first["access_token"])["active"], True)

with story("a code, by the browser"):
    verifier = generate_code_verifier()
    challenge, method = generate_code_challenge(verifier)
    more = {"scope": "openid email", "state": "a-state", "nonce": "a-nonce"}
    browser = Visitor()
    page, asked = arrive(browser, app.auth_url(CALLBACK, **more, code_challenge=challenge, code_challenge_method=method), BOB, PASSWORD)
    same("the person signs in and agrees", asked, ["sign-in", "decision"])
    check("and is led back", (page.left or "").startswith(f"{CALLBACK}?"), page.left or page.text)
    back = query(page.left)
    like("with a code", dict(sorted(back.items())), {"code": a_text, "iss": ISSUER, "session_state": a_uuid, "state": "a-state"})
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    tokens = app.token(**form, code=back["code"], code_verifier=verifier)
    shaped("the code gives tokens", tokens, scope="openid email")
    identity = app.decode_token(tokens["id_token"])
    same("with the nonce", (identity["nonce"], identity["aud"], identity["email"]), ("a-nonce", "the-app", BOB))
    refused("once", KeycloakPostError, 400, "invalid_grant", lambda: app.token(**form, code=back["code"], code_verifier=verifier))
    dead("the second time ends what the first gave", tokens)

    page, asked = arrive(browser, app.auth_url(CALLBACK, **more, code_challenge=challenge, code_challenge_method=method))
    same("next time nothing is asked", (asked, (page.left or page.text)[: len(CALLBACK)]), ([], CALLBACK))
    code = query(page.left)["code"]
    other = generate_code_verifier()
    refused("a code with another verifier", KeycloakPostError, 400, "invalid_grant", lambda: app.token(**form, code=code, code_verifier=other))
    page, _ = arrive(browser, app.auth_url(CALLBACK, **more, code_challenge=challenge, code_challenge_method=method))
    code = query(page.left)["code"]
    moved = {**form, "redirect_uri": f"{CALLBACK}/"}
    refused("a code for another address", KeycloakPostError, 400, "invalid_grant", lambda: app.token(**moved, code=code, code_verifier=verifier))

    page, asked = arrive(browser, app.auth_url(CALLBACK, **more))
    back = query(page.left)
    same("without a challenge there is none", (back["error"], back["state"], back["iss"], "code" in back), ("invalid_request", "a-state", ISSUER, False))
    page, asked = arrive(browser, app.auth_url(CALLBACK, **more, code_challenge=verifier, code_challenge_method="plain"))
    same("nor with a plain one", (query(page.left)["error"], "code" in query(page.left)), ("invalid_request", False))
    page, asked = arrive(browser, app.auth_url(f"{CALLBACK}x", **more, code_challenge=challenge, code_challenge_method=method))
    same("to another address nobody is led", (page.left, page.status, asked), (None, 400, []))
    page, asked = arrive(
        Visitor(), app.auth_url(CALLBACK, **more, code_challenge=challenge, code_challenge_method=method) + "&prompt=none"
    )
    back = query(page.left)
    same("and with prompt=none nothing is asked", (asked, back["error"], back["iss"]), ([], "login_required", ISSUER))

with story("a code that is denied"):
    page, asked = arrive(
        Visitor(),
        app.auth_url(CALLBACK, **more, code_challenge=challenge, code_challenge_method=method),
        ADA,
        ADA_PASSWORD,
        decision="deny",
    )
    back = query(page.left)
    same("the program is told", (asked, back["error"], back["state"], back["iss"]), (["sign-in", "decision"], "access_denied", "a-state", ISSUER))
    check("and has no code", "code" not in back, back)

with story("a code for another device"):
    device = app.device(scope="openid email")
    like(
        "is made",
        dict(sorted(device.items())),
        {
            "device_code": a_text,
            "expires_in": a_number,
            "interval": a_number,
            "user_code": a_text,
            "verification_uri": f"{ISSUER}/device",
            "verification_uri_complete": f"{ISSUER}/device?user_code={device['user_code']}",
        },
    )
    letters = device["user_code"].replace("-", "")
    check("eight letters that are not mistaken", len(letters) == 8 and not set(letters) & set("01OIaeiouAEU"), letters)
    poll = lambda: app.token(grant_type=DEVICE, device_code=device["device_code"])
    refused("it waits for a person", KeycloakPostError, 400, "authorization_pending", poll)
    refused("who is not to be hurried", KeycloakPostError, 400, "slow_down", poll)
    hasty = time.monotonic()
    page, asked = arrive(Visitor(), device["verification_uri_complete"], BOB, PASSWORD)
    check("whoever approves it signs in first", "sign-in" in asked and asked[-1] == "decision", (asked, page.text))
    check("and reads that it is done", page.left is None and page.status == 200, (page.status, page.text))
    time.sleep(max(0, device["interval"] + 0.3 - (time.monotonic() - hasty)))
    tokens = poll()
    shaped("then there are tokens", tokens, scope="openid email profile")
    same("of whoever approved", app.decode_token(tokens["access_token"])["email"], BOB)
    refused("once", KeycloakPostError, 400, "invalid_grant", poll)
    device = app.device()
    page, asked = arrive(Visitor(), device["verification_uri_complete"], BOB, PASSWORD, decision="deny")
    same("a person may say no", asked[-1], "decision")
    refused("and the program hears it", KeycloakPostError, 400, "access_denied", poll)
    refused("what was never made is none", KeycloakPostError, 400, "invalid_grant", lambda: app.token(grant_type=DEVICE, device_code="atld_nothing"))

with story("a second factor"):
    dora = person("dora")
    secret, codes = enrol(dora)
    bad = (KeycloakAuthenticationError, 401, "invalid_grant")
    refused("a password alone is not enough", *bad, lambda: app.token(dora, PASSWORD), "Invalid user credentials")
    code = totp(secret, ahead=1)
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    refused("nor with a wrong code", *bad, lambda: app.token(dora, PASSWORD, totp=wrong), "Invalid user credentials")
    shaped("with the right one it is", app.token(dora, PASSWORD, totp=code), scope="openid email profile")
    refused("once", *bad, lambda: app.token(dora, PASSWORD, totp=code), "Invalid user credentials")
    refused("a recovery code is for the pages", *bad, lambda: app.token(dora, PASSWORD, totp=codes[0]), "Invalid user credentials")

with story("a program on its own"):
    own = app.token(grant_type="client_credentials", scope="email")
    check("has tokens", a_jwt(own["access_token"]) and own["token_type"] == "Bearer", own)
    check("but none to renew, and nobody's id", not {"refresh_token", "id_token"} & set(own), own)
    claims = app.decode_token(own["access_token"])
    check("it is itself", claims["azp"] == "the-app" and claims["sub"] not in (BOB_ID,), claims)
    same("and in force", app.introspect(own["access_token"])["active"], True)
    refused("a public one has no grant to itself", KeycloakPostError, 400, "unauthorized_client", lambda: sdk.token(grant_type="client_credentials"))
    refused("nor is there any other", KeycloakPostError, 400, "unsupported_grant_type", lambda: app.token(BOB, PASSWORD, grant_type="magic"))

with story("who may not come in"):
    carol = person("carol")
    held = app.token(carol, PASSWORD)
    atelier("user", "disable", carol, "--yes")
    refused("who is disabled", KeycloakPostError, 400, "invalid_grant", lambda: app.token(carol, PASSWORD), "Account disabled")
    dead("has lost every session", held)
    refused("and is told no more for a wrong password", KeycloakAuthenticationError, 401, "invalid_grant", lambda: app.token(carol, "x" * 12), "Invalid user credentials")
    atelier("user", "enable", carol)
    dead("and gets none of them back", held)
    held = app.token(carol, PASSWORD)
    atelier("user", "passwd", carol, "--password-stdin", given=f"{PASSWORD} indeed")
    dead("a new password ends all", held)
    removed = register("brief-app", "--name", "Brief", *flags("--grant", ["password", "refresh_token"]))
    brief = KeycloakOpenID(server_url=AUTH, realm_name="master", client_id="brief-app", client_secret_key=removed)
    held = brief.token(BOB, PASSWORD)
    same("a client's tokens are good", app.introspect(held["access_token"])["active"], True)
    atelier("client", "remove", "brief-app", "--yes")
    same("until it is removed", app.introspect(held["access_token"]), {"active": False})
    refused("userinfo says so, too", KeycloakAuthenticationError, 401, "invalid_token", lambda: app.userinfo(held["access_token"]))

with story("a refresh token that is used again too late"):
    time.sleep(max(0, 31 - (time.monotonic() - rotated)))
    same("its successor is good", app.introspect(first["refresh_token"])["active"], True)
    refused("it is refused", KeycloakPostError, 400, "invalid_grant", lambda: app.refresh_token(bob["refresh_token"]))
    dead("and takes the whole family along", first)
    same("but no other sign-in", sdk.refresh_token(kept["refresh_token"])["refresh_token"], kept["refresh_token"])

finish()
