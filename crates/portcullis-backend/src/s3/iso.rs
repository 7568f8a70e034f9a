//! The times in S3's documents: ISO 8601 in UTC.

use portcullis_domain::Timestamp;

/// `2027-01-31T18:00:00.000Z`, to whole seconds, since that is all that headers say of the same moment.
pub(super) fn parse_iso(text: &str) -> Option<Timestamp> {
    let time: Timestamp = text.trim().parse().ok()?;
    Some(Timestamp::from_seconds(time.seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_seconds() {
        assert_eq!(parse_iso("1970-01-01T00:00:07.999Z"), Some(Timestamp::from_seconds(7)));
        assert_eq!(parse_iso(" 1970-01-01T00:00:07+00:00 "), Some(Timestamp::from_seconds(7)));
        assert_eq!(parse_iso("yesterday"), None);
    }
}
