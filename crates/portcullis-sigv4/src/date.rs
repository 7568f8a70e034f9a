//! The time stamps of a signed request.

use std::fmt;

/// The first second that no longer has a four-digit year.
const END_OF_RANGE: i64 = 253_402_300_800;
const SECONDS_PER_DAY: i64 = 86_400;

/// A moment in whole seconds, UTC, with its text `YYYYMMDDTHHMMSSZ` (ISO 8601 basic) at hand.
///
/// The range is 1970 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmzDate {
    unix: i64,
    text: [u8; 16],
}

impl AmzDate {
    /// The moment `seconds` after the Unix epoch, or `None` outside 1970 to 9999.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        if !(0..END_OF_RANGE).contains(&seconds) {
            return None;
        }
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second = seconds.rem_euclid(SECONDS_PER_DAY);
        let date: [u8; 8] = digits(year * 10_000 + month * 100 + day);
        let time: [u8; 6] = digits(second / 3_600 * 10_000 + second / 60 % 60 * 100 + second % 60);
        let mut text = [b'Z'; 16];
        for (slot, byte) in text.iter_mut().zip(date.into_iter().chain([b'T']).chain(time)) {
            *slot = byte;
        }
        Some(Self { unix: seconds, text })
    }

    /// Reads `YYYYMMDDTHHMMSSZ`, the form of `x-amz-date`. `None` for any other shape and for days that do not exist.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; 16] = text.try_into().ok()?;
        let date = number(text.get(..8)?)?;
        let time = number(text.get(9..15)?)?;
        let parsed = Self::from_civil(date / 10_000, date / 100 % 100, date % 100, time)?;
        // Formatting again refuses what arithmetic let pass: 30 February, 25 o'clock, a missing T or Z.
        (parsed.text == *text).then_some(parsed)
    }

    /// Reads the fixed form of an HTTP date, `Fri, 24 May 2013 00:00:00 GMT` (RFC 9110, section 5.6.7). The name of
    /// the day is not compared with the date. S3 accepts a `Date` header where `x-amz-date` is absent.
    #[must_use]
    pub fn parse_http(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut words = text.split(' ');
        let (weekday, day, month, year) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let (clock, zone) = (words.next()?, words.next()?);
        if words.next().is_some() || zone != "GMT" || weekday.len() != 4 || !weekday.ends_with(',') {
            return None;
        }
        let month: i64 = match month {
            "Jan" => 1,
            "Feb" => 2,
            "Mar" => 3,
            "Apr" => 4,
            "May" => 5,
            "Jun" => 6,
            "Jul" => 7,
            "Aug" => 8,
            "Sep" => 9,
            "Oct" => 10,
            "Nov" => 11,
            "Dec" => 12,
            _ => return None,
        };
        if day.len() != 2 || year.len() != 4 || clock.len() != 8 {
            return None;
        }
        let mut time = 0;
        let mut parts = clock.split(':');
        for _ in 0..3 {
            let part = parts.next().filter(|part| part.len() == 2)?;
            time = time * 100 + number(part.as_bytes())?;
        }
        let (year, day) = (number(year.as_bytes())?, number(day.as_bytes())?);
        let parsed = Self::from_civil(year, month, day, time)?;
        let asked: [u8; 8] = digits(year * 10_000 + month * 100 + day);
        (parsed.day() == asked).then_some(parsed)
    }

    fn from_civil(year: i64, month: i64, day: i64, time: i64) -> Option<Self> {
        let (hour, minute, second) = (time / 10_000, time / 100 % 100, time % 100);
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let days = days_from_civil(year, month, day);
        Self::from_unix(days * SECONDS_PER_DAY + hour * 3_600 + minute * 60 + second)
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub const fn unix(&self) -> i64 {
        self.unix
    }

    /// `YYYYMMDDTHHMMSSZ`.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// `YYYYMMDDTHHMMSSZ`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap_or_default()
    }

    /// The day, `YYYYMMDD`, that a credential scope names.
    #[must_use]
    pub fn day(&self) -> [u8; 8] {
        let [a, b, c, d, e, f, g, h, ..] = self.text;
        [a, b, c, d, e, f, g, h]
    }
}

