//! Transfers that have begun and wait, one of each kind and channel.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::raw_ftp::Ftp;
use super::raw_http;
use super::raw_sftp::{Answer, Sftp, string};
use super::raw_soap::{self, Bytes};
use crate::world::{Access, World};

/// How large the file is that is downloaded: more than all buffers on the way hold.
pub(crate) const LARGE: usize = 64 << 20;
/// What is uploaded before a client stops: more than is kept in memory before a first part is written.
pub(crate) const FIRST: usize = 9 << 20;
/// The same in base64; and what every upload is made of, which is base64 too.
const FIRST_INLINE: usize = FIRST / 3 * 4;
pub(crate) const BYTE: u8 = b'A';
/// So much is asked of a file at once over SFTP, and so often.
const PIECE: usize = 32 << 10;

/// A kind of transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    HttpGet,
    HttpPut,
    DavGet,
    DavPut,
    FtpRetr,
    FtpStor,
    SftpGet,
    SftpPut,
    SoapGet,
    SoapPut,
    MtomGet,
    MtomPut,
}

impl Kind {
    pub(crate) const ALL: [Self; 12] = [
        Self::HttpGet,
        Self::HttpPut,
        Self::DavGet,
        Self::DavPut,
        Self::FtpRetr,
        Self::FtpStor,
        Self::SftpGet,
        Self::SftpPut,
        Self::SoapGet,
        Self::SoapPut,
        Self::MtomGet,
        Self::MtomPut,
    ];

    pub(crate) const fn channel(self) -> &'static str {
        match self {
            Self::HttpGet | Self::HttpPut | Self::DavGet | Self::DavPut => "http",
            Self::FtpRetr | Self::FtpStor | Self::SftpGet | Self::SftpPut => "ftp",
            Self::SoapGet | Self::SoapPut | Self::MtomGet | Self::MtomPut => "web-service",
        }
    }

    pub(crate) const fn uploads(self) -> bool {
        match self {
            Self::HttpPut | Self::DavPut | Self::FtpStor | Self::SftpPut | Self::SoapPut | Self::MtomPut => {
                true
            }
            Self::HttpGet | Self::DavGet | Self::FtpRetr | Self::SftpGet | Self::SoapGet | Self::MtomGet => {
                false
            }
        }
    }
}

/// One of them under way.
#[derive(Debug)]
pub(crate) enum Held {
    Down(TcpStream),
    Up(TcpStream),
    FtpDown(Ftp, TcpStream),
    FtpUp(Ftp, TcpStream),
    SftpDown(Sftp),
    SftpUp(Sftp, Vec<u8>),
}

/// Begins it: a download of `large`, or an upload of `name`.
pub(crate) fn begin(kind: Kind, world: &World, key: &Access, name: &str) -> Held {
    let target = |name: &str| match kind {
        Kind::HttpGet | Kind::HttpPut => format!("/files/{}/{name}", key.bucket),
        _ => format!("/dav/{name}"),
    };
    match kind {
        Kind::HttpGet | Kind::DavGet | Kind::SoapGet | Kind::MtomGet => {
            let mut stream = match kind {
                Kind::SoapGet => raw_soap::open_get(world, key, Bytes::Inline, "/large"),
                Kind::MtomGet => raw_soap::open_get(world, key, Bytes::Beside, "/large"),
                _ => raw_http::open(world, key, "GET", &target("large"), 0),
            };
            let mut first = vec![0; PIECE];
            stream.read_exact(&mut first).unwrap();
            assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..200]));
            Held::Down(stream)
        }
        Kind::HttpPut | Kind::DavPut => {
            let mut stream = raw_http::open(world, key, "PUT", &target(name), LARGE as u64);
            stream.write_all(&vec![BYTE; FIRST]).unwrap();
            Held::Up(stream)
        }
        Kind::SoapPut => {
            let content = (LARGE / 3 * 4) as u64;
            let mut stream = raw_soap::open_put(world, key, Bytes::Inline, &format!("/{name}"), content);
            stream.write_all(&vec![BYTE; FIRST_INLINE]).unwrap();
            Held::Up(stream)
        }
        Kind::MtomPut => {
            let path = format!("/{name}");
            let mut stream = raw_soap::open_put(world, key, Bytes::Beside, &path, LARGE as u64);
            stream.write_all(&vec![BYTE; FIRST]).unwrap();
            Held::Up(stream)
        }
        Kind::FtpRetr => {
            let mut ftp = Ftp::login(world.ftp.as_deref().unwrap(), key);
            let mut data = ftp.passive(Some(16 << 10));
            let (code, text) = ftp.say("RETR large");
            assert_eq!(code / 10, 15, "{text}");
            data.read_exact(&mut vec![0; PIECE]).unwrap();
            Held::FtpDown(ftp, data)
        }
        Kind::FtpStor => {
            let mut ftp = Ftp::login(world.ftp.as_deref().unwrap(), key);
            let mut data = ftp.passive(None);
            let (code, text) = ftp.say(&format!("STOR {name}"));
            assert_eq!(code / 10, 15, "{text}");
            data.write_all(&vec![BYTE; FIRST]).unwrap();
            Held::FtpUp(ftp, data)
        }
        Kind::SftpGet => {
            let mut sftp = Sftp::start(world, key).unwrap();
            let handle = sftp.open("/large", 1).and_then(|answer| answer.handle()).unwrap();
            for turn in 0..LARGE / PIECE {
                let at = ((turn * PIECE) as u64).to_be_bytes();
                let body = [&handle[..], &at, &(PIECE as u32).to_be_bytes()].concat();
                sftp.tell(5, &body).unwrap();
            }
            assert_eq!(sftp.answer().unwrap().kind, 103);
            Held::SftpDown(sftp)
        }
        Kind::SftpPut => {
            let mut sftp = Sftp::start(world, key).unwrap();
            let handle = sftp.open(&format!("/{name}"), 0x1a).and_then(|answer| answer.handle()).unwrap();
            for turn in 0..FIRST / PIECE {
                assert_eq!(write(&mut sftp, &handle, turn).unwrap().status(), Some(0));
            }
            Held::SftpUp(sftp, handle)
        }
    }
}

