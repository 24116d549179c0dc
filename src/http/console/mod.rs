//! Pages for people, without any script: signing in and out, letting programs and devices in, one's own account,
//! choosing a password.

mod account;
mod again;
mod agent;
mod authorize;
mod browser;
mod cli_callback;
mod confirm;
mod devices;
mod failure;
mod form;
mod next;
mod no_page;
mod page;
mod parameters;
mod passwords;
mod qr;
mod second_factor;
mod sign_in;
mod sign_out;

use actix_web::{HttpResponse, guard, web};

use super::dialect::Dialect;
use super::routes::{Entry, entry, mount};

pub use failure::Failure;

/// The dialect.
pub struct Console;

impl Dialect for Console {
    const NAME: &'static str = "console";
    type Failure = Failure;
}

/// Each way in.
pub fn routes() -> Vec<Entry> {
    vec![
        entry!(GET "/" => home),
        entry!(GET "/auth/sign-in" => sign_in::form),
        entry!(POST "/auth/sign-in" => sign_in::enter),
        entry!(GET "/auth/sign-in/code" => sign_in::code_form),
        entry!(POST "/auth/sign-in/code" => sign_in::enter_code),
        entry!(GET "/auth/sign-in/second-factor" => sign_in::enrolment),
        entry!(POST "/auth/sign-in/second-factor" => sign_in::enrol),
        entry!(GET "/auth/sign-in/password" => sign_in::password_form),
        entry!(POST "/auth/sign-in/password" => sign_in::set_password),
        entry!(GET "/auth/realms/master/protocol/openid-connect/auth" => authorize::ask),
        entry!(POST "/auth/realms/master/protocol/openid-connect/auth" => authorize::ask_by_form),
        entry!(GET "/oauth2/authorize" => authorize::ask),
        entry!(POST "/oauth2/authorize" => authorize::ask_by_form),
        entry!(GET "/auth/consent" => authorize::consent_form),
        entry!(POST "/auth/consent" => authorize::consent),
        entry!(GET "/auth/realms/master/device" => devices::form),
        entry!(POST "/auth/realms/master/device" => devices::answer),
        entry!(GET "/auth/realms/master/protocol/openid-connect/device" => devices::form),
        entry!(POST "/auth/realms/master/protocol/openid-connect/device" => devices::answer),
        entry!(GET "/auth/account" => account::show),
        entry!(POST "/auth/account/sessions/end" => account::end_session),
        entry!(GET "/auth/account/confirm" => confirm::form),
        entry!(POST "/auth/account/confirm" => confirm::confirm),
        entry!(GET "/auth/account/sessions/end-others" => account::end_others_form),
        entry!(POST "/auth/account/sessions/end-others" => account::end_other_sessions),
        entry!(POST "/auth/account/programs/withdraw" => account::withdraw),
        entry!(GET "/auth/account/password" => account::password_form),
        entry!(POST "/auth/account/password" => account::change_password),
        entry!(GET "/auth/account/second-factor" => second_factor::start),
        entry!(POST "/auth/account/second-factor" => second_factor::begin),
        entry!(POST "/auth/account/second-factor/confirm" => second_factor::confirm),
        entry!(GET "/auth/account/second-factor/recovery-codes" => second_factor::renewal),
        entry!(POST "/auth/account/second-factor/recovery-codes" => second_factor::renew),
        entry!(GET "/auth/account/second-factor/remove" => second_factor::removal),
        entry!(POST "/auth/account/second-factor/remove" => second_factor::remove),
        entry!(GET "/auth/sign-out" => sign_out::form),
        entry!(POST "/auth/sign-out" => sign_out::leave),
        entry!(GET "/auth/signed-out" => sign_out::left),
        entry!(GET "/auth/cli/callback" => cli_callback::show),
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

/// Answers every other path for browsers; programs get the answer of the dialect that the path belongs to.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    let page = web::scope("").guard(guard::fn_guard(no_page::is_browser));
    config.service(page.default_service(web::route().to(no_page::show)));
}

/// `GET /`: leads to what a person has here.
async fn home() -> HttpResponse {
    page::see_other(account::ACCOUNT)
}
