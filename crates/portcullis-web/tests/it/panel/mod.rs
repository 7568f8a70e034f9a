//! The panel as a browser without scripts sees it: pages are asked for, read, filled in and sent over the real router.

mod check;
mod connection;
mod crawl;
mod credentials;
mod escape;
mod generate;
mod groups;
mod identity;
mod keys;
mod links;
mod list;
mod networks;
mod outside;
mod people;
mod provider;
mod remote;
mod roles;
mod rows;
mod second_factor;
mod shared;
mod sign_in;
mod sites;
mod visit;
mod weight;
mod wizard;
mod wizard_fields;
