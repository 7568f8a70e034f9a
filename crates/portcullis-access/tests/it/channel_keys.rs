//! Keys of channels that ask for a user name and a secret.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_access::{AccessError, Change, Denial, Get, Origin, Principal, StoredSecret};
use portcullis_domain::{
    Channel, CredentialId, Key, KeyId, LoginName, NetworkEntry, Networks, Permission, Secret, Storage,
    Timestamp,
};
use portcullis_metadata::NewSecret;

use crate::world::{Holder, World, denial, ip, object, origin, put};

const CHOSEN: &str = "blue cup on a shelf";
const PEER: &str = "203.0.113.7";

pub(crate) fn login(text: &str) -> Option<LoginName> {
    Some(LoginName::parse(text).unwrap())
}

fn secret(text: &str) -> Secret {
    Secret::foreign(text.to_owned())
}

impl World {
    /// A key of a channel with folders, with a secret that somebody chose.
    pub(crate) async fn chosen(&self, storage: &Storage, change: impl FnOnce(&mut Key)) -> Holder {
        let id = KeyId::generate();
        let of_channel = |key: &mut Key| {
            (key.id, key.channel) = (id, Channel::Ftp);
            change(key);
        };
        let generated = self.key(storage, of_channel).await;
        let (_, stored) = self.access.mint_chosen(&self.admin, id, &secret(CHOSEN)).await.unwrap();
        self.renew(&generated.key, generated.key.login.clone(), stored, self.now()).await;
        let key = self.metadata.key(id).await.unwrap().unwrap();
        Holder { key, secret: secret(CHOSEN) }
    }

    async fn renew(&self, key: &Key, to: Option<LoginName>, stored: StoredSecret, until: Timestamp) {
        let new = NewSecret { credential: key.credential, login: to, stored };
        self.metadata.rotate_key(key.id, key.generation, &new, until, self.now()).await.unwrap();
        self.access.applied(Change::Key(key.id)).await.unwrap();
    }

    async fn try_from(
        &self,
        (channel, peer): (Channel, IpAddr),
        name: &str,
        text: &str,
    ) -> Result<Principal, AccessError> {
        let from = Origin { peer, ..origin(channel) };
        self.access.authenticate_password(from, name, &secret(text)).await
    }

    async fn password(&self, name: &str, text: &str) -> Result<Principal, AccessError> {
        self.try_from((Channel::Ftp, ip(PEER)), name, text).await
    }

    /// How many secrets are stretched for it.
    async fn work_of<T>(&self, deed: impl Future<Output = T>) -> (T, u64) {
        let before = self.access.stretched(&self.system);
        let outcome = deed.await;
        (outcome, self.access.stretched(&self.system) - before)
    }
}

#[tokio::test]
async fn either_name_goes_with_either_kind_of_secret() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let generated =
        world.key(&storage, |key| (key.channel, key.login) = (Channel::Ftp, login("ledger"))).await;
    let chosen = world.chosen(&storage, |key| key.login = login("office")).await;
    for (holder, name) in [(&generated, "Ledger"), (&chosen, "OFFICE")] {
        for name in [name, holder.key.credential.as_str()] {
            let who = world.password(name, holder.secret.reveal()).await.unwrap();
            assert_eq!(who.key_id(), Some(holder.key.id));
            let at = world.access.storage_by_id(&who, storage.id).await.unwrap();
            put(&at, "a", "b").await;
        }
    }
    let bearer = format!("{}.{}", generated.key.credential, generated.secret.reveal());
    let who = world.access.authenticate_bearer(origin(Channel::Ftp), &bearer).await.unwrap();
    assert_eq!(who.key_id(), Some(generated.key.id));
    let password = secret(crate::world::PASSWORD);
    let minute = Duration::from_secs(60);
    let session = world.access.sign_in(origin(Channel::Rest), "admin", &password, minute).await;
    let token = session.unwrap().token;
    let as_file = world.access.authenticate_bearer(origin(Channel::Http), token.reveal()).await;
    assert_eq!(denial(as_file), Denial::BadSecret, "people sign in elsewhere");
}

