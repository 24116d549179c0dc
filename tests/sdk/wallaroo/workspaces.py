"""Every workspace method of the SDK, and what each refuses."""

import re

from gql.transport.exceptions import TransportQueryError
from wallaroo.object import EntityNotFoundError, InvalidNameError
from wallaroo.workspace import Workspace, Workspaces

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, SDK, a_moment, ask, refusal, row, sign_in
from recorder import Recorder

BOB, EVE = "bob@example.com", "eve@example.com"

ada = sign_in(ADA, ADA_PASSWORD)
for person in (BOB, EVE):
    ada.invite_user(person, PASSWORD)
bob, eve = sign_in(BOB), sign_in(EVE)
ADA_ID, BOB_ID, EVE_ID = (client.auth.user_id() for client in (ada, bob, eve))


def names(client):
    return [workspace.name() for workspace in client.list_workspaces()]


def members(workspace):
    """Who is in it and as what, seen by the administrator over REST."""
    status, answer = ask(ada, "/v1/api/workspaces/list_users", {"workspace_id": workspace.id()})
    assert status == 200, answer
    return [(user["user_id"], user["user_type"]) for user in answer["users"]]


def emails(workspace):
    return [user.email() for user in workspace.users()]


def attempt(call):
    """For calls whose refusal the SDK may or may not raise: what matters is what they left behind."""
    try:
        call()
    except Exception as error:
        print(f"    raised {type(error).__name__}: {error}")


with story("a new workspace"):
    same("there is none at first", names(ada), [])
    alpha = ada.create_workspace("alpha")
    check("create_workspace gives a Workspace", type(alpha) is Workspace)
    check("with a numeric id", type(alpha.id()) is int and alpha.id() > 0, alpha.id())
    same("name", alpha.name(), "alpha")
    same("archived", alpha.archived(), False)
    check("created_at", a_moment(alpha.created_at()), alpha.created_at())
    same("created_by is the caller's id", alpha.created_by(), ADA_ID)
    same("users is the caller", [user.id() for user in alpha.users()], [ADA_ID])
    same("by e-mail", emails(alpha), [ADA])
    same("models", alpha.models(), [])
    same("pipelines", alpha.pipelines(), [])
    same("the caller owns it", members(alpha), [(ADA_ID, "OWNER")])
    want = {
        "name": "alpha",
        "id": alpha.id(),
        "archived": False,
        "created_by": ADA_ID,
        "created_at": alpha.created_at(),
        "models": [],
        "pipelines": [],
    }
    same("to_json says the same", alpha.to_json(), want)

with story("find workspaces"):
    listed = ada.list_workspaces()
    check("list_workspaces gives Workspaces", type(listed) is Workspaces)
    same("with the one", [workspace.id() for workspace in listed], [alpha.id()])
    same("REST and GraphQL agree", listed[0].to_json(), alpha.to_json())
    same("get_workspace finds it", ada.get_workspace("alpha").id(), alpha.id())
    refused(
        "get_workspace refuses an unknown name",
        Exception,
        lambda: ada.get_workspace("beta"),
        "Workspace with name beta does not exist",
    )
    same("and makes nothing", names(ada), ["alpha"])
    beta = ada.get_workspace("beta", create_if_not_exist=True)
    same("create_if_not_exist makes it", beta.name(), "beta")
    again = ada.get_workspace("beta", create_if_not_exist=True)
    same("once", again.id(), beta.id())
    same("the list is in the order of ids", names(ada), ["alpha", "beta"])
    check("and ids grow", beta.id() > alpha.id())
    same("a stranger sees none", names(eve), [])

