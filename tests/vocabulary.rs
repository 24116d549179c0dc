//! Checks that texts use the agreed words: reads every source, template, example and document, and refuses
//! words and phrases that were retired, each with the one to use in its place.
//!
//! To retire another one, add a line to `RETIRED`.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the files fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use serde_json::Value;
use utoipa::OpenApi as _;

/// Where a word or phrase is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    /// In what users read: string literals of the program, templates, the example configuration, the help of the command
    /// line, the descriptions of the APIs, and Markdown.
    Texts,
    /// There, at the beginning of a sentence only.
    Opening,
    /// In every line of every file: names, comments and tests too.
    Everywhere,
}
use Scope::{Everywhere, Opening, Texts};

/// What was retired, where it is refused, and what to write instead.
///
/// A word of lower-case letters is found in any case, one with a capital letter as it is written. `*` stands for one
/// word.
#[rustfmt::skip]
const RETIRED: &[(&str, Scope, &str)] = &[
    // Sentences that begin like a riddle.
    ("Whoever", Opening, "the subject: people who, the user who"),
    ("With whom", Opening, "the subject of the sentence"),
    ("What", Opening, "the noun that is meant"),
    ("So", Opening, "a sentence with its own subject"),
    // Access.
    ("let in", Texts, "authorize, or sign in"),
    ("lets in", Texts, "authorizes, or signs in"),
    ("let * in", Texts, "authorize, or sign in"),
    ("lets * in", Texts, "authorizes, or signs in"),
    ("gets in", Texts, "signs in"),
    ("person in again", Texts, "re-enable a user"),
    ("gives more rights", Texts, "you cannot grant permissions that you do not have"),
    ("than they hold", Texts, "you cannot grant permissions that you do not have"),
    ("needs its member", Texts, "you are not a member of"),
    ("a right is missing", Texts, "the caller lacks a permission"),
    ("proves itself", Texts, "authenticates"),
    ("take away", Texts, "remove, or revoke"),
    ("takes away", Texts, "removes, or revokes"),
    ("taken away", Texts, "removed, or revoked"),
    ("puts somebody", Texts, "adds a user"),
    ("keep * out", Texts, "disable"),
    ("keeps * out", Texts, "disables"),
    ("connected program", Texts, "connected app"),
    ("connected programs", Texts, "connected apps"),
    // Values and rules.
    ("must hold", Texts, "must contain"),
    ("must not hold", Texts, "must not contain"),
    ("must lie", Texts, "must be"),
    ("must not read as", Texts, "must not look like"),
    ("must be as they are", Texts, "must be unchanged"),
    ("be left out", Texts, "be omitted"),
    ("a text such as", Texts, "a string such as"),
    ("a moment such as", Texts, "a date and time such as"),
    ("ill-formed", Texts, "malformed"),
    ("lower-case", Texts, "lowercase"),
    ("upper-case", Texts, "uppercase"),
    ("is no parameter", Texts, "is not a parameter"),
    ("is no directory", Texts, "is not a directory"),
    ("the body does not fit", Texts, "the body is invalid"),
    ("typed twice alike", Texts, "the two passwords do not match"),
    ("another password", Texts, "a new password"),
    ("the same once more", Texts, "repeat password"),
    ("the name or the password", Texts, "the email or password"),
    // Defaults and states.
    ("unless told", Texts, "by default"),
    ("told otherwise", Texts, "by default"),
    ("unless said", Texts, "by default"),
    ("laid aside", Texts, "archived"),
    ("a workspace to be", Texts, "a new workspace"),
    ("a space to be", Texts, "a new space"),
    ("a person to be", Texts, "a new user"),
    ("a member to be", Texts, "a new member"),
    ("a role to be", Texts, "a new role"),
    ("a key to be", Texts, "a new API key"),
    ("a binding to be", Texts, "a new role binding"),
    ("a project to be", Texts, "a new project"),
    ("an organization to be", Texts, "a new organization"),
    ("stays good", Texts, "remains valid"),
    ("stay good", Texts, "remain valid"),
    ("good no more", Texts, "no longer valid"),
    ("any more", Texts, "no longer"),
    ("once more", Texts, "again"),
    ("anew", Texts, "again"),
    ("for good", Texts, "permanently"),
    ("amiss", Texts, "wrong"),
    ("blotted out", Texts, "masked"),
    ("is void", Texts, "is not valid"),
    // Events.
    ("come back", Texts, "return, or retry"),
    ("came again", Texts, "reuse detected"),
    ("came twice", Texts, "reuse detected"),
    ("had been exchanged", Texts, "refresh token reuse detected"),
    ("is ended", Texts, "has ended, or revoked"),
    ("are ended", Texts, "have ended, or revoked"),
    ("done one by one", Texts, "batch commit failed, retrying its writes one by one"),
    ("was found out", Texts, "an entry is valid only for the data version it was computed at"),
    ("no longer than a look", Texts, "runs a short read on the calling thread"),
    ("knows it as", Texts, "look in the server's log for request ID"),
    ("tells more", Texts, "run ... for details"),
    ("put * back from", Texts, "restore from"),
    ("people type", Texts, "people use"),
    ("shown this once", Texts, "shown only once"),
    ("on the way there", Texts, "on the network"),
    // Spelling.
    ("e-mail", Texts, "email"),
    ("colour", Texts, "color"),
    ("whoever", Texts, "the user who, people who"),
    ("for ever", Texts, "without an expiry, permanently"),
    ("sign-in at the pages", Texts, "sign-in in a browser"),
    // Names. Each is added when it is renamed.
    ("E-Mail", Everywhere, "email"),
    // Names of the code.
    ("Desk", Everywhere, "AppState"),
    ("Finger", Everywhere, "DataVersionProbe"),
    ("Fittings", Everywhere, "the fields of AppState"),
    ("Furnished", Everywhere, "AppState"),
    ("HalfSignIn", Everywhere, "PendingSignIn"),
    ("HomeError", Everywhere, "DataDirError"),
    ("Proofs", Everywhere, "CredentialCache"),
    ("Proved", Everywhere, "Authenticated"),
    ("Pulse", Everywhere, "DataVersion"),
    ("Recollection", Everywhere, "VersionedCache"),
    ("Unproved", Everywhere, "AuthError"),
    ("departures", Everywhere, "user_deletion"),
    ("hashery", Everywhere, "password_pool"),
    ("long_readers", Everywhere, "read_pool"),
    ("mightiest", Everywhere, "strongest"),
];

