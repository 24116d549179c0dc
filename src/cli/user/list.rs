//! The list of users.

use serde_json::{Value, json};

use crate::app::users;
use crate::cli::list::{Entry, List, print_pages};
use crate::cli::{CliError, data, table};
use crate::domain::actor::Actor;
use crate::domain::user::User;
use crate::store::data_dir::DataDir;

const NONE: &str = "there are no users yet; `atelier serve` creates an administrator, `atelier user add` adds a user";

impl Entry<8> for User {
    const HEAD: [&'static str; 8] = ["ID", "EMAIL", "NAME", "ROLE", "STATUS", "VERIFIED", "CREATED", "LAST SIGN-IN"];

    fn row(&self) -> [String; 8] {
        [
            self.uuid.to_string(),
            self.email.to_string(),
            format!("{} {}", self.first_name.as_str(), self.last_name.as_str()).trim().to_owned(),
            self.role.as_str().to_owned(),
            data::status(self).to_owned(),
            if self.email_verified.is_some() { "yes" } else { "no" }.to_owned(),
            table::moment(Some(self.created_at)),
            table::moment(self.last_sign_in_at),
        ]
    }

    fn to_json(&self) -> Value {
        to_json(self)
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.email.as_str(), self.first_name.as_str(), self.last_name.as_str()]
    }
}

pub(super) fn list(home: &DataDir, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| print_pages(store, options, NONE, |view, page| users::page_of_all(view, &actor, page)))
}

pub(in crate::cli) fn to_json(user: &User) -> Value {
    json!({
        "id": user.uuid.to_string(),
        "email": user.email.as_str(),
        "email_verified": user.email_verified.is_some(),
        "email_verified_by": user.email_verified.map(|verified| verified.by.to_string()),
        "email_verified_at": user.email_verified.map(|verified| verified.at.to_string()),
        "first_name": user.first_name.as_str(),
        "last_name": user.last_name.as_str(),
        "role": user.role.as_str(),
        "enabled": user.enabled,
        "status": data::status(user),
        "created_at": user.created_at.to_string(),
        "last_sign_in_at": user.last_sign_in_at.map(|moment| moment.to_string()),
    })
}
