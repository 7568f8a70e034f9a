//! The revocation watch: every body under way can be cut off.
//!
//! A transfer registers first and is decided after; a change reaches the directory first and the registered transfers
//! after. So whichever comes first, a transfer whose right is gone is either never begun or found and cut.
//!
//! An upload that is cut is answered. A download cannot be: its connection is ended, with what lies in buffers on the way to a
//! client that reads slowly.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::task::AtomicWaker;
use portcullis_backend::{BodyFault, BodyStream};
use portcullis_domain::{Action, DenyReason, InvalidId, ObjectKey, StorageId, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::authorize::Seat;
use crate::lock::locked;
use crate::principal::Principal;
use crate::{AccessError, Denial};

/// Transfers that were cut lately and are kept for receipts.
const CUTS_KEPT: usize = 65_536;

/// Why a transfer is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Its right is gone.
    Denied(DenyReason),
    /// This node has not heard of changes for too long.
    Unheard,
    /// Somebody who administers wanted it.
    ByHand,
}

impl Why {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Denied(reason) => reason.as_str(),
            Self::Unheard => "node_unheard",
            Self::ByHand => Denial::CutOff.as_str(),
        }
    }
}

impl From<Why> for AccessError {
    fn from(why: Why) -> Self {
        match why {
            Why::Denied(reason) => Self::Denied(Denial::Policy(reason)),
            Why::Unheard => Self::Unavailable,
            Why::ByHand => Self::Denied(Denial::CutOff),
        }
    }
}

/// The id of a body under way; no other node has one of the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransferId(u128);

impl fmt::Display for TransferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl FromStr for TransferId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let plain = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let id = u128::from_str_radix(text, 16).ok().filter(|_| plain);
        id.map(Self).ok_or(InvalidId)
    }
}

/// A body under way.
pub(crate) struct Transfer {
    pub(crate) id: TransferId,
    pub(crate) who: Principal,
    pub(crate) storage: StorageId,
    pub(crate) action: Action,
    pub(crate) object: ObjectKey,
    pub(crate) started: Timestamp,
    pub(crate) bytes: AtomicU64,
    cut: OnceLock<(Why, Instant)>,
    /// Whether it is on the receipt of a change.
    told: AtomicBool,
    ended: OnceLock<Instant>,
    waker: AtomicWaker,
}

impl Transfer {
    pub(crate) fn new(
        who: Principal,
        storage: StorageId,
        action: Action,
        object: ObjectKey,
        started: Timestamp,
    ) -> Self {
        let (bytes, told) = (AtomicU64::new(0), AtomicBool::new(false));
        let (cut, ended, waker) = (OnceLock::new(), OnceLock::new(), AtomicWaker::new());
        Self {
            id: TransferId::default(),
            who,
            storage,
            action,
            object,
            started,
            bytes,
            cut,
            told,
            ended,
            waker,
        }
    }

    fn reason(&self) -> Option<Why> {
        self.cut.get().map(|(why, _)| *why)
    }

    /// Puts it on a receipt; false if it is on one.
    pub(crate) fn tell(&self) -> bool {
        !self.told.swap(true, Ordering::Relaxed)
    }

    /// When it was cut, if it was.
    pub(crate) fn cut_at(&self) -> Option<Instant> {
        self.cut.get().map(|(_, at)| *at)
    }

    /// Since when no byte can come or go any more.
    pub(crate) fn ended_at(&self) -> Option<Instant> {
        self.ended.get().copied()
    }
}

/// A transfer, and what keeps it on the list.
type UnderWay = (Arc<Transfer>, Weak<Registration>);

/// All bodies under way on this node.
pub(crate) struct Watch {
    under_way: Mutex<HashMap<TransferId, UnderWay>>,
    /// What was cut lately, the latest last.
    cuts: Mutex<VecDeque<Arc<Transfer>>>,
    /// The first half of the ids of this node, of chance.
    node: u64,
    next: AtomicU64,
    ended: Notify,
}

impl Watch {
    pub(crate) fn new(node: u64) -> Self {
        Self {
            under_way: Mutex::default(),
            cuts: Mutex::default(),
            node,
            next: AtomicU64::new(0),
            ended: Notify::new(),
        }
    }