with story("names that are refused"):
    failed = "Failed to create workspace."
    refused("a name that is taken", Exception, lambda: ada.create_workspace("alpha"), failed)
    refused("also for somebody else", Exception, lambda: bob.create_workspace("alpha"), failed)
    refused("the SDK refuses _", InvalidNameError, lambda: ada.create_workspace("under_score"))
    refused("and a digit first", InvalidNameError, lambda: ada.create_workspace("1st"))
    refused("and 64 characters", InvalidNameError, lambda: ada.create_workspace("a" * 64))
    refused("the server refuses capitals", Exception, lambda: ada.create_workspace("Gamma"), failed)
    for name in ("under_score", "1st", "dash-", "with space", "a" * 64, ""):
        refused(
            f"and {name!r:.20}, which get_workspace sends unchecked",
            Exception,
            lambda: ada.get_workspace(name, create_if_not_exist=True),
            failed,
        )
        status, answer = ask(ada, "/v1/api/workspaces/create", {"workspace_name": name})
        like(f"told as a refusal: {name!r:.20}", [status, answer], [400, refusal(400)])
    status, answer = ask(ada, "/v1/api/workspaces/create", {"workspace_name": "alpha"})
    like("a taken name is told as one", [status, answer], [400, refusal(400)])
    same("63 characters are not too many", ada.create_workspace("a" * 63).name(), "a" * 63)
    same("nothing else was made", names(ada), ["alpha", "beta", "a" * 63])

with story("the current workspace"):
    default = bob.get_current_workspace()
    same("is the default one, made when first asked for", default.name(), f"{BOB} - Default Workspace")
    same("created_by is the e-mail", default.created_by(), BOB)
    same("archived", default.archived(), False)
    check("created_at", a_moment(default.created_at()), default.created_at())
    same("its owner is the caller", members(default), [(BOB_ID, "OWNER")])
    same("users", emails(default), [BOB])
    check("the same object each time", bob.get_current_workspace() is default)
    same("the same workspace in another session", sign_in(BOB).get_current_workspace().id(), default.id())
    same("by name, too", sign_in(BOB).get_current_workspace().name(), default.name())
    remade = Workspace._create_user_default_workspace(bob)
    same("made again it is still the same", remade.id(), default.id())
    same("and there is one", names(bob), [default.name()])
    check("nobody else's", eve.get_current_workspace().id() != default.id())
    status, answer = ask(bob, "/v1/api/workspaces/list", {})
    like("REST lists it as it lists others", [status, answer], [200, {"workspaces": [row(default.name(), BOB)]}])
    own = bob.create_workspace("bobs")
    check("set_current_workspace gives what it sets", bob.set_current_workspace(own) is own)
    check("and get_current_workspace then gives that", bob.get_current_workspace() is own)
    refused("it takes a Workspace only", TypeError, lambda: bob.set_current_workspace("bobs"))
    same("another session starts at the default", sign_in(BOB).get_current_workspace().id(), default.id())
    same("a member's list has the joined ones", names(bob), [default.name(), "bobs"])
    everything = ["alpha", "beta", "a" * 63, default.name(), f"{EVE} - Default Workspace", "bobs"]
    same("an administrator's has all", names(ada), everything)

with story("members"):
    same("add_user gives the workspace", alpha.add_user(BOB).id(), alpha.id())
    same("as a collaborator", members(alpha), [(ADA_ID, "OWNER"), (BOB_ID, "COLLABORATOR")])
    same("users has both", emails(alpha), [ADA, BOB])
    check("the new one sees it", "alpha" in names(bob), names(bob))
    check("nobody else does", "alpha" not in names(eve), names(eve))
    same("users, seen by the new one", emails(bob.get_workspace("alpha")), [ADA, BOB])
    refused("the SDK adds nobody twice", Exception, lambda: alpha.add_user(BOB), "already exists in workspace alpha")
    same("add_owner promotes", alpha.add_owner(BOB).id(), alpha.id())
    same("so there are two owners", members(alpha), [(ADA_ID, "OWNER"), (BOB_ID, "OWNER")])
    bob.get_workspace("alpha").add_owner(EVE)
    check("an owner may add owners", (EVE_ID, "OWNER") in members(alpha), members(alpha))
    refused("nobody unknown can be added", EntityNotFoundError, lambda: alpha.add_user("nobody@example.com"))
    refused("or made an owner", EntityNotFoundError, lambda: alpha.add_owner("nobody@example.com"))
    unknown = {"workspace_id": alpha.id(), "email": "nobody@example.com"}
    status, answer = ask(ada, "/v1/api/workspaces/add_user", unknown)
    like("REST refuses it too", [status, answer], [400, refusal(400)])
    alpha.remove_user(EVE)
    same("remove_user removes", members(alpha), [(ADA_ID, "OWNER"), (BOB_ID, "OWNER")])
    same("users shows it", emails(alpha), [ADA, BOB])
    check("and the removed sees it no more", "alpha" not in names(eve), names(eve))
    refused("nobody unknown can be removed", AssertionError, lambda: alpha.remove_user("nobody@example.com"))

