//! Entity tags of records (RFC 9110 section 8.8.3), so that nobody writes over what they have not read.
//!
//! A tag is made of the settings of a record alone: that a file came in, or that a key was used, is no change to lose.

use axum::response::Response;
use http::HeaderMap;
use http::header::{ETAG, HeaderValue, IF_MATCH};
use portcullis_control::{JobView, Overlap, PlanView};
use portcullis_domain::{
    Grantee, Group, Key, Link, LinkTarget, LoginName, Networks, Scope, Site, SiteRules, Storage,
    StorageGrant, Trial, User,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::dto::MailOut;

/// As many bytes of the hash stand in a tag.
const TAG_BYTES: usize = 8;

/// A record with settings that somebody may change.
pub(crate) trait Settings {
    /// All of them, and what identifies the record. The same settings always give the same text.
    fn settings(&self) -> Value;
}

/// The strong entity tag of a record as it is: 16 hexadecimal digits, in quotes.
pub(crate) fn of(record: &impl Settings) -> String {
    // The fields of an object are sorted by their names here: the text is canonical.
    let digest = Sha256::digest(record.settings().to_string());
    let digits: String = digest.iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("\"{digits}\"")
}

/// An answer with the entity tag of the record that it tells of, as [`of`] made it.
pub(crate) fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::try_from(tag) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

/// The header `If-Match` (section 13.1.1): what a record has to be like for a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IfMatch {
    /// Nothing was said: whatever the record is like.
    Unsaid,
    /// `*`: the record has to be there.
    Any,
    /// It has to have one of these tags, in quotes as they came. Weak ones are not among them: they never match.
    OneOf(Vec<String>),
}

impl IfMatch {
    /// Reads all lines of the header. What is no entity tag matches nothing.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut lines = headers.get_all(IF_MATCH).iter().peekable();
        if lines.peek().is_none() {
            return Self::Unsaid;
        }
        let text = lines.map(|line| line.to_str().unwrap_or_default()).collect::<Vec<_>>().join(",");
        if text.trim() == "*" {
            return Self::Any;
        }
        let tags = text.split(',').map(str::trim);
        Self::OneOf(tags.filter(|tag| tag.starts_with('"')).map(str::to_owned).collect())
    }

    /// Whether the record is as it has to be.
    pub(crate) fn holds(&self, record: &impl Settings) -> bool {
        match self {
            Self::Unsaid | Self::Any => true,
            Self::OneOf(tags) => tags.contains(&of(record)),
        }
    }
}

fn networks(networks: &Networks) -> Value {
    let entry = |entry: &portcullis_domain::NetworkEntry| json!([entry.network.to_string(), entry.note]);
    networks.entries().iter().map(entry).collect()
}

fn trial(trial: Option<&Trial>) -> Value {
    trial.map_or(Value::Null, |trial| json!([trial.since.micros(), networks(&trial.networks)]))
}

impl Settings for Storage {
    fn settings(&self) -> Value {
        json!({
            "id": self.id.to_string(), "name": self.name.as_str(), "permission": self.permission.as_str(),
            "networks": networks(&self.networks), "s3_access": self.s3_access, "quota_bytes": self.quota_bytes,
            "state": self.state.as_str(), "paused_until": self.paused_until.map(|end| end.micros()),
            "trial": trial(self.trial.as_ref()),
        })
    }
}

impl Settings for Key {
    fn settings(&self) -> Value {
        let scope = match self.scope {
            Scope::Storage(id) => id.to_string(),
            Scope::User(id) => id.to_string(),
            Scope::Site => "site".to_owned(),
        };
        json!({
            "id": self.id.to_string(), "name": self.name.as_str(), "access_key": self.credential.as_str(),
            "scope": scope, "permission": self.permission.as_str(), "overwrite": self.overwrite.as_str(),
            "networks": networks(&self.networks), "prefix": self.prefix.as_str(),
            "expires": self.expires.map(|end| end.micros()), "generation": self.generation,
            "login": self.login.as_ref().map(LoginName::as_str),
            "public_keys": self.public_keys.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "mail": MailOut::of(self),
            "on_leak": self.on_leak.as_str(), "leaked": self.leaked.map(|at| at.micros()), "trial": trial(self.trial.as_ref()),
        })
    }
}

