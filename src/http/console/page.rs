//! What a page looks like. Every text that is put into one is escaped here.

use std::fmt::Write as _;
use std::sync::LazyLock;

use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::{HttpResponse, HttpResponseBuilder};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::tokens::opaque::Fingerprint;

/// How it looks; the policy allows just this text.
const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:4rem auto;max-width:26rem;padding:0 1rem}\
                     label,input,button{display:block;width:100%;box-sizing:border-box;font:inherit}\
                     label{margin-top:1rem}input,button{padding:.5rem;margin-top:.25rem}\
                     button{margin-top:1.5rem}.wrong{color:#a00}";

/// Nothing is loaded, nothing runs, nobody frames it, and its form leads here.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Fingerprint::of(STYLE).as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
});

/// An answer that is a page.
pub(super) fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((REFERRER_POLICY, "no-referrer"))
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((X_FRAME_OPTIONS, "DENY"));
    answer
}

/// One field of a form.
pub(super) struct Field<'a> {
    /// What the form calls it.
    pub(super) name: &'a str,
    /// What people are told; none for one that is not shown.
    pub(super) label: Option<&'a str>,
    /// `email`, `password`.
    pub(super) kind: &'a str,
    /// What a browser may fill in.
    pub(super) autocomplete: &'a str,
    /// What it holds already.
    pub(super) value: &'a str,
}

/// A page that says something.
pub(super) fn words(title: &str, text: &str) -> String {
    whole(title, &format!("<p>{}</p>", escaped(text)))
}

/// A page with a form that is sent to where the page is from.
pub(super) fn form(title: &str, text: &str, wrong: Option<&str>, action: &str, fields: &[Field]) -> String {
    let mut inside = format!("<p>{}</p>", escaped(text));
    // Writing to a String does not fail.
    if let Some(wrong) = wrong {
        let _ = write!(inside, "<p class=\"wrong\" role=\"alert\">{}</p>", escaped(wrong));
    }
    let _ = write!(inside, "<form method=\"post\" action=\"{}\">", escaped(action));
    for field in fields {
        let (name, value) = (escaped(field.name), escaped(field.value));
        let _ = match field.label {
            None => write!(inside, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"),
            Some(label) => write!(
                inside,
                "<label for=\"{name}\">{}</label><input id=\"{name}\" name=\"{name}\" type=\"{}\" \
                 autocomplete=\"{}\" value=\"{value}\" required>",
                escaped(label),
                escaped(field.kind),
                escaped(field.autocomplete),
            ),
        };
    }
    inside.push_str("<button>Set the password</button></form>");
    whole(title, &inside)
}

fn whole(title: &str, inside: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} - atelier</title><style>{STYLE}</style></head>\
         <body><main><h1>{title}</h1>{inside}</main></body></html>\n"
    )
}

/// A text in which nothing is markup, between tags or in an attribute between quotes.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_is_markup(text in any::<String>()) {
            let safe = escaped(&text);
            prop_assert!(!safe.contains(['<', '>', '"', '\'']));
            let back = safe.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'");
            prop_assert_eq!(back.replace("&amp;", "&"), text);
        }
    }

    #[test]
    fn the_policy_allows_the_style_and_nothing_else() {
        assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-"), "{}", *POLICY);
        assert!(!POLICY.contains("unsafe"));
        let page = words("a <b>", "c & d");
        assert!(page.contains("<h1>a &lt;b&gt;</h1><p>c &amp; d</p>") && !page.contains("<script"), "{page}");
    }
}
