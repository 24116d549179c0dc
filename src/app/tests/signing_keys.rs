//! Signing keys: which there are, which sign, and when they go.

use super::*;
use crate::app::signing_keys::Plan;
use crate::tokens::signing::Algorithm;

/// A plan whose keys are quickly made.
pub(super) const PLAN: Plan =
    Plan { algorithm: Algorithm::EdDsa, life: Duration::from_hours(90 * 24), token_life: LIFETIMES.access_token };
