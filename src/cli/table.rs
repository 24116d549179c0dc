//! Tables for people, with columns as wide as their widest text.

use std::fmt::Write;

use crate::domain::timestamp::Timestamp;

/// A table that is printed in parts. The columns become wider if a later part needs it.
pub(super) struct Table<const N: usize> {
    head: Option<[String; N]>,
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// With a head, which is printed with the first rows.
    pub(super) fn under(head: [&str; N]) -> Self {
        Self { head: Some(head.map(str::to_owned)), widths: [0; N] }
    }

    /// Formats rows with two spaces between columns and no trailing spaces. Empty if there are no rows.
    pub(super) fn page(&mut self, rows: &[[String; N]]) -> String {
        let mut text = String::new();
        if rows.is_empty() {
            return text;
        }
        let rows: Vec<[String; N]> = self.head.take().into_iter().chain(rows.iter().cloned()).map(printable).collect();
        for row in &rows {
            for (wide, cell) in self.widths.iter_mut().zip(row) {
                *wide = (*wide).max(cell.chars().count());
            }
        }
        for row in &rows {
            let mut line = String::new();
            for (cell, wide) in row.iter().zip(self.widths) {
                // Writing to a String never fails.
                let _ = write!(line, "{cell:wide$}  ");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

/// Without control characters, which a terminal would obey. Descriptions may contain them.
fn printable<const N: usize>(row: [String; N]) -> [String; N] {
    row.map(|cell| if cell.contains(char::is_control) { cell.replace(char::is_control, " ") } else { cell })
}

/// Rows without a head.
pub(super) fn lines<const N: usize>(rows: &[[String; N]]) -> String {
    Table { head: None, widths: [0; N] }.page(rows)
}

/// A timestamp to the second, such as `2024-07-11T16:53:30Z`, or a dash.
pub(super) fn moment(moment: Option<Timestamp>) -> String {
    let to_the_second = |text: String| text.split('.').next().map(|start| format!("{start}Z"));
    moment.and_then(|moment| to_the_second(moment.to_string())).unwrap_or_else(|| "-".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_without_trailing_spaces() {
        let rows = [["1".into(), "ä".into(), "x".into()], ["10".into(), "long".into(), String::new()]];
        let mut table = Table::under(["ID", "NAME", "Z"]);
        assert_eq!(table.page(&[]), "");
        assert_eq!(table.page(&rows), "ID  NAME  Z\n1   ä     x\n10  long\n");
        assert_eq!(table.page(&[["100".into(), "b".into(), "y".into()]]), "100  b     y\n", "the head stands once");
        assert_eq!(lines(&[["a\u{1b}[2J\nb".to_owned()]]), "a [2J b\n");
    }

    #[test]
    fn a_time_is_printed_to_the_second() {
        assert_eq!(moment(Some(Timestamp::from_micros(1_720_716_810_025_610))), "2024-07-11T16:53:30Z");
        assert_eq!(moment(None), "-");
    }
}
