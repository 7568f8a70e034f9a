//! A copy of the audit trail as a file of JSON lines: a header, entries and checkpoints, and a signed end.
//!
//! What is read must be, byte for byte, what this module writes for the same: there is one spelling of everything, so that no
//! change of the file goes unnoticed for meaning the same.

mod verify;

use portcullis_domain::trail::{ChainedEvent, Checkpoint, CheckpointKind, Head};
use portcullis_domain::{AuditEvent, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use verify::{FileFault, VerifiedFile, verify};

/// What the header says the file is.
const KIND: &str = "portcullis audit trail";
const VERSION: u32 = 1;

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// The first line: of which chain, with whose signatures, from which entry on.
    Header { chain: String, public_key: [u8; 32], first: u64 },
    /// An entry from before there was a chain.
    Before(AuditEvent),
    /// An entry.
    Entry(ChainedEvent),
    /// Something signed.
    Checkpoint(Checkpoint),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct HeaderLine {
    file: String,
    version: u32,
    chain: String,
    public_key: String,
    first_seq: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EntryLine {
    /// 0 before the chain.
    seq: u64,
    at: String,
    request_id: String,
    site: Option<String>,
    actor: String,
    key: Option<String>,
    storage: Option<String>,
    channel: String,
    peer: String,
    tool: String,
    action: String,
    object: Option<String>,
    allowed: bool,
    reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    detail: String,
    /// None before the chain.
    hash: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointLine {
    checkpoint: String,
    seq: u64,
    hash: String,
    at: String,
    digest: Option<String>,
    signature: String,
}

impl Line {
    /// The line, with the line feed at its end.
    pub(crate) fn render(&self) -> Result<String, serde_json::Error> {
        let text = match self {
            Self::Header { chain, public_key, first } => serde_json::to_string(&HeaderLine {
                file: KIND.to_owned(),
                version: VERSION,
                chain: chain.clone(),
                public_key: hex::encode(public_key),
                first_seq: *first,
            }),
            Self::Before(event) => serde_json::to_string(&EntryLine::of(event, 0, None)),
            Self::Entry(entry) => {
                serde_json::to_string(&EntryLine::of(&entry.event, entry.seq, Some(hex::encode(entry.hash))))
            }
            Self::Checkpoint(checkpoint) => serde_json::to_string(&CheckpointLine {
                checkpoint: checkpoint.kind.as_str().to_owned(),
                seq: checkpoint.head.seq,
                hash: hex::encode(checkpoint.head.hash),
                at: checkpoint.at.to_string(),
                digest: checkpoint.digest.map(hex::encode),
                signature: hex::encode(checkpoint.signature),
            }),
        };
        text.map(|text| text + "\n")
    }

    /// The line that this is, of a file about this chain; none for what [`Line::render`] does not write.
    pub(crate) fn parse(text: &str, chain: &str) -> Option<Self> {
        let line = header(text).or_else(|| entry(text)).or_else(|| checkpoint(text, chain))?;
        (line.render().ok()? == text).then_some(line)
    }
}

fn parsed<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_str(text).ok()
}

fn header(text: &str) -> Option<Line> {
    let line: HeaderLine = parsed(text)?;
    let mut public_key = [0; 32];
    hex::decode_to_slice(line.public_key, &mut public_key).ok()?;
    (line.file == KIND && line.version == VERSION).then_some(Line::Header {
        chain: line.chain,
        public_key,
        first: line.first_seq,
    })
}

fn entry(text: &str) -> Option<Line> {
    let line: EntryLine = parsed(text)?;
    let event = AuditEvent {
        at: line.at.parse().ok()?,
        request_id: line.request_id,
        site: line.site.map(|id| id.parse()).transpose().ok()?,
        actor: line.actor,
        key: line.key.map(|id| id.parse()).transpose().ok()?,
        storage: line.storage.map(|id| id.parse()).transpose().ok()?,
        channel: line.channel.parse().ok()?,
        peer: line.peer,
        tool: line.tool,
        action: line.action,
        object: line.object,
        allowed: line.allowed,
        reason: line.reason,
        detail: line.detail,
    };
    let Some(text) = line.hash else { return (line.seq == 0).then_some(Line::Before(event)) };
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    (line.seq > 0).then_some(Line::Entry(ChainedEvent { event, seq: line.seq, hash }))
}

fn checkpoint(text: &str, chain: &str) -> Option<Line> {
    let line: CheckpointLine = parsed(text)?;
    let mut head = Head { chain: chain.to_owned(), seq: line.seq, hash: [0; 32] };
    hex::decode_to_slice(line.hash, &mut head.hash).ok()?;
    let mut signature = [0; 64];
    hex::decode_to_slice(line.signature, &mut signature).ok()?;
    let digest = match line.digest {
        None => None,
        Some(text) => {
            let mut digest = [0; 32];
            hex::decode_to_slice(text, &mut digest).ok()?;
            Some(digest)
        }
    };
    let at: Timestamp = line.at.parse().ok()?;
    let kind = CheckpointKind::parse(&line.checkpoint)?;
    Some(Line::Checkpoint(Checkpoint { kind, head, at, digest, signature }))
}

impl EntryLine {
    fn of(event: &AuditEvent, seq: u64, hash: Option<String>) -> Self {
        let event = event.clone();
        Self {
            seq,
            at: event.at.to_string(),
            request_id: event.request_id,
            site: event.site.map(|id| id.to_string()),
            actor: event.actor,
            key: event.key.map(|id| id.to_string()),
            storage: event.storage.map(|id| id.to_string()),
            channel: event.channel.to_string(),
            peer: event.peer,
            tool: event.tool,
            action: event.action,
            object: event.object,
            allowed: event.allowed,
            reason: event.reason,
            detail: event.detail,
            hash,
        }
    }
}
