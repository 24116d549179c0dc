//! Tags of workspaces and of the home organization, and what they are attached to.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::app::roles::{self, NewRole};
use crate::app::{bindings, models, organizations, pipelines, projects, tags, workspaces};
use crate::domain::field::Field;
use crate::domain::ids::{ModelId, ModelVersionId, OrganizationId, PipelineId, ProjectId, TagId};
use crate::domain::noun::Noun;
use crate::domain::organization::{NewOrganization, OrganizationName};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::ProjectName;
use crate::domain::role::{Resource, RoleName};
use crate::domain::tag::{MAX_ATTACHED, NewTag, Tag, TagChange, TagColor, TagName};
use crate::domain::text::Description;

fn name(text: &str) -> TagName {
    TagName::parse(text).unwrap()
}

fn create(place: WorkspaceId, text: &str) -> impl Fn(&Tx, &Actor) -> Result<Tag> + Send + 'static {
    let new = NewTag {
        workspace: place,
        name: name(text),
        description: Some(Description::parse("of use").unwrap()),
        color: Some(TagColor::Green),
    };
    move |tx, actor| tags::create(tx, actor, &new)
}

fn create_shared(text: &str) -> impl Fn(&Tx, &Actor) -> Result<Tag> + Send + 'static {
    let name = name(text);
    move |tx, actor| tags::create_shared(tx, actor, &name)
}

fn rename(id: TagId, text: &str) -> impl Fn(&Tx, &Actor) -> Result<Tag> + Send + 'static {
    let change = TagChange { name: Some(name(text)), ..TagChange::default() };
    move |tx, actor| tags::change(tx, actor, id, &change)
}

fn delete(id: TagId) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| tags::delete(tx, actor, id)
}

fn attach(project: ProjectId, of: &[TagId]) -> impl Fn(&Tx, &Actor) -> Result<Vec<Tag>> + Send + 'static {
    let of = of.to_vec();
    move |tx, actor| tags::attach_to_project(tx, actor, project, &of)
}

fn detach(project: ProjectId, of: &[TagId]) -> impl Fn(&Tx, &Actor) -> Result<Vec<TagId>> + Send + 'static {
    let of = of.to_vec();
    move |tx, actor| tags::detach_from_project(tx, actor, project, &of)
}

impl Office {
    fn project(&self, who: &Actor, place: WorkspaceId) -> ProjectId {
        let name = ProjectName::parse("valves").unwrap();
        self.by(who, move |tx, actor| projects::create(tx, actor, place, &name)).unwrap().id
    }

    /// A version of a model and a pipeline of a workspace.
    pub(super) fn contents(&self, place: WorkspaceId) -> (ModelVersionId, PipelineId) {
        let (place, uuid) = (place.0, Uuid::new_v4());
        for sql in [
            format!(
                "INSERT INTO models (workspace_id, name, created_at, updated_at) VALUES ({place}, 'm', 1, 1)"
            ),
            format!(
                "INSERT INTO model_versions (model_id, organization_id, uuid, visibility, size, file_name, created_at, updated_at)
                 SELECT max(m.id), max(w.organization_id), '{uuid}', 'private', 0, '', 1, 1
                 FROM models m JOIN workspaces w ON w.id = m.workspace_id WHERE w.id = {place}"
            ),
            format!(
                "INSERT INTO pipelines (workspace_id, name, created_at, updated_at) VALUES ({place}, 'p', 1, 1)"
            ),
        ] {
            probe::execute(&self.file, &sql);
        }
        let id = |sql: &str| probe::rows(&self.file, sql)[0][0].as_i64().unwrap();
        (ModelVersionId(id("SELECT max(id) FROM model_versions")), PipelineId(id("SELECT max(id) FROM pipelines")))
    }

    fn archive(&self, place: WorkspaceId, archived: bool) {
        probe::execute(
            &self.file,
            &format!("UPDATE workspaces SET archived = {} WHERE id = {}", u8::from(archived), place.0),
        );
    }

    fn tags_of(&self, who: &Actor, project: ProjectId) -> Vec<String> {
        let tags = self.read(|view| tags::of_project(view, who, project)).unwrap();
        tags.iter().map(|tag| tag.name.as_str().to_owned()).collect()
    }
}

