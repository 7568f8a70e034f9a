//! Starting points for a key, by what it is for.

use portcullis_domain::{Overwrite, Permission};

/// A starting point: it fills a form in, and everything in it may be changed before the key is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Names it in forms and addresses.
    pub id: &'static str,
    /// What to call it.
    pub name: &'static str,
    /// Whom it is for, in a sentence.
    pub purpose: &'static str,
    /// What the key allows.
    pub permission: Permission,
    /// What its uploads do to files that exist, where that is not the usual rule.
    pub overwrite: Option<Overwrite>,
    /// From where it should be used.
    pub networks: NetworksHint,
    /// After how many days it should end; none for no end.
    pub expires_after_days: Option<u32>,
    /// What to mind, in a sentence.
    pub note: &'static str,
}

/// From where a key should be used. Which networks these are only the person knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworksHint {
    /// From few known places, to be listed.
    Listed,
    /// From the one machine that uses it.
    OneMachine,
    /// From anywhere; what the key allows has to be little.
    Anywhere,
}

impl NetworksHint {
    /// In words, for the field of the networks.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Listed => "List the networks of the places where these people work.",
            Self::OneMachine => "List only the address of the machine that uses the key.",
            Self::Anywhere => {
                "Any address, if the senders cannot be known beforehand; list them if they can."
            }
        }
    }
}

/// The starting points, in the order in which to offer them.
#[must_use]
pub const fn presets() -> &'static [Preset] {
    PRESETS
}

const PRESETS: &[Preset] = &[
    Preset {
        id: "administration",
        name: "Administration",
        purpose: "For those who look after the storage and may do everything with its files.",
        permission: Permission::ReadWrite,
        overwrite: None,
        networks: NetworksHint::Listed,
        expires_after_days: Some(90),
        note: "It can delete everything. Give one to each person, so that one can be taken away.",
    },
    Preset {
        id: "design-team",
        name: "Design team",
        purpose: "For people who work on shared files every day with a drive or a sync program.",
        permission: Permission::ReadWrite,
        overwrite: None,
        networks: NetworksHint::Listed,
        expires_after_days: Some(365),
        note: "Limit it to the team's folder with a prefix if others use the same storage.",
    },
    Preset {
        id: "finance",
        name: "Finance",
        purpose: "For those who read figures and documents and must not change them.",
        permission: Permission::Read,
        overwrite: None,
        networks: NetworksHint::Listed,
        expires_after_days: Some(90),
        note: "It cannot upload or delete. Who files documents needs a key of their own that may write.",
    },
    Preset {
        id: "backup-job",
        name: "Backup job",
        purpose: "For a program on one machine that copies data here by itself.",
        permission: Permission::ReadWrite,
        overwrite: None,
        networks: NetworksHint::OneMachine,
        expires_after_days: None,
        note: "Programs that verify and thin out backups read and delete. One that only uploads can do with write only, and then \
               whoever breaks into that machine cannot destroy earlier backups.",
    },
    Preset {
        id: "drop-box",
        name: "Drop box",
        purpose: "For others to hand files in, without seeing what is there.",
        permission: Permission::Write,
        overwrite: Some(Overwrite::CreateOnly),
        networks: NetworksHint::Anywhere,
        expires_after_days: Some(30),
        note: "The first file of a name stays; later ones of the same name are kept beside it as versions.",
    },
];

#[cfg(test)]
mod tests {
    use portcullis_domain::{
        Channel, CredentialId, DisplayName, Key, KeyId, KeyPrefix, KeyState, Networks, Scope, SiteId,
        StorageId, Timestamp,
    };

    use super::*;

    #[test]
    fn each_makes_a_key_for_a_storage() {
        for preset in presets() {
            let key = Key {
                id: KeyId::from_u128(1),
                site: SiteId::from_u128(1),
                credential: CredentialId::from_entropy([1; 16]),
                name: DisplayName::parse(preset.name).unwrap(),
                channel: Channel::S3,
                scope: Scope::Storage(StorageId::from_u128(1)),
                permission: preset.permission,
                overwrite: preset.overwrite.unwrap_or(Overwrite::Replace),
                networks: Networks::anywhere(),
                prefix: KeyPrefix::default(),
                expires: None,
                state: KeyState::Active,
                created: Timestamp::default(),
                generation: 0,
                on_leak: portcullis_domain::OnLeak::Disable,
                leaked: None,
                trial: None,
                login: None,
                public_keys: Vec::new(),
                mail: portcullis_domain::MailRules::default(),
            };
            assert_eq!(key.check_shape(), Ok(()), "{}", preset.id);
            // Who may come from anywhere must not be able to read or to destroy.
            assert!(
                preset.networks != NetworksHint::Anywhere || preset.permission == Permission::Write,
                "{}",
                preset.id
            );
        }
        let ids: std::collections::BTreeSet<_> = presets().iter().map(|preset| preset.id).collect();
        assert_eq!(ids.len(), presets().len());
    }
}
