//! Two tenants on one server: two organizations with their own users, spaces, keys, roles and sessions.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::arize::scene;
use crate::client::Client;
use crate::wallaroo::pipelines;
use crate::world::{Person, World};

/// An organization and what is in it.
pub struct Tenant {
    /// Its admin, a member of it, and a bot with a place in its space.
    pub callers: Vec<(&'static str, Client)>,
    /// Its ids by slot; the first of each is used where a template needs a valid id of the caller's own tenant.
    pub ids: BTreeMap<&'static str, Vec<String>>,
    /// A signed-in member: the address and the password.
    pub member: (String, String),
}

impl Tenant {
    /// Fills the organization of these two.
    pub fn new(world: &World, organization: &str, [admin, member]: [&Person; 2], role: &str) -> Self {
        let database = world.database();
        let name = &member.email;
        let space = scene::space(admin, organization, &format!("space of {name}"));
        let second = scene::space(admin, organization, &format!("second space of {name}"));
        scene::join(world, admin, &space, member, "MEMBER");
        let [project, restricted] = ["open", "restricted"].map(|name| scene::project(admin, &space, name));
        admin.post("/v2/resource-restrictions", &json!({ "resource_id": restricted })).ok();
        let tag = |name: &str| {
            let tag = scene::created(&admin.post("/v2/tags", &json!({ "name": name, "space_id": space })));
            scene::text(&tag, "id")
        };
        let tags = vec![tag("live"), tag("idle")];
        admin.post(&format!("/v2/projects/{project}/tags"), &json!({ "tag_ids": [tags[0]] })).ok();
        let bind = |kind: &str, on: &str| {
            let user = scene::user(world, member);
            let body = json!({ "role_id": role, "user_id": user, "resource_type": kind, "resource_id": on });
            scene::text(&scene::created(&admin.post("/v2/role-bindings", &body)), "id")
        };
        let bindings = vec![bind("SPACE", &space), bind("PROJECT", &restricted)];
        let made = |who: &Client, body: &Value| scene::created(&who.post("/v2/api-keys", body));
        let key = made(member, &json!({ "name": "laptop", "key_type": "USER" }));
        let places = json!([{ "org_id": organization, "spaces": [{ "space_id": space }] }]);
        let service = made(admin, &json!({ "name": "robot", "key_type": "SERVICE", "organizations": places }));
        let bot = service["bot_user"]["id"].as_str().expect("a bot").to_owned();
        let invited = format!("invited-{name}");
        let body =
            json!({ "name": "Ivo", "email": invited, "role": scene::role("MEMBER"), "invite_mode": "EMAIL_LINK" });
        let ivo = scene::text(&scene::created(&world.ada.post("/v2/users", &body)), "id");
        let body = json!({ "user_id": ivo, "role": scene::role("MEMBER") });
        world.ada.post(&format!("/v2/organizations/{organization}/users"), &body).ok();
        let number = |name: &str| {
            let sql = "SELECT id FROM workspaces WHERE name = ?1";
            database.one::<i64>(sql, [name]).to_string()
        };
        let first = number(&format!("space of {name}"));
        let called = format!("store of {name}");
        let body = json!({ "name": called, "type": "HTTP", "details": { "token": name } });
        let connection = world.ada.post("/v1/api/connections/create", &body).text("id");
        let link = json!({ "workspace_id": first.parse::<i64>().expect("a number"), "connection_id": connection });
        world.ada.post("/v1/api/connections/add_to_workspace", &link).ok();
        let uuid = |email: &str| database.one::<String>("SELECT uuid FROM users WHERE email = ?1", [email]);
        let sql = "SELECT u.uuid FROM users u JOIN keys k ON k.user_id = u.id WHERE u.kind = 'bot' AND k.name = 'robot'
                   ORDER BY u.id DESC LIMIT 1";
        let bot_uuid: String = database.one(sql, []);
        let sql = "SELECT s.uuid FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = ?1 LIMIT 1";
        let session: String = database.one(sql, [name]);
        let credentials = world.ada.get(&format!("/auth/admin/realms/master/users/{}/credentials", member.uuid)).ok();
        let place = first.parse().expect("a number");
        let [pipeline, other_pipeline] =
            ["valves", "pipes"].map(|name| pipelines::create(admin, place, name, &json!({})));
        let named = pipelines::model(world, place, "valve");
        let stepmodel = named["version"].as_str().expect("a UUID").to_owned();
        let of_model = |column: &str| {
            let sql = format!("SELECT {column} FROM model_versions WHERE uuid = ?1");
            database.one::<i64>(&sql, [&stepmodel]).to_string()
        };
        let ids = BTreeMap::from([
            ("model", vec![of_model("model_id")]),
            ("modelversion", vec![of_model("id")]),
            ("pipeline", vec![pipeline.0.to_string(), other_pipeline.0.to_string()]),
            ("variant", vec![pipeline.1.to_string(), other_pipeline.1.to_string()]),
            ("version", vec![pipeline.2, other_pipeline.2]),
            ("stepmodel", vec![stepmodel.clone()]),
            ("organization", vec![organization.to_owned()]),
            ("space", vec![space, second]),
            ("number", vec![first, number(&format!("second space of {name}"))]),
            ("project", vec![project, restricted]),
            ("tag", tags),
            ("connection", vec![connection]),
            ("called", vec![called]),
            ("binding", bindings),
            ("key", vec![scene::text(&key, "id"), scene::text(&service, "id")]),
            ("user", vec![scene::user(world, member), scene::user(world, admin), bot, ivo]),
            ("uuid", vec![member.uuid.clone(), admin.uuid.clone(), bot_uuid, uuid(&invited)]),
            ("email", vec![name.clone(), admin.email.clone(), invited]),
            ("session", vec![session]),
            ("credential", vec![credentials[0]["id"].as_str().expect("a credential").to_owned()]),
        ]);
        let robot = world.nobody.with(&scene::text(&service, "key"));
        let callers = vec![
            ("admin", admin.with(admin.credential())),
            ("member", member.with(member.credential())),
            ("bot", robot),
        ];
        Self { callers, ids, member: (name.clone(), member.password.clone()) }
    }

    /// The id that a template asks for.
    pub fn own(&self, slot: &str) -> &str {
        &self.ids[slot][0]
    }
}

/// Well-formed ids of nothing, by slot: of no row, of another server, without a tag,
/// out of range.
pub fn of_nothing(world: &World, slot: &str) -> Vec<String> {
    use base64::Engine as _;
    let kind = match slot {
        "organization" => "Organization",
        "space" => "Space",
        "project" => "Model",
        "tag" => "Tag",
        "called" => return vec!["no-such-connection".to_owned()],
        "binding" => "RoleBinding",
        "key" => "ApiKey",
        "user" => "User",
        "number" | "model" | "modelversion" | "pipeline" | "variant" => {
            return ["999999", "-1", "0", "9223372036854775807"].map(str::to_owned).to_vec();
        }
        "email" => return vec!["nobody-at-all@example.com".to_owned()],
        "uuid" | "session" | "credential" | "connection" | "version" | "stepmodel" => {
            return vec![Uuid::new_v4().to_string()];
        }
        _ => panic!("nobody knows what {slot} is"),
    };
    let encode = |text: String| base64::engine::general_purpose::STANDARD.encode(text);
    vec![
        scene::id(world, kind, 999_999),
        encode(format!("{kind}:1:abcdefgh")),
        encode(format!("{kind}:99999999999")),
        encode(format!("{kind}:99999999999999999999:abcdefgh")),
    ]
}
