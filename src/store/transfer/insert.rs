//! Inserts a row with all of its fields, unless another row has a unique value of it. An inserted row is returned.

use crate::domain::transfer::Kind;

#[expect(clippy::too_many_lines, reason = "one statement for each kind")]
pub(super) fn new(kind: Kind) -> &'static str {
    match kind {
        Kind::Organization => {
            "INSERT INTO organizations (name, name_key, description, home, created_at)
             VALUES (:name, :name_key, :description, :home, :created_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::User => {
            "INSERT INTO users (uuid, email, email_key, email_verified_by, email_verified_at, first_name, last_name, kind,
                 state, invited_until, enabled, developer, role, must_change_password, created_at, last_sign_in_at,
                 password_hash)
             VALUES (:uuid, :email, :email_key, :email_verified_by, :email_verified_at, :first_name, :last_name,
                 :user_kind, :state, :invited_until, :enabled, :developer, :role, :must_change_password, :created_at,
                 :last_sign_in_at, :password_hash) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::OrganizationMember => {
            "INSERT INTO organization_members (organization_id, user_id, role, created_at)
             VALUES (:organization, :user, :role, :created_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Role => {
            "INSERT INTO roles (name, description, predefined, permissions, shows_workspaces, created_at, updated_at)
             VALUES (:name, :description, :predefined, :permissions, :shows, :created_at, :updated_at)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Workspace => {
            "INSERT INTO workspaces (organization_id, name, name_key, description, private, archived, created_by,
                 created_at, ml_models_enabled, gradient_start_color, gradient_end_color, default_llm_integration,
                 default_agent_runtime)
             VALUES (:organization, :name, :name_key, :description, :private, :archived, :created_by, :created_at,
                 :ml_models_enabled, :gradient_start_color, :gradient_end_color, :default_llm_integration,
                 :default_agent_runtime) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Member => {
            "INSERT INTO members (workspace_id, user_id, role, role_id, created_at)
             VALUES (:workspace, :user, :role, :custom_role, :created_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::DefaultWorkspace => {
            "INSERT INTO default_workspaces (user_id, workspace_id) VALUES (:user, :workspace)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Project => {
            "INSERT INTO projects (workspace_id, name, name_key, kind, created_by, created_at, updated_at)
             VALUES (:workspace, :name, :name_key, :project_kind, :created_by, :created_at, :updated_at)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Restriction => {
            "INSERT INTO restrictions (project_id, created_by, created_at) VALUES (:project, :created_by, :created_at)
             ON CONFLICT DO NOTHING RETURNING NULL"
        }
        Kind::Binding => {
            "INSERT INTO bindings (role_id, user_id, workspace_id, project_id, created_at, updated_at)
             VALUES (:role, :user, :workspace, :project, :created_at, :updated_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Tag => {
            "INSERT INTO tags (organization_id, workspace_id, name, name_key, description, color, created_by, created_at,
                 updated_at)
             VALUES (:organization, :workspace, :name, :name_key, :description, :color, :created_by, :created_at,
                 :updated_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::ProjectTag => {
            "INSERT INTO project_tags (project_id, tag_id) VALUES (:project, :tag)
             ON CONFLICT DO NOTHING RETURNING NULL"
        }
        Kind::Model => {
            "INSERT INTO models (workspace_id, name, created_by, created_at, updated_at)
             VALUES (:workspace, :name, :created_by, :created_at, :updated_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::ModelVersion => {
            "INSERT INTO model_versions (model_id, organization_id, uuid, visibility, sha256, size, file_name, image_path,
                 conversion, created_by, created_at, updated_at)
             VALUES (:model,
                 (SELECT w.organization_id FROM models m JOIN workspaces w ON w.id = m.workspace_id WHERE m.id = :model),
                 :uuid, :visibility, :sha256, :size, :file_name, :image_path, :conversion, :created_by, :created_at,
                 :updated_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::ModelConfig => {
            "INSERT INTO model_configs (version_id, runtime, tensor_fields, filter_threshold, input_schema, output_schema,
                 batch_config, dynamic_batching_config, continuous_batching_config, openai, created_at)
             VALUES (:model_version, :runtime, :tensor_fields, :filter_threshold, :input_schema, :output_schema,
                 :batch_config, :dynamic_batching_config, :continuous_batching_config, :openai, :created_at)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::ModelVersionTag => {
            "INSERT INTO model_version_tags (version_id, tag_id) VALUES (:model_version, :tag)
             ON CONFLICT DO NOTHING RETURNING NULL"
        }
        Kind::Pipeline => {
            "INSERT INTO pipelines (workspace_id, name, created_by, created_at, updated_at, visibility)
             VALUES (:workspace, :name, :created_by, :created_at, :updated_at, :visibility)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::PipelineVersion => {
            "INSERT INTO pipeline_versions (pipeline_id, uuid, definition, created_by, created_at)
             VALUES (:pipeline, :uuid, :definition, :created_by, :created_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::PipelineTag => {
            "INSERT INTO pipeline_tags (pipeline_id, tag_id) VALUES (:pipeline, :tag)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Connection => {
            "INSERT INTO connections (uuid, name, kind, sealed, created_by, created_at)
             VALUES (:uuid, :name, :connection_kind, :details, :created_by, :created_at)
             ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::ConnectionWorkspace => {
            "INSERT INTO connection_workspaces (uuid, connection_id, workspace_id, created_at)
             VALUES (:uuid, :connection, :workspace, :created_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::Client => {
            "INSERT INTO clients (id, name, built_in, confidential, secret, grants, scopes, redirect_uris,
                 post_logout_redirect_uris, refresh, pkce, group_names, access_token_life, session_idle, session_life,
                 service_user_id, created_at, updated_at)
             VALUES (:client_id, :name, :built_in, :confidential, :secret, :grants, :scopes, :redirect_uris,
                 :post_logout_redirect_uris, :refresh, :pkce, :group_names, :access_token_life, :session_idle,
                 :session_life, :service_user, :created_at, :updated_at) ON CONFLICT DO NOTHING RETURNING NULL"
        }
        Kind::Consent => {
            "INSERT INTO consents (user_id, client, scope, created_at) VALUES (:user, :client, :scope, :created_at)
             ON CONFLICT DO NOTHING RETURNING NULL"
        }
        Kind::Key => {
            "INSERT INTO keys (user_id, name, fingerprint, redacted, description, previous_fingerprint,
                 previous_expires_at, created_by, created_at, expires_at, revoked_at, last_used_at)
             VALUES (:user, :name, :fingerprint, :redacted, :description, :previous_fingerprint, :previous_expires_at,
                 :created_by, :created_at, :expires_at, :revoked_at, :last_used_at) ON CONFLICT DO NOTHING RETURNING id"
        }
        Kind::SecondFactor => {
            "INSERT INTO second_factors (user_id, sealed, created_at, confirmed_at, last_step)
             VALUES (:user, :secret, :created_at, :confirmed_at, :last_step) ON CONFLICT DO NOTHING RETURNING NULL"
        }
        Kind::RecoveryCode => {
            "INSERT INTO recovery_codes (fingerprint, user_id, used_at) VALUES (:fingerprint, :user, :used_at)
             ON CONFLICT DO NOTHING RETURNING NULL"
        }
    }
}
