//! A key that may write and not read learns nothing of what exists.

use portcullis_access::{
    AccessError, BackendErrorKind, CompleteOptions, CompletedPart, Delete, Denial, EtagCondition, Get, List,
    PartOptions, Put, PutOptions, PutOutcome, UploadId, UploadOptions, UploadsAfter, VersionsAfter,
    WriteConditions,
};
use portcullis_domain::{KeyPrefix, Overwrite, Permission};

use crate::world::{World, denial, full, object, put, read};

fn shape(outcome: &PutOutcome) -> (u64, String, bool) {
    (outcome.size, outcome.etag.to_string(), outcome.checksum.is_some())
}

#[tokio::test]
async fn what_exists_and_what_does_not_answer_alike() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    for rule in [Overwrite::KeepPrevious, Overwrite::CreateOnly] {
        put(&owner, "there", "precious").await;
        let dropbox =
            world.key(&storage, |key| (key.permission, key.overwrite) = (Permission::Write, rule)).await;
        let at = world.at(&dropbox, &storage).await;
        let missing = format!("missing-{rule}");
        let mut told = Vec::new();
        for key in ["there", &missing] {
            assert!(!at.grant::<Put>(object(key)).unwrap().may_look());
            let outcome =
                at.grant::<Put>(object(key)).unwrap().put(full("mine"), PutOptions::default()).await.unwrap();
            told.push(shape(&outcome));
            for conditions in [
                WriteConditions { if_absent: true, if_match: None },
                WriteConditions { if_absent: false, if_match: Some(EtagCondition::Any) },
            ] {
                let options = PutOptions { conditions, ..PutOptions::default() };
                let refused = at.grant::<Put>(object(key)).unwrap().put(full("mine"), options).await;
                assert_eq!(denial(refused), Denial::ConditionalWrite);
            }
            assert!(at.grant::<Get>(object(key)).is_err());
            assert!(at.grant::<Delete>(object(key)).is_err());
        }
        assert_eq!(told[0], told[1]);
        let now = read(&owner, "there").await.unwrap();
        assert_eq!(now, if rule == Overwrite::CreateOnly { "precious" } else { "mine" });
        let versions = owner.grant::<List>(KeyPrefix::parse("there").unwrap()).unwrap();
        let versions =
            versions.versions(VersionsAfter { limit: 100, ..VersionsAfter::default() }).await.unwrap();
        assert!(versions.versions.len() > 1, "both were kept");
    }
}

#[tokio::test]
async fn whatever_the_protocol_asks_a_write_only_key_destroys_nothing() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    put(&owner, "there", "precious").await;
    let holder = world.key(&storage, |key| key.permission = Permission::Write).await;
    let at = world.at(&holder, &storage).await;
    let destroy = PutOptions { overwrite: Some(Overwrite::Replace), ..PutOptions::default() };
    at.grant::<Put>(object("there")).unwrap().put(full("mine"), destroy).await.unwrap();
    let upload =
        at.grant::<Put>(object("there")).unwrap().create_upload(UploadOptions::default()).await.unwrap();
    let part = at.grant::<Put>(object("there")).unwrap();
    let part = part.upload_part(&upload, 1, full("parts"), PartOptions::default()).await.unwrap();
    let parts = [CompletedPart { number: 1, etag: part.etag.to_string(), checksum: None }];
    let destroy = CompleteOptions { overwrite: Some(Overwrite::Replace), ..CompleteOptions::default() };
    at.grant::<Put>(object("there")).unwrap().complete_upload(&upload, &parts, destroy).await.unwrap();
    let again = CompleteOptions::default();
    at.grant::<Put>(object("there")).unwrap().complete_upload(&upload, &parts, again).await.unwrap();
    let versions = owner.grant::<List>(KeyPrefix::default()).unwrap();
    let versions = versions.versions(VersionsAfter { limit: 100, ..VersionsAfter::default() }).await.unwrap();
    let sizes: Vec<_> = versions.versions.iter().map(|version| version.object.size).collect();
    assert_eq!(sizes, [5, 4, 8], "newest first, all kept");
}

#[tokio::test]
async fn uploads_of_others_do_not_exist() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let owner = world.key(&storage, |_| {}).await;
    let owner = world.at(&owner, &storage).await;
    let key = || object("big");
    let foreign = owner.grant::<Put>(key()).unwrap().create_upload(UploadOptions::default()).await.unwrap();
    let holder = world.key(&storage, |key| key.permission = Permission::Write).await;
    let at = world.at(&holder, &storage).await;
    let never = UploadId("never".into());
    for upload in [&foreign, &never] {
        let outcomes = [
            at.grant::<Put>(key()).unwrap().list_parts(upload, 0, 10).await.map(drop),
            at.grant::<Put>(key()).unwrap().upload_meta(upload).await.map(drop),
            at.grant::<Put>(key())
                .unwrap()
                .upload_part(upload, 1, full("x"), PartOptions::default())
                .await
                .map(drop),
            at.grant::<Put>(key())
                .unwrap()
                .complete_upload(upload, &[], CompleteOptions::default())
                .await
                .map(drop),
            at.grant::<Put>(key()).unwrap().abort_upload(upload).await,
        ];
        for outcome in outcomes {
            let Err(AccessError::Backend(error)) = outcome else { panic!("{outcome:?}") };
            assert_eq!(error.kind, BackendErrorKind::NoSuchUpload);
        }
    }
    let own = at.grant::<Put>(key()).unwrap().create_upload(UploadOptions::default()).await.unwrap();
    let page = || UploadsAfter { limit: 10, ..UploadsAfter::default() };
    let ids =
        |page: portcullis_access::UploadsPage| page.uploads.into_iter().map(|u| u.upload).collect::<Vec<_>>();
    assert_eq!(ids(at.own_uploads(KeyPrefix::default(), page()).await.unwrap()), std::slice::from_ref(&own));
    let all = owner.grant::<List>(KeyPrefix::default()).unwrap().uploads(page()).await.unwrap();
    assert_eq!(ids(all).len(), 2);
    owner.grant::<Put>(key()).unwrap().abort_upload(&own).await.unwrap();
}

#[tokio::test]
async fn a_client_cannot_claim_another_owner_for_its_upload() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (one, two) = (
        world.key(&storage, |key| key.permission = Permission::Write).await,
        world.key(&storage, |key| key.permission = Permission::Write).await,
    );
    let options = UploadOptions { owner: Some(two.key.id), ..UploadOptions::default() };
    let at = world.at(&one, &storage).await;
    let upload = at.grant::<Put>(object("big")).unwrap().create_upload(options).await.unwrap();
    let meta = at.grant::<Put>(object("big")).unwrap().upload_meta(&upload).await.unwrap();
    assert_eq!(meta.owner, Some(one.key.id));
}
