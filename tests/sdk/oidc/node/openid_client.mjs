// Node's `openid-client`: discovery, the code flow with every check it has, refresh, device, sign-out.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as client from "openid-client";
import { createRemoteJWKSet, jwtVerify } from "jose";

import { check, finish, refused, same, story } from "./checks.mjs";
import { Visitor, arrive } from "./visitor.mjs";

const { version } = JSON.parse(readFileSync(new URL("node_modules/openid-client/package.json", import.meta.url)));
console.log(`openid-client ${version}`);

const BASE = process.env.ATELIER_TEST_URL;
const ISSUER = new URL(`${BASE}/auth/realms/master`);
const CALLBACK = "http://127.0.0.1:1/callback";
const SIGNED_OUT = "http://127.0.0.1:1/signed-out";
const PASSWORD = "long enough, and then some";
const DEVICE = "urn:ietf:params:oauth:grant-type:device_code";

function atelier(line, input = "") {
  const all = [...line, "--data-dir", process.env.ATELIER_TEST_DATA];
  return execFileSync(process.env.ATELIER_TEST_BINARY, all, { input, encoding: "utf8", stdio: ["pipe", "pipe", "inherit"] }).trim();
}

function register(id, ...more) {
  return atelier(["client", "add", id, "--name", `The ${id}`, ...more]);
}

const repeated = (flag, values) => values.flatMap((value) => [flag, value]);

const bob = { email: "bob@example.com", password: PASSWORD };
atelier(["user", "add", bob.email, "--first-name", "Bob", "--password-stdin"], PASSWORD);
const SECRET = register(
  "my-app.web",
  ...repeated("--grant", ["authorization_code", "client_credentials", "refresh_token", DEVICE]),
  ...["--redirect-uri", CALLBACK, "--post-logout-redirect-uri", SIGNED_OUT],
);

// Every answer that is not over TLS is refused unless one says so: this is the loopback.
const insecure = { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] };
const discover = (more = {}, auth = client.ClientSecretBasic(SECRET)) =>
  client.discovery(ISSUER, "my-app.web", undefined, auth, { ...insecure, ...more });

let config;
let tokens;
let claims;
const browser = new Visitor();

async function signIn(by, more = {}, visitor = browser, who = bob) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const state = client.randomState();
  const nonce = client.randomNonce();
  const url = client.buildAuthorizationUrl(by, {
    redirect_uri: CALLBACK,
    scope: "openid email profile",
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
    state,
    nonce,
    ...more,
  });
  const { page, asked } = await arrive(visitor, url, who);
  return { page, asked, back: page.left, checks: { pkceCodeVerifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true } };
}

await story("discovery", async () => {
  config = await discover();
  const known = config.serverMetadata();
  same("the issuer is who was asked", known.issuer, ISSUER.href);
  check("a challenge is S256", known.supportsPKCE("S256") && !known.supportsPKCE("plain"));
  check("answers name the issuer", known.authorization_response_iss_parameter_supported === true);
  const other = (await discover({ algorithm: "oauth2" })).serverMetadata();
  same("RFC 8414 says the same", [other.issuer, other.token_endpoint], [known.issuer, known.token_endpoint]);
});

await story("a code, with every check", async () => {
  const { back, page, asked, checks } = await signIn(config, { max_age: "3600" });
  same("the person signs in and agrees", asked, ["sign-in", "decision"]);
  check("and comes back with a code, the state and the issuer", back && ["code", "state", "iss"].every((name) => back.searchParams.has(name)), back ?? page.text);
  tokens = await client.authorizationCodeGrant(config, back, { ...checks, maxAge: 3600 });
  claims = tokens.claims();
  same("the id token is verified: signature, iss, aud, nonce, auth_time", [claims.iss, claims.aud, claims.email], [ISSUER.href, "my-app.web", bob.email]);
  check("it names the person, who asked for the profile", claims.name === "Bob" && claims.given_name === "Bob", claims);
  same("it lives as long as it says", [tokens.token_type, tokens.expires_in], ["bearer", 300]);
  check("there is a token to renew it", typeof tokens.refresh_token === "string");
  await refused("the code is good once", "invalid_grant", () => client.authorizationCodeGrant(config, back, { ...checks, maxAge: 3600 }));
  await refused("and what it gave is gone", "invalid_token", () => client.fetchUserInfo(config, tokens.access_token, claims.sub));
});

await story("what the library would not take", async () => {
  const one = await signIn(config);
  same("nothing is asked again", one.asked, []);
  await refused("another state", "OAUTH_INVALID_RESPONSE", () => client.authorizationCodeGrant(config, one.back, { ...one.checks, expectedState: "x" }));
  const elsewhere = new URL(one.back);
  elsewhere.searchParams.set("iss", "http://elsewhere.example");
  await refused("another issuer", "OAUTH_INVALID_RESPONSE", () => client.authorizationCodeGrant(config, elsewhere, one.checks));
  await refused("another nonce", "OAUTH_JWT_CLAIM_COMPARISON_FAILED", () => client.authorizationCodeGrant(config, one.back, { ...one.checks, expectedNonce: "x" }));
  const two = await signIn(config);
  await refused("another verifier is refused by the server", "invalid_grant", () =>
    client.authorizationCodeGrant(config, two.back, { ...two.checks, pkceCodeVerifier: client.randomPKCECodeVerifier() }),
  );
  const three = await signIn(config, { prompt: "none" });
  tokens = await client.authorizationCodeGrant(config, three.back, three.checks);
  same("prompt=none suffices for who is signed in", tokens.claims().sub, claims.sub);
  const nobody = await signIn(config, { prompt: "none" }, new Visitor());
  await refused("and nobody else", "login_required", () => client.authorizationCodeGrant(config, nobody.back, nobody.checks));
  const denied = await signIn(config, { prompt: "consent" }, browser, { ...bob, decision: "deny" });
  await refused("a person says no", "access_denied", () => client.authorizationCodeGrant(config, denied.back, denied.checks));
});

