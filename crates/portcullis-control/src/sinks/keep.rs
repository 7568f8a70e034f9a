//! The work in the background: one task for each place.

use std::time::Duration;

use portcullis_access::System;
use portcullis_domain::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::SinkSetting;
use crate::{Control, Result};

/// How often it is looked for new entries.
const EVERY: Duration = Duration::from_secs(1);
/// Entries that are read at once.
const BATCH: u32 = 200;
/// For how long one process has a place to itself without saying so again: longer than a batch takes.
const HELD: Duration = Duration::from_secs(30);
/// The longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What became of a look at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    /// There may be more.
    More,
    /// It has everything, or another process looks after it.
    Rest,
    /// It takes nothing; in words.
    Failed(String),
}

impl Control {
    /// The background work: sends the audit trail on to every place that was configured, each at its own pace. Returns after `stop`.
    pub async fn keep_sinks(&self, system: &System, stop: CancellationToken) {
        let all = self.sinks.all.iter().map(|sink| self.keep_sink(system, sink, &stop));
        futures_util::future::join_all(all).await;
    }

    async fn keep_sink(&self, system: &System, sink: &SinkSetting, stop: &CancellationToken) {
        let mut failures = 0u32;
        loop {
            let round = tokio::select! {
                () = stop.cancelled() => return,
                round = self.send_on(system, sink) => round,
            };
            let problem = match round {
                Ok(Round::More) => continue,
                Ok(Round::Rest) => None,
                Ok(Round::Failed(problem)) => Some(problem),
                Err(error) => Some(error.to_string()),
            };
            note(&sink.name, problem.as_deref(), failures);
            failures = if problem.is_some() { failures.saturating_add(1) } else { 0 };
            let pause = if failures == 0 { EVERY } else { pause_after(failures) };
            tokio::select! { () = stop.cancelled() => return, () = sleep(pause) => {} }
        }
    }

    /// One round of [`Control::keep_sinks`]: sends on what there is, and says whether every place takes it.
    ///
    /// # Errors
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn send_trail_on(&self, system: &System) -> Result<bool> {
        let mut all_take = true;
        for sink in self.sinks.all.iter() {
            all_take &= loop {
                match self.send_on(system, sink).await? {
                    Round::More => {}
                    Round::Rest => break true,
                    Round::Failed(_) => break false,
                }
            };
        }
        Ok(all_take)
    }

    /// One look at a place.
    pub(crate) async fn send_on(&self, _system: &System, sink: &SinkSetting) -> Result<Round> {
        let (name, holder, now) = (sink.name.as_str(), &*self.sinks.holder, self.access.now());
        self.metadata.begin_sink(name).await?;
        let held = self.metadata.hold_sink(name, holder, now, now.after(HELD)).await?;
        let Some(sent) = held else { return Ok(Round::Rest) };
        let sites = match sink.sites_among(&self.metadata.sites().await?) {
            Ok(sites) => sites,
            Err(problem) => return self.sink_fails(name, now, problem).await,
        };
        let batch = self.metadata.sink_batch(sent, sites.as_deref(), BATCH).await?;
        if batch.entries.is_empty() {
            if batch.reached > sent {
                self.metadata.sink_has(name, holder, batch.reached).await?;
            }
            return Ok(Round::Rest);
        }
        let taken = match sink.sink.send(&batch.entries).await {
            Ok(taken) => taken,
            Err(problem) => return self.sink_fails(name, now, problem).await,
        };
        let reached = if taken >= batch.entries.len() {
            batch.reached
        } else {
            batch.entries.get(taken.saturating_sub(1)).map_or(sent, |(number, _)| *number)
        };
        let still_ours = self.metadata.sink_has(name, holder, reached).await?;
        let all = taken >= batch.entries.len()
            && batch.entries.len() < usize::try_from(BATCH).unwrap_or(usize::MAX);
        Ok(if all || !still_ours { Round::Rest } else { Round::More })
    }

    async fn sink_fails(&self, name: &str, now: Timestamp, problem: String) -> Result<Round> {
        self.metadata.sink_failed(name, now, &problem).await?;
        Ok(Round::Failed(problem))
    }
}

/// Says in the log when a place begins to fail and when it is well again, not how often.
fn note(sink: &str, problem: Option<&str>, failures: u32) {
    match (problem, failures) {
        (Some(problem), 0) => tracing::error!(sink, problem, "the audit trail cannot be sent on; it waits"),
        (None, 1..) => tracing::info!(sink, "the audit trail is sent on again"),
        (Some(_), 1..) | (None, 0) => {}
    }
}

/// Longer with every failure in a row, and never the same on several nodes: between one half of it and all of it.
fn pause_after(failures: u32) -> Duration {
    let full = EVERY.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(LONGEST_PAUSE);
    let mut random = [0u8; 1];
    // Without random numbers it is the longer pause.
    let share = if getrandom::fill(&mut random).is_ok() { u32::from(random[0]) } else { 255 };
    full / 2 + (full / 2) * share / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute() {
        for (failures, longest) in [(1, 1), (2, 2), (4, 8), (7, 60), (u32::MAX, 60)] {
            let longest = Duration::from_secs(longest);
            let pause = pause_after(failures);
            assert!(pause <= longest && pause >= longest / 2, "{failures}: {pause:?}");
        }
    }
}
