"""Every method of the SDK that makes or finds workspaces, and what each refuses."""

from wallaroo.object import InvalidNameError
from wallaroo.workspace import Workspace, Workspaces

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, a_moment, ask, emails, members, names, refusal, row, sign_in

BOB, EVE = "bob@example.com", "eve@example.com"

ada = sign_in(ADA, ADA_PASSWORD)
for person in (BOB, EVE):
    ada.invite_user(person, PASSWORD)
bob, eve = sign_in(BOB), sign_in(EVE)
ADA_ID, BOB_ID = ada.auth.user_id(), bob.auth.user_id()

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
    same("the caller owns it", members(ada, alpha), [(ADA_ID, "OWNER")])
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
    same("its owner is the caller", members(ada, default), [(BOB_ID, "OWNER")])
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

with story("an archived workspace"):
    query = """mutation($id: bigint!, $archived: Boolean) {
        update_workspace_by_pk(pk_columns: {id: $id}, _set: {archived: $archived}) { archived }
    }"""

    def archive(archived):
        variables = {"id": alpha.id(), "archived": archived}
        return ask(ada, "/v1/graphql", {"query": query, "variables": variables})

    same("GraphQL archives it", archive(True), (200, {"data": {"update_workspace_by_pk": {"archived": True}}}))
    same("list_workspaces says so", [workspace.archived() for workspace in ada.list_workspaces()][:2], [True, False])
    same("it is found", ada.get_workspace("alpha").archived(), True)
    status, answer = ask(ada, "/v1/api/workspaces/add_user", {"workspace_id": alpha.id(), "email": EVE})
    like("nobody can be added", [status, answer], [400, refusal(400)])
    archive(False)
    same("it is restored", ada.get_workspace("alpha").archived(), False)

finish()
