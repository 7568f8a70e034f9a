//! Who it is: `AUTH` by `PLAIN` or `LOGIN` (RFC 4954, RFC 4616), within TLS alone.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_access::{AccessError, Origin, Principal};
use portcullis_domain::{Channel, Line as Ending, MailRules, Secret};
use portcullis_files::{Top, Tree, TreeConfig};
use portcullis_listener::SessionLine;
use zeroize::Zeroizing;

use super::reply::Reply;
use super::session::{Answer, Session, Stop, close, say};
use super::wire::Line;
use crate::sessions::KeySession;

/// Wrong logins, after which the connection ends.
const TRIES: u32 = 3;

/// Somebody who has said who they are.
pub(super) struct Login {
    pub(super) tree: Tree,
    _seat: KeySession,
}

/// A name and a secret.
struct Words {
    name: Zeroizing<String>,
    secret: Secret,
}

impl Session {
    /// What the key makes of a message, at this moment.
    pub(super) fn rules(&self) -> Option<MailRules> {
        self.login.as_ref().and_then(|login| self.door.access.mail_rules(login.tree.principal()))
    }

    pub(super) async fn auth(&mut self, argument: &str) -> Answer {
        if !self.greeted {
            return Err(say(503, "5.5.1", "Say EHLO first."));
        }
        if self.login.is_some() {
            return Err(say(
                503,
                "5.5.1",
                "Somebody has said who they are; connect once more to be somebody else.",
            ));
        }
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let initial = initial.trim_matches(' ');
        let words = if mechanism.eq_ignore_ascii_case("PLAIN") {
            self.plain(initial).await?
        } else if mechanism.eq_ignore_ascii_case("LOGIN") {
            self.login(initial).await?
        } else {
            return Err(say(504, "5.5.4", "Use AUTH PLAIN or AUTH LOGIN."));
        };
        let Some(words) = words else { return Err(self.wrong()) };
        let line: Arc<dyn Ending> = Arc::<SessionLine>::clone(&self.line);
        let origin = Origin {
            channel: Channel::Email,
            peer: self.peer.address,
            request_id: &self.id,
            tool: "smtp",
            line: Some(&line),
        };
        match self.door.access.authenticate_password(origin, &words.name, &words.secret).await {
            Ok(who) => self.admit(who),
            Err(error) => Err(self.turned_away(&error)),
        }
    }

    /// `PLAIN`: all in one (RFC 4616). None if it cannot be a name and a secret.
    async fn plain(&mut self, initial: &str) -> Result<Option<Words>, Stop> {
        let text = match initial {
            "" => self.ask("").await?,
            initial => text_of(initial)?,
        };
        let mut parts = text.split('\0');
        let (Some(acts_as), Some(name), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Ok(None);
        };
        // To act as somebody else is nothing that a key can.
        if !acts_as.is_empty() && acts_as != name {
            return Ok(None);
        }
        Ok(Some(Words { name: Zeroizing::new(name.to_owned()), secret: Secret::foreign(secret.to_owned()) }))
    }

    /// `LOGIN`: the name, then the secret. The two questions are what clients know.
    async fn login(&mut self, initial: &str) -> Result<Option<Words>, Stop> {
        let name = match initial {
            "" => self.ask("VXNlcm5hbWU6").await?,
            initial => text_of(initial)?,
        };
        let secret = self.ask("UGFzc3dvcmQ6").await?;
        Ok(Some(Words { name, secret: Secret::foreign(secret.to_string()) }))
    }

    /// Asks for a text in base64.
    async fn ask(&mut self, question: &str) -> Result<Zeroizing<String>, Stop> {
        self.wire.send(&Reply::lines(334, vec![question.to_owned()])).await?;
        match self.next_line().await? {
            Line::Whole(line) if line.as_slice() == b"*" => Err(say(501, "5.7.0", "Given up.")),
            Line::Whole(line) => text_of(str::from_utf8(&line).map_err(|_| no_base64())?),
            Line::Bare => Err(no_base64()),
            Line::TooLong => Err(say(500, "5.5.6", "The line is too long.")),
        }
    }

    fn admit(&mut self, who: Principal) -> Answer {
        let Some(key) = who.key_id() else { return Err(self.wrong()) };
        let Some(seat) = self.door.config.sessions.take(key) else {
            return Err(close(421, "4.7.0", "This key has all the sessions it may have; close one of them."));
        };
        let config = TreeConfig { top: Top::Home, tasks: self.door.tasks.clone() };
        let tree = Tree::new(self.door.access.clone(), who, config);
        self.login = Some(Login { tree, _seat: seat });
        Ok(Reply::new(235, "2.7.0", "Come in."))
    }

    /// One answer for all that is wrong with a name or a secret.
    fn turned_away(&mut self, error: &AccessError) -> Stop {
        match error {
            AccessError::Denied(_) | AccessError::NotFound => self.wrong(),
            AccessError::Throttled { retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                Stop::Close(Reply::new(
                    421,
                    "4.7.0",
                    format!("Too many attempts; try again in {seconds} seconds."),
                ))
            }
            AccessError::Backend(_) | AccessError::Metadata(_) | AccessError::Unavailable => {
                say(454, "4.7.0", "Logging in does not work at the moment; try again.")
            }
        }
    }

    fn wrong(&mut self) -> Stop {
        self.failures += 1;
        if self.failures >= TRIES {
            return close(421, "4.7.0", "Too many wrong logins.");
        }
        say(535, "5.7.8", "The user name or the password is wrong.")
    }
}

/// What a text in base64 says; `=` is the empty text (RFC 4954 section 4).
fn text_of(base64: &str) -> Result<Zeroizing<String>, Stop> {
    if base64 == "=" {
        return Ok(Zeroizing::default());
    }
    // Given its room at once, so that no copy is left where it was moved from.
    let mut bytes = Zeroizing::new(vec![0; base64.len()]);
    let length = STANDARD.decode_slice(base64, &mut bytes).map_err(|_| no_base64())?;
    let text = str::from_utf8(bytes.get(..length).unwrap_or_default()).map_err(|_| no_base64())?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn no_base64() -> Stop {
    say(501, "5.5.2", "This is no text in base64.")
}
