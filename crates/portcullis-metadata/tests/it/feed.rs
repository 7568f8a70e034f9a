//! The change feed and its hint.

use std::time::Duration;

use portcullis_domain::UserState;
use portcullis_metadata::{ChangeKind, Metadata, MetadataErrorKind, StoredSecret};
use tokio::time::timeout;

use crate::world::{World, at, key_for, new_storage, new_user, session, set_state, site};

const SOON: Duration = Duration::from_secs(20);

async fn since(metadata: &Metadata, seq: i64) -> Vec<(ChangeKind, String)> {
    let changes = metadata.changes_after(seq, 1_000).await.unwrap();
    assert!(changes.iter().zip(seq + 1..).all(|(change, expected)| change.seq == expected), "{changes:?}");
    assert_eq!(metadata.latest_change().await.unwrap(), changes.last().map_or(seq, |change| change.seq));
    changes.into_iter().map(|change| (change.kind, change.id)).collect()
}

pub(crate) async fn every_change_is_in_the_feed(world: &World) {
    let metadata = world.open().await;
    assert_eq!(since(&metadata, 0).await, []);
    let main = site("main");
    let admin = metadata.create_site_with_admin(&main, new_user(main.id, "admin")).await.unwrap().unwrap();
    let user = (ChangeKind::User, admin.id.to_string());
    assert_eq!(since(&metadata, 0).await, [(ChangeKind::Site, main.id.to_string()), user.clone()]);

    metadata.set_password(admin.id, "x").await.unwrap();
    set_state(&metadata, admin.id, UserState::Active).await;
    let ada = metadata.create_user(new_user(main.id, "ada")).await.unwrap();
    assert_eq!(since(&metadata, 2).await, [user.clone(), user, (ChangeKind::User, ada.id.to_string())]);

    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    metadata.update_storage_if_same(&storage, &storage).await.unwrap();
    let key = key_for(&storage, "key");
    metadata.create_key(&key, &StoredSecret::Hash([1; 32])).await.unwrap();
    metadata.update_key_if_same(&key, &key).await.unwrap();
    metadata.delete_key(key.id, at(9)).await.unwrap();
    let of_storage = (ChangeKind::Storage, storage.id.to_string());
    let of_key = (ChangeKind::Key, key.id.to_string());
    let expected = [of_storage.clone(), of_storage, of_key.clone(), of_key.clone(), of_key];
    assert_eq!(since(&metadata, 5).await, expected);

    let mut sessions = Vec::new();
    for token in 0..3 {
        let session = session(ada.id, token, 100);
        metadata.create_session(&session, None).await.unwrap();
        sessions.push(session.id.to_string());
    }
    metadata.delete_session(sessions[0].parse().unwrap()).await.unwrap();
    metadata.delete_sessions_of(ada.id).await.unwrap();
    let mut ended: Vec<String> = since(&metadata, 10).await.into_iter().map(|(_, id)| id).collect();
    ended[1..].sort();
    assert_eq!(ended, sessions);

    // What changed nothing is not in it.
    metadata.delete_key(key.id, at(9)).await.unwrap();
    metadata.delete_sessions_of(ada.id).await.unwrap();
    assert!(metadata.update_key_if_same(&key, &key).await.is_err());
    assert!(metadata.create_user(new_user(main.id, "ada")).await.is_err());
    assert_eq!(since(&metadata, 13).await, []);
    let two: Vec<i64> = metadata.changes_after(4, 2).await.unwrap().iter().map(|change| change.seq).collect();
    assert_eq!(two, [5, 6]);
}

pub(crate) async fn a_purged_feed_says_so(world: &World) {
    let (metadata, site, _) = world.home().await;
    for n in 0..8 {
        metadata.create_user(new_user(site.id, &format!("user{n}"))).await.unwrap();
    }
    assert_eq!(metadata.purge_changes(4).await.unwrap(), 3);
    assert_eq!(metadata.purge_changes(2).await.unwrap(), 0);
    assert_eq!(since(&metadata, 3).await.len(), 7);
    for lost in [-1, 0, 2] {
        let error = metadata.changes_after(lost, 10).await.unwrap_err();
        assert_eq!(error.kind, MetadataErrorKind::FeedGap, "{lost}");
    }
    // A number that this database never reached: it was restored from a backup.
    assert_eq!(metadata.changes_after(11, 10).await.unwrap_err().kind, MetadataErrorKind::FeedGap);
    assert_eq!(since(&metadata, 10).await, []);
    // Purging everything keeps the count.
    assert_eq!(metadata.purge_changes(1_000).await.unwrap(), 7);
    assert_eq!(since(&metadata, 10).await, []);
    metadata.create_user(new_user(site.id, "last")).await.unwrap();
    assert_eq!(since(&metadata, 10).await.len(), 1);
}

pub(crate) async fn the_hint_arrives(world: &World) {
    let (metadata, site, _) = world.home().await;
    let mut own = metadata.watch();
    assert_eq!(*own.borrow_and_update(), 2);
    metadata.create_user(new_user(site.id, "one")).await.unwrap();
    assert_eq!(*timeout(SOON, own.wait_for(|seq| *seq >= 3)).await.unwrap().unwrap(), 3);
    if world.dir.is_some() {
        return;
    }

    // Another node's commits are heard too. It listens from before the first hint on, so the second is a notification.
    let other = world.open().await;
    let mut heard = other.watch();
    for seq in [4, 5] {
        metadata.create_user(new_user(site.id, &format!("user{seq}"))).await.unwrap();
        timeout(SOON, heard.wait_for(|known| *known >= seq)).await.unwrap().unwrap();
    }
    // And also after the server cut the connections that listen.
    let cut = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
               WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    assert_eq!(world.numbers(cut).await, [2]);
    for seq in [6, 7] {
        metadata.create_user(new_user(site.id, &format!("user{seq}"))).await.unwrap();
        timeout(SOON, heard.wait_for(|known| *known >= seq)).await.unwrap().unwrap();
    }
    timeout(SOON, other.close()).await.unwrap();
}
