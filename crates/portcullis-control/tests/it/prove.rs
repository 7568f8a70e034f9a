//! Keys that are proved: what is seen is what the settings promise, over the real S3 service and at the policy.

use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_access::{Get, GetOptions, Put, PutOptions};
use portcullis_control::{
    Act, Control, ControlError, CreatedKey, KeyChange, KeyDraft, KeyProof, LEFT_BEHIND, NetworkDraft,
    ProofDraft, S3Door, S3Reply, ScopeDraft, SeenOfProof as Seen, SignedS3, StorageChange,
};
use portcullis_domain::{Role, Storage};
use portcullis_s3::{Config, Indoors, Request};

use crate::sharing::object;
use crate::world::World;

/// The S3 service itself, without a socket.
#[derive(Debug)]
struct Within(Indoors);

#[async_trait]
impl S3Door for Within {
    async fn call(&self, from: IpAddr, request: SignedS3) -> Option<S3Reply> {
        let mut built = Request::builder().method(request.method).uri(&request.target);
        for (name, value) in &request.headers {
            built = built.header(*name, value);
        }
        let reply = self.0.call(from, built.body(request.body.into()).unwrap(), 64 << 10).await;
        let version = reply.headers().get("x-amz-version-id").map(|id| id.to_str().unwrap().to_owned());
        Some(S3Reply { status: reply.status().as_u16(), version, body: reply.body().to_vec() })
    }
}

struct Proving {
    world: World,
    control: Control,
    storage: Storage,
}

impl Proving {
    async fn new() -> Self {
        let world = World::new().await;
        let (storage, _other) = (world.storage("files").await, world.storage("others").await);
        let door = Indoors::new(Config::default(), world.access.clone());
        let control = world.control.clone().with_s3_door(Arc::new(Within(door)));
        Self { world, control, storage }
    }

    async fn key(&self, channel: &str, permission: &str, change: impl FnOnce(&mut KeyDraft)) -> CreatedKey {
        let of_storage = |draft: &mut KeyDraft| {
            draft.channel = channel.to_owned();
            draft.permission = permission.to_owned();
            draft.scope = ScopeDraft::Storage(self.storage.id.to_string());
            change(draft);
        };
        self.world.key(of_storage).await
    }

    async fn prove(&self, key: &CreatedKey, from: Option<&str>) -> KeyProof {
        let draft = ProofDraft { from: from.map(str::to_owned), storage: None };
        self.control.prove_key(&self.world.admin, key.view.key.id, &draft).await.unwrap()
    }

    /// Whether there is an object of that name.
    async fn holds(&self, name: &str) -> bool {
        let at =
            self.world.access.storage_by_id(self.world.admin.principal(), self.storage.id).await.unwrap();
        at.grant::<Get>(object(name)).unwrap().head(&GetOptions::default()).await.is_ok()
    }
}

/// What was seen, a letter for each step that was allowed, a dot for each that was refused.
fn seen(found: &KeyProof) -> String {
    let letter = |act| match act {
        Act::List => 'l',
        Act::Read => 'r',
        Act::Write => 'w',
        Act::Delete => 'd',
        Act::OtherBucket => 'o',
        Act::OutsidePrefix => 'p',
    };
    let steps = found.proof.steps.iter().map(|step| match step.seen {
        Seen::Allowed => letter(step.act),
        Seen::Refused => '.',
        Seen::Unclear => '?',
    });
    steps.collect()
}

fn office() -> Vec<NetworkDraft> {
    vec![NetworkDraft { network: "10.0.0.0/8".to_owned(), note: String::new() }]
}

#[tokio::test]
async fn each_permission_is_what_it_says() {
    let proving = Proving::new().await;
    for channel in ["s3", "rest"] {
        for (permission, expected) in
            [("read", "lr..."), ("write", "..w.."), ("read_write", "lrwd."), ("none", ".....")]
        {
            let key = proving.key(channel, permission, |_| ()).await;
            let found = proving.prove(&key, None).await;
            assert_eq!(seen(&found), expected, "{channel} {permission}: {:?}", found.proof);
            assert!(found.proof.is_as_promised(), "{channel} {permission}: {:?}", found.proof);
            assert_eq!(found.secret_tested, channel == "s3");
            assert_eq!(found.closed.is_some(), permission == "none");
            let stays = channel == "s3" && permission == "write";
            assert_eq!(found.proof.left_behind.is_some(), stays, "{channel} {permission}");
            assert!(found.proof.steps.iter().all(|step| step.status.is_some() == (channel == "s3")));
        }
    }
}

