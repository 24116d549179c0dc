//! Lines to paste that use an API key of this server.

use serde_json::Value;
use uuid::Uuid;

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

/// The snippets for a server at `base`, an origin such as `https://ml.example.com`. They read the key from the variable
/// `API_KEY`, which the first one sets.
pub(super) fn all(base: &str, secret: &str, holder: &Holder) -> Vec<Snippet> {
    let (scheme, authority) = base.split_once("://").unwrap_or(("http", base));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (authority, if scheme == "https" { "443" } else { "80" }),
    };
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

client = ArizeClient(api_key=os.environ[\"API_KEY\"], api_host=\"{authority}\", api_scheme=\"{scheme}\")
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
single_host = \"{host}\"
single_port = \"{port}\"
api_scheme = \"{scheme}\"
END
ax profiles create atelier --from-file ax.toml
ax profiles use atelier
ax spaces list"
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
        let ax = text("https://ml.example.com", "with-ax");
        for line in ["single_host = \"ml.example.com\"", "single_port = \"443\"", "api_scheme = \"https\""] {
            assert!(ax.contains(line), "{ax}");
        }
        let ax = text("http://[::1]:8787", "with-ax");
        assert!(ax.contains("single_host = \"[::1]\"\nsingle_port = \"8787\"\n"), "{ax}");
        assert!(text("http://[::1]", "with-ax").contains("single_host = \"[::1]\"\nsingle_port = \"80\"\n"));
        let arize = text("http://127.0.0.1:8787", "with-arize");
        assert!(arize.contains("api_host=\"127.0.0.1:8787\", api_scheme=\"http\""), "{arize}");
        assert!(text("https://x", "with-wallaroo").contains(r#""user_email": "o'\"x@example.com""#));
    }
}
