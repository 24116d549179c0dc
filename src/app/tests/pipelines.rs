//! Pipelines, their versions, and the model versions that they name.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::app::organizations;
use crate::app::pipelines::{self, PipelineFilter};
use crate::domain::ids::{ModelVersionId, PipelineId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{ModelName, ModelSettings, NewModelVersion, Runtime, Sha256, StoredFile, Visibility};
use crate::domain::noun::Noun;
use crate::domain::organization::{NewOrganization, OrganizationName};
use crate::domain::pipeline::{PipelineName, PipelineVersion};
use crate::domain::pipeline_definition::Definition;
use crate::domain::text::Description;

fn definition(value: &Value) -> Definition {
    Definition::parse(JsonText::parse(&value.to_string()).unwrap()).unwrap()
}

fn named_pipeline(name: &str) -> PipelineName {
    PipelineName::parse(name).unwrap()
}

/// Creates a version of a pipeline with this definition.
fn create(
    place: WorkspaceId,
    name: &str,
    value: &Value,
) -> impl Fn(&Tx, &Actor) -> Result<PipelineVersion> + Send + use<> {
    let (name, definition) = (named_pipeline(name), definition(value));
    move |tx, actor| pipelines::create(tx, actor, place, &name, (Some(&definition), "definition"))
}

fn move_to(id: PipelineId, place: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<WorkspaceId> + Send + 'static {
    move |tx, actor| pipelines::move_to(tx, actor, id, place).map(|pipeline| pipeline.workspace)
}

impl Office {
    /// A version of a model, and a step's words for it.
    fn model(&self, place: WorkspaceId, name: &str, file: Option<u8>) -> (ModelVersionId, Value) {
        let model_name = ModelName::parse(name).unwrap();
        let file = file.map(|byte| StoredFile { sha256: Sha256([byte; 32]), size: 7 });
        let sha = file.map(|file| file.sha256.to_string()).unwrap_or_default();
        let (id, uuid) = self
            .write(move |tx| {
                let workspace = store::workspaces::find(tx, place)?.unwrap();
                let new = NewModelVersion {
                    workspace: place,
                    name: model_name.clone(),
                    visibility: Visibility::Private,
                    file,
                    file_name: String::new(),
                    image_path: None,
                    conversion: None,
                    settings: ModelSettings::new(Runtime::Onnx),
                };
                let found = store::models::find_by_name(tx, place, model_name.as_str())?;
                let model =
                    found.map_or_else(|| store::models::insert(tx, place, &model_name, None), |model| Ok(model.id))?;
                store::models::insert_version(tx, model, workspace.organization, &new, None)
            })
            .unwrap();
        (id, json!({ "name": name, "version": uuid, "sha": sha }))
    }

    /// The names of the pipelines that an actor lists.
    fn pipelines(&self, who: &Actor, filter: &PipelineFilter) -> Vec<String> {
        let mut found = Vec::new();
        let listed = self.read_long(|view| {
            pipelines::list(view, who, filter, |pipeline, workspace| {
                assert_eq!(pipeline.workspace, workspace.id);
                found.push(pipeline.name.as_str().to_owned());
                Ok(())
            })
        });
        listed.unwrap();
        found
    }

    /// The UUIDs of the versions of a pipeline, as an actor lists them.
    fn versions(&self, who: &Actor, place: WorkspaceId, name: &str) -> Vec<Uuid> {
        let mut found = Vec::new();
        let listed = self.read_long(|view| {
            pipelines::versions(view, who, (place, name), |version, _| {
                found.push(version.uuid);
                Ok(())
            })
        });
        listed.unwrap();
        found
    }
}

fn steps(model: &Value) -> Value {
    json!({ "id": "valves", "steps": [{ "ModelInference": { "models": [model] } }] })
}

#[test]
fn members_create_versions_and_readers_do_not() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let (first, trace) = office.change(&office.carol, "pipelines.create", create(place, "valves", &json!({})));
    let version = json!({ "pipeline": first.pipeline.0, "uuid": first.uuid, "models": [] });
    let after = json!({ "workspace": place.0, "name": "valves", "visibility": "private", "version": version });
    assert_eq!((trace.kind.as_str(), trace.before, trace.after), ("pipeline", None, Some(after)));
    assert_eq!(trace.object, first.pipeline.to_string());

    let (_, model) = office.model(place, "Detector", Some(1));
    let made = create(place, "valves", &steps(&model));
    let (second, trace) = office.change(&office.bob, "pipelines.create_version", made);
    assert_eq!((second.pipeline, second.name), (first.pipeline, first.name));
    assert!(second.id > first.id && second.uuid != first.uuid);
    assert_eq!(second.definition.unwrap().as_str(), steps(&model).to_string());
    let models = json!([{ "name": "Detector", "version": model["version"] }]);
    let after = json!({ "pipeline": first.pipeline.0, "uuid": second.uuid, "models": models });
    assert_eq!((trace.kind.as_str(), trace.before, trace.after), ("pipeline_version", None, Some(after)));
    assert_eq!(office.versions(&office.carol, place, "valves"), [second.uuid, first.uuid]);
    let named =
        probe::rows(&office.file, "SELECT pipeline_version_id, model_name, model_uuid FROM pipeline_version_models");
    assert_eq!(named, [[json!(second.id.0), json!("Detector"), model["version"].clone()]]);

    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, create(place, "valves", &json!({}))), Action::CreatePipeline);
    assert_eq!(office.versions(&office.carol, place, "valves").len(), 2);
    hidden(&office.refusal(&office.stranger, create(place, "valves", &json!({}))));
    hidden(&office.refusal(&office.stranger, create(WorkspaceId(99), "valves", &json!({}))));
    assert_eq!(office.versions(&office.stranger, place, "valves").len(), 0);
    assert_eq!(office.versions(&office.bob, place, "pipes").len(), 0);
}

