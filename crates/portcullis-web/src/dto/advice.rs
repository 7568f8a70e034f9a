//! Advice on keys that are wider than their use.

use portcullis_control::{
    Advice, AdviceTaken, Breadth, Done, KeyAdvice, Refusable, TakenAdvice, Withheld, WouldRefuse,
};
use portcullis_domain::Key;
use serde::Serialize;
use utoipa::ToSchema;

use super::network::{NotedNetwork, noted};
use super::receipt::ReceiptDto;

/// How wide a key is.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyBreadth)]
pub(crate) struct BreadthOut {
    /// What it allows: `none`, `read`, `write`, `read_write` or `full`.
    permission: &'static str,
    /// From where it may be used; anywhere if empty.
    networks: Vec<NotedNetwork>,
    /// The only part of the storage that it reaches; empty for all of it.
    prefix: String,
}

impl From<&Breadth> for BreadthOut {
    fn from(breadth: &Breadth) -> Self {
        Self {
            permission: breadth.permission.as_str(),
            networks: noted(&breadth.networks),
            prefix: breadth.prefix.to_string(),
        }
    }
}

/// What a key could be narrowed to.
#[derive(Serialize, ToSchema)]
#[schema(as = Advice)]
pub(crate) struct AdviceOut {
    /// What of it: `permission`, `networks`, `prefix` or `disable`.
    #[schema(example = "networks")]
    what: &'static str,
    /// What was seen, in words.
    explanation: &'static str,
    /// How wide it is now.
    before: BreadthOut,
    /// How wide it would be.
    after: BreadthOut,
    /// Since when its use was looked at; of an unused key, since when it is not used.
    #[schema(format = DateTime)]
    since: String,
    /// On how many days since then it was used.
    days_used: u32,
    /// How many requests since then this rests on. All of them would still be admitted.
    requests: u64,
    /// How far that goes: `low`, `medium` or `high`.
    confidence: &'static str,
    /// What would have been refused in the 90 days that are kept.
    would_refuse: WouldRefuseOut,
}

/// What advice would have refused, had it been in force for the 90 days that are kept. All of it is from before the time that was
/// looked at.
#[derive(Serialize, ToSchema)]
#[schema(as = WouldRefuse)]
pub(crate) struct WouldRefuseOut {
    /// How many requests.
    requests: u64,
    /// Whether it may have been fewer, since some are counted together with others.
    at_most: bool,
    /// The latest of them, at most ten groups.
    examples: Vec<RefusableOut>,
}

/// Requests that advice would have refused.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusable)]
pub(crate) struct RefusableOut {
    /// What was done; null where only folders are counted.
    action: Option<String>,
    /// From which address or network, or in which folder.
    place: String,
    /// How many.
    requests: u64,
    /// When the last; to the day where only folders are counted.
    #[schema(format = DateTime)]
    last: String,
}

impl From<Refusable> for RefusableOut {
    fn from(refusable: Refusable) -> Self {
        let Refusable { what: action, place, requests, last } = refusable;
        Self { action, place, requests, last: last.to_string() }
    }
}

impl From<WouldRefuse> for WouldRefuseOut {
    fn from(refused: WouldRefuse) -> Self {
        let WouldRefuse { requests, at_most, examples } = refused;
        Self { requests, at_most, examples: examples.into_iter().map(RefusableOut::from).collect() }
    }
}

impl AdviceOut {
    fn of(key: &Key, advice: Advice) -> Self {
        Self {
            what: advice.what.as_str(),
            explanation: advice.explanation(),
            before: BreadthOut::from(&Breadth::of(key)),
            after: BreadthOut::from(&advice.after),
            since: advice.since.to_string(),
            days_used: advice.days_used,
            requests: advice.requests,
            confidence: advice.confidence.as_str(),
            would_refuse: advice.would_refuse.into(),
        }
    }
}

/// That there is no advice on something.
#[derive(Serialize, ToSchema)]
#[schema(as = WithheldAdvice)]
pub(crate) struct WithheldOut {
    /// On what: `permission`, `networks` or `prefix`.
    what: &'static str,
    /// Why not: `too_new`, `not_told_apart`, `many_networks`, `many_folders` or `all_needed`.
    reason: &'static str,
    /// The reason in words.
    explanation: &'static str,
}

impl From<Withheld> for WithheldOut {
    fn from(withheld: Withheld) -> Self {
        Self {
            what: withheld.what.as_str(),
            reason: withheld.because.as_str(),
            explanation: withheld.because.explanation(),
        }
    }
}

/// What there is to say of a key.
#[derive(Serialize, ToSchema)]
#[schema(as = KeyAdvice)]
pub(crate) struct KeyAdviceOut {
    /// The key's id.
    key: String,
    /// What a person called it.
    name: String,
    /// Its access key.
    access_key: String,
    /// How many days back its use was looked at: 30 or 90.
    window_days: u32,
    /// What it could be narrowed to. Each piece of advice holds by itself, and together with the others.
    advice: Vec<AdviceOut>,
    /// On what there is no advice, and why.
    withheld: Vec<WithheldOut>,
}

impl From<KeyAdvice> for KeyAdviceOut {
    fn from(found: KeyAdvice) -> Self {
        let KeyAdvice { key, advised, window } = found;
        Self {
            key: key.id.to_string(),
            name: key.name.to_string(),
            access_key: key.credential.to_string(),
            window_days: window.days(),
            advice: advised.advice.into_iter().map(|advice| AdviceOut::of(&key, advice)).collect(),
            withheld: advised.withheld.into_iter().map(WithheldOut::from).collect(),
        }
    }
}

/// Advice that was followed.
#[derive(Serialize, ToSchema)]
#[schema(as = TakenAdvice)]
pub(crate) struct TakenAdviceOut {
    /// Identifies it.
    id: String,
    /// The key's id.
    key: String,
    /// What a person called it; null if it was deleted since.
    name: Option<String>,
    /// What was advised: `permission`, `networks`, `prefix` or `disable`.
    what: String,
    /// How wide the key was.
    before: BreadthOut,
    /// How wide it was made.
    after: BreadthOut,
    /// Who followed it.
    actor: String,
    /// When.
    #[schema(format = DateTime)]
    taken_at: String,
    /// When it was taken back; null if it was not.
    #[schema(format = DateTime)]
    undone_at: Option<String>,
    /// Whether it can be taken back: it was not, and the key still is as it was made.
    can_be_undone: bool,
    /// What narrowing the key ended; null if it is only shown.
    receipt: Option<ReceiptDto>,
}

impl From<Done<TakenAdvice>> for TakenAdviceOut {
    fn from(done: Done<TakenAdvice>) -> Self {
        let receipt = Some(ReceiptDto::from(&done.receipt));
        Self { receipt, ..Self::from(done.value) }
    }
}

impl From<TakenAdvice> for TakenAdviceOut {
    fn from(found: TakenAdvice) -> Self {
        let can_be_undone = found.can_be_undone();
        let TakenAdvice { taken, key } = found;
        let AdviceTaken { id, key: of, what, before, after, actor, taken, undone, site: _ } = taken;
        Self {
            id: id.to_string(),
            key: of.to_string(),
            name: key.map(|key| key.name.to_string()),
            what,
            before: BreadthOut::from(&before),
            after: BreadthOut::from(&after),
            actor,
            taken_at: taken.to_string(),
            undone_at: undone.map(|at| at.to_string()),
            can_be_undone,
            receipt: None,
        }
    }
}
