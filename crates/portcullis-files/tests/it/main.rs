//! Trees over a real core: the reference driver in memory and the embedded store, counted and made to fail by a spy.

mod blind;
mod browse;
mod costs;
mod faults;
mod places;
mod reading;
mod remote;
mod resume;
mod spy;
mod transfer;
mod world;
mod writing;