#[tokio::test]
async fn whatever_is_wrong_the_answer_and_the_work_are_the_same() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let elsewhere = Networks::new(vec![NetworkEntry::parse("192.0.2.0/24", "").unwrap()]).unwrap();
    let plain = world.chosen(&storage, |key| key.login = login("plain")).await;
    let made = world.key(&storage, |key| (key.channel, key.login) = (Channel::Ftp, login("made"))).await;
    world.chosen(&storage, |key| (key.login, key.networks) = (login("away"), elsewhere)).await;
    world.chosen(&storage, |key| (key.login, key.permission) = (login("off"), Permission::None)).await;
    let end = Some(world.now().after(Duration::from_secs(1)));
    world.chosen(&storage, |key| (key.login, key.expires) = (login("late"), end)).await;
    world.chosen(&storage, |key| (key.channel, key.login) = (Channel::Http, login("page"))).await;
    let gone = world.chosen(&storage, |key| key.login = login("gone")).await;
    world.delete(&gone).await;
    let s3 = world.key(&storage, |_| {}).await;
    let page = world.chosen(&storage, |key| key.channel = Channel::Http).await;
    world.clock.advance(Duration::from_secs(61));

    let wrong = "red cup on the floor";
    let long = "x".repeat(5000);
    let nobody = CredentialId::from_entropy([9; 16]).to_string();
    let (s3_id, page_id) = (s3.key.credential.to_string(), page.key.credential.to_string());
    let mut all = Vec::new();
    for (name, text, why) in [
        ("nobody", wrong, "unknown_key"),
        (&nobody, wrong, "unknown_key"),
        ("no such name!", wrong, "unknown_key"),
        ("plain", wrong, "bad_secret"),
        ("plain", &long, "bad_secret"),
        (plain.key.credential.as_str(), wrong, "bad_secret"),
        ("made", wrong, "bad_secret"),
        ("page", CHOSEN, "unknown_key"),
        (&page_id, CHOSEN, "wrong_channel"),
        (&page_id, wrong, "bad_secret"),
        (&s3_id, wrong, "wrong_credential_kind"),
        ("away", CHOSEN, "key_network"),
        ("away", wrong, "bad_secret"),
        ("off", CHOSEN, "key_disabled"),
        ("late", CHOSEN, "key_expired"),
        ("gone", CHOSEN, "old_secret"),
        ("gone", wrong, "key_deleted"),
    ] {
        let (outcome, work) = world.work_of(world.password(name, text)).await;
        assert_eq!((denial(outcome), work), (Denial::BadSecret, 2), "{name} {why}");
        all.push(why.to_owned());
    }
    // What has the form of a generated secret costs nobody anything.
    let other = Secret::from_entropy(&[8; 32]);
    for (name, text, why) in [
        ("nobody", other.reveal(), "unknown_key"),
        ("plain", other.reveal(), "bad_secret"),
        ("made", other.reveal(), "bad_secret"),
        (&s3_id, s3.secret.reveal(), "wrong_credential_kind"),
    ] {
        let (outcome, work) = world.work_of(world.password(name, text)).await;
        assert_eq!((denial(outcome), work), (Denial::BadSecret, 0), "{name} {why}");
        all.push(why.to_owned());
    }
    let http = world.try_from((Channel::Http, ip(PEER)), "made", made.secret.reveal()).await;
    assert_eq!(denial(http), Denial::BadSecret, "a name of one channel is nobody's on another");
    let http = world.try_from((Channel::Http, ip(PEER)), made.key.credential.as_str(), made.secret.reveal());
    assert_eq!(denial(http.await), Denial::BadSecret, "and the generated one works on its own alone");
    all.extend(["unknown_key".to_owned(), "wrong_channel".to_owned()]);

    let events = world.events().await;
    let mut told: Vec<_> = events.iter().filter(|event| event.action == "authenticate").collect();
    told.reverse();
    assert_eq!(told.iter().map(|event| event.reason.clone()).collect::<Vec<_>>(), all, "the trail knows");
    let text = format!("{events:?}");
    assert!(!text.contains(wrong) && !text.contains(CHOSEN) && !text.contains("no such name"));
}

