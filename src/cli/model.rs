//! `atelier model`: lists versions of models, and copies their files.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde_json::{Value, json};

use crate::app::files::receive_and_wait;
use crate::app::models;
use crate::app::runtime::file_storage::FileStorage;
use crate::app::runtime::long_view::LongView;
use crate::cli::progress::{Progress, size};
use crate::cli::{CliError, data, file_place, print, running, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::conversion::Conversion;
use crate::domain::ids::{ModelVersionId, WorkspaceId};
use crate::domain::json_text::JsonText;
use crate::domain::model::{ModelFilter, ModelName, ModelVersion, StoredFile, Visibility};
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
    /// List the versions of models, newest first.
    List {
        /// Only those of the workspace with this id.
        #[arg(long, value_name = "ID")]
        workspace: Option<i64>,
        /// Only those of models with this name.
        #[arg(long)]
        name: Option<String>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Copy the file of a version out of the server.
    Get {
        /// The id of the version, as shown by the list.
        version: i64,
        /// Where to write it, or - for stdout; by default, the name of the uploaded file in this directory.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Upload a file as a new version of a model, and print the id of the version.
    Put {
        /// The file.
        file: PathBuf,
        /// The id of the workspace.
        #[arg(long, value_name = "ID")]
        workspace: i64,
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
        let home = DataDir::existing(&config.data_dir)?;
        match self {
            Self::List { workspace, name, json } => {
                let filter = ModelFilter { workspace: workspace.map(WorkspaceId), name, ..ModelFilter::default() };
                list(&home, &filter, json)
            }
            Self::Get { version, output } => {
                let files = open_files(config, &home)?;
                get(&home, &files, ModelVersionId(version), output)
            }
            Self::Put { file, workspace, name, framework } => {
                let framework = json!({ "framework": framework }).to_string();
                let conversion = JsonText::parse(&framework).and_then(Conversion::parse).in_field("--framework")?;
                let upload = Upload {
                    workspace: WorkspaceId(workspace),
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

fn list(home: &DataDir, filter: &ModelFilter, json: bool) -> Result<(), CliError> {
    let mut found = Vec::new();
    data::with(home, |store| {
        Ok(store.read(|view| {
            let view = LongView::of(view);
            let mut shown = Vec::new();
            models::list(&view, &Actor::operator(), filter, |model, workspace| {
                shown.push((model.id, workspace.name.clone()));
                Ok(())
            })?;
            for (model, workspace) in shown {
                models::for_each_version_of_visible(&view, model, |version, _| {
                    found.push((version.clone(), workspace.as_str().to_owned()));
                    Ok(())
                })?;
            }
            Ok(())
        })?)
    })?;
    if json {
        return print(&format!("{:#}\n", found.iter().map(to_json).collect::<Value>()));
    }
    if found.is_empty() {
        say("there are no models; `atelier model put FILE --workspace ID --name NAME` uploads one");
    }
    let row = |(version, workspace): &(ModelVersion, String)| {
        [
            version.id.to_string(),
            version.name.as_str().to_owned(),
            workspace.clone(),
            version.file.map_or_else(|| "-".to_owned(), |_| version.file_name.clone()),
            version.file.map_or_else(|| "-".to_owned(), |file| size(file.size)),
            version.created_by.as_ref().map_or_else(|| "-".to_owned(), |creator| creator.email.to_string()),
            table::moment(Some(version.created_at)),
        ]
    };
    let head = ["VERSION", "MODEL", "WORKSPACE", "FILE", "SIZE", "CREATED BY", "CREATED"];
    print(&table::under(head, found.iter().map(row).collect()))
}

fn to_json((version, workspace): &(ModelVersion, String)) -> Value {
    json!({
        "id": version.id.0,
        "uuid": version.uuid,
        "model_id": version.model.0,
        "name": version.name.as_str(),
        "workspace_id": version.workspace.0,
        "workspace": workspace,
        "file_name": version.file.map(|_| version.file_name.as_str()),
        "size": version.file.map(|file| file.size),
        "sha256": version.file.map(|file| file.sha256.to_string()),
        "image_path": version.image_path,
        "created_by": version.created_by.as_ref().map(|creator| creator.email.as_str()),
        "created_at": version.created_at.to_string(),
    })
}

fn get(home: &DataDir, files: &FileStorage, id: ModelVersionId, output: Option<PathBuf>) -> Result<(), CliError> {
    let (file, name) = data::with(home, |store| Ok(store.read(|view| models::file(view, &Actor::operator(), id))?))?;
    let path = output.unwrap_or_else(|| PathBuf::from(if name.is_empty() { "model" } else { &name }));
    if path.as_os_str() == "-" {
        return copy(files, file, &mut io::stdout().lock(), Path::new("stdout"));
    }
    let mut target = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
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
