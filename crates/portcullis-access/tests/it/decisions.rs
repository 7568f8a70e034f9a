//! Every permission against everything a grant can do.

use std::fmt::Write as _;

use portcullis_access::{
    AccessError, BackendErrorKind, CompleteOptions, CompletedPart, CopyOptions, Delete, DeleteOptions,
    Denial, Get, GetOptions, List, PartCopy, PartOptions, Put, PutOptions, StorageAccess, UploadOptions,
    UploadsAfter, VersionsAfter,
};
use portcullis_domain::{
    BucketName, Channel, DenyReason, KeyPrefix, Permission, Role, Scope, SiteId, StorageState,
};

use crate::world::{World, denial, full, object, put, read};

fn word(outcome: Result<(), AccessError>) -> String {
    match outcome {
        Ok(()) => "yes".to_owned(),
        Err(AccessError::Denied(denial)) => denial.as_str().to_owned(),
        Err(other) => panic!("{other:?}"),
    }
}

/// An upload of one part, begun and completed with whatever `at` may do.
async fn upload(at: &StorageAccess, last: &str) -> Result<(), AccessError> {
    let key = object("parts");
    let id = at.grant::<Put>(key.clone())?.create_upload(UploadOptions::default()).await?;
    let part =
        at.grant::<Put>(key.clone())?.upload_part(&id, 1, full("part"), PartOptions::default()).await?;
    let listed = at.grant::<Put>(key.clone())?.list_parts(&id, 0, 10).await?;
    assert_eq!(listed.parts, std::slice::from_ref(&part));
    at.grant::<Put>(key.clone())?.upload_meta(&id).await?;
    if last == "abort" {
        return at.grant::<Put>(key)?.abort_upload(&id).await;
    }
    let parts = [CompletedPart { number: 1, etag: part.etag.to_string(), checksum: None }];
    at.grant::<Put>(key)?.complete_upload(&id, &parts, CompleteOptions::default()).await.map(drop)
}

async fn deed(at: &StorageAccess, deed: &str) -> Result<(), AccessError> {
    let there = || object("there");
    let everything = KeyPrefix::default;
    match deed {
        "page" => at.grant::<List>(everything())?.page(None, None, 10).await.map(drop),
        "versions" => at
            .grant::<List>(everything())?
            .versions(VersionsAfter { limit: 10, ..VersionsAfter::default() })
            .await
            .map(drop),
        "uploads" => at
            .grant::<List>(everything())?
            .uploads(UploadsAfter { limit: 10, ..UploadsAfter::default() })
            .await
            .map(drop),
        "own uploads" => at
            .own_uploads(everything(), UploadsAfter { limit: 10, ..UploadsAfter::default() })
            .await
            .map(drop),
        "usage" => at.usage().await.map(drop),
        "head" => at.grant::<Get>(there())?.head(&GetOptions::default()).await.map(drop),
        "get" => at.grant::<Get>(there())?.get(GetOptions::default()).await.map(drop),
        "put" => at.grant::<Put>(object("new"))?.put(full("new"), PutOptions::default()).await.map(drop),
        "copy" => {
            let from = at.grant::<Get>(there())?;
            from.copy_to(at.grant::<Put>(object("copy"))?, CopyOptions::default()).await.map(drop)
        }
        "copy part" => {
            let to = object("parts");
            let from = at.grant::<Get>(there())?;
            let upload = at.grant::<Put>(to.clone())?.create_upload(UploadOptions::default()).await?;
            let part = PartCopy { upload: &upload, number: 1, source: GetOptions::default() };
            from.copy_part_to(at.grant::<Put>(to)?, part).await.map(drop)
        }
        "retag" => {
            let seen = at.grant::<Get>(there())?;
            at.grant::<Put>(there())?.retag(seen, None, vec![("a".into(), "b".into())]).await
        }
        "multipart" => upload(at, "complete").await,
        "abort" => upload(at, "abort").await,
        "delete" => at.grant::<Delete>(object("new"))?.delete(DeleteOptions::default()).await.map(drop),
        other => panic!("{other}"),
    }
}

const DEEDS: [&str; 14] = [
    "page",
    "versions",
    "uploads",
    "own uploads",
    "usage",
    "head",
    "get",
    "put",
    "copy",
    "copy part",
    "retag",
    "multipart",
    "abort",
    "delete",
];

