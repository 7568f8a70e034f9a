//! What of a message becomes a file.
//!
//! | part | file |
//! |---|---|
//! | one to be saved, or with a name, or that is no text | always |
//! | one without a name that has no content either | no |
//! | text of another kind than plain and HTML, as an invitation is | yes, unless it is one of several forms of the body |
//! | other plain text and HTML | the body: as the key's rules say |
//! | `message/rfc822` | whole, as `.eml`; nothing is taken from within |

use portcullis_domain::MailRules;

use super::charset::Charset;
use super::head::Head;
use super::split::{Leaf, Parts};
use super::transfer::Transfer;
use super::{Damage, MailFault, name};

/// How many files a message may be, over all folders.
pub(super) const MOST_FILES: usize = 1_000;

/// Some bytes of the message that become a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Planned {
    /// Safe, and not yet kept apart from others.
    pub(super) name: String,
    /// `Content-Type`.
    pub(super) content_type: String,
    /// As the text is sent, if it cannot be made UTF-8.
    as_sent: String,
    /// Which part it is; 0 is the message itself.
    pub(super) part: usize,
    /// Where it begins in the message, and where it ends.
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) transfer: Transfer,
    /// How its text is read to be kept as UTF-8.
    pub(super) text: Option<Charset>,
    /// Whether it is left out if there is nothing to read in it.
    pub(super) body: bool,
}

impl Planned {
    /// Keeps it as it was sent: it is not of the character set that it says.
    pub(super) fn keep_as_sent(&mut self) {
        self.text = None;
        self.content_type.clone_from(&self.as_sent);
    }
}

/// The files of a message of so many bytes. `titled` says whether the subject may name what is kept of the body.
pub(super) fn files(
    parts: &Parts,
    rules: &MailRules,
    length: u64,
    titled: bool,
) -> Result<Vec<Planned>, MailFault> {
    // A subject is no path.
    let subject = parts.top.subject.replace(['/', '\\'], "_");
    let title = titled.then(|| name::safe(&subject)).flatten().unwrap_or_else(|| "message".to_owned());
    let mut files = Vec::new();
    for leaf in &parts.leaves {
        let kept = match body_of(leaf) {
            Some(Body::Plain) if rules.keep_text => Some(planned_body(leaf, &title, "txt")?),
            Some(Body::Html) if rules.keep_html => Some(planned_body(leaf, &title, "html")?),
            Some(Body::Plain | Body::Html | Body::Neither) => None,
            None => Some(planned_file(leaf)?),
        };
        files.extend(kept);
    }
    if rules.keep_message {
        let content_type = "message/rfc822".to_owned();
        files.push(Planned {
            name: name::with_ending(&title, "eml"),
            as_sent: content_type.clone(),
            content_type,
            part: 0,
            begin: 0,
            end: length,
            transfer: Transfer::Identity,
            text: None,
            body: false,
        });
    }
    Ok(files)
}

/// What of the body a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Plain,
    Html,
    /// What nobody keeps: another form of it, or nothing at all.
    Neither,
}

/// None for a part that is a file.
fn body_of(leaf: &Leaf) -> Option<Body> {
    let head = &leaf.head;
    if !head.inline || head.name.is_some() {
        return None;
    }
    match head.kind.as_str() {
        "text/plain" => Some(Body::Plain),
        "text/html" => Some(Body::Html),
        kind if kind.starts_with("text/") && leaf.choice => Some(Body::Neither),
        _ if leaf.begin == leaf.end => Some(Body::Neither),
        _ => None,
    }
}

fn planned_file(leaf: &Leaf) -> Result<Planned, MailFault> {
    let head = &leaf.head;
    let mut name = head.name.clone().unwrap_or_else(|| name::fallback(leaf.number, &head.kind));
    match head.kind.as_str() {
        "message/rfc822" | "message/global" => name = name::with_ending(&name, "eml"),
        // What Apple's systems keep beside a file, under its name and before it.
        "application/applefile" => name = name::with_ending(&name, "applefile"),
        _ => {}
    }
    let content_type = content_type(head);
    Ok(Planned {
        name,
        as_sent: content_type.clone(),
        content_type,
        part: leaf.number,
        begin: leaf.begin,
        end: leaf.end,
        transfer: transfer(leaf)?,
        text: None,
        body: false,
    })
}

fn planned_body(leaf: &Leaf, title: &str, ending: &str) -> Result<Planned, MailFault> {
    let head = &leaf.head;
    let as_sent = content_type(head);
    let text = Charset::of(head.charset.as_deref(), ending == "html");
    let content_type = if text.is_some() { format!("{}; charset=utf-8", head.kind) } else { as_sent.clone() };
    Ok(Planned {
        name: name::with_ending(title, ending),
        content_type,
        as_sent,
        part: leaf.number,
        begin: leaf.begin,
        end: leaf.end,
        transfer: transfer(leaf)?,
        text,
        body: true,
    })
}

/// As it is sent, without parameters that say how it is encoded there.
fn content_type(head: &Head) -> String {
    match &head.charset {
        Some(charset) if head.kind.starts_with("text/") => format!("{}; charset={charset}", head.kind),
        _ => head.kind.clone(),
    }
}

fn transfer(leaf: &Leaf) -> Result<Transfer, Damage> {
    leaf.head.transfer.ok_or(Damage::UnknownEncoding { part: leaf.number })
}
