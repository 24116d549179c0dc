//! The Arize dialect: `/v2`.

pub mod scene;

mod api_keys;
mod audit_logs;
mod explain;
mod organizations;
mod projects;
mod role_bindings;
mod roles;
mod spaces;
mod tags;
mod users;
