//! Uploads.

use portcullis_files::{FileError, TreePath, Upload, WriteOptions};

use super::command::Request;
use super::data::{self, Data, Trouble};
use super::login::Here;
use super::reply::Reply;
use super::session::{Answer, Session, say};
use super::settings::Start;
use super::transfer::broken_off;

impl Session {
    pub(super) async fn stor(&mut self, here: Here, request: &Request, start: Start) -> Answer {
        let path = here.path(request)?;
        self.put(here, path, start, "Ready.").await
    }

    /// Goes on at the end of a file. What is kept of an upload that broke off counts as one only if this session has asked for its size:
    /// then it is this file that is gone on with, and not the beginning of another.
    pub(super) async fn appe(&mut self, here: Here, request: &Request, start: Start) -> Answer {
        let path = here.path(request)?;
        let asked = self.settings.kept.take().filter(|(of, _)| *of == path).map(|(_, kept)| kept);
        let end = match here.tree.stat(&path).await {
            Ok(entry) if entry.is_folder() => return Err(FileError::IsFolder.into()),
            Ok(entry) => entry.size(),
            Err(FileError::NotFound) => asked.unwrap_or(0),
            Err(error) => return Err(error.into()),
        };
        if start.offset != 0 && start.offset != end {
            return Err(FileError::NoResume { at: end }.into());
        }
        self.put(here, path, Start { offset: end, ..start }, "Ready.").await
    }

    /// Under a name that nobody has: the one that was asked for, and behind it something of chance.
    pub(super) async fn stou(&mut self, here: Here, request: &Request, start: Start) -> Answer {
        let mut chance = [0; 8];
        getrandom::fill(&mut chance).map_err(|_| say(451, "No name was found; try again."))?;
        let chance = format!("{:016x}", u64::from_ne_bytes(chance));
        let mut name = request.argument.to_vec();
        name.extend_from_slice(if name.is_empty() || name.ends_with(b"/") { b"upload-" } else { b"." });
        name.extend_from_slice(chance.as_bytes());
        let path = here.path_of(&name)?;
        if start.offset != 0 {
            return Err(say(554, "A new file begins at 0."));
        }
        let told = format!("FILE: {path}");
        self.put(here, path, start, &told).await
    }

    async fn put(&mut self, here: Here, path: TreePath, start: Start, told: &str) -> Answer {
        let passive = self.passive()?;
        // Where SIZE ended is known once.
        self.settings.kept = None;
        let options = WriteOptions {
            offset: start.offset,
            resumable: true,
            parent_needed: true,
            ..WriteOptions::default()
        };
        let mut upload = here.tree.write(&path, options).await?;
        let stream = self.connect(passive, told).await?;
        let config = self.data_config();
        let expected = start.expected.filter(|_| self.settings.binary);
        let work = async {
            let mut from = Data::secure(stream, config.tls).await?;
            let received = data::receive(&mut from, &mut upload, config.stall).await;
            let complete = is_complete(received, &upload, start.offset, expected)?;
            Ok((from, complete))
        };
        let from = match self.under_way(work).await? {
            Ok((from, true)) => from,
            Ok((_, false)) => {
                return Err(say(426, "Fewer bytes came than ALLO had announced; nothing was stored."));
            }
            Err(trouble) => return Err(broken_off(trouble)),
        };
        if !self.settings.is_private() {
            self.still_there().await?;
        }
        // From here on it is too late to give it up: it is stored, or it fails.
        upload.finish().await?;
        Ok(match data::close(from).await {
            Some(rest) => self.done(rest, "Stored."),
            None => Reply::new(226, "Stored."),
        })
    }
}

/// Whether all has come, as far as that can be known.
///
/// The end of a connection in clear says little, so a length that was told must have come. The end of TLS says it; some clients do
/// not close it well, and then it is enough if just so many bytes came as were told over the control connection.
fn is_complete(
    received: Result<(), Trouble>,
    upload: &Upload,
    offset: u64,
    expected: Option<u64>,
) -> Result<bool, Trouble> {
    let (all, came) = (upload.position(), upload.position().saturating_sub(offset));
    match (received, expected) {
        (Err(Trouble::Truncated), Some(expected)) => {
            if expected == came || expected == all {
                Ok(true)
            } else {
                Err(Trouble::Truncated)
            }
        }
        (Err(trouble), _) => Err(trouble),
        (Ok(()), Some(expected)) => Ok(all >= expected),
        (Ok(()), None) => Ok(true),
    }
}
