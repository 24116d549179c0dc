//! Tests of the functions that decide whether roles and bindings may be assigned and removed.

use super::*;

#[test]
fn nobody_gives_a_role_above_their_own() {
    fn within<T: PartialEq>(order: &[T], own: Option<T>, given: &T) -> bool {
        let rank = |of: &T| order.iter().position(|one| one == of);
        own.is_some_and(|own| rank(&own) <= rank(given))
    }
    for giver in all() {
        let governs = giver.account.governs();
        for role in AccountRole::ALL {
            let gives = gives_in_account(&giver, role);
            assert!(!gives || within(&AccountRole::ALL, giver.account.role(), &role), "{role:?}: {giver:?}");
            assert!(gives || !governs, "{role:?}: {giver:?}");
        }
        for role in OrganizationRole::ALL {
            let gives = gives_in_organization(&giver, role);
            let holds = within(&OrganizationRole::ALL, giver.organization, &role);
            assert!(!gives || governs || holds, "{role:?}: {giver:?}");
            assert!(gives || !governs, "{role:?}: {giver:?}");
        }
    }
    let of = |organization| Standing {
        account: Account::Role(AccountRole::Member),
        organization: Some(organization),
        ..Standing::default()
    };
    let (reader, annotator) = (of(OrganizationRole::Reader), of(OrganizationRole::Annotator));
    assert!(!gives_in_organization(&reader, OrganizationRole::Member));
    assert!(gives_in_organization(&reader, OrganizationRole::Reader));
    assert!(!gives_in_organization(&annotator, OrganizationRole::Reader));
    for role in [AccountRole::UiOnly, AccountRole::Annotator] {
        let giver = Standing { account: Account::Role(role), ..of(OrganizationRole::Admin) };
        assert!(!gives_in_account(&giver, AccountRole::Member), "{role:?}");
        assert!(!gives_in_account(&giver, AccountRole::Administrator), "{role:?}");
    }
}

#[test]
fn nobody_takes_away_what_they_could_not_give() {
    let sets = named();
    for remover in all() {
        for (role, named) in Role::PREDEFINED
            .into_iter()
            .map(|role| (role, PermissionSet::EMPTY))
            .chain(sets.map(|named| (Role::Custom(RoleId(7)), named)))
        {
            let removes = removes_from_workspace(&remover, role, named);
            assert!(!removes || gives_in_workspace(&remover, role, named), "{role:?}: {remover:?}");
            let holds = match role {
                Role::Custom(_) => named,
                role => of_role(role),
            };
            assert!(!removes || holds.is_within(held(&remover).union(remover.direct)), "{role:?}: {remover:?}");
        }
        for named in sets {
            assert!(!unbinds(&remover, named) || binds(&remover, named), "{named:?}: {remover:?}");
        }
    }
    let removing = PermissionSet::of(&[Permission::SPACE_READ, Permission::ROLE_BINDING_DELETE]);
    let custom = |named| Standing { workspace: Some(Role::Custom(RoleId(7))), named, ..COLLEAGUE };
    for role in Role::PREDEFINED {
        assert!(!removes_from_workspace(&custom(removing), role, PermissionSet::EMPTY), "{role:?}");
        // A custom role with every permission of an owner does not allow the removal of members.
        assert!(!removes_from_workspace(&custom(of_role(Role::Owner)), role, PermissionSet::EMPTY), "{role:?}");
        let owner = Standing { workspace: Some(Role::Owner), ..COLLEAGUE };
        assert!(removes_from_workspace(&owner, role, PermissionSet::EMPTY), "{role:?}");
    }
    let both = removing.with(Permission::ROLE_BINDING_CREATE);
    assert!(!unbinds(&custom(removing), PermissionSet::of(&[Permission::SPACE_READ])));
    assert!(unbinds(&custom(both), PermissionSet::of(&[Permission::SPACE_READ])));
    assert!(!unbinds(&custom(both), PermissionSet::of(&[Permission::SPACE_READ, Permission::SPACE_DELETE])));
}
