//! Keys of the channel for web services: sealed secrets that are sent, and digests of them.

use std::sync::Arc;
use std::time::Duration;

use portcullis_access::{AccessError, Change, Denial, Origin, Principal, StoredSecret, UsernameDigest};
use portcullis_domain::{
    Channel, DenyReason, Key, MailRules, ManualClock, Permission, Secret, Storage, Timestamp,
};
use portcullis_metadata::NewSecret;
use sha1::{Digest as _, Sha1};

use crate::channel_keys::login;
use crate::world::{Holder, World, denial, ip, origin, put};

const NONCE: &[u8] = b"0123456789abcdef";

fn digest(secret: &str, nonce: &[u8], created: &str) -> UsernameDigest {
    let made = Sha1::new().chain_update(nonce).chain_update(created).chain_update(secret).finalize();
    UsernameDigest { nonce: nonce.to_vec(), created: created.to_owned(), digest: made.into() }
}

impl World {
    async fn service(&self, storage: &Storage, change: impl FnOnce(&mut Key)) -> Holder {
        let of_channel = |key: &mut Key| {
            key.channel = Channel::WebService;
            change(key);
        };
        self.key(storage, of_channel).await
    }

    async fn shows_digest(&self, name: &str, digest: &UsernameDigest) -> Result<Principal, AccessError> {
        self.access.authenticate_digest(origin(Channel::WebService), name, digest).await
    }

    async fn sends(&self, name: &str, secret: &str) -> Result<Principal, AccessError> {
        let secret = Secret::foreign(secret.to_owned());
        self.access.authenticate_password(origin(Channel::WebService), name, &secret).await
    }

    fn of_now(&self) -> String {
        self.now().to_string()
    }

    async fn rotate(&self, key: &Key, until: Timestamp) -> Holder {
        let minted = self.access.mint(&self.admin, key.id, key.channel).unwrap();
        let new =
            NewSecret { credential: minted.credential, login: key.login.clone(), stored: minted.stored };
        self.metadata.rotate_key(key.id, key.generation, &new, until, self.now()).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap();
        Holder { key: self.metadata.key(key.id).await.unwrap().unwrap(), secret: minted.secret }
    }
}

#[tokio::test]
async fn either_name_goes_with_the_secret_and_with_its_digest() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.service(&storage, |key| key.login = login("orders")).await;
    let (_, stored) = world.metadata.key_with_secret(holder.key.id).await.unwrap().unwrap();
    assert!(matches!(stored, StoredSecret::Sealed(_)), "or no digest could be made of it");
    let secret = holder.secret.reveal();
    for (n, name) in ["Orders", holder.key.credential.as_str()].into_iter().enumerate() {
        let nonce = [u8::try_from(n).unwrap(); 16];
        let made = digest(secret, &nonce, &world.of_now());
        for who in [world.sends(name, secret).await.unwrap(), world.shows_digest(name, &made).await.unwrap()]
        {
            assert_eq!(who.key_id(), Some(holder.key.id));
            let at = world.access.storage_by_id(&who, storage.id).await.unwrap();
            put(&at, "a", "b").await;
        }
    }
    let bearer = format!("{}.{secret}", holder.key.credential);
    let who = world.access.authenticate_bearer(origin(Channel::WebService), &bearer).await.unwrap();
    assert_eq!(who.key_id(), Some(holder.key.id));

    // On no other channel.
    let given = Secret::foreign(secret.to_owned());
    for channel in [Channel::Http, Channel::Ftp, Channel::Email] {
        for name in ["orders", holder.key.credential.as_str()] {
            let made = digest(secret, channel.as_str().as_bytes(), &world.of_now());
            let sent = world.access.authenticate_password(origin(channel), name, &given).await;
            assert_eq!(denial(sent), Denial::BadSecret, "{channel} {name}");
            let shown = world.access.authenticate_digest(origin(channel), name, &made).await;
            assert_eq!(denial(shown), Denial::BadSecret, "{channel} {name}");
        }
    }
    let rest = world.access.authenticate_bearer(origin(Channel::Rest), &bearer).await;
    assert_eq!(denial(rest), Denial::Policy(DenyReason::WrongChannel));
    let signed = world.signed_as(holder.key.credential.as_str(), secret, ip("203.0.113.7"));
    assert_eq!(denial(signed), Denial::Policy(DenyReason::WrongChannel));
}