await story("userinfo", async () => {
  const told = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
  same("is of that person", [told.sub, told.email, told.name, told.preferred_username], [claims.sub, bob.email, "Bob", bob.email]);
  await refused("a void token is refused", "invalid_token", () => client.fetchUserInfo(config, "no.token.here", claims.sub));
});

await story("the access token, as a server of one's own verifies it", async () => {
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri));
  const { payload } = await jwtVerify(tokens.access_token, keys, { issuer: ISSUER.href, audience: "my-app.web" });
  same("with the published keys", [payload.sub, payload.azp, payload.email], [claims.sub, "my-app.web", bob.email]);
});

await story("a refresh", async () => {
  const old = tokens;
  tokens = await client.refreshTokenGrant(config, old.refresh_token);
  check("gives other tokens", tokens.refresh_token !== old.refresh_token && tokens.access_token !== old.access_token);
  same("of the same person", tokens.claims().sub, claims.sub);
  const again = await client.refreshTokenGrant(config, old.refresh_token);
  same("twice at once, the same successor", again.refresh_token, tokens.refresh_token);
  await refused("what is none is refused", "invalid_grant", () => client.refreshTokenGrant(config, "nothing"));
});

await story("introspection and revocation", async () => {
  const told = await client.tokenIntrospection(config, tokens.access_token);
  same("a token is told", [told.active, told.sub, told.client_id], [true, claims.sub, "my-app.web"]);
  await client.tokenRevocation(config, tokens.refresh_token);
  same("and revoked", (await client.tokenIntrospection(config, tokens.refresh_token)).active, false);
  same("with what hung on it", (await client.tokenIntrospection(config, tokens.access_token)).active, false);
  await client.tokenRevocation(config, "nothing");
  check("one that is none is no error", true);
  const wrong = await discover({}, client.ClientSecretBasic(SECRET.slice(0, -1) + (SECRET.endsWith("_") ? "-" : "_")));
  await refused("nobody asks with another secret", "invalid_client", () => client.tokenIntrospection(wrong, tokens.access_token));
});

await story("the ways to prove who asks", async () => {
  for (const [name, auth] of [["Basic", client.ClientSecretBasic(SECRET)], ["the form", client.ClientSecretPost(SECRET)]]) {
    const own = await client.clientCredentialsGrant(await discover({}, auth), { scope: "email" });
    check(`a program on its own, by ${name}`, own.access_token && !own.refresh_token && !own.id_token, own);
  }
  await refused("not without a secret", "invalid_client", async () => client.clientCredentialsGrant(await discover({}, client.None())));
});

await story("a code for another device", async () => {
  const device = await client.initiateDeviceAuthorization(config, { scope: "openid email" });
  check("is made", device.user_code && device.verification_uri_complete.startsWith(`${BASE}/auth/`), device);
  const waiting = client.pollDeviceAuthorizationGrant(config, device);
  const { asked } = await arrive(new Visitor(), device.verification_uri_complete, bob);
  same("approved in a browser", [asked[0], asked.at(-1)], ["sign-in", "decision"]);
  const found = await waiting;
  same("and the device is in", [found.claims().email, found.claims().nonce], [bob.email, undefined]);
  const other = await client.initiateDeviceAuthorization(config, { scope: "openid" });
  await arrive(new Visitor(), other.verification_uri_complete, { ...bob, decision: "deny" });
  await refused("or not", "access_denied", () => client.pollDeviceAuthorizationGrant(config, other));
});

await story("signing out", async () => {
  const { back, checks } = await signIn(config);
  const held = await client.authorizationCodeGrant(config, back, checks);
  const url = client.buildEndSessionUrl(config, { post_logout_redirect_uri: SIGNED_OUT, id_token_hint: held.id_token, state: "bye" });
  let { page } = await arrive(browser, url);
  if (!page.left && page.forms.length) page = await browser.submit(page, page.forms[0], {});
  same("leads to where the program wants", page.left?.href, `${SIGNED_OUT}?state=bye`);
  const next = await signIn(config, { prompt: "none" });
  same("and the browser is signed out", next.back.searchParams.get("error"), "login_required");
  await refused("and so is the program", "invalid_grant", () => client.refreshTokenGrant(config, held.refresh_token));
  const astray = client.buildEndSessionUrl(config, { post_logout_redirect_uri: `${SIGNED_OUT}/x`, id_token_hint: held.id_token });
  ({ page } = await arrive(browser, astray));
  if (!page.left && page.forms.length) page = await browser.submit(page, page.forms[0], {});
  same("to no other address", page.left, undefined);
});

finish();
