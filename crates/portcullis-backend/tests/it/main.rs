//! Integration tests of the drivers.

#![allow(
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test may fail loudly, and ends with its tasks"
)]

// The attribute makes helper functions count as tests too, in which clippy.toml allows `unwrap`.
#[cfg(test)]
mod builtin;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod reserved;
#[cfg(test)]
mod s3;
