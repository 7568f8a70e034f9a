//! A side in memory: what it holds, how its entity tags are made, and what is wrong with it.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use portcullis_backend::{
    Body, ByteRange, Checksum, ChecksumKind, CompleteOptions, CompletedPart, ContentHeaders, CopyOptions,
    DeleteOptions, DeleteOutcome, Digest, DigestAlgorithm, Digester, Etag, GetOptions, ListPage,
    ListPosition, ListRequest, ListedObject, Object, ObjectMeta, Part, PartOptions, PartsPage, PutOptions,
    PutOutcome, RangeRequest, ReadVerdict, Tags, UploadId, UploadOptions, VersionId,
};
use portcullis_domain::{ObjectKey, Timestamp};
use portcullis_sync::{Abilities, Mark, Store, StoreError, StoreFault};
use unicode_normalization::UnicodeNormalization;

use crate::table::ABILITIES;

pub(crate) fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

/// How entity tags are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tags16 {
    /// The MD5 of the bytes.
    Md5,
    /// Of parts of this many bytes.
    Parts(usize),
    /// Of parts of which the first has this many bytes more than the others, which have the second number.
    Uneven(usize, usize),
    /// 32 hexadecimal digits that are no MD5, as of an encrypted object.
    Encrypted,
    /// A number.
    Opaque,
}

#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    pub(crate) etag: Etag,
    pub(crate) modified: Timestamp,
    pub(crate) archived: bool,
    pub(crate) unreadable: bool,
    pub(crate) checksum: Option<Checksum>,
    pub(crate) parts: Vec<u64>,
}

impl Held {
    pub(crate) fn mark(&self) -> Mark {
        Mark { etag: self.etag.clone(), size: self.bytes.len() as u64 }
    }
}

/// What is wrong with a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// Two keys beside each other are the other way round.
    Order,
    /// A key comes twice.
    Twice,
    /// It ends after so many keys, and says that this is all.
    Cut(usize),
    /// It fails after so many pages.
    Fails(u64),
    /// A page is empty and says that it goes on where it began.
    Stuck,
}

#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) lists: AtomicU64,
    pub(crate) heads: AtomicU64,
    pub(crate) gets: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

#[derive(Debug)]
pub(crate) struct Fake {
    pub(crate) abilities: Abilities,
    pub(crate) tags: Tags16,
    pub(crate) wrong: Wrong,
    pub(crate) page: usize,
    pub(crate) asked: Asked,
    pub(crate) held: Mutex<BTreeMap<ObjectKey, Held>>,
    pub(crate) count: AtomicU64,
}

pub(crate) fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Vec<u8> {
    let mut digester = Digester::new(&[algorithm]);
    digester.update(bytes);
    digester.finish().pop().unwrap().value
}

fn md5(bytes: &[u8]) -> [u8; 16] {
    digest(DigestAlgorithm::Md5, bytes).try_into().unwrap()
}

pub(crate) fn full(algorithm: DigestAlgorithm, bytes: &[u8]) -> Option<Checksum> {
    let digest = Digest { algorithm, value: digest(algorithm, bytes) };
    Some(Checksum { digest, kind: ChecksumKind::FullObject })
}

impl Fake {
    /// Another that holds what this one holds now.
    pub(crate) fn as_it_was(&self) -> Self {
        Self { held: Mutex::new(self.held.lock().unwrap().clone()), ..Self::new(self.tags) }
    }

    pub(crate) fn new(tags: Tags16) -> Self {
        let etag_is_md5 = tags != Tags16::Encrypted;
        Self {
            abilities: Abilities { etag_is_md5, ..ABILITIES },
            tags,
            wrong: Wrong::Nothing,
            page: 1000,
            asked: Asked::default(),
            held: Mutex::new(BTreeMap::new()),
            count: AtomicU64::new(0),
        }
    }

    fn tag(&self, bytes: &[u8]) -> (Etag, Vec<u64>) {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let parts = |pieces: Vec<&[u8]>| {
            let digests: Vec<u8> = pieces.iter().flat_map(|piece| md5(piece)).collect();
            let etag = Etag::Md5 { digest: md5(&digests), parts: Some(u16::try_from(pieces.len()).unwrap()) };
            (etag, pieces.iter().map(|piece| piece.len() as u64).collect())
        };
        match self.tags {
            Tags16::Parts(size) if !bytes.is_empty() => parts(bytes.chunks(size).collect()),
            Tags16::Uneven(more, size) if bytes.len() > size + more => {
                let (first, rest) = bytes.split_at(size + more);
                parts(std::iter::once(first).chain(rest.chunks(size)).collect())
            }
            Tags16::Md5 | Tags16::Parts(_) | Tags16::Uneven(..) => {
                (Etag::Md5 { digest: md5(bytes), parts: None }, Vec::new())
            }
            Tags16::Encrypted => {
                let salted = [bytes, &number.to_be_bytes()].concat();
                (Etag::Md5 { digest: md5(&salted), parts: None }, Vec::new())
            }
            Tags16::Opaque => (Etag::Opaque(format!("t{number}").into()), Vec::new()),
        }
    }

