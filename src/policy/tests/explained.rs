//! An explanation agrees with the decision that it explains.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::policy::explanation::{Change, Explanation, Facts, Place, Source, explain, judge, needed, reads_rights};

const PLACES: [Place; 5] = [Place::Account, Place::Organization, Place::Workspace, Place::Project, Place::User];

const ON_BINDINGS: [Action; 3] = [Action::BindRole, Action::ReadBindings, Action::UnbindRole];

#[test]
fn the_explained_decision_is_the_decision_of_the_policy() {
    for standing in all() {
        for action in Action::ALL {
            let decided = decide(&standing, action);
            for place in PLACES {
                let read = match place {
                    Place::Workspace => Action::ReadWorkspace,
                    Place::Project => Action::ReadProject,
                    Place::Account | Place::Organization | Place::User => action,
                };
                let expected = match place {
                    Place::Workspace | Place::Project if ON_BINDINGS.contains(&action) => {
                        let counted = if place == Place::Project { as_bound(standing) } else { standing };
                        match decide(&standing, read) {
                            Decision::Allowed => decide(&counted, action),
                            Decision::Forbidden | Decision::Hidden => Decision::Hidden,
                        }
                    }
                    _ => decided,
                };
                assert_eq!(judge(&standing, place, action), expected, "{action:?} {place:?}: {standing:?}");
            }
        }
    }
}

/// The standing after a change.
fn changed(facts: &Facts, change: Change) -> Standing {
    let standing = facts.standing;
    match change {
        Change::Permissions(more) => Standing { named: standing.named.union(more), ..standing },
        Change::ProjectPermissions(more) => Standing { direct: standing.direct.union(more), ..standing },
        Change::WorkspaceRole(role) => Standing { workspace: Some(role), named: facts.bound, ..standing },
        Change::OrganizationRole(role) => Standing { organization: Some(role), ..standing },
        Change::AccountRole(role) => Standing { account: Account::Role(role), ..standing },
        Change::Lift => Standing { restricted: false, ..standing },
        Change::Open => Standing { private: false, ..standing },
        Change::Own => Standing { own: true, ..standing },
    }
}

/// The standing of somebody who has only these.
fn with(facts: &Facts, sources: &[Source]) -> Standing {
    let has = |source: Source| sources.contains(&source);
    let full = facts.standing;
    let membership = if has(Source::Membership) { facts.membership } else { PermissionSet::EMPTY };
    let bound = if has(Source::Binding) { facts.bound } else { PermissionSet::EMPTY };
    let joined = has(Source::Membership) || full.workspace.is_some_and(|role| has(Source::WorkspaceRole(role)));
    Standing {
        organization: full.organization.filter(|role| has(Source::OrganizationRole(*role))),
        workspace: full.workspace.filter(|_| joined),
        named: membership.union(bound),
        direct: if has(Source::ProjectBinding) { full.direct } else { PermissionSet::EMPTY },
        own: full.own && has(Source::Own),
        together: full.together && has(Source::Together),
        ..full
    }
}

fn check(facts: &Facts, action: Action) -> Result<(), TestCaseError> {
    let Explanation { decision, grounds, obstacles, changes } = explain(facts, action);
    prop_assert_eq!(decision, judge(&facts.standing, facts.place, action));
    let is_allowed = decision == Decision::Allowed;
    prop_assert_eq!(!grounds.is_empty(), is_allowed);
    prop_assert!(!is_allowed || changes.is_empty() && obstacles.is_empty());
    for ground in grounds {
        let there = facts.sources();
        prop_assert!(ground.iter().all(|source| there.contains(source)), "{:?} of {:?}", ground, there);
        let alone = with(facts, &ground);
        // An administrator needs nothing but that role; what else they have is sufficient for a member.
        let by_account = ground.iter().any(|source| matches!(source, Source::AccountRole(_)));
        let account = match facts.standing.account {
            Account::Role(AccountRole::Administrator) if !by_account => Account::Role(AccountRole::Member),
            account => account,
        };
        let alone = Standing { account, ..alone };
        prop_assert_eq!(judge(&alone, facts.place, action), Decision::Allowed, "{:?} alone", ground);
    }
    for change in changes {
        let after = changed(facts, change);
        prop_assert_eq!(judge(&after, facts.place, action), Decision::Allowed, "{:?}", change);
        if let Change::Permissions(some) | Change::ProjectPermissions(some) = change {
            for permission in some.iter() {
                let fewer = some.without(PermissionSet::of(&[permission]));
                let change = match change {
                    Change::ProjectPermissions(_) => Change::ProjectPermissions(fewer),
                    _ => Change::Permissions(fewer),
                };
                let after = judge(&changed(facts, change), facts.place, action);
                prop_assert_ne!(after, Decision::Allowed, "{} is not needed", permission.name());
            }
        }
    }
    Ok(())
}

