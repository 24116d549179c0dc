//! Tests of each downgrade, just below its end and at it.

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

/// Objects in the newest shape, with every field that can differ.
fn samples(shape: Shape) -> Vec<Value> {
    let with = |object: &Value, more: Value| {
        let (mut object, more) = (object.clone(), more);
        if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
            object.extend(more);
        }
        object
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
        Shape::Nothing | Shape::Explanation => vec![],
        Shape::Space => vec![json!({ "id": "s", "name": "Atelier", "description": null, "created_at": TIME,
            "is_private": true, "organization_id": "o", "ml_models_enabled": false,
            "gradient_start_color": null, "gradient_end_color": "#fff", "default_llm_integration":
            { "integration_id": "i", "model_name": "m" }, "default_agent_runtime": { "integration_id": "i" } })],
        Shape::SpaceMembership => ["ADMIN", "MEMBER", "READ_ONLY", "ANNOTATOR"]
            .map(|value| [predefined(value), custom(value), custom("Night_Shift")])
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
        Shape::Tag => vec![json!({ "id": "t", "name": "live", "description": null, "color": "GREEN", "space_id": "s",
            "created_at": TIME, "updated_at": TIME })],
        Shape::DetachedTags => vec![json!({ "completed": false, "deleted": ["t"], "not_deleted": ["u"] })],
        Shape::AuditLog => vec![json!({ "id": "a", "user_id": null, "ip": null, "operation_type": "MUTATION",
            "operation_name": "createSpace", "operation_text": null, "variables": "{}", "created_at": TIME })],
    }
}

/// An object in the shape of a minor version of 8.
fn downgraded(shape: Shape, minor: u16, object: &Value) -> Value {
    let mut object = object.clone();
    downgrade(shape, Generation::first(minor), &mut object);
    object
}

/// The fields of the first sample of a shape in a minor version of 8, in alphabetical order.
fn names(shape: Shape, minor: u16) -> String {
    let object = downgraded(shape, minor, &samples(shape)[0]);
    let mut names: Vec<_> = object.as_object().expect("a thing").keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(" ")
}

