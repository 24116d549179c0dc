//! Checks of the documentation: links work, pages are short, and generated pages are up to date.
//!
//! `ATELIER_TEST_BLESS=1 cargo test --test docs` writes the generated pages anew. What the commands of the tutorials
//! print is tested in `tests/sdk/docs.rs`.

#![expect(clippy::expect_used, reason = "a test that cannot read the files fails")]

#[path = "docs/generated.rs"]
mod generated;
#[path = "support/markdown.rs"]
mod markdown;

use std::fs;
use std::path::{Path, PathBuf};

/// The most words of a file, and of every other page of `docs`. Generated pages are as long as what they are made from.
const README: usize = 900;
const ARCHITECTURE: usize = 2000;
const PAGE: usize = 2500;
const GENERATED: [&str; 3] =
    ["docs/reference/cli.md", "docs/reference/configuration.md", "docs/reference/roles-and-permissions.md"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file of the repository, as a path in it, with its text.
fn pages() -> Vec<(String, String)> {
    fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).expect("a folder is readable") {
            let path = entry.expect("a folder is readable").path();
            if path.is_dir() {
                collect(&path, into);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                into.push(path);
            }
        }
    }
    let mut paths = Vec::new();
    for folder in ["docs", "examples"] {
        collect(&root().join(folder), &mut paths);
    }
    for entry in fs::read_dir(root()).expect("a folder is readable") {
        let path = entry.expect("a folder is readable").path();
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    paths.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).expect("a path in the repository").display().to_string();
        (name, fs::read_to_string(path).expect("a page is text"))
    };
    paths.into_iter().map(read).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for (page, text) in pages() {
        for link in markdown::links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            followed += 1;
            let (file, heading) = link.split_once('#').map_or((link.as_str(), None), |(file, to)| (file, Some(to)));
            let here = root().join(&page);
            let target = if file.is_empty() { here } else { here.parent().expect("a folder").join(file) };
            let found = match heading {
                None => target.exists(),
                Some(heading) => fs::read_to_string(&target)
                    .is_ok_and(|text| markdown::anchors(&text).iter().any(|anchor| anchor == heading)),
            };
            if !found {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert_eq!(broken, [""; 0], "links that lead nowhere");
    assert!(followed > 100, "{followed} links were followed");
}

#[test]
fn every_source_file_that_a_page_names_exists() {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_./-".contains(c);
    let (mut missing, mut seen) = (Vec::new(), 0);
    for (page, text) in pages() {
        for word in text.split(|c| !is_part(c)) {
            let path = word.trim_end_matches(['.', '/']);
            // In `src/app/NOUNS.rs` a name has to be filled in.
            let is_source = ["src/", "tests/", "benches/", "templates/"].iter().any(|root| path.starts_with(root));
            if is_source && !path.chars().any(|c| c.is_ascii_uppercase()) {
                seen += 1;
                if !root().join(path).exists() {
                    missing.push(format!("{page}: {path}"));
                }
            }
        }
    }
    assert_eq!(missing, [""; 0], "files that do not exist");
    assert!(seen > 50, "no path was recognized");
}

#[test]
fn pages_are_short() {
    let mut long = Vec::new();
    for (page, text) in pages() {
        let most = match page.as_str() {
            "README.md" => README,
            "ARCHITECTURE.md" => ARCHITECTURE,
            // It grows with each release.
            "CHANGELOG.md" => continue,
            page if GENERATED.contains(&page) => continue,
            _ => PAGE,
        };
        let words = text.split_whitespace().count();
        if words > most {
            long.push(format!("{page} has {words} words, of at most {most}"));
        }
    }
    assert_eq!(long, [""; 0]);
}

#[test]
fn every_page_is_in_the_table_of_contents() {
    let contents = fs::read_to_string(root().join("docs/README.md")).expect("the contents are readable");
    let links = markdown::links(&contents);
    for (page, _) in pages() {
        if let Some(page) = page.strip_prefix("docs/").filter(|page| *page != "README.md") {
            assert!(links.iter().any(|link| link == page), "docs/README.md does not link to {page}");
        }
    }
}

#[test]
fn the_two_first_commands_are_in_the_readme() {
    let readme = fs::read_to_string(root().join("README.md")).expect("the README is readable");
    let blocks: Vec<String> = markdown::steps(&readme)
        .into_iter()
        .filter_map(|step| match step {
            markdown::Step::Code(block) => Some(block.text),
            markdown::Step::Do(_) => None,
        })
        .collect();
    for command in ["cargo run --release -- serve\n", "cargo test\n"] {
        assert!(blocks.iter().any(|block| block == command), "{command}");
    }
}

#[test]
fn every_message_to_troubleshoot_is_a_message_of_the_program() {
    let page = fs::read_to_string(root().join("docs/how-to/troubleshooting.md")).expect("the page is readable");
    let mut program = String::new();
    collect_sources(&root().join("src"), &mut program);
    let program = one_spaced(&program.replace("\\\n", " "));
    let messages: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### `")?.strip_suffix('`')).collect();
    assert!(messages.len() > 10, "{messages:?}");
    for message in messages {
        // What varies is three dots in the heading.
        for part in message.split("...").map(str::trim).filter(|part| !part.is_empty()) {
            assert!(program.contains(&one_spaced(part)), "the program does not say {part:?}, of {message:?}");
        }
    }
}

fn collect_sources(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("a folder is readable").path();
        if path.is_dir() {
            collect_sources(&path, into);
        } else {
            into.push_str(&fs::read_to_string(path).unwrap_or_default());
        }
    }
}

fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn generated_pages_are_up_to_date() {
    let made = [generated::cli(), generated::configuration(), generated::permissions()];
    for (page, made) in GENERATED.iter().zip(made) {
        let path = root().join(page);
        let kept = fs::read_to_string(&path).expect("the page is readable");
        let (before, rest) = kept.split_once(generated::BEGIN).expect("the page says where the generated part begins");
        let (_, after) = rest.split_once(generated::END).expect("the page says where the generated part ends");
        let whole = format!("{before}{}\n\n{}\n\n{}{after}", generated::BEGIN, made.trim(), generated::END);
        if std::env::var_os("ATELIER_TEST_BLESS").is_some() {
            fs::write(&path, &whole).expect("the page is writable");
        }
        let kept = fs::read_to_string(&path).expect("the page is readable");
        assert!(kept == whole, "{page} is stale: ATELIER_TEST_BLESS=1 cargo test --test docs writes it anew");
    }
}
