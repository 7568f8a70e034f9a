//! Transfers: the data connection, the replies before and after, and downloads.

use std::sync::Arc;

use portcullis_files::{FileError, OpenOptions};
use portcullis_listener::{LineStream, Proxies};
use tracing::debug;

use super::command::Request;
use super::data::{self, Data, DataConfig, Trouble};
use super::login::Here;
use super::passive::Passive;
use super::reply::{Reply, refusal};
use super::session::{Answer, Session, Stop, say};
use super::settings::Start;
use crate::stream::Stream;

impl Session {
    /// The port that was opened for this transfer. It serves one, whatever becomes of it.
    pub(super) fn passive(&mut self) -> Result<Passive, Stop> {
        let passive = self.settings.passive.take();
        self.data_allowed()?;
        passive.ok_or_else(|| say(425, "Send EPSV or PASV first."))
    }

    pub(super) fn data_config(&self) -> DataConfig {
        let config = &self.door.config;
        DataConfig {
            line: Arc::clone(&self.line),
            proxies: Proxies::clone(&config.proxies),
            peer: self.peer.address,
            tls: config.tls.as_ref().filter(|_| self.settings.is_private()).map(|tls| tls.data()),
            connect: config.times.connect,
            stall: config.times.stall,
        }
    }

    /// Waits for the data connection, and says that it is there. From then on there is a reply to come.
    pub(super) async fn connect(&mut self, passive: Passive, told: &str) -> Result<LineStream, Stop> {
        let config = self.data_config();
        let arrived = self.under_way(data::arrive(passive, &config)).await?;
        let stream = arrived.map_err(|_| {
            say(425, "No data connection came in time from the address of this one; is a firewall between?")
        })?;
        self.send(&Reply::new(150, told)).await?;
        Ok(stream)
    }

    /// What is left of a data connection after all went well, and the last reply.
    pub(super) fn done(&self, rest: Stream, told: &str) -> Reply {
        self.door.tasks.spawn(data::linger(rest));
        Reply::new(226, told)
    }

    pub(super) async fn retr(&mut self, here: Here, request: &Request, start: Start) -> Answer {
        let passive = self.passive()?;
        let path = here.path(request)?;
        let file = here.tree.open(&path, OpenOptions::default()).await?;
        let size = file.entry().size();
        if start.offset > size {
            return Err(say(554, &format!("The file has {size} bytes.")));
        }
        let bytes = file.stream(start.offset, None).await?;
        let stream = self.connect(passive, "Here it comes.").await?;
        let tls = self.data_config().tls;
        let work = async move {
            let to = Data::secure(stream, tls).await?;
            data::send_file(bytes, to).await
        };
        match self.under_way(work).await? {
            Ok(rest) => Ok(self.done(rest, "That was all of it.")),
            Err(trouble) => Err(broken_off(trouble)),
        }
    }
}

/// The last reply after something went wrong between it and 150.
pub(super) fn broken_off(trouble: Trouble) -> Stop {
    match trouble {
        Trouble::File(FileError::Broken) => say(451, "It broke off here; try again."),
        Trouble::File(error) => Stop::Say(refusal(&error)),
        Trouble::Unprotected(error) => {
            debug!(%error, "no TLS session for data");
            say(522, "TLS did not come about on the data connection.")
        }
        Trouble::Stalled => say(426, "Nothing came for too long."),
        Trouble::Broken(error) => {
            debug!(%error, "a data connection broke");
            say(426, "The data connection broke.")
        }
        Trouble::Truncated => say(
            426,
            "The data connection was not closed as TLS closes, so this may not be all of it; nothing was stored.",
        ),
    }
}
