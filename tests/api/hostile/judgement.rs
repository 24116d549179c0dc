//! Rights that reach further than was given, and answers that tell what is hidden.
