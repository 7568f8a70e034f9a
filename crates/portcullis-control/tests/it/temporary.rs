//! Temporary credentials: who makes them, of what, and how much they may ask for.

use std::time::Duration;

use portcullis_access::{AccessError, Origin};
use portcullis_control::{
    ControlError, CreatedKey, GrantDraft, GranteeDraft, KeyChange, KeyDraft, NetworkDraft, Rotation,
    ScopeDraft, TemporaryCredentials, TemporaryDraft,
};
use portcullis_domain::{Channel, Role, Storage};
use portcullis_sigv4::{AmzDate, Payload, RawRequest, Signer, parse};

use crate::world::{World, fields};

async fn s3_key(world: &World, storage: &Storage, change: impl FnOnce(&mut KeyDraft)) -> CreatedKey {
    world
        .key(|draft| {
            draft.channel = "s3".to_owned();
            draft.scope = ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "read_write".to_owned();
            change(draft);
        })
        .await
}

fn network(text: &str) -> Vec<NetworkDraft> {
    vec![NetworkDraft { network: text.to_owned(), note: String::new() }]
}

/// What becomes of a request that is signed with these.
fn sends(world: &World, made: &TemporaryCredentials) -> Result<(), AccessError> {
    let date = AmzDate::from_unix(world.access.now().seconds()).unwrap();
    let signer =
        Signer::new(made.access_key.as_str(), made.secret.reveal().as_bytes(), "us-east-1", &date).unwrap();
    let token = made.session_token.reveal();
    let headers = [("host", b"s3.test".as_slice()), ("x-amz-security-token", token.as_bytes())];
    let request = RawRequest { method: "GET", path: "/", query: None, headers: &headers };
    let signed = signer.sign(&request, &date, Payload::Unsigned).unwrap();
    let sent = [
        headers[0],
        headers[1],
        ("x-amz-date", signed.date.as_bytes()),
        ("x-amz-content-sha256", signed.content_sha256.as_bytes()),
        ("authorization", signed.authorization.as_bytes()),
    ];
    let request = RawRequest { headers: &sent, ..request };
    let presented = parse(&request).unwrap().unwrap();
    let peer = "192.0.2.1".parse().unwrap();
    let origin = Origin { channel: Channel::S3, peer, request_id: "REQ1", tool: "test/1", line: None };
    world.access.authenticate_sigv4(origin, &presented, Some(token)).map(drop)
}

#[tokio::test]
async fn they_live_as_long_as_they_are_told_and_no_longer_than_their_key() {
    let world = World::new().await;
    let nas = world.storage("NAS").await;
    let key = s3_key(&world, &nas, |_| ()).await;
    let id = key.view.key.id;
    let make =
        async |draft: TemporaryDraft| world.control.temporary_credentials(&world.admin, id, &draft).await;
    let minute = TemporaryDraft { duration_seconds: Some(60), ..TemporaryDraft::default() };
    let short = make(minute.clone()).await.unwrap();
    let usual = make(TemporaryDraft::default()).await.unwrap();
    assert_eq!(usual.expires, world.access.now().after(Duration::from_secs(3_600)));
    assert_eq!(usual.storage.as_ref().map(|storage| storage.id), Some(nas.id));
    assert_eq!(usual.permission.as_str(), "read_write");
    assert_ne!(usual.access_key, key.view.key.credential);
    assert!(sends(&world, &short).is_ok() && sends(&world, &usual).is_ok());
    world.clock.advance(Duration::from_secs(60));
    assert!(sends(&world, &short).is_err() && sends(&world, &usual).is_ok());
    // What becomes of the key becomes of them.
    let turn =
        |permission: &str| KeyChange { permission: Some(permission.to_owned()), ..KeyChange::default() };
    world.control.update_key(&world.admin, id, &turn("none")).await.unwrap();
    assert!(sends(&world, &usual).is_err());
    world.control.update_key(&world.admin, id, &turn("read")).await.unwrap();
    assert!(sends(&world, &usual).is_ok());
    world.control.rotate_key(&world.admin, id, &Rotation::default()).await.unwrap();
    assert!(
        sends(&world, &usual).is_err(),
        "given new credentials, the old ones end and all that came of them"
    );
    let again = make(minute.clone()).await.unwrap();
    assert!(sends(&world, &again).is_ok());
    world.control.delete_key(&world.admin, id).await.unwrap();
    assert!(sends(&world, &again).is_err());
    assert!(matches!(make(minute).await, Err(ControlError::NotFound)));

    let deed =
        world.trail().await.into_iter().rfind(|event| event.action == "temporary_credentials").unwrap();
    assert_eq!((deed.key, deed.storage, deed.actor.as_str()), (Some(id), Some(nas.id), "user:admin"));
    let told = deed.object.unwrap();
    assert!(told.contains(short.access_key.as_str()) && !told.contains(short.secret.reveal()), "{told}");
}

