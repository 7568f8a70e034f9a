//! The revocation watch: every body under way can be cut off.
//!
//! A transfer registers first and is decided after; a change reaches the directory first and the registered transfers
//! after. So whichever comes first, a transfer whose right is gone is either never begun or found and cut.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use futures_util::task::AtomicWaker;
use portcullis_backend::{BodyFault, BodyStream};
use portcullis_domain::{Action, DenyReason, ObjectKey, StorageId, Timestamp};
use tokio::sync::Notify;

use crate::authorize::Seat;
use crate::principal::Principal;
use crate::throttle::locked;

/// A body under way.
pub(crate) struct Transfer {
    pub(crate) who: Principal,
    pub(crate) storage: StorageId,
    pub(crate) action: Action,
    pub(crate) object: ObjectKey,
    pub(crate) started: Timestamp,
    pub(crate) bytes: AtomicU64,
    cut: OnceLock<DenyReason>,
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
        Self {
            who,
            storage,
            action,
            object,
            started,
            bytes: AtomicU64::new(0),
            cut: OnceLock::new(),
            waker: AtomicWaker::new(),
        }
    }

    /// Cuts it off; false if it was cut before.
    pub(crate) fn cut(&self, reason: DenyReason) -> bool {
        let first = self.cut.set(reason).is_ok();
        self.waker.wake();
        first
    }

    fn reason(&self) -> Option<DenyReason> {
        self.cut.get().copied()
    }
}

/// All bodies under way on this node.
#[derive(Default)]
pub(crate) struct Watch {
    under_way: Mutex<HashMap<u64, Arc<Transfer>>>,
    next: AtomicU64,
    ended: Notify,
}

impl Watch {
    pub(crate) fn begin(self: &Arc<Self>, transfer: Transfer) -> Registration {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let transfer = Arc::new(transfer);
        locked(&self.under_way).insert(id, Arc::clone(&transfer));
        Registration { watch: Arc::clone(self), id, transfer, counted: None }
    }

    pub(crate) fn all(&self) -> Vec<(u64, Arc<Transfer>)> {
        locked(&self.under_way).iter().map(|(id, transfer)| (*id, Arc::clone(transfer))).collect()
    }

    /// Decides again about everything under way, and cuts off what is refused now.
    pub(crate) fn review(
        &self,
        decide: impl Fn(&Transfer) -> Result<(), DenyReason>,
    ) -> Vec<(u64, Arc<Transfer>, DenyReason)> {
        let mut cut = Vec::new();
        for (id, transfer) in self.all() {
            if let Err(reason) = decide(&transfer)
                && transfer.cut(reason)
            {
                cut.push((id, transfer, reason));
            }
        }
        cut
    }

    /// Returns when none of these is under way any more.
    pub(crate) async fn gone(&self, ids: &[u64]) {
        loop {
            let ended = self.ended.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            {
                let under_way = locked(&self.under_way);
                if !ids.iter().any(|id| under_way.contains_key(id)) {
                    return;
                }
            }
            ended.await;
        }
    }
}

/// Keeps a transfer on the list for as long as it lives.
pub(crate) struct Registration {
    watch: Arc<Watch>,
    id: u64,
    transfer: Arc<Transfer>,
    /// Where its bytes are counted when it ends.
    counted: Option<Seat>,
}

impl Registration {
    /// Has its bytes counted when it ends.
    pub(crate) fn counted(self, seat: Seat) -> Self {
        let mut counted = self;
        counted.counted = Some(seat);
        counted
    }

    /// Why the transfer was cut, if it was.
    pub(crate) fn reason(&self) -> Option<DenyReason> {
        self.transfer.reason()
    }

    /// Watches the body of an upload. The registration stays with whoever stores it, until it is stored; at the body's end
    /// `seat` is asked once more.
    pub(crate) fn upload(&self, body: BodyStream, seat: Seat) -> BodyStream {
        let transfer = Arc::clone(&self.transfer);
        Box::pin(Watched { body: Some(body), transfer, at_end: Some(seat), registration: None })
    }

