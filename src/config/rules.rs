//! The rules for values beyond their types.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::text_form::{TextForm, between};
use super::values::{Config, Life};
use crate::domain::backup::Schedule;
use crate::domain::public_url::{is_host, is_origin, is_public_url};
use crate::domain::secret::Secret;
use crate::domain::text;

/// A key and the rule that its value breaks.
type BrokenRule = (&'static str, String);

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// Returns the first broken rule.
pub(super) fn check(config: &Config) -> Result<(), BrokenRule> {
    let c = config;
    count("workers", c.workers, 0..=1024)?;
    count("max_connections", c.max_connections, 1..=1_000_000)?;
    count("connections_per_address", c.connections_per_address, 0..=1_000_000)?;
    check_range("max_body", &c.max_body, 1 << 10..=1 << 30)?;
    check_range("body_memory", &c.body_memory, 1 << 20..=1 << 40)?;
    check_range("unsent_memory", &c.unsent_memory, 1 << 20..=1 << 40)?;
    check_range("max_file", &c.max_file, 1..=5 << 40)?;
    check_range("organization_files", &c.organization_files, 0..=1 << 60)?;
    check_range("request_timeout", &c.request_timeout, SECOND / 10..=HOUR)?;
    check_range("write_timeout", &c.write_timeout, SECOND..=HOUR)?;
    check_range("keep_alive", &c.keep_alive, SECOND..=HOUR)?;
    check_range("stop_grace", &c.stop_grace, Duration::ZERO..=HOUR)?;
    count("write_queue", c.write_queue, 1..=1_000_000)?;
    count("readers", c.readers, 2..=1024)?;
    check_range("page_cache", &c.page_cache, 64 << 10..=1 << 30)?;
    check_range("answer_memory", &c.answer_memory, 0..=1 << 30)?;
    check_range("search_memory", &c.search_memory, 0..=1 << 30)?;
    count("password_threads", c.password_threads, 0..=1024)?;
    count("password_queue", c.password_queue, 1..=100_000)?;
    check_range("access_token_life", &c.access_token_life, SECOND..=DAY)?;
    check_range("session_idle", &c.session_idle, SECOND..=DAY * 3650)?;
    check_range("session_life", &c.session_life, SECOND..=DAY * 3650)?;
    check_range("signing_key_life", &c.signing_key_life, SECOND..=DAY * 3650)?;
    check_range("offline_idle", &c.offline_idle, SECOND..=DAY * 3650)?;
    check_range("offline_life", &c.offline_life, SECOND..=DAY * 3650)?;
    check_range("browser_idle", &c.browser_idle, SECOND..=DAY * 3650)?;
    check_range("browser_life", &c.browser_life, SECOND..=DAY * 3650)?;
    if let Some(life) = &c.key_longest_life {
        check_range("key_longest_life", life, SECOND..=DAY * 3650)?;
    }
    check_life("ended_key_life", c.ended_key_life)?;
    check_life("audit_life", c.audit_life)?;
    count("sign_in_free_failures", c.sign_in_free_failures, 1..=1000)?;
    check_range("sign_in_longest_wait", &c.sign_in_longest_wait, SECOND..=DAY)?;
    count("graphql_depth", c.graphql_depth, 15..=100)?;
    count("graphql_complexity", c.graphql_complexity, 1..=100_000)?;

    holds("data_dir", !c.data_dir.as_os_str().is_empty(), "must be the path of a directory")?;
    holds(
        "audit_export",
        c.audit_export.as_ref().is_none_or(|path| !path.as_os_str().is_empty()),
        "must be the path of a directory",
    )?;
    check_database(c)?;
    check_tls(c)?;
    check_pages(c)?;
    check_files(c)?;
    check_backups(c)?;
    holds("signing_key_bits", [2048, 3072, 4096].contains(&c.signing_key_bits), "must be 2048, 3072 or 4096")?;
    check_addresses(c)?;
    holds(
        "log",
        is_filter(&c.log),
        "must be off, error, warn, info, debug or trace, or module=level, separated by commas, \
         such as info,atelier=debug",
    )?;
    holds(
        "session_idle",
        c.session_idle <= c.session_life,
        &format!("must not be longer than session_life, which is {}", c.session_life.to_text()),
    )?;
    holds(
        "signing_key_life",
        c.access_token_life <= c.signing_key_life,
        &format!("must not be shorter than access_token_life, which is {}", c.access_token_life.to_text()),
    )?;
    holds(
        "offline_idle",
        c.offline_idle <= c.offline_life,
        &format!("must not be longer than offline_life, which is {}", c.offline_life.to_text()),
    )?;
    holds(
        "browser_idle",
        c.browser_idle <= c.browser_life,
        &format!("must not be longer than browser_life, which is {}", c.browser_life.to_text()),
    )?;
    holds(
        "master_key",
        c.master_key.is_none() || c.master_key_file.is_none(),
        "must not be set together with master_key_file",
    )?;
    holds(
        "admin_password",
        c.admin_password.is_none() || c.admin_password_file.is_none(),
        "must not be set together with admin_password_file",
    )
}

/// The keys of the addresses where the server is reached.
fn check_addresses(c: &Config) -> Result<(), BrokenRule> {
    holds("listen", !c.listen.is_empty(), "must contain at least one address")?;
    holds(
        "public_url",
        c.public_url.as_deref().is_none_or(is_public_url),
        "must be http:// or https://, a host, an optional port and an optional path of letters, digits and -._~, without a \
         trailing slash, such as https://atelier.example.com or https://example.com/atelier; the path must not begin with \
         one of the server's own, such as /auth",
    )?;
    holds(
        "trusted_hosts",
        c.trusted_hosts.iter().all(|host| is_host(host)),
        "must contain hosts with an optional port, such as atelier.lan or 10.0.0.5:8787",
    )?;
    holds(
        "cors_origins",
        c.cors_origins.iter().all(|origin| is_origin(origin)),
        "must contain origins without a path or a trailing slash, such as https://app.example.com",
    )
}

/// The keys of the database.
fn check_database(c: &Config) -> Result<(), BrokenRule> {
    let is_address = |address: &Secret| {
        let address = address.expose();
        address.starts_with("postgres://") || address.starts_with("postgresql://")
    };
    holds(
        "database",
        c.database.as_ref().is_none_or(is_address),
        "must be postgres://USER@HOST/DATABASE; without it, the data is in a file of data_dir",
    )
}

/// The keys of TLS.
fn check_tls(c: &Config) -> Result<(), BrokenRule> {
    let is_path = |path: &Option<PathBuf>| path.as_deref().is_none_or(|path| !path.as_os_str().is_empty());
    holds("tls_certificate", is_path(&c.tls_certificate), "must be the path of a file")?;
    holds("tls_key", is_path(&c.tls_key), "must be the path of a file")?;
    holds(
        "tls_self_signed",
        !c.tls_self_signed || c.tls_certificate.is_none(),
        "must not be true if tls_certificate is set",
    )
}

/// The keys of what the pages show.
fn check_pages(c: &Config) -> Result<(), BrokenRule> {
    holds("server_name", is_line(&c.server_name, 60), "must have 1 to 60 visible characters")?;
    holds(
        "administrator_contact",
        c.administrator_contact.as_deref().is_none_or(|text| is_line(text, 200)),
        "must have 1 to 200 visible characters",
    )?;
    holds(
        "server_logo",
        c.server_logo.as_deref().is_none_or(|path| !path.as_os_str().is_empty()),
        "must be the path of a file",
    )
}

/// A text on one line, with at most so many characters.
fn is_line(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && text::visible(text).is_ok()
}

/// The keys of the place of the files.
fn check_files(c: &Config) -> Result<(), BrokenRule> {
    holds(
        "files_url",
        c.files_url.as_deref().is_none_or(is_bucket),
        "must be s3:// and a bucket, with an optional prefix, such as s3://models/atelier",
    )?;
    holds(
        "files_endpoint",
        c.files_endpoint.as_deref().is_none_or(is_origin),
        "must be http:// or https://, a host and an optional port, such as https://storage.example.com:9000",
    )?;
    holds(
        "files_secret_key",
        c.files_secret_key.is_none() || c.files_secret_key_file.is_none(),
        "must not be set together with files_secret_key_file",
    )
}

/// The keys of scheduled backups.
fn check_backups(c: &Config) -> Result<(), BrokenRule> {
    if let Some(Schedule::Every(interval)) = &c.backup_schedule {
        check_range("backup_schedule", interval, Duration::from_mins(1)..=DAY * 366)?;
    }
    let is_path = |path: &Option<PathBuf>| path.as_deref().is_none_or(|path| !path.as_os_str().is_empty());
    holds("backup_directory", is_path(&c.backup_directory), "must be the path of a directory")?;
    holds("backup_passphrase_file", is_path(&c.backup_passphrase_file), "must be the path of a file")
}

/// `s3://models`, `s3://models/team/files`.
fn is_bucket(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && !name.starts_with('.')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    text.strip_prefix("s3://").is_some_and(|rest| rest.strip_suffix('/').unwrap_or(rest).split('/').all(is_name))
}

fn holds(key: &'static str, holds: bool, rule: &str) -> Result<(), BrokenRule> {
    if holds { Ok(()) } else { Err((key, rule.to_owned())) }
}

fn count(key: &'static str, value: usize, range: RangeInclusive<usize>) -> Result<(), BrokenRule> {
    holds(key, range.contains(&value), &between(range.start(), range.end()))
}

fn check_range<T: TextForm + PartialOrd>(
    key: &'static str,
    value: &T,
    range: RangeInclusive<T>,
) -> Result<(), BrokenRule> {
    holds(key, range.contains(value), &between(range.start().to_text(), range.end().to_text()))
}

fn check_life(key: &'static str, life: Life) -> Result<(), BrokenRule> {
    let range = DAY..=DAY * 3650;
    let is_in = life.limit().is_none_or(|life| range.contains(&life));
    holds(key, is_in, &format!("{}, or forever", between(range.start().to_text(), range.end().to_text())))
}

/// `info`, `info,atelier::store=debug`. `env_logger` accepts a bare module name as a filter too, but a misspelled level
/// would be read as one and disable all logging, so it is refused.
fn is_filter(text: &str) -> bool {
    let level = |text: &str| text.parse::<log::LevelFilter>().is_ok();
    let module = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-'))
    };
    text.split(',').map(str::trim).all(|part| match part.split_once('=') {
        Some((name, wanted)) => module(name) && level(wanted),
        None => level(part),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_a_url() {
        for good in ["s3://models", "s3://models/", "s3://my.bucket-1/team/files"] {
            assert!(is_bucket(good), "{good}");
        }
        for bad in ["", "models", "s3:/x", "s3://", "s3:///x", "http://b", "s3://b//x", "s3://b/a b", "s3://b/../c"] {
            assert!(!is_bucket(bad), "{bad}");
        }
    }

    #[test]
    fn a_name_of_a_server_is_a_visible_line() {
        for good in ["atelier", "ML <b>team</b> & friends", "\u{5e9}\u{5dc}\u{5d5}\u{5dd}", &"n".repeat(60)] {
            assert!(is_line(good, 60), "{good}");
        }
        for bad in ["", "  ", "a\nb", "a\u{202e}b", &"n".repeat(61)] {
            assert!(!is_line(bad, 60), "{bad:?}");
        }
    }

    #[test]
    fn a_misspelled_level_is_refused() {
        for good in ["info", "OFF", "info,atelier=debug", "warn, actix_web::server=trace"] {
            assert!(is_filter(good), "{good}");
        }
        for bad in ["", "inof", "info,", "=info", "atelier=", "atelier=loud", "info;debug"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }
}
