//! Times as FTP writes them, in UTC.

use portcullis_domain::Timestamp;

const DAY: i64 = 86_400;
/// From when on a listing tells the year and not the time: half a year, as `ls` does.
const LONG_AGO: i64 = 182 * DAY;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment with a date: years 0 to 9999, what is outside is moved to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    seconds: i64,
    year: i64,
    month: i64,
    day: i64,
}

/// Midnights of 0000-01-01 and 10000-01-01.
const RANGE: (i64, i64) = (-62_167_219_200, 253_402_300_800);

impl Moment {
    pub(super) fn of(time: Timestamp) -> Self {
        let seconds = time.seconds().clamp(RANGE.0, RANGE.1 - 1);
        // Counted from 0000-03-01, so that a leap day is the last of its year, in eras of 400 years, which are alike.
        let days = seconds.div_euclid(DAY) + 719_468;
        let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * from_march + 2) / 5 + 1;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { seconds, year, month, day }
    }

    fn clock(self) -> (i64, i64, i64) {
        let second = self.seconds.rem_euclid(DAY);
        (second / 3_600, second / 60 % 60, second % 60)
    }

    /// As a `time-val` of RFC 3659 section 2.3, in whole seconds.
    pub(super) fn fact(self) -> String {
        let (hour, minute, second) = self.clock();
        format!("{:04}{:02}{:02}{hour:02}{minute:02}{second:02}", self.year, self.month, self.day)
    }

    /// As `ls -l` writes it.
    pub(super) fn listed(self, now: Timestamp) -> String {
        let (hour, minute, _) = self.clock();
        let month =
            usize::try_from(self.month - 1).ok().and_then(|index| MONTHS.get(index)).unwrap_or(&"Jan");
        let age = now.seconds().saturating_sub(self.seconds);
        if (-DAY..LONG_AGO).contains(&age) {
            format!("{month} {:>2} {hour:02}:{minute:02}", self.day)
        } else {
            format!("{month} {:>2}  {:04}", self.day, self.year)
        }
    }
}

/// Reads a `time-val`: `YYYYMMDDHHMMSS` and perhaps a point and digits, of which six count.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 14 || !digits(whole) || fraction.is_some_and(|part| !digits(part) || part.len() > 9) {
        return None;
    }
    let number = |from: usize, to: usize| whole.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    // A leap second is the first of the next minute.
    let (hour, minute, second) = (number(8, 10)?, number(10, 12)?, number(12, 14)?);
    let days = days(year, month, day)?;
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let micros = format!("{:0<6}", fraction.unwrap_or_default()).get(..6)?.parse::<i64>().ok()?;
    let seconds = days * DAY + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(1_000_000)?.checked_add(micros).map(Timestamp::from_micros)
}

/// Days from 1970-01-01; none if there is no such day.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let (from_year, from_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, of_era) = (from_year.div_euclid(400), from_year.rem_euclid(400));
    let of_year = (153 * from_month + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    let found = Moment::of(Timestamp::from_seconds(days * DAY));
    ((found.year, found.month, found.day) == (year, month, day)).then_some(days)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fact(time: &str) -> String {
        Moment::of(time.parse().unwrap()).fact()
    }

    #[test]
    fn known_days() {
        for (time, written) in [
            ("1970-01-01T00:00:00Z", "19700101000000"),
            ("1969-12-31T23:59:59Z", "19691231235959"),
            ("2000-02-29T12:34:56Z", "20000229123456"),
            ("2100-03-01T00:00:00Z", "21000301000000"),
            ("9999-12-30T21:59:59Z", "99991230215959"),
        ] {
            assert_eq!(fact(time), written);
            assert_eq!(parse(written), Some(time.parse().unwrap()));
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in [
            "",
            "2027",
            "20270230000000",
            "20271301000000",
            "20270100000000",
            "20270101240000",
            "2027010100000a",
            "20270101000000.",
            "20270101000000.x",
            "+2027010100000",
            "21000229000000",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse("19700101000000.5"), Some(Timestamp::from_micros(500_000)));
        assert_eq!(parse("19700101000060"), Some(Timestamp::from_seconds(60)));
    }

    proptest! {
        #[test]
        fn there_and_back(seconds in RANGE.0..RANGE.1) {
            let time = Timestamp::from_seconds(seconds);
            prop_assert_eq!(parse(&Moment::of(time).fact()), Some(time));
        }

        #[test]
        fn as_the_clock_of_the_house_writes_it(seconds in -62_135_596_800_i64..RANGE.1 - 2 * DAY) {
            let time = Timestamp::from_seconds(seconds);
            let expected: String = time.to_string().chars().filter(char::is_ascii_digit).collect();
            prop_assert_eq!(Moment::of(time).fact(), expected);
        }

        #[test]
        fn any_text_is_a_time_or_none(text in any::<String>(), micros in any::<i64>()) {
            prop_assert!(parse(&text).is_none_or(|time| parse(&Moment::of(time).fact()).is_some()));
            prop_assert_eq!(Moment::of(Timestamp::from_micros(micros)).fact().len(), 14);
        }
    }
}
