//! Keys that get other credentials.

use portcullis_domain::{CredentialId, Key, KeyState, Timestamp};
use portcullis_metadata::{
    KeyFilter, KeyUse, Metadata, MetadataErrorKind, NewSecret, PageRequest, RetiredSecret, SealedOwner,
    StoredSecret,
};

use crate::world::{World, at, key_for, new_storage};

pub(crate) fn credential(seed: u8) -> CredentialId {
    CredentialId::from_entropy([seed; 16])
}

pub(crate) fn sealed(seed: u8) -> StoredSecret {
    StoredSecret::Sealed(vec![seed; 40])
}

pub(crate) fn pair(seed: u8) -> NewSecret {
    NewSecret { credential: credential(seed), login: None, stored: sealed(seed) }
}

/// A key whose first secret is `sealed(1)`.
pub(crate) async fn key_in(world: &World) -> (Metadata, Key) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "nightly");
    metadata.create_key(&key, &sealed(1)).await.unwrap();
    (metadata, key)
}

pub(crate) fn retired(key: &Key, stored: StoredSecret, at: Timestamp, until: Timestamp) -> RetiredSecret {
    let (generation, credential) = (key.generation, key.credential);
    let login = key.login.clone();
    RetiredSecret {
        key: key.id,
        generation,
        credential,
        login,
        stored,
        retired: at,
        until,
        ended: until <= at,
    }
}

pub(crate) async fn a_rotated_key_keeps_everything_but_its_credentials(world: &World) {
    let (metadata, key) = key_in(world).await;
    let other = Key { id: portcullis_domain::KeyId::generate(), credential: credential(77), ..key.clone() };
    metadata.create_key(&other, &sealed(7)).await.unwrap();
    let used = KeyUse { key: key.id, at: at(3), peer: [192, 0, 2, 1].into(), tool: "rclone".to_owned() };
    metadata.record_use(std::slice::from_ref(&used)).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();

    metadata.rotate_key(key.id, 0, &pair(9), at(5), at(5)).await.unwrap();
    let rotated = Key { credential: credential(9), generation: 1, ..key.clone() };
    assert_eq!(metadata.key_with_secret(key.id).await.unwrap(), Some((rotated.clone(), sealed(9))));
    let old = retired(&key, sealed(1), at(5), at(5));
    assert_eq!(metadata.retired_secrets(key.id).await.unwrap(), std::slice::from_ref(&old));
    assert_eq!(metadata.all_retired_secrets().await.unwrap(), [old]);
    let changes = metadata.changes_after(seen, 10).await.unwrap();
    let ids: Vec<String> = changes.into_iter().map(|change| change.id).collect();
    assert_eq!(ids, [key.id.to_string()]);

    // The lists and the search know only the new one.
    let all = KeyFilter::of(key.site);
    let listed = metadata.keys(&all, &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(listed, [rotated.clone(), other.clone()]);
    for (search, found) in [(credential(9), vec![rotated]), (key.credential, vec![])] {
        let filter = KeyFilter { search: Some(search.to_string()), ..all.clone() };
        assert_eq!(metadata.keys(&filter, &PageRequest::first(10)).await.unwrap().items, found);
    }
    assert_eq!(metadata.last_use(&[key.id]).await.unwrap(), [used]);
    // The exchange of the master key knows the old one too: it still tells who knocks.
    let kept = metadata.sealed().await.unwrap();
    assert!(kept.contains(&(SealedOwner::Key(key.id), vec![9; 40])), "{kept:?}");
    assert!(kept.iter().any(|(_, bytes)| *bytes == vec![1; 40]), "{kept:?}");

    // The old credential is given to nobody again, neither by making nor by rotating.
    let again = Key { id: portcullis_domain::KeyId::generate(), credential: key.credential, ..other.clone() };
    let error = metadata.create_key(&again, &sealed(3)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("credential"));
    let taken = NewSecret { credential: key.credential, login: None, stored: sealed(3) };
    let error = metadata.rotate_key(other.id, 0, &taken, at(6), at(6)).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("credential"));
    let unchanged = metadata.key_with_secret(other.id).await.unwrap();
    assert_eq!(unchanged, Some((other, sealed(7))), "what was refused changed nothing");
}

