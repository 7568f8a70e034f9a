//! What the rows of the refusal matrix of the file channels meet: the same files, and everybody who may come.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::rig::{self, Secure};
use crate::http::Signed;
use crate::tls::Files;
use crate::world::{Access, World};

/// What is escaped in the path of a signed request.
const IN_PATHS: AsciiSet = NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Somebody at a door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Nobody,
    UnknownKey,
    WrongSecret,
    OtherChannel,
    WrongNetwork,
    Disabled,
    Deleted,
    Rotated,
    OtherStorage,
    UserWithoutGrants,
    GrantedRead,
    Read,
    Write,
    ReadWrite,
}

impl Who {
    pub(crate) const ALL: [Self; 14] = [
        Self::Nobody,
        Self::UnknownKey,
        Self::WrongSecret,
        Self::OtherChannel,
        Self::WrongNetwork,
        Self::Disabled,
        Self::Deleted,
        Self::Rotated,
        Self::OtherStorage,
        Self::UserWithoutGrants,
        Self::GrantedRead,
        Self::Read,
        Self::Write,
        Self::ReadWrite,
    ];

    /// Whether the door opens.
    pub(crate) const fn enters(self) -> bool {
        self.reads_nothing_of_others() || self.reads() || matches!(self, Self::Write)
    }

    /// Whether it opens, and there is nothing of this storage behind it.
    pub(crate) const fn reads_nothing_of_others(self) -> bool {
        matches!(self, Self::OtherStorage | Self::UserWithoutGrants)
    }

    pub(crate) const fn reads(self) -> bool {
        matches!(self, Self::GrantedRead | Self::Read | Self::ReadWrite)
    }

    pub(crate) const fn writes(self) -> bool {
        matches!(self, Self::Write | Self::ReadWrite)
    }

    /// Where the storage is for this caller.
    pub(crate) fn root(self, bucket: &str) -> String {
        match self {
            Self::UserWithoutGrants | Self::GrantedRead => format!("/{bucket}/"),
            _ => "/".to_owned(),
        }
    }
}

/// What everybody may look for in an answer, if they should not see it.
pub(crate) const CONTENT: &str = "what is in there";

/// A server, a storage with two files and a folder, and a key for each who comes.
pub(crate) struct Stage {
    pub(crate) world: World,
    pub(crate) bucket: String,
    /// The certificate of its doors, if they speak TLS.
    _files: Option<Files>,
    storage: String,
    admin: Access,
    channel: &'static str,
    pub(crate) keys: Vec<(Who, Option<Access>)>,
}

impl Stage {
    pub(crate) fn of(channel: &'static str) -> Self {
        let many = ["--max-connections-per-address", "4000"];
        let (world, files) = if channel == "email" {
            let Secure { world, files } = Secure::start_with(&many);
            (world, Some(files))
        } else {
            (rig::plain_with(&many), None)
        };
        let (storage, bucket) = world.storage("Matrix");
        let (other, _) = world.storage("Other");
        let admin = world.key(&storage, "read_write");
        let mut stage = Self { world, bucket, _files: files, storage, admin, channel, keys: Vec::new() };
        stage.keys = Who::ALL.map(|who| (who, stage.make(who, &other))).into();
        stage
    }

    /// One more key that may do all.
    pub(crate) fn another(&self) -> Access {
        rig::key(&self.world, &self.storage, self.channel, "read_write")
    }

