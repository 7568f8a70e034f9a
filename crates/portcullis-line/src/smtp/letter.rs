//! A message before its bytes: who sends it, and to which folders (RFC 5321 sections 3.3 and 4.1.1).

use portcullis_domain::{MailFolder, MailRules};
use portcullis_files::{FileError, TreePath};

use super::address::{self, Mailbox};
use super::data::refusal_of_files;
use super::parameters::{self, BadParameter, MailParameters};
use super::recipient;
use super::reply::Reply;
use super::session::{Answer, Session, Stop, say};

/// The most recipients of a message. Who has more sends it again to the others.
const MOST_RECIPIENTS: usize = 20;

/// A message that was begun.
#[derive(Debug)]
pub(super) struct Letter {
    /// What the key made of messages when it began.
    pub(super) rules: MailRules,
    /// The most bytes of it.
    pub(super) largest: u64,
    /// Whether its addresses may be UTF-8.
    utf8: bool,
    /// One for each recipient: the folder that its address names.
    pub(super) folders: Vec<Option<TreePath>>,
}

impl Session {
    pub(super) fn mail(&mut self, argument: &str) -> Answer {
        if self.letter.is_some() {
            return Err(say(503, "5.5.1", "A message has begun; RSET forgets it."));
        }
        let (sender, rest) =
            address::path(argument, "FROM").map_err(|_| say(501, "5.1.7", "This is no sender's address."))?;
        let parameters = MailParameters::parse(rest).map_err(bad)?;
        if let Some(sender) = sender {
            readable(&sender, parameters.utf8)?;
        }
        // A right that ended since the session was looked at last.
        let rules = self.rules().ok_or_else(|| say(550, "5.7.1", "This login stores no mail."))?;
        let largest = self.largest();
        if parameters.size.is_some_and(|size| size > largest) {
            return Err(too_large(largest));
        }
        if !self.door.config.spool.has_room(parameters.size.unwrap_or(1)) {
            return Err(no_room());
        }
        self.letter = Some(Letter { rules, largest, utf8: parameters.utf8, folders: Vec::new() });
        Ok(Reply::new(250, "2.1.0", "And to whom?"))
    }

    pub(super) async fn rcpt(&mut self, argument: &str) -> Answer {
        let letter = self.letter.as_ref().ok_or_else(|| say(503, "5.5.1", "Say MAIL first."))?;
        let address = address::path(argument, "TO").ok().and_then(|(mailbox, rest)| Some((mailbox?, rest)));
        let (mailbox, rest) = address.ok_or_else(|| say(501, "5.1.3", "This is no recipient's address."))?;
        parameters::none(rest).map_err(bad)?;
        readable(&mailbox, letter.utf8)?;
        if letter.folders.len() >= MOST_RECIPIENTS {
            return Err(say(
                452,
                "4.5.3",
                "So many recipients are enough; send it to the others after this.",
            ));
        }
        if !self.door.config.is_ours(&mailbox.domain, &self.reached) {
            let host = self.door.config.host();
            let text = format!("Nothing is sent on to other servers; write to anything+folder@{host}.");
            return Err(Stop::Say(Reply::new(550, "5.7.1", text)));
        }
        let folder = recipient::folder(&mailbox).map_err(Stop::Say)?;
        // What the subject names is not known yet.
        let known = match (&folder, letter.rules.folder) {
            (Some(folder), _) => Some(folder.clone()),
            (None, MailFolder::Address) => Some(TreePath::top()),
            (None, MailFolder::Subject) => None,
        };
        if let (Some(known), Some(login)) = (known, &self.login) {
            login.tree.takes(&known).await.map_err(|error| Stop::Say(unreachable(&error)))?;
        }
        if let Some(letter) = &mut self.letter {
            letter.folders.push(folder);
        }
        Ok(Reply::new(250, "2.1.5", "Fine."))
    }
}

/// Characters outside ASCII need SMTPUTF8 (RFC 6531 section 3.5).
fn readable(mailbox: &Mailbox, utf8: bool) -> Result<(), Stop> {
    if utf8 || mailbox.is_ascii() {
        return Ok(());
    }
    Err(say(553, "5.6.7", "An address with such characters needs SMTPUTF8."))
}

fn bad(parameter: BadParameter) -> Stop {
    match parameter {
        BadParameter::Unknown => say(555, "5.5.4", "A parameter is of an extension that is not spoken here."),
        BadParameter::Invalid => say(501, "5.5.4", "A parameter is not written as it should be."),
    }
}

/// Why nothing can be stored in the folder of a recipient; the top of all storages is none.
fn unreachable(error: &FileError) -> Reply {
    if matches!(error, FileError::NotFound | FileError::NotFolder | FileError::Unsupported(_)) {
        return Reply::new(550, "5.1.1", "Nothing can be stored there; name another folder behind +.");
    }
    refusal_of_files(error)
}

/// The refusal of what is larger than this many bytes.
pub(super) fn too_large(largest: u64) -> Stop {
    Stop::Say(Reply::new(552, "5.3.4", format!("A message has no more than {largest} bytes here.")))
}

/// The refusal where nothing more can wait.
pub(super) fn no_room() -> Stop {
    say(452, "4.3.1", "There is no room for this message at the moment; try again later.")
}