with story("the table"):
    table = ada.list_workspaces()._repr_html_()
    same("its head", re.findall(r"<th>(.*)</th>", table), ["Name", "Created At", "Users", "Models", "Pipelines"])
    cells = re.findall(r"<td>(.*)</td>", table)
    created = alpha.created_at()[:19].replace("T", " ")
    same("a row", cells[:5], ["alpha", created, f"['{ADA}', '{BOB}']", "0", "0"])
    same("for each workspace", cells[::5], names(ada))

with story("leaving"):
    place = bob.get_workspace("alpha")
    place.remove_user(BOB)
    same("one may remove oneself", members(alpha), [(ADA_ID, "OWNER")])
    same("the object is then the default workspace", (place.id(), place.name()), (default.id(), default.name()))
    check("it is off the list", "alpha" not in names(bob), names(bob))
    refused(
        "the default workspace cannot be left",
        Exception,
        lambda: default.remove_user(BOB),
        "User cannot be removed from their default workspace",
    )
    refused("the last user cannot", Exception, lambda: own.remove_user(BOB), "Last user of a workspace")
    same("and stays", members(own), [(BOB_ID, "OWNER")])

with story("what others may not do"):
    stranger = Workspace(eve, {"id": alpha.id()})
    refused("a stranger cannot look inside", TypeError, stranger.name)
    refused("or join", TypeError, lambda: stranger.add_user(EVE))
    refused("or take over", Exception, lambda: stranger.add_owner(EVE), "Failed to invite")
    join = {"workspace_id": alpha.id(), "email": EVE, "user_type": "owner"}
    status, answer = ask(eve, "/v1/api/workspaces/add_user", join)
    like("REST says so", [status, answer], [400, refusal(400)])
    same("so nobody joined", members(alpha), [(ADA_ID, "OWNER")])

    # A Workspace object remembers who was in it when it last looked: take a new one.
    ada.get_workspace("alpha").add_user(BOB)
    place = bob.get_workspace("alpha")
    refused("a collaborator adds nobody", Exception, lambda: place.add_user(EVE), "Failed to invite")
    refused("and promotes nobody", Exception, lambda: place.add_owner(BOB), "Failed to invite")
    attempt(lambda: place.remove_user(ADA))
    both = [(ADA_ID, "OWNER"), (BOB_ID, "COLLABORATOR")]
    same("and removes nobody", members(alpha), both)

with story("the last owner stays"):
    ada.get_current_workspace()
    refused("not by the SDK", TransportQueryError, lambda: ada.get_workspace("alpha").remove_user(ADA))
    gone = {"workspace_id": alpha.id(), "email": ADA}
    status, answer = ask(ada, "/v1/api/workspaces/remove_user", gone)
    like("not over REST", [status, answer], [400, refusal(400)])
    status, answer = ask(ada, "/v1/api/workspaces/add_user", {**gone, "user_type": "collaborator"})
    like("nor by stepping down", [status, answer], [400, refusal(400)])
    same("nothing has changed", members(alpha), both)

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
    check("and is understood", (EVE_ID, "COLLABORATOR") in members(alpha), members(alpha))
    recorder.take()
    place.add_owner(EVE)
    paths = [request.path.split("?")[0] for request in recorder.take()]
    same("add_owner is two requests", paths, ["/auth/admin/realms/master/users", "/v1/api/workspaces/add_user"])
    check("and is understood, too", (EVE_ID, "OWNER") in members(alpha), members(alpha))

finish()
