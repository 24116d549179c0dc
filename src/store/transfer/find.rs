//! Finds the row with the natural key of another.

use super::columns::{BINDING, CLIENT, CONFIG, CONNECTION, CONSENT, FACTOR, HOME, KEY, LINK, LOCK, MEMBER, MODEL};
use super::columns::{ORGANIZATION, PIPELINE, PIPELINE_TAG, PROJECT, PROJECT_TAG, RECOVERY, ROLE, SEAT, STEPS, TAG};
use super::columns::{USER, VERSION, VERSION_TAG, WORKSPACE};
use crate::domain::transfer::{Cell, Kind, Row};

/// The statement for a row, and the one to try if that finds nothing.
pub(super) fn by_key(row: &Row) -> (String, Option<String>) {
    let sql = match row.kind {
        Kind::Organization if *row.get("home") == Cell::Int(1) => {
            format!("SELECT {ORGANIZATION} FROM organizations WHERE home = 1")
        }
        Kind::Organization => format!("SELECT {ORGANIZATION} FROM organizations WHERE name = :name"),
        Kind::User => {
            let by_email = format!("SELECT {USER} FROM users WHERE email_key = :email_key AND state <> 'blocked'");
            let also = !row.is("state", "blocked");
            return (format!("SELECT {USER} FROM users WHERE uuid = :uuid"), also.then_some(by_email));
        }
        Kind::OrganizationMember => {
            format!("SELECT {SEAT} FROM organization_members WHERE organization_id = :organization AND user_id = :user")
        }
        Kind::Role if !row.get("predefined").is_null() => {
            format!("SELECT {ROLE} FROM roles WHERE predefined = :predefined")
        }
        Kind::Role => format!("SELECT {ROLE} FROM roles WHERE name = :name AND predefined IS NULL"),
        Kind::Workspace => {
            format!("SELECT {WORKSPACE} FROM workspaces WHERE organization_id = :organization AND name = :name")
        }
        Kind::Member => format!("SELECT {MEMBER} FROM members WHERE workspace_id = :workspace AND user_id = :user"),
        Kind::DefaultWorkspace => format!("SELECT {HOME} FROM default_workspaces WHERE user_id = :user"),
        Kind::Project => format!("SELECT {PROJECT} FROM projects WHERE workspace_id = :workspace AND name = :name"),
        Kind::Restriction => format!("SELECT {LOCK} FROM restrictions WHERE project_id = :project"),
        Kind::Binding if row.get("project").is_null() => {
            format!("SELECT {BINDING} FROM bindings WHERE user_id = :user AND workspace_id = :workspace")
        }
        Kind::Binding => format!("SELECT {BINDING} FROM bindings WHERE user_id = :user AND project_id = :project"),
        Kind::Tag if row.get("workspace").is_null() => format!(
            "SELECT {TAG} FROM tags
             WHERE organization_id = :organization AND workspace_id IS NULL AND name = :name AND created_at = :created_at"
        ),
        Kind::Tag => format!("SELECT {TAG} FROM tags WHERE workspace_id = :workspace AND name_key = :name_key"),
        Kind::ProjectTag => format!("SELECT {PROJECT_TAG} FROM project_tags WHERE project_id = :project AND tag_id = :tag"),
        Kind::Model => format!("SELECT {MODEL} FROM models WHERE workspace_id = :workspace AND name = :name"),
        Kind::ModelVersion => format!("SELECT {VERSION} FROM model_versions WHERE uuid = :uuid"),
        Kind::ModelConfig => format!(
            "SELECT {CONFIG} FROM model_configs WHERE version_id = :model_version AND created_at = :created_at"
        ),
        Kind::ModelVersionTag => {
            format!("SELECT {VERSION_TAG} FROM model_version_tags WHERE version_id = :model_version AND tag_id = :tag")
        }
        Kind::Pipeline => format!("SELECT {PIPELINE} FROM pipelines WHERE workspace_id = :workspace AND name = :name"),
        Kind::PipelineVersion => format!("SELECT {STEPS} FROM pipeline_versions WHERE uuid = :uuid"),
        Kind::PipelineTag => {
            format!("SELECT {PIPELINE_TAG} FROM pipeline_tags WHERE pipeline_id = :pipeline AND tag_id = :tag")
        }
        Kind::Connection => {
            let by_name = format!("SELECT {CONNECTION} FROM connections WHERE name = :name");
            return (format!("SELECT {CONNECTION} FROM connections WHERE uuid = :uuid"), Some(by_name));
        }
        Kind::ConnectionWorkspace => format!(
            "SELECT {LINK} FROM connection_workspaces WHERE connection_id = :connection AND workspace_id = :workspace"
        ),
        Kind::Client => format!("SELECT {CLIENT} FROM clients WHERE id = :client_id"),
        Kind::Consent => format!("SELECT {CONSENT} FROM consents WHERE user_id = :user AND client = :client"),
        Kind::Key => format!("SELECT {KEY} FROM keys WHERE fingerprint = :fingerprint"),
        Kind::SecondFactor => format!("SELECT {FACTOR} FROM second_factors WHERE user_id = :user"),
        Kind::RecoveryCode => format!("SELECT {RECOVERY} FROM recovery_codes WHERE fingerprint = :fingerprint"),
    };
    (sql, None)
}
