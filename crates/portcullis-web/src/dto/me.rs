//! Who asks.

use portcullis_control::Me;
use portcullis_domain::Key;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::ScopeDto;

/// Who the credentials of the request belong to, and what they are for.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
#[expect(clippy::struct_excessive_bools, reason = "a document, whose names say what each of them is")]
pub(crate) struct MeOut {
    /// `session` or `key`.
    kind: &'static str,
    /// The site, the only one that is reached.
    site: SiteNameOut,
    /// Who signed in, or to whom the key belongs; null for a key of a storage or a site.
    user: Option<UserNameOut>,
    /// The key; null for a session.
    key: Option<OwnKeyOut>,
    /// Whether the site may be administered.
    admin: bool,
    /// Whether a second factor was shown at this sign-in; false for a key.
    second_factor: bool,
    /// Whether the site asks for a second factor that was not shown: nothing may be done then but to look after one's own account.
    second_factor_needed: bool,
    /// Whether what asks for a confirmation may be done now; a key needs none.
    confirmed: bool,
}

/// A site.
#[derive(Serialize, ToSchema)]
#[schema(as = SiteName)]
pub(crate) struct SiteNameOut {
    /// Identifies it.
    pub(crate) id: String,
    /// What a person called it.
    pub(crate) name: String,
}

/// A person.
#[derive(Serialize, ToSchema)]
#[schema(as = UserName)]
struct UserNameOut {
    /// Identifies the person.
    id: String,
    /// Their name at sign-in.
    username: String,
    /// `admin` or `member`.
    role: String,
}

/// What a key may know of itself: not the networks and notes of those who gave it out.
#[derive(Serialize, ToSchema)]
#[schema(as = OwnKey)]
struct OwnKeyOut {
    /// Identifies the record.
    id: String,
    /// What a person called it.
    name: String,
    /// Identifies the key to tools.
    access_key: String,
    /// What it is for.
    scope: ScopeDto,
    /// What it allows.
    permission: String,
    /// The only part of the storage that it reaches; empty for all of it.
    prefix: String,
    /// The first moment at which it no longer works; null for never.
    #[schema(format = DateTime)]
    expires_at: Option<String>,
}

/// Another password for the person who asks.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPassword)]
pub(crate) struct NewPasswordIn {
    /// The present one.
    #[schema(write_only, format = Password)]
    pub(crate) current: String,
    /// The new one: 12 to 1,024 bytes, not the user name, and none that everybody tries first.
    #[schema(write_only, format = Password, min_length = 12)]
    pub(crate) new: String,
}

impl From<Me> for MeOut {
    fn from(me: Me) -> Self {
        let Me { site, user, key, admin, sign_in } = me;
        Self {
            kind: if key.is_some() { "key" } else { "session" },
            site: SiteNameOut { id: site.id.to_string(), name: site.name.to_string() },
            user: user.map(|user| UserNameOut {
                id: user.id.to_string(),
                username: user.username.to_string(),
                role: user.role.to_string(),
            }),
            key: key.map(OwnKeyOut::from),
            admin,
            second_factor: sign_in.is_some_and(|sign_in| sign_in.second_factor),
            second_factor_needed: sign_in.is_some_and(|sign_in| sign_in.second_factor_needed),
            confirmed: sign_in.is_none_or(|sign_in| sign_in.confirmed),
        }
    }
}

impl From<Key> for OwnKeyOut {
    fn from(key: Key) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            scope: key.scope.into(),
            permission: key.permission.to_string(),
            prefix: key.prefix.to_string(),
            expires_at: key.expires.map(|end| end.to_string()),
        }
    }
}
