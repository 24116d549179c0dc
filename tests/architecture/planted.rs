//! Does the reader see what it looks for? Violations are planted in made-up files.

use super::{Source, faults, length};

fn faults_of(path: &str, text: &str) -> Vec<String> {
    faults(path, text).into_iter().collect()
}

#[track_caller]
fn clean(path: &str, text: &str) {
    assert_eq!(faults_of(path, text), Vec::<String>::new(), "{text}");
}

#[track_caller]
fn caught(path: &str, text: &str, told: &str) {
    let seen = faults_of(path, text);
    assert!(!seen.is_empty() && seen.iter().all(|fault| fault.contains(told)), "{text}: {seen:?}");
}

#[test]
fn a_layer_that_uses_a_later_one_is_caught() {
    caught("domain/user.rs", "use crate::store::users;", "domain must not know store");
    caught("domain/mod.rs", "use crate::error::Error;", "domain must not know error");
    caught("policy.rs", "use crate::store::View;", "policy must not know store");
    caught("error.rs", "use crate::store::View;", "error must not know store");
    caught("tokens/opaque.rs", "use crate::error::Error;", "tokens must not know error");
    caught("tokens/opaque.rs", "use crate::store::View;", "tokens must not know store");
    caught("store/users.rs", "use crate::app::users;", "store must not know app");
    caught("app/users.rs", "use crate::http::dialect;", "app must not know http");
    caught("app/users.rs", "use crate::config::Config;", "app must not know config");
    caught("http/mod.rs", "use crate::cli::CliError;", "http must not know cli");
    caught("cli/user.rs", "use crate::http::serve;", "cli must not know http");
    caught("main.rs", "fn main() { atelier::app::go() }", "main must not know app");
    caught("util/mod.rs", "", "util is no layer");
}

#[test]
fn a_layer_that_uses_earlier_ones_is_fine() {
    clean("policy.rs", "use crate::domain::member::Role;");
    clean("error.rs", "use crate::policy::Action;");
    clean("store/users.rs", "use crate::tokens::password::PasswordHash; use super::View; use crate::error::Result;");
    clean("app/users.rs", "use crate::store::{self, Tx}; use super::audit;");
    clean("http/wallaroo/users.rs", "use crate::app::users; use super::failure::Failure; use crate::http::body;");
    clean("cli/serve.rs", "use crate::http;");
    clean("main.rs", "fn main() -> ExitCode { atelier::cli::run() }");
    clean("lib.rs", "pub mod app; pub mod cli;");
}

#[test]
fn every_spelling_of_a_path_is_caught() {
    let store = "domain must not know store";
    for text in [
        "use crate::{error_free, store::{users, View}};",
        "use crate::store as memory;",
        "pub(crate) use crate::store::*;",
        "use super::super::store::users;",
        "use super::{super::store::users, email::Email};",
        "fn f() { crate::store::users::find() }",
        "fn f(view: &crate::store::View) {}",
        "mod tests { use super::super::super::store::View; }",
        "mod tests { mod deeper { fn f() { super::super::super::super::store::open() } } }",
        "impl From<crate::store::View> for Email {}",
        "macro_rules! m { () => { $crate::store::open() } }",
    ] {
        caught("domain/email.rs", text, store);
    }
    clean("domain/email.rs", "mod tests { use super::*; mod deeper { use super::super::Email; } }");
    clean("domain/email.rs", "mod tests { use super::*; } fn store() { self::store() }");
}

#[test]
fn a_crate_used_outside_its_layer_is_caught() {
    caught("app/users.rs", "use rusqlite::Row;", "rusqlite is not for app");
    caught("app/users.rs", "fn f(row: &rusqlite::Row) {}", "rusqlite is not for app");
    caught("http/mod.rs", "use {rusqlite::Row, std::fmt};", "rusqlite is not for http");
    caught("cli/check.rs", "use rusqlite as sql;", "rusqlite is not for cli");
    caught("cli/mod.rs", "use actix_web::web;", "actix_web is not for cli");
    caught("http/mod.rs", "#[derive(clap::Parser)] struct Flags;", "clap is not for http");
    caught("store/users.rs", "use argon2::Argon2;", "argon2 is not for store");
    caught("app/tests/mod.rs", "use rusqlite::Connection;", "rusqlite is not for app");
    clean("store/users.rs", "use rusqlite::{Row, named_params};");
    clean("http/mod.rs", "use actix_web::{HttpRequest, web};");
    clean("cli/mod.rs", "use clap::Parser;");
}

#[test]
fn comments_and_literals_are_not_code() {
    clean("domain/user.rs", "// use crate::store::users;\n/* crate::store /* nested */ crate::app */");
    clean("domain/user.rs", "/// See [`crate::store::users`].\nfn f() { g(\"crate::store \\\" crate::app\") }");
    clean("domain/user.rs", "const S: &str = r#\"use \"crate::store\" here\"#;");
    clean("domain/user.rs", "const S: &[u8] = br\"\\\"; const C: char = '\"'; const Q: char = '\\''; // crate::store");
    caught("domain/user.rs", "const C: char = '\"'; use crate::store::View; // \"", "domain must not know store");
    caught("domain/user.rs", "fn f<'a>(x: &'a str) { crate::store::open(\"x\") }", "domain must not know store");
    caught("domain/user.rs", "const S: &str = r\"\\\"; use crate::store::View;", "domain must not know store");
}

#[test]
fn a_dialect_that_uses_another_is_caught() {
    let told = "a dialect must not know another";
    caught("http/wallaroo/users.rs", "use crate::http::keycloak::form::Form;", told);
    caught("http/keycloak/users.rs", "use super::super::wallaroo::answer::Body;", told);
    caught("http/keycloak/mod.rs", "use super::wallaroo;", told);
    clean("http/mod.rs", "pub mod wallaroo; use wallaroo::routes; use self::keycloak::Failure;");
    clean("http/wallaroo/graphql/mod.rs", "use super::failure::Failure; use crate::http::wallaroo::answer;");
}

#[test]
fn io_in_a_pure_layer_is_caught() {
    caught("domain/user.rs", "use std::fs::File;", "std::fs::File is not for domain");
    caught("policy.rs", "fn f() { tokio::spawn(g()) }", "tokio::spawn is not for policy");
    caught("domain/user.rs", "use std::{fmt, io::Read};", "std::io::Read is not for domain");
    clean("domain/user.rs", "use std::{fmt, net::IpAddr};");
}

#[test]
fn comments_and_literals_are_not_words() {
    let source = Source::new("app/users.rs", "a /* b\n */ c // d\n\"e\" 'f' b\"g\" 1 'h i::j[k] : :");
    assert_eq!(source.words, ["a", "c", "'", "h", "i", "::", "j", "[", "k", "]", ":", ":"]);
}

#[test]
fn every_leaf_of_a_use_tree_is_a_path() {
    let source = Source::new("app/users.rs", "use a::{self, b::{c, d as e}, *};");
    let paths: Vec<String> = source.paths().iter().map(|path| path.join("::")).collect();
    for expected in ["a::self", "a::b::c", "a::b::d", "a::*"] {
        assert!(paths.contains(&expected.to_owned()), "{paths:?}");
    }
}

#[test]
fn tests_at_the_end_of_a_file_are_not_counted() {
    assert_eq!(length("a\nb\n\n#[cfg(test)]\nmod tests {\n    c\n}\n"), 2);
    assert_eq!(length("a\nb\n\n#[cfg(test)]\nmod tests;\n"), 5);
}
