//! The form of an export: its kinds of rows, and the fields of each. Export and import both work from this description.

mod fields;

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// The number of the format. An import refuses a higher one.
pub const FORMAT: u64 = 1;

/// The maximum length of a line, in bytes. The longest valid row, a model configuration with two schemas, is shorter.
pub const MAX_LINE: usize = 4 << 20;

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

    /// The fields of a row, in the order of the columns that the store reads and writes.
    pub const fn fields(self) -> &'static [Field] {
        fields::of(self)
    }

    /// The index of a field.
    pub fn index(self, name: &str) -> Option<usize> {
        self.fields().iter().position(|field| field.name == name)
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
    const fn key(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Key)
    }

    /// Compared with the row that exists under the same key.
    const fn compared(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Compared)
    }

    /// Written with a new row, and not compared.
    const fn kept(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Kept)
    }

    /// Sealed under the passphrase, and only in an export with secrets.
    const fn secret(name: &'static str, format: Format) -> Self {
        Self::new(name, format, Part::Secret)
    }

    const fn optional(mut self) -> Self {
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

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    Null,
    Int(i64),
    Real(f64),
    Text(String),
    Blob(Vec<u8>),
}

impl Cell {
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub const fn int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }
}

/// A row, with a value for each field of its kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub kind: Kind,
    /// The id. Null for kinds whose rows have none.
    pub id: Cell,
    pub cells: Vec<Cell>,
}

impl Row {
    /// The value of a field. Null if the kind has no such field.
    pub fn get(&self, name: &str) -> &Cell {
        self.kind.index(name).and_then(|at| self.cells.get(at)).unwrap_or(&Cell::Null)
    }

    pub fn text(&self, name: &str) -> &str {
        self.get(name).text().unwrap_or_default()
    }

    pub fn is(&self, name: &str, word: &str) -> bool {
        self.get(name).text() == Some(word)
    }

    /// The fields with their values.
    pub fn fields(&self) -> impl Iterator<Item = (&'static Field, &Cell)> {
        self.kind.fields().iter().zip(&self.cells)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_refers_only_to_kinds_before_it() {
        for (at, kind) in Kind::ALL.iter().enumerate() {
            assert_eq!(kind.as_str().parse::<Kind>(), Ok(*kind));
            for field in kind.fields() {
                if let Format::Reference(other) = field.format {
                    assert!(Kind::ALL[..at].contains(&other), "{kind:?}.{} refers to a later kind", field.name);
                }
            }
        }
    }

    #[test]
    fn the_names_of_fields_are_unique_in_their_kind() {
        for kind in Kind::ALL {
            for (at, field) in kind.fields().iter().enumerate() {
                assert_eq!(kind.index(field.name), Some(at), "{kind:?}.{}", field.name);
                assert!(!["kind", "id", "sealed"].contains(&field.name), "{kind:?}.{} is reserved", field.name);
            }
        }
    }
}
