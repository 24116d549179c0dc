//! `atelier model`: lists versions of models, copies their files, moves and deletes models.

mod change;
mod list;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::json;

use crate::app::files::receive_and_wait;
use crate::app::runtime::file_storage::FileStorage;
use crate::app::{by_name, models};
use crate::cli::confirm::Confirm;
use crate::cli::list::List;
use crate::cli::progress::{Progress, size};
use crate::cli::{CliError, data, database, file_place, print, running, say};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::conversion::Conversion;
use crate::domain::ids::{ModelVersionId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{ModelName, StoredFile, Visibility};
use crate::domain::model_upload::{FileName, Upload};
use crate::error::InField as _;
use crate::store::Store;
use crate::store::data_dir::DataDir;
use crate::tokens::file_hash::FileHash;

/// The bytes that are copied at once.
const CHUNK: usize = 1 << 20;

/// What can be done about models.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Delete a model permanently, with all its versions.
    #[command(after_help = "Examples:\n  atelier model delete ccfraud --workspace vision")]
    Delete {
        /// The name of the model.
        name: String,
        /// The workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: String,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Delete versions of models permanently, and a model with its last version.
    #[command(after_help = "Examples:\n  atelier model delete-version 7 8 --yes")]
    DeleteVersion {
        /// The ids of the versions, as shown by the list.
        #[arg(required = true)]
        version: Vec<i64>,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// List the versions of models, newest first.
    #[command(after_help = "Examples:\n  atelier model list\n  atelier model list --workspace vision --name ccfraud \
                            --limit 5")]
    List {
        /// Only those of this workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// Only those of models with this name.
        #[arg(long)]
        name: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
    /// Move a model with its versions to another workspace of the organization.
    #[command(after_help = "Examples:\n  atelier model move ccfraud --workspace vision --to archive")]
    Move {
        /// The name of the model.
        name: String,
        /// The workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: String,
        /// The workspace to move it to.
        #[arg(long, value_name = "WORKSPACE")]
        to: String,
    },
    /// Show a version of a model.
    #[command(after_help = "Examples:\n  atelier model show 7\n  atelier model show 7 --json")]
    Show {
        /// The id of the version, as shown by the list.
        version: i64,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copy the file of a version out of the server.
    #[command(after_help = "Examples:\n  atelier model get 7\n  atelier model get 7 --output model.onnx")]
    Get {
        /// The id of the version, as shown by the list.
        version: i64,
        /// Where to write it, or - for stdout; by default, the name of the uploaded file in this directory,
        /// without leading dots and dashes.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Upload a file as a new version of a model, and print the id of the version.
    #[command(after_help = "Examples:\n  atelier model put model.onnx --workspace vision --name ccfraud")]
    Put {
        /// The file.
        file: PathBuf,
        /// The workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: String,
        /// The name of the model, which is created if the workspace has none of this name.
        #[arg(long)]
        name: String,
        /// The framework of the model, such as onnx or sklearn.
        #[arg(long, default_value = "onnx")]
        framework: String,
    },
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Delete { name, workspace, confirm } => change::delete(&home, &name, &workspace, confirm),
            Self::DeleteVersion { version, confirm } => change::delete_versions(&home, &version, confirm),
            Self::List { workspace, name, options } => {
                list::list(&home, workspace.as_deref(), name.as_deref(), &options)
            }
            Self::Move { name, workspace, to } => change::move_to(&home, name, workspace, to),
            Self::Show { version, json } => list::show(&home, ModelVersionId(version), json),
            Self::Get { version, output } => {
                let files = open_files(config, &home)?;
                get(&home, &files, ModelVersionId(version), output)
            }
            Self::Put { file, workspace, name, framework } => {
                let framework = json!({ "framework": framework }).to_string();
                let conversion = JsonText::parse(&framework).and_then(Conversion::parse).in_field("--framework")?;
                let workspace = match workspace.parse() {
                    Ok(id) => WorkspaceId(id),
                    Err(_) => data::read(&home, |view, actor| by_name::workspace(view, actor, &workspace))?.id,
                };
                let upload = Upload {
                    workspace,
                    name: ModelName::parse(&name).in_field("--name")?,
                    visibility: Visibility::default(),
                    conversion: Some(conversion),
                    input_schema: None,
                    output_schema: None,
                    image_path: None,
                };
                put(&home, &open_files(config, &home)?, &file, &upload)
            }
        }
    }
}

/// The files of the server. Refused when a running server has them elsewhere than this configuration says.
pub(super) fn open_files(config: &Config, home: &DataDir) -> Result<FileStorage, CliError> {
    const KEYS: [&str; 2] = ["files_url", "files_endpoint"];
    let here = running::masked_config(config);
    let there = running::of(home).map(|in_force| in_force.configuration).unwrap_or_default();
    if let Some(key) = KEYS.into_iter().find(|key| there.get(*key).is_some_and(|value| here.get(*key) != Some(value))) {
        return Err(CliError::Usage(format!(
            "the running server has another value of {key}; use the same variables and --config as the server"
        )));
    }
    file_place::open(config, home)
}

fn get(home: &DataDir, files: &FileStorage, id: ModelVersionId, output: Option<PathBuf>) -> Result<(), CliError> {
    let (file, name) = data::with(home, |store| Ok(store.read(|view| models::file(view, &Actor::operator(), id))?))?;
    let path = output.unwrap_or_else(|| PathBuf::from(safe_name(&name)));
    if path.as_os_str() == "-" {
        return copy(files, file, &mut io::stdout().lock(), Path::new("stdout"));
    }
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(|error| {
        let next = match error.kind() {
            io::ErrorKind::AlreadyExists => "remove it, or choose another file with --output",
            _ => "choose another file with --output",
        };
        CliError::Failed(format!("cannot create {}: {error}; {next}", path.display()))
    })?;
    let done = copy(files, file, &mut target, &path);
    if done.is_err() {
        // What is incomplete must not look like the file.
        let _ = fs::remove_file(&path);
        return done;
    }
    say(&format!("{} written to {}, SHA-256 {}", size(file.size), path.display(), file.sha256));
    Ok(())
}

/// The name of an uploaded file without leading dots and dashes: it must neither be hidden nor look like an option.
fn safe_name(uploaded: &str) -> &str {
    let name = uploaded.trim_start_matches(['.', '-', ' ']);
    if name.is_empty() { "model" } else { name }
}

/// Copies a file, and checks its SHA-256.
fn copy(files: &FileStorage, file: StoredFile, to: &mut dyn Write, path: &Path) -> Result<(), CliError> {
    let missing = || CliError::Failed(format!("the file {} is missing; run `atelier check`", file.sha256));
    let mut from = files.store.open(&file.sha256, 0..file.size)?.ok_or_else(missing)?;
    let (mut hash, progress) = (FileHash::new(), Progress::bytes(file.size));
    copy_chunks(&mut from, |chunk| {
        hash.update(chunk);
        progress.add(chunk.len() as u64);
        to.write_all(chunk).map_err(|error| {
            CliError::Failed(format!("cannot write to {}: {error}; free space or choose another file", path.display()))
        })
    })?;
    to.flush().map_err(|error| CliError::Failed(format!("cannot write to {}: {error}; try again", path.display())))?;
    if hash.finish() == file.sha256 {
        return Ok(());
    }
    Err(CliError::Failed(format!("the file {} is damaged; run `atelier check`", file.sha256)))
}

fn copy_chunks(from: &mut dyn Read, mut to: impl FnMut(&[u8]) -> Result<(), CliError>) -> Result<(), CliError> {
    let mut chunk = vec![0; CHUNK];
    loop {
        match from.read(&mut chunk) {
            Ok(0) => return Ok(()),
            Ok(read) => to(&chunk[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(CliError::Failed(format!("cannot read the file: {error}; check its disk"))),
        }
    }
}

fn put(home: &DataDir, files: &FileStorage, path: &Path, upload: &Upload) -> Result<(), CliError> {
    let unreadable =
        |error: io::Error| CliError::Failed(format!("cannot read {}: {error}; check the path", path.display()));
    let mut source = File::open(path).map_err(unreadable)?;
    let length = source.metadata().map_err(unreadable)?.len();
    let name = FileName::parse(&path.file_name().unwrap_or_default().to_string_lossy()).in_field("FILE")?;
    let workspace = upload.workspace;
    data::with(home, |store: &Store| {
        store.read(|view| models::require_upload(view, &Actor::operator(), files, workspace, length))?;
        let mut incoming = files.spool.begin(files.limit())?;
        let progress = Progress::bytes(length);
        copy_chunks(&mut source, |chunk| {
            progress.add(chunk.len() as u64);
            Ok(incoming.write(chunk)?)
        })?;
        drop(progress);
        let file = incoming.finish()?;
        let size = size(file.size());
        let (upload, name) = (upload.clone(), name.clone());
        let id = receive_and_wait(store, files, &Actor::operator(), file, move |tx, actor, stored| {
            let new = upload.clone().with_file(stored, &name).in_field("FILE")?;
            models::create_version(tx, actor, &new)
        })?;
        print(&format!("{id}\n"))?;
        say(&format!("version {id} uploaded, {size}"));
        Ok(())
    })
}
