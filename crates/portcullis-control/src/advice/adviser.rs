//! From what a key did to what it could be narrowed to. Pure: the clock, the key and what was seen are arguments.
//!
//! What is concluded holds for every request that was seen: where counters were put together, or some may be missing, nothing is
//! concluded. Use that the key's present settings refuse anyway does not count.

use portcullis_domain::{Action, Key, KeyPrefix, KeyState, Network, Permission, Scope, Timestamp};
use portcullis_metadata::{Breadth, DeedSeen, FolderSeen, UseSeen};

use super::places::{NoNetwork, common, may_come_from, narrower, overlap, smallest};
use super::words::{
    Advice, AdviceWhat, AdviceWindow, Advised, Confidence, Refusable, Withheld, WithheldBecause, WouldRefuse,
};
use super::{DAY, DAYS};

/// Fewer days than this say nothing.
const LEAST_DAYS: u64 = 3;
/// The examples of what would have been refused.
const EXAMPLES: usize = 10;

/// What there is to know of a key.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The key.
    pub key: &'a Key,
    /// What it was used for.
    pub seen: &'a UseSeen,
    /// When it was last used, however long ago; none if never.
    pub last_used: Option<Timestamp>,
    /// Since when use is counted; none if nothing was counted yet.
    pub counted_since: Option<Timestamp>,
    /// How far back to look.
    pub window: AdviceWindow,
    /// The present moment.
    pub now: Timestamp,
}

/// A deed that the key's present settings allow.
struct Deed<'a> {
    action: Action,
    network: Network,
    seen: &'a DeedSeen,
}

/// What an [`Observed`] comes to.
struct Findings<'a> {
    observed: Observed<'a>,
    since: Timestamp,
    deeds: Vec<Deed<'a>>,
    folders: Vec<&'a FolderSeen>,
    /// Whether every row is there and was understood.
    is_whole: bool,
}

/// What there is to say of a key. One that is switched off, deleted or expired is as narrow as can be.
#[must_use]
pub fn advise(observed: &Observed<'_>) -> Advised {
    let Observed { key, now, .. } = observed;
    let is_over = key.expires.is_some_and(|end| end <= *now);
    if key.permission == Permission::None || key.state == KeyState::Deleted || is_over {
        return Advised::default();
    }
    let found = Findings::of(*observed);
    if observed.seen.deeds.iter().all(|deed| deed.recent == 0) {
        return Advised { advice: found.unused().into_iter().collect(), withheld: Vec::new() };
    }
    let mut advised = Advised::default();
    for what in [AdviceWhat::Permission, AdviceWhat::Networks, AdviceWhat::Prefix] {
        match found.about(what) {
            Ok(advice) => advised.advice.extend(advice),
            Err(because) => advised.withheld.push(Withheld { what, because }),
        }
    }
    advised
}

impl<'a> Findings<'a> {
    fn of(observed: Observed<'a>) -> Self {
        let Observed { key, seen, .. } = observed;
        let mut is_whole = !seen.is_clipped;
        let mut deeds = Vec::with_capacity(seen.deeds.len());
        for seen in &seen.deeds {
            let (Ok(action), Ok(network)) = (seen.what.parse::<Action>(), Network::parse(&seen.network))
            else {
                is_whole = false;
                continue;
            };
            if key.permission.permits(action) && may_come_from(&key.networks, &network) {
                deeds.push(Deed { action, network, seen });
            }
        }
        let reached = |folder: &&FolderSeen| {
            folder.folder.starts_with(key.prefix.as_str()) || key.prefix.as_str().starts_with(&folder.folder)
        };
        let folders = seen.folders.iter().filter(reached).collect();
        let window = observed.now.before(observed.window.span());
        let counted = observed.counted_since.unwrap_or(observed.now);
        Self { observed, since: window.max(key.created).max(counted), deeds, folders, is_whole }
    }

