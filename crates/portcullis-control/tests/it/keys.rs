//! Keys: rotating them, and those of one storage.

use std::time::Duration;

use portcullis_access::{AccessError, Denial};
use portcullis_control::{ControlError, KeyChange, KeyStatus, NetworkDraft, Rotation, ScopeDraft};
use portcullis_domain::{Clock as _, KeyId, StorageId};

use crate::world::{World, fields, problems};

#[tokio::test]
async fn a_rotation_changes_the_credentials_and_nothing_else() {
    let world = World::new().await;
    let storage = world.storage("NAS").await;
    let made = world
        .key(|draft| {
            draft.name = "nightly".to_owned();
            draft.scope = ScopeDraft::Storage(storage.id.to_string());
            draft.permission = "write".to_owned();
            draft.overwrite = Some("create_only".to_owned());
            let network = "192.0.2.0/24".to_owned();
            draft.networks = vec![NetworkDraft { network, note: "office".to_owned() }];
            draft.prefix = Some("in/".to_owned());
            draft.expires_at = Some("2027-03-01T00:00:00Z".to_owned());
        })
        .await;
    let before = made.view.key.clone();
    assert!(world.bearer(&made).await.is_ok());
    world.clock.advance(Duration::from_secs(60));
    let rotated = world.control.rotate_key(&world.admin, before.id, &Rotation::default()).await.unwrap();
    let after = rotated.view.key.clone();
    assert_ne!(after.credential, before.credential);
    assert!(rotated.secret != made.secret);
    assert_eq!(after.generation, 1);
    let (credential, generation) = (before.credential, before.generation);
    assert_eq!(portcullis_domain::Key { credential, generation, ..after.clone() }, before);
    assert_eq!(rotated.storage.as_ref().map(|storage| storage.id), Some(storage.id));
    assert_eq!(world.control.key(&world.admin, before.id).await.unwrap().key, after);
    assert!(world.bearer(&rotated).await.is_ok());
    let refused = world.bearer(&made).await.unwrap_err();
    assert!(matches!(refused, AccessError::Denied(Denial::BadSecret)), "{refused:?}");

    let trail = world.trail().await;
    let deed = trail.iter().find(|event| event.action == "rotate_key").unwrap();
    let told = format!("nightly ({} is now {})", before.credential, after.credential);
    assert_eq!((deed.key, deed.storage), (Some(before.id), Some(storage.id)));
    assert_eq!(
        (deed.object.as_deref(), deed.allowed, deed.actor.as_str()),
        (Some(&*told), true, "user:admin")
    );
    let knocked = trail.iter().find(|event| event.reason == "old_secret").unwrap();
    assert_eq!(knocked.key, Some(before.id), "who knocked is known");
    // A second time, from where it is now.
    let plain = Rotation { overlap_seconds: Some(0), ..Rotation::default() };
    let again = world.control.rotate_key(&world.admin, before.id, &plain).await;
    assert!(world.bearer(&rotated).await.is_err() && world.bearer(&again.unwrap()).await.is_ok());
}

#[tokio::test]
async fn what_cannot_be_rotated() {
    let world = World::new().await;
    let made = world.key(|_| {}).await;
    let id = made.view.key.id;
    let rotate = async |id: KeyId| world.control.rotate_key(&world.admin, id, &Rotation::default()).await;
    let wrong = Rotation {
        overlap_seconds: Some(30 * 86_400 + 1),
        reason: Some("because".to_owned()),
        ..Rotation::default()
    };
    let told = problems(world.control.rotate_key(&world.admin, id, &wrong).await);
    assert_eq!((told[0].0.as_str(), told[1].0.as_str()), ("overlap_seconds", "reason"));
    assert!(told[0].1.contains("30 days") && told[1].1.contains("security_incident"), "{told:?}");
    let stranger = world.stranger().await;
    let theirs = world.control.rotate_key(&stranger, id, &Rotation::default()).await;
    assert!(matches!(theirs, Err(ControlError::NotFound)));
    assert!(matches!(rotate(KeyId::generate()).await, Err(ControlError::NotFound)));
    assert!(world.bearer(&made).await.is_ok(), "nothing happened to it");
    world.control.delete_key(&world.admin, id).await.unwrap();
    assert!(matches!(rotate(id).await, Err(ControlError::NotFound)));
}

