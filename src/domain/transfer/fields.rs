//! The fields of every kind of rows.

use super::kind::Format::{
    Addresses, ClientId, ClientName, ConnectionKind, ConnectionName, ContinuousBatching, Conversion, Definition,
    Description, Details, DynamicBatching, Email, FileName, Flag, Grants, GroupNames, Hash, ImagePath, KeyName,
    LlmIntegration, ModelName, Number, OpenAi, OrganizationName, PasswordHash, Permissions, PipelineName, ProjectName,
    Real, Reference, RoleName, Schema, Scopes, Setting, TagColor, TagName, TensorFields, Time, Totp, UserName, Uuid,
    Verifier, Word, WorkspaceName,
};
use super::kind::{Field, Format, Kind};

const USER: Format = Reference(Kind::User);
const WORKSPACE: Format = Reference(Kind::Workspace);
const VISIBILITY: Format = Word(&["private", "public"]);

const fn key(name: &'static str, format: Format) -> Field {
    Field::key(name, format)
}

const fn compared(name: &'static str, format: Format) -> Field {
    Field::compared(name, format)
}

const fn kept(name: &'static str, format: Format) -> Field {
    Field::kept(name, format)
}

const CREATED_AT: Field = kept("created_at", Time);
const UPDATED_AT: Field = kept("updated_at", Time);
const CREATED_BY: Field = kept("created_by", USER).optional();

const ORGANIZATION: &[Field] =
    &[key("name", OrganizationName), compared("description", Description), compared("home", Flag), CREATED_AT];

const USERS: &[Field] = &[
    key("uuid", Uuid),
    compared("email", Email),
    kept("email_verified_by", Verifier).optional(),
    kept("email_verified_at", Time).optional(),
    compared("first_name", UserName),
    compared("last_name", UserName),
    compared("user_kind", Word(&["person", "bot"])),
    compared("state", Word(&["invited", "active", "blocked"])),
    kept("invited_until", Time).optional(),
    compared("enabled", Flag),
    compared("developer", Flag),
    compared("role", Word(&["administrator", "member", "ui_only", "annotator"])),
    kept("must_change_password", Flag),
    CREATED_AT,
    kept("last_sign_in_at", Time).optional(),
    Field::secret("password_hash", PasswordHash).optional(),
];

const ORGANIZATION_MEMBER: &[Field] = &[
    key("organization", Reference(Kind::Organization)),
    key("user", USER),
    compared("role", Word(&["admin", "member", "reader", "annotator"])),
    CREATED_AT,
];

const ROLE: &[Field] = &[
    key("name", RoleName),
    compared("description", Description),
    key("predefined", Word(&["owner", "member", "reader", "annotator"])).optional(),
    compared("permissions", Permissions),
    CREATED_AT,
    UPDATED_AT,
];

const WORKSPACES: &[Field] = &[
    key("organization", Reference(Kind::Organization)),
    key("name", WorkspaceName),
    compared("description", Description),
    compared("private", Flag),
    compared("archived", Flag),
    CREATED_BY,
    CREATED_AT,
    compared("ml_models_enabled", Flag),
    compared("gradient_start_color", Setting).optional(),
    compared("gradient_end_color", Setting).optional(),
    compared("default_llm_integration", LlmIntegration).optional(),
    compared("default_agent_runtime", Setting).optional(),
];

const MEMBER: &[Field] = &[
    key("workspace", WORKSPACE),
    key("user", USER),
    compared("role", Word(&["owner", "member", "reader", "annotator", "custom"])),
    compared("custom_role", Reference(Kind::Role)).optional(),
    CREATED_AT,
];

const DEFAULT_WORKSPACE: &[Field] = &[key("user", USER), compared("workspace", WORKSPACE)];

const PROJECT: &[Field] = &[
    key("workspace", WORKSPACE),
    key("name", ProjectName),
    compared("project_kind", Word(&["application", "harness", "experiment"])),
    CREATED_BY,
    CREATED_AT,
    UPDATED_AT,
];

const RESTRICTION: &[Field] = &[key("project", Reference(Kind::Project)), CREATED_BY, CREATED_AT];

const BINDING: &[Field] = &[
    compared("role", Reference(Kind::Role)),
    key("user", USER),
    key("workspace", WORKSPACE).optional(),
    key("project", Reference(Kind::Project)).optional(),
    CREATED_AT,
    UPDATED_AT,
];

const TAG: &[Field] = &[
    key("organization", Reference(Kind::Organization)),
    key("workspace", WORKSPACE).optional(),
    key("name", TagName),
    compared("description", Description).optional(),
    compared("color", TagColor).optional(),
    CREATED_BY,
    key("created_at", Time),
    UPDATED_AT,
];

const PROJECT_TAG: &[Field] = &[key("project", Reference(Kind::Project)), key("tag", Reference(Kind::Tag))];

const MODEL: &[Field] = &[key("workspace", WORKSPACE), key("name", ModelName), CREATED_BY, CREATED_AT, UPDATED_AT];

const MODEL_VERSION: &[Field] = &[
    compared("model", Reference(Kind::Model)),
    key("uuid", Uuid),
    compared("visibility", VISIBILITY),
    compared("sha256", Hash).optional(),
    compared("size", Number),
    compared("file_name", FileName),
    compared("image_path", ImagePath).optional(),
    compared("conversion", Conversion).optional(),
    CREATED_BY,
    CREATED_AT,
    UPDATED_AT,
];

