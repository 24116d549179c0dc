//! Timestamps in UTC.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp as Moment;
use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::Offset;

use super::invalid::Invalid;

/// A time in UTC, stored as microseconds since 1970, between [`Timestamp::EARLIEST`] and [`Timestamp::LATEST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

/// Prints six fractional digits and `Z`.
const SIX_DIGITS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Whether a text is a time on the last days of the calendar, which stand for "never". They are later than a moment can be.
fn is_last_day(raw: &str) -> bool {
    let text = raw.strip_suffix(['Z', 'z']).unwrap_or(raw);
    raw.starts_with("9999-12-3") && text.parse::<DateTime>().is_ok()
}

impl Timestamp {
    pub fn now() -> Self {
        Self(Moment::now().as_microsecond())
    }

    /// The earliest time that can be printed as a date.
    pub const EARLIEST: Self = Self(-377_705_023_201_000_000);

    /// The latest time that can be printed as a date, at the end of the year 9999.
    pub const LATEST: Self = Self(253_402_207_200_000_000);

    /// How far a stored time may lie in the future because clocks differ, or were corrected a little.
    const MAX_DRIFT: Duration = Duration::from_mins(5);

    /// Whether this stored time is so far in the future that the clock has been set back since. What depends on such a
    /// time would otherwise not happen until the clock reaches it again.
    pub fn is_ahead_of(self, now: Self) -> bool {
        self > now.latest_stored()
    }

    /// The latest stored time that is not ahead of this one.
    #[must_use]
    pub fn latest_stored(self) -> Self {
        self.after(Self::MAX_DRIFT)
    }

    /// Parses ISO 8601 with `Z` or an offset, with or without a colon. Without an offset, the time is in UTC.
    pub fn parse(raw: &str) -> Result<Self, Invalid> {
        let raw = raw.trim();
        let moment = raw.parse::<Moment>().ok();
        let moment = moment.or_else(|| Offset::UTC.to_timestamp(raw.parse::<DateTime>().ok()?).ok());
        if moment.is_none() && is_last_day(raw) {
            return Ok(Self::LATEST);
        }
        let moment = moment.ok_or_else(|| Invalid::rule("must be a date and time such as 2026-01-31T12:00:00Z"))?;
        Ok(Self::from_micros(moment.as_microsecond()))
    }

    /// Parses a day, `2026-01-31`, as its last second in UTC.
    pub fn parse_end_of_day(raw: &str) -> Result<Self, Invalid> {
        let end =
            raw.trim().parse::<Date>().map(|day| day.at(23, 59, 59, 0)).and_then(|end| Offset::UTC.to_timestamp(end));
        let end = end.map_err(|_| Invalid::rule("must be a day such as 2026-01-31"))?;
        Ok(Self::from_micros(end.as_microsecond()))
    }

    /// The day in UTC: `2026-01-31`.
    pub fn day(self) -> String {
        let mut text = self.zulu();
        text.truncate(text.find('T').unwrap_or(0));
        text
    }

    /// Converts microseconds since 1970. A value out of range becomes the earliest or the latest time.
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::EARLIEST.0 {
            Self::EARLIEST
        } else if micros > Self::LATEST.0 {
            Self::LATEST
        } else {
            Self(micros)
        }
    }

    /// Converts seconds since 1970, the unit of JSON Web Tokens.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, the unit of Keycloak.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since 1970, the unit of JSON Web Tokens (RFC 7519, section 2).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// ISO 8601 without trailing zeros in the fraction: `2024-07-11T16:53:30.02561+00:00`, the format of PostgreSQL,
    /// which Wallaroo clients parse.
    pub fn trimmed(self) -> String {
        Moment::from_microsecond(self.0).map_or_else(
            |_| String::new(),
            |moment| {
                let mut text = moment.to_string();
                text.truncate(text.len() - 1);
                text + "+00:00"
            },
        )
    }

    /// ISO 8601 with six fractional digits and `Z`: `2024-07-11T16:53:30.025610Z`.
    pub fn zulu(self) -> String {
        Moment::from_microsecond(self.0)
            .map_or_else(|_| String::new(), |moment| SIX_DIGITS.timestamp_to_string(&moment))
    }

    /// The time `duration` earlier, at the earliest [`Timestamp::EARLIEST`].
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// The duration until a later time. Zero if that is past.
    pub fn until(self, later: Self) -> Duration {
        Duration::from_micros(u64::try_from(later.0.saturating_sub(self.0)).unwrap_or(0))
    }

    /// The time `duration` later, at the latest [`Timestamp::LATEST`].
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }
}