    fn make(&self, who: Who, other: &str) -> Option<Access> {
        let Self { world, storage, bucket, .. } = self;
        let path = |key: &Access| format!("/keys/{}", key.key_id);
        let key = |permission: &str| rig::key(world, storage, self.channel, permission);
        let of_user = |user: &str| {
            let given = json!({"name": "own", "channel": self.channel, "scope": {"user": user}, "permission": "read_write"});
            let answer = world.admin("POST", "/keys", Some(&given));
            let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
            Access {
                key_id: text(&answer["key"]["id"]),
                access_key: text(&answer["key"]["access_key"]),
                secret: text(&answer["secret"]),
                bucket: bucket.clone(),
                session_token: None,
            }
        };
        Some(match who {
            Who::Nobody => return None,
            Who::UnknownKey => Access { access_key: "PC00000000000000NONE".into(), ..key("read_write") },
            Who::WrongSecret => Access { secret: key("read_write").secret, ..key("read_write") },
            Who::OtherChannel => {
                let channel = if self.channel == "ftp" { "http" } else { "ftp" };
                rig::key(world, storage, channel, "read_write")
            }
            Who::WrongNetwork => {
                let more = json!({"networks": ["203.0.113.0/24", "2001:db8::/32"]});
                rig::key_with(world, storage, self.channel, "read_write", &more)
            }
            Who::Disabled => {
                let key = key("read_write");
                world.admin("PATCH", &path(&key), Some(&json!({"permission": "none"})));
                key
            }
            Who::Deleted => {
                let key = key("read_write");
                world.admin("DELETE", &path(&key), None);
                key
            }
            Who::Rotated => {
                let key = key("read_write");
                world.admin("POST", &format!("{}/rotate", path(&key)), Some(&json!({})));
                key
            }
            Who::OtherStorage => {
                Access { bucket: bucket.clone(), ..rig::key(world, other, self.channel, "read_write") }
            }
            Who::UserWithoutGrants => of_user(&world.member("without")),
            Who::GrantedRead => {
                let user = world.member("granted");
                let grant = json!({"storage": storage, "user": user, "permission": "read"});
                world.admin("POST", "/grants", Some(&grant));
                of_user(&user)
            }
            Who::Read => key("read"),
            Who::Write => key("write"),
            Who::ReadWrite => key("read_write"),
        })
    }

    /// The files as each row meets them.
    pub(crate) fn set(&self) {
        let admin = Signed::new(&self.world, &self.admin);
        for name in self.names() {
            let name = utf8_percent_encode(&name, &IN_PATHS);
            let gone = admin.call("DELETE", &format!("/{}/{name}", self.bucket), "", &[], b"");
            assert_eq!(gone.status, 204, "{}", gone.text());
        }
        for name in ["there.txt", "dir/in.txt"] {
            let put = admin.call("PUT", &format!("/{}/{name}", self.bucket), "", &[], CONTENT.as_bytes());
            assert_eq!(put.status, 200, "{}", put.text());
        }
    }

    /// Whether they still are as [`Stage::set`] left them, their bytes too.
    pub(crate) fn untouched(&self) -> bool {
        self.names() == ["dir/in.txt", "there.txt"] && self.keeps_what_was_there()
    }

    /// Whether the files that [`Stage::set`] left hold what they held, whatever is beside them.
    pub(crate) fn keeps_what_was_there(&self) -> bool {
        let admin = Signed::new(&self.world, &self.admin);
        let body = |name: &str| admin.call("GET", &format!("/{}/{name}", self.bucket), "", &[], b"").text();
        body("there.txt") == CONTENT && body("dir/in.txt") == CONTENT
    }

    fn names(&self) -> Vec<String> {
        let path = format!("/{}", self.bucket);
        let listed = Signed::new(&self.world, &self.admin).call("GET", &path, "list-type=2", &[], b"").text();
        listed.split("<Key>").skip(1).map(|part| part.split("</Key>").next().unwrap().to_owned()).collect()
    }
}

/// A table for a snapshot: rows by name, a column for each who comes.
pub(crate) fn table(rows: &[(String, Vec<String>)], columns: &[Who]) -> String {
    let mut table = format!("{:<28}", "");
    for who in columns {
        table.push_str(&format!("{:<19}", format!("{who:?}")));
    }
    for (name, cells) in rows {
        table.push_str(&format!("\n{name:<28}"));
        for cell in cells {
            table.push_str(&format!("{cell:<19}"));
        }
    }
    table.lines().map(|line| format!("{}\n", line.trim_end())).collect()
}
