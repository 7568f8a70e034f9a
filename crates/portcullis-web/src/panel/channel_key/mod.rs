//! Keys of the channels with folders, HTTP with WebDAV and FTP with SFTP: what differs from other keys. They have a user name and a
//! secret, either of which somebody may choose, public keys of SSH, and several doors.

mod doors;
mod own;
mod public_keys;

use portcullis_domain::Channel;

pub(super) use doors::DoorsShown;
pub(super) use own::{Own, OwnForm};
pub(super) use public_keys::{Changed, PublicKeys, change as change_public_keys};

/// Whether a channel has user names and folders.
pub(super) const fn has_folders(channel: Channel) -> bool {
    matches!(channel, Channel::Http | Channel::Ftp)
}
