//! `PutObject`.

use http::StatusCode;
use portcullis_access::{Put, PutOptions, PutOutcome};

use crate::body::{RequestBody, Upload};
use crate::call::Call;
use crate::error::S3Error;
use crate::headers::{
    content_headers, refuse_unsupported, set_checksum, set_etag, tags_header, write_conditions,
};
use crate::reply::{Reply, empty};

/// Stores an object. Everything that can be refused is refused before the first byte of the body is read, so that a
/// client that waits for `100 Continue` never sends it.
pub(super) async fn put_object(call: &Call<'_>, body: RequestBody) -> Result<Reply, S3Error> {
    refuse_unsupported(call.headers)?;
    let content = content_headers(call.headers)?;
    let tags = tags_header(call.headers)?.unwrap_or_default();
    let conditions = write_conditions(call.headers)?;
    let plan = body.plan(call.headers, call.door.config.max_object_size)?;
    let grant = call.grant::<Put>().await?;
    let about = plan.about();
    let Upload { body, length, digests } = plan.begin(body).await?;
    let options =
        PutOptions { length: Some(length), content, tags, digests, conditions, ..PutOptions::default() };
    let outcome = grant.put(body, options).await.map_err(|error| crate::error::access_error(error, about))?;
    Ok(stored(&outcome))
}

/// The answer to a stored object. No version id: who may only write must not learn whether anything was there, and
/// versioning is not what S3 calls enabled.
pub(super) fn stored(outcome: &PutOutcome) -> Reply {
    let mut reply = empty(StatusCode::OK);
    set_etag(&mut reply, &outcome.etag);
    if let Some(checksum) = &outcome.checksum {
        set_checksum(&mut reply, checksum);
    }
    reply
}
