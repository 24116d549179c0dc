//! Tables for people, with columns as wide as their widest text.

use std::fmt::Write;

use crate::domain::timestamp::Timestamp;

/// Formats rows with two spaces between columns and no trailing spaces.
pub(super) fn lines<const N: usize>(rows: &[[String; N]]) -> String {
    let mut text = String::new();
    let wide: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    for row in rows {
        let mut line = String::new();
        for (cell, wide) in row.iter().zip(wide) {
            // Writing to a String never fails.
            let _ = write!(line, "{cell:wide$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The same with a header. Empty if there are no rows.
pub(super) fn under<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let head = head.map(str::to_owned);
    lines(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
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
        let rows = vec![["1".into(), "ä".into(), "x".into()], ["10".into(), "long".into(), String::new()]];
        assert_eq!(under(["ID", "NAME", "Z"], rows), "ID  NAME  Z\n1   ä     x\n10  long\n");
        assert_eq!(under(["ID"], Vec::new()), "");
    }

    #[test]
    fn a_time_is_printed_to_the_second() {
        assert_eq!(moment(Some(Timestamp::from_micros(1_720_716_810_025_610))), "2024-07-11T16:53:30Z");
        assert_eq!(moment(None), "-");
    }
}
