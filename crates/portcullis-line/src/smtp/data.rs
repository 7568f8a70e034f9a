//! The bytes of a message, from the first to the answer that says that they are files.

use std::time::Duration;

use portcullis_files::FileError;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::warn;

use super::body::Body;
use super::letter::{Letter, no_room, too_large};
use super::reply::Reply;
use super::session::{Answer, Session, Stop, close, say};
use super::spool::{Draft, Room, SpoolFault, counted};
use crate::mail::{Context, Envelope, MailFault, Spooled, deliver};

/// How often it is looked whether who sends still may: what has come is nobody's yet, and ends with nothing else.
const LOOK: Duration = Duration::from_secs(1);
/// What is read of a message that is refused already, beyond its largest size, so that the client hears why.
const WASTE: u64 = 64 << 20;

impl Session {
    pub(super) async fn data(&mut self) -> Answer {
        let letter = self.letter.take().ok_or_else(|| say(503, "5.5.1", "Say MAIL first."))?;
        if letter.folders.is_empty() {
            self.letter = Some(letter);
            return Err(say(503, "5.5.1", "There is no recipient; say RCPT first."));
        }
        let draft = self.door.config.spool.begin().await.map_err(|fault| of_spool(&fault))?;
        self.wire
            .send(&Reply::lines(354, vec!["Go on; a line with a dot alone is the end.".to_owned()]))
            .await?;
        let (message, room) = self.receive(draft, letter.largest).await?;
        let stored = self.store(letter, message).await;
        drop(room);
        stored
    }

    /// Takes the message, up to its end whatever becomes of it, so that what follows is seen as what it is.
    async fn receive(&mut self, draft: Draft, largest: u64) -> Result<(Spooled, Room), Stop> {
        let (mut body, mut kept, mut bin) = (Body::default(), Ok(draft), Vec::new());
        let mut came = 0_u64;
        let mut looked = Instant::now();
        let due = looked + self.door.config.times.message;
        loop {
            self.more(due, &mut looked).await?;
            let into = kept.as_mut().map_or(&mut bin, Draft::piece);
            let taken = body.take(self.wire.pending(), into);
            self.wire.took(taken.bytes);
            bin.clear();
            came = came.saturating_add(counted(taken.bytes));
            let settled = match &mut kept {
                Err(_) => Ok(()),
                Ok(draft) if draft.length() > largest => Err(too_large(largest)),
                Ok(_) if body.is_bare() => Err(bare()),
                Ok(draft) => draft.settle().await.map_err(|fault| of_spool(&fault)),
            };
            if let Err(refusal) = settled {
                // What was held of it is given back now.
                kept = Err(refusal);
            }
            if taken.ended {
                break;
            }
            if came > largest.saturating_add(WASTE) {
                return Err(match kept {
                    Err(Stop::Say(reply)) => Stop::Close(reply),
                    Err(stop) => stop,
                    Ok(_) => close(552, "5.3.4", "The message has no end."),
                });
            }
        }
        kept?.finish().await.map_err(|fault| of_spool(&fault))
    }

    /// Waits for more of a message. What is looked at in between is looked at as well while it comes without a pause.
    async fn more(&mut self, due: Instant, looked: &mut Instant) -> Result<(), Stop> {
        let late = due.min(Instant::now() + self.door.config.times.block);
        loop {
            let look = late.min(*looked + LOOK);
            tokio::select! {
                () = sleep_until(look) => {}
                there = self.wire.wait(), if Instant::now() < look => {
                    return if there? { Ok(()) } else { Err(Stop::Gone) };
                }
            }
            let now = Instant::now();
            if now >= late {
                return Err(close(421, "4.4.2", "The message does not come."));
            }
            self.still()?;
            *looked = now;
        }
    }

    /// Makes files of it. If the client goes meanwhile it is stored all the same, and known when it is sent again.
    async fn store(&mut self, letter: Letter, message: Spooled) -> Answer {
        self.still()?;
        let Some(login) = &self.login else { return Err(Stop::Gone) };
        let context = Context { tree: login.tree.clone(), rules: letter.rules };
        let envelope = Envelope { folders: letter.folders };
        let storing = Box::pin(deliver(message, envelope, &context));
        match timeout(self.door.config.times.store, storing).await {
            Ok(Ok(stored)) => {
                let files = match stored.files {
                    1 => "1 file".to_owned(),
                    files => format!("{files} files"),
                };
                let text = if stored.again { "This message came before as" } else { "Stored as" };
                Ok(Reply::new(250, "2.0.0", format!("{text} {files}.")))
            }
            Ok(Err(fault)) => Err(Stop::Say(refusal(&fault))),
            Err(_) => Err(say(451, "4.3.0", "Storing it takes too long; try again later.")),
        }
    }
}

fn bare() -> Stop {
    say(550, "5.5.2", "Lines of a message end with CR LF; this one has one of them alone.")
}

fn of_spool(fault: &SpoolFault) -> Stop {
    match fault {
        SpoolFault::Full => no_room(),
        SpoolFault::Failed(error) => {
            warn!(%error, "a message could not be kept on its way");
            say(451, "4.3.0", "The message cannot be taken at the moment; try again later.")
        }
    }
}

/// The only way from what went wrong with a message to a reply. 4yz says that the same may work later (RFC 5321 section 4.2.1).
fn refusal(fault: &MailFault) -> Reply {
    let (code, detail) = match fault {
        MailFault::Empty | MailFault::Damaged(_) | MailFault::Folder(_) => (554, "5.6.0"),
        MailFault::TooLarge { .. } => (552, "5.3.4"),
        MailFault::Busy => (451, "4.2.0"),
        MailFault::TooMany { .. } => (450, "4.7.1"),
        MailFault::Spool(error) => {
            warn!(%error, "a message could not be read back");
            (451, "4.3.0")
        }
        MailFault::Store(error) => return refusal_of_files(error),
    };
    Reply::new(code, detail, sentence(&fault.to_string()))
}

/// What went wrong with files. What is no better the next time is told as such, so that the sender hears of it.
pub(super) fn refusal_of_files(error: &FileError) -> Reply {
    let (code, detail) = match error {
        FileError::Denied => (550, "5.7.1"),
        FileError::NotFound
        | FileError::NotFolder
        | FileError::IsFolder
        | FileError::NoParent
        | FileError::Path(_)
        | FileError::Escaped => (550, "5.1.1"),
        FileError::TooLarge => (552, "5.3.4"),
        FileError::Full => (452, "4.2.2"),
        FileError::Unsupported(_) | FileError::TooMany { .. } | FileError::NotEmpty => (554, "5.3.0"),
        FileError::Throttled { .. } => (450, "4.7.1"),
        FileError::Exists
        | FileError::Changed
        | FileError::Archived
        | FileError::NoResume { .. }
        | FileError::Mismatch
        | FileError::Broken
        | FileError::Unavailable => (451, "4.3.0"),
    };
    Reply::new(code, detail, sentence(&error.to_string()))
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).chain(['.']).collect()
}
