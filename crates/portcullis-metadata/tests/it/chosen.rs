//! User names and secrets that people chose, and public keys of SSH.

use portcullis_domain::{
    Channel, Key, KeyId, LoginName, MailFolder, MailRules, Permission, SshPublicKey, Storage, Timestamp,
};
use portcullis_metadata::{
    KeyFilter, Metadata, MetadataErrorKind, NewSecret, PageRequest, SealedOwner, StoredSecret,
};

use crate::world::{World, at, key_for, new_storage};

const CONFLICT: MetadataErrorKind = MetadataErrorKind::Conflict("login");

fn login(text: &str) -> Option<LoginName> {
    Some(LoginName::parse(text).unwrap())
}

fn phc(seed: u8) -> StoredSecret {
    StoredSecret::Stretched(format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA${seed}"))
}

fn public_key(seed: u8, comment: &str) -> SshPublicKey {
    let mut blob = b"\0\0\0\x0bssh-ed25519\0\0\0\x20".to_vec();
    blob.extend([seed; 32]);
    let line = format!("{} {comment}", SshPublicKey::from_blob(&blob).unwrap());
    SshPublicKey::parse(&line).unwrap()
}

fn ftp_key(storage: &Storage, text: &str) -> Key {
    Key { channel: Channel::Ftp, login: login(text), ..key_for(storage, "door") }
}

async fn home(world: &World) -> (Metadata, Storage) {
    let (metadata, _, admin) = world.home().await;
    let storage = metadata.create_storage(new_storage(&admin, "files")).await.unwrap();
    (metadata, storage)
}

async fn rotated(
    metadata: &Metadata,
    key: &Key,
    generation: u32,
    to: Option<LoginName>,
    until: Timestamp,
) -> Result<(), MetadataErrorKind> {
    let seed = u8::try_from(generation).unwrap() + 100;
    let credential = portcullis_domain::CredentialId::from_entropy(*KeyId::generate().as_bytes());
    let new = NewSecret { credential, login: to, stored: phc(seed) };
    metadata.rotate_key(key.id, generation, &new, until, at(10)).await.map_err(|error| error.kind)
}

async fn made(metadata: &Metadata, key: &Key) -> Result<(), MetadataErrorKind> {
    metadata.create_key(key, &phc(1)).await.map_err(|error| error.kind)
}

pub(crate) async fn chosen_credentials_round_trip(world: &World) {
    let (metadata, storage) = home(world).await;
    let mut key = ftp_key(&storage, "Ledger.Office");
    key.public_keys = vec![public_key(1, "ada@laptop  two words"), public_key(2, "")];
    metadata.create_key(&key, &phc(1)).await.unwrap();
    assert_eq!(metadata.key_with_secret(key.id).await.unwrap(), Some((key.clone(), phc(1))));
    let read = metadata.key(key.id).await.unwrap().unwrap();
    assert_eq!(read.public_keys[0].comment(), "ada@laptop two words");
    assert_eq!(metadata.sealed().await.unwrap(), Vec::<(SealedOwner, Vec<u8>)>::new(), "it is not sealed");

    let fewer = Key { public_keys: vec![public_key(2, "")], permission: Permission::Read, ..key.clone() };
    metadata.update_key_if_same(&key, &fewer).await.unwrap();
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(fewer.clone()));
    let stale = metadata.update_key_if_same(&key, &fewer).await.unwrap_err();
    assert_eq!(stale.kind, MetadataErrorKind::Stale, "other public keys are another record");

    for (search, found) in [("ledger.OFF", 1), ("door", 1), ("bookkeeper", 0)] {
        let filter = KeyFilter { search: Some(search.to_owned()), ..KeyFilter::of(key.site) };
        let page = metadata.keys(&filter, &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.len(), found, "{search}");
    }

    rotated(&metadata, &key, 0, login("bookkeeper"), at(50)).await.unwrap();
    let (now, stored) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
    assert_eq!((now.login, now.public_keys, stored), (login("bookkeeper"), fewer.public_keys, phc(100)));
    let old = metadata.retired_secrets(key.id).await.unwrap().remove(0);
    assert_eq!((old.login.clone(), old.stored.clone(), old.works(at(49))), (key.login.clone(), phc(1), true));
    assert_eq!(metadata.all_retired_secrets().await.unwrap(), [old]);
    for (search, found) in [("ledger.off", 0), ("bookkeeper", 1)] {
        let filter = KeyFilter { search: Some(search.to_owned()), ..KeyFilter::of(key.site) };
        assert_eq!(metadata.keys(&filter, &PageRequest::first(10)).await.unwrap().items.len(), found);
    }

    metadata.delete_key(key.id, at(60)).await.unwrap();
    let (gone, stored) = metadata.key_with_secret(key.id).await.unwrap().unwrap();
    assert_eq!((gone.login, stored), (login("bookkeeper"), StoredSecret::None), "the name says who knocks");
    let retired = metadata.retired_secrets(key.id).await.unwrap();
    assert_eq!(retired[0].stored, phc(100));
    assert_eq!(metadata.forget_secrets(at(61), 100).await.unwrap(), 2);
    let retired = metadata.retired_secrets(key.id).await.unwrap();
    assert!(retired.iter().all(|old| old.stored == StoredSecret::None && old.login.is_some()));
    assert_eq!(metadata.forget_secrets(at(61), 100).await.unwrap(), 0);
}

