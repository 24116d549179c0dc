//! The help of `atelier` itself: the commands by subject.

use std::fmt::Write as _;

use clap::Command;

/// The subjects, each with its commands in the order of the help.
const SUBJECTS: &[(&str, &[&str])] = &[
    ("Server", &["init", "serve", "check", "status", "health"]),
    ("People", &["user", "session", "admin"]),
    ("Access", &["org", "workspace", "member", "role", "binding", "explain", "key", "client"]),
    ("Contents", &["project", "model", "pipeline", "connection", "tag"]),
    (
        "Upkeep",
        &[
            "backup",
            "restore",
            "export",
            "import",
            "apply",
            "plan",
            "compact",
            "move",
            "audit",
            "signing-key",
            "master-key",
        ],
    ),
    ("Installation", &["completions", "man"]),
];

/// The heading of a command that belongs to no subject.
const OTHER: &str = "Other";

/// With the commands by subject in its help.
pub(super) fn grouped(cli: Command) -> Command {
    let mut text = String::new();
    for (heading, commands) in by_subject(&cli) {
        // Writing to a String never fails.
        let _ = writeln!(text, "{heading}:");
        for command in commands {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            let about = about.split([';', ':']).next().unwrap_or_default().to_owned();
            let _ = writeln!(text, "  {:<12} {about}", command.get_name());
        }
        text.push('\n');
    }
    let template =
        "{about-with-newline}\n{usage-heading} {usage}\n\n".to_owned() + &text + "Options:\n{options}{after-help}";
    cli.help_template(template)
}

fn by_subject(cli: &Command) -> Vec<(&'static str, Vec<&Command>)> {
    let find = |name: &&str| cli.get_subcommands().find(|command| command.get_name() == *name);
    let mut all: Vec<(&str, Vec<&Command>)> =
        SUBJECTS.iter().map(|(heading, names)| (*heading, names.iter().filter_map(find).collect())).collect();
    let has_subject = |name: &str| name == "help" || SUBJECTS.iter().any(|(_, names)| names.contains(&name));
    let others: Vec<_> = cli.get_subcommands().filter(|command| !has_subject(command.get_name())).collect();
    if !others.is_empty() {
        all.push((OTHER, others));
    }
    all
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::Cli;

    #[test]
    fn every_command_belongs_to_a_subject() {
        let cli = Cli::command();
        let subjects = by_subject(&cli);
        assert!(subjects.iter().all(|(heading, commands)| *heading != OTHER && !commands.is_empty()), "{subjects:?}");
    }
}
