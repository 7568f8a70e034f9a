//! Who still knocks: what is counted of keys that do not open, and what is told apart.

use std::time::Duration;

use portcullis_access::{AccessError, Origin};
use portcullis_control::{
    AttemptProof, AttemptQuery, AttemptReason, Attempts, ControlError, CreatedKey, KeyChange, KeyStatus,
    PageRequest, Rotation, ScopeDraft,
};
use portcullis_domain::{Clock as _, KeyId, Secret};

use crate::explain::network;
use crate::world::{World, origin};

const DAY: Duration = Duration::from_hours(24);

impl World {
    /// Asks with the secret of a REST key as it was made, or with another.
    async fn knock(&self, key: &CreatedKey, right: bool, peer: &str, tool: &str) {
        // Well-formed, and nobody's.
        let wrong = Secret::from_entropy(&[9; 32]);
        let secret = if right { crate::world::secret_of(key).reveal() } else { wrong.reveal() };
        let token = format!("{}.{secret}", key.view.key.credential);
        let outcome = self.access.authenticate_bearer(Origin { tool, ..origin(peer) }, &token).await;
        assert!(
            matches!(outcome, Err(AccessError::Denied(_) | AccessError::Throttled { .. })),
            "{outcome:?}"
        );
    }

    async fn attempts_now(&self, reason: Option<AttemptReason>, search: Option<&str>) -> Vec<Attempts> {
        self.access.flush(&self.system).await.unwrap();
        let query = AttemptQuery { reason, search: search.map(str::to_owned) };
        self.control.attempts(&self.admin, &query, &PageRequest::first(100)).await.unwrap().items
    }
}

fn told(attempts: &[Attempts]) -> Vec<(&str, &str, &str, u64)> {
    let one = |row: &Attempts| {
        let proof = row.reason.proof().as_str();
        (row.word.clone(), proof, row.network.clone(), row.last_month)
    };
    let mut all: Vec<_> = attempts.iter().map(one).collect();
    all.sort();
    all.into_iter()
        .map(|(word, proof, network, count)| (&*word.leak(), proof, &*network.leak(), count))
        .collect()
}

#[tokio::test]
async fn a_true_old_secret_is_told_from_a_guess() {
    let world = World::new().await;
    let deleted = world.key(|draft| draft.name = "the old one".to_owned()).await;
    let id = deleted.view.key.id;
    world.control.delete_key(&world.admin, id).await.unwrap();
    let gone = world.clock.now();
    world.clock.advance(Duration::from_secs(60));
    for _ in 0..3 {
        world.knock(&deleted, true, "203.0.113.7", "rclone/v1.70").await;
    }
    world.knock(&deleted, false, "198.51.100.9", "scanner").await;
    let rotated = world.key(|_| ()).await;
    world.control.rotate_key(&world.admin, rotated.view.key.id, &Rotation::default()).await.unwrap();
    world.knock(&rotated, true, "203.0.113.8", "s3cmd").await;
    let found = world.attempts_now(None, None).await;
    assert_eq!(
        told(&found),
        [
            ("key_deleted", "none", "198.51.100.9", 1),
            ("old_secret", "old_secret", "203.0.113.7", 3),
            ("old_secret", "old_secret", "203.0.113.8", 1),
        ]
    );
    let row = found.iter().find(|row| row.network == "203.0.113.7").unwrap();
    assert_eq!((row.key.name.as_str(), row.key.status, row.key.deleted), ("the old one", None, Some(gone)));
    assert_eq!((row.tool.as_str(), row.first, row.last), ("rclone", world.clock.now(), world.clock.now()));
    assert_eq!((row.last_day, row.last_week), (3, 3));
    assert_eq!((row.days.len(), row.days.last()), (30, Some(&3)));
    let living = found.iter().find(|row| row.network == "203.0.113.8").unwrap();
    assert_eq!((living.key.status, living.key.deleted), (Some(KeyStatus::Active), None));
    // A deleted key is looked at by its id all the same.
    assert_eq!(world.control.attempts_with_key(&world.admin, id).await.unwrap().len(), 2);
}

#[tokio::test]
async fn every_group_its_own_and_searched() {
    let world = World::new().await;
    let bound = world.key(|draft| draft.networks = vec![network("192.0.2.0/24")]).await;
    let off = world.key(|_| ()).await;
    let none = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
    world.control.update_key(&world.admin, off.view.key.id, &none).await.unwrap();
    let ends = world.key(|draft| draft.expires_at = Some("2027-01-31T18:30:00Z".to_owned())).await;
    world.clock.advance(Duration::from_secs(3600));
    world.knock(&bound, true, "203.0.113.1", "one").await;
    world.knock(&off, true, "203.0.113.2", "two").await;
    world.knock(&ends, true, "203.0.113.3", "three").await;
    world.knock(&ends, false, "203.0.113.4", "four").await;
    for (reason, word, peer) in [
        (AttemptReason::Network, "key_network", "203.0.113.1"),
        (AttemptReason::Disabled, "key_disabled", "203.0.113.2"),
        (AttemptReason::Expired, "key_expired", "203.0.113.3"),
        (AttemptReason::WrongSecret, "bad_secret", "203.0.113.4"),
    ] {
        let proof =
            if reason == AttemptReason::WrongSecret { AttemptProof::None } else { AttemptProof::Secret };
        let found = world.attempts_now(Some(reason), None).await;
        assert_eq!(told(&found), [(word, proof.as_str(), peer, 1)]);
    }
    assert!(world.attempts_now(Some(AttemptReason::OldSecret), None).await.is_empty());
    for (search, count) in [("THREE", 1), ("203.0.113", 4), (off.view.key.credential.as_str(), 1), ("%", 0)] {
        assert_eq!(world.attempts_now(None, Some(search)).await.len(), count, "{search}");
    }
}