impl Settings for Overlap {
    fn settings(&self) -> Value {
        json!({
            "key": self.key.to_string(), "old_generation": self.generation, "until": self.until.micros(),
        })
    }
}

impl Settings for Trial {
    fn settings(&self) -> Value {
        trial(Some(self))
    }
}

impl Settings for Site {
    fn settings(&self) -> Value {
        let SiteRules {
            members_make_keys,
            longest_key_days,
            keys_need_networks,
            idle_key_days,
            second_factor,
            data_events,
        } = self.rules;
        json!({
            "id": self.id.to_string(), "name": self.name.as_str(), "members_make_keys": members_make_keys,
            "longest_key_days": longest_key_days, "keys_need_networks": keys_need_networks,
            "idle_key_days": idle_key_days, "second_factor": second_factor.as_str(),
            "data_events": data_events.as_str(),
        })
    }
}

impl Settings for User {
    fn settings(&self) -> Value {
        json!({
            "id": self.id.to_string(), "username": self.username.as_str(), "role": self.role.as_str(),
            "state": self.state.as_str(),
        })
    }
}

impl Settings for Group {
    fn settings(&self) -> Value {
        json!({ "id": self.id.to_string(), "name": self.name.as_str() })
    }
}

impl Settings for StorageGrant {
    fn settings(&self) -> Value {
        let grantee = match self.grantee {
            Grantee::User(id) => id.to_string(),
            Grantee::Group(id) => id.to_string(),
        };
        json!({
            "id": self.id.to_string(), "storage": self.storage.to_string(), "grantee": grantee,
            "prefix": self.prefix.as_str(), "permission": self.permission.as_str(),
        })
    }
}

impl Settings for Link {
    fn settings(&self) -> Value {
        let kind = match self.target {
            LinkTarget::File(_) => "file",
            LinkTarget::Folder(_) => "folder",
        };
        json!({
            "id": self.id.to_string(), "name": self.name.as_str(), "kind": kind, "target": self.target.as_str(),
            "permission": self.permission.as_str(), "networks": networks(&self.networks),
            "expires": self.expires.map(|end| end.micros()), "has_password": self.has_password,
            "max_downloads": self.max_downloads, "state": self.state.as_str(),
        })
    }
}

impl Settings for PlanView {
    fn settings(&self) -> Value {
        json!({ "id": self.id.to_string(), "version": self.version })
    }
}

impl Settings for JobView {
    fn settings(&self) -> Value {
        json!({ "id": self.id.to_string(), "version": self.version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::{DisplayName, GroupId, SiteId, Timestamp};

    fn group(name: &str) -> Group {
        let name = DisplayName::parse(name).unwrap();
        Group { id: GroupId::from_u128(1), site: SiteId::from_u128(2), name, created: Timestamp::default() }
    }

    fn given(lines: &[&str]) -> IfMatch {
        IfMatch::of(&lines.iter().map(|line| (IF_MATCH, HeaderValue::try_from(*line).unwrap())).collect())
    }

    #[test]
    fn the_tag_follows_the_settings_and_nothing_else() {
        let tag = of(&group("a"));
        assert!(tag.len() == 18 && tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert_eq!(tag, of(&Group { created: Timestamp::from_seconds(9), ..group("a") }));
        assert_ne!(tag, of(&group("b")));
        assert_ne!(tag, of(&Group { id: GroupId::from_u128(2), ..group("a") }));
    }

    #[test]
    fn what_matches() {
        let (record, other) = (group("a"), of(&group("b")));
        let tag = of(&record);
        for lines in [
            vec![],
            vec!["*"],
            vec![tag.as_str()],
            vec![" * "],
            vec![other.as_str(), tag.as_str()],
            vec![&*format!("\"x\", {tag}")],
        ] {
            assert!(given(&lines).holds(&record), "{lines:?}");
        }
        let bare = tag.trim_matches('"');
        for lines in [
            vec![other.as_str()],
            vec![&*format!("W/{tag}")],
            vec![bare],
            vec![""],
            vec!["*", tag.trim_matches('"')],
            vec!["\""],
        ] {
            assert!(!given(&lines).holds(&record), "{lines:?}");
        }
    }
}
