//! Which folder an address means.

use portcullis_files::TreePath;

use super::address::Mailbox;
use super::reply::Reply;
use crate::mail::folder_of_tag;

/// The folder that the tag of an address names: `anything+invoices/2026@host`; none if there is no tag.
///
/// # Errors
/// The refusal, if it is no folder.
pub(super) fn folder(mailbox: &Mailbox) -> Result<Option<TreePath>, Reply> {
    match mailbox.local.split_once('+') {
        None | Some((_, "")) => Ok(None),
        Some((_, tag)) => match folder_of_tag(tag) {
            Ok(folder) => Ok(Some(folder)),
            Err(invalid) => {
                Err(Reply::new(550, "5.1.1", format!("The folder behind + cannot be: {invalid}.")))
            }
        },
    }
}
