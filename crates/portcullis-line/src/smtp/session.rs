//! One connection from its greeting to its end.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_listener::{LineConnection, Peer, SessionLine};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::config::Security;
use super::door::Door;
use super::letter::Letter;
use super::login::Login;
use super::reply::Reply;
use super::request::{BadLine, Request};
use super::verb::Verb;
use super::wire::{Line, Wire};
use crate::sessions::fresh_id;

/// Lines that are no commands, after which a client is taken for something else.
const NONSENSE: u32 = 20;
/// How often it is looked whether who is idle still may be here.
const LOOK: Duration = Duration::from_secs(5);

/// Why a command has no answer of its own.
#[derive(Debug)]
pub(super) enum Stop {
    /// This is the answer.
    Say(Reply),
    /// This is the last answer.
    Close(Reply),
    /// There is none: it was answered before it was done.
    Quiet,
    /// The connection is gone, or worth nothing.
    Gone,
}

pub(super) type Answer = Result<Reply, Stop>;

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// An answer that is no success.
pub(super) fn say(code: u16, detail: &'static str, text: &str) -> Stop {
    Stop::Say(Reply::new(code, detail, text))
}

/// The last answer.
pub(super) fn close(code: u16, detail: &'static str, text: &str) -> Stop {
    Stop::Close(Reply::new(code, detail, text))
}

/// One session.
pub(super) struct Session {
    pub(super) door: Arc<Door>,
    pub(super) wire: Wire,
    pub(super) line: Arc<SessionLine>,
    pub(super) peer: Peer,
    /// The addresses that the client reached: of the socket, and of a proxy if one tells it.
    pub(super) reached: [IpAddr; 2],
    /// Under which this session is found in the audit trail.
    pub(super) id: String,
    /// Whether the client greeted, since TLS began.
    pub(super) greeted: bool,
    /// Wrong logins.
    pub(super) failures: u32,
    pub(super) login: Option<Login>,
    /// The message begun.
    pub(super) letter: Option<Letter>,
    shutdown: CancellationToken,
    begun: Instant,
    nonsense: u32,
}

impl Session {
    pub(super) fn new(door: Arc<Door>, connection: LineConnection) -> io::Result<Self> {
        let LineConnection { stream, peer, local, line, shutdown } = connection;
        let reached = [local.ip(), stream.local_addr()?.ip()];
        Ok(Self {
            door,
            wire: Wire::new(stream),
            line,
            peer,
            reached,
            id: fresh_id("SMTP")?,
            greeted: false,
            failures: 0,
            login: None,
            letter: None,
            shutdown,
            begun: Instant::now(),
            nonsense: 0,
        })
    }

    /// Serves it to its end.
    pub(super) async fn run(mut self) {
        match self.talk().await {
            Stop::Say(last) | Stop::Close(last) => {
                debug!(peer = %self.peer.address, code = last.code(), "an SMTP session ends");
                drop(self.wire.send(&last).await);
                // The seat of the key goes before the connection does.
                (self.letter, self.login) = (None, None);
                self.wire.close().await;
            }
            Stop::Quiet | Stop::Gone => debug!(peer = %self.peer.address, "an SMTP client is gone"),
        }
    }

