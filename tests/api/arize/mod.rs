//! The Arize dialect: `/v2`.

pub mod scene;

mod audit_logs;
mod organizations;
mod projects;
mod role_bindings;
mod roles;
mod spaces;
