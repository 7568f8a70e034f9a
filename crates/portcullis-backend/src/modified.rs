//! When the writer of an object last modified it: `mtime` in the user metadata, in seconds since 1970 with decimals, as rclone keeps it.

use portcullis_domain::Timestamp;

use crate::ContentHeaders;

/// The name of the user metadata.
pub(crate) const NAME: &str = "mtime";

impl ContentHeaders {
    /// When the writer last modified it, if they said so in a way that is understood.
    #[must_use]
    pub fn user_modified(&self) -> Option<Timestamp> {
        self.user.iter().find(|(name, _)| name == NAME).and_then(|(_, value)| parse(value))
    }

    /// Notes when the writer last modified it, or takes the note away.
    pub fn set_user_modified(&mut self, modified: Option<Timestamp>) {
        self.user.retain(|(name, _)| name != NAME);
        self.user.extend(modified.map(|modified| (NAME.to_owned(), format(modified))));
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || !all_digits(whole) || !all_digits(decimals) {
        return None;
    }
    let micros: String = decimals.chars().chain("000000".chars()).take(6).collect();
    let micros = whole.parse::<i64>().ok()?.checked_mul(1_000_000)?.checked_add(micros.parse().ok()?)?;
    Some(Timestamp::from_micros(micros.checked_mul(sign)?))
}

fn format(modified: Timestamp) -> String {
    let micros = modified.micros();
    let sign = if micros < 0 { "-" } else { "" };
    let (whole, decimals) = (micros.unsigned_abs() / 1_000_000, micros.unsigned_abs() % 1_000_000);
    if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{decimals:06}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_rclone_writes_it() {
        for (text, micros) in [
            ("1700000000", Some(1_700_000_000_000_000)),
            ("1700000000.123456789", Some(1_700_000_000_123_456)),
            ("1700000000.5", Some(1_700_000_000_500_000)),
            ("0", Some(0)),
            ("-1.5", Some(-1_500_000)),
            ("1.", Some(1_000_000)),
            ("", None),
            (".5", None),
            ("1e9", None),
            ("2023-11-14T22:13:20Z", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text), micros.map(Timestamp::from_micros), "{text}");
        }
    }

    #[test]
    fn written_and_read() {
        for micros in [0, 1, -1, 1_700_000_000_000_000, 1_700_000_000_123_456, -1_500_000] {
            let mut content =
                ContentHeaders { user: vec![("mtime".into(), "x".into())], ..ContentHeaders::default() };
            assert_eq!(content.user_modified(), None);
            content.set_user_modified(Some(Timestamp::from_micros(micros)));
            assert_eq!(content.user.len(), 1);
            assert_eq!(content.user_modified(), Some(Timestamp::from_micros(micros)), "{:?}", content.user);
        }
    }
}
