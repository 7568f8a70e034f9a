//! Plain HTTP and WebDAV by hand, with name and secret in the header.

use std::io::Write as _;
use std::net::TcpStream;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use crate::http::{Answer, connect_with, exchange_on, head};
use crate::wire::Wire;
use crate::world::{Access, World};

/// `Authorization` with name and secret.
pub(crate) fn basic(key: &Access) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{}", key.access_key, key.secret)))
}

/// The host and port of the door for files, panel and REST.
pub(crate) fn host(world: &World) -> &str {
    world.web.split_once("://").unwrap().1
}

/// One request; without a key nothing is said of who one is.
pub(crate) fn call(
    world: &World,
    key: Option<&Access>,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let who = key.map(basic);
    let mut all = headers.to_vec();
    all.extend(who.as_deref().map(|who| ("authorization", who)));
    exchange_on(Wire::to(world, host(world)), host(world), (method, target), &all, body)
}

/// A request whose body, so many bytes long, and answer are the caller's to send and read.
pub(crate) fn open(world: &World, key: &Access, method: &str, target: &str, length: u64) -> TcpStream {
    let mut stream = connect_with(host(world), None, Some(16 << 10));
    let who = basic(key);
    stream.write_all(&head(host(world), method, target, &[("authorization", &who)], length)).unwrap();
    stream
}
