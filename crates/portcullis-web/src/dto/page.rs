//! Lists, a page at a time.

use portcullis_control::{Page, PageRequest};
use serde::Serialize;
use utoipa::ToSchema;

use crate::extract::Limit;

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Items<T> {
    /// The items, in the order of the list.
    pub(crate) items: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last.
    pub(crate) next_cursor: Option<String>,
}

/// The page that is asked for.
pub(crate) fn request_of(limit: Limit, cursor: Option<String>) -> PageRequest {
    PageRequest { limit: limit.0, after: cursor }
}

/// A page as a document.
pub(crate) fn page_of<T, U>(page: Page<T>, item: impl FnMut(T) -> U) -> Items<U> {
    Items { items: page.items.into_iter().map(item).collect(), next_cursor: page.next }
}
