//! Pages for people. The console shows and manages what the account contains; `shell` is the frame of its pages. Beside it
//! are sign-in and sign-out, consent for apps and devices, the user's account and passwords, which have no script. The
//! pages contain no rules; `app` decides.

mod access;
mod account;
mod account_name;
mod account_password;
mod activity;
mod agent;
mod app_forms;
mod apps;
mod assets;
mod audit;
mod authorize;
mod bindings;
mod brand;
mod browser;
mod cli_callback;
mod confirm;
mod controls;
mod cookies;
mod devices;
mod dialect;
mod done;
mod enrolment;
mod error_page;
mod explain;
mod failure;
mod first_steps;
mod form;
mod forward_auth;
mod home;
mod keys;
mod moment;
mod new_key;
mod next;
mod no_page;
mod number;
mod organization_members;
mod organizations;
mod page;
mod parameters;
mod passwords;
mod paths;
mod people;
mod pictures;
mod qr;
mod retry;
mod roles;
mod search;
mod second_factor;
mod service_keys;
mod shell;
mod sign_in;
mod sign_ins;
mod sign_out;
mod signed_in;
mod snippets;
mod suggestions;
mod system;
mod time_zone;
mod workspaces;

use actix_web::{HttpRequest, HttpResponse, guard, web};

use super::routes::{self, mount, routes};

pub use brand::{Brand, Logo, set as set_brand};
pub use dialect::Console;
pub use failure::Failure;

