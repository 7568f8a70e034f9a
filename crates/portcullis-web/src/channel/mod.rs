//! What the doors for keys of the channel `http` share: plain HTTP under `/files` and WebDAV under `/dav`.
//!
//! A key authenticates with every request, by `Basic` or `Bearer`. A cookie of the panel means nothing here, and neither does a
//! session's token: what a browser sends along by itself must not open files to the page that made it do so.

mod accept;
mod caller;
mod foreign;
mod refused;

pub(crate) use accept::{Accepted, wanted};
pub(crate) use caller::{Door, authenticate, basic_pair};
pub(crate) use foreign::refuse_foreign;
pub(crate) use refused::{problem, status_of};