    fn looked_at_days(&self) -> u64 {
        self.observed.now.since(self.since).as_secs() / DAY
    }

    fn recent(&self) -> impl Iterator<Item = &Deed<'a>> {
        self.deeds.iter().filter(|deed| deed.seen.recent > 0)
    }

    fn about(&self, what: AdviceWhat) -> Result<Option<Advice>, WithheldBecause> {
        let in_storage = matches!(self.observed.key.scope, Scope::Storage(_));
        match what {
            AdviceWhat::Disable => Ok(self.unused()),
            AdviceWhat::Prefix if !in_storage => Ok(None),
            _ if self.looked_at_days() < LEAST_DAYS => Err(WithheldBecause::TooNew),
            _ if !self.is_whole => Err(WithheldBecause::NotToldApart),
            AdviceWhat::Permission => self.permission(),
            AdviceWhat::Networks => self.networks(),
            AdviceWhat::Prefix => self.prefix(),
        }
    }

    fn unused(&self) -> Option<Advice> {
        let Observed { key, last_used, now, window, .. } = self.observed;
        let idle_since = last_used.unwrap_or(key.created).max(key.created);
        let days = now.since(idle_since).as_secs() / DAY;
        if days < u64::from(window.days()) {
            return None;
        }
        let confidence = match days {
            90.. => Confidence::High,
            60.. => Confidence::Medium,
            _ => Confidence::Low,
        };
        let after = Breadth { permission: Permission::None, ..Breadth::of(key) };
        let refused = refused_deeds(self.observed.seen.deeds.iter().map(|seen| (seen, false)));
        let advice = self.advice(AdviceWhat::Disable, after, refused);
        Some(Advice { confidence, since: idle_since, ..advice })
    }

    fn permission(&self) -> Result<Option<Advice>, WithheldBecause> {
        let key = self.observed.key;
        let is_enough = |permission: &Permission| self.recent().all(|deed| permission.permits(deed.action));
        let narrower = [Permission::Read, Permission::Write, Permission::ReadWrite]
            .into_iter()
            .filter(|permission| *permission != key.permission && permission.is_within(key.permission))
            .find(is_enough);
        let Some(permission) = narrower else {
            // What is narrow from the beginning needs no reason.
            let is_wide = matches!(key.permission, Permission::ReadWrite | Permission::Full);
            return if is_wide { Err(WithheldBecause::AllNeeded) } else { Ok(None) };
        };
        let refused = self.deeds.iter().filter(|deed| !permission.permits(deed.action));
        let refused = refused_deeds(refused.map(|deed| (deed.seen, false)));
        let after = Breadth { permission, ..Breadth::of(key) };
        Ok(Some(self.advice(AdviceWhat::Permission, after, refused)))
    }

    fn networks(&self) -> Result<Option<Advice>, WithheldBecause> {
        let key = self.observed.key;
        let seen: Vec<Network> = self.recent().map(|deed| deed.network).collect();
        let smallest = smallest(&seen).map_err(|none| match none {
            NoNetwork::Several => WithheldBecause::ManyNetworks,
            NoNetwork::NotToldApart => WithheldBecause::NotToldApart,
        })?;
        let Some(networks) = narrower(&key.networks, &smallest) else { return Ok(None) };
        let outside = |deed: &&Deed<'_>| !smallest.iter().any(|network| network.holds_all_of(&deed.network));
        let in_part = |network: &Network| smallest.iter().any(|small| overlap(small, network));
        let refused = self.deeds.iter().filter(outside);
        let refused = refused_deeds(refused.map(|deed| (deed.seen, in_part(&deed.network))));
        let after = Breadth { networks, ..Breadth::of(key) };
        Ok(Some(self.advice(AdviceWhat::Networks, after, refused)))
    }

    fn prefix(&self) -> Result<Option<Advice>, WithheldBecause> {
        let key = self.observed.key;
        let recent = || self.folders.iter().filter(|folder| folder.recent > 0);
        let places: u64 = recent().map(|folder| folder.recent).sum();
        let deeds: u64 =
            self.recent().filter(|deed| is_at_a_place(deed.action)).map(|deed| deed.seen.recent).sum();
        if deeds == 0 {
            return Ok(None);
        }
        if places < deeds {
            return Err(WithheldBecause::NotToldApart);
        }
        let folder = common(recent().map(|folder| folder.folder.as_str()));
        let present = key.prefix.as_str();
        if folder.len() <= present.len() || !folder.starts_with(present) {
            return if present.is_empty() { Err(WithheldBecause::ManyFolders) } else { Ok(None) };
        }
        let Ok(prefix) = KeyPrefix::parse(folder) else { return Ok(None) };
        let refused = self.folders.iter().filter(|seen| !seen.folder.starts_with(folder));
        let refused = refused.map(|seen| {
            let last = Timestamp::from_seconds(seen.last_day.saturating_mul(DAYS));
            let place = seen.folder.clone();
            let refusable = Refusable { what: None, place, requests: seen.requests, last };
            (refusable, folder.starts_with(&seen.folder))
        });
        let after = Breadth { prefix, ..Breadth::of(key) };
        Ok(Some(self.advice(AdviceWhat::Prefix, after, refused.collect())))
    }

    fn advice(&self, what: AdviceWhat, after: Breadth, refused: Vec<(Refusable, bool)>) -> Advice {
        let recent = |is_counted: fn(Action) -> bool| {
            self.recent().filter(|deed| is_counted(deed.action)).map(|deed| deed.seen.recent).sum()
        };
        let requests = match recent(|action| action != Action::Enter) {
            0 => recent(|_| true),
            deeds => deeds,
        };
        let days_used = self.observed.seen.days;
        let confidence = match (self.looked_at_days(), days_used) {
            (28.., 14..) => Confidence::High,
            (14.., 4..) => Confidence::Medium,
            (_, _) => Confidence::Low,
        };
        let would_refuse = would_refuse(refused);
        Advice { what, after, since: self.since, days_used, requests, confidence, would_refuse }
    }
}

