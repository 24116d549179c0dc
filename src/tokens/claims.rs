//! The claims of access tokens: those that Keycloak issues, and Hasura's, which Wallaroo clients read.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The audience of access tokens for the API, with the names and in the order of Keycloak. No client may have these
/// ids.
pub const API: [&str; 2] = ["master-realm", "account"];
/// The only `typ` of access token claims. ID tokens and refresh tokens have another.
pub const BEARER: &str = "Bearer";

const REALM_ROLES: &[&str] = &["default-roles-master", "offline_access", "uma_authorization"];
const REALM_ROLES_ADMINISTRATOR: &[&str] = &["admin", "default-roles-master", "offline_access", "uma_authorization"];
/// Every user has these roles, because the Wallaroo SDK looks users up through the admin endpoints. The server decides
/// what a user may do there. It never reads this claim.
const MASTER_REALM_ROLES: &[&str] = &["manage-users", "view-users"];
const HASURA_USER: &str = "user";
const HASURA_ADMINISTRATOR: &str = "admin_user";

/// The input for an access token.
#[expect(clippy::struct_excessive_bools, reason = "each is a claim of its own")]
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub user: Uuid,
    /// The user's email, which is also the username.
    pub email: &'a str,
    /// Whether an operator or an administrator verified the email.
    pub email_verified: bool,
    /// Empty if unknown.
    pub first_name: &'a str,
    /// Empty if unknown.
    pub last_name: &'a str,
    /// Whether the user is an administrator.
    pub administrator: bool,
    /// The client that requested the token.
    pub client: &'a str,
    /// The audience: [`API`], the client, or both.
    pub audience: &'a [&'a str],
    /// Whether the user is the service user of the client.
    pub service: bool,
    /// Whether the user verified a second factor.
    pub second_factor: bool,
    /// The granted scopes, separated by spaces.
    pub scope: &'a str,
    /// The session of the token. The token is invalid once the session has ended.
    pub session: Uuid,
    /// The issuer as in the discovery document: `<base>/auth/realms/master`.
    pub issuer: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// The lifetime of the token, in seconds.
    pub lifetime: i64,
}

/// The claims of an access token (RFC 7519, 4.1; `OpenID` Connect Core, 5.1; Keycloak's and Hasura's own).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessClaims<'a> {
    /// The expiry, in seconds since 1970.
    pub exp: i64,
    /// The time of issue, in seconds since 1970.
    pub iat: i64,
    /// A new id for each token.
    pub jti: Uuid,
    pub iss: &'a str,
    /// The audience. A single one is a string, as in Keycloak.
    #[serde(serialize_with = "one_or_several")]
    pub aud: &'a [&'a str],
    /// The user's id.
    pub sub: Uuid,
    /// [`BEARER`].
    pub typ: &'static str,
    /// The client that requested it.
    pub azp: &'a str,
    /// The same as `sid`, under the name of older Keycloak versions.
    pub session_state: Uuid,
    /// The authentication level: "1" for a password, "2" for a second factor.
    pub acr: &'static str,
    pub realm_access: Roles,
    /// The roles by resource. Absent if the token is not for the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_access: Option<ResourceAccess>,
    /// The granted scopes, separated by spaces.
    pub scope: &'a str,
    pub sid: Uuid,
    /// Whether an operator or an administrator verified the email.
    pub email_verified: bool,
    /// Hasura's claims. Absent if the token is not for the API.
    #[serde(rename = "https://hasura.io/jwt/claims", skip_serializing_if = "Option::is_none")]
    pub hasura: Option<Hasura<'a>>,
    /// The full name. Absent if unknown, as in Keycloak.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The username. For a service user, `service-account-` and the client's id.
    pub preferred_username: Cow<'a, str>,
    /// The client that acts on its own behalf, under Keycloak's name.
    #[serde(rename = "clientId", skip_serializing_if = "Option::is_none")]
    pub service_client_id: Option<&'a str>,
    /// The same under the name of RFC 9068, section 2.2. For all other clients, `azp` contains it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
    /// Absent if unknown.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub given_name: &'a str,
    /// Absent if unknown.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub family_name: &'a str,
    /// Always present: the SDK fails without it.
    pub email: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Roles {
    pub roles: &'static [&'static str],
}

