//! What a person has, as far as somebody may know it, and what ends with the account.

use super::*;
use crate::app::person_access::{self, Source};
use crate::app::{bindings, organizations, people, roles, users};
use crate::domain::organization::OrganizationRole;
use crate::domain::page::Page;
use crate::domain::people::PeopleSearch;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;
use crate::domain::user::{UserChange, UserStatus};

const ALL: Page = Page { after: None, limit: 100 };

impl Office {
    /// The workspaces of somebody with the reasons, as an actor sees them.
    fn reached(&self, actor: &Actor, who: &Actor) -> Vec<(WorkspaceId, Vec<Source>)> {
        let found = self.read(|view| person_access::workspaces(view, actor, &named(who), ALL)).unwrap();
        assert_eq!(found.next, None);
        found.items.into_iter().map(|one| (one.workspace.id, one.sources)).collect()
    }
}

#[test]
fn each_right_has_its_sources_and_others_see_what_they_may_know() {
    let office = office();
    let open = NewWorkspace { private: false, ..called("open") };
    let open = office.by(&office.carol, move |tx, actor| crate::app::workspaces::create(tx, actor, &open)).unwrap().id;
    let (joined, closed) = (office.workspace(&office.carol, "joined"), office.workspace(&office.carol, "closed"));
    office.join(&office.carol, joined, &office.bob, Role::Member);
    let new = roles::NewRole {
        name: RoleName::parse("tracer").unwrap(),
        description: Description::default(),
        permissions: PermissionSet::of(&[Permission::SPACE_READ, Permission::PROJECT_READ]),
    };
    let role = office.by(&office.ada, move |tx, actor| roles::create(tx, actor, &new)).unwrap().id;
    let bob = named(&office.bob);
    let bind = move |tx: &Tx, actor: &Actor| bindings::create(tx, actor, role, &bob, Resource::Workspace(joined));
    office.by(&office.carol, bind).unwrap();

    let member = Source::Membership(Role::Member, None);
    let by_organization = Source::Organization(OrganizationRole::Member);
    let bound = Source::Binding("tracer".to_owned());
    let all = vec![(open, vec![by_organization.clone()]), (joined, vec![member.clone(), bound.clone()])];
    for knowing in [&office.bob, &office.ada, &office.carol] {
        assert_eq!(office.reached(knowing, &office.bob), all);
    }
    assert!(!office.reached(&office.ada, &office.bob).iter().any(|(id, _)| *id == closed));
    let governs = office.reached(&office.ada, &office.ada);
    assert_eq!(governs.len(), 3);
    assert!(governs.iter().all(|(_, sources)| sources.contains(&Source::Administrator)), "{governs:?}");

    // A member knows the other members, but nobody's roles elsewhere.
    let dora = office.by(&office.ada, |tx, actor| {
        users::create(tx, actor, &new_user("dora", AccountRole::Member), Uuid::new_v4(), None)
    });
    let dora = acting(&dora.unwrap());
    assert_eq!(office.reached(&dora, &office.bob), []);
    office.join(&office.carol, joined, &dora, Role::Reader);
    assert_eq!(office.reached(&dora, &office.bob), [(joined, vec![member])]);
    hidden(&office.read(|view| person_access::workspaces(view, &office.stranger, &bob_of(&office), ALL)).unwrap_err());

    let organizations = |actor: &Actor| {
        let found = office.read(|view| person_access::organizations(view, actor, &bob_of(&office), ALL));
        found.unwrap().items.into_iter().map(|(_, role)| role).collect::<Vec<_>>()
    };
    assert_eq!(organizations(&office.ada), [OrganizationRole::Member]);
    assert_eq!(organizations(&office.bob), [OrganizationRole::Member]);
    assert_eq!(organizations(&office.carol), []);
    let home = office.read(organizations::home).unwrap().id;
    let carol = named(&office.carol);
    let promote =
        move |tx: &Tx, actor: &Actor| organizations::upsert_member(tx, actor, home, &carol, OrganizationRole::Admin);
    office.by(&office.ada, promote).unwrap();
    assert_eq!(organizations(&office.carol), [OrganizationRole::Member]);
}

fn bob_of(office: &Office) -> Named {
    named(&office.bob)
}

