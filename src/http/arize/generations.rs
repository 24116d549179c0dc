//! The generations of the SDK: answers are made in the newest shape and then fitted to the caller's version by one
//! list of downgrades, each with the version that it ends at (contract, section 7).
//!
//! A downgrade takes a thing one step back, so the list goes from the newest to the oldest. What differs in requests is
//! not here: those are read in every spelling.

mod shape;
mod steps;
#[cfg(test)]
mod tests;

use actix_web::HttpRequest;
use serde_json::Value;

pub(super) use shape::Shape;
use steps::Step::{self, By, Text, Unpermitted, Without};
use steps::{deleted, deletes_keys, known, lower_roles, lower_words, no_ui_only, unmistakable, wrapped};

/// A version of the SDK: major, minor, patch.
type Version = (u16, u16, u16);

/// The version that the caller's SDK says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Generation(Version);

impl Generation {
    /// The newest, which everybody has who does not say otherwise.
    const NEWEST: Self = Self((u16::MAX, 0, 0));

    /// What a request says in its headers (contract, section 1).
    pub(super) fn of(request: &HttpRequest) -> Self {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        if header("sdk-package-name") != Some("arize") || header("sdk-language") != Some("python") {
            return Self::NEWEST;
        }
        header("sdk-version").and_then(version).map_or(Self::NEWEST, Self)
    }

    /// The first of a minor version of 8.
    const fn first(minor: u16) -> Self {
        Self((8, minor, 0))
    }

    /// The version as bytes, always as many, by which it is told from every other one that is fitted otherwise.
    pub(super) fn words(self) -> Vec<u8> {
        let Self((major, minor, patch)) = if self.is_newest() { Self::NEWEST } else { self };
        [major, minor, patch].into_iter().flat_map(u16::to_be_bytes).collect()
    }

    /// Whether nothing has to be fitted.
    pub(super) fn is_newest(self) -> bool {
        DOWNGRADES.iter().all(|downgrade| self >= Self::first(downgrade.ends))
    }
}

fn version(text: &str) -> Option<Version> {
    let mut parts = text.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

/// One way in which older generations differ.
struct Downgrade {
    /// The first minor version of 8 that it is for; 0 is for all before as well.
    begins: u16,
    /// The first minor version of 8 that it is not for.
    ends: u16,
    /// The things that it concerns.
    shapes: &'static [Shape],
    step: Step,
}

/// A downgrade for all versions below this one.
const fn below(ends: u16, shapes: &'static [Shape], step: Step) -> Downgrade {
    Downgrade { begins: 0, ends, shapes, step }
}

impl Downgrade {
    /// The same, but for no version below this one.
    const fn since(self, begins: u16) -> Self {
        Self { begins, ..self }
    }

    fn concerns(&self, shape: Shape, generation: Generation) -> bool {
        generation < Generation::first(self.ends)
            && (self.begins == 0 || generation >= Generation::first(self.begins))
            && self.shapes.contains(&shape)
    }
}

/// Whatever has fields.
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
    Shape::AuditLog,
];
const SPACES: &[Shape] = &[Shape::Space];
const DESCRIBED: &[Shape] = &[Shape::Space, Shape::Organization];
const USERS: &[Shape] = &[Shape::User, Shape::CreatedUser];
const ROLES: &[Shape] = &[Shape::Role];
const KEYS: &[Shape] = &[Shape::Key, Shape::CreatedKey, Shape::RefreshedKey];
const SECRETS: &[Shape] = &[Shape::CreatedKey, Shape::RefreshedKey];
const LOGS: &[Shape] = &[Shape::AuditLog];

/// What tells of roles that somebody has.
const HOLDERS: &[Shape] = &[
    Shape::SpaceMembership,
    Shape::OrganizationMembership,
    Shape::User,
    Shape::CreatedUser,
    Shape::Key,
    Shape::CreatedKey,
    Shape::RefreshedKey,
];