#[test]
fn a_step_names_only_model_versions_that_its_author_sees() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let hers = office.workspace(&office.carol, "pumps");
    let (_, model) = office.model(place, "valve", Some(1));
    let (_, image) = office.model(place, "image", None);
    let (_, hidden_model) = office.model(hers, "secret", Some(2));
    let with = |mut model: Value, key: &str, value: Value| {
        model[key] = value;
        create(place, "valves", &steps(&model))
    };
    let unseen = office.refusal(&office.bob, create(place, "valves", &steps(&hidden_model)));
    let absent = Uuid::from_u128(7);
    let missing = office.refusal(&office.bob, with(hidden_model.clone(), "version", json!(absent)));
    let told = |uuid: &Value| format!("model version {} does not exist", uuid.as_str().unwrap());
    assert_eq!(unseen.to_string(), told(&hidden_model["version"]));
    assert_eq!(missing.to_string(), told(&json!(absent)));
    // A wrong name or a wrong SHA-256 of something hidden says nothing else.
    let guessed = office.refusal(&office.bob, with(hidden_model.clone(), "sha", json!("0".repeat(64))));
    assert_eq!(guessed.to_string(), unseen.to_string());

    let renamed = office.refusal(&office.bob, with(model.clone(), "name", json!("pipe")));
    let place_of = "definition.steps[0].ModelInference.models[0]";
    assert_eq!(renamed.to_string(), format!("{place_of}.name: must be the name of the model of this version"));
    let forged = office.refusal(&office.bob, with(model.clone(), "sha", json!("0".repeat(64))));
    assert_eq!(forged.to_string(), format!("{place_of}.sha: must be the SHA-256 of this model version"));
    let of_image = office.refusal(&office.bob, with(image.clone(), "sha", json!("0".repeat(64))));
    assert_eq!(of_image.to_string(), forged.to_string());

    office.by(&office.bob, create(place, "valves", &steps(&model))).unwrap();
    office.by(&office.bob, create(place, "valves", &steps(&image))).unwrap();
    office.by(&office.bob, with(model, "sha", Value::Null)).unwrap();
    office.by(&office.ada, create(place, "valves", &steps(&hidden_model))).expect("an administrator sees it");
    office.join(&office.carol, hers, &office.bob, Role::Reader);
    office.by(&office.bob, create(place, "valves", &steps(&hidden_model))).expect("a reader sees it");
}

