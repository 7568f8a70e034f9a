//! Folders under another name: object by object.
//!
//! The first thing that is made is the new folder's marker, with a note of where its content comes from. Who finds that note goes on where
//! somebody was interrupted; who finds a folder without it is told that it is there already. The last thing is that the note goes.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use portcullis_access::{
    Body, ContentHeaders, Delete, DigestAlgorithm, Digester, EtagCondition, Get, List, ListPosition,
    ObjectMeta, Put, PutOptions, WriteConditions,
};
use portcullis_domain::ObjectKey;

use super::transfer::Way;
use super::{CopyDepth, Tree};
use crate::place::{Spot, key, prefix};
use crate::{FileError, Result};

/// The user metadata with the note.
const NOTE: &str = "portcullis-from";
/// Stands at its end if the old folder had a marker, so that the new one has to have one.
const HAD_MARKER: &str = "+";
/// How many objects are copied at the same time.
const AT_ONCE: usize = 16;
/// How often an object is copied again that is written while it is.
const TRIES: usize = 3;

/// A folder under way.
struct Transfer<'a> {
    from: &'a Spot,
    to: &'a Spot,
    /// The beginnings of the keys, old and new.
    old: String,
    new: String,
    way: Way,
}

impl Tree {
    pub(super) async fn transfer_folder(
        &self,
        from: &Spot,
        to: &Spot,
        (way, depth): (Way, CopyDepth),
    ) -> Result<()> {
        let transfer = Transfer { from, to, old: from.inside(), new: to.inside(), way };
        if way == Way::Move {
            drop(from.at.grant::<Delete>(key(&transfer.old)?)?);
        }
        drop(to.at.grant::<Put>(key(&transfer.new)?)?);
        let keys = transfer.keys().await?;
        let marker = key(&transfer.old)?;
        let note = transfer.note();
        let goes_on = depth == CopyDepth::All && transfer.is_noted(&note).await?;
        if keys.is_empty() && !goes_on {
            return Err(FileError::NotFound);
        }
        if !goes_on {
            if self.stat_in(to).await?.is_some() {
                return Err(FileError::Exists);
            }
            if !to.is_plain() {
                return Err(FileError::Escaped);
            }
            self.need_parent(to).await?;
            if depth == CopyDepth::Itself {
                return to.put_marker(true).await;
            }
            let had = if keys.contains(&marker) { HAD_MARKER } else { "" };
            transfer.put_note(format!("{note}{had}")).await?;
        }
        // Owned keys: with borrowed ones the compiler does not see that this future can go from thread to thread.
        let objects: Vec<ObjectKey> = keys.iter().filter(|key| **key != marker).cloned().collect();
        let (this, part) = (self, &transfer);
        let steps = stream::iter(objects).map(async move |key| this.transfer_object(part, &key).await);
        steps.buffer_unordered(AT_ONCE).try_for_each(|()| async { Ok(()) }).await?;
        if keys.contains(&marker) {
            self.transfer_marker(&transfer, &note).await?;
        }
        if way == Way::Move {
            self.keep_parent(from).await?;
        }
        transfer.settle().await
    }

    /// Copies one object, and removes it where it was if it is moved. What was copied before is found to be the same.
    async fn transfer_object(&self, transfer: &Transfer<'_>, source: &ObjectKey) -> Result<()> {
        let (from, to) = (transfer.from, transfer.to);
        let target = transfer.target(source)?;
        let mut copied: Option<ObjectMeta> = None;
        for _ in 0..TRIES {
            // Somebody else removed it, or moved it.
            let Some(meta) = from.head(source.clone()).await? else { return Ok(()) };
            match self.copy_file((from, source, &meta), (to, &target), copied.is_none(), None).await {
                Ok(()) => {}
                Err(FileError::Exists) => match to.head(target.clone()).await? {
                    Some(there) if there.etag == meta.etag && there.size == meta.size => {}
                    Some(_) | None => return Err(FileError::Exists),
                },
                Err(error) => return Err(error),
            }
            if transfer.way == Way::Copy {
                return Ok(());
            }
            let own = EtagCondition::OneOf(vec![meta.etag.to_string()]);
            match from.delete(source.clone(), Some(own)).await {
                Ok(_) => return Ok(()),
                Err(FileError::Changed) => copied = Some(meta),
                Err(error) => return Err(error),
            }
        }
        Err(FileError::Changed)
    }

