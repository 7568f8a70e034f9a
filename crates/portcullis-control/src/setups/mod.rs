//! Set-ups for the tools that people have, ready to paste, with the real values and right for the key at hand.
//!
//! A tool looks at more than it has to: before an upload it asks whether the file is there, after it whether it arrived. Under
//! a write-only key each of these questions is refused, so its set-ups have the flags under which the tool does not ask; a tool
//! that has no such flags gets a sentence that says so.
//!
//! Two rules hold for every text. What came from a person is quoted for the language it stands in (see the module `quote`). And no secret
//! becomes an argument of a program, where every user of the machine could read it: it goes through a file that only its
//! owner reads, through standard input, or through the environment.

mod aws;
mod boto3;
mod curl;
mod cyberduck;
mod files;
mod filezilla;
mod golang;
mod java;
mod javascript;
mod place;
mod quote;
mod rclone;
mod rest;
mod restic;
mod s3cmd;
mod s3fs;
mod temporary;
mod terraform;
mod text;

#[cfg(test)]
mod tests;

use portcullis_domain::{CredentialId, KeyPrefix, Permission, Secret};
use zeroize::Zeroizing;

use text::{Draft, Text};

pub use files::{Doors, FileSetup, FtpDoor, SftpDoor, file_tools, for_file_tool, for_files};
pub use rest::for_rest;
pub use temporary::for_temporary;

/// What stands in a set-up where the secret is no longer known.
pub const SECRET_PLACEHOLDER: &str = "YOUR_SECRET_KEY";

/// What a set-up is made of. No `Debug`: it holds the secret.
#[derive(Clone, Copy)]
pub struct S3Setup<'a> {
    /// The address of the S3 door, such as `https://s3.example.org`.
    pub s3_address: &'a str,
    /// The region that tools are to name.
    pub region: &'a str,
    /// The bucket; none for a key that opens several.
    pub bucket: Option<&'a str>,
    /// The only part of the bucket that the key reaches.
    pub prefix: &'a KeyPrefix,
    /// Identifies the key.
    pub access_key: CredentialId,
    /// Authenticates it; without it the texts have [`SECRET_PLACEHOLDER`].
    pub secret: Option<&'a Secret>,
    /// What the key allows.
    pub permission: Permission,
}

/// What to do with the text of a set-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetupKind {
    /// Paste it into a shell (bash, zsh or ksh).
    Shell,
    /// Put it into the file that its first line names; the commands at its end are comments.
    ConfigFile,
    /// A program's source.
    Code,
    /// A file that the tool opens. It never holds the secret: the tool asks for it.
    Bookmark,
    /// Something to read: fields to fill in by hand, or why this tool is not for this key.
    Text,
}

impl SetupKind {
    /// The word for it in pages and programs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Shell => "shell",
            Self::ConfigFile => "config file",
            Self::Code => "code",
            Self::Bookmark => "bookmark",
            Self::Text => "text",
        }
    }
}

/// The set-up of one tool. No `Debug`: it holds the secret.
pub struct Setup {
    /// The tool's lasting id: `rclone`, `aws`, ….
    pub tool: &'static str,
    /// The tool's name as people know it: `AWS CLI`.
    pub title: &'static str,
    /// What to do with the text.
    pub kind: SetupKind,
    /// The last part of the file's name, if the text is a file.
    pub file_name: Option<&'static str>,
    /// What to paste. Holds the secret, but for bookmarks; wiped when dropped.
    pub text: Zeroizing<String>,
}

/// A tool that there are set-ups for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tool {
    /// Its lasting id, as in [`Setup::tool`].
    pub id: &'static str,
    /// Its name as people know it.
    pub title: &'static str,
}

type Write = fn(&S3Setup<'_>, &mut Text) -> Draft;

const S3_TOOLS: [(Tool, Write); 13] = [
    (Tool { id: "rclone", title: "rclone" }, rclone::write),
    (Tool { id: "aws", title: "AWS CLI" }, aws::write),
    (Tool { id: "cyberduck", title: "Cyberduck" }, cyberduck::write),
    (Tool { id: "filezilla", title: "FileZilla Pro" }, filezilla::write),
    (Tool { id: "s3cmd", title: "s3cmd" }, s3cmd::write),
    (Tool { id: "restic", title: "restic" }, restic::write),
    (Tool { id: "s3fs", title: "s3fs" }, s3fs::write),
    (Tool { id: "boto3", title: "boto3 (Python)" }, boto3::write),
    (Tool { id: "javascript", title: "AWS SDK for JavaScript" }, javascript::write),
    (Tool { id: "java", title: "AWS SDK for Java" }, java::write),
    (Tool { id: "go", title: "AWS SDK for Go" }, golang::write),
    (Tool { id: "terraform", title: "Terraform" }, terraform::write),
    (Tool { id: "curl", title: "curl" }, curl::write),
];

/// The tools that an S3 key can be set up for, in the order in which they are shown.
pub fn s3_tools() -> impl ExactSizeIterator<Item = Tool> {
    S3_TOOLS.iter().map(|(tool, _)| *tool)
}

/// The set-ups for an S3 key, one for each of [`s3_tools`], in that order.
#[must_use]
pub fn for_s3(setup: &S3Setup<'_>) -> Vec<Setup> {
    S3_TOOLS.iter().map(|(tool, write)| one(*tool, *write, setup)).collect()
}

/// The set-up of one tool for an S3 key; none if there is no tool with this id.
#[must_use]
pub fn for_s3_tool(setup: &S3Setup<'_>, id: &str) -> Option<Setup> {
    S3_TOOLS.iter().find(|(tool, _)| tool.id == id).map(|(tool, write)| one(*tool, *write, setup))
}

fn one(tool: Tool, write: Write, setup: &S3Setup<'_>) -> Setup {
    let mut text = Text::for_prefix(setup.prefix);
    let draft = if setup.permission == Permission::None {
        put_switched_off(&mut text)
    } else {
        write(setup, &mut text)
    };
    let Draft { kind, file_name } = draft;
    Setup { tool: tool.id, title: tool.title, kind, file_name, text: text.into_inner() }
}

fn put_switched_off(out: &mut Text) -> Draft {
    out.line(format_args!(
        "# The key is switched off (permission none): it opens nothing until it is given another permission."
    ));
    Draft::NOTE
}
