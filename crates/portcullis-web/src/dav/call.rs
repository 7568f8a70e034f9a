//! A request, and what its headers ask.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use portcullis_access::{Principal, Put};
use portcullis_domain::ObjectKey;
use portcullis_files::{Entry, FileError, Kind, Top, Tree, TreeConfig, TreePath};

use super::if_header::{Condition, IfHeader, List, State, parse};
use super::locks::{Change, Place, Shown, USUAL};
use super::reply::{Refusal, Result};
use super::target;
use super::xml::{self, Node};
use crate::app::App;
use crate::channel::{Door, problem};

/// The longest document that a client may send, in bytes.
const LONGEST_DOCUMENT: usize = 64 * 1024;

/// A request of somebody who is known.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) app: Arc<App>,
    pub(crate) who: Principal,
    pub(crate) tree: Tree,
    pub(crate) path: TreePath,
    /// Whether its address is written as a folder's is.
    pub(crate) says_folder: bool,
    pub(crate) headers: HeaderMap,
    /// The header `If`.
    condition: Option<IfHeader>,
}

/// How far a request reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    Zero,
    One,
    Infinity,
}

impl Call {
    /// Reads what every method needs.
    ///
    /// # Errors
    /// 400 for a path or an `If` that cannot be read.
    pub(crate) fn new(app: &Arc<App>, who: Principal, parts: Parts) -> Result<Self> {
        let path = target::of_request(&parts.uri)?;
        let config = TreeConfig { top: Top::Home, tasks: app.tasks.clone() };
        let tree = Tree::new(app.access.clone(), who.clone(), config);
        let lines: Vec<_> = parts.headers.get_all("if").iter().map(|line| line.to_str()).collect();
        let condition = match lines.as_slice() {
            [] => None,
            [Ok(line)] => Some(parse(line)?),
            _ => return Err(Refusal::bad("The header If is malformed.")),
        };
        let says_folder = target::says_folder(&parts.uri);
        Ok(Self { app: Arc::clone(app), who, tree, path, says_folder, headers: parts.headers, condition })
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
    }

    /// The header `Depth`, if it is there.
    ///
    /// # Errors
    /// 400 for what is none.
    pub(crate) fn depth(&self) -> Result<Option<Depth>> {
        match self.header("depth") {
            None if self.headers.contains_key("depth") => {
                Err(Refusal::bad("The header Depth is 0, 1 or infinity."))
            }
            None => Ok(None),
            Some("0") => Ok(Some(Depth::Zero)),
            // Clients that want the folder left out filter it themselves.
            Some("1" | "1,noroot") => Ok(Some(Depth::One)),
            Some(word) if word.eq_ignore_ascii_case("infinity") => Ok(Some(Depth::Infinity)),
            Some(_) => Err(Refusal::bad("The header Depth is 0, 1 or infinity.")),
        }
    }

    /// Whether what is at the destination may be replaced.
    ///
    /// # Errors
    /// 400 for a header `Overwrite` that says neither.
    pub(crate) fn overwrite(&self) -> Result<bool> {
        match self.header("overwrite") {
            None if !self.headers.contains_key("overwrite") => Ok(true),
            Some(word) if word.eq_ignore_ascii_case("t") => Ok(true),
            Some(word) if word.eq_ignore_ascii_case("f") => Ok(false),
            Some(_) | None => Err(Refusal::bad("The header Overwrite is T or F.")),
        }
    }

    /// The header `Destination`.
    ///
    /// # Errors
    /// 400 if it is missing or no address, 502 if it is on another server.
    pub(crate) fn destination(&self) -> Result<TreePath> {
        let value = self.headers.get("destination").and_then(|value| str::from_utf8(value.as_bytes()).ok());
        let value = value.ok_or_else(|| Refusal::bad("The header Destination is needed."))?;
        target::of_text(value, &self.headers, &self.app.web_address)
    }

    /// For how long a lock is asked for: the first of the header `Timeout` that can be read.
    pub(crate) fn time(&self) -> Duration {
        let read = |word: &str| {
            let word = word.trim();
            if word.eq_ignore_ascii_case("infinite") {
                return Some(Duration::MAX);
            }
            let digits =
                word.get(..7).filter(|start| start.eq_ignore_ascii_case("second-")).and(word.get(7..))?;
            digits
                .bytes()
                .all(|byte| byte.is_ascii_digit())
                .then(|| digits.parse().map_or(Duration::MAX, Duration::from_secs))
        };
        let asked = self.header("timeout").and_then(|list| list.split(',').find_map(read));
        asked.filter(|time| !time.is_zero()).unwrap_or(USUAL)
    }

    /// Whether this caller may only write: they learn nothing of what is there.
    pub(crate) async fn only_writes(&self) -> Result<bool> {
        match self.tree.only_writes(&self.path).await {
            // Above all storages nobody writes.
            Err(FileError::NotFound) => Ok(false),
            other => Ok(other?),
        }
    }

