//! The kinds of a set-up file. `docs/reference/setup-file.md` describes them.

use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::reader::{Faults, Table, kind};
use crate::app::declared_setup::{
    At, Declared, DeclaredBinding, DeclaredClient, DeclaredMember, DeclaredMembership, DeclaredOrganization,
    DeclaredPerson, DeclaredPlace, DeclaredRole, DeclaredServiceKey, DeclaredWorkspace, Fault, MAX_MEMBERS,
    MAX_OF_A_KIND, RoleIn,
};
use crate::app::identity::oauth::clients::ClientChange;
use crate::config::text_form;
use crate::domain::client::{ClientId, ClientName, Grant, RedirectUri, Scope, Scopes};
use crate::domain::email::Email;
use crate::domain::group::GroupNames;
use crate::domain::key::KeyName;
use crate::domain::member::Role;
use crate::domain::organization::{OrganizationName, OrganizationRole};
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::project::ProjectName;
use crate::domain::role::RoleName;
use crate::domain::text::Description;
use crate::domain::timestamp::Timestamp;
use crate::domain::user::{AccountRole, PersonName};
use crate::domain::workspace::WorkspaceName;

/// Parses a file. On failure, all of its faults, by line.
pub(super) fn parse(text: &str) -> Result<Declared, Vec<Fault>> {
    let mut faults = Faults::of(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = faults.at(&error.span().unwrap_or_default(), String::new());
        faults.add(at, format!("is not valid TOML: {}", error.message()));
    }
    // What the parser has guessed would only lead to more faults.
    let found = faults.into_found();
    if !found.is_empty() {
        return Err(found);
    }
    let mut faults = Faults::of(text);
    let declared = whole(&mut faults, table.get_ref());
    let found = faults.into_found();
    if found.is_empty() { Ok(declared) } else { Err(found) }
}

fn whole<'t>(faults: &mut Faults, table: &'t DeTable<'t>) -> Declared {
    let mut root = Table::new(faults, At { line: 1, path: String::new() }, table);
    let declared = Declared {
        organizations: root.tables("organizations", MAX_OF_A_KIND, organization),
        people: root.tables("people", MAX_OF_A_KIND, person),
        roles: root.tables("roles", MAX_OF_A_KIND, role),
        workspaces: root.tables("workspaces", MAX_OF_A_KIND, workspace),
        bindings: root.tables("bindings", MAX_OF_A_KIND, binding),
        clients: root.tables("clients", MAX_OF_A_KIND, client),
        service_keys: root.tables("service_keys", MAX_OF_A_KIND, service_key),
    };
    let members = declared.workspaces.iter().flatten().filter_map(|one| Some(one.members.as_ref()?.len())).sum();
    let memberships = declared.people.iter().flatten().filter_map(|one| Some(one.organizations.as_ref()?.len())).sum();
    for (key, count) in [("workspaces", members), ("people", memberships)] {
        let count: usize = count;
        if count > MAX_MEMBERS {
            root.fault(key, format!("must have at most {MAX_MEMBERS} members in total, not {count}"));
        }
    }
    root.finish();
    declared
}

fn organization(table: &mut Table) -> Option<DeclaredOrganization> {
    let name = table.required("name", OrganizationName::parse);
    let home = table.boolean("home").unwrap_or(false);
    let description = table.text("description", Description::parse);
    Some(DeclaredOrganization { at: table.at.clone(), name: name?, home, description })
}

fn person(table: &mut Table) -> Option<DeclaredPerson> {
    let email = table.required("email", Email::parse);
    let first_name = table.text("first_name", PersonName::parse);
    let last_name = table.text("last_name", PersonName::parse);
    let role = table.text("role", |word| {
        word.parse::<AccountRole>().map_err(|_| "must be administrator, member, ui_only or annotator")
    });
    let enabled = table.boolean("enabled");
    let developer = table.boolean("developer");
    let organizations = memberships(table);
    let at = table.at.clone();
    Some(DeclaredPerson { at, email: email?, first_name, last_name, role, enabled, developer, organizations })
}

/// The organizations of a person or a service key, each with a role.
fn memberships(table: &mut Table) -> Option<Vec<DeclaredMembership>> {
    table.entries("organizations", |faults, at, name, value| {
        let organization = OrganizationName::parse(name).map_err(|rule| rule.to_string());
        let role = match value.as_str() {
            Some(word) => word
                .parse::<OrganizationRole>()
                .map_err(|_| "the role must be admin, member, reader or annotator".to_owned()),
            None => Err(format!("the role must be a string, not {}", kind(value))),
        };
        let (organization, role) = (unless(faults, &at, organization), unless(faults, &at, role));
        Some(DeclaredMembership { at, organization: organization?, role: role? })
    })
}

fn role(table: &mut Table) -> Option<DeclaredRole> {
    let name = table.required("name", RoleName::parse);
    let description = table.text("description", Description::parse);
    let permissions = table.list("permissions", |word| {
        Permission::from_name(word).ok_or("is not a permission; docs/reference/roles-and-permissions.md lists them")
    });
    if permissions.as_ref().is_some_and(Vec::is_empty) {
        table.fault("permissions", "must not be empty");
    }
    let permissions = permissions.map(|all| all.into_iter().collect::<PermissionSet>());
    Some(DeclaredRole { at: table.at.clone(), name: name?, description, permissions })
}

fn workspace(table: &mut Table) -> Option<DeclaredWorkspace> {
    let organization = table.text("organization", OrganizationName::parse);
    let name = table.required("name", WorkspaceName::parse);
    let description = table.text("description", Description::parse);
    let private = table.boolean("private");
    let archived = table.boolean("archived");
    let members = table.entries("members", |faults, at, email, value| {
        let (email, role) = (unless(faults, &at, Email::parse(email)), role_value(faults, &at, value));
        Some(DeclaredMember { at, email: email?, role: role? })
    });
    let at = table.at.clone();
    Some(DeclaredWorkspace { at, organization, name: name?, description, private, archived, members })
}

