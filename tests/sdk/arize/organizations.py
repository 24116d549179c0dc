"""Every method of `client.organizations`, and what each refuses."""

from arize.utils.resolve import NotFoundError
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    OLD,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    ada,
    an_id,
    ask,
    client,
    filters,
    generated,
    home,
    invite,
    just_now,
    key_of,
    org_role,
    other_id,
    paged,
    person,
    problem,
    refusal,
    space_role,
    told,
)

create = ada.organizations.create

with story("the home organization"):
    same("it is called Home", home.name, "Home")
    check("it is an Organization", type(home) is generated.Organization)
    check("its id is one", an_id("Organization", home.id), home.id)
    same("it has a description, if an empty one", isinstance(home.description, str), True)
    same("get by id", ada.organizations.get(organization=home.id), home)
    same("it is the first in the list", [o.id for o in ada.organizations.list().organizations], [home.id])
    problem(
        "it cannot be deleted", (Forbidden, BadRequest, Conflict), lambda: ada.organizations.delete(organization="Home")
    )
    same("and stays", ada.organizations.get(organization="Home"), home)

with story("create and get"):
    acme = create(name="Acme", description="rockets")
    check("create gives an Organization", type(acme) is generated.Organization)
    check("its id is one", an_id("Organization", acme.id), acme.id)
    same("its name and description", (acme.name, acme.description), ("Acme", "rockets"))
    check("created just now", just_now(acme.created_at), acme.created_at)
    same("get by id", ada.organizations.get(organization=acme.id), acme)
    same("get by name", ada.organizations.get(organization="Acme"), acme)
    same("without a description it is empty", create(name="Bäckerei").description, "")
    for name in ("50% off", "snake_case", "a/b?c#d", "x" * 255):
        same(f"any name will do, {name:.10}", ada.organizations.get(organization=create(name=name).name).name, name)
    refused("a name is found in its own case only", NotFoundError, lambda: ada.organizations.get(organization="acme"))
    problem("an id that was never given", NotFound, lambda: ada.organizations.get(organization=other_id(acme.id)))
    problem("a taken name", Conflict, lambda: create(name="Acme"), "name")
    refused("the SDK refuses a long name", ValidationError, lambda: create(name="x" * 256))
    for sentence, body, *statuses in (
        ("no name", {}, 422),
        ("an empty name", {"name": ""}, 400, 422),
        ("a blank name", {"name": "  "}, 400),
        ("a long name", {"name": "x" * 256}, 422),
        ("a long description", {"name": "gamma", "description": "x" * 1001}, 422),
        ("an unknown field", {"name": "gamma", "colour": "red"}, 422),
        ("a field of the server's", {"name": "gamma", "id": acme.id}, 422),
        ("a number for a name", {"name": 1}, 422),
    ):
        refusal(sentence, ask("POST", "/v2/organizations", body), *statuses)
    refused("and nothing was made", NotFoundError, lambda: ada.organizations.get(organization="gamma"))

with story("list"):
    kept = ["Acme", "Bäckerei", "50% off", "snake_case", "a/b?c#d"]
    for sentence, part, wanted in (
        ("a part of the name", "cm", ["Acme"]),
        ("in any case", "ACME", ["Acme"]),
        ("also beyond ASCII", "BÄCK", ["Bäckerei"]),
        ("a percent sign is one", "%", ["50% off"]),
        ("an underscore is one", "_", ["snake_case"]),
        ("nothing", "nothing like it", []),
    ):
        filters(sentence, ada.organizations.list, "organizations", kept, wanted, name=part)
    paged("one by one to the end", ada.organizations.list, "organizations")
    problem("a forged cursor", BadRequest, lambda: ada.organizations.list(cursor="forged"))
    refusal("a limit of 101", ask("GET", "/v2/organizations?limit=101"), 400, 422)

with story("update"):
    same("a name, by id", ada.organizations.update(organization=acme.id, name="Acme Ltd").name, "Acme Ltd")
    changed = ada.organizations.update(organization="Acme Ltd", name="Acme", description="anvils")
    same("by name", (changed.id, changed.name, changed.description), (acme.id, "Acme", "anvils"))
    same("the moment stays", changed.created_at, acme.created_at)
    same("cleared", ada.organizations.update(organization=acme.id, description="" if OLD else None).description, "")
    ada.organizations.update(organization=acme.id, description="anvils")
    path = f"/v2/organizations/{acme.id}"
    same("by null on the wire", ask("PATCH", path, {"description": None})[1]["description"], "")
    problem("a taken name", Conflict, lambda: ada.organizations.update(organization=acme.id, name="Home"))
    refused("the SDK refuses an empty update", ValueError, lambda: ada.organizations.update(organization=acme.id))
    refusal("and so does the server", ask("PATCH", path, {}), 400)
    refusal("a blank name", ask("PATCH", path, {"name": " "}), 400)
    refusal("a long name", ask("PATCH", path, {"name": "x" * 256}), 422)
    refusal("an unknown field", ask("PATCH", path, {"colour": "red"}), 422)
    problem("nothing unknown", NotFound, lambda: ada.organizations.update(organization=other_id(acme.id), name="x"))
    same("nothing else has changed", ada.organizations.get(organization=acme.id).name, "Acme")

