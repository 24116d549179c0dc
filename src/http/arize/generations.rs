//! The generations of the SDK. A response is built in the newest shape and then downgraded to the caller's version by
//! one list of downgrades, each with the version at which it ends (contract, section 7).
//!
//! The list runs from the newest to the oldest downgrade, because each expects the output of the newer ones. Requests
//! need no list: they are accepted in every spelling.

mod shape;
mod steps;
#[cfg(test)]
mod tests;

use actix_web::HttpRequest;
use serde_json::Value;

pub(super) use shape::Shape;
use steps::Step::{self, By, Text, Unpermitted, Without};
use steps::{
    detached_as_removed, lowercase_roles, lowercase_values, only_known_fields, revoke_as_delete, revoked_as_deleted,
    ui_only_as_member, without_ambiguous_names, wrap,
};

/// A version of the SDK: major, minor, patch.
type Version = (u16, u16, u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Generation(Version);

impl Generation {
    /// The newest generation, which is the default.
    const NEWEST: Self = Self((u16::MAX, 0, 0));

    /// The generation that a request's headers state (contract, section 1).
    pub(super) fn of(request: &HttpRequest) -> Self {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("sdk-package-name") != Some("arize") || header("sdk-language") != Some("python") {
            return Self::NEWEST;
        }
        header("sdk-version").and_then(version).map_or(Self::NEWEST, Self)
    }

    /// The first generation with this minor version of 8.
    const fn first(minor: u16) -> Self {
        Self((8, minor, 0))
    }

    /// The version as a fixed number of bytes. Generations with the same shapes as the newest have the same bytes as
    /// it.
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let Self((major, minor, patch)) = if self.is_newest() { Self::NEWEST } else { self };
        [major, minor, patch].into_iter().flat_map(u16::to_be_bytes).collect()
    }

    /// Whether no downgrade applies.
    pub(super) fn is_newest(self) -> bool {
        DOWNGRADES.iter().all(|downgrade| self >= Self::first(downgrade.ends))
    }
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

/// A change of a response for older generations.
struct Downgrade {
    /// The first minor version of 8 that it applies to; 0 for all older versions too.
    begins: u16,
    /// The first minor version of 8 that it no longer applies to.
    ends: u16,
    /// The shapes that it applies to.
    shapes: &'static [Shape],
    step: Step,
}

/// A downgrade for all versions below this one.
const fn below(ends: u16, shapes: &'static [Shape], step: Step) -> Downgrade {
    Downgrade { begins: 0, ends, shapes, step }
}

impl Downgrade {
    /// Limits the downgrade to this version and newer ones.
    const fn since(self, begins: u16) -> Self {
        Self { begins, ..self }
    }

    fn applies_to(&self, shape: Shape, generation: Generation) -> bool {
        generation < Generation::first(self.ends)
            && (self.begins == 0 || generation >= Generation::first(self.begins))
            && self.shapes.contains(&shape)
    }
}

/// Every shape with fields.
const EVERYTHING: &[Shape] = &[
    Shape::Space,
    Shape::SpaceMembership,
    Shape::Organization,
    Shape::OrganizationMembership,
    Shape::User,
    Shape::CreatedUser,
    Shape::Role,
    Shape::Binding,
    Shape::Key,
    Shape::CreatedKey,
    Shape::RefreshedKey,
    Shape::Restriction,
    Shape::CreatedRestriction,
    Shape::Project,
    Shape::Tag,
    Shape::DetachedTags,
    Shape::AuditLog,
];
const SPACES: &[Shape] = &[Shape::Space];
const DESCRIBED: &[Shape] = &[Shape::Space, Shape::Organization];
const USERS: &[Shape] = &[Shape::User, Shape::CreatedUser];
const ROLES: &[Shape] = &[Shape::Role];
const KEYS: &[Shape] = &[Shape::Key, Shape::CreatedKey, Shape::RefreshedKey];
const SECRETS: &[Shape] = &[Shape::CreatedKey, Shape::RefreshedKey];
const LOGS: &[Shape] = &[Shape::AuditLog];

/// Shapes that contain the roles of a user.
const HOLDERS: &[Shape] = &[
    Shape::SpaceMembership,
    Shape::OrganizationMembership,
    Shape::User,
    Shape::CreatedUser,
    Shape::Key,
    Shape::CreatedKey,
    Shape::RefreshedKey,
];

/// All downgrades, the newest first, except that permissions are grouped. A number is a minor version of 8.
const DOWNGRADES: &[Downgrade] = &[
    // Below 60 these fields had to be strings. Since 60 every field may be null or absent.
    below(60, DESCRIBED, Text("description")),
    below(60, LOGS, Text("user_id ip")),
    below(60, KEYS, Text("created_by_user_id")),
    // Below 60 a custom role with the name of a predefined role was parsed as both. Since 60 a role is parsed by its
    // type. Below 45 the role's id distinguishes the two.
    below(60, HOLDERS, By(without_ambiguous_names)).since(45),
    // A permission is removed for SDKs that do not know it: one unknown permission invalidates a whole page of roles.
    below(60, ROLES, Unpermitted("PROJECT_SPAN_EVAL_FEEDBACK_UPDATE")),
    below(59, ROLES, Unpermitted("DASHBOARD_TEMPLATE_CREATE DASHBOARD_TEMPLATE_DELETE")),
    below(59, ROLES, Unpermitted("DASHBOARD_TEMPLATE_READ DASHBOARD_TEMPLATE_UPDATE")),
    below(58, ROLES, Unpermitted("PROMPT_RESTRICT")),
    below(54, ROLES, Unpermitted("COST_CONFIG_CREATE COST_CONFIG_DELETE COST_CONFIG_READ COST_CONFIG_UPDATE")),
    // Below 53 the response to detaching tags had other names, and no `completed`.
    below(53, &[Shape::DetachedTags], By(detached_as_removed)),
    below(51, ROLES, Unpermitted("DASHBOARD_RESTRICT")),
    below(49, ROLES, Unpermitted("AGENT_ROLE_CREATE AGENT_ROLE_DELETE AGENT_ROLE_READ AGENT_ROLE_UPDATE")),
    below(49, ROLES, Unpermitted("ROLE_CREATE ROLE_DELETE ROLE_READ ROLE_UPDATE")),
    below(41, ROLES, Unpermitted("LLM_INTEGRATION_CREATE LLM_INTEGRATION_DELETE LLM_INTEGRATION_UPDATE")),
    below(41, ROLES, Unpermitted("MANAGED_AGENT_CREATE MANAGED_AGENT_DELETE MANAGED_AGENT_READ MANAGED_AGENT_UPDATE")),
    below(39, ROLES, Unpermitted("DATASET_VIEW_CREATE DATASET_VIEW_DELETE DATASET_VIEW_READ DATASET_VIEW_UPDATE")),
    below(24, ROLES, Unpermitted("REMOTE_ENDPOINT_INTEGRATION_CREATE REMOTE_ENDPOINT_INTEGRATION_DELETE")),
    below(24, ROLES, Unpermitted("REMOTE_ENDPOINT_INTEGRATION_READ REMOTE_ENDPOINT_INTEGRATION_UPDATE")),
    below(22, ROLES, Unpermitted("USER_PERMISSION_UPDATE")),
    // Below 41 the permission to revoke service keys was called the permission to delete them.
    below(41, ROLES, By(revoke_as_delete)),
    // Below 59 the account role MEMBER_UI_ONLY did not exist, so such a user is returned as a MEMBER.
    below(59, HOLDERS, By(ui_only_as_member)),
    // Below 45 an unknown field was an error. Since 45 the SDK ignores it.
    below(45, EVERYTHING, By(only_known_fields)),
    // Below 43 a space must not have `is_private`.
    below(43, SPACES, Without("is_private")),
    // Below 41 a new service key must not have `bot_user`.
    below(41, &[Shape::CreatedKey], Without("bot_user")),
    // In 40 only, a key that is returned with its secret must not have `redacted_key` too.
    below(41, SECRETS, Without("redacted_key")).since(40),
    // Below 40 enum values were in lower case, and names of roles had a hyphen. Since 40 they are in upper case.
    below(40, HOLDERS, By(lowercase_roles)),
    below(40, USERS, By(lowercase_values)),
    below(40, KEYS, By(lowercase_values)),
    // Below 40 a new restriction was a field of the response. Since 40 it is the response.
    below(40, &[Shape::CreatedRestriction], By(wrap)),
    // Below 34 a revoked key was called deleted.
    below(34, KEYS, By(revoked_as_deleted)),
    // Since 8.28.3 at the latest, a key may have `last_used_at`. Before, it must not.
    below(29, KEYS, Without("last_used_at")),
];

/// Downgrades a response, an object or a page of objects, to a generation.
pub(super) fn downgrade(shape: Shape, generation: Generation, response: &mut Value) {
    let Some(response) = response.as_object_mut() else { return };
    let is_page = response.contains_key("pagination");
    for Downgrade { step, .. } in DOWNGRADES.iter().filter(|one| one.applies_to(shape, generation)) {
        if is_page {
            let objects = response.values_mut().filter_map(Value::as_array_mut).flatten();
            objects.filter_map(Value::as_object_mut).for_each(|object| step.take(shape, object));
        } else {
            step.take(shape, response);
        }
    }
}
