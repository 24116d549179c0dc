//! The pages on which a second factor is set up during sign-in.

use askama::Template;

use super::page::{self, Field, FormError, Kind, Page};
use crate::domain::secret::Secret;

#[derive(Template)]
#[template(path = "enrolment.html")]
pub(super) struct EnrolmentPage {
    pub(super) title: &'static str,
    pub(super) text: &'static str,
    pub(super) form_error: Option<FormError>,
    /// The QR code, as markup.
    pub(super) qr: String,
    /// The key in groups.
    pub(super) secret: String,
    pub(super) token: String,
    pub(super) action: &'static str,
    pub(super) hidden: Vec<(&'static str, String)>,
    pub(super) fields: Vec<Field>,
}

impl EnrolmentPage {
    fn focus(&self) -> &'static str {
        page::focus(self.form_error.as_ref(), &self.fields)
    }

    fn is_wrong(&self, field: &Field) -> bool {
        self.form_error.as_ref().is_some_and(|form_error| form_error.field == field.name)
    }
}

/// The page that shows recovery codes, once.
#[derive(Template)]
#[template(path = "recovery_codes.html")]
pub(super) struct RecoveryCodes {
    pub(super) title: &'static str,
    /// Always `None`; the layout needs it.
    pub(super) form_error: Option<FormError>,
    pub(super) codes: Vec<Secret>,
    pub(super) to: String,
}

impl RecoveryCodes {
    /// The codes as a file, which the browser saves.
    fn download(&self) -> String {
        codes_as_file(&self.codes)
    }
}

/// Recovery codes as the address of a text file (RFC 2397). They contain letters, digits and dashes only.
pub(super) fn codes_as_file(codes: &[Secret]) -> String {
    let lines: String = codes.iter().flat_map(|code| [code.expose(), "%0A"]).collect();
    format!("data:text/plain;charset=utf-8,{lines}")
}

impl Page for EnrolmentPage {}

impl Page for RecoveryCodes {
    fn has_script(&self) -> bool {
        true
    }
}
