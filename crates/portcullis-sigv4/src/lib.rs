//! AWS Signature Version 4 for S3, and for the token service beside it: canonical form, signing and verification, pure.
//!
//! Nothing here reads a clock, a socket or a key store. A front collects a [`RawRequest`] from what came over the
//! wire, [`parse()`] finds what the client presents, the caller looks the key up and derives (or takes from its cache)
//! a [`SigningKey`], and [`Presented::verify`] answers with a [`Seed`] or a mismatch. The same canonical form signs
//! requests in [`Signer`], so that verifying and signing cannot drift apart.
//!
//! ```
//! use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer, parse};
//!
//! let date = AmzDate::from_unix(1_369_353_600).ok_or("out of range")?;
//! let signer = Signer::new("PCEXAMPLE", b"secret", "us-east-1", &date)?;
//! let plain = [("host", b"files.example.com".as_slice())];
//! let request = RawRequest { method: "GET", path: "/photos/a%20b", query: None, headers: &plain };
//! let signed = signer.sign(&request, &date, Payload::Unsigned)?;
//!
//! let sent = [
//!     ("host", b"files.example.com".as_slice()),
//!     ("x-amz-date", signed.date.as_bytes()),
//!     ("x-amz-content-sha256", signed.content_sha256.as_bytes()),
//!     ("authorization", signed.authorization.as_bytes()),
//! ];
//! let received = RawRequest { headers: &sent, ..request };
//! let presented = parse(&received)?.ok_or("anonymous")?;
//! assert_eq!(presented.access_key_id(), "PCEXAMPLE");
//! presented.check_time(1_369_353_700)?;
//! presented.verify(signer.key())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reference: *Authenticating Requests (AWS Signature Version 4)* in the Amazon S3 API Reference.

pub mod aws_chunked;
mod canonical;
mod chunk;
mod date;
pub mod encode;
mod error;
mod parse;
mod payload;
mod post_policy;
mod request;
mod scope;
mod sign;
mod signature;
mod signing_key;
mod time;
mod verify;

pub use chunk::{ChunkSigner, ChunkVerifier};
pub use date::AmzDate;
pub use error::{AuthParseError, Malformed, NotImplemented};
pub use parse::{Location, Presented, parse, parse_sts};
pub use payload::Payload;
pub use post_policy::PresentedPolicy;
pub use request::RawRequest;
pub use scope::{MAX_ACCESS_KEY_ID, MAX_REGION, Scope, Service};
pub use sign::{SignError, SignedRequest, Signer};
pub use signature::{Signature, SignatureMismatch};
pub use signing_key::SigningKey;
pub use time::{MAX_EXPIRES_SECONDS, MAX_SKEW_SECONDS, TimeError};
pub use verify::Seed;

/// The only algorithm that is accepted and produced.
pub const ALGORITHM: &str = "AWS4-HMAC-SHA256";
