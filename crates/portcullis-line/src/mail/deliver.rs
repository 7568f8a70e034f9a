//! From a spooled message to files.

use std::fs::File;
use std::sync::Arc;

use portcullis_access::ContentHeaders;
use portcullis_domain::{MailFolder, MailRules};
use portcullis_files::{Begun, Delivery, DeliveryId, FileError, Tree, TreePath};

use super::folder::folder_of_subject;
use super::plan::{self, Planned};
use super::read::{Reading, Unread};
use super::{Damage, MailFault, prepare};

/// How often a file is begun whose name somebody else takes while it comes.
const TRIES: u32 = 3;

/// A message that has come whole: as it was sent, but for the dots that SMTP doubles, without the last line that ends it.
#[derive(Debug)]
pub struct Spooled {
    /// Holds just the message, from its first byte; read by position, so where it stands does not matter.
    pub file: File,
    /// Bytes.
    pub length: u64,
    /// The hash of these bytes: with it the same message is recognised.
    pub sha256: [u8; 32],
}

/// Where a message is sent to.
#[derive(Clone, Debug, Default)]
pub struct Envelope {
    /// One for each recipient: the folder that its address names ([`folder_of_tag`](super::folder_of_tag)); none for an address without one.
    pub folders: Vec<Option<TreePath>>,
}

/// For whom a message is stored.
#[derive(Clone, Debug)]
pub struct Context {
    /// What the key reaches; of this session, and for mail made with [`Top::Home`](portcullis_files::Top).
    pub tree: Tree,
    /// What the key makes of a message, as it is at this moment.
    pub rules: MailRules,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// How many files it is, over all folders.
    pub files: u32,
    /// Whether it had come before, so that nothing was stored now.
    pub again: bool,
}

/// Stores what a message holds. When this returns everything is durable and visible in every folder; on a fault, or if its caller stops
/// waiting, nothing is.
///
/// # Errors
/// [`MailFault`].
pub async fn deliver(
    message: Spooled,
    envelope: Envelope,
    context: &Context,
) -> Result<Delivered, MailFault> {
    let Spooled { file, length, sha256 } = message;
    let Context { tree, rules } = context;
    if let Some(limit) = rules.max_message.filter(|limit| length > *limit) {
        return Err(MailFault::TooLarge { limit });
    }
    let file = Arc::new(file);
    let parts = prepare::divide(&file, length).await?;
    let (folders, titled) = folders(envelope, rules.folder, &parts.top.subject)?;
    let id = parts.top.message_id.clone();
    let files = prepare::planned(&file, length, parts, rules, titled).await?;
    if files.len().saturating_mul(folders.len()) > plan::MOST_FILES {
        return Err(Damage::TooManyFiles { limit: plan::MOST_FILES }.into());
    }
    let id = DeliveryId { message: id, content: sha256, folders, per_hour: rules.per_hour };
    match Delivery::begin(tree, id).await? {
        Begun::Done { files } => Ok(Delivered { files, again: true }),
        Begun::Busy => Err(MailFault::Busy),
        Begun::TooMany { retry_after } => Err(MailFault::TooMany { retry_after }),
        Begun::New(mut delivery) => match store(&mut delivery, &file, &files).await {
            Ok(()) => Ok(Delivered { files: delivery.commit().await?, again: false }),
            Err(fault) => {
                // Its sender hears of it when there is nothing of it left to see.
                delivery.abandon().await;
                Err(fault)
            }
        },
    }
}

/// Where a message is stored: each folder once. And whether the subject is free to name the files of the body.
fn folders(envelope: Envelope, rule: MailFolder, subject: &str) -> Result<(Vec<TreePath>, bool), MailFault> {
    let mut untagged = None;
    let mut folders: Vec<TreePath> = Vec::new();
    let recipients = if envelope.folders.is_empty() { vec![None] } else { envelope.folders };
    for tagged in recipients {
        let folder = match (tagged, rule) {
            (Some(folder), _) => folder,
            (None, MailFolder::Address) => TreePath::top(),
            (None, MailFolder::Subject) => {
                let folder = folder_of_subject(subject).map_err(MailFault::Folder)?;
                untagged = Some(folder.clone());
                folder
            }
        };
        if !folders.iter().any(|known| known.names() == folder.names()) {
            folders.push(folder);
        }
    }
    Ok((folders, untagged.is_none_or(|folder| folder.is_top())))
}

/// Stores all files in all folders, one after the other.
async fn store(delivery: &mut Delivery, file: &Arc<File>, files: &[Planned]) -> Result<(), MailFault> {
    for folder in delivery.folders().to_vec() {
        for planned in files {
            let mut tries = 1;
            while let Err(fault) = store_one(delivery, &folder, file, planned).await {
                // Somebody took the very name meanwhile: there is a next one.
                if !matches!(fault, MailFault::Store(FileError::Exists)) || tries == TRIES {
                    return Err(fault);
                }
                tries += 1;
            }
        }
    }
    Ok(())
}

async fn store_one(
    delivery: &mut Delivery,
    folder: &TreePath,
    file: &Arc<File>,
    planned: &Planned,
) -> Result<(), MailFault> {
    let content =
        ContentHeaders { content_type: Some(planned.content_type.clone()), ..ContentHeaders::default() };
    let mut stored = delivery.file(folder, &planned.name, content).await?;
    let mut reading = Reading::new(Arc::clone(file), planned);
    loop {
        let (back, piece) = prepare::blocking(move || {
            let piece = reading.next();
            (reading, piece)
        })
        .await?;
        reading = back;
        match piece {
            Ok(Some(piece)) if piece.is_empty() => {}
            Ok(Some(piece)) => stored.write(piece).await?,
            Ok(None) => break,
            Err(Unread::Fault(fault)) => return Err(fault),
            // It was read to its end before.
            Err(Unread::Charset) => return Err(Damage::Unreadable.into()),
        }
    }
    stored.finish().await?;
    Ok(())
}
