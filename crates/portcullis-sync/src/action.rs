//! What is to be done with a key, why, and how that is known.

use portcullis_domain::ObjectKey;
use serde::{Deserialize, Serialize};

use crate::{Mark, Seen, Side, Sides};

/// What a plan is for. The storage is the source of a copy and of a mirror; neither ever writes its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Changes of either side go to the other.
    TwoWay,
    /// What is new or changed in the source is written to the target; nothing is deleted there.
    Copy,
    /// The target becomes as the source is: what is not in the source is deleted.
    Mirror,
}

/// What happens when both sides have something else and nothing says which is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Both stay: the bucket's under its key, the storage's under a name that says where it comes from. In a copy and in a mirror
    /// the source's stays under its key, and the target's gets the name.
    KeepBoth,
    /// The younger one, if the clocks of both sides are known to agree; otherwise as [`Policy::KeepBoth`].
    Newest,
    /// The storage's.
    Storage,
    /// The bucket's. In a copy and in a mirror: the target is left as it is.
    Bucket,
    /// Neither is touched until somebody says.
    Ask,
}

/// What somebody decided for a key, against the plan's policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// As [`Policy::KeepBoth`].
    KeepBoth,
    /// As [`Policy::Newest`].
    Newest,
    /// The storage's, whatever it is: also that there is nothing.
    Storage,
    /// The bucket's, likewise.
    Bucket,
    /// Leave the key alone in this run.
    Skip,
}

/// Why something is to be done, or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Both hold the same, and nothing was known of it before.
    Same,
    /// Both were changed to the same.
    Converged,
    /// Only the bucket has it.
    NewBucket,
    /// Only the storage has it.
    NewStorage,
    /// The bucket's was changed.
    EditBucket,
    /// The storage's was changed.
    EditStorage,
    /// It was deleted in the bucket.
    DelBucket,
    /// It was deleted in the storage.
    DelStorage,
    /// It was deleted on both sides.
    DelBoth,
    /// In the target only, in a mirror or a copy.
    Extra,
    /// Both have it, they differ, and nothing is known of an agreement.
    ConflictNewNew,
    /// Both were changed, to different things.
    ConflictEditEdit,
    /// Deleted in the storage, changed in the bucket.
    ConflictDelEdit,
    /// Changed in the storage, deleted in the bucket.
    ConflictEditDel,
    /// Another key that reads the same (Unicode normalisation) stands on a side that takes both for one.
    ClashUnicode,
    /// Another key that differs in upper and lower case only stands on a side that takes both for one.
    ClashCase,
    /// A file stands where the other side has a folder, and a side cannot hold both.
    ClashFileFolder,
    /// A side does not take such a key: its length or its characters.
    KeyRefused,
    /// Larger than a side takes.
    TooLarge,
    /// In an archive; to be fetched from there first.
    Archived,
    /// Cannot be read, or looked at.
    Unreadable,
    /// Whether both are the same was not found out: that would need more reading than was allowed.
    Unverified,
    /// The side's quota would be passed.
    OverQuota,
    /// What a run wrote is taken away again.
    UndoWrite,
    /// What a run replaced or deleted is put back.
    UndoLoss,
    /// What a run wrote was changed since, so it is not taken back.
    ChangedSince,
    /// What a run had kept is no longer there.
    KeptGone,
}

/// How it is known that two objects are the same, or that they are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Nothing had to be compared.
    None,
    /// Both are as they were when they were last known to be the same.
    Agreement,
    /// Their sizes.
    Size,
    /// Both are empty.
    Empty,
    /// Entity tags that are the MD5 of the bytes.
    Etag,
    /// Entity tags of parts, computed from the other side's bytes.
    Parts,
    /// Checksums over all bytes.
    Checksum,
    /// Some of the bytes were read.
    Sample,
    /// All of the bytes were read.
    Bytes,
}

/// What is to be done with a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Remember that both are the same.
    Agree,
    /// Forget what was agreed: it is gone on both sides.
    Forget,
    /// Write the other side's object here.
    Write {
        /// Where to.
        to: Side,
    },
    /// Delete it here.
    Delete {
        /// Where.
        on: Side,
    },
    /// Put the object of `from` under another name on both sides (in a copy and a mirror: on the target only), then write the other side's object
    /// to the key there.
    KeepBoth {
        /// Whose object gets the other name: the storage's, in a copy and a mirror the target's.
        from: Side,
        /// The name.
        #[serde(with = "crate::codec::key")]
        copy: ObjectKey,
    },
    /// Put back what a run had kept.
    PutBack {
        /// Where.
        on: Side,
        /// Number of the step of that run that kept it.
        step: u64,
    },
    /// Nothing.
    Leave,
}

/// One key of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Its number in the plan, from 0, in the order of keys.
    pub seq: u64,
    /// The key, under both sides' prefixes.
    #[serde(with = "crate::codec::key")]
    pub key: ObjectKey,
    /// What is to be done.
    pub op: Op,
    /// Why.
    pub reason: Reason,
    /// How that is known.
    pub evidence: Evidence,
    /// What each side has there.
    pub seen: Sides<Option<Seen>>,
    /// What both last agreed on.
    pub agreed: Option<Sides<Mark>>,
}

macro_rules! words {
    ($($name:ident { $($variant:ident => $word:literal),* $(,)? })*) => { $(
        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The word for it in texts for programs.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }

            /// The one with this word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    )* };
}

words! {
    Mode { TwoWay => "two_way", Copy => "copy", Mirror => "mirror" }
    Policy { KeepBoth => "keep_both", Newest => "newest", Storage => "storage", Bucket => "bucket", Ask => "ask" }
    Choice { KeepBoth => "keep_both", Newest => "newest", Storage => "storage", Bucket => "bucket", Skip => "skip" }
    Reason {
        Same => "same", Converged => "converged", NewBucket => "new_bucket", NewStorage => "new_storage",
        EditBucket => "edit_bucket", EditStorage => "edit_storage", DelBucket => "del_bucket", DelStorage => "del_storage",
        DelBoth => "del_both", Extra => "extra", ConflictNewNew => "conflict_new_new", ConflictEditEdit => "conflict_edit_edit",
        ConflictDelEdit => "conflict_del_edit", ConflictEditDel => "conflict_edit_del", ClashUnicode => "clash_unicode",
        ClashCase => "clash_case", ClashFileFolder => "clash_file_folder", KeyRefused => "key_refused", TooLarge => "too_large",
        Archived => "archived", Unreadable => "unreadable", Unverified => "unverified", OverQuota => "over_quota",
        UndoWrite => "undo_write", UndoLoss => "undo_loss", ChangedSince => "changed_since", KeptGone => "kept_gone",
    }
    Evidence {
        None => "none", Agreement => "agreement", Size => "size", Empty => "empty", Etag => "etag", Parts => "parts",
        Checksum => "checksum", Sample => "sample", Bytes => "bytes",
    }
}