/// The roles by resource. There is only one resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceAccess {
    /// The administration of the realm.
    #[serde(rename = "master-realm")]
    pub master_realm: Roles,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hasura<'a> {
    pub x_hasura_user_id: Uuid,
    pub x_hasura_user_email: &'a str,
    /// "user" or "`admin_user`".
    pub x_hasura_default_role: &'static str,
    /// The roles that a request may select. They include the default role, as Hasura demands.
    pub x_hasura_allowed_roles: &'static [&'static str],
    /// A set in PostgreSQL's notation, always empty: "{}".
    pub x_hasura_user_groups: &'static str,
}

impl<'a> AccessClaims<'a> {
    /// Builds the claims of a new token with a new `jti`.
    pub fn new(facts: &Facts<'a>) -> Self {
        let (realm_roles, default_role, allowed_roles): (_, _, &[&str]) = if facts.administrator {
            (REALM_ROLES_ADMINISTRATOR, HASURA_ADMINISTRATOR, &[HASURA_USER, HASURA_ADMINISTRATOR])
        } else {
            (REALM_ROLES, HASURA_USER, &[HASURA_USER])
        };
        let for_api = facts.audience.contains(&API[0]);
        let resource_access = ResourceAccess { master_realm: Roles { roles: MASTER_REALM_ROLES } };
        let hasura = Hasura {
            x_hasura_user_id: facts.user,
            x_hasura_user_email: facts.email,
            x_hasura_default_role: default_role,
            x_hasura_allowed_roles: allowed_roles,
            x_hasura_user_groups: "{}",
        };
        Self {
            exp: facts.now.saturating_add(facts.lifetime),
            iat: facts.now,
            jti: Uuid::new_v4(),
            iss: facts.issuer,
            aud: facts.audience,
            sub: facts.user,
            typ: BEARER,
            azp: facts.client,
            session_state: facts.session,
            acr: acr(facts.second_factor),
            realm_access: Roles { roles: realm_roles },
            resource_access: for_api.then_some(resource_access),
            scope: facts.scope,
            sid: facts.session,
            email_verified: facts.email_verified,
            hasura: for_api.then_some(hasura),
            name: format!("{} {}", facts.first_name, facts.last_name).trim().to_owned(),
            preferred_username: username(facts),
            service_client_id: facts.service.then_some(facts.client),
            client_id: facts.service.then_some(facts.client),
            given_name: facts.first_name,
            family_name: facts.last_name,
            email: facts.email,
        }
    }
}

/// A single audience as a string, several as a list (RFC 7519, section 4.1.3).
fn one_or_several<S: Serializer>(audience: &[&str], serializer: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => serializer.serialize_str(one),
        several => several.serialize(serializer),
    }
}

/// The authentication level in Keycloak's `acr` values.
pub(super) fn acr(second_factor: bool) -> &'static str {
    if second_factor { "2" } else { "1" }
}

