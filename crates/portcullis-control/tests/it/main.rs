//! Administration over the real core: SQLite in a directory of the test, storages in memory, a clock that is moved by hand.

#![cfg(test)]

mod connections;
mod facts;
mod keys;
mod once;
mod people;
mod world;
