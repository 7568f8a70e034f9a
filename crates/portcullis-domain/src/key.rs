//! Keys: the credentials that Portcullis issues.

use crate::permission::words;
use crate::{
    Channel, CredentialId, DisplayName, KeyId, KeyPrefix, LoginName, MailRules, Networks, Permission, SiteId,
    SshPublicKey, StorageId, Timestamp, UserId,
};

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One storage.
    Storage(StorageId),
    /// Whatever this user may do, and no more.
    User(UserId),
    /// The whole site: files and administration.
    Site,
}

words! {
    /// What an upload under this key does to an object that is there already.
    Overwrite {
        /// Replaces it, as S3 does; for keys that may delete anyway.
        Replace = "replace",
        /// Replaces it and keeps what was there as a previous version; the rule of write-only keys.
        KeepPrevious = "keep_previous",
        /// Leaves it in place and keeps the upload as a version beside it: a drop box. The answer is the same
        /// either way, so that it tells nothing about what exists.
        CreateOnly = "create_only",
    }
    "replace, keep_previous, create_only"
}

words! {
    /// Whether a key is still a key. Switched off is not a state but [`Permission::None`]: it can be turned back.
    KeyState {
        /// In use.
        Active = "active",
        /// Deleted for good; kept as a tombstone so that its id is never given again and who still knocks can be told.
        Deleted = "deleted",
    }
    "active, deleted"
}

words! {
    /// What happens to a key when somebody who found its secret reports it.
    OnLeak {
        /// It is switched off at once.
        Disable = "disable",
        /// It works on, and the finding is shown to those who run the site.
        Alarm = "alarm",
    }
    "disable, alarm"
}

/// Networks that are tried out before they are put in force: what they would refuse is counted and not refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// The networks that are tried.
    pub networks: Networks,
    /// Since when.
    pub since: Timestamp,
}

/// A credential that Portcullis issued, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Identifies the record.
    pub id: KeyId,
    /// The site it was made in, the only one in which it works.
    pub site: SiteId,
    /// Identifies the key to the outside: the access key id.
    pub credential: CredentialId,
    /// What a person called it.
    pub name: DisplayName,
    /// The one protocol it opens.
    pub channel: Channel,
    /// What it is for.
    pub scope: Scope,
    /// What it allows there.
    pub permission: Permission,
    /// What its uploads do to objects that exist.
    pub overwrite: Overwrite,
    /// Where it may be used from.
    pub networks: Networks,
    /// The only keys of the storage that it reaches.
    pub prefix: KeyPrefix,
    /// The first moment at which it no longer works.
    pub expires: Option<Timestamp>,
    /// Whether it still exists.
    pub state: KeyState,
    /// When it was made.
    pub created: Timestamp,
    /// How often its credentials were changed: tells secrets of one key apart.
    pub generation: u32,
    /// What a report that its secret was found does to it.
    pub on_leak: OnLeak,
    /// When its secret was reported as found; none since its credentials were changed, and if it never was.
    pub leaked: Option<Timestamp>,
    /// Networks that are tried out on it.
    pub trial: Option<Trial>,
    /// The user name that somebody chose for it; generated credentials have their public half for one.
    pub login: Option<LoginName>,
    /// Public keys of SSH with which clients of SFTP may show that they are its holder; at most [`SshPublicKey::MOST`].
    pub public_keys: Vec<SshPublicKey>,
    /// What it makes of messages, on the channel for mail; the default on others.
    pub mail: MailRules,
}

/// What is left of a key to somebody who was given a part of it for a while: temporary credentials. The key itself, as it is at that
/// moment, bounds them too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing {
    /// The only storage, of those that the key reaches; none for all of them.
    pub storage: Option<StorageId>,
    /// The most that may be done.
    pub permission: Permission,
    /// The only keys of a storage that are reached.
    pub prefix: KeyPrefix,
    /// From where.
    pub networks: Networks,
    /// The first moment at which they no longer work.
    pub expires: Timestamp,
}

