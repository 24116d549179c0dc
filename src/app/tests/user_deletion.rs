//! Closing accounts, and what passes to whom.

use serde_json::json;

use super::*;
use crate::app::{organizations, user_deletion, users};
use crate::domain::ids::UserId;
use crate::domain::organization::{NewOrganization, OrganizationName, OrganizationRole};
use crate::domain::text::Description;
use crate::domain::user::UserChange;

fn block(id: UserId) -> impl Fn(&Tx, &Actor) -> Result<()> + Send + 'static {
    move |tx, actor| user_deletion::block(tx, actor, id)
}

fn id(who: &Actor) -> UserId {
    who.user().unwrap()
}

impl Office {
    /// Makes an organization, in which these are in these roles.
    fn guild(&self, people: &[(&Actor, OrganizationRole)]) -> crate::domain::ids::OrganizationId {
        let new =
            NewOrganization { name: OrganizationName::parse("Guild").unwrap(), description: Description::default() };
        let people: Vec<_> = people.iter().map(|(who, role)| (id(who), *role)).collect();
        self.by(&Actor::operator(), move |tx, actor| {
            let guild = organizations::create(tx, actor, &new)?.id;
            for (who, role) in &people {
                store::organizations::upsert_member(tx, guild, *who, *role)?;
            }
            Ok(guild)
        })
        .unwrap()
    }

    /// Makes a workspace in an organization, of this owner alone.
    fn place_in(&self, guild: crate::domain::ids::OrganizationId, owner: &Actor) -> WorkspaceId {
        let new = NewWorkspace { organization: Some(guild), ..called("forge") };
        self.by(owner, move |tx, actor| crate::app::workspaces::create(tx, actor, &new)).unwrap().id
    }
}

#[test]
fn a_closed_account_ends_everything_and_stays_closed() {
    let office = office();
    let place = office.workspace(&office.carol, "engines");
    office.join(&office.carol, place, &office.bob, Role::Member);
    let (_, token) = office.sign_in(&office.bob);
    super::keys::make(&office, &office.bob, &office.bob);
    let ((), trace) = office.change(&office.ada, "users.block", block(id(&office.bob)));
    let ended = json!({ "sessions": 1, "keys": 1, "bindings": 0, "workspaces": 1, "organizations": 1 });
    assert_eq!(trace.after, Some(json!({ "state": "blocked", "ended": ended })));
    assert!(office.read(|view| store::refresh_tokens::find(view, &token.fingerprint)).unwrap().is_none());
    assert_eq!(office.role(place, &office.bob), None);
    let bob = id(&office.bob);
    let left = office.read(|view| {
        assert!(store::users::password_hash(view, bob)?.is_none());
        store::organizations::memberships(view, bob)
    });
    assert!(left.unwrap().is_empty());

    office.nothing(&office.ada, block(bob));
    let who = named(&office.bob);
    let enable = move |tx: &Tx, actor: &Actor| {
        users::change(tx, actor, &who, &UserChange { enabled: Some(true), ..UserChange::default() })
    };
    refused(&office.refusal(&office.ada, enable), "cannot be restored");
    let who = named(&office.bob);
    let password = move |tx: &Tx, actor: &Actor| users::set_password(tx, actor, &who, &another(false));
    refused(&office.refusal(&office.ada, password), "cannot be restored");
    hidden(&office.read(|view| users::visible(view, &office.ada, bob)).unwrap_err());
    hidden(&office.read(|view| users::named(view, &office.carol, &named(&office.bob))).unwrap_err());
}

#[test]
fn only_administrators_close_accounts_but_not_their_own() {
    let office = office();
    forbidden(&office.refusal(&office.carol, block(id(&office.bob))), Action::BlockUser);
    forbidden(&office.refusal(&office.carol, block(id(&office.carol))), Action::BlockUser);
    hidden(&office.refusal(&office.stranger, block(id(&office.bob))));
    hidden(&office.refusal(&office.ada, block(UserId(99))));
    refused(
        &office.refusal(&office.ada, block(id(&office.ada))),
        "you cannot delete your own account; ask another administrator",
    );
    let last = office.refusal(&Actor::operator(), block(id(&office.ada)));
    refused(&last, "the account must keep at least one enabled administrator");
}

