//! What a client says about a version that it uploads, or about an image that it registers.

use super::arrow_schema::ArrowSchema;
use super::conversion::Conversion;
use super::ids::WorkspaceId;
use super::invalid::Invalid;
use super::model::{ModelName, ModelSettings, NewModelVersion, Runtime, StoredFile, Visibility};

/// The base name of an uploaded file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileName(String);

impl FileName {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 255;

    /// Takes the last part of a path of any system. Refuses a name that is empty, too long or contains a control
    /// character.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let name = raw.rsplit(['/', '\\']).next().unwrap_or_default();
        if name.is_empty() || name == "." || name == ".." {
            return Err(Invalid::rule("must have a file name"));
        }
        if name.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have a file name of at most {} characters", Self::MAX_LENGTH)));
        }
        if name.chars().any(char::is_control) {
            return Err(Invalid::rule("must not have a file name with control characters"));
        }
        Ok(Self(name.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The image of a container registry, which clients may run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImagePath(String);

impl ImagePath {
    /// The maximum number of characters.
    pub const MAX_LENGTH: usize = 1024;

    /// Refuses a path that is empty, too long or contains a control character or a space.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        if raw.is_empty() {
            return Err(Invalid::rule("must not be empty"));
        }
        if raw.chars().count() > Self::MAX_LENGTH {
            return Err(Invalid::rule(format!("must have at most {} characters", Self::MAX_LENGTH)));
        }
        if raw.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(Invalid::rule("must not contain spaces or control characters"));
        }
        Ok(Self(raw.to_owned()))
    }
}

/// A new version, apart from its file.
#[derive(Clone, Debug)]
pub struct Upload {
    pub workspace: WorkspaceId,
    pub name: ModelName,
    pub visibility: Visibility,
    pub conversion: Option<Conversion>,
    pub input_schema: Option<ArrowSchema>,
    pub output_schema: Option<ArrowSchema>,
    /// For a version without a file.
    pub image_path: Option<ImagePath>,
}

impl Upload {
    /// The new version with its file. Refused when there is an image, too.
    pub fn with_file(self, file: StoredFile, name: &FileName) -> Result<NewModelVersion, Invalid> {
        if self.image_path.is_some() {
            return Err(Invalid::rule("must be omitted when a file is uploaded"));
        }
        // Without a conversion, the kind of the file is all that is known.
        let is_onnx = name.as_str().rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("onnx"));
        let by_name = if is_onnx { Runtime::Onnx } else { Runtime::Flight };
        let runtime = self.conversion.as_ref().map_or(by_name, Conversion::runtime);
        Ok(NewModelVersion { file: Some(file), file_name: name.as_str().to_owned(), ..self.version(runtime) })
    }

    /// The new version without a file. Refused when there is no image.
    pub fn without_file(self) -> Result<NewModelVersion, Invalid> {
        if self.image_path.is_none() {
            return Err(Invalid::rule("is required when no file is uploaded"));
        }
        Ok(self.version(Runtime::Mlflow))
    }

    fn version(self, runtime: Runtime) -> NewModelVersion {
        NewModelVersion {
            workspace: self.workspace,
            name: self.name,
            visibility: self.visibility,
            file: None,
            file_name: String::new(),
            image_path: self.image_path.map(|path| path.0),
            conversion: self.conversion.map(Into::into),
            settings: ModelSettings {
                input_schema: self.input_schema.map(Into::into),
                output_schema: self.output_schema.map(Into::into),
                ..ModelSettings::new(runtime)
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::json_text::JsonText;
    use crate::domain::model::Sha256;

    #[test]
    fn a_file_name_is_the_base_name() {
        for (raw, name) in [
            ("a.onnx", "a.onnx"),
            ("/tmp/über model.onnx", "über model.onnx"),
            (r"C:\models\a.onnx", "a.onnx"),
            ("../../etc/passwd", "passwd"),
            (".a", ".a"),
        ] {
            assert_eq!(FileName::parse(raw).as_ref().map(FileName::as_str), Ok(name));
        }
        for bad in ["", "/", "a/", "..", "a/..", ".", "a\0b", "a\nb", &"é".repeat(256)] {
            assert!(FileName::parse(bad).is_err(), "{bad:?}");
        }
        assert!(FileName::parse(&"é".repeat(255)).is_ok());
    }

    #[test]
    fn an_image_path_is_one_word() {
        assert!(ImagePath::parse("ghcr.io/team/model:1.0@sha256:00").is_ok());
        for bad in ["", "a b", "a\n", "\u{a0}", &"a".repeat(1025)] {
            assert!(ImagePath::parse(bad).is_err(), "{bad:?}");
        }
    }

    fn upload(framework: Option<&str>, image: Option<&str>) -> Upload {
        let conversion = framework.map(|name| JsonText::parse(&format!(r#"{{"framework":"{name}"}}"#)).unwrap());
        Upload {
            workspace: WorkspaceId(1),
            name: ModelName::parse("m").unwrap(),
            visibility: Visibility::Private,
            conversion: conversion.map(|json| Conversion::parse(json).unwrap()),
            input_schema: None,
            output_schema: None,
            image_path: image.map(|path| ImagePath::parse(path).unwrap()),
        }
    }

    #[test]
    fn a_version_has_a_file_or_an_image() {
        let file = StoredFile { sha256: Sha256([7; 32]), size: 3 };
        let runtime = |framework, name| {
            let new = upload(framework, None).with_file(file, &FileName::parse(name).unwrap()).unwrap();
            assert_eq!((new.file, new.file_name.as_str(), new.image_path), (Some(file), name, None));
            new.settings.runtime
        };
        assert_eq!(runtime(Some("onnx"), "a.zip"), Runtime::Onnx);
        assert_eq!(runtime(Some("keras"), "a.onnx"), Runtime::Flight);
        assert_eq!(runtime(None, "a.ONNX"), Runtime::Onnx);
        assert_eq!(runtime(None, "onnx"), Runtime::Flight);
        let image = upload(Some("mlflow"), Some("ghcr.io/a")).without_file().unwrap();
        assert_eq!((image.file, image.file_name.as_str()), (None, ""));
        assert_eq!((image.image_path.as_deref(), image.settings.runtime), (Some("ghcr.io/a"), Runtime::Mlflow));
        assert!(upload(None, None).without_file().is_err());
        assert!(upload(None, Some("a")).with_file(file, &FileName::parse("a").unwrap()).is_err());
    }
}
