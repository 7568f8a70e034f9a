//! Runs played through in a world made for it: two sides in memory that behave like different providers, a journal in memory, people who write
//! to both sides at any moment, and everything that can go wrong at any request and any line of the journal. A ledger watches
//! that nothing is ever lost.

#![cfg(test)]

mod answer;
mod bugs;
mod fault;
mod faults;
mod games;
mod journal;
mod plans;
mod play;
mod real;
mod rng;
mod shelf;
mod store;
mod world;