impl fmt::Debug for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for AmzDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A day that exists, `YYYYMMDD`.
pub(crate) fn parse_day(text: &[u8]) -> Option<[u8; 8]> {
    let day: [u8; 8] = text.try_into().ok()?;
    let value = number(&day)?;
    let parsed = AmzDate::from_civil(value / 10_000, value / 100 % 100, value % 100, 0)?;
    (parsed.day() == day).then_some(day)
}

fn number(ascii: &[u8]) -> Option<i64> {
    ascii
        .iter()
        .try_fold(0, |sum: i64, byte| byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0')))
}

/// The last `N` decimal digits of a non-negative number.
fn digits<const N: usize>(mut value: i64) -> [u8; N] {
    let mut text = [b'0'; N];
    for slot in text.iter_mut().rev() {
        *slot = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
    text
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from March, so that the leap day
/// is the last one; a period of 400 years has 146,097 days, and 1970-01-01 is day 719,468 from 0000-03-01.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let period = year.div_euclid(400);
    let year_of_period = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_period = year_of_period * 365 + year_of_period / 4 - year_of_period / 100 + day_of_year;
    period * 146_097 + day_of_period - 719_468
}

/// The inverse of [`days_from_civil`].
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let period = days.div_euclid(146_097);
    let day = days.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = period * 400 + year + if month <= 2 { 1 } else { 0 };
    (year, month, day_of_month)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{AmzDate, END_OF_RANGE};

    #[test]
    fn known_moments() {
        for (unix, text) in [
            (0, "19700101T000000Z"),
            (951_782_400, "20000229T000000Z"),
            (1_369_353_600, "20130524T000000Z"),
            (1_709_251_199, "20240229T235959Z"),
            (4_107_542_400, "21000301T000000Z"),
            (END_OF_RANGE - 1, "99991231T235959Z"),
        ] {
            let date = AmzDate::from_unix(unix).unwrap();
            assert_eq!(date.as_str(), text);
            assert_eq!(AmzDate::parse(text.as_bytes()), Some(date));
        }
        assert_eq!(AmzDate::from_unix(-1), None);
        assert_eq!(AmzDate::from_unix(END_OF_RANGE), None);
        assert_eq!(AmzDate::from_unix(i64::MIN), None);
    }

    #[test]
    fn what_is_no_time_stamp() {
        for text in [
            "",
            "20130524",
            "20130524T000000",
            "20130524 000000Z",
            "20130524T000000z",
            "20130230T000000Z",
            "21000229T000000Z",
            "20130524T240000Z",
            "20130524T006000Z",
            "20130524T000060Z",
            "20130024T000000Z",
            "20131324T000000Z",
            "20130500T000000Z",
            "19691231T235959Z",
            "+0130524T000000Z",
            "2013-05-24T00:00:00Z",
        ] {
            assert_eq!(AmzDate::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn http_dates() {
        let date = AmzDate::parse_http(b"Fri, 24 May 2013 00:00:00 GMT").unwrap();
        assert_eq!(date.as_str(), "20130524T000000Z");
        for text in [
            "Fri, 24 May 2013 00:00:00 +0000",
            "Fri, 24 May 2013 00:00:00",
            "Fri, 31 Feb 2013 00:00:00 GMT",
            "Fri, 24 May 2013 24:00:00 GMT",
            "Fri, 24 May 2013 0:00:000 GMT",
            "Fri, 24 may 2013 00:00:00 GMT",
            "Friday, 24-May-13 00:00:00 GMT",
            "Fri May 24 00:00:00 2013",
        ] {
            assert_eq!(AmzDate::parse_http(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_second_round_trips(unix in 0..END_OF_RANGE) {
            let date = AmzDate::from_unix(unix).unwrap();
            assert_eq!(AmzDate::parse(date.as_bytes()).unwrap().unix(), unix);
        }

        #[test]
        fn order_of_text_is_order_of_time(a in 0..END_OF_RANGE, b in 0..END_OF_RANGE) {
            let (first, second) = (AmzDate::from_unix(a).unwrap(), AmzDate::from_unix(b).unwrap());
            assert_eq!(first.as_str().cmp(second.as_str()), a.cmp(&b));
        }
    }
}