#[tokio::test]
async fn every_permission_and_every_deed() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let filler = world.key(&storage, |_| {}).await;
    put(&world.at(&filler, &storage).await, "there", "bytes").await;
    let (read, write, both) = (
        world.key(&storage, |key| key.permission = Permission::Read).await,
        world.key(&storage, |key| key.permission = Permission::Write).await,
        world.key(&storage, |key| key.permission = Permission::ReadWrite).await,
    );
    let (read, write, both) =
        (world.at(&read, &storage).await, world.at(&write, &storage).await, world.at(&both, &storage).await);
    let mut table = String::from("\n");
    for name in DEEDS {
        let (read, write, both) =
            (word(deed(&read, name).await), word(deed(&write, name).await), word(deed(&both, name).await));
        writeln!(table, "{name:<12} read: {read:<15} write: {write:<15} read_write: {both}").unwrap();
    }
    assert_eq!(
        table,
        "
page         read: yes             write: key_permission  read_write: yes
versions     read: yes             write: key_permission  read_write: yes
uploads      read: yes             write: key_permission  read_write: yes
own uploads  read: key_permission  write: yes             read_write: yes
usage        read: yes             write: key_permission  read_write: yes
head         read: yes             write: key_permission  read_write: yes
get          read: yes             write: key_permission  read_write: yes
put          read: key_permission  write: yes             read_write: yes
copy         read: key_permission  write: key_permission  read_write: yes
copy part    read: key_permission  write: key_permission  read_write: yes
retag        read: key_permission  write: key_permission  read_write: yes
multipart    read: key_permission  write: yes             read_write: yes
abort        read: key_permission  write: yes             read_write: yes
delete       read: key_permission  write: key_permission  read_write: yes
"
    );
}

#[tokio::test]
async fn a_key_that_is_switched_off_opens_nothing_not_even_with_a_grant_in_hand() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    put(&at, "there", "bytes").await;
    let in_hand = at.grant::<Get>(object("there")).unwrap();
    world.change(&holder, |key| key.permission = Permission::None).await;
    let off = Denial::Policy(DenyReason::KeyDisabled);
    assert_eq!(denial(in_hand.get(GetOptions::default()).await), off);
    for name in DEEDS {
        assert_eq!(denial(deed(&at, name).await), off, "{name}");
    }
    assert_eq!(denial(world.signed(&holder)), off);
}

#[tokio::test]
async fn the_storage_bounds_every_key_and_can_be_cut() {
    let world = World::new().await;
    let storage = world.storage(|new| new.permission = Permission::Read).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    assert_eq!(denial(deed(&at, "put").await), Denial::Policy(DenyReason::StoragePermission));
    assert_eq!(denial(deed(&at, "delete").await), Denial::Policy(DenyReason::StoragePermission));
    assert!(deed(&at, "page").await.is_ok());
    let mut cut = storage.clone();
    cut.s3_access = false;
    world.metadata.update_storage_if_same(&storage, &cut).await.unwrap();
    world.access.applied(portcullis_access::Change::Storage(storage.id)).await.unwrap();
    assert_eq!(denial(deed(&at, "page").await), Denial::Policy(DenyReason::StorageS3Off));
    let closed = cut.clone();
    cut.state = StorageState::Detached;
    world.metadata.update_storage_if_same(&closed, &cut).await.unwrap();
    world.access.applied(portcullis_access::Change::Storage(storage.id)).await.unwrap();
    assert_eq!(denial(deed(&at, "page").await), Denial::Policy(DenyReason::StorageDetached));
    assert!(world.access.visible_storages(&world.who(&holder)).unwrap().is_empty());
}

#[tokio::test]
async fn what_is_invisible_is_not_found_and_what_is_shown_is_in_scope() {
    let world = World::new().await;
    let (one, two) = (world.storage(|_| {}).await, world.storage(|_| {}).await);
    let holder = world.key(&one, |_| {}).await;
    let who = world.who(&holder);
    assert!(matches!(world.access.storage(&who, &two.bucket).await, Err(AccessError::NotFound)));
    assert!(matches!(world.access.storage_by_id(&who, two.id).await, Err(AccessError::NotFound)));
    let nowhere = BucketName::parse("no-such-bucket").unwrap();
    assert!(matches!(world.access.storage(&who, &nowhere).await, Err(AccessError::NotFound)));
    let seen = |holder| {
        let seen = world.access.visible_storages(&world.who(holder)).unwrap();
        seen.iter().map(|storage| storage.id).collect::<Vec<_>>()
    };
    assert_eq!(seen(&holder), [one.id]);
    let owner = world.admin.user().unwrap();
    let wide = world.key(&one, |key| key.scope = Scope::User(owner)).await;
    assert_eq!(seen(&wide), [one.id, two.id], "by bucket name");
    world.change(&holder, |key| key.expires = Some(world.now())).await;
    let expired = Denial::Policy(DenyReason::KeyExpired);
    assert_eq!(denial(world.access.visible_storages(&who)), expired);
    assert_eq!(
        denial(world.access.storage(&who, &nowhere).await),
        expired,
        "expiry is told before existence"
    );
}

