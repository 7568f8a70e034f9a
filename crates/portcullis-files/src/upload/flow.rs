//! A body that is fed while it is stored.

use std::future::Future;
use std::task::Poll;

use bytes::Bytes;
use futures_util::stream;
use portcullis_access::{AccessError, Body, BodyFault};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::{FileError, Result};

/// Pieces that may wait to be stored.
const WAITING: usize = 4;
/// The largest piece that is sent as one.
const LARGEST: usize = 256 * 1024;

/// A body on its way into a storage. Dropped, the body ends with a fault and nothing is stored.
#[derive(Debug)]
pub(super) struct Flow<T> {
    pieces: mpsc::Sender<Option<Bytes>>,
    task: Option<JoinHandle<Result<T, AccessError>>>,
}

/// A flow of which all bytes are on their way.
#[derive(Debug)]
pub(super) struct Ending<T>(Option<JoinHandle<Result<T, AccessError>>>);

impl<T: Send + 'static> Flow<T> {
    /// A flow, and the body that comes out of it.
    pub(super) fn new() -> (Self, Body) {
        let (pieces, mut coming) = mpsc::channel::<Option<Bytes>>(WAITING);
        let mut ended = false;
        let body = stream::poll_fn(move |context| {
            if ended {
                return Poll::Ready(None);
            }
            coming.poll_recv(context).map(|piece| match piece {
                Some(Some(bytes)) => Some(Ok(bytes)),
                Some(None) => {
                    ended = true;
                    None
                }
                // Whoever fed it is gone without a word.
                None => {
                    ended = true;
                    Some(Err(BodyFault::Disconnected))
                }
            })
        });
        (Self { pieces, task: None }, Body::Stream(Box::pin(body)))
    }

    /// Stores the body.
    pub(super) fn run(
        &mut self,
        tasks: &TaskTracker,
        storing: impl Future<Output = Result<T, AccessError>> + Send + 'static,
    ) {
        self.task = Some(tasks.spawn(storing));
    }

    /// Feeds it.
    pub(super) async fn send(&mut self, mut bytes: Bytes) -> Result<()> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(LARGEST));
            if self.pieces.send(Some(piece)).await.is_err() {
                return match Ending(self.task.take()).wait().await {
                    Err(error) => Err(error),
                    // It was satisfied with less than all: not a thing that a storage does.
                    Ok(_) => Err(FileError::Unavailable),
                };
            }
        }
        Ok(())
    }

    /// Why the storage does not take it to its end. Waits until that is so.
    pub(super) async fn ended(&mut self) -> FileError {
        self.pieces.closed().await;
        // The task stays where it is until it has said why: who stops waiting here may ask again.
        let Some(task) = &mut self.task else { return FileError::Unavailable };
        let outcome = task.await;
        self.task = None;
        match outcome {
            Ok(Err(error)) => error.into(),
            Ok(Ok(_)) | Err(_) => FileError::Unavailable,
        }
    }

    /// Says that this was all.
    pub(super) async fn end(self) -> Ending<T> {
        // If nobody takes it any more, the task says why.
        drop(self.pieces.send(None).await);
        Ending(self.task)
    }

    pub(super) async fn finish(self) -> Result<T> {
        self.end().await.wait().await
    }
}

impl<T> Ending<T> {
    pub(super) async fn wait(self) -> Result<T> {
        let Some(task) = self.0 else { return Err(FileError::Unavailable) };
        match task.await {
            Ok(outcome) => Ok(outcome?),
            Err(error) => {
                tracing::error!(%error, "the task of an upload is gone");
                Err(FileError::Unavailable)
            }
        }
    }
}
