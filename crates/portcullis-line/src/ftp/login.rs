//! Who it is, and whether that is said in clear.

use std::io;
use std::sync::Arc;

use portcullis_access::{AccessError, Origin, Principal};
use portcullis_domain::{Channel, Line, Secret};
use portcullis_files::{Top, Tree, TreeConfig, TreePath};
use portcullis_listener::SessionLine;

use super::command::Request;
use super::reply::Reply;
use super::session::{Answer, Session, Stop, say};
use super::settings::Settings;
use crate::sessions::{KeySession, fresh_id};

/// Wrong passwords, after which the connection ends.
const TRIES: u32 = 3;

/// What somebody said before they logged in.
pub(super) struct Stranger {
    /// Under which this session is found in the audit trail.
    id: String,
    user: Option<String>,
    client: String,
    failures: u32,
}

impl Stranger {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { id: fresh_id("FTP")?, user: None, client: "ftp".to_owned(), failures: 0 })
    }
}

/// Somebody who has logged in.
pub(super) struct Login {
    pub(super) tree: Tree,
    pub(super) folder: TreePath,
    _seat: KeySession,
}

impl Login {
    pub(super) fn here(&self) -> Here {
        Here { tree: self.tree.clone(), folder: self.folder.clone() }
    }
}

/// A caller's view, and where in it they are.
pub(super) struct Here {
    pub(super) tree: Tree,
    pub(super) folder: TreePath,
}

impl Here {
    /// The path that a command names.
    pub(super) fn path(&self, request: &Request) -> Result<TreePath, Stop> {
        self.path_of(&request.argument)
    }

    pub(super) fn path_of(&self, name: &[u8]) -> Result<TreePath, Stop> {
        if name.is_empty() {
            return Err(say(501, "A name is missing."));
        }
        Ok(self.folder.join(name)?)
    }
}

impl Session {
    /// Nobody says who they are in clear, unless that is allowed.
    fn secure_enough(&self) -> Result<(), Stop> {
        if self.control.is_secure() || self.door.config.allow_plaintext {
            return Ok(());
        }
        Err(say(530, "Use TLS first: set the client to FTP with explicit TLS (AUTH TLS)."))
    }

    pub(super) async fn auth(&mut self, request: &Request) -> Answer {
        if self.door.config.tls.is_none() {
            return Err(say(502, "There is no certificate here, so there is no TLS."));
        }
        if self.control.is_secure() || self.login.is_some() {
            return Err(say(503, "This comes once, and before USER."));
        }
        let kind = request.word().unwrap_or_default();
        if !["TLS", "TLS-C"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
            return Err(say(504, "Use AUTH TLS."));
        }
        self.send(&Reply::new(234, "Begin TLS.")).await?;
        // Nothing that was said in clear counts any more.
        self.settings = Settings::new(false);
        self.stranger.user = None;
        "ftp".clone_into(&mut self.stranger.client);
        self.secure().await?;
        // The next thing that is said is the client's.
        Err(Stop::Quiet)
    }

    pub(super) fn clnt(&mut self, request: &Request) -> Answer {
        let client = request.word().filter(|word| !word.is_empty());
        let client = client.ok_or_else(|| say(501, "A name is missing."))?;
        if self.login.is_none() {
            self.stranger.client = client.chars().take(120).collect();
        }
        Ok(Reply::new(200, "Noted."))
    }

    pub(super) fn host(&mut self, request: &Request) -> Answer {
        if self.login.is_some() {
            return Err(say(503, "This comes before USER."));
        }
        if request.word().is_none_or(str::is_empty) {
            return Err(say(501, "A name is missing."));
        }
        self.stranger.user = None;
        Ok(Reply::new(220, "All hosts are one here."))
    }

    pub(super) fn user(&mut self, request: &Request) -> Answer {
        self.secure_enough()?;
        if self.login.is_some() {
            return Err(say(503, "Somebody has logged in; connect once more to be somebody else."));
        }
        let name = request.word().filter(|name| !name.is_empty());
        self.stranger.user = Some(name.ok_or_else(|| say(501, "A name is missing."))?.to_owned());
        Ok(Reply::new(331, "And the password?"))
    }

    pub(super) async fn pass(&mut self, request: Request) -> Answer {
        self.secure_enough()?;
        if self.login.is_some() {
            return Err(say(503, "Somebody has logged in."));
        }
        let user = self.stranger.user.take().ok_or_else(|| say(503, "Say USER first."))?;
        let secret = str::from_utf8(&request.argument).map(|secret| Secret::foreign(secret.to_owned()));
        drop(request);
        let Ok(secret) = secret else { return Err(self.wrong()) };
        let line: Arc<dyn Line> = Arc::<SessionLine>::clone(&self.line);
        let origin = Origin {
            channel: Channel::Ftp,
            peer: self.peer.address,
            request_id: &self.stranger.id,
            tool: &self.stranger.client,
            line: Some(&line),
        };
        match self.door.access.authenticate_password(origin, &user, &secret).await {
            Ok(who) => self.admit(who),
            Err(error) => Err(self.turned_away(&error)),
        }
    }

    fn admit(&mut self, who: Principal) -> Answer {
        let Some(key) = who.key_id() else { return Err(self.wrong()) };
        let Some(seat) = self.door.config.sessions.take(key) else {
            let all = "This key has all the sessions it may have; close one of them.";
            return Err(Stop::Close(Reply::new(421, all)));
        };
        let config = TreeConfig { top: Top::Home, tasks: self.door.tasks.clone() };
        let tree = Tree::new(self.door.access.clone(), who, config);
        self.login = Some(Login { tree, folder: TreePath::top(), _seat: seat });
        Ok(Reply::new(230, "Come in."))
    }

    /// One answer for all that is wrong with a name or a password.
    fn turned_away(&mut self, error: &AccessError) -> Stop {
        match error {
            AccessError::Denied(_) | AccessError::NotFound => self.wrong(),
            AccessError::Throttled { retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                Stop::Close(Reply::new(421, format!("Too many attempts; try again in {seconds} seconds.")))
            }
            AccessError::Backend(_) | AccessError::Metadata(_) | AccessError::Unavailable => {
                Stop::Close(Reply::new(421, "Logging in does not work at the moment; try again."))
            }
        }
    }

    fn wrong(&mut self) -> Stop {
        self.stranger.failures += 1;
        if self.stranger.failures >= TRIES {
            return Stop::Close(Reply::new(421, "Too many wrong logins."));
        }
        say(530, "The user name or the password is wrong.")
    }
}
