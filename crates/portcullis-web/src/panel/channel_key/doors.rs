//! Where a key of a channel with user names is used: the addresses of the doors that are on, and what is to be known of the others.

use portcullis_control::setups::Doors;
use portcullis_domain::{Action, Channel, Key, Secret, SshPublicKey};

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
    /// What else there is to know, first of all how doors that are off are switched on.
    pub(in super::super) notes: Vec<&'static str>,
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
    /// For this key; none if its channel has no user names. `bucket` is that of a key for one storage.
    pub(in super::super) fn of(
        app: &App,
        key: &Key,
        bucket: Option<&str>,
        secret: Option<&Secret>,
    ) -> Option<Self> {
        let (doors, notes) = match key.channel {
            Channel::Http => (web(app, key, bucket), Vec::new()),
            Channel::Ftp => line(&app.doors),
            Channel::WebService => (soap(app), vec![words::text("doors.soap.digest")]),
            Channel::Email => mail(&app.doors, key, bucket),
            Channel::S3 | Channel::Rest => return None,
        };
        let sftp = app.doors.sftp.as_ref().filter(|_| key.channel == Channel::Ftp);
        let host_keys = sftp.map(|door| door.host_keys.iter().map(of_host).collect()).unwrap_or_default();
        Some(Self {
            doors,
            notes,
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
    let mut told = Told::default();
    let ftp = doors.ftp.as_ref();
    let note = match ftp.map(|door| (door.tls, door.plain)) {
        Some((true, false)) => "doors.ftp.tls",
        Some((true, true)) => "doors.ftp.either",
        Some((false, _)) | None => "doors.ftp.plain",
    };
    told.tell("v-ftp", "doors.ftp", ftp.map(|door| &door.address), Some(note), "doors.ftp.off");
    told.tell("v-ftps", "doors.ftps", doors.ftps.as_ref(), Some("doors.ftps.note"), "doors.ftps.off");
    told.tell("v-sftp", "doors.sftp", doors.sftp.as_ref().map(|door| &door.address), None, "doors.sftp.off");
    (told.on, told.notes)
}

fn soap(app: &App) -> Vec<Door> {
    let address = app.web_address.trim_end_matches('/');
    let door = |id, name, note, path| Door {
        id,
        name: words::text(name),
        note: Some(words::text(note)),
        address: format!("{address}{path}"),
    };
    vec![
        door("v-wsdl", "doors.wsdl", "doors.wsdl.note", "/soap?wsdl"),
        door("v-soap", "doors.soap", "doors.soap.note", "/soap"),
    ]
}

/// `bucket` is that of a key for one storage: others name theirs in the address.
fn mail(doors: &Doors, key: &Key, bucket: Option<&str>) -> (Vec<Door>, Vec<&'static str>) {
    let mut told = Told::default();
    told.tell("v-smtps", "doors.smtps", doors.smtps.as_ref(), Some("doors.smtps.note"), "doors.smtps.off");
    told.tell("v-smtp", "doors.smtp", doors.smtp.as_ref(), Some("doors.smtp.note"), "doors.smtp.off");
    if !told.on.is_empty() {
        let (tag, note) = match bucket {
            Some(_) => ("", "doors.mail.to.note"),
            None => ("+BUCKET", "doors.mail.to.bucket"),
        };
        told.on.push(Door {
            id: "v-mail-to",
            name: words::text("doors.mail.to"),
            note: Some(words::text(note)),
            address: format!("files{tag}@{}", doors.mail_domain),
        });
        told.notes.push(words::text("doors.mail.no_relay"));
    }
    if !key.permission.permits(Action::Put) {
        told.notes.insert(0, words::text("doors.mail.reads"));
    }
    (told.on, told.notes)
}

/// Doors, told one by one.
#[derive(Default)]
struct Told {
    on: Vec<Door>,
    notes: Vec<&'static str>,
}

impl Told {
    /// A door with its address, or how it is switched on.
    fn tell(
        &mut self,
        id: &'static str,
        name: &'static str,
        address: Option<&String>,
        note: Option<&'static str>,
        how: &'static str,
    ) {
        match address {
            Some(address) => self.on.push(Door {
                id,
                name: words::text(name),
                note: note.map(words::text),
                address: address.clone(),
            }),
            None => self.notes.push(words::text(how)),
        }
    }
}
