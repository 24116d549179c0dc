//! Where the master key comes from: the configuration, a systemd credential or the data directory.

mod rotation;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use crate::app::identity::signing_keys;
use crate::cli::CliError;
use crate::cli::data::broken;
use crate::config::{Config, Origin};
use crate::domain::invalid::Invalid;
use crate::domain::secret::Secret;
use crate::store::data_dir::DataDir;
use crate::store::{self, Store, files};
use crate::tokens::seal::{FileError, MasterKey};

pub use rotation::Command;

/// The variable by which systemd says where a service's credentials are (systemd.exec(5), `LoadCredential=`).
const CREDENTIALS: &str = "CREDENTIALS_DIRECTORY";
/// The name of the credential.
const CREDENTIAL: &str = "atelier-master-key";

/// What to do where there are two.
pub(super) const ONE_PLACE: &str = "remove one of them";

/// Where the master key comes from.
#[derive(Debug)]
pub(super) enum Source {
    /// The text that `master_key` is set to, and what sets it.
    Text(Secret, Origin),
    /// The file that `master_key_file` names, and what names it.
    File(PathBuf, Origin),
    /// A systemd credential.
    Credential(PathBuf),
    /// The data directory, since nobody says anything else.
    DataDir(PathBuf),
}

/// Why a source gives no key.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// The text is no key.
    #[error(
        "{0}; create one with `openssl rand -base64 32`, but an existing data file needs the master key that it was \
         created with"
    )]
    Text(Invalid),
    /// The file gives none.
    #[error(transparent)]
    File(#[from] FileError),
}

impl Source {
    /// The source in force: what is configured, else the credential, else the data directory.
    ///
    /// Refused when a key is configured and there is a credential too.
    pub(super) fn of(config: &Config, home: &DataDir) -> Result<Self, CliError> {
        Self::among(config, home, std::env::var_os(CREDENTIALS))
    }

    fn among(config: &Config, home: &DataDir, credentials: Option<OsString>) -> Result<Self, CliError> {
        let credential = credentials.filter(|directory| !directory.is_empty());
        let credential = credential.map(|directory| PathBuf::from(directory).join(CREDENTIAL));
        // One that is there but cannot be looked at is not passed over.
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

    /// The file that the key can be read from anew, as an absolute path.
    pub(super) fn file(&self) -> Option<PathBuf> {
        match self {
            Self::File(path, _) | Self::DataDir(path) => std::path::absolute(path).ok(),
            // A service manager copies a credential when the service starts.
            Self::Text(..) | Self::Credential(_) => None,
        }
    }

    /// The key that is there; none is made.
    pub(super) fn load(&self) -> Result<MasterKey, Unusable> {
        match self {
            Self::Text(text, _) => MasterKey::parse(text).map_err(Unusable::Text),
            Self::File(path, _) | Self::DataDir(path) => Ok(MasterKey::load(path)?),
            Self::Credential(path) => Ok(MasterKey::load_credential(path)?),
        }
    }

    fn loaded(&self) -> Result<MasterKey, CliError> {
        self.load().map_err(|error| match &error {
            Unusable::Text(_) => CliError::Usage(format!("{self} is malformed: {error}")),
            Unusable::File(_) => match self {
                Self::DataDir(_) | Self::Text(..) => CliError::Failed(error.to_string()),
                Self::File(..) | Self::Credential(_) => CliError::Failed(format!("{self} contains no key: {error}")),
            },
        })
    }
}

/// The source as one would point at it.
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

/// The master key in force, which opens every signing key there is.
///
/// Refused when there is none or it is another than the one that they were sealed under.
pub(super) fn given(config: &Config, home: &DataDir, store: &Store) -> Result<MasterKey, CliError> {
    let source = Source::of(config, home)?;
    let key = source.loaded()?;
    proved(&source, key, store)
}

/// The same for a server that starts, which finishes a rotation that was interrupted; and where nothing was ever sealed and nobody says where the key is, it is made in the data directory.
pub(super) fn given_or_made(config: &Config, home: &DataDir, store: &Store) -> Result<MasterKey, CliError> {
    let source = Source::of(config, home)?;
    let key = match &source {
        Source::DataDir(path) if !path.exists() && !store.read(signing_keys::anything_sealed)? => {
            let new = MasterKey::write_new(path, &MasterKey::generate(), files::make);
            new.map_err(|error| CliError::Failed(error.to_string()))?
        }
        Source::DataDir(path) | Source::File(path, _) => {
            rotation::finish_interrupted(path, store)?;
            source.loaded()?
        }
        Source::Text(..) | Source::Credential(_) => source.loaded()?,
    };
    proved(&source, key, store)
}

fn proved(source: &Source, key: MasterKey, store: &Store) -> Result<MasterKey, CliError> {
    for sealed in store.read(store::signing_keys::list_sealed)? {
        signing_keys::prove(&key, &sealed).map_err(|error| {
            let kid = &sealed.kid;
            CliError::Failed(format!("{source} does not open the signing key {kid}: {}", broken(&error)))
        })?;
    }
    Ok(key)
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
    fn what_is_configured_comes_before_a_credential_before_the_data_directory() {
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
    fn a_source_never_shows_the_key() {
        let source = Source::Text(Secret::new(KEY), Origin::Default);
        assert!(!format!("{source} {source:?}").contains(KEY));
        let refused = Source::Text(Secret::new("half-a-key"), Origin::Default).loaded().unwrap_err();
        assert!(!format!("{refused:?}").contains("half-a-key"), "{refused:?}");
    }
}
