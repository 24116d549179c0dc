//! The greeting of a server that has started, on stdout.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use super::first_administrator::First;
use super::output::shell_word;
use crate::app::ax_profile;
use crate::app::runtime::issuers::Target;
use crate::app::runtime::state::AppState;

/// The greeting after the start: the addresses of the server (`text`) and of the metrics, and after the first start the
/// commands to paste.
pub(super) fn text(state: &AppState, (mut text, metrics): (String, &[SocketAddr]), first: Option<&First>) -> String {
    // Writing to a String never fails.
    for address in metrics {
        let _ = writeln!(text, "metrics at http://{address}/metrics");
    }
    if let Some(First { email, password }) = first {
        let base = state.issuers.origin(&Target::default());
        let home = state.installation.home.path();
        let _ = writeln!(text, "\nThis is the first start. The administrator is {email}.");
        if let Some(password) = password {
            let _ = write!(
                text,
                "
The password below is temporary; first-admin.txt contains it, too. Open the sign-in page, sign in with it and choose your
own password, then use your own password in the commands below:
    {base}/auth/sign-in
    {password}
",
                password = password.expose()
            );
        } else {
            let _ = write!(text, "\nOpen the sign-in page in a browser:\n    {base}/auth/sign-in\n");
        }
        let password = "YOUR_PASSWORD";
        let _ = write!(
            text,
            "
Get a token with curl:
    curl {base}/auth/realms/master/protocol/openid-connect/token \\
        --data-urlencode 'client_id=sdk-client' --data-urlencode 'grant_type=password' \\
        --data-urlencode 'username={email}' --data-urlencode 'password={password}'

Connect the Wallaroo SDK:
    import os, wallaroo
    os.environ.update(WALLAROO_USER='{email}', WALLAROO_PASSWORD='{password}')
    wl = wallaroo.Client(api_endpoint='{base}', auth_type='user_password')

Connect ax, with an API key:
{ax}",
            ax = ax(&base, email.as_str(), home)
        );
    }
    text
}

/// The commands that make an API key and a profile of `ax` with it.
fn ax(base: &str, email: &str, home: &Path) -> String {
    let routing: Vec<_> = ax_profile::routing(base).iter().map(|line| format!("'{line}'")).collect();
    let routing = routing.join(" ");
    let data_dir = if home == Path::new("./atelier-data") {
        String::new()
    } else {
        format!(" --data-dir {}", shell_word(&home.to_string_lossy()))
    };
    let email = shell_word(email);
    // `printf` because a here-document must not be indented.
    format!(
        "    API_KEY=$(atelier key create --user {email} --name ax{data_dir})
    (umask 077; printf '%s\\n' '[profile]' 'name = \"atelier\"' '[auth]' 'auth_method = \"api-key\"' \\
        \"api_key = \\\"$API_KEY\\\"\" '[routing]' {routing} > ax.toml)
    ax profiles create atelier --from-file ax.toml && ax profiles use atelier
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ax_is_told_where_the_server_is() {
        let lines = ax("https://example.com/atelier", "ada@example.com", Path::new("./atelier-data"));
        assert!(
            lines.contains("'[routing]' 'api_host = \"example.com/atelier\"' 'api_scheme = \"https\"' > ax.toml"),
            "{lines}"
        );
        assert!(!lines.contains("--data-dir"), "{lines}");
        assert!(ax("http://a", "a@b", Path::new("/srv/a b")).contains("--data-dir '/srv/a b')"));
    }
}
