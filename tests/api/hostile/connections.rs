//! Bodies, connections and forwarded addresses that would hold up everybody else.
