//! The right command where somebody types the word of another system.

use std::error::Error as _;
use std::num::ParseIntError;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Words for a command: where it was typed, the words, and what to type instead.
const COMMANDS: &[(&str, &[&str], &str)] = &[
    ("", &["start", "run", "server", "up", "daemon"], "serve"),
    ("", &["config", "doctor", "verify", "validate"], "check"),
    ("", &["users", "people", "person", "account", "accounts"], "user"),
    ("", &["admins", "administrator", "recover"], "admin recover"),
    ("", &["passwd", "password", "reset-password"], "user passwd"),
    ("", &["invite", "invitation", "invitations"], "user invite"),
    ("", &["sessions"], "session list"),
    ("", &["logout", "signout", "sign-out"], "session end"),
    ("", &["orgs", "organization", "organizations", "organisation", "realm", "realms", "tenant"], "org"),
    ("", &["workspaces", "space", "spaces", "ws"], "workspace"),
    ("", &["members", "membership", "group", "groups", "team", "teams"], "member"),
    ("", &["roles"], "role"),
    ("", &["bindings", "rolebinding", "role-binding", "role-bindings", "grant", "grants", "permission"], "binding"),
    ("", &["projects"], "project"),
    ("", &["models", "artifact", "artifacts"], "model"),
    ("", &["pipelines"], "pipeline"),
    ("", &["connections", "datasource", "datasources"], "connection"),
    ("", &["tags", "label", "labels"], "tag"),
    ("", &["token", "tokens", "api-key", "api-keys", "apikey", "pat"], "key"),
    ("", &["clients", "app", "apps", "oauth"], "client"),
    ("", &["signing-keys", "jwk", "jwks"], "signing-key"),
    ("", &["log", "logs", "events", "history"], "audit list"),
    ("", &["vacuum", "optimize", "shrink", "gc"], "compact"),
    ("", &["backups", "snapshot"], "backup"),
    ("", &["load"], "import"),
    ("", &["diff", "preview"], "plan"),
    ("", &["why", "can", "can-i"], "explain"),
    ("*", &["ls", "index", "all"], "list"),
    ("*", &["get", "info", "view", "inspect", "describe", "cat"], "show"),
    ("*", &["add", "new", "make"], "create"),
    ("*", &["create", "new", "register", "make"], "add"),
    ("*", &["remove", "rm", "del", "destroy", "drop"], "delete"),
    ("*", &["delete", "rm", "del", "drop"], "remove"),
    ("*", &["mv"], "rename"),
    ("*", &["edit", "modify", "set"], "change"),
    ("*", &["edit", "modify", "set", "change"], "update"),
    ("user", &["password", "set-password", "reset-password"], "user passwd"),
    ("user", &["deactivate", "block", "lock", "suspend"], "user disable"),
    ("user", &["activate", "unblock", "unlock"], "user enable"),
    ("user", &["edit", "update", "change", "modify"], "user rename"),
    ("user", &["developer", "set-dev"], "user set-developer"),
    ("user", &["make-admin", "grant-admin"], "user promote"),
    ("user", &["reset-2fa", "reset-totp", "reset-otp"], "user reset-mfa"),
    ("user", &["logout"], "session end --user"),
    ("session", &["delete", "remove", "rm", "revoke", "kill", "logout"], "session end"),
    ("key", &["add", "new", "issue", "generate"], "key create"),
    ("key", &["delete", "remove", "rm", "del"], "key revoke"),
    ("key", &["rotate", "regenerate", "replace", "extend"], "key refresh"),
    ("org", &["update", "change"], "org rename"),
    ("org", &["add-user", "invite"], "org add-member"),
    ("org", &["remove-user", "kick"], "org remove-member"),
    ("workspace", &["add-member", "add-user", "invite"], "member add"),
    ("workspace", &["remove-member", "remove-user"], "member remove"),
    ("workspace", &["members"], "member list"),
    ("workspace", &["unarchive", "reactivate", "enable", "reopen", "undelete"], "workspace restore"),
    ("workspace", &["freeze", "disable", "deactivate", "close"], "workspace archive"),
    ("workspace", &["set-private", "set-public"], "workspace privacy"),
    ("workspace", &["update", "change", "edit", "settings"], "workspace set"),
    ("member", &["update", "change", "promote"], "member set-role"),
    ("role", &["update"], "role change"),
    ("role", &["assign", "bind"], "binding add"),
    ("project", &["lock"], "project restrict"),
    ("project", &["unlock"], "project unrestrict"),
    ("model", &["upload", "push", "add", "create"], "model put"),
    ("model", &["download", "pull"], "model get"),
    ("model", &["versions"], "model list"),
    ("pipeline", &["upload", "push", "add", "new"], "pipeline create"),
    ("pipeline", &["steps"], "pipeline definition"),
    ("pipeline", &["clone", "cp", "duplicate"], "pipeline copy"),
    ("connection", &["attach", "share", "add-to-workspace"], "connection link"),
    ("connection", &["detach", "unshare", "remove-from-workspace"], "connection unlink"),
    ("tag", &["assign", "set", "link"], "tag attach"),
    ("tag", &["unassign", "unset", "unlink"], "tag detach"),
    ("tag", &["rename", "update", "edit"], "tag change"),
    ("audit", &["show", "log", "search"], "audit list"),
    ("audit", &["check"], "audit verify"),
];

