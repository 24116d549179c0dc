//! The object of a question: what a request names, and what it finds.

use strum::{Display, EnumString, IntoStaticStr, VariantNames};
use uuid::Uuid;

use crate::app::{bindings, by_name, connections, lookup, models, pipelines, projects, roles, standing, tags};
use crate::domain::actor::Actor;
use crate::domain::connection::Connection;
use crate::domain::email::Email;
use crate::domain::field::Field;
use crate::domain::ids::{ModelId, OrganizationId, PipelineId, ProjectId, RoleId, TagId, UserId, WorkspaceId};
use crate::domain::invalid::Invalid;
use crate::domain::model::{Model, ModelName};
use crate::domain::noun::Noun;
use crate::domain::organization::Organization;
use crate::domain::pipeline::{Pipeline, PipelineName};
use crate::domain::project::Project;
use crate::domain::role::{NamedRole, Resource};
use crate::domain::tag::Tag;
use crate::domain::user::User;
use crate::domain::workspace::Workspace;
use crate::error::{Error, InField, Result};
use crate::policy::Action;
use crate::policy::subject::{Subject, subject};
use crate::store::{self, View};

/// A kind of object that actions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    Account,
    Organization,
    Workspace,
    Project,
    Model,
    Pipeline,
    Tag,
    Connection,
    Role,
    User,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// An object as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thing {
    pub kind: Kind,
    pub key: Key,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// The account has no key.
    None,
    Number(i64),
    /// A name, an email address or a UUID.
    Text(String),
}

impl Thing {
    pub const ACCOUNT: Self = Self { kind: Kind::Account, key: Key::None };

    /// Parses `account` or `KIND:KEY`, where digits are a number. `workspace` is the dialect's word for one.
    pub fn parse(text: &str, workspace: &str) -> Result<Self, Invalid> {
        let kinds = || Kind::VARIANTS[1..].join(", ").replace("workspace", workspace);
        let (kind, key) = text.split_once(':').unwrap_or((text, ""));
        let kind = if kind == workspace { Ok(Kind::Workspace) } else { kind.parse() };
        match (kind, key.trim()) {
            (Ok(Kind::Account), "") => Ok(Self::ACCOUNT),
            (Ok(Kind::Account), _) => Err(Invalid::rule("must be only the word account: there is one account")),
            (Ok(kind), key) if !key.is_empty() => {
                let is_number = key.bytes().all(|byte| byte.is_ascii_digit());
                let number = key.parse().ok().filter(|_| is_number);
                Ok(Self { kind, key: number.map_or_else(|| Key::Text(key.to_owned()), Key::Number) })
            }
            (Ok(kind), _) => Err(Invalid::rule(format!("must have a name or an id after {kind}:"))),
            (Err(_), _) => Err(Invalid::rule(format!(
                "must be account, or KIND:NAME or KIND:ID with one of the kinds {}",
                kinds()
            ))),
        }
    }
}

/// The kinds of objects that an action is about.
pub fn kinds(action: Action) -> &'static [Kind] {
    match (subject(action), action) {
        (Subject::Workspace, Action::BindRole | Action::ReadBindings | Action::UnbindRole) => {
            &[Kind::Workspace, Kind::Project]
        }
        (Subject::Workspace, _) => &[Kind::Workspace],
        (Subject::Content, Action::ReadModel | Action::UpdateModel | Action::DeleteModel) => {
            &[Kind::Model, Kind::Workspace]
        }
        (Subject::Content, Action::ReadPipeline | Action::UpdatePipeline | Action::DeletePipeline) => {
            &[Kind::Pipeline, Kind::Workspace]
        }
        (Subject::Content, _) => &[Kind::Tag, Kind::Workspace],
        (Subject::Project, _) => &[Kind::Project],
        (Subject::Organization, _) => &[Kind::Organization],
        (Subject::Account, Action::ReadRoles | Action::ManageRoles) => &[Kind::Account, Kind::Role],
        (Subject::Account, _) => &[Kind::Account],
        (Subject::Person, Action::ManageConnection) => &[Kind::Connection],
        (Subject::Person, Action::DeleteSharedTag) => &[Kind::Tag],
        (Subject::Person, _) => &[Kind::User],
    }
}

