//! `POST`: an upload begins.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, LOCATION};
use http::{HeaderValue, StatusCode};
use portcullis_access::{
    Body as FileBody, Principal, Put, PutOptions, StorageAccess, UploadId, UploadOptions,
};
use portcullis_control::{NewResumable, ResumableState, ResumableUpload};
use portcullis_domain::{BucketName, ObjectKey};

use super::super::target;
use super::patch::receive;
use super::progress::part_size;
use super::{Open, UPLOAD_OFFSET, give_up, headers as tus, is_gone, refused, tell_expiry};
use crate::app::App;
use crate::files::Call;
use crate::files::write::Before;
use crate::headers;
use crate::problem::{Problem, Result};

/// Begins an upload, and takes the bytes that came with it.
pub(super) async fn create(call: &Call<'_>, bucket: &BucketName, name: &str, body: Body) -> Result<Response> {
    let given = &call.parts.headers;
    let length = tus::length(given)?;
    let told = tus::told(given)?;
    if !headers::write_conditions(given)?.is_empty() {
        return Err(Problem::malformed("An upload in steps takes no conditions; PUT does."));
    }
    let Some(part_size) = part_size(length) else {
        let detail =
            "This is more than an upload in steps may have; the answer to OPTIONS says how much that is.";
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail));
    };
    let key = key_of(name, told.filename.as_deref())?;
    let at = call.enter(bucket).await?;
    let grant = at.grant::<Put>(key.clone()).map_err(refused)?;
    Before::of(call.app, &at, &key).await?;
    let upload = if length > part_size {
        let options = UploadOptions { content: told.content.clone(), ..UploadOptions::default() };
        Some(grant.create_upload(options).await.map_err(refused)?)
    } else {
        drop(grant);
        None
    };
    let open = begin((call.app, &call.who), &at, &key, (length, part_size), (upload, &told.text)).await?;
    let mut response = StatusCode::CREATED.into_response();
    let told_of = response.headers_mut();
    let location = format!("{}?upload={}", target::address(bucket, key.as_str()), open.upload.id);
    told_of.insert(
        LOCATION,
        HeaderValue::try_from(location).map_err(|error| Problem::internal(error.to_string()))?,
    );
    if length == 0 {
        let options = PutOptions { length: Some(0), content: told.content, ..PutOptions::default() };
        open.grant()?.put(FileBody::Full(Bytes::new()), options).await.map_err(refused)?;
        call.app.control.settle_resumable(&open.upload, ResumableState::Done).await?;
        told_of.insert(UPLOAD_OFFSET, HeaderValue::from(0));
        return Ok(response);
    }
    tell_expiry(&open.upload, told_of);
    let comes = given.get(CONTENT_LENGTH).is_none_or(|length| length.as_bytes() != b"0");
    if tus::has_bytes(given) && comes {
        let reached = receive(open, 0, given, body).await?;
        told_of.insert(UPLOAD_OFFSET, HeaderValue::from(reached));
    }
    Ok(response)
}

/// The file that an upload becomes: what the address names; in a folder, what the client calls it.
fn key_of(name: &str, filename: Option<&str>) -> Result<ObjectKey> {
    if !name.is_empty() && !name.ends_with('/') {
        return target::key(name);
    }
    let filename = filename.filter(|filename| !filename.is_empty() && !filename.contains('/'));
    let filename = filename.ok_or_else(|| {
        Problem::malformed("The address names a folder: send the file's name, without slashes, as filename in Upload-Metadata.")
    })?;
    target::key(&format!("{name}{filename}"))
}

/// Notes an upload that begins, and gives it up again if its key has too many.
pub(super) async fn begin(
    (app, who): (&Arc<App>, &Principal),
    at: &StorageAccess,
    key: &ObjectKey,
    (length, part_size): (u64, u64),
    (upload, told): (Option<UploadId>, &str),
) -> Result<Open> {
    let control = &app.control;
    for expired in control.expired_resumables(who).await? {
        forget(app, who, expired).await?;
    }
    let owner = who.key_id().ok_or_else(Problem::not_found)?;
    let new = NewResumable {
        key: owner,
        storage: at.storage().id,
        object: key.clone(),
        upload: upload.as_ref().map(|upload| upload.0.to_string()).unwrap_or_default(),
        length,
        part_size,
        told: told.to_owned(),
    };
    if let Some(upload) = control.begin_resumable(new).await? {
        return Ok(Open { app: Arc::clone(app), at: at.clone(), key: key.clone(), upload });
    }
    if let Some(upload) = upload {
        let given_up = at.grant::<Put>(key.clone()).map_err(refused)?.abort_upload(&upload).await;
        given_up.or_else(|error| if is_gone(&error) { Ok(()) } else { Err(refused(error)) })?;
    }
    let detail = "This key has too many uploads under way; finish some, or end them with DELETE.";
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "throttled", "Too many uploads", detail))
}

/// Gives up an upload of this key whose time is over. Where that fails it is tried again with the next upload.
async fn forget(app: &Arc<App>, who: &Principal, expired: ResumableUpload) -> Result<()> {
    let key = expired.object.clone();
    match app.access.storage_by_id(who, expired.storage).await {
        Ok(at) => {
            let open = Open { app: Arc::clone(app), at, key, upload: expired };
            if let Err(problem) = give_up(&open).await {
                tracing::debug!(
                    status = problem.status().as_u16(),
                    "an expired upload cannot be given up now"
                );
            }
            Ok(())
        }
        // The storage is nothing to this key any more, and neither is what it began there.
        Err(_) => Ok(app.control.drop_resumable(&expired).await?),
    }
}
