//! Carrying a plan out.
//!
//! In three phases: first what only adds (and what only is remembered), then what replaces, deletions last. One key is
//! one step; steps of different keys go side by side. A step keeps what it will replace, has that written down, acts under the condition
//! that the key is still as it was planned on, looks at what came of it, and has that written down. So it can be begun again after a
//! crash at any moment: what is already as wanted is done, what is still as before is done now, and everything else was changed by
//! somebody and is left to the next plan.

mod back;
mod both;
mod commit;
mod compare;
mod context;
mod delete;
mod drive;
mod keep;
mod meter;
mod pace;
mod parts;
mod progress;
mod purge;
mod terms;
mod transfer;
mod work;
mod write;

use std::sync::Arc;

use futures_util::future::try_join;
use tokio::sync::watch;

use commit::Commits;
use context::Context;
use drive::{Feed, drive};

pub use progress::{Phase, RunProgress, Snapshot};
pub use purge::{RESERVED, kept_key, purge};
pub use terms::{ActionPages, AsPlanned, Choose, Pace, RunEnd, RunTerms, Transfer, Wish};

use crate::{Journal, Sides, Store, StoreError};

/// Carries a plan out, or goes on with it: what the journal says is done is not done again.
///
/// `Agree`, `Forget` and `Leave` need no step and have none in the journal.
///
/// # Errors
/// [`StoreFault::Stopped`](crate::StoreFault::Stopped) if the run belongs to another process now or its rights are gone,
/// [`StoreFault::Refused`](crate::StoreFault::Refused) if a side refuses it, [`StoreFault::Unavailable`](crate::StoreFault::Unavailable) if a
/// side or the journal does not answer for long: it can go on later, with the same journal. Anything else is the journal's.
pub async fn run(
    stores: &Sides<Arc<dyn Store>>,
    actions: &dyn ActionPages,
    journal: &dyn Journal,
    terms: &RunTerms,
    wish: watch::Receiver<Wish>,
    progress: &RunProgress,
) -> Result<RunEnd, StoreError> {
    let commits = Commits::new(journal, progress);
    let cx = Context::new(stores, terms, &commits, wish, progress.bytes());
    let feed = Feed::new(actions, journal, terms, progress);
    let work = async {
        let end = drive(&cx, &feed).await;
        commits.close();
        Ok(end)
    };
    // What ended is written down also if the run cannot go on; if the journal does not take it, that is what is told.
    let (end, ()) = try_join(work, commits.pump()).await?;
    Ok(match end? {
        Wish::Pause => RunEnd::Paused,
        Wish::Cancel => RunEnd::Cancelled,
        Wish::Go => match progress.undone() {
            (0, 0) => RunEnd::Done,
            (changed, failed) => RunEnd::Partial { changed, failed },
        },
    })
}
