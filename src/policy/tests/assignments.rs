//! Tests of the functions that decide whether roles and bindings may be assigned and removed.

use super::*;

#[test]
fn an_actor_cannot_assign_a_role_above_their_own() {
    fn within<T: PartialEq>(order: &[T], own: Option<T>, assigned: &T) -> bool {
        let rank = |of: &T| order.iter().position(|one| one == of);
        own.is_some_and(|own| rank(&own) <= rank(assigned))
    }
    for actor in all() {
        let governs = actor.account.is_administrator();
        for role in AccountRole::ALL {
            let assigns = may_assign_account_role(&actor, role);
            assert!(!assigns || within(&AccountRole::ALL, actor.account.role(), &role), "{role:?}: {actor:?}");
            assert!(assigns || !governs, "{role:?}: {actor:?}");
        }
        for role in OrganizationRole::ALL {
            let assigns = may_assign_organization_role(&actor, role);
            let holds = within(&OrganizationRole::ALL, actor.organization, &role);
            assert!(!assigns || governs || holds, "{role:?}: {actor:?}");
            assert!(assigns || !governs, "{role:?}: {actor:?}");
        }
    }
    let of = |organization| Standing {
        account: Account::Role(AccountRole::Member),
        organization: Some(organization),
        ..Standing::default()
    };
    let (reader, annotator) = (of(OrganizationRole::Reader), of(OrganizationRole::Annotator));
    assert!(!may_assign_organization_role(&reader, OrganizationRole::Member));
    assert!(may_assign_organization_role(&reader, OrganizationRole::Reader));
    assert!(!may_assign_organization_role(&annotator, OrganizationRole::Reader));
    for role in [AccountRole::UiOnly, AccountRole::Annotator] {
        let actor = Standing { account: Account::Role(role), ..of(OrganizationRole::Admin) };
        assert!(!may_assign_account_role(&actor, AccountRole::Member), "{role:?}");
        assert!(!may_assign_account_role(&actor, AccountRole::Administrator), "{role:?}");
    }
}

#[test]
fn an_actor_cannot_remove_a_role_that_they_cannot_assign() {
    let sets = named();
    for actor in all() {
        for (role, named) in Role::PREDEFINED
            .into_iter()
            .map(|role| (role, PermissionSet::EMPTY))
            .chain(sets.map(|named| (Role::Custom(RoleId(7)), named)))
        {
            let removes = may_remove_member(&actor, role, named);
            assert!(!removes || may_assign_workspace_role(&actor, role, named), "{role:?}: {actor:?}");
            let holds = match role {
                Role::Custom(_) => named,
                role => of_role(role),
            };
            assert!(!removes || holds.is_within(held(&actor).union(actor.direct)), "{role:?}: {actor:?}");
        }
        for named in sets {
            assert!(!may_unbind(&actor, named) || may_bind(&actor, named), "{named:?}: {actor:?}");
        }
    }
    let removing = PermissionSet::of(&[Permission::SPACE_READ, Permission::ROLE_BINDING_DELETE]);
    let custom = |named| Standing { workspace: Some(Role::Custom(RoleId(7))), named, ..COLLEAGUE };
    for role in Role::PREDEFINED {
        assert!(!may_remove_member(&custom(removing), role, PermissionSet::EMPTY), "{role:?}");
        // A custom role with every permission of an owner does not allow the removal of members.
        assert!(!may_remove_member(&custom(of_role(Role::Owner)), role, PermissionSet::EMPTY), "{role:?}");
        let owner = Standing { workspace: Some(Role::Owner), ..COLLEAGUE };
        assert!(may_remove_member(&owner, role, PermissionSet::EMPTY), "{role:?}");
    }
    let both = removing.with(Permission::ROLE_BINDING_CREATE);
    assert!(!may_unbind(&custom(removing), PermissionSet::of(&[Permission::SPACE_READ])));
    assert!(may_unbind(&custom(both), PermissionSet::of(&[Permission::SPACE_READ])));
    assert!(!may_unbind(&custom(both), PermissionSet::of(&[Permission::SPACE_READ, Permission::SPACE_DELETE])));
}
