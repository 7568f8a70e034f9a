//! Keys that a side takes for one, and files where folders are.
//!
//! A side that folds keys holds one object where the other side holds two. Of each such pair at least one key is *odd*: it is not the
//! folded form. So only odd keys are remembered, and looked for in their folded form; what comes as the second of two is left as it is.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use portcullis_domain::ObjectKey;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::row::Row;
use crate::{Abilities, Reason, Side, Sides};

/// Odd keys that are remembered. Past that, every further one counts as one of two.
const MOST: usize = 1_000_000;

/// What was found out about a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Suspicion {
    /// Nothing stands against it.
    None,
    /// It cannot be.
    Clash(Reason),
    /// Whether it can be depends on whether there is something at one of these keys.
    Look(Vec<(Side, ObjectKey)>, Reason),
    /// The same of keys that begin so, on either side.
    LookUnder(String),
}

/// Watches the rows of a plan for keys that clash.
#[derive(Debug)]
pub(super) struct Clashes {
    unicode: bool,
    case: bool,
    folds: Sides<bool>,
    folders: bool,
    odd: HashSet<u64>,
    /// Keys of which each begins the next, and the present one: what may be a file where that has a folder.
    open: Vec<ObjectKey>,
}

impl Clashes {
    pub(super) fn new(abilities: &Sides<Abilities>) -> Self {
        let any = |of: fn(&Abilities) -> bool| of(&abilities.storage) || of(&abilities.bucket);
        let folds = |one: &Abilities| one.folds_unicode || one.folds_case;
        Self {
            unicode: any(|one| one.folds_unicode),
            case: any(|one| one.folds_case),
            folds: Sides { storage: folds(&abilities.storage), bucket: folds(&abilities.bucket) },
            folders: any(|one| !one.file_beside_folder),
            odd: HashSet::new(),
            open: Vec::new(),
        }
    }

    /// Whether the key after a row says something about it.
    pub(super) const fn looks_ahead(&self) -> bool {
        self.folders
    }

    /// Takes a row into account, in the order of keys; `next` is the key after it.
    pub(super) fn see(&mut self, row: &Row, next: Option<&ObjectKey>) -> Suspicion {
        let folder = if self.folders { self.see_folders(row, next) } else { Suspicion::None };
        let twin = if self.unicode || self.case { self.see_twins(row) } else { Suspicion::None };
        match (folder, twin) {
            (Suspicion::Clash(reason), _) | (_, Suspicion::Clash(reason)) => Suspicion::Clash(reason),
            (Suspicion::None, other) | (other, _) => other,
        }
    }

    fn see_twins(&mut self, row: &Row) -> Suspicion {
        let key = row.key.as_str();
        let composed = if self.unicode && !is_nfc(key) { Some(key.nfc().collect::<String>()) } else { None };
        let folded = self.folded(composed.as_deref().unwrap_or(key)).or_else(|| composed.clone());
        let open = is_open(row);
        let Some(canonical) = folded else {
            // The folded form itself: it clashes with an odd one that came before.
            let clashes = open && !self.odd.is_empty() && self.odd.contains(&hash(key));
            return if clashes { Suspicion::Clash(self.reason(key)) } else { Suspicion::None };
        };
        let reason = if composed.is_some() { Reason::ClashUnicode } else { Reason::ClashCase };
        let known = hash(&canonical);
        let again = if self.odd.len() < MOST { !self.odd.insert(known) } else { true };
        if !open {
            return Suspicion::None;
        }
        if again {
            return Suspicion::Clash(reason);
        }
        let mut at = Vec::new();
        for side in Side::BOTH {
            let key =
                if *self.folds.of(side) { Some(row.key.clone()) } else { ObjectKey::parse(&canonical).ok() };
            // On a side that folds, what is listed under this key is what a look would find.
            let found_itself = *self.folds.of(side) && row.seen.of(side).is_some();
            at.extend(key.filter(|_| !found_itself).map(|key| (side, key)));
        }
        Suspicion::Look(at, reason)
    }

    fn folded(&self, key: &str) -> Option<String> {
        let upper = |one: char| !one.to_lowercase().eq(std::iter::once(one));
        (self.case && key.chars().any(upper)).then(|| key.chars().flat_map(char::to_lowercase).collect())
    }

    /// The reason of a key in its folded form, of which it is not known how the other one is written.
    const fn reason(&self, key: &str) -> Reason {
        if self.unicode && (!self.case || !key.is_ascii()) { Reason::ClashUnicode } else { Reason::ClashCase }
    }

    fn see_folders(&mut self, row: &Row, next: Option<&ObjectKey>) -> Suspicion {
        let key = row.key.as_str();
        let exists = row.seen.storage.is_some() || row.seen.bucket.is_some();
        while self.open.last().is_some_and(|last| !key.starts_with(last.as_str())) {
            self.open.pop();
        }
        let below =
            |file: &ObjectKey| key.strip_prefix(file.as_str()).is_some_and(|rest| rest.starts_with('/'));
        let clashes = self.open.iter().any(below);
        if exists {
            self.open.push(row.key.clone());
        }
        if !is_open(row) || !exists {
            return Suspicion::None;
        }
        if clashes {
            return Suspicion::Clash(Reason::ClashFileFolder);
        }
        // What is under a key stands after it, and between the two only keys that begin as it does.
        match next.and_then(|next| next.as_str().strip_prefix(key)).and_then(|rest| rest.bytes().next()) {
            Some(b'/') => Suspicion::Clash(Reason::ClashFileFolder),
            Some(byte) if byte < b'/' => Suspicion::LookUnder(format!("{key}/")),
            Some(_) | None => Suspicion::None,
        }
    }
}

/// Whether something may be written or deleted where nothing is: what stands on both sides stands already.
const fn is_open(row: &Row) -> bool {
    row.seen.storage.is_some() != row.seen.bucket.is_some()
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
