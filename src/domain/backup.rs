//! When backups are made, and which of them are kept.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::timestamp::Timestamp;

/// How far the ids of a restored server go on at least after those in the backup, in case the clock was set back.
pub const ID_MARGIN: i64 = 1_000_000;

/// The beginning of 2026, in microseconds since 1970.
const IDS_SINCE: i64 = 1_767_225_600_000_000;

/// Programs that read ids as floating-point numbers know all numbers below 2^53. This leaves half of them.
const MAX_FIRST_ID: i64 = 1 << 52;

/// The number after which the ids of a server go on that is restored now: the microseconds since 2026. An id that was given
/// out after the backup never means something else, even if another server was restored from the same backup before: no
/// table gets a million rows a second.
pub fn ids_after(now: Timestamp) -> i64 {
    now.micros().saturating_sub(IDS_SINCE).clamp(ID_MARGIN, MAX_FIRST_ID)
}

const DAY: Duration = Duration::from_hours(24);

/// When the server makes backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// Every day at this minute of the day, in UTC.
    Daily(u16),
    /// This long after the last backup.
    Every(Duration),
}

impl Schedule {
    /// Parses a time of day such as `03:00`.
    pub fn at(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str, below: u16| {
            let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|number| is_number && *number < below)
        };
        Some(Self::Daily(number(hour, 24)? * 60 + number(minute, 60)?))
    }

    /// The longest time between two backups.
    pub const fn interval(self) -> Duration {
        match self {
            Self::Daily(_) => DAY,
            Self::Every(interval) => interval,
        }
    }

    /// When the next backup is due, if the last one was made at this time. Now, if there is none.
    pub fn next(self, last: Option<Timestamp>, now: Timestamp) -> Timestamp {
        // A time in the future is from before the clock was set back.
        let Some(last) = last.filter(|last| !last.is_ahead_of(now)) else { return now };
        match self {
            Self::Every(interval) => last.after(interval),
            Self::Daily(minute) => {
                let seconds = last.seconds();
                let at = seconds - seconds.rem_euclid(86_400) + i64::from(minute) * 60;
                Timestamp::from_seconds(if at > seconds { at } else { at + 86_400 })
            }
        }
    }
}

/// How many backups are kept: the newest of each of the last days, weeks and months that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    pub days: u16,
    pub weeks: u16,
    pub months: u16,
}

impl Keep {
    pub const DEFAULT: Self = Self { days: 7, weeks: 4, months: 12 };

    /// Which of these backups are kept. The newest one always is: the last one of those with the latest time.
    pub fn choose(self, made_at: &[Timestamp]) -> Vec<bool> {
        let mut order: Vec<usize> = (0..made_at.len()).collect();
        let at = |index: usize| made_at.get(index).copied().unwrap_or(Timestamp::EARLIEST);
        order.sort_by_key(|index| std::cmp::Reverse((at(*index), *index)));
        let mut kept = vec![false; made_at.len()];
        let (mut days, mut weeks, mut months) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (place, index) in order.into_iter().enumerate() {
            let moment = at(index);
            let day = moment.seconds().div_euclid(86_400);
            // 1970 began on a Thursday.
            let week = (day + 3).div_euclid(7);
            let month = moment.zulu().get(..7).unwrap_or_default().to_owned();
            let is_new = [
                days.len() < usize::from(self.days) && days.insert(day),
                weeks.len() < usize::from(self.weeks) && weeks.insert(week),
                months.len() < usize::from(self.months) && months.insert(month),
            ];
            if let Some(kept) = kept.get_mut(index) {
                *kept = place == 0 || is_new.contains(&true);
            }
        }
        kept
    }
}