#[test]
fn an_ending_names_the_workspaces_that_nobody_else_owns() {
    let office = office();
    let (alone, shared) = (office.workspace(&office.bob, "alone"), office.workspace(&office.bob, "shared"));
    office.join(&office.bob, shared, &office.carol, Role::Owner);
    office.sign_in(&office.bob);
    super::keys::make(&office, &office.bob, &office.bob);
    let (bob, carol) = (office.bob.user().unwrap(), office.carol.user().unwrap());
    let ending = |others: &[crate::domain::ids::UserId], limit| {
        office.read(|view| {
            let user = users::named(view, &office.ada, &bob_of(&office))?;
            person_access::ending(view, &office.ada, &user, others, limit)
        })
    };
    let found = ending(&[bob], 5).unwrap();
    assert_eq!((found.sessions, found.keys), (1, 1));
    let names = |found: &person_access::Ending| found.without_owner.items.iter().map(|one| one.0).collect::<Vec<_>>();
    assert_eq!(names(&found), [alone]);
    let together = ending(&[bob, carol], 5).unwrap();
    assert_eq!(names(&together), [alone, shared], "the other owner leaves too");
    let few = ending(&[bob, carol], 1).unwrap();
    assert!(names(&few) == [alone] && few.without_owner.next.is_some());
    let refused = office.read(|view| {
        let user = users::named(view, &office.carol, &bob_of(&office))?;
        person_access::ending(view, &office.carol, &user, &[], 5)
    });
    forbidden(&refused.unwrap_err(), Action::ChangeUser);
}

#[test]
fn people_are_listed_by_status_page_by_page() {
    let office = office();
    let change = UserChange { enabled: Some(false), ..UserChange::default() };
    let carol = named(&office.carol);
    office.by(&office.ada, move |tx, actor| users::change(tx, actor, &carol, &change)).unwrap();
    for (name, until) in [("ina", i64::MAX / 2), ("otto", 1)] {
        let new = new_user(name, AccountRole::Member);
        office.by(&office.ada, move |tx, actor| users::create(tx, actor, &new, Uuid::new_v4(), None)).unwrap();
        let sql = format!("UPDATE users SET state = 'invited', invited_until = {until} WHERE first_name = '{name}'");
        probe::execute(&office.file, &sql);
    }
    super::keys::make(&office, &office.bob, &office.bob);
    let listed = |actor: &Actor, status: Option<UserStatus>, text: &str| {
        let words = PeopleSearch::parse_words(text).unwrap();
        let search = PeopleSearch { words, status, ..PeopleSearch::default() };
        let (mut names, mut page) = (Vec::new(), Page { after: None, limit: 2 });
        loop {
            let slice = office.read(|view| people::page(view, actor, &search, page)).unwrap();
            assert!(slice.items.len() <= 2);
            names
                .extend(slice.items.into_iter().map(|one| (one.profile.user.first_name.as_str().to_owned(), one.keys)));
            page.after = slice.next;
            if page.after.is_none() {
                return names;
            }
        }
    };
    let names = |actor: &Actor, status: Option<UserStatus>, text: &str| {
        listed(actor, status, text).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
    };
    assert_eq!(names(&office.ada, None, ""), ["ada", "bob", "carol", "stranger", "ina", "otto"]);
    assert_eq!(names(&office.bob, None, ""), ["ada", "bob", "carol", "ina", "otto"]);
    for who in [&office.ada, &office.bob] {
        assert_eq!(names(who, Some(UserStatus::Disabled), ""), ["carol"]);
        assert_eq!(names(who, Some(UserStatus::Invited), ""), ["ina"]);
        assert_eq!(names(who, Some(UserStatus::Expired), ""), ["otto"]);
        assert_eq!(names(who, Some(UserStatus::Blocked), ""), [""; 0]);
        assert_eq!(names(who, Some(UserStatus::Active), "BO"), ["bob"]);
        assert_eq!(names(who, Some(UserStatus::Disabled), "bob"), [""; 0]);
    }
    let keys = |actor: &Actor| listed(actor, None, "bob").into_iter().map(|(_, keys)| keys).collect::<Vec<_>>();
    assert_eq!((keys(&office.ada), keys(&office.bob), keys(&office.carol)), (vec![Some(1)], vec![Some(1)], vec![None]));
}
