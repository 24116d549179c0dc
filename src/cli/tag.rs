//! `atelier tag`: manages tags, and attaches them.

use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Value, json};

use super::workspace::Paths;
use crate::app::{by_name, organizations, tags};
use crate::cli::confirm::Confirm;
use crate::cli::list::{Entry, List, print_one, print_pages};
use crate::cli::{CliError, data, database, print, say, table};
use crate::config::Config;
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelVersionId, TagId};
use crate::domain::page::Slice;
use crate::domain::tag::{NewTag, Tag, TagChange, TagColor, TagName};
use crate::domain::text::Description;
use crate::error::{InField as _, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::{Tx, View};

/// What can be done about tags. One is named by its id, as shown by the list.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Attach a tag to a version of a model, to a pipeline or to a project.
    #[command(after_help = "Examples:\n  atelier tag attach 3 --project vision/chatbot\n  atelier tag attach 3 \
                            --model-version 7")]
    Attach {
        /// The id of the tag.
        id: i64,
        #[command(flatten)]
        on: On,
    },
    /// Change a tag of a workspace; omitted options stay unchanged.
    #[command(after_help = "Examples:\n  atelier tag change 3 --name production --color green")]
    Change {
        /// The id of the tag.
        id: i64,
        /// The new name.
        #[arg(long)]
        name: Option<String>,
        /// The new description; an empty one removes it.
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// The new color.
        #[arg(long, value_parser = color)]
        color: Option<TagColor>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Create a tag, and print its id: of a workspace, or of the whole home organization by default.
    #[command(
        after_help = "Examples:\n  atelier tag create production --workspace vision --color green\n  atelier tag \
                            create reviewed"
    )]
    Create {
        /// The name.
        name: String,
        /// The workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// The description.
        #[arg(long, value_name = "TEXT", requires = "workspace")]
        description: Option<String>,
        /// The color, such as green.
        #[arg(long, value_parser = color, requires = "workspace")]
        color: Option<TagColor>,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Delete a tag permanently, which detaches it from everything.
    #[command(after_help = "Examples:\n  atelier tag delete 3\n  atelier tag delete 3 --yes")]
    Delete {
        /// The id of the tag.
        id: i64,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Detach a tag from a version of a model, from a pipeline or from a project.
    #[command(after_help = "Examples:\n  atelier tag detach 3 --project vision/chatbot --yes")]
    Detach {
        /// The id of the tag.
        id: i64,
        #[command(flatten)]
        on: On,
        /// Whether to ask.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// List tags.
    #[command(after_help = "Examples:\n  atelier tag list\n  atelier tag list --workspace vision --json")]
    List {
        /// Only those of this workspace: its name, ORG/NAME, or its id.
        #[arg(long)]
        workspace: Option<String>,
        /// What to list.
        #[command(flatten)]
        options: List,
    },
}

/// What a tag is attached to.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
#[command(group = ArgGroup::new("target").required(true).args(["model_version", "pipeline", "project"]))]
pub struct On {
    /// A version of a model: its id, as shown by `atelier model list`.
    #[arg(long, value_name = "ID")]
    model_version: Option<i64>,
    /// A pipeline: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
    #[arg(long)]
    pipeline: Option<String>,
    /// A project: WORKSPACE/NAME, ORG/WORKSPACE/NAME, or its id.
    #[arg(long)]
    project: Option<String>,
}

impl On {
    fn words(&self) -> String {
        match (self.model_version, &self.pipeline, &self.project) {
            (Some(id), _, _) => format!("version {id} of a model"),
            (_, Some(name), _) => format!("the pipeline {name}"),
            (_, _, name) => format!("the project {}", name.as_deref().unwrap_or_default()),
        }
    }

    fn flag(&self) -> String {
        match (self.model_version, &self.pipeline, &self.project) {
            (Some(id), _, _) => format!("--model-version {id}"),
            (_, Some(name), _) => format!("--pipeline {name:?}"),
            (_, _, name) => format!("--project {:?}", name.as_deref().unwrap_or_default()),
        }
    }

    fn attach(&self, tx: &Tx, actor: &Actor, tag: TagId) -> Done<()> {
        match (self.model_version, &self.pipeline, &self.project) {
            (Some(id), _, _) => tags::attach_to_model_version(tx, actor, ModelVersionId(id), tag),
            (_, Some(name), _) => {
                let (pipeline, _) = by_name::pipeline(tx, actor, name)?;
                tags::attach_to_pipeline(tx, actor, pipeline.id, tag).map(drop)
            }
            (_, _, name) => {
                let (project, _) = by_name::project(tx, actor, name.as_deref().unwrap_or_default())?;
                tags::attach_to_project(tx, actor, project.id, &[tag]).map(drop)
            }
        }
    }

    /// Returns whether the tag was attached.
    fn detach(&self, tx: &Tx, actor: &Actor, tag: TagId) -> Done<bool> {
        match (self.model_version, &self.pipeline, &self.project) {
            (Some(id), _, _) => tags::detach_from_model_version(tx, actor, ModelVersionId(id), tag),
            (_, Some(name), _) => {
                let (pipeline, _) = by_name::pipeline(tx, actor, name)?;
                Ok(tags::detach_from_pipeline(tx, actor, pipeline.id, tag)?.is_some())
            }
            (_, _, name) => {
                let (project, _) = by_name::project(tx, actor, name.as_deref().unwrap_or_default())?;
                Ok(!tags::detach_from_project(tx, actor, project.id, &[tag])?.is_empty())
            }
        }
    }
}

fn color(word: &str) -> Result<TagColor, String> {
    word.to_lowercase().parse().map_err(|_| {
        "must be gray, indigo, blue, cyan, teal, pine, green, lime, olive, lemon, yellow, orange, red, coral, pink, plum, \
         purple, brown or auburn"
            .to_owned()
    })
}

impl Command {
    pub fn run(self, config: &Config) -> Result<(), CliError> {
        let home = database::existing(config)?;
        match self {
            Self::Attach { id, on } => {
                let said = on.words();
                let tag = data::write(&home, move |tx, actor| {
                    on.attach(tx, actor, TagId(id))?;
                    tags::visible(tx, actor, TagId(id))
                })?;
                say(&format!("the tag {} is attached to {said}", tag.name.as_str()));
                Ok(())
            }
            Self::Change { id, name, description, color, json } => {
                let change = TagChange {
                    name: name.map(|name| TagName::parse(&name)).transpose().in_field("--name")?,
                    description: description.map(|text| described(&text)).transpose()?,
                    color: color.map(Some),
                };
                if change.name.is_none() && change.description.is_none() && change.color.is_none() {
                    return Err(CliError::Usage("nothing to change; give --name, --description or --color".to_owned()));
                }
                let row = data::write(&home, move |tx, actor| {
                    Row::of(tx, actor, tags::change(tx, actor, TagId(id), &change)?, &mut Paths::default())
                })?;
                if json {
                    return print_one(&row.to_json(), true);
                }
                say(&format!("the tag {id} is {}", row.tag.name.as_str()));
                Ok(())
            }
            Self::Create { name, workspace, description, color, json } => {
                let name = TagName::parse(&name).in_field("NAME")?;
                let description = description.map(|text| described(&text)).transpose()?.flatten();
                create(&home, name, workspace, (description, color), json)
            }
            Self::Delete { id, confirm } => delete(&home, TagId(id), confirm),
            Self::Detach { id, on, confirm } => detach(&home, TagId(id), on, confirm),
            Self::List { workspace, options } => list(&home, workspace.as_deref(), &options),
        }
    }
}

/// A description, or none for an empty text.
fn described(text: &str) -> Result<Option<Description>, CliError> {
    Ok(if text.is_empty() { None } else { Some(Description::parse(text).in_field("--description")?) })
}

/// A tag and the path of its workspace, or the name of its organization.
struct Row {
    tag: Tag,
    of: String,
}

impl Row {
    fn of(view: &View, actor: &Actor, tag: Tag, paths: &mut Paths) -> Done<Self> {
        let of = match tag.workspace {
            Some(id) => paths.of(view, actor, id)?,
            None => organizations::visible(view, actor, tag.organization)?.name.as_str().to_owned(),
        };
        Ok(Self { tag, of })
    }
}

impl Entry<5> for Row {
    const HEAD: [&'static str; 5] = ["ID", "NAME", "OF", "COLOR", "UPDATED"];

    fn row(&self) -> [String; 5] {
        [
            self.tag.id.to_string(),
            self.tag.name.as_str().to_owned(),
            self.of.clone(),
            self.tag.color.map_or("-", TagColor::as_str).to_owned(),
            table::moment(Some(self.tag.updated_at)),
        ]
    }

    fn to_json(&self) -> Value {
        let tag = &self.tag;
        json!({
            "id": tag.id.0,
            "name": tag.name.as_str(),
            "description": tag.description.as_ref().map(Description::as_str),
            "color": tag.color.map(TagColor::as_str),
            "of": self.of,
            "organization_id": tag.organization.0,
            "workspace_id": tag.workspace.map(|id| id.0),
            "created_at": tag.created_at.to_string(),
            "updated_at": tag.updated_at.to_string(),
        })
    }

    fn texts(&self) -> Vec<&str> {
        vec![self.tag.name.as_str()]
    }
}

fn list(home: &DataDir, workspace: Option<&str>, options: &List) -> Result<(), CliError> {
    let actor = Actor::operator();
    data::with(home, |store| {
        let named = |name| store.read(|view| by_name::workspace(view, &actor, name));
        let workspace = workspace.map(named).transpose()?.map(|workspace| workspace.id);
        let none = "there are no tags; `atelier tag create NAME` creates one";
        print_pages(store, options, none, |view, page| {
            let found = tags::page(view, &actor, workspace, page)?;
            let mut paths = Paths::default();
            let rows = found.items.into_iter().map(|tag| Row::of(view, &actor, tag, &mut paths));
            Ok(Slice { items: rows.collect::<Done<_>>()?, next: found.next })
        })
    })
}

fn create(
    home: &DataDir,
    name: TagName,
    workspace: Option<String>,
    (description, color): (Option<Description>, Option<TagColor>),
    json: bool,
) -> Result<(), CliError> {
    let row = data::write(home, move |tx, actor| {
        let tag = match &workspace {
            Some(workspace) => {
                let workspace = by_name::workspace(tx, actor, workspace)?.id;
                let new = NewTag { workspace, name: name.clone(), description: description.clone(), color };
                tags::create(tx, actor, &new)?
            }
            None => tags::create_shared(tx, actor, &name)?,
        };
        Row::of(tx, actor, tag, &mut Paths::default())
    })?;
    if json {
        return print_one(&row.to_json(), true);
    }
    print(&format!("{}\n", row.tag.id))?;
    say(&format!("the tag {} of {} is created; `atelier tag attach` attaches it", row.tag.name.as_str(), row.of));
    Ok(())
}

fn delete(home: &DataDir, id: TagId, confirm: Confirm) -> Result<(), CliError> {
    let row =
        data::read(home, |view, actor| Row::of(view, actor, tags::visible(view, actor, id)?, &mut Paths::default()))?;
    let name = row.tag.name.as_str();
    confirm.ask(&format!("delete the tag {name} ({id}) of {} and detach it from everything", row.of))?;
    let is_shared = row.tag.workspace.is_none();
    data::write(home, move |tx, actor| {
        if is_shared { tags::delete_shared(tx, actor, id).map(drop) } else { tags::delete(tx, actor, id) }
    })?;
    say(&format!("the tag {name} is deleted"));
    Ok(())
}

fn detach(home: &DataDir, id: TagId, on: On, confirm: Confirm) -> Result<(), CliError> {
    let tag = data::read(home, |view, actor| tags::visible(view, actor, id))?;
    let (name, said) = (tag.name.as_str(), on.words());
    let undo = format!("atelier tag attach {id} {}", on.flag());
    confirm.ask_undoable(&format!("detach the tag {name} from {said}"), &undo)?;
    if data::write(home, move |tx, actor| on.detach(tx, actor, id))? {
        say(&format!("the tag {name} is detached from {said}"));
    } else {
        say(&format!("the tag {name} is not attached to {said}; nothing was changed"));
    }
    Ok(())
}
