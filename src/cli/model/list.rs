//! The list of the versions of models.

use serde_json::{Value, json};

use crate::app::runtime::long_view::LongView;
use crate::app::{by_name, models, workspaces};
use crate::cli::list::{Entry, List, PAGE, Printer, each_page, print_one};
use crate::cli::progress::size;
use crate::cli::{CliError, data, table};
use crate::domain::actor::Actor;
use crate::domain::ids::{ModelId, ModelVersionId, WorkspaceId};
use crate::domain::model::{ModelFilter, ModelVersion};
use crate::domain::page::Page;
use crate::domain::text::fold;
use crate::domain::workspace::WorkspaceSearch;
use crate::error::{Error, Result as Done};
use crate::store::data_dir::DataDir;
use crate::store::{Store, View};

/// A version and the name of its workspace.
struct Row(ModelVersion, String);

impl Entry<7> for Row {
    const HEAD: [&'static str; 7] = ["VERSION", "MODEL", "WORKSPACE", "FILE", "SIZE", "CREATED BY", "CREATED"];

    fn row(&self) -> [String; 7] {
        let Self(version, workspace) = self;
        [
            version.id.to_string(),
            version.name.as_str().to_owned(),
            workspace.clone(),
            version.file.map_or_else(|| "-".to_owned(), |_| version.file_name.clone()),
            version.file.map_or_else(|| "-".to_owned(), |file| size(file.size)),
            version.created_by.as_ref().map_or_else(|| "-".to_owned(), |creator| creator.email.to_string()),
            table::moment(Some(version.created_at)),
        ]
    }

    fn to_json(&self) -> Value {
        let Self(version, workspace) = self;
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

    fn texts(&self) -> Vec<&str> {
        vec![self.0.name.as_str()]
    }
}

pub(super) fn list(
    home: &DataDir,
    workspace: Option<&str>,
    name: Option<&str>,
    options: &List,
) -> Result<(), CliError> {
    let actor = Actor::operator();
    let mut printer = Printer::new::<Row>(options);
    data::with(home, |store| {
        let Some(workspace) = workspace else {
            let read = |view: &View, page| {
                let found = workspaces::page(view, &actor, &WorkspaceSearch::default(), page)?;
                Ok(found.map(|workspace| workspace.id))
            };
            return each_page(store, read, |workspaces| {
                for id in workspaces {
                    if !in_workspace(store, &actor, *id, name, options, &mut printer)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            });
        };
        let id = match workspace.parse() {
            Ok(id) => WorkspaceId(id),
            Err(_) => store.read(|view| by_name::workspace(view, &actor, workspace))?.id,
        };
        in_workspace(store, &actor, id, name, options, &mut printer).map(drop)
    })?;
    printer.finish("there are no models; `atelier model put FILE --workspace ID --name NAME` uploads one")
}

/// Prints a version.
pub(super) fn show(home: &DataDir, id: ModelVersionId, json: bool) -> Result<(), CliError> {
    let (row, visibility) = data::read(home, |view, actor| {
        let (version, workspace) = models::visible_version(view, actor, id)?;
        let visibility = version.visibility;
        Ok((Row(version, workspace.name.as_str().to_owned()), visibility))
    })?;
    let mut value = row.to_json();
    value["visibility"] = visibility.as_str().into();
    print_one(&value, json)
}

/// Prints the versions of the models of a workspace. Returns whether more are wanted.
fn in_workspace(
    store: &Store,
    actor: &Actor,
    workspace: WorkspaceId,
    name: Option<&str>,
    options: &List,
    printer: &mut Printer<'_, 7>,
) -> Result<bool, CliError> {
    let filter = ModelFilter { workspace: Some(workspace), name: name.map(str::to_owned), ..ModelFilter::default() };
    let part = options.filter.as_deref().map(fold);
    let (mut models, mut place): (Vec<ModelId>, String) = (Vec::new(), String::new());
    store.read(|view| {
        models::list(&LongView::of(view), actor, &filter, |model, workspace| {
            if part.as_ref().is_none_or(|part| fold(model.name.as_str()).contains(part.as_str())) {
                models.push(model.id);
                workspace.name.as_str().clone_into(&mut place);
            }
            Ok(())
        })
    })?;
    let mut cursor = Cursor { left: &models, after: None };
    while !cursor.left.is_empty() {
        let rows = store.read(|view| cursor.read(view, actor, &place))?;
        if !printer.print(&rows)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The models whose versions are still to be read, and the version after which the first one goes on.
struct Cursor<'m> {
    left: &'m [ModelId],
    after: Option<i64>,
}

impl Cursor<'_> {
    /// The versions of the next page.
    fn read(&mut self, view: &View, actor: &Actor, workspace: &str) -> Done<Vec<Row>> {
        let mut rows = Vec::new();
        while let ([model, rest @ ..], true) = (self.left, rows.len() < PAGE as usize) {
            match models::page_of_versions(view, actor, *model, Page { after: self.after, limit: PAGE }) {
                Ok(found) => {
                    self.after = found.next;
                    rows.extend(found.items.into_iter().map(|version| Row(version, workspace.to_owned())));
                }
                // It was deleted meanwhile.
                Err(Error::NotFound { .. }) => self.after = None,
                Err(error) => return Err(error),
            }
            if self.after.is_none() {
                self.left = rest;
            }
        }
        Ok(rows)
    }
}
