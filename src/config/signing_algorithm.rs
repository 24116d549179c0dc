//! The algorithm that signs tokens, as it is configured.

use strum::{EnumString, IntoStaticStr};

use super::text_form;

/// The algorithm that signs new tokens, named as in a JSON Web Key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "UPPERCASE")]
pub enum SigningAlgorithm {
    Rs256,
    Es256,
    #[strum(serialize = "EdDSA")]
    EdDsa,
}

impl text_form::TextForm for SigningAlgorithm {
    const RULE: &'static str = "RS256, ES256 or EdDSA";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_text(&self) -> String {
        <&str>::from(self).to_owned()
    }
}
