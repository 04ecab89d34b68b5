//! Time as the house stores it: microseconds since the Unix epoch, in UTC.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point in time, in microseconds since 1970-01-01T00:00:00Z.
///
/// The unit of every time column. Tokens carry whole seconds: see [`Timestamp::as_secs`].
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The Unix epoch.
    pub const EPOCH: Self = Self(0);

    /// A time from whole seconds since the epoch; saturates at the ends of the range.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// Whole seconds since the epoch, rounded down: what `iat`, `exp` and `auth_time` carry
    /// (RFC 7519 section 2, NumericDate).
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Whole milliseconds since the epoch, for `UUIDv7`; negative times count as zero.
    #[must_use]
    pub fn as_millis(self) -> u64 {
        u64::try_from(self.0.div_euclid(1_000)).unwrap_or(0)
    }

    /// This time plus `d`; saturates.
    #[must_use]
    pub fn plus(self, d: Duration) -> Self {
        Self(self.0.saturating_add(micros(d)))
    }

    /// This time minus `d`; saturates.
    #[must_use]
    pub fn minus(self, d: Duration) -> Self {
        Self(self.0.saturating_sub(micros(d)))
    }

    /// This time plus a number of whole seconds; saturates.
    #[must_use]
    pub const fn plus_secs(self, secs: u32) -> Self {
        Self(self.0.saturating_add(secs as i64 * 1_000_000))
    }

    /// How long after `earlier` this is; zero when it is not after it.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// RFC 3339 in UTC with milliseconds, as the APIs print it: `2026-03-01T12:00:00.000Z`.
    #[must_use]
    pub fn to_rfc3339(self) -> String {
        let days = self.0.div_euclid(86_400_000_000);
        let rest = self.0.rem_euclid(86_400_000_000);
        // Civil date from days since the epoch: Howard Hinnant's algorithm, exact over our range.
        let z = days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let mp = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (secs, millis) = (rest / 1_000_000, rest % 1_000_000 / 1_000);
        format!(
            "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            secs / 3_600,
            secs / 60 % 60,
            secs % 60
        )
    }

    /// A time as the APIs print it, in UTC, with or without a fraction of a second: the reverse of
    /// [`Self::to_rfc3339`].
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let rest = text.strip_suffix('Z')?;
        let (date, time) = rest.split_once('T')?;
        let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
        let digits = |part: &str, n: usize| {
            let plain = part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
            plain.then(|| part.parse::<i64>().ok())?
        };
        let mut date = date.split('-');
        let (year, month, day) =
            (digits(date.next()?, 4)?, digits(date.next()?, 2)?, digits(date.next()?, 2)?);
        let mut time = time.split(':');
        let (hour, minute, second) =
            (digits(time.next()?, 2)?, digits(time.next()?, 2)?, digits(time.next()?, 2)?);
        if !(1..=6).contains(&fraction.len()) || date.next().is_some() || time.next().is_some() {
            return None;
        }
        let fraction = digits(&format!("{fraction:0<6}"), 6)?;
        // The reverse of the algorithm above.
        let year = year - i64::from(month <= 2);
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let mp = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * mp + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        let days = era * 146_097 + day_of_era - 719_468;
        let secs = days * 86_400 + hour * 3_600 + minute * 60 + second;
        let found = Self(secs * 1_000_000 + fraction);
        // A day or an hour that there is not comes out as another one.
        let start = text.get(..19)?;
        found.to_rfc3339().starts_with(start).then_some(found)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_rfc3339())
    }
}

fn micros(d: Duration) -> i64 {
    i64::try_from(d.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn prints_rfc3339() {
        assert_eq!(Timestamp(0).to_rfc3339(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Timestamp::from_secs(951_782_400).to_rfc3339(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Timestamp(1_772_366_399_999_999).to_rfc3339(), "2026-03-01T11:59:59.999Z");
        assert_eq!(Timestamp(-1).to_rfc3339(), "1969-12-31T23:59:59.999Z");
    }

    #[test]
    fn reads_what_it_prints_and_nothing_else() {
        for n in [0, 951_782_400, 1_772_366_399, 4_102_444_800, -1, -62_135_596_800] {
            let time = Timestamp::from_secs(n);
            assert_eq!(Timestamp::parse_rfc3339(&time.to_rfc3339()), Some(time));
        }
        let whole = Timestamp::parse_rfc3339("2026-03-01T12:00:00Z");
        assert_eq!(whole, Timestamp::parse_rfc3339("2026-03-01T12:00:00.000000Z"));
        for wrong in [
            "",
            "2026-03-01",
            "2026-03-01T12:00:00",
            "2026-03-01T12:00:00+01:00",
            "2026-02-30T12:00:00Z",
            "2026-13-01T12:00:00Z",
            "2026-00-01T12:00:00Z",
            "2026-03-01T24:00:00Z",
            "2026-03-01T12:60:00Z",
            "2026-03-01T12:00:00.Z",
            "2026-3-1T12:00:00Z",
            "2026-03-01T12:00:00.1234567Z",
            "+026-03-01T12:00:00Z",
        ] {
            assert_eq!(Timestamp::parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn seconds_round_down_and_arithmetic_saturates() {
        assert_eq!(Timestamp(-1).as_secs(), -1);
        assert_eq!(Timestamp(1_999_999).as_secs(), 1);
        assert_eq!(Timestamp(i64::MAX).plus_secs(1), Timestamp(i64::MAX));
        assert_eq!(Timestamp(5).since(Timestamp(9)).as_micros(), 0);
    }
}
