//! The keys of the configuration as typed values, with their defaults.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};
use toml::{Table, Value};

use super::keys;
use super::listen::{Listen, Mode};
use super::log_format::LogFormat;
use super::origin::Origins;
use super::signing_algorithm::SigningAlgorithm;
use super::text_form;
use crate::domain::backup::{Keep, Schedule};
use crate::domain::network::Network;
use crate::domain::retention::Retention;
use crate::domain::secret::Secret;

/// The header in which proxies forward the client's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "kebab-case", ascii_case_insensitive)]
pub enum ForwardedHeader {
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

impl text_form::TextForm for ForwardedHeader {
    const RULE: &'static str = "x-forwarded-for or forwarded";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_text(&self) -> String {
        <&str>::from(self).to_owned()
    }
}

/// How long something is kept: a duration, or `forever`. A 0 is refused: in some programs it means "forever", in others
/// "not at all", and the wrong guess would delete everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    For(Duration),
    Forever,
}

impl Life {
    const DEFAULT: Self = Self::For(Duration::from_hours(400 * 24));
    const FOREVER: &'static str = "forever";

    /// The duration; none if it never ends.
    pub const fn limit(self) -> Option<Duration> {
        match self {
            Self::For(life) => Some(life),
            Self::Forever => None,
        }
    }
}

impl text_form::TextForm for Life {
    const RULE: &'static str = "a duration such as 90d, or forever";

    fn parse(text: &str) -> Option<Self> {
        if text == Self::FOREVER { Some(Self::Forever) } else { Duration::parse(text).map(Self::For) }
    }

    fn to_text(&self) -> String {
        self.limit().map_or_else(|| Self::FOREVER.to_owned(), |life| life.to_text())
    }
}

