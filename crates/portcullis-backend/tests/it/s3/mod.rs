//! The driver of remote buckets.

mod conformance;
mod connecting;
mod faults;
mod lies;
mod proxy;
mod world;
