"""Every method of the SDK about models: upload, lists, versions, configurations, tags, search, and what each refuses."""

import hashlib
import json
import os
import zipfile
from pathlib import Path

import httpx
import pyarrow
from wallaroo.dynamic_batching_config import DynamicBatchingConfig
from wallaroo.framework import Framework
from wallaroo.object import EntityNotFoundError, InvalidNameError

from checks import check, finish, like, refused, same, story
from people import ADA, ADA_PASSWORD, PASSWORD, SDK, URL, a_moment, a_number, a_sentence, a_uuid, ask, sign_in

BOB, EVE = "bob@example.com", "eve@example.com"
ONNX = Path(os.environ["ATELIER_TEST_ONNX"])
GENERATION = tuple(int(part) for part in SDK.split(".")[:2])

ada = sign_in(ADA, ADA_PASSWORD)
for person in (BOB, EVE):
    ada.invite_user(person, PASSWORD)
bob, eve = sign_in(BOB), sign_in(EVE)
fraud = ada.create_workspace("ccfraud")
ada.set_current_workspace(fraud)
fraud.add_user(BOB)
bob.set_current_workspace(bob.get_workspace("ccfraud"))

archive = Path(os.environ["HOME"]) / "model.zip"
with zipfile.ZipFile(archive, "w") as file:
    file.writestr("model.pkl", b"not really a pickle")
INPUT = pyarrow.schema([pyarrow.field("inputs", pyarrow.list_(pyarrow.float64(), list_size=4))])
OUTPUT = pyarrow.schema([pyarrow.field("predictions", pyarrow.int32())])


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def download(client, version, **headers):
    return httpx.get(f"{URL}/v1/api/models/{version.id()}/file", headers={**client.auth.auth_header(), **headers})


with story("upload"):
    first = ada.upload_model("Ccfraud-model", ONNX, framework=Framework.ONNX)
    check("a version has a number", a_number(first.id()), first.id())
    check("and a UUID", a_uuid(first.version()), first.version())
    same("its name keeps its case", first.name(), "Ccfraud-model")
    same("it is ready at once", first.status(), "ready")
    same("its SHA-256 is the file's", first.sha(), digest(ONNX))
    same("its file has the name it had", first.file_name(), ONNX.name)
    same("it has no image", first.image_path(), None)
    same("it is for x86", str(first.arch()), "x86")
    same("without an accelerator", str(first.accel()), "none")
    same("it is in the workspace", first.workspace().id(), fraud.id())
    same("it has no tags", first.tags(), [])
    same("its engine is onnx", first.config().runtime(), "onnx")
    second = bob.upload_model("Ccfraud-model", ONNX, framework=Framework.ONNX)
    check("a second upload is another version", second.version() != first.version(), second.version())
    same("of the same model", second.models_pk_id(), first.models_pk_id())

with story("a file that Wallaroo would convert"):
    converted = ada.upload_model("sk", archive, framework=Framework.SKLEARN, input_schema=INPUT, output_schema=OUTPUT)
    same("it is ready, too", converted.status(), "ready")
    same("its engine is flight", converted.config().runtime(), "flight")
    status, answer = ask(ada, "/v1/api/models/get_version_by_id", {"model_version_id": converted.id()})
    config = answer["model_version"]["config"]
    same("its schemas come back byte for byte", [config["input_schema"], config["output_schema"]],
         [ada._serialize_schema(INPUT), ada._serialize_schema(OUTPUT)])
    like("its file is told", answer["model_version"]["model_version"]["file_info"],
         {"version": a_uuid, "sha": digest(archive), "file_name": "model.zip", "size": archive.stat().st_size})
    wrong = {"name": "sk", "visibility": "private", "workspace_id": fraud.id(), "input_schema": "AAAA",
             "conversion": {"framework": "sklearn", "python_version": "3.8", "requirements": []}}
    refusal = httpx.post(f"{URL}/v1/api/models/upload_and_convert", headers=ada.auth.auth_header(),
                         files={"metadata": (None, json.dumps(wrong), "application/json"), "file": ("m.zip", b"x")})
    check("a wrong schema is refused with its field", refusal.status_code == 400 and "input_schema" in refusal.text,
          refusal.text)

with story("lists"):
    models = ada.list_models()
    same("list_models has both", [model.name() for model in models], ["Ccfraud-model", "sk"])
    check("and shows them", "Ccfraud-model" in models._repr_html_(), models._repr_html_())
    same("so has the workspace", sorted(model.name() for model in ada.get_workspace("ccfraud").models()),
         ["Ccfraud-model", "sk"])
    same("versions are newest first", [version.id() for version in models[0].versions()], [second.id(), first.id()])
    check("a version shows itself", first.version() in first._repr_html_(), first._repr_html_())
    same("a member lists them, too", [model.name() for model in bob.list_models()], ["Ccfraud-model", "sk"])
    same("nobody else does", list(eve.list_models()), [])
    listed = next(row for row in ask(ada, "/v1/api/workspaces/list", {})[1]["workspaces"] if row["name"] == "ccfraud")
    same("the list of workspaces has the versions, by model", listed["models"],
         [first.id(), second.id(), converted.id()])
    same("models of another workspace are not listed", list(ada.list_models(workspace_name="nowhere")), [])

