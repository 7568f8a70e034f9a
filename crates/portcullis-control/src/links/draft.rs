//! What somebody filled in for a link, and what it becomes.

use portcullis_domain::{
    DisplayName, InvalidLinkShape, KeyPrefix, Link, LinkId, LinkState, LinkTarget, ObjectKey, Permission,
    Secret, SiteId, StorageId, Timestamp,
};

use crate::check::{Check, set};
use crate::{ControlError, NetworkDraft, Result};

/// The shortest password of a link, in bytes. Guessing is slowed down, and a link is not an account.
pub const LINK_PASSWORD_MIN: usize = 8;
/// The longest password of a link, in bytes.
pub const LINK_PASSWORD_MAX: usize = 1024;
/// The most downloads that a limit may allow.
const MOST_DOWNLOADS: u64 = 1_000_000_000;

/// What a link is to lead to, as somebody filled it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTargetDraft {
    /// The name of a file. It does not have to be there yet.
    File(String),
    /// A folder: the beginning of names, with a slash at its end. The empty text is the whole storage.
    Folder(String),
}

/// A link to be made, as somebody filled it in.
#[derive(Clone)]
pub struct LinkDraft {
    /// The id of the storage.
    pub storage: String,
    /// What it leads to.
    pub target: LinkTargetDraft,
    /// What to call it; shown to whoever opens it.
    pub name: String,
    /// `read` to download, `write` for a drop box.
    pub permission: String,
    /// What is asked for before anything is shown; nothing if left out.
    pub password: Option<Secret>,
    /// The first moment at which it leads nowhere, in RFC 3339; never if left out.
    pub expires_at: Option<String>,
    /// How many downloads may begin; any number if left out.
    pub max_downloads: Option<u64>,
    /// From where it may be opened; anywhere if empty.
    pub networks: Vec<NetworkDraft>,
}

/// What to change of a link; what is left out stays. Storage, target, permission and address never change.
#[derive(Clone, Default)]
pub struct LinkChange {
    /// What to call it.
    pub name: Option<String>,
    /// What is asked for; `Some(None)` asks for nothing any more.
    pub password: Option<Option<Secret>>,
    /// The first moment at which it leads nowhere; `Some(None)` is never.
    pub expires_at: Option<Option<String>>,
    /// How many downloads may begin in all; `Some(None)` is any number.
    pub max_downloads: Option<Option<u64>>,
    /// From where it may be opened.
    pub networks: Option<Vec<NetworkDraft>>,
}

impl LinkDraft {
    /// The record. Whether there is such a storage is checked later.
    pub(super) fn check(&self, site: SiteId, now: Timestamp) -> Result<Link> {
        let mut check = Check::default();
        let storage: Option<StorageId> = self.storage.parse().ok();
        check.require(storage.is_some(), "storage", NO_STORAGE);
        let target = target(&mut check, &self.target);
        let name: Option<DisplayName> = check.parse("name", &self.name);
        let permission: Option<Permission> = check.parse("permission", &self.permission);
        password(&mut check, self.password.as_ref());
        let expires = self.expires_at.as_deref().map(|text| future(&mut check, text, now));
        let max_downloads = self.max_downloads.map(|number| limit(&mut check, number));
        let networks = check.networks(&self.networks);
        let read = (|| {
            Some(Link {
                id: LinkId::generate(),
                site,
                storage: storage?,
                name: name?,
                target: target?,
                permission: permission?,
                networks: networks?,
                expires: read_of(expires)?,
                has_password: self.password.is_some(),
                max_downloads: read_of(max_downloads)?,
                downloads: 0,
                state: LinkState::Active,
                created: now,
            })
        })();
        let link = check.finish(read)?;
        check_shape(&link)?;
        Ok(link)
    }
}

