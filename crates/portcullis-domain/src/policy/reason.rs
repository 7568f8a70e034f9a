//! Why a request was refused, as words that stay.

use crate::permission::words;

words! {
    /// Why a request was refused. For the audit trail; an outsider only learns "access denied".
    DenyReason {
        /// The key was deleted.
        KeyDeleted = "key_deleted",
        /// The key is past its expiry.
        KeyExpired = "key_expired",
        /// The key's permission is `none`.
        KeyDisabled = "key_disabled",
        /// The key opens another protocol.
        WrongChannel = "wrong_channel",
        /// The key may not be used from this address.
        KeyNetwork = "key_network",
        /// The key belongs to another site.
        OtherSite = "other_site",
        /// The key is for another storage, or not for administration.
        OutOfScope = "out_of_scope",
        /// The key reaches only part of the storage.
        OutsidePrefix = "outside_prefix",
        /// The key's permission does not allow this.
        KeyPermission = "key_permission",
        /// The user is disabled or gone.
        UserDisabled = "user_disabled",
        /// The sign-in has run out.
        SessionExpired = "session_expired",
        /// The user is not an admin and nothing was shared with them.
        NotGranted = "not_granted",
        /// What was shared with the user does not allow this.
        GrantPermission = "grant_permission",
        /// The site asks this person for a second factor, and none was shown.
        SecondFactorNeeded = "second_factor_needed",
        /// The credentials were replaced by new ones.
        CredentialsReplaced = "credentials_replaced",
        /// The temporary credentials have run out.
        CredentialsExpired = "credentials_expired",
        /// The link was ended.
        LinkEnded = "link_ended",
        /// The link is past its expiry.
        LinkExpired = "link_expired",
        /// The link may not be opened from this address.
        LinkNetwork = "link_network",
        /// The link does not allow this.
        LinkPermission = "link_permission",
        /// The storage's connection was cut.
        StorageDetached = "storage_detached",
        /// The storage is switched off for a while.
        StoragePaused = "storage_paused",
        /// S3 access to the storage is switched off.
        StorageS3Off = "storage_s3_off",
        /// The storage may not be reached from this address.
        StorageNetwork = "storage_network",
        /// The storage's own permission does not allow this.
        StoragePermission = "storage_permission",
    }
    "a deny reason"
}

impl DenyReason {
    /// The reason in words, for the person who looks it up.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::KeyDeleted => "the key was deleted",
            Self::KeyExpired => "the key has expired",
            Self::KeyDisabled => "the key is switched off (permission none)",
            Self::WrongChannel => "the key opens another channel than the one it was used on",
            Self::KeyNetwork => "the key may not be used from this address",
            Self::OtherSite => "the key belongs to another site",
            Self::OutOfScope => "the key is not for this storage",
            Self::OutsidePrefix => "the key reaches only a part of the storage, and this lies outside of it",
            Self::KeyPermission => "the key's permission does not include this action",
            Self::UserDisabled => "the user of this key or session is disabled",
            Self::SessionExpired => "the sign-in has run out",
            Self::NotGranted => "nothing was shared with this user that includes this",
            Self::GrantPermission => "what was shared with this user does not include this action",
            Self::SecondFactorNeeded => {
                "the site asks for a second factor, and this sign-in was made without one"
            }
            Self::CredentialsReplaced => "the key was given new credentials, and these no longer work",
            Self::CredentialsExpired => "the temporary credentials have run out",
            Self::LinkEnded => "the link was ended",
            Self::LinkExpired => "the link has expired",
            Self::LinkNetwork => "the link may not be opened from this address",
            Self::LinkPermission => "the link does not include this action",
            Self::StorageDetached => "the storage's connection was cut",
            Self::StoragePaused => "the storage is switched off for a while, and comes back by itself",
            Self::StorageS3Off => "S3 access to this storage is switched off",
            Self::StorageNetwork => "the storage may not be reached from this address",
            Self::StoragePermission => "the storage's own permission does not include this action",
        }
    }
}
