//! Rows that wait for answers, in the order of their keys.
//!
//! Answers are asked for side by side and taken in order. How many bytes may be read is decided in the order of keys too, and as if
//! every row before had been read already, so that the same plan comes out whichever answer is there first.

use std::collections::VecDeque;

use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::PlanFault;
use super::row::{Equal, Row};
use crate::Reason;
use crate::same::Reading;

/// Rows that wait at a time.
const MOST: usize = 4096;

/// A row with what was found out about it.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) row: Row,
    pub(super) equal: Option<Equal>,
    pub(super) clash: Option<Reason>,
}

/// What an answer says.
#[derive(Debug)]
pub(super) enum Answer {
    /// Whether both sides hold the same.
    Equal(Equal),
    /// That these bytes would have to be read.
    Wants(Box<Reading>),
    /// What reading said, and how many bytes it took.
    Read(Equal, u64),
    /// Whether the key clashes with another one.
    Clash(Option<Reason>),
}

pub(super) type Asking = BoxFuture<'static, Result<Answer, PlanFault>>;

/// Asks for bytes.
type Read = dyn Fn(&Row, &Reading) -> Asking + Send;

enum Slot {
    Ready(Answered),
    Asked(Row),
    Wants(Row, Box<Reading>),
    Reads(Row, u64),
}

/// Rows that wait for answers.
pub(super) struct Line {
    slots: VecDeque<Slot>,
    /// The number of the first slot.
    first: u64,
    asking: FuturesUnordered<BoxFuture<'static, (u64, Result<Answer, PlanFault>)>>,
    parallel: usize,
    /// Bytes that may still be read, what is under way counted in full.
    budget: u64,
    read: Box<Read>,
}

impl Line {
    /// `read` is asked where bytes may be read.
    pub(super) fn new(
        parallel: usize,
        budget: u64,
        read: impl Fn(&Row, &Reading) -> Asking + Send + 'static,
    ) -> Self {
        Self {
            slots: VecDeque::new(),
            first: 0,
            asking: FuturesUnordered::new(),
            parallel: parallel.max(1),
            budget,
            read: Box::new(read),
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Whether another row, and another question, may come in.
    pub(super) fn has_room(&self) -> bool {
        self.slots.len() < MOST && self.asking.len() < self.parallel
    }

    pub(super) fn push_ready(&mut self, answered: Answered) {
        self.slots.push_back(Slot::Ready(answered));
    }

    pub(super) fn push(&mut self, row: Row, asking: Asking) {
        let number = self.first.saturating_add(u64::try_from(self.slots.len()).unwrap_or(u64::MAX));
        self.slots.push_back(Slot::Asked(row));
        self.ask(number, asking);
    }

    fn ask(&self, number: u64, asking: Asking) {
        self.asking.push(Box::pin(async move { (number, asking.await) }));
    }

    /// The first row, if its answer is there.
    pub(super) fn pop(&mut self) -> Option<Answered> {
        match self.slots.pop_front() {
            Some(Slot::Ready(answered)) => {
                self.first += 1;
                Some(answered)
            }
            Some(other) => {
                self.slots.push_front(other);
                None
            }
            None => None,
        }
    }

    /// Waits for an answer. Without a question under way it never ends. Nothing is lost if it is dropped.
    pub(super) async fn hear(&mut self) -> Result<(), PlanFault> {
        match self.asking.next().await {
            None => std::future::pending().await,
            Some((number, answer)) => self.take(number, answer?),
        }
        self.allow();
        Ok(())
    }

    fn take(&mut self, number: u64, answer: Answer) {
        let at = usize::try_from(number.saturating_sub(self.first)).unwrap_or(usize::MAX);
        let Some(slot) = self.slots.get_mut(at) else { return };
        let (Slot::Asked(row) | Slot::Reads(row, _)) = &*slot else { return };
        let row = row.clone();
        let reserved = if let Slot::Reads(_, reserved) = slot { *reserved } else { 0 };
        *slot = match answer {
            Answer::Equal(equal) => Slot::Ready(Answered { row, equal: Some(equal), clash: None }),
            Answer::Clash(clash) => Slot::Ready(Answered { row, equal: None, clash }),
            Answer::Wants(reading) => Slot::Wants(row, reading),
            Answer::Read(equal, spent) => {
                self.budget = self.budget.saturating_add(reserved.saturating_sub(spent));
                Slot::Ready(Answered { row, equal: Some(equal), clash: None })
            }
        };
    }

    /// Lets rows read that may, in their order. One that may not waits until all before it are done, since what they do not
    /// use is left for it.
    fn allow(&mut self) {
        let mut reading = false;
        for at in 0..self.slots.len() {
            if self.asking.len() >= self.parallel {
                return;
            }
            let Some(slot) = self.slots.get_mut(at) else { return };
            match slot {
                Slot::Ready(_) => continue,
                Slot::Asked(_) => return,
                Slot::Reads(..) => {
                    reading = true;
                    continue;
                }
                Slot::Wants(row, wanted) => {
                    let most = wanted.most();
                    if most <= self.budget {
                        self.budget -= most;
                        let asking = (self.read)(row, wanted);
                        *slot = Slot::Reads(row.clone(), most);
                        let number = self.first.saturating_add(u64::try_from(at).unwrap_or(u64::MAX));
                        self.ask(number, asking);
                        reading = true;
                    } else if reading {
                        return;
                    } else {
                        let answered =
                            Answered { row: row.clone(), equal: Some(Equal::UNVERIFIED), clash: None };
                        *slot = Slot::Ready(answered);
                    }
                }
            }
        }
    }
}
