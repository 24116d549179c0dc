"""Every method of `client.spaces`, and what each refuses."""

import os

from arize import ArizeClient
from arize.exceptions.spaces import AmbiguousNameError
from arize.utils.resolve import NotFoundError
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    HOST,
    KEY,
    OLD,
    PRIVACY,
    VERSION,
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
    custom_role,
    filters,
    generated,
    home,
    invite,
    just_now,
    key_of,
    org_role,
    other_id,
    paged,
    pages,
    person,
    problem,
    refusal,
    space_role,
    told,
)

bob, bobs = person("bob")
eve, eves = person("eve")
other = ada.organizations.create(name="Other")
zoe, zoes = person("zoe", inside=other)
Permission = generated.Permission


def create(name, by=ada, organization=home, **more):
    return by.spaces.create(name=name, organization_id=organization.id, **more)


def private(space, value=True):
    """By the SDK where it knows of it, else as it stands on the wire."""
    if PRIVACY:
        ada.spaces.update(space=space.id, is_private=value)
    else:
        status, answer = ask(
            "PATCH", f"/v2/spaces/{space.id}", {"is_private": value}, headers={"sdk-version": "8.61.0"}
        )
        assert (status, answer["is_private"]) == (200, value), answer


with story("create and get"):
    alpha = create("alpha", description="the first")
    check("create gives a Space", type(alpha) is generated.Space, type(alpha))
    check("its id is one", an_id("Space", alpha.id), alpha.id)
    same("its name", alpha.name, "alpha")
    same("its description", alpha.description, "the first")
    check("created just now", just_now(alpha.created_at), alpha.created_at)
    same("get by id is the same", ada.spaces.get(space=alpha.id), alpha)
    same("get by name, too", ada.spaces.get(space="alpha"), alpha)
    same("without a description it is empty", create("beta").description, "")
    if PRIVACY:
        same("it is not private", alpha.is_private, False)
        same("unless asked for", create("hush", is_private=True).is_private, True)
        ada.spaces.delete(space="hush")
    if VERSION >= (8, 60):
        same("it knows its organization", alpha.organization_id, home.id)
    for name in ("Größe — μ", "50%", "a/b c?d#e", "under_score", "x" * 255):
        made = create(name)
        same(f"any name will do, {name:.12}", ada.spaces.get(space=name), made)

with story("what does not exist"):
    nowhere = home.model_copy(update={"id": other_id(home.id)})
    refused("a name is found in its own case only", NotFoundError, lambda: ada.spaces.get(space="Alpha"))
    refused("and whole", NotFoundError, lambda: ada.spaces.get(space="alph"))
    problem("an id that was never given", NotFound, lambda: ada.spaces.get(space=other_id(alpha.id)))
    problem("an id of another kind", (NotFound, BadRequest), lambda: ada.spaces.get(space=home.id))
    problem("an update of nothing", NotFound, lambda: ada.spaces.update(space=other_id(alpha.id), name="x"))
    problem("a delete of nothing", NotFound, lambda: ada.spaces.delete(space=other_id(alpha.id)))
    refusal("what is no id at all", ask("GET", "/v2/spaces/alpha"), 400, 404)
    problem("an unknown organization", NotFound, lambda: create("gamma", organization=nowhere))
    same("makes nothing", [s.name for s in ada.spaces.list(name="gamma").spaces], [])

with story("names are unique in their organization"):
    problem("a name that is taken", Conflict, lambda: create("alpha"), "name")
    twin = create("alpha", organization=other)
    check("another organization may have it", twin.id != alpha.id)
    refused("then the name is ambiguous", AmbiguousNameError, lambda: ada.spaces.get(space="alpha"))
    same("the id is not", ada.spaces.get(space=twin.id), twin)
    same("org_id tells them apart", [s.id for s in ada.spaces.list(organization_id=other.id).spaces], [twin.id])
    ada.spaces.delete(space=twin.id)
    problem("a rename to a taken name", Conflict, lambda: ada.spaces.update(space="beta", name="alpha"))
    same("changes nothing", ada.spaces.get(space="beta").name, "beta")
    same("its own name is not taken", ada.spaces.update(space=alpha.id, name="alpha"), alpha)

