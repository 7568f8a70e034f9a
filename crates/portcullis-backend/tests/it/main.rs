//! Integration tests of the drivers.

// The attribute makes helper functions count as tests too, in which clippy.toml allows `unwrap`.
#[cfg(test)]
mod builtin;
#[cfg(test)]
mod memory;