#[tokio::test]
async fn a_rotation_switches_nothing_on_and_widens_nobody() {
    let world = World::new().await;
    let off = world.key(|draft| draft.permission = "none".to_owned()).await;
    let rotated =
        world.control.rotate_key(&world.admin, off.view.key.id, &Rotation::default()).await.unwrap();
    assert_eq!(rotated.view.status, KeyStatus::Disabled);
    assert!(world.bearer(&rotated).await.is_err());

    // Who rotates a key holds it afterwards: a key for one network may not get at one for any.
    let wide = world.key(|_| {}).await;
    let network = || vec![NetworkDraft { network: "192.0.2.0/24".to_owned(), note: String::new() }];
    let narrow = world.key(|draft| draft.networks = network()).await;
    let who = world.access.admin(&world.bearer(&narrow).await.unwrap()).unwrap();
    let refused = world.control.rotate_key(&who, wide.view.key.id, &Rotation::default()).await;
    assert_eq!(fields(refused), ["networks"]);
    assert!(world.bearer(&wide).await.is_ok());
    let denied = world.trail().await.into_iter().find(|event| event.reason == "wider_than_own").unwrap();
    assert_eq!((denied.action.as_str(), denied.key), ("rotate_key", Some(wide.view.key.id)));
    let change = KeyChange { networks: Some(network()), ..KeyChange::default() };
    world.control.update_key(&world.admin, wide.view.key.id, &change).await.unwrap();
    assert!(world.control.rotate_key(&who, wide.view.key.id, &Rotation::default()).await.is_ok());
}

#[tokio::test]
async fn the_keys_of_a_storage_with_their_last_use() {
    let world = World::new().await;
    let (nas, other) = (world.storage("NAS").await, world.storage("other").await);
    let on = async |storage: StorageId, channel: &str, name: &str| {
        let made = world.key(|draft| {
            draft.name = name.to_owned();
            draft.channel = channel.to_owned();
            draft.scope = ScopeDraft::Storage(storage.to_string());
            draft.permission = "read".to_owned();
        });
        made.await
    };
    on(nas.id, "s3", "first").await;
    let rest = on(nas.id, "rest", "rest").await;
    on(other.id, "s3", "elsewhere").await;
    on(nas.id, "s3", "second").await;
    let page = world.control.keys_of_storage(&world.admin, nas.id).await.unwrap();
    let names: Vec<_> = page.items.iter().map(|view| view.key.name.to_string()).collect();
    assert_eq!((names.as_slice(), page.next), (&["first".to_owned(), "second".to_owned()][..], None));
    let stranger = world.stranger().await;
    for (admin, id) in [(&world.admin, StorageId::generate()), (&stranger, nas.id)] {
        assert!(matches!(world.control.keys_of_storage(admin, id).await, Err(ControlError::NotFound)));
    }

    // A use shows in the very next look, in every view.
    let who = world.bearer(&rest).await.unwrap();
    let at = world.access.storage_by_id(&who, nas.id).await.unwrap();
    drop(at.grant::<portcullis_access::List>(portcullis_domain::KeyPrefix::default()).unwrap());
    let view = world.control.key(&world.admin, rest.view.key.id).await.unwrap();
    assert_eq!(view.last_used.unwrap().at, world.clock.now());
}

#[tokio::test]
async fn the_bucket_name_is_shown_beforehand() {
    let world = World::new().await;
    let preview = async |name: &str, label: Option<&str>| {
        world.control.preview_bucket_name(&world.admin, name, label).await
    };
    let shown = preview("NAS Backup", None).await.unwrap();
    assert_eq!(shown.pattern, "usr-10001-itm-#####-nas-backup");
    assert!(shown.label_from_name);
    assert_eq!(world.storage("NAS Backup").await.bucket, shown.bucket, "as nobody came between");
    let shown = preview("NAS Backup", Some("office")).await.unwrap();
    assert_eq!(
        (shown.bucket.to_string().as_str(), shown.label_from_name),
        ("usr-10001-itm-00002-office", false)
    );
    assert_eq!(preview("NAS Backup", Some("")).await.unwrap().label.as_str(), "nas-backup");
    assert_eq!(
        preview("NAS Backup", Some("")).await.unwrap().bucket.as_str(),
        "usr-10001-itm-00002-nas-backup"
    );
    for (name, label, wanted) in [
        ("", None, vec!["name"]),
        ("", Some("Not DNS"), vec!["name", "label"]),
        ("x", Some("-a"), vec!["label"]),
        ("x", Some(&*"a".repeat(41)), vec!["label"]),
    ] {
        assert_eq!(fields(preview(name, label).await), wanted, "{name} {label:?}");
    }
}
