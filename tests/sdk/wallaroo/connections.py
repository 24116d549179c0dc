"""Every method of the SDK that makes, finds, links or deletes connections, and what each refuses."""

from wallaroo.connection import Connection, ConnectionList

from checks import check, finish, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, ask, sign_in

BOB, EVE = "bob@example.com", "eve@example.com"
DETAILS = {"host": "db.example.com", "port": 5432, "token": "hunter2-secret", "nested": {"b": [1.5, None], "a": "é"}}

ada = sign_in(ADA, ADA_PASSWORD)
for person in (BOB, EVE):
    ada.invite_user(person, PASSWORD)
bob, eve = sign_in(BOB), sign_in(EVE)
yard = bob.create_workspace("yard")


def names(connections):
    return [connection.name() for connection in connections]


with story("a new connection"):
    same("there is none at first", names(bob.list_connections()), [])
    store = bob.create_connection("store", "POSTGRES", DETAILS)
    check("create_connection gives a Connection", type(store) is Connection)
    check("with a UUID", len(store.id()) == 36, store.id())
    same("name", store.name(), "store")
    same("type", store.connection_type(), "POSTGRES")
    same("details", store.details(), DETAILS)
    check("created_at", str(store.created_at()).endswith("+00:00"), store.created_at())
    same("it is in no workspace", store.workspace_names(), [])
    check("its picture hides the details", "hunter2" not in store._repr_html_())
    bare = bob.create_connection("bare", "HTTP", {})
    same("details may be empty", bare.details(), {})

with story("find connections"):
    listed = bob.list_connections()
    check("list_connections gives a ConnectionList", type(listed) is ConnectionList)
    same("with both", names(listed), ["store", "bare"])
    same("and their details", listed[0].details(), DETAILS)
    check("its picture hides the details", "hunter2" not in listed._repr_html_())
    found = bob.get_connection("store")
    same("get_connection finds it", (found.id(), found.details()), (store.id(), DETAILS))
    refused("nothing has this name", Exception, lambda: bob.get_connection("nothing"), "Failed to get connection")

with story("names and details that are refused"):
    taken = "This connection already exists.  Please choose a different connection name."
    refused("a name that is taken", Exception, lambda: bob.create_connection("store", "HTTP", {}), taken)
    refused("also for somebody else", Exception, lambda: eve.create_connection("store", "HTTP", {}), taken)
    failed = "Failed to create connection"
    refused("an empty name", Exception, lambda: bob.create_connection("", "HTTP", {}), failed)
    refused("details of 65 KiB", Exception, lambda: bob.create_connection("big", "HTTP", {"k": "x" * 65 * 1024}), failed)
    same("nothing was made", names(bob.list_connections()), ["store", "bare"])

with story("a workspace has connections"):
    same("none at first", names(yard.list_connections()), [])
    yard.add_connection("store")
    same("the one", names(yard.list_connections()), ["store"])
    same("which names its workspace", bob.get_connection("store").workspace_names(), ["yard"])
    yard.add_connection("store")
    same("once", names(yard.list_connections()), ["store"])
    bare.add_connection_to_workspace(yard.id())
    same("from the connection, too", names(yard.list_connections()), ["store", "bare"])
    bare.remove_connection_from_workspace(yard.id())
    same("and out again", names(yard.list_connections()), ["store"])
    refused("nothing has this name", Exception, lambda: yard.add_connection("nothing"), "Failed to get connection")

with story("who sees a connection"):
    same("an administrator sees all", names(ada.list_connections()), ["store", "bare"])
    same("a stranger sees none", names(eve.list_connections()), [])
    refused("nor by name", Exception, lambda: eve.get_connection("store"), "Failed to get connection")
    refused("nor in the workspace", Exception, lambda: Connection.list_connections(eve, yard.id()), "does not exist")
    lost = "Failed to add connection to workspace"
    mine = eve.create_workspace("mine")
    theirs = Connection(eve, {"id": store.id()})
    refused("nor adds it to a workspace", Exception, lambda: theirs.add_connection_to_workspace(mine.id()), lost)
    refused("nor to that of others", Exception, lambda: theirs.add_connection_to_workspace(yard.id()), lost)
    yard.add_user(EVE)
    same("a member sees it", names(eve.list_connections()), ["store"])
    same("with its details", eve.get_connection("store").details(), DETAILS)
    eve.get_connection("store").delete_connection()
    same("but does not delete it, of which the SDK says nothing", names(eve.list_connections()), ["store"])
    status, body = ask(eve, "/v1/api/connections/delete", {"name": "store"})
    check("the server does", status == 400 and "only the user who created it" in body["msg"], (status, body))
    yard.remove_connection("store")
    same("after that she sees none", names(eve.list_connections()), [])

with story("delete"):
    yard.add_connection("store")
    bob.get_connection("store").delete_connection()
    same("it is gone", names(bob.list_connections()), ["bare"])
    same("from the workspace, too", names(yard.list_connections()), [])
    refused("by name", Exception, lambda: bob.get_connection("store"), "Failed to get connection")
    again = eve.create_connection("store", "HTTP", {"new": True})
    same("the name is free again", again.details(), {"new": True})
    ada.get_connection("bare").delete_connection()
    same("an administrator deletes what others made", names(bob.list_connections()), [])

finish()
