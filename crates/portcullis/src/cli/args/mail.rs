//! What a mail key makes of messages.

use clap::Args;

use super::storage::{Limit, limit};

/// For keys of the channel email.
#[derive(Args, Debug)]
pub(crate) struct MailArgs {
    /// For email: what names the folder of a message's files: address (the tag: anything+folder@host) or subject (without a tag, the
    /// subject)
    #[arg(long, value_name = "WHAT")]
    pub(crate) mail_folder: Option<String>,
    /// For email: what to keep besides attachments, of text, html and message (as it came, .eml), with commas between; or nothing
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub(crate) keep: Vec<String>,
    /// For email: the largest message, encoded as it is sent, e.g. 25M; or none for what the server takes
    #[arg(long, value_name = "SIZE", value_parser = limit)]
    pub(crate) max_message: Option<Limit>,
    /// For email: how many messages it takes in an hour
    #[arg(long, value_name = "MESSAGES")]
    pub(crate) per_hour: Option<u32>,
}
