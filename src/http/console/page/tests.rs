use proptest::prelude::*;

use super::*;

fn message(text: &str) -> String {
    let form_error = Some(FormError::new("", text));
    Message { title: text.to_owned(), form_error, texts: vec![text.to_owned()], links: Vec::new() }.render().unwrap()
}

#[test]
fn the_policy_allows_the_style_and_nothing_else() {
    assert!(POLICY.starts_with("default-src 'none'; style-src 'sha256-"), "{}", *POLICY);
    assert!(!POLICY.contains("unsafe"));
    let page = message("a <b>");
    assert!(page.contains(&format!("<style>{STYLE}</style>")), "what is hashed is what is sent");
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import") && !STYLE.contains('<'));
}

#[test]
fn a_sentence_begins_with_a_capital_and_ends_with_a_full_stop() {
    assert_eq!(sentence("the link is dead"), "The link is dead.");
    assert_eq!(sentence("client_id is missing"), "client_id is missing.");
    assert_eq!(sentence("Why?"), "Why?");
    assert_eq!(sentence(""), ".");
}

#[test]
fn the_first_field_with_an_error_or_without_a_value_gets_the_focus() {
    let fields = [
        Field { value: "ada".to_owned(), ..Field::new("username", "", Kind::Text, "") },
        Field::new("password", "", Kind::Password, ""),
    ];
    assert_eq!(focus(None, &fields), "password");
    assert_eq!(focus(Some(&FormError::new("username", "x")), &fields), "username");
    assert_eq!(focus(Some(&FormError::new("", "x")), &fields[..1]), "username");
    assert_eq!(focus(None, &[]), "");
}

proptest! {
    #[test]
    fn texts_are_escaped(text in any::<String>()) {
        let (with, without) = (message(&text), message(""));
        for mark in ['<', '>', '"'] {
            prop_assert_eq!(with.matches(mark).count(), without.matches(mark).count(), "{}", with);
        }
    }
}