/// Words for something that no command does: where it was typed, the words, and what to do instead.
const ADVICE: &[(&str, &[&str], &str)] = &[
    ("", &["stop", "shutdown", "halt", "kill", "quit"], "SIGTERM or Ctrl-C stops the server"),
    ("", &["restart", "reload"], "stop the server with SIGTERM or Ctrl-C, and start it with `atelier serve`"),
    ("", &["version"], "`atelier --version` prints the version"),
    (
        "",
        &["setup", "install", "bootstrap", "new"],
        "`atelier init` writes a configuration, `atelier serve` creates the data directory and the first administrator, `atelier apply FILE` what a file declares",
    ),
    (
        "",
        &["login", "signin", "sign-in", "auth"],
        "commands need no sign-in, and `atelier key create --user EMAIL` makes an API key for a client",
    ),
    (
        "",
        &["upgrade", "update", "migrate", "migration", "migrations"],
        "a new version upgrades the data file when it starts, and `atelier check --upgrade` tries that on a copy",
    ),
    ("", &["dump"], "`atelier backup FILE` makes a backup, `atelier export FILE` lines of JSON"),
    (
        "",
        &["prune", "purge", "clean", "cleanup"],
        "the server removes old backups itself (`backup_keep`), and `atelier apply FILE --prune` removes what a file does \
         not declare",
    ),
    (
        "",
        &["delete", "remove", "rm", "create", "add", "list", "ls", "show", "get"],
        "name the kind first, as in `atelier user list`",
    ),
];

/// Words for an option: where it was typed, the words, and what to type instead.
const OPTIONS: &[(&str, &[&str], &str)] = &[
    ("serve", &["--port", "--host", "--bind", "--address", "--addr", "-p"], "--listen ADDRESS:PORT"),
    ("serve", &["--url", "--base-url", "--hostname", "--external-url"], "--public-url URL"),
    ("*", &["--data", "--db", "--database", "--dir", "-d"], "--data-dir DIR"),
    ("*", &["--conf", "--config-file", "-c"], "--config FILE"),
    ("*", &["--force", "-f", "-y", "--confirm", "--no-confirm"], "--yes"),
    ("*", &["--output", "-o", "--format"], "--json"),
    ("*", &["--max", "-n", "--count", "--page-size", "--first"], "--limit N"),
    ("*", &["--search", "--query", "--grep", "-q"], "--filter TEXT"),
    ("*", &["--ttl", "--expiry", "--expires-in", "--expiration", "--lifetime"], "--expires WHEN"),
    ("*", &["--email", "--username", "--owner", "--for"], "--user EMAIL"),
    ("*", &["--organisation", "--organization-id"], "--org ORG"),
    ("*", &["--org", "--tenant", "--realm"], "--organization ORG"),
    ("*", &["--space", "--workspace-id", "-w"], "--workspace WORKSPACE"),
    ("*", &["--password", "--pass"], "--password-stdin"),
];

