//! What attempts have in common, in words: why they were refused, and what whoever made them has shown.

/// Why attempts were refused, as far as it matters to whoever looks after keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptReason {
    /// The true secret that the key had before it was deleted or given another one: somebody has not changed over.
    OldSecret,
    /// The access key of a deleted key, or one that was replaced, without its secret.
    Dead,
    /// The key, or temporary credentials of it, has run out.
    Expired,
    /// The key or its person is switched off.
    Disabled,
    /// From an address that the key or the storage does not allow.
    Network,
    /// The storage is paused, deleted, or closed to S3.
    Closed,
    /// The access key of a living key with a wrong secret.
    WrongSecret,
}

/// What whoever tried has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttemptProof {
    /// The secret that the key had once.
    OldSecret,
    /// The secret of the key.
    Secret,
    /// Nothing: they know the access key, which is no secret.
    None,
}

impl AttemptReason {
    /// All of them, what needs somebody's attention most first.
    pub const ALL: &'static [Self] = &[
        Self::OldSecret,
        Self::Expired,
        Self::Disabled,
        Self::Network,
        Self::Closed,
        Self::Dead,
        Self::WrongSecret,
    ];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OldSecret => "old_secret",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Disabled => "disabled",
            Self::Network => "network",
            Self::Closed => "closed",
            Self::WrongSecret => "wrong_secret",
        }
    }

    /// The words of the audit trail that it stands for.
    #[must_use]
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            Self::OldSecret => &["old_secret"],
            Self::Dead => &["key_deleted", "credentials_replaced"],
            Self::Expired => &["key_expired", "credentials_expired"],
            Self::Disabled => &["key_disabled", "user_disabled"],
            Self::Network => &["key_network", "storage_network"],
            Self::Closed => &["storage_paused", "storage_s3_off", "storage_detached"],
            Self::WrongSecret => &["bad_signature", "bad_secret"],
        }
    }

    /// The one that stands for this word of the audit trail.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|reason| reason.words().contains(&word))
    }

    /// What whoever is refused for this has shown.
    #[must_use]
    pub const fn proof(self) -> AttemptProof {
        match self {
            Self::OldSecret => AttemptProof::OldSecret,
            // The policy is asked only about who authenticated.
            Self::Expired | Self::Disabled | Self::Network | Self::Closed => AttemptProof::Secret,
            Self::Dead | Self::WrongSecret => AttemptProof::None,
        }
    }
}

impl std::str::FromStr for AttemptReason {
    type Err = portcullis_domain::UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = "old_secret, expired, disabled, network, closed, dead, wrong_secret";
        let found = Self::ALL.iter().copied().find(|reason| reason.as_str() == text);
        found.ok_or(portcullis_domain::UnknownWord { expected })
    }
}

impl AttemptProof {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OldSecret => "old_secret",
            Self::Secret => "secret",
            Self::None => "none",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explanation;

    #[test]
    fn words_are_of_the_trail_and_each_is_in_one_group() {
        let mut all: Vec<&str> =
            AttemptReason::ALL.iter().flat_map(|reason| reason.words()).copied().collect();
        assert!(all.iter().all(|word| explanation(word).is_some()), "{all:?}");
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        for reason in AttemptReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(*reason));
            assert!(reason.words().iter().all(|word| AttemptReason::of(word) == Some(*reason)));
        }
        assert!("king".parse::<AttemptReason>().unwrap_err().to_string().contains("wrong_secret"));
    }
}
