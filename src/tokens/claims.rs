//! What an access token says: the claims that Keycloak puts in one, and Hasura's, which Wallaroo clients carry.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// The API as the audience of an access token, by the names and in the order of Keycloak. Clients must not have them.
pub const API: [&str; 2] = ["master-realm", "account"];
/// The only `typ` of an access token's claims: an id or refresh token says another.
pub const BEARER: &str = "Bearer";

const REALM_ROLES: &[&str] = &["default-roles-master", "offline_access", "uma_authorization"];
const REALM_ROLES_ADMINISTRATOR: &[&str] = &["admin", "default-roles-master", "offline_access", "uma_authorization"];
/// Held by everybody: the Wallaroo SDK looks people up through the admin endpoints. What the server lets a person do
/// there is decided by the server, never by this claim.
const MASTER_REALM_ROLES: &[&str] = &["manage-users", "view-users"];
const HASURA_USER: &str = "user";
const HASURA_ADMINISTRATOR: &str = "admin_user";

/// What an access token is made of.
#[expect(clippy::struct_excessive_bools, reason = "each is a claim of its own")]
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The user's id.
    pub user: Uuid,
    /// The user's e-mail, which is the username too.
    pub email: &'a str,
    /// Whether the operator or an administrator vouched for the address.
    pub email_verified: bool,
    /// The given name; empty where none is known.
    pub first_name: &'a str,
    /// The family name; empty where none is known.
    pub last_name: &'a str,
    /// Whether the user administers the account.
    pub administrator: bool,
    /// The id of the client that asked for the token.
    pub client: &'a str,
    /// Who accepts the token: [`API`], the client, or both.
    pub audience: &'a [&'a str],
    /// Whether the user is what the client acts as on its own behalf.
    pub service: bool,
    /// Whether the user has proved more than a password.
    pub second_factor: bool,
    /// What was granted, separated by spaces.
    pub scope: &'a str,
    /// The session that the token belongs to and ends with.
    pub session: Uuid,
    /// The issuer, as the discovery document has it: `<base>/auth/realms/master`.
    pub issuer: &'a str,
    /// Now, in seconds since 1970.
    pub now: i64,
    /// How long the token lives, in seconds.
    pub lifetime: i64,
}

/// The claims of an access token (RFC 7519, 4.1; `OpenID` Connect Core, 5.1; Keycloak's and Hasura's own).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccessClaims<'a> {
    /// When it expires, in seconds since 1970.
    pub exp: i64,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// Its own id, new for each token.
    pub jti: Uuid,
    /// Who issued it.
    pub iss: &'a str,
    /// Who accepts it; one alone is no list, as in Keycloak.
    #[serde(serialize_with = "one_or_several")]
    pub aud: &'a [&'a str],
    /// The user's id.
    pub sub: Uuid,
    /// [`BEARER`].
    pub typ: &'static str,
    /// The client that asked for it.
    pub azp: &'a str,
    /// The same as `sid`, under the name that older Keycloaks used.
    pub session_state: Uuid,
    /// How the user was authenticated: "1" by a password, "2" by a second factor too.
    pub acr: &'static str,
    /// The roles in the realm.
    pub realm_access: Roles,
    /// The roles at each resource; absent in a token that is not for the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_access: Option<ResourceAccess>,
    /// What was granted, separated by spaces.
    pub scope: &'a str,
    /// The session.
    pub sid: Uuid,
    /// Whether the operator or an administrator vouched for the address.
    pub email_verified: bool,
    /// What Hasura reads; absent in a token that is not for the API.
    #[serde(rename = "https://hasura.io/jwt/claims", skip_serializing_if = "Option::is_none")]
    pub hasura: Option<Hasura<'a>>,
    /// Given and family name; absent where neither is known, as in Keycloak.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The username; of a client that acts on its own behalf, `service-account-` and its id.
    pub preferred_username: Cow<'a, str>,
    /// The client that acts on its own behalf, as Keycloak names it.
    #[serde(rename = "clientId", skip_serializing_if = "Option::is_none")]
    pub service_client_id: Option<&'a str>,
    /// The same under the name of RFC 9068, section 2.2; of every other client, `azp` tells it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<&'a str>,
    /// The given name; absent where none is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub given_name: &'a str,
    /// The family name; absent where none is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub family_name: &'a str,
    /// The e-mail, always: the SDK fails without it.
    pub email: &'a str,
}