/// The error with the right word, if another system's word was typed.
pub(super) fn hint(root: &Command, error: &clap::Error, arguments: impl Iterator<Item = String>) -> Option<String> {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let arguments: Vec<String> = arguments.skip(1).collect();
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = context(ContextKind::InvalidSubcommand)?;
            let (path, command) = typed(root, &arguments, word);
            let instead = match command_for(&path, command, word) {
                Some(right) => format!("use `atelier {right}`"),
                None => advice_for(&path, word)?.to_owned(),
            };
            let typed = spelled(&path, word);
            Some(format!("there is no `atelier {typed}`; {instead}, or see `atelier {}--help`", before_flag(&path)))
        }
        ErrorKind::ValueValidation => {
            let rule = rule_of(error)?;
            let (argument, value) = (context(ContextKind::InvalidArg)?, context(ContextKind::InvalidValue)?);
            let argument = argument.split(' ').next()?.trim_matches(['<', '>', '[', ']', '.']);
            Some(format!("{argument}: {rule}, not {value:?}; correct it and try again"))
        }
        ErrorKind::UnknownArgument => {
            let word = context(ContextKind::InvalidArg)?;
            let (path, command) = typed(root, &arguments, word);
            let right = option_for(&path, command, word)?;
            Some(format!(
                "`atelier {path}` has no option {word}; use {right}, or see `atelier {}--help`",
                before_flag(&path)
            ))
        }
        _ => None,
    }
}

/// The rule that a value breaks, for a number: the parser has only words for programmers.
fn rule_of(error: &clap::Error) -> Option<String> {
    let source = error.source()?;
    if source.is::<ParseIntError>() {
        return Some("must be a whole number".to_owned());
    }
    let words = source.to_string();
    let (_, range) = words.split_once(" is not in ")?;
    let (min, max) = range.split_once("..")?;
    let max = max.trim_start_matches('=');
    let is_open = [u64::MAX.to_string(), i64::MAX.to_string()].iter().any(|most| most == max);
    Some(if is_open { format!("must be at least {min}") } else { format!("must be from {min} to {max}") })
}

fn before_flag(path: &str) -> String {
    if path.is_empty() { String::new() } else { format!("{path} ") }
}

fn spelled(path: &str, word: &str) -> String {
    before_flag(path) + word
}

/// The command that the arguments before a word name.
fn typed<'c>(root: &'c Command, arguments: &[String], word: &str) -> (String, &'c Command) {
    let (mut path, mut command) = (Vec::new(), root);
    for argument in arguments.iter().take_while(|argument| argument.split('=').next() != Some(word)) {
        if let Some(next) = command.find_subcommand(argument) {
            path.push(next.get_name());
            command = next;
        }
    }
    (path.join(" "), command)
}

fn command_for(path: &str, command: &Command, word: &str) -> Option<String> {
    let word = word.to_lowercase();
    let words = |(_, words, _): &&(&str, &[&str], &str)| words.contains(&word.as_str());
    if let Some((_, _, right)) = COMMANDS.iter().filter(words).find(|(at, _, _)| *at == path) {
        return Some((*right).to_owned());
    }
    let exists = |right: &str| !path.is_empty() && command.find_subcommand(right).is_some();
    let (_, _, right) = COMMANDS.iter().filter(words).find(|(at, _, right)| *at == "*" && exists(right))?;
    Some(spelled(path, right))
}

fn advice_for(path: &str, word: &str) -> Option<&'static str> {
    let word = word.to_lowercase();
    let fits = |(at, words, _): &&(&str, &[&str], &str)| *at == path && words.contains(&word.as_str());
    ADVICE.iter().find(fits).map(|(_, _, advice)| *advice)
}

