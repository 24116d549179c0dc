//! The forms of `/apps`: a new app, its settings, and its removal.

use super::browser::Browser;
use super::controls::{ConsoleForm, Control, Input, Step};
use super::form::Form;
use super::shell::{Part, Shell};
use crate::app::identity::oauth::clients::{ClientChange, NewClient};
use crate::app::identity::oauth::recipes::Recipe;
use crate::domain::actor::Actor;
use crate::domain::client::{Client, ClientId, ClientName, PkcePolicy, RedirectUri, Scope, Scopes};
use crate::domain::group::GroupNames;
use crate::error::{InField, Result as CoreResult};

pub(super) const APPS: &str = "/apps";
const NEW: &str = "/apps/new";

/// The scopes of the form, with the names of their checkboxes.
const SCOPES: [(Scope, &str, &str); 6] = [
    (Scope::OpenId, "scope_openid", "Sign in (openid)"),
    (Scope::Email, "scope_email", "See the email address (email)"),
    (Scope::Profile, "scope_profile", "See the name (profile)"),
    (Scope::OfflineAccess, "scope_offline_access", "Stay signed in for long (offline_access)"),
    (Scope::Groups, "scope_groups", "See organizations, workspaces and roles (groups)"),
    (Scope::Api, "scope_api", "Use the API as the person (api)"),
];

pub(super) fn path_of(id: &ClientId) -> String {
    format!("{APPS}/{id}")
}

fn step() -> Step {
    Step::new(APPS, Part::Apps.title())
}

pub(super) fn new_form(
    browser: &Browser,
    actor: &Actor,
    value: impl Fn(&str) -> String,
    is_confidential: bool,
) -> ConsoleForm {
    let recipes = Recipe::ALL.into_iter().map(|recipe| (recipe.as_str(), recipe.name()));
    let paths: Vec<_> = Recipe::ALL
        .into_iter()
        .filter(|recipe| !recipe.redirect_path().is_empty())
        .map(|recipe| format!("{} {}", recipe.name(), recipe.redirect_path()))
        .collect();
    ConsoleForm {
        path: vec![step()],
        text: "An app that people sign in to with their account here.".to_owned(),
        fields: vec![
            Control::choice("recipe", "App", recipes, value("recipe")),
            Control::new(Input::Text, "name", "Name").hint("People see it when they sign in.").value(value("name")),
            Control::new(Input::Text, "id", "Client id").hint("For example grafana.").value(value("id")),
            Control::new(Input::Lines, "redirect_uris", "Redirect addresses")
                .hint(format!(
                    "One on each line, such as https://app.example.com/callback. The path depends on the app: {}.",
                    paths.join(", ")
                ))
                .value(value("redirect_uris")),
            Control::check(
                "public",
                "It cannot keep a secret: it runs in a browser or on a user's machine",
                !is_confidential,
            ),
        ],
        button: "Register app",
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Apps), "New app", NEW, APPS)
    }
}

pub(super) fn parse_new(form: &Form) -> CoreResult<NewClient> {
    let name = ClientName::parse(form.text("name")).in_field("name")?;
    let id = ClientId::parse(form.text("id")).in_field("id")?;
    let redirect_uris = Some(addresses(form, "redirect_uris")?);
    let settings = ClientChange { redirect_uris, ..ClientChange::default() };
    Ok(NewClient { id, name, confidential: !form.is_checked("public"), settings })
}

/// The addresses of a field, one on each line.
fn addresses(form: &Form, field: &'static str) -> CoreResult<Vec<RedirectUri>> {
    lines(form, field).map(|line| RedirectUri::parse(line).in_field(field)).collect()
}

/// The lines of a field that are not empty.
fn lines<'a>(form: &'a Form, field: &str) -> impl Iterator<Item = &'a str> {
    form.text(field).lines().map(str::trim).filter(|line| !line.is_empty())
}

/// The form with the settings of an app, or with what was typed.
pub(super) fn settings_form(browser: &Browser, actor: &Actor, app: &Client, typed: Option<&Form>) -> ConsoleForm {
    let lines = |addresses: &[RedirectUri]| addresses.iter().map(RedirectUri::as_str).collect::<Vec<_>>().join("\n");
    let value = |name: &str, stored: String| typed.map_or(stored, |form| form.text(name).to_owned());
    let is_on = |name: &str, stored: bool| typed.map_or(stored, |form| form.is_checked(name));
    let mut fields = vec![
        Control::new(Input::Text, "name", "Name").value(value("name", app.name.as_str().to_owned())),
        Control::new(Input::Lines, "redirect_uris", "Redirect addresses")
            .hint("One on each line.")
            .value(value("redirect_uris", lines(&app.redirect_uris)))
            .optional(),
        Control::new(Input::Lines, "post_logout_redirect_uris", "Addresses after sign-out")
            .hint("One on each line.")
            .value(value("post_logout_redirect_uris", lines(&app.post_logout_redirect_uris)))
            .optional(),
    ];
    let scope = |(scope, name, label): (Scope, &'static str, &str)| {
        Control::check(name, label, is_on(name, app.scopes.has(scope)))
    };
    fields.extend(SCOPES.map(scope));
    if app.confidential {
        fields.push(Control::check(
            "pkce_optional",
            "It may leave out PKCE, because it does not support it",
            is_on("pkce_optional", app.pkce == PkcePolicy::Optional),
        ));
    }
    fields.push(
        Control::new(Input::Lines, "groups", "Names of groups")
            .hint("One on each line: what the app reads in place of a group, such as acme/fraud:owner=Admin.")
            .value(value("groups", app.groups.pairs().collect::<Vec<_>>().join("\n")))
            .optional(),
    );
    let back = path_of(&app.id);
    ConsoleForm {
        path: vec![step(), Step::new(&back, app.name.as_str())],
        text: "An app that loses a permission loses all its sessions, too.".to_owned(),
        fields,
        ..ConsoleForm::new(Shell::new(browser, actor, Part::Apps), "App settings", format!("{back}/settings"), back)
    }
}

pub(super) fn parse_change(form: &Form) -> CoreResult<ClientChange> {
    let scopes = SCOPES.into_iter().filter(|(_, name, _)| form.is_checked(name)).map(|(scope, _, _)| scope);
    Ok(ClientChange {
        name: Some(ClientName::parse(form.text("name")).in_field("name")?),
        redirect_uris: Some(addresses(form, "redirect_uris")?),
        post_logout_redirect_uris: Some(addresses(form, "post_logout_redirect_uris")?),
        scopes: Some(Scopes::of(scopes)),
        pkce: Some(if form.is_checked("pkce_optional") { PkcePolicy::Optional } else { PkcePolicy::Required }),
        groups: Some(GroupNames::parse_pairs(lines(form, "groups")).in_field("groups")?),
        ..ClientChange::default()
    })
}

pub(super) fn deletion_form(browser: &Browser, actor: &Actor, app: &Client) -> ConsoleForm {
    let back = path_of(&app.id);
    ConsoleForm {
        path: vec![step(), Step::new(&back, app.name.as_str())],
        text: "People can no longer sign in to it. Its sessions end, and its consents are removed.".to_owned(),
        button: "Remove app",
        is_dangerous: true,
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::Apps),
            format!("Remove the app {}?", app.name.as_str()),
            format!("{back}/delete"),
            back,
        )
    }
}