fn username<'a>(facts: &Facts<'a>) -> Cow<'a, str> {
    if facts.service { format!("service-account-{}", facts.client).into() } else { facts.email.into() }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ADA: Uuid = Uuid::from_u128(0xada);
    const SESSION: Uuid = Uuid::from_u128(0x5e55);

    fn facts() -> Facts<'static> {
        Facts {
            user: ADA,
            email: "ada@example.com",
            email_verified: true,
            first_name: "Ada",
            last_name: "Lovelace",
            administrator: false,
            client: "sdk-client",
            audience: &API,
            service: false,
            second_factor: false,
            scope: "email profile",
            session: SESSION,
            issuer: "http://127.0.0.1:8787/auth/realms/master",
            now: 1_700_000_000,
            lifetime: 300,
        }
    }

    fn to_json(facts: &Facts) -> Value {
        let mut value = serde_json::to_value(AccessClaims::new(facts)).unwrap();
        let id = value.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(id.as_str().unwrap().parse::<Uuid>().unwrap().get_version_num(), 4);
        value
    }

    #[test]
    fn the_claims_of_a_member_match_the_contract() {
        assert_eq!(
            to_json(&facts()),
            json!({
                "exp": 1_700_000_300, "iat": 1_700_000_000,
                "iss": "http://127.0.0.1:8787/auth/realms/master",
                "aud": ["master-realm", "account"],
                "sub": "00000000-0000-0000-0000-000000000ada",
                "typ": "Bearer", "azp": "sdk-client", "acr": "1",
                "session_state": "00000000-0000-0000-0000-000000005e55",
                "sid": "00000000-0000-0000-0000-000000005e55",
                "realm_access": {"roles": ["default-roles-master", "offline_access", "uma_authorization"]},
                "resource_access": {"master-realm": {"roles": ["manage-users", "view-users"]}},
                "scope": "email profile", "email_verified": true,
                "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
                "preferred_username": "ada@example.com", "email": "ada@example.com",
                "https://hasura.io/jwt/claims": {
                    "x-hasura-user-id": "00000000-0000-0000-0000-000000000ada",
                    "x-hasura-user-email": "ada@example.com",
                    "x-hasura-default-role": "user", "x-hasura-allowed-roles": ["user"],
                    "x-hasura-user-groups": "{}"
                }
            })
        );
    }

    #[test]
    fn the_claims_of_an_administrator_differ_in_the_roles_only() {
        let (mut ordinary, mut administrator) = (to_json(&facts()), to_json(&Facts { administrator: true, ..facts() }));
        assert_eq!(
            administrator["realm_access"]["roles"],
            json!(["admin", "default-roles-master", "offline_access", "uma_authorization"])
        );
        let hasura = &administrator["https://hasura.io/jwt/claims"];
        assert_eq!(hasura["x-hasura-default-role"], "admin_user");
        assert_eq!(hasura["x-hasura-allowed-roles"], json!(["user", "admin_user"]));
        for value in [&mut ordinary, &mut administrator] {
            value["realm_access"] = Value::Null;
            value["https://hasura.io/jwt/claims"]["x-hasura-default-role"] = Value::Null;
            value["https://hasura.io/jwt/claims"]["x-hasura-allowed-roles"] = Value::Null;
        }
        assert_eq!(ordinary, administrator);
    }

    #[test]
    fn the_token_of_a_service_user_names_the_client() {
        let service = to_json(&Facts { service: true, client: "ci", second_factor: true, ..facts() });
        assert_eq!(service["preferred_username"], "service-account-ci");
        assert_eq!((&service["clientId"], &service["client_id"]), (&json!("ci"), &json!("ci")));
        assert_eq!((&service["email"], &service["acr"]), (&json!("ada@example.com"), &json!("2")));
    }

    #[test]
    fn a_token_for_its_client_alone_has_no_api_claims() {
        let alone = to_json(&Facts { client: "grafana", audience: &["grafana"], administrator: true, ..facts() });
        assert_eq!((&alone["aud"], &alone["azp"]), (&json!("grafana"), &json!("grafana")));
        for absent in ["resource_access", "https://hasura.io/jwt/claims"] {
            assert_eq!(alone.get(absent), None, "{absent}");
        }
        let both = to_json(&Facts { client: "grafana", audience: &[API[0], API[1], "grafana"], ..facts() });
        assert_eq!(both["aud"], json!(["master-realm", "account", "grafana"]));
        assert_eq!(both["resource_access"], to_json(&facts())["resource_access"]);
    }

    #[test]
    fn unknown_names_are_absent() {
        let nameless = to_json(&Facts { first_name: "", last_name: "", ..facts() });
        for absent in ["name", "given_name", "family_name"] {
            assert_eq!(nameless.get(absent), None);
        }
        assert_eq!(nameless["email"], "ada@example.com");
        let mononym = to_json(&Facts { last_name: "", ..facts() });
        assert_eq!((&mononym["name"], mononym.get("family_name")), (&json!("Ada"), None));
    }

    #[test]
    fn an_immense_lifetime_does_not_overflow() {
        assert_eq!(AccessClaims::new(&Facts { lifetime: i64::MAX, ..facts() }).exp, i64::MAX);
    }
}
