//! Limits on the size of a document, checked before any expensive work on it.

use std::collections::HashMap;

use async_graphql::Name;
use async_graphql::Positioned;
use async_graphql::parser::parse_query;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet,
};

use crate::error::{Error, Result};

/// The configured limits of a document.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The maximum depth of nested fields.
    pub depth: usize,
    /// The maximum number of fields, with fragments expanded and each alias counted.
    pub complexity: usize,
}

/// The maximum size of a document, in bytes. Long values belong in variables.
pub(super) const MAX_LENGTH: usize = 128 * 1024;

/// The maximum nesting of brackets. The parser follows them by recursion.
pub(super) const MAX_NESTING: usize = 64;

/// The maximum number of directives in one place.
pub(super) const MAX_DIRECTIVES: usize = 4;

/// Parses a document.
///
/// Refuses a document that is not valid GraphQL, exceeds a limit, has a fragment that contains itself, or has more than
/// one mutation field. Each mutation field is a transaction of its own, so one response could not report the outcome of
/// several.
pub(super) fn read(text: &str, bounds: Bounds) -> Result<ExecutableDocument> {
    let refuse = |rule: String| Err(Error::invalid("query", rule));
    if text.len() > MAX_LENGTH {
        return refuse(format!("must not be longer than {MAX_LENGTH} bytes"));
    }
    if nesting(text) > MAX_NESTING {
        return refuse(format!("must not nest brackets deeper than {MAX_NESTING}"));
    }
    let document = parse_query(text).map_err(|error| Error::invalid("query", syntax_error(&error)))?;
    let mut scale = Scale { fragments: &document.fragments, known: HashMap::new(), written: 0 };
    for name in document.fragments.keys() {
        scale.fragment(name)?;
    }
    for (_, operation) in document.operations.iter() {
        check_directives(&operation.node.directives)?;
        let weight = scale.selection_set(&operation.node.selection_set.node)?;
        if weight.depth > bounds.depth {
            return refuse(format!("must not nest fields deeper than {}", bounds.depth));
        }
        if weight.fields.max(scale.written) > bounds.complexity {
            return refuse(format!("must not ask for more than {} fields", bounds.complexity));
        }
        let changes = operation.node.ty == OperationType::Mutation;
        if changes && mutation_fields(&operation.node.selection_set.node, &document.fragments) > 1 {
            return refuse("must not contain more than one mutation field: send one at a time".to_owned());
        }
    }
    Ok(document)
}

/// The position at which a text is not valid GraphQL.
fn syntax_error(error: &async_graphql::parser::Error) -> String {
    match (error, error.positions().next()) {
        (async_graphql::parser::Error::Syntax { .. }, Some(at)) => {
            format!("not a valid graphql query (line {}, column {})", at.line, at.column)
        }
        (other, _) => format!("not a valid graphql query ({})", other.to_string().trim_end_matches('.')),
    }
}

/// The maximum depth of brackets in a text, ignoring strings and comments.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match first {
            b'"' => after_string(rest),
            b'#' => tail.iter().position(|b| matches!(b, b'\n' | b'\r')).map_or(&[], |end| &tail[end..]),
            b'(' | b'[' | b'{' => {
                depth += 1;
                deepest = deepest.max(depth);
                tail
            }
            b')' | b']' | b'}' => {
                depth = depth.saturating_sub(1);
                tail
            }
            _ => tail,
        };
    }
    deepest
}

/// The rest of a text after the string that it starts with.
fn after_string(text: &[u8]) -> &[u8] {
    let (quote, escape): (&[u8], &[u8]) =
        if text.starts_with(br#"""""#) { (br#"""""#, br#"\""""#) } else { (b"\"", b"\\") };
    let mut rest = &text[quote.len()..];
    while !rest.is_empty() {
        // In a plain string, a backslash escapes the next byte. In a block string, it escapes only three quotes.
        if rest.starts_with(escape) {
            rest = rest.get(if quote.len() == 1 { 2 } else { escape.len() }..).unwrap_or(&[]);
        } else if rest.starts_with(quote) {
            return &rest[quote.len()..];
        } else if quote.len() == 1 && matches!(rest[0], b'\n' | b'\r') {
            return rest;
        } else {
            rest = &rest[1..];
        }
    }
    rest
}

/// The size of a selection with its fragments expanded.
#[derive(Clone, Copy, Default)]
struct Weight {
    fields: usize,
    depth: usize,
}

/// Computes the weight of each fragment only once, however often it is spread.
struct Scale<'a> {
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// The weights of fragments; None while a fragment is being computed.
    known: HashMap<Name, Option<Weight>>,
    /// The number of selections in the text, without expanding fragments.
    written: usize,
}

