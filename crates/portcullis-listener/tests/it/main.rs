//! The listener on real sockets, from the outside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a helper of a test fails by panicking, as the test does"
)]

mod client;
mod drain;
mod ending;
mod limits;
mod lines;
mod proxies;
mod requests;
mod server;
mod tls;
