"""Every method of `client.projects`, by id and by name with its space, and what each refuses."""

from arize.utils.resolve import NotFoundError

from checks import check, finish, refused, same, story
from people import (
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
    filters,
    generated,
    home,
    just_now,
    other_id,
    paged,
    person,
    plain,
    problem,
    refusal,
    space_role,
)

alpha = ada.spaces.create(name="alpha", organization_id=home.id)
beta = ada.spaces.create(name="Béta 50%", organization_id=home.id)
bob, bobs = person("bob")
eve, eves = person("eve")
zoe, zoes = person("zoe", inside=ada.organizations.create(name="Other"))
ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("MEMBER"))
create = ada.projects.create

with story("create and get"):
    rocket = create(name="rocket", space=alpha.id)
    check("gives a Project", type(rocket) is generated.Project)
    check("its id is one, of a Model", an_id("Model", rocket.id), rocket.id)
    same("its name and space", (rocket.name, rocket.space_id), ("rocket", alpha.id))
    check("made just now", just_now(rocket.created_at), rocket.created_at)
    if VERSION >= (8, 56):
        same("an application", plain(rocket.project_type), "APPLICATION")
    same("in a space by name", create(name="comet", space="Béta 50%").space_id, beta.id)
    same("get by id", ada.projects.get(project=rocket.id), rocket)
    same("by name in a space by id", ada.projects.get(project="rocket", space=alpha.id), rocket)
    same("by name in a space by name", ada.projects.get(project="rocket", space="alpha"), rocket)
    refused("by name alone it is nothing", NotFoundError, lambda: ada.projects.get(project="rocket"), "Provide 'space'")
    refused("nor in another space", NotFoundError, lambda: ada.projects.get(project="rocket", space=beta.id))
    refused("nor in another case", NotFoundError, lambda: ada.projects.get(project="Rocket", space=alpha.id))
    problem("an id that was never given", NotFound, lambda: ada.projects.get(project=other_id(rocket.id)))
    problem("an id of another kind", (NotFound, BadRequest), lambda: ada.projects.get(project=alpha.id))
    twin = create(name="rocket", space=beta.id)
    check("another space may have the name", twin.id != rocket.id)
    for name in ("50%", "under_score", "a/b?c#d", "Größe", "x" * 255):
        same(
            f"any name will do, {name:.11}",
            ada.projects.get(project=create(name=name, space=alpha.id).name, space=alpha.id).name,
            name,
        )

with story("create refuses"):
    problem("a taken name", Conflict, lambda: create(name="rocket", space=alpha.id), "name")
    problem("an unknown space", (NotFound, Forbidden), lambda: create(name="x", space=other_id(alpha.id)))
    refused("also by name", NotFoundError, lambda: create(name="x", space="nothing like it"))
    base = {"name": "gamma", "space_id": alpha.id}
    for sentence, wrong, *statuses in (
        ("no name", {"name": None}, 422),
        ("an empty name", {"name": ""}, 400, 422),
        ("a blank name", {"name": " "}, 400),
        ("a long name", {"name": "x" * 256}, 422),
        ("no space", {"space_id": None}, 422),
        ("a space that is no id", {"space_id": "alpha"}, 400, 404),
        ("an unknown field", {"colour": "red"}, 422),
        ("a field of the server's", {"created_at": "2026-01-01T00:00:00Z"}, 422),
    ):
        body = {k: v for k, v in {**base, **wrong}.items() if v is not None}
        refusal(sentence, ask("POST", "/v2/projects", body), *statuses)
    same("nothing was made", ada.projects.list(name="gamma").projects, [])

