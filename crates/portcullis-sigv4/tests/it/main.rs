//! The signature as a client and a server meet it: published vectors, an independent signer as the oracle, and
//! everything that must be refused.

#![cfg(test)]

mod botocore;
mod chunked;
mod coverage;
mod oracle;
mod refused;
mod round_trip;
mod support;
mod tampered;
mod time;
mod vectors;
