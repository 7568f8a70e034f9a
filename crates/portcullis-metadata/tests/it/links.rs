//! Links, and calls that are made once.

use futures_util::future::join_all;
use portcullis_domain::{
    KeyPrefix, Link, LinkId, LinkState, LinkTarget, NetworkEntry, Networks, ObjectKey, Permission, Storage,
};
use portcullis_metadata::{
    ChangeKind, Claim, LinkFilter, Metadata, MetadataErrorKind, PageRequest, ShareCount,
};

use crate::sites::below;
use crate::world::{World, at, name, new_storage};

pub(crate) fn link(storage: &Storage, text: &str) -> Link {
    Link {
        id: LinkId::generate(),
        site: storage.site,
        storage: storage.id,
        name: name(text),
        target: LinkTarget::Folder(KeyPrefix::parse("in/ü%/").unwrap()),
        permission: Permission::Read,
        networks: Networks::anywhere(),
        expires: None,
        has_password: false,
        max_downloads: None,
        downloads: 0,
        state: LinkState::Active,
        created: at(6),
    }
}

async fn kinds(metadata: &Metadata, seen: i64) -> Vec<(ChangeKind, String)> {
    let changes = metadata.changes_after(seen, 100).await.unwrap();
    changes.into_iter().map(|change| (change.kind, change.id)).collect()
}

pub(crate) async fn a_link_round_trip(world: &World) {
    let (metadata, main, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let mut file = Link {
        target: LinkTarget::File(ObjectKey::parse("in//a.txt").unwrap()),
        networks: Networks::new(vec![NetworkEntry::parse("198.51.100.0/24", "desk").unwrap()]).unwrap(),
        expires: Some(at(100)),
        has_password: true,
        max_downloads: Some(u32::MAX),
        ..link(&storage, "A file")
    };
    let open = link(&storage, "A folder");
    let seen = metadata.latest_change().await.unwrap();
    metadata.create_link(&file, &[1; 32], Some("$argon2id$link")).await.unwrap();
    metadata.create_link(&open, &[2; 32], None).await.unwrap();
    let noted = |link: &Link| (ChangeKind::Link, link.id.to_string());
    assert_eq!(kinds(&metadata, seen).await, [noted(&file), noted(&open)]);
    assert_eq!(metadata.link(file.id).await.unwrap(), Some(file.clone()));
    let phc = Some("$argon2id$link".to_owned());
    assert_eq!(metadata.link_by_token(&[1; 32]).await.unwrap(), Some((file.clone(), phc.clone())));
    assert_eq!(metadata.link_by_token(&[2; 32]).await.unwrap(), Some((open.clone(), None)));
    assert_eq!(metadata.link_by_token(&[3; 32]).await.unwrap(), None);
    assert_eq!(metadata.all_links().await.unwrap(), [file.clone(), open.clone()]);
    let error = metadata.create_link(&link(&storage, "again"), &[1; 32], None).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("token"));
    let child = below(&main, "child");
    metadata.create_site(&child).await.unwrap();
    let across = Link { site: child.id, ..link(&storage, "across") };
    let error = metadata.create_link(&across, &[4; 32], None).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::NotFound);

    // A download in between makes nothing stale; another change does.
    assert!(metadata.count_download(file.id).await.unwrap());
    let after = Link {
        name: name("Büro"),
        networks: Networks::anywhere(),
        expires: None,
        max_downloads: Some(2),
        ..file.clone()
    };
    metadata.update_link(&file, &after, None).await.unwrap();
    assert_eq!(metadata.update_link(&file, &after, None).await.unwrap_err().kind, MetadataErrorKind::Stale);
    file = Link { downloads: 1, ..after };
    assert_eq!(metadata.link_by_token(&[1; 32]).await.unwrap(), Some((file.clone(), phc)));
    metadata.update_link(&file, &file, Some(Some("$argon2id$new"))).await.unwrap();
    assert_eq!(metadata.link_by_token(&[1; 32]).await.unwrap().unwrap().1.as_deref(), Some("$argon2id$new"));
    metadata.update_link(&file, &file, Some(None)).await.unwrap();
    file.has_password = false;
    assert_eq!(metadata.link_by_token(&[1; 32]).await.unwrap(), Some((file.clone(), None)));

    let filter = LinkFilter::of(main.id);
    let found = async |filter: LinkFilter| {
        let page = metadata.links_page(&filter, &PageRequest::first(9)).await.unwrap();
        page.items.into_iter().map(|link| link.id).collect::<Vec<_>>()
    };
    assert!(metadata.end_link(open.id).await.unwrap());
    assert!(!metadata.end_link(open.id).await.unwrap());
    assert!(!metadata.end_link(LinkId::generate()).await.unwrap());
    assert_eq!(metadata.link(open.id).await.unwrap().unwrap().state, LinkState::Ended);
    assert_eq!(metadata.link_by_token(&[2; 32]).await.unwrap().unwrap().0.state, LinkState::Ended);
    assert_eq!(metadata.all_links().await.unwrap(), std::slice::from_ref(&file));
    let ended = metadata.update_link(&open, &open, None).await.unwrap_err();
    assert_eq!(ended.kind, MetadataErrorKind::NotFound);
    assert_eq!(found(filter.clone()).await, [file.id, open.id]);
    assert_eq!(found(LinkFilter { only_active: true, ..filter.clone() }).await, [file.id]);
    let searched = |text: &str| LinkFilter { search: Some(text.to_owned()), ..filter.clone() };
    assert_eq!(found(searched("BÜRO")).await, [file.id]);
    assert_eq!(found(searched("Ü%/")).await, [open.id], "what it leads to is searched too");
    assert_eq!(found(LinkFilter { storage: Some(storage.id), ..filter.clone() }).await.len(), 2);
    let first = metadata.links_page(&filter, &PageRequest::first(1)).await.unwrap();
    let rest = PageRequest { limit: 1, after: first.next };
    assert_eq!(metadata.links_page(&filter, &rest).await.unwrap().items[0].id, open.id);
}