fn facts() -> impl Strategy<Value = Facts> {
    let roles = (select(&ACCOUNTS[..]), select(&ORGANIZATIONS[..]), select(&WORKSPACES[..]));
    let named = || select(named().to_vec());
    let flags = any::<(bool, bool, bool, bool)>();
    let parts = (roles, (named(), named(), named()), flags, select(&PLACES[..]));
    parts.prop_map(|((account, organization, workspace), (membership, bound, direct), flags, place)| {
        let is_custom = workspace.is_some_and(|role| role.custom().is_some());
        let membership = if is_custom { membership } else { PermissionSet::EMPTY };
        let direct = if place == Place::Project { direct } else { PermissionSet::EMPTY };
        let (private, restricted, own, together) = flags;
        let named = membership.union(bound);
        let standing =
            Standing { account, organization, workspace, named, direct, private, restricted, own, together, ..PLAIN };
        Facts { standing, place, membership, bound }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn grounds_are_sufficient_and_changes_allow(facts in facts()) {
        for action in Action::ALL {
            check(&facts, action)?;
        }
    }
}

#[test]
fn an_owner_is_explained_by_the_role_and_its_permission() {
    let owner = Standing { workspace: Some(Role::Owner), ..COLLEAGUE };
    let facts = Facts::of(owner, Action::UpdateWorkspace);
    let why = explain(&facts, Action::UpdateWorkspace);
    assert_eq!(why.grounds, [[Source::WorkspaceRole(Role::Owner)]]);
    let needed = needed(&facts, Action::UpdateWorkspace);
    assert_eq!(needed, PermissionSet::of(&[Permission::SPACE_READ, Permission::SPACE_UPDATE]));
    assert_eq!(facts.granted(Source::WorkspaceRole(Role::Owner), needed), needed);
    assert!(facts.granted(Source::OrganizationRole(OrganizationRole::Member), needed).is_empty());
}

#[test]
fn a_reader_learns_the_missing_permission_and_the_roles_that_have_it() {
    let reader = Standing { workspace: Some(Role::Reader), ..COLLEAGUE };
    let changes = explain(&Facts::of(reader, Action::UpdateWorkspace), Action::UpdateWorkspace).changes;
    let expected = [
        Change::Permissions(PermissionSet::of(&[Permission::SPACE_UPDATE])),
        Change::WorkspaceRole(Role::Owner),
        Change::OrganizationRole(OrganizationRole::Admin),
        Change::AccountRole(AccountRole::Administrator),
    ];
    assert_eq!(changes, expected);
    // No permission lets somebody add members, so none is named.
    let changes = explain(&Facts::of(reader, Action::AddMember), Action::AddMember).changes;
    assert_eq!(changes, expected[1..]);
    assert!(needed(&Facts::of(reader, Action::AddMember), Action::AddMember).is_empty());
}

#[test]
fn an_annotator_is_offered_nothing_else() {
    let annotator = Standing { account: Account::Role(AccountRole::Annotator), ..PLAIN };
    let changes = explain(&Facts::of(annotator, Action::UpdateWorkspace), Action::UpdateWorkspace).changes;
    assert_eq!(changes, [Change::AccountRole(AccountRole::Administrator)]);
    let changes = explain(&Facts::of(annotator, Action::ReadWorkspace), Action::ReadWorkspace).changes;
    assert!(changes.contains(&Change::WorkspaceRole(Role::Annotator)), "{changes:?}");
    assert!(!changes.contains(&Change::WorkspaceRole(Role::Reader)), "{changes:?}");
}

#[test]
fn rights_are_read_by_those_who_read_bindings_or_govern() {
    let read = |name: &str| PEOPLE.iter().find(|(known, ..)| *known == name).map(|(.., one)| reads_rights(one));
    for (name, expected) in [("owner", true), ("orgadmin", true), ("admin", true), ("member", false), ("reader", false)]
    {
        assert_eq!(read(name), Some(expected), "{name}");
    }
}
