//! One control connection from its greeting to its end.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use portcullis_files::{FileError, InvalidPath};
use portcullis_listener::{LineConnection, Peer, SessionLine};
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::command::{BadLine, Command, Request};
use super::config::TlsMode;
use super::control::Control;
use super::door::Door;
use super::lines::Line;
use super::login::{Here, Login, Stranger};
use super::reply::{Reply, refusal};
use super::settings::{Settings, Start};

/// Lines that wait while a transfer is under way. Beyond that nothing is read until it ends.
const WAITING: usize = 16;
/// Lines that are no commands, after which a client is taken for something else.
const NONSENSE: u32 = 20;
/// How often it is looked whether who is idle still may be here.
const LOOK: Duration = Duration::from_secs(5);
/// How often it is looked whether who transfers still may: what is held in memory is nobody's yet, and ends with nothing else.
const LOOK_AT_WORK: Duration = Duration::from_secs(1);

/// Why a command has no answer of its own.
#[derive(Debug)]
pub(super) enum Stop {
    /// This is the answer.
    Say(Reply),
    /// This is the last answer.
    Close(Reply),
    /// There is none: it was answered before it was done.
    Quiet,
    /// ABOR came while it was under way.
    Aborted,
    /// The connection is gone, or worth nothing.
    Gone,
}

pub(super) type Answer = Result<Reply, Stop>;

impl From<FileError> for Stop {
    fn from(error: FileError) -> Self {
        Self::Say(refusal(&error))
    }
}

impl From<InvalidPath> for Stop {
    fn from(error: InvalidPath) -> Self {
        Self::from(FileError::from(error))
    }
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// An answer that is no success.
pub(super) fn say(code: u16, text: &str) -> Stop {
    Stop::Say(Reply::new(code, text))
}

/// One session.
pub(super) struct Session {
    pub(super) door: Arc<Door>,
    pub(super) control: Control,
    pub(super) line: Arc<SessionLine>,
    pub(super) peer: Peer,
    /// The address that the client reached, of a proxy if one tells it.
    pub(super) reached: IpAddr,
    /// The address of the socket.
    pub(super) bound: IpAddr,
    pub(super) settings: Settings,
    pub(super) stranger: Stranger,
    pub(super) login: Option<Login>,
    shutdown: CancellationToken,
    begun: Instant,
    waiting: VecDeque<Result<Request, BadLine>>,
    nonsense: u32,
}

impl Session {
    pub(super) fn new(door: Arc<Door>, connection: LineConnection) -> io::Result<Self> {
        let LineConnection { stream, peer, local, line, shutdown } = connection;
        let bound = stream.local_addr()?.ip();
        let settings = Settings::new(door.config.mode == TlsMode::Implicit);
        Ok(Self {
            door,
            control: Control::new(stream),
            line,
            peer,
            reached: local.ip(),
            bound,
            settings,
            stranger: Stranger::new()?,
            login: None,
            shutdown,
            begun: Instant::now(),
            waiting: VecDeque::new(),
            nonsense: 0,
        })
    }

    /// Serves it to its end.
    pub(super) async fn run(mut self) {
        // Whatever is open for data goes with this, and before it the seat of the key.
        match self.talk().await {
            Stop::Say(last) | Stop::Close(last) => {
                debug!(peer = %self.peer.address, code = last.code(), "an FTP session ends");
                drop(self.control.send(&last).await);
                self.settings.passive = None;
                self.login = None;
                self.control.close().await;
            }
            Stop::Quiet | Stop::Aborted | Stop::Gone => {
                debug!(peer = %self.peer.address, "an FTP client is gone")
            }
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
                Err(Stop::Aborted) => self.say_aborted().await,
                Err(stop @ (Stop::Close(_) | Stop::Gone)) => return stop,
            };
            if let Err(stop) = sent {
                return stop;
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Stop> {
        if self.door.config.mode == TlsMode::Implicit {
            self.secure().await?;
        }
        Ok(self.control.send(&Reply::new(220, "Portcullis.")).await?)
    }

    /// Changes to TLS.
    pub(super) async fn secure(&mut self) -> Result<(), Stop> {
        let tls = self.door.config.tls.as_ref().ok_or(Stop::Gone)?.line();
        self.waiting.clear();
        Ok(self.control.secure(tls).await?)
    }

    pub(super) async fn send(&mut self, reply: &Reply) -> Result<(), Stop> {
        Ok(self.control.send(reply).await?)
    }

    /// Answers; to somebody whose right ended meanwhile it is the last answer, and says that.
    async fn say_to_end_of_right(&mut self, reply: Reply) -> Result<(), Stop> {
        if reply.code() >= 400 {
            self.still()?;
        }
        self.send(&reply).await
    }

    async fn say_aborted(&mut self) -> Result<(), Stop> {
        self.send(&Reply::new(426, "The transfer was given up.")).await?;
        self.send(&Reply::new(226, "Done.")).await
    }

    /// Whether who has logged in may still be here.
    fn still(&self) -> Result<(), Stop> {
        let Some(login) = &self.login else { return Ok(()) };
        let still = self.door.access.still(login.tree.principal());
        still.map_err(|_| Stop::Close(Reply::new(421, "This login is no longer valid.")))
    }

    /// The next line of the client.
    async fn next(&mut self) -> Result<Result<Request, BadLine>, Stop> {
        if let Some(request) = self.waiting.pop_front() {
            return Ok(request);
        }
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
                    return Err(Stop::Close(Reply::new(421, "The service is shutting down.")));
                }
                line = self.control.next() => return understand(line?),
                () = sleep_until(look) => {}
            }
            if Instant::now() >= due {
                return Err(Stop::Close(Reply::new(421, late)));
            }
            self.still()?;
        }
    }

