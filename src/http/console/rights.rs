//! `/people/{user}/rights`: where the rights of a person come from.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use askama::Template;
use uuid::Uuid;

use super::controls::Step;
use super::paths::query;
use super::pictures::{Tree, shares};
use super::shell::{self, Part, Shell};
use super::signed_in::SignedIn;
use super::{Failure, assets};
use crate::app::offers;
use crate::app::rights::{self, MemberRole, Reach, Right, Source};
use crate::app::runtime::state::AppState;
use crate::domain::noun::Noun;
use crate::error::Error;
use crate::policy::Action;

/// The rights that the page shows. Of more, the number.
const SHOWN: usize = 20;

#[derive(Template)]
#[template(path = "console/rights.html")]
struct RightsPage {
    shell: Shell,
    title: String,
    path: Vec<Step>,
    name: String,
    picture: Tree,
    groups: Vec<Group>,
    is_cut: bool,
    /// The query of the page that shows who can reach what.
    access: String,
}

/// The rights of one kind.
struct Group {
    name: &'static str,
    rows: Vec<Row>,
    rest: usize,
}

struct Row {
    role: String,
    place: String,
    /// The page of the place; empty for none.
    to: String,
}

impl Row {
    fn new(right: &Right) -> Self {
        let role = match &right.source {
            Source::Account => "Administrator".to_owned(),
            Source::Organization(role) => capitalized(role.as_str()),
            Source::Member(MemberRole::Predefined(role)) => capitalized(role.as_str()),
            Source::Member(MemberRole::Named(name)) | Source::Binding(name) => {
                name.clone().unwrap_or_else(|| "a role".to_owned())
            }
        };
        let (place, to) = match &right.reach {
            Reach::Everything => ("every workspace".to_owned(), String::new()),
            Reach::Organization { id, name, is_open } => {
                let which = if *is_open { "workspaces that are not private" } else { "every workspace" };
                (format!("{name}: {which}"), format!("/organizations/{id}"))
            }
            Reach::Workspace { id, name } => (name.clone(), format!("/workspaces/{id}")),
            Reach::Project { workspace, in_workspace, name } => {
                let project = name.as_ref().map_or_else(|| "a project".to_owned(), |name| format!("project {name}"));
                (format!("{in_workspace}: {project}"), format!("/workspaces/{workspace}"))
            }
        };
        Self { role, place, to }
    }
}

fn capitalized(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

/// The kind of a right.
const fn kind(source: &Source) -> &'static str {
    match source {
        Source::Account => "Account role",
        Source::Organization(_) => "Organization roles",
        Source::Member(_) => "Memberships",
        Source::Binding(_) => "Role bindings",
    }
}

/// The rights in groups, and as many of each as fit on a page.
fn grouped(found: &[Right]) -> Vec<Group> {
    // The rights are in the order of their sources.
    let groups: Vec<&[Right]> = found.chunk_by(|one, other| kind(&one.source) == kind(&other.source)).collect();
    let sizes: Vec<usize> = groups.iter().map(|rights| rights.len()).collect();
    let shares = shares(&sizes, SHOWN);
    let group = |(rights, share): (&&[Right], usize)| Group {
        name: rights.first().map_or("", |right| kind(&right.source)),
        rows: rights.iter().take(share).map(Row::new).collect(),
        rest: rights.len().saturating_sub(share),
    };
    groups.iter().zip(shares).map(group).collect()
}

/// `GET /people/{user}/rights`
pub(super) async fn show(
    state: Data<AppState>,
    path: Path<String>,
    SignedIn { browser, actor, .. }: SignedIn,
) -> Result<HttpResponse, Failure> {
    let id = Uuid::try_parse(&path).map_err(|_| Error::not_found(Noun::User, path.as_str()))?;
    shell::show(&state, &browser, |view| {
        let found = rights::of(view, &actor, id)?;
        let groups = grouped(&found.found);
        let leaves = |group: &Group| {
            let leaf = |row: &Row| format!("{}: {}", row.role, row.place);
            (group.name, group.rows.iter().map(leaf).collect(), group.rest)
        };
        let name = found.user.email.to_string();
        let title = format!("Where the rights of {name} come from");
        let drawn: Vec<_> = groups.iter().map(leaves).collect();
        let mut path = vec![Step::new(format!("/people/{id}"), &name)];
        if offers::in_account(&actor).allows(Action::InviteUser) {
            path.insert(0, Step::new(Part::People.path(), Part::People.title()));
        }
        Ok(RightsPage {
            shell: Shell::new(&browser, &actor, Part::People),
            picture: Tree::new(title.clone(), &name, &drawn),
            access: query(&[("person", &name)]),
            title,
            path,
            name,
            groups,
            is_cut: found.is_cut,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::WorkspaceId;
    use crate::domain::member::Role;
    use crate::domain::organization::OrganizationRole;

    #[test]
    fn a_page_shows_twenty_rights_and_the_number_of_the_rest() {
        let member = |id: i64| Right {
            source: Source::Member(MemberRole::Predefined(Role::Owner)),
            reach: Reach::Workspace { id: WorkspaceId(id), name: format!("w{id}") },
        };
        let admin = Right {
            source: Source::Organization(OrganizationRole::Admin),
            reach: Reach::Organization {
                id: crate::domain::ids::OrganizationId(1),
                name: "Acme".into(),
                is_open: false,
            },
        };
        let rights: Vec<Right> = std::iter::once(admin).chain((0..50).map(member)).collect();
        let groups = grouped(&rights);
        assert_eq!(groups.iter().map(|group| group.rows.len()).sum::<usize>(), SHOWN);
        assert_eq!((groups[0].rest, groups[1].rest), (0, 31));
        assert_eq!(groups[0].rows[0].place, "Acme: every workspace");
        assert_eq!((&*groups[1].rows[0].role, &*groups[1].rows[0].to), ("Owner", "/workspaces/0"));
        assert!(grouped(&[]).is_empty());
    }
}
