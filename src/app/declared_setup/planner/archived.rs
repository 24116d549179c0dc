//! Workspaces that are archived or restored, and those that stay archived.

use std::collections::BTreeSet;

use super::{Planner, change, field, inside};
use crate::app::declared_setup::declared::DeclaredWorkspace;
use crate::app::declared_setup::plan::{Action, NewServiceKey, Phase, Ref, Spot, Step};
use crate::domain::ids::{BindingId, ProjectId, WorkspaceId};
use crate::domain::workspace::Workspace;

impl Planner<'_> {
    /// Archives or restores a workspace, if the file says so.
    pub(super) fn archived(&mut self, now: &Workspace, one: &DeclaredWorkspace) {
        let place = self.inside_name(now.organization);
        match (now.archived, one.archived) {
            (false, Some(true)) => self.archive(Ref::Known(now.id), one, &place),
            (true, Some(false)) => {
                let change =
                    inside(change("workspace", one.name.as_str(), vec![field("archived", "true", "false")]), &place);
                self.push(Phase::RestoredWorkspaces, change, Some(&one.at), Action::RestoreWorkspace(now.id));
            }
            (false | true, _) => {}
        }
    }

    /// Archives a workspace after everything else has changed in it.
    pub(super) fn archive(&mut self, id: Ref<WorkspaceId>, one: &DeclaredWorkspace, place: &str) {
        let mut change =
            inside(change("workspace", one.name.as_str(), vec![field("archived", "false", "true")]), place);
        change.destructive = id.known().is_some();
        self.push(Phase::ArchivedWorkspaces, change, Some(&one.at), Action::ArchiveWorkspace(id));
    }

    /// Refuses changes in workspaces that stay archived, which their verbs would refuse.
    pub(super) fn nothing_in_archived(&mut self) {
        let restored: BTreeSet<WorkspaceId> = self.plan.steps.iter().filter_map(restores).collect();
        let stays = |id: &WorkspaceId| {
            !restored.contains(id) && self.now.workspaces.get(id).is_some_and(|workspace| workspace.archived)
        };
        let broken = |step: &&Step| self.changed(&step.action).iter().any(stays);
        let places: Vec<_> = self.plan.steps.iter().filter(broken).filter_map(|step| step.at.clone()).collect();
        for at in places {
            self.fault(&at, "the workspace is archived; declare archived = false for it, which restores it");
        }
    }

    /// The existing workspaces in which the action changes what an archived one refuses to change.
    fn changed(&self, action: &Action) -> Vec<WorkspaceId> {
        let in_new_key = |key: &NewServiceKey| {
            let places = key.organizations.iter().flat_map(|place| &place.workspaces);
            places.filter_map(|(workspace, _)| workspace.known()).collect()
        };
        match action {
            Action::ChangeWorkspace(id, _) => vec![*id],
            Action::SetMember(workspace, ..) | Action::Bind(Spot::Workspace(workspace), ..) => {
                workspace.known().into_iter().collect()
            }
            Action::Bind(Spot::Project(project), ..) => self.place_of_project(*project).into_iter().collect(),
            Action::ChangeBinding(id, _) => self.place_of_binding(*id).into_iter().collect(),
            Action::CreateServiceKey(new) => in_new_key(new),
            Action::CreateOrganization(..)
            | Action::ChangeOrganization(..)
            | Action::DeleteOrganization(_)
            | Action::CreateRole(..)
            | Action::ChangeRole(..)
            | Action::DeleteRole(_)
            | Action::Invite { .. }
            | Action::ChangePerson(..)
            | Action::ClosePerson(_)
            | Action::SetMembership(..)
            | Action::RemoveMembership(..)
            | Action::RegisterClient(_)
            | Action::ChangeClient(..)
            | Action::RemoveClient(_)
            | Action::CreateWorkspace { .. }
            | Action::ArchiveWorkspace(_)
            | Action::RestoreWorkspace(_)
            | Action::DeleteWorkspace(_)
            | Action::RemoveMember(..)
            | Action::Unbind(_)
            | Action::RevokeKey(_) => Vec::new(),
        }
    }

    fn place_of_project(&self, id: ProjectId) -> Option<WorkspaceId> {
        self.now.projects.get(&id).map(|project| project.workspace)
    }

    fn place_of_binding(&self, id: BindingId) -> Option<WorkspaceId> {
        let found = self.now.bindings.iter().find(|(_, binding)| binding.id == id);
        found.map(|((_, place), _)| place.0)
    }
}

fn restores(step: &Step) -> Option<WorkspaceId> {
    match step.action {
        Action::RestoreWorkspace(id) => Some(id),
        _ => None,
    }
}