#[test]
fn members_write_the_tags_of_a_workspace_and_owners_delete_them() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    hidden(&office.refusal(&office.carol, create(place, "live")));
    office.join(&office.bob, place, &office.carol, Role::Member);
    let (tag, trace) = office.change(&office.carol, "tags.create", create(place, "live"));
    let made = |name: &str| json!({ "organization": 1, "workspace": place.0, "name": name, "description": "of use", "color": "green" });
    assert_eq!((trace.kind.as_str(), trace.before, trace.after), ("tag", None, Some(made("live"))));
    assert_eq!((tag.workspace, tag.color, tag.created_at), (Some(place), Some(TagColor::Green), tag.updated_at));
    for taken in ["live", "LIVE"] {
        let error = office.refusal(&office.bob, create(place, taken));
        assert!(matches!(error, Error::Conflict { what: Noun::Tag, .. }), "{error:?}");
    }
    let id = tag.id;
    let (renamed, trace) = office.change(&office.carol, "tags.change", rename(id, "Live"));
    assert_eq!((trace.before, trace.after), (Some(made("live")), Some(made("Live"))));
    assert!(renamed.updated_at > renamed.created_at);
    office.nothing(&office.carol, rename(id, "Live"));
    let clear = TagChange { name: None, description: Some(None), color: Some(None) };
    let (cleared, _) = office.change(&office.carol, "tags.change", move |tx, a| tags::change(tx, a, id, &clear));
    assert_eq!((cleared.description, cleared.color), (None, None));
    let second = office.by(&office.bob, create(place, "idle")).unwrap();
    let error = office.refusal(&office.bob, rename(second.id, "live"));
    assert!(matches!(error, Error::Conflict { what: Noun::Tag, .. }), "{error:?}");
    forbidden(&office.refusal(&office.carol, delete(id)), Action::DeleteTag);

    office.join(&office.bob, place, &office.carol, Role::Reader);
    office.read(|view| tags::visible(view, &office.carol, id)).expect("readers read");
    forbidden(&office.refusal(&office.carol, create(place, "more")), Action::CreateTag);
    forbidden(&office.refusal(&office.carol, rename(id, "more")), Action::UpdateTag);
    for who in [&office.stranger, &Actor::nobody(origin())] {
        hidden(&office.read(|view| tags::visible(view, who, id)).unwrap_err());
        hidden(&office.refusal(who, create(place, "more")));
        hidden(&office.refusal(who, rename(id, "more")));
        hidden(&office.refusal(who, delete(id)));
    }
    office.archive(place, true);
    refused(&office.refusal(&office.bob, create(place, "more")), "archived");
    refused(&office.refusal(&office.bob, rename(id, "more")), "archived");
    refused(&office.refusal(&office.bob, delete(id)), "archived");
    office.archive(place, false);
    let ((), trace) = office.change(&office.bob, "tags.delete", delete(id));
    assert_eq!((trace.object, trace.after), (id.to_string(), None));
    hidden(&office.refusal(&office.bob, delete(id)));
}

#[test]
fn a_named_role_with_the_permission_deletes_tags() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let id = office.by(&office.bob, create(place, "live")).unwrap().id;
    let permissions = [Permission::SPACE_READ, Permission::TAG_READ, Permission::TAG_DELETE];
    let role = NewRole {
        name: RoleName::parse("cleaner").unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(&permissions),
    };
    let role = office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &role)).unwrap().id;
    let carol = named(&office.carol);
    let bind =
        move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, role, &carol, Resource::Workspace(place)).map(drop);
    office.by(&office.bob, bind).unwrap();
    forbidden(&office.refusal(&office.carol, rename(id, "more")), Action::UpdateTag);
    office.change(&office.carol, "tags.delete", delete(id));
}

