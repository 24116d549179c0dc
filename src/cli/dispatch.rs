//! Leads each command to its module.

use clap::CommandFactory as _;

use super::at::beside;
use super::{
    Cli, CliError, Command, admin, audit, backup, binding, check, client, compact, connection, health, key, logging,
    master_key, member, model, org, pipeline, project, role, serve, session, signing_key, status, tag, user, workspace,
};

impl Command {
    pub(super) fn run(self) -> Result<(), CliError> {
        match self {
            Self::Admin(at) => at.run(admin::Command::run),
            Self::Apply { place, source, dry_run, yes } => source.apply(&place, dry_run, yes),
            Self::Audit(at) => at.run(audit::Command::run),
            Self::Backup { place, make, command } => backup::run(&beside(&place)?, make, command),
            Self::Binding(at) => at.run(binding::Command::run),
            Self::Check { settings, upgrade, json } => {
                let config = settings.load()?;
                logging::to_stderr(&config.log);
                if upgrade { check::run_upgrade(&config, json) } else { check::run(&config, json) }
            }
            Self::Client(at) => at.run(client::Command::run),
            Self::Compact { place, json } => compact::run(&beside(&place)?, json),
            Self::Connection(at) => at.run(connection::Command::run),
            Self::Explain { place, question } => question.run(&beside(&place)?),
            Self::Export { place, options } => options.run(&beside(&place)?),
            Self::Health { place, live } => health::run(&beside(&place).map_err(CliError::as_failure)?, live),
            Self::Import { place, options } => options.run(&beside(&place)?),
            Self::Init { answers } => answers.run(),
            Self::Installation(command) => command.run(Cli::command()),
            Self::Key(at) => at.run(key::Command::run),
            Self::MasterKey(at) => at.run(master_key::Command::run),
            Self::Member(at) => at.run(member::Command::run),
            Self::Model(at) => at.run(model::Command::run),
            Self::Move { place, moving } => moving.run(&beside(&place)?),
            Self::Org(at) => at.run(org::Command::run),
            Self::Pipeline(at) => at.run(pipeline::Command::run),
            Self::Plan { place, source } => source.plan(&place).map(drop),
            Self::Project(at) => at.run(project::Command::run),
            Self::Restore { place, restore } => restore.run(&beside(&place)?),
            Self::Role(at) => at.run(role::Command::run),
            Self::Serve { settings } => {
                let config = settings.load()?;
                let _log = logging::to_stderr_async(&config.log, config.log_format);
                serve::run(&config)
            }
            Self::Session(at) => at.run(session::Command::run),
            Self::SigningKey(at) => at.run(signing_key::Command::run),
            Self::Status { place, json } => status::run(&beside(&place)?, json),
            Self::Tag(at) => at.run(tag::Command::run),
            Self::User(at) => at.run(user::Command::run),
            Self::Workspace(at) => at.run(workspace::Command::run),
        }
    }
}
