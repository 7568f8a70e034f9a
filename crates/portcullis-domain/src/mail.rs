//! What a mail key makes of a message.

use crate::permission::words;

words! {
    /// What names the folder of a message's files.
    MailFolder {
        /// The tag of the recipient's address: `anything+invoices/2026@host`. Without a tag, the top of what the key reaches.
        Address = "address",
        /// The tag if there is one, else the subject of the message.
        Subject = "subject",
    }
    "address, subject"
}

/// What a mail key makes of a message. Other keys have the default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailRules {
    /// What names the folder.
    pub folder: MailFolder,
    /// Whether the text of a message is kept as a file, `.txt`.
    pub keep_text: bool,
    /// Whether the HTML of a message is kept as a file, `.html`.
    pub keep_html: bool,
    /// Whether the message is kept as it came, `.eml`.
    pub keep_message: bool,
    /// The largest message in bytes as it is sent, attachments encoded; none for what the server takes.
    pub max_message: Option<u64>,
    /// Messages that are taken in an hour, from 1 to [`MailRules::MOST_PER_HOUR`].
    pub per_hour: u32,
}

impl MailRules {
    /// The most messages an hour that a key can be given.
    pub const MOST_PER_HOUR: u32 = 100_000;
    /// The smallest bound on messages that makes sense: one attachment of a few lines.
    pub const LEAST_MESSAGE: u64 = 16 * 1024;

    /// Whether these are what a key has for which nobody said anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Default for MailRules {
    fn default() -> Self {
        Self {
            folder: MailFolder::Address,
            keep_text: false,
            keep_html: false,
            keep_message: false,
            max_message: None,
            per_hour: 600,
        }
    }
}
