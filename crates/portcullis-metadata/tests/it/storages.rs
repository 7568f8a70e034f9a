//! Storages.

use std::collections::BTreeSet;

use portcullis_domain::{
    ConnectionId, Label, NetworkEntry, Networks, Permission, Provider, StorageId, StorageState, UserId,
};
use portcullis_metadata::{MetadataErrorKind, NewStorage, PageRequest, StorageFilter};

use crate::world::{World, at, name, new_storage, new_user, site};

fn networks() -> Networks {
    let office = NetworkEntry::parse("203.0.113.0/24", "the \"office\"").unwrap();
    let range = NetworkEntry::parse("2001:db8::1-2001:db8::9", "").unwrap();
    Networks::new(vec![office, range]).unwrap()
}

pub(crate) async fn a_storage_round_trip(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let plain = metadata.create_storage(new_storage(&admin, "Photos")).await.unwrap();
    assert_eq!((plain.number, plain.bucket.as_str()), (1, "usr-10001-itm-00001-photos"));
    assert_eq!((plain.state, plain.quota_bytes), (StorageState::Active, None));
    assert_eq!((&plain.connection.endpoint, &plain.connection.bucket), (&None, &None));

    let full = NewStorage {
        label: Label::parse("nas-backup").unwrap(),
        provider: Provider::CloudflareR2,
        region: "auto".to_owned(),
        endpoint: Some("https://r2.example".to_owned()),
        bucket: Some("their-bucket".to_owned()),
        path_style: true,
        provider_credentials: Some(vec![7, 0, 255]),
        permission: Permission::Write,
        networks: networks(),
        s3_access: false,
        quota_bytes: Some(u64::MAX),
        ..new_storage(&admin, "NAS «Büro»")
    };
    assert!(!format!("{full:?}").contains("255"));
    let full = metadata.create_storage(full).await.unwrap();
    assert_eq!(full.bucket.as_str(), "usr-10001-itm-00002-nas-backup");
    assert_eq!(full.quota_bytes, Some(i64::MAX.unsigned_abs()));
    assert_eq!((full.networks.clone(), full.created), (networks(), at(2)));

    for storage in [&plain, &full] {
        assert_eq!(metadata.storage(storage.id).await.unwrap().as_ref(), Some(storage));
    }
    assert_eq!(metadata.storage(StorageId::generate()).await.unwrap(), None);
    assert_eq!(metadata.all_storages().await.unwrap(), [plain.clone(), full.clone()]);
    let page = metadata.storages(&StorageFilter::of(site.id), &PageRequest::first(10)).await.unwrap();
    assert_eq!((page.items, page.next), (vec![plain.clone(), full.clone()], None));
    assert_eq!(metadata.provider_credentials(full.id).await.unwrap(), Some(vec![7, 0, 255]));
    assert_eq!(metadata.provider_credentials(plain.id).await.unwrap(), None);
    assert_eq!(metadata.provider_credentials(StorageId::generate()).await.unwrap(), None);

    let nobody = NewStorage { owner: UserId::generate(), ..new_storage(&admin, "x") };
    assert_eq!(metadata.create_storage(nobody).await.unwrap_err().kind, MetadataErrorKind::NotFound);
    // What was refused used up no number.
    assert_eq!(metadata.create_storage(new_storage(&admin, "third")).await.unwrap().number, 3);
}

pub(crate) async fn what_may_change_of_a_storage(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let new = NewStorage { provider_credentials: Some(vec![1]), ..new_storage(&admin, "Before") };
    let kept = metadata.create_storage(new).await.unwrap();
    let mut changed = kept.clone();
    changed.name = name("After");
    changed.permission = Permission::None;
    changed.networks = networks();
    changed.s3_access = false;
    changed.quota_bytes = Some(0);
    let expected = changed.clone();
    // None of this may change, whatever a caller hands in.
    changed.number = 77;
    changed.label = Label::parse("other").unwrap();
    changed.connection.id = ConnectionId::generate();
    changed.connection.region = "moon".to_owned();
    metadata.update_storage_if_same(&kept, &changed).await.unwrap();
    assert_eq!(metadata.storage(kept.id).await.unwrap(), Some(expected.clone()));

    let find = |text: &str| StorageFilter { search: Some(text.to_owned()), ..StorageFilter::of(site.id) };
    let page = PageRequest::first(10);
    assert_eq!(
        metadata.storages(&find("AFTER"), &page).await.unwrap().items,
        std::slice::from_ref(&expected)
    );
    assert_eq!(
        metadata.storages(&find("itm-00001-before"), &page).await.unwrap().items,
        std::slice::from_ref(&expected)
    );

    assert_eq!(metadata.provider_credentials(kept.id).await.unwrap(), Some(vec![1]));
    let mut detached = expected.clone();
    detached.state = StorageState::Detached;
    detached.quota_bytes = None;
    metadata.update_storage_if_same(&expected, &detached).await.unwrap();
    assert_eq!(metadata.storage(kept.id).await.unwrap(), Some(detached.clone()));
    assert_eq!(metadata.provider_credentials(kept.id).await.unwrap(), None);
    let gone = StorageFilter { state: Some(StorageState::Active), ..StorageFilter::of(site.id) };
    assert_eq!(metadata.storages(&gone, &page).await.unwrap().items, []);
    let all = StorageFilter { state: Some(StorageState::Detached), ..StorageFilter::of(site.id) };
    assert_eq!(metadata.storages(&all, &page).await.unwrap().items, [detached.clone()]);

    detached.id = StorageId::generate();
    let unknown = metadata.update_storage_if_same(&detached, &detached).await.unwrap_err();
    assert_eq!(unknown.kind, MetadataErrorKind::NotFound);
}

pub(crate) async fn search_and_filters(world: &World) {
    let (metadata, main, admin) = world.home().await;
    for text in ["100% wool", "100 percent wool", "a_b", "axb", "a!b", "back\\slash", "BÜRO", "O'Brien"] {
        metadata.create_storage(new_storage(&admin, text)).await.unwrap();
    }
    let other = site("other");
    metadata.create_site(&other).await.unwrap();
    let theirs = metadata.create_user(new_user(other.id, "theirs")).await.unwrap();
    metadata.create_storage(new_storage(&theirs, "100% theirs")).await.unwrap();

    let all = "100% wool,100 percent wool,a_b,axb,a!b,back\\slash,BÜRO,O'Brien";
    let cases = [
        ("100%", "100% wool"),
        ("%", "100% wool"),
        ("a_b", "a_b"),
        ("_", "a_b"),
        ("!", "a!b"),
        ("\\", "back\\slash"),
        ("büro", "BÜRO"),
        ("'", "O'Brien"),
        ("WOOL", "100% wool,100 percent wool"),
        ("usr-10001-", all),
        ("a-b", "a_b,a!b"),
        ("  ", all),
        ("nothing\0", ""),
        (&"x".repeat(100_000), ""),
    ];
    for (search, expected) in cases {
        let filter = StorageFilter { search: Some(search.to_owned()), ..StorageFilter::of(main.id) };
        let found = metadata.storages(&filter, &PageRequest::first(100)).await.unwrap().items;
        let names: BTreeSet<_> = found.iter().map(|storage| storage.name.as_str()).collect();
        let expected: BTreeSet<_> = expected.split(',').filter(|name| !name.is_empty()).collect();
        assert_eq!(names, expected, "{:?}", search.get(..20).unwrap_or(search));
    }
    let bad = PageRequest { limit: 10, after: Some("' OR '1'='1".to_owned()) };
    let error = metadata.storages(&StorageFilter::of(main.id), &bad).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::BadCursor);
}