    pub(crate) fn begin(self: &Arc<Self>, transfer: Transfer, seat: Option<Seat>) -> Arc<Registration> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let id = TransferId(u128::from(self.node) << 64 | u128::from(number));
        let transfer = Arc::new(Transfer { id, ..transfer });
        let watch = Arc::clone(self);
        let registration = Arc::new(Registration { watch, transfer: Arc::clone(&transfer), seat });
        locked(&self.under_way).insert(id, (transfer, Arc::downgrade(&registration)));
        registration
    }

    pub(crate) fn find(&self, id: TransferId) -> Option<Arc<Transfer>> {
        locked(&self.under_way).get(&id).map(|(transfer, _)| Arc::clone(transfer))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Transfer>> {
        locked(&self.under_way).values().map(|(transfer, _)| Arc::clone(transfer)).collect()
    }

    /// Cuts a transfer off; false if it was cut before.
    pub(crate) fn cut(&self, transfer: &Arc<Transfer>, why: Why) -> bool {
        if transfer.cut.set((why, Instant::now())).is_err() {
            return false;
        }
        {
            let mut cuts = locked(&self.cuts);
            if cuts.len() >= CUTS_KEPT {
                cuts.pop_front();
            }
            cuts.push_back(Arc::clone(transfer));
        }
        transfer.waker.wake();
        match (transfer.action, transfer.who.line()) {
            (Action::Get, Some(_)) => self.hang_up(transfer.id),
            // Of what nobody can hang up it is known that no further byte is handed on.
            (Action::Get, None) => {
                transfer.ended.get_or_init(Instant::now);
            }
            (_, _) => {}
        }
        true
    }

    /// Ends the connection of a transfer, which is under way until nothing can come or go on it.
    pub(crate) fn hang_up(&self, id: TransferId) {
        let registration = locked(&self.under_way).get(&id).and_then(|(_, entry)| entry.upgrade());
        if let Some(registration) = registration
            && let Some(line) = registration.transfer.who.line().cloned()
        {
            line.end(Box::new(registration));
        }
    }

    /// Decides again about everything under way, and cuts off what is refused now.
    pub(crate) fn review(&self, decide: impl Fn(&Transfer) -> Result<(), Why>) -> Vec<(Arc<Transfer>, Why)> {
        let refused = |transfer: Arc<Transfer>| Some((decide(&transfer).err()?, transfer));
        let refused = self.all().into_iter().filter_map(refused);
        refused.filter(|(why, transfer)| self.cut(transfer, *why)).map(|(why, cut)| (cut, why)).collect()
    }

    /// What was cut since, of what a change concerns.
    pub(crate) fn cut_since(
        &self,
        since: Instant,
        concerns: impl Fn(&Transfer) -> bool,
    ) -> Vec<Arc<Transfer>> {
        let cuts = locked(&self.cuts);
        let late = cuts.iter().rev().take_while(|cut| cut.cut_at().is_some_and(|at| at >= since));
        late.filter(|cut| concerns(cut)).map(Arc::clone).collect()
    }

    /// Returns when none of these is under way any more.
    pub(crate) async fn gone(&self, transfers: &[Arc<Transfer>]) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if transfers.iter().all(|transfer| transfer.ended_at().is_some()) {
                return;
            }
            ended.await;
        }
    }
}

/// Keeps a transfer on the list for as long as it lives.
pub(crate) struct Registration {
    watch: Arc<Watch>,
    transfer: Arc<Transfer>,
    /// Where its bytes are counted when it ends, and asked whether this node may go on.
    seat: Option<Seat>,
}

impl Registration {
    /// Why the transfer was cut, if it was.
    pub(crate) fn reason(&self) -> Option<Why> {
        self.transfer.reason()
    }

    /// Watches the body of an upload. The registration stays with whoever stores it, until it is stored; at the body's end
    /// the policy is asked once more.
    pub(crate) fn upload(self: &Arc<Self>, body: BodyStream) -> BodyStream {
        Box::pin(Watched {
            body: Some(body),
            of: Arc::downgrade(self),
            transfer: Arc::clone(&self.transfer),
            registration: None,
        })
    }

    /// Watches the body of a download until it is dropped.
    pub(crate) fn download(self: Arc<Self>, body: BodyStream) -> BodyStream {
        let transfer = Arc::clone(&self.transfer);
        Box::pin(Watched { body: Some(body), of: Weak::new(), transfer, registration: Some(self) })
    }

    /// Cuts it if this node has not heard of changes for too long.
    fn may_go_on(&self) -> bool {
        let heard = self.seat.as_ref().is_none_or(|seat| seat.access.heard().is_ok());
        if !heard {
            self.watch.cut(&self.transfer, Why::Unheard);
        }
        heard
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        locked(&self.watch.under_way).remove(&self.transfer.id);
        self.transfer.ended.get_or_init(Instant::now);
        if let Some(seat) = &self.seat {
            seat.moved(self.transfer.action, self.transfer.bytes.load(Ordering::Relaxed));
        }
        self.watch.ended.notify_waiters();
    }
}

