//! The panel as a browser without scripts sees it: pages are asked for, read, filled in and sent over the real router.

mod check;
mod connection;
mod crawl;
mod credentials;
mod escape;
mod generate;
mod keys;
mod list;
mod networks;
mod outside;
mod provider;
mod remote;
mod roles;
mod rows;
mod sign_in;
mod visit;
mod weight;
mod wizard;
mod wizard_fields;
