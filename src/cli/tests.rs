use clap::CommandFactory;
use clap::error::ErrorKind;

use super::*;
use crate::config::keys;
use crate::domain::timestamp::Timestamp;

fn parse(line: &str) -> Result<Command, ErrorKind> {
    let words = std::iter::once("atelier").chain(line.split_whitespace());
    Cli::try_parse_from(words).map(|cli| cli.command).map_err(|error| error.kind())
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn every_key_is_a_flag_of_serve_and_check_with_its_help() {
    for name in ["serve", "check"] {
        let mut cli = Cli::command();
        let help = cli.find_subcommand_mut(name).unwrap().render_long_help().to_string();
        for key in keys::all() {
            let is_there = [" <", " [<"].iter().any(|value| help.contains(&format!("--{}{value}", key.flag())));
            assert!(is_there, "{name} --{}", key.flag());
            assert!(help.contains(&key.variable()), "{name} {}", key.variable());
        }
        assert!(help.contains("--config <FILE>"));
    }
}

#[test]
fn flags_reach_the_configuration() {
    let command =
        parse("serve --data-dir /srv/a --listen 127.0.0.1:1 --listen [::1]:2 --password-grant false").unwrap();
    let Command::Serve { settings } = command else { panic!("{command:?}") };
    let config = settings.load().unwrap();
    assert_eq!(config.data_dir.to_str(), Some("/srv/a"));
    assert_eq!(config.listen.len(), 2);
    assert!(!config.password_grant);
}

#[test]
fn the_place_may_stand_before_or_after_the_command() {
    for line in ["user --data-dir /srv/a list", "user list --data-dir /srv/a", "key list --data-dir /srv/a"] {
        match parse(line).unwrap() {
            Command::User(At { place, command: user::Command::List { .. } })
            | Command::Key(At { place, command: key::Command::List { user: None, .. } }) => {
                assert_eq!(place.load().unwrap().data_dir.to_str(), Some("/srv/a"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_commands_for_users_and_keys_parse() {
    for line in [
        "user add ada@example.com",
        "user add ada@example.com --first-name Ada --last-name L --admin --password-stdin --json",
        "user add ada@example.com --password-file /run/secrets/ada --config /etc/atelier.toml",
        "user list --json",
        "user reset-mfa ada@example.com",
        "admin recover",
        "admin recover ada@example.com --json --data-dir /srv/a",
        "user passwd ada@example.com --revoke-keys",
        "user enable ada@example.com",
        "user disable ada@example.com",
        "user promote ada@example.com",
        "user demote ada@example.com",
        "key create --user ada@example.com --name laptop --expires 90d",
        "key list --user ada@example.com --json",
        "key revoke 7",
        "keys rotate --json",
        "keys list --json --data-dir /srv/a",
        "check --json",
        "backup /b/a.tar --without-files --passphrase-file p --json --data-dir /srv/a",
        "backup --config /etc/atelier.toml /b",
        "backup verify /b --all --json",
        "backup list --json --data-dir /srv/a",
        "restore /b/a.tar --data-dir /srv/a --dry-run --revoke-keys --json",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line));
    }
    for (text, when) in [
        ("90d", flags::When::In(std::time::Duration::from_hours(90 * 24))),
        ("2027-01-31", flags::When::At(Timestamp::from_seconds(1_801_353_600))),
        ("2027-01-31T12:00:00+02:00", flags::When::At(Timestamp::from_seconds(1_801_389_600))),
    ] {
        let Ok(Command::Key(At { command: key::Command::Create { expires, .. }, .. })) =
            parse(&format!("key create --user a@b --expires {text}"))
        else {
            panic!("a key with an end")
        };
        assert_eq!(expires, Some(when), "{text}");
    }
}

#[test]
fn wrong_usage_is_refused() {
    for (line, kind) in [
        ("", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("user", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("user add", ErrorKind::MissingRequiredArgument),
        ("user add a@b --password-stdin --password-file x", ErrorKind::ArgumentConflict),
        ("user add a@b --password x", ErrorKind::UnknownArgument),
        ("key create", ErrorKind::MissingRequiredArgument),
        ("backup", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("backup --json", ErrorKind::MissingRequiredArgument),
        ("backup --json list", ErrorKind::ValueValidation),
        ("restore", ErrorKind::MissingRequiredArgument),
        ("key create --user a@b --expires soon", ErrorKind::ValueValidation),
        ("serve --keepalive 1s", ErrorKind::UnknownArgument),
        ("user list --listen 127.0.0.1:1", ErrorKind::UnknownArgument),
    ] {
        assert_eq!(parse(line).unwrap_err(), kind, "{line}");
    }
}

/// Every command without subcommands of its own, with the words that lead to it.
fn leaves(command: &clap::Command, path: &str) -> Vec<(String, clap::Command)> {
    let inner: Vec<_> = command.get_subcommands().filter(|inner| inner.get_name() != "help").collect();
    if inner.is_empty() {
        return vec![(path.to_owned(), command.clone())];
    }
    inner.into_iter().flat_map(|inner| leaves(inner, &format!("{path} {}", inner.get_name()))).collect()
}

#[test]
fn every_command_has_examples_that_are_right() {
    for (path, command) in leaves(&Cli::command(), "atelier") {
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let examples: Vec<&str> = help
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter(|line| line.starts_with("atelier "))
            .collect();
        assert!(help.starts_with("Examples:\n") && !examples.is_empty(), "{path} has no example: {help:?}");
        for example in examples {
            let line = example.split_once(" < ").or(example.split_once(" > ")).map_or(example, |(line, _)| line);
            // Quotes hold words together.
            let mut words = Vec::new();
            for (at, part) in line.split('"').enumerate() {
                let part = part.trim();
                if at % 2 == 1 { words.push(part) } else { words.extend(part.split_whitespace()) }
            }
            assert!(line.starts_with(&path), "{example} is no example of {path}");
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{example}: {error}");
            }
        }
    }
}

#[test]
fn every_list_takes_the_same_options() {
    let lists: Vec<_> = leaves(&Cli::command(), "")
        .into_iter()
        .filter(|(path, _)| [" list", " members", " sessions", " versions"].iter().any(|name| path.ends_with(name)))
        .collect();
    assert!(lists.len() > 12, "{} lists", lists.len());
    for (path, command) in lists {
        for option in ["json", "limit", "filter"] {
            assert!(command.get_arguments().any(|argument| argument.get_long() == Some(option)), "{path} --{option}");
        }
    }
}

/// The beginnings of the names of commands that take something away.
const DESTRUCTIVE: [&str; 14] = [
    "delete",
    "remove",
    "revoke",
    "end",
    "disable",
    "demote",
    "reset-mfa",
    "rotate-secret",
    "detach",
    "unlink",
    "clear",
    "drop",
    "purge",
    "recover",
];

#[test]
fn every_command_that_takes_something_away_takes_yes() {
    let mut found = 0;
    for (path, command) in leaves(&Cli::command(), "atelier") {
        let takes = |option: &str| command.get_arguments().any(|argument| argument.get_long() == Some(option));
        let name = command.get_name();
        // A restore makes a directory, and ends nothing of what there is.
        let revokes = takes("revoke-keys") && name != "restore";
        if revokes || takes("prune") || DESTRUCTIVE.iter().any(|verb| name.starts_with(verb)) {
            // `plan` changes nothing.
            assert!(takes("yes") || name == "plan", "{path}");
            found += 1;
        }
    }
    assert!(found > 20, "{found} commands");
}