#[test]
fn a_copy_has_the_newest_definition() {
    let office = office();
    let (place, other) = (office.workspace(&office.bob, "engines"), office.workspace(&office.bob, "pumps"));
    let (_, model) = office.model(place, "valve", Some(1));
    office.by(&office.bob, create(place, "valves", &json!({}))).unwrap();
    let source = office.by(&office.bob, create(place, "valves", &steps(&model))).unwrap();
    let copy = move |name: &'static str, to| {
        move |tx: &Tx, actor: &Actor| pipelines::copy(tx, actor, source.pipeline, to, &named_pipeline(name))
    };
    let (made, trace) = office.change(&office.bob, "pipelines.copy", copy("copied", other));
    assert!(made.pipeline != source.pipeline && made.uuid != source.uuid);
    assert_eq!((made.workspace, made.name.as_str()), (other, "copied"));
    assert_eq!(made.definition, source.definition);
    let after = trace.after.unwrap();
    assert_eq!(
        (&after["version"]["models"][0]["name"], &after["source"]),
        (&json!("valve"), &json!(source.pipeline.0))
    );
    let taken = office.refusal(&office.bob, copy("valves", place));
    assert!(matches!(taken, Error::Conflict { what: Noun::Pipeline, .. }));

    // Somebody who sees the source but not its models cannot copy it, as they cannot create it.
    let third = office.workspace(&office.carol, "third");
    hidden(&office.refusal(&office.carol, copy("copied", third)));
    office.join(&office.bob, other, &office.carol, Role::Reader);
    let seen = made.pipeline;
    let refusal = office
        .refusal(&office.carol, move |tx, actor| pipelines::copy(tx, actor, seen, third, &named_pipeline("copied")));
    assert!(matches!(refusal, Error::NotFound { what: Noun::ModelVersion, .. }), "{refusal:?}");
    forbidden(&office.refusal(&office.carol, copy_of(seen, other)), Action::CreatePipeline);
}

fn copy_of(source: PipelineId, to: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<PipelineVersion> + Send + 'static {
    move |tx, actor| pipelines::copy(tx, actor, source, to, &named_pipeline("another"))
}

#[test]
fn owners_of_both_workspaces_move_a_pipeline() {
    let office = office();
    let (from, to) = (office.workspace(&office.bob, "engines"), office.workspace(&office.carol, "pumps"));
    let id = office.by(&office.bob, create(from, "valves", &json!({}))).unwrap().pipeline;
    hidden(&office.refusal(&office.bob, move_to(id, to)));
    hidden(&office.refusal(&office.carol, move_to(id, to)));
    office.join(&office.carol, to, &office.bob, Role::Member);
    forbidden(&office.refusal(&office.bob, move_to(id, to)), Action::DeletePipeline);
    office.join(&office.carol, to, &office.bob, Role::Owner);
    assert_eq!(office.nothing(&office.bob, move_to(id, from)), from);
    let (now, trace) = office.change(&office.bob, "pipelines.move", move_to(id, to));
    assert_eq!(now, to);
    let at = |place: WorkspaceId| json!({ "workspace": place.0, "name": "valves", "visibility": "private" });
    assert_eq!((trace.before, trace.after), (Some(at(from)), Some(at(to))));
    assert_eq!(office.versions(&office.carol, to, "valves").len(), 1);
    assert_eq!(office.versions(&office.bob, from, "valves").len(), 0);

    office.by(&office.bob, create(from, "valves", &json!({}))).unwrap();
    assert!(matches!(office.refusal(&office.bob, move_to(id, from)), Error::Conflict { what: Noun::Pipeline, .. }));
    hidden(&office.refusal(&office.bob, move_to(id, WorkspaceId(99))));
    hidden(&office.refusal(&office.bob, move_to(PipelineId(99), from)));
}

