"""Every method of `client.api_keys`: a person's keys, service keys with their bot user, refresh and revocation."""

import time
from datetime import datetime, timedelta, timezone

from arize.api_keys import types
from arize.api_keys.types import ApiKeyStatus, ApiKeyType
from arize.utils.resolve import NotFoundError
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    GRACE,
    KEY,
    REVOKES,
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
    pages,
    person,
    plain,
    problem,
    refusal,
    space_role,
    word,
)

BOTS = VERSION >= (8, 41)  # create_service_key takes organizations and answers with the bot user
USER, SERVICE = ApiKeyType(word("USER")), ApiKeyType(word("SERVICE"))
ACTIVE = ApiKeyStatus(word("ACTIVE"))
REVOKED = ApiKeyStatus("deleted" if VERSION < (8, 34) else word("REVOKED"))
KNOWN = sorted(["id", "name", "key_type", "status", "redacted_key", "created_at", "created_by_user_id", "key"])

bob, bobs = person("bob")
eve, eves = person("eve")
zoe, zoes = person("zoe", inside=ada.organizations.create(name="Other"))
alpha = ada.spaces.create(name="alpha", organization_id=home.id)
beta = ada.spaces.create(name="beta", organization_id=home.id)
far = ada.spaces.create(name="far", organization_id=ada.organizations.get(organization="Other").id)
for space in (alpha, beta):
    ask("PATCH", f"/v2/spaces/{space.id}", {"is_private": True})
me = ada.users.get(user="ada@example.com")


def soon(**lapse):
    return datetime.now(timezone.utc) + timedelta(**lapse)


def end(key, by=ada):
    """Revokes: what this generation calls it."""
    return by.api_keys.revoke(api_key_id=key.id) if REVOKES else by.api_keys.delete(api_key_id=key.id)


def service(name, *spaces, by=ada, role=None, org=None, account=None, organization=home, **more):
    """A service key for `spaces`, by name or id, in either shape of the call."""
    if not BOTS:
        roles = {
            "space_role": role and types.ApiKeySpaceRole(word(role)),
            "org_role": org and types.ApiKeyOrganizationRole(word(org)),
            "account_role": account and types.ApiKeyAccountRole(word(account)),
        }
        return by.api_keys.create_service_key(name=name, space=spaces[0], **roles, **more)

    def given(kind, role):
        return role and kind.from_dict({"type": "PREDEFINED", "name": role})

    places = [types.SpaceBinding(space=space, role=given(types.SpaceRoleAssignmentRequest, role)) for space in spaces]
    inside = types.OrgBinding(
        org_id=organization.id, spaces=places, role=given(types.OrganizationRoleAssignmentRequest, org)
    )
    rank = given(types.UserRoleAssignmentRequest, account)
    return by.api_keys.create_service_key(name=name, orgs=[inside], account_role=rank, **more)


def names(by=ada, **filter):
    """Of the keys listed, but for the one that has ended by itself: whether that is listed is left open."""
    listed = [key.to_dict()["name"] for key in by.api_keys.list(limit=100, **filter).api_keys]
    return sorted(name for name in listed if name != "short")


def works(key):
    status, _ = ask("GET", "/v2/spaces?limit=1", key=key)
    return status == 200


with story("create"):
    plainest = bobs.api_keys.create(name="laptop")
    check("gives its id", an_id("ApiKey", plainest.id) or ":" in plainest.id or plainest.id != "", plainest.id)
    same("the name", plainest.name, "laptop")
    same("the type and the status", (plain(plainest.key_type), plain(plainest.status)), ("USER", "ACTIVE"))
    same("who made it", plainest.created_by_user_id, bob.id)
    check("made just now", just_now(plainest.created_at), plainest.created_at)
    same("it has no end and no words", (plainest.expires_at, plainest.description or None), (None, None))
    check("the key is long", len(plainest.key) >= 30, len(plainest.key))
    check(
        "and shown in part only",
        plainest.redacted_key not in ("", plainest.key) and plainest.key not in plainest.redacted_key,
    )
    same("it works at once", client(plainest.key).users.get(user=bob.id).email, bob.email)
    same("as that person", client(plainest.key).api_keys.create(name="second").created_by_user_id, bob.id)
    until = soon(days=1)
    dated = bobs.api_keys.create(name="dated", description="for a day", expires_at=until)
    same("with an end", abs((dated.expires_at - until).total_seconds()) < 0.001, True)
    same("and words", dated.description, "for a day")
    naive = bobs.api_keys.create(name="naive", expires_at=until.replace(tzinfo=None, microsecond=0))
    same("a moment without an offset is UTC", naive.expires_at.astimezone(timezone.utc), until.replace(microsecond=0))
    short = bobs.api_keys.create(name="short", expires_at=soon(seconds=4))
    same("a short one works", works(short.key), True)
    time.sleep(4.2)
    same("and then no more", works(short.key), False)

