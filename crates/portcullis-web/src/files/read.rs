//! Downloads.

use axum::response::Response;
use portcullis_access::Get;
use portcullis_domain::BucketName;

use super::{Call, refused, target};
use crate::handlers::file;
use crate::headers::download;
use crate::problem::Result;

/// `GET` and `HEAD` of a file.
pub(super) async fn file(call: &Call<'_>, bucket: &BucketName, name: &str, head: bool) -> Result<Response> {
    let key = target::key(name)?;
    let grant = call.enter(bucket).await?.grant::<Get>(key.clone()).map_err(refused)?;
    let read = file::read(grant, &call.parts.headers, head).await;
    let mut response = read.map_err(refused)?;
    if response.status().is_success() {
        response.headers_mut().extend(download::for_tools(&key));
    }
    Ok(response)
}
