//! The part of a realm export (Keycloak's `RealmRepresentation`) that atelier reads. Other fields are skipped.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufReader;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{DeserializeOwned, Error as _, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::cli::CliError;
use crate::cli::import::file::{self, MAX_PEOPLE};

/// The maximum size of an export.
const MAX_SIZE: u64 = 256 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "the JSON object of a realm", default)]
pub(super) struct Realm {
    #[serde(rename = "realm")]
    pub(super) name: String,
    #[serde(deserialize_with = "limited")]
    pub(super) users: Vec<User>,
    #[serde(deserialize_with = "limited")]
    pub(super) groups: Vec<Group>,
    #[serde(deserialize_with = "limited")]
    pub(super) clients: Vec<Client>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object of a user", default, rename_all = "camelCase")]
#[expect(clippy::zero_sized_map_values, reason = "only the names are used")]
pub(super) struct User {
    pub(super) id: Option<String>,
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) email_verified: bool,
    pub(super) enabled: bool,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) credentials: Vec<Credential>,
    pub(super) required_actions: Vec<String>,
    pub(super) federated_identities: Vec<IgnoredAny>,
    /// The directory, such as LDAP, that the user comes from.
    pub(super) federation_link: Option<String>,
    pub(super) attributes: BTreeMap<String, IgnoredAny>,
    pub(super) realm_roles: Vec<String>,
    pub(super) client_roles: BTreeMap<String, IgnoredAny>,
    /// Paths of groups.
    pub(super) groups: Vec<String>,
    /// The client whose service account this is.
    pub(super) service_account_client_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object of a credential", default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "the names of Keycloak")]
pub(super) struct Credential {
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// JSON.
    pub(super) secret_data: Option<String>,
    /// JSON.
    pub(super) credential_data: Option<String>,
    pub(super) temporary: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object of a group", default, rename_all = "camelCase")]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) path: Option<String>,
    pub(super) realm_roles: Vec<String>,
    pub(super) sub_groups: Vec<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(expecting = "an object of a client", default, rename_all = "camelCase")]
#[expect(clippy::struct_field_names, clippy::struct_excessive_bools, reason = "the fields of Keycloak")]
pub(super) struct Client {
    pub(super) client_id: String,
    pub(super) name: Option<String>,
    pub(super) enabled: Option<bool>,
    pub(super) client_authenticator_type: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) root_url: Option<String>,
    pub(super) redirect_uris: Vec<String>,
    pub(super) web_origins: Vec<String>,
    pub(super) bearer_only: bool,
    pub(super) public_client: bool,
    pub(super) standard_flow_enabled: Option<bool>,
    pub(super) implicit_flow_enabled: bool,
    pub(super) direct_access_grants_enabled: bool,
    pub(super) service_accounts_enabled: bool,
    pub(super) authorization_services_enabled: bool,
    pub(super) protocol: Option<String>,
    pub(super) protocol_mappers: Vec<IgnoredAny>,
    pub(super) attributes: BTreeMap<String, serde_json::Value>,
}

/// Reads a list of at most [`MAX_PEOPLE`].
fn limited<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Vec<T>, D::Error> {
    struct Limited<T>(PhantomData<T>);
    impl<'de, T: DeserializeOwned> Visitor<'de> for Limited<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Vec<T>, A::Error> {
            let mut all = Vec::new();
            while let Some(one) = from.next_element()? {
                if all.len() == MAX_PEOPLE {
                    return Err(A::Error::custom(format!(
                        "at most {MAX_PEOPLE} can be imported at once; export with `--users different_files \
                         --users-per-file {MAX_PEOPLE}`"
                    )));
                }
                all.push(one);
            }
            Ok(all)
        }
    }
    from.deserialize_seq(Limited(PhantomData))
}

/// Reads an export. Refused with the place of the first fault.
pub(super) fn read(path: &Path) -> Result<Realm, CliError> {
    let mut from = BufReader::new(file::open(path, MAX_SIZE)?);
    let mut parser = serde_json::Deserializer::from_reader(&mut from);
    let realm: Realm = serde_path_to_error::deserialize(&mut parser).map_err(|error| {
        let (place, error) = (error.path().to_string(), error.into_inner());
        let place = if place == "." { String::new() } else { format!("{place}: ") };
        let fault = if error.is_io() {
            format!("cannot be read: {error}")
        } else {
            format!("{place}{error}; the file must be the JSON of one realm, as `kc.sh export` writes it")
        };
        file::faults(path, &[fault])
    })?;
    parser.end().map_err(|error| file::faults(path, &[format!("{error}; the file must contain one realm")]))?;
    Ok(realm)
}

impl Group {
    /// The path, such as `/ml/fraud`. A slash in a name is escaped there.
    pub(super) fn path_in(&self, parent: &str) -> String {
        self.path.clone().unwrap_or_else(|| format!("{parent}/{}", self.name.replace('/', "~/")))
    }
}
