//! How a request is answered: what it refuses, what of its bytes is checked, and how they break.

use bytes::{Bytes, BytesMut};
use futures_util::{StreamExt as _, stream};
use portcullis_backend::{Body, BodyFault, Digest, DigestAlgorithm, DigestPlan, ObjectMeta, PutOutcome};
use portcullis_sync::StoreFault;

use crate::fault::Fault;
use crate::shelf::md5;
use crate::world::State;

/// What a request with this fault answers that has no effect.
pub(crate) const fn refused(fault: Option<Fault>) -> Result<(), StoreFault> {
    match fault {
        Some(Fault::Busy) => Err(StoreFault::Unavailable),
        Some(Fault::Clash) => Err(StoreFault::Changed),
        Some(Fault::Refused) => Err(StoreFault::Refused),
        Some(Fault::Full) => Err(StoreFault::Full),
        _ => Ok(()),
    }
}

pub(crate) fn outcome(meta: &ObjectMeta) -> PutOutcome {
    PutOutcome {
        size: meta.size,
        etag: meta.etag.clone(),
        version: meta.version.clone(),
        modified: meta.modified,
        checksum: None,
    }
}

/// Whether these are the bytes that the client promised.
pub(crate) fn promised(plan: &DigestPlan, bytes: &Bytes) -> bool {
    plan.check(&[Digest { algorithm: DigestAlgorithm::Md5, value: md5(bytes).to_vec() }]).is_ok()
}

pub(crate) async fn all_of(body: Body) -> Result<Bytes, BodyFault> {
    match body {
        Body::Full(bytes) => Ok(bytes),
        Body::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                all.extend_from_slice(&piece?);
            }
            Ok(all.freeze())
        }
    }
}

/// Some other bytes of the same length, never the same ones twice.
pub(crate) fn garbled(state: &mut State, bytes: &Bytes) -> Bytes {
    let mut other = BytesMut::from(bytes.as_ref());
    for byte in other.iter_mut() {
        *byte = 0x80 | u8::try_from(state.rng.below(128)).unwrap();
    }
    other.freeze()
}

/// A body that breaks in the middle: with an error, by just ending, or with other bytes, if its entity tag `tells`.
pub(crate) fn torn(state: &mut State, bytes: &Bytes, tells: bool) -> Body {
    let half = bytes.slice(..bytes.len() / 2);
    match state.rng.below(if tells { 3 } else { 2 }) {
        0 => Body::Stream(Box::pin(stream::iter([Ok(half), Err(BodyFault::Disconnected)]))),
        1 => Body::Stream(Box::pin(stream::iter([Ok(half)]))),
        _ => Body::Full(garbled(state, bytes)),
    }
}
