//! The source of the master key: the configuration, a systemd credential or the data directory.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::cli::CliError;
use crate::config::{Config, Origin};
use crate::domain::invalid::Invalid;
use crate::domain::secret::Secret;
use crate::store::data_dir::DataDir;
use crate::tokens::seal::{FileError, MasterKey};

/// The variable that contains the credential directory of a systemd service (systemd.exec(5), `LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The name of the credential.
const CREDENTIAL: &str = "atelier-master-key";

/// The next step if there are two sources.
pub(in crate::cli) const ONE_PLACE: &str = "remove one of them";

#[derive(Debug)]
pub(in crate::cli) enum Source {
    /// The text of `master_key`, and where it is set.
    Text(Secret, Origin),
    /// The file of `master_key_file`, and where it is set.
    File(PathBuf, Origin),
    Credential(PathBuf),
    /// The file in the data directory, the default.
    DataDir(PathBuf),
}

/// The reasons for which a source provides no key.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum Unusable {
    /// The text is no key.
    #[error(
        "{0}; create one with `openssl rand -base64 32`, but an existing data file needs the master key that it was \
         created with"
    )]
    Text(Invalid),
    #[error(transparent)]
    File(#[from] FileError),
}

impl Source {
    /// The effective source: the configuration, else the credential, else the data directory.
    ///
    /// Refused if both a configured key and a credential exist.
    pub(in crate::cli) fn of(config: &Config, home: &DataDir) -> Result<Self, CliError> {
        Self::among(config, home, std::env::var_os(CREDENTIALS))
    }

    fn among(config: &Config, home: &DataDir, credentials: Option<OsString>) -> Result<Self, CliError> {
        let credential = credentials.filter(|directory| !directory.is_empty());
        let credential = credential.map(|directory| PathBuf::from(directory).join(CREDENTIAL));
        // A credential that exists but cannot be checked is used, so that the error is reported.
        let credential = credential.filter(|path| path.try_exists().unwrap_or(true));
        let configured = match (&config.master_key, &config.master_key_file) {
            (Some(text), _) => Some(Self::Text(text.clone(), config.origins.of("master_key"))),
            (None, Some(path)) => Some(Self::File(path.clone(), config.origins.of("master_key_file"))),
            (None, None) => None,
        };
        match (configured, credential) {
            (Some(configured), Some(credential)) => Err(CliError::Usage(format!(
                "two master keys are given: {configured} and {}; {ONE_PLACE}",
                Self::Credential(credential)
            ))),
            (Some(configured), None) => Ok(configured),
            (None, Some(credential)) => Ok(Self::Credential(credential)),
            (None, None) => Ok(Self::DataDir(home.master_key())),
        }
    }

    /// The absolute path of the file from which the key can be reloaded.
    pub(in crate::cli) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path, _) | Self::DataDir(path) => std::path::absolute(path).ok(),
            // A service manager copies a credential when the service starts.
            Self::Text(..) | Self::Credential(_) => None,
        }
    }

    /// Loads an existing key. It never creates one.
    pub(in crate::cli) fn load(&self) -> Result<MasterKey, Unusable> {
        match self {
            Self::Text(text, _) => MasterKey::parse(text).map_err(Unusable::Text),
            Self::File(path, _) | Self::DataDir(path) => Ok(MasterKey::load(path)?),
            Self::Credential(path) => Ok(MasterKey::load_credential(path)?),
        }
    }

    pub(in crate::cli) fn loaded(&self) -> Result<MasterKey, CliError> {
        self.load().map_err(|error| match &error {
            Unusable::Text(_) => CliError::Usage(format!("{self} is malformed: {error}")),
            Unusable::File(_) => match self {
                Self::DataDir(_) | Self::Text(..) => CliError::Failed(error.to_string()),
                Self::File(..) | Self::Credential(_) => CliError::Failed(format!("{self} contains no key: {error}")),
            },
        })
    }
}

/// The source as named in messages.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_, origin) => write!(f, "master_key ({origin})"),
            Self::File(path, origin) => write!(f, "master_key_file {} ({origin})", path.display()),
            Self::Credential(path) => write!(f, "the systemd credential {}", path.display()),
            Self::DataDir(path) => write!(f, "{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

    fn config(text: Option<&str>, file: Option<&str>) -> Config {
        Config { master_key: text.map(Secret::new), master_key_file: file.map(PathBuf::from), ..Config::default() }
    }

    fn among(config: &Config, credentials: Option<&std::path::Path>) -> Result<String, String> {
        let found = Source::among(config, &DataDir::at("/data"), credentials.map(Into::into));
        found.map(|source| source.to_string()).map_err(|trouble| format!("{trouble:?}"))
    }

    #[test]
    fn the_configuration_wins_over_a_credential_over_the_data_directory() {
        let place = tempfile::tempdir().unwrap();
        let none = config(None, None);
        assert_eq!(among(&none, None).unwrap(), "/data/master.key");
        assert_eq!(among(&none, Some(place.path())).unwrap(), "/data/master.key", "other credentials are none of ours");
        assert_eq!(among(&none, Some(std::path::Path::new(""))).unwrap(), "/data/master.key");
        assert_eq!(among(&config(Some(KEY), None), Some(place.path())).unwrap(), "master_key (default)");
        assert_eq!(among(&config(None, Some("/k")), Some(place.path())).unwrap(), "master_key_file /k (default)");
        let credential = place.path().join("atelier-master-key");
        fs::write(&credential, KEY).unwrap();
        assert_eq!(
            among(&none, Some(place.path())).unwrap(),
            format!("the systemd credential {}", credential.display())
        );
        for configured in [config(Some(KEY), None), config(None, Some("/k"))] {
            let refused = among(&configured, Some(place.path())).unwrap_err();
            assert!(refused.contains("two master keys are given: master_key") && !refused.contains(KEY), "{refused}");
        }
    }

    #[test]
    fn a_source_never_prints_the_key() {
        let source = Source::Text(Secret::new(KEY), Origin::Default);
        assert!(!format!("{source} {source:?}").contains(KEY));
        let refused = Source::Text(Secret::new("half-a-key"), Origin::Default).loaded().unwrap_err();
        assert!(!format!("{refused:?}").contains("half-a-key"), "{refused:?}");
    }
}
