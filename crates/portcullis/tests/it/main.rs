//! The whole system, from the outside: the real binary, real sockets, real clients.

#![cfg(test)]
#![allow(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::wildcard_enum_match_arm,
    clippy::let_underscore_must_use,
    reason = "a test may fail loudly, lives in real time and starts real programs"
)]

mod agency;
mod audit_sinks;
mod audit_trail;
mod bad_input;
mod channels;
mod cli;
mod cli_people;
mod cli_sync;
mod clients;
mod cluster;
mod cut_off;
mod demanding;
mod ending;
mod first_files;
mod first_start;
mod http;
mod import;
mod isolation;
mod leaks;
mod matrix;
mod memory;
mod offline;
mod oidc;
mod panel_keys;
mod panel_settings;
mod proxies;
mod refusals;
mod remote;
mod rest_matrix;
mod rest_page;
mod rotation;
mod schemathesis;
mod setups;
mod shared_links;
mod slow;
mod sync_cases;
mod sync_clients;
mod sync_compared;
mod sync_day;
mod sync_foreign;
mod sync_guards;
mod sync_rig;
mod sync_runs;
mod temporary;
mod tidy;
mod tls;
mod wire;
mod world;
