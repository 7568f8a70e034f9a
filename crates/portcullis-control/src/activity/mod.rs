//! How much keys were used and refused, over time and by whom.

use portcullis_access::SiteAdmin;
use portcullis_domain::{KeyId, StorageId, Timestamp};
use portcullis_metadata::{UsageBy, UsageFilter, UsagePoint, UsageStep, UsageSum};

use crate::{Control, ControlError, FieldProblem, Result};

/// The longest time of which use is shown by the hour, in hours: a month.
const HOURS: i64 = 31 * 24;
/// The longest time of which use is shown, in days; less is kept.
const DAYS: i64 = 400;
const HOUR: i64 = 60 * 60;

/// Whose use is asked for, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// From this moment; 30 days before the end if left out.
    pub from: Option<Timestamp>,
    /// Before this moment; now if left out.
    pub until: Option<Timestamp>,
    /// That of this key.
    pub key: Option<KeyId>,
    /// That at this storage.
    pub storage: Option<StorageId>,
    /// That from this address, or network as it was put together.
    pub network: Option<String>,
    /// That of keys with this text in their name or access key.
    pub search: Option<String>,
}

/// Use over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageOverTime {
    /// From when: the beginning of an hour, or of a day in UTC.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What one point stands for.
    pub step: UsageStep,
    /// The points, the oldest first, also those at which there was nothing.
    pub points: Vec<UsagePoint>,
    /// All of them together.
    pub total: UsageSum,
}

/// A key, storage, network or program with its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageShare {
    /// The id of a key or a storage, an address or network, or the name of a program; empty for no storage.
    pub id: String,
    /// What people call it; none for what has no name, or is gone.
    pub name: Option<String>,
    /// How much there was.
    pub sum: UsageSum,
    /// When the last.
    pub last: Timestamp,
}

impl Control {
    /// Use of the site over time. By the hour, for at most 31 days, or by the day; by the hour for up to three days if no step is asked
    /// for.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a time that ends before it begins or is too long, [`ControlError::Metadata`].
    pub async fn usage_over_time(
        &self,
        admin: &SiteAdmin,
        query: &UsageQuery,
        step: Option<UsageStep>,
    ) -> Result<UsageOverTime> {
        let mut filter = self.usage_filter(admin, query)?;
        let hours = filter.until.seconds().saturating_sub(filter.from.seconds()) / HOUR;
        let step = step.unwrap_or(if hours <= 72 { UsageStep::Hour } else { UsageStep::Day });
        if step == UsageStep::Hour && hours > HOURS {
            return Err(ControlError::invalid("step", "by the hour at most 31 days are shown; use day"));
        }
        // Whole steps, so that the first is not lower than the others for no reason.
        let length = step.hours() * HOUR;
        filter.from = Timestamp::from_seconds(filter.from.seconds().div_euclid(length) * length);
        self.access.written(admin).await;
        let found = self.metadata.usage_over_time(&filter, step).await?;
        let mut found = found.into_iter().peekable();
        let (mut points, mut total) = (Vec::new(), UsageSum::default());
        let mut start = filter.from;
        while start < filter.until {
            let point = found.next_if(|point| point.start <= start);
            let point = point.unwrap_or(UsagePoint { start, sum: UsageSum::default() });
            total.requests = total.requests.saturating_add(point.sum.requests);
            total.bytes = total.bytes.saturating_add(point.sum.bytes);
            total.refused = total.refused.saturating_add(point.sum.refused);
            points.push(point);
            start = Timestamp::from_seconds(start.seconds().saturating_add(length));
        }
        Ok(UsageOverTime { from: filter.from, until: filter.until, step, points, total })
    }

    /// Who or what had the most requests in the site, refused ones counted too, the most first; at most `limit` (1 to 100).
    ///
    /// # Errors
    /// As [`Control::usage_over_time`].
    pub async fn usage_by(
        &self,
        admin: &SiteAdmin,
        query: &UsageQuery,
        by: UsageBy,
        limit: u32,
    ) -> Result<Vec<UsageShare>> {
        let filter = self.usage_filter(admin, query)?;
        self.access.written(admin).await;
        let found = self.metadata.usage_top(&filter, by, limit.clamp(1, 100)).await?;
        let mut shares = Vec::with_capacity(found.len());
        for top in found {
            let name = self.name_of(by, &top.of).await?;
            shares.push(UsageShare { id: top.of, name, sum: top.sum, last: top.last });
        }
        Ok(shares)
    }

    async fn name_of(&self, by: UsageBy, id: &str) -> Result<Option<String>> {
        Ok(match by {
            UsageBy::Key => match id.parse() {
                Ok(id) => self.metadata.key(id).await?.map(|key| key.name.to_string()),
                Err(_) => None,
            },
            UsageBy::Storage => match id.parse() {
                Ok(id) => self.metadata.storage(id).await?.map(|storage| storage.name.to_string()),
                Err(_) => None,
            },
            UsageBy::Network | UsageBy::Tool => None,
        })
    }

    fn usage_filter(&self, admin: &SiteAdmin, query: &UsageQuery) -> Result<UsageFilter> {
        let UsageQuery { from, until, key, storage, network, search } = query.clone();
        let until = until.unwrap_or_else(|| self.access.now());
        let month = Timestamp::from_seconds(until.seconds().saturating_sub(30 * 24 * HOUR));
        let from = from.unwrap_or(month);
        let mut problems = Vec::new();
        if from >= until {
            problems.push(FieldProblem::new("from", "has to be before the end"));
        }
        if until.seconds().saturating_sub(from.seconds()) > DAYS * 24 * HOUR {
            problems.push(FieldProblem::new("from", "at most 400 days are shown at once"));
        }
        if !problems.is_empty() {
            return Err(ControlError::Invalid(problems));
        }
        Ok(UsageFilter { site: admin.site(), from, until, key, storage, network, search })
    }
}