routes! {
    GET "/" => home::show,
    GET "/search" => search::show,
    GET "/workspaces/new" => workspaces::new::form,
    POST "/workspaces/new" => workspaces::new::create,
    GET "/workspaces/new/check" => workspaces::new::check,
    GET "/workspaces/{workspace}" => workspaces::members::show,
    POST "/workspaces/{workspace}/members" => workspaces::members::add,
    POST "/workspaces/{workspace}/members/roles" => workspaces::members::change_roles,
    GET "/workspaces/{workspace}/members/suggest" => workspaces::members::suggest,
    GET "/workspaces/{workspace}/members/{user}/remove" => workspaces::members::removal,
    POST "/workspaces/{workspace}/members/{user}/remove" => workspaces::members::remove,
    GET "/workspaces/{workspace}/invite" => workspaces::invite::form,
    POST "/workspaces/{workspace}/invite" => workspaces::invite::invite,
    GET "/workspaces/{workspace}/models" => workspaces::models::list,
    GET "/workspaces/{workspace}/models/{model}" => workspaces::models::show,
    GET "/workspaces/{workspace}/models/{model}/versions/{version}/download" => workspaces::models::download,
    GET "/workspaces/{workspace}/models/{model}/delete" => workspaces::models::deletion,
    POST "/workspaces/{workspace}/models/{model}/delete" => workspaces::models::delete,
    GET "/workspaces/{workspace}/pipelines" => workspaces::pipelines::list,
    GET "/workspaces/{workspace}/pipelines/{pipeline}" => workspaces::pipelines::show,
    GET "/workspaces/{workspace}/pipelines/{pipeline}/versions/{version}" => workspaces::pipelines::show_version,
    GET "/workspaces/{workspace}/pipelines/{pipeline}/delete" => workspaces::pipelines::deletion,
    POST "/workspaces/{workspace}/pipelines/{pipeline}/delete" => workspaces::pipelines::delete,
    GET "/workspaces/{workspace}/connections" => workspaces::connections::list,
    POST "/workspaces/{workspace}/connections" => workspaces::connections::add,
    GET "/workspaces/{workspace}/connections/new" => workspaces::own_connections::form,
    POST "/workspaces/{workspace}/connections/new" => workspaces::own_connections::create,
    GET "/workspaces/{workspace}/connections/{connection}" => workspaces::connections::show,
    GET "/workspaces/{workspace}/connections/{connection}/remove" => workspaces::connections::removal,
    POST "/workspaces/{workspace}/connections/{connection}/remove" => workspaces::connections::remove,
    GET "/workspaces/{workspace}/connections/{connection}/delete" => workspaces::own_connections::deletion,
    POST "/workspaces/{workspace}/connections/{connection}/delete" => workspaces::own_connections::delete,
    GET "/workspaces/{workspace}/tags" => workspaces::tags::list,
    GET "/workspaces/{workspace}/tags/new" => workspaces::tags::form,
    POST "/workspaces/{workspace}/tags/new" => workspaces::tags::create,
    GET "/workspaces/{workspace}/tags/{tag}" => workspaces::tags::change_form,
    POST "/workspaces/{workspace}/tags/{tag}" => workspaces::tags::change,
    GET "/workspaces/{workspace}/tags/{tag}/delete" => workspaces::tags::deletion,
    POST "/workspaces/{workspace}/tags/{tag}/delete" => workspaces::tags::delete,
    GET "/workspaces/{workspace}/projects" => workspaces::projects::list,
    GET "/workspaces/{workspace}/projects/new" => workspaces::projects::form,
    POST "/workspaces/{workspace}/projects/new" => workspaces::projects::create,
    GET "/workspaces/{workspace}/projects/{project}/rename" => workspaces::projects::rename_form,
    POST "/workspaces/{workspace}/projects/{project}/rename" => workspaces::projects::rename,
    GET "/workspaces/{workspace}/projects/{project}/restrict" => workspaces::projects::restriction,
    POST "/workspaces/{workspace}/projects/{project}/restrict" => workspaces::projects::restrict,
    GET "/workspaces/{workspace}/projects/{project}/lift" => workspaces::projects::lifting,
    POST "/workspaces/{workspace}/projects/{project}/lift" => workspaces::projects::lift,
    GET "/workspaces/{workspace}/projects/{project}/delete" => workspaces::projects::deletion,
    POST "/workspaces/{workspace}/projects/{project}/delete" => workspaces::projects::delete,
    GET "/workspaces/{workspace}/activity" => workspaces::activity::show,
    GET "/workspaces/{workspace}/connect" => workspaces::connect::show,
    GET "/workspaces/{workspace}/settings" => workspaces::settings::show,
    POST "/workspaces/{workspace}/settings" => workspaces::settings::change,
    POST "/workspaces/{workspace}/settings/restore" => workspaces::settings::restore,
    GET "/workspaces/{workspace}/hand-over" => workspaces::settings::hand_over_form,
    POST "/workspaces/{workspace}/hand-over" => workspaces::settings::hand_over,
    GET "/workspaces/{workspace}/move" => workspaces::moving::form,
    POST "/workspaces/{workspace}/move" => workspaces::moving::move_to,
    GET "/workspaces/{workspace}/archive" => workspaces::settings::archiving,
    POST "/workspaces/{workspace}/archive" => workspaces::settings::archive,
    GET "/workspaces/{workspace}/delete" => workspaces::settings::deletion,
    POST "/workspaces/{workspace}/delete" => workspaces::settings::delete,
    GET "/people" => people::list::show,
    GET "/people/new" => people::add::form,
    POST "/people/new" => people::add::add,
    GET "/people/import" => people::import::form,
    POST "/people/import" => people::import::import,
    GET "/people/disable" => people::selected::disable_form,
    POST "/people/disable" => people::selected::disable,
    GET "/people/add" => people::selected::add_form,
    POST "/people/add" => people::selected::add,
    GET "/people/{user}" => people::person::show,
    GET "/people/{user}/edit" => people::account::edit_form,
    POST "/people/{user}/edit" => people::account::edit,
    GET "/people/{user}/role" => people::account::role_form,
    POST "/people/{user}/role" => people::account::change_role,
    POST "/people/{user}/enable" => people::account::enable,
    GET "/people/{user}/delete" => people::account::delete_form,
    POST "/people/{user}/delete" => people::account::delete,
    GET "/people/{user}/invitation" => people::credentials::invitation_form,
    POST "/people/{user}/invitation" => people::credentials::invitation,
    GET "/people/{user}/reset-password" => people::credentials::reset_form,
    POST "/people/{user}/reset-password" => people::credentials::reset,
    GET "/people/{user}/reset-second-factor" => people::credentials::factor_form,
    POST "/people/{user}/reset-second-factor" => people::credentials::reset_factor,
    POST "/people/{user}/unlock" => people::credentials::unlock,
    POST "/people/{user}/sessions/end" => people::credentials::end_session,
    GET "/people/{user}/sessions/end-all" => people::credentials::end_all_form,
    POST "/people/{user}/sessions/end-all" => people::credentials::end_all_sessions,
    POST "/people/{user}/keys/revoke" => people::credentials::revoke_key,
    GET "/people/{user}/keys/revoke-all" => people::credentials::revoke_all_form,
    POST "/people/{user}/keys/revoke-all" => people::credentials::revoke_all,
    GET "/people/{user}/{list}" => people::person::list,
    GET "/keys" => keys::list,
    GET "/keys/new" => keys::form,
    POST "/keys/new" => keys::create,
    GET "/keys/{key}/renew" => keys::renewal,
    POST "/keys/{key}/renew" => keys::renew,
    GET "/keys/{key}/revoke" => keys::revocation,
    POST "/keys/{key}/revoke" => keys::revoke,
    GET "/service-keys" => service_keys::list,
    GET "/service-keys/new" => service_keys::new::form,
    POST "/service-keys/new" => service_keys::new::create,
    GET "/service-keys/{key}" => service_keys::show,
    GET "/service-keys/{key}/renew" => service_keys::renewal,
    POST "/service-keys/{key}/renew" => service_keys::renew,
    GET "/service-keys/{key}/revoke" => service_keys::revocation,
    POST "/service-keys/{key}/revoke" => service_keys::revoke,
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
    GET "/bindings/suggest" => suggestions::for_binding,
    GET "/bindings/{binding}/delete" => bindings::deletion,
    POST "/bindings/{binding}/delete" => bindings::delete,
    GET "/system" => system::show,
    GET "/system/activity" => activity::show,
    POST "/system/backups" => system::make_backup,
    GET "/system/backups/{backup}/download" => system::download_backup,
    POST "/system/signing-keys/rotate" => system::rotate_keys,
    GET "/assets/{file}" => assets::show,
    GET "/favicon.ico" => assets::icon,
    GET "/auth/check" => forward_auth::check,
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
    GET "/auth/account/name" => account_name::form,
    POST "/auth/account/name" => account_name::change,
    GET "/auth/account/password" => account_password::form,
    POST "/auth/account/password" => account_password::change,
    POST "/auth/account/zone" => time_zone::set,
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
    signed_in::look(&request)?;
    Err(Failure::WrongMethod { allowed: routes::allowed(&routes(), &request) })
}
