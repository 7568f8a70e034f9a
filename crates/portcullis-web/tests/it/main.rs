//! The REST API over the real core: SQLite in a directory of the test, storages in memory, a clock that is moved by hand.

#![cfg(test)]

mod files;
mod keys;
mod matrix;
mod openapi;
mod panel;
mod problems;
mod secrets;
mod sessions;
mod socket;
mod storages;
mod world;
