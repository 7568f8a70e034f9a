//! Mail submission (RFC 6409 over RFC 5321; RFC 3207, 4954, 8314 for who it is and in what secrecy; RFC 1870, 2034, 2920, 6152, 6531),
//! whose messages become files.
//!
//! One task serves one connection: `session` reads a line and answers it. Nobody says who they are outside TLS, nobody who has not said it
//! sends anything, and no message goes anywhere but into the storage of the key: there is no relaying and nothing that could do it.
//!
//! | what | where |
//! |---|---|
//! | verbs, addresses, parameters, replies: text and nothing else | `verb`, `request`, `address`, `parameters`, `reply` |
//! | bytes of a connection: lines, then a message | `wire`, `body` |
//! | who it is | `login` |
//! | which folder an address means | `recipient` |
//! | a message on its way | `letter`, `data`, `spool` |
//!
//! What a client can rely on: after 250 every attachment is a file that is durably stored, and after every other reply nothing is. A line
//! ends with CR LF and a message with CR LF `.` CR LF; a message with either of the two alone is refused, because other servers
//! might see another message in it. What was sent in clear is forgotten when TLS begins.

mod address;
mod body;
mod config;
mod data;
mod door;
mod letter;
mod login;
mod parameters;
mod recipient;
mod reply;
mod request;
mod session;
mod spool;
mod verb;
mod wire;

pub use config::{Security, SmtpConfig, SmtpTimes};
pub use door::serve;
pub use spool::Spool;
pub use verb::Verb;
