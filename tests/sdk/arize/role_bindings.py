"""Every method of `client.role_bindings`, what a binding grants, and what is refused."""

import time

from arize.role_bindings.types import RoleBindingResourceType
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    Unprocessable,
    ada,
    an_id,
    ask,
    client,
    generated,
    home,
    just_now,
    other_id,
    paged,
    person,
    problem,
    refusal,
)

Permission = generated.Permission
SPACE, PROJECT = RoleBindingResourceType.SPACE, RoleBindingResourceType.PROJECT

bob, bobs = person("bob")
eve, eves = person("eve")
zoe, zoes = person("zoe", inside=ada.organizations.create(name="Other"))
alpha = ada.spaces.create(name="alpha", organization_id=home.id)
beta = ada.spaces.create(name="beta", organization_id=home.id)
rocket = ada.projects.create(name="rocket", space=alpha.id)
comet = ada.projects.create(name="comet", space=alpha.id)
reader = ada.roles.create(name="Reader", permissions=[Permission.SPACE_READ, Permission.PROJECT_READ])
writer = ada.roles.create(
    name="Writer", permissions=[Permission.SPACE_READ, Permission.PROJECT_READ, Permission.PROJECT_UPDATE]
)


def bind(user, role, resource, by=ada):
    kind = PROJECT if an_id("Model", resource.id) else SPACE
    return by.role_bindings.create(user_id=user.id, role_id=role.id, resource_type=kind, resource_id=resource.id)


def fields(binding):
    return (binding.user_id, binding.role_id, binding.resource_type, binding.resource_id)


with story("create and get"):
    first = bind(bob, reader, alpha)
    check("gives a RoleBinding", type(first) is generated.RoleBinding)
    check("its id is one", an_id("RoleBinding", first.id), first.id)
    same("on a space", fields(first), (bob.id, reader.id, SPACE, alpha.id))
    check("made just now", just_now(first.created_at) and just_now(first.updated_at))
    same("get", ada.role_bindings.get(binding_id=first.id), first)
    second = bind(bob, reader, rocket)
    same("on a project", fields(second), (bob.id, reader.id, PROJECT, rocket.id))
    third = bind(eve, writer, alpha)
    problem("nothing unknown", NotFound, lambda: ada.role_bindings.get(binding_id=other_id(first.id)))
    problem("nothing of another kind", (NotFound, BadRequest), lambda: ada.role_bindings.get(binding_id=alpha.id))

with story("create refuses"):
    ghost = lambda thing: thing.model_copy(update={"id": other_id(thing.id)})
    problem("a second one for the same person", Conflict, lambda: bind(bob, writer, alpha))
    problem("on a project, too", Conflict, lambda: bind(bob, reader, rocket))
    problem("an unknown user", NotFound, lambda: bind(ghost(bob), reader, beta))
    problem("an unknown role", NotFound, lambda: bind(bob, ghost(reader), beta))
    problem("an unknown space", Forbidden, lambda: bind(bob, reader, ghost(beta)))
    problem("an unknown project", Forbidden, lambda: bind(bob, reader, ghost(comet)))
    create = ada.role_bindings.create
    kinds = {"user_id": bob.id, "role_id": reader.id}
    problem("a space that is a project", BadRequest, lambda: create(**kinds, resource_type=SPACE, resource_id=comet.id))
    problem(
        "a project that is a space", BadRequest, lambda: create(**kinds, resource_type=PROJECT, resource_id=beta.id)
    )
    problem("an organization", BadRequest, lambda: create(**kinds, resource_type=SPACE, resource_id=home.id))
    problem("what is no id", BadRequest, lambda: create(**kinds, resource_type=SPACE, resource_id="beta"))
    refused(
        "the SDK refuses another type",
        ValidationError,
        lambda: create(**kinds, resource_type="PLANET", resource_id=beta.id),
    )
    body = {**kinds, "resource_type": "SPACE", "resource_id": beta.id}
    refusal("and so does the server", ask("POST", "/v2/role-bindings", {**body, "resource_type": "PLANET"}), 400, 422)
    for field in body:
        missing = {name: value for name, value in body.items() if name != field}
        refusal(f"no {field}", ask("POST", "/v2/role-bindings", missing), 422)
    refusal("a field of the server's", ask("POST", "/v2/role-bindings", {**body, "id": first.id}), 422)
    same("nothing was made", [b.id for b in ada.role_bindings.list(resource_type=PROJECT).role_bindings], [second.id])

with story("list"):
    on_spaces = [b.id for b in ada.role_bindings.list(resource_type=SPACE).role_bindings]
    same("by type", sorted(on_spaces), sorted([first.id, third.id]))
    same(
        "by type and user",
        [b.id for b in ada.role_bindings.list(resource_type=SPACE, user_id=eve.id).role_bindings],
        [third.id],
    )
    same("of nobody", ada.role_bindings.list(resource_type=PROJECT, user_id=zoe.id).role_bindings, [])
    problem(
        "of nobody unknown", NotFound, lambda: ada.role_bindings.list(resource_type=SPACE, user_id=other_id(bob.id))
    )
    spare = bind(eve, reader, beta)
    paged("one by one to the end", lambda **page: ada.role_bindings.list(resource_type=SPACE, **page), "role_bindings")
    problem("a forged cursor", BadRequest, lambda: ada.role_bindings.list(resource_type=SPACE, cursor="forged"))
    refusal("no type", ask("GET", "/v2/role-bindings"), 400, 422)
    refusal("another type", ask("GET", "/v2/role-bindings?resource_type=PLANET"), 400, 422)