    /// Makes the new folder's marker what the old one's is, but for the note, and removes that one if it is moved.
    async fn transfer_marker(&self, transfer: &Transfer<'_>, note: &str) -> Result<()> {
        let (old, new) = (key(&transfer.old)?, key(&transfer.new)?);
        let Some(meta) = transfer.from.head(old.clone()).await? else { return Ok(()) };
        if meta.size > 0 || meta.content != ContentHeaders::default() {
            let mut content = meta.content.clone();
            content.user.push((NOTE.to_owned(), format!("{note}{HAD_MARKER}")));
            self.copy_file((transfer.from, &old, &meta), (transfer.to, &new), false, Some(content)).await?;
        }
        if transfer.way == Way::Move {
            let own = EtagCondition::OneOf(vec![meta.etag.to_string()]);
            transfer.from.delete(old, Some(own)).await?;
        }
        Ok(())
    }
}

impl Transfer<'_> {
    fn target(&self, source: &ObjectKey) -> Result<ObjectKey> {
        let rest = source.as_str().strip_prefix(&self.old).ok_or(FileError::NotFound)?;
        key(&format!("{}{rest}", self.new))
    }

    /// Everything in the folder, its marker included.
    async fn keys(&self) -> Result<Vec<ObjectKey>> {
        let remote = self.from.at.capabilities().remote || self.to.at.capabilities().remote;
        let limit = if remote { Tree::MOST_COPIED / 10 } else { Tree::MOST_COPIED };
        let keys = prefix(&self.old)?;
        let (mut all, mut after) = (Vec::new(), None::<ListPosition>);
        loop {
            let page = self.from.at.grant::<List>(keys.clone())?.page(None, after, 1_000).await?;
            all.extend(page.objects.into_iter().map(|object| object.key));
            if all.len() > limit {
                return Err(FileError::TooMany { limit });
            }
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// What is noted: of keys only a digest, since they may be longer than what a provider keeps.
    fn note(&self) -> String {
        let mut digester = Digester::new(&[DigestAlgorithm::Sha256]);
        digester.update(format!("{:?}\n{}\n{}", self.way, self.from.storage(), self.old).as_bytes());
        let value = digester.finish().pop().map(|digest| digest.value).unwrap_or_default();
        value.iter().fold(String::new(), |mut text, byte| {
            text.push_str(&format!("{byte:02x}"));
            text
        })
    }

    /// Takes the note away, which is the end; with it the marker, if there was none before and the folder is there without.
    async fn settle(&self) -> Result<()> {
        let new = key(&self.new)?;
        let Some(meta) = self.to.head(new.clone()).await? else { return Ok(()) };
        let mut content = meta.content.clone();
        let is_own = |(name, value): &(String, String)| name == NOTE && !value.ends_with(HAD_MARKER);
        let is_spare = meta.size == 0 && content.user.iter().any(is_own);
        content.user.retain(|(name, _)| name != NOTE);
        let stands = !is_spare || self.to.first(prefix(&self.new)?, 2).await?.len() < 2;
        let own = EtagCondition::OneOf(vec![meta.etag.to_string()]);
        match (stands, meta.size) {
            (false, _) if self.to.at.permits::<Delete>(&new) => {
                self.to.delete(new, Some(own)).await.map(drop)
            }
            (_, 0) if content == ContentHeaders::default() => self.to.put_marker(false).await,
            _ => self.to.replace_content(&new, content, &meta.etag).await,
        }
    }

    async fn is_noted(&self, note: &str) -> Result<bool> {
        let marker = key(&self.new)?;
        if !self.to.at.permits::<Get>(&marker) {
            return Ok(false);
        }
        let meta = self.to.head(marker).await?;
        let is_ours = |(name, value): &(String, String)| name == NOTE && value.starts_with(note);
        Ok(meta.is_some_and(|meta| meta.content.user.iter().any(is_ours)))
    }

    async fn put_note(&self, note: String) -> Result<()> {
        let marker = key(&self.new)?;
        let decides = self.to.at.capabilities().conditional_puts && self.to.at.permits::<Get>(&marker);
        let options = PutOptions {
            length: Some(0),
            content: ContentHeaders { user: vec![(NOTE.to_owned(), note)], ..ContentHeaders::default() },
            conditions: WriteConditions { if_absent: decides, if_match: None },
            ..PutOptions::default()
        };
        match self
            .to
            .at
            .grant::<Put>(marker)?
            .put(Body::Full(Bytes::new()), options)
            .await
            .map_err(FileError::from)
        {
            Ok(_) => Ok(()),
            Err(FileError::Changed) => Err(FileError::Exists),
            Err(error) => Err(error),
        }
    }
}