with story("create refuses"):
    problem(
        "an end that is over",
        (Unprocessable, BadRequest),
        lambda: bobs.api_keys.create(name="x", expires_at=soon(days=-1)),
    )
    refused("the SDK refuses a long name", ValidationError, lambda: bobs.api_keys.create(name="x" * 257))
    base = {"key_type": "USER", "name": "x"}
    for sentence, body, *statuses in (
        ("no name", {"key_type": "USER"}, 422),
        ("an empty name", {**base, "name": ""}, 400, 422),
        ("a blank name", {**base, "name": " "}, 400),
        ("a long name", {**base, "name": "x" * 257}, 422),
        ("a long description", {**base, "description": "x" * 1001}, 422),
        ("an unknown type", {**base, "key_type": "SKELETON"}, 422),
        ("a space for a user's key", {**base, "space_id": alpha.id}, 400, 422),
        ("what is no moment", {**base, "expires_at": "tomorrow"}, 422),
        ("an unknown field", {**base, "colour": "red"}, 422),
        ("a key of one's own", {**base, "key": "atl_mine"}, 422),
        ("a service key for nothing", {**base, "key_type": "SERVICE"}, 400, 422),
        ("a service key for no organization", {**base, "key_type": "SERVICE", "organizations": []}, 422),
        ("for no space", {**base, "key_type": "SERVICE", "organizations": [{"org_id": home.id, "spaces": []}]}, 422),
    ):
        refusal(sentence, ask("POST", "/v2/api-keys", body), *statuses)
    same("nothing was made", [name for name in names() if name.startswith("x")], [])

with story("list"):
    same("one's own, those in force", names(bobs), ["dated", "laptop", "naive", "sdk", "second"])
    same("nobody else's", names(eves), ["sdk"])
    same("by type", names(bobs, key_type=USER), names(bobs))
    same("by status", (names(bobs, status=ACTIVE), names(bobs, status=REVOKED)), (names(bobs), []))
    same("an administrator sees a person's", names(ada, user_id=bob.id), names(bobs))
    problem("others do not", Forbidden, lambda: bobs.api_keys.list(user_id=eve.id))
    [found] = [key for key in bobs.api_keys.list().api_keys if key.to_dict()["name"] == "laptop"]
    fields = getattr(found, "actual_instance", found)
    check("an entry has no secret", getattr(fields, "key", None) is None and plainest.key not in str(fields))
    same("but the rest", (fields.id, fields.redacted_key), (plainest.id, plainest.redacted_key))
    check("and when it was used", fields.last_used_at is None or just_now(fields.last_used_at), fields.last_used_at)
    whole = bobs.api_keys.list(limit=100).api_keys
    single, wrong = pages(bobs.api_keys.list, "api_keys")
    same(
        "one by one to the end", ([k.to_dict()["id"] for k in single], wrong), ([k.to_dict()["id"] for k in whole], [])
    )
    problem("a forged cursor", BadRequest, lambda: bobs.api_keys.list(cursor="forged"))
    refusal("an unknown status", ask("GET", "/v2/api-keys?status=RUSTY"), 400, 422)

