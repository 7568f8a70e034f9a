//! The S3 protocol on hyper: parse, authenticate, ask for a grant, render.
//!
//! A request goes one way. [`Operation`] is found by an allow-list, and what is not on it ends there with
//! `NotImplemented`; the signature is checked over the request as it came; the operation asks `portcullis-access` for a
//! grant and uses it; its outcome becomes an S3 answer, or its error an S3 error, in one function. There is no check of
//! rights in this crate and no way to bytes but a grant.
//!
//! What an answer may tell: a bucket that is not there and one that the key does not open look the same, and a key that
//! may only write gets the same answers whatever exists.
//!
//! The token service of AWS, as far as it makes temporary credentials, is spoken at the same address.
//!
//! Reference: *Amazon S3 API Reference*, API version 2006-03-01.

mod auth;
mod body;
mod call;
mod error;
mod headers;
mod operation;
mod ops;
mod post;
mod query;
mod reply;
mod request_id;
mod serve;
mod sts;
mod target;
mod time;
mod token;
mod xml;

pub use http::Request;
pub use operation::{Level, Operation, Shape};
pub use portcullis_listener::Limits;
pub use serve::{Config, Indoors, serve};