pub(crate) async fn a_limit_of_downloads_holds(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let limited = Link { max_downloads: Some(3), expires: Some(at(50)), ..link(&storage, "three") };
    let open = link(&storage, "any number");
    metadata.create_link(&limited, &[1; 32], None).await.unwrap();
    metadata.create_link(&open, &[2; 32], None).await.unwrap();
    let nodes = [metadata.clone(), world.open().await];
    let won = join_all((0..12).map(|n| nodes[n % 2].count_download(limited.id))).await;
    assert_eq!(won.into_iter().filter(|won| *won.as_ref().unwrap()).count(), 3);
    assert_eq!(metadata.link(limited.id).await.unwrap().unwrap().downloads, 3);
    let won = join_all((0..6).map(|n| nodes[n % 2].count_download(open.id))).await;
    assert!(won.into_iter().all(Result::unwrap));
    world.execute("UPDATE share_links SET downloads = 4294967295 WHERE max_downloads IS NULL").await;
    assert!(metadata.count_download(open.id).await.unwrap());
    assert_eq!(metadata.link(open.id).await.unwrap().unwrap().downloads, u32::MAX);
    let counted = async |seconds| metadata.share_counts(&[storage.id], at(seconds)).await.unwrap();
    assert_eq!(counted(49).await, [ShareCount { storage: storage.id, people: 0, links: 2 }]);
    assert_eq!(counted(50).await, [ShareCount { storage: storage.id, people: 0, links: 1 }]);
    metadata.end_link(open.id).await.unwrap();
    assert!(!metadata.count_download(open.id).await.unwrap());
    assert!(!metadata.count_download(LinkId::generate()).await.unwrap());
    assert_eq!(counted(50).await, []);
}

pub(crate) async fn a_call_is_claimed_once(world: &World) {
    let metadata = world.open().await;
    let nodes = [metadata.clone(), world.open().await];
    let (key, request) = ([1; 32], [2; 32]);
    let claims = join_all((0..8).map(|n| nodes[n % 2].claim_call(&key, &request, at(5)))).await;
    let mut claims: Vec<Claim> = claims.into_iter().map(Result::unwrap).collect();
    claims.sort_by_key(|claim| *claim != Claim::New);
    assert_eq!(claims[0], Claim::New);
    assert!(claims[1..].iter().all(|claim| *claim == Claim::Same { location: None }), "{claims:?}");
    assert_eq!(metadata.claim_call(&key, &[3; 32], at(6)).await.unwrap(), Claim::Other);
    // What made nothing may be sent again.
    metadata.drop_call(&key).await.unwrap();
    assert_eq!(metadata.claim_call(&key, &request, at(7)).await.unwrap(), Claim::New);
    metadata.finish_call(&key, "/api/v1/keys/7").await.unwrap();
    metadata.drop_call(&key).await.unwrap();
    let made = Claim::Same { location: Some("/api/v1/keys/7".to_owned()) };
    assert_eq!(metadata.claim_call(&key, &request, at(8)).await.unwrap(), made);
    metadata.finish_call(&[9; 32], "/nowhere").await.unwrap();
    assert_eq!(metadata.claim_call(&[9; 32], &request, at(9)).await.unwrap(), Claim::New);
    assert_eq!(metadata.purge_calls(at(7)).await.unwrap(), 0);
    assert_eq!(metadata.purge_calls(at(8)).await.unwrap(), 1);
    assert_eq!(metadata.claim_call(&key, &request, at(10)).await.unwrap(), Claim::New);
}
