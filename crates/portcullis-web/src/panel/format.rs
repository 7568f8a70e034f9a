//! Sizes and times as people read them.

use portcullis_domain::Timestamp;

use super::words;

/// A number of bytes with three digits and a decimal unit: `412 GB`, `2.31 TB`.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut power: u64 = 1;
    let mut unit = 0;
    // What would be rounded to a thousand of a unit is one of the next.
    while unit + 1 < UNITS.len() && bytes / power >= 1_000 || unit > 0 && rounds_up(bytes, power) {
        power *= 1_000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    let (whole, rest) = (bytes / power, u128::from(bytes % power));
    let decimals = match whole {
        _ if unit == 0 => 0,
        0..=9 => 2,
        10..=99 => 1,
        _ => 0,
    };
    let scale = 10_u128.pow(decimals);
    let mut scaled = u128::from(whole) * scale + (rest * scale + u128::from(power) / 2) / u128::from(power);
    let mut decimals = decimals;
    while decimals > 0 && scaled % 10 == 0 {
        scaled /= 10;
        decimals -= 1;
    }
    let scale = 10_u128.pow(decimals);
    let width = usize::try_from(decimals).unwrap_or(0);
    match decimals {
        0 => format!("{scaled} {name}"),
        _ => format!("{}.{:0width$} {name}", scaled / scale, scaled % scale),
    }
}

fn rounds_up(bytes: u64, power: u64) -> bool {
    bytes / power == 999 && u128::from(bytes % power) * 2 >= u128::from(power)
}

/// How many hundredths `part` is of `whole`, 0 to 100; what is there at all is at least one.
pub(super) fn percent(part: u64, whole: u64) -> u8 {
    if whole == 0 || part >= whole {
        return if part == 0 { 0 } else { 100 };
    }
    let hundredths = u128::from(part) * 100 / u128::from(whole);
    u8::try_from(hundredths).unwrap_or(100).max(u8::from(part > 0))
}

/// How long ago something was: `just now`, `4 minutes ago`, `2 days ago`.
pub(super) fn ago(now: Timestamp, then: Timestamp) -> String {
    let seconds = seconds_between(then, now);
    match seconds {
        0..=59 => words::text("time.now").to_owned(),
        60..=3_599 => words::count("time.minutes_ago", seconds / 60),
        3_600..=86_399 => words::count("time.hours_ago", seconds / 3_600),
        _ => words::count("time.days_ago", seconds / 86_400),
    }
}

/// How long something still is: `3 hours`, `12 days`; less than a minute is `a moment`.
pub(super) fn left(now: Timestamp, then: Timestamp) -> String {
    let seconds = seconds_between(now, then);
    match seconds {
        0..=59 => words::text("time.moment").to_owned(),
        60..=3_599 => words::count("time.minutes", seconds / 60),
        3_600..=86_399 => words::count("time.hours", seconds / 3_600),
        _ => words::count("time.days", seconds / 86_400),
    }
}

fn seconds_between(early: Timestamp, late: Timestamp) -> u64 {
    u64::try_from(late.micros().saturating_sub(early.micros())).unwrap_or(0) / 1_000_000
}

/// A moment, exact to the minute, in UTC: `2027-01-31 18:00 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        (_, _) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (1_234, "1.23 kB"),
            (12_345, "12.3 kB"),
            (412_000_000_000, "412 GB"),
            (2_310_000_000_000, "2.31 TB"),
            (999_999, "1 MB"),
            (999_499, "999 kB"),
            (1_000_000_000_000, "1 TB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn parts() {
        assert_eq!((percent(0, 10), percent(1, 1_000), percent(5, 10), percent(999, 1_000)), (0, 1, 50, 99));
        assert_eq!((percent(1, 0), percent(0, 0), percent(20, 10)), (100, 0, 100));
    }

    #[test]
    fn times() {
        let now: Timestamp = "2027-01-31T18:00:30Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(ago(now, at("2027-01-31T18:00:00Z")), "just now");
        assert_eq!(ago(now, at("2027-01-31T17:59:00Z")), "1 minute ago");
        assert_eq!(ago(now, at("2027-01-29T18:00:00Z")), "2 days ago");
        assert_eq!(ago(now, at("2027-02-01T18:00:00Z")), "just now");
        assert_eq!(left(now, at("2027-02-12T18:00:31Z")), "12 days");
        assert_eq!(moment(now), "2027-01-31 18:00 UTC");
    }
}