#[test]
fn a_pipeline_stays_in_its_organization() {
    let office = office();
    let home = office.workspace(&office.ada, "engines");
    let guild = office
        .by(&office.ada, |tx, actor| {
            let name = OrganizationName::parse("guild").unwrap();
            let new = NewOrganization { name, description: Description::default() };
            let organization = organizations::create(tx, actor, &new)?;
            let new = NewWorkspace { organization: Some(organization.id), ..called("hall") };
            crate::app::workspaces::create(tx, actor, &new)
        })
        .unwrap();
    let id = office.by(&office.ada, create(home, "valves", &json!({}))).unwrap().pipeline;
    refused(&office.refusal(&office.ada, move_to(id, guild.id)), "only within its organization");
}

#[test]
fn owners_delete_pipelines_and_versions() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let first = office.by(&office.carol, create(place, "valves", &json!({}))).unwrap();
    let second = office.by(&office.carol, create(place, "valves", &json!({}))).unwrap();
    let delete_versions = |uuids: &[Uuid]| {
        let uuids: BTreeSet<_> = uuids.iter().copied().collect();
        move |tx: &Tx, actor: &Actor| pipelines::delete_versions(tx, actor, &uuids)
    };
    let delete = move |tx: &Tx, actor: &Actor| pipelines::delete(tx, actor, place, "valves");
    forbidden(&office.refusal(&office.carol, delete_versions(&[first.uuid])), Action::DeletePipeline);
    forbidden(&office.refusal(&office.carol, delete), Action::DeletePipeline);
    hidden(&office.refusal(&office.stranger, delete_versions(&[first.uuid])));
    hidden(&office.refusal(&office.stranger, delete));
    // All or none.
    hidden(&office.refusal(&office.bob, delete_versions(&[first.uuid, Uuid::from_u128(7)])));
    let many: Vec<_> = (0..101).map(Uuid::from_u128).collect();
    let told = office.refusal(&office.bob, delete_versions(&many)).to_string();
    assert_eq!(told, "at most 100 versions can be deleted at once");
    let ((), trace) = office.change(&office.bob, "pipelines.delete_version", delete_versions(&[first.uuid]));
    assert_eq!(trace.before, Some(json!({ "pipeline": first.pipeline.0, "uuid": first.uuid })));
    assert_eq!(office.versions(&office.bob, place, "valves"), [second.uuid]);
    office.nothing(&office.bob, delete_versions(&[]));

    // A pipeline stays without versions, and gets another.
    office.change(&office.bob, "pipelines.delete_version", delete_versions(&[second.uuid]));
    assert_eq!(office.pipelines(&office.bob, &PipelineFilter::default()), ["valves"]);
    let third = office.by(&office.carol, create(place, "valves", &json!({}))).unwrap();
    assert_eq!(third.pipeline, first.pipeline);
    office.change(&office.bob, "pipelines.delete", delete);
    assert!(probe::rows(&office.file, "SELECT id FROM pipeline_versions").is_empty());
    hidden(&office.refusal(&office.bob, delete));
}

