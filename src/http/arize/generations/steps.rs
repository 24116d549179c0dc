//! The steps of downgrades: each changes one JSON object.

use serde_json::{Map, Value};

use Step::{By, Text, Unpermitted, Without};

use super::shape::Shape;

pub(super) type Object = Map<String, Value>;

/// Names separated by spaces.
pub(super) type Names = &'static str;

pub(super) enum Step {
    Without(Names),
    /// Sets these fields to `""` where they are null or absent.
    Text(Names),
    /// Removes these permissions.
    Unpermitted(Names),
    /// Any other change.
    By(fn(Shape, &mut Object)),
}

fn is_one_of(name: &str, names: Names) -> bool {
    names.split(' ').any(|one| one == name)
}

impl Step {
    pub(super) fn take(&self, shape: Shape, object: &mut Object) {
        match self {
            Without(fields) => object.retain(|field, _| !is_one_of(field, fields)),
            Text(fields) => {
                for field in fields.split(' ') {
                    let text = object.entry(field).or_insert(Value::Null);
                    if text.is_null() {
                        *text = "".into();
                    }
                }
            }
            Unpermitted(names) => {
                if let Some(permissions) = object.get_mut("permissions").and_then(Value::as_array_mut) {
                    permissions.retain(|permission| !permission.as_str().is_some_and(|name| is_one_of(name, names)));
                }
            }
            By(step) => step(shape, object),
        }
    }
}

/// Keeps only the fields that the object had before 45.
pub(super) fn only_known_fields(shape: Shape, object: &mut Object) {
    let fields = match shape {
        Shape::Nothing => "",
        Shape::Space => "id name description created_at is_private",
        Shape::SpaceMembership => "id user_id space_id role",
        Shape::Organization => "id name description created_at",
        Shape::OrganizationMembership => "id user_id organization_id role",
        Shape::User => "id name email created_at status role is_developer",
        Shape::CreatedUser => "id name email created_at status role is_developer invite_mode temporary_password",
        Shape::Role => "id name description permissions is_predefined created_at updated_at",
        Shape::Binding => "id role_id user_id resource_type resource_id created_at updated_at",
        Shape::Key => {
            "id name description key_type status redacted_key created_at expires_at created_by_user_id last_used_at"
        }
        Shape::CreatedKey => {
            "id name description key_type status redacted_key created_at expires_at created_by_user_id last_used_at \
             key bot_user"
        }
        Shape::RefreshedKey => {
            "id name description key_type status redacted_key created_at expires_at created_by_user_id last_used_at key"
        }
        Shape::Restriction | Shape::CreatedRestriction => "resource_type resource_id created_at",
        Shape::Project => "id name space_id created_at",
        Shape::Tag => "id name description color space_id created_at updated_at",
        Shape::DetachedTags => "removed not_found",
        Shape::AuditLog => "id user_id ip operation_type operation_name operation_text variables created_at",
        Shape::Explanation => "decision user action on reasons changes",
    };
    let is_empty_bot = |field: &str, value: &Value| field == "bot_user" && value.is_null();
    object.retain(|field, value| is_one_of(field, fields) && !is_empty_bot(field, value));
}

/// Removes the name of a custom role that has the name of a predefined role.
pub(super) fn without_ambiguous_names(_: Shape, object: &mut Object) {
    let predefined = "ADMIN MEMBER MEMBER_UI_ONLY READ_ONLY ANNOTATOR";
    each_role(object, &|role| {
        if is(role, "type", "CUSTOM") {
            role.retain(|field, name| {
                field != "name" || !name.as_str().is_some_and(|name| is_one_of(name, predefined))
            });
        }
    });
}

/// Returns users with the role `MEMBER_UI_ONLY` as members.
pub(super) fn ui_only_as_member(_: Shape, object: &mut Object) {
    each_role(object, &|role| {
        if is(role, "type", "PREDEFINED") && is(role, "name", "MEMBER_UI_ONLY") {
            role.insert("name".to_owned(), "MEMBER".into());
        }
    });
}

/// Spells the roles of a user in lower case. The name of a custom role is kept, because a user chose it.
pub(super) fn lowercase_roles(_: Shape, object: &mut Object) {
    each_role(object, &|role| {
        if is(role, "type", "PREDEFINED") {
            respell(role, "name", |value| value.to_ascii_lowercase().replace('_', "-"));
        }
        respell(role, "type", str::to_ascii_lowercase);
    });
}

/// Spells the enum values of a user or a key in lower case.
pub(super) fn lowercase_values(_: Shape, object: &mut Object) {
    for field in ["status", "invite_mode", "key_type"] {
        respell(object, field, str::to_ascii_lowercase);
    }
}

/// Calls a revoked key deleted.
pub(super) fn revoked_as_deleted(_: Shape, object: &mut Object) {
    respell(object, "status", |value| value.replace("revoked", "deleted"));
}

/// Names the permission to revoke service keys as the permission to delete them.
pub(super) fn revoke_as_delete(_: Shape, object: &mut Object) {
    for permission in object.get_mut("permissions").and_then(Value::as_array_mut).into_iter().flatten() {
        if permission == "SERVICE_KEY_REVOKE" {
            *permission = "SERVICE_KEY_DELETE".into();
        }
    }
}

/// Names the detached tags as they were named before 53.
pub(super) fn detached_as_removed(_: Shape, object: &mut Object) {
    object.remove("completed");
    for (newer, older) in [("deleted", "removed"), ("not_deleted", "not_found")] {
        if let Some(ids) = object.remove(newer) {
            object.insert(older.to_owned(), ids);
        }
    }
}

/// Wraps a restriction into a field.
pub(super) fn wrap(_: Shape, object: &mut Object) {
    let restriction = std::mem::take(object);
    object.insert("resource_restriction".to_owned(), restriction.into());
}

/// Applies a function to each role in an object: its own role and those of its bot user.
fn each_role(object: &mut Object, with: &impl Fn(&mut Object)) {
    let role_of = |holder: &mut Object, field| {
        if let Some(role) = holder.get_mut(field).and_then(Value::as_object_mut) {
            with(role);
        }
    };
    role_of(object, "role");
    let Some(bot) = object.get_mut("bot_user").and_then(Value::as_object_mut) else { return };
    role_of(bot, "account_role");
    for organization in members(bot, "organizations") {
        role_of(organization, "role");
        members(organization, "spaces").for_each(|space| role_of(space, "role"));
    }
}

fn members<'a>(object: &'a mut Object, field: &str) -> impl Iterator<Item = &'a mut Object> {
    let list = object.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn is(object: &Object, field: &str, value: &str) -> bool {
    object.get(field).and_then(Value::as_str) == Some(value)
}

fn respell(object: &mut Object, field: &str, how: impl Fn(&str) -> String) {
    if let Some(text) = object.get_mut(field)
        && let Some(value) = text.as_str()
    {
        *text = how(value).into();
    }
}