with story("names"):
    named = ada.get_model("Ccfraud-model", version=first.version())
    same("get_model finds a version", named.id(), first.id())
    same("model_by_name, too", ada.model_by_name("Ccfraud-model", first.version()).id(), first.id())
    same("and model_version_by_name", ada.model_version_by_name("Ccfraud-model", second.version()).id(), second.id())
    refused("an unknown version is not found", EntityNotFoundError,
            lambda: ada.model_by_name("Ccfraud-model", "00000000-0000-4000-8000-000000000000"))
    refused("nor is one that a person cannot see", EntityNotFoundError,
            lambda: eve.model_by_name("Ccfraud-model", first.version()))

with story("configurations"):
    before = first.config().id()
    same("configure gives the version", first.configure(tensor_fields=["tensor"]).id(), first.id())
    same("with the fields", first.config().tensor_fields(), ["tensor"])
    check("in a new configuration", first.config().id() != before, first.config().id())
    if GENERATION >= (2025, 1):
        batching = DynamicBatchingConfig(max_batch_delay_ms=10, batch_size_target=4, batch_size_limit=None)
        second.configure(dynamic_batching_config=batching)
        fresh = ada.model_by_name("Ccfraud-model", second.version())
        rows = ask(ada, "/v1/api/models/get_version_by_id", {"model_version_id": second.id()})[1]
        same("batches are kept", rows["model_version"]["config"]["dynamic_batching_config"]["batch_size_target"], 4)
        same("the engine stays", fresh.config().runtime(), "onnx")

with story("tags"):
    tag = ada.create_tag("My Great Tag")
    same("a tag has its text", tag.tag(), "My Great Tag")
    tag.add_to_model(second.id())
    same("the version has it", [t.tag() for t in ada.model_by_name("Ccfraud-model", second.version()).tags()],
         ["My Great Tag"])
    same("list_tags has it", [t.tag() for t in ada.list_tags()], ["My Great Tag"])
    same("and its versions", [version.id() for version in tag.list_model_versions()], [second.id()])
    same("search_models finds it by tag", [v.id() for v in ada.search_models("My Great Tag")], [second.id()])
    tag.remove_from_model(second.id())
    same("a removed tag is gone", list(ada.search_models("My Great Tag")), [])
    tag.add_to_model(second.id())
    same("somebody else does not see what it is on", list(eve.search_models("My Great Tag")), [])

with story("search"):
    same("an empty term finds all", sorted(v.id() for v in ada.search_models("")),
         sorted([first.id(), second.id(), converted.id()]))
    same("a name", sorted(v.id() for v in ada.search_models("ccfraud")), sorted([first.id(), second.id()]))
    same("a file name", [v.id() for v in ada.search_models("model.zip")], [converted.id()])
    same("a version", [v.id() for v in ada.search_models(first.version())], [first.id()])
    same("a SHA-256", [v.id() for v in ada.search_models(digest(archive))], [converted.id()])
    same("nothing of others", list(eve.search_models("")), [])

with story("files"):
    got = download(ada, first)
    same("a member gets the file", (got.status_code, got.content), (200, ONNX.read_bytes()))
    same("its ETag is its SHA-256", got.headers["etag"], f'"{digest(ONNX)}"')
    part = download(bob, first, Range="bytes=10-")
    same("or the rest of it", (part.status_code, part.content), (206, ONNX.read_bytes()[10:]))
    check("nobody else does", download(eve, first).status_code == 404, download(eve, first).text)

with story("images"):
    image = ada.register_model_image("image", "registry.example.com/model:1")
    same("an image has its path", image.image_path(), "registry.example.com/model:1")

if GENERATION >= (2025, 2):
    with story("logs"):
        logs = first.get_upload_logs()
        check("there are lines", len(logs) > 0, logs)
        check("and they are shown", a_sentence(logs._repr_html_()), logs)

with story("refusals"):
    refused("a name of the SDK's rule", InvalidNameError, lambda: ada.upload_model("a_b", ONNX, framework=Framework.ONNX))
    outside = eve.create_workspace("eves")
    eve.set_current_workspace(outside)
    body = {"name": "m", "visibility": "private", "workspace_id": fraud.id(), "image_path": "r/m:1",
            "conversion": {"framework": "mlflow", "python_version": "3.8", "requirements": []}}
    refusal = httpx.post(f"{URL}/v1/api/models/upload", headers=eve.auth.auth_header(),
                         files={"metadata": (None, json.dumps(body), "application/json")})
    check("a workspace of others does not exist", refusal.status_code in (400, 404) and "does not exist" in refusal.text,
          refusal.text)

with story("deletes"):
    asked = {"model_id": "sk", "workspace_id": fraud.id()}
    same("a delete first tells the bytes", ask(ada, "/v1/api/models/delete_model", asked),
         (200, {"bytes": archive.stat().st_size}))
    same("and deletes nothing", converted.id() in [v.id() for v in ada.search_models("")], True)
    check("a member deletes nothing", ask(bob, "/v1/api/models/delete_model", {**asked, "confirm_delete": True})[0] == 400)
    same("an owner does, once confirmed", ask(ada, "/v1/api/models/delete_model", {**asked, "confirm_delete": True}),
         (200, {"bytes": archive.stat().st_size}))
    same("then it is gone", [model.name() for model in ada.list_models()], ["Ccfraud-model", "image"])

finish()
