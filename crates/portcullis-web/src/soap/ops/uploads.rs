//! Uploads in steps: what is too large for one request, or comes over a connection that breaks.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use portcullis_domain::ObjectKey;
use portcullis_files::{Entry, FileError, Kind, TreePath, WriteOptions};

use super::incoming::Incoming;
use super::{Call, entry, put};
use crate::files::{NewSteps, Steps};
use crate::soap::fault::{Code, Fault, Result};
use crate::soap::params::{Params, Stop};
use crate::soap::source::Source;
use crate::soap::xml::XmlReader;

pub(super) async fn begin(call: &Call, params: Params) -> Result<Response> {
    let path = params.path("path")?;
    let length = params.number("length")?.ok_or_else(|| Fault::invalid("length is needed."))?;
    let content_type = put::content_type(&params)?;
    if path.is_top() {
        return Err(FileError::IsFolder.into());
    }
    if !call.is_blind(&path).await? {
        call.free_to_put(&path).await?;
    }
    // Whatever would keep a file from being there is told now, not after its bytes were sent.
    drop(call.tree.write(&path, WriteOptions::default()).await?);
    let (storage, key) = call.tree.place(&path).await?;
    let key = ObjectKey::parse(&key).map_err(|_| FileError::Denied)?;
    let at = call.app.access.storage_by_id(&call.who, storage).await.map_err(FileError::from)?;
    let new = NewSteps { path: &path.to_string(), length, content_type };
    let steps = Steps::begin((&call.app, &call.who), at, key, new).await?;
    let mut answer = call.answer();
    answer.field("uploadId", steps.id()).field("offset", "0").field("expires", &steps.expires().to_string());
    Ok(answer.finish(call.operation))
}

pub(super) async fn part(call: &Call, mut reader: XmlReader<Source>) -> Result<Response> {
    let (params, stop) = Params::read(&mut reader, &["uploadId", "offset", "content"]).await?;
    if stop == Stop::End {
        return Err(Call::no_content());
    }
    let offset = params.number("offset")?.ok_or_else(|| Fault::invalid("offset is needed."))?;
    let steps = find(call, &params).await?;
    let (at, done) = steps.progress().await?;
    if offset != at {
        return Err(Fault::offset(at));
    }
    let mut content = Incoming::new(reader);
    let reached = if done {
        while let Some(bytes) = content.next().await? {
            if !bytes.is_empty() {
                return Err(Fault::offset(at));
            }
        }
        at
    } else {
        let told = Arc::new(Mutex::new(None));
        let left = steps.length().saturating_sub(offset);
        let bytes = bytes_of(content, left, Arc::clone(&told));
        let taken = steps.take(offset, Body::from_stream(bytes)).await;
        // What is wrong with the request says more than that its bytes ended.
        let told = told.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.map_err(|problem| told.map_or_else(|| problem.into(), broken_off))?
    };
    let mut answer = call.answer();
    answer.field("offset", &reached.to_string());
    Ok(answer.finish(call.operation))
}

/// What has come of a request that broke off may count.
fn broken_off(fault: Fault) -> Fault {
    if fault.code() != Code::Broken {
        return fault;
    }
    let message = "The request ended before it was whole; what came of its content may count. CompleteUpload says where the upload goes on.";
    Fault::new(Code::Broken, message)
}

/// Content on its way into an upload.
struct Held {
    content: Incoming,
    /// What came last. It is held back until more comes, or all of the request has: the last bytes may make it a file.
    last: Bytes,
    /// Bytes that the upload still has room for.
    left: u64,
    told: Arc<Mutex<Option<Fault>>>,
}

/// The bytes of content, at most `left`. What is wrong with the request is told, and ends them with an error.
fn bytes_of(
    content: Incoming,
    left: u64,
    told: Arc<Mutex<Option<Fault>>>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let held = Held { content, last: Bytes::new(), left, told };
    stream::unfold(Some(held), |state| async move {
        let mut held = state?;
        match held.next().await {
            Ok(Some(bytes)) => Some((Ok(bytes), Some(held))),
            Ok(None) => (!held.last.is_empty()).then(|| (Ok(std::mem::take(&mut held.last)), None)),
            Err(fault) => {
                *held.told.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
                Some((Err(io::ErrorKind::UnexpectedEof.into()), None))
            }
        }
    })
}

impl Held {
    /// What is followed by more; none when nothing more follows what is held.
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while let Some(bytes) = self.content.next().await? {
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            self.left = self.left.checked_sub(length).ok_or(FileError::TooLarge)?;
            let before = std::mem::replace(&mut self.last, bytes);
            if !before.is_empty() {
                return Ok(Some(before));
            }
        }
        Ok(None)
    }
}

pub(super) async fn complete(call: &Call, params: Params) -> Result<Response> {
    let steps = find(call, &params).await?;
    let (at, done) = steps.progress().await?;
    if !done {
        return Err(Fault::offset(at));
    }
    let path = TreePath::top().join(steps.path()?.as_bytes()).map_err(FileError::Path)?;
    let mut answer = call.answer();
    if call.is_blind(&path).await? {
        entry::write_own(&mut answer, &path, steps.length());
    } else {
        entry::write(&mut answer, &path, &stored(call, &path).await?);
    }
    Ok(answer.finish(call.operation))
}

async fn stored(call: &Call, path: &TreePath) -> Result<Entry> {
    match call.tree.stat(path).await? {
        file @ Entry { kind: Kind::File { .. }, .. } => Ok(file),
        Entry { kind: Kind::Folder, .. } => Err(FileError::NotFound.into()),
    }
}

pub(super) async fn abort(call: &Call, params: Params) -> Result<Response> {
    find(call, &params).await?.give_up().await?;
    Ok(call.done())
}

async fn find(call: &Call, params: &Params) -> Result<Steps> {
    Ok(Steps::find((&call.app, &call.who), params.needed("uploadId")?.trim()).await?)
}
