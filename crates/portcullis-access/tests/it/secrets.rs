//! Secrets go in and do not come out.

use std::sync::Arc;

use portcullis_access::{
    Access, AccessConfig, Get, Grant, MasterKey, OpenError, StoredSecret, System, rotate_master_key,
};
use portcullis_backend::memory::MemoryDrivers;
use portcullis_domain::{Channel, ManualClock, Secret};
use portcullis_metadata::Metadata;

use crate::world::{PASSWORD, World, config, denial, master, object, origin, sign_in};

async fn reopen(
    world: &World,
    metadata: &Metadata,
    master: &MasterKey,
) -> Result<(Access, System), OpenError> {
    let clock = Arc::<ManualClock>::clone(&world.clock);
    let drivers = Arc::new(MemoryDrivers::new(Arc::<ManualClock>::clone(&clock)));
    Access::open(config(), metadata.clone(), drivers, master, clock).await
}

#[tokio::test]
async fn another_master_key_does_not_open_the_database() {
    let world = World::new().await;
    let refused = reopen(&world, &world.metadata, &MasterKey::generate().unwrap()).await;
    assert!(matches!(refused.unwrap_err(), OpenError::MasterKeyMismatch));
    let (access, system) = reopen(&world, &world.metadata, &master()).await.unwrap();
    assert!(
        !access.bootstrap(&system, &Secret::foreign("x".into())).await.unwrap(),
        "there is a site already"
    );
}

#[tokio::test]
async fn a_sealed_secret_does_not_open_for_another_key() {
    let mut world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (one, two) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    let mut sealed = world.metadata.sealed().await.unwrap();
    let (first, second) = (sealed[0].1.clone(), sealed[1].1.clone());
    (sealed[0].1, sealed[1].1) = (second, first);
    let check = world.metadata.setting("master_key_check").await.unwrap().unwrap();
    world.metadata.replace_sealed(&sealed, "master_key_check", &check).await.unwrap();
    (world.access, world.system) = reopen(&world, &world.metadata, &master()).await.unwrap();
    for holder in [&one, &two] {
        for secret in [&one.secret, &two.secret] {
            let id = holder.key.credential.as_str();
            let outcome = world.signed_as(id, secret.reveal(), crate::world::ip("203.0.113.7"));
            assert!(matches!(outcome, Err(portcullis_access::AccessError::Unavailable)), "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn the_master_key_is_exchanged_as_a_whole() {
    let mut world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let (one, two) = (world.key(&storage, |_| {}).await, world.key(&storage, |_| {}).await);
    let gone = world.key(&storage, |_| {}).await;
    world.delete(&gone).await;
    let fresh = MasterKey::generate().unwrap();
    let wrong = rotate_master_key(&world.metadata, &fresh, &master()).await;
    assert!(matches!(wrong.unwrap_err(), OpenError::MasterKeyMismatch));
    let trail_key = world.access.trail_key();
    // The secrets of three keys, one of them gone, and the key that signs the audit trail, which stays what it is.
    assert_eq!(rotate_master_key(&world.metadata, &master(), &fresh).await.unwrap(), 4);
    assert!(reopen(&world, &world.metadata, &master()).await.is_err());
    (world.access, world.system) = reopen(&world, &world.metadata, &fresh).await.unwrap();
    assert_eq!(world.access.trail_key(), trail_key);
    assert!(world.signed(&one).is_ok());
    assert!(world.signed(&two).is_ok());
    assert_eq!(denial(world.signed(&gone)), portcullis_access::Denial::UnknownKey);
}

#[tokio::test]
async fn what_is_stored_gives_nothing_away() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let s3 = world.key(&storage, |_| {}).await;
    let rest = world.key(&storage, |key| key.channel = Channel::Rest).await;
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    let stored = world.metadata.all_keys().await.unwrap();
    let stored = |id| stored.iter().find(|(key, _)| key.id == id).map(|(_, stored)| stored).unwrap();
    match stored(s3.key.id) {
        StoredSecret::Sealed(sealed) => assert!(!holds(sealed, s3.secret.reveal())),
        StoredSecret::None | StoredSecret::Hash(_) | StoredSecret::Stretched(_) => {
            panic!("a signature needs the secret")
        }
    }
    assert!(matches!(stored(rest.key.id), StoredSecret::Hash(_)));
    sign_in(&world.access).await;
    world.access.flush(&world.system).await.unwrap();
    world.metadata.close().await;
    for file in std::fs::read_dir(world.folder.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        for secret in [s3.secret.reveal(), rest.secret.reveal(), PASSWORD] {
            assert!(!holds(&bytes, secret));
        }
    }
}

/// Everything public that can be printed, printed.
#[tokio::test]
async fn nothing_prints_a_secret() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.key(&storage, |_| {}).await;
    let at = world.at(&holder, &storage).await;
    let minted = world.access.mint(&world.admin, holder.key.id, Channel::S3).unwrap();
    let password = Secret::foreign(PASSWORD.to_owned());
    let lifetime = std::time::Duration::from_secs(60);
    let signed_in = world.access.sign_in(origin(Channel::Rest), "admin", &password, lifetime).await.unwrap();
    let signed = world.signed(&holder).unwrap();
    let wrong = world.signed_as(holder.key.credential.as_str(), "wrong", crate::world::ip("203.0.113.7"));
    let grant: Grant<Get> = at.grant(object("a")).unwrap();
    let printed = [
        format!("{:#?} {:#?}", world.access, world.system),
        format!("{:#?} {:#?}", world.admin, sign_in(&world.access).await),
        format!("{at:#?} {grant:#?}"),
        format!("{:#?} {:#?}", signed, wrong.unwrap_err()),
        format!("{:#?} {:#?} {:#?}", minted, minted.stored, signed_in),
        format!("{:#?} {:#?}", master(), AccessConfig::default()),
        format!("{:#?}", world.access.transfers(&world.admin)),
        format!("{:#?}", OpenError::MasterKeyMismatch),
    ]
    .concat();
    for secret in [
        holder.secret.reveal(),
        minted.secret.reveal(),
        signed_in.token.reveal(),
        PASSWORD,
        &master().to_hex(),
    ] {
        assert!(!printed.contains(secret));
    }
    let StoredSecret::Sealed(sealed) = &minted.stored else { panic!("sealed") };
    assert!(!printed.contains(&format!("{sealed:#?}")), "not even the sealed form");
}
