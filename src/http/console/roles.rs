//! `/roles/...`: the named roles, with their permissions as a grid.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpResponse, ResponseError as _};
use askama::Template;

use super::browser::Browser;
use super::controls::{self, ConsoleForm, Pager, Step};
use super::form::Form;
use super::parameters::Parameters;
use super::shell::{self, Part, Shell};
use super::signed_in::{RecentlySignedIn, SignedIn};
use super::{Failure, assets};
use crate::app::offers;
use crate::app::roles::{self, Holder, NewRole, RoleChange};
use crate::app::runtime::state::AppState;
use crate::domain::actor::Actor;
use crate::domain::ids::RoleId;
use crate::domain::noun::Noun;
use crate::domain::permission::{Permission, PermissionSet};
use crate::domain::role::{NamedRole, RoleName};
use crate::domain::text::Description;
use crate::error::{Error, InField, Result as CoreResult};
use crate::policy::Action;

const ROLES: &str = "/roles";
const NEW: &str = "/roles/new";

#[derive(Template)]
#[template(path = "console/roles.html")]
struct RolesPage {
    shell: Shell,
    title: &'static str,
    rows: Vec<NamedRole>,
    pager: Pager,
    may_manage: bool,
}

/// One thing that permissions are about, with what may be done to it.
struct Group {
    thing: String,
    /// The number of each, its deed, and whether it is chosen.
    permissions: Vec<(usize, String, bool)>,
}

/// The permissions in groups: `ML_MODEL_READ` is `READ` of `ML_MODEL`.
fn groups(only: PermissionSet, chosen: PermissionSet) -> Vec<Group> {
    let mut groups: BTreeMap<&str, Vec<(usize, String, bool)>> = BTreeMap::new();
    for (number, permission) in Permission::all().enumerate().filter(|(_, permission)| only.contains(*permission)) {
        let (thing, deed) = permission.name().rsplit_once('_').unwrap_or((permission.name(), "USE"));
        groups.entry(thing).or_default().push((number, deed.to_lowercase(), chosen.contains(permission)));
    }
    let words = |thing: &str| thing.to_lowercase().replace('_', " ");
    groups.into_iter().map(|(thing, permissions)| Group { thing: words(thing), permissions }).collect()
}

#[derive(Template)]
#[template(path = "console/role.html")]
struct RolePage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    role: NamedRole,
    /// The id in the Arize clients.
    public_id: String,
    groups: Vec<Group>,
    /// The first who have it; only for those who may see everything.
    holders: Vec<Holder>,
    has_more_holders: bool,
    sees_holders: bool,
    may_manage: bool,
}

#[derive(Template)]
#[template(path = "console/role_form.html")]
struct RoleForm {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    action: String,
    back: String,
    name: String,
    description: String,
    groups: Vec<Group>,
    wrong_field: String,
}

/// A permission by its number, which is shorter than its name: a form has all of them.
fn permission(number: &str) -> Option<Permission> {
    Permission::all().nth(number.parse().ok()?)
}

fn id_of(text: &str) -> CoreResult<RoleId> {
    text.parse().map(RoleId).map_err(|_| Error::not_found(Noun::Role, text))
}

fn path_of(id: RoleId) -> String {
    format!("{ROLES}/{id}")
}

fn step() -> Step {
    Step::new(ROLES, Part::Roles.title())
}

/// `GET /roles`
pub(super) async fn list(
    state: Data<AppState>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    shell::show(&state, &browser, |view| {
        let found = roles::page(view, &actor, None, controls::page_of(&parameters))?;
        Ok(RolesPage {
            shell: Shell::new(&browser, &actor, Part::Roles).after(&parameters),
            title: Part::Roles.title(),
            pager: Pager::new(ROLES, &parameters, &found),
            rows: found.items,
            may_manage: offers::in_account(&actor).allows(Action::ManageRoles),
        })
    })
}

/// `GET /roles/{role}`
pub(super) async fn show(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = id_of(&path)?;
    shell::show(&state, &browser, |view| {
        let role = roles::visible(view, &actor, id)?;
        let offers = offers::in_account(&actor);
        let sees_holders = offers.allows(Action::ReadEverything);
        let holders = if sees_holders { Some(roles::first_holders(view, &actor, id)?) } else { None };
        let (holders, has_more_holders) = holders.unwrap_or_default();
        Ok(RolePage {
            shell: Shell::new(&browser, &actor, Part::Roles).after(&parameters),
            title: role.name.clone(),
            path: vec![step()],
            public_id: browser.public_id(&id),
            groups: groups(role.permissions, PermissionSet::EMPTY),
            holders,
            has_more_holders,
            sees_holders,
            may_manage: offers.allows(Action::ManageRoles),
            role,
        })
    })
}

/// `GET /roles/new?copy=ROLE`: the form, with the permissions of another role if one is named.
pub(super) async fn form(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: parameters, .. }: RecentlySignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    offers::in_account(&actor).require(Action::ManageRoles)?;
    let chosen = match parameters.get("copy") {
        Some(id) => {
            let id = id_of(id)?;
            state.read_inline(|view| roles::visible(view, &actor, id))?.permissions
        }
        None => PermissionSet::EMPTY,
    };
    browser.show_console(StatusCode::OK, &role_form(&browser, &actor, None, ("", ""), chosen))
}