/// Every document that people read of this version; the log of changes also tells of earlier ones.
const DOCUMENTS: [&str; 6] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "examples"];

/// Documents that are still to be rewritten.
const NOT_YET: [&str; 0] = [];

/// A place that was read: a file with the line, or an output with a path in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Passage {
    place: String,
    line: usize,
    text: String,
}

/// The words of a text: letters, digits, `_` and `-` belong together, and so does `'` within a word. Anything else
/// divides words; what ends a sentence is a word of its own, `.`.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![".".to_owned()];
    let mut word = String::new();
    let chars: Vec<char> = text.chars().collect();
    for (at, c) in chars.iter().enumerate() {
        let next = chars.get(at + 1);
        let within = matches!(c, '\'' | '-') && !word.is_empty() && next.is_some_and(|next| next.is_alphanumeric());
        if c.is_alphanumeric() || *c == '_' || within {
            word.push(*c);
            continue;
        }
        if !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if matches!(c, '.' | '!' | '?') && next.is_none_or(|next| next.is_whitespace()) {
            words.push(".".to_owned());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Whether a text has a phrase, as `RETIRED` spells phrases.
fn has(words: &[String], phrase: &str, opens: bool) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let any_case = !phrase.iter().any(|word| word.contains(char::is_uppercase));
    let is = |(word, wanted): (&String, &&str)| match *wanted {
        "*" => word != ".",
        wanted if any_case => word.to_lowercase() == wanted,
        wanted => word == wanted,
    };
    words
        .windows(phrase.len() + 1)
        .any(|window| (!opens || window[0] == ".") && window[1..].iter().zip(&phrase).all(is))
}

/// What of a passage was retired, in words for who has to change it.
fn refusals(passage: &Passage, scopes: &[Scope]) -> Vec<String> {
    let words = words(&passage.text);
    RETIRED
        .iter()
        .filter(|(phrase, scope, _)| scopes.contains(scope) && has(&words, phrase, *scope == Opening))
        .map(|(phrase, _, instead)| {
            format!(
                "{}:{}: {phrase:?} was retired, write: {instead}\n    {}",
                passage.place, passage.line, passage.text
            )
        })
        .collect()
}

/// The lines of a file, with the number of each.
fn lines(place: &str, text: &str) -> Vec<Passage> {
    let passage = |(at, line): (usize, &str)| Passage { place: place.to_owned(), line: at + 1, text: line.to_owned() };
    text.lines().enumerate().map(passage).collect()
}

/// The paragraphs of a text, each on one line: a phrase may be broken where a line ends. A heading is not a sentence, so
/// it may begin as it likes.
fn paragraphs(place: &str, text: &str) -> Vec<Passage> {
    let mut all: Vec<Passage> = Vec::new();
    let mut is_open = false;
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let is_heading = line.starts_with('#');
        let line = if is_heading { format!("heading {line}") } else { line.trim_start_matches(['>', ' ']).to_owned() };
        let alone = is_heading || line.is_empty() || line.starts_with(['|', '-', '*', '`', '<']);
        if let (true, false, Some(last)) = (is_open, alone, all.last_mut()) {
            last.text.push(' ');
            last.text.push_str(&line);
            continue;
        }
        is_open = !is_heading && !line.is_empty() && !line.starts_with(['|', '`', '<']);
        if !line.is_empty() {
            all.push(Passage { place: place.to_owned(), line: at + 1, text: line });
        }
    }
    all
}

