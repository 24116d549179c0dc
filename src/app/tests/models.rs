//! Models: versions, configurations, deletion and moves, and who may do each.

use serde_json::json;

use super::*;
use crate::app::models::{self, MAX_CONFIGS, MAX_DELETED};
use crate::app::{organizations, roles};
use crate::domain::arrow_schema::ArrowSchema;
use crate::domain::conversion::Conversion;
use crate::domain::ids::{ModelId, ModelVersionId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{ModelFilter, ModelName, NewModelVersion, Sha256, StoredFile, Visibility};
use crate::domain::model_settings::{BatchConfig, NewModelSettings, TensorFields};
use crate::domain::model_upload::{FileName, ImagePath, Upload};
use crate::domain::noun::Noun;
use crate::domain::organization::{NewOrganization, OrganizationName};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::pipeline::{NamedModel, NewPipelineVersion, PipelineName};
use crate::domain::role::RoleName;
use crate::domain::text::Description;

/// A schema message without fields.
const SCHEMA: &str = "/////zAAAAAQAAAAAAAKAAwABgAFAAgACgAAAAABBAAMAAAACAAIAAAABAAIAAAABAAAAAAAAAA=";

fn upload(place: WorkspaceId, name: &str) -> Upload {
    Upload {
        workspace: place,
        name: ModelName::parse(name).unwrap(),
        visibility: Visibility::Private,
        conversion: Some(Conversion::parse(JsonText::parse(r#"{"framework":"keras"}"#).unwrap()).unwrap()),
        input_schema: Some(ArrowSchema::parse(SCHEMA).unwrap()),
        output_schema: None,
        image_path: None,
    }
}

fn file(place: WorkspaceId, name: &str, sha256: u8, size: u64) -> NewModelVersion {
    let stored = StoredFile { sha256: Sha256([sha256; 32]), size };
    upload(place, name).with_file(stored, &FileName::parse("m.h5").unwrap()).unwrap()
}

fn image(place: WorkspaceId, name: &str) -> NewModelVersion {
    let path = Some(ImagePath::parse("ghcr.io/a/b:1").unwrap());
    Upload { image_path: path, ..upload(place, name) }.without_file().unwrap()
}

fn create(new: &NewModelVersion) -> impl Fn(&Tx, &Actor) -> Result<ModelVersionId> + Send + use<> + 'static {
    let new = new.clone();
    move |tx, actor| models::create_version(tx, actor, &new)
}

fn configure(
    id: ModelVersionId,
    new: &NewModelSettings,
) -> impl Fn(&Tx, &Actor) -> Result<i64> + Send + use<> + 'static {
    let new = new.clone();
    move |tx, actor| models::configure(tx, actor, id, &new).map(|config| config.id.0)
}

fn show(id: ModelVersionId, to: Visibility) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| models::set_visibility(tx, actor, id, to).map(drop)
}

fn move_to(id: ModelId, to: WorkspaceId) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| models::move_to(tx, actor, id, to)
}

fn delete(place: WorkspaceId, name: &'static str) -> impl Fn(&Tx, &Actor) -> Result<u64> + Send + 'static {
    move |tx, actor| models::delete(tx, actor, place, name)
}

fn delete_versions(uuids: &[Uuid]) -> impl Fn(&Tx, &Actor) -> Result<u64> + Send + use<> + 'static {
    let uuids = uuids.to_vec();
    move |tx, actor| models::delete_versions(tx, actor, &uuids)
}

/// A new version by its owner: its number, its UUID and its model.
fn made(office: &Office, who: &Actor, new: &NewModelVersion) -> (ModelVersionId, Uuid, ModelId) {
    let id = office.by(who, create(new)).unwrap();
    let (version, _) = office.read(|view| models::visible_version(view, who, id)).unwrap();
    (id, version.uuid, version.model)
}

