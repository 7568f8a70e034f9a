//! Lists that are in memory, a page at a time.

use portcullis_metadata::{Page, PageRequest};

use crate::{ControlError, Result};

/// The page of a list whose order does not change from one request to the next. The cursor is the id of the last item; if that one is
/// gone meanwhile, whoever pages begins again.
///
/// # Errors
/// [`ControlError::Invalid`] for a cursor that is none of this list's.
pub(crate) fn page_of<T>(items: Vec<T>, id: impl Fn(&T) -> String, page: &PageRequest) -> Result<Page<T>> {
    let from = match &page.after {
        None => 0,
        Some(after) => {
            let last = items.iter().position(|item| id(item) == *after);
            last.ok_or_else(|| {
                ControlError::invalid("cursor", "not a cursor of this list; begin again without one")
            })? + 1
        }
    };
    let limit = usize::try_from(page.limit.clamp(1, PageRequest::MAX)).unwrap_or(1);
    let more = items.len() > from.saturating_add(limit);
    let items: Vec<_> = items.into_iter().skip(from).take(limit).collect();
    let next = items.last().filter(|_| more).map(id);
    Ok(Page { items, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_on_one_page() {
        let pages = |limit: u32| {
            let (mut request, mut seen) = (PageRequest::first(limit), Vec::new());
            loop {
                let page = page_of((0..7).collect(), u32::to_string, &request).unwrap();
                seen.push(page.items);
                request.after = page.next;
                if request.after.is_none() {
                    return seen;
                }
            }
        };
        assert_eq!(pages(3), [vec![0, 1, 2], vec![3, 4, 5], vec![6]]);
        assert_eq!(pages(7).len(), 1);
        assert_eq!(pages(0).concat().len(), 7);
        let foreign = PageRequest { limit: 3, after: Some("8".to_owned()) };
        assert!(matches!(page_of(vec![1], i32::to_string, &foreign), Err(ControlError::Invalid(_))));
    }
}
