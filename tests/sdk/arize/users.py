"""Every method of `client.users`, the invite modes, what a delete takes along, and what each refuses."""

from arize.users.types import DeletionStatus, InviteMode, User, UserStatus
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    ADA,
    OLD,
    VERSION,
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    Unprocessable,
    account_role,
    ada,
    an_id,
    ask,
    client,
    generated,
    home,
    invite,
    just_now,
    key_of,
    org_role,
    other_id,
    paged,
    person,
    plain,
    problem,
    refusal,
    space_role,
    told,
    word,
)

TODAY = {"sdk-version": "8.61.0"}


def emails(by=ada, **filter):
    return [user.email for user in by.users.list(limit=100, **filter).users]


def body(email, mode="EMAIL_LINK", **more):
    role = {"type": "PREDEFINED", "name": "MEMBER"}
    return {"name": "Somebody", "email": email, "role": role, "invite_mode": mode, **more}


with story("the first administrator"):
    me = ada.users.get(user=ADA)
    check("is a User", isinstance(me, User), type(me))
    check("whose id is one", an_id("User", me.id) and "@" not in me.id, me.id)
    same(
        "active, an administrator, a developer",
        (plain(me.status), told(me.role), me.is_developer),
        ("ACTIVE", "ADMIN", True),
    )
    check("made just now", just_now(me.created_at) or me.created_at.tzinfo is not None, me.created_at)
    same("get by id", ada.users.get(user=me.id), me)
    same("by e-mail in any case", ada.users.get(user="Ada@Example.COM"), me)
    same("nobody has another e-mail", ada.users.get(user="nobody@example.com"), None)
    same("or a part of one", ada.users.get(user="da@example.com"), None)
    problem("or another id", NotFound, lambda: ada.users.get(user=other_id(me.id)))
    problem("or the id of an organization", (NotFound, BadRequest), lambda: ada.users.get(user=home.id))
    problem("what is no id", (BadRequest, NotFound), lambda: ada.users.get(user="ada"))

with story("create, active at once"):
    bob = invite("bob")
    check("gives a User", isinstance(bob, User), type(bob))
    same("with name and e-mail", (bob.name, bob.email), ("Bob", "bob@example.com"))
    same("active", (plain(bob.status), told(bob.role)), ("ACTIVE", "MEMBER"))
    same("a member is a developer unless told otherwise", bob.is_developer, True)
    check("made just now", just_now(bob.created_at), bob.created_at)
    same(
        "get gives the same",
        ada.users.get(user=bob.id).model_dump(),
        {k: v for k, v in bob.model_dump().items() if k in User.model_fields},
    )
    problem("not twice", Conflict, lambda: invite("bob"))
    problem("in no case", Conflict, lambda: invite("bob", email="BOB@example.com"))
    problem("and an active person is not invited", Conflict, lambda: invite("bob", mode="EMAIL_LINK"))
    problem("nor given a password", Conflict, lambda: invite("bob", mode="TEMPORARY_PASSWORD"))
    same("an administrator", told(invite("root", "ADMIN").role), "ADMIN")
    ann = invite("ann", "ANNOTATOR")
    same("an annotator", (told(ann.role), ann.is_developer), ("ANNOTATOR", False))
    if OLD:
        more = {"name": "Dev", "email": "dev@example.com", "role": account_role("MEMBER")}
        dev = ada.users.create(**more, invite_mode=InviteMode(word("NONE")), is_developer=False)
        same("is_developer is read", dev.is_developer, False)
    status, answer = ask("POST", "/v2/users", body("nodev@example.com", "NONE", is_developer=False))
    same("also on the wire", (status, answer["is_developer"]), (201, False))
    if VERSION >= (8, 59):
        same("a member of the console only", told(invite("ui", "MEMBER_UI_ONLY").role), "MEMBER_UI_ONLY")
    else:
        role = {"type": "PREDEFINED", "name": "MEMBER_UI_ONLY"}
        status, _ = ask("POST", "/v2/users", {**body("ui@example.com", "NONE"), "role": role}, headers=TODAY)
        same(
            "a role that this SDK lacks reads as MEMBER",
            (status, told(ada.users.get(user="ui@example.com").role)),
            (201, "MEMBER"),
        )