/// ISO 8601 with six fractional digits and `+00:00`: `2024-07-11T16:53:30.025610+00:00`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = Moment::from_microsecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{}", moment.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_ends_with_its_last_second() {
        let end = Timestamp::parse_end_of_day(" 2026-01-31 ").expect("a day");
        assert_eq!((end.zulu().as_str(), end.day().as_str()), ("2026-01-31T23:59:59.000000Z", "2026-01-31"));
        for bad in ["", "31.01.2026", "2026-02-30", "tomorrow", "99999-01-01"] {
            assert!(Timestamp::parse_end_of_day(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_time_parses_with_or_without_offset() {
        let moment = Timestamp::from_micros(1_720_716_810_025_610);
        for text in [
            "2024-07-11T16:53:30.025610Z",
            "2024-07-11T16:53:30.025610+0000",
            "2024-07-11T16:53:30.02561+00:00",
            "2024-07-11T16:53:30.025610",
            "2024-07-11 18:53:30.025610+0200",
            "2024-07-11T14:53:30.025610-02:00",
        ] {
            assert_eq!(Timestamp::parse(text).expect(text), moment, "{text}");
        }
        assert_eq!(Timestamp::parse("1970-01-02").expect("a date").seconds(), 86_400);
        for text in ["", "yesterday", "12", "2024-13-01T00:00:00Z", "2024-07-11T25:00:00"] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn six_digits_and_an_offset() {
        let moment = Timestamp::from_micros(1_720_716_810_025_610);
        assert_eq!(moment.to_string(), "2024-07-11T16:53:30.025610+00:00");
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000+00:00");
    }

    #[test]
    fn a_time_parses_in_every_format() {
        for same in [
            "2024-07-11T16:53:30.025610Z",
            "2024-07-11T16:53:30.02561+00:00",
            "2024-07-11T18:53:30.025610+0200",
            "2024-07-11T16:53:30.025610",
            " 2024-07-11 16:53:30.025610Z ",
        ] {
            assert_eq!(Timestamp::parse(same).map(Timestamp::micros), Ok(1_720_716_810_025_610), "{same}");
        }
        for bad in ["", "tomorrow", "1720716810", "2024-13-01T00:00:00Z", "2024-07-11T16:53:30+25:99"] {
            assert!(Timestamp::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_a_clock_that_was_set_back_leaves_times_far_ahead() {
        let now = Timestamp::from_seconds(1_720_716_810);
        for (later, ahead) in [(0, false), (300, false), (301, true), (400 * 86_400, true)] {
            assert_eq!(now.after(Duration::from_secs(later)).is_ahead_of(now), ahead, "{later} s");
        }
        assert!(!now.is_ahead_of(now.after(Duration::MAX)) && !now.after(Duration::MAX).is_ahead_of(Timestamp::LATEST));
    }

    #[test]
    fn trailing_zeros_are_removed() {
        let trimmed = |micros: i64| Timestamp::from_micros(1_720_716_810_000_000 + micros).trimmed();
        assert_eq!(trimmed(25_610), "2024-07-11T16:53:30.02561+00:00");
        assert_eq!(trimmed(500_000), "2024-07-11T16:53:30.5+00:00");
        assert_eq!(trimmed(0), "2024-07-11T16:53:30+00:00");
        assert_eq!(trimmed(1), "2024-07-11T16:53:30.000001+00:00");
    }

    #[test]
    fn the_past_before_1970_rounds_down() {
        assert_eq!(Timestamp::from_micros(-1).seconds(), -1);
        assert_eq!(Timestamp::from_micros(-1).millis(), -1);
    }

    #[test]
    fn the_bounds_are_those_of_dates() {
        assert_eq!(Timestamp::EARLIEST.seconds(), Moment::MIN.as_second());
        assert_eq!(Timestamp::LATEST.seconds(), Moment::MAX.as_second());
    }

    #[test]
    fn the_latest_time_can_be_printed() {
        let end = Timestamp::now().after(Duration::MAX);
        assert_eq!(end, Timestamp::LATEST);
        assert_eq!(end.to_string(), "9999-12-30T22:00:00.000000+00:00");
        assert_eq!(end.after(Duration::from_secs(1)), end);
    }

    proptest! {
        #[test]
        fn every_time_can_be_printed_and_sorts_as_text(a in any::<i64>(), b in any::<i64>()) {
            let [a, b] = [a, b].map(Timestamp::from_micros);
            prop_assert!(a.to_string().ends_with("+00:00"));
            prop_assert!(a.trimmed().ends_with("+00:00"));
            prop_assert_eq!(a.max(b).micros(), a.micros().max(b.micros()));
            prop_assert!(a.seconds() * 1_000 <= a.millis() && a.millis() * 1_000 <= a.micros());
            prop_assert!(a.micros() - a.seconds() * 1_000_000 < 1_000_000);
        }

        #[test]
        fn a_printed_time_parses_as_the_same_time(micros in -62_135_596_800_000_000_i64..=Timestamp::LATEST.0) {
            let moment = Timestamp::from_micros(micros);
            prop_assert_eq!(moment.micros(), micros);
            for text in [moment.to_string(), moment.trimmed()] {
                prop_assert_eq!(text.parse::<Moment>().expect("ISO 8601").as_microsecond(), micros);
            }
        }

        #[test]
        fn adding_a_duration_never_goes_back(micros in any::<i64>(), nanos in any::<u64>()) {
            let moment = Timestamp::from_micros(micros);
            prop_assert!(moment.after(Duration::from_nanos(nanos)) >= moment);
            prop_assert!(moment.before(Duration::from_nanos(nanos)) <= moment);
        }
    }
}
