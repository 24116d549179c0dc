//! API keys as commands print them and speak of them.

use serde_json::{Value, json};

use crate::domain::field::Field;
use crate::domain::key::{Key, KeyKind};
use crate::domain::secret::Secret;
use crate::domain::timestamp::Timestamp;
use crate::error::Error;

/// The output for a key with a new secret: the secret alone, or everything in JSON.
pub(super) fn secret_output(secret: Secret, json: bool) -> impl Fn(&Key) -> Option<String> + Send + 'static {
    move |key| {
        if !json {
            return Some(format!("{}\n", secret.expose()));
        }
        let mut value = to_json(key, Timestamp::now());
        if let Some(members) = value.as_object_mut() {
            members.insert("secret".to_owned(), secret.expose().into());
        }
        Some(format!("{value:#}\n"))
    }
}

/// `the key 7 (laptop) of ada@example.com`, for a question.
pub(super) fn in_words(key: &Key) -> String {
    let (id, name) = (key.id, key.name.as_str());
    match key.kind {
        KeyKind::User => format!("the key {id} ({name}) of {}", key.email),
        KeyKind::Service => format!("the service key {id} ({name})"),
    }
}

/// The email of a key's user. The email of a bot has no meaning, so it is not shown.
pub(super) fn owner_email(key: &Key) -> &str {
    match key.kind {
        KeyKind::User => key.email.as_str(),
        KeyKind::Service => "-",
    }
}

/// Replaces the name of a field by its flag.
pub(super) fn in_flags(error: Error) -> Error {
    match error {
        Error::Invalid { field: Field::ExpiresAt, rule } => Error::invalid("--expires", rule),
        Error::Invalid { field: Field::Workspace | Field::Workspaces, rule } => Error::invalid("--workspace", rule),
        other => other,
    }
}

pub(super) fn to_json(key: &Key, now: Timestamp) -> Value {
    json!({
        "id": key.id.0,
        "type": key.kind.as_str(),
        "user": (key.kind == KeyKind::User).then(|| key.email.as_str()),
        "name": key.name.as_str(),
        "description": key.description.as_str(),
        "key": key.redacted,
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|moment| moment.to_string()),
        "revoked_at": key.revoked_at.map(|moment| moment.to_string()),
        "last_used_at": key.last_used_at.map(|moment| moment.to_string()),
        "status": key.state(now).as_str(),
    })
}
