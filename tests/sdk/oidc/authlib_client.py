"""`authlib`: an OAuth2Session with a challenge, an id token that is verified, introspection and revocation."""

import importlib.metadata
import time

import requests
from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError
from joserfc.jwk import KeySet

from checks import check, finish, like, same, story
from visitor import Visitor, arrive
from world import CALLBACK, ISSUER, PASSWORD, URL, a_jwt, a_text, flags, person, register, unpacked

print(f"authlib {importlib.metadata.version('authlib')}")

known = requests.get(f"{ISSUER}/.well-known/openid-configuration").json()
BOB = person("bob")
SECRET = register(
    "the-app",
    *("--name", "The App"),
    *flags("--grant", ["authorization_code", "client_credentials", "refresh_token"]),
    *("--redirect-uri", CALLBACK),
    *flags("--scope", ["openid", "email", "profile", "api"]),
)
register("a-phone", "--name", "A phone", "--public", *flags("--grant", ["authorization_code", "refresh_token"]), "--redirect-uri", CALLBACK)


def session(client="the-app", secret=SECRET, **more):
    return OAuth2Session(client, secret, redirect_uri=CALLBACK, code_challenge_method="S256", **{"scope": "openid email api", **more})


def signed_in(client, browser, **more):
    """The code flow to its end: the token answer, the verifier and what the person was asked."""
    verifier = generate_token(48)
    url, state = client.create_authorization_url(known["authorization_endpoint"], code_verifier=verifier, **more)
    page, asked = arrive(browser, url, BOB, PASSWORD)
    assert page.left, page.text
    token = client.fetch_token(known["token_endpoint"], authorization_response=page.left, state=state, code_verifier=verifier)
    return token, asked


def refused(sentence, error, call):
    try:
        answer = call()
    except OAuthError as raised:
        return check(sentence, raised.error == error and raised.description, repr(raised))
    return check(sentence, False, f"was not refused: {answer!r}")


def identity(token, client="the-app", **more):
    """The id token's claims, verified as OpenID Connect Core, section 3.1.3.7 asks: at_hash and nonce too."""
    keys = KeySet.import_key_set(requests.get(known["jwks_uri"]).json())
    found = jwt.decode(token["id_token"], keys, algorithms=known["id_token_signing_alg_values_supported"])
    options = {"iss": {"essential": True, "value": ISSUER}, "aud": {"essential": True, "value": client}}
    params = {"client_id": client, "access_token": token["access_token"], **more}
    claims = CodeIDToken(found.claims, found.header, options, params)
    claims.validate()
    return claims


with story("a code with a challenge"):
    client, browser = session(), Visitor()
    nonce = generate_token()
    token, asked = signed_in(client, browser, nonce=nonce)
    same("the person signs in and agrees", asked, ["sign-in", "decision"])
    like(
        "there are tokens",
        {name: token.get(name) for name in ("access_token", "expires_in", "refresh_token", "token_type", "id_token", "scope")},
        {"access_token": a_jwt, "expires_in": 300, "refresh_token": a_text, "token_type": "Bearer", "id_token": a_jwt, "scope": "openid email api"},
    )
    claims = identity(token, nonce=nonce)
    same("the id token is verified, nonce and all", (claims["nonce"], claims["email"]), (nonce, BOB))
    check("it has the hash of the access token", a_text(claims["at_hash"]), claims)
    check("and when the person signed in", abs(claims["auth_time"] - time.time()) < 20, claims)
    check("the access token is another kind", unpacked(token["access_token"])[1]["typ"] == "Bearer" and claims["typ"] == "ID", claims)
    try:
        identity(token, nonce="another")
        check("another nonce is not this one", False)
    except InvalidClaimError as error:
        check("another nonce is not this one", "nonce" in str(error), repr(error))
    try:
        identity({**token, "access_token": token["access_token"] + "x"}, nonce=nonce)
        check("nor another access token", False)
    except InvalidClaimError as error:
        check("nor another access token", "at_hash" in str(error), repr(error))
    info = client.get(known["userinfo_endpoint"])
    same("the session asks with it", (info.status_code, info.json()["sub"], info.json()["email"]), (200, claims["sub"], BOB))
    check("and is told no name, which was not asked for", not {"name", "given_name"} & set(info.json()), info.json())
    spaces = client.get(f"{URL}/v2/spaces")
    same("it is a credential for what the server keeps", spaces.status_code, 200)
    phone = session("a-phone", None, token_endpoint_auth_method="none")
    signed_in(phone, Visitor())
    same("one of a client without the scope api is not", phone.get(f"{URL}/v2/spaces").status_code, 401)
    same("and tells who the person is all the same", phone.get(known["userinfo_endpoint"]).status_code, 200)

with story("asked again"):
    other = session()
    token_two, asked = signed_in(other, browser)
    same("the person is not troubled", asked, [])
    check("there is no nonce where none was sent", "nonce" not in identity(token_two), token_two)
    again, asked = signed_in(other, browser, prompt="consent")
    same("unless consent is asked for", asked, ["decision"])
    again, asked = signed_in(other, browser, prompt="login")
    same("or to sign in", asked, ["sign-in"])
    older = identity(token_two)["auth_time"]
    check("which is then another time", identity(again)["auth_time"] >= older, older)
    again, asked = signed_in(session("a-phone", None, token_endpoint_auth_method="none"), browser)
    same("a second program asks for itself", asked, ["decision"])
    same("and its id token is its own", identity(again, "a-phone")["aud"], "a-phone")
    wider = session(scope="openid email profile api")
    again, asked = signed_in(wider, browser)
    same("so does more than was agreed to", asked, ["decision"])