/// `POST /roles/new`
pub(super) async fn create(
    state: Data<AppState>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let created = match parse(&form) {
        Ok((name, description, permissions)) => {
            let new = NewRole { name, description, permissions };
            state.write_as(&actor, move |tx, actor| roles::create(tx, actor, &new)).await
        }
        Err(error) => Err(error),
    };
    match created {
        Ok(role) => Ok(controls::done(&path_of(role.id), "role-created")),
        Err(error) => show_again(&browser, &actor, None, &form, error),
    }
}

/// `GET /roles/{role}/edit`
pub(super) async fn edit_form(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn,
) -> Result<HttpResponse, Failure> {
    let role = find(&state, &actor, &path)?;
    let page = role_form(&browser, &actor, Some(&role), (&role.name, role.description.as_str()), role.permissions);
    browser.show_console(StatusCode::OK, &page)
}

/// `POST /roles/{role}/edit`
pub(super) async fn edit(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, input: form, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let role = find(&state, &actor, &path)?;
    let id = role.id;
    let changed = match parse(&form) {
        Ok((name, description, permissions)) => {
            let change =
                RoleChange { name: Some(name), description: Some(description), permissions: Some(permissions) };
            state.write_as(&actor, move |tx, actor| roles::change(tx, actor, id, &change)).await
        }
        Err(error) => Err(error),
    };
    match changed {
        Ok(_) => Ok(controls::done(&path_of(id), "saved")),
        Err(error) => show_again(&browser, &actor, Some(&role), &form, error),
    }
}

/// `GET /roles/{role}/delete`: asks for confirmation.
pub(super) async fn deletion(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let role = find(&state, &actor, &path)?;
    deletion_form(&browser, &actor, &role).show(&browser)
}

/// `POST /roles/{role}/delete`
pub(super) async fn delete(
    state: Data<AppState>,
    path: Path<String>,
    RecentlySignedIn { browser, actor, .. }: RecentlySignedIn<Form>,
) -> Result<HttpResponse, Failure> {
    let role = find(&state, &actor, &path)?;
    let id = role.id;
    match state.write_as(&actor, move |tx, actor| roles::delete(tx, actor, id)).await {
        Ok(()) => Ok(controls::done(ROLES, "role-deleted")),
        Err(error) => deletion_form(&browser, &actor, &role).show_again(&browser, error.into()),
    }
}

/// A role that the user may change.
fn find(state: &AppState, actor: &Actor, text: &str) -> Result<NamedRole, Failure> {
    let id = id_of(text)?;
    offers::in_account(actor).require(Action::ManageRoles)?;
    Ok(state.read_inline(|view| roles::visible(view, actor, id))?)
}

fn deletion_form(browser: &Browser, actor: &Actor, role: &NamedRole) -> ConsoleForm {
    let back = path_of(role.id);
    ConsoleForm {
        path: vec![step(), Step::new(&back, &role.name)],
        text: "A role that somebody has cannot be deleted.".to_owned(),
        button: "Delete role",
        is_dangerous: true,
        ..ConsoleForm::new(
            Shell::new(browser, actor, Part::Roles),
            format!("Delete the role {}?", role.name),
            format!("{back}/delete"),
            back,
        )
    }
}

fn parse(form: &Form) -> CoreResult<(RoleName, Description, PermissionSet)> {
    let name = RoleName::parse(form.text("name")).in_field("name")?;
    let description = Description::parse(form.text("description")).in_field("description")?;
    let mut permissions = PermissionSet::EMPTY;
    for name in form.all("p") {
        permissions =
            permissions.with(permission(name).ok_or_else(|| Error::invalid("permissions", "contain an unknown one"))?);
    }
    Ok((name, description, permissions))
}

fn show_again(
    browser: &Browser,
    actor: &Actor,
    role: Option<&NamedRole>,
    form: &Form,
    error: Error,
) -> Result<HttpResponse, Failure> {
    if !error.is_refusal() {
        return Err(error.into());
    }
    let chosen = form.all("p").filter_map(permission).fold(PermissionSet::EMPTY, PermissionSet::with);
    let mut page = role_form(browser, actor, role, (form.text("name"), form.text("description")), chosen);
    if let Error::Invalid { field, .. } = &error {
        page.wrong_field = field.to_string();
    }
    page.shell = page.shell.because(&error.to_string());
    browser.show_console(Failure::from(error).status_code(), &page)
}

/// The form for a new role, or for this one.
fn role_form(
    browser: &Browser,
    actor: &Actor,
    role: Option<&NamedRole>,
    (name, description): (&str, &str),
    chosen: PermissionSet,
) -> RoleForm {
    let (title, action, back) = match role {
        Some(role) => ("Change the role".to_owned(), format!("{}/edit", path_of(role.id)), path_of(role.id)),
        None => ("New role".to_owned(), NEW.to_owned(), ROLES.to_owned()),
    };
    RoleForm {
        shell: Shell::new(browser, actor, Part::Roles),
        title,
        path: [Some(step()), role.map(|role| Step::new(path_of(role.id), &role.name))].into_iter().flatten().collect(),
        action,
        back,
        name: name.to_owned(),
        description: description.to_owned(),
        groups: groups(PermissionSet::EVERYTHING, chosen),
        wrong_field: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_permission_is_in_one_group() {
        let all: Vec<_> = groups(PermissionSet::EVERYTHING, PermissionSet::READING)
            .into_iter()
            .flat_map(|group| group.permissions)
            .collect();
        assert_eq!(all.len(), Permission::COUNT);
        let model = groups(PermissionSet::of(&[Permission::ML_MODEL_READ]), PermissionSet::EMPTY);
        assert_eq!((model.len(), model[0].thing.as_str(), model[0].permissions[0].1.as_str()), (1, "ml model", "read"));
    }
}
