//! Pages for people. The console shows and manages what the account contains; `shell` is the frame of its pages. Beside it
//! are sign-in and sign-out, consent for apps and devices, the user's account and passwords, which have no script. The
//! pages contain no rules; `app` decides.

mod access;
mod account;
mod activity;
mod agent;
mod app_forms;
mod apps;
mod assets;
mod audit;
mod authorize;
mod bindings;
mod browser;
mod cli_callback;
mod confirm;
mod controls;
mod devices;
mod dialect;
mod done;
mod error_page;
mod explain;
mod failure;
mod first_steps;
mod form;
mod home;
mod moment;
mod next;
mod no_page;
mod organization_members;
mod organizations;
mod page;
mod parameters;
mod passwords;
mod paths;
mod pictures;
mod qr;
mod retry;
mod rights;
mod roles;
mod second_factor;
mod shell;
mod sign_in;
mod sign_ins;
mod sign_out;
mod signed_in;
mod system;
mod workspaces;

use actix_web::{HttpRequest, HttpResponse, guard, web};

use super::routes::{self, mount, routes};

pub use dialect::Console;
pub use failure::Failure;

routes! {
    GET "/" => home::show,
    GET "/workspaces/new" => workspaces::form,
    POST "/workspaces/new" => workspaces::create,
    GET "/access" => access::show,
    GET "/access.csv" => access::csv,
    GET "/access/explain" => explain::show,
    GET "/audit" => audit::list,
    GET "/audit.csv" => audit::csv,
    GET "/audit.jsonl" => audit::json_lines,
    GET "/audit/check" => audit::check,
    GET "/audit/sign-ins" => sign_ins::list,
    POST "/audit/sign-ins/clear" => sign_ins::clear,
    GET "/audit/{entry}" => audit::show,
    GET "/apps" => apps::list,
    GET "/apps/new" => apps::form,
    POST "/apps/new" => apps::create,
    GET "/apps/{app}" => apps::show,
    GET "/apps/{app}/settings" => apps::settings,
    POST "/apps/{app}/settings" => apps::change,
    POST "/apps/{app}/secret" => apps::renew_secret,
    GET "/apps/{app}/delete" => apps::deletion,
    POST "/apps/{app}/delete" => apps::delete,
    GET "/organizations" => organizations::list,
    GET "/organizations/new" => organizations::form,
    POST "/organizations/new" => organizations::create,
    GET "/organizations/{organization}" => organization_members::show,
    GET "/organizations/{organization}/settings" => organizations::settings,
    POST "/organizations/{organization}/settings" => organizations::change,
    GET "/organizations/{organization}/delete" => organizations::deletion,
    POST "/organizations/{organization}/delete" => organizations::delete,
    POST "/organizations/{organization}/members" => organization_members::add,
    GET "/organizations/{organization}/members/{user}" => organization_members::role,
    POST "/organizations/{organization}/members/{user}" => organization_members::change,
    GET "/organizations/{organization}/members/{user}/remove" => organization_members::removal,
    POST "/organizations/{organization}/members/{user}/remove" => organization_members::remove,
    GET "/roles" => roles::list,
    GET "/roles/new" => roles::form,
    POST "/roles/new" => roles::create,
    GET "/roles/{role}" => roles::show,
    GET "/roles/{role}/edit" => roles::edit_form,
    POST "/roles/{role}/edit" => roles::edit,
    GET "/roles/{role}/delete" => roles::deletion,
    POST "/roles/{role}/delete" => roles::delete,
    GET "/bindings" => bindings::list,
    GET "/bindings/new" => bindings::form,
    POST "/bindings/new" => bindings::create,
    GET "/bindings/{binding}/delete" => bindings::deletion,
    POST "/bindings/{binding}/delete" => bindings::delete,
    GET "/people/{user}/rights" => rights::show,
    GET "/system" => system::show,
    GET "/system/activity" => activity::show,
    POST "/system/backups" => system::make_backup,
    GET "/system/backups/{backup}/download" => system::download_backup,
    POST "/system/signing-keys/rotate" => system::rotate_keys,
    GET "/assets/{file}" => assets::show,
    GET "/favicon.ico" => assets::icon,
    GET "/auth/sign-in" => sign_in::form,
    POST "/auth/sign-in" => sign_in::submit,
    GET "/auth/sign-in/code" => sign_in::code_form,
    POST "/auth/sign-in/code" => sign_in::submit_code,
    GET "/auth/sign-in/second-factor" => sign_in::enrolment,
    POST "/auth/sign-in/second-factor" => sign_in::enrol,
    GET "/auth/sign-in/password" => sign_in::password_form,
    POST "/auth/sign-in/password" => sign_in::set_password,
    GET "/auth/realms/master/protocol/openid-connect/auth" => authorize::authorize,
    POST "/auth/realms/master/protocol/openid-connect/auth" => authorize::authorize_by_form,
    GET "/oauth2/authorize" => authorize::authorize,
    POST "/oauth2/authorize" => authorize::authorize_by_form,
    GET "/auth/consent" => authorize::consent_form,
    POST "/auth/consent" => authorize::consent,
    GET "/auth/realms/master/device" => devices::form,
    POST "/auth/realms/master/device" => devices::submit,
    GET "/auth/realms/master/protocol/openid-connect/device" => devices::form,
    POST "/auth/realms/master/protocol/openid-connect/device" => devices::submit,
    GET "/auth/account" => account::show,
    POST "/auth/account/sessions/end" => account::end_session,
    GET "/auth/account/confirm" => confirm::form,
    POST "/auth/account/confirm" => confirm::confirm,
    GET "/auth/account/sessions/end-others" => account::end_others_form,
    POST "/auth/account/sessions/end-others" => account::end_other_sessions,
    POST "/auth/account/programs/withdraw" => account::withdraw,
    GET "/auth/account/password" => account::password_form,
    POST "/auth/account/password" => account::change_password,
    GET "/auth/account/second-factor" => second_factor::start,
    POST "/auth/account/second-factor" => second_factor::begin,
    POST "/auth/account/second-factor/confirm" => second_factor::confirm,
    GET "/auth/account/second-factor/recovery-codes" => second_factor::renewal,
    POST "/auth/account/second-factor/recovery-codes" => second_factor::renew,
    GET "/auth/account/second-factor/remove" => second_factor::removal,
    POST "/auth/account/second-factor/remove" => second_factor::remove,
    GET "/auth/sign-out" => sign_out::form,
    POST "/auth/sign-out" => sign_out::sign_out,
    GET "/auth/signed-out" => sign_out::signed_out,
    GET "/auth/cli/callback" => cli_callback::show,
    GET "/auth/invitation" => passwords::by_link,
    POST "/auth/invitation" => passwords::set_by_link,
    GET "/auth/password" => passwords::temporary_form,
    POST "/auth/password" => passwords::replace_temporary,
}

pub(super) fn mounted(config: &mut web::ServiceConfig) {
    mount(config, &routes(), || web::route().to(wrong_method));
}

/// Answers every other path for browsers. Programs get the 404 response of the path's dialect.
pub(super) fn closed(config: &mut web::ServiceConfig) {
    let page = web::scope("").guard(guard::fn_guard(no_page::is_browser));
    config.service(page.default_service(web::route().to(no_page::show)));
}

/// Answers an unsupported method.
async fn wrong_method(request: HttpRequest) -> Result<HttpResponse, Failure> {
    Err(Failure::WrongMethod { allowed: routes::allowed(&routes(), &request) })
}
