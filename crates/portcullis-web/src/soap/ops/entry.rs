//! What is told of a file or folder.

use portcullis_files::{Entry, Kind, TreePath};

use crate::soap::answer::Answer;

/// Writes `<f:entry>` with what is known of what has this path.
pub(super) fn write(answer: &mut Answer, path: &TreePath, entry: &Entry) {
    answer.raw("<f:entry>");
    answer.field("name", path.name().unwrap_or_default()).field("path", &path.to_string());
    answer.field("folder", if entry.is_folder() { "true" } else { "false" });
    if let Kind::File { size, etag, content_type, .. } = &entry.kind {
        answer.field("size", &size.to_string()).field("etag", &etag.to_string());
        if let Some(content_type) = content_type {
            answer.field("contentType", content_type);
        }
    }
    if let Some(modified) = entry.modified {
        answer.field("modified", &modified.to_string());
    }
    if matches!(entry.kind, Kind::File { archived: true, .. }) {
        answer.field("archived", "true");
    }
    answer.raw("</f:entry>");
}

/// The same of a file that the caller stored and may not look at.
pub(super) fn write_own(answer: &mut Answer, path: &TreePath, size: u64) {
    answer.raw("<f:entry>");
    answer.field("name", path.name().unwrap_or_default()).field("path", &path.to_string());
    answer.field("folder", "false").field("size", &size.to_string());
    answer.raw("</f:entry>");
}
