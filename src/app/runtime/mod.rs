//! What serves every request and belongs to none: the state, its pools, caches and limits. It knows no noun of the product.

pub mod backup_control;
pub(in crate::app) mod budget;
mod client_origins;
pub mod content_coding;
pub(in crate::app) mod creations;
pub(in crate::app) mod credential_cache;
pub mod current_request;
pub mod file_storage;
pub mod installation;
pub mod issuers;
pub(in crate::app) mod key_ring;
pub mod log_limiter;
pub mod long_view;
pub(in crate::app) mod places;
pub mod pool;
pub mod read_cost;
pub(in crate::app) mod refusals;
pub mod response_body;
pub mod response_cache;
pub mod sign_in_counts;
pub mod state;
pub mod throttle;
pub mod unsent_memory;