#[test]
fn nothing_of_an_archived_workspace_changes() {
    let office = office();
    let (place, open) = (office.workspace(&office.bob, "engines"), office.workspace(&office.bob, "pumps"));
    let made = office.by(&office.bob, create(place, "valves", &json!({}))).unwrap();
    let other = office.by(&office.bob, create(open, "pipes", &json!({}))).unwrap();
    probe::execute(&office.file, &format!("UPDATE workspaces SET archived = 1 WHERE id = {place}"));
    let archived = "archived, so it cannot be changed";
    let uuids = BTreeSet::from([made.uuid]);
    refused(&office.refusal(&office.bob, create(place, "valves", &json!({}))), archived);
    refused(&office.refusal(&office.bob, copy_of(other.pipeline, place)), archived);
    refused(&office.refusal(&office.bob, move_to(made.pipeline, open)), archived);
    refused(&office.refusal(&office.bob, move_to(other.pipeline, place)), archived);
    refused(&office.refusal(&office.bob, move |tx, a| pipelines::delete(tx, a, place, "valves")), archived);
    refused(&office.refusal(&office.bob, move |tx, a| pipelines::delete_versions(tx, a, &uuids)), archived);
    let show = move |tx: &Tx, a: &Actor| pipelines::set_visibility(tx, a, made.pipeline, Visibility::Public);
    refused(&office.refusal(&office.bob, show), archived);
    assert_eq!(office.pipelines(&office.bob, &PipelineFilter::default()), ["valves", "pipes"], "it is read");
    office.by(&office.bob, copy_of(made.pipeline, open)).expect("it is copied from");
}

#[test]
fn a_pipeline_is_shown_as_public() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let id = office.by(&office.bob, create(place, "valves", &json!({}))).unwrap().pipeline;
    let show = move |visibility| {
        move |tx: &Tx, actor: &Actor| {
            pipelines::set_visibility(tx, actor, id, visibility).map(|pipeline| pipeline.visibility)
        }
    };
    let (now, trace) = office.change(&office.bob, "pipelines.set_visibility", show(Visibility::Public));
    assert_eq!((now, &trace.after.unwrap()["visibility"]), (Visibility::Public, &json!("public")));
    office.nothing(&office.bob, show(Visibility::Public));
    hidden(&office.refusal(&office.stranger, show(Visibility::Private)));
    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, show(Visibility::Private)), Action::UpdatePipeline);
}

#[test]
fn pipelines_are_listed_where_the_actor_may_see_them() {
    let office = office();
    let (first, second) = (office.workspace(&office.bob, "engines"), office.workspace(&office.carol, "pumps"));
    for (place, name) in [(first, "valves"), (first, "pipes"), (second, "hoses")] {
        office.by(&office.ada, create(place, name, &json!({}))).unwrap();
    }
    let all = PipelineFilter::default();
    let by_id = |id| PipelineFilter { workspace: Some(id), workspace_name: None };
    let by_name = |name: &str| PipelineFilter { workspace: None, workspace_name: Some(name.to_owned()) };
    assert_eq!(office.pipelines(&office.ada, &all), ["valves", "pipes", "hoses"]);
    assert_eq!(office.pipelines(&office.bob, &all), ["valves", "pipes"]);
    assert_eq!(office.pipelines(&office.carol, &all), ["hoses"]);
    assert_eq!(office.pipelines(&office.stranger, &all), [""; 0]);
    assert_eq!(office.pipelines(&office.bob, &by_id(first)), ["valves", "pipes"]);
    assert_eq!(office.pipelines(&office.bob, &by_id(second)), [""; 0]);
    assert_eq!(office.pipelines(&office.bob, &by_id(WorkspaceId(99))), [""; 0]);
    assert_eq!(office.pipelines(&office.bob, &by_name("engines")), ["valves", "pipes"]);
    assert_eq!(office.pipelines(&office.bob, &by_name("pumps")), [""; 0]);
    assert_eq!(office.pipelines(&office.bob, &by_name("")), [""; 0]);
    let both = |id| PipelineFilter { workspace: Some(id), workspace_name: Some("engines".to_owned()) };
    assert_eq!(office.pipelines(&office.ada, &both(first)), ["valves", "pipes"]);
    assert_eq!(office.pipelines(&office.ada, &both(second)), [""; 0]);
}
