//! Who asks.

use portcullis_control::Me;
use portcullis_domain::Key;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::key::ScopeDto;

/// Who the credentials of the request belong to, and what they are for.
#[derive(Serialize, ToSchema)]
#[schema(as = Me)]
pub(crate) struct MeOut {
    /// `session` or `key`.
    kind: &'static str,
    /// The site, the only one that is reached.
    site: SiteOut,
    /// Who signed in, or to whom the key belongs; null for a key of a storage or a site.
    user: Option<UserOut>,
    /// The key; null for a session.
    key: Option<OwnKeyOut>,
    /// Whether the site may be administered.
    admin: bool,
}

/// A site.
#[derive(Serialize, ToSchema)]
#[schema(as = Site)]
struct SiteOut {
    /// Identifies it.
    id: String,
    /// What a person called it.
    name: String,
}

/// A person.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserOut {
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
        let Me { site, user, key, admin } = me;
        Self {
            kind: if key.is_some() { "key" } else { "session" },
            site: SiteOut { id: site.id.to_string(), name: site.name.to_string() },
            user: user.map(|user| UserOut {
                id: user.id.to_string(),
                username: user.username.to_string(),
                role: user.role.to_string(),
            }),
            key: key.map(OwnKeyOut::from),
            admin,
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
