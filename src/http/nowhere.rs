//! Paths of Keycloak that do not exist on this server, and the paths that their clients meant.

use super::base_path;
use crate::app::runtime::issuers::REALM_PATH;

/// The maximum characters of a path in a message.
const MAX_PATH_LENGTH: usize = 200;

/// The hint in the message to people and programs.
pub(super) const KEYCLOAK_HINT: &str = "on this server, Keycloak's paths begin with /auth and the realm is master";

/// The path on this server that a Keycloak path without `/auth` stands for. Newer versions of Keycloak have paths
/// without it. None if the path is not one of Keycloak's.
pub(super) fn meant_for_keycloak(path: &str) -> Option<String> {
    let (admin, rest) = match path.strip_prefix("/admin") {
        Some(rest) => ("/admin", rest),
        None => ("", path),
    };
    let meant = match rest.strip_prefix("/realms/") {
        Some(of_realm) => {
            let of_realm = of_realm.split_once('/').map_or_else(String::new, |(_, rest)| format!("/{rest}"));
            format!("{}{of_realm}", REALM_PATH.replacen("/auth", &format!("/auth{admin}"), 1))
        }
        None if ["/realms", "/realms/"].contains(&rest) => REALM_PATH.replacen("/auth", &format!("/auth{admin}"), 1),
        None if !admin.is_empty() && (rest.is_empty() || rest.starts_with('/')) => format!("/auth/admin{rest}"),
        None => return None,
    };
    Some(base_path::get().chars().chain(meant.chars()).take(MAX_PATH_LENGTH).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keycloak_path_is_mapped_to_this_server() {
        for (path, meant) in [
            ("/realms/master", "/auth/realms/master"),
            ("/realms/master/", "/auth/realms/master/"),
            ("/realms", "/auth/realms/master"),
            ("/realms/ours/.well-known/openid-configuration", "/auth/realms/master/.well-known/openid-configuration"),
            ("/admin/realms/ours/users/1", "/auth/admin/realms/master/users/1"),
            ("/admin/realms", "/auth/admin/realms/master"),
            ("/admin/serverinfo", "/auth/admin/serverinfo"),
            ("/admin", "/auth/admin"),
        ] {
            assert_eq!(meant_for_keycloak(path).as_deref(), Some(meant), "{path}");
        }
        for path in ["/", "/realm", "/realmsx/master", "/adminx", "/admins/realms", "/auth/realms/x", "/nothing"] {
            assert_eq!(meant_for_keycloak(path), None, "{path}");
        }
        let long = meant_for_keycloak(&format!("/realms/x/{}", "é".repeat(5000))).unwrap();
        assert_eq!(long.chars().count(), MAX_PATH_LENGTH);
    }
}
