//! The S3 door of this process, as a proof goes through it.

use std::fmt::Debug;
use std::net::IpAddr;

use async_trait::async_trait;

/// A request of S3 with everything that its signature covers.
#[derive(Clone, Debug)]
pub struct SignedS3 {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct S3Reply {
    /// The status.
    pub status: u16,
    /// The version that was written.
    pub version: Option<String>,
    /// The body; empty if it is long.
    pub body: Vec<u8>,
}

/// The door, without a socket before it.
#[async_trait]
pub trait S3Door: Debug + Send + Sync {
    /// Sends a request through, as if it came from this address; none if there is no such door here.
    async fn call(&self, from: IpAddr, request: SignedS3) -> Option<S3Reply>;
}

/// A process without that door.
#[derive(Clone, Copy, Debug)]
pub struct NoS3Door;

#[async_trait]
impl S3Door for NoS3Door {
    async fn call(&self, _: IpAddr, _: SignedS3) -> Option<S3Reply> {
        None
    }
}