with story("service keys"):
    robot = service("robot", "alpha", description="builds")
    same("by the space's name", (robot.name, plain(robot.key_type), robot.description), ("robot", "SERVICE", "builds"))
    same("made by", robot.created_by_user_id, me.id)
    robots = client(robot.key)
    same("it sees its space", robots.spaces.get(space=alpha.id).id, alpha.id)
    problem("and no other", NotFound, lambda: robots.spaces.get(space=beta.id))
    same("as a member it works there", robots.projects.create(name="built", space=alpha.id).name, "built")
    problem("and does not rule", Forbidden, lambda: robots.spaces.update(space=alpha.id, name="mine"))
    reading = service("reading", alpha.id, role="READ_ONLY")
    problem(
        "one that may read, by the space's id, does not write",
        Forbidden,
        lambda: client(reading.key).projects.create(name="x", space=alpha.id),
    )
    ruling = service("ruling", alpha.id, role="ADMIN", org="MEMBER", account="MEMBER")
    same(
        "one that may rule does",
        client(ruling.key).spaces.update(space=alpha.id, description="ruled").description,
        "ruled",
    )
    check("the bot is no person", "robot" not in [user.name for user in ada.users.list(limit=100).users])
    refused("an unknown space", NotFoundError, lambda: service("x", "nothing like it"))
    problem("an unknown id", (NotFound, Unprocessable, BadRequest), lambda: service("x", other_id(alpha.id)))
    problem("an annotator", Unprocessable, lambda: service("x", alpha.id, role="ANNOTATOR")) if BOTS else None
    same("by space", names(ada, space="alpha"), ["reading", "robot", "ruling"])
    same("by another space", names(ada, space=beta.id), [])
    same(
        "by creator",
        (names(ada, space="alpha", user_id=me.id), names(ada, space="alpha", user_id=bob.id)),
        (["reading", "robot", "ruling"], []),
    )
    check("by type", {"robot", "ruling"} <= set(names(ada, key_type=SERVICE)), names(ada, key_type=SERVICE))
    check("not among a person's", "robot" not in names(ada, key_type=USER) + names(ada))
    problem("the list of a space is for those inside", NotFound, lambda: zoes.api_keys.list(space=alpha.id))

with story("service keys as the wire has them"):
    places = [
        {
            "org_id": home.id,
            "role": {"type": "PREDEFINED", "name": "MEMBER"},
            "spaces": [{"space_id": alpha.id}, {"space_id": beta.id}],
        }
    ]
    today = {"sdk-version": "8.61.0"}
    status, new = ask(
        "POST", "/v2/api-keys", {"key_type": "SERVICE", "name": "two", "organizations": places}, headers=today
    )
    bot = new["bot_user"]
    member = {"type": "PREDEFINED", "name": "MEMBER"}
    same("today's shape", (status, bot["account_role"], bot["name"] != ""), (201, member, True))
    granted = [
        {
            "org_id": home.id,
            "role": member,
            "spaces": [{"space_id": alpha.id, "role": member}, {"space_id": beta.id, "role": member}],
        }
    ]
    same("tells what it may", bot["organizations"], granted)
    old = {
        "key_type": "service",
        "name": "old",
        "space_id": alpha.id,
        "roles": {"space_role": "read-only", "account_role": "member"},
    }
    status, made = ask("POST", "/v2/api-keys", old, headers={"sdk-version": "8.36.0"})
    same("the shape before 8.41", (status, made["key_type"], "bot_user" in made), (201, "service", False))
    same("has exactly what that SDK knows", sorted(set(made) - {"description", "expires_at", "last_used_at"}), KNOWN)
    status, made = ask("POST", "/v2/api-keys", {**old, "name": "old too"}, headers=today)
    same("is read from anybody", (status, made["key_type"]), (201, "SERVICE"))
    spaces = made["bot_user"]["organizations"][0]
    same(
        "with the same meaning",
        (spaces["role"]["name"], spaces["spaces"][0]["role"]["name"]),
        ("READ_ONLY", "READ_ONLY"),
    )
    status, made = ask("POST", "/v2/api-keys", {"name": "no type"}, headers={"sdk-version": "8.36.0"})
    same("no type is a user's", (status, made["key_type"]), (201, "user"))
    service_body = {"key_type": "SERVICE", "name": "x"}

    def places_with(space=None, org=None, inside=alpha.id):
        spaces = [{"space_id": inside, **({"role": space} if space else {})}]
        return {"organizations": [{"org_id": home.id, "spaces": spaces, **({"role": org} if org else {})}]}

    role = ada.roles.create(name="Curator", permissions=[generated.Permission.SPACE_READ])
    custom, annotator = {"type": "CUSTOM", "id": role.id}, {"type": "PREDEFINED", "name": "ANNOTATOR"}
    for sentence, more, *statuses in (
        ("a custom role in an organization", places_with(org=custom), 422),
        ("a custom role in the account", {**places_with(), "account_role": custom}, 422),
        ("an annotator in a space", places_with(space=annotator), 422),
        ("in an organization", places_with(org=annotator), 422),
        ("in the account", {**places_with(), "account_role": annotator}, 400),
        ("a space of another organization", places_with(inside=far.id), 400, 404, 422),
        ("an unknown field inside", {"organizations": [{**places_with()["organizations"][0], "colour": "red"}]}, 422),
    ):
        refusal(sentence, ask("POST", "/v2/api-keys", {**service_body, **more}), *statuses)
    status, made = ask(
        "POST", "/v2/api-keys", {**service_body, "name": "curator", **places_with(space=custom)}, headers=today
    )
    given = made["bot_user"]["organizations"][0]["spaces"][0]["role"]
    same("a custom role in a space is one", (status, given["type"], given["id"]), (201, "CUSTOM", role.id))
    if BOTS:
        listed = {key.actual_instance.name: key.actual_instance for key in ada.api_keys.list(space=alpha.id).api_keys}
        same("the list has the bot", listed["two"].bot_user.id, bot["id"])
        same("by space without its places", listed["two"].bot_user.organizations, [])
        bound = ada.role_bindings.create(
            user_id=bot["id"], role_id=role.id, resource_type="SPACE", resource_id=alpha.id
        )
        same("a bot can be bound", bound.user_id, bot["id"])

