//! A declared set-up: what differs, what stays, and that applying it once is enough.

use std::cell::Cell;

use super::*;
use crate::app::declared_setup::{
    self, At, Declared, DeclaredBinding, DeclaredMember, DeclaredMembership, DeclaredOrganization, DeclaredPerson,
    DeclaredRole, DeclaredWorkspace, Plan, RoleIn,
};
use crate::app::{bindings, members, organizations, roles, workspaces};
use crate::domain::key::KeyRules;
use crate::domain::organization::{NewOrganization, OrganizationName, OrganizationRole};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{Resource, RoleName};
use crate::domain::text::Description;

fn at(path: &str) -> At {
    At { line: 1, path: path.to_owned() }
}

fn person(name: &str) -> DeclaredPerson {
    DeclaredPerson {
        at: at(name),
        email: address(name),
        first_name: None,
        last_name: None,
        role: None,
        enabled: None,
        developer: None,
        organizations: None,
    }
}

fn in_home(name: &str, role: OrganizationRole) -> DeclaredPerson {
    let organization = OrganizationName::parse("Home").unwrap();
    let place = DeclaredMembership { at: at("home"), organization, role };
    DeclaredPerson { organizations: Some(vec![place]), ..person(name) }
}

fn workspace(name: &str, members: &[(&str, RoleIn)]) -> DeclaredWorkspace {
    let member =
        |(name, role): &(&str, RoleIn)| DeclaredMember { at: at(name), email: address(name), role: role.clone() };
    DeclaredWorkspace {
        at: at(name),
        organization: None,
        name: WorkspaceName::parse(name).unwrap(),
        description: None,
        private: None,
        archived: None,
        members: Some(members.iter().map(member).collect()),
    }
}

const OWNER: RoleIn = RoleIn::Predefined(Role::Owner);
const READER: RoleIn = RoleIn::Predefined(Role::Reader);

/// The signs, kinds and names of a plan's changes.
fn lines(plan: &Plan) -> Vec<String> {
    let line = |change: &declared_setup::Change| format!("{} {} {}", change.sign.as_str(), change.kind, change.name);
    plan.changes().map(line).collect()
}

fn rules(plan: &Plan) -> Vec<String> {
    plan.faults.iter().map(|fault| format!("{}: {}", fault.at.path, fault.rule)).collect()
}

impl Office {
    fn plan(&self, declared: &Declared, prune: bool) -> Plan {
        self.read(|view| declared_setup::plan(view, &Actor::operator(), declared, prune)).unwrap()
    }

    /// Applies a file, after which nothing differs.
    fn set_up(&self, declared: &Declared, prune: bool) -> Vec<String> {
        let planned = lines(&self.plan(declared, prune));
        let inner = declared.clone();
        let done = self.write(move |tx| {
            let plan = declared_setup::plan(tx, &Actor::operator(), &inner, prune)?;
            declared_setup::apply(tx, &Actor::operator(), &KeyRules::LOOSE, &plan, &|_| unreachable!("no secrets"))?;
            Ok(lines(&plan))
        });
        assert_eq!(done.unwrap_or_else(|error| panic!("{}", error.chain())), planned);
        let again = self.plan(declared, prune);
        assert!(again.faults.is_empty() && again.is_empty(), "{:?} {:?}", rules(&again), lines(&again));
        planned
    }
}

#[test]
fn owners_change_places_in_one_write() {
    let office = office();
    office.by(&office.bob.clone(), |tx, bob| workspaces::create(tx, bob, &called("vision"))).unwrap();
    let all = |members: &[(&str, RoleIn)]| Declared {
        workspaces: Some(vec![workspace("vision", members)]),
        ..Declared::default()
    };
    let swapped = all(&[("carol", OWNER), ("bob", READER)]);
    assert_eq!(office.set_up(&swapped, false), ["create member carol@example.com", "change member bob@example.com"]);
    let alone = all(&[("ada", OWNER)]);
    let expected =
        ["create member ada@example.com", "remove member bob@example.com", "remove member carol@example.com"];
    assert_eq!(office.set_up(&alone, true), expected);
    // Nobody else owns it: the last owner stays.
    let nobody = all(&[]);
    let plan = office.plan(&nobody, true);
    assert!(plan.is_empty());
    assert_eq!(plan.kept, ["ada@example.com stays in \"vision\": the last owner who can sign in"]);
}

