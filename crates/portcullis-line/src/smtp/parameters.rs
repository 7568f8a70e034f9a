//! What stands behind an address: parameters of the extensions that were offered, and no others (RFC 5321 section 4.1.1.11).

/// Why parameters are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BadParameter {
    /// Of an extension that is not spoken here.
    Unknown,
    /// Not as its extension writes it, or there twice.
    Invalid,
}

/// What `MAIL` says beside the address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct MailParameters {
    /// How large the message is, as the client believes (RFC 1870).
    pub(super) size: Option<u64>,
    /// Whether addresses and headers are UTF-8 (RFC 6531).
    pub(super) utf8: bool,
}

impl MailParameters {
    /// Takes what is behind the address of `MAIL`.
    ///
    /// # Errors
    /// [`BadParameter`].
    pub(super) fn parse(text: &str) -> Result<Self, BadParameter> {
        let mut found = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for word in words(text) {
            let (name, value) = word?;
            if seen.contains(&name) {
                return Err(BadParameter::Invalid);
            }
            match (name.as_str(), value) {
                ("SIZE", Some(value)) => found.size = Some(size(value)?),
                // What the message holds is looked at, whatever was said of it; the rest of RFC 3030 is not spoken here.
                ("BODY", Some(value)) if value.eq_ignore_ascii_case("7BIT") => {}
                ("BODY", Some(value)) if value.eq_ignore_ascii_case("8BITMIME") => {}
                ("SMTPUTF8", None) => found.utf8 = true,
                // Who sent it first, which counts for nothing here (RFC 4954 section 5).
                ("AUTH", Some(_)) => {}
                ("SIZE" | "BODY" | "SMTPUTF8" | "AUTH", _) => return Err(BadParameter::Invalid),
                _ => return Err(BadParameter::Unknown),
            }
            seen.push(name);
        }
        Ok(found)
    }
}

/// Looks at what is behind the address of `RCPT`: no extension that is spoken here has anything there.
///
/// # Errors
/// [`BadParameter`].
pub(super) fn none(text: &str) -> Result<(), BadParameter> {
    match words(text).next() {
        None => Ok(()),
        Some(Ok(_)) => Err(BadParameter::Unknown),
        Some(Err(bad)) => Err(bad),
    }
}

/// The parameters, their names in capitals.
fn words(text: &str) -> impl Iterator<Item = Result<(String, Option<&str>), BadParameter>> {
    text.split(' ').filter(|word| !word.is_empty()).map(|word| {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        let named = name.starts_with(|first: char| first.is_ascii_alphanumeric())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !named || value.is_some_and(|value| value.is_empty() || value.contains('=')) {
            return Err(BadParameter::Invalid);
        }
        Ok((name.to_ascii_uppercase(), value))
    })
}

/// Up to 20 digits; what no number holds is as large as can be.
fn size(value: &str) -> Result<u64, BadParameter> {
    if value.len() > 20 || !value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadParameter::Invalid);
    }
    Ok(value.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_mail() {
        let all = MailParameters::parse(" SIZE=1000  body=8bitmime SMTPUTF8 AUTH=<>").unwrap();
        assert_eq!(all, MailParameters { size: Some(1000), utf8: true });
        assert_eq!(MailParameters::parse(""), Ok(MailParameters::default()));
        assert_eq!(MailParameters::parse(" SIZE=99999999999999999999").unwrap().size, Some(u64::MAX));
        for (text, why) in [
            (" SIZE", BadParameter::Invalid),
            (" SIZE=", BadParameter::Invalid),
            (" SIZE=1k", BadParameter::Invalid),
            (" SIZE=+1", BadParameter::Invalid),
            (" SIZE=1 SIZE=2", BadParameter::Invalid),
            (" SIZE=999999999999999999999", BadParameter::Invalid),
            (" BODY=BINARYMIME", BadParameter::Invalid),
            (" SMTPUTF8=1", BadParameter::Invalid),
            (" =1", BadParameter::Invalid),
            (" RET=FULL", BadParameter::Unknown),
            (" REQUIRETLS", BadParameter::Unknown),
        ] {
            assert_eq!(MailParameters::parse(text), Err(why), "{text}");
        }
    }

    #[test]
    fn of_rcpt() {
        assert_eq!(none("  "), Ok(()));
        assert_eq!(none(" NOTIFY=NEVER"), Err(BadParameter::Unknown));
        assert_eq!(none(" !"), Err(BadParameter::Invalid));
    }
}