/// Everything in which older generations differ: the newest first, but permissions together. A number is a minor
/// version of 8.
const DOWNGRADES: &[Downgrade] = &[
    // Since 60 every field may be null or absent; before, these had to be texts.
    below(60, DESCRIBED, Text("description")),
    below(60, LOGS, Text("user_id ip")),
    below(60, KEYS, Text("created_by_user_id")),
    // Since 60 a role is known by its type; before, a custom one that is called like a predefined one passed for both.
    // Below 45 its id tells the two apart.
    below(60, HOLDERS, By(unmistakable)).since(45),
    // A permission is left out until the SDK knows it: a single other one spoils a whole page of roles.
    below(60, ROLES, Unpermitted("PROJECT_SPAN_EVAL_FEEDBACK_UPDATE")),
    below(59, ROLES, Unpermitted("DASHBOARD_TEMPLATE_CREATE DASHBOARD_TEMPLATE_DELETE")),
    below(59, ROLES, Unpermitted("DASHBOARD_TEMPLATE_READ DASHBOARD_TEMPLATE_UPDATE")),
    below(58, ROLES, Unpermitted("PROMPT_RESTRICT")),
    below(54, ROLES, Unpermitted("COST_CONFIG_CREATE COST_CONFIG_DELETE COST_CONFIG_READ COST_CONFIG_UPDATE")),
    below(51, ROLES, Unpermitted("DASHBOARD_RESTRICT")),
    below(49, ROLES, Unpermitted("AGENT_ROLE_CREATE AGENT_ROLE_DELETE AGENT_ROLE_READ AGENT_ROLE_UPDATE")),
    below(49, ROLES, Unpermitted("ROLE_CREATE ROLE_DELETE ROLE_READ ROLE_UPDATE")),
    below(41, ROLES, Unpermitted("LLM_INTEGRATION_CREATE LLM_INTEGRATION_DELETE LLM_INTEGRATION_UPDATE")),
    below(41, ROLES, Unpermitted("MANAGED_AGENT_CREATE MANAGED_AGENT_DELETE MANAGED_AGENT_READ MANAGED_AGENT_UPDATE")),
    below(39, ROLES, Unpermitted("DATASET_VIEW_CREATE DATASET_VIEW_DELETE DATASET_VIEW_READ DATASET_VIEW_UPDATE")),
    below(24, ROLES, Unpermitted("REMOTE_ENDPOINT_INTEGRATION_CREATE REMOTE_ENDPOINT_INTEGRATION_DELETE")),
    below(24, ROLES, Unpermitted("REMOTE_ENDPOINT_INTEGRATION_READ REMOTE_ENDPOINT_INTEGRATION_UPDATE")),
    below(22, ROLES, Unpermitted("USER_PERMISSION_UPDATE")),
    // Since 41 the permission to end service keys speaks of revoking; before, of deleting.
    below(41, ROLES, By(deletes_keys)),
    // Since 59 there is the account role MEMBER_UI_ONLY; before, such a person is shown as a MEMBER.
    below(59, HOLDERS, By(no_ui_only)),
    // Since 45 a field that the SDK does not know is passed over; before, it was an error.
    below(45, EVERYTHING, By(known)),
    // Since 43 a space tells whether it is private; before, it must not.
    below(43, SPACES, Without("is_private")),
    // Since 41 a new service key tells of its bot user; before, it must not.
    below(41, &[Shape::CreatedKey], Without("bot_user")),
    // In 40 alone a key that comes with its secret must not have the blotted one too.
    below(41, SECRETS, Without("redacted_key")).since(40),
    // Since 40 words are in upper case; before, in lower case, and roles had a hyphen.
    below(40, HOLDERS, By(lower_roles)),
    below(40, USERS, By(lower_words)),
    below(40, KEYS, By(lower_words)),
    // Since 40 a new restriction is the answer; before, it was a field of it.
    below(40, &[Shape::CreatedRestriction], By(wrapped)),
    // Since 34 an ended key is revoked; before, deleted.
    below(34, KEYS, By(deleted)),
    // Since 8.28.3 at the latest a key may tell when it was last used; before, it must not.
    below(29, KEYS, Without("last_used_at")),
];

/// Fits an answer, a thing or a page of a list of them, to a generation.
pub(super) fn fit(shape: Shape, generation: Generation, answer: &mut Value) {
    let Some(answer) = answer.as_object_mut() else { return };
    let is_page = answer.contains_key("pagination");
    for Downgrade { step, .. } in DOWNGRADES.iter().filter(|one| one.concerns(shape, generation)) {
        if is_page {
            let things = answer.values_mut().filter_map(Value::as_array_mut).flatten();
            things.filter_map(Value::as_object_mut).for_each(|thing| step.take(shape, thing));
        } else {
            step.take(shape, answer);
        }
    }
}
