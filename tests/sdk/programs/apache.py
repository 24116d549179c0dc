"""Apache with mod_auth_openidc: a page that shows who is there, to the people of one workspace only."""

import os
import secrets

from checks import check, finish, story
from chromium import Chromium
from programs.team import ANN, BOB, FOLDER, URL, Program, a_port, arrives, asks_to_sign_in, recipe, sign_in

PORT = a_port()
SITE = f"http://localhost:{PORT}"

lines = recipe("apache", "apache", f"{SITE}/oidc/callback", "--post-logout-redirect-uri", f"{SITE}/bye.shtml")
lines = lines.replace("CHOOSE_A_RANDOM_TEXT", secrets.token_hex()).replace("ORGANIZATION/WORKSPACE", "acme/fraud")
pages = FOLDER / "pages"
pages.mkdir()
(pages / "index.shtml").write_text('<p>user <!--#echo var="REMOTE_USER" --></p><p>groups <!--#echo var="OIDC_CLAIM_groups" --></p>')
(pages / "bye.shtml").write_text("<p>see you</p>")
modules = os.environ["ATELIER_TEST_APACHE_MODULES"]
load = "".join(
    f"LoadModule {name}_module {modules}/mod_{name}.so\n"
    for name in ["mpm_event", "authn_core", "authz_core", "authz_user", "dir", "mime", "include", "auth_openidc"]
)
(FOLDER / "apache.conf").write_text(f"""
ServerRoot {FOLDER}
ServerName localhost
PidFile {FOLDER}/apache.pid
ErrorLog {FOLDER}/log
Listen 127.0.0.1:{PORT}
User #65534
Group #65534
{load}
DocumentRoot {pages}
DirectoryIndex index.shtml
TypesConfig /dev/null
AddType text/html .shtml
<Directory {pages}>
    Options +Includes
    AddOutputFilter INCLUDES .shtml
</Directory>
{lines}
<Location /bye.shtml>
    AuthType None
    Require all granted
</Location>
""")

apache = Program([os.environ["ATELIER_TEST_APACHE"], "-f", str(FOLDER / "apache.conf"), "-DFOREGROUND"], f"{SITE}/bye.shtml")
with apache, Chromium() as browser:
    with story("A member of the workspace signs in and out"):
        browser.open(f"{SITE}/")
        sign_in(browser, ANN)
        arrives("Apache knows who it is, and the groups", browser, f"{SITE}/", f"user {ANN}", "acme/fraud", "acme/fraud:member")
        browser.open(f"{SITE}/oidc/callback?logout={SITE}/bye.shtml")
        arrives("signing out leads through atelier and back", browser, f"{SITE}/bye.shtml", "see you")
        browser.open(f"{SITE}/")
        asks_to_sign_in("Apache asks to sign in again", browser)

    with story("Somebody else is refused"):
        sign_in(browser, BOB)
        arrives("Apache refuses who is not in the workspace", browser, f"{SITE}/", "Unauthorized")
        check("the page is not shown", BOB not in browser.text, browser.text)

finish()
