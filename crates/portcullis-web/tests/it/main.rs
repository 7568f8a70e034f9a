//! The REST API over the real core: SQLite in a directory of the test, storages in memory, a clock that is moved by hand.

#![cfg(test)]

mod advice;
mod authenticator;
mod channel_keys;
mod conditions;
mod data_events;
mod dav;
mod ending;
mod examples;
mod files;
mod files_clients;
mod files_http;
mod files_list;
mod files_tus;
mod found;
mod imports;
mod isolation;
mod keys;
mod links;
mod matrix;
mod networks;
mod once;
mod openapi;
mod overlap;
mod own_keys;
mod panel;
mod passkeys;
mod people;
mod problems;
mod prove;
mod refusals;
mod second_factor;
mod secrets;
mod sessions;
mod shared;
mod sites;
mod soap;
mod socket;
mod storages;
mod sync;
mod transfers;
mod unrecordable;
mod world;
