//! An entry as a line of JSON: the same that an export holds, so that the two can be laid side by side.

use portcullis_domain::trail::ChainedEvent;
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    at: String,
    request_id: &'a str,
    site: Option<String>,
    actor: &'a str,
    key: Option<String>,
    storage: Option<String>,
    channel: &'a str,
    peer: &'a str,
    tool: &'a str,
    action: &'a str,
    object: Option<&'a str>,
    allowed: bool,
    reason: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: &'a str,
    hash: String,
}

/// The line, without a line feed at its end or within.
#[must_use]
pub fn json_line(entry: &ChainedEvent) -> String {
    let event = &entry.event;
    let line = Line {
        seq: entry.seq,
        at: event.at.to_string(),
        request_id: &event.request_id,
        site: event.site.map(|id| id.to_string()),
        actor: &event.actor,
        key: event.key.map(|id| id.to_string()),
        storage: event.storage.map(|id| id.to_string()),
        channel: event.channel.as_str(),
        peer: &event.peer,
        tool: &event.tool,
        action: &event.action,
        object: event.object.as_deref(),
        allowed: event.allowed,
        reason: &event.reason,
        detail: &event.detail,
        hash: hex::encode(entry.hash),
    };
    // Text and numbers alone: there is nothing in it that JSON could not say.
    serde_json::to_string(&line).unwrap_or_default()
}
