//! Times as S3 writes them: ISO 8601 with milliseconds in documents, RFC 9110 dates in headers.

use http::HeaderValue;
use portcullis_domain::Timestamp;

const DAY: i64 = 86_400;
const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Writes `YYYY-MM-DDTHH:MM:SS.000Z`; remembers the last second, since the entries of a page often share one.
#[derive(Debug)]
pub(crate) struct IsoTime {
    second: Option<i64>,
    text: [u8; 24],
}

impl IsoTime {
    /// Remembers nothing yet.
    pub(crate) const fn new() -> Self {
        Self { second: None, text: *b"0000-00-00T00:00:00.000Z" }
    }

    /// The text for this moment, fractions of a second cut off as S3 does.
    pub(crate) fn text(&mut self, at: Timestamp) -> &[u8] {
        let second = at.seconds();
        if self.second != Some(second) {
            let (year, month, day) = civil_from_days(second.div_euclid(DAY));
            let clock = second.rem_euclid(DAY);
            let [y3, y2, y1, y0] = digits4(year);
            let ([m1, m0], [d1, d0]) = (digits2(month), digits2(day));
            let ([h1, h0], [n1, n0], [s1, s0]) = clock_digits(clock);
            self.text = [
                y3, y2, y1, y0, b'-', m1, m0, b'-', d1, d0, b'T', h1, h0, b':', n1, n0, b':', s1, s0, b'.',
                b'0', b'0', b'0', b'Z',
            ];
            self.second = Some(second);
        }
        &self.text
    }
}

/// The moment as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7).
pub(crate) fn http_date(at: Timestamp) -> HeaderValue {
    let days = at.seconds().div_euclid(DAY);
    let (year, month, day) = civil_from_days(days);
    let pick = |index: i64| usize::try_from(index).unwrap_or(0);
    let [w0, w1, w2] = **WEEKDAYS.get(pick(days.rem_euclid(7))).unwrap_or(&b"Thu");
    let [n0, n1, n2] = **MONTHS.get(pick(month - 1)).unwrap_or(&b"Jan");
    let [y3, y2, y1, y0] = digits4(year);
    let [d1, d0] = digits2(day);
    let ([h1, h0], [i1, i0], [s1, s0]) = clock_digits(at.seconds().rem_euclid(DAY));
    let text = [
        w0, w1, w2, b',', b' ', d1, d0, b' ', n0, n1, n2, b' ', y3, y2, y1, y0, b' ', h1, h0, b':', i1, i0,
        b':', s1, s0, b' ', b'G', b'M', b'T',
    ];
    HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// Reads a date in any of the three forms of RFC 9110; none if it is not one, which means: ignore the header.
pub(crate) fn parse_http_date(text: &str) -> Option<Timestamp> {
    let time = httpdate::parse_http_date(text).ok()?;
    let since = time.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok().map(Timestamp::from_seconds)
}

fn clock_digits(clock: i64) -> ([u8; 2], [u8; 2], [u8; 2]) {
    (digits2(clock / 3_600), digits2(clock / 60 % 60), digits2(clock % 60))
}

fn digits2(value: i64) -> [u8; 2] {
    [digit(value / 10), digit(value)]
}

fn digits4(value: i64) -> [u8; 4] {
    [digit(value / 1_000), digit(value / 100), digit(value / 10), digit(value)]
}

fn digit(value: i64) -> u8 {
    b'0' + u8::try_from(value.rem_euclid(10)).unwrap_or(0)
}

/// Year, month and day of a day counted from 1970-01-01, in the proleptic Gregorian calendar. Years are taken to begin
/// in March, so that the leap day comes last; 400 years have 146,097 days.
const fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iso(at: Timestamp) -> String {
        String::from_utf8(IsoTime::new().text(at).to_vec()).unwrap()
    }

    #[test]
    fn both_forms_of_known_moments() {
        let at: Timestamp = "1994-11-06T08:49:37.999Z".parse().unwrap();
        assert_eq!(iso(at), "1994-11-06T08:49:37.000Z");
        assert_eq!(http_date(at), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(iso(Timestamp::from_seconds(951_782_400)), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(Timestamp::from_seconds(-1)), "1969-12-31T23:59:59.000Z");
    }

    #[test]
    fn agrees_with_the_calendar_for_four_centuries() {
        let mut clock = IsoTime::new();
        for day in (0..146_097).step_by(7) {
            let at = Timestamp::from_seconds(day * DAY + 43_210);
            let told = String::from_utf8(clock.text(at).to_vec()).unwrap();
            assert_eq!(told.parse(), Ok(at));
            let date = http_date(at);
            assert_eq!(parse_http_date(date.to_str().unwrap()), Some(at));
        }
    }

    #[test]
    fn what_is_not_a_date_is_ignored() {
        for wrong in ["", "yesterday", "2027-01-31T18:00:00Z", "Sun, 06 Nov 1960 08:49:37 GMT"] {
            assert_eq!(parse_http_date(wrong), None, "{wrong}");
        }
    }
}
