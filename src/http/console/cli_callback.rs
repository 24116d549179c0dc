//! `/auth/cli/callback`: the page that a command line opens in the browser when its sign-in ends.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;

use super::Failure;
use super::browser::Browser;
use super::page::{FormError, Message};
use super::parameters::Parameters;

/// The maximum length of a reason, in characters.
const MAX_REASON: usize = 300;

/// `GET /auth/cli/callback?status=success|error&reason=...`: the result. Anybody can make a link with a reason of their
/// own, so the page quotes the reason as the text of another program.
pub(super) async fn show(browser: Browser, parameters: Parameters) -> Result<HttpResponse, Failure> {
    let page = match parameters.get("status") {
        Some("success") => Message {
            title: "Signed in".to_owned(),
            form_error: None,
            texts: vec!["The command line is signed in. You can close this window and return to it.".to_owned()],
            links: Vec::new(),
        },
        _ => Message {
            title: "Not signed in".to_owned(),
            form_error: Some(FormError::new("", "the command line could not sign in")),
            texts: reason(parameters.text("reason"))
                .into_iter()
                .chain(["Close this window, return to the command line and try again.".to_owned()])
                .collect(),
            links: Vec::new(),
        },
    };
    browser.show(StatusCode::OK, &page)
}

/// The reason, truncated to the maximum length and without characters that change the direction of text.
fn reason(raw: &str) -> Option<String> {
    let plain = |c: &char| {
        !c.is_control() && !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut text: String = raw.chars().filter(plain).take(MAX_REASON + 1).collect();
    if text.chars().count() > MAX_REASON {
        text = text.chars().take(MAX_REASON).chain(['\u{2026}']).collect();
    }
    (!text.trim().is_empty()).then(|| format!("Reason given by the command line: \u{201c}{}\u{201d}", text.trim()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_reason_has_a_maximum_length_and_no_control_characters(text in any::<String>()) {
            if let Some(line) = reason(&text) {
                prop_assert!(line.chars().count() <= MAX_REASON + 30 && !line.chars().any(char::is_control));
            }
        }
    }

    #[test]
    fn an_empty_reason_is_omitted_and_a_long_one_is_truncated() {
        assert_eq!(reason(" \u{202e}\n"), None);
        assert!(reason(&"x".repeat(1000)).is_some_and(|text| text.ends_with("x\u{2026}\u{201d}")));
    }
}