/// Lets the newest version of a pipeline name versions of models.
fn pipeline(office: &Office, place: WorkspaceId, name: &str, versions: &[Uuid]) {
    let name = PipelineName::parse(name).unwrap();
    let models = versions.iter().map(|&uuid| NamedModel { name: "m".to_owned(), uuid }).collect();
    let new = NewPipelineVersion { workspace: place, name: name.clone(), definition: None, models };
    let insert = move |tx: &Tx| {
        let id = match store::pipelines::find_by_name(tx, place, name.as_str())? {
            Some(found) => found.id,
            None => store::pipelines::insert(tx, place, &name, None)?,
        };
        store::pipelines::insert_version(tx, id, &new, None).map(drop)
    };
    office.write(insert).unwrap();
}

/// The names of the models in a list, with the numbers of their versions.
fn listed(office: &Office, who: &Actor, filter: &ModelFilter) -> Vec<(String, Vec<i64>)> {
    let mut found = Vec::new();
    let list = office.read_long(|view| {
        models::list(view, who, filter, |model, workspace| {
            assert_eq!(model.workspace, workspace.id);
            let mut versions = Vec::new();
            models::for_each_version_of_visible(view, model.id, |version, config| {
                assert_eq!(config.unwrap().version, version.id);
                versions.push(version.id.0);
                Ok(())
            })?;
            found.push((model.name.as_str().to_owned(), versions));
            Ok(())
        })
    });
    list.unwrap();
    found
}

fn archive(office: &Office, place: WorkspaceId) {
    probe::execute(&office.file, &format!("UPDATE workspaces SET archived = 1 WHERE id = {place}"));
}

#[test]
fn a_version_joins_the_model_of_its_name() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let (first, trace) = office.change(&office.carol, "models.create_version", create(&file(place, "M", 7, 10)));
    let (version, _) = office.read(|view| models::visible_version(view, &office.bob, first)).unwrap();
    let after = json!({
        "workspace": place.0, "model": version.model.0, "name": "M", "uuid": version.uuid, "visibility": "private",
        "file_name": "m.h5", "sha256": "07".repeat(32), "size": 10, "image_path": null, "runtime": "flight",
    });
    assert_eq!((trace.kind.as_str(), trace.object, trace.after), ("model_version", first.to_string(), Some(after)));
    assert_eq!(version.created_by.map(|creator| creator.uuid), Some(uuid(&office.carol)));

    let (second, _) = office.change(&office.bob, "models.create_version", create(&image(place, "M")));
    let (other, _) = office.change(&office.bob, "models.create_version", create(&file(place, "m", 8, 1)));
    let all = [("M".to_owned(), vec![second.0, first.0]), ("m".to_owned(), vec![other.0])];
    assert_eq!(listed(&office, &office.carol, &ModelFilter::default()), all);
    assert_eq!(listed(&office, &office.stranger, &ModelFilter::default()), []);

    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, create(&image(place, "M"))), Action::CreateModel);
    for who in [&office.stranger, &office.carol] {
        let missing = WorkspaceId(place.0 + 1000);
        hidden(&office.refusal(who, create(&image(missing, "M"))));
    }
    hidden(&office.refusal(&office.stranger, create(&image(place, "M"))));
    archive(&office, place);
    refused(&office.refusal(&office.bob, create(&image(place, "M"))), "archived");
}

#[test]
fn a_list_is_narrowed_by_workspace_and_name() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let other = office.workspace(&office.bob, "pumps");
    let foreign = office.workspace(&office.carol, "hers");
    for (who, place, name) in [(&office.bob, place, "a"), (&office.bob, other, "a"), (&office.carol, foreign, "a")] {
        office.by(who, create(&image(place, name))).unwrap();
    }
    let count = |who: &Actor, workspace: Option<WorkspaceId>, workspace_name: Option<&str>, name: Option<&str>| {
        let text = |text: Option<&str>| text.map(str::to_owned);
        let filter = ModelFilter { workspace, workspace_name: text(workspace_name), name: text(name) };
        listed(&office, who, &filter).len()
    };
    let bob = &office.bob;
    assert_eq!(count(bob, None, None, None), 2);
    assert_eq!(count(&office.ada, None, None, Some("a")), 3);
    assert_eq!(count(bob, None, None, Some("A")), 0);
    assert_eq!(count(bob, Some(place), None, None), 1);
    assert_eq!(count(bob, None, Some("pumps"), None), 1);
    assert_eq!(count(bob, Some(other), Some("pumps"), Some("a")), 1);
    assert_eq!(count(bob, Some(place), Some("pumps"), None), 0);
    for (id, name) in [(Some(foreign), None), (None, Some("hers")), (Some(WorkspaceId(99)), None), (None, Some(""))] {
        assert_eq!(count(bob, id, name, None), 0, "{id:?} {name:?}");
    }

    let versions = |who: &Actor, id: Option<i64>, name: Option<&str>| {
        let mut found = 0;
        let list = office.read_long(|view| {
            models::list_versions(view, who, id.map(ModelId), name, |_| {
                found += 1;
                Ok(())
            })
        });
        list.unwrap();
        found
    };
    assert_eq!(versions(bob, Some(1), None), 1);
    assert_eq!(versions(bob, Some(1), Some("a")), 2, "each model is listed once");
    assert_eq!(versions(bob, Some(3), Some("b")), 0);
    assert_eq!(versions(&office.ada, Some(3), Some("b")), 1);
}