#[test]
fn an_administrator_in_the_organization_takes_over_a_workspace() {
    let office = office();
    let (alone, shared) = (office.workspace(&office.bob, "alone"), office.workspace(&office.bob, "shared"));
    office.join(&office.bob, shared, &office.carol, Role::Owner);
    let before = office.audit().len();
    office.by(&office.ada, block(id(&office.bob))).unwrap();
    let traces = office.audit().split_off(before);
    let verbs: Vec<&str> = traces.iter().map(|trace| trace.verb.as_str()).collect();
    assert_eq!(verbs, ["members.put", "users.block"], "one row for the one hand-over");
    assert_eq!(traces[0].object, format!("{alone}/{}", uuid(&office.ada)));
    assert_eq!((&traces[0].before, &traces[0].after), (&None, &Some(json!({ "role": "owner" }))));
    assert_eq!((office.role(alone, &office.ada), office.role(shared, &office.ada)), (Some(Role::Owner), None));
}

#[test]
fn otherwise_the_first_admin_of_the_organization_takes_over_a_workspace() {
    let office = office();
    let guild = office.guild(&[
        (&office.bob, OrganizationRole::Admin),
        (&office.stranger, OrganizationRole::Member),
        (&office.carol, OrganizationRole::Admin),
    ]);
    let place = office.place_in(guild, &office.bob);
    office.join(&office.bob, place, &office.carol, Role::Reader);
    office.by(&office.ada, block(id(&office.bob))).unwrap();
    assert_eq!(office.role(place, &office.carol), Some(Role::Owner));
    assert_eq!((office.role(place, &office.ada), office.role(place, &office.stranger)), (None, None));
}

#[test]
fn an_account_cannot_be_closed_while_nobody_can_take_over() {
    let office = office();
    let guild = office.guild(&[(&office.bob, OrganizationRole::Member)]);
    let place = office.place_in(guild, &office.bob);
    refused(&office.refusal(&office.ada, block(id(&office.bob))), "nobody in its organization can take it over");
    assert_eq!(office.role(place, &office.bob), Some(Role::Owner));
    // Who is disabled takes over nothing.
    probe::execute(&office.file, &format!("UPDATE users SET enabled = 0 WHERE id = {}", id(&office.carol)));
    let carol = id(&office.carol);
    office
        .write(move |tx| store::organizations::upsert_member(tx, guild, carol, OrganizationRole::Admin).map(drop))
        .unwrap();
    refused(&office.refusal(&office.ada, block(id(&office.bob))), "nobody in its organization can take it over");
}

#[test]
fn an_organization_keeps_an_admin() {
    let office = office();
    let guild = office.guild(&[(&office.bob, OrganizationRole::Admin), (&office.carol, OrganizationRole::Member)]);
    let place = office.place_in(guild, &office.bob);
    refused(&office.refusal(&office.ada, block(id(&office.bob))), "the last admin of an organization");
    let ada = id(&office.ada);
    office
        .write(move |tx| store::organizations::upsert_member(tx, guild, ada, OrganizationRole::Reader).map(drop))
        .unwrap();
    let before = office.audit().len();
    office.by(&office.ada, block(id(&office.bob))).unwrap();
    let traces = office.audit().split_off(before);
    let verbs: Vec<&str> = traces.iter().map(|trace| trace.verb.as_str()).collect();
    assert_eq!(verbs, ["organizations.put_member", "members.put", "users.block"]);
    assert_eq!(traces[0].before, Some(json!({ "role": "reader" })));
    assert_eq!(office.role(place, &office.ada), Some(Role::Owner));
}
