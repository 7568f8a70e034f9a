//! Whom a list of networks keeps out: what is said beforehand, what is said while it is tried out, and what is so in force.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use futures_util::StreamExt as _;
use portcullis_access::{
    Body, BodyFault, Get, GetOptions, GetOutcome, List, Origin, Principal, Put, PutOptions,
};
use portcullis_control::networks::{Client, TrialChange, read_drafts};
use portcullis_control::{ControlError, CreatedKey, KeyChange, NetworkDraft, ScopeDraft, StorageChange};
use portcullis_domain::{Clock as _, KeyPrefix, Storage};

use crate::world::{World, fields, origin};

fn drafts(list: &[&str]) -> Vec<NetworkDraft> {
    list.iter().map(|network| NetworkDraft { network: (*network).to_owned(), note: String::new() }).collect()
}

fn listed(list: &[&str]) -> KeyChange {
    KeyChange { networks: Some(drafts(list)), ..KeyChange::default() }
}

fn tried(change: TrialChange) -> KeyChange {
    KeyChange { trial: Some(change), ..KeyChange::default() }
}

fn tried_on_storage(change: TrialChange) -> StorageChange {
    StorageChange { trial: Some(change), ..StorageChange::default() }
}

fn addresses(clients: &[Client]) -> BTreeSet<String> {
    clients.iter().map(|client| client.network.to_string()).collect()
}

fn texts(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

impl World {
    async fn from(&self, key: &CreatedKey, peer: IpAddr) -> Option<Principal> {
        let token = format!("{}.{}", key.view.key.credential, crate::world::secret_of(key).reveal());
        let origin = Origin { peer, tool: "rclone/1.70", ..origin("192.0.2.1") };
        self.access.authenticate_bearer(origin, &token).await.ok()
    }

    /// Whether the key is let in from there, to look at the storage's files.
    async fn comes_in(&self, key: &CreatedKey, storage: &Storage, peer: &str) -> bool {
        let Some(who) = self.from(key, peer.parse().unwrap()).await else { return false };
        match self.access.storage_by_id(&who, storage.id).await {
            Ok(at) => at.grant::<List>(KeyPrefix::default()).is_ok(),
            Err(_) => false,
        }
    }

    async fn reader(&self, storage: &Storage, name: &str) -> CreatedKey {
        self.key(|draft| {
            draft.name = name.to_owned();
            draft.scope = ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "read".to_owned();
        })
        .await
    }
}

#[tokio::test]
async fn a_preview_names_exactly_whom_the_list_keeps_out() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let (nas, office) = (world.reader(&storage, "nas").await, world.reader(&storage, "office").await);
    for (key, peer) in [
        (&nas, "203.0.113.7"),
        (&nas, "203.0.113.7"),
        (&nas, "198.51.100.9"),
        (&nas, "2001:db8::5"),
        (&office, "203.0.113.200"),
        (&office, "198.51.100.9"),
    ] {
        assert!(world.comes_in(key, &storage, peer).await);
    }
    world.clock.advance(Duration::from_secs(29 * 24 * 3600));
    assert!(world.comes_in(&nas, &storage, "198.51.100.10").await);
    let after = read_drafts(&drafts(&["203.0.113.0/24", "2001:db8::/64"])).unwrap();
    let of_key = world.control.clients_of_key(&world.admin, nas.view.key.id).await.unwrap().preview(&after);
    assert_eq!(addresses(&of_key.cut_off), texts(&["198.51.100.9", "198.51.100.10"]));
    assert_eq!(addresses(&of_key.kept), texts(&["203.0.113.7", "2001:db8::5"]));
    let seen = of_key.kept.iter().find(|client| client.network.to_string() == "203.0.113.7").unwrap();
    // Coming in and listing is one request, twice.
    assert_eq!((seen.requests, seen.tool.as_str(), seen.key_name.as_str()), (2, "rclone", "nas"));
    let of_storage =
        world.control.clients_of_storage(&world.admin, storage.id).await.unwrap().preview(&after);
    let told: BTreeSet<_> =
        of_storage.cut_off.iter().map(|client| format!("{} {}", client.key_name, client.network)).collect();
    assert_eq!(told, texts(&["nas 198.51.100.9", "nas 198.51.100.10", "office 198.51.100.9"]));
    // So it is once it is saved.
    let saved = StorageChange {
        networks: Some(drafts(&["203.0.113.0/24", "2001:db8::/64"])),
        ..StorageChange::default()
    };
    world.control.update_storage(&world.admin, storage.id, &saved).await.unwrap();
    for client in of_storage.cut_off.iter().chain(&of_storage.kept) {
        let key = if client.key == nas.view.key.id { &nas } else { &office };
        let out = of_storage.cut_off.contains(client);
        assert_eq!(world.comes_in(key, &storage, &client.network.to_string()).await, !out, "{client:?}");
    }
    // Who is out is not cut off once more; who knocks since would be let in again.
    let anywhere = read_drafts(&[]).unwrap();
    let back = world.control.clients_of_storage(&world.admin, storage.id).await.unwrap().preview(&anywhere);
    assert!(back.cut_off.is_empty());
    assert_eq!(addresses(&back.let_in), texts(&["198.51.100.9", "198.51.100.10"]));
    // What is too long ago does not count.
    world.clock.advance(Duration::from_secs(2 * 24 * 3600));
    let later = world.control.clients_of_key(&world.admin, nas.view.key.id).await.unwrap();
    assert_eq!(addresses(&later.preview(&anywhere).kept), texts(&["203.0.113.7", "2001:db8::5"]));
    world.clock.advance(Duration::from_secs(29 * 24 * 3600));
    let later = world.control.clients_of_key(&world.admin, nas.view.key.id).await.unwrap();
    assert!(later.preview(&anywhere).kept.is_empty());
}

