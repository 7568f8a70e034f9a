//! What a mail key makes of messages, as somebody filled it in.

use portcullis_domain::{MailFolder, MailRules};

use crate::check::{Check, set};

/// Rules for the messages of a key of the channel `email`; what is left out stays, and begins as [`MailRules::default`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailDraft {
    /// `address` (the tag of the recipient's address names the folder) or `subject` (without a tag, the subject does).
    pub folder: Option<String>,
    /// What is kept besides attachments, any of `text`, `html`, `message`; nothing if empty.
    pub keep: Option<Vec<String>>,
    /// The largest message in bytes; `Some(None)` for what the server takes.
    pub max_message: Option<Option<u64>>,
    /// Messages an hour.
    pub per_hour: Option<u32>,
}

impl MailDraft {
    /// Puts what was filled in into the rules, and notes words that are none; bounds are checked with the key.
    pub(super) fn apply(&self, check: &mut Check, mail: &mut MailRules) {
        if let Some(folder) = &self.folder {
            set(&mut mail.folder, check.parse::<MailFolder>("mail.folder", folder));
        }
        if let Some(keep) = &self.keep {
            let kept = |word: &str| keep.iter().any(|given| given == word);
            (mail.keep_text, mail.keep_html, mail.keep_message) =
                (kept("text"), kept("html"), kept("message"));
            let known = keep.iter().all(|word| matches!(word.as_str(), "text" | "html" | "message"));
            check.require(known, "mail.keep", "any of text, html, message; nothing to keep attachments only");
        }
        if let Some(max_message) = self.max_message {
            mail.max_message = max_message;
        }
        if let Some(per_hour) = self.per_hour {
            mail.per_hour = per_hour;
        }
    }
}
