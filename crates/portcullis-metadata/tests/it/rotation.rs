//! Keys that get other credentials.

use portcullis_domain::{CredentialId, Key, KeyId, KeyState};
use portcullis_metadata::{KeyFilter, KeyUse, MetadataErrorKind, PageRequest, SealedOwner, StoredSecret};

use crate::world::{World, at, key_for, new_storage};

fn credential(seed: u8) -> CredentialId {
    CredentialId::from_entropy([seed; 16])
}

pub(crate) async fn a_rotated_key_keeps_everything_but_its_credentials(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "nightly");
    let other = key_for(&storage, "other");
    metadata.create_key(&key, &StoredSecret::Sealed(vec![1; 40])).await.unwrap();
    metadata.create_key(&other, &StoredSecret::Sealed(vec![7; 40])).await.unwrap();
    let used = KeyUse { key: key.id, at: at(3), peer: [192, 0, 2, 1].into(), tool: "rclone".to_owned() };
    metadata.record_use(std::slice::from_ref(&used)).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();

    let (fresh, grave) = (credential(9), KeyId::generate());
    let secret = StoredSecret::Sealed(vec![2; 40]);
    metadata.rotate_key(key.id, fresh, &secret, grave, at(5)).await.unwrap();
    let rotated = Key { credential: fresh, ..key.clone() };
    assert_eq!(metadata.key_with_secret(key.id).await.unwrap(), Some((rotated.clone(), secret.clone())));
    let tombstone = Key { id: grave, state: KeyState::Deleted, ..key.clone() };
    assert_eq!(metadata.key_with_secret(grave).await.unwrap(), Some((tombstone, StoredSecret::None)));
    assert_eq!(
        world.numbers("SELECT deleted_us FROM keys WHERE deleted_us IS NOT NULL").await,
        [at(5).micros()]
    );
    let changes = metadata.changes_after(seen, 10).await.unwrap();
    let ids: Vec<String> = changes.into_iter().map(|change| change.id).collect();
    assert_eq!(ids, [key.id.to_string(), grave.to_string()], "the living before the dead");

    // The lists, the search and the master key's exchange know only the new one.
    let all = KeyFilter::of(site.id);
    let listed = metadata.keys(&all, &PageRequest::first(10)).await.unwrap().items;
    assert_eq!(listed, [rotated.clone(), other.clone()]);
    for (search, found) in [(fresh, vec![rotated]), (key.credential, vec![])] {
        let filter = KeyFilter { search: Some(search.to_string()), ..all.clone() };
        assert_eq!(metadata.keys(&filter, &PageRequest::first(10)).await.unwrap().items, found);
    }
    assert_eq!(metadata.sealed().await.unwrap()[0], (SealedOwner::Key(key.id), vec![2; 40]));
    assert_eq!(metadata.last_use(&[key.id]).await.unwrap(), [used]);

    // The old credential is given to nobody again, neither by making nor by rotating.
    let again = Key { credential: key.credential, ..key_for(&storage, "again") };
    let error = metadata.create_key(&again, &secret).await.unwrap_err();
    assert_eq!(error.kind, MetadataErrorKind::Conflict("credential"));
    let error = metadata.rotate_key(other.id, key.credential, &secret, KeyId::generate(), at(6)).await;
    assert_eq!(error.unwrap_err().kind, MetadataErrorKind::Conflict("credential"));
    assert_eq!(
        metadata.key_with_secret(other.id).await.unwrap(),
        Some((other, StoredSecret::Sealed(vec![7; 40]))),
        "what was refused changed nothing"
    );
}

pub(crate) async fn what_is_gone_is_not_rotated(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "key");
    metadata.create_key(&key, &StoredSecret::Hash([1; 32])).await.unwrap();
    metadata.delete_key(key.id, at(4)).await.unwrap();
    let seen = metadata.latest_change().await.unwrap();
    for id in [key.id, KeyId::generate()] {
        let rotated = metadata
            .rotate_key(id, credential(9), &StoredSecret::Hash([2; 32]), KeyId::generate(), at(5))
            .await;
        assert_eq!(rotated.unwrap_err().kind, MetadataErrorKind::NotFound);
    }
    assert_eq!(metadata.all_keys().await.unwrap().len(), 1);
    assert_eq!(metadata.latest_change().await.unwrap(), seen);
}

/// Of two rotations at once both come about, one after the other; the credentials of the first are dead after the second.
pub(crate) async fn rotations_at_once_follow_each_other(world: &World) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    let key = key_for(&storage, "key");
    metadata.create_key(&key, &StoredSecret::Hash([0; 32])).await.unwrap();
    let second = world.open().await;
    let rotate = async |metadata: &portcullis_metadata::Metadata, seed: u8| {
        let secret = StoredSecret::Hash([seed; 32]);
        metadata.rotate_key(key.id, credential(seed), &secret, KeyId::generate(), at(5)).await.unwrap();
    };
    tokio::join!(rotate(&metadata, 8), rotate(&second, 9));
    let all = metadata.all_keys().await.unwrap();
    let living: Vec<_> = all.iter().filter(|(key, _)| key.state == KeyState::Active).collect();
    let (winner, secret) = living[0];
    assert_eq!((all.len(), living.len(), winner.id), (3, 1, key.id));
    let seed = if winner.credential == credential(8) { 8 } else { 9 };
    assert_eq!(
        (winner.credential, secret),
        (credential(seed), &StoredSecret::Hash([seed; 32])),
        "not a mixture"
    );
    second.close().await;
}
