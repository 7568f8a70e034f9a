//! The hint that something changed.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::error::Fault;

/// The notification channel; one per database.
pub(crate) const CHANNEL: &str = "portcullis";

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Moves the hint forward, never back.
pub(crate) fn raise(hint: &watch::Sender<i64>, seq: i64) {
    hint.send_if_modified(|known| {
        let newer = seq > *known;
        if newer {
            *known = seq;
        }
        newer
    });
}

/// Hears of the commits of other nodes until it is told to stop; connects again whenever the connection is lost.
pub(crate) async fn follow(pool: PgPool, hint: watch::Sender<i64>, stop: CancellationToken) {
    let mut pause = FIRST_PAUSE;
    loop {
        let heard = stop.run_until_cancelled(hear(&pool, &hint, &mut pause)).await;
        let Some(fault) = heard else { return };
        tracing::warn!(error = ?fault, "no notifications from the database; trying again");
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection fails.
async fn hear(pool: &PgPool, hint: &watch::Sender<i64>, pause: &mut Duration) -> Fault {
    match try_hear(pool, hint, pause).await {
        Ok(never) => match never {},
        Err(fault) => fault,
    }
}

async fn try_hear(
    pool: &PgPool,
    hint: &watch::Sender<i64>,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, Fault> {
    // A connection of its own: the verbs' pool stays whole and closes without waiting for this one.
    let own = PgPoolOptions::new()
        .max_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_with(pool.connect_options().as_ref().clone())
        .await?;
    let mut listener = PgListener::connect_with(&own).await?;
    listener.listen(CHANNEL).await?;
    loop {
        // What was committed while nobody listened.
        let seq = sqlx::query_scalar("SELECT seq FROM change_clock WHERE one = 1").fetch_one(pool).await?;
        raise(hint, seq);
        *pause = FIRST_PAUSE;
        while let Some(notification) = listener.try_recv().await? {
            if let Ok(seq) = notification.payload().parse() {
                raise(hint, seq);
            }
        }
    }
}
