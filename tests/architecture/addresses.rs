//! Does every address leave the server where the base path is added to it? Pages are rendered, cookies set and markup
//! completed in one place each.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Source, is_tests, length, root, sources};

/// The calls and names that only one file of `http` has.
const PLACES: [(&[&str], &str); 2] = [
    // It renders through `base_path::Markup`.
    (&["render", "render_into", "write_into", "render_with_values", "write_into_with_values"], "http/console/page.rs"),
    // It knows the path and the prefix of a cookie.
    (&["SET_COOKIE", "CookieBuilder", "cookie"], "http/console/browser.rs"),
];

/// The calls and names of a list in a file, without its tests.
fn names(path: &str, text: &str, of: &[&str]) -> BTreeSet<String> {
    let code = text.lines().take(length(text)).flat_map(|line| [line, "\n"]).collect::<String>();
    let words = Source::new(path, &code).words;
    let is_named = |at: usize, word: &String| {
        let is_called = at > 0 && words[at - 1] == "." && words.get(at + 1).is_some_and(|next| next == "(");
        let is_constant = word.starts_with(char::is_uppercase);
        of.contains(&word.as_str()) && (is_called || is_constant)
    };
    words.iter().enumerate().filter(|(at, word)| is_named(*at, word)).map(|(_, word)| word.clone()).collect()
}

#[test]
fn pages_and_cookies_leave_in_one_place() {
    for (of, place) in PLACES {
        let all = sources();
        let found = all.iter().filter(|(path, _)| path.starts_with("http/") && !is_tests(path));
        let found: Vec<_> =
            found.filter(|(path, text)| !names(path, text, of).is_empty()).map(|(path, _)| path).collect();
        assert_eq!(found, [place], "only {place} has any of {of:?}");
    }
    assert_eq!(names("http/a.rs", "fn a() { b.render(); }", PLACES[0].0).len(), 1);
    assert_eq!(names("http/a.rs", "fn a() { render(); }", PLACES[0].0).len(), 0);
}

/// The attributes that `base_path::Markup` completes, read from its list.
fn completed() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("http/base_path.rs")).unwrap();
    let (_, list) = text.split_once("const ADDRESSES").unwrap();
    let list = list.split_once("const LONGEST").unwrap().0;
    list.split("b\" ").skip(1).map(|entry| entry.split('=').next().unwrap().to_owned()).collect()
}

fn templates(end: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("templates")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("vendor") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == end) {
                found.push((path.clone(), fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

/// The attributes whose value is an address of this server, but which are not in the list, or not after a space.
fn forgotten(page: &str, completed: &BTreeSet<String>) -> Vec<String> {
    let before = page.match_indices("=\"/").map(|(at, _)| &page[..at]);
    let before = before.chain(page.match_indices("='/").map(|(at, _)| &page[..at]));
    let name =
        |before: &str| before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '-').next().unwrap().to_owned();
    let is_known = |before: &str| {
        let name = name(before);
        completed.contains(&name) && before.ends_with(&format!(" {name}")) && page.contains(&format!(" {name}=\"/"))
    };
    before.filter(|before| !is_known(before)).map(name).collect()
}

#[test]
fn every_address_in_a_template_gets_the_base_path() {
    let completed = completed();
    assert!(completed.contains("href") && completed.contains("hx-get"), "{completed:?}");
    let pages = templates("html");
    assert!(pages.len() > 50, "{} templates", pages.len());
    for (path, page) in pages {
        assert_eq!(forgotten(&page, &completed), [""; 0], "{}", path.display());
    }
    let one = |page: &str| forgotten(page, &completed).len();
    assert_eq!((one("<a href=\"/keys\">"), one("<a hx-put=\"/keys\">"), one("<a\nhref=\"/keys\">")), (0, 1, 1));
    assert_eq!(one("<a href='/keys'>"), 1);
}

#[test]
fn no_script_names_an_address_of_this_server() {
    let scripts = templates("js");
    assert!(scripts.len() >= 2, "{} scripts", scripts.len());
    for (path, script) in scripts {
        let quoted = |quote: &str| {
            let begin = format!("{quote}/");
            let after = script.split(&begin).skip(1);
            after.filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic())).count()
        };
        assert_eq!((quoted("\""), quoted("'"), quoted("`")), (0, 0, 0), "{}", path.display());
    }
}
