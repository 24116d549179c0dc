//! The verbs obey the policy: what it hides they do not find, and what it forbids they say is forbidden.

use std::collections::BTreeSet;

use super::*;
use crate::app::{connections, members, models, pipelines, tags, users, workspaces};
use crate::domain::connection::{ConnectionDetails, ConnectionKind, ConnectionName, NewConnection};
use crate::domain::ids::{ModelId, ModelVersionId, PipelineId, TagId};
use crate::domain::model::{ModelName, ModelSettings, NewModelVersion, Runtime, Visibility};
use crate::domain::model_settings::NewModelSettings;
use crate::domain::pipeline::PipelineName;
use crate::domain::tag::{NewTag, TagChange, TagName};
use crate::domain::user::UserChange;
use crate::policy::{Account, Decision, Standing, decide};

/// A write to be tried by somebody.
pub(super) type Try = Box<dyn Fn(&Tx, &Actor) -> Result<()> + Send>;

/// A version of a model without a file.
pub(super) fn model(place: WorkspaceId) -> NewModelVersion {
    NewModelVersion {
        workspace: place,
        name: ModelName::parse("valve").unwrap(),
        visibility: Visibility::Private,
        file: None,
        file_name: String::new(),
        image_path: Some("ghcr.io/valve".to_owned()),
        conversion: None,
        settings: ModelSettings::new(Runtime::Mlflow),
    }
}

fn outcome_of<T>(answer: &Result<T>) -> Decision {
    match answer {
        Err(Error::NotFound { .. }) => Decision::Hidden,
        Err(Error::Forbidden { .. }) => Decision::Forbidden,
        _ => Decision::Allowed,
    }
}

/// The writes about a pipeline with one version, in the first of these workspaces.
pub(super) fn of_pipelines(id: PipelineId, version: Uuid, [place, other]: [WorkspaceId; 2]) -> Vec<(Action, Try)> {
    let name = PipelineName::parse("pipes").unwrap();
    let versions = BTreeSet::from([version]);
    vec![
        (
            Action::CreatePipeline,
            Box::new(move |tx, actor| pipelines::create(tx, actor, place, &name, (None, "definition")).map(drop)),
        ),
        (
            Action::UpdatePipeline,
            Box::new(move |tx, actor| pipelines::set_visibility(tx, actor, id, Visibility::Public).map(drop)),
        ),
        (Action::DeletePipeline, Box::new(move |tx, actor| pipelines::move_to(tx, actor, id, other).map(drop))),
        (Action::DeletePipeline, Box::new(move |tx, actor| pipelines::delete(tx, actor, place, "valves"))),
        (Action::DeletePipeline, Box::new(move |tx, actor| pipelines::delete_versions(tx, actor, &versions))),
    ]
}

/// The writes about a model with one version, in the first of these workspaces.
pub(super) fn of_models(id: ModelId, version: ModelVersionId, [place, other]: [WorkspaceId; 2]) -> Vec<(Action, Try)> {
    vec![
        (Action::CreateModel, Box::new(move |tx, actor| models::create_version(tx, actor, &model(place)).map(drop))),
        (
            Action::UpdateModel,
            Box::new(move |tx, actor| models::set_visibility(tx, actor, version, Visibility::Public).map(drop)),
        ),
        (
            Action::UpdateModel,
            Box::new(move |tx, actor| models::configure(tx, actor, version, &NewModelSettings::default()).map(drop)),
        ),
        (Action::DeleteModel, Box::new(move |tx, actor| models::delete(tx, actor, place, "valve").map(drop))),
        (Action::DeleteModel, Box::new(move |tx, actor| models::move_to(tx, actor, id, other))),
    ]
}

/// The writes about a tag of a workspace, and new tags.
pub(super) fn of_tags(id: TagId, new: &NewTag) -> Vec<(Action, Try)> {
    let (new, name) = (new.clone(), new.name.clone());
    vec![
        (Action::CreateTag, Box::new(move |tx, actor| tags::create(tx, actor, &new).map(drop))),
        (Action::UpdateTag, Box::new(move |tx, actor| tags::change(tx, actor, id, &TagChange::default()).map(drop))),
        (Action::DeleteTag, Box::new(move |tx, actor| tags::delete(tx, actor, id))),
        (Action::CreateSharedTag, Box::new(move |tx, actor| tags::create_shared(tx, actor, &name).map(drop))),
    ]
}

pub(super) fn connection(name: &str) -> NewConnection {
    NewConnection {
        name: ConnectionName::parse(name).unwrap(),
        kind: ConnectionKind::parse("HTTP").unwrap(),
        details: ConnectionDetails::parse("{}").unwrap(),
    }
}

/// A new connection, and a link of an own or a linked one to this workspace.
pub(super) fn of_connections(place: WorkspaceId, linked: Uuid) -> Vec<(Action, Try)> {
    vec![
        (
            Action::CreateConnection,
            Box::new(|tx, actor| {
                connections::create_sealed(tx, actor, Uuid::new_v4(), &connection("another"), b"sealed").map(drop)
            }),
        ),
        (
            Action::LinkConnection,
            Box::new(move |tx, actor| {
                let own = connections::create_sealed(tx, actor, Uuid::new_v4(), &connection("own"), b"sealed");
                let own = own.map_or(linked, |own| own.uuid);
                let own = connections::Named::Uuid(own);
                connections::add_to_workspace(tx, actor, place, &own, Uuid::new_v4()).map(drop)
            }),
        ),
    ]
}

