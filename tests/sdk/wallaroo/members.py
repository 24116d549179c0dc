"""Every method of the SDK that says who is in a workspace, and what each refuses."""

import re

from gql.transport.exceptions import TransportQueryError
from wallaroo.object import EntityNotFoundError
from wallaroo.workspace import Workspace

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, SDK, ask, emails, members, names, refusal, sign_in
from recorder import Recorder

BOB, EVE = "bob@example.com", "eve@example.com"

ada = sign_in(ADA, ADA_PASSWORD)
for person in (BOB, EVE):
    ada.invite_user(person, PASSWORD)
bob, eve = sign_in(BOB), sign_in(EVE)
ADA_ID, BOB_ID, EVE_ID = (client.auth.user_id() for client in (ada, bob, eve))

default = bob.get_current_workspace()
own = bob.create_workspace("bobs")
alpha = ada.create_workspace("alpha")


def attempt(call):
    """For calls whose refusal the SDK may or may not raise: what matters is what they left behind."""
    try:
        call()
    except Exception as error:
        print(f"    raised {type(error).__name__}: {error}")


with story("members"):
    same("add_user gives the workspace", alpha.add_user(BOB).id(), alpha.id())
    same("as a collaborator", members(ada, alpha), [(ADA_ID, "OWNER"), (BOB_ID, "COLLABORATOR")])
    same("users has both", emails(alpha), [ADA, BOB])
    check("the new one sees it", "alpha" in names(bob), names(bob))
    check("nobody else does", "alpha" not in names(eve), names(eve))
    same("users, seen by the new one", emails(bob.get_workspace("alpha")), [ADA, BOB])
    refused("the SDK adds nobody twice", Exception, lambda: alpha.add_user(BOB), "already exists in workspace alpha")
    same("add_owner promotes", alpha.add_owner(BOB).id(), alpha.id())
    same("so there are two owners", members(ada, alpha), [(ADA_ID, "OWNER"), (BOB_ID, "OWNER")])
    bob.get_workspace("alpha").add_owner(EVE)
    check("an owner may add owners", (EVE_ID, "OWNER") in members(ada, alpha), members(ada, alpha))
    refused("nobody unknown can be added", EntityNotFoundError, lambda: alpha.add_user("nobody@example.com"))
    refused("or made an owner", EntityNotFoundError, lambda: alpha.add_owner("nobody@example.com"))
    unknown = {"workspace_id": alpha.id(), "email": "nobody@example.com"}
    status, answer = ask(ada, "/v1/api/workspaces/add_user", unknown)
    like("REST refuses it too", [status, answer], [400, refusal(400)])
    alpha.remove_user(EVE)
    same("remove_user removes", members(ada, alpha), [(ADA_ID, "OWNER"), (BOB_ID, "OWNER")])
    same("users shows it", emails(alpha), [ADA, BOB])
    check("and the removed sees it no more", "alpha" not in names(eve), names(eve))
    refused("nobody unknown can be removed", AssertionError, lambda: alpha.remove_user("nobody@example.com"))

with story("the table"):
    table = ada.list_workspaces()._repr_html_()
    same("its head", re.findall(r"<th>(.*)</th>", table), ["Name", "Created At", "Users", "Models", "Pipelines"])
    cells = re.findall(r"<td>(.*)</td>", table)
    created = alpha.created_at()[:19].replace("T", " ")
    same("its last row", cells[-5:], ["alpha", created, f"['{ADA}', '{BOB}']", "0", "0"])
    same("a row for each workspace", cells[::5], [default.name(), "bobs", "alpha"])

with story("leaving"):
    place = bob.get_workspace("alpha")
    place.remove_user(BOB)
    same("one may remove oneself", members(ada, alpha), [(ADA_ID, "OWNER")])
    same("the object is then the default workspace", (place.id(), place.name()), (default.id(), default.name()))
    check("it is off the list", "alpha" not in names(bob), names(bob))
    refused(
        "the default workspace cannot be left",
        Exception,
        lambda: default.remove_user(BOB),
        "User cannot be removed from their default workspace",
    )
    refused("the last user cannot", Exception, lambda: own.remove_user(BOB), "Last user of a workspace")
    same("and stays", members(ada, own), [(BOB_ID, "OWNER")])

with story("what others may not do"):
    stranger = Workspace(eve, {"id": alpha.id()})
    refused("a stranger cannot look inside", TypeError, stranger.name)
    refused("or join", TypeError, lambda: stranger.add_user(EVE))
    refused("or take over", Exception, lambda: stranger.add_owner(EVE), "Failed to invite")
    join = {"workspace_id": alpha.id(), "email": EVE, "user_type": "owner"}
    status, answer = ask(eve, "/v1/api/workspaces/add_user", join)
    like("REST says so", [status, answer], [400, refusal(400)])
    same("so nobody joined", members(ada, alpha), [(ADA_ID, "OWNER")])

    # A Workspace object remembers who was in it when it last looked: take a new one.
    ada.get_workspace("alpha").add_user(BOB)
    place = bob.get_workspace("alpha")
    refused("a collaborator adds nobody", Exception, lambda: place.add_user(EVE), "Failed to invite")
    refused("and promotes nobody", Exception, lambda: place.add_owner(BOB), "Failed to invite")
    attempt(lambda: place.remove_user(ADA))
    both = [(ADA_ID, "OWNER"), (BOB_ID, "COLLABORATOR")]
    same("and removes nobody", members(ada, alpha), both)

with story("the last owner stays"):
    ada.get_current_workspace()
    refused("not by the SDK", TransportQueryError, lambda: ada.get_workspace("alpha").remove_user(ADA))
    gone = {"workspace_id": alpha.id(), "email": ADA}
    status, answer = ask(ada, "/v1/api/workspaces/remove_user", gone)
    like("not over REST", [status, answer], [400, refusal(400)])
    status, answer = ask(ada, "/v1/api/workspaces/add_user", {**gone, "user_type": "collaborator"})
    like("nor by stepping down", [status, answer], [400, refusal(400)])
    same("nothing has changed", members(ada, alpha), both)

with story("add_user as it is on the wire"):
    recorder = Recorder()
    watched = sign_in(ADA, ADA_PASSWORD, url=recorder.url)
    place = watched.get_workspace("alpha")
    recorder.take()
    place.add_user(EVE)
    [sent] = [request for request in recorder.take() if request.path == "/v1/api/workspaces/add_user"]
    if SDK.startswith("2025.1."):
        check("the JSON comes without a Content-Type", "content-type" not in sent.headers, sent.headers)
    else:
        same("the JSON comes as JSON", sent.headers.get("content-type"), "application/json")
    same("from the SDK", sent.headers["user-agent"], f"WallarooSDK/{SDK}")
    check("and is understood", (EVE_ID, "COLLABORATOR") in members(ada, alpha), members(ada, alpha))
    recorder.take()
    place.add_owner(EVE)
    paths = [request.path.split("?")[0] for request in recorder.take()]
    same("add_owner is two requests", paths, ["/auth/admin/realms/master/users", "/v1/api/workspaces/add_user"])
    check("and is understood, too", (EVE_ID, "OWNER") in members(ada, alpha), members(ada, alpha))

finish()
