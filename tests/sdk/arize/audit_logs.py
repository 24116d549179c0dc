"""`client.audit_logs`: what was done, newest first, for administrators only."""

import json
import time
from datetime import datetime, timedelta, timezone

from arize.audit_logs.types import AuditLogOperationType
from pydantic import ValidationError

from checks import check, finish, refused, same, story
from people import (
    STARTED,
    BadRequest,
    Forbidden,
    NotFound,
    Unauthorized,
    ada,
    ask,
    client,
    generated,
    home,
    invite,
    just_now,
    other_id,
    pages,
    person,
    plain,
    problem,
    refusal,
)

Kind = AuditLogOperationType
me = ada.users.get(user="ada@example.com")
bob, bobs = person("bob")
space = ada.spaces.create(name="alpha", organization_id=home.id)
time.sleep(0.01)
between = datetime.now(timezone.utc)
time.sleep(0.01)
bobs.spaces.create(name="bobs", organization_id=home.id)
secret = bobs.api_keys.create(name="laptop").key
ada.spaces.delete(space="alpha")


def logs(**filter):
    return ada.audit_logs.list(**{"limit": 100, **filter}).logs


def ids(entries):
    return [entry.id for entry in entries]


with story("list"):
    whole = logs(operation_type=Kind.MUTATION)
    check("gives AuditLogs", whole and all(type(entry) is generated.AuditLog for entry in whole))
    moments = [entry.created_at for entry in whole]
    same("newest first", moments, sorted(moments, reverse=True))
    check("made just now", all(just_now(moment, STARTED - timedelta(minutes=10)) for moment in moments), moments)
    check("with ids of their own", len(set(ids(whole))) == len(whole) and all(ids(whole)))
    same("mutations", {plain(entry.operation_type) for entry in whole}, {"MUTATION"})
    check("each has a name", all(entry.operation_name for entry in whole), whole)
    check("by whom", {me.id, bob.id} <= {entry.user_id for entry in whole}, {entry.user_id for entry in whole})
    check("from where", all(isinstance(entry.ip, str) and entry.ip for entry in whole), whole)
    loose = [entry.variables for entry in whole if entry.variables is not None]
    check(
        "variables are JSON in a string",
        all(isinstance(text, str) and json.loads(text) is not None for text in loose),
        loose,
    )
    check("no secret stands there", secret not in str(whole) and secret[4:] not in str(whole))

with story("filters"):
    by_bob = logs(user_id=bob.id, operation_type=Kind.MUTATION)
    same("by user", {entry.user_id for entry in by_bob}, {bob.id})
    check("who has done two things", len(by_bob) >= 2, by_bob)
    same("of somebody who has done nothing", logs(user_id=invite("idle").id), [])
    problem("of nobody unknown", (NotFound, BadRequest), lambda: logs(user_id=other_id(bob.id)))
    same("no subscriptions", logs(operation_type=Kind.SUBSCRIPTION), [])
    check(
        "queries are queries", all(plain(entry.operation_type) == "QUERY" for entry in logs(operation_type=Kind.QUERY))
    )
    name = by_bob[0].operation_name
    same(
        "by name",
        ids(logs(user_id=bob.id, operation_names=[name])),
        [e.id for e in logs(user_id=bob.id) if e.operation_name == name],
    )
    both = sorted({entry.operation_name for entry in by_bob})
    same("by several", ids(logs(user_id=bob.id, operation_type=Kind.MUTATION, operation_names=both)), ids(by_bob))
    same("exactly", logs(operation_names=[name[:-1], name.swapcase()]), [])
    refused("the SDK refuses 21 names", ValidationError, lambda: logs(operation_names=["x"] * 21))
    refusal("and so does the server", ask("GET", "/v2/audit-logs?" + "&".join(["operation_name=x"] * 21)), 400, 422)

with story("times"):
    since = logs(start_time=between, operation_type=Kind.MUTATION)
    until = logs(end_time=between, operation_type=Kind.MUTATION)
    check("since", since and all(entry.created_at >= between for entry in since), since)
    check("until", until and all(entry.created_at <= between for entry in until), until)
    everything = ids(logs(operation_type=Kind.MUTATION))
    same("both are all", ids(since) + ids(until), everything)
    same(
        "the bounds belong to it",
        ids(logs(start_time=since[0].created_at, end_time=since[0].created_at, operation_type=Kind.MUTATION))[:1],
        ids(since)[:1],
    )
    same(
        "a time without an offset is UTC",
        ids(logs(start_time=between.replace(tzinfo=None), operation_type=Kind.MUTATION)),
        ids(since),
    )
    west = between.astimezone(timezone(-timedelta(hours=8)))
    same("any offset is understood", ids(logs(start_time=west, operation_type=Kind.MUTATION)), ids(since))
    stamp = between.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    status, answer = ask("GET", f"/v2/audit-logs?start_time={stamp}&operation_type=MUTATION&limit=100")
    same("also a Z", (status, [entry["id"] for entry in answer["logs"]]), (200, ids(since)))
    same(
        "nothing was done in the future",
        logs(
            start_time=datetime.now(timezone.utc) + timedelta(days=1),
            end_time=datetime.now(timezone.utc) + timedelta(days=2),
        ),
        [],
    )
    refusal("what is no time", ask("GET", "/v2/audit-logs?start_time=yesterday"), 400, 422)

with story("pages"):
    end = datetime.now(timezone.utc)
    fixed = logs(end_time=end, operation_type=Kind.MUTATION)
    single, wrong = pages(
        lambda **page: ada.audit_logs.list(end_time=end, operation_type=Kind.MUTATION, **page), "logs"
    )
    same("one by one to the end", (ids(single), wrong), (ids(fixed), []))
    first = ada.audit_logs.list(operation_type=Kind.MUTATION, limit=2)
    invite("meanwhile")
    second = ada.audit_logs.list(operation_type=Kind.MUTATION, limit=2, cursor=first.pagination.next_cursor)
    same("what happens meanwhile moves no page", ids(first.logs) + ids(second.logs), ids(fixed)[:4])
    problem("a forged cursor", BadRequest, lambda: ada.audit_logs.list(cursor="forged"))
    refusal("a limit of 101", ask("GET", "/v2/audit-logs?limit=101"), 400, 422)

with story("who may read them"):
    problem("not a member", Forbidden, lambda: bobs.audit_logs.list())
    problem("not of their own doings", Forbidden, lambda: bobs.audit_logs.list(user_id=bob.id))
    problem("nobody", Unauthorized, lambda: client("atl_nobody").audit_logs.list())

finish()
