"""The Wallaroo SDK at the other end of a pipe, for a program that runs with another SDK.

Each line asks for one thing as one person: `{"as": email, "do": "list", "with": [..]}`; the answer is a line
`{"gives": ..}` or `{"raised": "TypeName: text"}`. What else is printed goes to stderr.
"""

import json
import os
import sys

from people import ADA, ADA_PASSWORD, PASSWORD, emails, members, names, sign_in

pipe = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)

clients = {}


def client(email):
    if email not in clients:
        clients[email] = sign_in(email, ADA_PASSWORD if email == ADA else PASSWORD)
    return clients[email]


def sign(me):
    """Signs in anew: the id."""
    clients.pop(me, None)
    return client(me).auth.user_id()


def who(me, name):
    """E-mail and type of each member."""
    workspace = client(me).get_workspace(name)
    people = {user.id(): user.email() for user in client(me).list_users()}
    return sorted([people[identity], kind] for identity, kind in members(client(me), workspace))


DEEDS = {
    "sign in": sign,
    "invite": lambda me, email: client(me).invite_user(email, PASSWORD)["id"],
    "people": lambda me: sorted(user.email() for user in client(me).list_users()),
    "deactivate": lambda me, email: client(me).deactivate_user(email),
    "activate": lambda me, email: client(me).activate_user(email),
    "names": lambda me: names(client(me)),
    "users": lambda me, name: emails(client(me).get_workspace(name)),
    "members": who,
    "create": lambda me, name: client(me).create_workspace(name).name(),
    "add_user": lambda me, name, email: client(me).get_workspace(name).add_user(email).name(),
    "add_owner": lambda me, name, email: client(me).get_workspace(name).add_owner(email).name(),
    "remove_user": lambda me, name, email: client(me).get_workspace(name).remove_user(email) and None,
}

for line in sys.stdin:
    asked = json.loads(line)
    try:
        answer = {"gives": DEEDS[asked["do"]](asked["as"], *asked["with"])}
    except Exception as error:
        answer = {"raised": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), file=pipe, flush=True)
