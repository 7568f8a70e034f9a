//! Public keys of SSH, with which clients of SFTP show who they are.

use std::time::Duration;

use portcullis_access::{AccessError, Denial, List, Principal};
use portcullis_domain::{Channel, DenyReason, KeyPrefix, Permission, SshPublicKey};

use crate::channel_keys::login;
use crate::world::{World, denial, ip, origin};

fn public_key(seed: u8) -> SshPublicKey {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([seed; 32]);
    SshPublicKey::from_blob(&blob).unwrap()
}

impl World {
    fn shows(&self, name: &str, seed: u8) -> Result<Principal, AccessError> {
        self.access.authenticate_public_key(origin(Channel::Ftp), name, &public_key(seed))
    }
}

#[tokio::test]
async fn only_registered_ones_and_only_while_they_are() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let change = |key: &mut portcullis_domain::Key| {
        (key.channel, key.login) = (Channel::Ftp, login("backup"));
        key.public_keys = vec![public_key(1), public_key(2)];
    };
    let holder = world.key(&storage, change).await;
    let other =
        world.key(&storage, |key| (key.channel, key.public_keys) = (Channel::Ftp, vec![public_key(3)])).await;
    for name in ["backup", "BACKUP", holder.key.credential.as_str()] {
        assert_eq!(world.shows(name, 1).unwrap().key_id(), Some(holder.key.id), "{name}");
    }
    for (name, seed) in [("backup", 3), ("backup", 4), ("nobody", 1), (other.key.credential.as_str(), 1)] {
        assert_eq!(denial(world.shows(name, seed)), Denial::BadSecret, "{name} {seed}");
    }
    let page = world.access.authenticate_public_key(origin(Channel::Http), "backup", &public_key(1));
    assert_eq!(denial(page), Denial::BadSecret);
    assert_eq!(
        world.reasons().await[..5],
        ["unknown_key", "bad_secret", "unknown_key", "bad_secret", "bad_secret"]
    );

    // Who came with one that is taken away is gone, in the middle of whatever they do; the others stay.
    let (first, second) = (world.shows("backup", 1).unwrap(), world.shows("backup", 2).unwrap());
    let at = world.access.storage_by_id(&first, storage.id).await.unwrap();
    let listing = at.grant::<List>(KeyPrefix::default()).unwrap();
    assert!(listing.page(None, None, 10).await.is_ok());
    world.change(&holder, |key| key.public_keys = vec![public_key(2)]).await;
    let replaced = Denial::Policy(DenyReason::CredentialsReplaced);
    assert_eq!(denial(world.access.still(&first)), replaced);
    assert_eq!(denial(listing.page(None, None, 10).await), replaced);
    assert!(at.grant::<List>(KeyPrefix::default()).is_err());
    assert!(world.access.still(&second).is_ok());
    assert_eq!(denial(world.shows("backup", 1)), Denial::BadSecret);

    world
        .change(&holder, |key| (key.permission, key.public_keys) = (Permission::None, vec![public_key(2)]))
        .await;
    assert_eq!(denial(world.access.still(&second)), Denial::Policy(DenyReason::KeyDisabled));
    assert_eq!(denial(world.shows("backup", 2)), Denial::BadSecret);
    assert_eq!(world.reasons().await[0], "key_disabled");
    world.delete(&holder).await;
    assert_eq!(denial(world.shows("backup", 2)), Denial::BadSecret);
    assert_eq!(world.reasons().await[0], "key_deleted");
}

#[tokio::test]
async fn showing_one_after_the_other_is_slowed_down_apart_from_secrets() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world
        .key(&storage, |key| {
            (key.channel, key.login) = (Channel::Ftp, login("backup"));
            key.public_keys = vec![public_key(1)];
        })
        .await;
    for seed in 2..12 {
        assert_eq!(denial(world.shows("backup", seed)), Denial::BadSecret);
    }
    assert!(matches!(world.shows("backup", 1), Err(AccessError::Throttled { .. })));
    let from = origin(Channel::Ftp);
    assert!(world.access.authenticate_password(from, "backup", &holder.secret).await.is_ok());
    let elsewhere = portcullis_access::Origin { peer: ip("198.51.100.9"), ..from };
    assert!(world.access.authenticate_public_key(elsewhere, "backup", &public_key(1)).is_ok());
    world.clock.advance(Duration::from_secs(2));
    assert!(world.shows("backup", 1).is_ok());
    assert!(world.shows("backup", 1).is_ok(), "and a success clears it");
}
