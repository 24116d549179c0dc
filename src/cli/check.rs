//! `atelier check`: what is in force, and whether it is well.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::cli::{Trouble, print};
use crate::config::Config;

/// Prints the configuration in force, with secrets masked.
pub(super) fn run(config: &Config, as_json: bool) -> Result<(), Trouble> {
    let rows = config.shown();
    if as_json {
        let row = |(key, value, origin): &(&str, String, String)| json!({"key": key, "value": value, "from": origin});
        let rows: Vec<Value> = rows.iter().map(row).collect();
        return print(&format!("{:#}\n", json!({ "configuration": rows })));
    }
    let wide = rows.iter().map(|(key, ..)| key.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (key, value, origin) in rows {
        // Writing to a String does not fail.
        let _ = writeln!(text, "{key:wide$} = {value}  # {origin}");
    }
    print(&text)
}
