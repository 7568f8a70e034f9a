//! The whole system, from the outside: the real binary, real sockets, real clients.

mod bad_input;
mod cli;
mod clients;
mod first_files;
mod http;
mod matrix;
mod memory;
mod rest_matrix;
mod tidy;
mod world;