/// Why a key cannot have this combination of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyShape {
    /// S3 has no words for administration, and one S3 key for everything would be the key nobody can take away.
    #[error("a key for the whole site cannot be an S3 key; make one for a storage or a user")]
    SiteWideS3,
    /// Folders are in storages.
    #[error(
        "a key of this channel is for one storage or for one user; keys for the whole site have the channel rest"
    )]
    SiteWideFiles,
    /// Only who sends a user name can have chosen it.
    #[error("this channel has no chosen user names: its keys are known by their generated id; leave it out")]
    LoginOnChannel,
    /// Only SFTP asks for public keys.
    #[error("public keys are for SFTP: they go with the channel ftp")]
    PublicKeysOnChannel,
    /// They are looked through at every sign-in.
    #[error("a key has at most 16 public keys; make another key for the others")]
    TooManyPublicKeys,
    /// Only mail has messages.
    #[error("rules for messages are for keys of the channel email; leave them out")]
    MailOnChannel,
    /// Nothing is as small as that, or as often.
    #[error("a mail key takes messages of 16 KiB or more, and from 1 to 100,000 of them in an hour")]
    MailBounds,
    /// Administration belongs to whole sites and to their admins.
    #[error("the permission full is for site keys and keys of admins; use read_write here")]
    FullOnStorage,
    /// A prefix only has a meaning inside one storage.
    #[error("a prefix needs a key for one storage")]
    PrefixWithoutStorage,
    /// Only a key that cannot delete gains from keeping what it overwrites.
    #[error("keep_previous and create_only are for write-only keys")]
    OverwriteRule,
}

impl Key {
    /// The user name of its holder for protocols that ask for one; the generated one is taken besides a chosen one.
    #[must_use]
    pub fn user_name(&self) -> &str {
        self.login.as_ref().map_or(self.credential.as_str(), LoginName::as_str)
    }

    /// Whether the settings make sense together.
    ///
    /// # Errors
    /// Names the first combination that does not.
    pub fn check_shape(&self) -> Result<(), InvalidKeyShape> {
        let on_storage = matches!(self.scope, Scope::Storage(_));
        // Only REST has words for administration.
        let administers = match self.channel {
            Channel::S3 | Channel::Http | Channel::Ftp | Channel::WebService | Channel::Email => false,
            Channel::Rest => true,
        };
        if self.scope == Scope::Site && !administers {
            let is_s3 = self.channel == Channel::S3;
            return Err(if is_s3 { InvalidKeyShape::SiteWideS3 } else { InvalidKeyShape::SiteWideFiles });
        }
        if self.login.is_some() && !self.channel.takes_chosen() {
            return Err(InvalidKeyShape::LoginOnChannel);
        }
        if !self.public_keys.is_empty() && self.channel != Channel::Ftp {
            return Err(InvalidKeyShape::PublicKeysOnChannel);
        }
        if self.public_keys.len() > SshPublicKey::MOST {
            return Err(InvalidKeyShape::TooManyPublicKeys);
        }
        if self.channel != Channel::Email && !self.mail.is_default() {
            return Err(InvalidKeyShape::MailOnChannel);
        }
        let MailRules { max_message, per_hour, .. } = self.mail;
        let too_small = max_message.is_some_and(|bytes| bytes < MailRules::LEAST_MESSAGE);
        if too_small || !(1..=MailRules::MOST_PER_HOUR).contains(&per_hour) {
            return Err(InvalidKeyShape::MailBounds);
        }
        if self.permission == Permission::Full && (on_storage || !administers) {
            return Err(InvalidKeyShape::FullOnStorage);
        }
        if !self.prefix.is_empty() && !on_storage {
            return Err(InvalidKeyShape::PrefixWithoutStorage);
        }
        if self.overwrite != Overwrite::Replace
            && matches!(self.permission, Permission::ReadWrite | Permission::Full)
        {
            return Err(InvalidKeyShape::OverwriteRule);
        }
        Ok(())
    }

    /// The rule for uploads that holds: a key that may not delete never destroys what it overwrites,
    /// whatever its record says.
    #[must_use]
    pub fn effective_overwrite(&self) -> Overwrite {
        match (self.permission, self.overwrite) {
            (Permission::ReadWrite | Permission::Full, _) => Overwrite::Replace,
            (Permission::None | Permission::Read | Permission::Write, Overwrite::CreateOnly) => {
                Overwrite::CreateOnly
            }
            (
                Permission::None | Permission::Read | Permission::Write,
                Overwrite::Replace | Overwrite::KeepPrevious,
            ) => Overwrite::KeepPrevious,
        }
    }
}
