//! `atelier key`: API keys.

use std::time::Duration;

use clap::Subcommand;

use crate::cli::{Trouble, flags};
use crate::config::Config;
use crate::store::home::Home;

/// What can be done about API keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Make a key and print it, alone; it is not shown again.
    Create {
        /// The e-mail address of the person it acts for.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// A name to know it by.
        #[arg(long)]
        name: Option<String>,
        /// How long it works, such as 90d; without it, until it is revoked.
        #[arg(long, value_name = "DURATION", value_parser = flags::duration)]
        expires: Option<Duration>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List keys, without their secrets.
    List {
        /// Only the keys of the person with this e-mail address.
        #[arg(long, value_name = "EMAIL")]
        user: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key; it is refused from its next use on.
    Revoke {
        /// The key's id, as the list shows it.
        id: String,
    },
}

impl Command {
    /// Does it to the server of that configuration.
    pub fn run(self, config: &Config) -> Result<(), Trouble> {
        Home::existing(&config.data_dir)?;
        Err(Trouble::Failed("`atelier key` is not part of this version yet; use a newer one".to_owned()))
    }
}
