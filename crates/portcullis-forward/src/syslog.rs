//! Syslog: RFC 5424 messages as datagrams (RFC 5426), with counted octets over TCP (RFC 6587, 3.4.1), or so over TLS (RFC 5425).

use std::io;
use std::time::Duration;

use portcullis_domain::trail::ChainedEvent;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::connect::{Tls, Wire, host_and_port};
use crate::{ForwardError, InvalidSettings, invalid};

/// The longest that writing a batch may take.
const WRITING: Duration = Duration::from_secs(10);
/// Syslog has no answers. For so long after a batch is looked whether the other end hung up: then nobody knows what it has.
const HANG_UP: Duration = Duration::from_millis(100);
/// The longest datagram; what is longer is cut.
const LONGEST_DATAGRAM: usize = 60_000;
/// Facility 13, log audit; severity 6, informational, and 4, warning (RFC 5424, 6.2.1).
const ALLOWED: u8 = 13 * 8 + 6;
const REFUSED: u8 = 13 * 8 + 4;
/// The longest MSGID and the longest HOSTNAME (RFC 5424, 6).
const LONGEST_ID: usize = 32;
const LONGEST_HOST: usize = 255;

/// A syslog server.
pub(crate) struct Syslog {
    transport: Transport,
    host: String,
    port: u16,
    host_name: String,
    tls: Tls,
    /// The connection of the last batch.
    open: Mutex<Option<Box<dyn Wire>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
    Tls,
}

impl Transport {
    const ALL: [(Self, &'static str, u16); 3] =
        [(Self::Udp, "udp", 514), (Self::Tcp, "tcp", 601), (Self::Tls, "tls", 6514)];
}

impl std::fmt::Debug for Syslog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Syslog").field("target", &self.target()).finish_non_exhaustive()
    }
}

impl Syslog {
    pub(crate) fn new(address: &str, host_name: &str, tls: Tls) -> Result<Self, InvalidSettings> {
        let known = Transport::ALL.iter().find_map(|(transport, scheme, port)| {
            let rest = address.strip_prefix(scheme)?.strip_prefix("://")?;
            Some((*transport, host_and_port(rest, *port)?))
        });
        let Some((transport, (host, port))) = known else {
            let shape = "write tcp://siem.example.com:601, udp://… or tls://…, without a path";
            return Err(invalid(
                "address",
                format!("\"{address}\" is not the address of a syslog server; {shape}"),
            ));
        };
        let host_name = printable(host_name, LONGEST_HOST);
        Ok(Self { transport, host, port, host_name, tls, open: Mutex::new(None) })
    }