#[test]
fn a_change_of_the_account_role_does_not_undo_the_declared_membership() {
    let office = office();
    let declared = |role, place| Declared {
        people: Some(vec![DeclaredPerson { role: Some(role), ..in_home("bob", place) }, person("ada")]),
        ..Declared::default()
    };
    for (role, place) in [
        (AccountRole::Administrator, OrganizationRole::Member),
        (AccountRole::Member, OrganizationRole::Admin),
        (AccountRole::Administrator, OrganizationRole::Admin),
        (AccountRole::Member, OrganizationRole::Member),
    ] {
        assert!(!office.set_up(&declared(role, place), false).is_empty(), "{role:?} {place:?}");
    }
    let impossible = declared(AccountRole::Annotator, OrganizationRole::Member);
    let faults = rules(&office.plan(&impossible, false));
    assert!(faults[0].starts_with("bob: role: cannot change from member to annotator"), "{faults:?}");
}

#[test]
fn a_binding_that_ends_with_a_membership_is_made_again() {
    let office = office();
    let made = office.by(&office.ada.clone(), |tx, ada| {
        let id = workspaces::create(tx, ada, &called("vision"))?.id;
        members::upsert(tx, ada, id, &Named::Email(address("bob")), Role::Member)?;
        let new = roles::NewRole {
            name: RoleName::parse("Curator").unwrap(),
            description: Description::default(),
            permissions: PermissionSet::of(&[Permission::SPACE_READ]),
        };
        let role = roles::create(tx, ada, &new)?.id;
        bindings::create(tx, ada, role, &Named::Email(address("bob")), Resource::Workspace(id))
    });
    made.unwrap();
    let binding = DeclaredBinding {
        at: at("bindings[0]"),
        email: address("bob"),
        role: RoleIn::Named("Curator".to_owned()),
        organization: None,
        workspace: WorkspaceName::parse("vision").unwrap(),
        project: None,
    };
    let declared = Declared {
        workspaces: Some(vec![workspace("vision", &[("ada", OWNER)])]),
        bindings: Some(vec![binding.clone()]),
        ..Declared::default()
    };
    assert_eq!(office.set_up(&declared, true), ["remove member bob@example.com", "create binding bob@example.com"]);
    let reader = Declared {
        bindings: Some(vec![DeclaredBinding { role: READER, ..binding }]),
        roles: Some(Vec::new()),
        ..Declared::default()
    };
    assert_eq!(office.set_up(&reader, true), ["change binding bob@example.com", "remove role Curator"]);
    let none = Declared { bindings: Some(Vec::new()), ..Declared::default() };
    assert_eq!(office.set_up(&none, true), ["remove binding bob@example.com"]);
}

#[test]
fn what_a_file_removes_cannot_be_named_by_it() {
    let office = office();
    office
        .by(&office.ada.clone(), |tx, ada| {
            let name = OrganizationName::parse("Research").unwrap();
            let id = organizations::create(tx, ada, &NewOrganization { name, description: Description::default() })?.id;
            organizations::upsert_member(tx, ada, id, &Named::Email(address("bob")), OrganizationRole::Admin).map(drop)
        })
        .unwrap();
    let place = DeclaredMembership {
        at: at("people[0].organizations.Research"),
        organization: OrganizationName::parse("Research").unwrap(),
        role: OrganizationRole::Member,
    };
    let bob = DeclaredPerson { organizations: Some(vec![place]), ..person("bob") };
    let home = DeclaredOrganization {
        at: at("organizations[0]"),
        name: OrganizationName::parse("Home").unwrap(),
        home: true,
        description: None,
    };
    let declared = Declared { organizations: Some(vec![home]), people: Some(vec![bob.clone()]), ..Declared::default() };
    let rule = "people[0].organizations.Research: the organization \"Research\" is removed by --prune; add it to \
                organizations";
    assert_eq!(rules(&office.plan(&declared, true)), [rule]);
    assert!(rules(&office.plan(&declared, false)).is_empty());

    // ada administers Research and the account: a file with bob alone closes the accounts of all others but hers.
    let only_bob = Declared { people: Some(vec![person("bob")]), ..Declared::default() };
    let plan = office.plan(&only_bob, true);
    assert_eq!(plan.kept, ["person ada@example.com is kept: the last administrator who can sign in"]);
    assert_eq!(lines(&plan), ["remove person carol@example.com", "remove person stranger@example.com"]);
    office.set_up(&only_bob, true);
    // The home organization gets another name, by which other entries refer to it.
    let renamed = OrganizationName::parse("Lab").unwrap();
    let home = DeclaredOrganization { at: at("o"), name: renamed.clone(), home: true, description: None };
    let space = DeclaredWorkspace { organization: Some(renamed), ..workspace("vision", &[("ada", OWNER)]) };
    let declared = Declared { organizations: Some(vec![home]), workspaces: Some(vec![space]), ..Declared::default() };
    assert_eq!(office.set_up(&declared, false), ["change organization Home", "create workspace vision"]);
}

