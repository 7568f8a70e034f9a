//! Tokens that are claimed once, and passwords that are changed.

use portcullis_domain::{SessionId, UserId};
use portcullis_metadata::MetadataErrorKind;

use crate::world::{World, at, new_storage, new_user, session};

pub(crate) async fn a_token_is_claimed_once_on_all_nodes(world: &World) {
    let metadata = world.open().await;
    let other = world.open().await;
    let (one, two) = ([1; 32], [2; 32]);
    assert!(metadata.claim_once(&one, at(0)).await.unwrap());
    assert!(!metadata.claim_once(&one, at(1)).await.unwrap());
    assert!(!other.claim_once(&one, at(1)).await.unwrap());
    assert!(other.claim_once(&two, at(5)).await.unwrap());
    let claims = (0..8).map(|n| {
        let node = if n % 2 == 0 { metadata.clone() } else { other.clone() };
        async move { node.claim_once(&[3; 32], at(6)).await.unwrap() }
    });
    let won = futures_util::future::join_all(claims).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");

    // A claim is forgotten after its time, not at it.
    assert_eq!(metadata.purge_once(at(0)).await.unwrap(), 0);
    assert!(!metadata.claim_once(&one, at(7)).await.unwrap(), "asking again is no new claim");
    assert_eq!(metadata.purge_once(at(5)).await.unwrap(), 1);
    assert!(metadata.claim_once(&one, at(8)).await.unwrap());
    assert!(!metadata.claim_once(&two, at(8)).await.unwrap());
    other.close().await;
}

pub(crate) async fn a_changed_password_ends_the_other_sessions(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let ada = metadata.create_user(new_user(site.id, "ada")).await.unwrap();
    let (own, elsewhere, hers) =
        (session(admin.id, 1, 100), session(admin.id, 2, 100), session(ada.id, 3, 100));
    for session in [&own, &elsewhere, &hers] {
        metadata.create_session(session, None).await.unwrap();
    }
    let seen = metadata.latest_change().await.unwrap();
    assert_eq!(metadata.change_password(admin.id, "$argon2id$new", own.id).await.unwrap(), 1);
    assert_eq!(metadata.sessions_of(admin.id).await.unwrap(), std::slice::from_ref(&own));
    assert_eq!(metadata.sessions_of(ada.id).await.unwrap(), [hers]);
    let phc = async |user| metadata.login_of(user).await.unwrap().unwrap().password_phc.unwrap();
    assert_eq!(phc(admin.id).await, "$argon2id$new");
    assert_ne!(phc(ada.id).await, "$argon2id$new");
    let changes = metadata.changes_after(seen, 10).await.unwrap();
    let ids: Vec<String> = changes.into_iter().map(|change| change.id).collect();
    assert_eq!(ids, [admin.id.to_string(), elsewhere.id.to_string()]);
    let unknown = metadata.change_password(UserId::generate(), "x", own.id).await.unwrap_err();
    assert_eq!(unknown.kind, MetadataErrorKind::NotFound);
    assert_eq!(metadata.sessions_of(admin.id).await.unwrap(), [own], "what was refused ended nothing");
}

pub(crate) async fn a_printed_password_is_remembered_until_it_is_changed(world: &World) {
    let (metadata, site, admin) = world.home().await;
    let ada = metadata.create_user(new_user(site.id, "ada")).await.unwrap();
    let printed = async |user| metadata.password_printed(user).await.unwrap();
    assert!(!printed(admin.id).await && !printed(UserId::generate()).await);
    metadata.set_password_printed(admin.id, true).await.unwrap();
    metadata.set_password_printed(UserId::generate(), true).await.unwrap();
    assert!(printed(admin.id).await && !printed(ada.id).await);
    metadata.set_password_printed(admin.id, false).await.unwrap();
    assert!(!printed(admin.id).await);
    metadata.set_password_printed(admin.id, true).await.unwrap();
    metadata.set_password(admin.id, "$argon2id$new").await.unwrap();
    assert!(!printed(admin.id).await, "another password was not printed");
    metadata.set_password_printed(admin.id, true).await.unwrap();
    metadata.change_password(admin.id, "$argon2id$newer", SessionId::generate()).await.unwrap();
    assert!(!printed(admin.id).await);
}

pub(crate) async fn the_next_number_is_the_one_that_is_given(world: &World) {
    let (metadata, _, admin) = world.home().await;
    for _ in 0..3 {
        let next = metadata.next_storage_number().await.unwrap();
        assert_eq!(metadata.create_storage(new_storage(&admin, "files")).await.unwrap().number, next);
    }
    assert_eq!(metadata.next_storage_number().await.unwrap(), 4, "asking takes none");
}
