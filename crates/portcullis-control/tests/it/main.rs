//! Administration over the real core: SQLite in a directory of the test, storages in memory, a clock that is moved by hand.

#![cfg(test)]

mod advice;
mod chosen_keys;
mod connections;
mod cut_off;
mod ending;
mod explain;
mod explain_fixes;
mod facts;
mod idle_keys;
mod impact;
mod imports;
mod keys;
mod knocks;
mod leak;
mod links;
mod networks;
mod once;
mod own_keys;
mod people;
mod prove;
mod receipts;
mod rotation;
mod service_keys;
mod sharing;
mod sinks;
mod sites;
mod sync;
mod temporary;
mod trail;
mod users;
mod world;
