"""Pipelines: every kind of step, versions, copies, lists, and what atelier answers when one is to run."""

import uuid
from datetime import datetime, timedelta, timezone

import polars
from gql.transport.exceptions import TransportQueryError
from wallaroo import pipeline_config as config
from wallaroo.pipeline import Pipeline, Pipelines

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, ask, refusal, sign_in

BOB, EVE = "bob@example.com", "eve@example.com"
NOT_RUN = "atelier keeps models and pipelines; it does not run them"

ada = sign_in(ADA, ADA_PASSWORD)
for person in (BOB, EVE):
    ada.invite_user(person, PASSWORD)
bob, eve = sign_in(BOB), sign_in(EVE)
fraud = bob.create_workspace("fraud")
bob.set_current_workspace(fraud)


def listed(client, **filters):
    """The names of the pipelines that `client` lists."""
    return [pipeline.name() for pipeline in client.list_pipelines(**filters)]


def fresh(name="ccfraud"):
    """The pipeline as the server has it now."""
    return bob.get_pipeline(name)


def recent(moment):
    """Whether a time with an offset is within this run."""
    return abs(datetime.now(timezone.utc) - moment) < timedelta(minutes=10)


with story("a new pipeline"):
    same("there is none at first", listed(bob), [])
    check("list_pipelines gives Pipelines", type(bob.list_pipelines()) is Pipelines)
    pipeline = bob.build_pipeline("ccfraud")
    check("build_pipeline gives a Pipeline", type(pipeline) is Pipeline)
    check("with a numeric id", type(pipeline.id()) is int and pipeline.id() > 0, pipeline.id())
    same("name", pipeline.name(), "ccfraud")
    same("workspace", (pipeline.workspace().id(), pipeline.workspace().name()), (fraud.id(), "fraud"))
    check("create_time", recent(pipeline.create_time()), pipeline.create_time())
    check("last_update_time", recent(pipeline.last_update_time()), pipeline.last_update_time())
    same("tags", pipeline.tags(), [])
    same("one version", len(pipeline.versions()), 1)
    same("without steps", pipeline.versions()[0].definition(), {})
    check("the version has a UUID", uuid.UUID(pipeline.versions()[0].name()) is not None)
    same("built again it is the same", bob.build_pipeline("ccfraud").id(), pipeline.id())
    same("with another version", len(fresh().versions()), 2)
    same("the list has it", listed(bob), ["ccfraud"])
    same("the list of the workspace, too", listed(bob, workspace_id=fraud.id()), ["ccfraud"])
    same("by name, too", listed(bob, workspace_name="fraud"), ["ccfraud"])
    same("not another workspace's", listed(bob, workspace_name="nowhere"), [])
    same("the workspace has it", [one.name() for one in bob.get_workspace("fraud").pipelines()], ["ccfraud"])
    same("a stranger lists none", listed(eve), [])
    same("an administrator lists all", listed(ada), ["ccfraud"])
    check("the table has it", "ccfraud" in bob.list_pipelines()._repr_html_())
    check("its own table, too", "ccfraud" in fresh()._repr_html_())

with story("names that are refused"):
    refused("a capital", Exception, lambda: bob.build_pipeline("CCfraud"), "pipeline_id: must contain only lowercase")
    status, answer = ask(bob, "/v1/api/pipelines/create", {"pipeline_id": "a_b", "workspace_id": fraud.id()})
    like("an underscore that the SDK does not send", [status, answer], [400, refusal(400)])
    same("nothing was made", listed(bob), ["ccfraud"])
    # Each generation has an own text.
    try:
        bob.get_pipeline("nothing")
        check("get_pipeline refuses an unknown name", False)
    except Exception as error:
        check("get_pipeline refuses an unknown name", "nothing not found in this workspace" in str(error), error)

with story("every kind of step"):
    one = bob.register_model_image("detector", "registry.example.com/detector:1")
    two = bob.register_model_image("Challenger", "registry.example.com/challenger:1")
    pipeline = bob.build_pipeline("ccfraud")
    pipeline.add_model_step(one)
    pipeline.add_multi_model_step([one, two])
    pipeline.add_audit("1:")
    pipeline.add_audit("0:1")
    pipeline.add_select(0)
    pipeline.add_key_split(one, "tier", {"gold": two})
    pipeline.add_random_split([(2, one), (0.5, two)], "session")
    pipeline.add_shadow_deploy(one, [two])
    pipeline.add_validations(positive=polars.col("out.variable").list.get(0) > 0)
    rest = config.RowToModel(0, config.ModelForStep.from_model(two))
    for step in (
        config.Average(),
        config.ColumnsSelect([0, 2]),
        config.ColumnsToRows(),
        config.RowsToModels([rest]),
    ):
        pipeline.builder()._add_step(step)
    sent = pipeline.builder().config().to_json()
    kinds = {kind for step in sent["steps"] for kind in step}
    same("all eleven kinds are sent", len(kinds), 11)
    version = pipeline.create_version()
    same("they come back as they were sent", version.definition(), sent)
    same("the newest version is first", fresh().versions()[0].name(), version.name())
    check("the table of the version has the steps", "detector" in version._repr_html_())
    configuration = fresh().get_pipeline_configuration()
    want = {"pipeline_id": "ccfraud", "version": version.name(), "definition": sent}
    same("get_pipeline_configuration has them", sorted(configuration.items()), sorted(want.items()))
    older = fresh().versions()[1].name()
    same("and those of an older version", fresh().get_pipeline_configuration(older)["definition"], {})
    same("get_pipeline finds a version", bob.get_pipeline("ccfraud", older).id(), pipeline.id())
    refused(
        "an unknown version is refused",
        Exception,
        lambda: fresh().get_pipeline_configuration(str(uuid.uuid4())),
        "does not exist",
    )