#[tokio::test]
async fn a_prefix_is_a_wall() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |key| key.prefix = KeyPrefix::parse("in/").unwrap()).await;
    let at = world.at(&holder, &storage).await;
    put(&at, "in/file", "bytes").await;
    assert_eq!(read(&at, "in/file").await.unwrap(), "bytes");
    let outside = Denial::Policy(DenyReason::OutsidePrefix);
    for key in ["in", "out", "in../x", "/in/file", "In/file"] {
        assert_eq!(denial(at.grant::<Get>(object(key))), outside, "{key}");
        assert_eq!(denial(at.grant::<Put>(object(key))), outside, "{key}");
    }
    assert_eq!(denial(at.grant::<List>(KeyPrefix::default())), outside);
    assert_eq!(denial(at.usage().await), outside, "the numbers are of the whole storage");
    let listed =
        at.grant::<List>(KeyPrefix::parse("in/").unwrap()).unwrap().page(None, None, 10).await.unwrap();
    assert_eq!(listed.objects.len(), 1);
}

#[tokio::test]
async fn the_quota_and_the_overwrite_rule_are_the_records() {
    let world = World::new().await;
    let storage = world.storage(|new| new.quota_bytes = Some(10)).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    let lavish = || PutOptions { quota: Some(u64::MAX), ..PutOptions::default() };
    at.grant::<Put>(object("a")).unwrap().put(full("123456"), lavish()).await.unwrap();
    let is_full = |error: AccessError| matches!(error, AccessError::Backend(error) if error.kind == BackendErrorKind::QuotaExceeded);
    let too_much = at.grant::<Put>(object("b")).unwrap().put(full("123456"), lavish()).await;
    assert!(is_full(too_much.unwrap_err()));
    let copy = CopyOptions { quota: Some(u64::MAX), ..CopyOptions::default() };
    let from = at.grant::<Get>(object("a")).unwrap();
    assert!(is_full(from.copy_to(at.grant(object("b")).unwrap(), copy).await.unwrap_err()));
    let upload = at.grant::<Put>(object("b")).unwrap().create_upload(UploadOptions::default()).await.unwrap();
    let options = PartOptions { quota: Some(u64::MAX), ..PartOptions::default() };
    let part = at.grant::<Put>(object("b")).unwrap().upload_part(&upload, 1, full("123456"), options).await;
    assert!(is_full(part.unwrap_err()));
}

#[tokio::test]
async fn copies_between_storages_and_the_grants_they_take() {
    let world = World::new().await;
    let (one, two) = (world.storage(|_| {}).await, world.storage(|_| {}).await);
    let owner = world.admin.user().unwrap();
    let holder = world.key(&one, |key| key.scope = Scope::User(owner)).await;
    let (from, to) = (world.at(&holder, &one).await, world.at(&holder, &two).await);
    let options = PutOptions { tags: vec![("colour".into(), "red".into())], ..PutOptions::default() };
    from.grant::<Put>(object("a")).unwrap().put(full("bytes"), options).await.unwrap();
    let source = from.grant::<Get>(object("a")).unwrap();
    source.copy_to(to.grant(object("b")).unwrap(), CopyOptions::default()).await.unwrap();
    assert_eq!(read(&to, "b").await.unwrap(), "bytes");
    let seen = to.grant::<Get>(object("b")).unwrap();
    let other = to.grant::<Put>(object("c")).unwrap();
    assert_eq!(denial(other.retag(seen, None, vec![]).await), Denial::GrantMismatch);
    let elsewhere = from.grant::<Get>(object("b")).unwrap();
    let here = to.grant::<Put>(object("b")).unwrap();
    assert_eq!(denial(here.retag(elsewhere, None, vec![]).await), Denial::GrantMismatch);
}

#[tokio::test]
async fn administration_is_for_admins() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let plain = world.key(&storage, |_| {}).await;
    assert!(matches!(denial(world.access.admin(&world.who(&plain))), Denial::Policy(_)));
    let site = world.key(&storage, |key| {
        (key.channel, key.scope, key.permission) = (Channel::Rest, Scope::Site, Permission::Full);
    });
    let site = site.await;
    let token = format!("{}.{}", site.key.credential, site.secret.reveal());
    let who = world.access.authenticate_bearer(crate::world::origin(Channel::Rest), &token).await.unwrap();
    let admin = world.access.admin(&who).unwrap();
    assert_eq!(admin.actor(), format!("key:{}", site.key.id));
    assert_eq!(world.admin.actor(), "user:admin");
    world.person(world.admin.site(), "member", Role::Member).await;
    let member = world.sign_in("member").await;
    assert_eq!(denial(world.access.admin(&member)), Denial::Policy(DenyReason::NotGranted));
    assert!(world.access.visible_storages(&member).unwrap().is_empty());
    assert_ne!(member.site(), SiteId::from_u128(0));
}
