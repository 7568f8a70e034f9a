//! Deletions whose bytes are under another name.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use portcullis_backend::Etag;

use crate::{Action, Mark, Op, Side, Sides};

/// Contents that are remembered. What comes after them counts as deleted, which at worst stops a plan until somebody has looked.
const MOST: usize = 200_000;

/// Contents that went from a side, and that came to it: what did both was renamed. Only contents that are known without reading are
/// told apart: the same size, and an entity tag that is an MD5.
#[derive(Debug, Default)]
pub(super) struct Renames(Sides<HashMap<u64, (u32, u32)>>);

impl Renames {
    /// Takes an action into account. A key that was deleted on one side is deleted on the other; what was created on the one may be the same
    /// bytes.
    pub(super) fn see(&mut self, action: &Action) {
        match &action.op {
            Op::Delete { on } => {
                let from = on.other();
                let gone = action.agreed.as_ref().map(|agreed| agreed.of(from));
                if let Some(content) = gone.and_then(content) {
                    self.count(from, content, |(gone, _)| gone);
                }
            }
            Op::Write { to } => {
                let from = to.other();
                let was = action.agreed.as_ref().map(|agreed| agreed.of(from));
                let is = action.seen.of(from).as_ref().map(|seen| &seen.mark);
                if let Some(content) = is.filter(|is| was != Some(*is)).and_then(content) {
                    self.count(from, content, |(_, came)| came);
                }
            }
            Op::Agree | Op::Forget | Op::KeepBoth { .. } | Op::PutBack { .. } | Op::Leave => {}
        }
    }

    fn count(&mut self, side: Side, content: u64, which: impl Fn(&mut (u32, u32)) -> &mut u32) {
        let held = self.0.of_mut(side);
        if held.len() < MOST || held.contains_key(&content) {
            let count = which(held.entry(content).or_default());
            *count = count.saturating_add(1);
        }
    }

    /// Deletions on each side that are renames on the other.
    pub(super) fn found(&self) -> Sides<u64> {
        let of = |side: Side| {
            self.0.of(side.other()).values().map(|(gone, came)| u64::from(*gone.min(came))).sum()
        };
        Sides { storage: of(Side::Storage), bucket: of(Side::Bucket) }
    }
}

fn content(mark: &Mark) -> Option<u64> {
    let Etag::Md5 { digest, parts: None } = &mark.etag else { return None };
    if mark.size == 0 {
        return None;
    }
    let mut hasher = DefaultHasher::new();
    (digest, mark.size).hash(&mut hasher);
    Some(hasher.finish())
}
