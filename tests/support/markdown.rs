//! Reads the Markdown files of the documentation: blocks to run, links to follow.
#![allow(dead_code, reason = "each test binary uses its own part of this file")]

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A block of code, or a comment that begins with `do:`.
#[derive(Debug)]
pub enum Step {
    /// A block of code.
    Code(Block),
    /// What a reader does away from the terminal: the text of `<!-- do: TEXT -->`.
    Do(String),
}

/// A fenced block of code.
#[derive(Debug)]
pub struct Block {
    /// The word behind the fence.
    pub language: String,
    /// What is between the fences.
    pub text: String,
    /// Where that is in the file.
    pub range: Range<usize>,
}

/// Every fenced block and every instruction, in their order.
pub fn steps(source: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut block: Option<Block> = None;
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                block = Some(Block { language: language.to_string(), text: String::new(), range: 0..0 });
            }
            Event::Text(text) => {
                if let Some(block) = &mut block {
                    if block.text.is_empty() {
                        block.range.start = range.start;
                    }
                    block.range.end = range.end;
                    block.text.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => steps.extend(block.take().map(Step::Code)),
            Event::Html(html) => {
                let told = html.trim().strip_prefix("<!-- do: ").and_then(|rest| rest.strip_suffix(" -->"));
                steps.extend(told.map(|told| Step::Do(told.to_owned())));
            }
            _ => {}
        }
    }
    steps
}

/// Every address that a link or a picture leads to.
pub fn links(source: &str) -> Vec<String> {
    Parser::new_ext(source, options())
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.to_string()),
            _ => None,
        })
        .collect()
}

/// The names by which links lead to the headings, as GitHub derives them.
pub fn anchors(source: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut heading: Option<String> = None;
    for event in Parser::new_ext(source, options()) {
        match (event, &mut heading) {
            (Event::Start(Tag::Heading { .. }), _) => heading = Some(String::new()),
            (Event::Text(text) | Event::Code(text), Some(heading)) => heading.push_str(&text),
            (Event::End(TagEnd::Heading(_)), Some(text)) => {
                anchors.push(anchor(text));
                heading = None;
            }
            _ => {}
        }
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn options() -> Options {
    Options::ENABLE_TABLES
}
