//! What is in a folder.

use std::sync::Arc;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use portcullis_access::{List, ListPage, ListPosition, ListedObject};
use portcullis_domain::{KeyPrefix, Storage};

use super::{ListStream, Tree, look};
use crate::place::{Place, Source, Spot, prefix};
use crate::{Entry, EntryPage, FileError, Kind, Result, TreePath, name};

/// The most entries of a page.
const MOST: usize = 1_000;

impl Tree {
    /// What is in a folder, page by page as it is polled.
    #[must_use]
    pub fn list(&self, path: &TreePath) -> ListStream {
        let (tree, path) = (self.clone(), path.clone());
        let pages = stream::try_unfold(Some(None::<String>), move |state| {
            let (tree, path) = (tree.clone(), path.clone());
            async move {
                let Some(after) = state else { return Ok(None) };
                let page = tree.page(&path, after.as_deref(), MOST).await?;
                let rest = page.next.map(Some);
                Ok::<_, FileError>(Some((stream::iter(page.entries).map(Ok), rest)))
            }
        });
        Box::pin(pages.try_flatten())
    }

    /// One page of what is in a folder, after `after` (the `next` of the page before): 1 to 1,000 entries.
    ///
    /// # Errors
    /// As [`Tree::enter`].
    pub async fn page(&self, path: &TreePath, after: Option<&str>, limit: usize) -> Result<EntryPage> {
        let limit = limit.clamp(1, MOST);
        match self.locate(path).await? {
            Place::Storages => Ok(storages(&self.access().visible_storages(self.principal())?, after, limit)),
            Place::In(spot) => {
                let after = after.map(|text| position(text).ok_or(FileError::NotFound)).transpose()?;
                let page = spot.page(after.as_ref(), limit).await?;
                // What seems empty may not be there at all, or be a file.
                if page.entries.is_empty() && after.is_none() && !page.has_marker {
                    self.enter_in(&spot).await?;
                }
                Ok(EntryPage { entries: page.entries, next: page.next.as_ref().map(text) })
            }
        }
    }
}

fn storages(visible: &[Arc<Storage>], after: Option<&str>, limit: usize) -> EntryPage {
    let mut found: Vec<_> =
        visible.iter().filter(|one| after.is_none_or(|after| one.bucket.as_str() > after)).collect();
    found.sort_unstable_by(|a, b| a.bucket.as_str().cmp(b.bucket.as_str()));
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.bucket.as_str().to_owned());
    let entry = |storage: &&Arc<Storage>| Entry {
        name: storage.bucket.as_str().to_owned(),
        kind: Kind::Folder,
        modified: Some(storage.created),
    };
    EntryPage { entries: found.iter().map(entry).collect(), next }
}

/// A position as [`EntryPage::next`] says it.
fn text(position: &ListPosition) -> String {
    match position {
        ListPosition::AfterKey(key) => format!("k{key}"),
        ListPosition::AfterPrefix(prefix) => format!("p{prefix}"),
    }
}

fn position(text: &str) -> Option<ListPosition> {
    let key = |rest: &str| ListPosition::AfterKey(rest.to_owned());
    let prefix = |rest: &str| ListPosition::AfterPrefix(rest.to_owned());
    text.strip_prefix('k').map(key).or_else(|| text.strip_prefix('p').map(prefix))
}

const fn place(position: &ListPosition) -> &String {
    match position {
        ListPosition::AfterKey(text) | ListPosition::AfterPrefix(text) => text,
    }
}

/// A page that is being filled.
#[derive(Debug, Default)]
struct Filling {
    entries: Vec<Entry>,
    next: Option<ListPosition>,
    /// Whether the folder's own marker was passed.
    has_marker: bool,
}

impl Filling {
    fn add(&mut self, inside: &str, object: ListedObject) {
        let segment = object.key.as_str().strip_prefix(inside).unwrap_or_default();
        if segment.is_empty() {
            self.has_marker = true;
            return;
        }
        let name = name::show(segment);
        let modified = object.user_modified.unwrap_or(object.modified);
        let ListedObject { size, etag, archived, .. } = object;
        let kind = Kind::File { size, etag, content_type: None, archived };
        self.entries.push(Entry { name, kind, modified: Some(modified) });
    }
}