#[tokio::test]
async fn a_digest_is_taken_once_by_all_nodes_and_only_after_it_was_right() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.service(&storage, |key| key.login = login("orders")).await;
    let other = world.service(&storage, |key| key.login = login("other")).await;
    let (secret, created) = (holder.secret.reveal(), world.of_now());
    // Whoever does not know the secret uses nobody's nonce up.
    for _ in 0..2 {
        let wrong = world.shows_digest("orders", &digest("something else", NONCE, &created)).await;
        assert_eq!(denial(wrong), Denial::BadSecret);
    }
    let made = digest(secret, NONCE, &created);
    let folder = world.folder.path();
    let metadata = crate::world::open_database(folder).await;
    let clock = Arc::clone(&world.clock);
    let drivers = portcullis_backend::memory::MemoryDrivers::new(Arc::<ManualClock>::clone(&clock));
    let (node, _system) = portcullis_access::Access::open(
        crate::world::config(),
        metadata,
        Arc::new(drivers),
        &crate::world::master(),
        clock,
    )
    .await
    .unwrap();
    let (one, two) = tokio::join!(
        world.shows_digest("orders", &made),
        node.authenticate_digest(origin(Channel::WebService), "orders", &made)
    );
    assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
    assert_eq!(denial(world.shows_digest("orders", &made).await), Denial::BadSecret);
    assert_eq!(denial(world.shows_digest(holder.key.credential.as_str(), &made).await), Denial::BadSecret);
    assert_eq!(world.reasons().await[0], "replayed");
    // A nonce is of one key.
    let theirs = digest(other.secret.reveal(), NONCE, &created);
    assert!(world.shows_digest("other", &theirs).await.is_ok());
    // What was seen cannot be cut anew into a nonce and a time that were not used.
    let (head, tail) = NONCE.split_at(NONCE.len() - 1);
    let (nonce, longer) = (head.to_vec(), format!("{}{created}", str::from_utf8(tail).unwrap()));
    let moved = UsernameDigest { nonce, created: longer, digest: made.digest };
    assert_eq!(denial(world.shows_digest("orders", &moved).await), Denial::BadSecret);
    let (nonce, shorter) = ([NONCE, &created.as_bytes()[..1]].concat(), created.split_at(1).1.to_owned());
    let moved = UsernameDigest { nonce, created: shorter, digest: made.digest };
    assert_eq!(denial(world.shows_digest("orders", &moved).await), Denial::BadSecret);
    assert_eq!(world.reasons().await[..2], ["malformed_credentials", "malformed_credentials"]);
}

#[tokio::test]
async fn a_digest_holds_for_five_minutes_either_way() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.service(&storage, |_| {}).await;
    let name = holder.key.credential.as_str();
    let (now, span) = (world.now(), Duration::from_secs(300));
    let second = Duration::from_secs(1);
    for (n, (created, right)) in [
        (now.before(span), true),
        (now.after(span), true),
        (now.before(span).before(second), false),
        (now.after(span).after(second), false),
    ]
    .into_iter()
    .enumerate()
    {
        let made = digest(holder.secret.reveal(), &[u8::try_from(n).unwrap()], &created.to_string());
        let outcome = world.shows_digest(name, &made).await;
        assert_eq!(outcome.is_ok(), right, "{created}");
        if !right {
            assert_eq!(denial(outcome), Denial::BadSecret);
            assert_eq!(world.reasons().await[0], "time_skew");
        }
    }
    let (seen, whole) = (world.events().await.remove(0), now.to_string());
    assert_eq!(seen.detail, "skew_seconds=301");
    let (offset, long) = (whole.replace('Z', "+00:00"), vec![1; 65]);
    for (nonce, created, right) in [
        (b"x".as_slice(), offset.as_str(), true),
        (b"y", &whole.replace('Z', ".123456789Z"), true),
        (b"", &whole, false),
        (&long, &whole, false),
        (b"z", "", false),
        (b"z", "now", false),
        (b"z", &format!(" {whole}"), false),
        (b"z", &format!("+00{whole}"), false),
    ] {
        let outcome = world.shows_digest(name, &digest(holder.secret.reveal(), nonce, created)).await;
        assert_eq!(outcome.is_ok(), right, "{nonce:?} {created}");
    }
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_is_the_same_and_the_trail_tells() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let made = world.service(&storage, |key| key.login = login("made")).await;
    let chosen =
        world.chosen(&storage, |key| (key.channel, key.login) = (Channel::WebService, login("chosen"))).await;
    let off = |key: &mut Key| (key.login, key.permission) = (login("off"), Permission::None);
    let off = world.service(&storage, off).await;
    let gone = world.service(&storage, |key| key.login = login("gone")).await;
    world.delete(&gone).await;
    let s3 = world.key(&storage, |_| {}).await;
    let page = world.key(&storage, |key| key.channel = Channel::Http).await;
    let other = Secret::from_entropy(&[8; 32]);
    let (s3_id, page_id) = (s3.key.credential.to_string(), page.key.credential.to_string());
    let mut nonce = 0u32;
    for (name, secret, by_digest, by_secret) in [
        ("nobody", other.reveal(), "unknown_key", "unknown_key"),
        ("no such name!", other.reveal(), "unknown_key", "unknown_key"),
        ("made", other.reveal(), "bad_secret", "bad_secret"),
        ("chosen", other.reveal(), "wrong_credential_kind", "bad_secret"),
        ("off", off.secret.reveal(), "key_disabled", "key_disabled"),
        ("gone", gone.secret.reveal(), "old_secret", "old_secret"),
        ("gone", other.reveal(), "key_deleted", "key_deleted"),
        (&s3_id, s3.secret.reveal(), "wrong_credential_kind", "wrong_credential_kind"),
        (&page_id, page.secret.reveal(), "wrong_credential_kind", "wrong_channel"),
    ] {
        nonce += 1;
        let shown = digest(secret, &nonce.to_be_bytes(), &world.of_now());
        assert_eq!(denial(world.shows_digest(name, &shown).await), Denial::BadSecret, "{name}");
        assert_eq!(world.reasons().await[0], by_digest, "{name}");
        assert_eq!(denial(world.sends(name, secret).await), Denial::BadSecret, "{name}");
        assert_eq!(world.reasons().await[0], by_secret, "{name}");
    }
    // A digest of what somebody chose cannot be checked; sent as it is, it opens.
    let shown = digest(chosen.secret.reveal(), b"chosen", &world.of_now());
    assert_eq!(denial(world.shows_digest("chosen", &shown).await), Denial::BadSecret);
    assert!(world.sends("chosen", chosen.secret.reveal()).await.is_ok());
    assert!(world.sends("made", made.secret.reveal()).await.is_ok());
}