with story("update"):
    same("a name, by id", ada.spaces.update(space=alpha.id, name="alef").name, "alef")
    changed = ada.spaces.update(space="alef", description="changed")
    same("a description, by name", (changed.name, changed.description), ("alef", "changed"))
    same("the rest stays", (changed.id, changed.created_at), (alpha.id, alpha.created_at))
    both = ada.spaces.update(space=alpha.id, name="alpha", description="again")
    same("both at once", (both.name, both.description), ("alpha", "again"))
    cleared = ada.spaces.update(space=alpha.id, description="" if OLD else None)
    same("a description is cleared", cleared.description, "")
    same("and stays so", ada.spaces.get(space="alpha").description, "")
    refused("the SDK refuses an empty update", ValueError, lambda: ada.spaces.update(space=alpha.id))
    path = f"/v2/spaces/{alpha.id}"
    refusal("and so does the server", ask("PATCH", path, {}), 400)
    ada.spaces.update(space=alpha.id, description="something")
    same("null clears on the wire", ask("PATCH", path, {"description": None})[1]["description"], "")
    ada.spaces.update(space=alpha.id, description="something")
    same("and so does the empty string", ask("PATCH", path, {"description": ""})[1]["description"], "")
    refusal("a blank name", ask("PATCH", path, {"name": " \t"}), 400)
    refusal("an empty name", ask("PATCH", path, {"name": ""}), 400, 422)
    refusal("a name of 256", ask("PATCH", path, {"name": "x" * 256}), 422)
    refusal("a description of 1001", ask("PATCH", path, {"description": "x" * 1001}), 422)
    refusal("a field that is not there", ask("PATCH", path, {"name": "x", "colour": "red"}), 422)
    refusal("a field of the server's", ask("PATCH", path, {"name": "x", "created_at": "2026-01-01T00:00:00Z"}), 422)
    refusal("a name that is no text", ask("PATCH", path, {"name": 1}), 422)
    refusal("what is no JSON", ask("PATCH", path, raw="{"), 400, 422)
    refusal("what is no object", ask("PATCH", path, ["name"]), 400, 422)
    same("and nothing was changed", ada.spaces.get(space=alpha.id), ada.spaces.update(space=alpha.id, name="alpha"))
    same("a description of 1000 fits", len(ada.spaces.update(space=alpha.id, description="ü" * 1000).description), 1000)

with story("create refuses"):
    fields = {"name": "gamma", "organization_id": home.id}
    for sentence, body, status in (
        ("no name", {"organization_id": home.id}, 422),
        ("no organization", {"name": "gamma"}, 422),
        ("a long name", {**fields, "name": "x" * 256}, 422),
        ("a long description", {**fields, "description": "x" * 1001}, 422),
        ("an unknown field", {**fields, "colour": "red"}, 422),
        ("a field of the server's", {**fields, "id": alpha.id}, 422),
        ("a blank name", {**fields, "name": "  "}, 400),
        ("an organization that is no id", {**fields, "organization_id": "Home"}, (400, 404)),
        ("an organization that is a space", {**fields, "organization_id": alpha.id}, (400, 404)),
    ):
        refusal(sentence, ask("POST", "/v2/spaces", body), *(status if isinstance(status, tuple) else (status,)))
    refused("the SDK refuses a long name", ValidationError, lambda: create("x" * 256))
    same("and nothing was made", [s.name for s in ada.spaces.list(name="gamma").spaces], [])

with story("list"):
    kept = ["Größe — μ", "50%", "a/b c?d#e", "under_score", "alpha", "beta", "ALPHABET"]
    create("ALPHABET")
    listed = ada.spaces.list()
    same("pagination ends", (listed.pagination.has_more, listed.pagination.next_cursor or None), (False, None))
    for sentence, part, wanted in (
        ("a part of the name", "lph", ["alpha", "ALPHABET"]),
        ("in any case", "LPHA", ["alpha", "ALPHABET"]),
        ("also beyond ASCII", "GRÖßE", ["Größe — μ"]),
        ("in Greek", "Μ", ["Größe — μ"]),
        ("a percent sign is one", "%", ["50%"]),
        ("an underscore is one", "_", ["under_score"]),
        ("a backslash is one", "\\", []),
        ("special characters", "/b c?d#", ["a/b c?d#e"]),
    ):
        filters(sentence, ada.spaces.list, "spaces", kept, wanted, name=part)
    filters("by organization", ada.spaces.list, "spaces", kept, kept, organization_id=home.id)
    filters("by another", ada.spaces.list, "spaces", kept, [], organization_id=other.id)
    filters("by both", ada.spaces.list, "spaces", kept, ["beta"], organization_id=home.id, name="BETA")
    problem("an unknown organization", NotFound, lambda: ada.spaces.list(organization_id=other_id(home.id)))
    paged("one by one to the end", ada.spaces.list, "spaces")
    paged("also under a filter", lambda **page: ada.spaces.list(name="alpha", **page), "spaces")
    single, _ = pages(ada.spaces.list, "spaces", limit=2)
    same("two by two, too", [s.id for s in single], [s.id for s in ada.spaces.list(limit=100).spaces])
    refused("the SDK refuses a limit of 101", ValidationError, lambda: ada.spaces.list(limit=101))
    refusal("and the server", ask("GET", "/v2/spaces?limit=101"), 400, 422)
    refusal("none is not a limit", ask("GET", "/v2/spaces?limit=0"), 400, 422)
    problem("a forged cursor", BadRequest, lambda: ada.spaces.list(cursor="forged"))
    paging = ada.organizations.create(name="Paging")
    four = [create(f"page {number}", organization=paging).id for number in range(4)]
    first = ada.spaces.list(organization_id=paging.id, limit=2)
    cursor = first.pagination.next_cursor
    same("limit=2 gives two and more", (len(first.spaces), first.pagination.has_more), (2, True))
    problem("a cursor that was cut", BadRequest, lambda: ada.spaces.list(organization_id=paging.id, cursor=cursor[:-3]))
    for space in first.spaces:
        ada.spaces.delete(space=space.id)
    rest = ada.spaces.list(organization_id=paging.id, cursor=cursor)
    gone = [space.id for space in first.spaces]
    left = [space for space in four if space not in gone]
    same("a cursor stands when the rows before it go", sorted(s.id for s in rest.spaces), sorted(left))

