//! FTP (RFC 959 as it is spoken today: RFC 1123, 2228, 2389, 2428, 3659, 4217, 7151), plain or with TLS, over trees of files.
//!
//! One task serves one control connection: `session` reads a line, answers it, and while a transfer is under way listens for ABOR. What a
//! command means for files is asked of a [`Tree`](portcullis_files::Tree), which asks for a grant each time; nothing here knows of rights.
//!
//! | what | where |
//! |---|---|
//! | lines, verbs, replies, listings, times: text and nothing else | `lines`, `command`, `reply`, `format`, `moment` |
//! | the control connection, and its change to TLS | `control` |
//! | who it is, and whether in clear | `login` |
//! | where data comes and goes | `passive`, `data` |
//! | what is done | `session`, `settings`, `folders`, `listing`, `transfer`, `upload` |
//!
//! What a client can rely on: data connections come from the address of the control connection or not at all; there is no active mode, so this
//! server connects nowhere; each command has one final reply; an upload is a file when all of it has come, and over TLS only if the client said that it was all.

mod command;
mod config;
mod control;
mod data;
mod door;
mod folders;
mod format;
mod lines;
mod listing;
mod login;
mod moment;
mod passive;
mod reply;
mod session;
mod settings;
mod transfer;
mod upload;

pub use command::Command;
pub use config::{FtpConfig, FtpTimes, PassiveConfig, TlsMode};
pub use door::serve;
