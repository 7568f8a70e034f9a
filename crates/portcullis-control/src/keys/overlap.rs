//! Overlaps: while old credentials work beside the new ones, who has moved, and until when.

use std::time::Duration;

use portcullis_access::{Change, Oneself, Proof, SiteAdmin};
use portcullis_domain::{Key, KeyId, Timestamp, UserId};
use portcullis_metadata::{Mover, Overlap};

use super::rotate::LONGEST_OVERLAP;
use super::{KeyView, deed_of};
use crate::audit::Deed;
use crate::receipt::Done;
use crate::{Control, ControlError, Result};

/// From so long before the rotation on, whoever came with the old credentials is expected to move.
const LOOK_BACK: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// The most clients that are told of.
const MOST: u32 = 200;

/// Whether a client came with the new credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Never yet.
    No,
    /// It did, and with the old ones too since then: perhaps one of several programs of the same name still has them.
    Partly,
    /// It did, and with the old ones no more since then.
    Yes,
}

impl Moved {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Partly => "partly",
            Self::Yes => "yes",
        }
    }

    /// How far this client is.
    #[must_use]
    pub fn of(mover: &Mover) -> Self {
        match mover.first_new {
            None => Self::No,
            Some(first) if mover.last_old >= first => Self::Partly,
            Some(_) => Self::Yes,
        }
    }
}

/// An overlap that runs, with who has moved and who has not.
#[derive(Clone, Debug)]
pub struct OverlapView {
    /// The key.
    pub key: Key,
    /// The overlap.
    pub overlap: Overlap,
    /// The latest end that it may be given.
    pub latest_end: Timestamp,
    /// From when on whoever came with the old credentials is among the clients.
    pub seen_since: Timestamp,
    /// Who came with the old credentials, who has not moved first, then the latest first; at most 200.
    pub clients: Vec<(Moved, Mover)>,
    /// Whether there are more of them.
    pub more: bool,
}

impl OverlapView {
    /// How many of the clients are as far as this.
    #[must_use]
    pub fn count(&self, moved: Moved) -> usize {
        self.clients.iter().filter(|(so_far, _)| *so_far == moved).count()
    }
}

/// Another end for an overlap: a moment, or a time from now; one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlapChange {
    /// The first moment at which the old credentials no longer work (RFC 3339).
    pub until: Option<String>,
    /// For how many seconds from now they still work.
    pub seconds: Option<u64>,
}

impl OverlapChange {
    fn end(&self, overlap: &Overlap, now: Timestamp) -> Result<Timestamp> {
        let (field, end) = match (&self.until, self.seconds) {
            (Some(until), None) => {
                let end: Timestamp =
                    until.parse().map_err(|wrong| ControlError::invalid("until", format!("{wrong}")))?;
                ("until", end)
            }
            (None, Some(seconds)) => ("seconds", now.after(Duration::from_secs(seconds))),
            (None, None) => {
                return Err(ControlError::invalid("until", "say until when, or for how many seconds"));
            }
            (Some(_), Some(_)) => {
                return Err(ControlError::invalid("seconds", "goes with no until: send one of the two"));
            }
        };
        let latest = latest_end(overlap);
        if end > latest {
            let message =
                format!("at most 30 days after the credentials were changed: choose an end up to {latest}");
            return Err(ControlError::invalid(field, message));
        }
        if end <= now {
            return Err(ControlError::invalid(
                field,
                "has to be in the future; to stop the old credentials now, end the overlap",
            ));
        }
        Ok(end)
    }
}

fn latest_end(overlap: &Overlap) -> Timestamp {
    overlap.since.after(LONGEST_OVERLAP)
}

impl Control {
    /// The overlap of a key that runs, with who came with the old credentials in the 30 days before it or since, and whether they
    /// came with the new.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if there is no such key, or none of its old credentials work; [`ControlError::Metadata`].
    pub async fn overlap(&self, admin: &SiteAdmin, id: KeyId) -> Result<OverlapView> {
        self.view_overlap(admin, None, id).await
    }

    /// As [`Self::overlap`], of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::overlap`]; [`ControlError::NotFound`] for the key of somebody else, too.
    pub async fn own_overlap(&self, me: &Oneself, id: KeyId) -> Result<OverlapView> {
        self.view_overlap(me, Some(me.user()), id).await
    }

    /// Who came with the present credentials of a key in the last 30 days, the latest first; at most 200.
    ///
    /// # Errors
    /// [`ControlError::NotFound`], [`ControlError::Metadata`].
    pub async fn users_of_pair(&self, admin: &SiteAdmin, id: KeyId) -> Result<Vec<Mover>> {
        self.users_of(admin, None, id).await
    }

    /// As [`Self::users_of_pair`], of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::users_of_pair`]; [`ControlError::NotFound`] for the key of somebody else, too.
    pub async fn users_of_own_pair(&self, me: &Oneself, id: KeyId) -> Result<Vec<Mover>> {
        self.users_of(me, Some(me.user()), id).await
    }

    async fn users_of(&self, proof: &impl Proof, only: Option<UserId>, id: KeyId) -> Result<Vec<Mover>> {
        let key = self.find_key(proof, only, id).await?;
        self.access.written(proof).await;
        let since = self.access.now().before(LOOK_BACK);
        Ok(self.metadata.movers(id, key.generation, since, MOST).await?)
    }

    /// Stops the old credentials of a key now, if their overlap still is as whoever decided on that saw it; none, and nothing is done,
    /// if it is not. When this returns nothing is admitted under them, and transfers under way under them have ended.
    ///
    /// # Errors
    /// [`ControlError::NotFound`] if there is no such key, or none of its old credentials work;
    /// [`ControlError::ConfirmationNeeded`]; [`ControlError::Metadata`]; [`ControlError::Access`] if they are stopped but that could
    /// not be put in force here.
    pub async fn end_overlap_if(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        self.stop_old(admin, None, id, is_as_seen).await
    }

