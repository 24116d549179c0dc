"""The pages in a real browser, as people meet them: what they can do, what they are told, and how it looks."""

import re
from urllib.parse import quote, urlencode, urlsplit

import requests
from authlib.common.security import generate_token
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from checks import check, finish, like, same, story
from chromium import ENTER, TAB, Chromium
from visitor import totp
from world import (
    ADA,
    ADA_PASSWORD,
    CONNECT,
    ISSUER,
    PASSWORD,
    URL,
    Listener,
    a_text,
    a_uuid,
    atelier,
    flags,
    person,
    query,
    register,
)

HOST = urlsplit(URL).netloc
SIGN_IN = f"{URL}/auth/sign-in"
ACCOUNT = f"{URL}/auth/account"

listener = Listener()
SECRET = register(
    "the-app", "--name", "Evil <b>App</b>", *flags("--grant", ["authorization_code", "refresh_token"]), "--redirect-uri", listener.url,
    *flags("--scope", ["openid", "email", "profile", "api"]),
)
BOB, CAROL, DORA = person("bob"), person("carol"), person("dora")


def form(field):
    return f"form:has([name={field}])"


def sign_in(browser, email, password=PASSWORD):
    browser.type("[name=username]", email)
    browser.type("[name=password]", password)
    browser.click(f"{form('username')} button[type=submit]")


def here(browser):
    return urlsplit(browser.url).path


def clean(sentence, browser, *others, errors=0):
    """Nothing on the console but `errors` answers that are errors, and nobody asked but the server and `others`."""
    console, asked = browser.take_log()
    told = [line for line in console if "the server responded with a status of" in line]
    rest = [line for line in console if line not in told]
    strange = [url for url in asked if urlsplit(url).scheme != "data" and urlsplit(url).netloc not in (HOST, *others)]
    return check(sentence, not rest and len(told) <= errors and not strange, (console, strange))


def looks_right(browser, name):
    """A picture in each size and colour; nothing to scroll sideways, and every field and button has a name."""
    wide = []
    for scheme in ("light", "dark"):
        browser.colours(scheme)
        for device, width, height in (("desk", 1100, 800), ("phone", 360, 740)):
            browser.size(width, height)
            browser.shot(f"{name}-{device}-{scheme}")
            if over := browser.wider_than_window():
                wide.append((device, scheme, over))
    browser.colours("light")
    browser.size(1100, 900)
    unnamed = browser.run(
        """return [...document.querySelectorAll('input:not([type=hidden]), button, a')]
             .filter(e => !(e.labels && e.labels.length) && !e.textContent.trim() && !e.getAttribute('aria-label'))
             .map(e => e.outerHTML)"""
    )
    heads = browser.run("return [document.documentElement.lang, document.querySelectorAll('h1').length, document.querySelectorAll('main').length]")
    scripts = browser.run("return document.querySelectorAll('script, [onclick], [onload], link[rel=stylesheet], img[src^=http]').length")
    # The console has one style sheet and two scripts. Outside of it, only pages with a password have the script that shows it.
    wanted = 3 if browser.has("body.console") else 1 if browser.has("input[type=password]") else 0
    fine = not wide and not unnamed and heads == ["en", 1, 1] and scripts == wanted
    return check(f"the page {name} fits a phone, has one head and its own scripts only, and names all its parts", fine, (wide, unnamed, heads, scripts))


def asking(**more):
    """What the registered client opens a browser with: the address and the verifier."""
    verifier = generate_token(48)
    sent = {
        "client_id": "the-app",
        "response_type": "code",
        "redirect_uri": listener.url,
        "scope": "openid email profile api",
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": create_s256_code_challenge(verifier),
        "code_challenge_method": "S256",
        **more,
    }
    return f"{CONNECT}/auth?{urlencode(sent)}", verifier


def exchanged(call, verifier):
    """The token answer for the code that the program was called with."""
    sent = {"grant_type": "authorization_code", "code": query(call)["code"], "redirect_uri": listener.url, "code_verifier": verifier}
    answer = requests.post(f"{CONNECT}/token", data=sent, auth=("the-app", SECRET))
    return answer.json()


def reached(link):
    """A link that was printed for the configured address, at the address that the test was given a port of."""
    parts = urlsplit(link)
    return f"{URL}{parts.path}?{parts.query}"


def live(tokens):
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    return requests.get(f"{URL}/v2/spaces", headers=headers).status_code == 200


def password_token(email, password=PASSWORD):
    sent = {"grant_type": "password", "client_id": "sdk-client", "username": email, "password": password}
    return requests.post(f"{CONNECT}/token", data=sent).json()


