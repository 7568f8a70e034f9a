//! Where a key of a channel with folders is used: the addresses of the doors that are on, and what is to be known of the others.

use portcullis_control::setups::Doors;
use portcullis_domain::{Channel, Key, Secret, SshPublicKey};

use super::super::words;
use crate::app::App;

/// A door that is on.
pub(in super::super) struct Door {
    /// The id of its address in the page.
    pub(in super::super) id: &'static str,
    pub(in super::super) name: &'static str,
    pub(in super::super) note: Option<&'static str>,
    pub(in super::super) address: String,
}

/// What whoever uses the key has to fill in. No `Debug`: it may hold the secret.
pub(in super::super) struct DoorsShown {
    pub(in super::super) doors: Vec<Door>,
    /// The doors that are off, with how they are switched on.
    pub(in super::super) off: Vec<&'static str>,
    /// Kind and fingerprint of each key with which the SFTP door shows that it is itself.
    pub(in super::super) host_keys: Vec<(&'static str, String)>,
    pub(in super::super) user: String,
    /// The secret, if it was generated just now; it is told once.
    pub(in super::super) secret: Option<String>,
    /// Whether public keys open it too.
    pub(in super::super) public_keys: usize,
}

impl Drop for DoorsShown {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.secret.zeroize();
    }
}

impl DoorsShown {
    /// For this key; none if its channel has no folders. `bucket` is that of a key for one storage.
    pub(in super::super) fn of(
        app: &App,
        key: &Key,
        bucket: Option<&str>,
        secret: Option<&Secret>,
    ) -> Option<Self> {
        let (doors, off) = match key.channel {
            Channel::Http => (web(app, key, bucket), Vec::new()),
            Channel::Ftp => line(&app.doors),
            Channel::S3 | Channel::Rest | Channel::WebService | Channel::Email => return None,
        };
        let sftp = app.doors.sftp.as_ref().filter(|_| key.channel == Channel::Ftp);
        let host_keys = sftp.map(|door| door.host_keys.iter().map(of_host).collect()).unwrap_or_default();
        Some(Self {
            doors,
            off,
            host_keys,
            user: key.user_name().to_owned(),
            secret: secret.map(|secret| secret.reveal().to_owned()),
            public_keys: key.public_keys.len(),
        })
    }
}

fn of_host(key: &SshPublicKey) -> (&'static str, String) {
    (key.kind(), key.fingerprint())
}

fn web(app: &App, key: &Key, bucket: Option<&str>) -> Vec<Door> {
    let address = app.web_address.trim_end_matches('/');
    let door = |id, name, note: Option<_>, path: String| Door {
        id,
        name: words::text(name),
        note: note.map(words::text),
        address: format!("{address}{path}"),
    };
    let prefix = key.prefix.as_str();
    let exact = bucket.map_or_else(|| "/files/".to_owned(), |bucket| format!("/files/{bucket}/{prefix}"));
    vec![
        door("v-files", "doors.files", Some("doors.files.note"), exact),
        door("v-dav", "doors.dav", Some("doors.dav.note"), "/dav/".to_owned()),
    ]
}

fn line(doors: &Doors) -> (Vec<Door>, Vec<&'static str>) {
    let (mut on, mut off) = (Vec::new(), Vec::new());
    let mut tell = |id, name, address: Option<&String>, note: Option<_>, how| match address {
        Some(address) => on.push(Door {
            id,
            name: words::text(name),
            note: note.map(words::text),
            address: address.clone(),
        }),
        None => off.push(words::text(how)),
    };
    let ftp = doors.ftp.as_ref();
    let note = match ftp.map(|door| (door.tls, door.plain)) {
        Some((true, false)) => "doors.ftp.tls",
        Some((true, true)) => "doors.ftp.either",
        Some((false, _)) | None => "doors.ftp.plain",
    };
    tell("v-ftp", "doors.ftp", ftp.map(|door| &door.address), Some(note), "doors.ftp.off");
    tell("v-ftps", "doors.ftps", doors.ftps.as_ref(), Some("doors.ftps.note"), "doors.ftps.off");
    tell("v-sftp", "doors.sftp", doors.sftp.as_ref().map(|door| &door.address), None, "doors.sftp.off");
    (on, off)
}
