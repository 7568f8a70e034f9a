//! The adviser: which keys are wider than their use, what they could be narrowed to, and doing so.

mod adviser;
mod places;
#[cfg(test)]
mod property;
mod take;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;

use portcullis_access::{Oneself, Proof, SiteAdmin};
use portcullis_domain::{Key, KeyId, UserId};
use portcullis_metadata::{KeyFilter, Page, PageRequest, UseSeen};

use crate::{Control, Result};

pub use adviser::{Observed, advise};
pub use take::TakenAdvice;
pub use words::{
    Advice, AdviceWhat, AdviceWindow, Advised, Confidence, Refusable, Withheld, WithheldBecause, WouldRefuse,
};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;
/// The same, for days as the database counts them.
const DAYS: i64 = 24 * 60 * 60;
/// Keys that are looked at together.
const TOGETHER: u32 = 100;
/// Keys that are looked at for one page; where few have advice, a page may have few of them.
const LOOKED_AT: usize = 1_000;

/// A key and what there is to say of it.
#[derive(Clone, Debug)]
pub struct KeyAdvice {
    /// The key.
    pub key: Key,
    /// What there is to say.
    pub advised: Advised,
    /// How far back its use was looked at.
    pub window: AdviceWindow,
}

impl Control {
    /// The keys of the site that could be narrower, the oldest first. A page may hold fewer than asked for, or none, and still have a
    /// next one: keys without advice are passed over.
    ///
    /// # Errors
    /// [`ControlError::Invalid`](crate::ControlError::Invalid) for a cursor that no list gave;
    /// [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn advice(
        &self,
        admin: &SiteAdmin,
        window: AdviceWindow,
        page: &PageRequest,
    ) -> Result<Page<KeyAdvice>> {
        self.access.written(admin).await;
        let limit = usize::try_from(page.limit.clamp(1, PageRequest::MAX)).unwrap_or(1);
        let filter = KeyFilter::of(admin.site());
        let mut request = PageRequest { limit: TOGETHER, after: page.after.clone() };
        let (mut items, mut looked_at) = (Vec::new(), 0);
        loop {
            let keys = self.metadata.keys(&filter, &request).await?;
            let last = keys.items.last().map(|key| key.id);
            for advised in self.advise_on(keys.items, window).await? {
                looked_at += 1;
                let id = advised.key.id;
                if !advised.advised.advice.is_empty() {
                    items.push(advised);
                }
                let is_full = items.len() >= limit || looked_at >= LOOKED_AT;
                if is_full && (keys.next.is_some() || last != Some(id)) {
                    return Ok(Page { items, next: Some(id.to_string()) });
                }
            }
            match keys.next {
                Some(next) => request.after = Some(next),
                None => return Ok(Page { items, next: None }),
            }
        }
    }

    /// What there is to say of one key of the site.
    ///
    /// # Errors
    /// [`ControlError::NotFound`](crate::ControlError::NotFound), [`ControlError::Metadata`](crate::ControlError::Metadata).
    pub async fn key_advice(&self, admin: &SiteAdmin, id: KeyId, window: AdviceWindow) -> Result<KeyAdvice> {
        self.advise_about(admin, None, id, window).await
    }

    /// What there is to say of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Control::key_advice`]; [`ControlError::NotFound`](crate::ControlError::NotFound) for the key of somebody else, too.
    pub async fn own_key_advice(&self, me: &Oneself, id: KeyId, window: AdviceWindow) -> Result<KeyAdvice> {
        self.advise_about(me, Some(me.user()), id, window).await
    }

    async fn advise_about(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        window: AdviceWindow,
    ) -> Result<KeyAdvice> {
        let key = self.find_key(proof, only, id).await?;
        self.access.written(proof).await;
        let advised = self.advise_on(vec![key], window).await?.pop();
        advised.ok_or(crate::ControlError::NotFound)
    }

    /// What there is to say of each of these keys, in their order.
    async fn advise_on(&self, keys: Vec<Key>, window: AdviceWindow) -> Result<Vec<KeyAdvice>> {
        let now = self.access.now();
        let ids: Vec<KeyId> = keys.iter().map(|key| key.id).collect();
        let seen = self.metadata.use_seen(&ids, now.before(window.span())).await?;
        let counted_since = self.metadata.activity_begins().await?;
        let uses = self.metadata.last_use(&ids).await?;
        let uses: HashMap<KeyId, _> = uses.into_iter().map(|used| (used.key, used.at)).collect();
        let nothing = UseSeen::default();
        let about = |key: Key| {
            let seen = seen.get(&key.id).unwrap_or(&nothing);
            let last_used = uses.get(&key.id).copied();
            let advised = advise(&Observed { key: &key, seen, last_used, counted_since, window, now });
            KeyAdvice { key, advised, window }
        };
        Ok(keys.into_iter().map(about).collect())
    }
}