with story("create, invited"):
    ivy = invite("ivy", mode="EMAIL_LINK")
    same("is INVITED", plain(ivy.status), "INVITED")
    same("and so in the list", plain(ada.users.get(user="ivy@example.com").status), "INVITED")
    again = ada.users.create(
        name="Somebody else",
        email="IVY@example.com",
        role=account_role("ADMIN"),
        invite_mode=InviteMode(word("EMAIL_LINK")),
    )
    same("again: nothing changes", (again.id, again.name, told(again.role)), (ivy.id, "Ivy", "MEMBER"))
    status, answer = ask("POST", "/v2/users", body("ivy@example.com"))
    same("it is 200 then", (status, answer["id"]), (200, ivy.id))
    check("and a User, no more", "invite_mode" not in answer and "temporary_password" not in answer, answer)
    status, answer = ask("POST", "/v2/users", body("new@example.com"))
    same("the first time it is 201", (status, answer["invite_mode"]), (201, word("EMAIL_LINK")))
    check("without a password", "temporary_password" not in answer, answer)
    status, answer = ask("POST", "/v2/users", body("newer@example.com", "none"))
    same("any spelling is read", (status, answer["invite_mode"]), (201, word("NONE")))

with story("create, with a temporary password"):
    status, answer = ask("POST", "/v2/users", body("tim@example.com", "TEMPORARY_PASSWORD"))
    password = answer.get("temporary_password") or ""
    same(
        "201 and INVITED",
        (status, answer["status"], answer["invite_mode"]),
        (201, word("INVITED"), word("TEMPORARY_PASSWORD")),
    )
    check("with a password that is long", len(password) >= 8, len(password))
    status, answer = ask("POST", "/v2/users", body("tim@example.com", "TEMPORARY_PASSWORD"))
    check("shown once", (status, "temporary_password" in answer) == (200, False), answer)
    tom = invite("tom", mode="TEMPORARY_PASSWORD")
    same("the SDK reads it", (tom.email, plain(tom.status)), ("tom@example.com", "INVITED"))
    if VERSION >= (8, 53):
        check("and shows it", len(tom.temporary_password) >= 8 and tom.temporary_password != password)
        same("with the mode", plain(tom.invite_mode), "TEMPORARY_PASSWORD")
        tom = invite("tom", mode="TEMPORARY_PASSWORD")
        same("once", (tom.temporary_password, plain(tom.status)), (None, "INVITED"))

with story("create refuses"):
    for sentence, wrong, *statuses in (
        ("no name", {"name": None}, 422),
        ("an empty name", {"name": ""}, 400, 422),
        ("a blank name", {"name": "  "}, 400),
        ("a long name", {"name": "x" * 256}, 422),
        ("no e-mail", {"email": None}, 422),
        ("what is no e-mail", {"email": "nobody"}, 400, 422),
        ("an unknown mode", {"invite_mode": "PIGEON"}, 422),
        ("no mode", {"invite_mode": None}, 422),
        ("an unknown role", {"role": {"type": "PREDEFINED", "name": "KING"}}, 422),
        ("a role of spaces", {"role": {"type": "PREDEFINED", "name": "READ_ONLY"}}, 422),
        ("a bare role", {"role": "MEMBER"}, 422),
        ("a field of the server's", {"status": "ACTIVE"}, 422),
        ("an unknown field", {"colour": "red"}, 422),
    ):
        fields = {k: v for k, v in {**body("gus@example.com"), **wrong}.items() if v is not None}
        refusal(sentence, ask("POST", "/v2/users", fields), *statuses)
    same("nobody was made", ada.users.get(user="gus@example.com"), None)

