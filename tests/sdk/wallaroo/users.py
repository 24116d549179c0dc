"""Every user method of the SDK, and what each refuses."""

import json
import time

from gql.transport.exceptions import TransportQueryError, TransportServerError
from wallaroo.auth import TokenFetchError
from wallaroo.object import EntityNotFoundError
from wallaroo.user import User

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, a_sentence, a_uuid, ask, refusal, sign_in, token_request, with_token

BOB, CAROL, DAN, EVE = (f"{name}@example.com" for name in ("bob", "carol+tags", "dan", "eve"))

ada = sign_in(ADA, ADA_PASSWORD)
ADA_ID = ada.auth.user_id()


def people(client=ada):
    """All e-mails that `client` is shown."""
    return sorted(user.email() for user in client.list_users())


with story("list_users"):
    [user] = ada.list_users()
    check("a User", type(user) is User)
    same("id is the token's", user.id(), ADA_ID)
    check("and a UUID", a_uuid(user.id()), user.id())
    same("email", user.email(), ADA)
    same("username is the e-mail", user.username(), ADA)
    same("enabled", user.enabled(), True)
    age = time.time() * 1000 - user._createdTimeastamp
    check("createdTimestamp is in milliseconds", -2_000 <= age <= 600_000, age)

with story("invite_user"):
    answer = ada.invite_user(BOB, PASSWORD)
    like("with a password: the id and it", answer, {"id": a_uuid, "password": PASSWORD})
    BOB_ID = answer["id"]
    bob = sign_in(BOB)
    same("who signs in with it", (bob.auth.user_id(), bob.auth.user_email()), (BOB_ID, BOB))
    answer = ada.invite_user(CAROL)
    like("without: the server makes one", answer, {"id": a_uuid, "password": a_sentence})
    check("that is long", len(answer["password"]) >= 8)
    same("and works", sign_in(CAROL, answer["password"]).auth.user_id(), answer["id"])
    same("everybody is listed", people(), [ADA, BOB, CAROL])

with story("invite_user refuses"):
    again = ada.invite_user(BOB, "some other password")
    same("a second invitation is not sent: the person is shown", (again["id"], again["username"]), (BOB_ID, BOB))
    check("without a password", "password" not in again, again)
    same("and keeps the old one", sign_in(BOB).auth.user_id(), BOB_ID)
    failed = "Failed to invite user"
    refused("case makes nobody new", Exception, lambda: ada.invite_user("Bob@Example.COM", PASSWORD), failed)
    refused("a short password", Exception, lambda: ada.invite_user(DAN, "1234567"), failed)
    refused("a long password", Exception, lambda: ada.invite_user(DAN, "x" * 257), failed)
    refused("what is not an e-mail", Exception, lambda: ada.invite_user("dan", PASSWORD), failed)
    refused("an invitation by a member", Exception, lambda: bob.invite_user(DAN, PASSWORD), failed)
    for who, client, body in (
        ("a person known already", ada, {"email": BOB, "password": PASSWORD}),
        ("a short password", ada, {"email": DAN, "password": "1234567"}),
        ("nobody in particular", ada, {}),
        ("by a member", bob, {"email": DAN, "password": PASSWORD}),
    ):
        status, answer = ask(client, "/v1/api/users/invite", body)
        like(f"told over REST: {who}", [status, answer], [400, refusal(400)])
    same("nobody was made", people(), [ADA, BOB, CAROL])

with story("get_user_by_email"):
    found = ada.get_user_by_email(BOB)
    same("finds", (found.id(), found.email(), found.username(), found.enabled()), (BOB_ID, BOB, BOB, True))
    same("in any case", ada.get_user_by_email("BOB@Example.com").id(), BOB_ID)
    same("also with a plus", ada.get_user_by_email(CAROL).email(), CAROL)
    same("the whole address only", ada.get_user_by_email("ob@example.com"), None)
    same("not a part", ada.get_user_by_email("example.com"), None)
    same("nobody else", ada.get_user_by_email("nobody@example.com"), None)
    same("a member finds people, too", bob.get_user_by_email(ADA).id(), ADA_ID)
    same("and sees them all", people(bob), [ADA, BOB, CAROL])
    same("get_email_by_id", User.get_email_by_id(bob, ADA_ID), ADA)
    status, answer = ask(bob, "/v1/api/users/query", {"user_ids": [BOB_ID]})
    same("query is an object keyed by id", (status, list(answer["users"])), (200, [BOB_ID]))
    same("each with its own id", answer["users"][BOB_ID]["id"], BOB_ID)

