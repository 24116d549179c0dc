//! `atelier admin`: the way back in for administrators.

use clap::Subcommand;
use uuid::Uuid;

use super::user::{NewPassword, address};
use super::{Trouble, data};
use crate::app::recovery::{self, Whom};
use crate::app::setup;
use crate::cli::password::Source;
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::email::Email;
use crate::error::InField;
use crate::store::home::Home;

/// What can be done about administrators.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Let an administrator in who cannot come in any more: print a new password, once. Their account is enabled and
    /// made an administrator's, their second factor is taken away, and every session and link of theirs ends.
    Recover {
        /// The administrator's e-mail address, made if nobody has it; without one, the first administrator there is.
        email: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

impl Command {
    /// Does it to the server of that configuration.
    pub fn run(self, config: &Config) -> Result<(), Trouble> {
        let Self::Recover { email, json } = self;
        let whom = match email {
            Some(email) => Whom::Named(address(&email)?),
            None => Whom::AnyOr(Email::parse(config.first_email()).in_field("admin_email")?),
        };
        recover(&Home::existing(&config.data_dir)?, whom, json)
    }
}

fn recover(home: &Home, whom: Whom, json: bool) -> Result<(), Trouble> {
    let password = NewPassword::of(&Source::default())?;
    let hash = password.hash.clone();
    let recovered = data::with(home, |store| {
        setup::settle(store)?;
        let (actor, uuid) = (Actor::operator(), Uuid::new_v4());
        let recover = store.write_and_wait(move |tx| recovery::recover(tx, &actor, &whom, uuid, &hash));
        recover.map_err(data::or_refused("give the address of another administrator, or a new one"))
    })?;
    let email = &recovered.user.email;
    let done = if recovered.made {
        format!("{email} is a new administrator")
    } else {
        format!("{email} is an enabled administrator without a second factor, and every session of theirs is ended")
    };
    password.tell(&recovered.user, &done, json)
}