#[tokio::test]
async fn a_right_secret_is_stretched_once_a_minute_and_a_change_ends_that() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.chosen(&storage, |key| key.login = login("office")).await;
    let enter = || world.work_of(world.password("office", CHOSEN));
    let (who, work) = enter().await;
    assert_eq!((who.is_ok(), work), (true, 1));
    for _ in 0..5 {
        assert_eq!(enter().await.1, 0);
    }
    assert_eq!(world.work_of(world.password("office", "blue cup on a shel")).await.1, 2);
    world.clock.advance(Duration::from_secs(59));
    assert_eq!(enter().await.1, 0);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(enter().await.1, 1, "it was not prolonged by being used");

    let off = world.change(&holder, |key| key.permission = Permission::None).await;
    let (refused, work) = enter().await;
    assert_eq!((off, denial(refused), work), (0, Denial::BadSecret, 2));
    world.change(&holder, |_| {}).await;
    assert_eq!(enter().await.1, 1, "and nothing of before the change is left");

    let again = world.access.mint_chosen(&world.admin, holder.key.id, &secret(CHOSEN)).await;
    assert_eq!(denial(again), Denial::OldSecret, "another secret is another");
    let key = world.metadata.key(holder.key.id).await.unwrap().unwrap();
    let next = secret("green door in a wall");
    let (_, stored) = world.access.mint_chosen(&world.admin, key.id, &next).await.unwrap();
    world.renew(&key, key.login.clone(), stored, world.now()).await;
    assert_eq!(denial(enter().await.0), Denial::BadSecret);
    assert_eq!(world.reasons().await[0], "old_secret", "it is told from a guess");
    assert!(world.password("office", next.reveal()).await.is_ok());
    world.delete(&holder).await;
    assert_eq!(denial(world.password("office", next.reveal()).await), Denial::BadSecret);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_with_one_secret_are_looked_at_once() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    world.chosen(&storage, |key| key.login = login("office")).await;
    let many = futures_util::future::join_all((0..100).map(|_| world.password("office", CHOSEN)));
    let (all, work) = world.work_of(many).await;
    assert!(all.iter().all(Result::is_ok), "none is sent away");
    assert_eq!(work, 1);
}

#[tokio::test]
async fn nobody_locks_a_name_from_elsewhere_nor_learns_that_there_is_one() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let made = world.key(&storage, |key| (key.channel, key.login) = (Channel::Ftp, login("made"))).await;
    world.chosen(&storage, |key| key.login = login("office")).await;
    let (here, there) = ((Channel::Ftp, ip(PEER)), (Channel::Ftp, ip("198.51.100.9")));
    world.try_from(here, "office", CHOSEN).await.unwrap();
    let other = Secret::from_entropy(&[8; 32]);
    // The guesses of a stranger, of one name and of many; all cheap ones, for the sake of time.
    for _ in 0..30 {
        drop(world.try_from(there, "OFFICE", other.reveal()).await);
    }
    assert!(matches!(world.try_from(there, "office", CHOSEN).await, Err(AccessError::Throttled { .. })));
    assert!(world.try_from(here, "office", CHOSEN).await.is_ok());
    for address in [here, there] {
        for n in 0..101 {
            drop(world.try_from(address, &format!("guess-{n}"), other.reveal()).await);
        }
        for (name, text) in
            [("nobody", "red cup on the floor"), ("nobody", other.reveal()), ("made", other.reveal())]
        {
            let told = world.try_from(address, name, text).await;
            assert!(matches!(told, Err(AccessError::Throttled { .. })), "{name} {told:?}");
        }
        // With the right secret a generated one comes in from there all the same.
        assert!(world.try_from(address, "made", made.secret.reveal()).await.is_ok());
    }
    // And so does a chosen one from where it came from before, also when that is to be looked at again.
    for power in 0..7 {
        world.clock.advance(Duration::from_secs(1 << power));
        drop(world.try_from(here, &format!("more-{power}"), other.reveal()).await);
    }
    world.clock.advance(Duration::from_secs(61));
    let stranger = world.try_from(here, "nobody", "red cup on the floor").await;
    assert!(matches!(stranger, Err(AccessError::Throttled { .. })), "{stranger:?}");
    let (again, work) = world.work_of(world.try_from(here, "office", CHOSEN)).await;
    assert_eq!((again.is_ok(), work), (true, 1));
}