/// The same access key with a second secret, again and again.
pub(crate) async fn an_access_key_may_stay(world: &World) {
    let (metadata, key) = key_in(world).await;
    for generation in 0..3_u8 {
        let new = NewSecret { credential: key.credential, login: None, stored: sealed(generation + 2) };
        let now = at(i64::from(generation) + 5);
        metadata.rotate_key(key.id, u32::from(generation), &new, now, now).await.unwrap();
    }
    let (now, secret) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
    assert_eq!((now.credential, now.generation, secret), (key.credential, 3, sealed(4)));
    let old = metadata.retired_secrets(key.id).await.unwrap();
    let told: Vec<_> = old.iter().map(|old| (old.generation, old.credential, old.stored.clone())).collect();
    assert_eq!(
        told,
        [(2, key.credential, sealed(3)), (1, key.credential, sealed(2)), (0, key.credential, sealed(1))],
        "the latest first"
    );
}

pub(crate) async fn what_is_gone_is_not_rotated(world: &World) {
    let (metadata, key) = key_in(world).await;
    metadata.delete_key(key.id, at(4)).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();
    for id in [key.id, portcullis_domain::KeyId::generate()] {
        let rotated = metadata.rotate_key(id, 0, &pair(9), at(5), at(5)).await;
        assert_eq!(rotated.unwrap_err().kind, MetadataErrorKind::NotFound);
    }
    assert_eq!(metadata.all_keys().await.unwrap().len(), 1);
    assert_eq!(metadata.latest_change().await.unwrap(), seen);
}

/// Of two rotations at once one comes about; the other is told that the key is another now.
pub(crate) async fn one_of_two_rotations_at_once_comes_about(world: &World) {
    let (metadata, key) = key_in(world).await;
    let second = world.open().await;
    let (new, other) = (pair(8), pair(9));
    let (one, two) = tokio::join!(
        metadata.rotate_key(key.id, 0, &new, at(5), at(5)),
        second.rotate_key(key.id, 0, &other, at(5), at(5))
    );
    let (winner, refused) = if one.is_ok() { (8, two) } else { (9, one) };
    assert_eq!(refused.unwrap_err().kind, MetadataErrorKind::Stale);
    let (now, secret) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
    assert_eq!(
        (now.credential, now.generation, now.state, secret),
        (credential(winner), 1, KeyState::Active, sealed(winner)),
        "not a mixture"
    );
    assert_eq!(metadata.retired_secrets(key.id).await.unwrap().len(), 1);
    second.close().await;
}

/// What is kept of secrets goes after a while; that there were such credentials is remembered.
pub(crate) async fn old_secrets_are_forgotten(world: &World) {
    let (metadata, key) = key_in(world).await;
    metadata.rotate_key(key.id, 0, &pair(2), at(10), at(10)).await.unwrap();
    metadata.rotate_key(key.id, 1, &pair(3), at(500), at(20)).await.unwrap();
    assert_eq!(metadata.forget_secrets(at(10), 100).await.unwrap(), 0, "not so old yet");
    let seen = metadata.latest_change().await.unwrap();
    assert_eq!(metadata.forget_secrets(at(15), 100).await.unwrap(), 1);
    assert!(metadata.latest_change().await.unwrap() > seen, "the nodes hear of it");
    assert_eq!(metadata.forget_secrets(at(15), 100).await.unwrap(), 0);
    // One that still works is not erased, not even by a clock that is far ahead.
    assert_eq!(metadata.forget_secrets(at(9_000), 100).await.unwrap(), 0);
    let old = metadata.retired_secrets(key.id).await.unwrap();
    let told: Vec<_> = old.iter().map(|old| (old.credential, old.stored.clone())).collect();
    assert_eq!(told, [(credential(2), sealed(2)), (key.credential, StoredSecret::None)]);
    let due = metadata.overlaps_due(at(500), 100).await.unwrap().remove(0);
    assert!(metadata.settle_overlap(&due, at(500)).await.unwrap());
    assert_eq!(metadata.forget_secrets(at(501), 100).await.unwrap(), 1);
}
