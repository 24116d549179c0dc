//! `atelier import people`: invites the people of a CSV file.

use std::path::PathBuf;

use clap::Args;

use super::file::{self, MAX_PEOPLE};
use super::link_file::{Invited, LinkFile};
use super::plan::{self, Action, Item, Options, Work};
use crate::app::imported_people::sheet::{self, Line};
use crate::cli::{CliError, database, running, say};
use crate::config::Config;
use crate::domain::secret::Secret;
use crate::domain::user::AccountRole;
use crate::tokens::opaque::{Kind, mint};

/// The maximum size of a file.
const MAX_SIZE: u64 = 32 << 20;

/// What to import, and how.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    /// A CSV file with a header. The columns are `email`, `first_name`, `last_name`, `role`, `organization`,
    /// `organization_role` and `workspaces`; only `email` is required.
    file: PathBuf,
    /// Write the invitation links to this new file, as CSV; each is valid once, for 72 hours.
    #[arg(long, value_name = "FILE")]
    links: Option<PathBuf>,
    #[command(flatten)]
    options: Options,
}

/// Invites people with links that are valid only with the written file, or without links.
pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<(), CliError> {
    let home = database::existing(config)?;
    if let Some(path) = &arguments.links {
        LinkFile::require_absent(path)?;
    }
    let bytes = file::read(&arguments.file, MAX_SIZE)?;
    let lines = sheet::read(bytes, MAX_PEOPLE).map_err(|faults| file::faults(&arguments.file, &faults))?;
    let mut secrets = Vec::with_capacity(lines.len());
    let mut item = |line: Line| {
        let (secret, fingerprint) = mint(Kind::Link);
        let link = arguments.links.is_some().then_some(fingerprint);
        secrets.push(secret);
        let name = line.new.email.to_string();
        let is_privileged = line.new.role != AccountRole::Member;
        let notes = is_privileged.then(|| format!("account role {}", line.new.role.as_str())).into_iter().collect();
        let place = format!("line {}", line.number);
        Item { place, kind: "user", name, work: Work::Person(Box::new(line.into_person(link))), notes }
    };
    let items: Vec<Item> = lines.into_iter().map(&mut item).collect();
    let origin = running::origin(config, &home);
    plan::carry_out(&home, items, arguments.options, |items, rows| {
        let Some(path) = &arguments.links else {
            if rows.iter().any(|row| row.action == Action::Invite) {
                say(
                    "no links are made; `atelier user invite-link EMAIL` makes one later, --links makes all of them now",
                );
            }
            return Ok(None);
        };
        let invited = items.iter().zip(rows).zip(&secrets).filter(|((_, row), _)| row.action == Action::Invite);
        let invited = invited.filter_map(|((item, _), secret)| match &item.work {
            Work::Person(person) => Some(Invited {
                email: person.new.email.as_str(),
                first_name: person.new.first_name.as_str(),
                last_name: person.new.last_name.as_str(),
                link: Secret::new(format!("{}/auth/invitation?token={}", origin.url, secret.expose())),
            }),
            Work::Client(_) | Work::Skip | Work::Refuse(_) => None,
        });
        let invited: Vec<Invited> = invited.collect();
        if invited.is_empty() {
            say("nobody is invited, so no file of links was written");
            return Ok(None);
        }
        if let Some(words) = origin.local {
            say(words);
        }
        LinkFile::write(path, &invited).map(Some)
    })
}
