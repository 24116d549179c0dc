//! Runs the commands and snippets of README.md and of the tutorials, in their order, as they stand there.
//!
//! A block of `sh` or `python` is run; a block of `text` behind it is what it prints, where a line of three dots stands
//! for any lines. `<!-- do: TEXT -->` stands where a reader does something else, such as filling in a page.
//!
//! These things differ from what a reader has, and no others:
//!
//! - `cargo run --release -- ARGS` runs the binary that is tested instead of building another one, as does `atelier`.
//! - `serve` listens on a free port, and the port 8787 in the blocks is replaced by it.
//! - The working directory is an empty one, so `./atelier-data` and `target/release` are in it.
//! - `pip install NAME==VERSION` installs nothing: it fails unless the tests have installed that version of that package.
//! - curl is silent where it would show its progress, since no terminal is there.
//! - Of what `serve` prints, the lines of the log are not compared: a thread of their own writes them.
//! - Of a Python block, what it prints on stdout is compared, without the warnings that the Arize SDK logs there.
//!
//! `ATELIER_TEST_BLESS=1` writes outputs that have changed into the files, but for those with three dots.

mod session;

use std::fs;
use std::path::Path;

use regex_lite::Regex;
use session::Session;

use crate::markdown::{self, Block, Step};

#[test]
fn the_readme_runs() {
    run("README.md");
}

#[test]
fn the_tutorial_of_the_first_workspace_runs() {
    run("docs/tutorials/first-workspace.md");
}

#[test]
fn the_tutorial_of_wallaroo_runs() {
    run("docs/tutorials/wallaroo.md");
}

#[test]
fn the_tutorial_of_arize_and_ax_runs() {
    run("docs/tutorials/arize-and-ax.md");
}

#[test]
fn the_tutorial_of_inviting_a_team_runs() {
    run("docs/tutorials/invite-your-team.md");
}

#[test]
fn every_tutorial_is_run_by_a_test() {
    // The tutorial of the console has pictures instead of commands; a test takes them while it does what it tells.
    let here = concat!(include_str!("docs.rs"), include_str!("console.rs"));
    for file in fs::read_dir(root().join("docs/tutorials")).expect("the tutorials are readable") {
        let name = file.expect("the tutorials are readable").file_name();
        let name = name.to_str().expect("a file name is text");
        let ways = [format!("run(\"docs/tutorials/{name}\")"), format!("The pictures of `docs/tutorials/{name}`")];
        assert!(ways.iter().any(|way| here.contains(way)), "no test runs {name}");
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the blocks of a Markdown file and compares what they print with what the file shows.
fn run(file: &str) {
    let path = root().join(file);
    let source = fs::read_to_string(&path).expect("the document is readable");
    let mut session = Session::new();
    let mut printed: Option<String> = None;
    let mut ran = 0;
    let mut blessed: Vec<(&Block, String)> = Vec::new();
    let steps = markdown::steps(&source);
    for step in &steps {
        match step {
            Step::Do(what) => session.act(what),
            Step::Code(block) => match block.language.as_str() {
                "sh" | "python" => {
                    let place = format!("{file}, block {}:\n{}", ran + 1, block.text);
                    printed = Some(session.run(block).unwrap_or_else(|printed| panic!("{place}\nfailed:\n{printed}")));
                    ran += 1;
                }
                "text" => {
                    let printed = printed.take().expect("a block of text shows what the block before it prints");
                    if !shows(&block.text, &printed) {
                        let elided = block.text.lines().any(|line| line == "...");
                        let bless = std::env::var_os("ATELIER_TEST_BLESS").is_some() && !elided;
                        assert!(bless, "{file} shows:\n{}\nprinted was:\n{printed}", block.text);
                        blessed.push((block, printed));
                    }
                }
                // Running all tests within a test would not end.
                "console" if block.text == "cargo test\n" => {}
                other => panic!("{file}: a block of {other:?} is not run; the blocks here are sh, python and text"),
            },
        }
    }
    assert!(ran > 3, "{file} has {ran} blocks that run");
    let mut source = source.clone();
    for (block, printed) in blessed.into_iter().rev() {
        source.replace_range(block.range.clone(), &format!("{}\n", printed.trim_end()));
        fs::write(&path, &source).expect("the document is writable");
    }
}

/// Whether a block shows what was printed, apart from what is another time each time.
fn shows(shown: &str, printed: &str) -> bool {
    let lines = |text: &str| -> Vec<String> { text.trim_end().lines().map(same_each_time).collect() };
    matches(&lines(shown), &lines(printed))
}

fn matches(shown: &[String], printed: &[String]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((line, rest)) if line == "..." => (0..=printed.len()).any(|skipped| matches(rest, &printed[skipped..])),
        Some((line, rest)) => printed.first() == Some(line) && matches(rest, &printed[1..]),
    }
}

/// The line with what differs between runs (keys, ids, times, made-up passwords) replaced by its kind.
fn same_each_time(line: &str) -> String {
    let rules = [
        (r"\batl[a-z]*_[A-Za-z0-9_-]{20,}", "KEY"),
        (r"\batl_\*+\w+", "MASKED"),
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
        (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+\d\d:\d\d)?", "TIME"),
        (r"\beyJ[A-Za-z0-9._-]{40,}", "TOKEN"),
        (r"\b[0-9a-f]{64}\b", "HASH"),
        (r"\b[A-Z]{4}-[A-Z]{4}\b", "CODE"),
        (r"\b[A-Z][A-Za-z0-9]{15,}={0,2}", "ID"),
        (r"\b[a-z0-9]{24}\b", "PASSWORD"),
        (r" {2,}", "  "),
        (r"\s+$", ""),
    ];
    rules.into_iter().fold(line.to_owned(), |line, (pattern, kind)| {
        let pattern = Regex::new(pattern).expect("a pattern");
        pattern.replace_all(&line, kind).into_owned()
    })
}

#[test]
fn three_dots_match_any_lines_and_varying_parts_match_by_kind() {
    assert!(shows("a\n...\nd\n", "a\nb\nc\nd\n"));
    assert!(shows("...\nd\n", "d\n"));
    assert!(!shows("a\n...\nd\n", "a\nb\n"));
    assert!(!shows("a\n", "a\nb\n"));
    assert!(shows("since 2026-11-27T04:19:54Z", "since 2027-01-01T00:00:00.123456Z"));
    assert!(shows("key atl_LMbgUX-QP34aLjg1Q1wuOcOMAftn  end", "key atl_AAAAAAAAAAAAAAAAAAAAAAAA     end"));
    assert!(!shows("1 vision", "2 vision"));
}