/// An object that the asking actor sees.
#[derive(Clone, Debug)]
pub enum Object {
    Account,
    Organization(Organization),
    Workspace(Workspace),
    Project(Project, Workspace),
    Model(Model, Workspace),
    Pipeline(Pipeline, Workspace),
    /// A tag of a workspace.
    Tag(Tag, Workspace),
    /// A tag of an organization.
    SharedTag(Tag),
    Connection(Connection),
    Role(NamedRole),
    User(User),
}

impl Object {
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Account => Kind::Account,
            Self::Organization(_) => Kind::Organization,
            Self::Workspace(_) => Kind::Workspace,
            Self::Project(..) => Kind::Project,
            Self::Model(..) => Kind::Model,
            Self::Pipeline(..) => Kind::Pipeline,
            Self::Tag(..) | Self::SharedTag(_) => Kind::Tag,
            Self::Connection(_) => Kind::Connection,
            Self::Role(_) => Kind::Role,
            Self::User(_) => Kind::User,
        }
    }
}

/// Finds the object. An object that the actor may not see is reported as missing.
pub(super) fn find(view: &View, actor: &Actor, thing: &Thing) -> Result<Object> {
    let number = match thing.key {
        Key::Number(number) => Some(number),
        Key::None | Key::Text(_) => None,
    };
    let text = match &thing.key {
        Key::Text(text) => text.as_str(),
        Key::None | Key::Number(_) => "",
    };
    Ok(match thing.kind {
        Kind::Account => Object::Account,
        Kind::Organization => Object::Organization(match number {
            Some(number) => lookup::organization(view, actor, OrganizationId(number))?,
            None => on(by_name::named_organization(view, actor, text))?,
        }),
        Kind::Workspace => Object::Workspace(match number {
            Some(number) => lookup::workspace(view, actor, WorkspaceId(number))?,
            None => on(by_name::named_workspace(view, actor, text))?,
        }),
        Kind::Project => {
            let (project, workspace) = match number {
                Some(number) => projects::visible(view, actor, ProjectId(number))?,
                None => on(by_name::named_project(view, actor, text))?,
            };
            Object::Project(project, workspace)
        }
        Kind::Model => {
            let (model, workspace) = match number {
                Some(number) => models::visible(view, actor, ModelId(number))?,
                None => model(view, actor, text)?,
            };
            Object::Model(model, workspace)
        }
        Kind::Pipeline => {
            let (pipeline, workspace) = match number {
                Some(number) => pipelines::visible(view, actor, PipelineId(number))?,
                None => pipeline(view, actor, text)?,
            };
            Object::Pipeline(pipeline, workspace)
        }
        Kind::Tag => {
            let id = number.ok_or_else(|| Error::invalid(Field::On, "must have the id of a tag after tag:"))?;
            let tag = tags::visible(view, actor, TagId(id))?;
            match tag.workspace {
                Some(id) => {
                    let missing = || Error::not_found(Noun::Tag, tag.id);
                    let workspace = store::workspaces::find(view, id)?.ok_or_else(missing)?;
                    Object::Tag(tag, workspace)
                }
                None => Object::SharedTag(tag),
            }
        }
        Kind::Connection => {
            let named = Uuid::parse_str(text)
                .map_or_else(|_| connections::Named::Name(text.to_owned()), connections::Named::Uuid);
            let named = number.map_or(named, |number| connections::Named::Name(number.to_string()));
            Object::Connection(connections::visible(view, actor, &named)?)
        }
        Kind::Role => Object::Role(match number {
            Some(number) => roles::visible(view, actor, RoleId(number))?,
            None => by_name::named_role(view, actor, text)?,
        }),
        Kind::User => Object::User(lookup::principal(view, actor, &user(number, text)?)?),
    })
}

/// A user by number, UUID or email address.
fn user(number: Option<i64>, text: &str) -> Result<lookup::Named> {
    Ok(match (number, Uuid::parse_str(text)) {
        (Some(number), _) => lookup::Named::Number(UserId(number)),
        (None, Ok(uuid)) => lookup::Named::Uuid(uuid),
        (None, Err(_)) => lookup::Named::Email(Email::parse(text).in_field(Field::On)?),
    })
}

/// Reports what is hidden by the name in the request, exactly like what does not exist.
fn named_as(error: Error, what: Noun, text: &str) -> Error {
    match error {
        Error::NotFound { .. } => Error::not_found(what, text),
        other => other,
    }
}

