//! Where a listing can be cut whose keys nobody knows ahead: at its folders.

use futures_util::stream::{self, StreamExt};
use portcullis_backend::{ListPosition, ListRequest};
use portcullis_domain::{KeyPrefix, ObjectKey};

use super::{Lister, PAGE_KEYS};

/// With so many folders there is enough to do side by side.
const ENOUGH: usize = 64;

/// Folders that are opened at a time.
const SIDE_BY_SIDE: usize = 16;

/// How deep folders are opened.
const DEEP: usize = 6;

/// Folders after a key, in their order: those at the top, and as long as they are few those below them, a page of each. Asks as often
/// as there are folders to be opened, [`ENOUGH`] times [`DEEP`] at most. What goes wrong here goes wrong in the listing too, and is told there.
pub(super) async fn folders(lister: &Lister, after: Option<&ObjectKey>) -> Vec<ObjectKey> {
    let mut known: Vec<ObjectKey> = Vec::new();
    let mut open = vec![KeyPrefix::default()];
    for _ in 0..DEEP {
        let found: Vec<Vec<ObjectKey>> = stream::iter(std::mem::take(&mut open))
            .map(|folder| below(lister, folder, after))
            .buffered(SIDE_BY_SIDE)
            .collect()
            .await;
        let found: Vec<ObjectKey> = found.into_iter().flatten().collect();
        open = found.iter().filter_map(|folder| KeyPrefix::parse(folder.as_str()).ok()).collect();
        known.extend(found);
        if open.is_empty() || known.len() >= ENOUGH {
            break;
        }
    }
    known.retain(|folder| after.is_none_or(|after| folder > after));
    known.sort_unstable();
    known.dedup();
    known
}

async fn below(lister: &Lister, folder: KeyPrefix, after: Option<&ObjectKey>) -> Vec<ObjectKey> {
    let request = ListRequest {
        prefix: folder,
        delimiter: Some("/".to_owned()),
        after: after.map(|key| ListPosition::AfterKey(key.as_str().to_owned())),
        limit: PAGE_KEYS,
        user_times: false,
    };
    lister.progress.listed(lister.side, 0);
    let Ok(page) = lister.store.list(&request).await else { return Vec::new() };
    page.prefixes.iter().filter_map(|folder| ObjectKey::parse(folder).ok()).collect()
}