#[test]
fn a_refused_step_names_its_place_and_changes_nothing() {
    let office = office();
    let before = office.audit().len();
    let role = DeclaredRole {
        at: at("roles[0]"),
        name: RoleName::parse("Curator").unwrap(),
        description: None,
        permissions: Some(PermissionSet::of(&[Permission::SPACE_READ])),
    };
    let reserved = workspace("carol@example.com - Default Workspace", &[("bob", OWNER)]);
    let declared = Declared {
        roles: Some(vec![role]),
        workspaces: Some(vec![DeclaredWorkspace { at: at("workspaces[0]"), ..reserved }]),
        ..Declared::default()
    };
    let asked = Cell::new(0);
    let plan = office.plan(&declared, false);
    assert_eq!(plan.changes().count(), 2);
    let refused = office.write(move |tx| {
        let plan = declared_setup::plan(tx, &Actor::operator(), &declared, false)?;
        asked.set(asked.get() + 1);
        declared_setup::apply(tx, &Actor::operator(), &KeyRules::LOOSE, &plan, &|_| unreachable!("no secrets"))
    });
    let words = refused.unwrap_err().to_string();
    assert!(words.starts_with("workspaces[0]: this name is reserved for the default workspace"), "{words}");
    assert_eq!(office.audit().len(), before);
    // Nobody but an administrator plans.
    let bob = office.bob.clone();
    let refused = office.read(|view| declared_setup::plan(view, &bob, &Declared::default(), false).map(drop));
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
}

/// The changes that need a confirmation, as `KIND NAME`.
fn destructive(plan: &Plan) -> Vec<String> {
    let line = |change: &declared_setup::Change| format!("{} {}", change.kind, change.name);
    plan.changes().filter(|change| change.destructive).map(line).collect()
}

#[test]
fn lesser_rights_are_destructive_and_more_rights_are_not() {
    let office = office();
    let declared_role = |permissions: &[Permission]| DeclaredRole {
        at: at("roles[0]"),
        name: RoleName::parse("Curator").unwrap(),
        description: None,
        permissions: Some(PermissionSet::of(permissions)),
    };
    let curator = || RoleIn::Named("Curator".to_owned());
    let member = || RoleIn::Predefined(Role::Member);
    let all = |permissions: &[Permission], people, members: &[(&str, RoleIn)], private| Declared {
        roles: Some(vec![declared_role(permissions)]),
        people: Some(people),
        workspaces: Some(vec![DeclaredWorkspace { private: Some(private), ..workspace("vision", members) }]),
        ..Declared::default()
    };
    let of_bob = |role, developer| vec![DeclaredPerson { developer: Some(developer), ..in_home("bob", role) }];
    let (read, more) = (Permission::SPACE_READ, Permission::PROJECT_READ);
    let admin = OrganizationRole::Admin;
    let first = all(&[read, more], of_bob(admin, true), &[("ada", OWNER), ("bob", member())], false);
    assert!(destructive(&office.plan(&first, false)).is_empty());
    office.set_up(&first, false);
    let reader = OrganizationRole::Reader;
    for (lesser, expected) in [
        (all(&[read], of_bob(admin, true), &[("bob", member())], false), "role Curator"),
        (all(&[read, more], of_bob(reader, true), &[], false), "organization member bob@example.com"),
        (all(&[read, more], of_bob(OrganizationRole::Member, true), &[], false), "organization member bob@example.com"),
        (all(&[read, more], of_bob(admin, false), &[], false), "person bob@example.com"),
        (all(&[read, more], of_bob(admin, true), &[], true), "workspace vision"),
        (all(&[read, more], of_bob(admin, true), &[("bob", READER)], false), "member bob@example.com"),
        (all(&[read, more], of_bob(admin, true), &[("bob", curator())], false), "member bob@example.com"),
        (
            all(&[read, more], of_bob(admin, true), &[("bob", OWNER), ("ada", member())], false),
            "member ada@example.com",
        ),
    ] {
        assert_eq!(destructive(&office.plan(&lesser, false)), [expected]);
    }
    office.set_up(&all(&[read], of_bob(reader, false), &[("ada", OWNER), ("bob", curator())], true), false);
    let back = all(&[read, more], of_bob(admin, true), &[("bob", member())], false);
    assert!(destructive(&office.plan(&back, false)).is_empty());
    // The role of a member gets fewer permissions in the same file, so that it is less than the present one.
    let binding = |role| DeclaredBinding {
        at: at("bindings[0]"),
        email: address("bob"),
        role,
        organization: None,
        workspace: WorkspaceName::parse("vision").unwrap(),
        project: None,
    };
    let bound = |role| Declared { bindings: Some(vec![binding(role)]), ..Declared::default() };
    office.set_up(&bound(READER), false);
    assert_eq!(destructive(&office.plan(&bound(curator()), false)), ["binding bob@example.com"]);
    assert!(destructive(&office.plan(&bound(member()), false)).is_empty());
}