    pub(crate) fn target(&self) -> String {
        let scheme = Transport::ALL.iter().find(|(transport, ..)| *transport == self.transport);
        let scheme = scheme.map_or("", |(_, scheme, _)| scheme);
        if self.host.contains(':') {
            format!("{scheme}://[{}]:{}", self.host, self.port)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }

    /// Sends these lines, which are those of the first entries.
    pub(crate) async fn send(
        &self,
        entries: &[(i64, ChainedEvent)],
        lines: &[String],
    ) -> Result<(), ForwardError> {
        let messages = entries.iter().zip(lines).map(|((_, entry), line)| self.message(entry, line));
        let sent = match self.transport {
            Transport::Udp => timeout(WRITING, self.datagrams(messages)).await,
            Transport::Tcp | Transport::Tls => {
                let mut frames = Vec::new();
                for message in messages {
                    frames.extend_from_slice(format!("{} ", message.len()).as_bytes());
                    frames.extend_from_slice(message.as_bytes());
                }
                let mut open = self.open.lock().await;
                let mut wire = match still_there(open.take()).await {
                    Some(wire) => wire,
                    None => {
                        self.tls.connect((&self.host, self.port), self.transport == Transport::Tls).await?
                    }
                };
                let sent = timeout(WRITING, stream(&mut wire, &frames)).await;
                if matches!(sent, Ok(Ok(()))) {
                    *open = Some(wire);
                }
                sent
            }
        };
        match sent {
            Ok(sent) => sent.map_err(|error| ForwardError::new(format!("cannot send: {error}"))),
            Err(_) => Err(ForwardError::new("cannot send: it takes nothing for 10 seconds")),
        }
    }

    async fn datagrams(&self, messages: impl Iterator<Item = String> + Send) -> io::Result<()> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        let mut socket = None;
        for address in tokio::net::lookup_host((self.host.as_str(), self.port)).await? {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let bound = UdpSocket::bind(any).await?;
            match bound.connect(address).await {
                Ok(()) => {
                    socket = Some(bound);
                    break;
                }
                Err(error) => last = error,
            }
        }
        let Some(socket) = socket else { return Err(last) };
        for message in messages {
            let end = message.floor_char_boundary(LONGEST_DATAGRAM);
            socket.send(message.as_bytes().get(..end).unwrap_or_default()).await?;
        }
        // A port that nobody listens on says so, soon, on this machine and in many networks.
        match timeout(HANG_UP, socket.recv(&mut [0; 64])).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    /// The message is the line as it is in an export, in ASCII or not (MSG-ANY, RFC 5424, 6.4).
    fn message(&self, entry: &ChainedEvent, line: &str) -> String {
        let event = &entry.event;
        let priority = if event.allowed { ALLOWED } else { REFUSED };
        let (host, id) = (&self.host_name, printable(&event.action, LONGEST_ID));
        format!("<{priority}>1 {} {host} portcullis - {id} - {line}", event.at)
    }
}

/// The connection, unless the other end has hung up since it was used: servers do when nothing comes for a while.
async fn still_there(wire: Option<Box<dyn Wire>>) -> Option<Box<dyn Wire>> {
    let mut wire = wire?;
    match timeout(Duration::ZERO, wire.read(&mut [0; 256])).await {
        Err(_) => Some(wire),
        Ok(Ok(said)) if said > 0 => Some(wire),
        Ok(_) => None,
    }
}

/// Writes, and looks whether the other end is still there.
async fn stream(wire: &mut Box<dyn Wire>, frames: &[u8]) -> io::Result<()> {
    let hung_up = || io::Error::new(io::ErrorKind::ConnectionReset, "the other end hung up");
    wire.write_all(frames).await?;
    wire.flush().await?;
    match timeout(HANG_UP, wire.read(&mut [0; 256])).await {
        // It says something, which syslog does not: whatever it is, it is there.
        Ok(Ok(said)) if said > 0 => Ok(()),
        Ok(Ok(_)) => Err(hung_up()),
        Ok(Err(error)) => Err(error),
        Err(_) => Ok(()),
    }
}

/// Text as a field of the header takes it: printable ASCII without blanks, `-` for none.
fn printable(text: &str, longest: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn syslog(address: &str) -> Result<Syslog, InvalidSettings> {
        Syslog::new(address, "gate 1", Tls::new(None, false).unwrap())
    }

    #[test]
    fn addresses() {
        for (given, target) in [
            ("udp://127.0.0.1", "udp://127.0.0.1:514"),
            ("tcp://siem.example.com", "tcp://siem.example.com:601"),
            ("tls://[2001:db8::1]:16514", "tls://[2001:db8::1]:16514"),
        ] {
            assert_eq!(syslog(given).unwrap().target(), target);
        }
        for wrong in
            ["siem.example.com:601", "http://siem", "tcp://", "tcp://a:b", "tcp://u@a:1", "tcp://a:70000"]
        {
            assert!(syslog(wrong).unwrap_err().to_string().contains("tcp://siem.example.com:601"), "{wrong}");
        }
    }

    #[test]
    fn fields_of_the_header_hold_no_blanks() {
        assert_eq!(syslog("udp://[::1]").unwrap().host_name, "gate1");
        assert_eq!(printable("ü\n", 10), "-");
        assert_eq!(printable(&"a".repeat(40), LONGEST_ID).len(), 32);
    }
}
