//! Is a list without pages only read where it may take long? Its verb takes a `LongView`, which only few places make.

use super::{is_tests, sources};

/// The places that make a `LongView`, each with the reason why it may.
const MAKERS: &[(&str, &str)] = &[
    ("app/long_reads.rs", "it runs on the pools of long reads"),
    ("app/cached_lists.rs", "its query has said that the list is short"),
    ("cli/model/list.rs", "a command serves nobody else"),
];

/// Verbs that return a collection from a plain `View`, each with its bound.
const BOUNDED: &[(&str, &str, &str)] = &[
    ("app/audit.rs", "verbs", "the verbs of the program"),
    ("app/identity/oauth/consents.rs", "first_of", "its limit"),
    ("app/identity/oauth/consents.rs", "page", "its limit"),
    ("app/listed_service_keys.rs", "roles", "ROLES"),
    ("app/roles.rs", "first_holders", "MAX_HOLDERS"),
    ("app/system.rs", "first_steps", "the steps of the program"),
    ("app/connections.rs", "find", "MAX_WORKSPACES"),
    ("app/connections.rs", "page", "a page, with MAX_WORKSPACES names for each"),
    ("app/connections.rs", "unopened", "only the check calls it"),
    ("app/contents.rs", "of_visible", "the workspaces of one batch"),
    ("app/explanations/state.rs", "blocks", "the kinds of state, a handful"),
    ("app/identity/oauth/clients.rs", "page", "its limit"),
    ("app/identity/session_list.rs", "list_through", "MAX_PAGE"),
    ("app/identity/signing_keys.rs", "list", "the keys in force, a handful"),
    ("app/people.rs", "search", "MAX_PAGE"),
    ("app/tags/attachments.rs", "of_project", "MAX_ATTACHED"),
    ("app/workspace_moves.rs", "targets", "its limit"),
];

fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]").next().unwrap_or(text)
}

/// The public functions of a file: the name, the parameters and what is returned.
fn functions(text: &str) -> Vec<(&str, &str, &str)> {
    let mut found = Vec::new();
    for part in code(text).split("\npub").skip(1) {
        let Some((head, _)) = part.split_once('{') else { continue };
        let Some((_, signature)) = head.split_once("fn ") else { continue };
        let (Some((name, rest)), Some((parameters, returned))) =
            (signature.split_once(['(', '<']), signature.rsplit_once(") -> "))
        else {
            continue;
        };
        let _ = rest;
        found.push((name, parameters, returned));
    }
    found
}

/// Whether a function returns a collection that it reads from a plain snapshot. A `Slice` is a page, and a function that
/// takes ids returns at most as many entries.
fn returns_collection((_, parameters, returned): &(&str, &str, &str)) -> bool {
    let is_read = parameters.contains("view: &View") && !parameters.contains("impl Iterator");
    is_read && ["Vec<", "Map<", "Set<"].iter().any(|kind| returned.contains(kind))
}

#[test]
fn only_few_places_make_a_long_view() {
    let makes = |text: &str| code(text).contains("LongView::of(") || code(text).contains("LongView::attempt(");
    let sources = sources();
    for (path, text) in sources.iter().filter(|(path, _)| !is_tests(path)) {
        let listed = MAKERS.iter().any(|(known, _)| known == path);
        assert!(listed || !makes(text), "{path} makes a LongView; read the list on a pool (AppState::read_list)");
        assert!(!listed || makes(text), "{path} makes no LongView any more; strike it off the list");
    }
    assert!(makes("fn f(view: &View) { list(&LongView::of(view)) }"));
}

#[test]
fn a_list_without_pages_takes_a_long_view() {
    for (path, text) in sources().iter().filter(|(path, _)| path.starts_with("app/") && !is_tests(path)) {
        for function in functions(text).iter().filter(|function| returns_collection(function)) {
            let listed = BOUNDED.iter().any(|(place, name, _)| place == path && *name == function.0);
            assert!(listed, "{path}: {} returns a list of any length; it must take a LongView", function.0);
        }
    }
    for (path, name, _) in BOUNDED {
        let text = sources().into_iter().find(|(found, _)| found == path).map(|(_, text)| text).unwrap_or_default();
        let stands = functions(&text).iter().any(|function| function.0 == *name && returns_collection(function));
        assert!(stands, "{path} has no {name} any more");
    }
    let planted = "\npub fn all(\n    view: &View,\n    actor: &Actor,\n) -> Result<Vec<User>> {";
    assert!(functions(planted).iter().any(returns_collection));
    let planted = "\npub(super) fn all(view: &LongView, actor: &Actor) -> Result<Vec<User>> {";
    assert!(!functions(planted).is_empty() && !functions(planted).iter().any(returns_collection));
}