    /// Does something that takes long, and listens meanwhile: ABOR ends it, STAT is answered, all else waits. If the
    /// client goes, so does the work.
    pub(super) async fn under_way<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Stop> {
        let mut work = pin!(work);
        let mut look = interval(LOOK_AT_WORK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let line = tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                line = self.control.next(), if self.waiting.len() < WAITING => understand(line?)?,
                _ = look.tick() => {
                    self.still()?;
                    continue;
                }
            };
            match line {
                Ok(Request { command: Command::Abor, .. }) => return Err(Stop::Aborted),
                Ok(Request { command: Command::Stat, argument }) if argument.is_empty() => {
                    let reply = self.status("A transfer is under way.");
                    self.send(&reply).await?;
                }
                other => self.waiting.push_back(other),
            }
        }
    }

    /// Looks at the control connection once more, without waiting. What a client that died had open is closed in one go, the control
    /// connection first; in clear nothing else tells its half a file from a whole one.
    pub(super) async fn still_there(&mut self) -> Result<(), Stop> {
        yield_now().await;
        if self.waiting.len() < WAITING
            && let Some(line) = self.control.next().now_or_never()
        {
            match understand(line?)? {
                Ok(Request { command: Command::Abor, .. }) => return Err(Stop::Aborted),
                other => self.waiting.push_back(other),
            }
        }
        Ok(())
    }

    fn misunderstood(&mut self, bad: BadLine) -> Answer {
        self.nonsense += 1;
        if bad == BadLine::Foreign || self.nonsense >= NONSENSE {
            return Err(Stop::Close(Reply::new(421, "This is an FTP server.")));
        }
        Err(match bad {
            BadLine::Unknown => say(500, "There is no such command here; HELP lists those there are."),
            BadLine::TooLong => say(500, "The line is too long."),
            BadLine::Malformed | BadLine::Foreign => say(500, "This is no command."),
        })
    }

    async fn answer(&mut self, request: Request) -> Answer {
        let command = request.command;
        if self.login.is_none() && !command.is_for_strangers() {
            return Err(say(530, "Log in with USER and PASS first."));
        }
        self.still()?;
        // What was told of the next transfer holds for it alone, whatever becomes of it.
        let start =
            if command.keeps_offset() { Start::default() } else { std::mem::take(&mut self.settings.start) };
        let renamed = self.settings.rename_from.take();
        match command {
            Command::Abor => Ok(Reply::new(226, "Nothing is under way.")),
            Command::Acct => Ok(Reply::new(202, "There are no accounts here.")),
            Command::Allo => self.allo(&request),
            Command::Appe => self.appe(self.here()?, &request, start).await,
            Command::Auth => self.auth(&request).await,
            Command::Ccc => Err(say(534, "What was begun with TLS ends with it.")),
            Command::Cdup => self.cdup(self.here()?).await,
            Command::Clnt => self.clnt(&request),
            Command::Cwd => self.cwd(self.here()?, &request).await,
            Command::Dele => self.here()?.dele(&request).await,
            Command::Eprt | Command::Port => Err(say(502, "There is no active mode here; use EPSV or PASV.")),
            Command::Epsv => self.epsv(&request),
            Command::Feat => Ok(self.feat()),
            Command::Help => Ok(super::settings::help()),
            Command::Host => self.host(&request),
            Command::List => self.list(self.here()?, &request).await,
            Command::Mdtm => self.here()?.mdtm(&request).await,
            Command::Mfmt => self.here()?.mfmt(&request).await,
            Command::Mkd => self.here()?.mkd(&request).await,
            Command::Mlsd => self.mlsd(self.here()?, &request).await,
            Command::Mlst => self.mlst(self.here()?, &request).await,
            Command::Mode => super::settings::mode(&request),
            Command::Nlst => self.nlst(self.here()?, &request).await,
            Command::Noop => Ok(Reply::new(200, "Fine.")),
            Command::Opts => self.opts(&request),
            Command::Pass => self.pass(request).await,
            Command::Pasv => self.pasv(),
            Command::Pbsz => self.pbsz(&request),
            Command::Prot => self.prot(&request),
            Command::Pwd => Ok(self.here()?.pwd()),
            Command::Quit => Err(Stop::Close(Reply::new(221, "Goodbye."))),
            Command::Rest => self.rest(&request),
            Command::Retr => self.retr(self.here()?, &request, start).await,
            Command::Rmd => self.here()?.rmd(&request).await,
            Command::Rnfr => self.rnfr(self.here()?, &request).await,
            Command::Rnto => self.here()?.rnto(renamed, &request).await,
            Command::Site => super::settings::site(&request),
            Command::Size => self.size(self.here()?, &request).await,
            Command::Stat => self.stat(self.here()?, &request).await,
            Command::Stor => self.stor(self.here()?, &request, start).await,
            Command::Stou => self.stou(self.here()?, &request, start).await,
            Command::Stru => super::settings::stru(&request),
            Command::Syst => Ok(Reply::new(215, "UNIX Type: L8")),
            Command::Type => self.kind(&request),
            Command::User => self.user(&request),
        }
    }

    /// The caller's view, for one command.
    pub(super) fn here(&self) -> Result<Here, Stop> {
        let login = self.login.as_ref().ok_or_else(|| say(530, "Log in with USER and PASS first."))?;
        Ok(login.here())
    }
}

fn understand(line: Option<Line>) -> Result<Result<Request, BadLine>, Stop> {
    match line {
        None => Err(Stop::Gone),
        Some(Line::TooLong) => Ok(Err(BadLine::TooLong)),
        Some(Line::Whole(line)) => Ok(Request::parse(&line)),
    }
}