#[test]
fn a_configuration_follows_the_former_one() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    office.join(&office.bob, place, &office.carol, Role::Member);
    let (id, _, _) = made(&office, &office.bob, &file(place, "m", 7, 1));
    let fields = TensorFields::parse(vec!["tensor".to_owned()]).unwrap();
    let new = NewModelSettings {
        tensor_fields: Some(fields),
        batch_config: Some(BatchConfig::Single),
        ..NewModelSettings::default()
    };
    let (config, trace) = office.change(&office.carol, "models.configure", configure(id, &new));
    let shown =
        |config: i64, batch: Option<&str>| json!({ "config": config, "filter_threshold": null, "batch_config": batch });
    assert_eq!((trace.before, trace.after), (Some(shown(config - 1, None)), Some(shown(config, Some("single")))));
    let settings = || {
        let (_, config) = office.read(|view| models::configured_version(view, &office.bob, id)).unwrap();
        config.unwrap().settings
    };
    assert_eq!(settings().tensor_fields, Some(vec!["tensor".to_owned()]));
    assert_eq!(settings().input_schema.as_deref(), Some(SCHEMA), "the schema is about the file");
    assert_eq!(office.nothing(&office.carol, configure(id, &new)), config);

    for n in 0..MAX_CONFIGS {
        #[expect(clippy::cast_precision_loss, reason = "a small number")]
        let new = NewModelSettings { filter_threshold: Some(n as f64), ..NewModelSettings::default() };
        office.by(&office.bob, configure(id, &new)).unwrap();
    }
    let rows = probe::rows(&office.file, "SELECT count(*), min(id) FROM model_configs");
    assert_eq!(rows, [[json!(MAX_CONFIGS), json!(config + 1)]], "the oldest are gone");
    assert_eq!(settings().tensor_fields, None);

    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, configure(id, &new)), Action::UpdateModel);
    hidden(&office.refusal(&office.stranger, configure(id, &new)));
    hidden(&office.refusal(&office.bob, configure(ModelVersionId(99), &new)));
    archive(&office, place);
    refused(&office.refusal(&office.bob, configure(id, &new)), "archived");
}

#[test]
fn visibility_is_changed_once() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (id, _, _) = made(&office, &office.bob, &image(place, "m"));
    let ((), trace) = office.change(&office.bob, "models.set_visibility", show(id, Visibility::Public));
    assert_eq!(trace.after, Some(json!({ "visibility": "public" })));
    office.nothing(&office.bob, show(id, Visibility::Public));
    hidden(&office.refusal(&office.carol, show(id, Visibility::Private)));
    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, show(id, Visibility::Private)), Action::UpdateModel);
    archive(&office, place);
    refused(&office.refusal(&office.bob, show(id, Visibility::Private)), "archived");
}

