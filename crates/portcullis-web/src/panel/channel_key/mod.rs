//! Keys of the channels with user names, HTTP with WebDAV, FTP with SFTP, the web service and mail: what differs from other keys. They
//! have a user name and a secret, either of which somebody may choose, and addresses to use them at; some have public keys of SSH, some
//! rules for messages.

mod doors;
mod mail;
mod own;
mod public_keys;

pub(super) use doors::DoorsShown;
pub(super) use mail::{MailChanged, MailForm, MailSection, change as change_mail};
pub(super) use own::{Own, OwnForm};
pub(super) use public_keys::{Changed, PublicKeys, change as change_public_keys};
