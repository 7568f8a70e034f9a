//! FTP by hand, in the clear: to say what no client says, and to stop where none would.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};

use crate::http::{connect, connect_with};
use crate::world::Access;

/// A control connection, from a loopback address of its own.
#[derive(Debug)]
pub(crate) struct Ftp {
    control: BufReader<TcpStream>,
    is_in: bool,
}

/// The code and the text of a reply.
pub(crate) type Reply = (u16, String);

impl Ftp {
    pub(crate) fn connect(door: &str) -> Self {
        let mut ftp = Self { control: BufReader::new(connect(door)), is_in: false };
        let (code, text) = ftp.reply();
        assert_eq!(code, 220, "{text}");
        ftp
    }

    /// Says who one is; what the server answers to the password.
    pub(crate) fn enter(&mut self, key: &Access) -> Reply {
        let (code, text) = self.say(&format!("USER {}", key.access_key));
        if code != 331 {
            return (code, text);
        }
        let told = self.say(&format!("PASS {}", key.secret));
        self.is_in = told.0 == 230;
        told
    }

    /// Whether the server has let it in.
    pub(crate) const fn is_in(&self) -> bool {
        self.is_in
    }

    pub(crate) fn login(door: &str, key: &Access) -> Self {
        let mut ftp = Self::connect(door);
        let (code, text) = ftp.enter(key);
        assert_eq!(code, 230, "{text}");
        assert_eq!(ftp.say("TYPE I").0, 200);
        ftp
    }

    /// One command, and the first reply to it. 0 where the connection has ended.
    pub(crate) fn say(&mut self, line: &str) -> Reply {
        if write!(self.control.get_mut(), "{line}\r\n").is_err() {
            return (0, "the connection ended".to_owned());
        }
        self.reply()
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> Reply {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let read = self.control.read_line(&mut line);
            let silent = read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
            assert!(!silent, "the server says nothing");
            if !read.is_ok_and(|read| read > 0) {
                return (0, all);
            }
            all.push_str(&line);
            let last = line.len() > 3
                && line.as_bytes()[3] == b' '
                && line.as_bytes()[..3].iter().all(u8::is_ascii_digit);
            if last {
                return (line[..3].parse().unwrap(), all);
            }
        }
    }

    /// A data connection, of which `narrow` bytes at most lie with the client unread.
    pub(crate) fn passive(&mut self, narrow: Option<usize>) -> TcpStream {
        let (code, text) = self.say("EPSV");
        assert_eq!(code, 229, "{text}");
        let port = text.split("|||").nth(1).unwrap().split('|').next().unwrap();
        let here = self.control.get_ref();
        let host = here.peer_addr().unwrap().ip();
        let from = here.local_addr().unwrap().ip();
        connect_with(&format!("{host}:{port}"), Some(from), narrow)
    }

    /// A command with a data connection to read from: the replies, the first and the last, and what came.
    pub(crate) fn fetch(&mut self, line: &str) -> (Reply, Reply, Vec<u8>) {
        let mut data = self.passive(None);
        let first = self.say(line);
        if first.0 >= 400 || first.0 == 0 {
            return (first.clone(), first, Vec::new());
        }
        let mut all = Vec::new();
        drop(data.read_to_end(&mut all));
        let last = self.reply();
        (first, last, all)
    }

    /// A command with a data connection to write to: the replies, the first and the last.
    pub(crate) fn send(&mut self, line: &str, bytes: &[u8]) -> (Reply, Reply) {
        let mut data = self.passive(None);
        let first = self.say(line);
        if first.0 >= 400 || first.0 == 0 {
            return (first.clone(), first);
        }
        data.write_all(bytes).unwrap();
        data.shutdown(Shutdown::Write).unwrap();
        let last = self.reply();
        (first, last)
    }
}
