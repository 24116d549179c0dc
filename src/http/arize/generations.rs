//! The generations of the SDK: answers are made in the newest shape and then fitted to the caller's version by one
//! list of downgrades, each with the version that it ends at (contract, section 7).
//!
//! A downgrade takes a thing one step back, so the list goes from the newest to the oldest. What differs in requests is
//! not here: those are read in every spelling.

use actix_web::HttpRequest;
use serde_json::{Map, Value};

/// A version of the SDK: major, minor, patch.
type Version = (u16, u16, u16);

/// A thing on the wire.
type Thing = Map<String, Value>;

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

/// The kind of thing that an answer shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(dead_code, reason = "the endpoints that show some of them are still to come")]
pub(super) enum Shape {
    /// Nothing.
    Nothing,
    /// A space.
    Space,
    /// A membership of a space.
    SpaceMembership,
    /// An organization.
    Organization,
    /// A membership of an organization.
    OrganizationMembership,
    /// A person.
    User,
    /// A person who has just been invited, perhaps with a password.
    CreatedUser,
    /// A named role.
    Role,
    /// A role binding.
    Binding,
    /// A key, as lists show it.
    Key,
    /// A key that has just been made, with its secret.
    CreatedKey,
    /// A key with its new secret.
    RefreshedKey,
    /// A restriction of a resource. Only projects can be restricted here, a type that every generation knows.
    Restriction,
    /// A restriction that has just been laid.
    CreatedRestriction,
    /// A project.
    Project,
    /// A row of the audit log.
    AuditLog,
}

/// One way in which older generations differ.
struct Downgrade {
    /// The first minor version of 8 that it is for; 0 is for all before as well.
    begins: u16,
    /// The first minor version of 8 that it is not for.
    ends: u16,
    /// The things that it concerns.
    shapes: &'static [Shape],
    /// What it does to one of them.
    step: Step,
}

/// Names with a blank between them.
type Names = &'static str;

/// What a downgrade does to a thing.
enum Step {
    /// Leaves out these fields.
    Without(Names),
    /// Says `""` in these fields where there is no text.
    Text(Names),
    /// Leaves out these permissions.
    Unpermitted(Names),
    /// Whatever else.
    By(fn(Shape, &mut Thing)),
}

use Step::{By, Text, Unpermitted, Without};

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

/// Everything in which older generations differ, the newest first. A number is a minor version of 8.
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
    // Since some 28 a key tells when it was last used, or nothing of it; before, it must not.
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

fn is_one_of(name: &str, names: Names) -> bool {
    names.split(' ').any(|one| one == name)
}

impl Step {
    fn take(&self, shape: Shape, thing: &mut Thing) {
        match self {
            Without(fields) => thing.retain(|field, _| !is_one_of(field, fields)),
            Text(fields) => {
                for field in fields.split(' ') {
                    let text = thing.entry(field).or_insert(Value::Null);
                    if text.is_null() {
                        *text = "".into();
                    }
                }
            }
            Unpermitted(names) => {
                if let Some(permissions) = thing.get_mut("permissions").and_then(Value::as_array_mut) {
                    permissions.retain(|permission| !permission.as_str().is_some_and(|name| is_one_of(name, names)));
                }
            }
            By(step) => step(shape, thing),
        }
    }
}

/// Leaves nothing but the fields that such a thing had before 45.
fn known(shape: Shape, thing: &mut Thing) {
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
        Shape::AuditLog => "id user_id ip operation_type operation_name operation_text variables created_at",
    };
    let is_empty_bot = |field: &str, value: &Value| field == "bot_user" && value.is_null();
    thing.retain(|field, value| is_one_of(field, fields) && !is_empty_bot(field, value));
}

/// Leaves out the name of a custom role that is called like a predefined one.
fn unmistakable(_: Shape, thing: &mut Thing) {
    let predefined = "ADMIN MEMBER MEMBER_UI_ONLY READ_ONLY ANNOTATOR";
    each_role(thing, &|role| {
        if is(role, "type", "CUSTOM") {
            role.retain(|field, name| {
                field != "name" || !name.as_str().is_some_and(|name| is_one_of(name, predefined))
            });
        }
    });
}

