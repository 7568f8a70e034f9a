//! The S3 door of this process, as administration goes through it to prove a key.

use std::net::IpAddr;

use async_trait::async_trait;
use portcullis_control::{S3Door, S3Reply, SignedS3};
use portcullis_s3::{Indoors, Request};

/// The longest answer that is read.
const LONGEST: usize = 64 * 1024;

/// [`S3Door`] above the service of this process.
#[derive(Debug)]
pub(crate) struct Within(pub(crate) Indoors);

#[async_trait]
impl S3Door for Within {
    async fn call(&self, from: IpAddr, request: SignedS3) -> Option<S3Reply> {
        let mut built = Request::builder().method(request.method).uri(&request.target);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        let request = built.body(request.body.into()).ok()?;
        let reply = self.0.call(from, request, LONGEST).await;
        let version = reply.headers().get("x-amz-version-id").and_then(|id| id.to_str().ok());
        Some(S3Reply {
            status: reply.status().as_u16(),
            version: version.map(str::to_owned),
            body: reply.body().to_vec(),
        })
    }
}
