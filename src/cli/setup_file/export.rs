//! `atelier export --as-apply`: writes a set-up file from what there is.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::parse;
use crate::app::declared_setup::{self, Current, MAX_OF_A_KIND};
use crate::app::identity::oauth::clients::Registered;
use crate::cli::{CliError, data, database, print, say};
use crate::config::Config;
use crate::config::text_form::TextForm as _;
use crate::domain::actor::Actor;
use crate::domain::client::{Grant, RedirectUri, Scope};
use crate::domain::ids::OrganizationId;
use crate::domain::member::Role;
use crate::domain::permission::Permission;
use crate::store::files;

const HEAD: &str = "\
# A set-up file of atelier, for `atelier plan` and `atelier apply`. It has no passwords, secrets, sessions, API keys of
# people or contents of workspaces, and not the memberships of the bots of clients. docs/reference/setup-file.md
# describes it.
";

/// Writes a set-up file with everything that such a file can declare, to this file or to stdout. An existing file is not
/// overwritten.
pub(in crate::cli) fn export_as_apply(config: &Config, out: Option<&Path>) -> Result<(), CliError> {
    let home = database::existing(config)?;
    let now = data::with(&home, |store| Ok(store.read(|view| declared_setup::everything(view, &Actor::operator()))?))?;
    for (kind, count) in [
        ("organizations", now.organizations.len()),
        ("people", now.people.len()),
        ("roles", now.roles.len()),
        ("workspaces", now.workspaces.len()),
        ("role bindings", now.bindings.len()),
        ("service keys", now.service_keys.len()),
    ] {
        if count > MAX_OF_A_KIND {
            return Err(CliError::Failed(format!(
                "the server has {count} {kind}, but a set-up file declares at most {MAX_OF_A_KIND}; use `atelier export`"
            )));
        }
    }
    let text = text(&now);
    // Older releases allowed names that are refused now.
    for fault in parse::parse(&text).err().unwrap_or_default() {
        say(&format!("warning: line {}: {}: {}; rename it", fault.at.line, fault.at.path, fault.rule));
    }
    match out {
        None => print(&text),
        Some(path) => write(path, &text).map_err(|error| {
            CliError::Failed(format!("cannot write {}: {error}; choose another file", path.display()))
        }),
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = files::create(path)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).inspect_err(|_| {
        let _ = std::fs::remove_file(path);
    })
}

fn text(now: &Current) -> String {
    let mut file = Writer(HEAD.to_owned());
    for one in now.organizations.values() {
        file.table("organizations");
        file.text("name", one.name.as_str());
        if one.home {
            file.raw("home", "true");
        }
        file.text("description", one.description.as_str());
    }
    roles(&mut file, now);
    people(&mut file, now);
    workspaces(&mut file, now);
    bindings(&mut file, now);
    now.clients.values().for_each(|client| self::client(&mut file, client));
    service_keys(&mut file, now);
    // An empty list says that there are none, so that a file names every kind.
    let empty = [
        ("roles", now.roles.values().all(|role| role.predefined.is_some())),
        ("people", now.people.is_empty()),
        ("workspaces", now.workspaces.is_empty()),
        ("bindings", now.bindings.is_empty()),
        ("service_keys", now.service_keys.is_empty()),
    ];
    let empty: Vec<&str> = empty.iter().filter(|(_, is)| *is).map(|(kind, _)| *kind).collect();
    let empty = empty.iter().fold(String::new(), |lines, kind| lines + kind + " = []\n");
    // Keys of the whole file have to be before the first table.
    file.0.insert_str(HEAD.len(), &empty);
    file.0
}

fn roles(file: &mut Writer, now: &Current) {
    for one in now.roles.values().filter(|role| role.predefined.is_none()) {
        file.table("roles");
        file.text("name", &one.name);
        file.text("description", &one.description);
        file.list("permissions", one.permissions.iter().map(Permission::name));
    }
}

fn people(file: &mut Writer, now: &Current) {
    for one in now.people.values() {
        file.table("people");
        file.text("email", one.email.as_str());
        file.text("first_name", one.first_name.as_str());
        file.text("last_name", one.last_name.as_str());
        file.text("role", one.role.as_str());
        file.raw("enabled", &one.enabled.to_string());
        file.raw("developer", &one.developer.to_string());
        let memberships =
            now.memberships.range((one.id, OrganizationId(i64::MIN))..=(one.id, OrganizationId(i64::MAX)));
        let places: Vec<_> = memberships
            .map(|((_, organization), role)| {
                format!("{} = {}", quoted(now.organization_name(*organization)), quoted(role.as_str()))
            })
            .collect();
        if places.is_empty() {
            file.raw("organizations", "{}");
        } else {
            file.raw("organizations", &format!("{{ {} }}", places.join(", ")));
        }
    }
}