    /// Refuses what a caller who may only write never does.
    ///
    /// # Errors
    /// 403.
    pub(crate) async fn needs_to_see(&self) -> Result<()> {
        if self.only_writes().await? { Err(FileError::Denied.into()) } else { Ok(()) }
    }

    /// What is at a path; none if nothing is.
    pub(crate) async fn there(&self, path: &TreePath) -> Result<Option<Entry>> {
        match self.tree.stat(path).await {
            Ok(entry) => Ok(Some(entry)),
            Err(FileError::NotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Where a path leads; none above all storages, and where nobody may look.
    pub(crate) async fn place(&self, path: &TreePath) -> Result<Option<Place>> {
        match self.tree.place(path).await {
            Ok((storage, key)) => Ok(Some(Place { storage, key })),
            Err(FileError::NotFound | FileError::Denied) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Refuses whoever may not put anything there, where nothing is put. The right is asked for, and not used.
    ///
    /// # Errors
    /// 403, or 401 for a key that does not hold any more.
    pub(crate) async fn may_put(&self, place: &Place, folder: bool) -> Result<()> {
        let key = if folder { format!("{}/", place.key) } else { place.key.clone() };
        let key = ObjectKey::parse(&key).map_err(|_| FileError::Denied)?;
        let refused = |error| Refusal::from(problem(error, Door::Dav));
        let storage = self.app.access.storage_by_id(&self.who, place.storage).await.map_err(refused)?;
        storage.grant::<Put>(key).map(drop).map_err(refused)
    }

    /// The locks whose tokens came with the request. Office names the one that it holds in `Lock-Token` when it writes.
    pub(crate) fn shown(&self) -> Shown {
        let named = self.condition.iter().flat_map(IfHeader::tokens).map(str::to_owned);
        let own = self.header("lock-token").and_then(|token| token.strip_prefix('<')?.strip_suffix('>'));
        Shown { key: self.who.key_id(), tokens: named.chain(own.map(str::to_owned)).collect() }
    }

    /// Whether the request has the header `If`.
    pub(crate) fn has_condition(&self) -> bool {
        self.condition.is_some()
    }

    /// Refuses if what is there is locked by somebody else.
    ///
    /// # Errors
    /// 423, with the address of what is locked.
    pub(crate) async fn free(&self, path: &TreePath, change: Change) -> Result<()> {
        let Some(place) = self.place(path).await? else { return Ok(()) };
        match self.app.locks.blocking(&place, change, &self.shown()) {
            Some(root) => Err(Refusal::locked(&root)),
            None => Ok(()),
        }
    }

    /// What was at a path is gone, and its locks with it.
    pub(crate) async fn unlocked(&self, path: &TreePath) -> Result<()> {
        if let Some(place) = self.place(path).await? {
            self.app.locks.forget(&place);
        }
        Ok(())
    }

    /// Decides the header `If`.
    ///
    /// # Errors
    /// 412 if no list of it holds.
    pub(crate) async fn holds(&self) -> Result<()> {
        let Some(header) = &self.condition else { return Ok(()) };
        for list in &header.lists {
            if self.list_holds(list).await? {
                return Ok(());
            }
        }
        Err(Refusal::precondition())
    }

    async fn list_holds(&self, list: &List) -> Result<bool> {
        let path = match &list.tag {
            None => Some(self.path.clone()),
            // Of what is somewhere else nothing is known.
            Some(tag) => target::of_text(tag, &self.headers, &self.app.web_address).ok(),
        };
        let etags = list.conditions.iter().any(|condition| matches!(condition.state, State::Etag(_)));
        let (mut tokens, mut etag) = (Vec::new(), None);
        if let Some(path) = path {
            let place = self.place(&path).await?;
            tokens
                .extend(place.iter().flat_map(|place| self.app.locks.covering(place)).map(|lock| lock.token));
            if etags
                && let Some(Entry { kind: Kind::File { etag: found, .. }, .. }) = self.there(&path).await?
            {
                etag = Some(found.to_string());
            }
        }
        let holds = |condition: &Condition| {
            let has = match &condition.state {
                State::Token(token) => tokens.contains(token),
                State::Etag(wanted) => wanted.is_some() && *wanted == etag,
            };
            has != condition.not
        };
        Ok(list.conditions.iter().all(holds))
    }
}

/// The document of a request; none if it has none.
///
/// # Errors
/// 400 if it is none that WebDAV has, 413 over 64 KiB.
pub(crate) async fn document(body: Body) -> Result<Option<Node>> {
    let read = Limited::new(body, LONGEST_DOCUMENT).collect().await;
    let bytes = read.map_err(|error| {
        if error.downcast_ref::<LengthLimitError>().is_some() {
            Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "A document of WebDAV has at most 64 KiB.")
        } else {
            Refusal::bad("The request broke off.")
        }
    })?;
    let bytes = bytes.to_bytes();
    if bytes.is_empty() {
        return Ok(None);
    }
    xml::parse(&bytes)
        .map(Some)
        .map_err(|_| Refusal::bad("The document is not well-formed XML, or no document of WebDAV."))
}