with story("steps are edited before they are sent"):
    pipeline = bob.build_pipeline("edited").add_model_step(one)
    pipeline.replace_with_model_step(0, two)
    pipeline.add_select(0)
    pipeline.remove_step(1)
    same("one step is left", len(pipeline.steps()), 1)
    [step] = pipeline.create_version().definition()["steps"]
    same("of the other model", step["ModelInference"]["models"][0]["name"], "Challenger")
    pipeline.clear()
    same("none is left", pipeline.create_version().definition(), {"id": "edited", "steps": []})

with story("steps that are refused"):
    def create(definition):
        body = {"pipeline_id": "refused", "workspace_id": fraud.id(), "definition": definition}
        return ask(bob, "/v1/api/pipelines/create", body)

    status, answer = create({"steps": [{"MultiOut": {}}, {"Sum": {}}]})
    check("an unknown kind names its place", answer["msg"].startswith("definition.steps[1]: "), answer)
    same("with 400", status, 400)
    absent = str(uuid.uuid4())
    model = {"name": "detector", "version": absent, "sha": ""}
    pipeline = bob.build_pipeline("ghost")
    pipeline.builder()._add_step(config.ModelInference([config.ModelForStep.from_json(model)]))
    refused("a model that is not there", Exception, pipeline.create_version, f"model version {absent} does not exist")
    hidden = {"name": "detector", "version": one.version(), "sha": ""}
    own = eve.create_workspace("eves")
    eve.set_current_workspace(own)
    pipeline = eve.build_pipeline("spy")
    pipeline.builder()._add_step(config.ModelInference([config.ModelForStep.from_json(hidden)]))
    refused("a model of others", Exception, pipeline.create_version, f"model version {one.version()} does not exist")
    same("nothing was made", sorted(listed(bob)), ["ccfraud", "edited", "ghost"])

with story("a copy and a move, which the SDK has no method for"):
    source = fresh()
    body = {"name": "copied", "workspace_id": fraud.id(), "source_pipeline": source.id()}
    status, answer = ask(bob, "/v1/api/pipelines/copy", body)
    numbers = [answer["pipeline_pk_id"] > source.id(), answer["pipeline_variant_pk_id"] > 0]
    same("copy answers the ids", [status, *numbers], [200, True, True])
    same("the copy has the newest steps", fresh("copied").versions()[0].definition(), sent)
    archive = bob.create_workspace("archive")
    body = {"pipeline_id": answer["pipeline_pk_id"], "workspace_id": archive.id()}
    same("move answers where it is", ask(bob, "/v1/api/pipelines/move", body), (200, body))
    same("it is there", listed(bob, workspace_id=archive.id()), ["copied"])
    check("and no longer here", "copied" not in listed(bob, workspace_id=fraud.id()))

with story("atelier does not run pipelines"):
    before = len(fresh().versions())
    pipeline = bob.build_pipeline("ccfraud").add_model_step(one)
    refused("deploy says so", TransportQueryError, pipeline.deploy, NOT_RUN)
    refused("without waiting, too", TransportQueryError, lambda: pipeline.deploy(wait_for_status=False), NOT_RUN)
    deployable = fresh().versions()[0]
    refused(
        "and of a version",
        TransportQueryError,
        lambda: deployable.deploy("ccfraud", [], None),
        NOT_RUN,
    )
    same("each deploy has made a version before", len(fresh().versions()), before + 3)
    body = {"deploy_id": "ccfraud", "pipeline_version_pk_id": deployable.id()}
    status, answer = ask(bob, "/v1/api/pipelines/deploy", body)
    same("without the SDK it is a 400", (status, answer), (400, {"msg": NOT_RUN, "code": 400}))
    pipeline = fresh()
    check("undeploy gives the pipeline", pipeline.undeploy() is pipeline)
    same("status", pipeline.status(), {"status": "Pipeline ccfraud is not deployed"})
    refused("infer", RuntimeError, lambda: pipeline.infer({"a": 1}), "is not deployed")
    refused("infer_from_file", RuntimeError, lambda: pipeline.infer_from_file("a.json"), "is not deployed")
    refused("url", RuntimeError, pipeline.url, "not been deployed")
    try:
        pipeline.publish()
        check("publish is refused", False)
    except Exception as error:
        check("publish shows the refusal", NOT_RUN in str(error), error)
    try:
        pipeline.logs()
        check("logs are refused", False)
    except Exception as error:
        check("logs are refused and say why", NOT_RUN in str(error), f"{type(error)} {error}")
    check("the topic of the logs", pipeline.get_topic_name().endswith("-inference"))

with story("what atelier does not have is empty"):
    same("deployments", list(bob.list_deployments()), [])
    same("publishes of a pipeline", list(fresh().publishes()), [])
    if hasattr(bob, "list_publishes"):
        same("publishes", list(bob.list_publishes()), [])
    same("edges", list(fresh().list_edges()), [])
    same("orchestrations", list(bob.list_orchestrations()), [])
    same("tasks", list(bob.list_tasks()), [])
    same("assays", list(bob.list_assays()), [])
    refused("a task", Exception, lambda: bob.get_task_by_id(str(uuid.uuid4())), "Failed to find Task ID")
    try:
        bob.upload_orchestration(bytes_buffer=b"PK", name="nightly")
        check("an orchestration is refused", False)
    except Exception as error:
        check("an orchestration is refused with the reason", "does not run orchestrations" in str(error), error)

finish()
