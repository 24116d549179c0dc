//! `atelier pipeline`: manages pipelines and their versions.

mod change;
mod list;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::app::pipelines;
use crate::cli::confirm::Confirm;
use crate::cli::list::List;
use crate::cli::{CliError, data, database, json_file, print};
use crate::config::Config;
use crate::domain::ids::PipelineVersionId;
use crate::domain::json_text::JsonText;
use crate::domain::pipeline::PipelineName;
use crate::domain::pipeline_definition::Definition;
use crate::error::{Error, InField as _};
use crate::store::data_dir::DataDir;

/// What can be done about pipelines. One is named by WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Create a pipeline from the newest version of another one, and print the id of its version.
    #[command(after_help = "Examples:\n  atelier pipeline copy vision/ccfraud nlp ccfraud-2")]
    Copy {
        /// The pipeline: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        pipeline: String,
        /// The workspace of the new pipeline: its name, ORG/NAME, or its id.
        workspace: String,
        /// The name of the new pipeline.
        name: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a version of a pipeline, and the pipeline if the workspace has none of this name; print the id of the
    /// version.
    #[command(
        after_help = "Examples:\n  atelier pipeline create vision ccfraud --definition-file ccfraud.json\n  atelier \
                      pipeline create vision empty"
    )]
    Create {
        /// The workspace: its name, ORG/NAME, or its id.
        workspace: String,
        /// The name.
        name: String,
        /// Where the definition comes from; none by default.
        #[command(flatten)]
        source: Source,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the definition of a version as it was sent.
    #[command(after_help = "Examples:\n  atelier pipeline definition 7")]
    Definition {
        /// The id of the version, as shown by `versions`.
        version: i64,
    },
    /// Delete a pipeline permanently, with all its versions.
    #[command(
        after_help = "Examples:\n  atelier pipeline delete vision/ccfraud\n  atelier pipeline delete vision/ccfraud \
                            --yes"
    )]
    Delete {
        /// The pipeline: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        pipeline: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Delete versions of pipelines permanently; a pipeline stays, even without versions.
    #[command(after_help = "Examples:\n  atelier pipeline delete-version 7 8 --yes")]
    DeleteVersion {
        /// The ids of the versions, as shown by `versions`.
        #[arg(required = true)]
        version: Vec<i64>,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// List pipelines.
    #[command(after_help = "Examples:\n  atelier pipeline list\n  atelier pipeline list --workspace vision --json")]
    List {
        /// Only those of this workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Move a pipeline with its versions to another workspace of the organization.
    #[command(after_help = "Examples:\n  atelier pipeline move vision/ccfraud --to archive")]
    Move {
        /// The pipeline: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        pipeline: String,
        /// The workspace to move it to.
        #[arg(long, value_name = "WORKSPACE")]
        to: String,
    },
    /// Show a pipeline.
    #[command(after_help = "Examples:\n  atelier pipeline show vision/ccfraud")]
    Show {
        /// The pipeline: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        pipeline: String,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// List the versions of a pipeline, newest first.
    #[command(after_help = "Examples:\n  atelier pipeline versions vision/ccfraud --limit 5")]
    Versions {
        /// The pipeline: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
        pipeline: String,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
}

/// Where the definition of a new version comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
#[group(multiple = false)]
pub struct Source {
    /// Read the definition from a file, in JSON.
    #[arg(long, value_name = "FILE")]
    definition_file: Option<PathBuf>,
    /// Read the definition from stdin.
    #[arg(long)]
    definition_stdin: bool,
}

impl Source {
    fn flag(&self) -> &'static str {
        if self.definition_stdin { "--definition-stdin" } else { "--definition-file" }
    }

    fn read(&self) -> Result<Option<Definition>, CliError> {
        let text = match (&self.definition_file, self.definition_stdin) {
            (Some(path), _) => json_file::read(path, Definition::MAX_LENGTH)?,
            (None, true) => json_file::read_stdin(Definition::MAX_LENGTH)?,
            (None, false) => return Ok(None),
        };
        let flag = self.flag();
        if text.len() > Definition::MAX_LENGTH {
            let rule = format!("must have at most {} bytes", Definition::MAX_LENGTH);
            return Err(Error::invalid(flag, rule).into());
        }
        let parsed = Definition::parse(JsonText::parse(&text).in_field(flag)?);
        parsed.map(Some).map_err(|part| Error::invalid(format!("{flag}{}", part.path), part.rule).into())
    }
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Copy { pipeline, workspace, name, json } => {
                change::copy(&home, pipeline, workspace, PipelineName::parse(&name).in_field("NAME")?, json)
            }
            Self::Create { workspace, name, source, json } => {
                let name = PipelineName::parse(&name).in_field("NAME")?;
                change::create(&home, workspace, name, (source.read()?, source.flag()), json)
            }
            Self::Definition { version } => definition(&home, PipelineVersionId(version)),
            Self::Delete { pipeline, confirm } => change::delete(&home, &pipeline, confirm),
            Self::DeleteVersion { version, confirm } => change::delete_versions(&home, &version, confirm),
            Self::List { workspace, options } => list::list(&home, workspace.as_deref(), &options),
            Self::Move { pipeline, to } => change::move_to(&home, pipeline, to),
            Self::Show { pipeline, json } => list::show(&home, &pipeline, json),
            Self::Versions { pipeline, options } => list::versions(&home, &pipeline, &options),
        }
    }
}

fn definition(home: &DataDir, id: PipelineVersionId) -> Result<(), CliError> {
    let (version, _) = data::read(home, |view, actor| pipelines::visible_version(view, actor, id))?;
    let Some(definition) = version.definition else {
        return Err(CliError::Failed(format!("version {id} was created without a definition; see another version")));
    };
    print(&format!("{}\n", definition.as_str()))
}
