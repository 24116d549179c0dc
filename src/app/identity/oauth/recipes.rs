//! How common programs are told of this server: the lines for their configuration.

use crate::domain::client::ClientId;

/// A program that people sign in to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recipe {
    Generic,
    Grafana,
    Oauth2Proxy,
    JupyterHub,
    Mlflow,
    Apache,
}

/// Stands for the secret of a public client in lines that are left out. No secret contains a control character.
const NO_SECRET: &str = "\u{1}";

/// What the lines contain.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The issuer's address, below which all endpoints are.
    pub issuer: &'a str,
    pub client: &'a ClientId,
    /// The secret, or a placeholder. `None` for a public client.
    pub secret: Option<&'a str>,
    /// The first redirect address.
    pub redirect: &'a str,
}

impl Recipe {
    pub const ALL: [Self; 6] =
        [Self::Generic, Self::Grafana, Self::Oauth2Proxy, Self::JupyterHub, Self::Mlflow, Self::Apache];

    /// The word in commands and requests.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Grafana => "grafana",
            Self::Oauth2Proxy => "oauth2-proxy",
            Self::JupyterHub => "jupyterhub",
            Self::Mlflow => "mlflow",
            Self::Apache => "apache",
        }
    }

    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|recipe| recipe.as_str() == word)
    }

    /// The name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "Another app",
            Self::Grafana => "Grafana",
            Self::Oauth2Proxy => "oauth2-proxy",
            Self::JupyterHub => "JupyterHub",
            Self::Mlflow => "MLflow (mlflow-oidc-auth)",
            Self::Apache => "Apache (mod_auth_openidc)",
        }
    }

    /// The path of the redirect address at the program; empty if it is unknown.
    pub const fn redirect_path(self) -> &'static str {
        match self {
            Self::Generic => "",
            Self::Grafana => "/login/generic_oauth",
            Self::Oauth2Proxy => "/oauth2/callback",
            Self::JupyterHub => "/hub/oauth_callback",
            Self::Mlflow => "/callback",
            Self::Apache => "/oidc/callback",
        }
    }

    /// The lines for the program's configuration. Those about a secret are left out for a public client.
    pub fn lines(self, facts: &Facts) -> String {
        let secret = facts.secret.unwrap_or(NO_SECRET);
        let lines = self.all_lines(facts, secret);
        lines.split_inclusive('\n').filter(|line| !line.contains(NO_SECRET)).collect()
    }

    fn all_lines(self, facts: &Facts, secret: &str) -> String {
        let Facts { issuer, client, redirect, .. } = facts;
        let (authorize, token, userinfo, logout) = (
            format!("{issuer}/protocol/openid-connect/auth"),
            format!("{issuer}/protocol/openid-connect/token"),
            format!("{issuer}/protocol/openid-connect/userinfo"),
            format!("{issuer}/protocol/openid-connect/logout"),
        );
        match self {
            Self::Generic => format!(
                "Issuer         {issuer}\nDiscovery      {issuer}/.well-known/openid-configuration\n\
                 Authorization  {authorize}\nToken          {token}\nUserinfo       {userinfo}\n\
                 Client id      {client}\nClient secret  {secret}\nScopes         openid email profile groups\n\
                 PKCE           S256\n"
            ),
            Self::Grafana => format!(
                "GF_AUTH_GENERIC_OAUTH_ENABLED=true\nGF_AUTH_GENERIC_OAUTH_NAME=atelier\n\
                 GF_AUTH_GENERIC_OAUTH_CLIENT_ID={client}\nGF_AUTH_GENERIC_OAUTH_CLIENT_SECRET={secret}\n\
                 GF_AUTH_GENERIC_OAUTH_SCOPES=openid email profile groups\nGF_AUTH_GENERIC_OAUTH_AUTH_URL={authorize}\n\
                 GF_AUTH_GENERIC_OAUTH_TOKEN_URL={token}\nGF_AUTH_GENERIC_OAUTH_API_URL={userinfo}\n\
                 GF_AUTH_GENERIC_OAUTH_USE_PKCE=true\nGF_AUTH_GENERIC_OAUTH_GROUPS_ATTRIBUTE_PATH=groups\n\
                 GF_AUTH_GENERIC_OAUTH_ROLE_ATTRIBUTE_PATH=contains(groups[*], 'Admin') && 'Admin' || 'Viewer'\n"
            ),
            Self::Oauth2Proxy => format!(
                "OAUTH2_PROXY_PROVIDER=oidc\nOAUTH2_PROXY_OIDC_ISSUER_URL={issuer}\nOAUTH2_PROXY_CLIENT_ID={client}\n\
                 OAUTH2_PROXY_CLIENT_SECRET={secret}\nOAUTH2_PROXY_REDIRECT_URL={redirect}\n\
                 OAUTH2_PROXY_CODE_CHALLENGE_METHOD=S256\nOAUTH2_PROXY_EMAIL_DOMAINS=*\n\
                 OAUTH2_PROXY_SCOPE=openid email profile groups\nOAUTH2_PROXY_OIDC_GROUPS_CLAIM=groups\n"
            ),
            Self::JupyterHub => format!(
                "c.JupyterHub.authenticator_class = \"generic-oauth\"\nc.GenericOAuthenticator.client_id = \"{client}\"\n\
                 c.GenericOAuthenticator.client_secret = \"{secret}\"\n\
                 c.GenericOAuthenticator.oauth_callback_url = \"{redirect}\"\n\
                 c.GenericOAuthenticator.authorize_url = \"{authorize}\"\nc.GenericOAuthenticator.token_url = \"{token}\"\n\
                 c.GenericOAuthenticator.userdata_url = \"{userinfo}\"\n\
                 c.GenericOAuthenticator.logout_redirect_url = \"{logout}\"\n\
                 c.GenericOAuthenticator.scope = [\"openid\", \"email\", \"profile\", \"groups\"]\n\
                 c.GenericOAuthenticator.username_claim = \"email\"\nc.GenericOAuthenticator.allow_all = True\n\
                 c.GenericOAuthenticator.manage_groups = True\n\
                 c.GenericOAuthenticator.auth_state_groups_key = \"oauth_user.groups\"\n\
                 c.GenericOAuthenticator.admin_groups = {{\"administrators\"}}\n"
            ),
            Self::Mlflow => format!(
                "OIDC_DISCOVERY_URL={issuer}/.well-known/openid-configuration\nOIDC_CLIENT_ID={client}\n\
                 OIDC_CLIENT_SECRET={secret}\nOIDC_REDIRECT_URI={redirect}\n\
                 OIDC_SCOPE=openid email profile groups\nOIDC_GROUPS_ATTRIBUTE=groups\n\
                 OIDC_GROUP_NAME=ORGANIZATION\nOIDC_ADMIN_GROUP_NAME=administrators\n"
            ),
            Self::Apache => format!(
                "OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\nOIDCClientID {client}\n\
                 OIDCClientSecret {secret}\nOIDCRedirectURI {redirect}\nOIDCScope \"openid email profile groups\"\n\
                 OIDCPKCEMethod S256\nOIDCRemoteUserClaim email\nOIDCCryptoPassphrase CHOOSE_A_RANDOM_TEXT\n\
                 <Location />\n    AuthType openid-connect\n    Require claim groups:ORGANIZATION/WORKSPACE\n\
                 </Location>\n"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recipe_names_the_client_and_the_secret() {
        let client = ClientId::parse("grafana").unwrap();
        let facts = Facts {
            issuer: "https://ml.example.com/auth/realms/master",
            client: &client,
            secret: Some("s3cret"),
            redirect: "https://app.example.com/callback",
        };
        for recipe in Recipe::ALL {
            let lines = recipe.lines(&facts);
            assert!(lines.contains("grafana") && lines.contains("s3cret") && lines.contains(facts.issuer), "{lines}");
            assert_eq!(Recipe::parse(recipe.as_str()), Some(recipe));
            let public = recipe.lines(&Facts { secret: None, ..facts });
            assert_eq!(public.lines().count() + 1, lines.lines().count(), "{public}");
        }
    }
}
