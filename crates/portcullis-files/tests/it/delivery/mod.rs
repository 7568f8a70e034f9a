//! Deliveries: several files, all or none. Large files are stored on disk: what is held of uploads in parts is held by their names, which the
//! driver in memory gives in each world anew.

mod crash;
mod faults;
mod ledger;
mod names;
mod providers;
mod rights;

use bytes::Bytes;
use portcullis_access::{ContentHeaders, Get, GetOptions, GetOutcome, List, VersionsAfter};
use portcullis_domain::{Channel, Key, KeyPrefix, Scope, Storage};
use portcullis_files::{Begun, Delivery, DeliveryId, FileError, Tree};

use crate::world::{Holder, World, object, path};

/// A mail key for a storage.
async fn mail_key(world: &World, storage: &Storage, change: impl FnOnce(&mut Key)) -> Holder {
    let mail = |key: &mut Key| {
        key.channel = Channel::Email;
        change(key);
    };
    world.key(Scope::Storage(storage.id), mail).await
}

/// A storage, and a tree of a mail key that may do everything there.
async fn open(world: &World) -> (Storage, Tree) {
    let storage = world.storage("files", |_| {}).await;
    let holder = mail_key(world, &storage, |_| {}).await;
    (storage, world.tree(&holder).await)
}

fn message(number: u8, folders: &[&str]) -> DeliveryId {
    DeliveryId {
        message: format!("<{number}@example.org>"),
        content: [number; 32],
        folders: folders.iter().map(|folder| path(folder)).collect(),
        per_hour: 600,
    }
}

async fn begin(tree: &Tree, number: u8, folders: &[&str]) -> Delivery {
    let begun = Delivery::begin(tree, message(number, folders)).await.unwrap();
    let Begun::New(delivery) = begun else { unreachable!("{begun:?}") };
    delivery
}

async fn file(delivery: &mut Delivery, name: &str, bytes: &[u8]) -> Result<u64, FileError> {
    let folder = delivery.folders().first().unwrap().clone();
    let mut file = delivery.file(&folder, name, ContentHeaders::default()).await?;
    for piece in bytes.chunks(100_000) {
        file.write(Bytes::copy_from_slice(piece)).await?;
    }
    file.finish().await
}

/// Delivers to the top.
async fn deliver(tree: &Tree, number: u8, files: &[(&str, &[u8])]) -> Result<u32, FileError> {
    let mut delivery = begin(tree, number, &["/"]).await;
    for (name, bytes) in files {
        file(&mut delivery, name, bytes).await?;
    }
    delivery.commit().await
}

/// The keys of a storage.
async fn keys(world: &World, storage: &Storage) -> Vec<String> {
    world.keys(storage).await.into_iter().map(|(key, _)| key).collect()
}

/// Every version that a storage has, present or not.
async fn versions(world: &World, storage: &Storage) -> Vec<(String, bool)> {
    let at = world.access.storage(world.admin.principal(), &storage.bucket).await.unwrap();
    let list = at.grant::<List>(KeyPrefix::default()).unwrap();
    let page = list.versions(VersionsAfter { limit: 1000, ..VersionsAfter::default() }).await.unwrap();
    page.versions.into_iter().map(|of| (of.object.key.as_str().to_owned(), of.current)).collect()
}

/// What is kept with an object.
async fn content(world: &World, storage: &Storage, key: &str) -> ContentHeaders {
    let at = world.access.storage(world.admin.principal(), &storage.bucket).await.unwrap();
    match at.grant::<Get>(object(key)).unwrap().head(&GetOptions::default()).await.unwrap() {
        GetOutcome::Found(meta) => meta.content,
        GetOutcome::NotModified(meta) => meta.content,
    }
}