#[tokio::test]
async fn they_are_never_more_than_their_key() {
    let world = World::new().await;
    let (nas, other) = (world.storage("NAS").await, world.storage("other").await);
    let key = s3_key(&world, &nas, |draft| {
        draft.permission = "read".to_owned();
        draft.prefix = Some("in/".to_owned());
        draft.networks = network("192.0.2.0/24");
        draft.expires_at = Some("2027-01-31T18:10:00Z".to_owned());
    })
    .await;
    let make = async |draft: TemporaryDraft| {
        world.control.temporary_credentials(&world.admin, key.view.key.id, &draft).await
    };
    let wide = TemporaryDraft {
        permission: Some("read_write".to_owned()),
        prefix: Some("out/".to_owned()),
        networks: network("203.0.113.0/24"),
        ..TemporaryDraft::default()
    };
    assert_eq!(fields(make(wide).await), ["permission", "prefix", "networks"]);
    let elsewhere = TemporaryDraft { storage: Some(other.id.to_string()), ..TemporaryDraft::default() };
    assert_eq!(fields(make(elsewhere).await), ["storage"]);
    for seconds in [0, 59, 43_201] {
        let draft = TemporaryDraft { duration_seconds: Some(seconds), ..TemporaryDraft::default() };
        assert_eq!(fields(make(draft).await), ["duration_seconds"]);
    }
    let narrow = TemporaryDraft {
        storage: Some(nas.id.to_string()),
        permission: Some("read".to_owned()),
        prefix: Some("in/2027/".to_owned()),
        networks: network("192.0.2.1"),
        duration_seconds: Some(43_200),
    };
    let made = make(narrow).await.unwrap();
    assert_eq!(made.expires.to_string(), "2027-01-31T18:10:00Z", "the end of the key");
    assert_eq!(made.prefix.as_str(), "in/2027/");
    let plain = make(TemporaryDraft::default()).await.unwrap();
    assert_eq!(plain.prefix.as_str(), "in/");
}

#[tokio::test]
async fn of_what_there_are_none() {
    let world = World::new().await;
    let nas = world.storage("NAS").await;
    let make =
        async |id| world.control.temporary_credentials(&world.admin, id, &TemporaryDraft::default()).await;
    let rest = world.key(|_| ()).await.view.key.id;
    assert_eq!(fields(make(rest).await), ["id"]);
    let off = s3_key(&world, &nas, |draft| draft.permission = "none".to_owned()).await.view.key.id;
    assert_eq!(fields(make(off).await), ["id"]);
    let ended =
        s3_key(&world, &nas, |draft| draft.expires_at = Some("2027-01-31T18:00:01Z".to_owned())).await;
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(fields(make(ended.view.key.id).await), ["id"]);
    // A key of another site is as good as none.
    let works = s3_key(&world, &nas, |_| ()).await.view.key.id;
    let stranger = world.stranger().await;
    let theirs = world.control.temporary_credentials(&stranger, works, &TemporaryDraft::default()).await;
    assert!(matches!(theirs, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn a_key_gives_no_more_than_it_has_itself() {
    let world = World::new().await;
    let nas = world.storage("NAS").await;
    let wide = s3_key(&world, &nas, |_| ()).await.view.key.id;
    let narrow = world.key(|draft| draft.networks = network("192.0.2.0/24")).await;
    let who = world.access.admin(&world.bearer(&narrow).await.unwrap()).unwrap();
    let refused = world.control.temporary_credentials(&who, wide, &TemporaryDraft::default()).await;
    assert_eq!(fields(refused), ["networks"]);
    let draft = TemporaryDraft { networks: network("192.0.2.7"), ..TemporaryDraft::default() };
    assert!(world.control.temporary_credentials(&who, wide, &draft).await.is_ok());
}

#[tokio::test]
async fn people_make_them_of_their_own_keys() {
    let world = World::new().await;
    let (nas, other) = (world.storage("NAS").await, world.storage("other").await);
    let bob = world.user(world.admin.site(), "bob", Role::Member).await;
    let ann = world.user(world.admin.site(), "ann", Role::Member).await;
    let (bob, ann) = (world.access.oneself(&bob).unwrap(), world.access.oneself(&ann).unwrap());
    let key = world
        .key(|draft| {
            draft.channel = "s3".to_owned();
            draft.scope = ScopeDraft::User(bob.user().to_string());
            draft.permission = "read".to_owned();
        })
        .await;
    let id = key.view.key.id;
    let control = &world.control;
    let made = control.own_temporary_credentials(&bob, id, &TemporaryDraft::default()).await.unwrap();
    assert!(made.storage.is_none() && sends(&world, &made).is_ok());
    let theirs = control.own_temporary_credentials(&ann, id, &TemporaryDraft::default()).await;
    assert!(matches!(theirs, Err(ControlError::NotFound)));
    // A storage that was not shared with them is as good as none; a prefix means nothing without one.
    let of = |storage: &Storage| TemporaryDraft {
        storage: Some(storage.id.to_string()),
        prefix: Some("in/".to_owned()),
        ..TemporaryDraft::default()
    };
    assert_eq!(fields(control.own_temporary_credentials(&bob, id, &of(&nas)).await), ["storage"]);
    let share = GrantDraft {
        storage: nas.id.to_string(),
        grantee: GranteeDraft::User(bob.user().to_string()),
        prefix: None,
        permission: "read".to_owned(),
    };
    control.create_grant(&world.admin, &share).await.unwrap();
    assert!(control.own_temporary_credentials(&bob, id, &of(&nas)).await.is_ok());
    assert_eq!(fields(control.own_temporary_credentials(&bob, id, &of(&other)).await), ["storage"]);
    let loose = TemporaryDraft { prefix: Some("in/".to_owned()), ..TemporaryDraft::default() };
    assert_eq!(fields(control.own_temporary_credentials(&bob, id, &loose).await), ["prefix"]);
    // An admin makes them of anybody's key, of any storage that its user reaches.
    assert!(control.temporary_credentials(&world.admin, id, &of(&nas)).await.is_ok());
    assert_eq!(fields(control.temporary_credentials(&world.admin, id, &of(&other)).await), ["storage"]);
}