#[test]
fn deleting_frees_the_files_that_no_other_version_has() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let bob = &office.bob;
    let (_, first, model) = made(&office, bob, &file(place, "m", 1, 100));
    let (_, second, _) = made(&office, bob, &file(place, "m", 2, 20));
    let (_, third, _) = made(&office, bob, &file(place, "m", 2, 20));
    made(&office, bob, &file(place, "other", 1, 100));
    made(&office, bob, &image(place, "m"));
    let size = |uuids: &[Uuid]| office.read(|view| models::size_of_versions(view, bob, uuids)).unwrap();
    assert_eq!(size(&[]), 0);
    assert_eq!(size(&[second]), 0, "the third version has the same file");
    assert_eq!(size(&[second, third, second]), 20);
    assert_eq!(size(&[first]), 0);
    assert_eq!(office.read(|view| models::size(view, bob, place, "m")).unwrap(), 20);
    let used = || probe::rows(&office.file, "SELECT file_bytes FROM organizations WHERE home = 1")[0][0].clone();
    assert_eq!(used(), 120);

    let (bytes, trace) = office.change(bob, "models.delete_version", delete_versions(&[second]));
    assert_eq!((bytes, trace.after), (0, None));
    assert_eq!(trace.before.unwrap()["uuid"], json!(second));
    let rows = office.audit().len();
    let bytes = office.by(bob, delete(place, "m")).unwrap();
    let mut traces = office.audit().split_off(rows);
    let trace = traces.pop().unwrap();
    assert!(
        traces.iter().all(|trace| trace.verb == "models.delete_version") && traces.len() == 3,
        "one for each version"
    );
    let before = json!({ "workspace": place.0, "name": "m", "versions": 3 });
    assert_eq!((bytes, trace.kind.as_str(), trace.before), (20, "model", Some(before)));
    assert_eq!((trace.object, used()), (model.to_string(), json!(100)));
    hidden(&office.refusal(bob, delete(place, "m")));
    hidden(&office.refusal(bob, delete_versions(&[first])));
}

#[test]
fn a_model_is_deleted_with_its_last_version() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (_, first, _) = made(&office, &office.bob, &image(place, "m"));
    let (_, second, model) = made(&office, &office.bob, &image(place, "m"));
    let before = office.audit().len();
    office.by(&office.bob, delete_versions(&[first, second])).unwrap();
    let verbs: Vec<_> = office.audit().split_off(before).into_iter().map(|trace| trace.verb).collect();
    assert_eq!(verbs, ["models.delete_version", "models.delete_version", "models.delete"]);
    hidden(&office.read(|view| models::visible(view, &office.bob, model)).unwrap_err());
}

#[test]
fn only_owners_delete_and_nothing_is_deleted_by_halves() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let hers = office.workspace(&office.carol, "hers");
    let (_, mine, _) = made(&office, &office.bob, &image(place, "m"));
    let (_, foreign, _) = made(&office, &office.carol, &image(hers, "m"));
    office.join(&office.bob, place, &office.carol, Role::Member);
    forbidden(&office.refusal(&office.carol, delete(place, "m")), Action::DeleteModel);
    forbidden(&office.refusal(&office.carol, delete_versions(&[foreign, mine])), Action::DeleteModel);
    hidden(&office.refusal(&office.bob, delete_versions(&[mine, foreign])));
    hidden(&office.refusal(&office.bob, delete(hers, "m")));
    hidden(&office.refusal(&office.stranger, delete(place, "m")));
    forbidden(&office.read(|view| models::size(view, &office.carol, place, "m")).unwrap_err(), Action::DeleteModel);
    hidden(&office.read(|view| models::size_of_versions(view, &office.bob, &[foreign])).unwrap_err());
    let many = vec![mine; MAX_DELETED + 1];
    assert!(matches!(office.refusal(&office.bob, delete_versions(&many)), Error::Invalid { .. }));
    archive(&office, place);
    refused(&office.refusal(&office.bob, delete(place, "m")), "archived");
    refused(&office.refusal(&office.bob, delete_versions(&[mine])), "archived");
}