#[tokio::test]
async fn nothing_stays_that_can_be_taken_away() {
    let proving = Proving::new().await;
    let key = proving.key("s3", "read_write", |_| ()).await;
    let found = proving.prove(&key, None).await;
    assert_eq!(seen(&found), "lrwd.");
    assert!(!proving.holds(LEFT_BEHIND).await);
    let write = proving.key("s3", "write", |_| ()).await;
    assert_eq!(proving.prove(&write, None).await.proof.left_behind.as_deref(), Some(LEFT_BEHIND));
    assert!(proving.holds(LEFT_BEHIND).await);
    // What a proof left, another one takes away.
    proving.prove(&key, None).await;
    assert!(!proving.holds(LEFT_BEHIND).await);
    let rest = proving.key("rest", "read_write", |_| ()).await;
    assert!(proving.prove(&rest, None).await.proof.left_behind.is_none());
    assert!(!proving.holds(LEFT_BEHIND).await, "the policy is asked, nothing is written");
}

#[tokio::test]
async fn a_drop_box_writes_twice() {
    let proving = Proving::new().await;
    let key = proving.key("s3", "write", |draft| draft.overwrite = Some("create_only".to_owned())).await;
    for _ in 0..2 {
        let found = proving.prove(&key, None).await;
        assert_eq!((seen(&found).as_str(), found.proof.is_as_promised()), ("..w..", true));
    }
}

#[tokio::test]
async fn a_file_of_somebody_is_not_touched() {
    let proving = Proving::new().await;
    let at = proving
        .world
        .access
        .storage_by_id(proving.world.admin.principal(), proving.storage.id)
        .await
        .unwrap();
    let body = || portcullis_access::Body::Full("mine".into());
    at.grant::<Put>(object(LEFT_BEHIND)).unwrap().put(body(), PutOptions::default()).await.unwrap();
    let key = proving.key("s3", "read_write", |_| ()).await;
    let found = proving.prove(&key, None).await;
    assert_eq!(seen(&found), "lr??.");
    assert!(!found.proof.is_as_promised() && proving.holds(LEFT_BEHIND).await);
}

#[tokio::test]
async fn a_prefix_is_kept_to() {
    let proving = Proving::new().await;
    for channel in ["s3", "rest"] {
        let key = proving.key(channel, "read_write", |draft| draft.prefix = Some("a/b/".to_owned())).await;
        let found = proving.prove(&key, None).await;
        assert_eq!((seen(&found).as_str(), found.proof.is_as_promised()), ("lrwd..", true), "{channel}");
    }
}

#[tokio::test]
async fn networks_expiry_pauses_and_switches() {
    let proving = Proving::new().await;
    let (world, storage) = (&proving.world, &proving.storage);
    for channel in ["s3", "rest"] {
        let bound = proving.key(channel, "read_write", |draft| draft.networks = office()).await;
        let outside = proving.prove(&bound, None).await;
        assert_eq!((seen(&outside).as_str(), outside.proof.is_as_promised()), (".....", true));
        assert_eq!(outside.closed, Some("the key may not be used from this address"));
        let inside = proving.prove(&bound, Some("::ffff:10.1.2.3")).await;
        assert_eq!((seen(&inside).as_str(), inside.from.to_string().as_str()), ("lrwd.", "10.1.2.3"));
        let ends = world.clock_after(60);
        let ending = proving.key(channel, "read", |draft| draft.expires_at = Some(ends)).await;
        assert_eq!(seen(&proving.prove(&ending, None).await), "lr...");
        world.clock.advance(std::time::Duration::from_secs(60));
        let ended = proving.prove(&ending, None).await;
        assert_eq!((seen(&ended).as_str(), ended.closed), (".....", Some("the key has expired")));
        assert!(ended.proof.is_as_promised(), "{:?}", ended.proof);
    }
    let s3 = proving.key("s3", "read_write", |_| ()).await;
    let rest = proving.key("rest", "read_write", |_| ()).await;
    let off = StorageChange { s3_access: Some(false), ..StorageChange::default() };
    world.control.update_storage(&world.admin, storage.id, &off).await.unwrap();
    assert_eq!(seen(&proving.prove(&s3, None).await), ".....");
    assert_eq!(seen(&proving.prove(&rest, None).await), "lrwd.");
    let read = StorageChange {
        s3_access: Some(true),
        permission: Some("read".to_owned()),
        ..StorageChange::default()
    };
    world.control.update_storage(&world.admin, storage.id, &read).await.unwrap();
    for key in [&s3, &rest] {
        let found = proving.prove(key, None).await;
        assert_eq!((seen(&found).as_str(), found.proof.is_as_promised()), ("lr...", true));
    }
}

