//! Is there a circle among the files of a layer? An edge leads from a file to each file whose items it names, wherever
//! they are re-exported on the way. A module that only re-exports what its children have knows none of them.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

/// The layers that are proved to have no circle.
const PROVED: [&str; 9] = ["domain", "policy", "error", "tokens", "config", "store", "app", "cli", "http"];

/// A name that a file imports.
struct Import {
    name: String,
    path: Vec<String>,
    is_public: bool,
}

/// A file without its tests and without its `use`s, and what these import.
struct Module {
    source: Source,
    imports: Vec<Import>,
}

/// Leaves out every item that only tests have. `modules` gets the names of the files among them.
fn without_tests(tokens: TokenStream, modules: &mut BTreeSet<String>) -> TokenStream {
    let mut kept = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let is_test = matches!(&token, TokenTree::Punct(sign) if sign.as_char() == '#')
            && tokens.peek().is_some_and(|next| next.to_string().replace(' ', "") == "[cfg(test)]");
        if is_test {
            let mut names = Vec::new();
            for token in tokens.by_ref() {
                match token {
                    TokenTree::Punct(sign) if sign.as_char() == ';' => break,
                    TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
                    token => names.push(token.to_string()),
                }
            }
            if let Some(at) = names.iter().position(|name| name == "mod") {
                modules.extend(names.get(at + 1).cloned());
            }
            continue;
        }
        kept.push(match token {
            TokenTree::Group(group) => {
                proc_macro2::Group::new(group.delimiter(), without_tests(group.stream(), modules)).into()
            }
            token => token,
        });
    }
    kept.into_iter().collect()
}

impl Module {
    /// Takes the `use`s out of a file.
    fn new(mut source: Source) -> Self {
        let mut imports = Vec::new();
        let mut rest = Vec::new();
        // The modules inside the file that the place is in, each with the depth of its brace.
        let (mut inside, mut depth): (Vec<(String, usize)>, usize) = (Vec::new(), 0);
        let mut at = 0;
        while at < source.words.len() {
            match source.words[at].as_str() {
                "mod" if source.is(at + 2, "{") => inside.push((source.words[at + 1].clone(), depth)),
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    inside.retain(|(_, outer)| *outer < depth);
                }
                _ => {}
            }
            let begins = at == 0 || [";", "{", "}", "]", ")", "pub"].contains(&source.words[at - 1].as_str());
            if source.is(at, "use") && begins && !source.is(at + 1, "<") {
                let is_public = at > 0 && ["pub", ")"].contains(&source.words[at - 1].as_str());
                let mut ends = Vec::new();
                at = named_ends(&source, at + 1, &[], &mut ends);
                let inner = inside.iter().map(|(name, _)| name.clone());
                let here: Vec<String> = source.modules.iter().cloned().chain(inner).collect();
                // A module inside the file has names of its own.
                let is_inner = !inside.is_empty();
                imports.extend(ends.into_iter().map(|(path, name)| Import {
                    name: if is_inner { String::new() } else { name },
                    path: rooted(&path, &here),
                    is_public: is_public && !is_inner,
                }));
                continue;
            }
            // What may see an item is no import.
            if source.is(at, "pub") && source.is(at + 1, "(") && source.is(at + 2, "in") {
                while at < source.words.len() && !source.is(at, ")") {
                    at += 1;
                }
                continue;
            }
            rest.push(source.words[at].clone());
            at += 1;
        }
        source.words = rest;
        Self { source, imports }
    }

    fn names(&self, name: &str) -> bool {
        self.source.words.iter().any(|word| word == name)
    }
}

/// Reads the tree of a `use`, and gives each of its ends with the name that it gets; tells where it stops.
fn named_ends(source: &Source, mut at: usize, stem: &[String], ends: &mut Vec<(Vec<String>, String)>) -> usize {
    let mut path = stem.to_vec();
    loop {
        if source.is(at, "{") {
            at += 1;
            while at < source.words.len() && !source.is(at, "}") {
                at = if source.is(at, ",") { at + 1 } else { named_ends(source, at, &path, ends).max(at + 1) };
            }
            return at + 1;
        }
        let Some(word) = source.words.get(at).filter(|word| *word != ";") else { break };
        if word == "::" {
            at += 1;
            continue;
        }
        // `use a::{self}` imports `a`.
        if word != "self" || path.is_empty() {
            path.push(word.clone());
        }
        at += 1;
        if !source.is(at, "::") {
            break;
        }
    }
    let mut name = path.last().cloned().unwrap_or_default();
    if source.is(at, "as") {
        name = source.words.get(at + 1).cloned().unwrap_or_default();
        at += 2;
    }
    ends.push((path, name));
    at
}

/// The files of some layers, by the module that each one is.
struct Modules(BTreeMap<Vec<String>, Module>);

impl Modules {
    fn new(sources: &[(String, String)], layers: &[&str]) -> Self {
        let mut tests: BTreeSet<Vec<String>> = BTreeSet::new();
        let mut all = BTreeMap::new();
        for (path, text) in sources {
            let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
            let modules: Vec<String> = path.split('/').map(str::to_owned).collect();
            if !layers.contains(&modules[0].as_str()) {
                continue;
            }
            let mut of_tests = BTreeSet::new();
            let mut found = Vec::new();
            words(without_tests(text.parse().unwrap(), &mut of_tests), &mut found);
            tests.extend(of_tests.into_iter().map(|name| [modules.clone(), vec![name]].concat()));
            all.insert(modules.clone(), Module::new(Source { modules, words: found }));
        }
        all.retain(|modules, _| !tests.iter().any(|test| modules.starts_with(test)));
        Self(all)
    }

