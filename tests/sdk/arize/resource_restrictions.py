"""Every method of `client.resource_restrictions`, and what a restricted project is to whom."""

from checks import check, finish, same, story
from people import (
    OLD,
    VERSION,
    BadRequest,
    Forbidden,
    NotFound,
    Unauthorized,
    ada,
    ask,
    client,
    generated,
    home,
    just_now,
    other_id,
    pages,
    person,
    plain,
    problem,
    refusal,
    space_role,
)

Permission = generated.Permission
LISTS = VERSION >= (8, 39)

bob, bobs = person("bob")
eve, eves = person("eve")
zoe, zoes = person("zoe", inside=ada.organizations.create(name="Other"))
alpha = ada.spaces.create(name="alpha", organization_id=home.id)
ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("MEMBER"))
rocket = ada.projects.create(name="rocket", space=alpha.id)
comet = ada.projects.create(name="comet", space=alpha.id)
restrict, unrestrict = ada.resource_restrictions.restrict, ada.resource_restrictions.unrestrict


def restricted(by=ada, **filter):
    return sorted(
        entry.resource_id for entry in by.resource_restrictions.list(limit=100, **filter).resource_restrictions
    )


with story("restrict"):
    same("at first bob is in", bobs.projects.update(project=rocket.id, name="Rocket").name, "Rocket")
    same("and eve sees it", eves.projects.get(project=rocket.id).name, "Rocket")
    first = restrict(resource_id=rocket.id)
    check("gives a ResourceRestriction", type(first) is generated.ResourceRestriction, type(first))
    same("of the project", (plain(first.resource_type), first.resource_id), ("PROJECT", rocket.id))
    check("made just now", just_now(first.created_at), first.created_at)
    same("again it is the same", restrict(resource_id=rocket.id), first)
    status, answer = ask("POST", "/v2/resource-restrictions", {"resource_id": rocket.id})
    same("with 200", (status, "resource_restriction" in answer), (200, OLD))

with story("what it does"):
    problem("a member of the space has no part in it", NotFound, lambda: bobs.projects.get(project=rocket.id))
    problem("and cannot change it", NotFound, lambda: bobs.projects.update(project=rocket.id, name="x"))
    problem("nor delete it", NotFound, lambda: bobs.projects.delete(project=rocket.id))
    same("it is not on the list", [p.name for p in bobs.projects.list(space=alpha.id).projects], ["comet"])
    problem("nor for who reads the space", NotFound, lambda: eves.projects.get(project=rocket.id))
    same("other projects are as they were", bobs.projects.update(project=comet.id, name="comet").name, "comet")
    same("an administrator sees it", ada.projects.get(project=rocket.id).name, "Rocket")
    writer = ada.roles.create(
        name="Writer", permissions=[Permission.SPACE_READ, Permission.PROJECT_READ, Permission.PROJECT_UPDATE]
    )
    above = ada.role_bindings.create(user_id=bob.id, role_id=writer.id, resource_type="SPACE", resource_id=alpha.id)
    problem("a role bound to the space does not help", NotFound, lambda: bobs.projects.get(project=rocket.id))
    direct = ada.role_bindings.create(user_id=bob.id, role_id=writer.id, resource_type="PROJECT", resource_id=rocket.id)
    same("one bound to the project does", bobs.projects.update(project=rocket.id, name="rocket").name, "rocket")
    problem("as far as it goes", Forbidden, lambda: bobs.projects.delete(project=rocket.id))
    ada.role_bindings.delete(binding_id=direct.id)
    problem("and no longer", NotFound, lambda: bobs.projects.get(project=rocket.id))

with story("restrict refuses"):
    problem("a space", BadRequest, lambda: restrict(resource_id=alpha.id))
    problem("what is no id", BadRequest, lambda: restrict(resource_id="rocket"))
    problem("nothing unknown", (NotFound, Forbidden), lambda: restrict(resource_id=other_id(rocket.id)))
    refusal("no id", ask("POST", "/v2/resource-restrictions", {}), 422)
    refusal("a number", ask("POST", "/v2/resource-restrictions", {"resource_id": 1}), 422)
    refusal(
        "an unknown field", ask("POST", "/v2/resource-restrictions", {"resource_id": comet.id, "colour": "red"}), 422
    )
    problem("a member", Forbidden, lambda: bobs.resource_restrictions.restrict(resource_id=comet.id))
    problem("a reader", Forbidden, lambda: eves.resource_restrictions.restrict(resource_id=comet.id))
    problem("a stranger", (NotFound, Forbidden), lambda: zoes.resource_restrictions.restrict(resource_id=comet.id))
    problem("nobody", Unauthorized, lambda: client("atl_nobody").resource_restrictions.restrict(resource_id=comet.id))
    same("so it is open", eves.projects.get(project=comet.id).name, "comet")

with story("list"):
    restrict(resource_id=comet.id)
    if LISTS:
        from arize.resource_restrictions.types import ResourceRestrictionType

        same("all", restricted(), sorted([rocket.id, comet.id]))
        same("by type", restricted(resource_type=ResourceRestrictionType.PROJECT), restricted())
        if VERSION >= (8, 58):
            same("by another", restricted(resource_type=ResourceRestrictionType.PROMPT), [])
            same("and another", restricted(resource_type=ResourceRestrictionType.DASHBOARD), [])
        single, wrong = pages(ada.resource_restrictions.list, "resource_restrictions")
        same("one by one to the end", (sorted(r.resource_id for r in single), wrong), (restricted(), []))
        problem("a forged cursor", BadRequest, lambda: ada.resource_restrictions.list(cursor="forged"))
        same("nobody else's", (restricted(bobs), restricted(zoes)), ([], []))
    status, answer = ask("GET", "/v2/resource-restrictions?resource_type=PROJECT&limit=100")
    found = sorted(entry["resource_id"] for entry in answer["resource_restrictions"])
    same("on the wire", (status, found), (200, sorted([rocket.id, comet.id])))
    check(
        "as three fields",
        all(sorted(r) == ["created_at", "resource_id", "resource_type"] for r in answer["resource_restrictions"]),
    )
    refusal("an unknown type", ask("GET", "/v2/resource-restrictions?resource_type=PLANET"), 400, 422)
    unrestrict(resource_id=comet.id)

with story("unrestrict"):
    problem(
        "not by a member", (NotFound, Forbidden), lambda: bobs.resource_restrictions.unrestrict(resource_id=rocket.id)
    )
    problem("nor by a stranger", NotFound, lambda: zoes.resource_restrictions.unrestrict(resource_id=rocket.id))
    same("by who may", unrestrict(resource_id=rocket.id), None)
    same("then the space's roles count again", bobs.projects.get(project=rocket.id).name, "rocket")
    same("for readers, too", eves.projects.get(project=rocket.id).name, "rocket")
    problem("once", NotFound, lambda: unrestrict(resource_id=rocket.id))
    problem("nothing unknown", NotFound, lambda: unrestrict(resource_id=other_id(rocket.id)))
    ada.role_bindings.delete(binding_id=above.id)
    ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("ADMIN"))
    same(
        "an administrator of the space restricts",
        bobs.resource_restrictions.restrict(resource_id=rocket.id).resource_id,
        rocket.id,
    )
    same("and still sees it", bobs.projects.get(project=rocket.id).name, "rocket")
    same("and opens it", bobs.resource_restrictions.unrestrict(resource_id=rocket.id), None)
    restrict(resource_id=comet.id)
    ada.projects.delete(project=comet.id)
    _, answer = ask("GET", "/v2/resource-restrictions?limit=100")
    same("a project takes its restriction along", answer["resource_restrictions"], [])

finish()