const MODEL_CONFIG: &[Field] = &[
    key("model_version", Reference(Kind::ModelVersion)),
    compared("runtime", Word(&["onnx", "tensorflow", "flight", "mlflow"])),
    compared("tensor_fields", TensorFields).optional(),
    compared("filter_threshold", Real).optional(),
    compared("input_schema", Schema).optional(),
    compared("output_schema", Schema).optional(),
    compared("batch_config", Word(&["single", "dynamic"])).optional(),
    compared("dynamic_batching_config", DynamicBatching).optional(),
    compared("continuous_batching_config", ContinuousBatching).optional(),
    compared("openai", OpenAi).optional(),
    key("created_at", Time),
];

const MODEL_VERSION_TAG: &[Field] =
    &[key("model_version", Reference(Kind::ModelVersion)), key("tag", Reference(Kind::Tag))];

const PIPELINE: &[Field] = &[
    key("workspace", WORKSPACE),
    key("name", PipelineName),
    CREATED_BY,
    CREATED_AT,
    UPDATED_AT,
    compared("visibility", VISIBILITY),
];

const PIPELINE_VERSION: &[Field] = &[
    compared("pipeline", Reference(Kind::Pipeline)),
    key("uuid", Uuid),
    compared("definition", Definition).optional(),
    CREATED_BY,
    CREATED_AT,
];

const PIPELINE_TAG: &[Field] = &[key("pipeline", Reference(Kind::Pipeline)), key("tag", Reference(Kind::Tag))];

const CONNECTION: &[Field] = &[
    kept("uuid", Uuid),
    key("name", ConnectionName),
    compared("connection_kind", ConnectionKind),
    CREATED_BY,
    CREATED_AT,
    Field::secret("details", Details),
];

const CONNECTION_WORKSPACE: &[Field] =
    &[kept("uuid", Uuid), key("connection", Reference(Kind::Connection)), key("workspace", WORKSPACE), CREATED_AT];

const CLIENT: &[Field] = &[
    key("client_id", ClientId),
    compared("name", ClientName),
    compared("built_in", Flag),
    compared("confidential", Flag),
    compared("grants", Grants),
    compared("scopes", Scopes),
    compared("redirect_uris", Addresses),
    compared("post_logout_redirect_uris", Addresses),
    compared("refresh", Word(&["reusable", "rotating"])),
    compared("pkce", Word(&["required", "optional"])),
    compared("group_names", GroupNames),
    compared("access_token_life", Number).optional(),
    compared("session_idle", Number).optional(),
    compared("session_life", Number).optional(),
    compared("service_user", USER).optional(),
    CREATED_AT,
    UPDATED_AT,
    Field::secret("secret", Hash).optional(),
];

const CONSENT: &[Field] =
    &[key("user", USER), key("client", Reference(Kind::Client)), compared("scope", Scopes), CREATED_AT];

const KEY: &[Field] = &[
    compared("user", USER),
    compared("name", KeyName),
    compared("redacted", Setting),
    compared("description", Description),
    kept("previous_expires_at", Time).optional(),
    CREATED_BY,
    CREATED_AT,
    compared("expires_at", Time).optional(),
    compared("revoked_at", Time).optional(),
    kept("last_used_at", Time).optional(),
    Field::secret("fingerprint", Hash),
    Field::secret("previous_fingerprint", Hash).optional(),
];

const SECOND_FACTOR: &[Field] = &[
    key("user", USER),
    CREATED_AT,
    kept("confirmed_at", Time).optional(),
    kept("last_step", Number).optional(),
    Field::secret("secret", Totp),
];

const RECOVERY_CODE: &[Field] =
    &[key("user", USER), kept("used_at", Time).optional(), Field::secret("fingerprint", Hash)];

impl Kind {
    /// The fields of a row, in the order of the columns that the store reads and writes.
    pub const fn fields(self) -> &'static [Field] {
        of(self)
    }

    /// The index of a field.
    pub fn index(self, name: &str) -> Option<usize> {
        self.fields().iter().position(|field| field.name == name)
    }
}

const fn of(kind: Kind) -> &'static [Field] {
    match kind {
        Kind::Organization => ORGANIZATION,
        Kind::User => USERS,
        Kind::OrganizationMember => ORGANIZATION_MEMBER,
        Kind::Role => ROLE,
        Kind::Workspace => WORKSPACES,
        Kind::Member => MEMBER,
        Kind::DefaultWorkspace => DEFAULT_WORKSPACE,
        Kind::Project => PROJECT,
        Kind::Restriction => RESTRICTION,
        Kind::Binding => BINDING,
        Kind::Tag => TAG,
        Kind::ProjectTag => PROJECT_TAG,
        Kind::Model => MODEL,
        Kind::ModelVersion => MODEL_VERSION,
        Kind::ModelConfig => MODEL_CONFIG,
        Kind::ModelVersionTag => MODEL_VERSION_TAG,
        Kind::Pipeline => PIPELINE,
        Kind::PipelineVersion => PIPELINE_VERSION,
        Kind::PipelineTag => PIPELINE_TAG,
        Kind::Connection => CONNECTION,
        Kind::ConnectionWorkspace => CONNECTION_WORKSPACE,
        Kind::Client => CLIENT,
        Kind::Consent => CONSENT,
        Kind::Key => KEY,
        Kind::SecondFactor => SECOND_FACTOR,
        Kind::RecoveryCode => RECOVERY_CODE,
    }
}
