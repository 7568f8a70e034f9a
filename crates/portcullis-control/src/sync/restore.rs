//! Taking back: a run, keys of it, or one thing that it kept. It is a plan too.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};

use portcullis_access::SiteAdmin;
use portcullis_domain::{KeptId, ObjectKey, StorageId, SyncRunId};
use portcullis_metadata::{KeptFilter, KeptRow, Page, PageRequest, SyncRunRow};
use portcullis_sync::{Mode, Policy, Side};

use super::check::Wanted;
use super::journal::{place_of, step_of};
use super::plans::NewPlan;
use super::runs::restorable;
use super::stored::{Asked, Undo, foreign};
use super::{Amount, JobSettings, KeptQuery, KeptSpace, KeptView, PlanView};
use crate::{Control, ControlError, Result};

/// The most keys that are named at once.
const MOST_KEYS: usize = 10_000;

impl Control {
    /// Asks for the plan that takes a run back: all of it, or these keys. What others changed since stays as it is, and what the plan
    /// replaces is kept too.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::Invalid`] naming `keys`; [`ControlError::NotNow`] if the run has not ended, or what
    /// it kept is gone; [`ControlError::Metadata`].
    pub async fn restore_sync_run(
        &self,
        admin: &SiteAdmin,
        run: SyncRunId,
        keys: Option<&[String]>,
    ) -> Result<PlanView> {
        let row = self.find_run(admin, run).await?;
        let keys = keys.map(|keys| check_keys(keys).map(|()| keys.to_vec())).transpose()?;
        self.ask_for_restore(admin, &row, Undo { keys, kept: None }).await
    }

    /// Asks for the plan that puts one thing back that a run kept.
    ///
    /// # Errors
    /// [`ControlError::NotFound`]; [`ControlError::NotNow`] as [`Self::restore_sync_run`]; [`ControlError::Metadata`].
    pub async fn restore_kept(&self, admin: &SiteAdmin, id: KeptId) -> Result<PlanView> {
        let kept = self.metadata.kept_file(admin.site(), id).await?.ok_or(ControlError::NotFound)?;
        let row = self.find_run(admin, kept.run).await?;
        let side = self.side_of(&kept).await?;
        self.ask_for_restore(admin, &row, Undo { keys: None, kept: Some((kept.seq, side)) }).await
    }

    /// On which side something is kept: both may be parts of one storage.
    async fn side_of(&self, kept: &KeptRow) -> Result<Side> {
        let rows = self.metadata.sync_steps(kept.run, kept.seq..=kept.seq).await?;
        let step = rows.first().map(step_of).transpose().map_err(super::actions::damaged)?;
        let place = place_of(&kept.place).ok_or_else(foreign)?;
        let found = step
            .into_iter()
            .flat_map(|step| step.kept)
            .find(|one| one.place == place && kept.key.ends_with(one.key.as_str()));
        found.map(|one| one.side).ok_or(ControlError::NotFound)
    }

    async fn ask_for_restore(&self, admin: &SiteAdmin, run: &SyncRunRow, undo: Undo) -> Result<PlanView> {
        if !run.state.has_ended() {
            return Err(ControlError::NotNow("the run has not ended; cancel it first, or wait".to_owned()));
        }
        if restorable(run, self.access.now()).is_none() {
            return Err(ControlError::NotNow(
                "what the run had kept is gone, so it can no longer be taken back".to_owned(),
            ));
        }
        let plan = self.find_plan(admin, run.plan).await?;
        let pair = self.pair_of(admin.site(), run.pair).await?;
        let settings = JobSettings { keep_days: plan.asked.settings.keep_days, ..JobSettings::default() };
        let (mode, policy): (Mode, Policy) = (plan.mode, plan.policy);
        let new = NewPlan {
            wanted: Wanted { mode, policy },
            asked: Asked { settings, undo: Some(undo) },
            restores: Some(run.id),
            action: "plan_sync_restore",
        };
        Box::pin(self.ask_for_plan(admin, &pair, new)).await
    }

    /// One page of what runs keep in the admin's site, the latest first.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for a cursor that no list gave, [`ControlError::Metadata`].
    pub async fn kept(
        &self,
        admin: &SiteAdmin,
        query: KeptQuery,
        page: &PageRequest,
    ) -> Result<Page<KeptView>> {
        let filter = KeptFilter {
            storage: query.storage,
            run: query.run,
            search: query.search,
            ..KeptFilter::of(admin.site())
        };
        let found = self.metadata.kept_files(&filter, page).await?;
        let mut names = HashMap::new();
        let mut items = Vec::with_capacity(found.items.len());
        for row in found.items {
            if let Entry::Vacant(place) = names.entry(row.storage) {
                place.insert(self.storage_called(row.storage).await?);
            }
            let storage_name = names.get(&row.storage).cloned().unwrap_or_default();
            items.push(view(row, storage_name));
        }
        Ok(Page { items, next: found.next })
    }

    /// How much is kept in the storages of the admin's site that keep anything, by name.
    ///
    /// # Errors
    /// [`ControlError::Metadata`].
    pub async fn kept_space(&self, admin: &SiteAdmin) -> Result<Vec<KeptSpace>> {
        let mut seen = BTreeSet::new();
        let mut request = PageRequest::first(PageRequest::MAX);
        loop {
            let page = self.metadata.sync_pairs(admin.site(), None, &request).await?;
            seen.extend(page.items.iter().flat_map(|pair| [pair.storage, pair.bucket]));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        let mut all = Vec::new();
        for storage in seen {
            let held = self.metadata.kept_space(storage).await?;
            if held.files == 0 {
                continue;
            }
            all.push(KeptSpace {
                storage,
                storage_name: self.storage_called(storage).await?,
                held: Amount { files: held.files, bytes: held.bytes },
            });
        }
        all.sort_by_cached_key(|space| (space.storage_name.to_lowercase(), space.storage));
        Ok(all)
    }

    async fn storage_called(&self, storage: StorageId) -> Result<String> {
        let found = self.metadata.storage(storage).await?;
        Ok(found.map(|storage| storage.name.to_string()).unwrap_or_default())
    }
}

fn check_keys(keys: &[String]) -> Result<()> {
    if keys.is_empty() {
        return Err(ControlError::invalid("keys", "name a key, or leave it out to take the whole run back"));
    }
    if keys.len() > MOST_KEYS {
        return Err(ControlError::invalid("keys", "at most 10,000; leave it out to take the whole run back"));
    }
    let wrong = keys.iter().position(|key| ObjectKey::parse(key).is_err());
    match wrong {
        Some(at) => Err(ControlError::invalid(format!("keys[{at}]"), "not a key that can exist")),
        None => Ok(()),
    }
}

fn view(row: KeptRow, storage_name: String) -> KeptView {
    KeptView {
        id: row.id,
        run: row.run,
        storage: row.storage,
        storage_name,
        is_version: place_of(&row.place).is_some_and(|place| place.version().is_some()),
        key: row.key,
        size: row.size,
        kept: row.kept,
        expires: row.expires,
    }
}
