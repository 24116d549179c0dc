//! What a new row gives to somebody who exists here, or in a place that exists here.

use super::plan::{Mapped, Plan};
use super::report::Detail;
use super::rules;
use crate::domain::transfer::Kind;

impl Plan<'_> {
    /// Notes in the report what a new row gives or takes here. New people in new places are not noted, and neither are new
    /// members of an organization who do not administer it.
    pub(super) fn note_rights(&mut self, line: i64, mapped: &Mapped) {
        let (row, around) = (&mapped.row, &mapped.around);
        let fact = |field, fact| around.fact(field, fact).unwrap_or_default();
        let workspace = || format!("workspace {:?} of {:?}", fact("workspace", "name"), fact("workspace", "place"));
        let project =
            || format!("project {:?} in the workspace {:?}", fact("project", "name"), fact("project", "place"));
        let (words, is_in_place_here) = match row.kind {
            Kind::User if row.is("role", "administrator") && !row.is("state", "blocked") => {
                let words = "a new administrator of the account".to_owned();
                self.report.administrator(Detail { line, kind: row.kind, name: rules::name(row), words });
                return;
            }
            Kind::OrganizationMember => {
                let words = format!("{} of the organization {:?}", row.text("role"), fact("organization", "name"));
                (words, row.is("role", "admin") && !mapped.is_new("organization"))
            }
            Kind::Member => {
                let role = if row.is("role", "custom") { fact("custom_role", "name") } else { row.text("role") };
                (format!("{role} of the {}", workspace()), !mapped.is_new("workspace"))
            }
            Kind::Binding => {
                let is_on_project = around.token("project").is_some();
                let place = if is_on_project { project() } else { workspace() };
                let is_here = !mapped.is_new(if is_on_project { "project" } else { "workspace" });
                (format!("the role {:?} on the {place}", fact("role", "name")), is_here)
            }
            Kind::Restriction if !mapped.is_new("project") => {
                let words = format!("the {} becomes restricted", project());
                self.report.right(Detail { line, kind: row.kind, name: fact("project", "name").to_owned(), words });
                return;
            }
            _ => return,
        };
        let is_person_here = !mapped.is_new("user");
        if is_person_here || is_in_place_here {
            let who = if is_person_here { "" } else { " (a new user)" };
            let name = fact("user", "name").to_owned();
            self.report.right(Detail { line, kind: row.kind, name, words: format!("{words}{who}") });
        }
    }
}