with story("deactivate_user"):
    ada.invite_user(DAN, PASSWORD)
    dan = sign_in(DAN)
    session = dan.auth._access_token()
    holder = with_token(session.token, DAN, session.user_id)
    same("at first the person is in", holder.list_workspaces(), [])
    holder.get_current_workspace()

    same("deactivate_user gives nothing", ada.deactivate_user(DAN), None)
    same("enabled is then False", ada.get_user_by_email(DAN).enabled(), False)
    same("still listed", people(), [ADA, BOB, CAROL, DAN])
    status, answer = ask(holder, "/v1/api/workspaces/list", {})
    like("the token is refused at once", [status, answer], [401, refusal(401)])
    refused("in the SDK with the server's words", Exception, holder.list_workspaces, answer["msg"])
    try:
        holder.get_current_workspace().pipelines()
        check("in GraphQL too", False, "it was answered")
    except (TransportQueryError, TransportServerError) as error:
        check("in GraphQL too", True, error)
    status, answer = token_request(grant_type="refresh_token", refresh_token=session.refresh_token)
    same("it cannot be renewed", (status, answer["error"]), (400, "invalid_grant"))
    error = refused("and the person cannot sign in", TokenFetchError, lambda: sign_in(DAN), "[HTTP 4")
    same("for the reason that OAuth has", json.loads(str(error).split("] ", 1)[1])["error"], "invalid_grant")

with story("activate_user"):
    same("activate_user gives nothing", ada.activate_user(DAN), None)
    same("enabled is then True", ada.get_user_by_email(DAN).enabled(), True)
    same("the person signs in", sign_in(DAN).auth.user_id(), session.user_id)
    status, answer = ask(holder, "/v1/api/workspaces/list", {})
    like("what was ended stays ended", [status, answer], [401, refusal(401)])
    workspaces = [workspace.name() for workspace in sign_in(DAN).list_workspaces()]
    same("what the person had is there", workspaces, [f"{DAN} - Default Workspace"])
    status, answer = ask(ada, "/v1/api/users/deactivate", {"email": DAN})
    same("REST deactivates", (status, answer, ada.get_user_by_email(DAN).enabled()), (200, {}, False))
    status, answer = ask(ada, "/v1/api/users/activate", {"email": DAN})
    same("and activates", (status, answer, ada.get_user_by_email(DAN).enabled()), (200, {}, True))

with story("deactivate_user and activate_user refuse"):
    refused("oneself", Exception, lambda: ada.deactivate_user(ADA), "A user may not deactive themselves.")
    refused("somebody unknown", EntityNotFoundError, lambda: ada.deactivate_user(EVE))
    refused("both ways", EntityNotFoundError, lambda: ada.activate_user(EVE))
    refused("a member", EntityNotFoundError, lambda: bob.deactivate_user(CAROL))
    refused("the administrator to a member", EntityNotFoundError, lambda: bob.deactivate_user(ADA))
    status, answer = ask(bob, "/v1/api/users/deactivate", {"email": CAROL})
    like("over REST, too", [status, answer], [400, refusal(400)])
    status, answer = ask(ada, "/v1/api/users/deactivate", {"email": ADA})
    like("and the last administrator", [status, answer], [400, refusal(400)])
    status, answer = ask(ada, "/v1/api/users/activate", {"email": EVE})
    like("and somebody unknown", [status, answer], [400, refusal(400)])
    same("all are enabled", [user.enabled() for user in ada.list_users()], [True] * 4)

finish()
