//! What a change that narrows really ended, on every node: the receipt that its caller is given.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::time::Duration;

use portcullis_access::{Change, Proof};
use portcullis_domain::{KeyId, Timestamp, UserId};
use portcullis_metadata::{ChangeKind, KeyFilter, NodeSeen, PageRequest};
use tokio::time::{Instant, sleep, timeout};

use crate::audit::Deed;
use crate::{Control, Result};

/// The longest that a change waits for the other nodes.
const NODES_WAIT: Duration = Duration::from_secs(1);
/// How often it is looked whether they have it.
const NODES_LOOK: Duration = Duration::from_millis(10);
/// The longest that a change waits for multipart uploads to be given up; the rest is done in the background.
const UPLOADS_WAIT: Duration = Duration::from_millis(300);
/// What was cut for a record so shortly before is for the change that was just committed: the feed can be quicker than its maker.
const LATELY: Duration = Duration::from_millis(250);
/// As many changes back is the one that was just committed, with what was committed together with it.
const LATELY_CHANGES: i64 = 16;
/// Keys of one person whose uploads are looked through.
const MOST_KEYS: u32 = 1_000;

/// What a change ended. Times are counted from the commit of the change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Transfers under way that were cut, on all nodes that answered.
    pub transfers_cut: u32,
    /// Multipart uploads that were given up because their key may no longer finish them.
    pub uploads_aborted: u32,
    /// After this long no byte could leave or enter any more by what was cut; none if nothing was cut.
    pub last_byte: Option<Duration>,
    /// Transfers that were cut and have not let go yet.
    pub unfinished: u32,
    /// The nodes of this installation, the one that made the change first.
    pub nodes: Vec<NodeReceipt>,
}

/// What one node says of a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReceipt {
    /// The node's id: of one process, from its start to its end.
    pub id: String,
    /// The name of its machine.
    pub name: String,
    /// Whether it is the node that made the change.
    pub own: bool,
    /// Whether it has put the change in force.
    pub answered: bool,
    /// Transfers that it cut.
    pub transfers_cut: u32,
    /// As [`Receipt::last_byte`], of this node.
    pub last_byte: Option<Duration>,
    /// From when on it refuses everything by itself, if it did not answer: it has not heard of the change by then at the latest.
    pub refuses_by: Option<Timestamp>,
}

/// What a verb made of a change, and what the change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done<T> {
    /// What the verb answers.
    pub value: T,
    /// What it ended.
    pub receipt: Receipt,
}

impl Receipt {
    /// The nodes that have put the change in force, and all of them.
    #[must_use]
    pub fn answered(&self) -> (usize, usize) {
        (self.nodes.iter().filter(|node| node.answered).count(), self.nodes.len())
    }

    /// One sentence for people; empty if nothing was cut and every node has the change.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (answered, nodes) = self.answered();
        if self.transfers_cut == 0 && self.uploads_aborted == 0 && answered == nodes {
            return String::new();
        }
        let mut text = match self.transfers_cut {
            0 => "No transfer was under way".to_owned(),
            1 => "1 transfer cut".to_owned(),
            many => format!("{many} transfers cut"),
        };
        if let Some(last) = self.last_byte {
            let millis = last.as_micros().div_ceil(1_000);
            note(&mut text, format_args!(", the last byte at most {millis} ms after"));
        }
        match self.uploads_aborted {
            0 => {}
            1 => text.push_str(", 1 multipart upload given up"),
            many => note(&mut text, format_args!(", {many} multipart uploads given up")),
        }
        note(&mut text, format_args!("; {answered} of {nodes} nodes"));
        for node in self.nodes.iter().filter(|node| !node.answered) {
            let name = if node.name.is_empty() { &node.id } else { &node.name };
            note(&mut text, format_args!("; {name} has not answered"));
            if let Some(by) = node.refuses_by {
                note(&mut text, format_args!(" and refuses everything by itself from {by} on"));
            }
        }
        text
    }

    /// For the audit trail.
    fn detail(&self) -> String {
        let (answered, nodes) = self.answered();
        let last =
            self.last_byte.map_or_else(String::new, |last| format!(" last_byte_us={}", last.as_micros()));
        let mut detail = format!(
            "transfers={} uploads={}{last} unfinished={} nodes={answered}/{nodes}",
            self.transfers_cut, self.uploads_aborted, self.unfinished
        );
        for node in self.nodes.iter().filter(|node| !node.answered) {
            note(&mut detail, format_args!(" unanswered={}", node.id));
        }
        detail
    }

    /// The receipt of several changes that were made one after another.
    #[must_use]
    pub fn and(mut self, next: Self) -> Self {
        self.transfers_cut = self.transfers_cut.saturating_add(next.transfers_cut);
        self.uploads_aborted = self.uploads_aborted.saturating_add(next.uploads_aborted);
        self.unfinished = self.unfinished.saturating_add(next.unfinished);
        self.last_byte = self.last_byte.max(next.last_byte);
        self.nodes = next.nodes;
        self
    }
}

