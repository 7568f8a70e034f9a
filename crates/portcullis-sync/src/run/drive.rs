//! From pages of actions to steps under way, phase by phase.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, FuturesUnordered};

use super::context::Context;
use super::progress::{Phase, RunProgress};
use super::terms::{ActionPages, RunTerms, Wish};
use super::work::carry_out;
use crate::{Action, Journal, Op, Step, StepState, StoreError, decode};

/// How many pages are read ahead.
const AHEAD: usize = 4;

/// In which phase an action is carried out; none if there is nothing to be done.
pub(super) fn phase_of(action: &Action) -> Option<Phase> {
    let adds = |side| action.seen.of(side).is_none();
    match action.op {
        Op::Write { to } if adds(to) => Some(Phase::Create),
        Op::PutBack { on, .. } if adds(on) => Some(Phase::Create),
        Op::Write { .. } | Op::PutBack { .. } | Op::KeepBoth { .. } => Some(Phase::Replace),
        Op::Delete { .. } => Some(Phase::Delete),
        Op::Agree | Op::Forget | Op::Leave => None,
    }
}

/// The actions of a plan that are not done yet.
pub(super) struct Feed<'a> {
    actions: &'a dyn ActionPages,
    journal: &'a dyn Journal,
    terms: &'a RunTerms,
    progress: &'a RunProgress,
    /// Of each page, in which phases it has something to do, a bit for each: known after the first phase.
    pages: Mutex<Vec<u8>>,
}

/// An action, and what is written down of it already.
type Due = (Action, Option<Step>);

impl<'a> Feed<'a> {
    pub(super) const fn new(
        actions: &'a dyn ActionPages,
        journal: &'a dyn Journal,
        terms: &'a RunTerms,
        progress: &'a RunProgress,
    ) -> Self {
        Self { actions, journal, terms, progress, pages: Mutex::new(Vec::new()) }
    }

    /// What is due in a phase, page by page.
    fn due(&self, phase: Phase) -> BoxStream<'_, Result<Vec<Due>, StoreError>> {
        let known = self.pages.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let bit = 1u8 << phase.number();
        let first = phase == Phase::Create;
        let numbers: Box<dyn Iterator<Item = u64> + Send> = if first {
            Box::new(0..)
        } else {
            Box::new((0u64..).zip(known).filter(move |(_, bits)| bits & bit != 0).map(|(no, _)| no))
        };
        let pages = stream::iter(numbers).map(move |no| async move { (no, self.actions.page(no).await) });
        let pages = pages.buffered(AHEAD).take_while(|(_, page)| {
            let more = !matches!(page, Ok(None));
            async move { more }
        });
        let due = pages
            .map(move |(no, page)| async move { self.read(no, &page?.unwrap_or_default(), phase).await });
        due.buffered(AHEAD).boxed()
    }

    fn note(&self, no: u64, bits: u8) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::try_from(no).unwrap_or(usize::MAX);
        if pages.len() <= at {
            pages.resize(at.saturating_add(1), 0);
        }
        if let Some(page) = pages.get_mut(at) {
            *page = bits;
        }
    }

    /// What is due of one page.
    async fn read(&self, no: u64, page: &[u8], phase: Phase) -> Result<Vec<Due>, StoreError> {
        let actions: Vec<Action> = decode(page)?;
        let actions: Vec<_> = actions.into_iter().map(|action| self.terms.choose.choose(action)).collect();
        if phase == Phase::Create {
            let bits = actions.iter().filter_map(phase_of).fold(0, |bits, phase| bits | 1 << phase.number());
            self.note(no, bits);
            actions.iter().filter(|action| action.op == Op::Leave).for_each(|_| self.progress.left_alone());
        }
        let actions: Vec<_> = actions.into_iter().filter(|action| phase_of(action) == Some(phase)).collect();
        let (Some(first), Some(last)) = (actions.first(), actions.last()) else { return Ok(Vec::new()) };
        let steps = self.journal.steps(first.seq..=last.seq).await?;
        let mut steps: BTreeMap<_, _> = steps.into_iter().map(|step| (step.seq, step)).collect();
        let mut due = Vec::new();
        for action in actions {
            match steps.remove(&action.seq) {
                Some(step) if step.state != StepState::Kept => self.progress.ended(&step, false),
                step => due.push((action, step)),
            }
        }
        Ok(due)
    }
}

/// Carries out everything that is due, until it is done or somebody wants it to stop; what is wanted then.
pub(super) async fn drive(cx: &Context<'_>, feed: &Feed<'_>) -> Result<Wish, StoreError> {
    let mut wish = cx.wish.clone();
    let mut open = true;
    for phase in Phase::ALL {
        feed.progress.enter(phase);
        let mut pages = feed.due(phase);
        let mut due: VecDeque<Due> = VecDeque::new();
        let mut more = true;
        let mut work = FuturesUnordered::new();
        loop {
            let going = !cx.stopping();
            while going && work.len() < cx.gate.limit() {
                let Some((action, step)) = due.pop_front() else { break };
                work.push(carry_out(cx, action, step));
            }
            tokio::select! {
                biased;
                Some(done) = work.next() => done?,
                page = pages.next(), if going && more && due.is_empty() => match page {
                    Some(page) => due.extend(page?),
                    None => more = false,
                },
                changed = wish.changed(), if going && open => open = changed.is_ok(),
                else => break,
            }
            if work.is_empty() && due.is_empty() && !more || !going && work.is_empty() {
                break;
            }
        }
        if cx.stopping() {
            return Ok(*cx.wish.borrow());
        }
    }
    Ok(Wish::Go)
}