fn generation_of(headers: &[(&'static str, &str)]) -> Generation {
    let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
    Generation::of(&request.to_http_request())
}

#[test]
fn only_the_python_sdk_has_a_generation() {
    let sdk = [("sdk-package-name", "arize"), ("sdk-language", "python")];
    let saying = |version| generation_of(&[sdk[0], sdk[1], ("sdk-version", version)]);
    assert_eq!(saying("8.36.0"), Generation((8, 36, 0)));
    for odd in ["", "8", "8.36", "8.36.0.1", "8.36.0rc1", "-8.36.0", "8.99999.0", "newest"] {
        assert!(saying(odd).is_newest(), "{odd}");
    }
    assert!(generation_of(&[]).is_newest());
    assert!(generation_of(&[sdk[0], sdk[1]]).is_newest());
    assert!(generation_of(&[("sdk-package-name", "phoenix"), sdk[1], ("sdk-version", "8.36.0")]).is_newest());
    assert!(generation_of(&[sdk[0], ("sdk-language", "go"), ("sdk-version", "8.36.0")]).is_newest());
}

#[test]
fn from_8_60_on_no_downgrade_applies() {
    assert!(!Generation((8, 59, 9)).is_newest());
    for version in [(8, 60, 0), (8, 61, 0), (9, 0, 0)] {
        assert!(Generation(version).is_newest(), "{version:?}");
    }
}

#[test]
fn downgrades_are_sorted_newest_first_except_permissions() {
    for shape in EVERYTHING.iter().filter(|shape| **shape != Shape::Role) {
        let ends = DOWNGRADES.iter().filter(|one| one.shapes.contains(shape)).map(|one| one.ends);
        assert!(ends.is_sorted_by(|newer, older| newer >= older), "{shape:?}");
    }
}

#[test]
fn each_downgrade_changes_a_response_below_its_end_only() {
    for Downgrade { ends, shapes, .. } in DOWNGRADES {
        let differs = |shape: &Shape| {
            let before = |object: &Value| downgraded(*shape, ends - 1, object);
            samples(*shape).iter().any(|object| before(object) != downgraded(*shape, *ends, object))
        };
        assert!(shapes.iter().any(differs), "{ends}: {shapes:?}");
    }
}

#[test]
fn every_version_below_an_end_is_downgraded() {
    let space = &samples(Shape::Space)[0];
    for (version, private) in [((8, 42, 9), false), ((8, 43, 0), true), ((8, 43, 1), true), ((7, 99, 0), false)] {
        let mut space = space.clone();
        downgrade(Shape::Space, Generation(version), &mut space);
        assert_eq!(space.get("is_private").is_some(), private, "{version:?}");
    }
}

#[test]
fn downgrading_twice_changes_nothing_more() {
    for minor in 20..=61 {
        for shape in EVERYTHING.iter().filter(|shape| **shape != Shape::CreatedRestriction) {
            for object in samples(*shape) {
                let once = downgraded(*shape, minor, &object);
                assert_eq!(downgraded(*shape, minor, &once), once, "{minor} {shape:?}");
            }
        }
    }
}

#[test]
fn each_object_of_a_page_is_downgraded_but_not_the_page() {
    let mut page = json!({ "projects": samples(Shape::Project), "pagination": { "has_more": false } });
    downgrade(Shape::Project, Generation::first(44), &mut page);
    let project = json!({ "id": "p", "name": "Ledger", "space_id": "s", "created_at": TIME });
    assert_eq!(page, json!({ "projects": [project], "pagination": { "has_more": false } }));
}

#[test]
fn below_53_detached_tags_are_called_removed() {
    let newest = &samples(Shape::DetachedTags)[0];
    assert_eq!(downgraded(Shape::DetachedTags, 53, newest), *newest);
    for minor in [51, 52] {
        let older = json!({ "removed": ["t"], "not_found": ["u"] });
        assert_eq!(downgraded(Shape::DetachedTags, minor, newest), older);
    }
}

#[test]
fn below_60_missing_strings_are_empty() {
    for (shape, field) in [
        (Shape::Space, "description"),
        (Shape::Organization, "description"),
        (Shape::AuditLog, "user_id"),
        (Shape::AuditLog, "ip"),
    ] {
        let object = &samples(shape)[0];
        assert_eq!(downgraded(shape, 60, object)[field], Value::Null);
        assert_eq!(downgraded(shape, 59, object)[field], "");
        assert_eq!(downgraded(shape, 30, &json!({}))[field], "");
    }
    assert_eq!(downgraded(Shape::Key, 59, &samples(Shape::Key)[1])["created_by_user_id"], "");
    assert_eq!(downgraded(Shape::Space, 59, &json!({ "description": "d" }))["description"], "d");
}

#[test]
fn from_45_to_59_a_custom_role_has_no_name_of_a_predefined_role() {
    let role = |minor, name| {
        let membership = json!({ "role": custom(name) });
        downgraded(Shape::SpaceMembership, minor, &membership)["role"].clone()
    };
    assert_eq!(role(60, "ADMIN"), custom("ADMIN"));
    for minor in [59, 45] {
        assert_eq!(role(minor, "ADMIN"), json!({ "type": "CUSTOM", "id": "Um9sZToxOlY0S2E4" }));
        assert_eq!(role(minor, "Admin"), custom("Admin"));
    }
    assert_eq!(role(44, "ADMIN"), custom("ADMIN"));
    let key = downgraded(Shape::CreatedKey, 59, &samples(Shape::CreatedKey)[1]);
    assert_eq!(key.pointer("/bot_user/organizations/0/spaces/0/role/name"), None);
}

#[test]
fn a_permission_is_returned_only_to_versions_that_know_it() {
    let count =
        |minor| downgraded(Shape::Role, minor, &samples(Shape::Role)[0])["permissions"].as_array().map(Vec::len);
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
fn every_permission_in_the_downgrades_exists() {
    for Downgrade { step, .. } in DOWNGRADES {
        if let Unpermitted(names) = step {
            assert!(names.split(' ').all(|name| Permission::from_name(name).is_some()), "{names}");
        }
    }
}

#[test]
fn below_41_the_permission_to_revoke_service_keys_is_called_delete() {
    let role = json!({ "permissions": ["SERVICE_KEY_READ", "SERVICE_KEY_REVOKE"] });
    assert_eq!(downgraded(Shape::Role, 41, &role), role);
    let permissions = json!(["SERVICE_KEY_READ", "SERVICE_KEY_DELETE"]);
    assert_eq!(downgraded(Shape::Role, 40, &role)["permissions"], permissions);
}

#[test]
fn below_59_a_ui_only_member_is_a_member() {
    let user = json!({ "role": predefined("MEMBER_UI_ONLY") });
    assert_eq!(downgraded(Shape::User, 59, &user), user);
    assert_eq!(downgraded(Shape::User, 58, &user)["role"], predefined("MEMBER"));
    assert_eq!(downgraded(Shape::CreatedUser, 40, &user)["role"], predefined("MEMBER"));
    let key = downgraded(Shape::Key, 58, &samples(Shape::Key)[1]);
    assert_eq!(key["bot_user"]["account_role"], predefined("MEMBER"));
}

#[test]
fn below_45_unknown_fields_are_removed() {
    for shape in EVERYTHING {
        let mut object = samples(*shape)[0].clone();
        object["unheard_of"] = json!(1);
        assert_eq!(downgraded(*shape, 45, &object)["unheard_of"], 1);
        assert!(downgraded(*shape, 44, &object).get("unheard_of").is_none(), "{shape:?}");
    }
    assert_eq!(names(Shape::Space, 44), "created_at description id is_private name");
    assert_eq!(names(Shape::Project, 44), "created_at id name space_id");
    assert!(downgraded(Shape::Key, 45, &samples(Shape::Key)[1]).get("bot_user").is_some());
    assert!(downgraded(Shape::Key, 44, &samples(Shape::Key)[1]).get("bot_user").is_none());
    assert!(downgraded(Shape::RefreshedKey, 44, &samples(Shape::RefreshedKey)[1]).get("bot_user").is_none());
    let no_bot = json!({ "bot_user": null });
    assert_eq!(downgraded(Shape::CreatedKey, 44, &no_bot), json!({ "created_by_user_id": "" }));
}

#[test]
fn below_43_a_space_has_no_is_private() {
    assert_eq!(names(Shape::Space, 43), "created_at description id is_private name");
    assert_eq!(names(Shape::Space, 42), "created_at description id name");
}

#[test]
fn below_41_a_new_key_has_no_bot_user() {
    let key = &samples(Shape::CreatedKey)[1];
    assert!(downgraded(Shape::CreatedKey, 41, key).get("bot_user").is_some());
    assert!(downgraded(Shape::CreatedKey, 40, key).get("bot_user").is_none());
}

#[test]
fn in_40_a_key_with_its_secret_has_no_redacted_key() {
    for shape in [Shape::CreatedKey, Shape::RefreshedKey] {
        for (minor, blotted) in [(41, true), (40, false), (39, true)] {
            let key = downgraded(shape, minor, &samples(shape)[0]);
            assert_eq!(key.get("redacted_key").is_some(), blotted, "{minor}");
            assert_eq!(key["key"], "atl_secret");
        }
    }
    assert_eq!(downgraded(Shape::Key, 40, &samples(Shape::Key)[0])["redacted_key"], "atl_...x");
}

#[test]
fn below_40_enum_values_are_in_lower_case() {
    let shape = Shape::SpaceMembership;
    let role = |minor, role: Value| downgraded(shape, minor, &json!({ "role": role }))["role"].clone();
    assert_eq!(role(40, predefined("READ_ONLY")), predefined("READ_ONLY"));
    assert_eq!(role(39, predefined("READ_ONLY")), json!({ "type": "predefined", "name": "read-only" }));
    let night = json!({ "type": "custom", "id": "Um9sZToxOlY0S2E4", "name": "NIGHT_SHIFT" });
    assert_eq!(role(39, custom("NIGHT_SHIFT")), night);

    let user = json!({ "name": "ADA_L", "status": "INVITED", "invite_mode": "EMAIL_LINK",
        "role": predefined("ADMIN") });
    assert_eq!(downgraded(Shape::CreatedUser, 40, &user), user);
    let lower = json!({ "name": "ADA_L", "status": "invited", "invite_mode": "email_link",
        "role": { "type": "predefined", "name": "admin" } });
    assert_eq!(downgraded(Shape::CreatedUser, 39, &user), lower);

    let key = downgraded(Shape::Key, 39, &samples(Shape::Key)[0]);
    assert_eq!((&key["key_type"], &key["status"]), (&json!("user"), &json!("active")));
}

#[test]
fn below_40_a_new_restriction_is_wrapped_in_a_field() {
    let shape = Shape::CreatedRestriction;
    let restriction = &samples(shape)[0];
    assert_eq!(&downgraded(shape, 40, restriction), restriction);
    assert_eq!(downgraded(shape, 39, restriction), json!({ "resource_restriction": restriction }));
    assert_eq!(&downgraded(Shape::Restriction, 39, restriction), restriction);
}

#[test]
fn below_29_a_key_has_no_last_used_at() {
    for shape in KEYS {
        assert!(downgraded(*shape, 29, &samples(*shape)[0]).get("last_used_at").is_some());
        assert!(downgraded(*shape, 28, &samples(*shape)[0]).get("last_used_at").is_none());
    }
}

#[test]
fn below_34_a_revoked_key_is_called_deleted() {
    for (minor, value) in [(40, "REVOKED"), (39, "revoked"), (34, "revoked"), (33, "deleted"), (30, "deleted")] {
        assert_eq!(downgraded(Shape::Key, minor, &samples(Shape::Key)[1])["status"], value, "{minor}");
    }
}
