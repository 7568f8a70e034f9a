//! A door for SFTP, and a client that says exactly what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_line::sftp::{HostKeys, SftpConfig, serve};
use russh::client::{self, AuthResult, Handle};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelMsg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::world::{Credentials, World};

/// Far more than anything here takes: a test that gets here has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const READ: u32 = 1;
pub(crate) const WRITE: u32 = 2;
pub(crate) const APPEND: u32 = 4;
pub(crate) const CREATE: u32 = 8;
pub(crate) const TRUNCATE: u32 = 16;
pub(crate) const EXCLUSIVE: u32 = 32;
/// As clients open a file that they send as a whole.
pub(crate) const PUT: u32 = WRITE | CREATE | TRUNCATE;

pub(crate) const OK: u32 = 0;
pub(crate) const EOF: u32 = 1;
pub(crate) const NO_SUCH_FILE: u32 = 2;
pub(crate) const DENIED: u32 = 3;
pub(crate) const FAILURE: u32 = 4;
pub(crate) const BAD_MESSAGE: u32 = 5;
pub(crate) const UNSUPPORTED: u32 = 8;

/// Opens a door.
pub(crate) async fn door(world: &World, change: impl FnOnce(&mut SftpConfig)) -> SocketAddr {
    let keys = HostKeys::open(&world.folder.path().join("ssh")).unwrap();
    let mut config = SftpConfig::new(keys);
    change(&mut config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (access, shutdown, tasks) = (world.access.clone(), world.shutdown.clone(), world.tasks.clone());
    world.tasks.spawn(async move { serve(config, listener, access, shutdown, tasks).await.unwrap() });
    address
}

/// Whoever answers is taken for the server.
pub(crate) struct Trusting;

impl client::Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
        Ok(true)
    }
}

pub(crate) type Ssh = Handle<Trusting>;

pub(crate) async fn connect(address: SocketAddr) -> Ssh {
    // A window that no answer of a test fills.
    let config =
        client::Config { window_size: 64 << 20, channel_buffer_size: 1 << 16, ..client::Config::default() };
    timeout(PATIENCE, client::connect(Arc::new(config), address, Trusting)).await.unwrap().unwrap()
}

pub(crate) async fn login(address: SocketAddr, who: &Credentials) -> Ssh {
    let mut ssh = connect(address).await;
    let answer = ssh.authenticate_password(&who.id, who.secret.reveal()).await.unwrap();
    assert!(matches!(answer, AuthResult::Success), "{answer:?}");
    ssh
}

/// An answer: its kind, its number, and the rest.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) kind: u8,
    pub(crate) id: u32,
    pub(crate) rest: Vec<u8>,
}

impl Answer {
    fn number(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.rest[at..at + 4].try_into().unwrap())
    }

    /// The code of a status.
    pub(crate) fn code(&self) -> u32 {
        assert_eq!(self.kind, 101, "{self:?}");
        self.number(0)
    }

    pub(crate) fn text(&self) -> Vec<u8> {
        let length = usize::try_from(self.number(0)).unwrap();
        self.rest[4..4 + length].to_vec()
    }

    /// Size and time of attributes.
    pub(crate) fn attrs(&self) -> (u64, bool, Option<u32>) {
        assert_eq!(self.kind, 105, "{self:?}");
        let size = u64::from_be_bytes(self.rest[4..12].try_into().unwrap());
        let folder = self.number(12) & 0o040_000 != 0;
        (size, folder, (self.number(0) & 8 != 0).then(|| self.number(20)))
    }
}

/// One channel on which SFTP is spoken.
pub(crate) struct Sftp {
    pub(crate) channel: Channel<client::Msg>,
    came: Vec<u8>,
    next: u32,
}

/// A text with its length before it.
pub(crate) fn text(text: impl AsRef<[u8]>) -> Vec<u8> {
    let text = text.as_ref();
    [&u32::try_from(text.len()).unwrap().to_be_bytes(), text].concat()
}

impl Sftp {
    pub(crate) async fn open(ssh: &Ssh) -> Self {
        let channel = ssh.channel_open_session().await.unwrap();
        channel.request_subsystem(true, "sftp").await.unwrap();
        let mut sftp = Self { channel, came: Vec::new(), next: 1 };
        sftp.send_raw(&[&[1][..], &3_u32.to_be_bytes()].concat()).await;
        let version = sftp.receive().await;
        assert_eq!((version.kind, version.id), (2, 3));
        sftp
    }

    /// Logs in and begins.
    pub(crate) async fn of(address: SocketAddr, who: &Credentials) -> (Ssh, Self) {
        let ssh = login(address, who).await;
        let sftp = Self::open(&ssh).await;
        (ssh, sftp)
    }

    pub(crate) async fn send_raw(&mut self, packet: &[u8]) {
        let framed = text(packet);
        timeout(PATIENCE, self.channel.data_bytes(framed)).await.unwrap().unwrap();
    }

    pub(crate) async fn send(&mut self, kind: u8, parts: &[&[u8]]) -> u32 {
        let id = self.next;
        self.next += 1;
        let packet = [&[kind][..], &id.to_be_bytes(), &parts.concat()].concat();
        self.send_raw(&packet).await;
        id
    }

    /// The next answer; none if the channel ends.
    pub(crate) async fn try_receive(&mut self) -> Option<Answer> {
        loop {
            if let Some(length) = self.came.first_chunk::<4>().map(|length| u32::from_be_bytes(*length)) {
                let end = 4 + usize::try_from(length).unwrap();
                if self.came.len() >= end {
                    let packet: Vec<u8> = self.came.drain(..end).skip(4).collect();
                    let id = u32::from_be_bytes(packet[1..5].try_into().unwrap());
                    return Some(Answer { kind: packet[0], id, rest: packet[5..].to_vec() });
                }
            }
            let message = timeout(PATIENCE, self.channel.wait()).await.unwrap()?;
            if let ChannelMsg::Data { data } = message {
                self.came.extend_from_slice(&data);
            } else if matches!(message, ChannelMsg::Close) {
                return None;
            }
        }
    }