#[tokio::test]
async fn counts_over_time() {
    let world = World::new().await;
    let key = world.key(|draft| draft.networks = vec![network("192.0.2.0/24")]).await;
    for days in [20, 3, 2, 0] {
        world.knock(&key, true, "203.0.113.1", "x").await;
        world.access.flush(&world.system).await.unwrap();
        world.clock.advance(DAY * days);
    }
    let row = world.attempts_now(None, None).await.remove(0);
    assert_eq!((row.last_day, row.last_week, row.last_month), (1, 3, 4));
    let of_days: Vec<_> = row.days.iter().enumerate().filter(|(_, count)| **count > 0).collect();
    assert_eq!(of_days, [(4, &1), (24, &1), (27, &1), (29, &1)]);
    world.clock.advance(DAY * 6);
    let row = world.attempts_now(None, None).await.remove(0);
    assert_eq!((row.last_day, row.last_week, row.last_month), (0, 1, 3), "the first is longer ago than that");
}

#[tokio::test]
async fn pages_of_many_and_nothing_of_other_sites() {
    let world = World::new().await;
    let eve = world.stranger().await;
    let mut keys = Vec::new();
    for at in 0..7 {
        let key = world.key(|draft| draft.networks = vec![network("192.0.2.0/24")]).await;
        world.knock(&key, true, &format!("203.0.113.{at}"), "x").await;
        keys.push(key.view.key.id);
        world.clock.advance(Duration::from_secs(1));
    }
    world.access.flush(&world.system).await.unwrap();
    let (mut page, mut seen) = (PageRequest::first(3), Vec::<KeyId>::new());
    loop {
        let found = world.control.attempts(&world.admin, &AttemptQuery::default(), &page).await.unwrap();
        assert!(found.items.len() <= 3);
        seen.extend(found.items.iter().map(|row| row.key.id));
        page.after = found.next;
        if page.after.is_none() {
            break;
        }
    }
    keys.reverse();
    assert_eq!(seen, keys, "the latest first");
    let theirs =
        world.control.attempts(&eve, &AttemptQuery::default(), &PageRequest::first(100)).await.unwrap();
    assert!(theirs.items.is_empty());
    let refused = world.control.attempts_with_key(&eve, keys[0]).await;
    assert!(matches!(refused, Err(ControlError::NotFound)));
    let wrong = PageRequest { limit: 3, after: Some("zz".to_owned()) };
    let refused = world.control.attempts(&world.admin, &AttemptQuery::default(), &wrong).await;
    assert!(matches!(refused, Err(ControlError::Invalid(_))), "{refused:?}");
}

#[tokio::test]
async fn the_latest_attempt_leads_to_its_explanation() {
    let world = World::new().await;
    let (who, user) = world.member("ada").await;
    let key = world
        .key(|draft| {
            draft.scope = ScopeDraft::User(user.to_string());
            draft.permission = "read".to_owned();
            draft.networks = vec![network("192.0.2.0/24")];
        })
        .await;
    let token = format!("{}.{}", key.view.key.credential, crate::world::secret_of(&key).reveal());
    for request_id in ["FIRST", "SECOND"] {
        let from = Origin { request_id, ..origin("203.0.113.1") };
        assert!(world.access.authenticate_bearer(from, &token).await.is_err());
    }
    let id = key.view.key.id;
    let latest = async |word: &str, network: &str| {
        world.control.latest_attempt(&world.admin, id, word, network).await.unwrap()
    };
    assert_eq!(latest("key_network", "203.0.113.1").await.as_deref(), Some("SECOND"));
    assert_eq!(latest("key_network", "203.0.0.0/16").await.as_deref(), Some("SECOND"));
    assert_eq!(latest("key_network", "198.51.100.1").await, None);
    assert_eq!(latest("key_expired", "203.0.113.1").await, None);
    assert_eq!(latest("key_network", "nonsense").await, None);
    // Whose key it is sees it too, and that of nobody else.
    world.access.flush(&world.system).await.unwrap();
    let me = world.access.oneself(&who).unwrap();
    let own = world.control.attempts_with_own_key(&me, id).await.unwrap();
    assert_eq!(own[0].key.owner.as_deref(), Some("ada"));
    let other = world.key(|_| ()).await.view.key.id;
    let refused = world.control.attempts_with_own_key(&me, other).await;
    assert!(matches!(refused, Err(ControlError::NotFound)));
}
