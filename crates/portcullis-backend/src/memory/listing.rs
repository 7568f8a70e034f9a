//! Pages of keys, versions and uploads.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::state::State;
use crate::listing::{MAX_PAGE, common_prefix, end_of_prefix, is_after};
use crate::{
    ListPage, ListPosition, ListRequest, ListedObject, ListedUpload, ListedVersion, ObjectMeta, UploadId,
    UploadsPage, UploadsRequest, VersionId, VersionsPage, VersionsRequest,
};

/// How a walk over keys goes on.
enum Walk {
    /// With the next key.
    On,
    /// After all keys that begin so.
    Past(String),
    /// Not at all.
    Stop,
}

/// Visits the keys under `prefix` after `position` in order, or from the position's key if `inside` it.
fn walk<'a, T>(
    map: &'a BTreeMap<Box<str>, T>,
    prefix: &str,
    position: Option<&ListPosition>,
    inside: bool,
    mut visit: impl FnMut(&'a str, &'a T) -> Walk,
) {
    let mut start = match position {
        None => Some(prefix.to_owned()),
        Some(ListPosition::AfterKey(key)) => Some(prefix.max(key).to_owned()),
        Some(ListPosition::AfterPrefix(passed)) => {
            end_of_prefix(passed).map(|end| end.max(prefix.to_owned()))
        }
    };
    'seek: while let Some(from) = start.take() {
        for (key, value) in map.range::<str, _>((Bound::Included(from.as_str()), Bound::Unbounded)) {
            if !key.starts_with(prefix) {
                break 'seek;
            }
            let at_position = matches!(position, Some(ListPosition::AfterKey(after)) if **key == **after);
            let wanted = is_after(position, key) || (inside && at_position);
            if !wanted {
                continue;
            }
            match visit(key, value) {
                Walk::On => {}
                Walk::Past(passed) => {
                    start = end_of_prefix(&passed);
                    continue 'seek;
                }
                Walk::Stop => break 'seek,
            }
        }
    }
}

/// A page that fills up. `M` says where inside a key it goes on.
struct Page<'a, T, M> {
    prefix: &'a str,
    delimiter: Option<&'a str>,
    room: usize,
    entries: Vec<T>,
    prefixes: Vec<String>,
    last: Option<(ListPosition, Option<M>)>,
    more: bool,
}

impl<'a, T, M> Page<'a, T, M> {
    fn new(prefix: &'a str, delimiter: Option<&'a str>, limit: usize) -> Self {
        let room = limit.min(MAX_PAGE);
        Self { prefix, delimiter, room, entries: Vec::new(), prefixes: Vec::new(), last: None, more: false }
    }

    fn is_full(&self) -> bool {
        self.entries.len() + self.prefixes.len() >= self.room
    }

    /// Takes the entries of a key, or its common prefix.
    fn take(&mut self, key: &str, entries: impl Iterator<Item = (T, Option<M>)>) -> Walk {
        if let Some(rolled) = common_prefix(key, self.prefix, self.delimiter) {
            if self.is_full() {
                self.more = true;
                return Walk::Stop;
            }
            self.prefixes.push(rolled.to_owned());
            self.last = Some((ListPosition::AfterPrefix(rolled.to_owned()), None));
            return Walk::Past(rolled.to_owned());
        }
        for (entry, mark) in entries {
            if self.is_full() {
                self.more = true;
                return Walk::Stop;
            }
            self.entries.push(entry);
            self.last = Some((ListPosition::AfterKey(key.to_owned()), mark));
        }
        Walk::On
    }

    fn next(&mut self) -> Option<(ListPosition, Option<M>)> {
        // A page without room is final, though something follows.
        self.last.take().filter(|_| self.more)
    }
}

fn listed(key: &portcullis_domain::ObjectKey, meta: &ObjectMeta) -> ListedObject {
    ListedObject {
        key: key.clone(),
        size: meta.size,
        modified: meta.modified,
        etag: meta.etag.clone(),
        checksum: meta.checksum.as_ref().map(|checksum| checksum.digest.algorithm),
        archived: false,
        user_modified: None,
    }
}

impl State {
    /// Objects.
    pub(super) fn list(&self, request: &ListRequest) -> ListPage {
        let prefix = request.prefix.as_str();
        let mut page = Page::<_, ()>::new(prefix, request.delimiter.as_deref(), request.limit);
        walk(&self.objects, prefix, request.after.as_ref(), false, |key, slot| {
            match slot.current.as_ref().and_then(|current| slot.versions.get(current)) {
                None => Walk::On,
                Some(stored) => page.take(key, {
                    let mut object = listed(&slot.key, &stored.meta);
                    object.user_modified = stored.meta.content.user_modified().filter(|_| request.user_times);
                    std::iter::once((object, None))
                }),
            }
        });
        let next = page.next().map(|(position, _)| position);
        ListPage { objects: page.entries, prefixes: page.prefixes, next }
    }

    /// Versions.
    pub(super) fn list_versions(&self, request: &VersionsRequest) -> VersionsPage {
        let prefix = request.prefix.as_str();
        let mut page = Page::<_, VersionId>::new(prefix, request.delimiter.as_deref(), request.limit);
        let inside = request.after_version.as_ref();
        walk(&self.objects, prefix, request.after.as_ref(), inside.is_some(), |key, slot| {
            let inside = inside.filter(|_| !is_after(request.after.as_ref(), key));
            let older =
                slot.versions.iter().rev().filter(|(version, _)| inside.is_none_or(|after| *version < after));
            let mut entries = older
                .map(|(version, stored)| {
                    let current = slot.current.as_ref() == Some(version);
                    let object = listed(&slot.key, &stored.meta);
                    (ListedVersion { object, version: version.clone(), current }, Some(version.clone()))
                })
                .peekable();
            if entries.peek().is_none() { Walk::On } else { page.take(key, entries) }
        });
        let next = page.next();
        VersionsPage { versions: page.entries, prefixes: page.prefixes, next }
    }

    /// Uploads.
    pub(super) fn list_uploads(&self, request: &UploadsRequest) -> UploadsPage {
        let prefix = request.prefix.as_str();
        let mut page = Page::<_, UploadId>::new(prefix, request.delimiter.as_deref(), request.limit);
        let (after, inside) = match &request.after {
            None => (None, None),
            Some((position, inside)) => (Some(position), inside.as_ref()),
        };
        walk(&self.uploads, prefix, after, inside.is_some(), |key, uploads| {
            let inside = inside.filter(|_| !is_after(after, key));
            let mut entries = uploads
                .iter()
                .filter(|(id, _)| inside.is_none_or(|after| *id > after))
                .filter(|(_, upload)| request.owner.is_none() || upload.meta.owner == request.owner)
                .map(|(id, upload)| {
                    let (key, meta) = (upload.key.clone(), upload.meta.clone());
                    (ListedUpload { key, upload: id.clone(), meta }, Some(id.clone()))
                })
                .peekable();
            if entries.peek().is_none() { Walk::On } else { page.take(key, entries) }
        });
        let next = page.next();
        UploadsPage { uploads: page.entries, prefixes: page.prefixes, next }
    }
}
