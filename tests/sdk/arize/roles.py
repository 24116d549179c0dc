"""Every method of `client.roles`: the predefined ones, custom ones with any permission, and what is refused."""

from arize.utils.resolve import NotFoundError
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    OLD,
    VERSION,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    ada,
    an_id,
    ask,
    client,
    custom_role,
    generated,
    home,
    just_now,
    other_id,
    paged,
    person,
    problem,
    refusal,
    space_role,
)

Permission = generated.Permission
TODAY = {"sdk-version": "8.61.0"}
READ, CREATE = Permission.PROJECT_READ, Permission.DATASET_CREATE
FEW = [Permission.SPACE_READ, READ, CREATE]


def granted(role):
    return sorted(permission.value for permission in role.permissions)


def values(*permissions):
    return sorted(permission.value for permission in permissions)


with story("the predefined ones"):
    predefined = ada.roles.list(is_predefined=True).roles
    names = sorted(role.name.upper().replace(" ", "_").replace("-", "_") for role in predefined)
    same("there are four", names, ["ADMIN", "ANNOTATOR", "MEMBER", "READ_ONLY"])
    same("they say so", [role.is_predefined for role in predefined], [True] * 4)
    check("with ids", all(an_id("Role", role.id) for role in predefined), [role.id for role in predefined])
    check("and permissions", all(role.permissions for role in predefined))
    admin = max(predefined, key=lambda role: len(role.permissions))
    check("the administrator's are the most", admin.name.upper() == "ADMIN", admin.name)
    for role in predefined:
        same(f"get by name, {role.name}", ada.roles.get(role=role.name), role)
    same("get by id", ada.roles.get(role=admin.id), admin)
    same("there is no other", ada.roles.list(is_predefined=False).roles, [])
    same("the list has them", len(ada.roles.list().roles), 4)
    for sentence, call in (
        ("be renamed", lambda: ada.roles.update(role=admin.id, name="King")),
        ("be described", lambda: ada.roles.update(role=admin.name, description="x")),
        ("lose permissions", lambda: ada.roles.update(role=admin.id, permissions=[READ])),
        ("be deleted", lambda: ada.roles.delete(role=admin.id)),
    ):
        problem(f"none can {sentence}", (BadRequest, Forbidden, Conflict), call)
    same("none has changed", ada.roles.list().roles, predefined)

with story("create and get"):
    curator = ada.roles.create(name="Curator", permissions=FEW, description="keeps datasets")
    check("gives a Role", type(curator) is generated.Role)
    check("its id is one", an_id("Role", curator.id), curator.id)
    same("its name and description", (curator.name, curator.description), ("Curator", "keeps datasets"))
    same("its permissions", granted(curator), values(*FEW))
    same("a custom one", curator.is_predefined, False)
    check("made just now", just_now(curator.created_at) and just_now(curator.updated_at))
    same("get by id", ada.roles.get(role=curator.id), curator)
    same("get by name", ada.roles.get(role="Curator"), curator)
    same("no description is none", ada.roles.create(name="Plain", permissions=[READ]).description, None)
    status, answer = ask("GET", f"/v2/roles/{ada.roles.get(role='Plain').id}")
    check("and left out", status == 200 and "description" not in answer, answer)
    twice = ada.roles.create(name="Twice", permissions=[READ, CREATE, READ])
    same("a permission counts once", granted(twice), values(READ, CREATE))
    whole = ada.roles.create(name="Whole", permissions=list(Permission))
    # SERVICE_KEY_DELETE is what SERVICE_KEY_REVOKE was called before 8.41.
    same("every permission of this SDK is known", granted(whole), values(*Permission))
    same("and read back", granted(ada.roles.get(role="Whole")), values(*Permission))
    for name in ("-_.,()[]'\"/:\\&@#$%!?+= 1", "x" * 255):
        same(f"a name may be {name:.9}", ada.roles.create(name=name, permissions=[READ]).name, name)
    refused("a name is found in its own case only", NotFoundError, lambda: ada.roles.get(role="curator"))
    problem("an id that was never given", NotFound, lambda: ada.roles.get(role=other_id(curator.id)))
    problem("an id of another kind", (NotFound, BadRequest), lambda: ada.roles.get(role=home.id))