/// The effective configuration. `config.example.toml` documents each key.
#[expect(clippy::struct_excessive_bools, reason = "each key is a field of its own")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    #[serde(with = "text_form::secret")]
    pub database: Option<Secret>,
    pub database_password_file: Option<PathBuf>,

    pub files_url: Option<String>,
    pub files_endpoint: Option<String>,
    pub files_region: Option<String>,
    pub files_access_key: Option<String>,
    #[serde(with = "text_form::secret")]
    pub files_secret_key: Option<Secret>,
    pub files_secret_key_file: Option<PathBuf>,
    #[serde(with = "text_form")]
    pub max_file: usize,
    #[serde(with = "text_form")]
    pub organization_files: usize,

    #[serde(with = "text_form::list")]
    pub listen: Vec<Listen>,
    #[serde(with = "text_form")]
    pub unix_socket_mode: Mode,
    pub public_url: Option<String>,
    pub trusted_hosts: Vec<String>,
    #[serde(with = "text_form::list")]
    pub trusted_proxies: Vec<Network>,
    #[serde(with = "text_form::optional")]
    pub forwarded_header: Option<ForwardedHeader>,
    pub cors_origins: Vec<String>,
    #[serde(with = "text_form::list")]
    pub metrics_listen: Vec<SocketAddr>,

    pub tls_certificate: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    pub tls_self_signed: bool,

    pub log: String,
    #[serde(with = "text_form")]
    pub log_format: LogFormat,

    pub workers: usize,
    pub max_connections: usize,
    pub connections_per_address: usize,
    #[serde(with = "text_form")]
    pub max_body: usize,
    #[serde(with = "text_form")]
    pub body_memory: usize,
    #[serde(with = "text_form")]
    pub unsent_memory: usize,
    #[serde(with = "text_form")]
    pub request_timeout: Duration,
    #[serde(with = "text_form")]
    pub write_timeout: Duration,
    #[serde(with = "text_form")]
    pub keep_alive: Duration,
    #[serde(with = "text_form")]
    pub stop_grace: Duration,
    pub write_queue: usize,
    pub readers: usize,
    #[serde(with = "text_form")]
    pub page_cache: usize,
    #[serde(with = "text_form")]
    pub answer_memory: usize,
    #[serde(with = "text_form")]
    pub search_memory: usize,
    pub password_threads: usize,
    pub password_queue: usize,

    pub password_grant: bool,
    #[serde(with = "text_form")]
    pub access_token_life: Duration,
    #[serde(with = "text_form")]
    pub session_idle: Duration,
    #[serde(with = "text_form")]
    pub session_life: Duration,
    #[serde(with = "text_form")]
    pub offline_idle: Duration,
    #[serde(with = "text_form")]
    pub offline_life: Duration,
    #[serde(with = "text_form")]
    pub browser_idle: Duration,
    #[serde(with = "text_form")]
    pub browser_life: Duration,
    #[serde(with = "text_form")]
    pub signing_algorithm: SigningAlgorithm,
    pub signing_key_bits: usize,
    #[serde(with = "text_form")]
    pub signing_key_life: Duration,
    #[serde(with = "text_form::secret")]
    pub master_key: Option<Secret>,
    pub master_key_file: Option<PathBuf>,

    pub server_name: String,
    pub server_logo: Option<PathBuf>,
    pub administrator_contact: Option<String>,

    pub keys_allowed: bool,
    #[serde(with = "text_form::optional")]
    pub key_longest_life: Option<Duration>,
    #[serde(with = "text_form")]
    pub ended_key_life: Life,

    #[serde(with = "text_form")]
    pub audit_life: Life,
    pub audit_export: Option<PathBuf>,

    pub sign_in_free_failures: usize,
    #[serde(with = "text_form")]
    pub sign_in_longest_wait: Duration,
    pub administrators_need_second_factor: bool,

    pub graphql_depth: usize,
    pub graphql_complexity: usize,

    #[serde(with = "text_form::optional")]
    pub backup_schedule: Option<Schedule>,
    pub backup_directory: Option<PathBuf>,
    #[serde(with = "text_form")]
    pub backup_keep: Keep,
    pub backup_files: bool,
    pub backup_passphrase_file: Option<PathBuf>,

    pub admin_email: Option<String>,
    #[serde(with = "text_form::secret")]
    pub admin_password: Option<Secret>,
    pub admin_password_file: Option<PathBuf>,
    pub setup_file: Option<PathBuf>,

    /// The source of each value.
    #[serde(skip)]
    pub origins: Origins,
    /// The `ATELIER_*` variables that were ignored because Kubernetes has set them for a Service.
    #[serde(skip)]
    pub ignored_variables: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: "./atelier-data".into(),
            database: None,
            database_password_file: None,
            files_url: None,
            files_endpoint: None,
            files_region: None,
            files_access_key: None,
            files_secret_key: None,
            files_secret_key_file: None,
            max_file: 16 << 30,
            organization_files: 0,
            listen: vec![Listen::Tcp((Ipv4Addr::LOCALHOST, 8787).into())],
            unix_socket_mode: Mode(0o660),
            public_url: None,
            trusted_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            forwarded_header: None,
            cors_origins: Vec::new(),
            metrics_listen: Vec::new(),
            tls_certificate: None,
            tls_key: None,
            tls_self_signed: false,
            log: "info".to_owned(),
            log_format: LogFormat::Text,
            workers: 0,
            max_connections: 12_000,
            connections_per_address: 0,
            max_body: 1 << 20,
            body_memory: 64 << 20,
            unsent_memory: 64 << 20,
            request_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_mins(1),
            keep_alive: Duration::from_secs(75),
            stop_grace: Duration::from_secs(15),
            write_queue: 1024,
            readers: 4,
            page_cache: 2 << 20,
            answer_memory: 8 << 20,
            search_memory: 256 << 20,
            password_threads: 0,
            password_queue: 256,
            password_grant: true,
            access_token_life: Duration::from_mins(5),
            session_idle: Duration::from_hours(30 * 24),
            session_life: Duration::from_hours(90 * 24),
            offline_idle: Duration::from_hours(90 * 24),
            offline_life: Duration::from_hours(365 * 24),
            browser_idle: Duration::from_hours(12),
            browser_life: Duration::from_hours(7 * 24),
            signing_algorithm: SigningAlgorithm::Rs256,
            signing_key_bits: 2048,
            signing_key_life: Duration::from_hours(90 * 24),
            master_key: None,
            master_key_file: None,
            server_name: "atelier".to_owned(),
            server_logo: None,
            administrator_contact: None,
            keys_allowed: true,
            key_longest_life: None,
            ended_key_life: Life::DEFAULT,
            audit_life: Life::DEFAULT,
            audit_export: None,
            sign_in_free_failures: 5,
            sign_in_longest_wait: Duration::from_mins(15),
            administrators_need_second_factor: false,
            graphql_depth: 15,
            graphql_complexity: 500,
            backup_schedule: None,
            backup_directory: None,
            backup_keep: Keep::DEFAULT,
            backup_files: true,
            backup_passphrase_file: None,
            admin_email: None,
            admin_password: None,
            admin_password_file: None,
            setup_file: None,
            origins: Origins::default(),
            ignored_variables: Vec::new(),
        }
    }
}

impl Config {
    /// The addresses of TCP to listen on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listen.iter().filter_map(Listen::tcp).collect()
    }

    /// The email of the first administrator, with its default.
    pub fn first_email(&self) -> &str {
        self.admin_email.as_deref().unwrap_or("admin@localhost")
    }

    /// How long what has ended is kept.
    pub fn retention(&self) -> Retention {
        Retention {
            audit: self.audit_life.limit(),
            audit_export: self.audit_export.clone(),
            ended_keys: self.ended_key_life.limit(),
        }
    }

    /// All keys in the order of the example file, each with its value in TOML (or `(not set)`) and its source. Secrets
    /// are masked.
    pub fn entries(&self) -> Vec<(&'static str, String, String)> {
        let table = Table::try_from(self).unwrap_or_default();
        let show = |key: &keys::Key| {
            let value = table.get(key.name).map_or_else(|| "(not set)".to_owned(), Value::to_string);
            (key.name, value, self.origins.of(key.name).to_string())
        };
        keys::all().iter().map(show).collect()
    }
}
