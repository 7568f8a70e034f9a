//! Doors of line protocols over sockets, with real clients' habits and worse ones.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a helper of a test fails by panicking, as the test does"
)]

mod conversation;
mod ftp_client;
mod ftp_data;
mod ftp_files;
mod ftp_login;
mod ftp_tls;
mod ftp_transfers;
mod mail;
mod sftp_client;
mod sftp_clients;
mod sftp_files;
mod sftp_flow;
mod sftp_login;
mod smtp_client;
mod smtp_letters;
mod smtp_login;
mod smtp_other;
mod smtp_wire;
mod world;
