//! What the library of SSH asks: who may come in, and what becomes of channels.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portcullis_access::{AccessError, Origin, Principal};
use portcullis_domain::{Channel, Line, Secret, SshPublicKey};
use portcullis_files::{Top, Tree, TreeConfig};
use portcullis_listener::{Peer, SessionLine};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{ChannelId, ChannelOpenFailure, ChannelWriteHalf, Disconnect, Pty};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::activity::Activity;
use super::channel::Serving;
use super::door::{Door, methods};
use super::handles::Counts;
use super::pump::Pump;
use crate::sessions::{KeySession, fresh_id};

/// Channels that one connection may have.
const MOST_CHANNELS: usize = 8;
/// How often it is looked whether a key that asks for nothing is still there.
const LOOK: Duration = Duration::from_secs(1);
/// What somebody reads who wants a command to be run.
const NO_COMMANDS: &str = "There is no shell here, only SFTP.\n";
/// The state of a command that was not found.
const NOT_FOUND: u32 = 127;

/// What all parts of one connection share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) door: Arc<Door>,
    pub(super) line: Arc<SessionLine>,
    pub(super) activity: Arc<Activity>,
    pub(super) counts: Counts,
    /// The connection is over.
    pub(super) over: CancellationToken,
    peer: Peer,
    /// Under which this session is found in the audit trail.
    id: String,
    login: OnceLock<Login>,
}

/// Somebody who has logged in.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) who: Principal,
    pub(super) tree: Tree,
    /// None if the key has all the sessions it may have.
    seat: Option<KeySession>,
}

impl Shared {
    pub(super) fn new(
        door: Arc<Door>,
        peer: Peer,
        line: Arc<SessionLine>,
        activity: Arc<Activity>,
        over: CancellationToken,
    ) -> io::Result<Self> {
        let id = fresh_id("SFTP")?;
        let (counts, login) = (Counts::default(), OnceLock::new());
        Ok(Self { door, line, activity, counts, over, peer, id, login })
    }

    /// Whether somebody has logged in.
    pub(super) fn is_in(&self) -> bool {
        self.login.get().is_some()
    }

    pub(super) fn login(&self) -> Option<&Login> {
        self.login.get()
    }

    /// Ready when who has logged in may not be here any more. Who asks for something hears of it at once; this is for who does not.
    pub(super) async fn gone(&self) {
        loop {
            sleep(LOOK).await;
            let asked = self.login.get().map(|login| self.door.access.still(&login.who));
            if matches!(asked, Some(Err(AccessError::Denied(_)))) {
                return;
            }
        }
    }

    /// Lets in whom `authenticate` knows. Whoever is not let in hears the same, whatever the reason.
    fn admit(&self, known: Result<Principal, AccessError>) -> Auth {
        let who = match known {
            Ok(who) => who,
            Err(error) => {
                debug!(peer = %self.peer.address, %error, "no login");
                return refused();
            }
        };
        let seat = who.key_id().and_then(|key| self.door.sessions.take(key));
        let config = TreeConfig { top: Top::Home, tasks: self.door.tasks.clone() };
        let tree = Tree::new(self.door.access.clone(), who.clone(), config);
        match self.login.set(Login { who, tree, seat }) {
            Ok(()) => Auth::Accept,
            Err(_) => refused(),
        }
    }

    async fn password(&self, user: &str, password: &str) -> Auth {
        let secret = Secret::foreign(password.to_owned());
        let line: Arc<dyn Line> = Arc::<SessionLine>::clone(&self.line);
        let known = self.door.access.authenticate_password(self.origin(&line), user, &secret).await;
        self.admit(known)
    }

    fn origin<'a>(&'a self, line: &'a Arc<dyn Line>) -> Origin<'a> {
        Origin {
            channel: Channel::Ftp,
            peer: self.peer.address,
            request_id: &self.id,
            tool: self.activity.name(),
            line: Some(line),
        }
    }
}

fn refused() -> Auth {
    Auth::Reject { proceed_with_methods: Some(methods()), partial_success: false }
}

/// The key, if it is of a kind that is taken.
fn taken(key: &russh::keys::PublicKey) -> Option<SshPublicKey> {
    key.to_bytes().ok().and_then(|blob| SshPublicKey::from_blob(&blob))
}

/// One connection, for the library.
#[derive(Debug)]
pub(super) struct Front {
    shared: Arc<Shared>,
    channels: HashMap<ChannelId, Opened>,
}

