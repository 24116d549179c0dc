//! The request to create an API key, in the shape of every generation of the SDK.

use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::service_keys::{Grant, Grants};
use crate::domain::ids::{OrganizationId, WorkspaceId};
use crate::domain::member::Role;
use crate::domain::organization::OrganizationRole;
use crate::domain::user::AccountRole;
use crate::error::Error;
use crate::http::arize::Failure;
use crate::http::arize::body::from_object;
use crate::http::arize::ids::Public;
use crate::http::arize::spelling::{self, KeyType, RequestedRole, RoleGiven, canonical, space_role_name};
use crate::tokens::tags::TagKey;

/// A new API key. A service key has the fields `organizations` and `account_role`; SDK versions before 8.41 send
/// `space_id` and `roles` instead.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http::arize) struct CreateApiKey {
    /// The name, 1 to 256 characters.
    #[schema(min_length = 1, max_length = 256)]
    pub(super) name: String,
    /// `USER` (the default) or `SERVICE`.
    key_type: Option<KeyType>,
    /// The description, at most 1000 characters.
    #[schema(max_length = 1000)]
    pub(super) description: Option<String>,
    /// The time of expiry, if it has one.
    pub(super) expires_at: Option<String>,
    /// The organizations of a service key, with its roles.
    organizations: Option<Vec<OrganizationGiven>>,
    /// `MEMBER` or omitted: a service key has no role in the account.
    account_role: Option<RoleGiven>,
    /// The space of a service key, as SDK versions before 8.41 send it.
    space_id: Option<String>,
    /// The roles of a service key, as SDK versions before 8.41 send them.
    roles: Option<RolesGiven>,
}

/// A service key's membership of an organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
struct OrganizationGiven {
    /// The id of the organization.
    org_id: String,
    /// The role; `READ_ONLY` by default.
    role: Option<RoleGiven>,
    /// The spaces of the organization, 1 to 100.
    spaces: Vec<SpaceGiven>,
}

/// A service key's membership of a space.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
struct SpaceGiven {
    /// The id of the organization.
    space_id: String,
    /// The role; `MEMBER` by default.
    role: Option<RoleGiven>,
}

/// The roles of a service key, as SDK versions before 8.41 send them.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
#[expect(clippy::struct_field_names, reason = "the names that the SDK sends")]
struct RolesGiven {
    /// The role in the space.
    space_role: Option<String>,
    /// The role in the organization.
    org_role: Option<String>,
    /// The role in the account.
    account_role: Option<String>,
}

from_object!(OrganizationGiven, SpaceGiven, RolesGiven);

impl CreateApiKey {
    /// The grants of a service key, from either shape of the request; None for a user key.
    pub(super) fn grants(&mut self, key: &TagKey) -> Result<Option<Grants>, Failure> {
        let kind = self.key_type.unwrap_or(KeyType::User);
        let newest = self.organizations.is_some() || self.account_role.is_some();
        let older = self.space_id.is_some() || self.roles.is_some();
        match (kind, self.organizations.take(), self.space_id.take()) {
            (KeyType::User, None, None) if !newest && !older => Ok(None),
            (KeyType::User, _, _) => {
                Err(Error::invalid("key_type", "must be SERVICE for a key with organizations, spaces or roles").into())
            }
            (KeyType::Service, Some(organizations), None) if !older => {
                let account = self.account_role.take();
                let account = account.map(|role| predefined(role.read(key, "account_role")?, "account_role"));
                Ok(Some(Grants {
                    account: account_role(account.transpose()?.as_deref(), "account_role")?,
                    organizations: organizations
                        .into_iter()
                        .enumerate()
                        .map(|(at, requested)| requested.read(key, &format!("organizations[{at}]")))
                        .collect::<Result<_, _>>()?,
                }))
            }
            (KeyType::Service, None, Some(space)) if !newest => {
                let roles = self.roles.take().unwrap_or_default();
                let canonical = |name: Option<String>| name.as_deref().map(canonical);
                let space = WorkspaceId::read(key, "space_id", &space)?;
                let role = space_role(canonical(roles.space_role).as_deref(), "roles.space_role")?;
                Ok(Some(Grants {
                    account: account_role(canonical(roles.account_role).as_deref(), "roles.account_role")?,
                    organizations: vec![Grant {
                        organization: None,
                        role: organization_role(canonical(roles.org_role).as_deref(), "roles.org_role")?,
                        workspaces: vec![(space, role)],
                    }],
                }))
            }
            (KeyType::Service, _, _) => {
                Err(Error::invalid("organizations", "must list the organizations and spaces of the service key").into())
            }
        }
    }
}

impl OrganizationGiven {
    fn read(self, key: &TagKey, field: &str) -> Result<Grant, Failure> {
        let at = format!("{field}.role");
        let role = self.role.map(|role| predefined(role.read(key, &at)?, &at)).transpose()?;
        let role = organization_role(role.as_deref(), &at)?;
        let space = |(at, requested): (usize, SpaceGiven)| requested.read(key, &format!("{field}.spaces[{at}]"));
        Ok(Grant {
            organization: Some(OrganizationId::read(key, &format!("{field}.org_id"), &self.org_id)?),
            role,
            workspaces: self.spaces.into_iter().enumerate().map(space).collect::<Result<_, _>>()?,
        })
    }
}

impl SpaceGiven {
    fn read(self, key: &TagKey, field: &str) -> Result<(WorkspaceId, Role), Failure> {
        let at = format!("{field}.role");
        let role = match self.role.map(|role| role.read(key, &at)).transpose()? {
            Some(RequestedRole::Custom(id)) => Role::Custom(id),
            Some(RequestedRole::Predefined(name)) => space_role(Some(&name), &at)?,
            None => space_role(None, &at)?,
        };
        Ok((WorkspaceId::read(key, &format!("{field}.space_id"), &self.space_id)?, role))
    }
}

/// The name of a predefined role, where custom roles are not supported.
fn predefined(requested: RequestedRole, field: &str) -> Result<String, Failure> {
    match requested {
        RequestedRole::Predefined(name) => Ok(name),
        RequestedRole::Custom(_) => {
            Err(Error::invalid(field.to_owned(), "must not be of type CUSTOM except in a space").into())
        }
    }
}

fn space_role(name: Option<&str>, field: &str) -> Result<Role, Failure> {
    match name {
        None => Ok(Role::Member),
        Some(name) => [Role::Owner, Role::Member, Role::Reader]
            .into_iter()
            .find(|role| space_role_name(*role) == name)
            .ok_or_else(|| Error::invalid(field.to_owned(), "must be ADMIN, MEMBER or READ_ONLY").into()),
    }
}

fn organization_role(name: Option<&str>, field: &str) -> Result<OrganizationRole, Failure> {
    match name {
        None => Ok(OrganizationRole::Reader),
        Some(name) => spelling::organization_role(name)
            .filter(|role| *role != OrganizationRole::Annotator)
            .ok_or_else(|| Error::invalid(field.to_owned(), "must be ADMIN, MEMBER or READ_ONLY").into()),
    }
}

/// Parses the role in the account. A role that exists but that no service key can have is malformed (contract, section
/// 6).
fn account_role(name: Option<&str>, field: &str) -> Result<AccountRole, Failure> {
    match name {
        None | Some("MEMBER") => Ok(AccountRole::Member),
        Some("ADMIN") => Ok(AccountRole::Administrator),
        Some("ANNOTATOR" | "MEMBER_UI_ONLY") => Err(Failure::malformed(field, "must be MEMBER")),
        Some(_) => Err(Error::invalid(field.to_owned(), "must be MEMBER").into()),
    }
}
