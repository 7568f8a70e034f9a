//! Signing in, over real connections.

#![cfg(test)]

mod oidc;