/// A channel.
#[derive(Debug)]
enum Opened {
    /// Nothing was asked for on it.
    Bare(ChannelWriteHalf<Msg>),
    /// As long as its task has the other half.
    Sftp(Arc<Pump>),
}

impl Opened {
    fn is_over(&self) -> bool {
        matches!(self, Self::Sftp(pump) if Arc::strong_count(pump) == 1)
    }
}

impl Front {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, channels: HashMap::new() }
    }

    fn end(&self, channel: ChannelId) {
        if let Some(Opened::Sftp(pump)) = self.channels.get(&channel) {
            pump.end();
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        for channel in self.channels.keys() {
            self.end(*channel);
        }
    }
}

type Outcome = Result<(), russh::Error>;

impl Handler for Front {
    type Error = russh::Error;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, russh::Error> {
        Ok(refused())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, russh::Error> {
        Ok(self.shared.password(user, password).await)
    }

    /// Every key of a kind that is taken is worth a signature: who has which is not told.
    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        Ok(if taken(offer.public_key).is_some() { Auth::Accept } else { refused() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        let Some(shown) = taken(key.public_key) else { return Ok(refused()) };
        let shared = &self.shared;
        let line: Arc<dyn Line> = Arc::<SessionLine>::clone(&shared.line);
        let known = shared.door.access.authenticate_public_key(shared.origin(&line), user, &shown);
        Ok(shared.admit(known))
    }

    /// Some clients ask for passwords in this way only.
    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: Cow::Borrowed(""),
                instructions: Cow::Borrowed(""),
                prompts: Cow::Borrowed(&[(Cow::Borrowed("Password: "), false)]),
            });
        };
        let first = response.next().unwrap_or_default();
        // Neither reason nor kind of a refusal is told, so this one takes the same way.
        let password = str::from_utf8(&first).unwrap_or_default();
        Ok(self.shared.password(user, password).await)
    }

    async fn auth_succeeded(&mut self, session: &mut Session) -> Outcome {
        if self.shared.login().is_some_and(|login| login.seat.is_none()) {
            let text = "this key has all the sessions it may have";
            session.disconnect(Disconnect::TooManyConnections, text, "en")?;
        }
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: russh::Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Outcome {
        // Of a channel that was closed from here the library tells nothing more.
        self.channels.retain(|_, opened| !opened.is_over());
        if self.channels.len() >= MOST_CHANNELS {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        // What comes on it is taken in `data`: the queue of the half that reads would have to be emptied, or all stands still.
        let (_, write) = channel.split();
        self.channels.insert(write.id(), Opened::Bare(write));
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(&mut self, id: ChannelId, name: &str, session: &mut Session) -> Outcome {
        if name != "sftp" {
            return session.channel_failure(id);
        }
        match self.channels.remove(&id) {
            Some(Opened::Bare(write)) => {
                session.channel_success(id)?;
                let pump = Arc::new(Pump::new(self.shared.door.pool.clone()));
                self.channels.insert(id, Opened::Sftp(Arc::clone(&pump)));
                let serving = Serving::new(Arc::clone(&self.shared), pump, write);
                self.shared.door.tasks.spawn(serving.run());
                Ok(())
            }
            Some(other @ Opened::Sftp(_)) => {
                self.channels.insert(id, other);
                session.channel_failure(id)
            }
            None => session.channel_failure(id),
        }
    }

    /// A client that looks whether there is a shell learns that there is none, and goes on without.
    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Outcome {
        if !matches!(self.channels.get(&id), Some(Opened::Bare(_))) {
            return session.channel_failure(id);
        }
        self.channels.remove(&id);
        session.channel_success(id)?;
        session.extended_data(id, 1, NO_COMMANDS)?;
        session.exit_status_request(id, NOT_FOUND)?;
        session.eof(id)?;
        session.close(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Outcome {
        session.channel_failure(id)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Outcome {
        session.channel_failure(id)
    }

    async fn env_request(&mut self, id: ChannelId, _: &str, _: &str, session: &mut Session) -> Outcome {
        session.channel_failure(id)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Outcome {
        session.channel_failure(id)
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Outcome {
        if let Some(Opened::Sftp(pump)) = self.channels.get(&id) {
            pump.put(data).await;
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Outcome {
        self.end(id);
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Outcome {
        self.end(id);
        self.channels.remove(&id);
        Ok(())
    }
}
