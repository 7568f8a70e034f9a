//! Storages as folders and files, for protocols that know nothing else: WebDAV, FTP, SFTP.
//!
//! * **A [`Tree`] is one caller's view.** Every step asks for a grant of `portcullis-access`; this crate has no rule of its own and no
//!   way to bytes but those.
//! * **Keys are not paths.** A key that a path cannot say (`a//b`, `a/../b`, control characters) is shown under an escaped
//!   name, and no name leads to another key than the one it is shown for ([`TreePath`]).
//! * **A folder is a beginning that keys share**; an empty one is an object of no bytes whose key ends with `/`.
//! * **Nothing half is visible.** An upload is an object when all of it has come, and until then what was there is there. What broke off can be
//!   gone on with ([`Tree::partial`]).
//! * **Who may only write learns nothing**: an empty folder, and the files that this very tree has written.

mod delivery;
mod entry;
mod error;
mod memory;
mod name;
mod path;
mod place;
mod read;
mod tree;
mod upload;
mod window;
mod write;

pub use delivery::{Begun, DeliveredFile, Delivery, DeliveryId, keep_deliveries, undo_left};
pub use entry::{Entry, EntryPage, Kind, Space};
pub use error::{FileError, Result};
pub use path::{InvalidPath, TreePath};
pub use read::{FileReader, ReadStream};
pub use tree::{CopyDepth, IfThere, ListStream, OpenOptions, Top, Tree, TreeConfig, UserChange};
pub use write::{Upload, WriteOptions};

#[cfg(test)]
mod tests {
    use super::*;

    /// What the doors rely on: everything goes from thread to thread, and readers and trees are shared.
    #[test]
    fn sessions_may_move_between_threads() {
        fn is_sent<T: Send>(_: &T) {}
        fn is_shared<T: Send + Sync>() {}
        is_shared::<Tree>();
        is_shared::<FileReader>();
        let _ = |tree: Tree, reader: FileReader, upload: Upload, path: TreePath| {
            is_sent(&tree.stat(&path));
            is_sent(&tree.page(&path, None, 1));
            is_sent(&tree.write(&path, WriteOptions::default()));
            is_sent(&tree.rename(&path, &path, IfThere::Refuse));
            is_sent(&tree.copy(&path, &path, IfThere::Refuse, CopyDepth::All));
            is_sent(&tree.remove_all(&path));
            is_sent(&tree.make_folder(&path));
            is_sent(&tree.set_modified(&path, portcullis_domain::Timestamp::default()));
            is_sent(&reader.stream(0, None));
            is_sent(&upload.finish());
        };
    }
}