with story("who may make service keys"):
    problem("nobody outside the space", (NotFound, Forbidden), lambda: service("x", beta.id, by=eves))
    ada.spaces.add_user(space=beta.id, user_id=bob.id, role=space_role("READ_ONLY"))
    problem("not a reader", Forbidden, lambda: service("x", beta.id, by=bobs))
    ada.spaces.add_user(space=beta.id, user_id=bob.id, role=space_role("ADMIN"))
    own = service("bobs", beta.id, by=bobs, role="ADMIN")
    same("an administrator of the space", (own.created_by_user_id, plain(own.status)), (bob.id, "ACTIVE"))
    problem(
        "not above their own role in the organization",
        Unprocessable,
        lambda: service("x", beta.id, by=bobs, org="ADMIN"),
    )
    problem("nor in the account", Unprocessable, lambda: service("x", beta.id, by=bobs, account="ADMIN"))

with story("refresh"):
    again = bobs.api_keys.refresh(api_key_id=plainest.id)
    same("the same key", (again.id, again.name, plain(again.key_type)), (plainest.id, "laptop", "USER"))
    check("with another secret", again.key != plainest.key and again.redacted_key != again.key)
    same("the new one works, the old one does not", (works(again.key), works(plainest.key)), (True, False))
    same("no end is given", again.expires_at, None)
    bounded = bobs.api_keys.refresh(api_key_id=plainest.id, expires_at=soon(days=2))
    check("an end may be added", bounded.expires_at is not None)
    problem(
        "not put off", Unprocessable, lambda: bobs.api_keys.refresh(api_key_id=plainest.id, expires_at=soon(days=3))
    )
    same("a refusal leaves the secret", works(bounded.key), True)
    inherited = bobs.api_keys.refresh(api_key_id=plainest.id)
    same("left out it is inherited", inherited.expires_at, bounded.expires_at)
    sooner = bobs.api_keys.refresh(api_key_id=plainest.id, expires_at=soon(days=1))
    check("sooner it may be", sooner.expires_at < inherited.expires_at)
    problem(
        "not over",
        (Unprocessable, BadRequest),
        lambda: bobs.api_keys.refresh(api_key_id=plainest.id, expires_at=soon(days=-1)),
    )
    bot = service("turn", alpha.id, expires_at=soon(days=1))
    turned = ada.api_keys.refresh(api_key_id=bot.id)
    same(
        "a service key, too",
        (turned.id, turned.expires_at, works(turned.key), works(bot.key)),
        (bot.id, bot.expires_at, True, False),
    )
    same("with the same places", client(turned.key).spaces.get(space=alpha.id).id, alpha.id)
    path = f"/v2/api-keys/{plainest.id}/refresh"
    refusal("a grace of more than a day", ask("POST", path, {"grace_period_seconds": 86401}), 400, 422)
    refusal("a grace of less than none", ask("POST", path, {"grace_period_seconds": -1}), 400, 422)
    refusal("an unknown field", ask("POST", path, {"name": "x"}), 422)
    problem("nothing unknown", NotFound, lambda: ada.api_keys.refresh(api_key_id=other_id(plainest.id)))
    problem("nobody else's", (NotFound, Forbidden), lambda: eves.api_keys.refresh(api_key_id=plainest.id))
    problem("not even an administrator's", Forbidden, lambda: ada.api_keys.refresh(api_key_id=plainest.id))
    same("so it is good as it was", works(sooner.key), True)