fn binding(table: &mut Table) -> Option<DeclaredBinding> {
    let email = table.required("person", Email::parse);
    let role = required_role(table);
    let organization = table.text("organization", OrganizationName::parse);
    let workspace = table.required("workspace", WorkspaceName::parse);
    let project = table.text("project", ProjectName::parse);
    let at = table.at.clone();
    Some(DeclaredBinding { at, email: email?, role: role?, organization, workspace: workspace?, project })
}

fn client(table: &mut Table) -> Option<DeclaredClient> {
    let id = table.required("id", ClientId::parse);
    let name = table.text("name", ClientName::parse);
    let confidential = table.boolean("confidential");
    let grants = table.list("grants", |word| {
        let short = (word == "device_code").then_some(Grant::DeviceCode);
        short
            .or_else(|| word.parse().ok())
            .ok_or("must be authorization_code, refresh_token, device_code, client_credentials or password")
    });
    let scopes = table.list("scopes", |word| {
        word.parse::<Scope>().map_err(|_| "must be openid, email, profile, offline_access, groups or api")
    });
    let settings = ClientChange {
        name: None,
        grants: grants.map(|all| all.into_iter().collect()),
        scopes: scopes.map(Scopes::of),
        redirect_uris: table.list("redirect_uris", RedirectUri::parse),
        post_logout_redirect_uris: table.list("post_logout_redirect_uris", RedirectUri::parse),
        refresh: table.text("refresh", |word| word.parse().map_err(|_| "must be rotating or reusable")),
        pkce: table.text("pkce", |word| word.parse().map_err(|_| "must be required or optional")),
        groups: groups(table),
        access_token_life: table.text("access_token_life", life),
        session_idle: table.text("session_idle", life),
        session_life: table.text("session_life", life),
        service_role: table.text("service_role", |word| match word.parse() {
            Ok(role @ (AccountRole::Administrator | AccountRole::Member)) => Ok(role),
            _ => Err("must be administrator or member"),
        }),
    };
    let secret_file = file(table);
    Some(DeclaredClient { at: table.at.clone(), id: id?, name, confidential, settings, secret_file })
}

/// The names of groups, as a list of `GROUP=NAME`.
fn groups(table: &mut Table) -> Option<GroupNames> {
    let pairs = table.list("groups", |pair| GroupNames::parse_pairs([pair]).map(|_| pair.to_owned()))?;
    let names = GroupNames::parse_pairs(pairs.iter().map(String::as_str));
    names.map_err(|rule| table.fault("groups", rule.to_string())).ok()
}

/// A lifetime, or the server's setting.
fn life(text: &str) -> Result<Option<Duration>, String> {
    if text == "default" { Ok(None) } else { text_form::parse(text).map(Some) }
}

fn file(table: &mut Table) -> Option<PathBuf> {
    table.text("secret_file", |path| {
        if path.is_empty() || path.contains('\0') { Err("must be the path of a file") } else { Ok(PathBuf::from(path)) }
    })
}

fn service_key(table: &mut Table) -> Option<DeclaredServiceKey> {
    let name = table.required("name", KeyName::parse);
    let description = table.text("description", Description::parse);
    let expires_at = table.moment("expires_at", Timestamp::parse);
    let organizations = memberships(table).unwrap_or_default();
    let workspaces = table.tables("workspaces", MAX_OF_A_KIND, |place| {
        let organization = place.text("organization", OrganizationName::parse);
        let workspace = place.required("workspace", WorkspaceName::parse);
        let role = required_role(place);
        Some(DeclaredPlace { at: place.at.clone(), organization, workspace: workspace?, role: role? })
    });
    let workspaces = workspaces.unwrap_or_default();
    if workspaces.is_empty() {
        table.fault("workspaces", "must name at least one workspace with a role");
    }
    let secret_file = file(table);
    let at = table.at.clone();
    Some(DeclaredServiceKey { at, name: name?, description, expires_at, organizations, workspaces, secret_file })
}

fn required_role(table: &mut Table) -> Option<RoleIn> {
    let Some((at, value)) = table.value("role") else {
        table.fault("role", "is missing");
        return None;
    };
    role_value(table.faults(), &at, value)
}

/// A role in a workspace: a predefined word or the name of a role, or `{ named = "owner" }` for a role that has the name
/// of a predefined one.
fn role_value<'t>(faults: &mut Faults, at: &At, value: &'t DeValue<'t>) -> Option<RoleIn> {
    let named = |text: &str| RoleName::parse(text).map(|name| RoleIn::Named(name.as_str().to_owned()));
    let parsed = match (value.as_str(), value.as_table()) {
        (Some(word), _) => match Role::predefined(word) {
            Some(role) => Ok(RoleIn::Predefined(role)),
            None => named(word).map_err(|rule| format!("the role {rule}")),
        },
        (None, Some(table)) => {
            let mut table = Table::new(faults, at.clone(), table);
            let name = table.required("named", named);
            table.finish();
            return name;
        }
        (None, None) => Err(format!("the role must be a string or {{ named = \"...\" }}, not {}", kind(value))),
    };
    unless(faults, at, parsed)
}

/// The value, or a fault.
fn unless<T, E: ToString>(faults: &mut Faults, at: &At, parsed: Result<T, E>) -> Option<T> {
    parsed.map_err(|rule| faults.add(at.clone(), rule.to_string())).ok()
}

#[cfg(test)]
mod tests;
