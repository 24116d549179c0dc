//! The columns of each kind: the id, or NULL, and then the fields in the order of `domain::transfer`.

pub(super) const ORGANIZATION: &str = "id, name, description, home, created_at";
pub(super) const USER: &str =
    "id, uuid, email, email_verified_by, email_verified_at, first_name, last_name, kind, state,
    invited_until, enabled, developer, role, must_change_password, created_at, last_sign_in_at, password_hash";
pub(super) const SEAT: &str = "id, organization_id, user_id, role, created_at";
pub(super) const ROLE: &str = "id, name, description, predefined, permissions, created_at, updated_at";
pub(super) const WORKSPACE: &str = "id, organization_id, name, description, private, archived, created_by, created_at,
    ml_models_enabled, gradient_start_color, gradient_end_color, default_llm_integration, default_agent_runtime";
pub(super) const MEMBER: &str = "id, workspace_id, user_id, role, role_id, created_at";
pub(super) const HOME: &str = "id, user_id, workspace_id";
pub(super) const PROJECT: &str = "id, workspace_id, name, kind, created_by, created_at, updated_at";
pub(super) const LOCK: &str = "NULL, project_id, created_by, created_at";
pub(super) const BINDING: &str = "id, role_id, user_id, workspace_id, project_id, created_at, updated_at";
pub(super) const TAG: &str =
    "id, organization_id, workspace_id, name, description, color, created_by, created_at, updated_at";
pub(super) const PROJECT_TAG: &str = "NULL, project_id, tag_id";
pub(super) const MODEL: &str = "id, workspace_id, name, created_by, created_at, updated_at";
pub(super) const VERSION: &str = "id, model_id, uuid, visibility, sha256, size, file_name, image_path, conversion,
    created_by, created_at, updated_at";
pub(super) const CONFIG: &str = "id, version_id, runtime, tensor_fields, filter_threshold, input_schema, output_schema,
    batch_config, dynamic_batching_config, continuous_batching_config, openai, created_at";
pub(super) const VERSION_TAG: &str = "NULL, version_id, tag_id";
pub(super) const PIPELINE: &str = "id, workspace_id, name, created_by, created_at, updated_at, visibility";
pub(super) const STEPS: &str = "id, pipeline_id, uuid, definition, created_by, created_at";
pub(super) const PIPELINE_TAG: &str = "id, pipeline_id, tag_id";
pub(super) const CONNECTION: &str = "id, uuid, name, kind, created_by, created_at, sealed";
pub(super) const LINK: &str = "id, uuid, connection_id, workspace_id, created_at";
pub(super) const CLIENT: &str = "NULL, id, name, built_in, confidential, grants, scopes, redirect_uris,
    post_logout_redirect_uris, refresh, pkce, group_names, access_token_life, session_idle, session_life,
    service_user_id, created_at, updated_at, secret";
pub(super) const CONSENT: &str = "NULL, user_id, client, scope, created_at";
pub(super) const KEY: &str = "id, user_id, name, redacted, description, previous_expires_at, created_by, created_at,
    expires_at, revoked_at, last_used_at, fingerprint, previous_fingerprint";
pub(super) const FACTOR: &str = "NULL, user_id, created_at, confirmed_at, last_step, sealed";
pub(super) const RECOVERY: &str = "NULL, user_id, used_at, fingerprint";