/// The string literals of a source, its tests aside, as they are when the program runs but for their escapes.
fn literals(place: &str, text: &str) -> Vec<Passage> {
    let stream: TokenStream = text.parse().unwrap();
    let mut all = Vec::new();
    collect(place, stream, &mut all);
    all
}

fn collect(place: &str, stream: TokenStream, all: &mut Vec<Passage>) {
    let mut is_test = false;
    let mut tokens = stream.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == '#' => {
                // Comments are attributes; what an attribute says to the compiler or to developers is no text of ours.
                if let Some(TokenTree::Punct(_)) = tokens.peek() {
                    tokens.next();
                }
                let Some(TokenTree::Group(attribute)) = tokens.next() else { continue };
                let inside = attribute.stream().to_string();
                is_test |= inside.starts_with("cfg") && inside.contains("test");
                if !["doc", "cfg", "expect", "allow", "rustfmt"].iter().any(|name| inside.starts_with(name)) {
                    collect(place, attribute.stream(), all);
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace && is_test => is_test = false,
            TokenTree::Group(group) => collect(place, group.stream(), all),
            TokenTree::Literal(literal) => {
                let line = literal.span().start().line;
                let text = literal.to_string();
                if text.contains('"') {
                    let joined: Vec<&str> = text.split("\\\n").map(str::trim_start).collect();
                    let text = joined.concat().replace("\\n", " . ").trim_matches(['"', 'r', '#']).to_owned();
                    all.push(Passage { place: place.to_owned(), line, text });
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => is_test = false,
            TokenTree::Punct(_) | TokenTree::Ident(_) => {}
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below a folder, or the file itself.
fn files(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
    let mut all: Vec<PathBuf> = entries.flat_map(|entry| files(&entry.unwrap().path())).collect();
    all.sort();
    all
}

/// The files below some places of the repository, by their names there, with their texts.
fn read(places: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let all = places.iter().flat_map(|place| files(&root().join(place)));
    all.filter(|path| path.extension().is_some_and(|ending| extensions.iter().any(|one| ending == *one)))
        .filter(|path| !path.ends_with("tests/vocabulary.rs"))
        .map(|path| (path.strip_prefix(root()).unwrap().display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect()
}

/// The texts between the tags of a template, and in what is read aloud of them.
fn template(place: &str, text: &str) -> Vec<Passage> {
    let parts = |line: &str| line.replace(['<', '>', '"'], " . ");
    lines(place, text).into_iter().map(|line| Passage { text: parts(&line.text), ..line }).collect()
}

/// The help of a command and of each below it, as the program prints it.
fn help(command: &[String]) -> Vec<Passage> {
    let run = Command::new(env!("CARGO_BIN_EXE_atelier")).args(command).arg("--help").output().unwrap();
    assert!(run.status.success(), "{command:?}");
    let text = String::from_utf8(run.stdout).unwrap();
    // The commands stand below one heading or more, before the options.
    let above = text.split("\nOptions:\n").next().unwrap_or_default();
    let listed = above.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let is_name = |name: &&str| *name != "help" && name.starts_with(|c: char| c.is_ascii_lowercase());
    let names = listed.filter(is_name);
    let deeper: Vec<Passage> = names.flat_map(|name| help(&[command, &[name.to_owned()]].concat())).collect();
    // The words of a flag stand two or more spaces behind it, or on the next line.
    let passages = lines(&format!("atelier {} --help", command.join(" ")), &text);
    passages.into_iter().map(|line| Passage { text: line.text.replace("  ", " . "), ..line }).chain(deeper).collect()
}

/// Every description in the description of an API, by its path in the document.
fn descriptions(place: &str, value: &Value) -> Vec<Passage> {
    match value {
        Value::String(text) => vec![Passage { place: place.to_owned(), line: 1, text: text.replace('\n', " ") }],
        Value::Array(all) => all.iter().flat_map(|value| descriptions(place, value)).collect(),
        Value::Object(all) => {
            all.iter().flat_map(|(name, value)| descriptions(&format!("{place}/{name}"), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn refuse(passages: &[Passage], scopes: &[Scope]) {
    let all: Vec<String> = passages.iter().flat_map(|passage| refusals(passage, scopes)).collect();
    assert!(all.is_empty(), "{} retired words:\n{}", all.len(), all.join("\n"));
}

#[test]
fn the_program_uses_no_retired_words() {
    let sources = read(&["src"], &["rs"]);
    assert!(sources.len() > 100, "{}", sources.len());
    let own = sources.iter().filter(|(place, _)| !place.contains("/tests/") && !place.ends_with("/tests.rs"));
    let passages: Vec<Passage> = own.flat_map(|(place, text)| literals(place, text)).collect();
    assert!(passages.len() > 1000, "{}", passages.len());
    refuse(&passages, &[Texts, Opening]);
}

#[test]
fn the_pages_use_no_retired_words() {
    let templates = read(&["templates"], &["html"]);
    assert!(templates.len() > 5);
    let passages: Vec<Passage> = templates.iter().flat_map(|(place, text)| template(place, text)).collect();
    refuse(&passages, &[Texts, Opening]);
}

#[test]
fn the_example_configuration_uses_no_retired_words() {
    let found = read(&["config.example.toml"], &["toml"]);
    assert_eq!(found.len(), 1);
    let passages: Vec<Passage> =
        found.iter().flat_map(|(place, text)| paragraphs(place, &text.replace("\n# ", "\n"))).collect();
    refuse(&passages, &[Texts, Opening]);
}

#[test]
fn the_command_line_uses_no_retired_words() {
    let passages = help(&[]);
    assert!(passages.iter().any(|passage| passage.place == "atelier user add --help"));
    refuse(&passages, &[Texts, Opening]);
}

#[test]
fn the_descriptions_of_the_apis_use_no_retired_words() {
    let arize = serde_json::to_value(atelier::http::arize::Description::openapi()).unwrap();
    let wallaroo = serde_json::to_value(atelier::http::wallaroo::Description::openapi()).unwrap();
    let graphql = fs::read_to_string(root().join("tests/golden/graphql.graphql")).unwrap();
    let mut passages = descriptions("/v2/openapi.json", &arize);
    passages.extend(descriptions("/v1/api/openapi.json", &wallaroo));
    passages.extend(lines("tests/golden/graphql.graphql", &graphql));
    assert!(passages.len() > 1000, "{}", passages.len());
    refuse(&passages, &[Texts, Opening]);
}

#[test]
fn the_documents_use_no_retired_words() {
    let documents = read(&DOCUMENTS, &["md"]);
    assert!(documents.len() > 2, "{}", documents.len());
    let (old, new): (Vec<_>, Vec<_>) = documents.iter().partition(|(place, _)| NOT_YET.contains(&place.as_str()));
    let passages: Vec<Passage> = new.iter().flat_map(|(place, text)| paragraphs(place, text)).collect();
    refuse(&passages, &[Texts, Opening]);
    for (place, text) in old {
        let is_old = paragraphs(place, text).iter().any(|passage| !refusals(passage, &[Texts, Opening]).is_empty());
        assert!(is_old, "{place} uses no retired words: take it off NOT_YET");
    }
}

#[test]
fn retired_names_are_found_in_no_file() {
    let places = [
        "src",
        "tests",
        "benches",
        "examples",
        "templates",
        "docs",
        "config.example.toml",
        "schema.sql",
        "schema.postgres.sql",
    ];
    let all = read(&places, &["rs", "py", "mjs", "html", "css", "sql", "md", "toml"]);
    let all: Vec<Passage> = all.iter().flat_map(|(place, text)| lines(place, text)).collect();
    refuse(&all, &[Everywhere]);
}

/// A text with everything that the test has to find and nothing else, in each kind of file.
#[test]
fn planted_words_are_found_with_their_line_and_the_word_to_use() {
    let scopes = [Texts, Opening, Everywhere];
    let found = |passages: Vec<Passage>| -> Vec<String> {
        passages
            .iter()
            .flat_map(|passage| refusals(passage, &scopes))
            .map(|told| told.replace("\n    ", " | "))
            .collect()
    };
    let source = r##"
/// Whoever reads this is a developer. An e-mail in a comment is not a text.
#[expect(dead_code, reason = "let in")]
fn plain() -> [&'static str; 3] {
    // It must not hold anything.
    let spread = "the name must \
                  not hold a colon";
    println!("{}: fine. Whoever it is. So it seems", r#"an E-Mail"#);
    [spread, "solo, somewhat, whatever", "let jupyterhub in?"]
}
#[cfg(test)]
mod tests {
    const OLD: &str = "laid aside";
}
const AFTER: &str = "is laid aside";
"##;
    assert_eq!(
        found(literals("a.rs", source)),
        [
            "a.rs:6: \"must not hold\" was retired, write: must not contain | the name must not hold a colon",
            "a.rs:8: \"Whoever\" was retired, write: the subject: people who, the user who | {}: fine. Whoever it is. So it seems",
            "a.rs:8: \"So\" was retired, write: a sentence with its own subject | {}: fine. Whoever it is. So it seems",
            "a.rs:8: \"whoever\" was retired, write: the user who, people who | {}: fine. Whoever it is. So it seems",
            "a.rs:8: \"e-mail\" was retired, write: email | an E-Mail",
            "a.rs:8: \"E-Mail\" was retired, write: email | an E-Mail",
            "a.rs:9: \"let * in\" was retired, write: authorize, or sign in | let jupyterhub in?",
            "a.rs:15: \"laid aside\" was retired, write: archived | is laid aside",
        ]
    );
    let told = found(template("a.html", "<p>Fine.</p>\n<button title=\"So be it\">Sign in</button><p>That is so</p>"));
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("a.html:2: \"So\""), "{told:?}");
    let told = found(paragraphs("a.md", "# What heads\n\nFine, it must\nhold. Also\nfine.\n\n- So it is\n- Soon\n"));
    let places: Vec<&str> = told.iter().filter_map(|told| told.split(" was").next()).collect();
    assert_eq!(places, ["a.md:3: \"must hold\"", "a.md:7: \"So\""]);
    let told = found(descriptions("/x", &serde_json::json!({ "a": [{ "description": "What\nit is." }], "b": 1 })));
    assert_eq!(told, ["/x/a/description:1: \"What\" was retired, write: the noun that is meant | What it is."]);
    let names: Vec<String> = lines("a.sql", "-- e-mail E-Mails\n-- (E-Mail)")
        .iter()
        .flat_map(|line| refusals(line, &[Everywhere]))
        .collect();
    assert_eq!(names, ["a.sql:2: \"E-Mail\" was retired, write: email\n    -- (E-Mail)"]);
}