/// Whether this is done to an object or to what is under a prefix.
const fn is_at_a_place(action: Action) -> bool {
    match action {
        Action::List | Action::Get | Action::Put | Action::Delete => true,
        Action::Enter | Action::Administer => false,
    }
}

/// What would have been refused. Asking whether a storage is there comes beside every deed: it counts where there was no other.
fn refused_deeds<'a>(refused: impl Iterator<Item = (&'a DeedSeen, bool)>) -> Vec<(Refusable, bool)> {
    let refused: Vec<_> = refused.collect();
    let asks = |seen: &DeedSeen| seen.what == Action::Enter.as_str();
    let is_beside =
        |seen: &DeedSeen| refused.iter().any(|(other, _)| !asks(other) && other.network == seen.network);
    let counted = refused.iter().filter(|(seen, _)| !asks(seen) || !is_beside(seen));
    let refusable = counted.map(|(seen, in_part)| {
        let DeedSeen { what, network, requests, last, .. } = *seen;
        let (what, place) = (Some(what.clone()), network.clone());
        (Refusable { what, place, requests: *requests, last: *last }, *in_part)
    });
    refusable.collect()
}

fn would_refuse(mut refused: Vec<(Refusable, bool)>) -> WouldRefuse {
    let requests = refused.iter().map(|(refusable, _)| refusable.requests).sum();
    let at_most = refused.iter().any(|(_, in_part)| *in_part);
    refused.sort_by(|(a, _), (b, _)| b.last.cmp(&a.last).then_with(|| a.place.cmp(&b.place)));
    refused.truncate(EXAMPLES);
    WouldRefuse { requests, at_most, examples: refused.into_iter().map(|(refusable, _)| refusable).collect() }
}