with story("add_user"):
    bob, bobs = person("bob", None)
    joined = ada.organizations.add_user(organization=acme.id, user_id=bob.id, role=org_role("MEMBER"))
    same("gives a membership", (joined.user_id, joined.organization_id, told(joined.role)), (bob.id, acme.id, "MEMBER"))
    check("with an id", isinstance(joined.id, str) and joined.id != "", joined.id)
    for role in ("READ_ONLY", "ADMIN", "MEMBER"):
        again = ada.organizations.add_user(organization="Acme", user_id=bob.id, role=org_role(role))
        same(f"by name and anew as {role}", (again.id, told(again.role)), (joined.id, role))
    check("the new one sees it", "Acme" in [o.name for o in bobs.organizations.list().organizations])
    check("and not every other", "snake_case" not in [o.name for o in bobs.organizations.list().organizations])
    add = lambda **more: ada.organizations.add_user(
        **{"organization": acme.id, "user_id": bob.id, "role": org_role("MEMBER"), **more}
    )
    problem("an unknown user", NotFound, lambda: add(user_id=other_id(bob.id)))
    problem("an unknown organization", NotFound, lambda: add(organization=other_id(acme.id)))
    problem("an annotator who is none", BadRequest, lambda: add(role=org_role("ANNOTATOR")))
    ann = invite("ann", "ANNOTATOR")
    same("an annotator who is one", told(add(user_id=ann.id, role=org_role("ANNOTATOR")).role), "ANNOTATOR")
    problem("who can be nothing else", BadRequest, lambda: add(user_id=ann.id))
    path = f"/v2/organizations/{acme.id}/users"
    refusal("a bare word for a role", ask("POST", path, {"user_id": bob.id, "role": "MEMBER"}), 400, 422)
    refusal(
        "an unknown role", ask("POST", path, {"user_id": bob.id, "role": {"type": "PREDEFINED", "name": "KING"}}), 422
    )
    refusal("no role", ask("POST", path, {"user_id": bob.id}), 422)
    curator = ada.roles.create(name="Curator", permissions=[generated.Permission.SPACE_READ])
    custom = {"user_id": bob.id, "role": {"type": "CUSTOM", "id": curator.id}}
    refusal("custom roles are not supported here", ask("POST", path, custom), 400, 422)
    for spelling in ({"type": "predefined", "name": "read-only"}, {"type": "PREDEFINED", "name": "READ_ONLY"}):
        status, answer = ask("POST", path, {"user_id": bob.id, "role": spelling})
        same(f"any spelling is read: {spelling['name']}", (status, sorted(answer["role"])), (200, ["name", "type"]))
    add()

with story("remove_user"):
    space = ada.spaces.create(name="lab", organization_id=acme.id)
    ada.spaces.add_user(space=space.id, user_id=bob.id, role=space_role("MEMBER"))
    same("bob is in", bobs.spaces.get(space="lab").id, space.id)
    same("remove_user removes", ada.organizations.remove_user(organization="Acme", user_id=bob.id), None)
    problem("from its spaces, too", NotFound, lambda: bobs.spaces.get(space=space.id))
    problem("and the organization is out of sight", NotFound, lambda: bobs.organizations.get(organization=acme.id))
    problem(
        "there is no one to remove from the space",
        NotFound,
        lambda: ada.spaces.remove_user(space=space.id, user_id=bob.id),
    )
    problem("once", NotFound, lambda: ada.organizations.remove_user(organization=acme.id, user_id=bob.id))
    problem(
        "nobody unknown",
        NotFound,
        lambda: ada.organizations.remove_user(organization=acme.id, user_id=other_id(bob.id)),
    )
    add()
    problem("who comes back has no space", NotFound, lambda: ada.spaces.remove_user(space=space.id, user_id=bob.id))

with story("what others may do"):
    eve, eves = person("eve", None)
    for sentence, call in (
        ("update", lambda by: by.organizations.update(organization=acme.id, name="mine")),
        ("delete", lambda by: by.organizations.delete(organization=acme.id)),
        ("add", lambda by: by.organizations.add_user(organization=acme.id, user_id=bob.id, role=org_role("ADMIN"))),
        ("remove", lambda by: by.organizations.remove_user(organization=acme.id, user_id=ann.id)),
    ):
        problem(f"a member may not {sentence}", Forbidden, lambda: call(bobs))
        problem(f"for a stranger there is nothing to {sentence}", NotFound, lambda: call(eves))
        problem(f"nobody may {sentence}", Unauthorized, lambda: call(client("atl_nobody")))
    problem("a stranger cannot look", NotFound, lambda: eves.organizations.get(organization=acme.id))
    problem("a member makes none", Forbidden, lambda: bobs.organizations.create(name="Bobs"))
    same("nothing has changed", ada.organizations.get(organization=acme.id).name, "Acme")
    add(role=org_role("ADMIN"))
    same("its administrator may", bobs.organizations.update(organization="Acme", description="bob").description, "bob")
    same(
        "and adds people",
        told(bobs.organizations.add_user(organization=acme.id, user_id=bob.id, role=org_role("ADMIN")).role),
        "ADMIN",
    )

with story("delete"):
    same("by id", ada.organizations.delete(organization=acme.id), None)
    problem("it is gone", NotFound, lambda: ada.organizations.get(organization=acme.id))
    problem("with its spaces", NotFound, lambda: ada.spaces.get(space=space.id))
    problem("once", NotFound, lambda: ada.organizations.delete(organization=acme.id))
    same("by name", ada.organizations.delete(organization="Bäckerei"), None)
    same("the name is free again", create(name="Acme").name, "Acme")
    same("people stay", ada.users.get(user=bob.id).email, bob.email)
    same("and their keys", client(key_of(bob.email)).spaces.list(name="nothing like it").spaces, [])

finish()