with story("update"):
    time.sleep(0.002)
    changed = ada.role_bindings.update(binding_id=first.id, role_id=writer.id)
    same("replaces the role alone", fields(changed), (bob.id, writer.id, SPACE, alpha.id))
    same("and stays the same", (changed.id, changed.created_at), (first.id, first.created_at))
    check("updated_at moves", changed.updated_at > first.updated_at)
    same("get shows it", ada.role_bindings.get(binding_id=first.id), changed)
    problem(
        "to no unknown role",
        NotFound,
        lambda: ada.role_bindings.update(binding_id=first.id, role_id=other_id(reader.id)),
    )
    problem(
        "nothing unknown", NotFound, lambda: ada.role_bindings.update(binding_id=other_id(first.id), role_id=reader.id)
    )
    path = f"/v2/role-bindings/{first.id}"
    refusal("no role", ask("PATCH", path, {}), 400, 422)
    refusal("another user", ask("PATCH", path, {"role_id": reader.id, "user_id": eve.id}), 422)
    same("nothing else has changed", ada.role_bindings.get(binding_id=first.id), changed)

with story("what it grants"):
    same("on a space: what is in it", bobs.projects.update(project=comet.id, name="Comet").name, "Comet")
    ada.role_bindings.update(binding_id=first.id, role_id=reader.id)
    problem("a narrower role narrows at once", Forbidden, lambda: bobs.projects.update(project=comet.id, name="x"))
    same("reading stays", bobs.projects.get(project=comet.id).name, "Comet")
    ada.role_bindings.update(binding_id=second.id, role_id=writer.id)
    same("on a project: that one", bobs.projects.update(project=rocket.id, name="Rocket").name, "Rocket")
    problem("and no other", Forbidden, lambda: bobs.projects.update(project=comet.id, name="x"))
    ada.role_bindings.delete(binding_id=second.id)
    problem("not without it", Forbidden, lambda: bobs.projects.update(project=rocket.id, name="x"))
    same("what the other one grants stays", bobs.projects.get(project=rocket.id).name, "Rocket")

with story("what others may do"):
    for sentence, call in (
        ("see", lambda by: by.role_bindings.get(binding_id=first.id)),
        ("change", lambda by: by.role_bindings.update(binding_id=first.id, role_id=writer.id)),
        ("remove", lambda by: by.role_bindings.delete(binding_id=first.id)),
    ):
        problem(f"who is bound cannot {sentence} it", NotFound, lambda: call(bobs))
        problem(f"nor can a stranger {sentence} it", NotFound, lambda: call(zoes))
        problem(f"nobody can {sentence} it", Unauthorized, lambda: call(client("atl_nobody")))
    problem("nor bind themselves", Forbidden, lambda: bind(bob, writer, beta, by=bobs))
    problem("nor strangers", Forbidden, lambda: bind(zoe, writer, beta, by=zoes))
    same("their list is empty", bobs.role_bindings.list(resource_type=SPACE).role_bindings, [])
    keeper = ada.roles.create(
        name="Keeper",
        permissions=[
            Permission.SPACE_READ,
            Permission.PROJECT_READ,
            Permission.ROLE_BINDING_READ,
            Permission.ROLE_BINDING_CREATE,
            Permission.ROLE_BINDING_DELETE,
        ],
    )
    kept = bind(bob, keeper, beta)
    seen = [b.id for b in bobs.role_bindings.list(resource_type=SPACE).role_bindings]
    check("a keeper sees those of the space", kept.id in seen and first.id not in seen, seen)
    ada.role_bindings.delete(binding_id=spare.id)
    made = bind(eve, reader, beta, by=bobs)
    same("and binds what is within their own rights", fields(made), (eve.id, reader.id, SPACE, beta.id))
    same("and removes it", bobs.role_bindings.delete(binding_id=made.id), None)
    problem("not more than they hold", (Forbidden, Unprocessable), lambda: bind(eve, writer, beta, by=bobs))
    problem("and nothing elsewhere", Forbidden, lambda: bind(zoe, reader, alpha, by=bobs))

with story("delete"):
    same("delete", ada.role_bindings.delete(binding_id=first.id), None)
    problem("it is gone", NotFound, lambda: ada.role_bindings.get(binding_id=first.id))
    problem("once", NotFound, lambda: ada.role_bindings.delete(binding_id=first.id))
    again = bind(bob, reader, alpha)
    check("a new one is a new one", again.id != first.id)
    project = bind(eve, reader, comet)
    ada.projects.delete(project=comet.id)
    problem("a project takes its bindings along", NotFound, lambda: ada.role_bindings.get(binding_id=project.id))
    ada.spaces.delete(space=alpha.id)
    problem("and so does a space", NotFound, lambda: ada.role_bindings.get(binding_id=again.id))

finish()
