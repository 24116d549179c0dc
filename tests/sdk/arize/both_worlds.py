"""One world in two dialects: what is done with one SDK is there, at once and whole, in the other."""

import json
import os
import subprocess
from pathlib import Path

from arize.utils.resolve import NotFoundError

from checks import check, finish, refused, same, story
from people import (
    ADA,
    URL,
    Conflict,
    Forbidden,
    NotFound,
    Unauthorized,
    ada,
    ask,
    client,
    custom_role,
    generated,
    home,
    invite,
    key_of,
    org_role,
    plain,
    problem,
    space_role,
    told,
)

BOB, EVE, DAN = "bob@example.com", "eve@example.com", "dan@example.com"
TODAY = {"sdk-version": "8.61.0"}


class Wallaroo:
    """The other SDK, in an environment of its own."""

    def __init__(self):
        program = Path(__file__).resolve().parents[1] / "wallaroo" / "side.py"
        python, version = os.environ["ATELIER_TEST_WALLAROO_PYTHON"], os.environ["ATELIER_TEST_WALLAROO"]
        env = {**os.environ, "WALLAROO_URL": URL, "ATELIER_TEST_SDK": version}
        self.side = subprocess.Popen(
            [python, program], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def answer(self, me, do, *more):
        print(json.dumps({"as": me, "do": do, "with": more}), file=self.side.stdin, flush=True)
        return json.loads(self.side.stdout.readline())

    def __call__(self, me, do, *more):
        answer = self.answer(me, do, *more)
        if "raised" in answer:
            raise AssertionError(f"{do} as {me}: {answer['raised']}")
        return answer["gives"]

    def refuses(self, sentence, me, do, *more):
        answer = self.answer(me, do, *more)
        return check(sentence, "raised" in answer, answer)

    def end(self):
        self.side.stdin.close()
        self.side.wait(60)


wallaroo = Wallaroo()


def joined(me):
    """What somebody's Wallaroo list shows, but for the workspace that each person has."""
    return sorted(name for name in wallaroo(me, "names") if "Default Workspace" not in name)


def space(by, name):
    return by.spaces.get(space=name)


with story("people"):
    for email in (BOB, EVE):
        wallaroo(ADA, "invite", email)
    bob, eve = (ada.users.get(user=email) for email in (BOB, EVE))
    same(
        "who is invited by Wallaroo is a user",
        (bob.email, plain(bob.status), told(bob.role)),
        (BOB, "ACTIVE", "MEMBER"),
    )
    bobs, eves = client(key_of(BOB)), client(key_of(EVE))
    same("in the home organization", [o.name for o in bobs.organizations.list().organizations], ["Home"])
    dan = invite("dan")
    check("who is made by Arize is one there", DAN in wallaroo(ADA, "people"), wallaroo(ADA, "people"))
    same("nobody twice", wallaroo(ADA, "people").count(BOB), 1)

with story("a space is a workspace"):
    lab = ada.spaces.create(name="lab", organization_id=home.id)
    ada.spaces.add_user(space=lab.id, user_id=bob.id, role=space_role("ADMIN"))
    ada.spaces.add_user(space=lab.id, user_id=eve.id, role=space_role("MEMBER"))
    same("its member lists it", joined(BOB), ["lab"])
    same(
        "an administrator is an OWNER, a member a COLLABORATOR",
        wallaroo(BOB, "members", "lab"),
        [[ADA, "OWNER"], [BOB, "OWNER"], [EVE, "COLLABORATOR"]],
    )
    same("and so are they its users", sorted(wallaroo(EVE, "users", "lab")), [ADA, BOB, EVE])
    reader = ada.roles.create(name="Reader", permissions=[generated.Permission.SPACE_READ])
    for role, named in (
        ("READ_ONLY", space_role("READ_ONLY")),
        ("CUSTOM", custom_role(reader)),
        ("MEMBER", space_role("MEMBER")),
    ):
        ada.spaces.add_user(space=lab.id, user_id=eve.id, role=named)
        same(f"{role} is a COLLABORATOR", wallaroo(BOB, "members", "lab")[2], [EVE, "COLLABORATOR"])
    ada.spaces.add_user(space=lab.id, user_id=eve.id, role=space_role("ADMIN"))
    same("ADMIN is an OWNER", wallaroo(EVE, "members", "lab")[2], [EVE, "OWNER"])
    ada.spaces.remove_user(space=lab.id, user_id=eve.id)
    same("who is removed lists it no more", joined(EVE), [])
    same("though it is readable for her in Arize", space(eves, "lab").id, lab.id)
    same(
        "a rename is one",
        (ada.spaces.update(space=lab.id, name="The Lab №1").name, joined(BOB)),
        ("The Lab №1", ["The Lab №1"]),
    )
    ada.spaces.update(space=lab.id, name="lab")
    wallaroo.refuses("a name is taken in both worlds", BOB, "create", "lab")
    far = ada.organizations.create(name="Far")
    ada.spaces.create(name="far-away", organization_id=far.id)
    check("Wallaroo lives in the home organization", "far-away" not in wallaroo(ADA, "names"), wallaroo(ADA, "names"))

with story("a workspace is a space"):
    wallaroo(BOB, "create", "bobs")
    own = space(bobs, "bobs")
    status, answer = ask("GET", f"/v2/spaces/{own.id}", headers=TODAY)
    same("it is private and at home", (status, answer["is_private"], answer["organization_id"]), (200, True, home.id))
    refused("so it is nobody else's", NotFoundError, lambda: space(eves, "bobs"))
    problem("by id either", NotFound, lambda: eves.spaces.get(space=own.id))
    same("an administrator sees it", space(ada, "bobs").id, own.id)
    same("its maker rules it", bobs.spaces.update(space="bobs", description="mine").description, "mine")
    problem("the name is taken", Conflict, lambda: ada.spaces.create(name="bobs", organization_id=home.id))
    wallaroo(BOB, "add_user", "bobs", EVE)
    same("who is added sees it", space(eves, "bobs").id, own.id)
    same("and works in it", eves.projects.create(name="rocket", space=own.id).name, "rocket")
    problem("but does not rule it", Forbidden, lambda: eves.spaces.update(space=own.id, name="eves"))
    wallaroo(BOB, "add_owner", "bobs", EVE)
    same("an owner does", eves.spaces.update(space=own.id, description="ours").description, "ours")
    same("as both worlds say", wallaroo(EVE, "members", "bobs"), [[BOB, "OWNER"], [EVE, "OWNER"]])
    bobs.spaces.add_user(space=own.id, user_id=eve.id, role=space_role("MEMBER"))
    same("and can be taken back there", wallaroo(BOB, "members", "bobs"), [[BOB, "OWNER"], [EVE, "COLLABORATOR"]])
    wallaroo(BOB, "remove_user", "bobs", EVE)
    problem("who is removed sees nothing", NotFound, lambda: eves.spaces.get(space=own.id))
    problem("and is no member", NotFound, lambda: ada.spaces.remove_user(space=own.id, user_id=eve.id))
    ada.spaces.delete(space=own.id)
    same("what is deleted is gone", joined(BOB), ["lab"])
    wallaroo.refuses("and cannot be had", BOB, "members", "bobs")

with story("people come and go"):
    ada.spaces.add_user(space=lab.id, user_id=eve.id, role=space_role("MEMBER"))
    ada.organizations.remove_user(organization=home.id, user_id=eve.id)
    same(
        "out of the organization, out of its workspaces",
        [email for email, _ in wallaroo(BOB, "members", "lab")],
        [ADA, BOB],
    )
    ada.organizations.add_user(organization=home.id, user_id=eve.id, role=org_role("MEMBER"))
    wallaroo(ADA, "deactivate", EVE)
    problem("deactivated there, refused here at once", Unauthorized, lambda: eves.spaces.list())
    same("and not to be found", ada.users.get(user=EVE), None)
    problem("by id either", NotFound, lambda: ada.users.get(user=eve.id))
    wallaroo(ADA, "activate", EVE)
    same("activated, to be found", ada.users.get(user=EVE).id, eve.id)
    ada.users.delete(user_id=bob.id)
    wallaroo.refuses("deleted here, refused there", BOB, "sign in")
    same("and out of the workspace", [email for email, _ in wallaroo(ADA, "members", "lab")], [ADA])

wallaroo.end()
finish()
