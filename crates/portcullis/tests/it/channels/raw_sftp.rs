//! SFTP by hand, version 3, through `ssh -s`: each request as its bytes, and the answer's.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::rig::{sftp_host, ssh};
use crate::world::{Access, World};

/// The subsystem `sftp` of a connection.
#[derive(Debug)]
pub(crate) struct Sftp {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
    next: u32,
}

/// An answer: its type and what it holds after the number of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) rest: Vec<u8>,
}

/// `SSH_FXP_STATUS`, `SSH_FXP_HANDLE`, `SSH_FXP_NAME`.
pub(crate) const STATUS: u8 = 101;
pub(crate) const HANDLE: u8 = 102;

impl Answer {
    /// The code of a status; none for another answer.
    pub(crate) fn status(&self) -> Option<u32> {
        (self.kind == STATUS).then(|| u32::from_be_bytes(self.rest[..4].try_into().unwrap()))
    }

    /// The handle, with its length before it as requests want it.
    pub(crate) fn handle(&self) -> Option<Vec<u8>> {
        (self.kind == HANDLE).then(|| self.rest.clone())
    }
}

/// Text or bytes with their length before them.
pub(crate) fn string(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [&u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
}

impl Sftp {
    /// A session; none if the server lets the key not in.
    pub(crate) fn start(world: &World, key: &Access) -> Option<Self> {
        let mut command = ssh(world, key, "ssh");
        // Who guesses wrong in one row is not to be slowed in the next.
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let own = Ipv4Addr::from(
            u32::from(Ipv4Addr::new(127, 3, 0, 1)) + NEXT.fetch_add(1, Ordering::Relaxed) % 60_000,
        );
        command.args(["-o", &format!("BindAddress={own}"), "-o", "LogLevel=ERROR", "-s"]).arg(format!(
            "{}@{}",
            key.access_key,
            sftp_host(world)
        ));
        command.arg("sftp").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut sftp = Self { child, to, from, next: 0 };
        sftp.write(&[&[1][..], &3_u32.to_be_bytes()].concat())?;
        let (kind, _) = sftp.read()?;
        assert_eq!(kind, 2, "no version");
        Some(sftp)
    }

    fn write(&mut self, packet: &[u8]) -> Option<()> {
        self.to.write_all(&string(packet)).ok()?;
        self.to.flush().ok()
    }

    fn read(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length).ok()?;
        let mut packet = vec![0; u32::from_be_bytes(length) as usize];
        self.from.read_exact(&mut packet).ok()?;
        let rest = packet.split_off(1);
        Some((packet[0], rest))
    }

    /// Sends a request and does not wait for its answer.
    pub(crate) fn tell(&mut self, kind: u8, body: &[u8]) -> Option<()> {
        self.next += 1;
        let packet = [&[kind][..], &self.next.to_be_bytes(), body].concat();
        self.write(&packet)
    }

    /// The next answer; none if the connection has ended.
    pub(crate) fn answer(&mut self) -> Option<Answer> {
        let (kind, mut rest) = self.read()?;
        let rest = rest.split_off(4);
        Some(Answer { kind, rest })
    }

    /// A request and its answer.
    pub(crate) fn ask(&mut self, kind: u8, body: &[u8]) -> Option<Answer> {
        self.tell(kind, body)?;
        self.answer()
    }

    /// Opens a file; `flags` as `SSH_FXP_OPEN` has them.
    pub(crate) fn open(&mut self, path: &str, flags: u32) -> Option<Answer> {
        self.ask(3, &[&string(path)[..], &flags.to_be_bytes(), &0_u32.to_be_bytes()].concat())
    }
}

impl Drop for Sftp {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
