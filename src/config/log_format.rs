//! The format of the log.

use strum::{EnumString, IntoStaticStr};

use super::text_form;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

impl text_form::TextForm for LogFormat {
    const RULE: &'static str = "text or json";

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_text(&self) -> String {
        <&str>::from(self).to_owned()
    }
}