    /// As [`Self::end_overlap_if`], of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::end_overlap_if`]; [`ControlError::NotFound`] for the key of somebody else, too.
    pub async fn end_own_overlap_if(
        &self,
        me: &Oneself,
        id: KeyId,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        self.stop_old(me, Some(me.user()), id, is_as_seen).await
    }

    /// Gives the overlap of a key another end, sooner or later, up to 30 days after it began; none, and nothing is done, if the overlap
    /// is not as whoever decided on that saw it.
    ///
    /// # Errors
    /// [`ControlError::Invalid`] for an end that cannot be, and for a key wider than the key that asks; [`ControlError::NotFound`] if
    /// there is no such key, or none of its old credentials work; [`ControlError::ConfirmationNeeded`];
    /// [`ControlError::Metadata`]; [`ControlError::Access`].
    pub async fn move_overlap_if(
        &self,
        admin: &SiteAdmin,
        id: KeyId,
        change: &OverlapChange,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<OverlapView>> {
        self.move_end(admin, None, id, change, is_as_seen).await
    }

    /// As [`Self::move_overlap_if`], of a key of the person who asks.
    ///
    /// # Errors
    /// As [`Self::move_overlap_if`]; [`ControlError::NotFound`] for the key of somebody else, too;
    /// [`ControlError::KeysByAdminsOnly`] if the site does not let its members make keys; [`ControlError::Access`] for a sign-in
    /// without the second factor that the site asks for.
    pub async fn move_own_overlap_if(
        &self,
        me: &Oneself,
        id: KeyId,
        change: &OverlapChange,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<OverlapView>> {
        self.access.require_second_factor(me.principal())?;
        // What is not theirs is not there, whatever the site says of keys.
        self.find_key(me, Some(me.user()), id).await?;
        self.members_may(me.user(), me.site()).await?;
        self.move_end(me, Some(me.user()), id, change, is_as_seen).await
    }

    /// The overlap of a key that runs now.
    pub(super) async fn overlap_of(&self, key: KeyId) -> Result<Option<Overlap>> {
        Ok(self.metadata.overlaps(&[key], self.access.now()).await?.pop())
    }

    async fn running(&self, proof: &impl Proof, only: Option<UserId>, id: KeyId) -> Result<(Key, Overlap)> {
        let key = self.find_key(proof, only, id).await?;
        let overlap = self.overlap_of(id).await?.ok_or(ControlError::NotFound)?;
        Ok((key, overlap))
    }

    async fn view_overlap(&self, proof: &impl Proof, only: Option<UserId>, id: KeyId) -> Result<OverlapView> {
        let (key, overlap) = self.running(proof, only, id).await?;
        self.access.written(proof).await;
        self.look_at_overlap(key, overlap).await
    }

    async fn look_at_overlap(&self, key: Key, overlap: Overlap) -> Result<OverlapView> {
        let seen_since = overlap.since.before(LOOK_BACK);
        let found = self.metadata.movers(key.id, overlap.generation, seen_since, MOST + 1).await?;
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        let more = found.len() > most;
        let mut clients: Vec<_> =
            found.into_iter().take(most).map(|mover| (Moved::of(&mover), mover)).collect();
        clients.sort_by_key(|(moved, _)| match moved {
            Moved::No => 0,
            Moved::Partly => 1,
            Moved::Yes => 2,
        });
        Ok(OverlapView { latest_end: latest_end(&overlap), key, overlap, seen_since, clients, more })
    }

    async fn stop_old(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<Done<KeyView>>> {
        let alone = self.changing.lock().await;
        let (key, overlap) = self.running(proof, only, id).await?;
        if !is_as_seen(&overlap) {
            return Ok(None);
        }
        self.require_confirmed(proof.principal())?;
        let what = format!("{} ({}, until {})", key.name, overlap.credential, overlap.until);
        let deed = Deed { object: Some(&what), ..deed_of("end_overlap", &key) };
        let (now, cutting) = (self.access.now(), self.cutting());
        self.carry_out(proof, deed, self.metadata.set_overlap(&overlap, now, now)).await?;
        let receipt = self.in_force(cutting, proof, deed, &[Change::Key(id)]).await?;
        drop(alone);
        self.access.written(proof).await;
        let last_used = self.metadata.last_use(&[id]).await?.pop();
        Ok(Some(Done { value: self.view_key(key, last_used, None), receipt }))
    }

    async fn move_end(
        &self,
        proof: &impl Proof,
        only: Option<UserId>,
        id: KeyId,
        change: &OverlapChange,
        is_as_seen: impl Fn(&Overlap) -> bool + Send + Sync,
    ) -> Result<Option<OverlapView>> {
        let alone = self.changing.lock().await;
        let (key, overlap) = self.running(proof, only, id).await?;
        if !is_as_seen(&overlap) {
            return Ok(None);
        }
        let now = self.access.now();
        let until = change.end(&overlap, now)?;
        self.check_authority(proof, "move_overlap", &key, None).await?;
        self.require_confirmed(proof.principal())?;
        let what = format!("{} ({}, until {} → {until})", key.name, overlap.credential, overlap.until);
        let deed = Deed { object: Some(&what), ..deed_of("move_overlap", &key) };
        self.carry_out(proof, deed, self.metadata.set_overlap(&overlap, until, now)).await?;
        self.access.applied(Change::Key(id)).await?;
        drop(alone);
        self.access.written(proof).await;
        self.look_at_overlap(key, Overlap { until, ..overlap }).await.map(Some)
    }
}