with story("list"):
    kept = ["rocket", "comet", "50%", "under_score", "a/b?c#d", "Größe"]
    for sentence, filter, wanted in (
        ("all", {}, [*kept, "rocket"]),
        ("a part of the name", {"name": "ocke"}, ["rocket", "rocket"]),
        ("in any case", {"name": "GRÖß"}, ["Größe"]),
        ("a percent sign is one", {"name": "%"}, ["50%"]),
        ("an underscore is one", {"name": "_"}, ["under_score"]),
        ("by space id", {"space": beta.id}, ["comet", "rocket"]),
        ("by a part of the space's name", {"space": "BÉT"}, ["comet", "rocket"]),
        ("with a percent sign", {"space": "%"}, ["comet", "rocket"]),
        ("by both", {"space": "éta", "name": "com"}, ["comet"]),
        ("in no such space", {"space": "nothing like it"}, []),
    ):
        filters(sentence, ada.projects.list, "projects", kept, wanted, **filter)
    paged("one by one to the end", ada.projects.list, "projects")
    paged("also in a space", lambda **page: ada.projects.list(space=alpha.id, **page), "projects")
    problem("a forged cursor", BadRequest, lambda: ada.projects.list(cursor="forged"))
    refusal("a limit of 101", ask("GET", "/v2/projects?limit=101"), 400, 422)

with story("update"):
    same("by id", ada.projects.update(project=rocket.id, name="moon").name, "moon")
    back = ada.projects.update(project="moon", space="alpha", name="rocket")
    same("by name", (back.id, back.name, back.created_at), (rocket.id, "rocket", rocket.created_at))
    problem("a taken name", Conflict, lambda: ada.projects.update(project=rocket.id, name="50%"))
    same("its own is not taken", ada.projects.update(project=rocket.id, name="rocket").id, rocket.id)
    problem("nothing unknown", NotFound, lambda: ada.projects.update(project=other_id(rocket.id), name="x"))
    path = f"/v2/projects/{rocket.id}"
    refusal("nothing to change", ask("PATCH", path, {}), 400, 422)
    refusal("a blank name", ask("PATCH", path, {"name": " "}), 400)
    refusal("a long name", ask("PATCH", path, {"name": "x" * 256}), 422)
    refusal("another space", ask("PATCH", path, {"name": "rocket", "space_id": beta.id}), 422)
    same("nothing else has changed", ada.projects.get(project=rocket.id), rocket)

with story("what others may do"):
    same("a member reads", bobs.projects.get(project="rocket", space="alpha"), rocket)
    made = bobs.projects.create(name="bobs", space="alpha")
    same("makes and renames", bobs.projects.update(project=made.id, name="bob's").name, "bob's")
    same("and removes", bobs.projects.delete(project="bob's", space="alpha"), None)
    same("who is in the organization reads", eves.projects.get(project=rocket.id), rocket)
    check("and lists", rocket.id in [p.id for p in eves.projects.list(space=alpha.id, limit=100).projects])
    problem("but makes none", Forbidden, lambda: eves.projects.create(name="eves", space=alpha.id))
    same("for a stranger the list is empty", zoes.projects.list(limit=100).projects, [])
    for sentence, call in (
        ("update", lambda by: by.projects.update(project=rocket.id, name="mine")),
        ("delete", lambda by: by.projects.delete(project=rocket.id)),
    ):
        problem(f"a reader may not {sentence}", Forbidden, lambda: call(eves))
        problem(f"for a stranger there is nothing to {sentence}", NotFound, lambda: call(zoes))
        problem(f"nobody may {sentence}", Unauthorized, lambda: call(client("atl_nobody")))
    ask("PATCH", f"/v2/spaces/{alpha.id}", {"is_private": True})
    problem("in a private space one must be a member", NotFound, lambda: eves.projects.get(project=rocket.id))
    same("which bob is", bobs.projects.get(project=rocket.id), rocket)

with story("delete"):
    same("by id", ada.projects.delete(project=rocket.id), None)
    problem("it is gone", NotFound, lambda: ada.projects.get(project=rocket.id))
    problem("once", NotFound, lambda: ada.projects.delete(project=rocket.id))
    same("by name", ada.projects.delete(project="rocket", space="Béta 50%"), None)
    problem("that one, too", NotFound, lambda: ada.projects.get(project=twin.id))
    refused("by name alone it is nothing", NotFoundError, lambda: ada.projects.delete(project="comet"))
    same("the name is free again", create(name="rocket", space=alpha.id).name, "rocket")

finish()