impl Scale<'_> {
    fn fragment(&mut self, name: &Name) -> Result<Weight> {
        match self.known.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => return Err(Error::invalid("query", format!("fragment {name} must not contain itself"))),
            None => {}
        }
        // Validation reports an undefined fragment.
        let Some(fragment) = self.fragments.get(name) else { return Ok(Weight::default()) };
        if self.known.values().filter(|weight| weight.is_none()).count() >= MAX_NESTING {
            return Err(Error::invalid("query", format!("must not nest fragments deeper than {MAX_NESTING}")));
        }
        check_directives(&fragment.node.directives)?;
        self.known.insert(name.clone(), None);
        let weight = self.selection_set(&fragment.node.selection_set.node)?;
        self.known.insert(name.clone(), Some(weight));
        Ok(weight)
    }

    fn selection_set(&mut self, set: &SelectionSet) -> Result<Weight> {
        let mut sum = Weight::default();
        for selection in &set.items {
            self.written += 1;
            check_directives(selection.node.directives())?;
            let weight = match &selection.node {
                Selection::Field(field) => {
                    let below = self.selection_set(&field.node.selection_set.node)?;
                    Weight { fields: below.fields.saturating_add(1), depth: below.depth + 1 }
                }
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
                Selection::InlineFragment(fragment) => self.selection_set(&fragment.node.selection_set.node)?,
            };
            sum.fields = sum.fields.saturating_add(weight.fields);
            sum.depth = sum.depth.max(weight.depth);
        }
        Ok(sum)
    }
}

fn check_directives(directives: &[Positioned<Directive>]) -> Result<()> {
    if directives.len() > MAX_DIRECTIVES {
        return Err(Error::invalid(
            "query",
            format!("must not have more than {MAX_DIRECTIVES} directives in one place"),
        ));
    }
    Ok(())
}

/// The number of mutation fields, with fragments expanded. The weight of the document must have been checked before.
fn mutation_fields(set: &SelectionSet, fragments: &HashMap<Name, Positioned<FragmentDefinition>>) -> usize {
    let count = |selection: &Positioned<Selection>| match &selection.node {
        Selection::Field(field) => usize::from(field.node.name.node != "__typename"),
        Selection::FragmentSpread(spread) => fragments
            .get(&spread.node.fragment_name.node)
            .map_or(0, |fragment| mutation_fields(&fragment.node.selection_set.node, fragments)),
        Selection::InlineFragment(fragment) => mutation_fields(&fragment.node.selection_set.node, fragments),
    };
    set.items.iter().map(count).sum()
}

/// Whether a document selects the members of a workspace at most once, and has no directives. async-graphql merges
/// several selections of the same field, and evaluates directives.
pub(super) fn selects_members_once(document: &ExecutableDocument) -> bool {
    let operations = document.operations.iter().map(|(_, operation)| &operation.node.selection_set.node);
    let fragments = document.fragments.values();
    let is_plain = fragments.clone().all(|fragment| fragment.node.directives.is_empty());
    let sets = operations.chain(fragments.map(|fragment| &fragment.node.selection_set.node));
    is_plain
        && sets.map(members_selected).try_fold(0_usize, |sum, count| Some(sum + count?)).is_some_and(|sum| sum <= 1)
}

/// How often a selection names the field of members; none if it has directives.
fn members_selected(set: &SelectionSet) -> Option<usize> {
    let mut sum = 0;
    for selection in &set.items {
        if !selection.node.directives().is_empty() {
            return None;
        }
        sum += match &selection.node {
            Selection::Field(field) => {
                let is_list = matches!(field.node.name.node.as_str(), "users" | "returning");
                usize::from(is_list) + members_selected(&field.node.selection_set.node)?
            }
            Selection::InlineFragment(fragment) => members_selected(&fragment.node.selection_set.node)?,
            Selection::FragmentSpread(_) => 0,
        };
    }
    Some(sum)
}

pub(super) fn is_about_schema(document: &ExecutableDocument) -> bool {
    let about_schema = |selection: &Positioned<Selection>| match &selection.node {
        Selection::Field(field) => matches!(field.node.name.node.as_str(), "__schema" | "__type"),
        Selection::FragmentSpread(_) | Selection::InlineFragment(_) => false,
    };
    document.operations.iter().all(|(_, operation)| {
        operation.node.ty == OperationType::Query && operation.node.selection_set.node.items.iter().all(about_schema)
    })
}