    /// Watches the body of a download until it is dropped.
    pub(crate) fn download(self, body: BodyStream) -> BodyStream {
        let transfer = Arc::clone(&self.transfer);
        Box::pin(Watched { body: Some(body), transfer, at_end: None, registration: Some(self) })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        locked(&self.watch.under_way).remove(&self.id);
        if let Some(seat) = &self.counted {
            seat.moved(self.transfer.action, self.transfer.bytes.load(Ordering::Relaxed));
        }
        self.watch.ended.notify_waiters();
    }
}

/// A body that can be cut off: it yields [`BodyFault::Cut`] at the next poll, and a poll that waits is woken.
struct Watched {
    /// None once it has ended.
    body: Option<BodyStream>,
    transfer: Arc<Transfer>,
    at_end: Option<Seat>,
    registration: Option<Registration>,
}

impl Watched {
    fn end(&mut self) {
        self.body = None;
        self.registration = None;
    }
}

impl Stream for Watched {
    type Item = Result<Bytes, BodyFault>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        // Before the flag is read: a cut after this line wakes this task.
        this.transfer.waker.register(context.waker());
        if this.transfer.reason().is_some() {
            this.end();
            return Poll::Ready(Some(Err(BodyFault::Cut)));
        }
        match body.as_mut().poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(bytes))) => {
                let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
                this.transfer.bytes.fetch_add(length, Ordering::Relaxed);
                Poll::Ready(Some(Ok(bytes)))
            }
            Poll::Ready(Some(Err(fault))) => {
                this.end();
                Poll::Ready(Some(Err(fault)))
            }
            Poll::Ready(None) => {
                this.end();
                match &this.at_end {
                    Some(seat) if !seat.still_may(&this.transfer) => Poll::Ready(Some(Err(BodyFault::Cut))),
                    Some(_) | None => Poll::Ready(None),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;
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
        let origin =
            Origin { channel: Channel::S3, peer: [127, 0, 0, 1].into(), request_id: "R", tool: "test" };
        let who = Who::Key { id: KeyId::from_u128(1), generation: 0, owner: None };
        let who = Principal::new(who, SiteId::from_u128(1), &origin);
        let object = ObjectKey::parse("a").unwrap();
        Transfer::new(who, StorageId::from_u128(1), action, object, Timestamp::default())
    }

    #[test]
    fn a_download_that_waits_is_woken_and_ends() {
        let watch = Arc::new(Watch::default());
        let pieces = stream::iter([Ok(Bytes::from_static(b"some"))]).chain(stream::pending());
        let mut body = watch.begin(transfer(Action::Get)).download(Box::pin(pieces));
        let woken = Arc::new(Woken(AtomicBool::new(false)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(matches!(body.as_mut().poll_next(&mut context), Poll::Ready(Some(Ok(_)))));
        assert!(body.as_mut().poll_next(&mut context).is_pending());
        assert!(watch.review(|_| Ok(())).is_empty(), "what is still allowed goes on");
        assert!(!woken.0.load(Ordering::SeqCst));
        assert_eq!(watch.review(|_| Err(DenyReason::KeyDeleted)).len(), 1);
        assert!(woken.0.load(Ordering::SeqCst));
        assert!(watch.review(|_| Err(DenyReason::KeyDeleted)).is_empty(), "cut once");
        assert_eq!(body.as_mut().poll_next(&mut context), Poll::Ready(Some(Err(BodyFault::Cut))));
        assert_eq!(body.as_mut().poll_next(&mut context), Poll::Ready(None));
        assert!(watch.all().is_empty());
    }

    #[test]
    fn a_body_is_on_the_list_until_it_ends_or_is_dropped() {
        let watch = Arc::new(Watch::default());
        let mut body = watch.begin(transfer(Action::Get)).download(Box::pin(stream::empty()));
        let dropped = watch.begin(transfer(Action::Get)).download(Box::pin(stream::pending()));
        assert_eq!(watch.all().len(), 2);
        let mut context = Context::from_waker(Waker::noop());
        assert_eq!(body.as_mut().poll_next(&mut context), Poll::Ready(None));
        assert_eq!(watch.all().len(), 1);
        drop(dropped);
        assert!(watch.all().is_empty());
    }
}
