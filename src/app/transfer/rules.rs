//! The rules between the rows of a file, and between them and the rows of this server.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::app::identity::oauth::client_rules;
use crate::domain::client::{Client, ClientId, ClientName, RedirectUri};
use crate::domain::email::Email;
use crate::domain::group::GroupNames;
use crate::domain::invalid::Invalid;
use crate::domain::key::KeyName;
use crate::domain::member::Role;
use crate::domain::permission::PermissionSet;
use crate::domain::scope::Scopes;
use crate::domain::text::fold;
use crate::domain::timestamp::Timestamp;
use crate::domain::transfer::{Cell, Kind, Part, Row};
use crate::domain::user::PersonName;
use crate::error::Error;
use crate::policy;

/// What the rules of other rows need to know about a row. References are tokens, which are equal for the same row.
pub(super) type Facts = Map<String, Value>;

/// The rows that a row refers to, by the names of its fields, and the references as tokens.
pub(super) struct Around {
    pub(super) facts: Vec<(&'static str, Facts)>,
    pub(super) tokens: Vec<(&'static str, String)>,
}

impl Around {
    pub(super) fn token(&self, field: &str) -> Option<&str> {
        self.tokens.iter().find(|(name, _)| *name == field).map(|(_, token)| token.as_str())
    }

    pub(super) fn fact(&self, field: &str, fact: &str) -> Option<&str> {
        let facts = self.facts.iter().find(|(name, _)| *name == field).map(|(_, facts)| facts);
        facts.and_then(|facts| facts.get(fact)).and_then(Value::as_str)
    }

    /// Whether the row is in a workspace that is archived on this server.
    pub(super) fn is_archived(&self) -> bool {
        self.facts.iter().any(|(_, facts)| facts.contains_key(ARCHIVED))
    }
}

const ARCHIVED: &str = "archived";

/// A field, empty for the whole row, and the rule that it breaks.
pub(super) type Broken = (&'static str, String);

fn broken<T>(field: &'static str, rule: &str) -> Result<T, Broken> {
    Err((field, rule.to_owned()))
}

/// The facts about a row.
pub(super) fn facts(row: &Row, around: &Around) -> Facts {
    let mut facts = Facts::new();
    let mut keep = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            facts.insert(name.to_owned(), Value::from(value));
        }
    };
    match row.kind {
        Kind::Organization => keep("name", row.get("name").text()),
        Kind::User => {
            keep("name", row.get("email").text());
            keep("role", row.get("role").text());
            keep("user_kind", row.get("user_kind").text());
        }
        Kind::Workspace => {
            keep("name", row.get("name").text());
            keep("organization", around.token("organization"));
            keep("place", around.fact("organization", "name"));
        }
        Kind::Role => {
            keep("name", row.get("name").text());
            keep("predefined", row.get("predefined").text());
            if let Cell::Blob(bytes) = row.get("permissions") {
                keep("permissions", Some(&data_encoding::HEXLOWER.encode(bytes)));
            }
        }
        Kind::Project | Kind::Model | Kind::Pipeline => {
            if row.kind == Kind::Project {
                keep("name", row.get("name").text());
                keep("place", around.fact("workspace", "name"));
            }
            keep("workspace", around.token("workspace"));
            keep("organization", around.fact("workspace", "organization"));
        }
        Kind::ModelVersion => {
            keep("workspace", around.fact("model", "workspace"));
            keep("organization", around.fact("model", "organization"));
        }
        Kind::Tag => {
            keep("workspace", around.token("workspace"));
            keep("organization", around.token("organization"));
        }
        _ => {}
    }
    if around.is_archived() {
        facts.insert(ARCHIVED.to_owned(), Value::from(true));
    }
    facts
}

/// The facts about a row of this server.
pub(super) fn facts_here(row: &Row, around: &Around) -> Facts {
    let mut facts = facts(row, around);
    if row.kind == Kind::Workspace && *row.get("archived") == Cell::Int(1) {
        facts.insert(ARCHIVED.to_owned(), Value::from(true));
    }
    facts
}

/// Checks a new row.
pub(super) fn check(row: &Row, around: &Around) -> Result<(), Broken> {
    match row.kind {
        Kind::Organization if *row.get("home") == Cell::Int(1) => {
            broken("home", "must not be true: this server has no home organization; start it once")
        }
        Kind::User => user(row),
        Kind::OrganizationMember => annotates(around, row.is("role", "annotator"), "role"),
        Kind::Role if !row.get("predefined").is_null() => {
            broken("predefined", "must be missing: this server does not have such a role")
        }
        Kind::Member => member(row, around),
        Kind::Binding => binding(around),
        Kind::Tag => match (around.fact("workspace", "organization"), around.token("organization")) {
            (Some(of_workspace), Some(own)) if of_workspace != own => {
                broken("organization", "must be the organization of the workspace")
            }
            _ => Ok(()),
        },
        Kind::ProjectTag => near(around, "project"),
        Kind::PipelineTag => near(around, "pipeline"),
        Kind::ModelVersionTag => near(around, "model_version"),
        Kind::ModelVersion => version(row),
        Kind::Client => client(row, around),
        Kind::Key => match (row.get("previous_expires_at"), row.get("previous_fingerprint")) {
            (Cell::Null, Cell::Blob(_)) => broken("previous_expires_at", "must not be missing"),
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

fn user(row: &Row) -> Result<(), Broken> {
    if row.is("state", "invited") && row.get("invited_until").is_null() {
        return broken("invited_until", "must not be missing for an invited user");
    }
    if row.get("email_verified_by").is_null() != row.get("email_verified_at").is_null() {
        return broken("email_verified_at", "must be there if email_verified_by is, and only then");
    }
    let is_person = row.is("user_kind", "person");
    for field in ["first_name", "last_name"] {
        let name = row.text(field);
        let parsed = if is_person {
            PersonName::parse(name).map(|parsed| parsed.as_str() == name)
        } else if name.is_empty() {
            Ok(true)
        } else {
            KeyName::parse(name).map(|parsed| parsed.as_str() == name)
        };
        match parsed {
            Ok(true) => {}
            Ok(false) => return broken(field, "is not in the form in which atelier stores it"),
            Err(Invalid { rule }) => return broken(field, &rule),
        }
    }
    if !is_person && !row.get("password_hash").is_null() {
        return broken("password_hash", "must be missing for a bot");
    }
    Ok(())
}

/// An annotator of the account has no other role.
fn annotates(around: &Around, as_annotator: bool, field: &'static str) -> Result<(), Broken> {
    if around.fact("user", "role") == Some("annotator") && !as_annotator {
        return broken(field, "must be annotator, because the user is an annotator of the account");
    }
    Ok(())
}

fn member(row: &Row, around: &Around) -> Result<(), Broken> {
    if row.is("role", "custom") != around.token("custom_role").is_some() {
        return broken("custom_role", "must be there if the role is custom, and only then");
    }
    if around.fact("custom_role", "predefined").is_some() {
        return broken("custom_role", "must not be a predefined role");
    }
    annotates(around, row.is("role", "annotator"), "role")
}

fn binding(around: &Around) -> Result<(), Broken> {
    if around.token("workspace").is_some() == around.token("project").is_some() {
        return broken("workspace", "must be missing if there is a project, and only then");
    }
    if around.fact("user", "role") == Some("annotator") {
        let granted = around.fact("role", "permissions").and_then(|hex| {
            let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok()?;
            bytes.try_into().ok().map(PermissionSet::from_bytes)
        });
        if !granted.is_some_and(|granted| granted.is_within(policy::of_role(Role::Annotator))) {
            return broken("role", "must have only permissions of annotators, because the user is one");
        }
    }
    Ok(())
}

/// A tag belongs to the workspace of what is tagged, or to its organization.
fn near(around: &Around, thing: &'static str) -> Result<(), Broken> {
    let is_near = match around.fact("tag", "workspace") {
        Some(workspace) => around.fact(thing, "workspace") == Some(workspace),
        None => around.fact("tag", "organization") == around.fact(thing, "organization"),
    };
    if is_near {
        Ok(())
    } else {
        broken("tag", "must belong to the workspace of what is tagged, or to its organization")
    }
}

fn version(row: &Row) -> Result<(), Broken> {
    let has_file = !row.get("sha256").is_null();
    if has_file != row.get("image_path").is_null() {
        return broken("sha256", "must be missing if there is an image_path, and only then");
    }
    if !has_file && row.get("size").int() != Some(0) {
        return broken("size", "must be 0 for an image");
    }
    if has_file == row.text("file_name").is_empty() {
        return broken("file_name", "must be empty for an image, and only then");
    }
    Ok(())
}

fn client(row: &Row, around: &Around) -> Result<(), Broken> {
    if *row.get("built_in") == Cell::Int(1) {
        return broken("built_in", "must be false: this server does not have such a client");
    }
    if around.token("service_user").is_some() && around.fact("service_user", "user_kind") != Some("bot") {
        return broken("service_user", "must be a bot");
    }
    if *row.get("confidential") == Cell::Int(0) && !row.get("secret").is_null() {
        return broken("confidential", "must be true for a client with a secret");
    }
    let parsed = parse_client(row).ok_or_else(|| ("grants", "must be those of a client".to_owned()))?;
    client_rules::check_id(&parsed.id).and_then(|()| client_rules::check(&parsed)).map_err(|error| match error {
        Error::Invalid { field, rule } => ("", format!("{field} {rule}")),
        other => ("", other.to_string()),
    })
}

fn parse_client(row: &Row) -> Option<Client> {
    let addresses = |name| {
        let all = row.text(name).split_ascii_whitespace();
        all.map(|uri| RedirectUri::parse(uri).ok()).collect::<Option<Vec<_>>>()
    };
    let life = |name| row.get(name).int().and_then(|seconds| u64::try_from(seconds).ok()).map(Duration::from_secs);
    Some(Client {
        id: ClientId::parse(row.text("client_id")).ok()?,
        name: ClientName::stored(row.text("name")),
        built_in: false,
        confidential: *row.get("confidential") == Cell::Int(1),
        grants: row
            .text("grants")
            .split_ascii_whitespace()
            .map(|word| word.parse().ok())
            .collect::<Option<BTreeSet<_>>>()?,
        scopes: Scopes::parse_known(row.text("scopes")),
        redirect_uris: addresses("redirect_uris")?,
        post_logout_redirect_uris: addresses("post_logout_redirect_uris")?,
        refresh: row.text("refresh").parse().ok()?,
        pkce: row.text("pkce").parse().ok()?,
        groups: GroupNames::parse_json(row.text("group_names")).ok()?,
        access_token_life: life("access_token_life"),
        session_idle: life("session_idle"),
        session_life: life("session_life"),
        service_user: None,
        created_at: Timestamp::EARLIEST,
        updated_at: Timestamp::EARLIEST,
    })
}

/// The natural key of a row, by which two lines of a file for the same thing are found.
pub(super) fn natural_key(row: &Row, around: &Around) -> String {
    match row.kind {
        Kind::Organization if *row.get("home") == Cell::Int(1) => return "home".to_owned(),
        Kind::Organization => return format!("name {}", row.text("name")),
        Kind::User if row.is("state", "blocked") => return format!("uuid {}", row.text("uuid")),
        Kind::User => return format!("email {}", Email::stored(row.text("email")).key()),
        Kind::Tag if around.token("workspace").is_some() => {
            let workspace = around.token("workspace").unwrap_or_default();
            return format!("{workspace} {}", fold(row.text("name")));
        }
        Kind::Key | Kind::RecoveryCode => return format!("{:?}", row.get("fingerprint")),
        _ => {}
    }
    let mut key = String::new();
    for (field, cell) in row.fields().filter(|(field, _)| field.part == Part::Key) {
        let part = around.token(field.name).map_or_else(|| format!("{cell:?}"), str::to_owned);
        key.push_str(&part);
        key.push('\u{1f}');
    }
    key
}

/// A name by which a person recognizes a row.
pub(super) fn name(row: &Row) -> String {
    let named = ["email", "client_id", "name", "uuid"].into_iter().find(|field| !row.get(field).is_null());
    named.map_or_else(String::new, |field| row.text(field).to_owned())
}
