//! `/workspaces/...`: the pages of one workspace, and the form for a new one.

mod address;
mod frame;

pub(super) mod activity;
pub(super) mod connect;
pub(super) mod connections;
pub(super) mod invite;
pub(super) mod members;
pub(super) mod models;
pub(super) mod moving;
pub(super) mod new;
pub(super) mod own_connections;
pub(super) mod pipelines;
pub(super) mod projects;
pub(super) mod settings;
pub(super) mod tags;
