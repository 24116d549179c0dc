//! `atelier user`: manages users.

mod account;
mod add;
mod link;
mod list;
mod new_password;

use clap::Subcommand;

use crate::app::identity::passwords::Owner;
use crate::cli::confirm::Confirm;
use crate::cli::data;
use crate::cli::flags::YesNo;
use crate::cli::list::List;
use crate::cli::password::Source;
use crate::cli::{CliError, database, session};
use crate::config::Config;
use crate::domain::email::Email;
use crate::domain::link::Purpose;
use crate::domain::user::{AccountRole, NewUser, PersonName, UserChange};
use crate::error::InField;

pub(super) use list::to_json;
pub(super) use new_password::NewPassword;

/// What can be done about people.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Add a user; by default, a password is generated and printed once.
    #[command(
        after_help = "Examples:\n  atelier user add ada@example.com --first-name Ada --admin\n  atelier user add bob@example.com --password-file bob.txt"
    )]
    Add {
        /// The user's email address, which is used to sign in.
        email: String,
        /// First name.
        #[arg(long, value_name = "NAME")]
        first_name: Option<String>,
        /// Last name.
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// Make the user an administrator.
        #[arg(long)]
        admin: bool,
        /// Where the password comes from.
        #[command(flatten)]
        password: Source,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a user permanently: memberships, bindings, sessions and keys end, and the email address is free again.
    ///
    /// The audit log keeps who it was. A workspace whose last owner this is gets the first admin of its organization as
    /// its owner. To end access for a while, use `disable`.
    #[command(
        after_help = "Examples:\n  atelier user delete bob@example.com\n  atelier user delete bob@example.com --yes"
    )]
    Delete {
        /// The user's email address.
        email: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Invite a user, and print only the link with which they choose a password; valid once, for 72 hours.
    #[command(
        after_help = "Examples:\n  atelier user invite ina@example.com --organization Home\n  atelier user invite \
                            ina@example.com --first-name Ina --role annotator"
    )]
    Invite {
        /// The user's email address.
        email: String,
        /// First name.
        #[arg(long, value_name = "NAME")]
        first_name: Option<String>,
        /// Last name.
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// The role in the account: administrator, member, `ui_only` or annotator.
        #[arg(long, default_value = "member")]
        role: String,
        /// The organization to join, by name or id; by default none, and an admin of one can add the user later.
        #[arg(long, value_name = "ORG")]
        organization: Option<String>,
    },
    /// List all users.
    #[command(after_help = "Examples:\n  atelier user list\n  atelier user list --filter @example.com --json")]
    List {
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Change a user's name or email address; omitted options stay unchanged.
    #[command(
        after_help = "Examples:\n  atelier user rename ada@example.com --last-name Lovelace\n  atelier user rename \
                            ada@example.com --email ada@example.org"
    )]
    Rename {
        /// The user's email address.
        email: String,
        /// The new email address, which counts as verified.
        #[arg(long = "email", value_name = "EMAIL", id = "new_email")]
        new_email: Option<String>,
        /// The new first name.
        #[arg(long, value_name = "NAME")]
        first_name: Option<String>,
        /// The new last name.
        #[arg(long, value_name = "NAME")]
        last_name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List a user's sessions, the newest first.
    #[command(after_help = "Examples:\n  atelier user sessions ada@example.com")]
    Sessions {
        /// The user's email address.
        email: String,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Show a user: profile, ways to sign in, and organizations.
    #[command(after_help = "Examples:\n  atelier user show ada@example.com --json")]
    Show {
        /// The user's email address.
        email: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Set a new password and end the user's sessions; by default, the password is generated and printed once.
    #[command(
        after_help = "Examples:\n  atelier user passwd ada@example.com\n  atelier user passwd ada@example.com --password-stdin --revoke-keys --yes < password.txt"
    )]
    Passwd {
        /// The user's email address.
        email: String,
        /// Where the password comes from.
        #[command(flatten)]
        password: Source,
        /// Also revoke the user's API keys.
        #[arg(long)]
        revoke_keys: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
        /// Whether to ask before keys are revoked.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Print only a link with which an invited user sets a password; valid once, for 72 hours.
    #[command(after_help = "Examples:\n  atelier user invite-link ina@example.com")]
    InviteLink {
        /// The user's email address.
        email: String,
    },
    /// Print only a link with which a user resets the password; valid once, for 30 minutes.
    #[command(after_help = "Examples:\n  atelier user reset-link ada@example.com")]
    ResetLink {
        /// The user's email address.
        email: String,
        /// Revoke the user's API keys now. The page behind the link offers this, too.
        #[arg(long)]
        revoke_keys: bool,
        /// Whether to ask before keys are revoked.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Remove the second factor of a user who has lost it, and end the user's sessions.
    #[command(
        after_help = "Examples:\n  atelier user reset-mfa ada@example.com\n  atelier user reset-mfa ada@example.com --yes"
    )]
    ResetMfa {
        /// The user's email address.
        email: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Re-enable a user.
    #[command(after_help = "Examples:\n  atelier user enable bob@example.com")]
    Enable {
        /// The user's email address.
        email: String,
    },
    /// Disable a user: end all sessions and reject all API keys immediately.
    #[command(
        after_help = "Examples:\n  atelier user disable bob@example.com\n  atelier user disable bob@example.com --yes"
    )]
    Disable {
        /// The user's email address.
        email: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Mark a user's email address as verified, for apps that link accounts by email address.
    #[command(after_help = "Examples:\n  atelier user verify-email bob@example.com")]
    VerifyEmail {
        /// The user's email address.
        email: String,
        /// Mark it as not verified instead.
        #[arg(long)]
        undo: bool,
    },
    /// Allow a user to create API keys, or forbid it. Keys that exist stay valid.
    #[command(
        after_help = "Examples:\n  atelier user set-developer bob@example.com yes\n  atelier user set-developer \
                            bob@example.com no --yes"
    )]
    SetDeveloper {
        /// The user's email address.
        email: String,
        /// Whether the user may create API keys.
        #[arg(value_name = "YES/NO")]
        developer: YesNo,
        /// Whether to ask before it is forbidden.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Make a user an administrator.
    #[command(after_help = "Examples:\n  atelier user promote bob@example.com")]
    Promote {
        /// The user's email address.
        email: String,
    },
    /// Make an administrator a member.
    #[command(
        after_help = "Examples:\n  atelier user demote bob@example.com\n  atelier user demote bob@example.com --yes"
    )]
    Demote {
        /// The user's email address.
        email: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let name = |raw: Option<String>| PersonName::parse(raw.as_deref().unwrap_or_default());
        match self {
            Self::Add { email, first_name, last_name, admin, password, json } => {
                let new = NewUser {
                    email: data::address(&email)?,
                    first_name: name(first_name).in_field("--first-name")?,
                    last_name: name(last_name).in_field("--last-name")?,
                    role: if admin { AccountRole::Administrator } else { AccountRole::Member },
                };
                let password = NewPassword::of(&password, &Owner::from(&new))?;
                add::add(&add::create_if_absent(config)?, new, &password, json)
            }
            Self::Delete { email, confirm } => account::delete(&database::existing(config)?, &email, confirm),
            Self::Invite { email, first_name, last_name, role, organization } => {
                let new = NewUser {
                    email: data::address(&email)?,
                    first_name: name(first_name).in_field("--first-name")?,
                    last_name: name(last_name).in_field("--last-name")?,
                    role: account::role(&role)?,
                };
                link::invite(config, new, organization)
            }
            Self::List { options } => list::list(&database::existing(config)?, &options),
            Self::Rename { email, new_email, first_name, last_name, json } => {
                let named = |raw: Option<String>| raw.map(|raw| PersonName::parse(&raw)).transpose();
                let change = UserChange {
                    email: new_email.map(|email| Email::parse(&email)).transpose().in_field("--email")?,
                    first_name: named(first_name).in_field("--first-name")?,
                    last_name: named(last_name).in_field("--last-name")?,
                    ..UserChange::default()
                };
                account::rename(&database::existing(config)?, &email, change, json)
            }
            Self::Sessions { email, options } => session::list(&database::existing(config)?, Some(&email), &options),
            Self::Show { email, json } => account::show(&database::existing(config)?, &email, json),
            Self::Passwd { email, password, revoke_keys, json, confirm } => {
                let home = database::existing(config)?;
                if revoke_keys {
                    account::confirm_revocation(&home, &email, confirm)?;
                }
                new_password::set(&home, data::address(&email)?, password.read()?, revoke_keys, json)
            }
            Self::InviteLink { email } => link::make(config, &email, Purpose::Invitation, false),
            Self::ResetLink { email, revoke_keys, confirm } => {
                if revoke_keys {
                    account::confirm_revocation(&database::existing(config)?, &email, confirm)?;
                }
                link::make(config, &email, Purpose::PasswordReset, revoke_keys)
            }
            Self::ResetMfa { email, confirm } => {
                account::reset_second_factor(&database::existing(config)?, &email, confirm)
            }
            Self::Enable { email } => {
                let change = UserChange { enabled: Some(true), ..UserChange::default() };
                account::change(&database::existing(config)?, &email, change)
            }
            Self::Disable { email, confirm } => account::disable(&database::existing(config)?, &email, confirm),
            Self::VerifyEmail { email, undo } => account::verify(&database::existing(config)?, &email, !undo),
            Self::SetDeveloper { email, developer, confirm } => {
                account::set_developer(&database::existing(config)?, &email, developer.is_yes(), confirm)
            }
            Self::Promote { email } => {
                let change = UserChange { administrator: Some(true), ..UserChange::default() };
                account::change(&database::existing(config)?, &email, change)
            }
            Self::Demote { email, confirm } => account::demote(&database::existing(config)?, &email, confirm),
        }
    }
}