pub(crate) async fn what_a_mail_key_makes_of_messages_round_trips(world: &World) {
    let (metadata, storage) = home(world).await;
    let own = MailRules { keep_text: true, max_message: Some(1 << 40), per_hour: 9, ..MailRules::default() };
    let key = Key { channel: Channel::Email, mail: own, ..key_for(&storage, "scans") };
    made(&metadata, &key).await.unwrap();
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(key.clone()));
    let other =
        Key { mail: MailRules { folder: MailFolder::Subject, ..MailRules::default() }, ..key.clone() };
    metadata.update_key_if_same(&key, &other).await.unwrap();
    assert_eq!(metadata.all_keys().await.unwrap()[0].0, other);
    let stale = metadata.update_key_if_same(&key, &key).await.unwrap_err();
    assert_eq!(stale.kind, MetadataErrorKind::Stale, "other rules are another record");
    let plain = Key { mail: MailRules::default(), ..other.clone() };
    metadata.update_key_if_same(&other, &plain).await.unwrap();
    assert_eq!(metadata.key(key.id).await.unwrap(), Some(plain));
    assert_eq!(world.numbers("SELECT COUNT(*) FROM keys WHERE mail IS NULL").await, [1]);
}

pub(crate) async fn one_key_of_a_name_on_a_channel(world: &World) {
    let (metadata, storage) = home(world).await;
    let key = ftp_key(&storage, "ledger");
    made(&metadata, &key).await.unwrap();
    assert_eq!(made(&metadata, &ftp_key(&storage, "LEDGER")).await, Err(CONFLICT));
    let other = ftp_key(&storage, "other");
    made(&metadata, &other).await.unwrap();
    assert_eq!(rotated(&metadata, &other, 0, login("ledger"), at(10)).await, Err(CONFLICT));
    assert_eq!(metadata.key(other.id).await.unwrap(), Some(other.clone()), "and nothing happened");
    assert_eq!(metadata.retired_secrets(other.id).await.unwrap(), []);

    // Another channel has names of its own, and keys without one are no two of a name.
    made(&metadata, &Key { channel: Channel::Http, ..ftp_key(&storage, "ledger") }).await.unwrap();
    for _ in 0..2 {
        made(&metadata, &Key { login: None, ..ftp_key(&storage, "abc") }).await.unwrap();
    }

    // A name is taken as long as earlier credentials have it, and by their own key it may be taken back.
    rotated(&metadata, &key, 0, login("bookkeeper"), at(50)).await.unwrap();
    let late = |moment| Key { created: at(moment), ..ftp_key(&storage, "ledger") };
    assert_eq!(made(&metadata, &late(49)).await, Err(CONFLICT));
    assert_eq!(rotated(&metadata, &other, 0, login("ledger"), at(10)).await, Err(CONFLICT));
    rotated(&metadata, &key, 1, login("ledger"), at(10)).await.unwrap();
    assert_eq!(made(&metadata, &late(49)).await, Err(CONFLICT));

    // It is free when it was given up at once, when an overlap is over, and when its key is deleted.
    rotated(&metadata, &key, 2, None, at(10)).await.unwrap();
    let second = late(49);
    made(&metadata, &second).await.unwrap();
    assert_eq!(made(&metadata, &late(49)).await, Err(CONFLICT));
    metadata.delete_key(second.id, at(51)).await.unwrap();
    made(&metadata, &late(52)).await.unwrap();
    made(&metadata, &ftp_key(&storage, "bookkeeper")).await.unwrap();
}

pub(crate) async fn of_two_who_choose_one_name_at_once_one_has_it(world: &World) {
    let (metadata, storage) = home(world).await;
    let second = world.open().await;
    for round in 0..8 {
        let name = format!("name-{round}");
        let (one, two) = (ftp_key(&storage, &name), ftp_key(&storage, &name));
        let rotating = Key { id: KeyId::generate(), ..ftp_key(&storage, &format!("else-{round}")) };
        made(&metadata, &rotating).await.unwrap();
        let outcomes = tokio::join!(
            made(&metadata, &one),
            made(&second, &two),
            rotated(&second, &rotating, 0, login(&name), at(20))
        );
        let won = [outcomes.0, outcomes.1, outcomes.2].iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(won, 1, "{outcomes:?}");
        let filter = KeyFilter { search: Some(name.clone()), ..KeyFilter::of(storage.site) };
        assert_eq!(metadata.keys(&filter, &PageRequest::first(10)).await.unwrap().items.len(), 1);
    }
}