with Chromium() as browser:
    with story("coming in"):
        browser.open(ACCOUNT)
        same("who is nobody is led to the sign-in", here(browser), "/auth/sign-in")
        looks_right(browser, "sign-in")
        same("the fields have names that are read out", (browser.label("[name=username]"), browser.label("[name=password]")), ("Email", "Password"))
        same("and say what a browser may fill in", (browser.attribute("[name=username]", "autocomplete"), browser.attribute("[name=password]", "autocomplete")), ("username", "current-password"))
        same("the typing begins at the first", browser.active(), "username")
        clean("nothing is wrong with the page", browser)
        sign_in(browser, BOB, "not the password")
        same("a wrong password stays here", here(browser), "/auth/sign-in")
        wrong = browser.words("[role=alert]")
        check("and is told", "wrong" in wrong, wrong)
        same("the address is still there, the password is not", (browser.run("return document.querySelector('[name=username]').value"), browser.run("return document.querySelector('[name=password]').value")), (BOB, ""))
        looks_right(browser, "sign-in-wrong")
        sign_in(browser, "nobody@example.com", "not the password")
        same("nobody is told the same", browser.words("[role=alert]"), wrong)
        before = {cookie["name"]: cookie for cookie in browser.cookies()}
        clean("only the two refusals are on the console", browser, errors=2)
        sign_in(browser, BOB)
        same("the right one leads in", here(browser), "/auth/account")
        browser.open(ACCOUNT)
        check("as who one is", BOB in browser.text, browser.text)
        cookies = {cookie["name"]: cookie for cookie in browser.cookies()}
        [mine] = [cookie for name, cookie in cookies.items() if name not in before]
        same("the cookie is for this server alone, and no script's", (mine["httpOnly"], mine["sameSite"], mine["path"], mine["domain"]), (True, "Lax", "/", HOST.split(":")[0]))
        same("no script could read any", browser.run("return document.cookie"), "")
        looks_right(browser, "account")
        clean("nothing is wrong with that page", browser)
        browser.open(f"{URL}/")
        same("the front door is the console", here(browser), "/")

    with story("by the keyboard alone"):
        browser.forget()
        browser.open(SIGN_IN)
        same("the first field is where one types", browser.active(), "username")
        browser.keys(*BOB, TAB)
        same("then the password", browser.active(), "password")
        browser.keys(*PASSWORD, TAB)
        same("then what shows it", browser.run("return document.activeElement.textContent"), "Show")
        browser.keys(TAB)
        same("then the button", browser.run("return document.activeElement.tagName + ' ' + document.activeElement.type"), "BUTTON submit")
        ring = browser.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, parseFloat(s.outlineWidth)]")
        check("which shows that it is the one", ring[0] != "none" and ring[1] >= 2, ring)
        browser.shot("sign-in-focus")
        browser.enter(ENTER)
        same("and one is in", here(browser), "/")

    with story("a program that asks"):
        listener.take()
        url, verifier = asking()
        browser.open(url)
        same("who is in is asked for consent", here(browser), "/auth/consent")
        check("and told who asks, as text", "Evil <b>App</b>" in browser.text and not browser.has("main b, h1 b"), browser.source)
        check("where it leads and who one is", "an app on this computer" in browser.text and BOB in browser.text, browser.text)
        looks_right(browser, "consent")
        browser.click("button[value=deny]")
        check("no leads back", browser.until(lambda: listener.calls), browser.text)
        [call] = listener.take()
        like("with an error and nothing else", query(call), {"error": "access_denied", "error_description": a_text, "state": "a-state", "iss": ISSUER})
        browser.open(url)
        browser.click("button[value=allow]")
        check("yes leads back", browser.until(lambda: listener.calls), browser.text)
        [call] = listener.take()
        like("with a code", dict(sorted(query(call).items())), {"code": a_text, "iss": ISSUER, "session_state": a_uuid, "state": "a-state"})
        app_tokens = exchanged(call, verifier)
        check("which gives tokens", live(app_tokens), app_tokens)
        browser.until(lambda: "the program has it" in browser.text)
        clean("nothing was wrong on the way, nobody else was asked", browser, urlsplit(listener.url).netloc)
        url, verifier = asking()
        browser.open(url)
        check("next time nothing is asked", browser.until(lambda: listener.calls), browser.text)
        listener.take()
        browser.open(asking(redirect_uri=f"{listener.url}/")[0])
        check("another address is led to by nobody", browser.url.startswith(URL) and "not registered" in browser.text and not listener.calls, browser.text)
        looks_right(browser, "refused-program")
        browser.take_log()

    with story("a program that asks somebody who is not in"):
        browser.forget()
        url, verifier = asking()
        browser.open(url)
        same("leads to the sign-in first", here(browser), "/auth/sign-in")
        sign_in(browser, BOB)
        check("and back to the program", browser.until(lambda: listener.calls), (browser.url, browser.text))
        [call] = listener.take()
        same("with the state it gave", query(call)["state"], "a-state")
        browser.until(lambda: "the program has it" in browser.text)
        clean("and the policy of the page has nothing against it", browser, urlsplit(listener.url).netloc)

    with story("a device"):
        device = requests.post(f"{CONNECT}/auth/device", data={"client_id": "sdk-client"}).json()
        browser.open(device["verification_uri"])
        check("asks for its code", browser.has("[name=user_code]"), browser.text)
        same("which has a name", browser.label("[name=user_code]") != "", True)
        looks_right(browser, "device")
        browser.type("[name=user_code]", "BBBB-BBBB")
        browser.click(f"{form('user_code')} button[type=submit]")
        check("a wrong one is told so", browser.has("[role=alert]"), browser.text)
        browser.take_log()
        browser.type("[name=user_code]", device["user_code"].replace("-", " ").lower())
        browser.click(f"{form('user_code')} button[type=submit]")
        check("the right one, however it is typed, shows what it is for", browser.has("button[value=allow]") and device["user_code"] in browser.text, browser.text)
        looks_right(browser, "device-approval")
        browser.click("button[value=allow]")
        check("and is approved", not browser.has("button[value=allow]"), browser.text)
        looks_right(browser, "device-approved")
        grant = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": device["device_code"], "client_id": "sdk-client"}
        device_tokens = requests.post(f"{CONNECT}/token", data=grant).json()
        check("the device is in", live(device_tokens), device_tokens)
        browser.open(device["verification_uri_complete"])
        check("a code is good once", browser.has("[role=alert]") and not browser.has("button[value=allow]"), browser.text)
        clean("nothing else is on the console", browser, errors=1)

    with story("one's own account"):
        browser.open(ACCOUNT)
        check("shows the program that was let in", "Evil <b>App</b>" in browser.text, browser.text)
        looks_right(browser, "account-full")
        browser.click("form[action$='/programs/withdraw'] button")
        check("which can be withdrawn", not browser.has("form[action$='/programs/withdraw']"), browser.text)
        same("and is out with it", live(app_tokens), False)
        same("but nobody else", live(device_tokens), True)
        other = password_token(BOB)
        browser.open(ACCOUNT)
        sessions = len(browser.all("form[action$='/sessions/end']"))
        check("other sessions are shown", sessions >= 2, sessions)
        browser.click(f"form[action$='/sessions/end']:has(input[value='{other['session_state']}']) button")
        same("one can be ended", (len(browser.all("form[action$='/sessions/end']")), live(other)), (sessions - 1, False))
        same("and no other", live(device_tokens), True)
        browser.click("form[action$='/sessions/end-others'] button")
        same("or all of them", (browser.all("form[action$='/sessions/end']"), live(device_tokens)), ([], False))
        same("but this one", here(browser), "/auth/account")
        other = password_token(BOB)
        browser.open(f"{ACCOUNT}/password")
        looks_right(browser, "account-password")
        browser.type("[name=current]", "not the password")
        browser.type("[name=password]", f"{PASSWORD} anew")
        browser.type("[name=again]", f"{PASSWORD} anew")
        browser.click(f"{form('current')} button[type=submit]")
        check("another password needs the one there is", browser.has("[role=alert]"), browser.text)
        browser.type("[name=current]", PASSWORD)
        browser.type("[name=password]", f"{PASSWORD} anew")
        browser.type("[name=again]", f"{PASSWORD} anew")
        browser.click(f"{form('current')} button[type=submit]")
        same("with that it is changed, and one stays in", here(browser), "/auth/account")
        same("here, and nowhere else", live(other), False)
        check("the new one is good", live(password_token(BOB, f"{PASSWORD} anew")))
        same("the old one is not", password_token(BOB).get("error"), "invalid_grant")
        clean("one refusal is on the console", browser, errors=1)

    with story("a second factor"):
        browser.forget()
        browser.open(SIGN_IN)
        sign_in(browser, CAROL)
        browser.open(ACCOUNT)
        browser.click("form[action='/auth/account/second-factor'] button")
        secret = re.sub(r"\s", "", browser.words("#secret"))
        check("is set up by a picture and a key", browser.has("svg") and len(secret) == 32, browser.text)
        looks_right(browser, "second-factor")
        browser.type("[name=code]", "000000" if totp(secret) != "000000" else "111111")
        browser.click(f"{form('code')} button[type=submit]")
        check("a wrong code turns nothing on", browser.has("[role=alert]") and re.sub(r"\s", "", browser.words("#secret")) == secret, browser.text)
        used = totp(secret)
        browser.type("[name=code]", used)
        browser.click(f"{form('code')} button[type=submit]")
        codes = browser.run("return [...document.querySelectorAll('#recovery-codes li')].map(e => e.textContent)")
        check("the right one does, and there are codes for a bad day", len(codes) >= 8 and len(set(codes)) == len(codes), codes)
        looks_right(browser, "recovery-codes")
        browser.click("#continue")
        check("the account says so", here(browser) == "/auth/account" and f"{len(codes)} recovery codes" in browser.text, browser.text)
        browser.take_log()

        browser.forget()
        browser.open(SIGN_IN)
        sign_in(browser, CAROL)
        same("from then on, the password leads to the code", here(browser), "/auth/sign-in/code")
        looks_right(browser, "code")
        browser.open(ACCOUNT)
        same("and no further", here(browser), "/auth/sign-in")
        sign_in(browser, CAROL)
        browser.type("[name=code]", used)
        browser.click(f"{form('code')} button[type=submit]")
        check("the code of the set-up was used", here(browser) == "/auth/sign-in/code" and browser.has("[role=alert]"), browser.text)
        browser.type("[name=code]", totp(secret, ahead=1))
        browser.click(f"{form('code')} button[type=submit]")
        same("another one leads in", here(browser), "/auth/account")
        clean("one refusal is on the console", browser, errors=1)

        browser.forget()
        browser.open(SIGN_IN)
        sign_in(browser, CAROL)
        browser.type("[name=code]", codes[3])
        browser.click(f"{form('code')} button[type=submit]")
        same("so does a recovery code", here(browser), "/")
        browser.open(ACCOUNT)
        check("which is used up", f"{len(codes) - 1} recovery codes" in browser.text, browser.text)
        browser.forget()
        browser.open(SIGN_IN)
        sign_in(browser, CAROL)
        browser.type("[name=code]", codes[3])
        browser.click(f"{form('code')} button[type=submit]")
        same("once", here(browser), "/auth/sign-in/code")
        atelier("user", "reset-mfa", CAROL, "--yes")
        browser.forget()
        browser.open(SIGN_IN)
        sign_in(browser, CAROL)
        same("the operator can take it away", here(browser), "/")
        browser.take_log()

    with story("a password that has to be changed"):
        admin = password_token(ADA, ADA_PASSWORD)
        headers = {"Authorization": f"Bearer {admin['access_token']}"}
        [user] = requests.get(f"{URL}/auth/admin/realms/master/users", params={"email": DORA}, headers=headers).json()
        place = f"{URL}/auth/admin/realms/master/users/{user['id']}/reset-password"
        done = requests.put(place, json={"type": "password", "value": f"{PASSWORD} once", "temporary": True}, headers=headers)
        same("an administrator gives a temporary one", done.status_code, 204)
        browser.forget()
        url, verifier = asking()
        browser.open(url)
        sign_in(browser, DORA, f"{PASSWORD} once")
        same("it leads to choosing another", here(browser), "/auth/sign-in/password")
        looks_right(browser, "forced-password")
        browser.open(ACCOUNT)
        same("and nowhere else", here(browser), "/auth/sign-in")
        browser.open(url)
        sign_in(browser, DORA, f"{PASSWORD} once")
        browser.type("[name=password]", "short")
        browser.type("[name=again]", "short")
        browser.click(f"{form('again')} button[type=submit]")
        check("not to any", browser.has("[role=alert]"), browser.text)
        browser.type("[name=password]", f"{PASSWORD} of dora")
        browser.type("[name=again]", f"{PASSWORD} of dora")
        browser.click(f"{form('again')} button[type=submit]")
        check("then to what one came for", browser.until(lambda: here(browser) == "/auth/consent"), (browser.url, browser.text))
        browser.click("button[value=allow]")
        check("to the end", browser.until(lambda: listener.calls), browser.text)
        check("with tokens of hers", live(exchanged(listener.take()[0], verifier)))
        browser.until(lambda: "the program has it" in browser.text)
        clean("one refusal is on the console", browser, urlsplit(listener.url).netloc, errors=1)

    with story("links that were sent"):
        eve = {"name": "Eve", "email": "eve@example.com", "role": {"type": "PREDEFINED", "name": "MEMBER"}, "invite_mode": "EMAIL_LINK"}
        made = requests.post(f"{URL}/v2/users", json=eve, headers=headers)
        same("somebody is invited", made.status_code, 201)
        browser.forget()
        link = reached(atelier("user", "invite-link", "eve@example.com"))
        browser.open(link)
        looks_right(browser, "invitation")
        browser.type("[name=password]", PASSWORD)
        browser.type("[name=again]", f"{PASSWORD} x")
        browser.click(f"{form('again')} button[type=submit]")
        check("the two passwords must be alike", browser.has("[role=alert]"), browser.text)
        same("and nobody is in by either", password_token("eve@example.com").get("error"), "invalid_grant")
        browser.type("[name=password]", PASSWORD)
        browser.type("[name=again]", PASSWORD)
        browser.click(f"{form('again')} button[type=submit]")
        check("then one is a person here", live(password_token("eve@example.com")), browser.text)
        browser.open(link)
        check("and the link is dead", not browser.has("[name=password]"), browser.text)
        looks_right(browser, "dead-link")
        link = reached(atelier("user", "reset-link", BOB))
        browser.open(link)
        browser.type("[name=password]", f"{PASSWORD} after")
        browser.type("[name=again]", f"{PASSWORD} after")
        browser.click(f"{form('again')} button[type=submit]")
        check("a link to another password sets it", live(password_token(BOB, f"{PASSWORD} after")), browser.text)
        clean("two refusals are on the console", browser, errors=2)

    with story("going out"):
        browser.forget()
        browser.open(SIGN_IN)
        sign_in(browser, ADA, ADA_PASSWORD)
        was = {cookie["name"]: cookie["value"] for cookie in browser.cookies()}
        browser.open(f"{URL}/auth/sign-out")
        looks_right(browser, "sign-out")
        browser.open(ACCOUNT)
        same("a look at the page signs nobody out", here(browser), "/auth/account")
        browser.open(f"{URL}/auth/sign-out")
        browser.click("form[action='/auth/sign-out'] button")
        same("the button does", here(browser), "/auth/signed-out")
        looks_right(browser, "signed-out")
        browser.back()
        browser.open(ACCOUNT)
        same("for good", here(browser), "/auth/sign-in")
        answer = requests.get(ACCOUNT, cookies=was, allow_redirects=False)
        check("the cookie is worth nothing any more", answer.status_code == 303 and "/auth/sign-in" in answer.headers["Location"], answer.headers)
        clean("nothing is on the console", browser)

    with story("the API documents"):
        for page in ("/v1/api/docs", "/v2/docs"):
            browser.open(f"{URL}{page}")
            shown = browser.until(lambda: browser.has(".opblock-summary-path"))
            check(f"{page} shows the operations", shown, browser.text)
            # The browser may ask for an icon, of which there is none.
            clean(f"{page} asks nobody else and keeps to its policy", browser, errors=1)

    with story("what others might try"):
        browser.open(f"{SIGN_IN}?next={quote('https://evil.example/')}")
        check("a way to another server is none", not browser.has("[name=username]"), browser.text)
        browser.open(f"{URL}/auth/cli/callback?status=error&reason={quote('<img src=x onerror=alert(1)>')}")
        check("a reason is text", "<img src=x onerror=alert(1)>" in browser.text and not browser.has("img"), browser.source)
        looks_right(browser, "cli-callback-error")
        browser.open(f"{URL}/auth/cli/callback?status=success")
        looks_right(browser, "cli-callback")
        markup = f'<form method=post action="{SIGN_IN}"><input name=username value="{BOB}"><input name=password value="{PASSWORD} after"><button>x</button></form>'
        browser.open(f"data:text/html,{quote(markup)}")
        browser.click("button")
        check("another site's form is refused", not browser.has("[name=username][value]") and here(browser) == "/auth/sign-in", browser.text)
        browser.open(ACCOUNT)
        same("and signs nobody in", here(browser), "/auth/sign-in")
        answer = requests.get(SIGN_IN)
        policy = answer.headers["Content-Security-Policy"]
        check("nobody frames a page", "frame-ancestors 'none'" in policy and answer.headers["X-Frame-Options"] == "DENY", policy)
        sources = [part.strip() for part in policy.split(";") if part.strip().startswith("script-src")]
        check("only the server's own script runs in one with a password", "default-src 'none'" in policy and "unsafe" not in policy and sources == ["script-src 'self'"], policy)
        policy = requests.get(f"{URL}/auth/signed-out").headers["Content-Security-Policy"]
        check("nothing runs in one without", "default-src 'none'" in policy and "unsafe" not in policy and "script-src" not in policy, policy)

finish()
