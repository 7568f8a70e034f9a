//! SFTP: version 3 of the protocol, as OpenSSH speaks it, over SSH.
//!
//! SSH is the library's (russh): handshake, ciphers, channels. What is here is who may come in, what comes over a channel, and what that means
//! for files, which is asked of a [`Tree`](portcullis_files::Tree) of `portcullis-files`, request by request.
//!
//! | what | where |
//! |---|---|
//! | the server's own keys | `host_keys` |
//! | a connection: time to log in, idleness, shutdown | `door`, `activity` |
//! | who it is, which channels there are | `front` |
//! | a channel: requests one after the other, answers as the client takes them | `channel`, `pump`, `outbox` |
//! | packets | `request`, `reply`, `attrs` |
//! | what is done | `work`, `handles`, `writing` |
//!
//! What a client can rely on: a file is there when its `CLOSE` was answered, whole and on disk, and nothing of it before; what breaks off is kept and can be
//! gone on with. There is no shell, no forwarding, there are no links, and modes and owners mean nothing.

mod activity;
mod attrs;
mod channel;
mod door;
mod front;
mod handles;
mod host_keys;
mod outbox;
mod pump;
mod reply;
mod request;
mod work;
mod writing;

pub use door::{SftpConfig, SftpTimes, serve};
pub use host_keys::{HostKeyError, HostKeys};
pub use request::Request;