with story("a refresh"):
    old = dict(client.token)
    fresh = client.refresh_token(known["token_endpoint"])
    check("gives both tokens anew", fresh["access_token"] != old["access_token"] and fresh["refresh_token"] != old["refresh_token"], fresh)
    renewed = identity(fresh)
    same("and the id token of the same sign-in", (renewed["sub"], renewed["auth_time"]), (claims["sub"], claims["auth_time"]))
    same("with which the session goes on", client.get(known["userinfo_endpoint"]).status_code, 200)
    refused("not with more than was granted", "invalid_scope", lambda: session(scope="openid email profile").refresh_token(known["token_endpoint"], refresh_token=fresh["refresh_token"]))
    refused("nor by another client", "invalid_grant", lambda: session("a-phone", None, token_endpoint_auth_method="none").refresh_token(known["token_endpoint"], refresh_token=fresh["refresh_token"]))
    less = client.refresh_token(known["token_endpoint"], refresh_token=fresh["refresh_token"], scope="openid")
    same("but with less", less["scope"], "openid")

with story("what is said of a token"):
    endpoint = known["introspection_endpoint"]
    told = client.introspect_token(endpoint, token=client.token["access_token"], token_type_hint="access_token").json()
    same("that it is good", (told["active"], told["client_id"], told["username"]), (True, "the-app", BOB))
    told = client.introspect_token(endpoint, token=client.token["access_token"], token_type_hint="refresh_token").json()
    same("whatever the hint", told["active"], True)
    answer = client.introspect_token(endpoint, token="nothing")
    same("or not", (answer.status_code, answer.json()), (200, {"active": False}))
    wrong = session(secret="wrong").introspect_token(endpoint, token=client.token["access_token"])
    same("to nobody else", (wrong.status_code, wrong.json()["error"]), (401, "invalid_client"))
    check("who is told how to prove themselves", wrong.headers.get("WWW-Authenticate", "").startswith("Basic"), wrong.headers)

with story("a revocation"):
    endpoint = known["revocation_endpoint"]
    phone = session("a-phone", None, token_endpoint_auth_method="none", revocation_endpoint_auth_method="none")
    answer = phone.revoke_token(endpoint, token=client.token["refresh_token"])
    check("by another client does nothing", answer.status_code in (200, 400), answer.text)
    same("it is still good", client.introspect_token(known["introspection_endpoint"], token=client.token["refresh_token"]).json()["active"], True)
    held = dict(client.token)
    answer = client.revoke_token(endpoint, token=held["refresh_token"], token_type_hint="refresh_token")
    same("has nothing to say", (answer.status_code, answer.content), (200, b""))
    for name in ("refresh_token", "access_token"):
        same(f"the {name} is good no more", client.introspect_token(known["introspection_endpoint"], token=held[name]).json(), {"active": False})
    info = requests.get(known["userinfo_endpoint"], headers={"Authorization": f"Bearer {held['access_token']}"})
    same("not for userinfo", info.status_code, 401)
    check("which says why", 'error="invalid_token"' in info.headers.get("WWW-Authenticate", ""), info.headers)
    same("nor for anything else", requests.get(f"{URL}/v2/spaces", headers={"Authorization": f"Bearer {held['access_token']}"}).status_code, 401)
    refused("nor to renew", "invalid_grant", lambda: session().refresh_token(known["token_endpoint"], refresh_token=held["refresh_token"]))
    same("a token that is none is revoked as well", client.revoke_token(endpoint, token="nothing").status_code, 200)
    access = dict(other.token)
    same("an access token, too", other.revoke_token(endpoint, token=access["access_token"], token_type_hint="access_token").status_code, 200)
    same("is refused from then on", requests.get(known["userinfo_endpoint"], headers={"Authorization": f"Bearer {access['access_token']}"}).status_code, 401)

with story("a program on its own"):
    own = OAuth2Session("the-app", SECRET, scope="email")
    token = own.fetch_token(known["token_endpoint"], grant_type="client_credentials")
    check("has a token and none to renew it", a_jwt(token["access_token"]) and "refresh_token" not in token, token)
    same("that is its own", own.introspect_token(known["introspection_endpoint"], token=token["access_token"]).json()["client_id"], "the-app")
    posted = OAuth2Session("the-app", SECRET, scope="email", token_endpoint_auth_method="client_secret_post")
    check("also with its secret in the form", a_jwt(posted.fetch_token(known["token_endpoint"], grant_type="client_credentials")["access_token"]))
    refused("not with another", "invalid_client", lambda: OAuth2Session("the-app", "wrong").fetch_token(known["token_endpoint"], grant_type="client_credentials"))
    refused("a public one is nobody", "unauthorized_client", lambda: OAuth2Session("a-phone", token_endpoint_auth_method="none").fetch_token(known["token_endpoint"], grant_type="client_credentials"))

finish()