with story("create refuses"):
    problem("a taken name", Conflict, lambda: ada.roles.create(name="Curator", permissions=[READ]), "name")
    twin = ada.roles.create(name=admin.name, permissions=[READ])
    same("named like a predefined role is a role of its own", (twin.name, twin.is_predefined), (admin.name, False))
    ada.roles.delete(role=twin.id)
    refused("the SDK refuses no permission", ValidationError, lambda: ada.roles.create(name="None", permissions=[]))
    refused("and a long name", ValidationError, lambda: ada.roles.create(name="x" * 256, permissions=[READ]))
    fields = {"name": "None", "permissions": ["PROJECT_READ"]}
    for sentence, wrong, *statuses in (
        ("no permission", {"permissions": []}, 422),
        ("an unknown permission", {"permissions": ["PROJECT_READ", "PROJECT_PAINT"]}, 422),
        ("no list of permissions", {"permissions": None}, 422),
        ("no name", {"name": None}, 422),
        ("an empty name", {"name": ""}, 400, 422),
        ("a blank name", {"name": " "}, 400),
        ("a long name", {"name": "x" * 256}, 422),
        ("a long description", {"description": "x" * 1001}, 422),
        ("a field of the server's", {"is_predefined": True}, 422),
        ("an unknown field", {"colour": "red"}, 422),
    ):
        body = {k: v for k, v in {**fields, **wrong}.items() if v is not None}
        refusal(sentence, ask("POST", "/v2/roles", body), *statuses)
    refused("nothing was made", NotFoundError, lambda: ada.roles.get(role="None"))

with story("list"):
    paged("one by one to the end", ada.roles.list, "roles")
    paged("the predefined, too", lambda **page: ada.roles.list(is_predefined=True, **page), "roles")
    custom = paged("and the others", lambda **page: ada.roles.list(is_predefined=False, **page), "roles")
    check("which are those made", curator.id in custom and admin.id not in custom, custom)
    problem("a forged cursor", BadRequest, lambda: ada.roles.list(cursor="forged"))
    refusal("is_predefined is true or false", ask("GET", "/v2/roles?is_predefined=maybe"), 400, 422)

with story("permissions that this SDK may not know"):
    every = [
        "SPACE_READ",
        "ROLE_READ",
        "PROMPT_RESTRICT",
        "DATASET_VIEW_READ",
        "SERVICE_KEY_REVOKE",
        "LLM_INTEGRATION_CREATE",
    ]
    body = {"name": "Modern", "permissions": every}
    status, answer = ask("POST", "/v2/roles", body, headers=TODAY)
    same("today's SDK makes a role of them", (status, sorted(answer["permissions"])), (201, sorted(every)))
    known = {permission.value for permission in Permission}
    former = ["SERVICE_KEY_DELETE"] if "SERVICE_KEY_DELETE" in known else []
    modern = ada.roles.get(role="Modern")
    same("this one sees what it knows", granted(modern), sorted([*(set(every) & known), *former]))
    check("in the list, too", modern in ada.roles.list(limit=100).roles)
    if not set(every) <= known:
        ada.roles.update(role="Modern", description="seen by an old one")
        status, answer = ask("GET", f"/v2/roles/{modern.id}", headers=TODAY)
        same("an update of something else takes none away", sorted(answer["permissions"]), sorted(every))
    same("an SDK of today knows them all", VERSION < (8, 60) or len(known) == 151, True)