/// To a text everything can be written.
fn note(text: &mut String, words: fmt::Arguments<'_>) {
    if text.write_fmt(words).is_err() {
        text.push('…');
    }
}

impl<T> Done<T> {
    /// The same receipt with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Done<U> {
        Done { value: change(self.value), receipt: self.receipt }
    }

    /// What the verb answers, without the receipt.
    #[must_use]
    pub fn into_value(self) -> T {
        self.value
    }
}

impl<T> Deref for Done<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A change that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cutting {
    begun: Instant,
    /// The last change before it, as far as this process knows.
    after: i64,
    uploads: UploadsOf,
}

/// Whose multipart uploads a change may end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UploadsOf {
    Nobody,
    Key(KeyId),
    User(UserId),
}

impl Cutting {
    /// The change may take the right to finish what was begun.
    pub(crate) fn ends_uploads(self, uploads: UploadsOf) -> Self {
        Self { uploads, ..self }
    }
}

impl Control {
    /// To be called before the commit of a change that may narrow something: what is cut from now on is on its receipt.
    pub(crate) fn cutting(&self) -> Cutting {
        let after = *self.metadata.watch().borrow();
        Cutting { begun: Instant::now(), after, uploads: UploadsOf::Nobody }
    }

    /// For a change that was committed a moment ago.
    pub(crate) fn cutting_lately(&self) -> Cutting {
        let cutting = self.cutting();
        let begun = cutting.begun.checked_sub(LATELY).unwrap_or(cutting.begun);
        Cutting { begun, after: cutting.after.saturating_sub(LATELY_CHANGES), ..cutting }
    }

    /// Puts a change that was committed in force, here and on the other nodes, and says what that ended.
    ///
    /// # Errors
    /// [`crate::ControlError::Access`] if the change is committed but could not be put in force here.
    pub(crate) async fn in_force(
        &self,
        cutting: Cutting,
        proof: &impl Proof,
        deed: Deed<'_>,
        changes: &[Change],
    ) -> Result<Receipt> {
        let mut receipt = self.in_force_everywhere(cutting, changes).await?;
        receipt.uploads_aborted = self.give_up_uploads(proof, cutting.uploads).await;
        self.write_receipt(proof, deed, &receipt).await;
        Ok(receipt)
    }

    /// The same without a word in the trail beside that of the change itself.
    ///
    /// # Errors
    /// As [`Control::in_force`].
    pub(crate) async fn in_force_everywhere(&self, cutting: Cutting, changes: &[Change]) -> Result<Receipt> {
        let (committed, seq) = (Instant::now(), *self.metadata.watch().borrow());
        let (own, others) = tokio::join!(
            self.access.applied_since(changes, cutting.begun),
            self.in_force_elsewhere(seq, committed)
        );
        let own = own?;
        let others = self.with_their_cuts(cutting.after, changes, others).await;
        let mut receipt = Receipt {
            transfers_cut: own.transfers_cut,
            unfinished: own.unfinished,
            last_byte: own.last_end.map(|last| last.saturating_duration_since(committed)),
            ..Receipt::default()
        };
        let (id, name) = self.metadata.node().unwrap_or(("this", "this node"));
        receipt.nodes.push(NodeReceipt {
            id: id.to_owned(),
            name: name.to_owned(),
            own: true,
            answered: true,
            transfers_cut: receipt.transfers_cut,
            last_byte: receipt.last_byte,
            refuses_by: None,
        });
        for node in others {
            receipt.transfers_cut = receipt.transfers_cut.saturating_add(node.transfers_cut);
            receipt.last_byte = receipt.last_byte.max(node.last_byte);
            receipt.nodes.push(node);
        }
        Ok(receipt)
    }

