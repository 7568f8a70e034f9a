//! What one side holds: objects, versions, uploads, by the rules of its profile. No faults, no time, no waiting.

use std::collections::BTreeMap;

use bytes::Bytes;
use portcullis_backend::{
    ContentHeaders, DigestAlgorithm, Digester, Etag, EtagCondition, ObjectMeta, Part, ReadConditions,
    ReadVerdict, Tags, VersionId, WriteConditions,
};
use portcullis_domain::Timestamp;
use portcullis_sync::{Abilities, Mark, StoreFault};

/// How a provider behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub(crate) struct Profile {
    pub(crate) name: &'static str,
    pub(crate) puts: bool,
    pub(crate) copies: bool,
    pub(crate) deletes: bool,
    pub(crate) versions: bool,
    /// Entity tags look like an MD5 and are none, as with keys of the provider's key store.
    pub(crate) odd_tags: bool,
}

const ALL: Profile =
    Profile { name: "", puts: true, copies: true, deletes: true, versions: false, odd_tags: false };

pub(crate) const VERSIONED: Profile = Profile { name: "aws-versioned", versions: true, ..ALL };
pub(crate) const AWS: Profile = Profile { name: "aws", ..ALL };
pub(crate) const R2: Profile = Profile { name: "r2", deletes: false, ..ALL };
pub(crate) const MOTO: Profile = Profile { name: "moto", copies: false, versions: true, ..ALL };
pub(crate) const KMS: Profile = Profile { name: "aws-kms", odd_tags: true, ..ALL };
pub(crate) const NAIVE: Profile =
    Profile { name: "naive", puts: false, copies: false, deletes: false, ..ALL };

/// The largest object that the profiles copy in one step.
pub(crate) const LARGEST_COPY: u64 = 48;

impl Profile {
    pub(crate) const fn abilities(self) -> Abilities {
        Abilities {
            conditional_writes: self.puts,
            conditional_copies: self.copies,
            conditional_deletes: self.deletes,
            keeps_versions: self.versions,
            remote: true,
            longest_key: 1024,
            largest_object: 1 << 40,
            largest_copy: LARGEST_COPY,
            folds_unicode: false,
            folds_case: false,
            file_beside_folder: true,
            etag_is_md5: !self.odd_tags,
        }
    }
}

/// Who wrote something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Outside,
    Run,
}

/// A version of an object.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) meta: ObjectMeta,
    pub(crate) bytes: Bytes,
    pub(crate) by: By,
    /// At which event.
    pub(crate) born: u64,
}

impl Stored {
    pub(crate) fn mark(&self) -> Mark {
        Mark { etag: self.meta.etag.clone(), size: self.meta.size }
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Slot {
    pub(crate) current: Option<Box<str>>,
    pub(crate) versions: BTreeMap<Box<str>, Stored>,
}

#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    pub(crate) content: ContentHeaders,
    pub(crate) tags: Tags,
    pub(crate) parts: BTreeMap<u16, (Part, Bytes)>,
}

#[derive(Clone, Debug)]
pub(crate) struct Shelf {
    pub(crate) profile: Profile,
    pub(crate) slots: BTreeMap<String, Slot>,
    pub(crate) uploads: BTreeMap<Box<str>, Upload>,
    next: u64,
}

pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    let mut digester = Digester::new(&[DigestAlgorithm::Md5]);
    digester.update(bytes);
    digester.finish().pop().unwrap().value.try_into().unwrap()
}

/// What is new about a version.
pub(crate) struct Draft {
    pub(crate) bytes: Bytes,
    pub(crate) content: ContentHeaders,
    pub(crate) tags: Tags,
    pub(crate) parts: Vec<Part>,
    pub(crate) by: By,
}

impl Shelf {
    pub(crate) fn new(profile: Profile) -> Self {
        Self { profile, slots: BTreeMap::new(), uploads: BTreeMap::new(), next: 0 }
    }