#[test]
fn a_project_has_the_tags_of_its_workspace() {
    let office = office();
    let (place, other) = (office.workspace(&office.bob, "engines"), office.workspace(&office.bob, "boats"));
    let project = office.project(&office.bob, place);
    let [one, two] = ["one", "two"].map(|text| office.by(&office.bob, create(place, text)).unwrap().id);
    let (_, trace) = office.change(&office.bob, "tags.attach", attach(project, &[one, two, one]));
    assert_eq!((trace.kind.as_str(), trace.object), ("project", project.to_string()));
    assert_eq!((trace.before, trace.after), (None, Some(json!({ "tags": [one.0, two.0] }))));
    office.nothing(&office.bob, attach(project, &[two]));
    assert_eq!(office.tags_of(&office.bob, project), ["two", "one"]);
    office.by(&office.bob, rename(one, "uno")).unwrap();
    assert_eq!(office.tags_of(&office.bob, project), ["uno", "two"], "the last updated is first");

    let elsewhere = office.by(&office.bob, create(other, "far")).unwrap().id;
    let error = office.refusal(&office.bob, attach(project, &[two, elsewhere]));
    assert!(matches!(error, Error::Invalid { field: Field::Tag, .. }), "{error:?}");
    assert!(error.to_string().contains("must belong to the workspace of what is tagged"), "{error}");
    let shared = office.by(&office.bob, create_shared("all")).unwrap().id;
    hidden(&office.refusal(&office.bob, attach(project, &[shared])));
    hidden(&office.refusal(&office.bob, rename(shared, "none")));
    hidden(&office.refusal(&office.bob, delete(shared)));
    hidden(&office.refusal(&office.bob, attach(project, &[TagId(-1)])));
    hidden(&office.refusal(&office.carol, attach(project, &[one])));
    hidden(&office.refusal(&office.carol, detach(project, &[one])));
    hidden(&office.read(|view| tags::of_project(view, &office.carol, project)).unwrap_err());
    office.join(&office.bob, place, &office.carol, Role::Reader);
    assert_eq!(office.tags_of(&office.carol, project).len(), 2);
    forbidden(&office.refusal(&office.carol, attach(project, &[one])), Action::UpdateProject);
    forbidden(&office.refusal(&office.carol, detach(project, &[one])), Action::UpdateProject);
    office.join(&office.bob, place, &office.carol, Role::Member);
    hidden(&office.refusal(&office.carol, attach(project, &[elsewhere])));

    office.archive(place, true);
    refused(&office.refusal(&office.bob, attach(project, &[one])), "archived");
    refused(&office.refusal(&office.bob, detach(project, &[one])), "archived");
    office.archive(place, false);
    let (gone, trace) = office.change(&office.carol, "tags.detach", detach(project, &[two, elsewhere, TagId(-1)]));
    assert_eq!((gone, trace.before, trace.after), (vec![two], Some(json!({ "tags": [two.0] })), None));
    assert_eq!(office.nothing(&office.carol, detach(project, &[two])), []);
    office.change(&office.bob, "tags.delete", delete(one));
    assert_eq!(office.tags_of(&office.bob, project), [""; 0], "a deleted tag is detached");
}

#[test]
fn versions_and_pipelines_have_tags_of_their_workspace_and_organization() {
    let office = office();
    let (place, other) = (office.workspace(&office.bob, "engines"), office.workspace(&office.bob, "boats"));
    let (version, pipeline) = office.contents(place);
    let first = office.change(&office.bob, "tags.create", create_shared("live")).0;
    let second = office.by(&office.carol, create_shared("live")).expect("each call makes another tag");
    assert_ne!(first.id, second.id);
    assert_eq!((first.organization, first.workspace), (OrganizationId(1), None));
    let near = office.by(&office.bob, create(place, "near")).unwrap().id;
    let far = office.by(&office.bob, create(other, "far")).unwrap().id;

    let to_version = |tag| move |tx: &Tx, a: &Actor| tags::attach_to_model_version(tx, a, version, tag);
    let from_version = |tag| move |tx: &Tx, a: &Actor| tags::detach_from_model_version(tx, a, version, tag);
    let to_pipeline = |tag| move |tx: &Tx, a: &Actor| tags::attach_to_pipeline(tx, a, pipeline, tag);
    let from_pipeline = |tag| move |tx: &Tx, a: &Actor| tags::detach_from_pipeline(tx, a, pipeline, tag);
    for tag in [first.id, near] {
        let ((), trace) = office.change(&office.bob, "tags.attach", to_version(tag));
        assert_eq!((trace.kind.as_str(), trace.object), ("model_version", version.to_string()));
        office.nothing(&office.bob, to_version(tag));
        let (attached, trace) = office.change(&office.bob, "tags.attach", to_pipeline(tag));
        assert_eq!((trace.kind.as_str(), trace.object), ("pipeline", pipeline.to_string()));
        assert_eq!(office.nothing(&office.bob, to_pipeline(tag)), attached);
        assert_eq!((attached.pipeline, attached.tag), (pipeline, tag));
    }
    for error in [office.refusal(&office.bob, to_version(far)), office.refusal(&office.bob, to_pipeline(far))] {
        assert!(matches!(error, Error::Invalid { field: Field::Tag, .. }), "{error:?}");
    }
    for who in [&office.carol, &office.stranger] {
        hidden(&office.refusal(who, to_version(first.id)));
        hidden(&office.refusal(who, to_pipeline(first.id)));
        hidden(&office.refusal(who, from_version(first.id)));
        hidden(&office.refusal(who, from_pipeline(first.id)));
    }
    hidden(&office.refusal(&office.bob, to_version(TagId(-1))));
    hidden(&office.refusal(&office.stranger, create_shared("live")));
    office.join(&office.bob, place, &office.carol, Role::Reader);
    forbidden(&office.refusal(&office.carol, to_version(first.id)), Action::UpdateModel);
    forbidden(&office.refusal(&office.carol, from_version(first.id)), Action::UpdateModel);
    forbidden(&office.refusal(&office.carol, to_pipeline(first.id)), Action::UpdatePipeline);
    forbidden(&office.refusal(&office.carol, from_pipeline(first.id)), Action::UpdatePipeline);
    office.archive(place, true);
    refused(&office.refusal(&office.bob, to_version(second.id)), "archived");
    refused(&office.refusal(&office.bob, from_version(first.id)), "archived");
    refused(&office.refusal(&office.bob, to_pipeline(second.id)), "archived");
    refused(&office.refusal(&office.bob, from_pipeline(first.id)), "archived");
    office.archive(place, false);

    let (was, trace) = office.change(&office.bob, "tags.detach", from_version(near));
    assert_eq!((was, trace.before, trace.after), (true, Some(json!({ "tags": [near.0] })), None));
    assert!(!office.nothing(&office.bob, from_version(near)));
    assert!(office.change(&office.bob, "tags.detach", from_pipeline(near)).0.is_some());
    assert_eq!(office.nothing(&office.bob, from_pipeline(near)), None);
}

