//! The accept loops: one that every HTTP door shares ([`serve`]), and one for protocols that are not HTTP ([`serve_lines`]), with the same seats,
//! back-off, proxies and TLS.
//!
//! # HTTP
//!
//! A door hands [`serve`] a bound listener, its [`Limits`] and a service, and gets for each request a [`Peer`] in the
//! request's extensions and a [`RequestBody`] that ends with an error when the client stops sending. Beside the peer there is
//! an `Arc<dyn Line>`: with it the connection can be ended at once, whatever it still holds for a client that does not read.
//!
//! One connection goes this way: `accept` (seats, back-off) → `connection` (one task: hyper, beside it the watchdog)
//! → `service` (peer and body put in place) → the door. `connection` is generic over the transport: the stream whose PROXY
//! header was read, or with [`Tls`] a session over it.
//!
//! Behind proxies that are believed ([`Proxies`]) the peer is the client that they tell of. A request from such a proxy that
//! does not tell it in a readable way carries no [`Peer`]: a door refuses it, since no network could be checked.
//!
//! | what the client does | limit | what happens |
//! |---|---|---|
//! | connects to a door with [`Tls`] and does not shake hands | ten seconds | closed |
//! | connects and sends no complete head | [`Limits::header_read_timeout`] from the connect | closed |
//! | begins a later head and does not end it | [`Limits::header_read_timeout`] from its first bytes | closed |
//! | keeps an idle connection | [`Limits::idle_timeout`] | closed |
//! | stops in the middle of a body | [`Limits::read_stall`] | the service gets [`BodyError::Stalled`]; its answer is the last one |
//! | does not read an answer | [`Limits::write_stall`] | closed |
//! | sends nonsense, or too long a head | [`Limits::max_header_bytes`], [`Limits::max_headers`] | 400, 431, then closed |
//!
//! How long a service works on an answer is its own affair: no limit here counts that time.
//!
//! # Line protocols
//!
//! A door hands [`serve_lines`] what serves one [`LineConnection`]: the stream, the [`Peer`], and the [`SessionLine`] under which further sockets of the
//! session are put. To end the line resets all of them before that returns, whoever holds them, and drops whoever serves. TLS is spoken on top of a
//! [`LineStream`], from the first byte or later ([`secure_line`]), so it ends with it.

mod accept;
mod backoff;
mod body;
mod connection;
mod limits;
mod line;
mod lines;
mod peer;
mod progress;
mod proxies;
mod seats;
mod service;
mod tls;
mod watchdog;

pub use accept::{DoorConfig, serve};
pub use body::{BodyError, RequestBody};
pub use hyper_util::service::TowerToHyperService;
pub use limits::Limits;
pub use lines::{LineConnection, LineStream, LinesConfig, SessionLine, serve_lines};
pub use peer::Peer;
pub use proxies::{Proxies, ProxyKind, UnknownProxyKind};
pub use tls::{Tls, TlsError, TlsLine, secure_line};