#[test]
fn a_person_whom_the_file_disables_is_no_last_owner_or_administrator() {
    let office = office();
    office.by(&office.bob.clone(), |tx, bob| workspaces::create(tx, bob, &called("vision"))).unwrap();
    let disabled = |name| DeclaredPerson { enabled: Some(false), ..person(name) };
    // The owner that stays is disabled by the file: the other one is the last owner who can sign in.
    let declared = Declared {
        people: Some(vec![disabled("carol")]),
        workspaces: Some(vec![workspace("vision", &[("carol", OWNER)])]),
        ..Declared::default()
    };
    let plan = office
        .plan(&Declared { people: Some(vec![disabled("carol"), person("bob"), person("ada")]), ..declared }, true);
    assert_eq!(plan.kept, ["bob@example.com stays in \"vision\": the last owner who can sign in"]);
    let all = |enabled| Declared {
        people: Some(vec![
            DeclaredPerson { enabled: Some(enabled), ..person("carol") },
            person("bob"),
            person("ada"),
            person("stranger"),
        ]),
        workspaces: Some(vec![workspace("vision", &[("carol", OWNER)])]),
        ..Declared::default()
    };
    office.set_up(&all(false), true);
    // One whom the file enables again is an owner who can sign in.
    office.set_up(&all(true), true);
    let bob =
        office.read(|view| members::find(view, &Actor::operator(), WorkspaceId(1), &Named::Email(address("bob"))));
    assert_eq!(bob.unwrap(), None);

    // A promoted person replaces the last administrator, unless the file disables them.
    let promoted = |enabled| Declared {
        people: Some(vec![DeclaredPerson {
            role: Some(AccountRole::Administrator),
            enabled: Some(enabled),
            ..person("carol")
        }]),
        ..Declared::default()
    };
    let plan = office.plan(&promoted(false), true);
    assert_eq!(plan.kept, ["person ada@example.com is kept: the last administrator who can sign in"]);
    let done = office.set_up(&promoted(true), true);
    assert!(done.contains(&"remove person ada@example.com".to_owned()), "{done:?}");
}

#[test]
fn an_owner_whose_account_is_closed_leaves_the_workspace_by_that() {
    let office = office();
    office.by(&office.bob.clone(), |tx, bob| workspaces::create(tx, bob, &called("vision"))).unwrap();
    let declared = Declared {
        people: Some(vec![person("ada")]),
        workspaces: Some(vec![workspace("vision", &[])]),
        ..Declared::default()
    };
    let done = office.set_up(&declared, true);
    assert!(!done.iter().any(|line| line.starts_with("remove member")), "{done:?}");
    assert!(done.contains(&"remove person bob@example.com".to_owned()), "{done:?}");
}

#[test]
fn a_rehearsal_finds_what_a_verb_refuses_and_changes_nothing() {
    let office = office();
    let before = office.audit().len();
    let rehearse = |declared| {
        let declared = std::sync::Arc::new(declared);
        declared_setup::rehearse(&office.store, &Actor::operator(), &KeyRules::LOOSE, &declared, false)
    };
    let good = Declared { workspaces: Some(vec![workspace("vision", &[("bob", OWNER)])]), ..Declared::default() };
    assert_eq!(lines(&rehearse(good.clone()).unwrap()), ["create workspace vision"]);
    assert_eq!(lines(&rehearse(good).unwrap()), ["create workspace vision"], "nothing was created");
    let reserved = workspace("carol@example.com - Default Workspace", &[("bob", OWNER)]);
    let declared = Declared {
        workspaces: Some(vec![DeclaredWorkspace { at: at("workspaces[0]"), ..reserved }]),
        ..Declared::default()
    };
    let words = rehearse(declared).unwrap_err().to_string();
    assert!(words.starts_with("workspaces[0]: this name is reserved for the default workspace"), "{words}");
    assert_eq!(office.audit().len(), before);
}
