"""The six operations of tags in the SDK's generated client, and what each refuses. `ArizeClient` has no methods for them."""

from checks import check, finish, same, story
from people import (
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
    generated,
    home,
    just_now,
    other_id,
    person,
    problem,
    refusal,
    space_role,
)

RENAMED = VERSION >= (8, 53)  # the response to detaching has its names of today


def apis(by):
    """The generated client of tags and of projects."""
    projects = by.projects._api
    return generated.TagsApi(projects.api_client), projects


tags, projects = apis(ada)
alpha = ada.spaces.create(name="alpha", organization_id=home.id)
beta = ada.spaces.create(name="beta", organization_id=home.id)
bob, bobs = person("bob")
eve, eves = person("eve")
zoe, zoes = person("zoe", inside=ada.organizations.create(name="Other"))
ada.spaces.add_user(space=alpha.id, user_id=bob.id, role=space_role("MEMBER"))
valves = ada.projects.create(name="valves", space=alpha.id)


def create(by=tags, **fields):
    return by.create_tag(generated.CreateTagRequest(**fields))


def update(tag, by=tags, **fields):
    return by.update_tag(tag.id, generated.UpdateTagRequest(**fields))


def attach(*ids, by=projects, to=valves):
    return by.add_project_tags(to.id, generated.AddTagsRequest(tag_ids=list(ids)))


def detach(*ids, by=projects, of=valves):
    """The ids that were attached, those that were not, and whether there are none of these."""
    answer = by.remove_project_tags(of.id, generated.RemoveTagsRequest(tag_ids=list(ids)))
    if not RENAMED:
        return answer.removed, answer.not_found, not answer.not_found
    return answer.deleted, answer.not_deleted, answer.completed


def names(answer):
    return [tag.name for tag in answer.tags]


with story("create"):
    live = create(name="live", space_id=alpha.id, description="in use", color="GREEN")
    check("gives a Tag", type(live) is generated.Tag)
    check("its id is one, of a Tag", an_id("Tag", live.id), live.id)
    same("its fields", (live.name, live.description, live.space_id), ("live", "in use", alpha.id))
    same("its color", live.color, generated.TagColor.GREEN)
    check("made just now", just_now(live.created_at), live.created_at)
    same("and not changed since", live.updated_at, live.created_at)
    idle = create(name="idle", space_id=alpha.id)
    same("without description and color", (idle.description, idle.color), (None, None))
    colors = [create(name=color.value, space_id=beta.id, color=color).color for color in generated.TagColor]
    same("every color", colors, list(generated.TagColor))
    same("of which there are 19", len(colors), 19)
    problem("a name that is taken", Conflict, lambda: create(name="live", space_id=alpha.id))
    problem("in any case", Conflict, lambda: create(name="LIVE", space_id=alpha.id))
    far = create(name="live", space_id=beta.id)
    same("but not in another space", far.space_id, beta.id)
    problem("a space that was never given", NotFound, lambda: create(name="x", space_id=other_id(alpha.id)))
    refusal("an unknown field", ask("POST", "/v2/tags", {"name": "x", "space_id": alpha.id, "label": 1}), 400)
    refusal("an unknown color", ask("POST", "/v2/tags", {"name": "x", "space_id": alpha.id, "color": "MAUVE"}), 422)
    refusal("101 characters", ask("POST", "/v2/tags", {"name": "x" * 101, "space_id": alpha.id}), 422)

with story("update"):
    changed = update(live, name="Live", color="RED")
    same("name and color", (changed.name, changed.color), ("Live", generated.TagColor.RED))
    check("later", changed.updated_at > changed.created_at == live.created_at, changed)
    cleared = update(live, description=None, color=None)
    same("null clears", (cleared.name, cleared.description, cleared.color), ("Live", None, None))
    problem("nothing to update", BadRequest, lambda: update(live))
    problem("a name that is taken", Conflict, lambda: update(live, name="IDLE"))
    problem("an id that was never given", NotFound, lambda: tags.update_tag(other_id(live.id), generated.UpdateTagRequest(name="x")))

with story("attach, list and detach"):
    listed = projects.list_project_tags(valves.id)
    check("gives a ListTagsResponse", type(listed) is generated.ListTagsResponse)
    same("none at first", (listed.tags, listed.pagination.has_more), ([], False))
    same("attach gives the list", names(attach(idle.id)), ["idle"])
    same("the last updated first", names(attach(idle.id, live.id)), ["Live", "idle"])
    same("again changes nothing", names(attach(idle.id)), ["Live", "idle"])
    same("list says the same", projects.list_project_tags(valves.id), attach(idle.id))
    problem("a tag of another space", Unprocessable, lambda: attach(far.id))
    problem("a tag that was never given", NotFound, lambda: attach(other_id(live.id)))
    problem("an id of another kind", (NotFound, BadRequest), lambda: attach(alpha.id))
    refusal("no tag", ask("POST", f"/v2/projects/{valves.id}/tags", {"tag_ids": []}), 422)
    refusal("101 tags", ask("POST", f"/v2/projects/{valves.id}/tags", {"tag_ids": [live.id] * 101}), 422)
    refusal("an unknown field", ask("DELETE", f"/v2/projects/{valves.id}/tags", {"tag_ids": [live.id], "x": 1}), 400)
    same("detach", detach(live.id), ([live.id], [], True))
    same("once", detach(live.id, idle.id), ([idle.id], [live.id], False))
    same("nothing is left", projects.list_project_tags(valves.id).tags, [])

with story("what others may do"):
    their_tags, theirs = apis(bobs)
    made = create(by=their_tags, name="bobs", space_id=alpha.id)
    same("a member makes and renames", update(made, by=their_tags, name="bob's").name, "bob's")
    same("and attaches", names(attach(made.id, by=theirs)), ["bob's"])
    same("and detaches", detach(made.id, by=theirs), ([made.id], [], True))
    problem("but does not delete", Forbidden, lambda: their_tags.delete_tag(made.id))
    attach(made.id)
    for who, kind, sentence in ((eves, Forbidden, "a reader"), (zoes, NotFound, "a stranger")):
        their_tags, theirs = apis(who)
        problem(f"{sentence} makes none", kind, lambda: create(by=their_tags, name="x", space_id=alpha.id))
        problem(f"{sentence} updates none", kind, lambda: update(made, by=their_tags, name="x"))
        problem(f"{sentence} deletes none", kind, lambda: their_tags.delete_tag(made.id))
        problem(f"{sentence} attaches none", kind, lambda: attach(made.id, by=theirs))
        problem(f"{sentence} detaches none", kind, lambda: detach(made.id, by=theirs))
    same("a reader lists", names(apis(eves)[1].list_project_tags(valves.id)), ["bob's"])
    problem("for a stranger there is nothing", NotFound, lambda: apis(zoes)[1].list_project_tags(valves.id))
    problem("nobody lists", Unauthorized, lambda: apis(client("atl_nobody"))[1].list_project_tags(valves.id))

with story("delete"):
    same("by id", tags.delete_tag(made.id), None)
    same("it is attached to nothing", projects.list_project_tags(valves.id).tags, [])
    problem("once", NotFound, lambda: tags.delete_tag(made.id))
    same("the name is free again", create(name="bob's", space_id=alpha.id).name, "bob's")
    ada.spaces.delete(space=beta.id)
    problem("with their space all are gone", NotFound, lambda: update(far, name="x"))

finish()
