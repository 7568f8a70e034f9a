//! Whether, and where, a message is to be stored.

use std::time::Duration;

use portcullis_access::{AccessError, Batch, DeliveryClaim, NewDelivery, Put};
use portcullis_domain::{KeyId, Timestamp};
use sha2::{Digest as _, Sha256};

use super::{Begun, Delivery, DeliveryId, LEASE, Place, Work, undo};
use crate::place::Spot;
use crate::{FileError, Result, Tree, TreePath, name};

/// Over how long messages are counted.
const COUNTED: Duration = Duration::from_secs(60 * 60);
/// How often a message is claimed that somebody left half-way.
const TRIES: u32 = 3;

impl Tree {
    /// Whether this caller may store files in this folder, which need not be there. Nothing is looked at; a refusal is written down.
    ///
    /// # Errors
    /// [`FileError::Denied`], `NotFound` and `Unsupported` where no storage is, `Escaped` for names under which nothing new is made.
    pub async fn takes(&self, folder: &TreePath) -> Result<()> {
        self.taking(folder).await.map(drop)
    }

    async fn taking(&self, folder: &TreePath) -> Result<Spot> {
        if !folder.names().iter().all(|part| name::is_plain(part)) {
            return Err(FileError::Escaped);
        }
        let spot = self.spot(folder).await?;
        let probe = spot.probe()?;
        if !spot.at.permits::<Put>(&probe) {
            // The refusal is the policy's to write down.
            drop(spot.at.grant::<Put>(probe)?);
            return Err(FileError::Denied);
        }
        Ok(spot)
    }
}

impl Delivery {
    /// Claims a message for its key. Of many who bring the same message, with the same content for the same folder, on one node or several,
    /// one stores it.
    ///
    /// # Errors
    /// As [`Tree::takes`]; [`FileError::Unavailable`].
    pub async fn begin(tree: &Tree, id: DeliveryId) -> Result<Begun> {
        let Some(key) = tree.principal().key_id() else { return Err(FileError::Denied) };
        let mut found: Vec<(TreePath, Place)> = Vec::new();
        for folder in &id.folders {
            let spot = tree.taking(folder).await?;
            let digest = digest(&id, &spot);
            if found.iter().all(|(_, place)| place.digest != digest) {
                found.push((folder.clone(), Place { spot, digest, files: 0 }));
            }
        }
        if found.is_empty() {
            return Err(FileError::NotFound);
        }
        let access = tree.access();
        for _ in 0..TRIES {
            let now = access.now();
            let mut delivery = Self { folders: Vec::new(), work: Some(Work::new(tree, now)?) };
            match delivery.claim(key, &id, &found, now).await? {
                DeliveryClaim::New(digests) => {
                    found.retain(|(_, place)| digests.contains(&place.digest));
                    let (folders, places): (Vec<_>, Vec<_>) = found.into_iter().unzip();
                    delivery.folders = folders;
                    if let Some(work) = &mut delivery.work {
                        work.places = places;
                    }
                    return Ok(Begun::New(delivery));
                }
                DeliveryClaim::Done { files } => return Ok(Begun::Done { files }),
                DeliveryClaim::Busy => return Ok(Begun::Busy),
                DeliveryClaim::TooMany(oldest) => {
                    let free = oldest.after(COUNTED).micros().saturating_sub(now.micros());
                    let retry_after = Duration::from_micros(free.unsigned_abs());
                    return Ok(Begun::TooMany { retry_after });
                }
                DeliveryClaim::Over(word) => {
                    if let Err(error) = undo::undo_over(access, &word, (now, Timestamp::default())).await {
                        tracing::warn!(%error, "what was left of a delivery cannot be undone yet");
                        return Ok(Begun::Busy);
                    }
                }
            }
        }
        Ok(Begun::Busy)
    }

    /// Claims it. There is something to undo if it is to be stored, or if whoever waits for this goes.
    async fn claim(
        &mut self,
        key: KeyId,
        id: &DeliveryId,
        found: &[(TreePath, Place)],
        now: Timestamp,
    ) -> Result<DeliveryClaim> {
        let Some(work) = &self.work else { return Err(FileError::Broken) };
        let new = NewDelivery {
            batch: work.batch.word().to_owned(),
            key,
            digests: found.iter().map(|(_, place)| place.digest).collect(),
            began: now,
            until: now.after(LEASE),
            most: (id.per_hour, now.before(COUNTED)),
        };
        let claim = work.ledger.claim(&new).await.map_err(AccessError::from)?;
        if !matches!(claim, DeliveryClaim::New(_)) {
            self.work = None;
        }
        Ok(claim)
    }
}

impl Work {
    fn new(tree: &Tree, now: Timestamp) -> Result<Self> {
        Ok(Self {
            tree: tree.clone(),
            batch: Batch::fresh()?,
            ledger: tree.access().deliveries(),
            places: Vec::new(),
            names: Vec::new(),
            ending: None,
            signed: now,
            sound: true,
        })
    }
}

/// Names a message, with its content, for a folder.
fn digest(id: &DeliveryId, spot: &Spot) -> [u8; 32] {
    let mut hash = Sha256::new();
    let folder = spot.inside();
    for part in [id.message.as_bytes(), &id.content, spot.storage().to_string().as_bytes(), folder.as_bytes()]
    {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}