#[test]
fn every_use_case_enforces_the_policy() {
    let office = office();
    let place = office.workspace(&office.bob, "engines");
    let dora = office.by(&office.ada, |tx, actor| {
        users::create(tx, actor, &new_user("dora", AccountRole::Member), Uuid::new_v4(), None)
    });
    let dora = acting(&dora.unwrap());
    office.join(&office.bob, place, &office.carol, Role::Member);

    let name = PipelineName::parse("valves").unwrap();
    let made =
        office.by(&office.bob, move |tx, actor| pipelines::create(tx, actor, place, &name, (None, "definition")));
    let (pipeline, pipeline_version) = made.map(|version| (version.pipeline, version.uuid)).unwrap();
    let other = office.workspace(&office.bob, "pumps");
    office.join(&office.bob, other, &office.carol, Role::Member);
    let version = office.by(&office.bob, move |tx, actor| models::create_version(tx, actor, &model(place))).unwrap();
    let tag = NewTag { workspace: place, name: TagName::parse("new").unwrap(), description: None, color: None };
    let live = NewTag { name: TagName::parse("live").unwrap(), ..tag.clone() };
    let live = office.by(&office.bob, move |tx, actor| tags::create(tx, actor, &live)).unwrap().id;
    let linked = office.by(&office.bob, |tx, actor| {
        connections::create_sealed(tx, actor, Uuid::new_v4(), &connection("store"), b"sealed")
    });
    let linked = linked.unwrap().uuid;

    let facts = |who: &Actor, workspace| Standing {
        account: who.person().map_or(Account::Nobody, |person| Account::Role(person.role)),
        organization: (uuid(who) != uuid(&office.stranger))
            .then_some(crate::domain::organization::OrganizationRole::Member),
        workspace,
        private: true,
        ..Standing::default()
    };
    let people = [
        (&office.ada, None),
        (&office.bob, Some(Role::Owner)),
        (&office.carol, Some(Role::Member)),
        (&dora, None),
        (&office.stranger, None),
    ];
    for (who, role) in people {
        let toward = facts(who, role);
        let judge = |action| decide(&toward, action);
        let target = if std::ptr::eq(who, &raw const dora) { named(&office.carol) } else { named(&dora) };
        let read = office.read(|view| workspaces::visible(view, who, place));
        assert_eq!(outcome_of(&read), judge(Action::ReadWorkspace), "{who:?}");
        assert_eq!(outcome_of(&office.read_long(|view| members::list(view, who, place))), judge(Action::ReadWorkspace));
        assert_eq!(outcome_of(&office.read(|view| users::named(view, who, &target))), judge(Action::ReadUser));

        // Each is tried in a write that is then given up, so that nobody changes what the next one finds.
        let tried = |action: Action, work: Try| {
            let outcome = office.by(who, move |tx, actor| {
                work(tx, actor)?;
                Err::<(), _>(Error::Refused { rule: "given up" })
            });
            assert_eq!(outcome_of(&outcome), judge(action), "{action:?} by {who:?}: {outcome:?}");
        };
        let read = office.read(|view| pipelines::visible(view, who, pipeline));
        assert_eq!(outcome_of(&read), judge(Action::ReadPipeline));
        for (action, work) in of_pipelines(pipeline, pipeline_version, [place, other]) {
            tried(action, work);
        }
        let read = office.read(|view| models::visible_version(view, who, version));
        assert_eq!(outcome_of(&read), judge(Action::ReadModel));
        for (action, work) in of_models(ModelId(1), version, [place, other]) {
            tried(action, work);
        }
        let to = named(&office.ada);
        tried(
            Action::AddMember,
            Box::new(move |tx, actor| members::upsert(tx, actor, place, &to, Role::Member).map(drop)),
        );
        let to = target.clone();
        tried(
            Action::CreateUser,
            Box::new(|tx, actor| {
                users::create(tx, actor, &new_user("eve", AccountRole::Member), Uuid::new_v4(), None).map(drop)
            }),
        );
        tried(
            Action::ChangeUser,
            Box::new(move |tx, actor| users::change(tx, actor, &to, &UserChange::default()).map(drop)),
        );
        let to = target.clone();
        tried(
            Action::SetPassword,
            Box::new(move |tx, actor| users::set_password(tx, actor, &to, &another(true)).map(drop)),
        );
        for (action, work) in of_tags(live, &tag) {
            tried(action, work);
        }
        assert_eq!(outcome_of(&office.read(|view| tags::visible(view, who, live))), judge(Action::ReadTag));
        for (action, work) in of_connections(place, linked) {
            tried(action, work);
        }
        tried(Action::ArchiveWorkspace, Box::new(move |tx, actor| workspaces::archive(tx, actor, place).map(drop)));
        tried(
            Action::CreateWorkspace,
            Box::new(|tx, actor| workspaces::create(tx, actor, &called("another")).map(drop)),
        );
    }
}
