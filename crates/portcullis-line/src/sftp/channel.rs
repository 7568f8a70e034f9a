//! One channel on which SFTP is spoken.

use std::sync::Arc;

use russh::ChannelWriteHalf;
use russh::server::Msg;
use tracing::debug;

use super::front::{Login, Shared};
use super::handles::Handles;
use super::outbox::{Outbox, Stopped};
use super::pump::{Next, Pump};
use super::reply::{Code, Failed, Reply};
use super::request::{Asked, Malformed, Numbered, parse};

/// A channel's task.
pub(super) struct Serving {
    shared: Arc<Shared>,
    pump: Arc<Pump>,
    write: ChannelWriteHalf<Msg>,
}

impl Serving {
    pub(super) fn new(shared: Arc<Shared>, pump: Arc<Pump>, write: ChannelWriteHalf<Msg>) -> Self {
        Self { shared, pump, write }
    }

    /// Answers until the client has no more to ask, or the connection is over.
    pub(super) async fn run(self) {
        let Self { shared, pump, write } = self;
        let outbox = Outbox::default();
        let stopped = tokio::select! {
            biased;
            () = shared.over.cancelled() => Stopped::Gone,
            () = shared.line.ended() => Stopped::Gone,
            stopped = outbox.send(&write, shared.door.times.stall) => stopped,
            () = answer_all(&shared, &pump, &outbox) => Stopped::Gone,
        };
        // Nobody waits for room in it any more.
        pump.end();
        match stopped {
            Stopped::Done => {
                // Some clients wait for all three.
                let said = async {
                    write.exit_status(0).await?;
                    write.eof().await?;
                    write.close().await
                };
                drop(said.await);
            }
            Stopped::Stalled => {
                debug!("a client does not take what it has asked for");
                shared.line.reset();
            }
            Stopped::Gone => {}
        }
    }
}

/// Answers one request after the other. Once there are no more this waits until the answers have left.
async fn answer_all(shared: &Arc<Shared>, pump: &Pump, outbox: &Outbox) {
    if let Some(login) = shared.login() {
        let mut work = Working { shared, login, handles: Handles::default(), begun: false };
        while work.next(pump, outbox).await.is_some() {}
        // What is still open was not closed: an upload that broke off.
    }
    outbox.end();
    std::future::pending().await
}

/// What a channel's task works with.
pub(super) struct Working<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) login: &'a Login,
    pub(super) handles: Handles,
    /// Which version is spoken was said.
    begun: bool,
}

impl Working<'_> {
    /// Answers the next request; none if there is none.
    async fn next(&mut self, pump: &Pump, outbox: &Outbox) -> Option<()> {
        let packet = match pump.next().await {
            Next::Packet(packet) => packet,
            Next::Over => return None,
            Next::TooLong => {
                debug!("a packet that is too long ends its channel");
                return None;
            }
        };
        let (id, asked) = match parse(packet) {
            Ok(Numbered { id, asked }) => (id, Ok(asked)),
            Err(Malformed::Numbered(id)) => {
                (id, Err(Failed::new(Code::BadMessage, "the request is malformed")))
            }
            Err(Malformed::Nameless) => return None,
        };
        let long = matches!(asked, Ok(Asked::Read { .. } | Asked::Readdir { .. }));
        outbox.room(long).await;
        // A right that is gone ends the session, whatever it was about to ask.
        if self.shared.door.access.still(&self.login.who).is_err() {
            self.shared.line.reset();
            return None;
        }
        let work = self.shared.activity.work();
        let reply = match asked {
            Ok(Asked::Init { version }) if version >= 3 && !self.begun => {
                self.begun = true;
                Reply::Version
            }
            Ok(Asked::Init { .. }) => return None,
            Ok(_) if !self.begun => return None,
            Ok(asked) => self.answer(asked).await.unwrap_or_else(Reply::from),
            Err(failed) => failed.into(),
        };
        outbox.put(reply.packet(id), work);
        Some(())
    }
}
