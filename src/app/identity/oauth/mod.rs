//! The OpenID Connect provider: clients, grants, codes, consents and tokens. It knows no wire.

pub mod approvals;
pub mod authorization_codes;
pub mod authorizations;
pub mod client_authentication;
pub mod client_changes;
pub mod client_rules;
pub mod clients;
pub mod consents;
pub mod devices;
pub mod grants;
pub mod groups;
pub mod logout;
pub mod recipes;
pub mod refresh;
pub mod service_accounts;
pub mod token_status;
pub mod tokens;
