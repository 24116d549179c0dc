//! Workspaces, people and sign-ins by month.

use crate::app::standing;
use crate::domain::actor::Actor;
use crate::domain::noun::Noun;
use crate::domain::timestamp::Timestamp;
use crate::error::Result;
use crate::policy::Action;
use crate::store::{self, View};

/// The number of months, the present one included.
pub const MONTHS: usize = 12;

/// The rows that are looked at for one number. More are not counted.
pub const MAX_ROWS: u32 = 100_000;

/// The verb of a sign-in in the audit log.
const SIGN_IN: &str = "sessions.begin";

/// A month of the Gregorian calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    pub year: i32,
    /// From 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month of a time.
    pub fn of(at: Timestamp) -> Self {
        let text = at.zulu();
        let part = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse().ok());
        Self {
            year: part(0..4).unwrap_or(1970),
            month: part(5..7).and_then(|month| u32::try_from(month).ok()).unwrap_or(1),
        }
    }

    fn before(self) -> Self {
        match self.month {
            1 => Self { year: self.year - 1, month: 12 },
            month => Self { month: month - 1, ..self },
        }
    }

    fn after(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { month: month + 1, ..self },
        }
    }

    fn begin(self) -> Timestamp {
        Timestamp::parse(&format!("{:04}-{:02}-01T00:00:00Z", self.year, self.month)).unwrap_or(Timestamp::EARLIEST)
    }
}

/// The numbers of one month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InMonth {
    pub month: Month,
    pub new_workspaces: u32,
    /// Those that were made until the end of the month and still exist.
    pub workspaces: u32,
    pub new_people: u32,
    /// Those whose accounts were made until the end of the month and still exist.
    pub people: u32,
    pub sign_ins: u32,
}

/// The last months, the oldest first.
#[derive(Clone, Debug)]
pub struct Activity {
    pub months: Vec<InMonth>,
    /// Whether there are more rows than were looked at, so that a number is too small.
    pub is_cut: bool,
}

/// Workspaces and people that exist, by the month in which they were made, and the sign-ins of the audit log.
///
/// Requires an administrator.
pub fn months(view: &View, actor: &Actor) -> Result<Activity> {
    standing::require(&standing::in_account(actor), Action::ReadEverything, Noun::Audit, "of the account")?;
    let mut months = vec![Month::of(view.now)];
    while months.len() < MONTHS {
        months.extend(months.last().map(|month| month.before()));
    }
    months.reverse();
    let (workspaces, people) = (store::activity::workspaces(view, MAX_ROWS)?, store::activity::people(view, MAX_ROWS)?);
    let mut activity = Activity { months: Vec::new(), is_cut: is_cut(&workspaces) || is_cut(&people) };
    for month in months {
        let (begin, end) = (month.begin(), month.after().begin());
        let sign_ins = store::activity::entries(view, SIGN_IN, (begin, end), MAX_ROWS)?;
        activity.is_cut |= sign_ins == MAX_ROWS;
        activity.months.push(InMonth {
            month,
            new_workspaces: count(&workspaces, |at| (begin..end).contains(&at)),
            workspaces: count(&workspaces, |at| at < end),
            new_people: count(&people, |at| (begin..end).contains(&at)),
            people: count(&people, |at| at < end),
            sign_ins,
        });
    }
    Ok(activity)
}

const fn is_cut(found: &[Timestamp]) -> bool {
    found.len() == MAX_ROWS as usize
}

fn count(moments: &[Timestamp], is_counted: impl Fn(Timestamp) -> bool) -> u32 {
    u32::try_from(moments.iter().filter(|at| is_counted(**at)).count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_each_other() {
        let at = Month::of(Timestamp::parse("2026-12-31T23:59:59.9Z").unwrap());
        assert_eq!(at, Month { year: 2026, month: 12 });
        assert_eq!(at.after(), Month { year: 2027, month: 1 });
        assert_eq!(at.after().before(), at);
        assert_eq!(at.begin(), Timestamp::parse("2026-12-01T00:00:00Z").unwrap());
    }
}