/// A set of roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Roles {
    /// Their names.
    pub roles: &'static [&'static str],
}

/// The roles at each resource; there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceAccess {
    /// The realm's own administration.
    #[serde(rename = "master-realm")]
    pub master_realm: Roles,
}

/// What Hasura reads of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hasura<'a> {
    /// The user's id.
    pub x_hasura_user_id: Uuid,
    /// The user's e-mail.
    pub x_hasura_user_email: &'a str,
    /// "user" or "`admin_user`".
    pub x_hasura_default_role: &'static str,
    /// The roles that may be asked for; the default one is among them, as Hasura demands.
    pub x_hasura_allowed_roles: &'static [&'static str],
    /// A set in PostgreSQL's notation, always empty: "{}".
    pub x_hasura_user_groups: &'static str,
}

impl<'a> AccessClaims<'a> {
    /// Builds the claims of a new token, with an id of its own.
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
            acr: level(facts.second_factor),
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

/// One audience as a text, several as a list (RFC 7519, section 4.1.3).
fn one_or_several<S: Serializer>(audience: &[&str], serializer: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => serializer.serialize_str(one),
        several => several.serialize(serializer),
    }
}

/// How the user was authenticated, in Keycloak's levels.
pub(super) fn level(second_factor: bool) -> &'static str {
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

    fn told(facts: &Facts) -> Value {
        let mut value = serde_json::to_value(AccessClaims::new(facts)).unwrap();
        let id = value.as_object_mut().unwrap().remove("jti").unwrap();
        assert_eq!(id.as_str().unwrap().parse::<Uuid>().unwrap().get_version_num(), 4);
        value
    }

    #[test]
    fn an_ordinary_persons_claims_are_those_of_the_contract() {
        assert_eq!(
            told(&facts()),
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
    fn an_administrators_claims_differ_in_the_roles_alone() {
        let (mut ordinary, mut administrator) = (told(&facts()), told(&Facts { administrator: true, ..facts() }));
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
    fn a_client_that_acts_on_its_own_behalf_says_so() {
        let service = told(&Facts { service: true, client: "ci", second_factor: true, ..facts() });
        assert_eq!(service["preferred_username"], "service-account-ci");
        assert_eq!((&service["clientId"], &service["client_id"]), (&json!("ci"), &json!("ci")));
        assert_eq!((&service["email"], &service["acr"]), (&json!("ada@example.com"), &json!("2")));
    }

    #[test]
    fn a_token_for_its_client_alone_says_nothing_of_the_api() {
        let alone = told(&Facts { client: "grafana", audience: &["grafana"], administrator: true, ..facts() });
        assert_eq!((&alone["aud"], &alone["azp"]), (&json!("grafana"), &json!("grafana")));
        for absent in ["resource_access", "https://hasura.io/jwt/claims"] {
            assert_eq!(alone.get(absent), None, "{absent}");
        }
        let both = told(&Facts { client: "grafana", audience: &[API[0], API[1], "grafana"], ..facts() });
        assert_eq!(both["aud"], json!(["master-realm", "account", "grafana"]));
        assert_eq!(both["resource_access"], told(&facts())["resource_access"]);
    }

    #[test]
    fn names_that_are_not_known_are_absent() {
        let nameless = told(&Facts { first_name: "", last_name: "", ..facts() });
        for absent in ["name", "given_name", "family_name"] {
            assert_eq!(nameless.get(absent), None);
        }
        assert_eq!(nameless["email"], "ada@example.com");
        let mononym = told(&Facts { last_name: "", ..facts() });
        assert_eq!((&mononym["name"], mononym.get("family_name")), (&json!("Ada"), None));
    }

    #[test]
    fn an_immense_lifetime_does_not_overflow() {
        assert_eq!(AccessClaims::new(&Facts { lifetime: i64::MAX, ..facts() }).exp, i64::MAX);
    }
}
