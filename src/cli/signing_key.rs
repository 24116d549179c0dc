//! `atelier signing-key`: manages the keys that sign tokens. `atelier key` manages API keys.

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::identity::signing_keys;
use crate::cli::list::{Entry, List, Printer};
use crate::cli::serve::rsa_bits;
use crate::cli::{CliError, data, database, master_key, print, running, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::timestamp::Timestamp;
use crate::store::data_dir::DataDir;
use crate::store::signing_keys::Record;

/// What can be done about signing keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Switch to the next signing key, also in a running server, and create another next key; tokens that the old key
    /// signed stay valid until they expire.
    #[command(after_help = "Examples:\n  atelier signing-key rotate")]
    Rotate {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the signing keys and their states: active, next or retired; never the keys themselves.
    #[command(after_help = "Examples:\n  atelier signing-key list --json")]
    List {
        /// What to list.
        #[command(flatten)]
        options: List,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Rotate { json } => rotate(config, &home, json),
            Self::List { options } => list(&home, &options),
        }
    }
}

fn rotate(config: &Config, home: &DataDir, json: bool) -> Result<(), CliError> {
    let rotated = data::with(home, |store| {
        signing_keys::required(store)?;
        let master = master_key::load(config, home, store)?;
        let there = running::of(home).and_then(|there| there.configuration.get("signing_key_bits")?.parse().ok());
        Ok(signing_keys::rotate(store, &master, &Actor::operator(), there.unwrap_or_else(|| rsa_bits(config)))?)
    })?;
    if json {
        let value = json!({ "active": rotated.active, "next": rotated.next, "retired": rotated.retired });
        return print(&format!("{value:#}\n"));
    }
    print(&format!("{}\n", rotated.active))?;
    say(&format!("the key on stdout signs from now on; {} is the next key", rotated.next));
    Ok(())
}

impl Entry<7> for Record {
    const HEAD: [&'static str; 7] = ["KID", "ALGORITHM", "STATE", "CREATED", "ACTIVATED", "RETIRED", "ENDS"];

    fn row(&self) -> [String; 7] {
        [
            self.kid.clone(),
            self.algorithm.to_string(),
            self.state.as_str().to_owned(),
            table::moment(Some(self.created_at)),
            table::moment(self.activated_at),
            table::moment(self.retired_at),
            table::moment(self.ends_at()),
        ]
    }

    fn to_json(&self) -> Value {
        to_json(self)
    }

    fn texts(&self) -> Vec<&str> {
        vec![&self.kid]
    }
}

fn list(home: &DataDir, options: &List) -> Result<(), CliError> {
    let keys = data::with(home, |store| Ok(store.read(signing_keys::list)?))?;
    let mut printer = Printer::new::<Record>(options);
    printer.print(&keys)?;
    printer.finish("there are no signing keys; the first start of `atelier serve` creates them")
}

fn to_json(key: &Record) -> Value {
    let moment = |moment: Option<Timestamp>| moment.map(|moment| moment.to_string());
    let mut value = json!({
        "kid": key.kid,
        "algorithm": key.algorithm.as_str(),
        "state": key.state.as_str(),
        "created_at": key.created_at.to_string(),
        "activated_at": moment(key.activated_at),
        "retired_at": moment(key.retired_at),
        "ends_at": moment(key.ends_at()),
    });
    if let Some(bits) = key.rsa_bits {
        value["bits"] = bits.into();
    }
    value
}