#[tokio::test]
async fn an_old_name_and_secret_work_beside_the_new_for_as_long_as_was_said() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let holder = world.chosen(&storage, |key| key.login = login("office")).await;
    let before = world.password("office", CHOSEN).await.unwrap();
    let (_, stored) = {
        let next = secret("green door in a wall");
        world.access.mint_chosen(&world.admin, holder.key.id, &next).await.unwrap()
    };
    let until = world.now().after(Duration::from_secs(100));
    world.renew(&holder.key, login("bureau"), stored, until).await;
    assert!(world.access.still(&before).is_ok());
    for (name, text, works) in [
        ("office", CHOSEN, true),
        ("bureau", "green door in a wall", true),
        ("office", "green door in a wall", false),
        ("bureau", CHOSEN, false),
    ] {
        assert_eq!(world.password(name, text).await.is_ok(), works, "{name} {text}");
    }
    let by_id = holder.key.credential.as_str();
    for text in [CHOSEN, "green door in a wall"] {
        assert!(world.password(by_id, text).await.is_ok(), "{text}");
    }
    world.clock.advance(Duration::from_secs(101));
    assert!(
        denial(world.access.still(&before))
            == Denial::Policy(portcullis_domain::DenyReason::CredentialsReplaced)
    );
    let (old, work) = world.work_of(world.password("office", CHOSEN)).await;
    assert_eq!((denial(old), work), (Denial::BadSecret, 2));
    let event = world.events().await.remove(0);
    assert_eq!((event.reason.as_str(), event.key), ("old_secret", Some(holder.key.id)));
    assert!(world.password("bureau", "green door in a wall").await.is_ok());
    assert!(before.key_id() == Some(holder.key.id) && world.at_of(&before, &storage).await.is_err());
}

#[tokio::test]
async fn a_name_is_one_key_of_all_sites_and_whose_it_was_does_not_matter() {
    let world = World::new().await;
    let storage = world.storage(|_| {}).await;
    let first = world.chosen(&storage, |key| key.login = login("office")).await;
    world.password("office", CHOSEN).await.unwrap();
    world.delete(&first).await;
    let below = world.site(world.admin.site(), "below").await;
    let owner = world.admin.user().unwrap();
    let theirs = world.storage(|new| (new.site, new.owner) = (below.id, owner)).await;
    let second = world.chosen(&theirs, |key| (key.site, key.login) = (below.id, login("office"))).await;
    for _ in 0..2 {
        let who = world.password("office", CHOSEN).await.unwrap();
        assert_eq!((who.key_id(), who.site()), (Some(second.key.id), below.id));
        assert!(world.access.storage_by_id(&who, storage.id).await.is_err());
        // After a start the records come from the database, in the order of their ids.
        world.access.refresh(&world.system).await.unwrap();
    }
    let folder = world.folder.path();
    let metadata = crate::world::open_database(folder).await;
    let clock = std::sync::Arc::clone(&world.clock);
    let drivers = portcullis_backend::memory::MemoryDrivers::new(std::sync::Arc::<
        portcullis_domain::ManualClock,
    >::clone(&clock));
    let (fresh, _system) = portcullis_access::Access::open(
        crate::world::config(),
        metadata,
        std::sync::Arc::new(drivers),
        &crate::world::master(),
        clock,
    )
    .await
    .unwrap();
    let who = fresh.authenticate_password(origin(Channel::Ftp), "office", &secret(CHOSEN)).await.unwrap();
    assert_eq!(who.key_id(), Some(second.key.id));
    world.delete(&second).await;
    assert_eq!(denial(world.password("office", CHOSEN).await), Denial::BadSecret);
}

impl World {
    async fn at_of(
        &self,
        who: &Principal,
        storage: &Storage,
    ) -> Result<portcullis_access::StorageAccess, AccessError> {
        let at = self.access.storage_by_id(who, storage.id).await?;
        at.grant::<Get>(object("a")).map(|_| at)
    }
}
