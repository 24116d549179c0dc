//! Reads every row of a kind, in a stable order.
//!
//! The conditions are true for every row. They let SQLite walk an index, whatever the number of rows.

use super::columns::{BINDING, CLIENT, CONFIG, CONNECTION, CONSENT, FACTOR, HOME, KEY, LINK, LOCK, MEMBER, MODEL};
use super::columns::{ORGANIZATION, PIPELINE, PIPELINE_TAG, PROJECT, PROJECT_TAG, RECOVERY, ROLE, SEAT, STEPS, TAG};
use super::columns::{USER, VERSION, VERSION_TAG, WORKSPACE};
use crate::domain::transfer::Kind;

pub(super) fn all(kind: Kind) -> String {
    match kind {
        Kind::Organization => format!("SELECT {ORGANIZATION} FROM organizations WHERE id > 0 ORDER BY id"),
        Kind::User => format!("SELECT {USER} FROM users WHERE id > 0 ORDER BY id"),
        Kind::OrganizationMember => format!("SELECT {SEAT} FROM organization_members WHERE id > 0 ORDER BY id"),
        Kind::Role => format!("SELECT {ROLE} FROM roles WHERE id > 0 ORDER BY id"),
        Kind::Workspace => format!("SELECT {WORKSPACE} FROM workspaces WHERE id > 0 ORDER BY id"),
        Kind::Member => format!("SELECT {MEMBER} FROM members WHERE id > 0 ORDER BY id"),
        Kind::DefaultWorkspace => format!("SELECT {HOME} FROM default_workspaces WHERE id > 0 ORDER BY id"),
        Kind::Project => format!("SELECT {PROJECT} FROM projects WHERE id > 0 ORDER BY id"),
        Kind::Restriction => {
            format!("SELECT {LOCK} FROM restrictions WHERE project_id > 0 ORDER BY project_id")
        }
        Kind::Binding => format!("SELECT {BINDING} FROM bindings WHERE id > 0 ORDER BY id"),
        Kind::Tag => format!("SELECT {TAG} FROM tags WHERE id > 0 ORDER BY id"),
        Kind::ProjectTag => {
            format!("SELECT {PROJECT_TAG} FROM project_tags WHERE project_id > 0 ORDER BY project_id, tag_id")
        }
        Kind::Model => format!("SELECT {MODEL} FROM models WHERE id > 0 ORDER BY id"),
        Kind::ModelVersion => format!("SELECT {VERSION} FROM model_versions WHERE id > 0 ORDER BY id"),
        Kind::ModelConfig => format!("SELECT {CONFIG} FROM model_configs WHERE id > 0 ORDER BY id"),
        Kind::ModelVersionTag => {
            format!("SELECT {VERSION_TAG} FROM model_version_tags WHERE version_id > 0 ORDER BY version_id, tag_id")
        }
        Kind::Pipeline => format!("SELECT {PIPELINE} FROM pipelines WHERE id > 0 ORDER BY id"),
        Kind::PipelineVersion => format!("SELECT {STEPS} FROM pipeline_versions WHERE id > 0 ORDER BY id"),
        Kind::PipelineTag => format!("SELECT {PIPELINE_TAG} FROM pipeline_tags WHERE id > 0 ORDER BY id"),
        Kind::Connection => format!("SELECT {CONNECTION} FROM connections WHERE id > 0 ORDER BY id"),
        Kind::ConnectionWorkspace => format!("SELECT {LINK} FROM connection_workspaces WHERE id > 0 ORDER BY id"),
        Kind::Client => format!("SELECT {CLIENT} FROM clients WHERE id > '' ORDER BY id"),
        Kind::Consent => format!("SELECT {CONSENT} FROM consents WHERE user_id > 0 ORDER BY user_id, client"),
        Kind::Key => format!("SELECT {KEY} FROM keys WHERE id > 0 ORDER BY id"),
        Kind::SecondFactor => format!("SELECT {FACTOR} FROM second_factors WHERE user_id > 0 ORDER BY user_id"),
        Kind::RecoveryCode => {
            format!("SELECT {RECOVERY} FROM recovery_codes WHERE user_id > 0 ORDER BY user_id, fingerprint")
        }
    }
}