with story("update"):
    renamed = ada.roles.update(role=curator.id, name="Keeper")
    same("a name, by id", (renamed.name, granted(renamed)), ("Keeper", granted(curator)))
    check("updated_at moves", renamed.updated_at >= curator.updated_at and renamed.created_at == curator.created_at)
    changed = ada.roles.update(role="Keeper", permissions=[READ])
    same(
        "permissions are replaced, by name",
        (granted(changed), changed.description),
        (["PROJECT_READ"], "keeps datasets"),
    )
    cleared = ada.roles.update(role=curator.id, description="" if OLD else None)
    same("a description is cleared", cleared.description or None, None)
    all_ = ada.roles.update(role=curator.id, name="Curator", description="again", permissions=FEW)
    same("all at once", (all_.name, all_.description, granted(all_)), ("Curator", "again", values(*FEW)))
    path = f"/v2/roles/{curator.id}"
    same("null clears on the wire", ask("PATCH", path, {"description": None})[1].get("description"), None)
    problem("a taken name", Conflict, lambda: ada.roles.update(role=curator.id, name="Plain"))
    problem("nothing unknown", NotFound, lambda: ada.roles.update(role=other_id(curator.id), name="x"))
    refused("the SDK refuses an empty update", ValueError, lambda: ada.roles.update(role=curator.id))
    refusal("and so does the server", ask("PATCH", path, {}), 400)
    refusal("no permission", ask("PATCH", path, {"permissions": []}), 422)
    refusal("an unknown permission", ask("PATCH", path, {"permissions": ["PROJECT_PAINT"]}), 422)
    refusal("a blank name", ask("PATCH", path, {"name": " "}), 400)
    refusal("an unknown field", ask("PATCH", path, {"colour": "red"}), 422)
    same("nothing else has changed", granted(ada.roles.get(role="Curator")), values(*FEW))

with story("what a role grants"):
    bob, bobs = person("bob")
    space = ada.spaces.create(name="lab", organization_id=home.id)
    ada.spaces.add_user(space=space.id, user_id=bob.id, role=custom_role(curator))
    project = ada.projects.create(name="rocket", space=space.id)
    same("it lets read", bobs.projects.get(project=project.id).id, project.id)
    problem("and not change", Forbidden, lambda: bobs.projects.update(project=project.id, name="x"))
    ada.roles.update(role="Curator", permissions=[*FEW, Permission.PROJECT_UPDATE])
    same("a wider role widens at once", bobs.projects.update(project=project.id, name="moon").name, "moon")
    ada.roles.update(role="Curator", permissions=FEW)
    problem("and narrows at once", Forbidden, lambda: bobs.projects.update(project=project.id, name="x"))
    for sentence, call in (
        ("create", lambda by: by.roles.create(name="Bobs", permissions=[READ])),
        ("update", lambda by: by.roles.update(role=curator.id, permissions=list(Permission))),
        ("delete", lambda by: by.roles.delete(role=curator.id)),
    ):
        problem(f"a member may not {sentence} roles", Forbidden, lambda: call(bobs))
        problem(f"nobody may {sentence} roles", Unauthorized, lambda: call(client("atl_nobody")))

with story("delete"):
    eve, _ = person("eve")
    binding = ada.role_bindings.create(user_id=eve.id, role_id=twice.id, resource_type="SPACE", resource_id=space.id)
    problem("not while it is bound", Conflict, lambda: ada.roles.delete(role="Twice"))
    problem("or somebody's role in a space", Conflict, lambda: ada.roles.delete(role="Curator"))
    same("both stay", (ada.roles.get(role="Twice"), ada.roles.get(role=curator.id).id), (twice, curator.id))
    ada.role_bindings.delete(binding_id=binding.id)
    same("by name", ada.roles.delete(role="Twice"), None)
    problem("it is gone", NotFound, lambda: ada.roles.get(role=twice.id))
    ada.spaces.add_user(space=space.id, user_id=bob.id, role=space_role("MEMBER"))
    same("by id", ada.roles.delete(role=curator.id), None)
    problem("once", NotFound, lambda: ada.roles.delete(role=curator.id))
    same("the name is free again", ada.roles.create(name="Curator", permissions=[READ]).name, "Curator")

finish()