impl LinkChange {
    pub(super) fn apply(&self, mut link: Link, now: Timestamp) -> Result<Link> {
        let mut check = Check::default();
        if let Some(name) = &self.name {
            set(&mut link.name, check.parse("name", name));
        }
        if let Some(given) = &self.password {
            password(&mut check, given.as_ref());
            link.has_password = given.is_some();
        }
        if let Some(expires) = &self.expires_at {
            link.expires = expires.as_deref().and_then(|text| future(&mut check, text, now));
        }
        if let Some(number) = self.max_downloads {
            link.max_downloads = number.and_then(|number| limit(&mut check, number));
        }
        if let Some(networks) = &self.networks {
            set(&mut link.networks, check.networks(networks));
        }
        let link = check.finish(Some(link))?;
        check_shape(&link)?;
        Ok(link)
    }
}

/// What is said of a storage that is none, or of another site.
pub(super) const NO_STORAGE: &str = "there is no such storage in this site";

/// A field that may be left out: outside, that it could not be read; inside, that there was none.
#[expect(clippy::option_option, reason = "left out and not readable are two things")]
fn read_of<T>(given: Option<Option<T>>) -> Option<Option<T>> {
    match given {
        None => Some(None),
        Some(read) => read.map(Some),
    }
}

/// A name is a text here: neither is looked for, since who makes a link for what comes tomorrow is not wrong.
fn target(check: &mut Check, draft: &LinkTargetDraft) -> Option<LinkTarget> {
    match draft {
        LinkTargetDraft::File(key) => check.parse::<ObjectKey>("file", key).map(LinkTarget::File),
        LinkTargetDraft::Folder(prefix) => {
            let folder = prefix.is_empty() || prefix.ends_with('/');
            check.require(
                folder,
                "folder",
                "a folder ends with a slash, as in reports/; leave it empty for the whole storage",
            );
            check.parse::<KeyPrefix>("folder", prefix).filter(|_| folder).map(LinkTarget::Folder)
        }
    }
}

fn password(check: &mut Check, given: Option<&Secret>) {
    check.require(given.is_none_or(is_fit), "password", "at least 8 characters and at most 1,024 bytes");
}

/// Whether this may be the password of a link.
pub(super) fn is_fit(password: &Secret) -> bool {
    (LINK_PASSWORD_MIN..=LINK_PASSWORD_MAX).contains(&password.reveal().len())
}

fn future(check: &mut Check, text: &str, now: Timestamp) -> Option<Timestamp> {
    let end: Timestamp = check.parse("expires_at", text)?;
    check.require(end > now, "expires_at", "has to be in the future; to stop a link now, end it");
    Some(end)
}

fn limit(check: &mut Check, number: u64) -> Option<u32> {
    let fits = (1..=MOST_DOWNLOADS).contains(&number);
    check.require(fits, "max_downloads", "at least 1 and at most 1,000,000,000; to stop a link now, end it");
    u32::try_from(number).ok().filter(|_| fits)
}