    pub(crate) fn set(&self, at: &str, bytes: impl Into<Bytes>, seconds: i64) -> Mark {
        let bytes = bytes.into();
        let (etag, _) = self.tag(&bytes);
        let held = Held {
            bytes,
            etag,
            modified: Timestamp::from_seconds(seconds),
            archived: false,
            unreadable: false,
            checksum: None,
            parts: Vec::new(),
        };
        let mark = held.mark();
        self.held.lock().unwrap().insert(key(at), held);
        mark
    }

    pub(crate) fn change(&self, at: &str, change: impl FnOnce(&mut Held)) {
        change(self.held.lock().unwrap().get_mut(&key(at)).unwrap());
    }

    pub(crate) fn remove(&self, at: &str) {
        self.held.lock().unwrap().remove(&key(at));
    }

    /// Tells the sizes of parts, as a store of our own does.
    pub(crate) fn tell_parts(&self, at: &str) {
        let (_, parts) = self.tag(&self.bytes_of(at).unwrap());
        self.change(at, |held| held.parts = parts);
    }

    pub(crate) fn bytes_of(&self, at: &str) -> Option<Bytes> {
        self.held.lock().unwrap().get(&key(at)).map(|held| held.bytes.clone())
    }

    pub(crate) fn mark_of(&self, at: &str) -> Option<Mark> {
        self.held.lock().unwrap().get(&key(at)).map(Held::mark)
    }

    /// Of each key the bytes.
    pub(crate) fn contents(&self) -> BTreeMap<String, Bytes> {
        let held = self.held.lock().unwrap();
        held.iter().map(|(key, held)| (key.as_str().to_owned(), held.bytes.clone())).collect()
    }

    fn find(&self, at: &ObjectKey) -> Result<Held, StoreError> {
        let held = self.held.lock().unwrap();
        let folded = |text: &str| text.nfc().collect::<String>();
        let found = held.get(at).or_else(|| {
            let same = |other: &ObjectKey| folded(other.as_str()) == folded(at.as_str());
            held.iter().find(|(other, _)| self.abilities.folds_unicode && same(other)).map(|(_, held)| held)
        });
        let found = found.ok_or(StoreError::new(StoreFault::NotFound, "look"))?;
        if found.unreadable {
            return Err(StoreError::new(StoreFault::Refused, "look"));
        }
        Ok(found.clone())
    }
}

fn unsupported<T>() -> Result<T, StoreError> {
    Err(StoreError::new(StoreFault::Unsupported, "write"))
}

fn meta(held: &Held) -> ObjectMeta {
    let part = |(at, size): (usize, &u64)| Part {
        number: u16::try_from(at + 1).unwrap(),
        size: *size,
        etag: Etag::Opaque("part".into()),
        modified: held.modified,
        checksum: None,
    };
    ObjectMeta {
        size: held.bytes.len() as u64,
        modified: held.modified,
        etag: held.etag.clone(),
        version: VersionId("1".into()),
        content: ContentHeaders::default(),
        checksum: held.checksum.clone(),
        tags: Tags::new(),
        parts: held.parts.iter().enumerate().map(part).collect(),
    }
}

#[async_trait]
impl Store for Fake {
    fn abilities(&self) -> Abilities {
        self.abilities
    }