#[test]
fn what_moves_to_another_workspace_leaves_the_tags_of_the_former_one() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (version, pipeline) = office.contents(place);
    let shared = office.by(&office.bob, create_shared("shared")).unwrap().id;
    let local = office.by(&office.bob, create(place, "local")).unwrap().id;
    let tie = move |tx: &Tx, actor: &Actor| {
        for tag in [shared, local] {
            tags::attach_to_model_version(tx, actor, version, tag)?;
            tags::attach_to_pipeline(tx, actor, pipeline, tag)?;
        }
        Ok(())
    };
    office.by(&office.bob, tie).unwrap();
    let model = ModelId(probe::rows(&office.file, "SELECT max(id) FROM models")[0][0].as_i64().unwrap());
    let other = office.workspace(&office.bob, "wheels");
    office.by(&office.bob, move |tx, actor| models::move_to(tx, actor, model, other)).unwrap();
    office.by(&office.bob, move |tx, actor| pipelines::move_to(tx, actor, pipeline, other)).unwrap();
    let of_version = office.read(|view| store::tags::of_model_version(view, version)).unwrap();
    let of_pipeline = office.read(|view| store::tags::of_pipeline(view, pipeline)).unwrap();
    assert_eq!(of_version.iter().map(|tag| tag.id).collect::<Vec<_>>(), [shared]);
    assert_eq!(of_pipeline.iter().map(|(_, tag)| tag.id).collect::<Vec<_>>(), [shared]);
}

#[test]
fn the_number_of_tags_of_an_object_is_bounded() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let (version, pipeline) = office.contents(place);
    let project = office.project(&office.bob, place);
    let ids: Vec<_> =
        (0..=MAX_ATTACHED).map(|n| office.by(&office.bob, create(place, &n.to_string())).unwrap().id).collect();
    let (last, rest) = ids.split_last().unwrap();
    for tag in rest.iter().copied() {
        office
            .by(&office.bob, move |tx, a| {
                tags::attach_to_model_version(tx, a, version, tag)?;
                tags::attach_to_pipeline(tx, a, pipeline, tag)
            })
            .unwrap();
    }
    office.by(&office.bob, attach(project, rest)).unwrap();
    let last = *last;
    refused(&office.refusal(&office.bob, attach(project, &[last])), "100");
    refused(&office.refusal(&office.bob, move |tx, a| tags::attach_to_model_version(tx, a, version, last)), "100");
    refused(&office.refusal(&office.bob, move |tx, a| tags::attach_to_pipeline(tx, a, pipeline, last)), "100");
}