    pub(crate) fn name(&mut self) -> Box<str> {
        self.next += 1;
        format!("{:08x}", self.next).into()
    }

    pub(crate) fn current(&self, key: &str) -> Option<&Stored> {
        let slot = self.slots.get(key)?;
        slot.versions.get(slot.current.as_ref()?)
    }

    pub(crate) fn find(&self, key: &str, version: Option<&VersionId>) -> Option<&Stored> {
        match version {
            Some(VersionId(id)) if self.profile.versions => self.slots.get(key)?.versions.get(id),
            Some(_) | None => self.current(key),
        }
    }

    /// Conditions of a read, which everybody looks at.
    pub(crate) fn read(
        &self,
        key: &str,
        version: Option<&VersionId>,
        conditions: &ReadConditions,
    ) -> Result<&Stored, StoreFault> {
        let found = self.find(key, version).ok_or(StoreFault::NotFound)?;
        match conditions.check(&found.meta) {
            ReadVerdict::Proceed => Ok(found),
            ReadVerdict::NotModified | ReadVerdict::Failed => Err(StoreFault::Changed),
        }
    }

    pub(crate) fn may_write(&self, key: &str, conditions: &WriteConditions) -> Result<(), StoreFault> {
        let current = self.current(key).map(|stored| &stored.meta.etag);
        conditions.check(current).map_err(|kind| {
            portcullis_sync::StoreError::from(portcullis_backend::BackendError::new(kind, "write")).fault
        })
    }

    pub(crate) fn may_delete(&self, key: &str, if_match: Option<&EtagCondition>) -> Result<(), StoreFault> {
        self.may_write(key, &WriteConditions { if_absent: false, if_match: if_match.cloned() })
    }

    fn tag(&self, draft: &Draft) -> Etag {
        if draft.parts.is_empty() {
            let mut digest = md5(&draft.bytes);
            if self.profile.odd_tags {
                digest[0] ^= 0xff;
                digest[15] ^= u8::try_from(self.next & 0xff).unwrap();
            }
            return Etag::Md5 { digest, parts: None };
        }
        let mut all = Vec::new();
        for part in &draft.parts {
            let Etag::Md5 { digest, .. } = &part.etag else { unreachable!() };
            all.extend_from_slice(digest);
        }
        Etag::Md5 { digest: md5(&all), parts: Some(u16::try_from(draft.parts.len()).unwrap()) }
    }

    /// Makes it the current object; what it is.
    pub(crate) fn commit(&mut self, key: &str, draft: Draft, now: Timestamp, event: u64) -> ObjectMeta {
        let id = self.name();
        let meta = ObjectMeta {
            size: u64::try_from(draft.bytes.len()).unwrap(),
            modified: now,
            etag: self.tag(&draft),
            version: VersionId(id.clone()),
            content: draft.content,
            checksum: None,
            tags: draft.tags,
            parts: draft.parts,
        };
        let stored = Stored { meta: meta.clone(), bytes: draft.bytes, by: draft.by, born: event };
        self.leave(key);
        let slot = self.slots.entry(key.to_owned()).or_default();
        slot.versions.insert(id.clone(), stored);
        slot.current = Some(id);
        meta
    }

    /// What is current is not any more; it stays as a version where there are such.
    pub(crate) fn leave(&mut self, key: &str) {
        let versions = self.profile.versions;
        let Some(slot) = self.slots.get_mut(key) else { return };
        if let Some(id) = slot.current.take()
            && !versions
        {
            slot.versions.remove(&id);
        }
        if slot.versions.is_empty() {
            self.slots.remove(key);
        }
    }

    /// Keys with a current object that are nobody's secret.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (&String, &Stored)> {
        self.slots
            .iter()
            .filter(|(key, _)| !key.starts_with(portcullis_sync::RESERVED))
            .filter_map(|(key, slot)| Some((key, slot.versions.get(slot.current.as_ref()?)?)))
    }
}
