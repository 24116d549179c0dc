//! OAuth clients that reach for more than they were registered for.
