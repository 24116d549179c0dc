//! The findings of `atelier check`, as lines.

pub(super) use crate::app::checks::{Finding, Level};
use crate::cli::table;

pub(super) fn lines(findings: &[Finding]) -> String {
    let row = |finding: &Finding| {
        let next = finding.next.as_ref().map(|next| format!("; {next}")).unwrap_or_default();
        [finding.level.as_str().to_owned(), finding.what.to_owned(), finding.found.clone() + &next]
    };
    table::lines(&findings.iter().map(row).collect::<Vec<_>>())
}
