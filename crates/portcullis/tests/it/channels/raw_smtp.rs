//! Mail submission by hand, within TLS: to say what no client says, and to stop where none would.

use std::io::{BufRead as _, BufReader, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::raw_ftp::Reply;
use crate::http::connect;
use crate::wire::Wire;
use crate::world::{Access, World};

/// A connection, from a loopback address of its own.
#[derive(Debug)]
pub(crate) struct Smtp(BufReader<Wire>);

impl Smtp {
    /// To the door that asks for TLS, in clear.
    pub(crate) fn connect(world: &World) -> Self {
        let mut smtp = Self(BufReader::new(Wire::Clear(connect(world.smtp.as_deref().unwrap()))));
        let (code, text) = smtp.reply();
        assert_eq!(code, 220, "{text}");
        smtp
    }

    /// The same within TLS, and greeted.
    pub(crate) fn secure(world: &World) -> Self {
        let mut smtp = Self::connect(world);
        assert_eq!(smtp.say("EHLO client").0, 250);
        assert_eq!(smtp.say("STARTTLS").0, 220);
        let mut smtp = Self(BufReader::new(smtp.0.into_inner().secured(world)));
        let (code, text) = smtp.say("EHLO client");
        assert!(code == 250 && text.contains("AUTH PLAIN LOGIN"), "{text}");
        smtp
    }

    /// Says who one is; what the server answers.
    pub(crate) fn enter(&mut self, key: &Access) -> Reply {
        let words = BASE64_STANDARD.encode(format!("\0{}\0{}", key.access_key, key.secret));
        self.say(&format!("AUTH PLAIN {words}"))
    }

    pub(crate) fn login(world: &World, key: &Access) -> Self {
        let mut smtp = Self::secure(world);
        let (code, text) = smtp.enter(key);
        assert_eq!(code, 235, "{text}");
        smtp
    }

    /// One command, and the reply to it. 0 where the connection has ended.
    pub(crate) fn say(&mut self, line: &str) -> Reply {
        if self.send(format!("{line}\r\n").as_bytes()).is_err() {
            return (0, "the connection ended".to_owned());
        }
        self.reply()
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.0.get_mut().write_all(bytes)?;
        self.0.get_mut().flush()
    }

    /// Begins a message to this folder, empty for the top; the first reply that is no success, or that to `DATA`.
    pub(crate) fn begin(&mut self, folder: &str) -> Reply {
        for line in ["MAIL FROM:<a@example.com>".to_owned(), recipient(folder)] {
            let told = self.say(&line);
            if told.0 != 250 {
                return told;
            }
        }
        self.say("DATA")
    }

    /// Sends a message with one attachment; the last reply.
    pub(crate) fn message(&mut self, folder: &str, file: &str, content: &str) -> Reply {
        let told = self.begin(folder);
        if told.0 != 354 {
            return told;
        }
        if self.send(message(file, content).as_bytes()).is_err() {
            return (0, "the connection ended".to_owned());
        }
        self.reply()
    }

    /// The next reply.
    pub(crate) fn reply(&mut self) -> Reply {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line);
            let silent = read.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
            assert!(!silent, "the server says nothing");
            if !read.is_ok_and(|read| read > 0) {
                return (0, all);
            }
            all.push_str(&line);
            if line.as_bytes().get(3) == Some(&b' ') {
                return (line[..3].parse().unwrap(), all);
            }
        }
    }
}

/// The command that names a folder.
pub(crate) fn recipient(folder: &str) -> String {
    let tag = if folder.is_empty() { String::new() } else { format!("+{folder}") };
    format!("RCPT TO:<files{tag}@[127.0.0.1]>")
}

/// A message with one attachment, and its end.
pub(crate) fn message(file: &str, content: &str) -> String {
    let body = BASE64_STANDARD.encode(content);
    format!(
        "From: a@example.com\r\nSubject: one file\r\nMIME-Version: 1.0\r\n\
         Content-Type: application/octet-stream; name=\"{file}\"\r\n\
         Content-Disposition: attachment; filename=\"{file}\"\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{body}\r\n.\r\n"
    )
}