/// A refusal to choose among several things of one name, told of the object.
fn on<T>(found: Result<T>) -> Result<T> {
    found.map_err(|error| match error {
        Error::Invalid { rule, .. } => Error::Invalid { field: Field::On, rule },
        other => other,
    })
}

/// The workspace of `WORKSPACE/NAME`, by name or number, and the name.
fn inside<'t>(view: &View, actor: &Actor, text: &'t str) -> Result<(Workspace, &'t str)> {
    let rule = "must have an id, or a {workspace} and a name such as vision/resnet";
    let (place, name) = text.rsplit_once('/').ok_or_else(|| Error::invalid(Field::On, rule))?;
    Ok((on(by_name::workspace(view, actor, place))?, name))
}

fn model(view: &View, actor: &Actor, text: &str) -> Result<(Model, Workspace)> {
    let (workspace, name) = inside(view, actor, text)?;
    let name = ModelName::parse(name).in_field(Field::On)?;
    let missing = || Error::not_found(Noun::Model, name.as_str());
    let found = store::models::find_by_name(view, workspace.id, name.as_str())?.ok_or_else(missing)?;
    models::visible(view, actor, found.id).map_err(|error| named_as(error, Noun::Model, name.as_str()))
}

fn pipeline(view: &View, actor: &Actor, text: &str) -> Result<(Pipeline, Workspace)> {
    let (workspace, name) = inside(view, actor, text)?;
    let name = PipelineName::parse(name).in_field(Field::On)?;
    pipelines::visible_by_name(view, actor, workspace.id, name.as_str())
}

/// Whether the actor may learn which rights others have on the object: those who read its bindings, for an
/// organization its admins, and for all else the administrators of the account.
pub(super) fn require_reader(view: &View, actor: &Actor, object: &Object) -> Result<()> {
    let of_organization = |id: OrganizationId| {
        let standing = standing::in_organization(view, actor, id)?;
        standing::require(&standing, Action::ManageOrganizationMembers, Noun::Organization, id)
    };
    match object {
        Object::Workspace(workspace)
        | Object::Model(_, workspace)
        | Object::Pipeline(_, workspace)
        | Object::Tag(_, workspace) => bindings::require_reader(view, actor, Resource::Workspace(workspace.id)),
        Object::Project(project, _) => bindings::require_reader(view, actor, Resource::Project(project.id)),
        Object::Organization(organization) => of_organization(organization.id),
        Object::SharedTag(tag) => of_organization(tag.organization),
        Object::Account | Object::Connection(_) | Object::Role(_) | Object::User(_) => {
            standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::User, "anybody")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_parsed() {
        let parse = |text| Thing::parse(text, "workspace").unwrap();
        let named = |kind, name: &str| Thing { kind, key: Key::Text(name.to_owned()) };
        assert_eq!(parse("account"), Thing::ACCOUNT);
        assert_eq!(parse("workspace:vision"), named(Kind::Workspace, "vision"));
        assert_eq!(parse("workspace:a:b / c"), named(Kind::Workspace, "a:b / c"));
        assert_eq!(parse("project:7"), Thing { kind: Kind::Project, key: Key::Number(7) });
        // A number that no row can have is a name.
        assert_eq!(parse("model:99999999999999999999"), named(Kind::Model, "99999999999999999999"));
        assert_eq!(parse("user:-7"), named(Kind::User, "-7"));
        assert_eq!(Thing::parse("space:vision", "space").unwrap(), named(Kind::Workspace, "vision"));
    }

    #[test]
    fn another_text_is_refused_with_the_kinds() {
        for (text, rule) in [
            ("", "organization, space, project"),
            ("vision", "organization, space, project"),
            ("Workspace:vision", "organization, space, project"),
            ("\u{1b}[31m:x", "organization, space, project"),
            ("project:", "must have a name or an id after project:"),
            ("account:1", "there is one account"),
        ] {
            let refused = Thing::parse(text, "space").unwrap_err();
            assert!(refused.rule.contains(rule) && !refused.rule.contains('\u{1b}'), "{text}: {refused}");
        }
    }

    #[test]
    fn every_action_is_about_something() {
        let taken: Vec<Kind> = Action::ALL.into_iter().flat_map(kinds).copied().collect();
        for kind in Kind::VARIANTS {
            assert!(taken.contains(&kind.parse().unwrap()), "no action is about a {kind}");
        }
    }
}
