//! The audit trail, sent on to places outside. The trail in the database is the queue, on disk and in order: of each place it is known
//! up to which entry it has everything.

mod keep;
mod status;

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_domain::trail::ChainedEvent;
use portcullis_domain::{Site, SiteId};

use crate::{Control, Result};

pub use status::{SinkState, SinkStatus};

/// A way to send entries to one place.
#[async_trait]
pub trait AuditSink: Debug + Send + Sync + 'static {
    /// What kind of place it is, in a word.
    fn kind(&self) -> &'static str;

    /// Where it is, without anything secret.
    fn target(&self) -> String;

    /// Sends the first of these entries, as many as go at once, and says how many are there. Each comes with its number among those of
    /// all sites. It returns within a quarter of a minute.
    ///
    /// # Errors
    /// Why nobody knows whether any is there, in words without secrets.
    async fn send(&self, entries: &[(i64, ChainedEvent)]) -> Result<usize, String>;
}

/// A place to which the trail is sent on.
#[derive(Clone, Debug)]
pub struct SinkSetting {
    /// What the operator calls it; where it stands is kept under this name.
    pub name: String,
    /// The sites whose entries it gets, by id or by name; all entries if there are none.
    pub sites: Vec<String>,
    /// How entries get there.
    pub sink: Arc<dyn AuditSink>,
}

/// The places that the operator configured.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sinks {
    pub(crate) all: Arc<[SinkSetting]>,
    /// Who this process is where only one of several may send.
    pub(crate) holder: Arc<str>,
}

impl SinkSetting {
    /// The sites whose entries it gets; none for all. Or what is wrong with a name.
    fn sites_among(&self, sites: &[Site]) -> Result<Option<Vec<SiteId>>, String> {
        if self.sites.is_empty() {
            return Ok(None);
        }
        let mut found = Vec::new();
        for wanted in &self.sites {
            let fits = |site: &&Site| site.id.to_string() == *wanted || site.name.as_str() == wanted;
            let mut fitting = sites.iter().filter(fits);
            match (fitting.next(), fitting.next()) {
                (Some(site), None) => found.push(site.id),
                (Some(_), Some(_)) => {
                    return Err(format!("several sites are called \"{wanted}\"; give the id"));
                }
                (None, _) => return Err(format!("there is no site \"{wanted}\"")),
            }
        }
        Ok(Some(found))
    }
}

impl Control {
    /// The same, sending its audit trail on to these places. `holder` tells this process from others on the same database, and should
    /// be the same after a restart: then it goes on at once.
    #[must_use]
    pub fn with_sinks(self, sinks: Vec<SinkSetting>, holder: &str) -> Self {
        Self { sinks: Sinks { all: sinks.into(), holder: holder.into() }, ..self }
    }
}
