//! A moment in time.

use std::fmt;

use jiff::Timestamp as Moment;

/// A moment in UTC, kept as microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The wall clock's moment.
    pub fn now() -> Self {
        Self(Moment::now().as_microsecond())
    }

    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since 1970, as Keycloak counts.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Whole seconds since 1970, as JSON Web Tokens count (RFC 7519, section 2).
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// ISO 8601 with only as many digits of a second as are needed: `2024-07-11T16:53:30.02561+00:00`, as PostgreSQL
    /// writes it and clients of Wallaroo read it.
    pub fn trimmed(self) -> String {
        Moment::from_microsecond(self.0)
            .map_or_else(|_| String::new(), |moment| moment.strftime("%Y-%m-%dT%H:%M:%S%.f+00:00").to_string())
    }

    /// The moment that lies `duration` later.
    pub fn after(self, duration: std::time::Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

/// ISO 8601 with six digits of a second and `+00:00`: `2024-07-11T16:53:30.025610+00:00`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = Moment::from_microsecond(self.0).map_err(|_| fmt::Error)?;
        write!(f, "{}", moment.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_digits_and_an_offset() {
        let moment = Timestamp::from_micros(1_720_716_810_025_610);
        assert_eq!(moment.to_string(), "2024-07-11T16:53:30.025610+00:00");
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000+00:00");
    }

    #[test]
    fn trimmed_of_what_says_nothing() {
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
}