#[tokio::test]
async fn a_storage_that_is_switched_off_for_a_while() {
    let proving = Proving::new().await;
    let (world, id) = (&proving.world, proving.storage.id);
    let keys = [proving.key("s3", "read", |_| ()).await, proving.key("rest", "read", |_| ()).await];
    let before = world.metadata.storage(id).await.unwrap().unwrap();
    let until = Some(portcullis_domain::Clock::now(&*world.clock).after(std::time::Duration::from_secs(600)));
    let paused = Storage { paused_until: until, ..before.clone() };
    world.metadata.update_storage_if_same(&before, &paused).await.unwrap();
    world.access.applied(portcullis_access::Change::Storage(id)).await.unwrap();
    for key in &keys {
        let found = proving.prove(key, None).await;
        assert_eq!(
            (seen(&found).as_str(), found.closed),
            (".....", Some("the storage is switched off for a while"))
        );
        assert!(found.proof.is_as_promised());
    }
}

#[tokio::test]
async fn the_answers_are_those_of_the_protocol() {
    let proving = Proving::new().await;
    let key = proving.key("s3", "read", |_| ()).await;
    let found = proving.prove(&key, None).await;
    let told: Vec<_> = found
        .proof
        .steps
        .iter()
        .map(|step| (step.act.as_str(), step.status.unwrap(), step.code.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("list", 200, ""),
            ("read", 404, "NoSuchKey"),
            ("write", 403, "AccessDenied"),
            ("delete", 403, "AccessDenied"),
            ("other_bucket", 403, "AccessDenied"),
        ]
    );
    let rest = proving.key("rest", "read", |_| ()).await;
    let reasons: Vec<_> =
        proving.prove(&rest, None).await.proof.steps.into_iter().map(|step| step.code).collect();
    assert_eq!(reasons, ["", "", "key_permission", "key_permission", "out_of_scope"]);
    let trail = proving.world.trail().await;
    let proved = trail.iter().filter(|event| event.action == "prove_key").count();
    assert_eq!(proved, 2);
}

#[tokio::test]
async fn only_whoever_looks_after_a_key_proves_it() {
    let proving = Proving::new().await;
    let world = &proving.world;
    let key = proving.key("s3", "read", |_| ()).await;
    let id = key.view.key.id;
    let none = ProofDraft::default();
    let stranger = world.stranger().await;
    assert!(matches!(proving.control.prove_key(&stranger, id, &none).await, Err(ControlError::NotFound)));
    let bob = world.user(world.admin.site(), "bob", Role::Member).await;
    let me = world.access.oneself(&bob).unwrap();
    assert!(matches!(proving.control.prove_own_key(&me, id, &none).await, Err(ControlError::NotFound)));
    let wrong = ProofDraft { from: Some("here".to_owned()), storage: None };
    assert_eq!(crate::world::fields(proving.control.prove_key(&world.admin, id, &wrong).await), ["from"]);
}

#[tokio::test]
async fn a_members_key_reaches_what_was_shared() {
    let proving = Proving::new().await;
    let world = &proving.world;
    let (bob, bob_id) = world.member("bob").await;
    let me = world.access.oneself(&bob).unwrap();
    let key = world
        .key(|draft| {
            draft.channel = "s3".to_owned();
            draft.scope = ScopeDraft::User(bob_id.to_string());
            draft.permission = "read_write".to_owned();
        })
        .await;
    let id = key.view.key.id;
    let nothing = proving.control.prove_own_key(&me, id, &ProofDraft::default()).await;
    assert_eq!(crate::world::fields(nothing), ["storage"]);
    world.share(&proving.storage, crate::sharing::with_user(bob_id), "a/", "read").await;
    let found = proving.control.prove_own_key(&me, id, &ProofDraft::default()).await.unwrap();
    assert_eq!((seen(&found).as_str(), found.proof.is_as_promised()), ("lr....", true), "{:?}", found.proof);
    let others = world.storage("third").await;
    let elsewhere = ProofDraft { storage: Some(others.id.to_string()), from: None };
    assert_eq!(crate::world::fields(proving.control.prove_own_key(&me, id, &elsewhere).await), ["storage"]);
    let by_admin = proving.control.prove_key(&world.admin, id, &elsewhere).await.unwrap();
    assert_eq!((seen(&by_admin).as_str(), by_admin.proof.is_as_promised()), (".....", true));
    let change = KeyChange { permission: Some("none".to_owned()), ..KeyChange::default() };
    world.control.update_key(&world.admin, id, &change).await.unwrap();
    assert_eq!(seen(&proving.prove(&key, None).await), "......");
}
