//! Attempts that are alike, in words and as a little chart.

use portcullis_control::{AttemptKey, AttemptProof, AttemptReason, Attempts, KeyStatus, explanation};
use portcullis_domain::Timestamp;

use super::super::words;
use super::super::{fields, format};

/// The height of the chart, in its own units; each day is three of them wide, with a gap.
const HEIGHT: u64 = 16;
const WIDTH: u64 = 3;

/// One day of the chart.
#[derive(Debug)]
pub(in super::super) struct Day {
    pub(in super::super) x: u64,
    pub(in super::super) y: u64,
    pub(in super::super) height: u64,
}

/// Attempts that are alike.
#[derive(Debug)]
pub(in super::super) struct Row {
    pub(in super::super) name: String,
    /// The page of the key; none for a deleted one.
    pub(in super::super) path: Option<String>,
    /// Whose it is, and since when it is not.
    pub(in super::super) of: String,
    pub(in super::super) access_key: String,
    /// The class of the chip.
    pub(in super::super) class: &'static str,
    pub(in super::super) reason: &'static str,
    /// The reason as a sentence.
    pub(in super::super) detail: String,
    pub(in super::super) proof: &'static str,
    pub(in super::super) network: String,
    pub(in super::super) tool: String,
    pub(in super::super) last: Timestamp,
    pub(in super::super) first: Timestamp,
    pub(in super::super) last_day: u64,
    pub(in super::super) last_week: u64,
    pub(in super::super) last_month: u64,
    pub(in super::super) days: Vec<Day>,
    /// What the chart says.
    pub(in super::super) chart: String,
    /// The address that leads to the explanation of the latest; none for who may not look at it.
    pub(in super::super) latest: Option<String>,
}

impl Row {
    pub(in super::super) fn of(attempts: &Attempts, may_look: bool) -> Self {
        let Attempts { key, word, reason, network, tool, .. } = attempts;
        let busiest = attempts.days.iter().copied().max().unwrap_or(0);
        let chart = words::fill(
            "knocks.chart",
            &[&words::thousands(attempts.last_month), &words::thousands(busiest)],
        );
        let latest = || {
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.append_pair("key", &key.id.to_string());
            query.append_pair("word", word);
            query.append_pair("network", network);
            format!("/knocks/latest?{}", query.finish())
        };
        Self {
            name: key.name.to_string(),
            path: page_of(key),
            of: of(key),
            access_key: key.credential.to_string(),
            class: class(*reason),
            reason: name(*reason),
            detail: fields::sentence(explanation(word).unwrap_or(word)),
            proof: proof(*reason),
            network: network.clone(),
            tool: tool.clone(),
            last: attempts.last,
            first: attempts.first,
            last_day: attempts.last_day,
            last_week: attempts.last_week,
            last_month: attempts.last_month,
            days: days(&attempts.days, busiest),
            chart,
            latest: may_look.then(latest),
        }
    }
}

fn page_of(key: &AttemptKey) -> Option<String> {
    key.status?;
    Some(match &key.storage {
        Some((storage, ..)) => format!("/connections/{storage}/keys/{}", key.id),
        None => format!("/api-keys/{}", key.id),
    })
}

/// Whose a key is, and that it was deleted.
fn of(key: &AttemptKey) -> String {
    let whose = match (&key.storage, &key.owner) {
        (Some((_, name, true)), _) => name.to_string(),
        (Some((_, name, false)), _) => words::fill("knocks.storage.deleted", &[name]),
        (None, Some(owner)) => owner.clone(),
        (None, None) => words::text("api_keys.of_site").to_owned(),
    };
    match (key.status, key.deleted) {
        (None, Some(at)) => words::fill("knocks.deleted", &[&whose, &format::moment(at)]),
        (None, None) => words::fill("knocks.gone", &[&whose]),
        (Some(KeyStatus::Active | KeyStatus::Expired | KeyStatus::Disabled), _) => whose,
    }
}

/// The name of a reason.
pub(super) fn name(reason: AttemptReason) -> &'static str {
    match reason {
        AttemptReason::OldSecret => words::text("knocks.reason.old_secret"),
        AttemptReason::Dead => words::text("knocks.reason.dead"),
        AttemptReason::Expired => words::text("knocks.reason.expired"),
        AttemptReason::Disabled => words::text("knocks.reason.disabled"),
        AttemptReason::Network => words::text("knocks.reason.network"),
        AttemptReason::Closed => words::text("knocks.reason.closed"),
        AttemptReason::WrongSecret => words::text("knocks.reason.wrong_secret"),
    }
}

/// Who has a true secret is somebody to talk to; who has none may be anybody.
const fn class(reason: AttemptReason) -> &'static str {
    match reason.proof() {
        AttemptProof::OldSecret => "bad",
        AttemptProof::Secret => "warn",
        AttemptProof::None => "",
    }
}

fn proof(reason: AttemptReason) -> &'static str {
    match reason.proof() {
        AttemptProof::OldSecret => words::text("knocks.proof.old_secret"),
        AttemptProof::Secret => words::text("knocks.proof.secret"),
        AttemptProof::None => words::text("knocks.proof.none"),
    }
}

/// The bars of the days on which there was anything; one attempt is seen beside a thousand.
fn days(counts: &[u64], busiest: u64) -> Vec<Day> {
    let bar = |(at, count): (usize, &u64)| {
        let height = (u128::from(*count) * u128::from(HEIGHT)).div_ceil(u128::from(busiest.max(1)));
        let height = u64::try_from(height).unwrap_or(HEIGHT).min(HEIGHT);
        (height > 0).then(|| Day { x: u64::try_from(at).unwrap_or(0) * WIDTH, y: HEIGHT - height, height })
    };
    counts.iter().enumerate().filter_map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars() {
        let shown = |counts: &[u64]| {
            let busiest = counts.iter().copied().max().unwrap_or(0);
            days(counts, busiest).iter().map(|day| (day.x, day.y, day.height)).collect::<Vec<_>>()
        };
        assert_eq!(shown(&[0, 1, 1_000]), [(3, 15, 1), (6, 0, 16)]);
        assert_eq!(shown(&[4, 2]), [(0, 0, 16), (3, 8, 8)]);
        assert!(shown(&[0, 0]).is_empty() && shown(&[]).is_empty());
        assert_eq!(shown(&[u64::MAX]), [(0, 0, 16)]);
    }
}