/// Shows people who may use pages only as members.
fn no_ui_only(_: Shape, thing: &mut Thing) {
    each_role(thing, &|role| {
        if is(role, "type", "PREDEFINED") && is(role, "name", "MEMBER_UI_ONLY") {
            role.insert("name".to_owned(), "MEMBER".into());
        }
    });
}

/// Spells the roles that somebody has in lower case. The name of a custom one is somebody's own.
fn lower_roles(_: Shape, thing: &mut Thing) {
    each_role(thing, &|role| {
        if is(role, "type", "PREDEFINED") {
            respell(role, "name", |word| word.to_ascii_lowercase().replace('_', "-"));
        }
        respell(role, "type", str::to_ascii_lowercase);
    });
}

/// Spells the words of a person or a key in lower case.
fn lower_words(_: Shape, thing: &mut Thing) {
    for field in ["status", "invite_mode", "key_type"] {
        respell(thing, field, str::to_ascii_lowercase);
    }
}

/// Calls a revoked key deleted.
fn deleted(_: Shape, thing: &mut Thing) {
    respell(thing, "status", |word| word.replace("revoked", "deleted"));
}

/// Calls the permission to revoke service keys the one to delete them.
fn deletes_keys(_: Shape, thing: &mut Thing) {
    for permission in thing.get_mut("permissions").and_then(Value::as_array_mut).into_iter().flatten() {
        if permission == "SERVICE_KEY_REVOKE" {
            *permission = "SERVICE_KEY_DELETE".into();
        }
    }
}

/// Puts a restriction into a field.
fn wrapped(_: Shape, thing: &mut Thing) {
    let restriction = std::mem::take(thing);
    thing.insert("resource_restriction".to_owned(), restriction.into());
}

/// Does this with each role that a thing tells of: its own, and those of its bot user.
fn each_role(thing: &mut Thing, with: &impl Fn(&mut Thing)) {
    let role_of = |holder: &mut Thing, field| {
        if let Some(role) = holder.get_mut(field).and_then(Value::as_object_mut) {
            with(role);
        }
    };
    role_of(thing, "role");
    let Some(bot) = thing.get_mut("bot_user").and_then(Value::as_object_mut) else { return };
    role_of(bot, "account_role");
    for organization in members(bot, "organizations") {
        role_of(organization, "role");
        members(organization, "spaces").for_each(|space| role_of(space, "role"));
    }
}

/// The things in a list.
fn members<'a>(thing: &'a mut Thing, field: &str) -> impl Iterator<Item = &'a mut Thing> {
    let list = thing.get_mut(field).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}

fn is(thing: &Thing, field: &str, word: &str) -> bool {
    thing.get(field).and_then(Value::as_str) == Some(word)
}

