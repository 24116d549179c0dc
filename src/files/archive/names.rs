//! The names of backups in a directory.

use crate::domain::timestamp::Timestamp;

pub(super) const BEGIN: &str = "atelier-";
pub(super) const END: &str = ".tar";
pub(super) const SEALED: &str = ".sealed";

/// `20261127T170501Z`.
pub(super) fn name_of(moment: Timestamp) -> String {
    let text = moment.zulu();
    let second = text.get(..19).unwrap_or_default();
    second.chars().filter(|c| !matches!(c, '-' | ':')).collect::<String>() + "Z"
}

/// The time of a backup of this name, its number, and whether it is sealed.
pub(super) fn parse_name(name: &str) -> Option<(Timestamp, u32, bool)> {
    let rest = name.strip_prefix(BEGIN)?;
    let (rest, sealed) = rest.strip_suffix(SEALED).map_or((rest, false), |rest| (rest, true));
    let rest = rest.strip_suffix(END)?;
    let (stamp, number) = rest.split_at_checked(16)?;
    let number = if number.is_empty() {
        1
    } else {
        let text = number.strip_prefix('-')?;
        text.parse::<u32>().ok().filter(|value| *value > 1 && value.to_string() == text)?
    };
    let part = |range: std::ops::Range<usize>| stamp.get(range);
    let (date, time) = (stamp.get(..8)?, stamp.get(8..)?);
    let iso = format!(
        "{}-{}-{}{}:{}:{}",
        part(0..4)?,
        part(4..6)?,
        part(6..8)?,
        time.get(..3)?,
        time.get(3..5)?,
        time.get(5..)?
    );
    let moment = Timestamp::parse(&iso).ok()?;
    (date.bytes().all(|byte| byte.is_ascii_digit()) && name_of(moment) == stamp).then_some((moment, number, sealed))
}