    pub(crate) async fn receive(&mut self) -> Answer {
        self.try_receive().await.expect("the channel ended")
    }

    pub(crate) async fn ask(&mut self, kind: u8, parts: &[&[u8]]) -> Answer {
        let id = self.send(kind, parts).await;
        let answer = self.receive().await;
        assert_eq!(answer.id, id, "{answer:?}");
        answer
    }

    /// A request whose answer is a status.
    pub(crate) async fn code(&mut self, kind: u8, parts: &[&[u8]]) -> u32 {
        self.ask(kind, parts).await.code()
    }

    pub(crate) async fn try_open(&mut self, path: &str, flags: u32) -> Result<Vec<u8>, u32> {
        let answer = self.ask(3, &[&text(path), &flags.to_be_bytes(), &[0; 4]]).await;
        if answer.kind == 102 { Ok(answer.text()) } else { Err(answer.code()) }
    }

    pub(crate) async fn file(&mut self, path: &str, flags: u32) -> Vec<u8> {
        self.try_open(path, flags).await.unwrap()
    }

    pub(crate) async fn write(&mut self, handle: &[u8], offset: u64, bytes: &[u8]) -> u32 {
        self.code(6, &[&text(handle), &offset.to_be_bytes(), &text(bytes)]).await
    }

    pub(crate) async fn close(&mut self, handle: &[u8]) -> u32 {
        self.code(4, &[&text(handle)]).await
    }

    pub(crate) async fn put(&mut self, path: &str, bytes: &[u8]) {
        let handle = self.file(path, PUT).await;
        for (number, piece) in bytes.chunks(32 * 1024).enumerate() {
            let offset = wide(number * 32 * 1024);
            assert_eq!(self.write(&handle, offset, piece).await, OK);
        }
        assert_eq!(self.close(&handle).await, OK);
    }

    pub(crate) async fn read(&mut self, handle: &[u8], offset: u64, length: u32) -> Result<Vec<u8>, u32> {
        let answer = self.ask(5, &[&text(handle), &offset.to_be_bytes(), &length.to_be_bytes()]).await;
        if answer.kind == 103 { Ok(answer.text()) } else { Err(answer.code()) }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Result<Vec<u8>, u32> {
        let handle = self.try_open(path, READ).await?;
        let mut all = Vec::new();
        loop {
            match self.read(&handle, wide(all.len()), 200_000).await {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(EOF) => break,
                Err(code) => return Err(code),
            }
        }
        assert_eq!(self.close(&handle).await, OK);
        Ok(all)
    }

    /// Size, whether it is a folder, and when it was modified.
    pub(crate) async fn stat(&mut self, path: &str) -> Result<(u64, bool, Option<u32>), u32> {
        let answer = self.ask(17, &[&text(path)]).await;
        if answer.kind == 105 { Ok(answer.attrs()) } else { Err(answer.code()) }
    }

    pub(crate) async fn rename(&mut self, from: &str, to: &str) -> u32 {
        self.code(18, &[&text(from), &text(to)]).await
    }

    /// The names in a folder, and in how many answers they came.
    pub(crate) async fn list(&mut self, path: &str) -> Result<(Vec<String>, usize), u32> {
        let answer = self.ask(11, &[&text(path)]).await;
        if answer.kind != 102 {
            return Err(answer.code());
        }
        let handle = answer.text();
        let (mut names, mut answers) = (Vec::new(), 0);
        loop {
            let answer = self.ask(12, &[&text(&handle)]).await;
            if answer.kind != 104 {
                assert_eq!(answer.code(), EOF);
                assert_eq!(self.close(&handle).await, OK);
                return Ok((names, answers));
            }
            answers += 1;
            let mut rest = &answer.rest[4..];
            for _ in 0..answer.number(0) {
                names.push(String::from_utf8(take(&mut rest)).unwrap());
                take(&mut rest);
                let flags = number(&mut rest);
                let attributes = 8 + 4 + if flags & 8 != 0 { 8 } else { 0 };
                rest = &rest[attributes..];
            }
            assert!(rest.is_empty());
        }
    }
}

fn number(rest: &mut &[u8]) -> u32 {
    let (number, more) = rest.split_first_chunk::<4>().unwrap();
    *rest = more;
    u32::from_be_bytes(*number)
}

fn take(rest: &mut &[u8]) -> Vec<u8> {
    let length = usize::try_from(number(rest)).unwrap();
    let (text, more) = rest.split_at(length);
    *rest = more;
    text.to_vec()
}

/// Bytes that no two places of have in common.
pub(crate) fn pattern(length: usize) -> Vec<u8> {
    (0_u32..).flat_map(|number| number.wrapping_mul(2_654_435_761).to_be_bytes()).take(length).collect()
}

/// A place in a file.
pub(crate) fn wide(place: usize) -> u64 {
    u64::try_from(place).unwrap()
}

/// What comes on a plain connection until it ends.
pub(crate) async fn rest(stream: &mut tokio::net::TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    drop(timeout(PATIENCE, stream.read_to_end(&mut rest)).await.unwrap());
    rest
}

/// Says something and does not mind if nobody listens.
pub(crate) async fn say(stream: &mut tokio::net::TcpStream, bytes: &[u8]) {
    drop(stream.write_all(bytes).await);
}