#[test]
fn what_the_newest_version_of_a_pipeline_names_is_in_use() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let other = office.workspace(&office.bob, "pumps");
    let (_, first, _) = made(&office, &office.bob, &image(place, "m"));
    let (_, second, _) = made(&office, &office.bob, &image(place, "m"));
    // A pipeline of another workspace, and a former version, do not prevent it.
    pipeline(&office, other, "elsewhere", &[first, second]);
    pipeline(&office, place, "fraud", &[first, second]);
    pipeline(&office, place, "fraud", &[second]);
    let in_use = |error: &Error, text: &str| {
        assert!(matches!(error, Error::InUse { what: Noun::ModelVersion, .. }), "{error:?}");
        assert!(error.to_string().starts_with(&format!("model version {second} is in use by {text};")), "{error}");
    };
    in_use(&office.refusal(&office.bob, delete(place, "m")), "the pipeline fraud");
    in_use(&office.refusal(&office.bob, delete_versions(&[first, second])), "the pipeline fraud");
    in_use(&office.read(|view| models::size(view, &office.bob, place, "m")).unwrap_err(), "the pipeline fraud");
    office.change(&office.bob, "models.delete_version", delete_versions(&[first]));

    // Somebody who may not see pipelines does not learn its name.
    let permissions = [Permission::SPACE_READ, Permission::ML_MODEL_READ, Permission::ML_MODEL_DELETE];
    let new = roles::NewRole {
        name: RoleName::parse("keeper").unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(&permissions),
    };
    let keeper = office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id;
    office.join(&office.bob, place, &office.carol, Role::Custom(keeper));
    in_use(&office.refusal(&office.carol, delete(place, "m")), "a pipeline");
    pipeline(&office, place, "fraud", &[]);
    office.by(&office.carol, delete(place, "m")).unwrap();
}

#[test]
fn a_model_moves_between_workspaces_of_its_owner() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let target = office.workspace(&office.bob, "pumps");
    let hers = office.workspace(&office.carol, "hers");
    let (version, _, id) = made(&office, &office.bob, &file(place, "m", 1, 5));
    let ((), trace) = office.change(&office.bob, "models.move", move_to(id, target));
    assert_eq!(trace.after, Some(json!({ "workspace": target.0 })));
    office.nothing(&office.bob, move_to(id, target));
    let found = office.read(|view| models::visible_version(view, &office.bob, version)).unwrap();
    assert_eq!(found.0.workspace, target);

    hidden(&office.refusal(&office.bob, move_to(id, hers)));
    hidden(&office.refusal(&office.carol, move_to(id, hers)));
    office.join(&office.carol, hers, &office.bob, Role::Member);
    forbidden(&office.refusal(&office.bob, move_to(id, hers)), Action::DeleteModel);
    office.join(&office.bob, target, &office.carol, Role::Member);
    forbidden(&office.refusal(&office.carol, move_to(id, hers)), Action::DeleteModel);
    made(&office, &office.bob, &image(place, "m"));
    let taken = office.refusal(&office.bob, move_to(id, place));
    assert!(matches!(taken, Error::Conflict { what: Noun::Model, .. }), "{taken:?}");

    let new = NewOrganization { name: OrganizationName::parse("Works").unwrap(), description: Description::default() };
    let works = office.by(&office.ada, move |tx, actor| organizations::create(tx, actor, &new)).unwrap().id;
    let new = NewWorkspace { organization: Some(works), ..called("den") };
    let den = office.by(&office.ada, move |tx, actor| crate::app::workspaces::create(tx, actor, &new)).unwrap().id;
    refused(&office.refusal(&office.ada, move_to(id, den)), "same organization");
    let free = office.workspace(&office.bob, "free");
    archive(&office, free);
    refused(&office.refusal(&office.bob, move_to(id, free)), "archived");
    archive(&office, target);
    refused(&office.refusal(&office.bob, move_to(id, place)), "archived");
}

#[test]
fn a_file_of_which_the_workspace_is_unknown_yet_is_received_from_those_who_may_upload_somewhere() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let may = |who: &Actor| office.read(|view| models::require_upload_somewhere(view, who)).is_ok();
    assert!(may(&office.bob) && may(&office.ada) && may(&Actor::operator()));
    for who in [&office.carol, &office.stranger, &Actor::nobody(origin())] {
        assert!(!may(who));
    }
    office.join(&office.bob, place, &office.carol, Role::Reader);
    assert!(!may(&office.carol));
    office.join(&office.bob, place, &office.carol, Role::Member);
    assert!(may(&office.carol));
}