    /// Waits until every node that lives has put the changes up to this one in force.
    async fn in_force_elsewhere(&self, seq: i64, committed: Instant) -> Vec<NodeReceipt> {
        if self.metadata.node().is_none() {
            return Vec::new();
        }
        let lease = self.access.lease();
        let (mut answered, mut nodes) = (HashMap::<String, Duration>::new(), self.metadata.nodes_known());
        while let Some(left) = NODES_WAIT.checked_sub(committed.elapsed()) {
            match timeout(left, self.metadata.other_nodes()).await {
                Ok(Ok(seen)) => nodes = seen,
                // The database is gone: nobody is known to have heard.
                Ok(Err(_)) => {}
                Err(_) => break,
            }
            for node in nodes.iter().filter(|node| node.seen_seq >= seq) {
                answered.entry(node.id.clone()).or_insert_with(|| committed.elapsed());
            }
            let waits_for = |node: &NodeSeen| node.quiet <= lease && !answered.contains_key(&node.id);
            if !nodes.iter().any(waits_for) {
                break;
            }
            sleep(NODES_LOOK).await;
        }
        let now = self.access.now();
        let living = nodes.into_iter().filter(|node| node.quiet <= lease || answered.contains_key(&node.id));
        let receipt = |node: NodeSeen| {
            let at = answered.get(&node.id).copied();
            let refuses_by = at.is_none().then(|| now.after(lease.saturating_sub(node.quiet)));
            NodeReceipt {
                id: node.id,
                name: node.name,
                own: false,
                answered: at.is_some(),
                transfers_cut: 0,
                // Until it is known what it cut; on its own clock it may have been earlier.
                last_byte: at,
                refuses_by,
            }
        };
        living.map(receipt).collect()
    }

    async fn with_their_cuts(
        &self,
        after: i64,
        changes: &[Change],
        mut nodes: Vec<NodeReceipt>,
    ) -> Vec<NodeReceipt> {
        if nodes.is_empty() {
            return nodes;
        }
        let changes: Vec<_> = changes.iter().map(|change| in_words(*change)).collect();
        let cuts = timeout(NODES_WAIT, self.metadata.cuts_elsewhere(after, &changes)).await;
        let cuts = cuts.map_or_else(|_| Vec::new(), Result::unwrap_or_default);
        for node in &mut nodes {
            let own = cuts.iter().filter(|cut| cut.node == node.id);
            node.transfers_cut = own.fold(0, |sum, cut| sum.saturating_add(cut.transfers));
            if node.transfers_cut == 0 {
                node.last_byte = None;
            }
        }
        nodes
    }

    /// Gives up what may not be finished any more, as far as that is quick; what is left is done in the background.
    pub(crate) async fn give_up_uploads(&self, proof: &impl Proof, of: UploadsOf) -> u32 {
        let keys = match of {
            UploadsOf::Nobody => return 0,
            UploadsOf::Key(id) => vec![id],
            UploadsOf::User(id) => {
                let filter = KeyFilter { user: Some(id), ..KeyFilter::of(proof.site()) };
                let page = self.metadata.keys(&filter, &PageRequest::first(MOST_KEYS)).await;
                page.map_or_else(|_| Vec::new(), |page| page.items.iter().map(|key| key.id).collect())
            }
        };
        self.access.written(proof).await;
        let mut given_up = 0u32;
        let quick = async {
            for id in &keys {
                match self.give_up_uploads_of(*id).await {
                    Ok(count) => given_up = given_up.saturating_add(count),
                    Err(_) => self.abandoned.later(*id),
                }
            }
        };
        if timeout(UPLOADS_WAIT, quick).await.is_err() {
            keys.iter().for_each(|id| self.abandoned.later(*id));
        }
        given_up
    }

    /// In the trail, beside the change: what is known only after it.
    async fn write_receipt(&self, proof: &impl Proof, deed: Deed<'_>, receipt: &Receipt) {
        if receipt.sentence().is_empty() {
            return;
        }
        let deed = Deed { action: "cut_off", ..deed };
        let mut event = self.event(proof.principal(), proof.actor(), deed);
        event.detail = receipt.detail();
        if let Err(error) = self.metadata.append_audit(&[event]).await {
            tracing::error!(%error, "a receipt could not be written to the audit trail");
        }
    }
}

/// A change as the feed has it.
fn in_words(change: Change) -> (ChangeKind, String) {
    match change {
        Change::Site(id) => (ChangeKind::Site, id.to_string()),
        Change::User(id) => (ChangeKind::User, id.to_string()),
        Change::Storage(id) => (ChangeKind::Storage, id.to_string()),
        Change::Key(id) => (ChangeKind::Key, id.to_string()),
        Change::Session(id) => (ChangeKind::Session, id.to_string()),
        Change::Link(id) => (ChangeKind::Link, id.to_string()),
        Change::Transfer(id) => (ChangeKind::Transfer, id.to_string()),
    }
}
