//! Set-ups for keys of the channels with user names: HTTP with WebDAV, FTP with SFTP, the web service, mail.
//!
//! Which texts there are follows from the key's channel; which of them can be used, from the doors that are on. A tool whose door is
//! off gets a sentence that says how whoever runs the server switches it on.

mod cyberduck;
mod davfs;
mod doors;
mod filezilla;
mod finder;
mod ftp;
mod mail;
mod openssh;
mod place;
mod plain;
mod rclone;
mod soap;
mod soap_code;
#[cfg(test)]
mod tests;
mod windows;

use portcullis_domain::{Channel, KeyPrefix, Permission, Secret};

use super::text::{Draft, Text};
use super::{Setup, Tool, put_switched_off};

pub use doors::{Doors, FtpDoor, SftpDoor};

/// What a set-up for a channel with user names is made of. No `Debug`: it holds the secret.
#[derive(Clone, Copy)]
pub struct FileSetup<'a> {
    /// The address of the HTTP door, where SOAP is spoken too, such as `https://gate.example.org`.
    pub web_address: &'a str,
    /// Where the other doors are.
    pub doors: &'a Doors,
    /// Which channel the key opens; there are none for S3 and REST here.
    pub channel: Channel,
    /// The user name: the chosen one, or the public half of the credentials.
    pub user: &'a str,
    /// Authenticates the key, if it was generated and is known; without it the texts have
    /// [`SECRET_PLACEHOLDER`](super::SECRET_PLACEHOLDER).
    pub secret: Option<&'a Secret>,
    /// The bucket; none for a key that opens several.
    pub bucket: Option<&'a str>,
    /// The only part of the bucket that the key reaches.
    pub prefix: &'a KeyPrefix,
    /// What the key allows.
    pub permission: Permission,
    /// Whether public keys of SSH are registered for it.
    pub public_keys: bool,
}

type Write = fn(&FileSetup<'_>, &mut Text) -> Draft;

const HTTP_TOOLS: [(Tool, Write); 9] = [
    (Tool { id: "curl", title: "curl" }, plain::curl),
    (Tool { id: "rclone", title: "rclone" }, rclone::webdav),
    (Tool { id: "windows", title: "Windows" }, windows::write),
    (Tool { id: "macos", title: "macOS" }, finder::write),
    (Tool { id: "cyberduck", title: "Cyberduck" }, cyberduck::write),
    (Tool { id: "tus", title: "curl (resumable)" }, plain::tus),
    (Tool { id: "davfs2", title: "davfs2" }, davfs::write),
    (Tool { id: "curldav", title: "curl (WebDAV)" }, plain::curl_dav),
    (Tool { id: "rclonehttp", title: "rclone (plain HTTP)" }, rclone::http),
];

const FTP_TOOLS: [(Tool, Write); 9] = [
    (Tool { id: "filezilla", title: "FileZilla" }, filezilla::write),
    (Tool { id: "sftp", title: "OpenSSH sftp" }, openssh::sftp),
    (Tool { id: "lftp", title: "lftp" }, ftp::lftp),
    (Tool { id: "rclone", title: "rclone (SFTP)" }, rclone::sftp),
    (Tool { id: "rcloneftp", title: "rclone (FTPS)" }, rclone::ftp),
    (Tool { id: "curl", title: "curl (FTPS)" }, ftp::curl),
    (Tool { id: "curlsftp", title: "curl (SFTP)" }, openssh::curl),
    (Tool { id: "sshfs", title: "sshfs" }, openssh::sshfs),
    (Tool { id: "cyberduck", title: "Cyberduck" }, cyberduck::write),
];

const SOAP_TOOLS: [(Tool, Write); 3] = [
    (Tool { id: "curl", title: "curl" }, soap::write),
    (Tool { id: "zeep", title: "zeep (Python)" }, soap_code::zeep),
    (Tool { id: "nodesoap", title: "soap (JavaScript)" }, soap_code::node),
];

const MAIL_TOOLS: [(Tool, Write); 4] = [
    (Tool { id: "mailprogram", title: "Mail program, scanner" }, mail::program),
    (Tool { id: "swaks", title: "swaks" }, mail::swaks),
    (Tool { id: "msmtp", title: "msmtp" }, mail::msmtp),
    (Tool { id: "smtplib", title: "smtplib (Python)" }, mail::smtplib),
];

fn tools(channel: Channel) -> &'static [(Tool, Write)] {
    match channel {
        Channel::Http => &HTTP_TOOLS,
        Channel::Ftp => &FTP_TOOLS,
        Channel::WebService => &SOAP_TOOLS,
        Channel::Email => &MAIL_TOOLS,
        Channel::S3 | Channel::Rest => &[],
    }
}

/// The tools that a key of this channel can be set up for, in the order in which they are shown; none for S3 and REST.
pub fn file_tools(channel: Channel) -> impl ExactSizeIterator<Item = Tool> {
    tools(channel).iter().map(|(tool, _)| *tool)
}

/// The set-ups for a key, one for each of [`file_tools`], in that order.
#[must_use]
pub fn for_files(setup: &FileSetup<'_>) -> Vec<Setup> {
    tools(setup.channel).iter().map(|(tool, write)| one(*tool, *write, setup)).collect()
}

/// The set-up of one tool; none if there is no tool with this id.
#[must_use]
pub fn for_file_tool(setup: &FileSetup<'_>, id: &str) -> Option<Setup> {
    let found = tools(setup.channel).iter().find(|(tool, _)| tool.id == id);
    found.map(|(tool, write)| one(*tool, *write, setup))
}

fn one(tool: Tool, write: Write, setup: &FileSetup<'_>) -> Setup {
    let mut text = Text::for_prefix(setup.prefix);
    let draft = if setup.permission == Permission::None {
        put_switched_off(&mut text)
    } else {
        write(setup, &mut text)
    };
    let Draft { kind, file_name } = draft;
    Setup { tool: tool.id, title: tool.title, kind, file_name, text: text.into_inner() }
}
