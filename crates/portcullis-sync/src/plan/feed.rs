//! What both sides had agreed on, as a stream of pages.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::{BasePages, PlanFault};
use crate::listing::{Cuts, Pages};
use crate::{Agreed, StoreError, StoreFault, decode};

/// Pages that are ahead: enough for the ranges that the cuts make.
const AHEAD: usize = 160;

/// Reads what was agreed on, and says where the listings can be cut.
pub(super) fn read_base(tasks: &mut JoinSet<()>, base: Arc<dyn BasePages>, mut cuts: Cuts) -> Pages<Agreed> {
    let (out, pages) = mpsc::channel(AHEAD);
    tasks.spawn(async move {
        let mut last = None;
        for no in 0.. {
            let page = match read_page(&*base, no, &mut last).await {
                Ok(None) => return,
                Ok(Some(page)) => Ok(page),
                Err(error) => Err(PlanFault::Base(error)),
            };
            for agreed in page.iter().flatten() {
                cuts.pass(&agreed.key);
            }
            let ends = page.is_err();
            if out.send(page).await.is_err() || ends {
                return;
            }
        }
    });
    pages
}

async fn read_page(
    base: &dyn BasePages,
    no: u64,
    last: &mut Option<portcullis_domain::ObjectKey>,
) -> Result<Option<Vec<Agreed>>, StoreError> {
    let Some(bytes) = base.page(no).await? else { return Ok(None) };
    let page: Vec<Agreed> = decode(&bytes)?;
    for agreed in &page {
        if last.as_ref().is_some_and(|last| *last >= agreed.key) {
            return Err(StoreError::new(StoreFault::Corrupt, "read what was agreed on"));
        }
        *last = Some(agreed.key.clone());
    }
    Ok(Some(page))
}