fn option_for(path: &str, command: &Command, word: &str) -> Option<&'static str> {
    let fits = |(place, words, right): &&(&str, &[&str], &'static str)| {
        let long = right.split(' ').next().unwrap_or_default().trim_start_matches('-');
        let exists = command.get_arguments().any(|argument| argument.get_long() == Some(long));
        // Global options stand at the command above.
        let exists = exists || matches!(long, "data-dir" | "config");
        (*place == path || *place == "*") && words.contains(&word) && exists
    };
    OPTIONS.iter().find(fits).map(|(_, _, right)| *right)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    fn exists(right: &str) -> bool {
        let root = Cli::command();
        let words: Vec<String> = right.split(' ').filter(|word| !word.starts_with('-')).map(str::to_owned).collect();
        typed(&root, &words, "").0 == words.join(" ")
    }

    #[test]
    fn every_hint_leads_to_a_command_that_exists() {
        for (place, words, right) in COMMANDS {
            assert!(*place == "*" || exists(right), "{right}");
            let taken = |word: &&str| exists(&spelled(place, word)) && !["", "*"].contains(place);
            assert_eq!(words.iter().find(|word| *place != "*" && taken(word)), None, "{place} {words:?}");
        }
        for (place, words, advice) in ADVICE {
            assert_eq!(words.iter().find(|word| exists(&spelled(place, word))), None, "{place} {words:?}");
            let commands = advice.split('`').skip(1).step_by(2).filter_map(|code| code.strip_prefix("atelier "));
            for command in commands {
                let first = command.split(' ').next().unwrap_or_default();
                assert!(first.starts_with("--") || exists(first), "{command}");
            }
        }
        for (_, words, right) in OPTIONS {
            assert!(right.starts_with("--") && words.iter().all(|word| word.starts_with('-')), "{right}");
        }
    }

    #[test]
    fn the_word_of_another_system_gets_the_right_one() {
        let hint = |line: &str| {
            let words: Vec<String> = std::iter::once("atelier").chain(line.split(' ')).map(str::to_owned).collect();
            let error = Cli::command().try_get_matches_from(&words).expect_err(line);
            hint(&Cli::command(), &error, words.into_iter()).unwrap_or_default()
        };
        for (line, right) in [
            ("start", "`atelier serve`"),
            ("users list", "`atelier user`"),
            ("user remove ada@example.com", "`atelier user delete`"),
            ("user --data-dir x rm ada@example.com", "`atelier user delete`"),
            ("space list", "`atelier workspace`"),
            ("token create", "`atelier key`"),
            ("group list", "`atelier member`"),
            ("key delete 7", "`atelier key revoke`"),
            ("workspace ls", "`atelier workspace list`"),
            ("client delete x", "`atelier client remove`"),
            ("user password a@b", "`atelier user passwd`"),
            ("stop", "SIGTERM"),
            ("restart", "`atelier serve`"),
            ("version", "`atelier --version`"),
            ("setup", "`atelier init`"),
            ("login", "`atelier key create --user EMAIL`"),
            ("upgrade", "`atelier check --upgrade`"),
            ("migrate", "`atelier check --upgrade`"),
            ("vacuum", "`atelier compact`"),
            ("dump", "`atelier export FILE`"),
            ("diff a.toml", "`atelier plan`"),
            ("prune", "`backup_keep`"),
            ("list", "`atelier user list`"),
            ("key rotate 7", "`atelier key refresh`"),
            ("workspace update vision", "`atelier workspace set`"),
            ("serve --port 8080", "use --listen ADDRESS:PORT"),
            ("serve --port=8080", "use --listen ADDRESS:PORT"),
            ("workspace delete vision -y", "use --yes"),
            ("user list --db x", "use --data-dir DIR"),
            ("user list --max 5", "use --limit N"),
        ] {
            assert!(hint(line).contains(right), "{line}: {}", hint(line));
        }
        for line in ["nonsense", "user nonsense", "user list --nonsense"] {
            assert_eq!(hint(line), "", "{line}");
        }
    }
}
