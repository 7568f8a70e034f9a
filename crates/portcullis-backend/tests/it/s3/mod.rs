//! The driver of remote buckets.

mod conformance;
mod connecting;
mod facts;
mod faults;
mod lies;
mod peers;
mod proxy;
mod world;