/// Whether everything of a source lies before a position.
fn is_passed(source: &Source, after: &ListPosition) -> bool {
    match (source, after) {
        (Source::Lead(folder), after) => place(after).as_str() >= folder.as_str(),
        (Source::Keys(keys), ListPosition::AfterPrefix(passed)) if passed == keys.as_str() => true,
        (Source::Keys(keys), after) => {
            place(after).as_str() > keys.as_str() && !place(after).starts_with(keys.as_str())
        }
    }
}

impl Spot {
    async fn page(&self, after: Option<&ListPosition>, limit: usize) -> Result<Filling> {
        let inside = self.inside();
        let mut page = Filling::default();
        let mut sources = self.sources(&inside)?;
        if sources.is_empty() {
            // The policy has the last word, and writes it down.
            sources.push(Source::Keys(prefix(&inside)?));
        }
        let mut reached = None;
        for source in sources {
            if after.is_some_and(|after| is_passed(&source, after)) {
                continue;
            }
            if page.entries.len() >= limit {
                page.next = reached;
                break;
            }
            match source {
                Source::Lead(folder) => {
                    let segment =
                        folder.strip_prefix(inside.as_str()).and_then(|rest| rest.strip_suffix('/'));
                    page.entries.push(look::folder(&name::show(segment.unwrap_or_default())));
                    page.has_marker = true;
                    reached = Some(ListPosition::AfterPrefix(folder));
                }
                Source::Keys(keys) => {
                    reached = Some(ListPosition::AfterPrefix(keys.as_str().to_owned()));
                    self.fill(&mut page, &inside, keys, after, limit).await?;
                    if page.next.is_some() {
                        break;
                    }
                }
            }
        }
        Ok(page)
    }

    /// Adds what is listed under a beginning of keys, until the page is full or there is no more.
    async fn fill(
        &self,
        page: &mut Filling,
        inside: &str,
        keys: KeyPrefix,
        after: Option<&ListPosition>,
        limit: usize,
    ) -> Result<()> {
        if self.is_blind_in(&keys) {
            page.has_marker = true;
            return Ok(());
        }
        let mut after = after.cloned();
        loop {
            let room = limit.saturating_sub(page.entries.len());
            let list = self.at.grant::<List>(keys.clone())?;
            let listed = list.page_with_times(Some("/".to_owned()), after.clone(), room).await?;
            let next = listed.next.clone();
            self.entries(page, inside, listed, after.as_ref()).await?;
            // The marker takes a place on a page and is not shown.
            match next {
                Some(next) if page.entries.len() < limit => after = Some(next),
                next => {
                    page.next = next;
                    return Ok(());
                }
            }
        }
    }

    /// Turns what was listed into entries, in the order of keys.
    async fn entries(
        &self,
        page: &mut Filling,
        inside: &str,
        listed: ListPage,
        after: Option<&ListPosition>,
    ) -> Result<()> {
        let ListPage { objects, prefixes, next: _ } = listed;
        let mut shown = Vec::with_capacity(prefixes.len());
        for folder in prefixes {
            let Some(segment) = folder.strip_prefix(inside).and_then(|rest| rest.strip_suffix('/')) else {
                continue;
            };
            let file = folder.strip_suffix('/').unwrap_or_default();
            // Between a file and the folder of its name others may stand, and the end of a page.
            let has_file = objects.binary_search_by(|object| object.key.as_str().cmp(file)).is_ok()
                || (after.is_some_and(|after| place(after).as_str() >= file) && self.is_there(file).await?);
            let name = if has_file { name::show_folder(segment) } else { name::show(segment) };
            shown.push((folder, name));
        }
        let mut objects = objects.into_iter().peekable();
        for (folder, name) in shown {
            while let Some(object) = objects.next_if(|object| object.key.as_str() < folder.as_str()) {
                page.add(inside, object);
            }
            page.entries.push(look::folder(&name));
        }
        for object in objects {
            page.add(inside, object);
        }
        Ok(())
    }

    /// Whether there is a file with this key, for one that would have come on an earlier page.
    async fn is_there(&self, key: &str) -> Result<bool> {
        if key.is_empty() || key.ends_with('/') {
            return Ok(false);
        }
        let first = self.first(prefix(key)?, 1).await?;
        Ok(first.first().is_some_and(|object| object.key.as_str() == key))
    }
}
