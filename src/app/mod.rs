//! The verbs: the only home of rules. Each change leaves its audit row in its own transaction.
//!
//! A verb takes domain types, finds, judges, checks the state, writes and records; it has no effect outside
//! its `Tx`, because a transaction may be run again.

pub mod answers;
pub mod approvals;
mod attempts;
pub mod audit;
pub mod authorization_codes;
pub mod authorizations;
pub mod bindings;
mod bots;
mod budget;
mod caller;
pub mod client_authentication;
pub mod client_rules;
pub mod clients;
mod code_attempts;
pub mod confirmation;
pub mod consents;
pub mod contents;
pub mod creations;
mod credential_cache;
pub mod default_workspaces;
pub mod desk;
pub mod devices;
pub mod grants;
pub mod invitations;
pub mod issuers;
mod key_ring;
pub mod keys;
pub mod links;
pub mod log_limiter;
pub mod logout;
mod lookup;
pub mod master_keys;
pub mod members;
pub mod organizations;
pub mod passwords;
pub mod passwords_own;
pub mod people;
mod places;
pub mod pool;
pub mod projects;
pub mod reauthentication;
pub mod recovery;
pub mod refresh;
mod refusals;
pub mod roles;
pub mod second_factors;
pub mod service_accounts;
pub mod service_keys;
pub mod session_list;
pub mod sessions;
pub mod setup;
mod sight;
pub mod sign_in;
pub mod signing_keys;
mod standing;
pub mod throttle;
pub mod token_status;
pub mod tokens;
pub mod user_deletion;
pub mod users;
pub mod workspaces;

#[cfg(test)]
mod tests;