    async fn list(&self, request: &ListRequest) -> Result<ListPage, StoreError> {
        let number = self.asked.lists.fetch_add(1, Ordering::Relaxed);
        // So that listings side by side really are.
        tokio::task::yield_now().await;
        if matches!(self.wrong, Wrong::Fails(after) if number >= after) {
            return Err(StoreError::new(StoreFault::Unavailable, "list"));
        }
        let after = request.after.as_ref().map(|position| match position {
            ListPosition::AfterKey(key) | ListPosition::AfterPrefix(key) => key.clone(),
        });
        if self.wrong == Wrong::Stuck {
            return Ok(ListPage {
                next: Some(ListPosition::AfterKey(after.unwrap_or("a".into()))),
                ..ListPage::default()
            });
        }
        let held = self.held.lock().unwrap();
        let cut = if let Wrong::Cut(at) = self.wrong { at } else { usize::MAX };
        let all = held.iter().take(cut).filter(|(key, _)| {
            key.as_str().starts_with(request.prefix.as_str())
                && after.as_ref().is_none_or(|after| key.as_str() > after.as_str())
        });
        let limit = request.limit.min(self.page);
        if request.delimiter.is_some() {
            let below = all.filter_map(|(key, _)| key.as_str().strip_prefix(request.prefix.as_str()));
            let mut prefixes: Vec<String> = below
                .filter_map(|rest| Some(format!("{}{}/", request.prefix, rest.split_once('/')?.0)))
                .collect();
            prefixes.dedup();
            prefixes.truncate(limit);
            return Ok(ListPage { prefixes, ..ListPage::default() });
        }
        let mut objects: Vec<ListedObject> = all
            .take(limit + 1)
            .map(|(key, held)| ListedObject {
                key: key.clone(),
                size: held.bytes.len() as u64,
                modified: held.modified,
                etag: held.etag.clone(),
                checksum: None,
                archived: held.archived,
                user_modified: None,
            })
            .collect();
        let more = objects.len() > limit;
        objects.truncate(limit);
        let next =
            objects.last().filter(|_| more).map(|last| ListPosition::AfterKey(last.key.as_str().to_owned()));
        match self.wrong {
            Wrong::Order if objects.len() > 2 => objects.swap(1, 2),
            Wrong::Twice if objects.len() > 1 => objects.insert(1, objects[0].clone()),
            _ => {}
        }
        Ok(ListPage { objects, prefixes: Vec::new(), next })
    }

    async fn head(&self, key: &ObjectKey, _: &GetOptions) -> Result<ObjectMeta, StoreError> {
        self.asked.heads.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        self.find(key).map(|held| meta(&held))
    }

    async fn get(&self, key: &ObjectKey, options: GetOptions) -> Result<Object, StoreError> {
        self.asked.gets.fetch_add(1, Ordering::Relaxed);
        let held = self.find(key)?;
        if held.archived {
            return Err(StoreError::new(StoreFault::Archived, "get"));
        }
        let meta = meta(&held);
        if options.conditions.check(&meta) != ReadVerdict::Proceed {
            return Err(StoreError::new(StoreFault::Changed, "get"));
        }
        let range = match (options.part, options.range) {
            (Some(1), _) => {
                let (_, parts) = self.tag(&held.bytes);
                parts.first().map(|first| ByteRange { first: 0, last: first - 1 })
            }
            (_, Some(RangeRequest::FromTo(first, last))) => Some(ByteRange { first, last }),
            _ => None,
        };
        let bytes = match range {
            Some(range) => held.bytes.slice(range.first as usize..=range.last as usize),
            None => held.bytes,
        };
        if options.part.is_none() {
            self.asked.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(Object { meta, range, body: Body::Full(bytes) })
    }

    async fn put(&self, _: &ObjectKey, _: Body, _: PutOptions) -> Result<PutOutcome, StoreError> {
        unsupported()
    }

    async fn copy(&self, _: &ObjectKey, _: &ObjectKey, _: CopyOptions) -> Result<PutOutcome, StoreError> {
        unsupported()
    }

    async fn delete(&self, _: &ObjectKey, _: &DeleteOptions) -> Result<DeleteOutcome, StoreError> {
        unsupported()
    }

    async fn create_upload(&self, _: &ObjectKey, _: UploadOptions) -> Result<UploadId, StoreError> {
        unsupported()
    }

    async fn upload_part(
        &self,
        _: &ObjectKey,
        _: &UploadId,
        _: u16,
        _: Body,
        _: PartOptions,
    ) -> Result<Part, StoreError> {
        unsupported()
    }

    async fn list_parts(
        &self,
        _: &ObjectKey,
        _: &UploadId,
        _: u16,
        _: usize,
    ) -> Result<PartsPage, StoreError> {
        unsupported()
    }

    async fn complete_upload(
        &self,
        _: &ObjectKey,
        _: &UploadId,
        _: &[CompletedPart],
        _: CompleteOptions,
    ) -> Result<PutOutcome, StoreError> {
        unsupported()
    }

    async fn abort_upload(&self, _: &ObjectKey, _: &UploadId) -> Result<(), StoreError> {
        unsupported()
    }
}
