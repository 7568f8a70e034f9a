//! Trees over a real core: the reference driver in memory and the embedded store, counted and made to fail by a spy.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails by panicking, as the test does")]

mod blind;
mod browse;
mod costs;
mod delivery;
mod faults;
mod places;
mod reading;
mod remote;
mod resume;
mod spy;
mod transfer;
mod world;
mod writing;