/// Parses `7d 4w 12m`. Each part may be missing, but not all.
impl FromStr for Keep {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (mut keep, mut seen) = (Self { days: 0, weeks: 0, months: 0 }, BTreeSet::new());
        for part in text.split(' ').filter(|part| !part.is_empty()) {
            let end = part.find(|c: char| !c.is_ascii_digit()).ok_or(())?;
            let (number, unit) = part.split_at(end);
            let number = number.parse().map_err(|_| ())?;
            let place = match unit {
                "d" => &mut keep.days,
                "w" => &mut keep.weeks,
                "m" => &mut keep.months,
                _ => return Err(()),
            };
            if number == 0 || !seen.insert(unit) {
                return Err(());
            }
            *place = number;
        }
        if seen.is_empty() { Err(()) } else { Ok(keep) }
    }
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.days, "d"), (self.weeks, "w"), (self.months, "m")];
        let parts: Vec<String> =
            parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse(text).unwrap()
    }

    #[test]
    fn a_schedule_is_a_time_of_day() {
        assert_eq!(Schedule::at("00:00"), Some(Schedule::Daily(0)));
        assert_eq!(Schedule::at("23:59"), Some(Schedule::Daily(1439)));
        for bad in ["", "3:00", "24:00", "03:60", "03:0", "03:00:00", "+3:00", "aa:bb", "０３:００"] {
            assert_eq!(Schedule::at(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_missed_backup_is_due_at_once() {
        let (daily, six) = (Schedule::Daily(180), Schedule::Every(Duration::from_hours(6)));
        let now = at("2026-11-27T12:00:00Z");
        let next = |schedule: Schedule, last: &str| schedule.next(Some(at(last)), now);
        assert_eq!(daily.next(None, now), now);
        assert_eq!(daily.next(Some(at("2026-12-27T03:00:00Z")), now), now, "the clock was set back");
        assert_eq!(next(daily, "2026-11-27T03:00:01Z"), at("2026-11-28T03:00:00Z"));
        assert_eq!(next(daily, "2026-11-27T02:59:59Z"), at("2026-11-27T03:00:00Z"));
        assert_eq!(next(daily, "2026-11-27T03:00:00Z"), at("2026-11-28T03:00:00Z"));
        assert_eq!(next(daily, "2026-11-20T10:00:00Z"), at("2026-11-21T03:00:00Z"));
        assert_eq!(next(six, "2026-11-27T11:00:00Z"), at("2026-11-27T17:00:00Z"));
    }

    #[test]
    fn numbers_of_backups_are_parsed() {
        assert_eq!("7d 4w 12m".parse(), Ok(Keep::DEFAULT));
        assert_eq!("12m  7d".parse::<Keep>().unwrap().to_string(), "7d 12m");
        for bad in ["", " ", "7", "d", "0d", "7d 7d", "7x", "-7d", "7d,4w", "70000d", "1.5d"] {
            assert_eq!(bad.parse::<Keep>(), Err(()), "{bad}");
        }
    }

    #[test]
    fn ids_of_a_later_restore_are_ahead() {
        let (one, two) = (at("2026-11-27T12:00:00.000001Z"), at("2026-11-27T12:00:01Z"));
        assert_eq!(ids_after(one), 28_555_200_000_001);
        assert_eq!(ids_after(two) - ids_after(one), 999_999);
        // A wrong clock.
        assert_eq!(ids_after(at("1970-01-01T00:00:00Z")), ID_MARGIN);
        assert_eq!(ids_after(Timestamp::LATEST), 1 << 52);
        assert!(ids_after(at("2126-01-01T00:00:00Z")) < 1 << 52);
    }

    #[test]
    fn the_newest_of_each_period_is_kept() {
        let keep = Keep { days: 2, weeks: 2, months: 3 };
        let made: Vec<Timestamp> = [
            "2026-11-27T03:00:00Z", // Friday, the newest
            "2026-11-27T01:00:00Z",
            "2026-11-26T03:00:00Z",
            "2026-11-25T03:00:00Z",
            "2026-11-22T03:00:00Z", // Sunday of the week before
            "2026-11-21T03:00:00Z",
            "2026-10-31T03:00:00Z",
            "2026-10-01T03:00:00Z",
            "2026-09-30T03:00:00Z",
            "2026-08-30T03:00:00Z",
        ]
        .map(at)
        .to_vec();
        let kept = [true, false, true, false, true, false, true, false, true, false];
        assert_eq!(keep.choose(&made), kept);
        assert_eq!(keep.choose(&[made[1], made[0], made[0]]), [false, false, true], "the last one of the same time");
        let mut backwards = keep.choose(&made.iter().rev().copied().collect::<Vec<_>>());
        backwards.reverse();
        assert_eq!(backwards, kept);
        assert_eq!(Keep { days: 0, weeks: 0, months: 1 }.choose(&made[..2]), [true, false]);
        assert!(keep.choose(&[]).is_empty());
    }
}
