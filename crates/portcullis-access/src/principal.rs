//! Who is asking, and from where.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use portcullis_domain::{
    Channel, KeyId, Line, LinkId, Narrowing, RunPass, SessionId, SiteId, SshPublicKey, Timestamp, UserId,
};

use crate::directory::Generation;

/// Where a request comes from, as its protocol saw it.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// Over which protocol.
    pub channel: Channel,
    /// The client's address, after a trusted proxy was resolved.
    pub peer: IpAddr,
    /// The id under which the request is found again; cut to 64 characters.
    pub request_id: &'a str,
    /// What the client calls itself; cleaned of what is not printable ASCII and cut to 120 characters.
    pub tool: &'a str,
    /// The connection it came on, to be ended when a download over it is cut; without one a download that its client does not
    /// read ends only when it is read on.
    pub line: Option<&'a Arc<dyn Line>>,
}

impl Origin<'_> {
    pub(crate) fn request_id_text(&self) -> String {
        printable(self.request_id, 64)
    }

    pub(crate) fn tool_text(&self) -> String {
        printable(self.tool, 120)
    }
}

fn printable(text: &str, most: usize) -> String {
    text.bytes().filter(|byte| (b' '..=b'~').contains(byte)).take(most).map(char::from).collect()
}

/// An authenticated caller. Only `Access::authenticate_*`, `Access::sign_in` and, for the process itself, `Access::run_principal` make one.
///
/// It says who somebody is and never what they may do: that is asked of the directory at every step, so it may be kept as
/// long as a connection lives. Cheap to clone.
#[derive(Clone)]
pub struct Principal(Arc<Inner>);

struct Inner {
    who: Who,
    bounds: Bounds,
    site: SiteId,
    channel: Channel,
    peer: IpAddr,
    request_id: String,
    tool: String,
    line: Option<Arc<dyn Line>>,
}

/// What else a principal is bound to.
#[derive(Default)]
struct Bounds {
    narrowing: Option<Narrowing>,
    /// Of a run.
    pass: Option<RunPass>,
    /// With which they showed who they are: without it, they are nobody any more.
    shown: Option<SshPublicKey>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    /// With which of its credentials too: when they are replaced, who came with them is nobody any more.
    Key {
        id: KeyId,
        generation: Generation,
        owner: Option<UserId>,
    },
    Session {
        id: SessionId,
        user: UserId,
        expires: Timestamp,
    },
    Link(LinkId),
    /// A run between two storages; its pass stands beside it.
    Run,
}

impl Principal {
    pub(crate) fn new(who: Who, site: SiteId, origin: &Origin<'_>) -> Self {
        Self::bound(who, Bounds::default(), site, origin)
    }

    pub(crate) fn narrowed(
        who: Who,
        narrowing: Option<Narrowing>,
        site: SiteId,
        origin: &Origin<'_>,
    ) -> Self {
        Self::bound(who, Bounds { narrowing, ..Bounds::default() }, site, origin)
    }

    pub(crate) fn of_run(pass: RunPass, origin: &Origin<'_>) -> Self {
        let site = pass.site;
        Self::bound(Who::Run, Bounds { pass: Some(pass), ..Bounds::default() }, site, origin)
    }

    pub(crate) fn showing(who: Who, shown: &SshPublicKey, site: SiteId, origin: &Origin<'_>) -> Self {
        Self::bound(who, Bounds { shown: Some(shown.clone()), ..Bounds::default() }, site, origin)
    }

    fn bound(who: Who, bounds: Bounds, site: SiteId, origin: &Origin<'_>) -> Self {
        Self(Arc::new(Inner {
            who,
            bounds,
            site,
            channel: origin.channel,
            peer: origin.peer,
            request_id: origin.request_id_text(),
            tool: origin.tool_text(),
            line: origin.line.map(Arc::clone),
        }))
    }

    /// The connection of the request that authenticated.
    pub(crate) fn line(&self) -> Option<&Arc<dyn Line>> {
        self.0.line.as_ref()
    }

    pub(crate) fn who(&self) -> Who {
        self.0.who
    }

    pub(crate) fn narrowing(&self) -> Option<&Narrowing> {
        self.0.bounds.narrowing.as_ref()
    }

    /// What a run may do; none of anybody else.
    pub(crate) fn pass(&self) -> Option<&RunPass> {
        self.0.bounds.pass.as_ref()
    }

    /// The public key with which they showed who they are, if they did.
    pub(crate) fn shown(&self) -> Option<&SshPublicKey> {
        self.0.bounds.shown.as_ref()
    }

    /// Whether they came with temporary credentials of a key.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        self.0.bounds.narrowing.is_some()
    }

    /// The link, if somebody opened one.
    #[must_use]
    pub fn link_id(&self) -> Option<LinkId> {
        match self.0.who {
            Who::Link(id) => Some(id),
            Who::Key { .. } | Who::Session { .. } | Who::Run => None,
        }
    }

    /// The key that authenticated, if a key did.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        match self.0.who {
            Who::Key { id, .. } => Some(id),
            Who::Session { .. } | Who::Link(_) | Who::Run => None,
        }
    }

    /// The session, if somebody signed in.
    #[must_use]
    pub fn session_id(&self) -> Option<SessionId> {
        match self.0.who {
            Who::Session { id, .. } => Some(id),
            Who::Key { .. } | Who::Link(_) | Who::Run => None,
        }
    }

    /// The user who signed in, or to whom the key belongs.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        match self.0.who {
            Who::Session { user, .. } => Some(user),
            Who::Key { owner, .. } => owner,
            Who::Link(_) | Who::Run => None,
        }
    }

    /// The word for them in the audit trail.
    pub(crate) fn actor(&self) -> String {
        match self.0.who {
            Who::Key { id, .. } => format!("key:{id}"),
            Who::Session { user, .. } => format!("user:{user}"),
            Who::Link(id) => format!("link:{id}"),
            Who::Run => format!("sync:{}", self.pass().map_or("", |pass| &pass.run)),
        }
    }

    /// The site in which the caller acts, the only one they reach at the moment.
    #[must_use]
    pub fn site(&self) -> SiteId {
        self.0.site
    }

    /// The protocol over which they came.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.0.channel
    }

    /// Their address.
    #[must_use]
    pub fn peer(&self) -> IpAddr {
        self.0.peer
    }

    /// The id of the request that authenticated.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.0.request_id
    }

    /// What their client calls itself.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.0.tool
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("who", &self.0.who)
            .field("channel", &self.0.channel)
            .field("peer", &self.0.peer)
            .field("request_id", &self.0.request_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_client_says_of_itself_is_cleaned() {
        let origin = Origin {
            channel: Channel::S3,
            peer: IpAddr::from([127, 0, 0, 1]),
            request_id: &"r".repeat(100),
            tool: &format!("rclone/1\r\nforged é{}", "x".repeat(200)),
            line: None,
        };
        let who = Who::Key { id: KeyId::from_u128(1), generation: 0, owner: None };
        let principal = Principal::new(who, SiteId::from_u128(1), &origin);
        assert_eq!(principal.request_id().len(), 64);
        assert_eq!(principal.tool().len(), 120);
        assert!(principal.tool().starts_with("rclone/1forged xxx"));
    }
}
