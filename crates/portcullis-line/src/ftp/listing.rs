//! Folders as lists.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use portcullis_domain::Timestamp;
use portcullis_files::{Entry, FileError, ListStream};

use super::command::Request;
use super::data::{Data, Listing};
use super::format::{self, Facts};
use super::login::Here;
use super::reply::Reply;
use super::session::{Answer, Session, Stop, say};
use super::transfer::broken_off;

/// Entries that STAT tells over the control connection, where nothing can give it up.
const MOST_TOLD: usize = 1000;

/// How an entry is written.
#[derive(Clone)]
enum Form {
    /// As `ls -l` does.
    Long(Timestamp),
    /// Its name, behind what the client called the folder.
    Name(String),
    Facts(Facts),
}

impl Form {
    fn line(&self, entry: &Entry) -> String {
        match self {
            Self::Long(now) => format::list_line(entry, *now),
            Self::Name(before) => {
                let mut line = String::with_capacity(before.len() + entry.name.len());
                super::reply::push_clean(&mut line, before);
                super::reply::push_clean(&mut line, &entry.name);
                line
            }
            Self::Facts(facts) => facts.line(entry, &entry.name),
        }
    }
}

impl Session {
    pub(super) async fn list(&mut self, here: Here, request: &Request) -> Answer {
        let form = Form::Long(self.door.access.now());
        let (entries, _) = entries_for_people(&here, &request.argument).await?;
        self.send_list(entries, form).await
    }

    pub(super) async fn nlst(&mut self, here: Here, request: &Request) -> Answer {
        let (entries, called) = entries_for_people(&here, &request.argument).await?;
        self.send_list(entries, Form::Name(called)).await
    }

    pub(super) async fn mlsd(&mut self, here: Here, request: &Request) -> Answer {
        let folder = here.folder.join(&request.argument)?;
        match here.tree.enter(&folder).await {
            Ok(()) => {}
            Err(FileError::NotFolder) => return Err(say(501, "This is a file; MLST tells of it.")),
            Err(error) => return Err(error.into()),
        }
        let facts = self.settings.facts;
        self.send_list(here.tree.list(&folder), Form::Facts(facts)).await
    }

    pub(super) async fn mlst(&mut self, here: Here, request: &Request) -> Answer {
        let path = here.folder.join(&request.argument)?;
        let entry = here.tree.stat(&path).await?;
        let line = self.settings.facts.line(&entry, &path.to_string());
        Ok(Reply::lines(250, "It is:", vec![line], "End."))
    }

    /// How things stand, or a folder over the control connection.
    pub(super) async fn stat(&mut self, here: Here, request: &Request) -> Answer {
        if request.argument.is_empty() {
            return Ok(self.status("Nothing is under way."));
        }
        let form = Form::Long(self.door.access.now());
        let (mut entries, _) = entries_for_people(&here, &request.argument).await?;
        let mut lines = Vec::new();
        while let Some(entry) = self.under_way(entries.next()).await? {
            if lines.len() >= MOST_TOLD {
                lines.push("There is more; LIST tells it.".to_owned());
                break;
            }
            lines.push(form.line(&entry?));
        }
        Ok(Reply::lines(213, "There is:", lines, "End."))
    }

    async fn send_list(&mut self, mut entries: ListStream, form: Form) -> Answer {
        let passive = self.passive()?;
        // The first is fetched before anything is promised.
        let first = self.under_way(entries.next()).await?.transpose()?;
        let stream = self.connect(passive, "Here it comes.").await?;
        let tls = self.data_config().tls;
        let work = async move {
            let mut listing = Listing::new(Data::secure(stream, tls).await?);
            if let Some(first) = first {
                listing.line(&form.line(&first)).await?;
                while let Some(entry) = entries.next().await {
                    listing.line(&form.line(&entry?)).await?;
                }
            }
            listing.end().await
        };
        match self.under_way(work).await? {
            Ok(rest) => Ok(self.done(rest, "That was all.")),
            Err(trouble) => Err(broken_off(trouble)),
        }
    }
}

/// What LIST, NLST and STAT tell of: a folder, a file, or the names in a folder that are like a pattern; and what to write before the names.
async fn entries_for_people(here: &Here, argument: &[u8]) -> Result<(ListStream, String), Stop> {
    let what = without_options(argument);
    let path = here.folder.join(what)?;
    let called = called(what);
    match here.tree.enter(&path).await {
        Ok(()) => {
            let called = if called.is_empty() || called.ends_with('/') { called } else { called + "/" };
            return Ok((here.tree.list(&path), called));
        }
        Err(FileError::NotFolder) => {
            let entry = here.tree.stat(&path).await?;
            let before = called.strip_suffix(&entry.name).unwrap_or_default().to_owned();
            return Ok((Box::pin(stream::iter([Ok(entry)])), before));
        }
        Err(FileError::NotFound) => {}
        Err(error) => return Err(error.into()),
    }
    // Nothing of that name is there: perhaps its last part is a pattern.
    let pattern = path.name().filter(|name| name.contains(['*', '?'])).map(str::to_owned);
    let Some(pattern) = pattern else { return Err(FileError::NotFound.into()) };
    let folder = path.parent();
    let called = called.rfind('/').and_then(|slash| called.get(..=slash)).unwrap_or_default().to_owned();
    here.tree.enter(&folder).await?;
    let pattern: Arc<str> = pattern.into();
    let found = here.tree.list(&folder).filter(move |entry| {
        let fits = entry.as_ref().map_or(true, |entry| format::matches(&pattern, &entry.name));
        std::future::ready(fits)
    });
    Ok((Box::pin(found), called))
}

/// What clients put before a path because they believe that `ls` is behind this: `-a`, `-la`.
fn without_options(argument: &[u8]) -> &[u8] {
    let mut rest = argument;
    while let [b'-', ..] = rest {
        let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
    }
    rest
}

/// What the client wrote, to be written before the names.
fn called(what: &[u8]) -> String {
    if what == b"." { String::new() } else { String::from_utf8_lossy(what).into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_passed_over() {
        for (argument, path) in [
            ("", ""),
            ("-a", ""),
            ("-la folder", "folder"),
            ("-l -a  a b", "a b"),
            ("a -l", "a -l"),
            ("./-a", "./-a"),
        ] {
            assert_eq!(without_options(argument.as_bytes()), path.as_bytes(), "{argument}");
        }
    }
}
