//! The `atelier` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    atelier::cli::run()
}