fn write(sftp: &mut Sftp, handle: &[u8], turn: usize) -> Option<Answer> {
    let at = ((turn * PIECE) as u64).to_be_bytes();
    sftp.ask(6, &[handle, &at, &string(vec![BYTE; PIECE])].concat())
}

/// What a stream still gives, to its end; whether that was an end within ten seconds.
fn drain(stream: &mut TcpStream) -> (usize, bool) {
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let (mut came, mut piece) = (0, vec![0; 1 << 20]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (came, true),
            Ok(read) => came += read,
            Err(error) => {
                use std::io::ErrorKind::{TimedOut, WouldBlock};
                return (came, !matches!(error.kind(), WouldBlock | TimedOut));
            }
        }
    }
}

impl Held {
    /// Whether it has ended before its end, without more than what lay on the way; otherwise what was seen.
    pub(crate) fn was_cut(self) -> Result<(), String> {
        let (cut, seen) = self.seen();
        if cut { Ok(()) } else { Err(seen) }
    }

    fn seen(self) -> (bool, String) {
        match self {
            Self::Down(mut stream) => {
                let (came, ended) = drain(&mut stream);
                (ended && came < 1 << 20, format!("{came} bytes, ended: {ended}"))
            }
            Self::Up(mut stream) => {
                // Perhaps a refusal, then the end; never an acknowledgement.
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let mut told = Vec::new();
                let end = stream.read_to_end(&mut told);
                let ended = match &end {
                    Ok(_) => true,
                    Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
                };
                let told = String::from_utf8_lossy(&told).into_owned();
                (ended && !told.starts_with("HTTP/1.1 2"), format!("{end:?} after {told}"))
            }
            Self::FtpDown(mut ftp, mut data) => {
                let (came, ended) = drain(&mut data);
                let reply = ftp.reply();
                let cut = ended && came < 1 << 20 && matches!(reply.0, 0 | 421 | 426 | 451 | 550);
                (cut, format!("{came} bytes, ended: {ended}, then {reply:?}"))
            }
            Self::FtpUp(mut ftp, _data) => {
                let reply = ftp.reply();
                (matches!(reply.0, 0 | 421 | 426 | 451 | 550), format!("{reply:?}"))
            }
            Self::SftpDown(mut sftp) => {
                let mut came = 1;
                while sftp.answer().is_some_and(|answer| answer.kind == 103) {
                    came += 1;
                }
                let ended = sftp.answer().is_none();
                (came < LARGE / PIECE && ended, format!("{came} pieces, ended: {ended}"))
            }
            Self::SftpUp(mut sftp, handle) => {
                let answer = write(&mut sftp, &handle, FIRST / PIECE);
                // 3 is SFTP's word for what is not permitted.
                let refused = answer.as_ref().is_none_or(|answer| answer.status() == Some(3));
                (refused, format!("{answer:?}"))
            }
        }
    }

    /// Whether it goes on as if nothing had been.
    pub(crate) fn goes_on(&mut self) -> bool {
        match self {
            Self::Down(stream) | Self::FtpDown(_, stream) => stream.read_exact(&mut vec![0; 4 << 20]).is_ok(),
            Self::Up(stream) | Self::FtpUp(_, stream) => stream.write_all(&vec![BYTE; 4 << 20]).is_ok(),
            Self::SftpDown(sftp) => sftp.answer().is_some_and(|answer| answer.kind == 103),
            Self::SftpUp(sftp, handle) => {
                write(sftp, handle, FIRST / PIECE).is_some_and(|answer| answer.status() == Some(0))
            }
        }
    }
}