#[tokio::test]
async fn keys_that_do_not_work_anyway_are_not_cut_off() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let (off, narrow) = (world.reader(&storage, "off").await, world.reader(&storage, "narrow").await);
    for key in [&off, &narrow] {
        assert!(world.comes_in(key, &storage, "203.0.113.7").await);
        assert!(world.comes_in(key, &storage, "198.51.100.9").await);
    }
    let disabled = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
    world.control.update_key(&world.admin, off.view.key.id, &disabled).await.unwrap();
    world.control.update_key(&world.admin, narrow.view.key.id, &listed(&["203.0.113.7"])).await.unwrap();
    let after = read_drafts(&drafts(&["10.0.0.0/8"])).unwrap();
    let preview = world.control.clients_of_storage(&world.admin, storage.id).await.unwrap().preview(&after);
    assert_eq!(addresses(&preview.cut_off), texts(&["203.0.113.7"]));
    assert!(preview.kept.is_empty() && preview.let_in.is_empty());
    let eve = world.stranger().await;
    assert!(matches!(world.control.clients_of_storage(&eve, storage.id).await, Err(ControlError::NotFound)));
    assert!(matches!(world.control.clients_of_key(&eve, off.view.key.id).await, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn a_key_locks_itself_out_only_if_it_says_so() {
    let world = World::new().await;
    let key = world.key(|_| {}).await;
    let id = key.view.key.id;
    let itself = world.access.admin(&world.bearer(&key).await.unwrap()).unwrap();
    let clients = world.control.clients_of_key(&itself, id).await.unwrap();
    let elsewhere = read_drafts(&drafts(&["10.0.0.0/8"])).unwrap();
    assert!(clients.preview(&elsewhere).cuts_off_asker);
    assert!(!clients.preview(&read_drafts(&drafts(&["192.0.2.0/24"])).unwrap()).cuts_off_asker);
    let refused = world.control.update_key(&itself, id, &listed(&["10.0.0.0/8"])).await;
    assert_eq!(fields(refused), ["networks"]);
    // Nor by way of a trial.
    let trial = tried(TrialChange::Begin(drafts(&["10.0.0.0/8"])));
    world.control.update_key(&itself, id, &trial).await.unwrap();
    assert_eq!(
        fields(world.control.update_key(&itself, id, &tried(TrialChange::Enforce)).await),
        ["networks"]
    );
    assert!(world.bearer(&key).await.is_ok());
    // Somebody else may, and so may the key that knows what it does.
    let known = KeyChange { confirm_lockout: true, ..tried(TrialChange::Enforce) };
    world.control.update_key(&itself, id, &known).await.unwrap();
    let out = match world.bearer(&key).await {
        Ok(who) => world.access.admin(&who).is_err(),
        Err(_) => true,
    };
    assert!(out);
    world.control.update_key(&world.admin, id, &listed(&[])).await.unwrap();
    world.control.update_key(&world.admin, id, &listed(&["10.0.0.0/8"])).await.unwrap();
}

/// Numbers that look like chance and are the same each time.
fn chance(seed: &mut u32) -> u32 {
    *seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *seed >> 16
}

#[tokio::test]
async fn what_a_trial_says_is_what_is_so_in_force_and_it_refuses_nobody() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.reader(&storage, "nas").await;
    let id = key.view.key.id;
    let peers: Vec<String> = (0..12).map(|n| Ipv4Addr::from(0xcb00_7100 + n).to_string()).collect();
    let mut seed = 7;
    let mut refused_in_all = 0;
    for round in 0..10 {
        // Of each hour only so much is told apart.
        world.clock.advance(Duration::from_secs(3600));
        let list: Vec<String> = (0..1 + chance(&mut seed) % 3)
            .map(|_| {
                format!(
                    "{}/{}",
                    Ipv4Addr::from(0xcb00_7100 + chance(&mut seed) % 12),
                    28 + chance(&mut seed) % 5
                )
            })
            .collect();
        let list: Vec<&str> = list.iter().map(String::as_str).collect();
        let of_storage = round % 2 == 1;
        let begin = TrialChange::Begin(drafts(&list));
        if of_storage {
            world.control.update_storage(&world.admin, storage.id, &tried_on_storage(begin)).await.unwrap();
        } else {
            world.control.update_key(&world.admin, id, &tried(begin)).await.unwrap();
        }
        for peer in &peers {
            assert!(world.comes_in(&key, &storage, peer).await, "a trial refused {peer}: {list:?}");
        }
        let view = if of_storage {
            world.control.trial_of_storage(&world.admin, storage.id).await.unwrap().unwrap()
        } else {
            world.control.trial_of_key(&world.admin, id).await.unwrap().unwrap()
        };
        assert_eq!(view.trial.since, world.clock.now());
        if of_storage {
            let enforce = tried_on_storage(TrialChange::Enforce);
            world.control.update_storage(&world.admin, storage.id, &enforce).await.unwrap();
        } else {
            world.control.update_key(&world.admin, id, &tried(TrialChange::Enforce)).await.unwrap();
        }
        let (mut out, mut inside) = (BTreeSet::new(), BTreeSet::new());
        for peer in &peers {
            let side = if world.comes_in(&key, &storage, peer).await { &mut inside } else { &mut out };
            side.insert(peer.clone());
        }
        assert_eq!((addresses(&view.refused), addresses(&view.admitted)), (out, inside), "{list:?}");
        assert!(
            view.refused.iter().all(|client| client.requests >= 1 && client.tool == "rclone"),
            "{view:?}"
        );
        refused_in_all += view.refused.len();
        let open = StorageChange { networks: Some(vec![]), ..StorageChange::default() };
        world.control.update_storage(&world.admin, storage.id, &open).await.unwrap();
        world.control.update_key(&world.admin, id, &listed(&[])).await.unwrap();
    }
    assert!(refused_in_all > 20, "{refused_in_all}");
}

#[tokio::test]
async fn a_trial_of_an_administrator_s_key_counts_administration() {
    let world = World::new().await;
    let key = world.key(|_| {}).await;
    let id = key.view.key.id;
    let trial = tried(TrialChange::Begin(drafts(&["10.0.0.0/8"])));
    world.control.update_key(&world.admin, id, &trial).await.unwrap();
    for _ in 0..3 {
        world.access.admin(&world.bearer(&key).await.unwrap()).unwrap();
    }
    let view = world.control.trial_of_key(&world.admin, id).await.unwrap().unwrap();
    let [client] = &view.refused[..] else { panic!("{view:?}") };
    assert_eq!((client.network.to_string().as_str(), client.requests), ("192.0.2.1", 3));
    assert!(view.admitted.is_empty());
}

#[tokio::test]
async fn a_trial_begins_ends_and_leaves_a_trail() {
    let world = World::new().await;
    let storage = world.storage("files").await;
    let key = world.reader(&storage, "nas").await;
    let id = key.view.key.id;
    assert_eq!(
        fields(world.control.update_key(&world.admin, id, &tried(TrialChange::Enforce)).await),
        ["trial"]
    );
    assert_eq!(
        fields(world.control.update_key(&world.admin, id, &tried(TrialChange::Begin(vec![]))).await),
        ["networks"]
    );
    assert!(world.control.trial_of_key(&world.admin, id).await.unwrap().is_none());
    let begin = tried(TrialChange::Begin(drafts(&["203.0.113.0/24"])));
    world.control.update_key(&world.admin, id, &begin).await.unwrap();
    assert!(world.comes_in(&key, &storage, "198.51.100.9").await);
    world.control.update_key(&world.admin, id, &tried(TrialChange::End)).await.unwrap();
    assert!(world.control.trial_of_key(&world.admin, id).await.unwrap().is_none());
    assert!(world.comes_in(&key, &storage, "198.51.100.9").await);
    // Ended is ended: what somebody else made of it is not put in force.
    let first = world.control.update_key(&world.admin, id, &begin).await.unwrap().key.trial.clone();
    world.clock.advance(Duration::from_secs(60));
    world.control.update_key(&world.admin, id, &begin).await.unwrap();
    let stale = world
        .control
        .update_key_if(&world.admin, id, &tried(TrialChange::Enforce), |key| key.trial == first)
        .await;
    assert!(stale.unwrap().is_none());
    assert!(world.comes_in(&key, &storage, "198.51.100.9").await);
    world.control.update_key(&world.admin, id, &tried(TrialChange::Enforce)).await.unwrap();
    assert!(!world.comes_in(&key, &storage, "198.51.100.9").await);
    let trail = world.trail().await;
    let actions: Vec<_> = trail.iter().map(|event| event.action.as_str()).collect();
    for action in ["begin_trial", "end_trial", "enforce_trial"] {
        assert!(actions.contains(&action), "{action}: {actions:?}");
    }
}

#[tokio::test]
async fn transfers_under_way_are_counted_with_whom_they_would_end() {
    let world = World::on_disk().await;
    let storage = world.storage("files").await;
    let key = world.reader(&storage, "nas").await;
    let object = portcullis_domain::ObjectKey::parse("large").unwrap();
    let at = world.access.storage_by_id(world.admin.principal(), storage.id).await.unwrap();
    let body = Body::Full(bytes::Bytes::from(vec![7; 8 * 1024 * 1024]));
    at.grant::<Put>(object.clone()).unwrap().put(body, PutOptions::default()).await.unwrap();
    let who = world.from(&key, "198.51.100.9".parse().unwrap()).await.unwrap();
    let at = world.access.storage_by_id(&who, storage.id).await.unwrap();
    let found = at.grant::<Get>(object).unwrap().get(GetOptions::default()).await.unwrap();
    let GetOutcome::Found(found) = found else { panic!("no condition was set") };
    let Body::Stream(mut stream) = found.body else { panic!("a large file comes piece by piece") };
    assert!(stream.next().await.unwrap().is_ok());
    // Begun so long ago that only the transfer itself says that it is in use.
    world.clock.advance(Duration::from_secs(40 * 24 * 3600));
    let after = read_drafts(&drafts(&["203.0.113.0/24"])).unwrap();
    for clients in [
        world.control.clients_of_key(&world.admin, key.view.key.id).await.unwrap(),
        world.control.clients_of_storage(&world.admin, storage.id).await.unwrap(),
    ] {
        let preview = clients.preview(&after);
        let [client] = &preview.cut_off[..] else { panic!("{preview:?}") };
        assert_eq!((client.network.to_string().as_str(), client.transfers), ("198.51.100.9", 1));
        assert_eq!(client.last, world.clock.now());
    }
    let done =
        world.control.update_key(&world.admin, key.view.key.id, &listed(&["203.0.113.0/24"])).await.unwrap();
    assert_eq!(done.receipt.transfers_cut, 1);
    assert!(matches!(stream.next().await, Some(Err(BodyFault::Cut))));
    drop(stream);
    let now = world.control.clients_of_key(&world.admin, key.view.key.id).await.unwrap().preview(&after);
    assert!(now.cut_off.is_empty(), "{now:?}");
}
