//! Doors of line protocols over sockets, with real clients' habits and worse ones.

mod ftp_client;
mod ftp_data;
mod ftp_files;
mod ftp_hand;
mod ftp_login;
mod ftp_tls;
mod ftp_transfers;
mod sftp_client;
mod sftp_files;
mod sftp_flow;
mod sftp_login;
mod world;