with story("add_user"):
    joined = ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("MEMBER"))
    same("gives a membership", (joined.user_id, joined.space_id, told(joined.role)), (bob.id, alpha.id, "MEMBER"))
    check("with an id", isinstance(joined.id, str) and joined.id != "", joined.id)
    for role in ("ADMIN", "READ_ONLY", "MEMBER"):
        again = ada.spaces.add_user(space="alpha", user_id=bob.id, role=space_role(role))
        same(f"by name and anew as {role}", (again.id, told(again.role)), (joined.id, role))
    custom = ada.roles.create(name="Curator", permissions=[Permission.SPACE_READ, Permission.DATASET_READ])
    given = ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=custom_role(custom))
    same("a custom role", (told(given.role), given.role.name), (custom.id, "Curator"))
    ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("MEMBER"))
    problem(
        "an unknown user",
        NotFound,
        lambda: ada.spaces.add_user(space=alpha.id, user_id=other_id(bob.id), role=space_role("MEMBER")),
    )
    ghost = custom.model_copy(update={"id": other_id(custom.id)})
    problem(
        "an unknown role",
        (NotFound, BadRequest, Unprocessable),
        lambda: ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=custom_role(ghost)),
    )
    problem(
        "an unknown space",
        NotFound,
        lambda: ada.spaces.add_user(space=other_id(alpha.id), user_id=bob.id, role=space_role("MEMBER")),
    )
    far = create("far", organization=other)
    problem(
        "nobody from another organization",
        BadRequest,
        lambda: ada.spaces.add_user(space=far.id, user_id=bob.id, role=space_role("MEMBER")),
    )
    refused("so bob does not see it", NotFoundError, lambda: bobs.spaces.get(space="far"))

with story("annotators"):
    ann = invite("ann", "ANNOTATOR")
    ada.organizations.add_user(organization=home.id, user_id=ann.id, role=org_role("ANNOTATOR"))
    joined = ada.spaces.add_user(space=alpha.id, user_id=ann.id, role=space_role("ANNOTATOR"))
    same("may be annotators", told(joined.role), "ANNOTATOR")
    for role in ("MEMBER", "ADMIN", "READ_ONLY"):
        problem(
            f"not {role}",
            BadRequest,
            lambda: ada.spaces.add_user(space=alpha.id, user_id=ann.id, role=space_role(role)),
        )
    problem(
        "and nobody else may be",
        BadRequest,
        lambda: ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("ANNOTATOR")),
    )

with story("remove_user"):
    ada.spaces.add_user(space=alpha.id, user_id=eve.id, role=space_role("MEMBER"))
    bound = ada.role_bindings.create(user_id=eve.id, role_id=custom.id, resource_type="SPACE", resource_id=alpha.id)
    same("removes", ada.spaces.remove_user(space="alpha", user_id=eve.id), None)
    problem("with the role binding", NotFound, lambda: ada.role_bindings.get(binding_id=bound.id))
    problem("once", NotFound, lambda: ada.spaces.remove_user(space=alpha.id, user_id=eve.id))
    problem("nobody unknown", NotFound, lambda: ada.spaces.remove_user(space=alpha.id, user_id=other_id(eve.id)))
    problem("from no unknown space", NotFound, lambda: ada.spaces.remove_user(space=other_id(alpha.id), user_id=bob.id))
    ada.spaces.add_user(space=alpha.id, user_id=eve.id, role=space_role("MEMBER"))
    same("by id", ada.spaces.remove_user(space=alpha.id, user_id=eve.id), None)

