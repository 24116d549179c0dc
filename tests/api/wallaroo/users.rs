//! `/v1/api/users/*` and `/v1/api/user`.