with story("refresh with grace"):
    first = bobs.api_keys.create(name="graceful")
    if GRACE:
        second = bobs.api_keys.refresh(api_key_id=first.id, grace_period_seconds=4)
    else:
        _, answer = ask("POST", f"/v2/api-keys/{first.id}/refresh", {"grace_period_seconds": 4}, key=first.key)
        second = generated.ApiKeyCreated.from_dict(answer)
    same("both work for a while", (works(first.key), works(second.key)), (True, True))
    time.sleep(4.2)
    same("then the new one alone", (works(first.key), works(second.key)), (False, True))
    ending = bobs.api_keys.create(name="ending", expires_at=soon(seconds=4))
    ask("POST", f"/v2/api-keys/{ending.id}/refresh", {"grace_period_seconds": 60}, key=ending.key)
    same("grace", works(ending.key), True)
    time.sleep(4.2)
    same("does not outlive the key", works(ending.key), False)
    third = bobs.api_keys.create(name="thrice")
    _, answer = ask("POST", f"/v2/api-keys/{third.id}/refresh", {"grace_period_seconds": 60}, key=third.key)
    end(third)
    same("and revocation ends it", (works(third.key), works(answer["key"])), (False, False))

with story("revoke"):
    victim = bobs.api_keys.create(name="victim")
    holder = client(victim.key)
    same("it works", works(victim.key), True)
    same("revoke gives nothing", end(victim, bobs), None)
    problem("and is felt on the next request", Unauthorized, lambda: holder.spaces.list())
    same("twice is as good", end(victim, bobs), None)
    check("it is off the list", "victim" not in names(bobs), names(bobs))
    check("and on that of the revoked", "victim" in names(bobs, status=REVOKED), names(bobs, status=REVOKED))
    [gone] = [key.to_dict() for key in bobs.api_keys.list(status=REVOKED).api_keys if key.to_dict()["name"] == "victim"]
    same("as what it is", plain(gone["status"]), plain(REVOKED))
    problem(
        "it is not refreshed",
        (NotFound, BadRequest, Conflict, Unprocessable),
        lambda: bobs.api_keys.refresh(api_key_id=victim.id),
    )
    problem("nobody else's", (NotFound, Forbidden), lambda: end(second, eves))
    same("which still works", works(second.key), True)
    problem("nothing unknown", NotFound, lambda: end(first.model_copy(update={"id": other_id(first.id)})))
    same("an administrator may", (end(second), works(second.key)), (None, False))
    same("a service key", (end(robot), works(robot.key)), (None, False))
    check("off the list of its space", "robot" not in names(ada, space="alpha"))
    for method, path in (("DELETE", ""), ("PUT", "/revoke")):
        wire = bobs.api_keys.create(name=f"by {method}")
        status, _ = ask(method, f"/v2/api-keys/{wire.id}{path}")
        again, _ = ask(method, f"/v2/api-keys/{wire.id}{path}")
        same(f"{method} revokes, twice", (status, again, works(wire.key)), (204, 204, False))
    status, answer = ask("GET", f"/v2/api-keys?status=deleted&user_id={bob.id}", headers={"sdk-version": "8.33.0"})
    same(
        "before 8.34 it is called deleted", (status, {key["status"] for key in answer["api_keys"]}), (200, {"deleted"})
    )

with story("who cannot have keys"):
    lost = bobs.api_keys.create(name="lost")
    ada.users.delete(user_id=bob.id)
    same("a person who is gone has none that work", works(lost.key), False)
    ada.spaces.delete(space=alpha.id)
    check(
        "a service key without its space does nothing",
        not works(ruling.key) or client(ruling.key).spaces.list().spaces == [],
    )
    same("ada's are what they were", works(KEY), True)

finish()
