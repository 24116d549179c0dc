//! The kinds of rows, and what a field is.

use strum::{EnumString, IntoStaticStr};

/// A kind of rows, with its word in the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Kind {
    Organization,
    User,
    OrganizationMember,
    Role,
    Workspace,
    Member,
    DefaultWorkspace,
    Project,
    Restriction,
    Binding,
    Tag,
    ProjectTag,
    Model,
    ModelVersion,
    ModelConfig,
    ModelVersionTag,
    Pipeline,
    PipelineVersion,
    PipelineTag,
    Connection,
    ConnectionWorkspace,
    Client,
    Consent,
    Key,
    SecondFactor,
    RecoveryCode,
}

impl Kind {
    /// All kinds. Each refers only to those before it.
    pub const ALL: [Self; 26] = [
        Self::Organization,
        Self::User,
        Self::OrganizationMember,
        Self::Role,
        Self::Workspace,
        Self::Member,
        Self::DefaultWorkspace,
        Self::Project,
        Self::Restriction,
        Self::Binding,
        Self::Tag,
        Self::ProjectTag,
        Self::Model,
        Self::ModelVersion,
        Self::ModelConfig,
        Self::ModelVersionTag,
        Self::Pipeline,
        Self::PipelineVersion,
        Self::PipelineTag,
        Self::Connection,
        Self::ConnectionWorkspace,
        Self::Client,
        Self::Consent,
        Self::Key,
        Self::SecondFactor,
        Self::RecoveryCode,
    ];

    /// The word in the files.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether a row is of no use without its secrets. An export without secrets has no such rows.
    pub const fn is_secret(self) -> bool {
        matches!(self, Self::SecondFactor | Self::RecoveryCode)
    }
}

/// A field of a row.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    pub name: &'static str,
    pub format: Format,
    pub part: Part,
    pub is_optional: bool,
}

impl Field {
    const fn new(name: &'static str, format: Format, part: Part) -> Self {
        Self { name, format, part, is_optional: false }
    }

    /// A part of the natural key.
    pub(super) const fn key(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Key)
    }

    /// Compared with the row that exists under the same key.
    pub(super) const fn compared(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Compared)
    }

    /// Written with a new row, and not compared.
    pub(super) const fn kept(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Kept)
    }

    /// Sealed under the passphrase, and only in an export with secrets.
    pub(super) const fn secret(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Secret)
    }

    pub(super) const fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }
}

/// The part that a field has in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Key,
    Compared,
    Kept,
    Secret,
}

/// The type of a field: its form in a file, and the domain type that parses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The id of a row of another kind.
    Reference(Kind),
    Flag,
    /// A whole number that is not negative.
    Number,
    Real,
    Time,
    /// 32 bytes in hexadecimal.
    Hash,
    /// One of these words.
    Word(&'static [&'static str]),
    Uuid,
    Email,
    /// Who verified an address.
    Verifier,
    /// The name of a person or a bot.
    UserName,
    OrganizationName,
    WorkspaceName,
    RoleName,
    ProjectName,
    TagName,
    TagColor,
    ModelName,
    PipelineName,
    ConnectionName,
    ConnectionKind,
    KeyName,
    ClientId,
    ClientName,
    Description,
    Setting,
    LlmIntegration,
    FileName,
    ImagePath,
    /// The names of permissions, in an array.
    Permissions,
    Grants,
    Scopes,
    Addresses,
    /// The names of groups for a client, as a JSON object in a text.
    GroupNames,
    /// Texts that contain JSON, as the client sent it.
    Conversion,
    Definition,
    TensorFields,
    DynamicBatching,
    ContinuousBatching,
    OpenAi,
    /// An Arrow schema in base64.
    Schema,
    PasswordHash,
    /// The details of a connection, which the server has sealed.
    Details,
    /// The secret of one-time passwords, which the server has sealed.
    Totp,
}
