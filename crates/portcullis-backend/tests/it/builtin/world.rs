//! A store in a directory of its own, and an independent look at what lies in it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use portcullis_backend::builtin::{BuiltinBackend, Store, StoreOptions};
use portcullis_backend::{
    Backend, BackendError, Body, CompletedPart, GetOptions, GetOutcome, PartOptions, PutOptions, PutOutcome,
    UploadOptions,
};
use portcullis_domain::{Clock, ObjectKey, StorageId, SystemClock, Usage};
use rusqlite::Connection;

pub(super) const STORAGE: StorageId = StorageId::from_u128(0x0193_0000_0000_7000_8000_0000_0000_0001);

/// A store with one storage.
pub(super) struct World {
    directory: tempfile::TempDir,
    pub(super) store: Arc<Store>,
    pub(super) backend: Arc<BuiltinBackend>,
}

impl World {
    pub(super) async fn new(options: StoreOptions) -> Self {
        Self::at(options, Arc::new(SystemClock)).await
    }

    pub(super) async fn at(options: StoreOptions, clock: Arc<dyn Clock>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path(), options, clock).unwrap();
        let backend = store.backend(STORAGE).await.unwrap();
        Self { directory, store, backend }
    }

    /// Closes the store and gives its directory, which goes with the value.
    pub(super) async fn close(self) -> tempfile::TempDir {
        drop(self.backend);
        self.store.close().await;
        self.directory
    }

    pub(super) fn home(&self) -> PathBuf {
        self.directory.path().join(STORAGE.to_string())
    }

    pub(super) async fn put(&self, at: &str, bytes: impl Into<Bytes>) -> PutOutcome {
        self.backend.put(&key(at), Body::Full(bytes.into()), PutOptions::default()).await.unwrap()
    }

    pub(super) async fn get(&self, at: &str) -> Result<Bytes, BackendError> {
        get(&self.backend, at).await
    }

    /// An object of two parts, of 5 MiB and of `last` bytes.
    pub(super) async fn put_in_parts(&self, at: &str, last: usize) -> Bytes {
        let key = key(at);
        let upload = self.backend.create_upload(&key, UploadOptions::default()).await.unwrap();
        let mut whole = BytesMut::new();
        let mut named = Vec::new();
        for (number, length) in [(1, 5 << 20), (2, last)] {
            let bytes = data(length, u64::from(number));
            whole.extend_from_slice(&bytes);
            let (body, options) = (Body::Full(bytes), PartOptions::default());
            let part = self.backend.upload_part(&key, &upload, number, body, options).await.unwrap();
            named.push(CompletedPart { number, etag: part.etag.to_string(), checksum: None });
        }
        self.backend.complete_upload(&key, &upload, &named, Default::default()).await.unwrap();
        whole.freeze()
    }

    pub(super) fn recount(&self) -> Recount {
        recount(&self.home())
    }
}

pub(super) fn key(text: &str) -> ObjectKey {
    ObjectKey::parse(text).unwrap()
}

pub(super) async fn get(backend: &BuiltinBackend, at: &str) -> Result<Bytes, BackendError> {
    match backend.get(&key(at), &GetOptions::default()).await? {
        GetOutcome::Found(object) => Ok(collect(object.body).await),
        GetOutcome::NotModified(_) => panic!("without a condition"),
    }
}

/// All of a body. One that breaks off is an empty one, which no test expects.
pub(super) async fn collect(body: Body) -> Bytes {
    match body {
        Body::Full(bytes) => bytes,
        Body::Stream(mut stream) => {
            let mut all = BytesMut::new();
            while let Some(piece) = stream.next().await {
                match piece {
                    Ok(piece) => all.extend_from_slice(&piece),
                    Err(_) => return Bytes::new(),
                }
            }
            all.freeze()
        }
    }
}

/// Bytes that look like chance and are the same for the same seed.
pub(super) fn data(length: usize, seed: u64) -> Bytes {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = BytesMut::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.freeze()
}

