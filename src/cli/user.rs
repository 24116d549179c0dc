//! `atelier user`: the people of this server.

use clap::Subcommand;

use crate::cli::Trouble;
use crate::cli::password::Source;
use crate::config::Config;
use crate::store::home::Home;

/// What can be done about people.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Add a person; without a password given, one is made up and printed once.
    Add {
        /// The person's e-mail address, with which they sign in.
        email: String,
        /// First name.
        #[arg(long, value_name = "NAME")]
        first_name: Option<String>,
        /// Last name.
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// Make the person an administrator.
        #[arg(long)]
        admin: bool,
        /// Where the password comes from.
        #[command(flatten)]
        password: Source,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List everybody.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set a new password and end the person's sessions; without one given, it is made up and printed once.
    Passwd {
        /// The person's e-mail address.
        email: String,
        /// Where the password comes from.
        #[command(flatten)]
        password: Source,
        /// Revoke the person's API keys too.
        #[arg(long)]
        revoke_keys: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let a disabled person in again.
    Enable {
        /// The person's e-mail address.
        email: String,
    },
    /// Keep a person out, and end their sessions and keys at once.
    Disable {
        /// The person's e-mail address.
        email: String,
    },
    /// Make a person an administrator.
    Promote {
        /// The person's e-mail address.
        email: String,
    },
    /// Make an administrator an ordinary member.
    Demote {
        /// The person's e-mail address.
        email: String,
    },
}

impl Command {
    /// Does it to the server of that configuration.
    pub fn run(self, config: &Config) -> Result<(), Trouble> {
        Home::existing(&config.data_dir)?;
        Err(Trouble::Failed("`atelier user` is not part of this version yet; use a newer one".to_owned()))
    }
}
