//! The configuration. It knows files, variables and texts, but no command line, no SQL and no HTTP.
//!
//! A key is a field of [`Config`] and a paragraph of `config.example.toml`, which defines its flag, its variable and
//! its help text. A flag wins over a variable, a variable over the file, the file over the default.

pub mod error;
pub mod keys;
mod kubernetes;
mod layers;
pub mod listen;
mod log_format;
pub mod origin;
mod rules;
mod signing_algorithm;
pub mod text_form;
mod values;

use std::path::Path;

pub use error::ConfigError;
pub use keys::help;
pub use layers::FILE_VARIABLE;
pub use log_format::LogFormat;
pub use origin::Origin;
pub use signing_algorithm::SigningAlgorithm;
pub use values::{Config, ForwardedHeader, Life};

use layers::Layers;

impl Config {
    /// Merges flags (key and text), variables, the file and the defaults, in this order of precedence, and validates
    /// the result.
    ///
    /// The file is `file`, or else the one that `ATELIER_CONFIG` names. Refused when a key or an `ATELIER_*` variable
    /// is unknown, or a value has the wrong type or breaks its rule. `ATELIER_TEST_*` variables and those of a
    /// Kubernetes Service are ignored. An empty variable or flag unsets an optional key.
    pub fn load<K: AsRef<str>>(
        flags: impl IntoIterator<Item = (K, String)>,
        env: impl IntoIterator<Item = (String, String)>,
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let env: Vec<(String, String)> = env.into_iter().collect();
        let mut layers = Layers::default();
        let named = env.iter().find(|(name, path)| name == FILE_VARIABLE && !path.is_empty());
        match (file, named) {
            (Some(path), _) => layers.add_file(path, "--config")?,
            (None, Some((_, path))) => layers.add_file(Path::new(path), FILE_VARIABLE)?,
            (None, None) => {}
        }
        let ignored_variables = layers.add_variables(env)?;
        layers.add_flags(flags)?;
        let config = Self { ignored_variables, ..layers.into_config()? };
        match rules::check(&config) {
            Ok(()) => Ok(config),
            Err((key, rule)) => Err(ConfigError::Wrong { key, origin: config.origins.of(key), rule }),
        }
    }
}

#[cfg(test)]
mod tests;