/// The tables with a row that is about tags or what they are attached to.
fn tables_with_rows(office: &Office) -> BTreeSet<&'static str> {
    let tables = [
        "tags",
        "model_version_tags",
        "pipeline_tags",
        "project_tags",
        "models",
        "model_versions",
        "pipelines",
        "projects",
        "connection_workspaces",
    ];
    let has_rows = |table: &&str| !probe::rows(&office.file, &format!("SELECT 1 FROM {table} LIMIT 1")).is_empty();
    tables.into_iter().filter(has_rows).collect()
}

#[test]
fn a_deleted_workspace_or_organization_leaves_nothing_of_its_contents() {
    let office = office();
    let new = NewOrganization { name: OrganizationName::parse("Yard").unwrap(), description: Description::default() };
    for whole_organization in [false, true] {
        let new = new.clone();
        let yard = office.by(&office.ada, move |tx, actor| organizations::create(tx, actor, &new)).unwrap().id;
        let mut den = called("den");
        den.organization = Some(yard);
        let place = office.by(&office.ada, move |tx, actor| workspaces::create(tx, actor, &den)).unwrap().id;
        let (version, pipeline) = office.contents(place);
        let project = office.project(&office.ada, place);
        let tag = office.by(&office.ada, create(place, "live")).unwrap().id;
        let tie = move |tx: &Tx, actor: &Actor| {
            tags::attach_to_model_version(tx, actor, version, tag)?;
            tags::attach_to_pipeline(tx, actor, pipeline, tag)?;
            tags::attach_to_project(tx, actor, project, &[tag])
        };
        office.by(&office.ada, tie).unwrap();
        let uuids = [Uuid::new_v4(), Uuid::new_v4()];
        probe::execute(
            &office.file,
            &format!(
                "INSERT INTO connections (uuid, name, kind, sealed, created_at) VALUES ('{}', '{}', 'k', x'00', 1)",
                uuids[0], uuids[0]
            ),
        );
        probe::execute(
            &office.file,
            &format!(
                "INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
                 SELECT '{}', max(id), {}, 1 FROM connections",
                uuids[1], place.0
            ),
        );
        assert_eq!(tables_with_rows(&office).len(), 9);
        if whole_organization {
            office.by(&office.ada, move |tx, actor| organizations::delete(tx, actor, yard)).unwrap();
        } else {
            office.by(&office.ada, move |tx, actor| workspaces::delete(tx, actor, place)).unwrap();
            assert_eq!(tables_with_rows(&office), BTreeSet::new());
            office.by(&office.ada, move |tx, actor| organizations::delete(tx, actor, yard)).unwrap();
        }
        assert_eq!(tables_with_rows(&office), BTreeSet::new());
    }
}

#[test]
fn a_tag_of_the_organization_is_deleted_by_its_creator_and_by_admins() {
    let office = office();
    let made = |who: &Actor| office.by(who, create_shared("shared")).unwrap().id;
    let delete = |id| move |tx: &Tx, actor: &Actor| tags::delete_shared(tx, actor, id);
    let (first, second) = (made(&office.bob), made(&office.bob));
    forbidden(&office.refusal(&office.carol, delete(first)), Action::DeleteSharedTag);
    hidden(&office.refusal(&office.stranger, delete(first)));
    office.change(&office.bob, "tags.delete", delete(first));
    office.change(&office.ada, "tags.delete", delete(second));
    hidden(&office.refusal(&office.ada, delete(second)));
    let place = office.workspace(&office.bob, "engines");
    let local = office.by(&office.bob, create(place, "local")).unwrap().id;
    refused(&office.refusal(&office.bob, delete(local)), "belongs to a");
}

#[test]
fn a_role_that_reads_projects_and_no_tags_sees_no_tags_of_a_project() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let project = office.project(&office.bob, place);
    let tag = office.by(&office.bob, create(place, "secret")).unwrap().id;
    office.by(&office.bob, move |tx, actor| tags::attach_to_project(tx, actor, project, &[tag])).unwrap();
    office.join(&office.bob, place, &office.carol, Role::Reader);
    let shown = |who: &Actor| office.read(|view| tags::of_project(view, who, project)).unwrap().len();
    assert_eq!((shown(&office.bob), shown(&office.carol)), (1, 1));
    let carol = office.carol.user().unwrap();
    probe::execute(&office.file, &format!("UPDATE members SET role = 'annotator' WHERE user_id = {carol}"));
    assert_eq!(shown(&office.carol), 0);
}
