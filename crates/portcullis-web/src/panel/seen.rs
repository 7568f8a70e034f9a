//! What a form was made from. Whoever sends a form decides on the grounds of what their page showed; if that has changed since,
//! they are asked again instead of overwriting what somebody else did.

use std::fmt::{self, Display, Write as _};

use portcullis_domain::Networks;
use sha2::{Digest as _, Sha256};

use super::fields::Fields;

/// A fingerprint of the settings that a form shows. Its `Display` is the value of the hidden field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    settings: String,
    /// A fingerprint that came with a form, to be sent on as it is.
    given: Option<String>,
}

impl Seen {
    /// The fingerprint of one list of networks.
    pub(super) fn of(list: &Networks) -> Self {
        let mut seen = Self::default();
        for entry in list.entries() {
            seen.add(&entry.network);
            seen.add(&entry.note);
        }
        seen
    }

    /// The fingerprint that a form carries.
    pub(super) fn given(form: &Fields, field: &str) -> Self {
        Self { settings: String::new(), given: Some(form.get(field).chars().take(24).collect()) }
    }

    /// Takes one more setting into account.
    pub(super) fn add(&mut self, setting: &dyn Display) {
        let text = setting.to_string();
        // With its length, so that no two rows of settings read alike.
        let _infallible = writeln!(self.settings, "{}:{text}", text.len());
    }

    /// Whether a form was made from the same settings.
    pub(super) fn is_in(&self, form: &Fields, field: &str) -> bool {
        form.get(field) == self.to_string()
    }
}

impl Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(given) = &self.given {
            return f.write_str(given);
        }
        let digest = Sha256::digest(self.settings.as_bytes());
        digest.iter().take(12).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(settings: &[&str]) -> String {
        let mut seen = Seen::default();
        settings.iter().for_each(|setting| seen.add(setting));
        seen.to_string()
    }

    #[test]
    fn settings_do_not_run_into_each_other() {
        assert_eq!(seen(&["read", "on"]), seen(&["read", "on"]));
        for other in [&["read"][..], &["read", "off"], &["readon"], &["on", "read"], &["read\n2:on"], &[]] {
            assert_ne!(seen(other), seen(&["read", "on"]), "{other:?}");
        }
        assert_eq!(seen(&[]).len(), 24);
    }
}