    async fn talk(&mut self) -> Stop {
        if let Err(stop) = self.greet().await {
            return stop;
        }
        loop {
            let answer = match self.next().await {
                Ok(Ok(request)) => Box::pin(self.answer(request)).await,
                Ok(Err(bad)) => self.misunderstood(bad),
                Err(stop) => return stop,
            };
            let sent = match answer {
                Ok(reply) | Err(Stop::Say(reply)) => self.say_to_end_of_right(reply).await,
                Err(Stop::Quiet) => Ok(()),
                Err(stop @ (Stop::Close(_) | Stop::Gone)) => return stop,
            };
            if let Err(stop) = sent {
                return stop;
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Stop> {
        if self.door.config.security == Security::Implicit {
            self.secure().await?;
        }
        let greeting = Reply::lines(220, vec![format!("{} ESMTP Portcullis", self.door.config.host())]);
        Ok(self.wire.send(&greeting).await?)
    }

    /// Changes to TLS. What was said before is forgotten.
    async fn secure(&mut self) -> Result<(), Stop> {
        (self.greeted, self.letter) = (false, None);
        Ok(self.wire.secure(self.door.config.tls.line()).await?)
    }

    /// Answers; to somebody whose right ended meanwhile it is the last answer, and says that.
    async fn say_to_end_of_right(&mut self, reply: Reply) -> Result<(), Stop> {
        if reply.code() >= 400 {
            self.still()?;
        }
        Ok(self.wire.send(&reply).await?)
    }

    /// Whether who has logged in may still be here.
    pub(super) fn still(&self) -> Result<(), Stop> {
        let Some(login) = &self.login else { return Ok(()) };
        let still = self.door.access.still(login.tree.principal());
        still.map_err(|_| close(421, "4.7.0", "This login is no longer valid."))
    }

    /// The next request of the client.
    async fn next(&mut self) -> Result<Result<Request, BadLine>, Stop> {
        Ok(match self.next_line().await? {
            Line::Whole(line) => Request::parse(&line),
            Line::Bare => Err(BadLine::Bare),
            Line::TooLong => Err(BadLine::TooLong),
        })
    }

    /// The next line of the client.
    pub(super) async fn next_line(&mut self) -> Result<Line, Stop> {
        let times = self.door.config.times;
        let idle = Instant::now() + times.idle;
        let (due, late) = match self.login {
            Some(_) => (idle, "Nothing was said for too long."),
            None => (idle.min(self.begun + times.login), "Nobody has logged in in time."),
        };
        loop {
            let look = due.min(Instant::now() + LOOK);
            tokio::select! {
                biased;
                () = self.shutdown.cancelled() => {
                    return Err(close(421, "4.3.2", "The service is shutting down."));
                }
                line = self.wire.line() => return line?.ok_or(Stop::Gone),
                () = sleep_until(look) => {}
            }
            if Instant::now() >= due {
                return Err(close(421, "4.4.2", late));
            }
            self.still()?;
        }
    }

    fn misunderstood(&mut self, bad: BadLine) -> Answer {
        self.nonsense += 1;
        if bad == BadLine::Foreign || self.nonsense >= NONSENSE {
            return Err(close(421, "4.7.0", "This is a server for mail."));
        }
        Err(match bad {
            BadLine::Unknown => say(500, "5.5.1", "There is no such command here."),
            BadLine::TooLong => say(500, "5.5.6", "The line is too long."),
            BadLine::NotAlone => say(501, "5.5.4", "This command stands alone."),
            BadLine::Bare => say(500, "5.5.2", "Lines end with CR LF, and have neither of them within."),
            BadLine::Malformed | BadLine::Foreign => say(500, "5.5.2", "This is no text."),
        })
    }

    async fn answer(&mut self, request: Request) -> Answer {
        let verb = request.verb;
        if !self.wire.is_secure() && !verb.is_for_clear() {
            return Err(say(530, "5.7.0", "Say STARTTLS first."));
        }
        if self.login.is_none() && !verb.is_for_strangers() {
            return Err(say(530, "5.7.0", "Say who you are first, with AUTH."));
        }
        self.still()?;
        let argument = request.argument.as_str();
        match verb {
            Verb::Auth => self.auth(argument).await,
            Verb::Data => self.data().await,
            Verb::Ehlo => self.ehlo(argument),
            Verb::Helo => self.helo(argument),
            Verb::Help => Ok(Reply::new(
                214,
                "2.0.0",
                "Attachments of messages become files; see RFC 6409 for how to send.",
            )),
            Verb::Mail => self.mail(argument),
            Verb::Noop => Ok(Reply::new(250, "2.0.0", "Fine.")),
            Verb::Quit => Err(close(221, "2.0.0", "Goodbye.")),
            Verb::Rcpt => self.rcpt(argument).await,
            Verb::Rset => {
                self.letter = None;
                Ok(Reply::new(250, "2.0.0", "Forgotten."))
            }
            Verb::Starttls => self.starttls().await,
            Verb::Vrfy => {
                Ok(Reply::new(252, "2.5.0", "Send, and it will be told whether the address is good."))
            }
            // What follows would be taken for commands.
            Verb::Bdat => Err(close(502, "5.5.1", "CHUNKING was not offered; use DATA.")),
            Verb::Atrn | Verb::Burl | Verb::Etrn | Verb::Expn => {
                Err(say(502, "5.5.1", "This is not done here."))
            }
        }
    }

    async fn starttls(&mut self) -> Answer {
        if self.wire.is_secure() {
            return Err(say(503, "5.5.1", "This is TLS already."));
        }
        self.wire.send(&Reply::new(220, "2.0.0", "Begin TLS.")).await?;
        self.secure().await?;
        // The next thing that is said is the client's.
        Err(Stop::Quiet)
    }

    fn ehlo(&mut self, name: &str) -> Answer {
        self.helo(name)?;
        let mut lines = vec![
            self.door.config.host().to_owned(),
            "PIPELINING".to_owned(),
            "8BITMIME".to_owned(),
            "SMTPUTF8".to_owned(),
            "ENHANCEDSTATUSCODES".to_owned(),
            format!("SIZE {}", self.largest()),
        ];
        if !self.wire.is_secure() {
            lines.push("STARTTLS".to_owned());
        } else if self.login.is_none() {
            lines.push("AUTH PLAIN LOGIN".to_owned());
        }
        Ok(Reply::lines(250, lines))
    }

    fn helo(&mut self, name: &str) -> Answer {
        if name.is_empty() {
            return Err(say(501, "5.5.4", "A name is missing."));
        }
        // To greet again is to begin again (RFC 5321 section 4.1.4).
        (self.greeted, self.letter) = (true, None);
        Ok(Reply::lines(250, vec![self.door.config.host().to_owned()]))
    }

    /// The largest message that is taken from whom this is.
    pub(super) fn largest(&self) -> u64 {
        let ours = self.door.config.max_message;
        self.rules().and_then(|rules| rules.max_message).map_or(ours, |theirs| theirs.min(ours))
    }
}
