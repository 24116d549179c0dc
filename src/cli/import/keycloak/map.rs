//! The file that says what groups and realm roles become. A group or role that is not in it becomes nothing.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize;

use crate::app::imported_people::{InOrganization, InWorkspace};
use crate::cli::CliError;
use crate::cli::import::file::{self, excerpt, one_of};
use crate::domain::member::Role;
use crate::domain::organization::{OrganizationName, OrganizationRole};
use crate::domain::user::AccountRole;
use crate::domain::workspace::WorkspaceName;

/// The maximum size of a map.
const MAX_SIZE: u64 = 1 << 20;

/// What a group or a role becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Account(AccountRole),
    Organization(InOrganization),
    Workspace(InWorkspace),
}

#[derive(Debug, Default)]
pub(super) struct Map {
    /// By path.
    pub(super) groups: BTreeMap<String, Vec<Target>>,
    /// By name.
    pub(super) roles: BTreeMap<String, Vec<Target>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    group: Vec<WrittenGroup>,
    #[serde(default)]
    role: Vec<WrittenRole>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenGroup {
    path: String,
    workspace: Option<String>,
    organization: Option<String>,
    role: Option<String>,
    account_role: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRole {
    name: String,
    workspace: Option<String>,
    organization: Option<String>,
    role: Option<String>,
    account_role: Option<String>,
}

impl Map {
    /// Reads a map. Refused with all of its faults.
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let mut text = String::new();
        let read = file::open(path, MAX_SIZE)?.read_to_string(&mut text);
        read.map_err(|error| CliError::Failed(format!("cannot read {}: {error}", path.display())))?;
        let written: Written = toml::from_str(&text).map_err(|error| file::faults(path, &[fault(&text, &error)]))?;
        let (mut map, mut faults) = (Self::default(), Vec::new());
        for one in written.group {
            let target = target(one.workspace, one.organization, one.role, one.account_role);
            match target {
                Ok(_) if !one.path.starts_with('/') => {
                    faults.push(format!("group {}: the path must begin with a slash", excerpt(&one.path)));
                }
                Ok(target) => map.groups.entry(one.path).or_default().push(target),
                Err(fault) => faults.push(format!("group {}: {fault}", excerpt(&one.path))),
            }
        }
        for one in written.role {
            match target(one.workspace, one.organization, one.role, one.account_role) {
                Ok(target) => map.roles.entry(one.name).or_default().push(target),
                Err(fault) => faults.push(format!("role {}: {fault}", excerpt(&one.name))),
            }
        }
        if faults.is_empty() { Ok(map) } else { Err(file::faults(path, &faults)) }
    }
}

/// The fault without the line of the file: it may be another file, with secrets.
fn fault(text: &str, error: &toml::de::Error) -> String {
    // The words of the parser about a wrong type repeat the value.
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let words = error.message().lines().next().unwrap_or_default();
    let words = match words.rsplit_once(", expected ") {
        Some((_, expected)) if words.starts_with("invalid ") => format!("expected {expected}"),
        _ => excerpt(words),
    };
    format!("line {line}: {words}; --groups needs a TOML file with tables [[group]] and [[role]]")
}

fn target(
    workspace: Option<String>,
    organization: Option<String>,
    role: Option<String>,
    account_role: Option<String>,
) -> Result<Target, String> {
    let organization = organization.map(|name| OrganizationName::parse(&name)).transpose();
    let organization = organization.map_err(|invalid| format!("organization {invalid}"))?;
    match (workspace, organization, role, account_role) {
        (None, None, None, Some(word)) => {
            let role = one_of(&word, &AccountRole::ALL, AccountRole::as_str);
            Ok(Target::Account(role.map_err(|invalid| format!("account_role {invalid}"))?))
        }
        (Some(name), organization, role, None) => {
            let name = WorkspaceName::parse(&name).map_err(|invalid| format!("workspace {invalid}"))?;
            let role = role.map_or(Ok(Role::Member), |word| one_of(&word, &Role::PREDEFINED, Role::as_str));
            let role = role.map_err(|invalid| format!("role {invalid}"))?;
            Ok(Target::Workspace(InWorkspace { organization, name, role }))
        }
        (None, Some(name), role, None) => {
            let role = role.map(|word| one_of(&word, &OrganizationRole::ALL, OrganizationRole::as_str)).transpose();
            let role = role.map_err(|invalid| format!("role {invalid}"))?;
            Ok(Target::Organization(InOrganization { name, role }))
        }
        (_, _, _, Some(_)) => Err("account_role must be alone; write another table for a workspace".to_owned()),
        (None, None, _, None) => Err("must have a workspace, an organization or an account_role".to_owned()),
    }
}