#[tokio::test]
async fn replaced_secrets_work_until_their_time_is_over_and_are_recognised_then() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let old = world.service(&storage, |key| key.login = login("orders")).await;
    let new = world.rotate(&old.key, world.now().after(Duration::from_secs(60))).await;
    let mut nonce = 0u32;
    for (after, old_works) in [(0, true), (61, false)] {
        world.clock.advance(Duration::from_secs(after));
        for (holder, works) in [(&old, old_works), (&new, true)] {
            nonce += 1;
            let shown = digest(holder.secret.reveal(), &nonce.to_be_bytes(), &world.of_now());
            assert_eq!(world.shows_digest("orders", &shown).await.is_ok(), works);
            assert_eq!(world.sends("orders", holder.secret.reveal()).await.is_ok(), works);
            if !works {
                assert_eq!(world.reasons().await[..2], ["old_secret", "old_secret"]);
            }
        }
    }
}

#[tokio::test]
async fn guesses_are_slowed_down_known_name_or_not() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.service(&storage, |key| key.login = login("orders")).await;
    let mut tries = Vec::new();
    for (n, name) in ["orders", "nobody"].into_iter().enumerate() {
        let from = Origin { peer: ip(&format!("192.0.2.{n}")), ..origin(Channel::WebService) };
        let mut count = 0u32;
        loop {
            let shown = digest("wrong", &count.to_be_bytes(), &world.of_now());
            match world.access.authenticate_digest(from, name, &shown).await {
                Err(AccessError::Throttled { .. }) => break,
                refused => assert_eq!(denial(refused), Denial::BadSecret),
            }
            count += 1;
            assert!(count < 1000);
        }
        tries.push(count);
    }
    assert_eq!(tries[0], tries[1], "the number of tries tells nothing");
    let shown = digest(holder.secret.reveal(), NONCE, &world.of_now());
    assert!(world.shows_digest("orders", &shown).await.is_ok(), "others are not kept out by them");
}

#[tokio::test]
async fn rules_for_messages_are_those_of_this_moment() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let own = MailRules { keep_html: true, per_hour: 7, ..MailRules::default() };
    let of_mail = |key: &mut Key| (key.channel, key.mail) = (Channel::Email, own.clone());
    let holder = world.key(&storage, of_mail).await;
    let name = holder.key.credential.as_str();
    let secret = Secret::foreign(holder.secret.reveal().to_owned());
    let who = world.access.authenticate_password(origin(Channel::Email), name, &secret).await.unwrap();
    assert_eq!(world.access.mail_rules(&who), Some(own));
    world.change(&holder, |key| key.mail.per_hour = 8).await;
    assert_eq!(world.access.mail_rules(&who).map(|rules| rules.per_hour), Some(8));
    world.delete(&holder).await;
    assert_eq!(world.access.mail_rules(&who), None);
    let other = world.service(&storage, |_| {}).await;
    let who = world.sends(other.key.credential.as_str(), other.secret.reveal()).await.unwrap();
    assert_eq!(world.access.mail_rules(&who), None);
}
