//! The configuration flags, one for each key of the list of keys.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum, value_parser};

use crate::cli::{CliError, say};
use crate::config::{Config, FILE_VARIABLE, keys};
use crate::domain::timestamp::Timestamp;

/// The flags of every configuration key, and `--config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    file: Option<PathBuf>,
    flags: Vec<(&'static str, String)>,
}

/// The flags that locate the server: `--data-dir` and `--config`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Settings);

impl Settings {
    /// The configuration from these flags, the environment variables and the file.
    pub fn load(&self) -> Result<Config, CliError> {
        let mut variables = Vec::new();
        for (name, text) in env::vars_os() {
            let Some(name) = name.to_str().filter(|name| name.starts_with("ATELIER_")) else {
                continue;
            };
            let Ok(text) = text.into_string() else {
                return Err(CliError::Usage(format!("the variable {name} is not valid UTF-8; correct or unset it")));
            };
            variables.push((name.to_owned(), text));
        }
        let config = Config::load(self.flags.clone(), variables, self.file.as_deref())?;
        if let [first, more @ ..] = config.ignored_variables.as_slice() {
            let more = if more.is_empty() { String::new() } else { format!(" and {} more like it", more.len()) };
            say(&format!(
                "warning: ignored {first}{more}: Kubernetes sets these variables for a Service whose name begins with \
                 atelier; set enableServiceLinks: false in the pod's spec to avoid them"
            ));
        }
        Ok(config)
    }

    fn read(matches: &ArgMatches, keys: impl Iterator<Item = &'static keys::Key>) -> Self {
        let mut flags = Vec::new();
        for key in keys {
            let texts = matches.get_many::<String>(key.name).into_iter().flatten();
            flags.extend(texts.map(|text| (key.name, text.clone())));
        }
        Self { file: matches.get_one::<PathBuf>("config").cloned(), flags }
    }
}

impl Place {
    /// The configuration from these flags, the environment variables and the file.
    pub fn load(&self) -> Result<Config, CliError> {
        self.0.load()
    }

    fn keys() -> impl Iterator<Item = &'static keys::Key> {
        keys::find("data_dir").into_iter()
    }
}

fn file_flag() -> Arg {
    Arg::new("config")
        .long("config")
        .value_name("FILE")
        .value_parser(value_parser!(PathBuf))
        .help(format!("TOML file with configuration keys [env: {FILE_VARIABLE}]"))
}

fn flag(key: &'static keys::Key) -> Arg {
    let (action, value_name) = match key.kind {
        keys::Kind::List => (ArgAction::Append, "TEXT"),
        keys::Kind::Text if key.name.ends_with("_dir") || key.name.ends_with("_directory") => (ArgAction::Set, "DIR"),
        keys::Kind::Text if key.name.ends_with("_file") || key.name.starts_with("tls_") => (ArgAction::Set, "FILE"),
        keys::Kind::Text => (ArgAction::Set, "TEXT"),
        keys::Kind::Duration => (ArgAction::Set, "DURATION"),
        keys::Kind::Size => (ArgAction::Set, "SIZE"),
        keys::Kind::Integer => (ArgAction::Set, "NUMBER"),
        keys::Kind::Boolean => (ArgAction::Set, "BOOL"),
    };
    let repeatable = if key.kind == keys::Kind::List { " [repeatable]" } else { "" };
    let default = key.example.trim_matches(['[', ']', '"']);
    let default = if key.optional || default.is_empty() { String::new() } else { format!(" [default: {default}]") };
    let arg = match key.kind {
        // The flag alone turns on what is off by default.
        keys::Kind::Boolean if key.example == "false" => {
            Arg::new(key.name).num_args(0..=1).default_missing_value("true")
        }
        _ => Arg::new(key.name),
    };
    arg.long(key.flag())
        .value_name(value_name)
        .action(action)
        .allow_negative_numbers(true)
        .help_heading(key.section)
        .help(format!("{}{repeatable}{default} [env: {}]", key.help, key.variable()))
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self::read(matches, keys::all().iter()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        command.arg(file_flag()).args(keys::all().iter().map(flag)).next_line_help(true)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Place {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        Ok(Self(Settings::read(matches, Self::keys())))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for Place {
    fn augment_args(command: Command) -> Command {
        // Global flags also work after the subcommand, as in `atelier user add EMAIL --data-dir DIR`.
        command.args(
            std::iter::once(file_flag())
                .chain(Self::keys().map(flag))
                .map(|arg| arg.global(true).help_heading("Server")),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

/// A switch that is set, not only on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum YesNo {
    /// It is on.
    Yes,
    /// It is off.
    No,
}

impl YesNo {
    pub fn is_yes(self) -> bool {
        self == Self::Yes
    }
}

/// A time, given as such or as a duration from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    At(Timestamp),
    In(Duration),
}

impl When {
    /// Parses `90d`, `2027-01-31`, which is its start in UTC, or a time of RFC 3339.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Ok(life) = duration(text) {
            return Ok(Self::In(life));
        }
        Timestamp::parse(text).map(Self::At).map_err(|_| {
            "must be a duration such as 90d, a date such as 2027-01-31, or a time such as 2027-01-31T12:00:00Z"
                .to_owned()
        })
    }

    /// The time; a duration is counted forward from now.
    pub fn ahead(self) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::In(life) => Timestamp::now().after(life),
        }
    }

    /// The time; a duration is counted back from now.
    pub fn ago(self) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::In(life) => Timestamp::now().before(life),
        }
    }
}

/// Parses a duration such as `90d`, in the form of the configuration.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    crate::config::text_form::parse(text)
}
