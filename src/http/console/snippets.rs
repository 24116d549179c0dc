//! Lines to paste that use an API key of this server.

use serde_json::Value;
use uuid::Uuid;

use crate::app::ax_profile;

/// A snippet of several lines, with its title.
pub(super) struct Snippet {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) text: String,
}

/// Who a key acts as.
pub(super) struct Holder {
    pub(super) email: String,
    pub(super) uuid: Uuid,
}

/// The snippets for a server at `base`, such as `https://ml.example.com` or `https://example.com/atelier`. They read the key from the variable
/// `API_KEY`, which the first one sets.
pub(super) fn all(base: &str, secret: &str, holder: &Holder) -> Vec<Snippet> {
    let (scheme, place) = base.split_once("://").unwrap_or(("http", base));
    // A JSON text is a Python text, too.
    let (email, uuid) = (Value::from(holder.email.as_str()), holder.uuid);
    let shell = format!(
        "export API_KEY='{secret}'
curl {base}/v2/spaces --header \"Authorization: Bearer $API_KEY\""
    );
    let wallaroo = format!(
        "import json, os, wallaroo

def private(path, flags):
    return os.open(path, flags, 0o600)

with open(\"wallaroo-key.json\", \"w\", opener=private) as file:
    json.dump({{
        \"token\": os.environ[\"API_KEY\"],
        \"user_email\": {email},
        \"user_id\": \"{uuid}\",
    }}, file)
os.environ[\"WALLAROO_SDK_CREDENTIALS\"] = \"wallaroo-key.json\"
wl = wallaroo.Client(api_endpoint=\"{base}\", auth_type=\"token\")
print(wl.list_workspaces())"
    );
    let arize = format!(
        "import os
from arize import ArizeClient

client = ArizeClient(api_key=os.environ[\"API_KEY\"], api_host=\"{place}\", api_scheme=\"{scheme}\")
print(client.spaces.list().spaces)"
    );
    let ax = format!(
        "(umask 077; cat > ax.toml) <<END
[profile]
name = \"atelier\"

[auth]
auth_method = \"api-key\"
api_key = \"$API_KEY\"

[routing]
{routing}
END
ax profiles create atelier --from-file ax.toml
ax profiles use atelier
ax spaces list",
        routing = ax_profile::routing(base).join("\n")
    );
    vec![
        Snippet { id: "with-curl", title: "curl", text: shell },
        Snippet { id: "with-wallaroo", title: "Wallaroo SDK", text: wallaroo },
        Snippet { id: "with-arize", title: "Arize SDK", text: arize },
        Snippet { id: "with-ax", title: "ax", text: ax },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(base: &str, id: &str) -> String {
        let holder = Holder { email: "o'\"x@example.com".to_owned(), uuid: Uuid::nil() };
        let all = all(base, "atl_x", &holder);
        all.into_iter().find(|snippet| snippet.id == id).unwrap().text
    }

    #[test]
    fn a_snippet_names_the_address_as_its_client_wants_it() {
        let ax = text("https://example.com:8443/atelier", "with-ax");
        assert!(ax.contains("[routing]\napi_host = \"example.com:8443/atelier\"\napi_scheme = \"https\"\n"), "{ax}");
        let arize = text("https://example.com/atelier", "with-arize");
        assert!(arize.contains("api_host=\"example.com/atelier\", api_scheme=\"https\""), "{arize}");
        let arize = text("http://127.0.0.1:8787", "with-arize");
        assert!(arize.contains("api_host=\"127.0.0.1:8787\", api_scheme=\"http\""), "{arize}");
        assert!(text("https://x", "with-wallaroo").contains(r#""user_email": "o'\"x@example.com""#));
    }
}
