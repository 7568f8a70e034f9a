//! What is to be prepared before a plan is run. Most of it the server does itself; here it says how it is with it.

use portcullis_access::SiteAdmin;
use portcullis_domain::Timestamp;
use portcullis_metadata::PlanState;
use portcullis_sync::{Side, Sides, Totals};

use super::sides::Pair;
use super::stored::ReadPlan;
use super::{CheckCode, CheckView, SideView, said};
use crate::{Control, Result};

impl Control {
    /// How it is with what is to be prepared, at this moment.
    pub(super) async fn preparation(
        &self,
        admin: &SiteAdmin,
        plan: &ReadPlan,
        pair: &Pair,
        sides: &Sides<SideView>,
    ) -> Result<Vec<CheckView>> {
        let (Some(totals), Some(made)) = (&plan.totals, &plan.made) else { return Ok(Vec::new()) };
        let kept_as = Sides {
            storage: made.terms.abilities.storage.keeps_versions,
            bucket: made.terms.abilities.bucket.keeps_versions,
        };
        let mut all = vec![backup(totals, &kept_as, sides, plan.keep_days()), inventory(plan, totals, sides)];
        all.push(self.quiet(admin, pair, sides).await?);
        all.push(ready(plan));
        Ok(all)
    }

    /// Whether nothing else is being written on both sides.
    async fn quiet(&self, admin: &SiteAdmin, pair: &Pair, sides: &Sides<SideView>) -> Result<CheckView> {
        let under_way = self.transfers(admin).await?;
        let (mut found, mut seen) = (Vec::new(), None);
        for side in Side::BOTH {
            let id = pair.storages.of(side).id;
            if seen.replace(id) == Some(id) {
                continue;
            }
            let writing = under_way
                .iter()
                .filter(|transfer| transfer.upload && transfer.storage_id() == Some(id))
                .count();
            let held = self.metadata.storage_facts(id).await?.and_then(|facts| facts.usage);
            let unfinished = held.map_or(0, |(usage, _)| usage.upload_bytes);
            let name = &sides.of(side).name;
            if writing > 0 {
                found.push(format!("{writing} uploads are under way to {name}"));
            }
            if unfinished > 0 {
                found.push(format!("unfinished uploads hold {} in {name}", said::size(unfinished)));
            }
        }
        let ok = found.is_empty();
        let what = if ok {
            "Nothing is being written to either side. If that changes while it runs, the files concerned are left alone".to_owned()
        } else {
            format!(
                "{}. A file that changes meanwhile is left alone; a new plan sees to it",
                found.join("; ")
            )
        };
        Ok(CheckView { code: CheckCode::Transfers, ok, what })
    }
}

/// What is kept, where and for how long.
fn backup(totals: &Totals, as_versions: &Sides<bool>, sides: &Sides<SideView>, days: u32) -> CheckView {
    let mut kept = Vec::new();
    for side in Side::BOTH {
        let counts = [totals.overwrite.of(side), totals.delete.of(side), totals.put_back.of(side)];
        let files = counts.iter().map(|count| count.files).sum::<u64>();
        if files == 0 {
            continue;
        }
        let how =
            if *as_versions.of(side) { "as previous versions" } else { "as copies that clients do not see" };
        kept.push(format!("{} in {}, {how}", said::files(files), sides.of(side).name));
    }
    if totals.keep_both.files > 0 {
        kept.push(format!("{} under a second name", said::files(totals.keep_both.files)));
    }
    let what = if kept.is_empty() {
        "Nothing is replaced or deleted".to_owned()
    } else {
        format!(
            "Before it is replaced or deleted, everything is kept for {days} days: {}. You make no backup",
            kept.join("; ")
        )
    };
    CheckView { code: CheckCode::Backup, ok: true, what }
}

/// What both sides hold.
fn inventory(plan: &ReadPlan, totals: &Totals, sides: &Sides<SideView>) -> CheckView {
    let held = |side: Side| {
        let count = totals.seen.of(side);
        format!("{} holds {}, {}", sides.of(side).name, said::files(count.files), said::size(count.bytes))
    };
    let second = |at: Timestamp| Timestamp::from_seconds(at.seconds());
    let at = plan.row.planned.map_or_else(String::new, |at| format!(", counted by {}", second(at)));
    let what = if plan.row.restores.is_some() {
        format!("{} were looked at, one by one{at}", said::files(totals.actions))
    } else {
        format!("{}; {}{at}", held(Side::Storage), held(Side::Bucket))
    };
    CheckView { code: CheckCode::Inventory, ok: true, what }
}

/// Whether it can be run.
fn ready(plan: &ReadPlan) -> CheckView {
    let guards = plan.guards();
    let (ok, what) = match plan.row.state {
        PlanState::Ready if guards.is_empty() => (true, "The plan can be run".to_owned()),
        PlanState::Ready => {
            let codes: Vec<_> = guards.iter().map(|hit| hit.guard.as_str()).collect();
            (false, format!("Somebody has to say that this is right: {}", codes.join(", ")))
        }
        PlanState::Running => (false, "It is being run".to_owned()),
        PlanState::Done => (false, "It was run".to_owned()),
        PlanState::Planning | PlanState::Failed | PlanState::Discarded => {
            (false, "There is nothing to run".to_owned())
        }
    };
    CheckView { code: CheckCode::Ready, ok, what }
}