    /// The module that defines what a path from the root names; none where it is in no file of these layers.
    fn home(&self, path: &[String], depth: usize) -> Option<Vec<String>> {
        let path = path.strip_prefix(&["crate".to_owned()]).unwrap_or(path);
        let length = (1..=path.len()).rev().find(|length| self.0.contains_key(&path[..*length]))?;
        let (found, rest) = path.split_at(length);
        let Some(name) = rest.first() else { return Some(found.to_vec()) };
        let import = self.0[found].imports.iter().find(|import| import.name == *name && name != "*");
        match import {
            Some(import) if depth < 16 => {
                let target = self.absolute(&import.path, found);
                self.home(&[target, rest[1..].to_vec()].concat(), depth + 1)
            }
            _ => Some(found.to_vec()),
        }
    }

    /// A path that may begin with a child module, or with a name that the module imports.
    fn absolute(&self, path: &[String], here: &[String]) -> Vec<String> {
        if path.first().is_none_or(|first| first == "crate") {
            return path.to_vec();
        }
        let child = [here, &path[..1]].concat();
        if self.0.contains_key(&child) {
            return [vec!["crate".to_owned()], child, path[1..].to_vec()].concat();
        }
        match self.0[here].imports.iter().find(|import| import.name == path[0] && import.path != path) {
            Some(import) if import.path[0] == "crate" => [import.path.clone(), path[1..].to_vec()].concat(),
            _ => path.to_vec(),
        }
    }

    /// Which files a file knows.
    fn known(&self, here: &[String]) -> BTreeSet<Vec<String>> {
        let module = &self.0[here];
        let has_children = self.0.keys().any(|other| other.len() > here.len() && other.starts_with(here));
        let imported = module.imports.iter().filter(|import| {
            let may_re_export = import.is_public || has_children;
            !may_re_export || module.names(&import.name)
        });
        let imported = imported.map(|import| import.path.clone());
        let named = module.source.paths();
        let targets = imported.chain(named).map(|path| self.absolute(&path, here));
        let homes = targets.filter(|path| path.first().is_some_and(|first| first == "crate"));
        homes.filter_map(|path| self.home(&path, 0)).filter(|home| home != here).collect()
    }

    /// A circle, if there is one.
    fn circle(&self) -> Option<Vec<String>> {
        let known: BTreeMap<_, _> = self.0.keys().map(|here| (here.clone(), self.known(here))).collect();
        let mut left: BTreeSet<_> = known.keys().cloned().collect();
        // Files that know none of the others are taken away, again and again.
        while let Some(free) = left.iter().find(|here| known[*here].is_disjoint(&left)).cloned() {
            left.remove(&free);
        }
        let mut way = vec![left.first()?.clone()];
        loop {
            let next = known[way.last()?].iter().find(|next| left.contains(*next))?.clone();
            let before = way.iter().position(|place| *place == next);
            way.push(next);
            if let Some(before) = before {
                return Some(way[before..].iter().map(|place| place.join("::")).collect());
            }
        }
    }
}

#[test]
fn no_import_circle_is_left() {
    let modules = Modules::new(&sources(), &PROVED);
    let edges: usize = modules.0.keys().map(|here| modules.known(here).len()).sum();
    assert!(modules.0.len() > 40 && edges > 100, "{} files and {edges} edges are found", modules.0.len());
    assert_eq!(modules.circle(), None);
}

#[test]
fn every_kind_of_circle_is_found() {
    let circle = |files: &[(&str, &str)]| {
        let files: Vec<_> = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        Modules::new(&files, &["a"]).circle()
    };
    let ring = Some(vec!["a::b".to_owned(), "a::c".to_owned(), "a::b".to_owned()]);
    for files in [
        &[("a/b.rs", "use super::c::C;"), ("a/c.rs", "use crate::a::b::{self, B};")][..],
        &[("a/b.rs", "fn f() { super::c::g() }"), ("a/c.rs", "fn g() { crate::a::b::f() }")],
        // By a name that the parent re-exports.
        &[
            ("a/mod.rs", "mod b; mod c; pub use b::B; use c::C as D;"),
            ("a/b.rs", "use super::D;"),
            ("a/c.rs", "use super::B;"),
        ],
        // By the parent as a whole.
        &[
            ("a/mod.rs", "pub mod b; mod c; pub use c::C;"),
            ("a/b.rs", "use crate::a; fn f() -> a::C {}"),
            ("a/c.rs", "use super::b;"),
        ],
    ] {
        assert_eq!(circle(files), ring, "{files:?}");
    }
    let parent = [("a/mod.rs", "mod b; fn f() { b::g() }"), ("a/b.rs", "fn g() { super::f() }")];
    assert_eq!(circle(&parent), Some(vec!["a".to_owned(), "a::b".to_owned(), "a".to_owned()]));
    for files in [
        &[("a/mod.rs", "pub mod b; pub use b::B; fn f() {}"), ("a/b.rs", "use super::f; fn g() { f() }")][..],
        &[("a/b.rs", "#[cfg(test)] mod tests { use super::super::c; }"), ("a/c.rs", "use super::b::B;")],
        &[("a/mod.rs", "#[cfg(test)] mod b;"), ("a/b.rs", "use super::c::C;"), ("a/c.rs", "use super::b::B;")],
        &[("a/mod.rs", "mod b; fn f() { b::g() }"), ("a/b.rs", "pub mod c { use super::D; } struct D;")],
        &[("a/mod.rs", "mod b; fn f() { b::g() }"), ("a/b.rs", "pub(in crate::a) fn g() {}")],
    ] {
        assert_eq!(circle(files), None, "{files:?}");
    }
}
