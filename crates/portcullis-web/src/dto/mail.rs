//! What a mail key makes of messages.

use portcullis_control::MailDraft;
use portcullis_domain::{Channel, Key, MailFolder, MailRules};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::present;

/// What a mail key makes of messages.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailRules)]
pub(crate) struct MailOut {
    /// What names the folder of a message's files: `address` (the tag of the recipient's address, the top without one) or `subject`
    /// (the tag if there is one, else the subject).
    #[schema(example = "address")]
    folder: &'static str,
    /// What is kept besides attachments: `text` (.txt), `html` (.html), `message` (.eml, as it came); nothing if empty.
    #[schema(example = json!(["text"]))]
    keep: Vec<&'static str>,
    /// The largest message in bytes as it is sent, attachments encoded; null for what the server takes.
    max_message: Option<u64>,
    /// Messages that it takes in an hour.
    #[schema(example = 600)]
    per_hour: u32,
}

impl MailOut {
    /// The rules of a key for mail; none of any other.
    pub(crate) fn of(key: &Key) -> Option<Self> {
        let MailRules { folder, keep_text, keep_html, keep_message, max_message, per_hour } = key.mail;
        let kept = [("text", keep_text), ("html", keep_html), ("message", keep_message)];
        let keep = kept.iter().filter(|(_, kept)| *kept).map(|(word, _)| *word).collect();
        let folder: MailFolder = folder;
        (key.channel == Channel::Email).then_some(Self {
            folder: folder.as_str(),
            keep,
            max_message,
            per_hour,
        })
    }
}

/// For keys of `email`: what they make of messages. What is left out stays, and is at first `address`, nothing, what the server takes,
/// and 600.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MailRulesIn)]
pub(crate) struct MailIn {
    /// What names the folder of a message's files: `address` or `subject`.
    #[schema(pattern = "^(address|subject)$")]
    folder: Option<String>,
    /// What is kept besides attachments, any of `text`, `html`, `message`; nothing if empty.
    #[schema(max_items = 3)]
    keep: Option<Vec<String>>,
    /// The largest message in bytes as it is sent, attachments encoded; null for what the server takes.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>, minimum = 16384)]
    max_message: Option<Option<u64>>,
    /// Messages that it takes in an hour.
    #[schema(minimum = 1, maximum = 100_000)]
    per_hour: Option<u32>,
}

impl From<MailIn> for MailDraft {
    fn from(given: MailIn) -> Self {
        let MailIn { folder, keep, max_message, per_hour } = given;
        Self { folder, keep, max_message, per_hour }
    }
}