/// A body that can be cut off: it yields [`BodyFault::Cut`] at the next poll, and a poll that waits is woken.
struct Watched {
    /// None once it has ended.
    body: Option<BodyStream>,
    /// Of an upload, that of whoever stores it.
    of: Weak<Registration>,
    transfer: Arc<Transfer>,
    registration: Option<Arc<Registration>>,
}

impl Watched {
    fn end(&mut self) {
        self.body = None;
        self.registration = None;
    }

    fn may_go_on(&self) -> bool {
        match &self.registration {
            Some(own) => own.may_go_on(),
            None => self.of.upgrade().is_some_and(|of| of.may_go_on()),
        }
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, BodyFault>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        // Before the flag is read: a cut after this line wakes this task.
        this.transfer.waker.register(context.waker());
        let piece = if this.transfer.reason().is_some() {
            Poll::Ready(Some(Err(BodyFault::Cut)))
        } else {
            body.as_mut().poll_next(context)
        };
        match piece {
            Poll::Pending => Poll::Pending,
            // A process that was stopped and goes on must not hand on what it read before.
            Poll::Ready(Some(Ok(bytes))) if this.may_go_on() => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                this.transfer.bytes.fetch_add(length, Ordering::Relaxed);
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Ok(_))) => {
                this.end();
                Poll::Ready(Some(Err(BodyFault::Cut)))
            }
            Poll::Ready(Some(Err(fault))) => {
                this.end();
                Poll::Ready(Some(Err(fault)))
            }
            Poll::Ready(None) => {
                let of = this.of.upgrade();
                this.end();
                match of.as_deref().and_then(|of| Some((of, of.seat.as_ref()?))) {
                    Some((of, seat)) if !seat.still_may(&of.transfer) => {
                        Poll::Ready(Some(Err(BodyFault::Cut)))
                    }
                    Some(_) | None => Poll::Ready(None),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Wake, Waker};

    use futures_util::StreamExt as _;
    use futures_util::stream;
    use portcullis_domain::{Channel, KeyId, SiteId};

    use super::*;
    use crate::principal::{Origin, Who};

    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn transfer(action: Action) -> Transfer {
        let origin = Origin {
            channel: Channel::S3,
            peer: [127, 0, 0, 1].into(),
            request_id: "R",
            tool: "test",
            line: None,
        };
        let who = Who::Key { id: KeyId::from_u128(1), generation: 0, owner: None };
        let who = Principal::new(who, SiteId::from_u128(1), &origin);
        let object = ObjectKey::parse("a").unwrap();
        Transfer::new(who, StorageId::from_u128(1), action, object, Timestamp::default())
    }

    #[test]
    fn a_download_that_waits_is_woken_and_ends() {
        let watch = Arc::new(Watch::new(7));
        let pieces = stream::iter([Ok(Bytes::from_static(b"some"))]).chain(stream::pending());
        let mut body = watch.begin(transfer(Action::Get), None).download(Box::pin(pieces));
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(matches!(body.as_mut().poll_next(&mut context), Poll::Ready(Some(Ok(_)))));
        assert!(body.as_mut().poll_next(&mut context).is_pending());
        assert!(watch.review(|_| Ok(())).is_empty(), "what is still allowed goes on");
        assert!(!woken.0.load(Ordering::SeqCst));
        assert_eq!(watch.review(|_| Err(Why::Denied(DenyReason::KeyDeleted))).len(), 1);
        assert!(woken.0.load(Ordering::SeqCst));
        assert!(watch.review(|_| Err(Why::Denied(DenyReason::KeyDeleted))).is_empty(), "cut once");
        assert_eq!(body.as_mut().poll_next(&mut context), Poll::Ready(Some(Err(BodyFault::Cut))));
        assert_eq!(body.as_mut().poll_next(&mut context), Poll::Ready(None));
        assert!(watch.all().is_empty());
    }

    #[test]
    fn a_body_is_on_the_list_until_it_ends_or_is_dropped() {
        let watch = Arc::new(Watch::new(7));
        let mut body = watch.begin(transfer(Action::Get), None).download(Box::pin(stream::empty()));
        let dropped = watch.begin(transfer(Action::Get), None).download(Box::pin(stream::pending()));
        assert_eq!(watch.all().len(), 2);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(body.as_mut().poll_next(&mut context), Poll::Ready(None));
        assert_eq!(watch.all().len(), 1);
        drop(dropped);
        assert!(watch.all().is_empty());
    }
}