/// What the tables and directories of a storage really hold, counted one by one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recount {
    pub(super) usage: Usage,
    /// Files that rows of `blobs` name.
    pub(super) known: BTreeSet<String>,
    /// Those of them that are waiting to be collected.
    pub(super) discarded: BTreeSet<String>,
    /// Files in the directories.
    pub(super) files: BTreeSet<String>,
    /// Files that objects, versions and parts refer to.
    pub(super) referred: BTreeSet<String>,
}

pub(super) fn recount(home: &Path) -> Recount {
    let conn = Connection::open(home.join("index.db")).unwrap();
    let number =
        |sql: &str| u64::try_from(conn.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()).unwrap();
    let keys: Vec<String> = rows(&conn, "SELECT CAST(k AS TEXT) FROM objects");
    let folders: BTreeSet<String> =
        keys.iter().flat_map(|text| key(text).folders().map(str::to_owned).collect::<Vec<_>>()).collect();
    let usage = Usage {
        bytes: number("SELECT coalesce(sum(size), 0) FROM objects"),
        files: number("SELECT count(*) FROM objects"),
        folders: u64::try_from(folders.len()).unwrap(),
        version_bytes: number("SELECT coalesce(sum(size), 0) FROM versions"),
        upload_bytes: number("SELECT coalesce(sum(size), 0) FROM parts"),
    };
    assert_eq!(
        rows(&conn, "SELECT CAST(p AS TEXT) || ' ' || f || ' ' || n FROM folders ORDER BY p"),
        entries(&keys, &folders)
    );
    let names = |sql: &str| -> BTreeSet<String> {
        rows(&conn, sql).into_iter().map(|hex| hyphenated(&hex)).collect()
    };
    let mut referred = names(
        "SELECT lower(hex(blob)) FROM objects WHERE blob IS NOT NULL
         UNION ALL SELECT lower(hex(blob)) FROM versions WHERE blob IS NOT NULL
         UNION ALL SELECT lower(hex(blob)) FROM parts WHERE blob IS NOT NULL",
    );
    // The form of lists of parts: one byte, then for each 58 bytes, the length of its digest, and the digest.
    for list in rows(&conn, "SELECT lower(hex(parts)) FROM ext WHERE parts IS NOT NULL") {
        let bytes = hex::decode(list).unwrap();
        let mut rest = &bytes[1..];
        while !rest.is_empty() {
            let blob = hex::encode(&rest[42..58]);
            if blob.bytes().any(|digit| digit != b'0') {
                referred.insert(hyphenated(&blob));
            }
            rest = &rest[59 + usize::from(rest[58])..];
        }
    }
    Recount {
        usage,
        known: names("SELECT lower(hex(id)) FROM blobs"),
        discarded: names("SELECT lower(hex(id)) FROM blobs WHERE gc IS NOT NULL"),
        files: files(&home.join("data")).iter().map(|path| name_of(path)).collect(),
        referred,
    }
}

/// Every folder with the number of objects, and of objects and folders, directly in it; and the same of the storage itself.
fn entries(keys: &[String], folders: &BTreeSet<String>) -> Vec<String> {
    let parent = |text: &str| text.rfind('/').map_or(String::new(), |at| text[..=at].to_owned());
    let all = std::iter::once(String::new()).chain(folders.iter().cloned());
    let counted = all.map(|folder| {
        let objects = keys.iter().filter(|key| parent(key) == folder).count();
        let inner = folders.iter().filter(|inner| parent(&inner[..inner.len() - 1]) == folder).count();
        (folder, objects, objects + inner)
    });
    counted
        .filter(|(_, _, all)| *all > 0)
        .map(|(folder, objects, all)| format!("{folder} {objects} {all}"))
        .collect()
}

fn rows(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

fn hyphenated(hex: &str) -> String {
    uuid::Uuid::parse_str(hex).unwrap().to_string()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// All files under a directory.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}
