//! `atelier audit list`: shows the rows of the audit log.

use clap::Args;
use serde_json::{Value, json};
use strum::VariantNames as _;

use crate::app::{audit, users};
use crate::cli::flags::When;
use crate::cli::list::{Entry, List, print_pages};
use crate::cli::{CliError, data, table};
use crate::domain::actor::Actor;
use crate::domain::audit::{AuditSearch, NO_ACCOUNT, ObjectKind, Recorded};
use crate::domain::page::Slice;
use crate::store::data_dir::DataDir;

/// Which rows to list.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct Search {
    /// Only what the user with this email address did, or what `operator` did: the command line and the server.
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
    /// Only this verb, such as workspaces.delete; more than one is allowed.
    #[arg(long)]
    verb: Vec<String>,
    /// Only changes of this object, such as workspace/7, or of this kind of object, such as workspace.
    #[arg(long, value_name = "KIND/ID")]
    object: Option<String>,
    /// Only from this time on: 7d ago, a date such as 2027-01-31, which is its start in UTC, or a time; by default 30
    /// days before the end.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    since: Option<When>,
    /// Only up to this time; by default now.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    until: Option<When>,
    /// What to list.
    #[command(flatten)]
    options: List,
}

/// The word for everybody without an account.
const OPERATOR: &str = "operator";

impl Entry<6> for Recorded {
    const HEAD: [&'static str; 6] = ["ID", "TIME", "WHO", "VERB", "OBJECT", "ADDRESS"];

    fn row(&self) -> [String; 6] {
        [
            self.id.to_string(),
            table::moment(Some(self.at)),
            self.name.clone(),
            self.verb.clone(),
            format!("{}/{}", self.kind, self.object),
            self.address.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }

    fn to_json(&self) -> Value {
        let state = |text: &Option<String>| text.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        json!({
            "id": self.id.0,
            "at": self.at.to_string(),
            "user": self.name,
            "address": self.address,
            "verb": self.verb,
            "kind": self.kind,
            "object": self.object,
            "before": state(&self.before),
            "after": state(&self.after),
        })
    }

    fn texts(&self) -> Vec<&str> {
        let states = [&self.before, &self.after].into_iter().flatten().map(String::as_str);
        [self.name.as_str(), &self.verb, &self.object].into_iter().chain(states).collect()
    }
}

pub(super) fn list(home: &DataDir, search: &Search) -> Result<(), CliError> {
    let actor = Actor::operator();
    let (from, until) = (search.since.map(When::ago), search.until.map(When::ago));
    if from.zip(until).is_some_and(|(from, until)| from > until) {
        return Err(CliError::Usage("--since is later than --until; exchange them".to_owned()));
    }
    let kind = search.object.as_deref().and_then(|object| object.split('/').next());
    if let Some(kind) = kind.filter(|kind| !ObjectKind::VARIANTS.contains(kind)) {
        let kinds = ObjectKind::VARIANTS.join(", ");
        return Err(CliError::Usage(format!("--object: there is no kind {kind:?}; the kinds are {kinds}")));
    }
    let who = search.user.as_deref().filter(|user| *user != OPERATOR);
    let who = who.map(|email| data::person(email, "--user")).transpose()?;
    data::with(home, |store| {
        let by = match &who {
            Some(who) => Some(store.read(|view| users::named(view, &actor, who))?.id),
            None => search.user.as_ref().map(|_| NO_ACCOUNT),
        };
        let verbs = search.verb.clone();
        let query = AuditSearch { from, until, by, verbs };
        let none = "nothing was recorded of this in this time; by default the last 30 days are listed, --since goes back \
                    further";
        print_pages(store, &search.options, none, |view, page| {
            let found = audit::page(view, &actor, &query, page)?;
            let items = found.items.into_iter().filter(|row| is_of(row, search.object.as_deref()));
            Ok(Slice { items: items.collect(), next: found.next })
        })
    })
}

/// Whether a row is about an object, `KIND/ID`, or a kind of objects.
fn is_of(row: &Recorded, object: Option<&str>) -> bool {
    object.is_none_or(|object| {
        let rest = object.strip_prefix(row.kind.as_str());
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix('/') == Some(row.object.as_str()))
    })
}
