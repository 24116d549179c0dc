//! Pages for people, without any script: choosing a password by a link, or in place of a temporary one.

mod failure;
mod form;
mod page;
mod passwords;

use actix_web::web;

use super::dialect::Dialect;
use super::routes::{Entry, entry, mount};

pub use failure::Failure;

/// The dialect.
pub struct Console;

impl Dialect for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;
}

/// Who comes without a credential, in this dialect.
pub type Visitor = super::dialect::Visitor<Console>;

/// Each way in.
pub fn routes() -> Vec<Entry> {
    vec![
        entry!(GET "/auth/invitation" => passwords::by_link),
        entry!(POST "/auth/invitation" => passwords::set_by_link),
        entry!(GET "/auth/password" => passwords::instead_of_temporary),
        entry!(POST "/auth/password" => passwords::set_instead_of_temporary),
    ]
}

/// Mounts the pages.
pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(failure::wrong_method));
}