fn workspaces(file: &mut Writer, now: &Current) {
    let mut members = BTreeMap::<_, Vec<String>>::new();
    for ((workspace, user), role) in &now.members {
        let line = format!("{} = {}\n", quoted(now.email(*user)), role_value(now, *role));
        members.entry(*workspace).or_default().push(line);
    }
    for one in now.workspaces.values() {
        file.table("workspaces");
        inside(file, now, one.organization);
        file.text("name", one.name.as_str());
        file.text("description", one.description.as_str());
        file.raw("private", &one.private.to_string());
        file.raw("archived", &one.archived.to_string());
        file.0.push_str("[workspaces.members]\n");
        members.remove(&one.id).unwrap_or_default().iter().for_each(|line| file.0.push_str(line));
    }
}

fn bindings(file: &mut Writer, now: &Current) {
    for ((user, (workspace, project)), binding) in &now.bindings {
        let Some(workspace) = now.workspaces.get(workspace) else { continue };
        file.table("bindings");
        file.text("person", now.email(*user));
        let predefined = now.roles.get(&binding.role).and_then(|role| role.predefined);
        file.raw("role", &role_value(now, predefined.unwrap_or(Role::Custom(binding.role))));
        inside(file, now, workspace.organization);
        file.text("workspace", workspace.name.as_str());
        if let Some(project) = project.and_then(|id| now.projects.get(&id)) {
            file.text("project", project.name.as_str());
        }
    }
}

fn client(file: &mut Writer, registered: &Registered) {
    let client = &registered.client;
    file.table("clients");
    file.text("id", client.id.as_str());
    file.text("name", client.name.as_str());
    file.raw("confidential", &client.confidential.to_string());
    file.list(
        "grants",
        client.grants.iter().map(|grant| match grant {
            Grant::DeviceCode => "device_code",
            Grant::AuthorizationCode | Grant::ClientCredentials | Grant::Password | Grant::RefreshToken => {
                grant.as_str()
            }
        }),
    );
    file.list("scopes", client.scopes.iter().map(Scope::as_str));
    file.list("redirect_uris", client.redirect_uris.iter().map(RedirectUri::as_str));
    file.list("post_logout_redirect_uris", client.post_logout_redirect_uris.iter().map(RedirectUri::as_str));
    file.text("refresh", client.refresh.as_str());
    file.text("pkce", client.pkce.as_str());
    file.list("groups", client.groups.pairs());
    let life = |life: Option<Duration>| life.map_or_else(|| "default".to_owned(), |life| life.to_text());
    file.text("access_token_life", &life(client.access_token_life));
    file.text("session_idle", &life(client.session_idle));
    file.text("session_life", &life(client.session_life));
    if let Some(bot) = &registered.service {
        file.text("service_role", bot.role.as_str());
    }
}

fn service_keys(file: &mut Writer, now: &Current) {
    for (key, bot) in &now.service_keys {
        file.table("service_keys");
        file.text("name", key.name.as_str());
        file.text("description", key.description.as_str());
        if let Some(end) = key.expires_at {
            file.text("expires_at", &end.zulu());
        }
        let roles: Vec<_> = bot
            .organizations
            .iter()
            .filter(|place| !place.workspaces.is_empty())
            .map(|place| {
                format!("{} = {}", quoted(now.organization_name(place.organization)), quoted(place.role.as_str()))
            })
            .collect();
        file.raw("organizations", &format!("{{ {} }}", roles.join(", ")));
        file.0.push_str("workspaces = [\n");
        for place in bot.workspaces() {
            let Some(workspace) = now.workspaces.get(&place.workspace) else { continue };
            let _ = writeln!(
                file.0,
                "    {{ organization = {}, workspace = {}, role = {} }},",
                quoted(now.organization_name(workspace.organization)),
                quoted(workspace.name.as_str()),
                role_value(now, place.role)
            );
        }
        file.0.push_str("]\n");
    }
}

fn inside(file: &mut Writer, now: &Current, organization: OrganizationId) {
    if organization != now.home {
        file.text("organization", now.organization_name(organization));
    }
}

/// A role as the file has it. A role of the account may have the name of a predefined one.
fn role_value(now: &Current, role: Role) -> String {
    let word = quoted(&now.role_word(role));
    match role {
        Role::Custom(_) if Role::predefined(&now.role_word(role)).is_some() => format!("{{ named = {word} }}"),
        Role::Custom(_) | Role::Owner | Role::Member | Role::Reader | Role::Annotator => word,
    }
}

struct Writer(String);

impl Writer {
    /// Begins the next entry of a kind.
    fn table(&mut self, kind: &str) {
        // Writing to a string never fails.
        let _ = writeln!(self.0, "\n[[{kind}]]");
    }

    fn raw(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.0, "{key} = {value}");
    }

    fn text(&mut self, key: &str, value: &str) {
        self.raw(key, &quoted(value));
    }

    fn list<T: AsRef<str>>(&mut self, key: &str, values: impl Iterator<Item = T>) {
        let values: Vec<_> = values.map(|value| quoted(value.as_ref())).collect();
        self.raw(key, &format!("[{}]", values.join(", ")));
    }
}

/// A basic string of TOML. JSON escapes the same characters, apart from DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}