with story("list"):
    all_ = emails()
    check("oldest first", all_[:2] == [ADA, "bob@example.com"], all_)
    invite("uwe", email="u_we%@example.com")
    same("a part of the e-mail in any case", emails(email="OB@exam"), ["bob@example.com"])
    same("an underscore is one", emails(email="_"), ["u_we%@example.com"])
    same("a percent sign is one", emails(email="%@"), ["u_we%@example.com"])
    invited = emails(status=[UserStatus(word("INVITED"))])
    same("by status", invited, ["ivy@example.com", "new@example.com", "tim@example.com", "tom@example.com"])
    same("by two", emails(status=[UserStatus(word("INVITED")), UserStatus(word("ACTIVE"))]), emails())
    same("by one that nobody has", emails(status=[UserStatus(word("EXPIRED"))]), [])
    same("by both", emails(status=[UserStatus(word("INVITED"))], email="iv"), ["ivy@example.com"])
    paged("one by one to the end", ada.users.list, "users")
    paged("also those invited", lambda **p: ada.users.list(status=[UserStatus(word("INVITED"))], **p), "users")
    problem("a forged cursor", BadRequest, lambda: ada.users.list(cursor="forged"))
    refusal("an unknown status", ask("GET", "/v2/users?status=INACTIVE"), 400, 422)

with story("update"):
    same("a name", ada.users.update(user_id=bob.id, name="Robert").name, "Robert")
    same("trimmed", ada.users.update(user_id=bob.id, name="  Rob ").name, "Rob")
    changed = ada.users.update(user_id=bob.id, is_developer=False)
    same("the flag", (changed.is_developer, changed.name), (False, "Rob"))
    changed = ada.users.update(user_id=bob.id, name="Bob", is_developer=True)
    same("both", (changed.is_developer, changed.name, changed.email), (True, "Bob", bob.email))
    path = f"/v2/users/{bob.id}"
    refused("the SDK refuses an empty update", ValueError, lambda: ada.users.update(user_id=bob.id))
    refusal("and so does the server", ask("PATCH", path, {}), 400)
    refused("the SDK refuses an empty name", ValidationError, lambda: ada.users.update(user_id=bob.id, name=""))
    problem("a blank name", BadRequest, lambda: ada.users.update(user_id=bob.id, name="  "))
    refusal("a long name", ask("PATCH", path, {"name": "x" * 256}), 422)
    refusal("an e-mail", ask("PATCH", path, {"email": "b@example.com"}), 422)
    refusal("a flag that is none", ask("PATCH", path, {"is_developer": "yes"}), 422)
    problem("nobody unknown", NotFound, lambda: ada.users.update(user_id=other_id(bob.id), name="x"))
    same("nothing else has changed", ada.users.get(user=bob.id).name, "Bob")

with story("invitations and passwords"):
    same("an invitation is sent again", ada.users.resend_invitation(user_id=ivy.id), None)
    problem("not to who is in", BadRequest, lambda: ada.users.resend_invitation(user_id=bob.id))
    problem("nor to nobody", NotFound, lambda: ada.users.resend_invitation(user_id=other_id(bob.id)))
    same("a password is reset", ada.users.reset_password(user_id=me.id), None)
    problem("not of who never came", BadRequest, lambda: ada.users.reset_password(user_id=ivy.id))
    problem("nor of nobody", NotFound, lambda: ada.users.reset_password(user_id=other_id(bob.id)))
    same("and ada is still in", plain(ada.users.get(user=ADA).status), "ACTIVE")

with story("what others may do"):
    mia, mias = person("mia")
    zoe, zoes = person("zoe", inside=ada.organizations.create(name="Elsewhere"))
    ada.organizations.add_user(organization=home.id, user_id=bob.id, role=org_role("MEMBER"))
    check("a member finds people of the same organization", bob.email in emails(mias), emails(mias))
    same("also by e-mail", mias.users.get(user=bob.email).id, bob.id)
    check("and no others", mia.email not in emails(zoes) and bob.email not in emails(zoes), emails(zoes))
    problem("who do not exist for them", NotFound, lambda: zoes.users.get(user=bob.id))
    for sentence, call in (
        ("update", lambda by: by.users.update(user_id=bob.id, name="x")),
        ("delete", lambda by: by.users.delete(user_id=bob.id)),
        ("invite again", lambda by: by.users.resend_invitation(user_id=bob.id)),
        ("reset", lambda by: by.users.reset_password(user_id=bob.id)),
    ):
        problem(f"a member may not {sentence}", Forbidden, lambda: call(mias))
        problem(f"for a stranger there is nobody to {sentence}", NotFound, lambda: call(zoes))
        problem(f"nobody may {sentence}", Unauthorized, lambda: call(client("atl_nobody")))
    problem(
        "a member cannot make itself a developer",
        Forbidden,
        lambda: mias.users.update(user_id=mia.id, is_developer=True),
    )
    for mode in ("NONE", "TEMPORARY_PASSWORD"):
        problem(f"a member invites by link, not by {mode}", Forbidden, lambda: invite("max", mode=mode, by=mias))
    kim = invite("kim", mode="EMAIL_LINK", by=mias)
    same("a member invites members", (told(kim.role), plain(kim.status)), ("MEMBER", "INVITED"))
    same("and annotators", told(invite("lea", "ANNOTATOR", mode="EMAIL_LINK", by=mias).role), "ANNOTATOR")
    problem(
        "not administrators",
        (Forbidden, Unprocessable),
        lambda: invite("max", "ADMIN", mode="EMAIL_LINK", by=mias),
    )
    ada.organizations.add_user(organization=home.id, user_id=ann.id, role=org_role("ANNOTATOR"))
    anns = client(key_of(ann.email))
    problem("an annotator makes nobody", Forbidden, lambda: invite("max", mode="EMAIL_LINK", by=anns))
    same("nothing has changed", (ada.users.get(user=bob.id).name, ada.users.get(user="max@example.com")), ("Bob", None))

