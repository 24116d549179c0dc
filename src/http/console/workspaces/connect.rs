//! `/workspaces/{workspace}/connect`: ids and snippets to copy.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;
use serde_json::json;

use super::address::Address;
use super::frame::{self, Frame, InFrame, Opened, Tab};
use crate::app::runtime::state::AppState;
use crate::app::workspace_lists;
use crate::domain::workspace::Workspace;
use crate::http::console::parameters::Parameters;
use crate::http::console::shell::Shell;
use crate::http::console::signed_in::SignedIn;
use crate::http::console::{Failure, assets};

#[derive(Template)]
#[template(path = "console/workspace/connect.html")]
struct ConnectPage {
    shell: Shell,
    title: String,
    frame: Frame,
    number: String,
    /// The ids of the workspace and its organization in the Arize clients.
    space: String,
    organization_id: String,
    name: String,
    organization: String,
    snippets: Snippets,
}

impl InFrame for ConnectPage {
    fn shell(&mut self) -> &mut Shell {
        &mut self.shell
    }
}

struct Snippets {
    curl: String,
    wallaroo: String,
    arize: String,
}

/// `GET /workspaces/{workspace}/connect`
pub(in crate::http::console) async fn show(
    state: Data<AppState>,
    address: Address,
    SignedIn { browser, actor, input: parameters, .. }: SignedIn<Parameters>,
) -> Result<HttpResponse, Failure> {
    let id = address.workspace()?;
    frame::show(&state, &browser, None, |view| {
        let Opened { workspace, shell, title, frame, .. } =
            frame::open(view, &browser, &actor, id, (Tab::Connect, &parameters))?;
        let email = actor.person().map_or_else(String::new, |person| person.email.to_string());
        Ok(ConnectPage {
            shell,
            title,
            frame,
            number: id.to_string(),
            space: browser.public_id(&id),
            organization_id: browser.public_id(&workspace.organization),
            name: workspace.name.as_str().to_owned(),
            organization: workspace_lists::get(view, &actor, id)?.organization.unwrap_or_default(),
            snippets: snippets(browser.base(), &workspace, &email),
        })
    })
}

/// The snippets for a server at this address. Texts are Python's, which reads JSON's texts alike.
fn snippets(base: &str, workspace: &Workspace, email: &str) -> Snippets {
    let (scheme, host) = base.split_once("://").unwrap_or(("http", base));
    let (id, name, email) = (workspace.id, json!(workspace.name.as_str()), json!(email));
    Snippets {
        curl: format!(
            "curl {base}/v1/api/workspaces/list_users \\\n    --header \"Authorization: Bearer $API_KEY\" \\\n    \
             --data '{{\"workspace_id\": {id}}}'"
        ),
        wallaroo: format!(
            "import os\nimport wallaroo\n\nos.environ[\"WALLAROO_USER\"] = {email}\n\
             os.environ[\"WALLAROO_PASSWORD\"] = \"your password\"\n\
             wl = wallaroo.Client(api_endpoint=\"{base}\", auth_type=\"user_password\")\n\
             workspace = [one for one in wl.list_workspaces() if one.id() == {id}][0]\n\
             wl.set_current_workspace(workspace)\nprint(wl.list_models())"
        ),
        arize: format!(
            "import os\nfrom arize import ArizeClient\n\n\
             client = ArizeClient(api_key=os.environ[\"API_KEY\"], api_host=\"{host}\", api_scheme=\"{scheme}\")\n\
             print(client.projects.list(space={name}))"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{OrganizationId, WorkspaceId};
    use crate::domain::text::Description;
    use crate::domain::timestamp::Timestamp;
    use crate::domain::workspace::{Settings, WorkspaceName};

    #[test]
    fn a_name_cannot_leave_its_text() {
        let workspace = Workspace {
            id: WorkspaceId(7),
            organization: OrganizationId(1),
            name: WorkspaceName::stored("a\"); import os #"),
            created_by: None,
            created_at: Timestamp::from_micros(0),
            archived: false,
            description: Description::default(),
            private: true,
            settings: Settings::default(),
        };
        let found = snippets("https://ml.example.com:8443", &workspace, "ada@example.com");
        assert!(found.arize.contains(r#"space="a\"); import os #")"#), "{}", found.arize);
        assert!(found.arize.contains(r#"api_host="ml.example.com:8443", api_scheme="https""#), "{}", found.arize);
        assert!(found.curl.contains("curl https://ml.example.com:8443/v1/api/"), "{}", found.curl);
        assert!(found.wallaroo.contains("one.id() == 7"), "{}", found.wallaroo);
    }
}