with story("what others may see"):
    same("a space is readable in its organization", eves.spaces.get(space=alpha.id).id, alpha.id)
    refused("not in another, by name", NotFoundError, lambda: zoes.spaces.get(space="beta"))
    problem("or by id", NotFound, lambda: zoes.spaces.get(space=alpha.id))
    same("in no list", [s.name for s in zoes.spaces.list(limit=100).spaces if s.name != "far"], [])
    problem("its list is not for strangers", NotFound, lambda: zoes.spaces.list(organization_id=home.id))
    private(alpha)
    problem("a private one is not", NotFound, lambda: eves.spaces.get(space=alpha.id))
    refused("also by name", NotFoundError, lambda: eves.spaces.get(space="alpha"))
    check("nor in the list", alpha.id not in [s.id for s in eves.spaces.list(limit=100).spaces])
    same("its members see it", bobs.spaces.get(space="alpha").id, alpha.id)
    same("and administrators", ada.spaces.get(space="alpha").id, alpha.id)
    private(alpha, False)
    same("until it is public again", eves.spaces.get(space="alpha").id, alpha.id)

with story("what others may do"):
    for sentence, call in (
        ("update", lambda by: by.spaces.update(space=alpha.id, name="mine")),
        ("delete", lambda by: by.spaces.delete(space=alpha.id)),
        ("add", lambda by: by.spaces.add_user(space=alpha.id, user_id=eve.id, role=space_role("ADMIN"))),
        ("remove", lambda by: by.spaces.remove_user(space=alpha.id, user_id=ann.id)),
    ):
        problem(f"a member may not {sentence}", Forbidden, lambda: call(bobs))
        problem(f"a reader may not {sentence}", Forbidden, lambda: call(eves))
        problem(f"for a stranger there is nothing to {sentence}", NotFound, lambda: call(zoes))
        problem(f"nobody may {sentence}", Unauthorized, lambda: call(client("atl_nobody")))
    same("nothing has changed", ada.spaces.get(space=alpha.id).name, "alpha")
    ron, rons = person("ron", "READ_ONLY")
    problem("a reader of the organization makes none", Forbidden, lambda: create("rons", by=rons))
    problem("a stranger to it sees no organization", NotFound, lambda: create("zoes", by=zoes))
    own = create("bobs", by=bobs)
    same("a member does", bobs.spaces.get(space="bobs"), own)
    same("and may change it", bobs.spaces.update(space="bobs", description="mine").description, "mine")
    same(
        "and fill it",
        told(bobs.spaces.add_user(space=own.id, user_id=eve.id, role=space_role("MEMBER")).role),
        "MEMBER",
    )
    ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("ADMIN"))
    same(
        "an administrator of the space may",
        bobs.spaces.update(space=alpha.id, description="bob was here").description,
        "bob was here",
    )
    ada.organizations.add_user(organization=home.id, user_id=eve.id, role=org_role("ADMIN"))
    same(
        "one of the organization, too", eves.spaces.update(space=alpha.id, description="and eve").description, "and eve"
    )

with story("delete"):
    project = ada.projects.create(name="inside", space=alpha.id)
    same("by id", bobs.spaces.delete(space=alpha.id), None)
    problem("it is gone", NotFound, lambda: ada.spaces.get(space=alpha.id))
    refused("by name, too", NotFoundError, lambda: ada.spaces.get(space="alpha"))
    problem("with what was in it", NotFound, lambda: ada.projects.get(project=project.id))
    problem("once", NotFound, lambda: ada.spaces.delete(space=alpha.id))
    same("by name", ada.spaces.delete(space="beta"), None)
    same("the name is free again", create("beta").name, "beta")

with story("who is asking"):
    for sentence, key in (("a key that is none", "nonsense"), ("a key of nobody's", "atl_" + "a" * 43)):
        problem(sentence, Unauthorized, lambda: client(key).spaces.list())
    refusal("no key at all", ask("GET", "/v2/spaces", headers={"Authorization": ""}), 401)
    status, _ = ask("GET", "/v2/spaces", headers={"Authorization": KEY})
    same("a key without Bearer is one", status, 200)
    os.environ.update(ARIZE_API_KEY=KEY, ARIZE_API_HOST=HOST, ARIZE_API_SCHEME="http")
    same("told by variables", ArizeClient().spaces.get(space="bobs").id, own.id)
    if VERSION >= (8, 37):
        host, port = HOST.split(":")
        apart = ArizeClient(api_key=KEY, api_host=host, api_port=int(port), api_scheme="http")
        same("or with the port apart", apart.spaces.get(space="bobs").id, own.id)
    same("a second key of the same person", client(key_of(bob.email)).spaces.get(space="bobs").id, own.id)

finish()