fn respell(thing: &mut Thing, field: &str, how: impl Fn(&str) -> String) {
    if let Some(text) = thing.get_mut(field)
        && let Some(word) = text.as_str()
    {
        *text = how(word).into();
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::json;

    use super::*;
    use crate::domain::permission::Permission;

    const TIME: &str = "2026-01-01T00:00:00.123456Z";

    fn predefined(name: &str) -> Value {
        json!({ "type": "PREDEFINED", "name": name })
    }

    fn custom(name: &str) -> Value {
        json!({ "type": "CUSTOM", "id": "Um9sZToxOlY0S2E4", "name": name })
    }

    /// Things as the newest generation has them, all that can differ in them.
    fn samples(shape: Shape) -> Vec<Value> {
        let with = |thing: &Value, more: Value| {
            let (mut thing, more) = (thing.clone(), more);
            if let (Some(thing), Value::Object(more)) = (thing.as_object_mut(), more) {
                thing.extend(more);
            }
            thing
        };
        let user = json!({ "id": "u", "name": "Ada", "email": "ada@example.com", "created_at": TIME,
            "status": "ACTIVE", "role": predefined("ADMIN"), "is_developer": true });
        let key = json!({ "id": "k", "name": "CI", "description": null, "key_type": "USER", "status": "ACTIVE",
            "redacted_key": "atl_...x", "created_at": TIME, "expires_at": null, "created_by_user_id": "u",
            "last_used_at": null });
        let bot = json!({ "id": "b", "name": "CI", "account_role": predefined("MEMBER_UI_ONLY"), "organizations": [
            { "org_id": "o", "role": predefined("READ_ONLY"), "spaces": [
                { "space_id": "s", "role": custom("ADMIN") }, { "space_id": "t", "role": predefined("MEMBER") }] }] });
        let service = with(&key, json!({ "key_type": "SERVICE", "created_by_user_id": null, "bot_user": bot }));
        let secret = json!({ "key": "atl_secret" });
        let restriction = json!({ "resource_type": "PROJECT", "resource_id": "p", "created_at": TIME });
        match shape {
            Shape::Nothing => vec![],
            Shape::Space => vec![json!({ "id": "s", "name": "Atelier", "description": null, "created_at": TIME,
                "is_private": true, "organization_id": "o", "ml_models_enabled": false,
                "gradient_start_color": null, "gradient_end_color": "#fff", "default_llm_integration":
                { "integration_id": "i", "model_name": "m" }, "default_agent_runtime": { "integration_id": "i" } })],
            Shape::SpaceMembership => ["ADMIN", "MEMBER", "READ_ONLY", "ANNOTATOR"]
                .map(|word| [predefined(word), custom(word), custom("Night_Shift")])
                .concat()
                .into_iter()
                .map(|role| json!({ "id": "m", "user_id": "u", "space_id": "s", "role": role }))
                .collect(),
            Shape::Organization => {
                vec![json!({ "id": "o", "name": "Home", "description": null, "created_at": TIME })]
            }
            Shape::OrganizationMembership => [predefined("READ_ONLY"), predefined("ANNOTATOR")]
                .map(|role| json!({ "id": "m", "user_id": "u", "organization_id": "o", "role": role }))
                .to_vec(),
            Shape::User => ["ADMIN", "MEMBER", "MEMBER_UI_ONLY", "ANNOTATOR"]
                .iter()
                .zip(["ACTIVE", "INVITED", "EXPIRED", "ACTIVE"])
                .map(|(role, status)| with(&user, json!({ "role": predefined(role), "status": status })))
                .collect(),
            Shape::CreatedUser => vec![
                with(&user, json!({ "invite_mode": "NONE" })),
                with(&user, json!({ "invite_mode": "EMAIL_LINK", "temporary_password": null })),
                with(&user, json!({ "invite_mode": "TEMPORARY_PASSWORD", "temporary_password": "x" })),
            ],
            Shape::Role => vec![
                json!({ "id": "r", "name": "ADMIN", "permissions": Permission::NAMES.to_vec(), "is_predefined": true,
                    "created_at": TIME, "updated_at": TIME }),
                json!({ "id": "r", "name": "Night_Shift", "description": "At night", "permissions": ["ROLE_READ"],
                    "is_predefined": false, "created_at": TIME, "updated_at": TIME }),
            ],
            Shape::Binding => vec![json!({ "id": "b", "role_id": "r", "user_id": "u", "resource_type": "SPACE",
                "resource_id": "s", "created_at": TIME, "updated_at": TIME })],
            Shape::Key => vec![key.clone(), with(&service, json!({ "status": "REVOKED" }))],
            Shape::CreatedKey => vec![with(&key, secret.clone()), with(&service, secret)],
            Shape::RefreshedKey => {
                let revoked = json!({ "status": "REVOKED" });
                vec![with(&with(&key, secret.clone()), revoked), with(&service, secret)]
            }
            Shape::Restriction | Shape::CreatedRestriction => vec![restriction],
            Shape::Project => vec![json!({ "id": "p", "name": "Ledger", "space_id": "s", "created_at": TIME,
                "project_type": "APPLICATION" })],
            Shape::AuditLog => vec![json!({ "id": "a", "user_id": null, "ip": null, "operation_type": "MUTATION",
                "operation_name": "createSpace", "operation_text": null, "variables": "{}", "created_at": TIME })],
        }
    }

    /// A thing as a minor version of 8 has it.
    fn fitted(shape: Shape, minor: u16, thing: &Value) -> Value {
        let mut thing = thing.clone();
        fit(shape, Generation::first(minor), &mut thing);
        thing
    }

    /// Which fields the first sample of a shape has in a minor version of 8, in the order of the alphabet.
    fn names(shape: Shape, minor: u16) -> String {
        let thing = fitted(shape, minor, &samples(shape)[0]);
        let mut names: Vec<_> = thing.as_object().expect("a thing").keys().map(String::as_str).collect();
        names.sort_unstable();
        names.join(" ")
    }

    fn said(headers: &[(&'static str, &str)]) -> Generation {
        let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
        Generation::of(&request.to_http_request())
    }

    #[test]
    fn only_the_sdk_says_its_version() {
        let sdk = [("sdk-package-name", "arize"), ("sdk-language", "python")];
        let saying = |version| said(&[sdk[0], sdk[1], ("sdk-version", version)]);
        assert_eq!(saying("8.36.0"), Generation((8, 36, 0)));
        for odd in ["", "8", "8.36", "8.36.0.1", "8.36.0rc1", "-8.36.0", "8.99999.0", "newest"] {
            assert!(saying(odd).is_newest(), "{odd}");
        }
        assert!(said(&[]).is_newest());
        assert!(said(&[sdk[0], sdk[1]]).is_newest());
        assert!(said(&[("sdk-package-name", "phoenix"), sdk[1], ("sdk-version", "8.36.0")]).is_newest());
        assert!(said(&[sdk[0], ("sdk-language", "go"), ("sdk-version", "8.36.0")]).is_newest());
    }

    #[test]
    fn from_8_60_on_everybody_is_newest() {
        assert!(!Generation((8, 59, 9)).is_newest());
        for version in [(8, 60, 0), (8, 61, 0), (9, 0, 0)] {
            assert!(Generation(version).is_newest(), "{version:?}");
        }
    }

    #[test]
    fn the_list_goes_back_in_time_for_each_thing_but_permissions() {
        for shape in EVERYTHING.iter().filter(|shape| **shape != Shape::Role) {
            let ends = DOWNGRADES.iter().filter(|one| one.shapes.contains(shape)).map(|one| one.ends);
            assert!(ends.is_sorted_by(|newer, older| newer >= older), "{shape:?}");
        }
    }

    #[test]
    fn each_downgrade_changes_something_up_to_its_end() {
        for Downgrade { ends, shapes, .. } in DOWNGRADES {
            let differs = |shape: &Shape| {
                let before = |thing: &Value| fitted(*shape, ends - 1, thing);
                samples(*shape).iter().any(|thing| before(thing) != fitted(*shape, *ends, thing))
            };
            assert!(shapes.iter().any(differs), "{ends}: {shapes:?}");
        }
    }

    #[test]
    fn each_version_below_an_end_is_below_it() {
        let space = &samples(Shape::Space)[0];
        for (version, private) in [((8, 42, 9), false), ((8, 43, 0), true), ((8, 43, 1), true), ((7, 99, 0), false)] {
            let mut space = space.clone();
            fit(Shape::Space, Generation(version), &mut space);
            assert_eq!(space.get("is_private").is_some(), private, "{version:?}");
        }
    }

    #[test]
    fn what_is_fitted_fits() {
        for minor in 20..=61 {
            for shape in EVERYTHING.iter().filter(|shape| **shape != Shape::CreatedRestriction) {
                for thing in samples(*shape) {
                    let once = fitted(*shape, minor, &thing);
                    assert_eq!(fitted(*shape, minor, &once), once, "{minor} {shape:?}");
                }
            }
        }
    }

    #[test]
    fn each_thing_of_a_page_is_fitted_and_the_page_is_not() {
        let mut page = json!({ "projects": samples(Shape::Project), "pagination": { "has_more": false } });
        fit(Shape::Project, Generation::first(44), &mut page);
        let project = json!({ "id": "p", "name": "Ledger", "space_id": "s", "created_at": TIME });
        assert_eq!(page, json!({ "projects": [project], "pagination": { "has_more": false } }));
    }

    #[test]
    fn below_60_texts_are_texts() {
        for (shape, field) in [
            (Shape::Space, "description"),
            (Shape::Organization, "description"),
            (Shape::AuditLog, "user_id"),
            (Shape::AuditLog, "ip"),
        ] {
            let thing = &samples(shape)[0];
            assert_eq!(fitted(shape, 60, thing)[field], Value::Null);
            assert_eq!(fitted(shape, 59, thing)[field], "");
            assert_eq!(fitted(shape, 30, &json!({}))[field], "");
        }
        assert_eq!(fitted(Shape::Key, 59, &samples(Shape::Key)[1])["created_by_user_id"], "");
        assert_eq!(fitted(Shape::Space, 59, &json!({ "description": "d" }))["description"], "d");
    }

    #[test]
    fn from_45_to_59_a_custom_role_is_not_called_like_a_predefined_one() {
        let role = |minor, name| {
            let membership = json!({ "role": custom(name) });
            fitted(Shape::SpaceMembership, minor, &membership)["role"].clone()
        };
        assert_eq!(role(60, "ADMIN"), custom("ADMIN"));
        for minor in [59, 45] {
            assert_eq!(role(minor, "ADMIN"), json!({ "type": "CUSTOM", "id": "Um9sZToxOlY0S2E4" }));
            assert_eq!(role(minor, "Admin"), custom("Admin"));
        }
        assert_eq!(role(44, "ADMIN"), custom("ADMIN"));
        let key = fitted(Shape::CreatedKey, 59, &samples(Shape::CreatedKey)[1]);
        assert_eq!(key.pointer("/bot_user/organizations/0/spaces/0/role/name"), None);
    }

    #[test]
    fn a_permission_comes_with_the_version_that_knows_it() {
        let count =
            |minor| fitted(Shape::Role, minor, &samples(Shape::Role)[0])["permissions"].as_array().map(Vec::len);
        let counts = [
            (61, 151),
            (60, 151),
            (59, 150),
            (58, 146),
            (57, 145),
            (54, 145),
            (53, 141),
            (51, 141),
            (50, 140),
            (49, 140),
            (48, 132),
            (41, 132),
            (40, 125),
            (39, 125),
            (38, 121),
            (24, 121),
            (23, 117),
            (22, 117),
            (21, 116),
        ];
        for (minor, permissions) in counts {
            assert_eq!(count(minor), Some(permissions), "{minor}");
        }
    }

    #[test]
    fn every_permission_of_the_list_is_one() {
        for Downgrade { step, .. } in DOWNGRADES {
            if let Unpermitted(names) = step {
                assert!(names.split(' ').all(|name| Permission::from_name(name).is_some()), "{names}");
            }
        }
    }

    #[test]
    fn below_41_service_keys_are_deleted() {
        let role = json!({ "permissions": ["SERVICE_KEY_READ", "SERVICE_KEY_REVOKE"] });
        assert_eq!(fitted(Shape::Role, 41, &role), role);
        let permissions = json!(["SERVICE_KEY_READ", "SERVICE_KEY_DELETE"]);
        assert_eq!(fitted(Shape::Role, 40, &role)["permissions"], permissions);
    }

    #[test]
    fn below_59_nobody_is_a_member_by_pages_only() {
        let user = json!({ "role": predefined("MEMBER_UI_ONLY") });
        assert_eq!(fitted(Shape::User, 59, &user), user);
        assert_eq!(fitted(Shape::User, 58, &user)["role"], predefined("MEMBER"));
        assert_eq!(fitted(Shape::CreatedUser, 40, &user)["role"], predefined("MEMBER"));
        let key = fitted(Shape::Key, 58, &samples(Shape::Key)[1]);
        assert_eq!(key["bot_user"]["account_role"], predefined("MEMBER"));
    }

    #[test]
    fn below_45_there_is_no_field_too_many() {
        for shape in EVERYTHING {
            let mut thing = samples(*shape)[0].clone();
            thing["unheard_of"] = json!(1);
            assert_eq!(fitted(*shape, 45, &thing)["unheard_of"], 1);
            assert!(fitted(*shape, 44, &thing).get("unheard_of").is_none(), "{shape:?}");
        }
        assert_eq!(names(Shape::Space, 44), "created_at description id is_private name");
        assert_eq!(names(Shape::Project, 44), "created_at id name space_id");
        assert!(fitted(Shape::Key, 45, &samples(Shape::Key)[1]).get("bot_user").is_some());
        assert!(fitted(Shape::Key, 44, &samples(Shape::Key)[1]).get("bot_user").is_none());
        assert!(fitted(Shape::RefreshedKey, 44, &samples(Shape::RefreshedKey)[1]).get("bot_user").is_none());
        let no_bot = json!({ "bot_user": null });
        assert_eq!(fitted(Shape::CreatedKey, 44, &no_bot), json!({ "created_by_user_id": "" }));
    }

    #[test]
    fn below_43_a_space_does_not_tell_whether_it_is_private() {
        assert_eq!(names(Shape::Space, 43), "created_at description id is_private name");
        assert_eq!(names(Shape::Space, 42), "created_at description id name");
    }

    #[test]
    fn below_41_a_new_key_does_not_tell_of_its_bot_user() {
        let key = &samples(Shape::CreatedKey)[1];
        assert!(fitted(Shape::CreatedKey, 41, key).get("bot_user").is_some());
        assert!(fitted(Shape::CreatedKey, 40, key).get("bot_user").is_none());
    }

    #[test]
    fn in_40_a_secret_comes_alone() {
        for shape in [Shape::CreatedKey, Shape::RefreshedKey] {
            for (minor, blotted) in [(41, true), (40, false), (39, true)] {
                let key = fitted(shape, minor, &samples(shape)[0]);
                assert_eq!(key.get("redacted_key").is_some(), blotted, "{minor}");
                assert_eq!(key["key"], "atl_secret");
            }
        }
        assert_eq!(fitted(Shape::Key, 40, &samples(Shape::Key)[0])["redacted_key"], "atl_...x");
    }

    #[test]
    fn below_40_words_are_in_lower_case() {
        let shape = Shape::SpaceMembership;
        let role = |minor, role: Value| fitted(shape, minor, &json!({ "role": role }))["role"].clone();
        assert_eq!(role(40, predefined("READ_ONLY")), predefined("READ_ONLY"));
        assert_eq!(role(39, predefined("READ_ONLY")), json!({ "type": "predefined", "name": "read-only" }));
        let night = json!({ "type": "custom", "id": "Um9sZToxOlY0S2E4", "name": "NIGHT_SHIFT" });
        assert_eq!(role(39, custom("NIGHT_SHIFT")), night);

        let user = json!({ "name": "ADA_L", "status": "INVITED", "invite_mode": "EMAIL_LINK",
            "role": predefined("ADMIN") });
        assert_eq!(fitted(Shape::CreatedUser, 40, &user), user);
        let lower = json!({ "name": "ADA_L", "status": "invited", "invite_mode": "email_link",
            "role": { "type": "predefined", "name": "admin" } });
        assert_eq!(fitted(Shape::CreatedUser, 39, &user), lower);

        let key = fitted(Shape::Key, 39, &samples(Shape::Key)[0]);
        assert_eq!((&key["key_type"], &key["status"]), (&json!("user"), &json!("active")));
    }

    #[test]
    fn below_40_a_new_restriction_is_in_a_field() {
        let shape = Shape::CreatedRestriction;
        let restriction = &samples(shape)[0];
        assert_eq!(&fitted(shape, 40, restriction), restriction);
        assert_eq!(fitted(shape, 39, restriction), json!({ "resource_restriction": restriction }));
        assert_eq!(&fitted(Shape::Restriction, 39, restriction), restriction);
    }

    #[test]
    fn below_29_a_key_does_not_tell_when_it_was_last_used() {
        for shape in KEYS {
            assert!(fitted(*shape, 29, &samples(*shape)[0]).get("last_used_at").is_some());
            assert!(fitted(*shape, 28, &samples(*shape)[0]).get("last_used_at").is_none());
        }
    }

    #[test]
    fn below_34_a_key_is_deleted() {
        for (minor, word) in [(40, "REVOKED"), (39, "revoked"), (34, "revoked"), (33, "deleted"), (30, "deleted")] {
            assert_eq!(fitted(Shape::Key, minor, &samples(Shape::Key)[1])["status"], word, "{minor}");
        }
    }
}
