//! The verbs obey the policy: what it hides they do not find, and what it forbids they say is forbidden.

use super::*;
use crate::app::{members, models, pipelines, users, workspaces};
use crate::domain::ids::ModelId;
use crate::domain::model::{ModelName, ModelSettings, NewModelVersion, Runtime, Visibility};
use crate::domain::model_settings::NewModelSettings;
use crate::domain::pipeline::PipelineName;
use crate::domain::user::UserChange;
use crate::policy::{Account, Decision, Standing, decide};

/// A write to be tried by somebody.
type Try = Box<dyn Fn(&Tx, &Actor) -> Result<()> + Send>;

/// A version of a model without a file.
fn model(place: WorkspaceId) -> NewModelVersion {
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

        let read = office.read(|view| models::visible_version(view, who, version));
        assert_eq!(outcome_of(&read), judge(Action::ReadModel), "{who:?}");

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
        let name = PipelineName::parse("pipes").unwrap();
        tried(
            Action::CreatePipeline,
            Box::new(move |tx, actor| pipelines::create(tx, actor, place, &name, (None, "definition")).map(drop)),
        );
        tried(
            Action::UpdatePipeline,
            Box::new(move |tx, actor| pipelines::set_visibility(tx, actor, pipeline, Visibility::Public).map(drop)),
        );
        tried(
            Action::DeletePipeline,
            Box::new(move |tx, actor| pipelines::move_to(tx, actor, pipeline, other).map(drop)),
        );
        tried(Action::DeletePipeline, Box::new(move |tx, actor| pipelines::delete(tx, actor, place, "valves")));
        let versions = std::collections::BTreeSet::from([pipeline_version]);
        tried(Action::DeletePipeline, Box::new(move |tx, actor| pipelines::delete_versions(tx, actor, &versions)));
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
        tried(
            Action::CreateWorkspace,
            Box::new(|tx, actor| workspaces::create(tx, actor, &called("another")).map(drop)),
        );
        tried(
            Action::CreateModel,
            Box::new(move |tx, actor| models::create_version(tx, actor, &model(place)).map(drop)),
        );
        tried(
            Action::UpdateModel,
            Box::new(move |tx, actor| models::set_visibility(tx, actor, version, Visibility::Public).map(drop)),
        );
        tried(
            Action::UpdateModel,
            Box::new(move |tx, actor| models::configure(tx, actor, version, &NewModelSettings::default()).map(drop)),
        );
        tried(Action::DeleteModel, Box::new(move |tx, actor| models::delete(tx, actor, place, "valve").map(drop)));
        tried(Action::DeleteModel, Box::new(move |tx, actor| models::move_to(tx, actor, ModelId(1), place)));
    }
}