fn check_shape(link: &Link) -> Result<()> {
    link.check_shape().map_err(|wrong| {
        let field = match wrong {
            InvalidLinkShape::Permission => "permission",
            InvalidLinkShape::UploadToFile => "file",
            InvalidLinkShape::LimitOnUpload => "max_downloads",
        };
        ControlError::invalid(field, wrong.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_000);

    fn draft() -> LinkDraft {
        LinkDraft {
            storage: StorageId::from_u128(7).to_string(),
            target: LinkTargetDraft::Folder("reports/".to_owned()),
            name: "Reports".to_owned(),
            permission: "read".to_owned(),
            password: None,
            expires_at: None,
            max_downloads: None,
            networks: Vec::new(),
        }
    }

    fn fields(outcome: Result<Link>) -> Vec<String> {
        let Err(ControlError::Invalid(problems)) = outcome else { panic!("accepted: {outcome:?}") };
        problems.into_iter().map(|problem| problem.field).collect()
    }

    fn secret(text: &str) -> Option<Secret> {
        Some(Secret::foreign(text.to_owned()))
    }

    #[test]
    fn what_is_right_becomes_a_record() {
        let site = SiteId::from_u128(1);
        let link = draft().check(site, NOW).unwrap();
        assert_eq!((link.site, link.storage), (site, StorageId::from_u128(7)));
        assert_eq!((link.state, link.downloads, link.has_password), (LinkState::Active, 0, false));
        for (target, text) in [
            (LinkTargetDraft::Folder(String::new()), ""),
            (LinkTargetDraft::Folder("a//../".to_owned()), "a//../"),
            (LinkTargetDraft::File("not/there yet".to_owned()), "not/there yet"),
        ] {
            let link = LinkDraft { target, ..draft() }.check(site, NOW).unwrap();
            assert_eq!(link.target.as_str(), text);
        }
        let limits = LinkDraft {
            password: secret("eight ch"),
            expires_at: Some("1970-01-01T00:16:41Z".to_owned()),
            max_downloads: Some(1),
            ..draft()
        };
        let link = limits.check(site, NOW).unwrap();
        assert_eq!((link.has_password, link.max_downloads), (true, Some(1)));
        assert_eq!(link.expires, Some(Timestamp::from_seconds(1_001)));
    }

    #[test]
    fn every_field_that_is_wrong_is_named() {
        let site = SiteId::from_u128(1);
        let all = LinkDraft {
            storage: "mine".to_owned(),
            target: LinkTargetDraft::Folder("reports".to_owned()),
            name: " ".to_owned(),
            permission: "everything".to_owned(),
            password: secret("seven c"),
            expires_at: Some("1970-01-01T00:16:40Z".to_owned()),
            max_downloads: Some(0),
            networks: vec![NetworkDraft { network: "10.0.0.0/99".to_owned(), note: String::new() }],
        };
        let wanted = [
            "storage",
            "folder",
            "name",
            "permission",
            "password",
            "expires_at",
            "max_downloads",
            "networks[0]",
        ];
        assert_eq!(fields(all.check(site, NOW)), wanted);
        let file = |key: &str| LinkDraft { target: LinkTargetDraft::File(key.to_owned()), ..draft() };
        for wrong in ["", "a\0b", &"a".repeat(1025)] {
            assert_eq!(fields(file(wrong).check(site, NOW)), ["file"], "{wrong}");
        }
        for permission in ["none", "read_write", "full"] {
            let wrong = LinkDraft { permission: permission.to_owned(), ..draft() };
            assert_eq!(fields(wrong.check(site, NOW)), ["permission"], "{permission}");
        }
        let write = |draft| LinkDraft { permission: "write".to_owned(), ..draft };
        assert_eq!(fields(write(file("a")).check(site, NOW)), ["file"]);
        let counted = LinkDraft { max_downloads: Some(3), ..draft() };
        assert_eq!(fields(write(counted).check(site, NOW)), ["max_downloads"]);
        let long = LinkDraft { password: secret(&"a".repeat(1025)), ..draft() };
        assert_eq!(fields(long.check(site, NOW)), ["password"]);
        let many = LinkDraft { max_downloads: Some(u64::MAX), ..draft() };
        assert_eq!(fields(many.check(site, NOW)), ["max_downloads"]);
    }

    #[test]
    fn a_change_changes_what_it_names() {
        let link = draft().check(SiteId::from_u128(1), NOW).unwrap();
        assert_eq!(LinkChange::default().apply(link.clone(), NOW).unwrap(), link);
        let limits = LinkChange {
            password: Some(secret("eight ch")),
            expires_at: Some(Some("1970-01-01T00:20:00Z".to_owned())),
            max_downloads: Some(Some(5)),
            ..LinkChange::default()
        };
        let limited = limits.apply(link.clone(), NOW).unwrap();
        assert_eq!((limited.has_password, limited.max_downloads), (true, Some(5)));
        assert_eq!(limited.expires, Some(Timestamp::from_seconds(1_200)));
        let open = LinkChange {
            password: Some(None),
            expires_at: Some(None),
            max_downloads: Some(None),
            ..LinkChange::default()
        };
        assert_eq!(open.apply(limited, NOW).unwrap(), link);
        let wrong = LinkChange {
            name: Some(String::new()),
            password: Some(secret("short")),
            expires_at: Some(Some("yesterday".to_owned())),
            max_downloads: Some(Some(0)),
            networks: Some(vec![NetworkDraft { network: "x".to_owned(), note: String::new() }]),
        };
        let wanted = ["name", "password", "expires_at", "max_downloads", "networks[0]"];
        assert_eq!(fields(wrong.apply(link, NOW)), wanted);
    }
}