with story("delete"):
    space = ada.spaces.create(name="lab", organization_id=home.id)
    ada.spaces.add_user(space=space.id, user_id=bob.id, role=space_role("MEMBER"))
    role = ada.roles.create(name="Curator", permissions=[generated.Permission.SPACE_READ])
    binding = ada.role_bindings.create(user_id=bob.id, role_id=role.id, resource_type="SPACE", resource_id=space.id)
    bobs = client(key_of(bob.email))
    same("bob is in", bobs.spaces.get(space="lab").id, space.id)
    same("delete", ada.users.delete(user_id=bob.id), None)
    problem("shuts out on the next request", Unauthorized, lambda: bobs.spaces.list())
    problem("there is no such user", NotFound, lambda: ada.users.get(user=bob.id))
    same("by e-mail either", ada.users.get(user=bob.email), None)
    check("or in the list", bob.email not in emails(), emails())
    problem("or in the space", NotFound, lambda: ada.spaces.remove_user(space=space.id, user_id=bob.id))
    problem("and no binding", NotFound, lambda: ada.role_bindings.get(binding_id=binding.id))
    same("twice is as good", ada.users.delete(user_id=bob.id), None)
    rob = invite("bob")
    check("the address is free for somebody new", rob.id != bob.id, (rob.id, bob.id))
    same("who is found by it", ada.users.get(user=bob.email).id, rob.id)
    problem("the one who was deleted stays gone", NotFound, lambda: ada.users.get(user=bob.id))
    same("and deleted", ada.users.delete(user_id=bob.id), None)
    problem("the new one is not in the space", NotFound, lambda: ada.spaces.remove_user(space=space.id, user_id=rob.id))
    problem("nobody unknown", NotFound, lambda: ada.users.delete(user_id=other_id(me.id)))
    problem("not oneself", (Forbidden, BadRequest), lambda: ada.users.delete(user_id=me.id))
    same("ada is still in", plain(ada.users.get(user=ADA).status), "ACTIVE")
    same("who was invited can go", ada.users.delete(user_id=ivy.id), None)
    check("and is invited again as somebody new", invite("ivy", mode="EMAIL_LINK").id != ivy.id)

with story("bulk_delete"):
    results = ada.users.bulk_delete(user_ids=[kim.id, other_id(kim.id)], emails=["LEA@example.com", "who@example.com"])
    found = sorted(
        (result.status.value, getattr(result, "user_id", None) or getattr(result, "id", None) or "")
        for result in results
    )
    lost = "who@example.com" if VERSION < (8, 31) else ""
    deleted = sorted(identity for status, identity in found if status == DeletionStatus.DELETED.value)
    same("one result for each", [status for status, _ in found], ["deleted", "deleted", "failed", "not_found"])
    check("by id and by e-mail", kim.id in deleted and len(deleted) == 2, found)
    check("what was not found is told", found[-1][1] in (lost, "who@example.com"), found)
    same("both are gone", (ada.users.get(user="kim@example.com"), ada.users.get(user="lea@example.com")), (None, None))
    refused("the SDK refuses neither", ValueError, lambda: ada.users.bulk_delete())

finish()
